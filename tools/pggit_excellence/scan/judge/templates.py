"""Judges one dynamic statement: whether what is put into it can change its structure, and whether it is quoted rightly.

Safety is proved by lexing.py, which knows in which lexical state each hole can stand; what a hole is (a table name, a
value, a condition) comes from parsing, through positions.py and places.py, and decides only between rules and wordings
and finds quoting that is harmless but wrong for its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from pggit_excellence.scan.frozen import dataclass, replace
from pggit_excellence.scan.judge import fixes
from pggit_excellence.scan.judge.lexing import Mode, Slot, lex, number
from pggit_excellence.scan.judge.places import (
    Kind,
    compared,
    describe,
    hints_column,
    is_code,
    is_program,
    joined,
    sorts_by_constant,
    takes_parameter,
    value_place,
)
from pggit_excellence.scan.judge.positions import Positions, Spot, is_placeholder, is_wrong, locate
from pggit_excellence.scan.judge.validity import never_valid
from pggit_excellence.scan.model import Confidence, Fix, Severity, Verdict
from pggit_excellence.scan.values.abstract import (
    WITH_NEWLINE,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Source,
    Text,
    leaves,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a statement, and the verdict that it alone would lead to.

    `severity` and `confidence` are None where the rule's own hold. `position` says what the hole is ("a table name").
    """

    rule: str
    message: str
    hole: Hole | None
    verdict: Verdict
    severity: Severity | None = None
    confidence: Confidence | None = None
    fix: Fix | None = None
    position: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The statement's verdict, and all that is wrong with it; hints and warnings (PGX112, PGX108) keep it safe."""

    verdict: Verdict
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Case:
    """What the rules need to know beside the slot."""

    trusted: Callable[[Origin], bool]
    parameters: bool
    sources: Mapping[str, str]
    quoted: frozenset[Place]  # where quoted text is spliced in
    repeated: frozenset[Place]  # where text is spliced in that is inside a repetition
    open_ended: bool  # some raw hole, reported by itself, can hold clauses that the parser does not see


def judge(
    statement: Text,
    *,
    trusted: Callable[[Origin], bool] = lambda _: False,
    parameters: bool = True,
    sources: Mapping[str, str] | None = None,
) -> Judgement:
    """Judge `statement`, which a caller is about to run.

    `trusted` says of an origin in a table whether nobody but its owner may write there. `parameters`: the statement
    can have parameters (USING). `sources` has the text of each file by name, for fixes that take quotes away.
    """
    slots: list[Slot] = []
    node = number(statement, slots)
    if slots:
        lex(node, slots)
    quoted = [slot.hole for slot in slots if slot.hole.quoting in _QUOTED_AS]
    spliced = frozenset(place for hole in quoted for place in (hole.place, hole.specifier) if place is not None)
    repeated = frozenset(slot.hole.place for slot in slots if slot.repeated and slot.hole.place is not None)
    open_ended = any(slot.hole.quoting is Quoting.RAW for slot in slots)
    case = _Case(trusted, parameters, sources or {}, spliced, repeated, open_ended)
    positions = locate(node, slots) if _worth_parsing(slots) else Positions()
    problems: list[Problem] = []
    for slot in slots:
        found = {problem.rule: problem for problem in _problems(slot, positions.spots.get(slot.index, []), case)}
        problems.extend(found.values())  # one of each rule is enough for one hole
    problems = _without_mixed(problems)
    problems.extend(_invalid(positions, slots, problems))
    return Judgement(_verdict(problems), tuple(dict.fromkeys(problems)))


def _without_mixed(problems: list[Problem]) -> list[Problem]:
    """That a statement has too many forms is said once, and only where nothing else is wrong with it."""
    mixed = [problem for problem in problems if problem.position == _MIXED]
    others = [problem for problem in problems if problem.position != _MIXED]
    return others if _verdict(others) is Verdict.UNSAFE else others + mixed[:1]


def _worth_parsing(slots: list[Slot]) -> bool:
    return not slots or any(Mode.NORMAL in slot.modes for slot in slots)


