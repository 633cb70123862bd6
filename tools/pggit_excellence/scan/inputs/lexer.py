"""PostgreSQL's tokens, never failing: for text that libpg_query refuses, and where the exact extent of a token matters.

A quote or comment that nothing closes runs to the end of the text (`closed` is False). White space yields no token.
`standard_conforming_strings` is taken to be on, as in libpg_query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple


class Kind:
    """What a token is. Plain integers, as each token is asked for it: members of an Enum are found ten times slower."""

    WORD = 1  # an identifier or keyword without quotes
    QUOTED = 2  # "..." and U&"..."
    STRING = 3  # '...', also N'...', B'...', X'...' and U&'...'
    ESCAPE_STRING = 4  # E'...'
    DOLLAR = 5  # $tag$...$tag$
    PARAMETER = 6  # $1
    NUMBER = 7
    OPERATOR = 8  # also = and =>
    PUNCTUATION = 9  # ( ) [ ] , ; . : and :: := ..
    COMMENT = 10  # -- and /* */, which nest
    META = 11  # \... : no SQL, a command of psql up to the end of its line
    OTHER = 12  # one character that begins no token


class Token(NamedTuple):
    """Characters `start` to `end` (exclusive) of the text."""

    kind: int  # of Kind
    start: int
    end: int
    closed: bool = True


# What Token() does, at half the time.
_token = partial(tuple.__new__, Token)

# What a word begins with, what else is in it, and what else is in the tag of a dollar quote: letters, digits, _, $, and
# whatever is no ASCII. Written as what they are not: re takes milliseconds to compile a range over all of Unicode.
WORD_START = r"[^\x00-@\[-\^`{-\x7f]"
WORD_INSIDE = r"[^\x00-#%-/:-@\[-\^`{-\x7f]"
TAG_INSIDE = r"[^\x00-/:-@\[-\^`{-\x7f]"
_OPERATOR = r"~!@#^&|`?+\-*/%<>="
# In this order: the first that matches wins. What follows a closed quote is the same quote without its end.
_PATTERNS: tuple[tuple[int, str], ...] = (
    (Kind.WORD, f"{WORD_START}++(?!['&]){WORD_INSIDE}*+"),
    (Kind.PUNCTUATION, r"::|:=|\.\.|[()\[\],;:]|\.(?!\d)"),
    (Kind.ESCAPE_STRING, r"[eE]'(?:[^'\\]++|\\.|'')*+'"),
    (Kind.ESCAPE_STRING, r"[eE]'.*+"),
    (Kind.STRING, r"(?:[nNbBxX]|[uU]&)?'(?:[^']++|'')*+'"),
    (Kind.STRING, r"(?:[nNbBxX]|[uU]&)?'.*+"),
    (Kind.QUOTED, r'(?:[uU]&)?"(?:[^"]++|"")*+"'),
    (Kind.QUOTED, r'(?:[uU]&)?".*+'),
    (Kind.WORD, f"{WORD_START}{WORD_INSIDE}*+"),
    (Kind.NUMBER, r"0[xX][0-9A-Fa-f_]+|0[oObB][0-7_]+|(?:\d[\d_]*+(?:\.(?!\.)\d*+)?|\.\d++)(?:[eE][+-]?\d++)?"),
    (Kind.PARAMETER, r"\$\d++"),
    (Kind.DOLLAR, f"\\$(?:{WORD_START}{TAG_INSIDE}*+)?\\$"),
    (Kind.COMMENT, r"--[^\n\r]*+|/\*"),
    (Kind.OPERATOR, rf"(?:(?!--|/\*)[{_OPERATOR}])++"),
    (Kind.META, r"\\[^\n\r]*+"),
    (Kind.OTHER, r"."),
)
_SPACE = r"[ \t\n\r\f\v]*+"
_TOKEN = re.compile(_SPACE + "(?:" + "|".join(f"({pattern})" for _, pattern in _PATTERNS) + ")", re.DOTALL)
_KINDS = (Kind.OTHER, *(kind for kind, _ in _PATTERNS))
_COMMENT_EDGE = re.compile(r"/\*|\*/")
# An operator of several characters ends in + or - only if it has one of these.
_MAY_END_IN_SIGN = re.compile(r"[~!@#^&|`?%]")
_UNCLOSED = {index for index, (_, pattern) in enumerate(_PATTERNS, 1) if pattern.endswith(".*+")}
# What needs a second look; for every other kind the match is the token.
_SPECIAL = {i for i, kind in enumerate(_KINDS) if kind in {Kind.DOLLAR, Kind.COMMENT, Kind.OPERATOR}}


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of `text` from `start` to `end`, comments included."""
    return map(_token, plain_tokens(text, start, end))


def plain_tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, bool]]:
    """The same as plain tuples, for whoever reads much."""
    position, end = start, len(text) if end is None else end
    while position < end:
        for found in _TOKEN.finditer(text, position, end):
            index = found.lastindex or 0
            begin, position = found.span(index)
            if index not in _SPECIAL:
                yield _KINDS[index], begin, position, index not in _UNCLOSED
                continue
            matched = position
            position, closed = _finish(text, _KINDS[index], begin, matched, end)
            yield _KINDS[index], begin, position, closed
            if position != matched:
                break
        else:
            return


def _finish(text: str, kind: int, start: int, found: int, end: int) -> tuple[int, bool]:
    """Where a token of that kind ends whose pattern matched up to `found`, and whether it is closed."""
    if kind is Kind.DOLLAR:
        closing = text.find(text[start:found], found, end)
        return (end, False) if closing < 0 else (closing + found - start, True)
    if kind is Kind.COMMENT:
        return (found, True) if text[start] == "-" else _comment_end(text, found, end)
    return _operator_end(text, start, found), True


def _comment_end(text: str, inside: int, end: int) -> tuple[int, bool]:
    depth, position = 1, inside
    while depth:
        edge = _COMMENT_EDGE.search(text, position, end)
        if edge is None:
            return end, False
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position, True


def _operator_end(text: str, start: int, end: int) -> int:
    if end - start > 1 and text[end - 1] in "+-" and not _MAY_END_IN_SIGN.search(text, start, end):
        while end - start > 1 and text[end - 1] in "+-":
            end -= 1
    return end
