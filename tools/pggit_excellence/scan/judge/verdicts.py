"""From what was noted on the way through a routine to sites and findings.

Every dynamic statement of the body becomes a site. Its texts (it may be passed several times) are judged one by one,
the worst verdict counts. A call that makes a scanned function run something gets a finding, but is no site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pggit_excellence.scan.flow import events
from pggit_excellence.scan.flow.assignments import shown
from pggit_excellence.scan.flow.stored import trusts, writers_note
from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.inputs.program import Program, Routine
from pggit_excellence.scan.judge.generated import makes_routine, written
from pggit_excellence.scan.judge.templates import Judgement, Problem, judge
from pggit_excellence.scan.model import Finding, Fix, Site, Verdict
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.plpgsql.walk import KINDS
from pggit_excellence.scan.values.abstract import Hole, Origin, Place, Source, Step, Text, holes

_STATEMENTS = frozenset(KINDS.values())
WORST = (Verdict.UNSAFE, Verdict.NOT_PROVEN, Verdict.BY_DESIGN, Verdict.SAFE)
# What a statement passed on by a call is worth telling for.
_DANGERS = frozenset(["PGX101", "PGX102", "PGX103", "PGX104", "PGX109"])
_MAX_STEPS = 14
_LONGEST_CODE = 300  # characters of a statement that are read for a path
_NOT_PARSED = "this part of the body was not understood: nothing is known of the statement that it runs"
_MISSED = "the analysis did not come by this statement: nothing is known of what it runs"


@dataclass(frozen=True, slots=True)
class PassedOn:
    """A statement that the routine runs and that depends on its parameters, for its callers to judge again."""

    function: str
    kind: str
    text: Text
    path: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Making:
    """A statement that may make routines; `runner` is where the function runs it that it was passed to."""

    place: Place
    text: Text
    runner: Place | None


@dataclass(slots=True)
class Outcome:
    """What was found in one routine."""

    sites: list[Site] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    passed: list[PassedOn] = field(default_factory=list)
    making: list[Making] = field(default_factory=list)


Judgements = dict[object, Judgement]  # by what was judged


def outcome(
    log: Iterable[events.Event],
    expected: dict[int, str],
    routine: Routine,
    program: Program,
    known: Judgements,
) -> Outcome:
    """Sites and findings of one routine. `expected` has every EXECUTE of the body, by offset in the body.

    `known` keeps the judgements: the same statement is run by each call that leads to it.
    """
    judge_of = _Judge(routine, program, known)
    unreached = set()
    for event in log:
        match event:
            case events.Ran():
                judge_of.ran(event)
            case events.Passed():
                judge_of.passed(event)
            case events.Reported(rule, message, place):
                judge_of.find(rule, message, place)
            case events.Unreached(keyword):
                unreached.add(keyword)
    for keyword, kind in expected.items():
        place = Place(routine.file, routine.map(keyword), routine.map(keyword + len("EXECUTE") - 1) + 1)
        if (place, kind) not in judge_of.verdicts:
            judge_of.missed(place, kind, keyword in unreached)
    return judge_of.outcome()


class _Judge:
    """Collects the verdicts of a routine."""

    def __init__(self, routine: Routine, program: Program, known: Judgements) -> None:
        self.routine, self.program, self.known = routine, program, known
        self.trusted = trusts(program)
        self.sources = {name: source.text for name, source in program.sources.items()}
        self.verdicts: dict[tuple[Place, str], Verdict] = {}
        self.findings: dict[tuple[str, Place, str], Finding] = {}
        self.told: set[tuple[object, ...]] = set()
        self.exported: dict[tuple[Place, str, Text], PassedOn] = {}
        self.making: dict[Making, None] = {}

    def outcome(self) -> Outcome:
        """All of it, in the order of the text."""
        routine = self.routine
        sites = [
            Site(place, routine.label, kind, verdict, routine.nested)
            for (place, kind), verdict in sorted(self.verdicts.items(), key=lambda item: (item[0][0].start, item[0][1]))
        ]
        return Outcome(sites, list(self.findings.values()), list(self.exported.values()), list(self.making))

    def ran(self, event: events.Ran) -> None:
        """A dynamic statement."""
        step = Step(event.place, shown(self._code(event.place, event.kind)))
        if event.text is None:
            self._count(event.place, event.kind, Verdict.NOT_PROVEN)
            self.find("PGX901", _NOT_PARSED, event.place)
            return
        judgement = self._judged(event.text, event.kind)
        self._note_making(event.place, event.text, None)
        self._count(event.place, event.kind, judgement.verdict)
        for problem in judgement.problems:
            self._report(_of_sink(problem, event.kind), event.place, event.kind, (step,))
        if judgement.verdict is not Verdict.SAFE:
            self._export(event.place, PassedOn(self.routine.label, event.kind, event.text, (step,)))

    def passed(self, event: events.Passed) -> None:
        """A call that makes another function run the text."""
        judgement = self._judged(event.text, event.kind)
        self._note_making(event.place, event.text, event.path[-1].place if event.path else None)
        step = Step(event.place, f"call of {event.function}: {shown(self._code(event.place, ''))}")
        path = (step, *event.path)
        for problem in judgement.problems:
            if problem.rule in _DANGERS and problem.verdict is not Verdict.SAFE and self._is_new(problem, event.place):
                message = f"{event.function} runs what it is given: {problem.message}"
                self._report(replace(problem, message=message, fix=None), event.place, event.kind, path, at_call=True)
        for kind in _STATEMENTS:
            if (event.place, kind) in self.verdicts:  # it is a dynamic statement that calls the function
                self._count(event.place, kind, judgement.verdict)
        if judgement.verdict is not Verdict.SAFE:
            self._export(event.place, PassedOn(self.routine.label or event.function, event.kind, event.text, path))

    def _note_making(self, place: Place, text: Text, runner: Place | None) -> None:
        if makes_routine(text):
            self.making[Making(place, text, runner)] = None

    def _is_new(self, problem: Problem, call: Place) -> bool:
        """Whether nothing with the same cause is told of the call yet.

        That is another field of the same row, or another statement of the function that is called.
        """
        cause = (problem.rule, problem.severity, call, problem.hole and _cause(problem.hole.origin))
        known = cause in self.told
        self.told.add(cause)
        return not known

    def missed(self, place: Place, kind: str, unreached: bool) -> None:
        """A statement that no path leads to is safe; one that the analysis lost is not proven."""
        self._count(place, kind, Verdict.SAFE if unreached else Verdict.NOT_PROVEN)
        if not unreached:
            self.find("PGX901", _MISSED, place)

    def find(self, rule: str, message: str, place: Place) -> None:
        """A finding without a path."""
        about = RULES[rule]
        finding = Finding(rule, message, place, self.routine.label, about.severity, about.confidence)
        self.findings.setdefault((rule, place, message), finding)

    def _judged(self, text: Text, kind: str) -> Judgement:
        parameters = kind in _STATEMENTS
        key = written(text), parameters
        if key not in self.known:
            self.known[key] = judge(text, trusted=self.trusted, parameters=parameters, sources=self.sources)
        return self.known[key]

    def _count(self, place: Place, kind: str, verdict: Verdict) -> None:
        before = self.verdicts.get((place, kind), Verdict.SAFE)
        self.verdicts[(place, kind)] = min(before, verdict, key=WORST.index)

    def _report(
        self, problem: Problem, site: Place, kind: str, behind: tuple[Step, ...], *, at_call: bool = False
    ) -> None:
        about = RULES[problem.rule]
        hole = problem.hole
        place = site
        message = problem.message
        if hole is not None:
            message += writers_note(hole.origin, self.program)
            spliced = hole.specifier or hole.place
            if spliced is not None and not at_call and self._is_here(spliced):
                place = spliced
        finding = Finding(
            problem.rule,
            message,
            place,
            self.routine.label,
            problem.severity or about.severity,
            problem.confidence or about.confidence,
            path=self._path(hole, behind),
            fix=_in_python(problem.fix) if kind.startswith("plpy.") else problem.fix,
        )
        self.findings.setdefault((problem.rule, place, message), finding)

    def _is_here(self, place: Place) -> bool:
        return place.file == self.routine.file and self.routine.start <= place.start < self.routine.end

    def _path(self, hole: Hole | None, behind: tuple[Step, ...]) -> tuple[Step, ...]:
        """From the source through the assignments to the statement."""
        if hole is None:
            return behind
        inside = 0  # steps in this routine, behind which what it calls goes on
        if len(behind) > 1:
            inside = max((at for at, step in enumerate(hole.path, 1) if self._is_here(step.place)), default=0)
            behind = (behind[0], *hole.path[inside:], *behind[1:])
        before = hole.path[:inside] if len(behind) > 1 else hole.path
        steps = list(dict.fromkeys((*self._source(hole), *before, *behind)))
        return tuple(steps if len(steps) <= _MAX_STEPS else steps[: _MAX_STEPS // 2] + steps[-_MAX_STEPS // 2 :])

    def _source(self, hole: Hole) -> Iterator[Step]:
        origin = hole.origin
        if origin.source is Source.PARAMETER:
            declared = declaration(origin.name.partition(".")[0], origin.routine, self.program)
            if declared is not None:
                yield Step(declared, f"parameter {origin.name}")
            return
        if origin.source is Source.CONSTANT or any(origin.name in step.what for step in hole.path[:1]):
            return
        first = hole.path[0].place if hole.path else hole.place
        if first is not None and first.file:
            yield Step(first, f"from {origin.name}")

    def _export(self, place: Place, passed: PassedOn) -> None:
        """Callers judge again what depends on the parameters."""
        if _speaks_of_parameters(passed.text, self.routine.key):
            self.exported.setdefault((place, passed.kind, passed.text), passed)

    def _code(self, place: Place, kind: str) -> str:
        """The statement from EXECUTE on, or the call whose function's name is at the place."""
        text = self.sources.get(place.file, "")
        depth = 0
        for token in tokens(text, place.start, place.start + _LONGEST_CODE):
            word = text[token.start : token.end].lower()
            depth += (word in {"(", "["}) - (word in {")", "]"})
            if depth <= 0 and kind in _STATEMENTS and word in {";", "loop"}:
                return text[place.start : token.start]
            if depth <= 0 and kind not in _STATEMENTS and word == ")":
                return text[place.start : token.end]
        return text[place.start : place.start + _LONGEST_CODE]


