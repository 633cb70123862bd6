"""What a regular expression proves of a text that it matches: anchored classes of harmless characters, or nothing.

Only what is certain in PostgreSQL's advanced regular expressions is accepted: `^` and `$` (without the option n, which
the text itself cannot switch on, `$` matches at the very end alone), classes and characters that are word characters,
quantifiers, groups and alternatives. Anything else proves nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pggit_excellence.scan.values.abstract import Quoting

_DIGITS = frozenset("0123456789")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$")
_ESCAPES = {"d": _DIGITS, "w": _WORD - {"$"}}
_NAMED = {
    "[:digit:]": _DIGITS,
    "[:alpha:]": _WORD - _DIGITS - {"_", "$"},
    "[:alnum:]": _WORD - {"_", "$"},
    "[:upper:]": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "[:lower:]": frozenset("abcdefghijklmnopqrstuvwxyz"),
    "[:xdigit:]": frozenset("0123456789abcdefABCDEF"),
    "[:word:]": _WORD - {"$"},
}
_OPTIONAL = re.compile(r"[*?|]|\{0")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")


class _NotCertainError(Exception):
    """The pattern has something that is not understood here."""


@lru_cache(maxsize=256)
def proves(pattern: str) -> Quoting | None:
    """INERT for digits alone, WORD for word characters alone (beyond ASCII: letters), None for everything else."""
    try:
        reader = _Reader(pattern)
        characters = reader.whole()
    except _NotCertainError:
        return None
    if characters <= _DIGITS:
        return Quoting.INERT
    return Quoting.WORD if characters <= _WORD else None


class _Reader:
    """Collects every character that a matching text can contain."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def whole(self) -> frozenset[str]:
        """`^...$`; alternatives at the top level would be anchored on one side only."""
        self._expect("^")
        start = self.at
        found = self._sequence()
        self._expect("$")
        if self.at != len(self.pattern) or ("$" in found and not self._begins_with_letter(start)):
            raise _NotCertainError
        return found

    def _begins_with_letter(self, start: int) -> bool:
        """Whether a letter or _ comes first in any case: `$$` is a quote unless it stands inside of a name."""
        self.at = start
        first = self._atom()
        return not first & (_DIGITS | {"$"}) and not _OPTIONAL.match(self.pattern, self.at)

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _expect(self, text: str) -> None:
        if not self.pattern.startswith(text, self.at):
            raise _NotCertainError
        self.at += len(text)

    def _sequence(self) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        while self._peek() not in {"", ")", "|", "$"}:
            found |= self._atom()
            quantifier = _QUANTIFIER.match(self.pattern, self.at)
            if quantifier:
                self.at = quantifier.end()
        return found

    def _atom(self) -> frozenset[str]:
        character = self._peek()
        self.at += 1
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        if character in _WORD - {"$"}:
            return frozenset(character)
        raise _NotCertainError

    def _group(self) -> frozenset[str]:
        if self._peek() == "?":
            self._expect("?:")
        found = self._sequence()
        while self._peek() == "|":
            self.at += 1
            found |= self._sequence()
        self._expect(")")
        return found

    def _escape(self) -> frozenset[str]:
        name = self._peek()
        self.at += 1
        if name == "$":
            return frozenset("$")
        if name not in _ESCAPES:
            raise _NotCertainError
        return _ESCAPES[name]

    def _class(self) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        while self._peek() != "]":
            found |= self._member()
        self.at += 1
        if not found:
            raise _NotCertainError
        return found

    def _member(self) -> frozenset[str]:
        for name, characters in _NAMED.items():
            if self.pattern.startswith(name, self.at):
                self.at += len(name)
                return characters
        first = self._peek()
        self.at += 1
        if first == "\\":
            return self._escape()
        if first not in _WORD:
            raise _NotCertainError
        if self.pattern[self.at : self.at + 1] != "-" or self.pattern[self.at + 1 : self.at + 2] == "]":
            return frozenset(first)
        last = self.pattern[self.at + 1 : self.at + 2]
        self.at += 2
        if last not in _WORD or last < first:
            raise _NotCertainError
        return frozenset(map(chr, range(ord(first), ord(last) + 1)))