def _verdict(problems: list[Problem]) -> Verdict:
    found = {problem.verdict for problem in problems}
    order = (Verdict.UNSAFE, Verdict.NOT_PROVEN, Verdict.BY_DESIGN)
    return next((verdict for verdict in order if verdict in found), Verdict.SAFE)


def _problems(slot: Slot, spots: list[Spot], case: _Case) -> Iterator[Problem]:
    quoting, source = slot.hole.quoting, slot.hole.origin.source
    if quoting is Quoting.FIXED or source is Source.CONSTANT:
        return
    if quoting is Quoting.RAW or (slot.hole.type == WITH_NEWLINE and Mode.LINE in slot.modes):
        yield from _raw(slot, spots, case)
        return
    if slot.mixed:
        yield from _mixed(slot)
        return
    yield from _enclosed(slot, case)
    if Mode.NORMAL not in slot.modes:
        return
    match quoting:
        case Quoting.IDENTIFIER | Quoting.QUALIFIED:
            yield from _glued(slot, spots, case)
            yield from _identifier(slot, spots, case)
        case Quoting.LITERAL:
            yield from _glued(slot, spots, case)
            yield from _literal(slot, spots, case)
        case _ if slot.fused:
            message = f"{_who(slot.hole.origin)} runs into a quote, whose meaning depends on it"
            yield Problem("PGX101", message, slot.hole, Verdict.NOT_PROVEN, None, Confidence.LOW)
        case Quoting.INERT:
            yield from _inert(slot, spots, case)
        case Quoting.WORD if slot.chained:
            message = f"{_who(slot.hole.origin)} becomes any number of words: together they can be SQL"
            yield Problem("PGX101", message, slot.hole, Verdict.UNSAFE, position="a piece of the statement")


# --- raw text -----------------------------------------------------------------------------------------------------

_UNKNOWN = {Source.FUNCTION, Source.UNKNOWN}
_ENCLOSED = {
    Mode.STRING: "quotes that the program adds by hand",
    Mode.ESCAPED: "quotes that the program adds by hand",
    Mode.NAME: "double quotes that the program adds by hand",
    Mode.DOLLAR: "a dollar-quoted string",
    Mode.LINE: "a comment",
    Mode.BLOCK: "a comment",
    Mode.LOST: "a place that the analysis cannot follow",
}


def _raw(slot: Slot, spots: list[Spot], case: _Case) -> Iterator[Problem]:
    unknown = slot.hole.origin.source in _UNKNOWN
    verdict = Verdict.NOT_PROVEN if unknown else Verdict.UNSAFE
    confidence = Confidence.LOW if unknown else None
    who = _who(slot.hole.origin)
    for mode in () if slot.mixed and Mode.NORMAL in slot.modes else sorted(slot.modes - {Mode.NORMAL}):
        where = _ENCLOSED[mode]
        rule = "PGX109" if mode in (Mode.STRING, Mode.ESCAPED, Mode.NAME) else "PGX101"
        message = f"{who} stands unquoted inside {where}: {_escape(mode)}"
        fix = fixes.unquote_by_hand(slot.hole, mode, case.sources) if rule == "PGX109" else None
        yield Problem(rule, message, slot.hole, verdict, None, confidence, fix, where)
    if Mode.NORMAL not in slot.modes:
        return
    kind, what = describe(spots) if spots else (Kind.OTHER, "a piece of the statement")
    if kind is Kind.WHOLE and not unknown:
        yield _whole(slot.hole, what, case)
        return
    danger = "nothing shows that it cannot hold SQL" if unknown else "it can hold any SQL"
    message = f"{who} becomes {what} without quoting: {danger}"
    yield Problem("PGX101", message, slot.hole, verdict, None, confidence, _quoting(slot, kind, case), what)


