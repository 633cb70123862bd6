"""What each hole of a built statement is: found by parsing the statement with placeholders in the holes.

A statement with alternatives and repetitions is written out in a few straight lines (`lines`) that together take every
alternative. In each line a hole becomes a placeholder of the shape that its quoting promises (an identifier for %I, a
string for %L). Where libpg_query refuses, the hole next to the error is tried in its other shapes, those that are
wrong for its quoting last: if only a wrong shape makes the line parse, the quoting does not fit the position.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import chain, islice, product
from math import prod
from typing import Any

from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs.pg_parser import ParseError, parse_sql_json
from pggit_excellence.scan.judge.lexing import Chain, Choice, Mode, Node, Repeat, Slot
from pggit_excellence.scan.values.abstract import Const, Quoting

MAX_LINES = 24
MAX_ATTEMPTS = 14  # parses of one line
MAX_REPAIRED_LINES = 6  # lines whose holes are tried in other shapes
MAX_SPOTS = 40
_MARK = "pgx_h"
_NUMBER = 907_100_000

Tree = dict[str, Any]
Trail = tuple[tuple[str, Any], ...]  # from the root: (name of the field or node, what it holds)


class Shape(StrEnum):
    """What stands in a hole while the statement is parsed."""

    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    QUERY = "query"
    CHANGE = "change"
    SIGNATURE = "signature"
    BOOLEAN = "boolean"
    ORDER = "order"
    CONDITION = "condition"
    CLAUSE = "clause"
    ITEM = "item"
    CONSTRAINT = "constraint"
    EMPTY = "empty"
    INSIDE = "inside"  # of quotes or of a comment
    TORN = "torn"  # a name with a blank in it


_TEXT = {  # parsed, never run
    Shape.NAME: _MARK + "{0}_",
    Shape.STRING: "'" + _MARK + "{0}_'",
    Shape.QUERY: "SELECT 1 AS " + _MARK + "{0}_",
    Shape.CHANGE: "DELETE FROM " + _MARK + "{0}_",  # noqa: S608
    Shape.SIGNATURE: _MARK + "{0}_(integer)",
    Shape.BOOLEAN: "true",
    Shape.ORDER: "ASC",
    Shape.CONDITION: "AND " + _MARK + "{0}_",
    Shape.CLAUSE: "WHERE " + _MARK + "{0}_",
    Shape.ITEM: ", " + _MARK + "{0}_",
    Shape.CONSTRAINT: "CHECK (" + _MARK + "{0}_)",
    Shape.EMPTY: "",
    Shape.INSIDE: _MARK + "{0}_",
    Shape.TORN: '"' + _MARK + ' {0}_"',
}
_ANY = (
    Shape.NAME,
    Shape.ORDER,
    Shape.STRING,
    Shape.NUMBER,
    Shape.QUERY,
    Shape.CHANGE,
    Shape.CONDITION,
    Shape.CLAUSE,
    Shape.ITEM,
    Shape.CONSTRAINT,
    Shape.EMPTY,
)
_SHAPES: dict[Quoting, tuple[Shape, ...]] = {
    Quoting.RAW: _ANY,
    Quoting.IDENTIFIER: (Shape.NAME, Shape.STRING),
    Quoting.QUALIFIED: (Shape.NAME, Shape.SIGNATURE, Shape.STRING),
    Quoting.LITERAL: (Shape.STRING, Shape.NAME),
    Quoting.INERT: (Shape.NUMBER, Shape.BOOLEAN, Shape.NAME),
    Quoting.WORD: (Shape.NAME, Shape.NUMBER, Shape.ORDER, Shape.EMPTY),
    Quoting.FIXED: _ANY,
    Quoting.SQL: (Shape.QUERY, Shape.NAME, Shape.CONSTRAINT, Shape.CHANGE),
}
_WRONG = {
    Quoting.IDENTIFIER: {Shape.STRING},
    Quoting.QUALIFIED: {Shape.STRING},
    Quoting.LITERAL: {Shape.NAME},
}
WHOLE = {Shape.QUERY, Shape.CHANGE}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a slot was found in a parsed line; `trail` is empty where the placeholder leaves no trace in the tree.

    `statements` are the kinds of the line's statements. `torn`: the line of a name that is glued to a word parses both
    with and without quotes around the name, which make one name or two of it.
    """

    shape: Shape
    trail: Trail = ()
    statements: tuple[str, ...] = ()
    torn: bool = False

    def node(self, *names: str) -> Any:
        """The innermost node of one of these names around the placeholder, None where there is none."""
        return next((held for name, held in reversed(self.trail) if name in names), None)

    def inside(self, *names: str) -> bool:
        """Whether the placeholder stands in a node or field of one of these names."""
        return any(name in names for name, _ in self.trail)


@dataclass(slots=True)
class Positions:
    """What parsing taught: spots by slot, whether any line parsed, and a refusal.

    `complete`: none parses, and each line was tried with all that its holes can be.
    """

    spots: dict[int, list[Spot]] = field(default_factory=dict)
    parsed: bool = False
    complete: bool = False
    error: str = ""
    refused: str = ""  # the line that the parser refused


