"""Reading what a user named, and writing what others may be reading at that moment."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from pggit_excellence.errors import CommandError
from pggit_excellence.printable import printable

DEFAULT_LIMIT = 256 * 2**20


def said(path: Path | str, error: OSError | str) -> str:
    """`path: why`, in one line whatever the name holds."""
    why = error if isinstance(error, str) else (error.strerror or str(error)).lower()
    return f"{printable(str(path), keep='')}: {why}"


def read_limited(path: Path, limit: int = DEFAULT_LIMIT, what: str = "file") -> bytes:
    """The content of a regular file of at most `limit` bytes; `what` it should be is said where it is too large."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting, a device would never end
            raise CommandError(said(path, "not a regular file"))
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise CommandError(said(path, error if isinstance(error, OSError) else "no name of a file")) from None
    if len(content) > limit:
        raise CommandError(said(path, f"larger than {limit} bytes, which no {what} is"))
    return content


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file that others see whole or not at all: a temporary one beside it takes its name when it is on disk."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise CommandError(said(path, error)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        raise CommandError(said(path, error)) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
