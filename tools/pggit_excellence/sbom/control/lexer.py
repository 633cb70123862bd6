r"""The tokens of configuration files, as PostgreSQL's guc-file.l makes them.

Control files have the syntax of postgresql.conf. Of the patterns that match at a place the longest wins, and among
equally long ones the first in the list: `a.b` is a qualified name and no value, `1.0.1` is two numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a token is."""

    END_OF_LINE = 1
    NAME = 2
    QUALIFIED_NAME = 3
    STRING = 4
    UNQUOTED_STRING = 5
    INTEGER = 6
    REAL = 7
    EQUALS = 8
    ERROR = 9
    END_OF_FILE = 10


class Token(NamedTuple):
    """A token's text as it stands in the file, and the line that it is on, from 1."""

    kind: Kind
    text: bytes
    line: int


_LETTER = rb"[A-Za-z_\x80-\xff]"
_NAME = _LETTER + rb"[A-Za-z_0-9\x80-\xff]*"
_PATTERNS: tuple[tuple[Kind | None, re.Pattern[bytes]], ...] = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        (Kind.END_OF_LINE, rb"\n"),
        (None, rb"[ \t\r]+"),
        (None, rb"#[^\n]*"),
        (Kind.NAME, _NAME),
        (Kind.QUALIFIED_NAME, _NAME + rb"\." + _NAME),
        (Kind.STRING, rb"'(?:[^'\\\n]|\\[^\n]|'')*'"),
        (Kind.UNQUOTED_STRING, _LETTER + rb"[A-Za-z_0-9\x80-\xff\-._:/]*"),
        (Kind.INTEGER, rb"[-+]?(?:0x[0-9A-Fa-f]+|[0-9]+)[A-Za-z]*"),
        (Kind.REAL, rb"[-+]?[0-9]*\.[0-9]*(?:[Ee][-+]?[0-9]+)?"),
        (Kind.EQUALS, rb"="),
    )
)
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)|''", re.DOTALL)


def tokens(content: bytes) -> Iterator[Token]:
    """The tokens of a file; the last is END_OF_FILE."""
    position, line = 0, 1
    while position < len(content):
        kind, end = _longest(content, position)
        if kind is not None:
            yield Token(kind, content[position:end], line)
        line += kind is Kind.END_OF_LINE
        position = end
    yield Token(Kind.END_OF_FILE, b"", line)


def _longest(content: bytes, position: int) -> tuple[Kind | None, int]:
    """The kind (None: white space or a comment) and the end of the token that begins there."""
    best: Kind | None = Kind.ERROR
    end = position
    for kind, pattern in _PATTERNS:
        found = pattern.match(content, position)
        if found is not None and found.end() > end:
            best, end = kind, found.end()
    return best, max(end, position + 1)


def unquote(text: bytes) -> bytes:
    """What a quoted string says: escapes as in C, two quotes for one, and nothing behind a NUL.

    The server works on C strings, and drops what it takes for the closing quote: the last character, or where a NUL
    stands in the file, what is before that.
    """
    inner = text.split(b"\0", 1)[0][1:]
    return _ESCAPE.sub(_unescape, inner)[:-1].split(b"\0", 1)[0]


def _unescape(found: re.Match[bytes]) -> bytes:
    escaped: bytes | None = found[1]
    if escaped is None:
        return b"'"
    if escaped[:1] in b"01234567":
        return bytes([int(escaped, 8) & 0xFF])
    return _ESCAPES.get(escaped, escaped)
