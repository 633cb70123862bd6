"""`tools/run dist`: the PGXN zip, byte-identical whoever makes it.

It holds every tracked file as it is in the working tree, META.json and the assembled scripts, so that installing from
it needs make and PostgreSQL's build files only.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from assemble import BuildError, scripts, version
from meta import meta

ROOT = Path(__file__).resolve().parents[2]
# Times in the zip: what is built is newer than its sources, for make. Zip cannot say less than two seconds.
TRACKED = (2000, 1, 1, 0, 0, 0)
BUILT = (2000, 1, 1, 0, 0, 2)


def tracked_files(root: Path) -> list[str]:
    """What git knows, in byte order."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"the files of the zip come from git: {done.stderr.decode().strip()}")
    return sorted((name for name in done.stdout.decode().split("\0") if name), key=str.encode)


def add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644, *, built: bool = True) -> None:
    """One file under its name, with nothing of this machine."""
    info = zipfile.ZipInfo(name, BUILT if built else TRACKED)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, so that the mode counts
    info.external_attr = (0o100000 | mode) << 16
    archive.writestr(info, content)


def make_dist(root: Path, folder: Path) -> Path:
    """Write the zip into `folder`; returns its path."""
    name = f"pggit_excellence-{version(root)}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in tracked_files(root):
            mode = 0o755 if (root / file).stat().st_mode & 0o100 else 0o644
            add(archive, f"{name}/{file}", (root / file).read_bytes(), mode, built=False)
        add(archive, f"{name}/META.json", meta(root).encode())
        for script, text in scripts(root).items():
            add(archive, f"{name}/build/{script}", text.encode())
        add(archive, f"{name}/build/.assembled", stamp(root).encode())
    return path


def stamp(root: Path) -> str:
    """What the Makefile writes when it has assembled the scripts: the names of their sources."""
    make = ["make", "--silent", "--no-print-directory", "print-sources"]
    return subprocess.run(make, cwd=root, capture_output=True, text=True, check=True).stdout


def main() -> int:
    """Make it in dist/ and say where it is."""
    try:
        print(make_dist(ROOT, ROOT / "dist").relative_to(ROOT))
    except (BuildError, OSError) as error:
        print(f"dist: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
