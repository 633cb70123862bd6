"""SHA-256 and SHA-512 of files, each read once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pggit_excellence.sbom.model import File, shown

_CHUNK = 2**20


def hash_file(path: Path, name: str) -> File:
    """The file with its hashes, under the name that the BOM gives it. OSError: it cannot be read."""
    sha256, sha512 = hashlib.sha256(), hashlib.sha512()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            sha512.update(chunk)
    return File(shown(name), sha256.hexdigest(), sha512.hexdigest())


def listing_hashes(files: Iterable[File]) -> tuple[tuple[str, str], ...]:
    """Hashes of several files together: of what `sha256sum` (`sha512sum`) prints of them, by name in byte order."""
    ordered = sorted(files, key=lambda file: file.name.encode())
    return (
        ("SHA-256", hashlib.sha256("".join(f"{f.sha256}  {f.name}\n" for f in ordered).encode()).hexdigest()),
        ("SHA-512", hashlib.sha512("".join(f"{f.sha512}  {f.name}\n" for f in ordered).encode()).hexdigest()),
    )
