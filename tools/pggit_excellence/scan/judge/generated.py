"""Routines that a dynamic statement makes: CREATE FUNCTION and DO in what it is when everything is put together.

nested.py reads templates as they are written. A body that is quoted as a literal, kept in a variable, returned by a
helper or joined of pieces can only be seen in the value that is run. The statement is written out with a placeholder
in the place of each hole, and read like a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.nested import compose, is_statement
from pggit_excellence.scan.inputs.program import OffsetMap, Routine, SourceText
from pggit_excellence.scan.inputs.scripts import program_of
from pggit_excellence.scan.judge.lexing import Slot, is_mixture, number
from pggit_excellence.scan.judge.positions import straight_lines
from pggit_excellence.scan.values.abstract import (
    Const,
    Hole,
    Place,
    Quoting,
    Ref,
    Source,
    Text,
    Value,
    as_text,
    leaves,
    map_leaves,
    seq,
)
from pggit_excellence.scan.values.placeholders import placeholder
from pggit_excellence.scan.values.texts import slice_const

MAX_LINES = 64
_MAKES = re.compile(r"create.*(?:function|procedure)|do\W", re.DOTALL)
_EXECUTE = re.compile(r"\bexecute\b(?!\s+(?:function|procedure|on)\b)", re.IGNORECASE)
_LOOK_BACK = 100
_SHORTEST = 8  # characters by which a text is looked for in the source


@dataclass(slots=True)
class Made:
    """The routines that a statement makes, and what stands in their placeholders.

    `unread` are the EXECUTEs of one that has too many forms to read each.
    """

    routines: list[Routine] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    unread: list[Place] = field(default_factory=list)

    def is_known(self, routine: Routine) -> bool:
        """Whether no whole statement of the body is lost to the analysis, as the program changed its own constants."""
        for index, hole in enumerate(self.holes):
            before, found, behind = routine.body.partition(placeholder(index))
            if found and hole.origin.source is Source.CONSTANT and is_statement(before[-_LOOK_BACK:], behind[:1]):
                return False
        return True

    def arguments(self) -> dict[str, Value]:
        """What stands in each placeholder."""
        return {placeholder(index): hole for index, hole in enumerate(self.holes)}

    def find(self, index: int) -> Text | None:
        """What stands in a placeholder."""
        return self.holes[index] if index < len(self.holes) else None


def makes_routine(text: Text) -> bool:
    """Whether the statement may make a routine; most hold nothing like it, which is found fast."""
    return _MAKES.search("".join(const.text for const in constants(text)).lower()) is not None


def constants(text: Text) -> Iterator[Const]:
    """The constants of a statement and of what is quoted in it, which begins with a quote."""
    return (part for part in parts(text) if isinstance(part, Const))


def parts(text: Text) -> Iterator[Const | Hole]:
    """The constants and holes of a statement and of what is quoted in it, which begins with a quote."""
    for leaf in leaves(text):
        if isinstance(leaf, Const | Hole):
            yield leaf
        if isinstance(leaf, Hole) and leaf.inner is not None:
            yield Const("'")
            yield from parts(leaf.inner)


def written(text: Text) -> object:
    """What the text is, and where each part of it stands and came from: equal texts can stand in different places."""
    return text, tuple(
        (part.place, part.specifier, part.path) if isinstance(part, Hole) else part.place for part in parts(text)
    )


def made_by(text: Text, place: Place, routine: Routine, source: str) -> Made:
    """What the statement at `place` of the routine makes. What has no place of its own in the source stands there."""
    slots: list[Slot] = []
    text = _opened(text)
    node = number(text, slots)
    made = Made(holes=[slot.hole for slot in slots])
    seen = set()
    mixture = is_mixture(node)
    for count, (line, needed) in enumerate(islice(straight_lines(node, alike=True), MAX_LINES + 1)):
        if mixture or (needed and count == MAX_LINES):
            return Made(unread=list(_executes(text, place, routine, source)))
        for found in () if line is None else _routines(line, place, routine, source):
            if (found.body, found.language) not in seen:
                seen.add((found.body, found.language))
                made.routines.append(replace(found, key=f"{routine.key}/{place.start}.{len(seen)}"))
    return made


def _executes(text: Text, place: Place, routine: Routine, source: str) -> Iterator[Place]:
    for const in leaves(text):
        if not isinstance(const, Const):
            continue
        for found in _EXECUTE.finditer(const.text):
            pieces = _pieces(const, routine, source)
            start = OffsetMap(tuple(pieces))(found.start()) if pieces else place.start
            yield Place(place.file, start, start + len(found.group()))


def _opened(text: Text) -> Text:
    """The statement with quoted literals written out: what is in them can be code."""

    def opened(leaf: Const | Hole | Ref) -> Text:
        if not isinstance(leaf, Hole) or leaf.quoting is not Quoting.LITERAL:
            return leaf
        content = leaf.inner or replace(leaf, quoting=Quoting.RAW, specifier=None)
        return seq([Const("'"), as_text(map_leaves(_opened(content), _doubled)), Const("'")])

    return as_text(map_leaves(text, opened))


def _doubled(leaf: Const | Hole | Ref) -> Text:
    """A part of a literal with its quotes doubled; each character stays where it is in the source."""
    if not isinstance(leaf, Const) or "'" not in leaf.text:
        return leaf
    parts: list[Text] = []
    start = 0
    for found in re.finditer("'", leaf.text):
        parts += [slice_const(leaf, start, found.end()), Const("'")]
        start = found.end()
    return seq([*parts, slice_const(leaf, start, len(leaf.text))])


def _routines(line: tuple[Const | Slot, ...], place: Place, routine: Routine, source: str) -> Iterator[Routine]:
    parts: list[str] = []
    pieces: list[tuple[int, int]] = []
    length = 0
    for piece in line:
        text = placeholder(piece.index) if isinstance(piece, Slot) else piece.text
        known = None if isinstance(piece, Slot) else _pieces(piece, routine, source)
        if known is None:  # none of its characters is anywhere else
            known = [(at, place.start) for at in range(len(text))]
        pieces += [(length + at, offset) for at, offset in known]
        parts.append(text)
        length += len(text)
    written = "".join(parts)
    if _MAKES.search(written.lower()) is None:
        return
    map_ = OffsetMap(tuple(pieces))
    for found in program_of(SourceText(routine.file, written)).routines:
        if found.kind != "statement":
            yield replace(
                found,
                name=routine.name,
                map=compose(found.map, len(found.body), map_),
                start=map_(found.start),
                end=map_(max(found.end - 1, 0)) + 1,
                nested=True,
            )


def _pieces(const: Const, routine: Routine, source: str) -> list[tuple[int, int]] | None:
    """Where the text stands in the source (see OffsetMap): where it is known to, or the only place that has it."""
    if const.place is not None:
        return [(0, const.place.start)] if const.place.file == routine.file else None
    for written, step in ((const.text, 0), (const.text.replace("'", "''"), 1)):
        if len(written) >= _SHORTEST and source.count(written, routine.start, routine.end) == 1:
            start = source.index(written, routine.start, routine.end)
            quotes = [found.end() for found in re.finditer("'", const.text)] if step else []
            return [(0, start), *((at, start + at + count) for count, at in enumerate(quotes, 1))]
    return None
