"""For people: the finding, the line with carets, the path by which the text got there, the fix as a diff.

Colours only on a terminal; nothing that a scanned file holds reaches it as an escape sequence.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from pggit_excellence.printable import printable
from pggit_excellence.scan.model import Finding, Severity, Verdict
from pggit_excellence.scan.output.formats.json_format import fix_diff
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.values.abstract import Place

# A line is a list of (text, style of rich).
Line = list[tuple[str, str]]
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}
DIFF_STYLES = {"+": "green", "-": "red", "@": "dim"}
# A source line that is longer is shown from before the carets on.
LONGEST_LINE = 160
VERDICTS = {
    Verdict.SAFE: "safe",
    Verdict.UNSAFE: "unsafe",
    Verdict.BY_DESIGN: "by design",
    Verdict.NOT_PROVEN: "not proven",
}


def render(report: Report) -> str:
    """The report as plain text."""
    return "".join("".join(text for text, _ in line) + "\n" for line in lines(report))


def print_styled(report: Report) -> None:
    """The report with colours, to a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in lines(report):
        console.print(Text.assemble(*line), soft_wrap=True)


def lines(report: Report) -> Iterator[Line]:
    """The report, line after line."""
    for finding in report.findings:
        yield from _finding(report, finding)
        yield []
    for entry in report.gone:
        what = printable(f"{entry.rule} in {entry.function or entry.file}", keep="")
        yield [("gone from the baseline: ", "green"), (f"{what} ({entry.count})", "")]
    if report.statistics:
        yield from _statistics(report)
    yield _summary(report)


def _finding(report: Report, finding: Finding) -> Iterator[Line]:
    line, column = report.locations[finding.place.file].at(finding.place.start)
    style = STYLES[finding.severity]
    yield [
        (f"{printable(finding.place.file, keep='')}:{line}:{column}: ", "bold"),
        (f"{finding.rule} {finding.severity}", style),
        (f": {printable(finding.message, keep='')}", ""),
        (f" [{RULES[finding.rule].name}, {finding.confidence} confidence]", "dim"),
    ]
    yield from _carets(report, finding.place, style)
    if finding.path:
        yield [("  path", "bold")]
    for step in finding.path:
        where = f"{step.place.file}:{report.locations[step.place.file].at(step.place.start)[0]}"
        yield [(f"    {printable(where, keep='')}  ", "dim"), (printable(step.what, keep=""), "")]
    if finding.fix is not None:
        sure = "--fix makes it" if finding.fix.certain else "look at it first"
        yield [("  fix", "bold"), (f" ({sure}): {printable(finding.fix.summary, keep='')}", "")]
        for changed in fix_diff(report, finding.fix):
            yield [("    " + printable(changed, keep="\t"), DIFF_STYLES.get(changed[:1], ""))]


def _carets(report: Report, place: Place, style: str) -> Iterator[Line]:
    """The source line, and carets under the place; up to the end of the line where the place goes on."""
    source = report.locations[place.file]
    number, column = source.at(place.start)
    end_line, end_column = source.at(place.end)
    text, start = source.text(number), column - 1
    if not text.strip():
        return
    end = min(end_column - 1 if end_line == number else len(text), len(text))
    cut = max(0, min(start - LONGEST_LINE // 3, len(text) - LONGEST_LINE)) if len(text) > LONGEST_LINE else 0
    shown_end = min(len(text), cut + LONGEST_LINE)
    before, marked = text[cut:start], text[start : min(max(end, start + 1), shown_end)]
    margin = f"{number:>6} | "
    dots = "..." if cut else ""
    rest = printable(text[cut:shown_end], keep="\t") + ("..." if shown_end < len(text) else "")
    yield [(margin, "dim"), (dots + rest, "")]
    blank = "".join(c if c == "\t" else " " * _width(c) for c in printable(before, keep="\t"))
    carets = "^" * max(1, sum(_width(c) for c in printable(marked, keep="\t")))
    yield [(" " * (len(margin) - 2) + "| ", "dim"), (" " * len(dots) + blank, ""), (carets, style)]


def _width(character: str) -> int:
    """Columns that a terminal gives it."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _summary(report: Report) -> Line:
    count = len(report.findings)
    by_severity = [
        _plural(sum(finding.severity == severity for finding in report.findings), severity) for severity in STYLES
    ]
    details = ", ".join(text for text in by_severity if not text.startswith("0 "))
    verdicts = [(sum(site.verdict == verdict for site in report.sites), name) for verdict, name in VERDICTS.items()]
    sites = ", ".join(f"{number} {name}" for number, name in verdicts if number)
    beside = [
        _plural(len(report.suppressed), "suppressed", ""),
        _plural(len(report.known), "in the baseline", ""),
        _plural(len(report.errors), "problem"),
    ]
    text = f"{_plural(count, 'finding') if count else 'no findings'}{f' ({details})' if details else ''}; "
    text += f"{_plural(len(report.sites), 'dynamic statement')}{f': {sites}' if sites else ''}; "
    text += _plural(len(report.program.sources), "input")
    text += "".join(f"; {item}" for item in beside if not item.startswith("0 "))
    return [(text, "bold" if count else "bold green")]


def _plural(number: int, name: str, plural: str = "s") -> str:
    return f"{number:,} {name}{plural if number != 1 else ''}"


def _statistics(report: Report) -> Iterator[Line]:
    """Numbers as a table; rules by how often they were found."""
    summary = report.summary()
    for name in ("files", "lines", "routines"):
        yield [(f"{name:<16}", "bold"), (f"{summary[name]:>10,}", "")]
    for verdict, name in VERDICTS.items():
        number = sum(site.verdict == verdict for site in report.sites)
        yield [(f"{'sites ' + name:<16}", "bold"), (f"{number:>10,}", "")]
    rules = [finding.rule for finding in report.findings]
    for rule in sorted(set(rules), key=lambda rule: (-rules.count(rule), rule)):
        yield [(f"{rule:<16}", "bold"), (f"{rules.count(rule):>10,}  {RULES[rule].title}", "")]
    yield [(f"{'seconds':<16}", "bold"), (f"{report.seconds:>10.2f}", "")]
    yield []
