"""Digests of files of any size."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from pggit_excellence.errors import CommandError

CHUNK = 1 << 20


def file_digests(path: Path, algorithms: Sequence[str] = ("sha256",)) -> dict[str, bytes]:
    """The digests of a regular file, read once and in pieces; CommandError where it cannot be read."""
    hashes = {name: hashlib.new(name) for name in algorithms}
    try:
        # Opening a pipe would wait for its writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CommandError(f"{path}: not a regular file")
            while chunk := file.read(CHUNK):
                for each in hashes.values():
                    each.update(chunk)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # a NUL in the name
        raise CommandError(f"{str(path)!r}: {error}") from None
    return {name: each.digest() for name, each in hashes.items()}


def sha256(path: Path) -> bytes:
    """The SHA-256 of a file."""
    return file_digests(path)["sha256"]
