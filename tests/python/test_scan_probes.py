"""The scanner's answer for each probe against what is true of it (test_scan_probes_exploit.py tries that)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from probe_set import PROBES, VERDICTS, Probe, probes

ROOT = Path(__file__).resolve().parents[2]
BY_RULE = {
    "PGX101": "unsafe",
    "PGX102": "by_design",
    "PGX103": "by_design",
    "PGX104": "unsafe",
    "PGX109": "unsafe",
    "PGX111": "unsafe",
}
# The worst of several is what counts.
RANK = {verdict: rank for rank, verdict in enumerate(("safe", "not_proven", "by_design", "unsafe"))}
Record = dict[str, Any]


def scan(*paths: str) -> Record:
    """The scanner's report on the paths."""
    command = [sys.executable, "-P", "-m", "pggit_excellence", "scan", "--format", "json", *paths]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 1, f"exit status {done.returncode}: {done.stderr}"
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report


@pytest.fixture(scope="module")
def report() -> Record:
    """The scanner's report on all probes, read once."""
    return scan(str(PROBES))


def bare_name(function: str | None) -> str:
    """A routine's name without schema, arguments and quotes."""
    return re.sub(r"\(.*|\"", "", function or "").rpartition(".")[2]


def inside(probe: Probe, records: list[Record]) -> list[Record]:
    """The records that are about a line of the probe."""
    return [
        record
        for record in records
        if Path(record["file"]).name == probe.file.name and probe.first <= record["line"] <= probe.last
    ]


def about(probe: Probe, records: list[Record]) -> list[Record]:
    """Those of the records that are about its routine, about one that this generates, or about its DO block."""
    return [
        record
        for record in records
        if probe.runs_when_used or record.get("nested") or bare_name(record["function"]) == probe.function
    ]


def judge(probe: Probe, report: Record) -> list[str]:
    """What the report gets wrong about the probe."""
    reported = inside(probe, report["findings"])
    sites, findings = about(probe, inside(probe, report["sites"])), about(probe, reported)
    verdicts = [site["verdict"] for site in sites]
    verdicts += [BY_RULE[finding["rule"]] for finding in findings if finding["rule"] in BY_RULE]
    verdict = max(verdicts, key=RANK.__getitem__, default="safe")
    rules = {finding["rule"] for finding in reported}
    wrong = []
    if probe.has_site != bool(sites):
        wrong.append("no dynamic statement found" if probe.has_site else f"no dynamic statement is there: {sites}")
    if verdict not in probe.verdicts:
        wrong.append(f"called {verdict}, but it is {' or '.join(sorted(probe.verdicts))}: {findings or sites}")
    elif verdict != "not_proven" and probe.rules and not probe.rules & rules:
        wrong.append(f"{' or '.join(sorted(probe.rules))} not reported, but {sorted(rules) or 'nothing'}")
    return wrong


@pytest.mark.once
@pytest.mark.parametrize("probe", probes(), ids=lambda probe: probe.name)
def test_probe(report: Record, probe: Probe) -> None:
    assert judge(probe, report) == []


@pytest.mark.once
def test_no_errors(report: Record) -> None:
    """Every probe was understood."""
    assert report["errors"] == []


def made_up(probe: Probe, verdict: str, *rules: str) -> Record:
    """A report that says this of the probe."""
    place = {"file": str(probe.file), "line": probe.last, "function": f"public.{probe.function}(text)"}
    return {
        "sites": [place | {"verdict": verdict, "nested": False}],
        "findings": [place | {"rule": rule} for rule in rules],
    }


@pytest.mark.once
def test_a_wrong_answer_is_seen() -> None:
    """For a safe and an unsafe probe: each wrong verdict, the wrong rule, an alarm beside it, and no answer at all."""
    found = {probe.name: probe for probe in probes()}
    unsafe, safe = found["assign_plain"], found["assign_plain_quoted"]
    assert judge(unsafe, made_up(unsafe, "unsafe", "PGX101")) == []
    assert judge(safe, made_up(safe, "safe", "PGX112")) == []
    for verdict in VERDICTS:
        assert bool(judge(unsafe, made_up(unsafe, verdict, "PGX112"))), verdict
        assert bool(judge(safe, made_up(safe, verdict))) == (verdict != "safe")
    assert judge(unsafe, made_up(unsafe, "unsafe", "PGX104"))
    assert judge(safe, made_up(safe, "safe", "PGX101"))
    assert judge(unsafe, made_up(safe, "unsafe", "PGX101"))
    assert judge(safe, {"sites": [], "findings": []})


@pytest.mark.once
def test_what_the_attack_on_the_extension_exploits() -> None:
    """tests/security/test-sql-injection.sql shows that one function can be exploited and its twin cannot."""
    sites = scan("tests/security/test-sql-injection.sql")["sites"]
    verdicts = {bare_name(site["function"]): site["verdict"] for site in sites}
    assert (verdicts["unsafe_analyze"], verdicts["safe_analyze"]) == ("unsafe", "safe")
