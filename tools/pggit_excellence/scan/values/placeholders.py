"""What stands in the text of a routine that is made for what is filled in later.

A placeholder is four characters for private use, which every lexer takes for an identifier: its kind, then a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pggit_excellence.scan.values.abstract import Const, Hole, Origin, Place, Quoting, Source, Text, seq

_DIGIT, _BASE = 0xE100, 4096
MADE = "\ue003"  # kind of those in a statement that was written out to be read
OWNER = "what is filled in"  # the routine whose parameters these are
FOUND = re.compile("([\ue000-\ue003])([\ue100-\uf0ff]{3})")
_OF_STATEMENT = re.compile(f"{MADE}[\ue100-\uf0ff]{{3}}")


def placeholder(number: int, kind: str = MADE) -> str:
    """What stands for that number."""
    digits = (number // _BASE**2 % _BASE, number // _BASE % _BASE, number % _BASE)
    return kind + "".join(chr(_DIGIT + digit) for digit in digits)


def number_of(found: re.Match[str]) -> int:
    """The number of one that FOUND has found."""
    number = 0
    for digit in found.group(2):
        number = number * _BASE + ord(digit) - _DIGIT
    return number


def parameters(const: Const) -> Text:
    """A constant with parameters in the place of the placeholders of a statement: nothing is known of their text."""
    if MADE not in const.text:
        return const
    return seq(_parts(const))


def _parts(const: Const) -> Iterator[Text]:
    at = 0
    for found in _OF_STATEMENT.finditer(const.text):
        yield before(const, at, found.start())
        yield Hole(Quoting.RAW, Origin(Source.PARAMETER, found.group(), routine=OWNER), "text")
        at = found.end()
    yield Const(const.text[at:])


def before(const: Const, start: int, end: int) -> Const:
    """A part of the constant; what stands behind a placeholder is not where it is counted from the beginning."""
    place = const.place
    known = None if place is None or start else Place(place.file, place.start, place.start + end)
    return Const(const.text[start:end], known)
