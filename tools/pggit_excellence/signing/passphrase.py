"""Where the passphrase of a private key comes from: a file descriptor, the environment, a terminal."""

from __future__ import annotations

import getpass
import os
import sys

from pggit_excellence.errors import CommandError

# cosign's own name, so that one setting serves both.
VARIABLE = "COSIGN_PASSWORD"
LONGEST = 4096


def passphrase(descriptor: int | None, what: str, *, new: bool = False) -> bytes:
    """From the descriptor, else the environment, else asked for in a terminal (twice where it is new).

    Never from the command line, which every user of the machine can read.
    """
    if descriptor is not None:
        return _from_descriptor(descriptor)
    if VARIABLE in os.environ:
        return os.environb[VARIABLE.encode()]
    if sys.stdin is not None and sys.stdin.isatty():
        typed = getpass.getpass(f"Passphrase of {what}: ")
        if new and getpass.getpass("Once more: ") != typed:
            raise CommandError("the two passphrases differ")
        return typed.encode()
    raise CommandError(f"{what}: needs a passphrase; set {VARIABLE}, or give --passphrase-fd N")


def _from_descriptor(descriptor: int) -> bytes:
    """The first line that can be read there."""
    content = b""
    try:
        while len(content) <= LONGEST and b"\n" not in content and (read := os.read(descriptor, LONGEST)):
            content += read
    except OSError as error:
        raise CommandError(f"--passphrase-fd {descriptor}: {error.strerror}") from None
    line = content.split(b"\n", 1)[0]
    if len(line) > LONGEST:
        raise CommandError(f"--passphrase-fd {descriptor}: longer than {LONGEST} bytes")
    return line
