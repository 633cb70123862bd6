"""`tools/run sbom`: write SBOM.json anew, from the tracked files and the scripts that `make` assembles of them.

A test compares. The time in it stays while nothing else changes, so running it again changes no byte.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from assemble import BuildError, scripts
from meta import meta
from pggit_excellence.files import write_atomically
from tasks.dist import tracked_files
from tasks.suites import ROOT

SBOM = ROOT / "SBOM.json"
# These say nothing of what is shipped, except whom to tell of a vulnerability.
IGNORED = ("SBOM.json", "docs/", ".github/", "tests/")
KEPT = "docs/security/"


def export(root: Path, folder: Path) -> None:
    """Copy what git knows of the tree and add what is built, as in the PGXN zip."""
    for name in tracked_files(root):
        if name.startswith(KEPT) or not name.startswith(IGNORED):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, folder / name)
    (folder / "META.json").write_text(meta(root), encoding="utf-8")
    (folder / "build").mkdir(exist_ok=True)
    for name, text in scripts(root).items():
        (folder / "build" / name).write_text(text, encoding="utf-8")


def generate(root: Path, epoch: int) -> bytes:
    """The BOM of the checkout, as of that time (seconds since 1970)."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "pggit_excellence"
        tree.mkdir()
        export(root, tree)
        output = Path(folder) / "SBOM.json"
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONPATH": str(ROOT / "tools")}
        command = [sys.executable, "-P", "-m", "pggit_excellence", "sbom", str(tree), "--output", str(output)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(done.stderr.strip())
        return output.read_bytes()


def fresh(root: Path, known: Path) -> bytes:
    """The BOM as it should be: with the time of the known one if that is all that would differ."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        moment = datetime.fromisoformat(json.loads(known.read_bytes())["metadata"]["timestamp"])
        same_time = generate(root, int(moment.timestamp()))
        if same_time == known.read_bytes():
            return same_time
    return generate(root, int(datetime.now(UTC).timestamp()))


def main() -> int:
    """Write it; 2 where that fails."""
    try:
        write_atomically(SBOM, fresh(ROOT, SBOM))
    except (BuildError, OSError) as error:
        print(f"sbom: {error}", file=sys.stderr)
        return 2
    print(SBOM.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