def _quoting(slot: Slot, kind: Kind, case: _Case) -> Fix | None:
    """The quoting that is missing.

    None where what stands at the same place is quoted in other runs of it, or where it touches another hole: what the
    two make together is not known. Of a repeated text the place may be the whole list, of which the quoting would make
    one name.
    """
    hole = slot.hole
    if slot.touches or (hole.specifier or hole.place) in case.quoted or hole.place in case.quoted:
        return None
    fix = fixes.requote(hole, kind, case.sources)
    return replace(fix, certain=False) if fix and hole.place in case.repeated else fix


def _whole(hole: Hole, what: str, case: _Case) -> Problem:
    who = _who(hole.origin)
    if hole.origin.source not in (Source.TABLE, Source.CATALOG):
        message = f"{who} is run as {what}: the caller decides what is done"
        return Problem("PGX102", message, hole, Verdict.BY_DESIGN, position=what)
    if hole.origin.source is Source.CATALOG or case.trusted(hole.origin):
        message = f"{who} is run as {what}: whoever wrote it there decides what is done"
        return Problem("PGX103", message, hole, Verdict.BY_DESIGN, Severity.WARNING, position=what)
    message = f"{who} is run as {what}: whoever may write that table decides what is done, with this function's rights"
    return Problem("PGX103", message, hole, Verdict.BY_DESIGN, Severity.ERROR, position=what)


_WHO = {
    Source.PARAMETER: "{}",
    Source.TABLE: "{}, a table's text,",
    Source.CATALOG: "{}, a name or text that others chose,",
    Source.TRIGGER: "{}",
    Source.SESSION: "{}, which the session sets,",
    Source.ERROR: "{}, an error's text,",
    Source.FUNCTION: "the result of {}",
    Source.UNKNOWN: "{}, which the analysis cannot follow,",
}


def _who(origin: Origin) -> str:
    return _WHO.get(origin.source, "{}").format(origin.name or "a value")


def _escape(mode: Mode) -> str:
    return {
        Mode.NAME: 'a " in it ends them',
        Mode.DOLLAR: "the delimiter in it ends it",
        Mode.LINE: "a newline in it ends it",
        Mode.BLOCK: "*/ in it ends it",
        Mode.LOST: "nothing shows what it can do there",
    }.get(mode, "a ' in it ends them, and so does a backslash in some settings")


# --- quoted text in the wrong place -------------------------------------------------------------------------------

_MIXED = "one of many forms"
_QUOTED_AS = {
    Quoting.IDENTIFIER: "quoted as an identifier",
    Quoting.QUALIFIED: "printed as a name",
    Quoting.LITERAL: "quoted as a literal",
    Quoting.SQL: "SQL text",
}


def _enclosed(slot: Slot, case: _Case) -> Iterator[Problem]:
    """Quoted text inside of quotes or comments, which end at a character that the quoting does not know of."""
    quoted = _QUOTED_AS.get(slot.hole.quoting)
    if quoted is None:
        return
    for mode in sorted(slot.modes - {Mode.NORMAL}):
        where = _ENCLOSED[mode].replace(" that the program adds by hand", "")
        message = f"{_who(slot.hole.origin)} is {quoted}, but stands inside {where}: {_escape(mode)}"
        if mode is Mode.LOST:
            yield Problem("PGX101", message, slot.hole, Verdict.NOT_PROVEN, None, Confidence.LOW, None, where)
            continue
        fix = None
        if slot.hole.quoting is not Quoting.LITERAL and mode in (Mode.STRING, Mode.NAME):
            fix = fixes.unquote_by_hand(slot.hole, mode, case.sources)
        yield Problem("PGX104", message, slot.hole, Verdict.UNSAFE, fix=fix, position=where)


def _mixed(slot: Slot) -> Iterator[Problem]:
    """Quoted text in a statement of too many forms, some of which only the analysis makes: no proof, no accusation."""
    quoted = slot.hole.quoting in _QUOTED_AS and (slot.modes != {Mode.NORMAL} or slot.glued or slot.requoted)
    if quoted or slot.fused or slot.minus:
        message = f"{_who(slot.hole.origin)} is put into a statement that has too many forms to follow"
        yield Problem("PGX101", message, slot.hole, Verdict.NOT_PROVEN, None, Confidence.LOW, position=_MIXED)


