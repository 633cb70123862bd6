"""Dynamic statements in routines that a routine makes, where nested.py does not see them in the constants."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.nested import stretches
from pggit_excellence.scan.inputs.program import Program, Routine
from pggit_excellence.scan.judge.generated import Made, made_by
from pggit_excellence.scan.judge.verdicts import Making, Outcome
from pggit_excellence.scan.model import Finding, Site, Verdict
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.values.abstract import Place

Analysed = Callable[[Routine, Made], Outcome]
_DEEPEST = 4
_TOO_MANY = "this makes routines of too many forms to read each: what they run is not known"
_NOT_KNOWN = "this makes a routine of text that the analysis does not know: what it runs is not known"
_TOO_DEEP = "this makes routines that make routines, deeper than the analysis goes: what they run is not known"


def with_made(
    found: Outcome, routine: Routine, program: Program, analysed: Analysed, known: Callable[[Routine], Outcome]
) -> Outcome:
    """What was found in a routine, with what is found in those that it makes.

    `analysed` gives that of one of them, `known` what was found in another routine of the program.
    """
    making = _Makings(program, analysed, known)
    making.follow(found, routine, 0)
    covered = set(making.covered(routine.file))
    sites = [site for site in making.sites if site.place.start not in covered]
    findings = [finding for finding in making.findings if finding.place.start not in covered] if sites else []
    return replace(found, sites=[*found.sites, *sites], findings=[*found.findings, *findings])


class _Makings:
    """Collects what is found."""

    def __init__(self, program: Program, analysed: Analysed, known: Callable[[Routine], Outcome]) -> None:
        self.program, self.analysed, self.known = program, analysed, known
        self.sites: list[Site] = []
        self.findings: list[Finding] = []

    def follow(self, found: Outcome, routine: Routine, depth: int) -> None:
        """The routines that the statements of one make, and what those make."""
        source = self.program.sources[routine.file].text if routine.file in self.program.sources else ""
        for statement in found.making:
            made = made_by(statement.text, statement.place, routine, source)
            inside = Outcome()
            self.give_up(made.unread, routine, _TOO_MANY, inside)
            if made.routines and depth == _DEEPEST:
                self.give_up([statement.place], routine, _TOO_DEEP, inside)
            self.add(inside, statement)
            for each in made.routines if depth < _DEEPEST else ():
                inside = self.analysed(each, made)
                if not made.is_known(each):
                    self.give_up([statement.place], routine, _NOT_KNOWN, inside)
                self.add(inside, statement)
                self.follow(inside, each, depth + 1)

    def add(self, inside: Outcome, statement: Making) -> None:
        """What is found in a made routine; not what is told of the function itself that the statement is passed to."""
        runner = self.routine_at(statement.runner) if statement.runner is not None else None
        makes = runner is not None and any(each.place == statement.runner for each in self.known(runner).making)

        def is_new(place: Place) -> bool:
            of_runner = self.routine_at(place) is runner or (makes and place.start == statement.place.start)
            return runner is None or not of_runner

        self.sites += [site for site in inside.sites if is_new(site.place)]
        self.findings += [finding for finding in inside.findings if is_new(finding.place)]

    def routine_at(self, place: Place) -> Routine | None:
        """The routine in which the place is, none of those in templates."""
        return next(
            (
                each
                for each in self.program.routines
                if not each.nested and each.file == place.file and each.start <= place.start < each.end
            ),
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
