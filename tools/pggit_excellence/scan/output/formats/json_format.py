"""One JSON object, for programs. Keys are only ever added."""

from __future__ import annotations

import json
from typing import Any

from pggit_excellence.scan.model import Finding, Fix, Site
from pggit_excellence.scan.output.locations import diff
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.values.abstract import Place


def render(report: Report) -> str:
    """The whole report; lines and columns are counted from 1, columns in characters."""
    content = {
        "findings": [finding_object(report, finding) for finding in report.findings],
        "sites": [_site(report, site) for site in report.sites],
        "errors": report.errors,
        "summary": report.summary(),
        "suppressed": [finding_object(report, item.finding) | {"reason": item.reason} for item in report.suppressed],
        "baseline": [finding_object(report, finding) for finding in report.known],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def finding_object(report: Report, finding: Finding) -> dict[str, Any]:
    """One finding; `cwe` and `fix` are null where there is none."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "cwe": RULES[finding.rule].cwe or None,
        **_place(report, finding.place),
        "function": finding.function,
        "message": finding.message,
        "path": [
            {"file": step.place.file, "line": _line(report, step.place), "what": step.what} for step in finding.path
        ],
        "fix": None if finding.fix is None else _fix(report, finding.fix),
    }


def _place(report: Report, place: Place) -> dict[str, Any]:
    lines = report.locations[place.file]
    (line, column), (end_line, end_column) = lines.at(place.start), lines.at(place.end)
    return {"file": place.file, "line": line, "column": column, "end_line": end_line, "end_column": end_column}


def _line(report: Report, place: Place) -> int:
    return report.locations[place.file].at(place.start)[0]


def _fix(report: Report, fix: Fix) -> dict[str, Any]:
    return {
        "summary": fix.summary,
        "certain": fix.certain,
        "edits": [_place(report, edit.place) | {"text": edit.text} for edit in fix.edits],
        "diff": "\n".join(fix_diff(report, fix)),
    }


def fix_diff(report: Report, fix: Fix) -> list[str]:
    """The fix as a unified diff, file after file."""
    files = dict.fromkeys(edit.place.file for edit in fix.edits)
    return [
        line
        for file in files
        for line in diff(report.locations[file], [edit for edit in fix.edits if edit.place.file == file])
    ]


def _site(report: Report, site: Site) -> dict[str, Any]:
    return {
        "file": site.place.file,
        "line": _line(report, site.place),
        "function": site.function,
        "kind": site.kind,
        "verdict": site.verdict,
        "nested": site.nested,
    }
