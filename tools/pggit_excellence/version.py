"""The version of this command line, which is that of the extension."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path


@cache
def version() -> str:
    """From the control file of the checkout that this runs from, else from the installed package."""
    control = Path(__file__).resolve().parents[2] / "pggit_excellence.control"
    if control.is_file():
        found = re.search(r"^default_version = '([^']*)'", control.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
    from importlib import metadata

    try:
        return metadata.version("pggit-excellence")
    except metadata.PackageNotFoundError:
        return "unknown"
