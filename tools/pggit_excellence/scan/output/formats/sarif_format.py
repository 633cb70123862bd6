"""SARIF 2.1.0, as code scanning services read it."""

from __future__ import annotations

import contextlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pggit_excellence.scan.model import Confidence, Edit, Finding, Fix, Severity
from pggit_excellence.scan.output.fingerprints import fingerprints, numbered
from pggit_excellence.scan.output.locations import from_here
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.output.rule_texts import TEXTS, page
from pggit_excellence.scan.output.rules import RULES, Rule
from pggit_excellence.scan.values.abstract import Place

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}
PRECISIONS = {Confidence.HIGH: "very-high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}
# GitHub's scale for security rules: from 7.0 high, from 4.0 medium, below low.
SCORES = {Severity.ERROR: "8.0", Severity.WARNING: "5.0", Severity.HINT: "1.0"}
FINGERPRINT = "pggitScan/v1"


def render(report: Report) -> str:
    """One run. Suppressed findings and those of the baseline are in it and marked as such."""
    suppressed = [item.finding for item in report.suppressed]
    prints = numbered(fingerprints(report.program, [*report.findings, *suppressed, *report.known]))
    reasons: list[dict[str, str] | None] = [None for _ in report.findings]
    reasons += [{"kind": "inSource", "justification": item.reason} for item in report.suppressed]
    reasons += [{"kind": "external", "justification": "in the baseline"} for _ in report.known]
    results = [
        _result(report, finding, fingerprint) | ({"suppressions": [reason]} if reason else {})
        for finding, fingerprint, reason in zip(
            [*report.findings, *suppressed, *report.known], prints, reasons, strict=True
        )
    ]
    run = {
        "tool": {"driver": _driver()},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [_invocation(report)],
        "properties": {"summary": report.summary()},
    }
    content = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _driver() -> dict[str, Any]:
    driver: dict[str, Any] = {"name": "pggit-excellence scan", "rules": [_rule(rule) for rule in RULES.values()]}
    with contextlib.suppress(PackageNotFoundError):  # in a checkout
        driver["version"] = version("pggit-excellence")
    return driver


def _rule(rule: Rule) -> dict[str, Any]:
    text = TEXTS[rule.id]
    tags = ["security", "sql"] if rule.cwe and rule.severity != Severity.HINT else ["sql"]
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(text.what.split())},
        "help": {"text": " ".join(text.fix.split()), "markdown": page(rule)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": tags + ([f"external/cwe/{rule.cwe.lower()}"] if rule.cwe else []),
            "precision": PRECISIONS[rule.confidence],
            **({"security-severity": SCORES[rule.severity]} if "security" in tags else {}),
        },
    }


def _result(report: Report, finding: Finding, fingerprint: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(report, finding.place, finding.function)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
        "properties": {"confidence": finding.confidence},
    }
    if finding.path:
        steps = [
            {"location": _location(report, step.place) | {"message": {"text": step.what}}} for step in finding.path
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if finding.fix is not None and finding.fix.edits:
        result["fixes"] = [_fix(report, finding.fix)]
    return result


def _location(report: Report, place: Place, function: str = "") -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": uri(place.file)}, "region": _region(report, place)}
    }
    if function:
        location["logicalLocations"] = [{"fullyQualifiedName": function, "kind": "function"}]
    return location


def uri(file: str) -> str:
    """Relative where the file is below the working directory."""
    path = Path(from_here(file))
    return path.as_uri() if path.is_absolute() else quote("stdin" if file == "-" else path.as_posix())


def _region(report: Report, place: Place) -> dict[str, int]:
    lines = report.locations[place.file]
    (line, column), (end_line, end_column) = lines.at(place.start), lines.at(place.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _fix(report: Report, fix: Fix) -> dict[str, Any]:
    files: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        files.setdefault(edit.place.file, []).append(edit)
    return {
        "description": {"text": fix.summary},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": uri(file)},
                "replacements": [
                    {"deletedRegion": _region(report, edit.place), "insertedContent": {"text": edit.text}}
                    for edit in edits
                ],
            }
            for file, edits in files.items()
        ],
    }


def _invocation(report: Report) -> dict[str, Any]:
    notes = [{"level": "error", "message": {"text": error}} for error in report.errors]
    return {"executionSuccessful": not report.errors, "toolExecutionNotifications": notes}
