"""Text that can be shown: names and file contents may hold escape sequences. And what to do where nothing can."""

import os
import sys


def printable(text: str, keep: str = "\n") -> str:
    r"""The text with characters that cannot be printed written as escapes (`\x1b`), but those to `keep`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def discard_output() -> None:
    """Nothing more goes to standard output; else the interpreter would try again, and fail, when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