def _glued(slot: Slot, spots: list[Spot], case: _Case) -> Iterator[Problem]:
    """Quoted text next to a word: `route_%I_x` is one name only until the name needs quotes."""
    if not slot.glued:
        return
    literal = slot.hole.quoting is Quoting.LITERAL
    example = "NULL would become part of the word" if literal else "a name that needs quotes is torn apart"
    message = (
        f"{_who(slot.hole.origin)}, {_QUOTED_AS[slot.hole.quoting]}, is glued to what stands next to it: {example}"
    )
    verdict = Verdict.SAFE  # torn, it is a syntax error in most places; not where the second half is an alias
    if not literal and (not spots or any(spot.torn for spot in spots)):
        verdict = Verdict.UNSAFE if spots else Verdict.NOT_PROVEN
    fix = None if literal else fixes.split_name(slot.hole, case.sources)
    yield Problem("PGX106", message, slot.hole, verdict, fix=fix, position="part of a name")


def _identifier(slot: Slot, spots: list[Spot], case: _Case) -> Iterator[Problem]:
    hole, who = slot.hole, _who(slot.hole.origin)
    if spots and all(is_wrong(slot, spot) for spot in spots):
        message = f"{who} is {_QUOTED_AS[hole.quoting]}, but a string is expected here"
        fix = _as_literal(hole, certain=True)
        yield Problem("PGX104", message, hole, Verdict.UNSAFE, None, Confidence.HIGH, fix, "a value")
        return
    expected = [] if case.open_ended else [_not_a_column(spot, hole) for spot in spots]
    if expected and None not in expected:
        why, confidence = next(reason for reason in expected if reason)
        message = f"{who} is {_QUOTED_AS[hole.quoting]} and names a column where a value is meant: {why}"
        yield Problem(
            "PGX104", message, hole, Verdict.UNSAFE, None, confidence, _as_literal(hole, certain=False), "a value"
        )


def _not_a_column(spot: Spot, hole: Hole) -> tuple[str, Confidence] | None:
    """Why the name at the spot is no column, and how sure that is; None where it can be one."""
    if found := value_place(spot):
        return found
    if compared(spot) and not hints_column(hole):
        return "it is compared as a value is", Confidence.MEDIUM
    if joined(spot) and not hints_column(hole):
        return "it is joined to a text as a value is", Confidence.MEDIUM
    return None


def _as_literal(hole: Hole, *, certain: bool) -> Fix | None:
    return fixes.replace_letter(hole, "L", certain=certain) if hole.quoting is Quoting.IDENTIFIER else None


def _literal(slot: Slot, spots: list[Spot], case: _Case) -> Iterator[Problem]:
    hole, who = slot.hole, _who(slot.hole.origin)
    if slot.requoted:
        message = f"{who} is quoted as a literal, but another quote touches it: the two strings become one"
        yield Problem("PGX104", message, hole, Verdict.UNSAFE, position="a value")
    if spots and all(is_wrong(slot, spot) or sorts_by_constant(spot) for spot in spots):
        kind, what = describe(spots)
        if kind not in (Kind.RELATION, Kind.IDENTIFIER):
            what = "a name"
        message = f"{who} is quoted as a literal, but {what} is expected here"
        fix = fixes.replace_letter(hole, "I", certain=kind is Kind.IDENTIFIER)
        yield Problem("PGX104", message, hole, Verdict.UNSAFE, None, Confidence.HIGH, fix, what)
        return
    if any(is_code(spot) for spot in spots):
        yield from _code(hole, case)
    if any(is_program(spot) for spot in spots):
        message = f"{who} is run as a program of the server: the caller decides what is done"
        yield Problem("PGX102", message, hole, Verdict.BY_DESIGN, position="a program")
    yield from _spliced_value(slot, spots, case)


_EXECUTE = re.compile(r"\bexecute\b(?!\s+(?:function|procedure)\b)", re.IGNORECASE)


