"""For tests of the scanner: a scope without a routine, values as readable text, and a matcher of their language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

from pggit_excellence.scan.inputs.program import Name, Program
from pggit_excellence.scan.values.abstract import (
    Alt,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Ref,
    Seq,
    Source,
    Star,
    Text,
    Value,
    holes,
)
from pggit_excellence.scan.values.sqltypes import value_of

# Stands in every hostile text beside what is dangerous: text of the program alone can never have it.
MARK = "\u2603"


@dataclass
class FakeScope:
    """Parameters by name with their types; keeps what was reported."""

    types: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, ...], Value] = field(default_factory=dict)
    results: dict[str, Value] = field(default_factory=dict)
    program: Program = field(default_factory=Program)
    sinks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ran: list[tuple[str, Value]] = field(default_factory=list)
    reports: list[tuple[str, str, Place]] = field(default_factory=list)
    calls: list[tuple[Name, list[Value], dict[str, Value]]] = field(default_factory=list)

    def place(self, start: int, end: int) -> Place:
        """Characters of the test."""
        return Place("test.sql", start, end)

    def variable(self, names: tuple[str, ...]) -> Value | None:
        """A parameter, or what the test put in `values`."""
        if names in self.values:
            return self.values[names]
        if len(names) != 1 or names[0] not in self.types:
            return None
        origin = Origin(Source.PARAMETER, names[0], routine="r")
        return value_of(self.types[names[0]], origin, self.program)

    def variable_type(self, names: tuple[str, ...]) -> str:
        """As declared."""
        return self.types.get(names[0], "")

    def call(self, name: Name, arguments: list[Value], named: dict[str, Value], place: Place) -> Value | None:
        """What the test put in `results`."""
        del place
        self.calls.append((name, arguments, named))
        return self.results.get(name[1])

    def sink(self, kind: str, statement: Value, place: Place) -> None:
        """Kept in `ran`."""
        del place
        self.ran.append((kind, statement))

    def report(self, rule: str, message: str, place: Place) -> None:
        """Kept in `reports`."""
        self.reports.append((rule, message, place))


def show(value: Value) -> str:
    """The value as text: 'constant' {quoting name} (a | b) (a)*, ~ behind what was derived."""
    match value:
        case Const(text):
            shown = repr(text)
        case Hole():
            shown = f"{{{value.quoting} {value.origin.name}{'~' if value.derived else ''}}}"
        case Seq(parts):
            shown = " ".join(map(show, parts))
        case Alt(choices):
            shown = f"({' | '.join(map(show, choices))})"
        case Star(body):
            shown = f"{show(body)}*" if isinstance(body, Alt) else f"({show(body)})*"
        case Ref(key):
            shown = f"<{key}>"
        case Record(fields, rest):
            items = [f"{name}: {show(item)}" for name, item in fields] + ([f"*: {show(rest)}"] if rest else [])
            shown = f"{{{', '.join(items)}}}"
        case Array(element, items):
            shown = f"[{show(element)}...]" if items is None else f"[{', '.join(map(show, items))}]"
    return shown


_PATTERNS = {
    Quoting.RAW: r"(?s:.)*",
    Quoting.SQL: r"(?s:.)*",
    Quoting.FIXED: rf"[^{MARK}]*",
    Quoting.INERT: rf"[^{MARK}';\\$]*",
    Quoting.WORD: r"[\w$]*",
    Quoting.IDENTIFIER: r'(?:"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_]*)?',
    Quoting.QUALIFIED: r'(?:"(?:[^"]|"")*"|[A-Za-z0-9_.,()\[\] -])*',
    Quoting.LITERAL: r"(?:'(?:[^'\\]|'')*'|[eE]'(?:[^'\\]|''|\\\\)*'|(?i:null))?",
}
_HOLES = {quoting: re.compile(pattern) for quoting, pattern in _PATTERNS.items()}


def matches(value: Text, text: str) -> bool:
    """Whether the text is in the language of the value."""
    return len(text) in _ends(value, text, frozenset([0]))


def _ends(value: Text, text: str, starts: frozenset[int]) -> frozenset[int]:
    """Where a match can end that begins at one of `starts`."""
    match value:
        case Const(known):
            return frozenset(start + len(known) for start in starts if text.startswith(known, start))
        case Hole(quoting=quoting):
            pattern = _HOLES[quoting]
            return frozenset(
                end for start in starts for end in range(start, len(text) + 1) if pattern.fullmatch(text, start, end)
            )
        case Seq(parts):  # NULL when one part of it is, and NULL spliced by format() or concat() is nothing
            null = starts if any(holes(value)) else frozenset[int]()
            return null | reduce(lambda found, part: _ends(part, text, found), parts, starts)
        case Alt(choices):
            return frozenset().union(*(_ends(choice, text, starts) for choice in choices))
        case Star(body):
            found = new = starts
            while new:
                new = _ends(body, text, new) - found
                found |= new
            return found
        case _:
            raise AssertionError(f"{value} stands for no text")
