"""Annotations of GitHub Actions: workflow commands on standard output."""

from __future__ import annotations

from pggit_excellence.printable import printable
from pggit_excellence.scan.model import Finding, Severity
from pggit_excellence.scan.output.locations import from_here
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.output.rules import RULES

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def render(report: Report) -> str:
    """One line for each finding and for each problem."""
    lines = [_annotation(report, finding) for finding in report.findings]
    lines += [f"::error title=pggit-excellence scan::{_data(error)}" for error in report.errors]
    return "".join(f"{line}\n" for line in lines)


def _annotation(report: Report, finding: Finding) -> str:
    lines = report.locations[finding.place.file]
    (line, column), (end_line, end_column) = lines.at(finding.place.start), lines.at(finding.place.end)
    properties: dict[str, object] = {"file": from_here(finding.place.file), "line": line, "endLine": end_line}
    if line == end_line:  # columns are allowed within one line only; the last one belongs to it
        properties |= {"col": column, "endColumn": max(column, end_column - 1)}
    properties["title"] = f"{finding.rule} {RULES[finding.rule].title}"
    text = finding.message + "".join(
        f"\n{step.place.file}:{report.locations[step.place.file].at(step.place.start)[0]} {step.what}"
        for step in finding.path
    )
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{COMMANDS[finding.severity]} {written}::{_data(text)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
