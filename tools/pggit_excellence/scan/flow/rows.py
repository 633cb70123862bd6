"""The columns of the rows that a built statement yields, as far as its constant parts tell.

The statement is written out once with something harmless in each hole and evaluated like a static query. Columns that
come from what stands in the holes are not known: they hold whatever some table's writer put there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import islice

from pggit_excellence.scan.flow.assignments import STAR, Columns, columns_from, raw
from pggit_excellence.scan.frozen import dataclass, field, replace
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
    join_all,
    map_leaves,
)
from pggit_excellence.scan.values.expressions import evaluate_query
from pggit_excellence.scan.values.queries import HOLE
from pggit_excellence.scan.values.scope import Truth
from pggit_excellence.scan.values.settings import setting_value
from pggit_excellence.scan.values.sqltree import parse_statement

_RESULT = Origin(Source.TABLE, "row of a dynamic query")
_SETTING = re.compile(r"\s*show\s+(\w[\w.]*)\s*;?\s*", re.IGNORECASE)
# Values are written as parameters, which a type name in front (date '...') does not admit: then as constants.
_LITERAL, _NUMBER = 32001, 32002
_STANDS_FOR = {Quoting.LITERAL: f"${_LITERAL}", Quoting.INERT: f"${_NUMBER}"}
_CONSTANTS = {f"${_LITERAL}": "'x'", f"${_NUMBER}": "1"}
_VALUE = re.compile(rf"\${_LITERAL}|\${_NUMBER}")
# Holes of these put names and values into the query, and nothing else.
_CERTAIN = {Quoting.IDENTIFIER, Quoting.QUALIFIED, Quoting.LITERAL, Quoting.INERT}
MAX_VARIANTS = 12
_NOWHERE = Place("", 0, 0)


@dataclass(slots=True)
class Detached:
    """A scope without variables, except $1, $2... of a dynamic statement."""

    program: Program
    argument: Callable[[int], Value | None] = lambda _: None
    sinks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    prefer_columns: bool = True

    def place(self, start: int, end: int) -> Place:
        """Nothing in it has a place of its own."""
        del start, end
        return _NOWHERE

    def variable(self, names: tuple[str, ...]) -> Value | None:
        """A value of USING."""
        return self.argument(int(names[0])) if len(names) == 1 and names[0].isdecimal() else None

    def variable_type(self, names: tuple[str, ...]) -> str:
        """Not known."""
        del names
        return ""

    def call(self, name: Name, arguments: list[Value], named: dict[str, Value], place: Place) -> Value | None:
        """A call in a dynamic statement is not followed."""
        del name, arguments, named, place
        return None

    def answers(self, name: Name, arguments: list[Value], truth: Truth, given: frozenset[int]) -> Mapping[int, Value]:
        """Nothing in it is a guard."""
        del name, arguments, truth, given
        return {}

    def tested(self, names: tuple[str, ...], truth: Truth) -> Mapping[tuple[str, ...], Value]:
        """Nor any name."""
        del names, truth
        return {}

    def is_given(self, names: tuple[str, ...]) -> bool:
        """A value of USING may be NULL."""
        del names
        return False

    def sink(self, kind: str, statement: Value, place: Place) -> None:
        """Its text is part of the dynamic statement, which is judged as a whole."""

    def report(self, rule: str, message: str, place: Place) -> None:
        """Nor is there anything to point at."""


def rows_of(text: Text, argument: Callable[[int], Value | None], program: Program) -> Columns:
    """The columns of the rows; one unknown star where the statement cannot be read."""
    setting = _SETTING.fullmatch(text.text) if isinstance(text, Const) else None
    if setting:
        return [(setting[1].lower(), setting_value(setting[1], Origin(Source.SESSION, setting[1])))]
    variants = written(text)
    given = {_LITERAL: raw(_RESULT), _NUMBER: Hole(Quoting.INERT, _RESULT, "numeric")}
    scope = Detached(program, lambda number: given[number] if number in given else argument(number))
    found: list[Columns] = []
    certain = {hole.quoting for hole in holes(text)} <= _CERTAIN
    for variant in variants if len(variants) <= MAX_VARIANTS else ():
        query = variant
        if parse_statement(variant) is None:
            certain = False
            query = _VALUE.sub(lambda match: _CONSTANTS[match.group()], variant)
        found.append(columns_from(evaluate_query(query, scope)) if parse_statement(query) else [])
    if not found or not all(found) or len({len(columns) for columns in found}) > 1:
        return [(STAR, raw(_RESULT))]
    return [
        (names[0], join_all(_as_result(value, certain) for value in values))
        for names, values in (zip(*column, strict=True) for column in zip(*found, strict=True))
    ]


def _as_result(value: Value, certain: bool) -> Value:
    """A column as the dynamic query yields it; texts are `certain` where only names were put into the query."""
    if isinstance(value, Hole) and value.quoting in {Quoting.INERT, Quoting.QUALIFIED}:
        return value
    if isinstance(value, Record):
        return Record((), raw(_RESULT))
    unknown = any(hole.origin.source in {Source.UNKNOWN, Source.CONSTANT} for hole in holes(value))
    if not certain or unknown or isinstance(value, Array):
        return raw(_RESULT)
    return map_leaves(value, _without_stand_in)


def _without_stand_in(leaf: Const | Hole | Ref) -> Text:
    """The written query stands nowhere, so that places in it mean nothing, nor do the names that stand for holes."""
    if not isinstance(leaf, Hole):
        return leaf
    origin = _RESULT if HOLE in leaf.origin.name else leaf.origin
    return replace(leaf, origin=origin, place=None, specifier=None, path=())


def written(text: Text, stand: Callable[[Hole], str | None] = lambda _: None) -> list[str]:
    """The statement written out, once for each choice; too many variants are cut off.

    `stand` says what stands in a hole, where it is not what usually does.
    """
    match text:
        case Const(known):
            return [known]
        case Hole(quoting=quoting):
            return [stand(text) or _STANDS_FOR.get(quoting, HOLE)]
        case Seq(parts):
            found = [""]
            for part in parts:
                behind = written(part, stand)
                found = [first + second for first in found for second in behind][: MAX_VARIANTS + 1]
            return found
        case Alt(choices):
            each = (variant for choice in choices for variant in written(choice, stand))
            return list(islice(each, MAX_VARIANTS + 1))
        case Star(body):
            return ["", *written(body, stand)]
        case Ref():
            return [""]
