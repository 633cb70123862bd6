"""The scanner's answers about the probes: reading them, and comparing them with what is true."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from probe_set import Probe

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
    """The scanner's report on the paths; RuntimeError where it found nothing at all or could not work."""
    command = [sys.executable, "-P", "-m", "pggit_excellence", "scan", "--format", "json", *paths]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if done.returncode != 1:
        raise RuntimeError(f"scan ended with exit status {done.returncode}: {done.stderr}")
    report: Record = json.loads(done.stdout)
    return report


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


def worst(verdicts: Iterable[str]) -> str:
    """The worst of the verdicts; `safe` if there are none."""
    return max(verdicts, key=RANK.__getitem__, default="safe")


def verdict_on(probe: Probe, report: Record) -> str:
    """The worst that the report says of the probe's statements, or reports about its routine although they are safe."""
    verdict = worst(site["verdict"] for site in about(probe, inside(probe, report["sites"])))
    if verdict != "safe":
        return verdict
    rules = {finding["rule"] for finding in about(probe, inside(probe, report["findings"]))}
    return worst(BY_RULE[rule] for rule in rules & BY_RULE.keys())


def judge(probe: Probe, report: Record) -> list[str]:
    """What the report gets wrong about the probe."""
    verdict, findings = verdict_on(probe, report), inside(probe, report["findings"])
    sites, rules = about(probe, inside(probe, report["sites"])), {finding["rule"] for finding in findings}
    wrong = []
    if probe.has_site != bool(sites):
        wrong.append("no dynamic statement found" if probe.has_site else f"no dynamic statement is there: {sites}")
    if verdict not in probe.verdicts:
        wrong.append(f"called {verdict}, but it is {' or '.join(sorted(probe.verdicts))}: {findings or sites}")
    elif verdict != "not_proven" and probe.rules and not probe.rules & rules:
        wrong.append(f"{' or '.join(sorted(probe.rules))} not reported, but {sorted(rules) or 'nothing'}")
    return wrong