def _speaks_of_parameters(text: Text, key: str) -> bool:
    """Whether a parameter of the routine is in the text, or in what is quoted in it."""
    return any(
        (hole.origin.source is Source.PARAMETER and hole.origin.routine == key)
        or (hole.inner is not None and _speaks_of_parameters(hole.inner, key))
        for hole in holes(text)
    )


def _cause(origin: Origin) -> tuple[str, ...]:
    """What is to blame for a hole: a table, a parameter..."""
    if origin.relation:
        return origin.source, origin.schema, origin.relation
    return origin.source, origin.routine, origin.name.partition(".")[0]


def _of_sink(problem: Problem, kind: str) -> Problem:
    """Unquoted text that a function runs, and no statement of PL/pgSQL, has a rule of its own."""
    if problem.rule != "PGX101" or kind in _STATEMENTS:
        return problem
    return replace(problem, rule="PGX111", message=f"{problem.message} (run by {kind})")


def _in_python(fix: Fix | None) -> Fix | None:
    """The fix with the functions that quote in PL/Python."""
    if fix is None:
        return None
    edits = tuple(replace(edit, text=edit.text.replace("quote_", "plpy.quote_")) for edit in fix.edits)
    return replace(fix, summary=fix.summary.replace("quote_", "plpy.quote_"), edits=edits)


def declaration(name: str, key: str, program: Program) -> Place | None:
    """Where a parameter is declared: in the header of its routine."""
    routine = next((routine for routine in program.routines if routine.key == key), None)
    source = program.sources.get(routine.file) if routine is not None else None
    if routine is None or source is None:
        return None
    end = routine.map(0) if routine.body else routine.end
    header = source.text[routine.start : end]
    first = max(header.find("("), 0)
    match = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])", re.IGNORECASE).search(header, first)
    if match is None:
        return Place(routine.file, routine.start, routine.start + min(len(header), 40))
    return Place(routine.file, routine.start + match.start(), routine.start + match.end())


def given_up(routine: Routine, reason: str, program: Program) -> Outcome:
    """Sites of a routine that could not be analysed: none is proven."""
    judge_of = _Judge(routine, program, {})
    for token in tokens(routine.body):
        if token.kind is Kind.WORD and routine.body[token.start : token.end].lower() == "execute":
            start = routine.map(token.start)
            judge_of.missed(Place(routine.file, start, start + len("EXECUTE")), "execute", unreached=False)
    judge_of.find("PGX901", reason, Place(routine.file, routine.start, routine.start + 1))
    return judge_of.outcome()