# What stands before a literal that becomes the statement or a part of it, and no value of format() or USING.
_RUN_NEXT = re.compile(r"(?:\bexecute|\bformat\s*\(|\|\|)\s*\(?\s*\Z", re.IGNORECASE)


def _runs_literals(code: Text) -> Iterator[Problem]:
    """Code that has an EXECUTE of its own: a literal in it can be the statement that this runs."""
    found = list(leaves(code))
    if not any(isinstance(leaf, Const) and _EXECUTE.search(leaf.text) for leaf in found):
        return
    for before, leaf in pairwise(found):
        if isinstance(before, Const) and not _RUN_NEXT.search(before.text):
            continue
        if isinstance(leaf, Hole) and leaf.quoting is Quoting.LITERAL and leaf.origin.source is not Source.CONSTANT:
            message = f"{_who(leaf.origin)} is a literal in code that has an EXECUTE of its own, which may run it"
            yield Problem("PGX101", message, leaf, Verdict.NOT_PROVEN, None, Confidence.LOW, None, "a function body")


def _code(hole: Hole, case: _Case) -> Iterator[Problem]:
    """The body of a function or of a DO block that is one literal: the code in it is somebody's."""
    if hole.inner is not None:  # put together by the program: judged like any other code
        inside = judge(hole.inner, trusted=case.trusted, parameters=False, sources=case.sources)
        yield from (problem for problem in inside.problems if problem.verdict is not Verdict.SAFE)
        yield from _runs_literals(hole.inner)
        return
    if not hole.derived and hole.origin.source not in _UNKNOWN:
        message = (
            f"{_who(hole.origin)} is run as the body of a function or of a DO block: the caller decides what is done"
        )
        yield Problem("PGX102", message, hole, Verdict.BY_DESIGN, position="a function body")
        return
    message = (
        f"{_who(hole.origin)} is part of the body of a function or of a DO block: the analysis does not look into it"
    )
    yield Problem("PGX101", message, hole, Verdict.NOT_PROVEN, None, Confidence.LOW, None, "a function body")


def _inert(slot: Slot, spots: list[Spot], case: _Case) -> Iterator[Problem]:
    if slot.minus and slot.hole.type not in _NEVER_NEGATIVE:
        message = f"{_who(slot.hole.origin)} follows a minus sign: a negative number makes a comment of the rest"
        yield Problem("PGX101", message, slot.hole, Verdict.UNSAFE, position="a value")
        return
    yield from _spliced_value(slot, spots, case)


_NEVER_NEGATIVE = {"boolean", "bool", "uuid", "oid", "time", "inet", "cidr"}  # a date can be -infinity


def _spliced_value(slot: Slot, spots: list[Spot], case: _Case) -> Iterator[Problem]:
    if not case.parameters or slot.repeated or slot.modes != {Mode.NORMAL} or slot.requoted:
        return
    if spots and all(takes_parameter(spot) for spot in spots):
        message = f"{_who(slot.hole.origin)} is a value: EXECUTE ... USING passes it without quoting"
        yield Problem("PGX112", message, slot.hole, Verdict.SAFE, Severity.HINT, position="a value")


# --- the statement as a whole -------------------------------------------------------------------------------------

_OPEN_ENDED = {Quoting.RAW, Quoting.FIXED, Quoting.SQL, Quoting.WORD}


def _invalid(positions: Positions, slots: list[Slot], problems: list[Problem]) -> Iterator[Problem]:
    if not positions.complete or any(slot.hole.quoting in _OPEN_ENDED for slot in slots):
        return
    if all(problem.verdict is Verdict.SAFE for problem in problems) and never_valid(positions.refused, positions.error):
        message = f"this can never be valid SQL, whatever is put in: {_without_placeholder(positions.error)}"
        yield Problem("PGX108", message, None, Verdict.SAFE, None, Confidence.HIGH)


def _without_placeholder(error: str) -> str:
    """The parser's message; where it shows a placeholder, that means nothing to anybody."""
    shown = re.search(r' at or near "(.*)"', error, re.DOTALL)
    return error.replace(shown.group(), " at what is put in") if shown and is_placeholder(shown.group(1)) else error