Piece = Const | Slot


def locate(node: Node, slots: list[Slot]) -> Positions:
    """Parse the statement's lines and find each slot in them.

    The lines that together take every alternative are all read, further combinations only while a slot is not found.
    """
    found = Positions()
    missing = {slot.index for slot in slots}
    lines = []
    for looked_at, (line, needed) in enumerate(islice(straight_lines(node), MAX_LINES), 1):
        if not needed and found.parsed and not missing:
            break
        if line is None:
            continue
        lines.append(line)
        _read(line, found, MAX_ATTEMPTS if looked_at <= MAX_REPAIRED_LINES else 1)
        missing -= {index for index, spots in found.spots.items() if not all(is_wrong(slots[index], s) for s in spots)}
    found.complete = not found.parsed and looked_at < MAX_LINES and not any(_can_parse(line) for line in lines)
    return found


# --- straight lines -----------------------------------------------------------------------------------------------


_TIMES = (1, 2, 0)  # how often a repetition is written in the first, second and third line
_Layout = list["Piece | _Fork"]


@dataclass(frozen=True, slots=True)
class _Fork:
    """A choice or a repetition: what each way of it writes. `index` is its place among all forks of the statement."""

    index: int
    ways: list[_Layout]


def straight_lines(node: Node, *, alike: bool = False) -> Iterator[tuple[tuple[Piece, ...] | None, bool]]:
    """Straight lines of the statement, and whether each is needed to have every alternative once; None where one was.

    With `alike` lists are as long as each other: how one is repeated beside another makes no other statement.
    """
    forks: list[tuple[int, bool]] = []
    layout = _laid_out(node, forks)
    known: set[tuple[int, ...]] = set()
    for picks, needed in _picks(forks, alike=alike):
        line: list[Piece] = []
        _write(layout, picks, line)
        key = tuple(map(id, line))
        yield None if key in known else tuple(line), needed
        known.add(key)


def _picks(forks: list[tuple[int, bool]], *, alike: bool) -> Iterator[tuple[tuple[int, ...], bool]]:
    """The ways to take, for each fork one: first those that together take every way, then all the others."""
    steps = max((ways for ways, _ in forks), default=1)
    diagonal = dict.fromkeys(tuple(step % ways for ways, _ in forks) for step in range(steps))
    for picks in diagonal:
        yield picks, True
    for times in range(len(_TIMES)) if alike else (None,):
        every = ((times,) if repeats and times is not None else range(ways) for ways, repeats in forks)
        for picks in product(*every):
            if picks not in diagonal:
                yield picks, False


def _laid_out(node: Node, forks: list[tuple[int, bool]]) -> _Layout:
    """The node with its forks, of which `forks` gets how many ways each has, and whether it is a repetition."""
    match node:
        case Const() | Slot():
            return [node]
        case Chain(nodes):
            return [item for part in nodes for item in _laid_out(part, forks)]
        case Choice(nodes):
            index = len(forks)
            forks.append((len(nodes), False))
            return [_Fork(index, [_laid_out(part, forks) for part in nodes])]
        case Repeat(body):
            index = len(forks)
            forks.append((len(_TIMES), True))
            copies = [_laid_out(body, forks) for _ in range(max(_TIMES))]
            return [_Fork(index, [list(chain.from_iterable(copies[:times])) for times in _TIMES])]


def _write(layout: _Layout, picks: tuple[int, ...], line: list[Piece]) -> None:
    """Add to the line what the layout is when each fork takes the way that `picks` says."""
    for item in layout:
        if isinstance(item, _Fork):
            _write(item.ways[picks[item.index]], picks, line)
        else:
            line.append(item)


# --- parsing one line ---------------------------------------------------------------------------------------------


_INSTALLED = re.compile(r"@(\w+)@")  # @extschema@, @NAMESPACE@: names that come with the installation


@lru_cache(maxsize=512)
def parse(sql: str) -> Tree | tuple[str, int | None]:
    """The tree, or the parser's message and the character where it stopped (None: at the end)."""
    try:
        return json.loads(parse_sql_json(_INSTALLED.sub(r"_\1_", sql) if "@" in sql else sql))  # type: ignore[no-any-return]
    except ParseError as error:
        message, location = error.args
        return str(message), location
    except RecursionError:
        return "nested too deeply", 0


def _read(line: tuple[Piece, ...], found: Positions, attempts: int) -> None:
    """Parse one line, with its holes in other shapes where it has to be."""
    occurrences = [piece for piece in line if isinstance(piece, Slot)]
    choices = [_shapes(slot) for slot in occurrences]
    picks = [0] * len(occurrences)
    for attempt in range(attempts):
        shapes = [shapes[pick] for shapes, pick in zip(choices, picks, strict=True)]
        sql, starts = _render(line, shapes)
        tree = parse(sql)
        if isinstance(tree, dict):
            found.parsed = True
            torn = _torn(line, occurrences, shapes)
            _note(tree, [*zip(occurrences, shapes, torn, strict=True)], found)
            return
        if not attempt:
            found.error, found.refused = tree[0], sql
        if not _next(picks, choices, starts, len(sql) if tree[1] is None else tree[1]):
            return


