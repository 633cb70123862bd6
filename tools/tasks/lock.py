"""`tools/run lock`: write requirements.txt anew from pyproject.toml.

What pip chooses is installed into a virtual environment of its own, so that nothing of .venv decides; .venv itself is
renewed by the next run of tools/run, because the lock file changed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = "# Every Python package of .venv, pinned; written by tools/run lock.\n"


def resolve(folder: Path) -> str:
    """`name==version` of everything that the package with its development tools needs, sorted."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    subprocess.run([*pip, "install", *wanted], check=True)
    lines = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout.splitlines()
    return "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.split("==")[0].lower()))


def main() -> int:
    """Write the lock file; nothing is written when pip fails."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            pins = resolve(Path(folder) / "venv")
        except subprocess.CalledProcessError as error:
            print(f"lock: {' '.join(map(str, error.cmd))} failed", file=sys.stderr)
            return 2
    (ROOT / "requirements.txt").write_text(HEADER + pins, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
