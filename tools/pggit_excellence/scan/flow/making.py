"""Dynamic statements in routines that a routine makes, where nested.py does not see them in the constants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from pggit_excellence.scan.flow.telling import NAMES as TELLING
from pggit_excellence.scan.flow.words import words
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.nested import stretches
from pggit_excellence.scan.inputs.program import Program, Routine
from pggit_excellence.scan.judge.generated import Made, constants, made_by, written
from pggit_excellence.scan.judge.verdicts import Making, Outcome
from pggit_excellence.scan.model import Finding, Site, Verdict
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.values.abstract import Place, Text

Analysed = Callable[[Routine, Made], Outcome]
_DEEPEST = 4
_TOO_MANY = "this makes routines of too many forms to read each: what they run is not known"
_NOT_KNOWN = "this makes a routine of text that the analysis does not know: what it runs is not known"
_TOO_DEEP = "this makes routines that make routines, deeper than the analysis goes: what they run is not known"


def with_made(
    found: Outcome,
    routine: Routine,
    program: Program,
    analysed: Analysed,
    known: Callable[[Routine], Outcome],
    *,
    running: frozenset[str],
) -> Outcome:
    """What was found in a routine, with what is found in those that it makes.

    `analysed` gives that of one of them, `known` what was found in another routine of the program; `running` are the
    names of what may run SQL.
    """
    making = _Makings(program, analysed, known, running)
    making.follow(found, routine, 0)
    covered = set(making.covered(routine.file))
    sites = [site for site in making.sites if site.place.start not in covered]
    findings = [finding for finding in making.findings if finding.place.start not in covered] if sites else []
    return replace(found, sites=[*found.sites, *sites], findings=[*found.findings, *findings])


class _Makings:
    """Collects what is found."""

    def __init__(
        self, program: Program, analysed: Analysed, known: Callable[[Routine], Outcome], running: frozenset[str]
    ) -> None:
        self.program, self.analysed, self.known = program, analysed, known
        self.telling = running | TELLING
        self.sites: list[Site] = []
        self.findings: list[Finding] = []
        self.read: dict[object, tuple[int, list[Outcome]]] = {}  # what statements make: at which depth, what is in it

    def follow(self, found: Outcome, routine: Routine, depth: int) -> None:
        """The routines that the statements of one make, and what those make."""
        for statement in found.making:
            runner = self.routine_at(statement.runner) if statement.runner is not None else None
            own = [] if runner is None else [m.text for m in self.known(runner).making if m.place == statement.runner]
            if runner is not None and any(self.is_told(statement.text, text, runner) for text in own):
                continue
            key = statement.place, written(statement.text)
            known = self.read.get(key)
            if known is not None and known[0] <= depth:
                for inside in known[1]:
                    self.add(inside, statement.place, runner, makes=bool(own))
                continue
            insides: list[Outcome] = []
            self.read[key] = depth, insides
            for each, inside in self.made(statement, routine, depth):
                insides.append(inside)
                self.add(inside, statement.place, runner, makes=bool(own))
                if each is not None:
                    self.follow(inside, each, depth + 1)

    def made(self, statement: Making, routine: Routine, depth: int) -> Iterator[tuple[Routine | None, Outcome]]:
        """The routines that the statement makes, with what is found in each; what is told of all of them has none."""
        source = self.program.sources[routine.file].text if routine.file in self.program.sources else ""
        made = made_by(statement.text, statement.place, routine, source)
        inside = Outcome()
        self.give_up(made.unread, routine, _TOO_MANY, inside)
        if made.routines and depth == _DEEPEST:
            self.give_up([statement.place], routine, _TOO_DEEP, inside)
        yield None, inside
        for each in made.routines if depth < _DEEPEST else ():
            inside = self.analysed(each, made)
            if not made.is_known(each):
                self.give_up([statement.place], routine, _NOT_KNOWN, inside)
            yield each, inside

    def is_told(self, text: Text, own: Text, runner: Routine) -> bool:
        """Whether all that can be told of what a function makes of the text is told of the function itself.

        That is where whatever runs SQL in it is the function's `own`: with any other text that it may be given, its own
        analysis has reckoned.
        """
        known = Counter(const.text for const in constants(own) if const.place is None)
        given = []
        for const in constants(text):
            if const.place is None and known[const.text]:
                known[const.text] -= 1
            elif const.place is None or not _is_in(const.place, runner):
                given.append(const.text)
        return all(self.telling.isdisjoint(words(between.join(given))) for between in ("", " "))

    def add(self, inside: Outcome, place: Place, runner: Routine | None, *, makes: bool) -> None:
        """What is found in a routine made at `place`; not what is told of the function itself that is to run it."""

        def is_new(found: Place) -> bool:
            of_runner = self.routine_at(found) is runner or (makes and found.start == place.start)
            return runner is None or not of_runner

        self.sites += [site for site in inside.sites if is_new(site.place)]
        # Text that has no place of its own is where the call is; the statement that it goes into may have one.
        self.findings += [
            finding
            for finding in inside.findings
            if is_new(finding.place) or any(is_new(step.place) for step in finding.path[-1:])
        ]

    def routine_at(self, place: Place) -> Routine | None:
        """The routine in which the place is, none of those in templates."""
        return next(
            (each for each in self.program.routines if not each.nested and _is_in(place, each)),
            None,
        )

    @staticmethod
    def give_up(places: list[Place], routine: Routine, reason: str, inside: Outcome) -> None:
        about = RULES["PGX901"]
        for place in places:
            inside.sites.append(Site(place, routine.label, "execute", Verdict.NOT_PROVEN, nested=True))
            inside.findings.append(Finding("PGX901", reason, place, routine.label, about.severity, about.confidence))

    def covered(self, file: str) -> Iterator[int]:
        """Characters of the file that are in routines which were found as they are written."""
        for routine in self.program.routines:
            if routine.nested and routine.file == file:
                for first, last, target in stretches(routine.map, 0, len(routine.body)):
                    yield from range(target, target + last - first)


def _is_in(place: Place, routine: Routine) -> bool:
    return place.file == routine.file and routine.start <= place.start < routine.end