def _can_parse(line: tuple[Piece, ...]) -> bool:
    """Whether the line parses with shapes that suit its holes' quoting, or there are too many to try."""
    slots = [piece for piece in line if isinstance(piece, Slot)]
    suiting = [[shape for shape in _shapes(slot) if shape not in _WRONG.get(slot.hole.quoting, ())] for slot in slots]
    if prod(len(shapes) for shapes in suiting) > MAX_ATTEMPTS:
        return True
    return any(isinstance(parse(_render(line, [*shapes])[0]), dict) for shapes in product(*suiting))


def _shapes(slot: Slot) -> tuple[Shape, ...]:
    if slot.modes and Mode.NORMAL not in slot.modes:
        return (Shape.INSIDE,)
    shapes = _SHAPES[slot.hole.quoting]
    if slot.glued and slot.hole.quoting is Quoting.IDENTIFIER:  # `%IWHERE` is two words if the name needs quotes
        return (Shape.NAME, Shape.TORN, *shapes[1:])
    return shapes


def _render(line: tuple[Piece, ...], shapes: list[Shape]) -> tuple[str, list[int]]:
    """The SQL text, and the character at which each occurrence of a slot starts."""
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for piece in line:
        if isinstance(piece, Slot):
            at = len(starts)
            starts.append(length)
            parts.append(str(_NUMBER + at) if shapes[at] is Shape.NUMBER else _TEXT[shapes[at]].format(at))
        else:
            parts.append(piece.text)
        length += len(parts[-1])
    return "".join(parts), starts


def _next(picks: list[int], choices: list[tuple[Shape, ...]], starts: list[int], stopped: int) -> bool:
    """Another shape for the hole at which the parser stopped, or for one before it; False when there is none left."""
    before = [at for at, start in enumerate(starts) if start <= stopped]
    for at in (*reversed(before), *range(len(before), len(starts))):
        if picks[at] + 1 < len(choices[at]):
            picks[at] += 1
            return True
        picks[at] = 0
    return False


def _torn(line: tuple[Piece, ...], occurrences: list[Slot], shapes: list[Shape]) -> list[bool]:
    """For each occurrence, whether it is glued to a word and the line parses with a name there that needs quotes."""
    torn = []
    for at, slot in enumerate(occurrences):
        changed = [*shapes[:at], Shape.TORN, *shapes[at + 1 :]]
        is_name = slot.hole.quoting is not Quoting.LITERAL and shapes[at] is not Shape.TORN
        torn.append(slot.glued and is_name and isinstance(parse(_render(line, changed)[0]), dict))
    return torn


def _note(tree: Tree, occurrences: list[tuple[Slot, Shape, bool]], found: Positions) -> None:
    statements = tuple(name for item in tree.get("stmts", ()) for name in item.get("stmt", {}))
    trails = dict(_trails(tree)) if occurrences else {}
    for at, (slot, shape, torn) in enumerate(occurrences):
        spots = found.spots.setdefault(slot.index, [])
        if len(spots) < MAX_SPOTS:
            spots.append(Spot(shape, trails.get(at, ()), statements, torn))


_DIGITS = "9071"
_MARKED = re.compile(rf"{_MARK}(\d+)_|{_DIGITS}(\d{{5}})")


def is_placeholder(text: str) -> bool:
    """Whether there is a placeholder in the text."""
    return _MARKED.search(text) is not None


_Way = tuple[Any, str, Any]  # the way to what is around, None at the root; the name of the field or node; what it holds


def _trails(root: Any) -> Iterator[tuple[int, Trail]]:
    """The placeholders of the tree by number, with the way to each.

    Most of a tree are other names and numbers, which are not even waited for.
    """
    waiting: list[tuple[Any, _Way | None]] = [(root, None)]
    while waiting:
        node, way = waiting.pop()
        kind = node.__class__
        if kind is dict:
            for name in reversed(node):
                held = node[name]
                kind = held.__class__
                if (
                    kind is dict
                    or kind is list
                    or (kind is str and (_MARK in held or _DIGITS in held))
                    or (kind is int and held >= _NUMBER)
                ):
                    waiting.append((held, (way, name, held)))
        elif kind is list:
            waiting += [(held, way) for held in reversed(node)]
        elif kind is str:
            for name, digits in _MARKED.findall(node):
                yield int(name or digits), _trail(way)
        elif kind is int and _NUMBER <= node < _NUMBER + 10_000:
            yield node - _NUMBER, _trail(way)


def _trail(way: _Way | None) -> Trail:
    found = []
    while way is not None:
        way, name, held = way
        found.append((name, held))
    return tuple(reversed(found))


def is_wrong(slot: Slot, spot: Spot) -> bool:
    """Whether the line parsed only with a shape that the slot's quoting never has."""
    return spot.shape in _WRONG.get(slot.hole.quoting, ())


def has_mark(node: Any) -> bool:
    """Whether a placeholder stands in this part of the tree."""
    return next(_trails(node), None) is not None
