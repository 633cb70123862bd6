#!/usr/bin/env python3
"""Print META.json: META.json.in with the control file's version, which PGXN wants as three numbers."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from assemble import ROOT, BuildError, version


def meta(root: Path = ROOT) -> str:
    """The text of META.json."""
    number = version(root)
    if not re.fullmatch(r"\d+\.\d+\.\d+", number):
        raise BuildError(f"PGXN wants a semantic version, the control file says {number!r}")
    text = (root / "META.json.in").read_text(encoding="utf-8").replace("@VERSION@", number)
    return json.dumps(json.loads(text), indent=2) + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(meta())
    except (BuildError, OSError, ValueError) as error:
        sys.exit(f"meta: {error}")
