"""What the user gets to see of an analysis: without what is not selected, suppressed or known from before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.program import Program
from pggit_excellence.scan.model import Analysis, Finding
from pggit_excellence.scan.output import baseline
from pggit_excellence.scan.output.fingerprints import fingerprints
from pggit_excellence.scan.output.locations import Locations
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.output.suppress import suppress


def whole_files(program: Program) -> list[str]:
    """A line for each source of which nothing at all was understood."""
    with_routines = {routine.file for routine in program.routines}
    lines = []
    for part in program.not_understood:
        text = program.sources[part.file].text
        outside = text[: part.start] + text[part.end :]
        if part.file not in with_routines and text.strip() and not outside.strip(" \t\r\n;\ufeff"):
            lines.append(f"{part.file}: nothing in it was understood: {part.reason}")
    return lines


def outcome(program: Program, analysis: Analysis, config: Config, problems: Sequence[str] = ()) -> Report:
    """What is left after selection, suppressions and baseline, in the order of the files."""

    def wanted(findings: Iterable[Finding]) -> list[Finding]:
        return [f for f in findings if config.enabled(f.rule) and not config.ignored_in(f.rule, f.place.file)]

    enabled = [rule for rule in RULES if config.enabled(rule)]
    found, suppressed = suppress(program, wanted(analysis.findings), enabled, Locations(program.sources))
    order = {file: number for number, file in enumerate(program.sources)}
    found = sorted(
        wanted(found), key=lambda f: (order.get(f.place.file, len(order)), f.place.start, f.place.end, f.rule)
    )
    errors = [*problems, *whole_files(program), *analysis.errors]
    report = Report(program, config, found, analysis.sites, errors, suppressed=suppressed)
    if config.baseline is not None:
        entries = baseline.read(config.baseline)
        split = baseline.split(found, fingerprints(program, found), entries)
        report.findings, report.known, report.gone = split
    return report
