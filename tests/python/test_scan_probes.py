"""The scanner's answer for each probe against what is true of it (test_scan_probes_exploit.py tries that)."""

from __future__ import annotations

import pytest

from probe_answers import Record, bare_name, judge, scan
from probe_set import PROBES, VERDICTS, Probe, probes


@pytest.fixture(scope="module")
def report() -> Record:
    """The scanner's report on all probes, read once."""
    return scan(str(PROBES))


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
