"""Constants of SQL text: what they stand for, and which character of the file each of theirs is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from pggit_excellence.scan.inputs.lexer import Kind, Token
from pggit_excellence.scan.inputs.program import OffsetMap

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{1,3})|(.))|''", re.DOTALL)
_UNICODE_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|(\\))|''")
_DOUBLED = re.compile("''")
_SINGLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BREAK = re.compile(r"[\n\r]")


def read_string(text: str, tokens: Sequence[Token], index: int) -> tuple[str, OffsetMap, int] | None:
    """The string constant that begins with that token, those that continue it on other lines included.

    Returns what it stands for, the map of its characters to those of `text`, and the index of the token behind it;
    None where no string begins.
    """
    if index >= len(tokens) or not is_string(text, tokens[index]):
        return None
    parts, pieces, length, after = [], [], 0, index
    while after < len(tokens) and (after == index or _continues(text, tokens[after - 1], tokens[after])):
        for part, offset in _segments(text, tokens[after]):
            pieces.append((length, offset))
            parts.append(part)
            length += len(part)
        after += 1
    return "".join(parts), OffsetMap(tuple(pieces)), after


def is_string(text: str, token: Token) -> bool:
    """Whether the token is a string constant (B'' and X'' are bit strings)."""
    if token.kind is Kind.STRING:
        return text[token.start] not in "bBxX"
    return token.kind in {Kind.ESCAPE_STRING, Kind.DOLLAR}


def identifier(text: str, token: Token) -> str:
    """The name that a word or quoted identifier stands for."""
    written = text[token.start : token.end]
    if token.kind is Kind.WORD:
        return fold(written)
    opening = written.index('"')
    inside = written[opening + 1 : len(written) - 1 if token.closed else None].replace('""', '"')
    return inside if opening == 0 else _UNICODE_ESCAPE.sub(_unicode, inside)


def fold(code: str) -> str:
    """A name without quotes as the server folds it; also longer code: ASCII letters become small, each at its place."""
    if code.isascii():
        return code.lower()
    return code.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _continues(text: str, before: Token, token: Token) -> bool:
    """Whether the token goes on with the quoted string before it: only white space with a line break between."""
    if Kind.DOLLAR in {before.kind, token.kind} or token.kind is not Kind.STRING or text[token.start] != "'":
        return False
    between = text[before.end : token.start]
    return between.isspace() and bool(_BREAK.search(between))


def _segments(text: str, token: Token) -> Iterator[tuple[str, int]]:
    """Runs of the constant's characters, each with the offset in `text` of its first; at least one run."""
    start, end = token.start, token.end
    if token.kind is Kind.DOLLAR:
        tag = text.index("$", start + 1) + 1 - start
        yield text[start + tag : end - tag if token.closed else end], start + tag
        return
    opening = text.index("'", start)
    escapes, unescape = _escapes(text[start:opening].lower())
    position, end = opening + 1, end - 1 if token.closed else end
    for escape in escapes.finditer(text, position, end):
        if escape.start() > position:
            yield text[position : escape.start()], position
        yield unescape(escape), escape.start()
        position = escape.end()
    yield text[position:end], position


def _escapes(prefix: str) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]]:
    if prefix == "e":
        return _ESCAPE, _unescape
    return (_UNICODE_ESCAPE, _unicode) if prefix == "u&" else (_DOUBLED, lambda _: "'")


def _unescape(escape: re.Match[str]) -> str:
    hexadecimal, octal, other = escape[1] or escape[2] or escape[3], escape[4], escape[5]
    if hexadecimal is not None:
        return _character(int(hexadecimal, 16))
    if octal is not None:
        return _character(int(octal, 8) & 0xFF)
    return "'" if other is None else _SINGLE.get(other, other)


def _unicode(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2]
    if digits is not None:
        return _character(int(digits, 16))
    return "\\" if escape[3] else "'"


def _character(code: int) -> str:
    """The character; U+FFFD for what is none, and for the halves of a pair, whose length would not be kept."""
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"
