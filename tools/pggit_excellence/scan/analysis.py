"""The analysis of a program: every routine that can run dynamic SQL, in processes of their own.

libpg_query is C code: whatever it does to a process must not end the run. Workers are forked, each with a share of
the routines, and send one outcome after the other; a routine that its worker dies of, or that takes too long, is
tried once more alone, and then given up: its dynamic statements are "not proven".
"""

from __future__ import annotations

from collections.abc import Iterable

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow.summaries import Summaries
from pggit_excellence.scan.flow.views import add_types
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import NotUnderstood, Program, Routine, SourceText
from pggit_excellence.scan.judge.trust import trust
from pggit_excellence.scan.judge.verdicts import WORST, Outcome, given_up
from pggit_excellence.scan.model import Analysis, Finding, Site, Verdict
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.values.abstract import Place
from pggit_excellence.scan.workers import Isolated, Lost

# The work that any routine is, in characters of its body.
_BASE = 200


def analyse(program: Program, config: Config, *, isolated: bool = True) -> Analysis:
    """Sites and findings of the whole program, in the order of the files.

    Without `isolated` everything happens in this process.
    """
    whole = replace(program, routines=[*program.routines, *program.nested])
    summaries = Summaries(whole, config)
    chosen = [routine for routine in whole.routines if summaries.is_worth_it(routine)]
    add_types(program, summaries.mentioned(chosen))
    analysis = Analysis()
    for routine, outcome in zip(chosen, _outcomes(chosen, summaries, config, isolated), strict=True):
        _add(analysis, routine, outcome, whole)
    for part in program.not_understood:
        _add_not_understood(analysis, part)
    analysis.findings += trust(program, analysis.sites)
    _order(analysis, program)
    return analysis


def scan_text(text: str, name: str = "-", config: Config | None = None) -> Analysis:
    """The analysis of one text, in this process."""
    config = config or Config()
    program = build([SourceText(name, text)], sinks=[sink for _, sink in config.sinks])
    return analyse(program, config, isolated=False)


def _outcomes(
    routines: list[Routine], summaries: Summaries, config: Config, isolated: bool
) -> Iterable[Outcome | Lost]:
    def analysed(index: int) -> Outcome:
        found = summaries.outcome(routines[index])
        return Outcome(found.sites, found.findings)  # the rest is for other routines, and takes longer to send

    if not isolated:
        return (analysed(index) for index in range(len(routines)))
    sizes = [len(routine.body) + _BASE for routine in routines]
    return Isolated(analysed, sizes, config.jobs).answers()


def _add(analysis: Analysis, routine: Routine, outcome: Outcome | Lost, program: Program) -> None:
    if isinstance(outcome, Lost):
        analysis.errors.append(f"{routine.file}: {routine.label or routine.kind}: {outcome.reason}")
        outcome = given_up(routine, outcome.reason, program)
    analysis.sites += outcome.sites
    analysis.findings += outcome.findings


def _add_not_understood(analysis: Analysis, part: NotUnderstood) -> None:
    """PGX901, and each EXECUTE in it as a site."""
    about = RULES["PGX901"]
    end = min(part.end, part.start + 1)
    place = Place(part.file, part.start, max(end, part.start))
    analysis.findings.append(Finding("PGX901", part.reason, place, "", about.severity, about.confidence))
    for start in part.executes:
        site = Place(part.file, start, start + len("EXECUTE"))
        analysis.sites.append(Site(site, "", "execute", Verdict.NOT_PROVEN))


def _order(analysis: Analysis, program: Program) -> None:
    """By place, each thing once."""
    files = {file: number for number, file in enumerate(program.sources)}

    def order(item: Finding | Site) -> tuple[int, int, int]:
        return files.get(item.place.file, -1), item.place.start, item.place.end

    unique = {(f.rule, f.place, f.message): f for f in reversed(analysis.findings)}
    analysis.findings = sorted(unique.values(), key=lambda f: (*order(f), f.rule, f.message))
    sites: dict[tuple[Place, str, bool], Site] = {}
    for site in analysis.sites:
        key = site.place, site.kind, site.nested
        if key not in sites or not site.nested or WORST.index(site.verdict) < WORST.index(sites[key].verdict):
            sites[key] = site
    analysis.sites = sorted(sites.values(), key=lambda site: (*order(site), site.kind, site.nested))
    analysis.errors = list(dict.fromkeys(analysis.errors))
