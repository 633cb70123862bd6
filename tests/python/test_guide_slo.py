"""docs/operations/SLO.md: its queries are files and run, its commands run, and each alert has a runbook."""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
from pathlib import Path

import psycopg
import pytest

from conftest import ROOT
from pggit_excellence.cli import main
from pggit_excellence.slo.objectives import enabled_objectives
from pggit_excellence.slo.rules import rule_file
from prometheus_programs import program

FOLDER = ROOT / "docs" / "operations"
GUIDE = (FOLDER / "SLO.md").read_text(encoding="utf-8")
QUERIES = sorted((FOLDER / "queries").glob("*.sql"))


def blocks(language: str) -> list[str]:
    """The guide's blocks of code, in order."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, text in found]


def measure(connection: psycopg.Connection) -> None:
    """Something of everything that the queries ask for."""
    for metric, value, count in (
        ("availability", 1, 999),
        ("availability", 0, 1),
        ("ddl_tracking_ms", 3, 90),
        ("ddl_tracking_ms", 70, 10),
        ("version_query_ms", 1, 100),
        ("ddl_tracking_ok", 1, 100),
    ):
        connection.execute("SELECT pggit_excellence.record_metric(%s, %s, '{}', NULL, %s)", [metric, value, count])
    connection.execute("SELECT pggit_excellence.maintain()")
    connection.execute("SELECT pggit_excellence.finish_upgrade(pggit_excellence.start_upgrade('2', '1'), 'failed')")


@pytest.mark.once
def test_guide_quotes_the_query_files() -> None:
    quoted = blocks("sql")
    assert len(QUERIES) >= 10
    for path in QUERIES:
        assert quoted.count(path.read_text(encoding="utf-8")) == 1, path
        assert f"[queries/{path.name}](queries/{path.name})" in GUIDE


def test_queries_of_the_guide_run(pggit: psycopg.Connection) -> None:
    pggit.execute("SELECT pggit_excellence.link_pggit()")
    for query in blocks("sql"):
        pggit.execute(query)


# What must be in the answers where something was measured.
ANSWERS = {
    "status": lambda rows: {row[0]: row[1] for row in rows}["ddl_tracking_p95"] == "missed",
    "error_budget": lambda rows: len(rows) == 2 * 8,
    "burn_alerts": lambda rows: ("ddl_tracking_p95", "ticket") in {row[:2] for row in rows},
    "latency": lambda rows: len(rows) == 6 and all(row[2] is not None for row in rows),
    "latency_from_samples": lambda rows: rows[0][1] == 2,
    "slow_ddl": lambda rows: len(rows) == 1,
    "availability_by_day": lambda rows: [tuple(map(float, row[1:])) for row in rows] == [(1000, 1, 99.9)],
    "last_month": lambda rows: {row[1] for row in rows} == {"no_data"},
    "forecast": lambda rows: len(rows) >= 4,
    "upgrade_errors": lambda rows: rows == [(100, 1)],
    "health": lambda rows: "healthy" not in {row[1] for row in rows},
    "coverage": lambda rows: len(rows) > 0,
}


@pytest.mark.once
@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_answers(pggit: psycopg.Connection, path: Path) -> None:
    pggit.execute("SELECT pggit_excellence.link_pggit()")
    measure(pggit)
    rows = pggit.execute(path.read_text(encoding="utf-8")).fetchall()
    assert ANSWERS[path.stem](rows), rows


@pytest.mark.once
def test_commands_of_the_guide_run(
    pggit: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, in an empty folder with the examples; the exporter of a fleet ends after one scrape."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    settings = "\n".join(f"{name}={value}" for name, value in pggit.info.get_parameters().items() if name != "options")
    for name in ("services", "fleet.conf"):
        (tmp_path / name).write_text(f"[main]\n{settings}\n[replica]\n{settings}\n", encoding="utf-8")
    for path in (FOLDER / "prometheus").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    ran = 0
    for line in "".join(blocks("sh")).splitlines():
        command, _, output = line.partition(" >")
        words = [word.replace("$DSN", pggit.info.dsn) for word in shlex.split(command)]
        if words[0] == "pggit-excellence":
            once = ["--once"] if words[1] == "exporter" and "--once" not in words else []
            assert main([*words[1:], *once]) == 0, line
            printed = capsys.readouterr().out
            if output:
                (tmp_path / output).write_text(printed, encoding="utf-8")
        else:
            done = subprocess.run([program(words[0]), *words[1:]], capture_output=True, text=True, check=False)
            assert done.returncode == 0, line
        ran += 1
    assert ran >= 9


@pytest.mark.once
def test_every_alert_has_its_runbook(pggit: psycopg.Connection) -> None:
    rules = [rule for group in rule_file(enabled_objectives(pggit))["groups"] for rule in group["rules"]]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    assert set(re.findall(r"^### (Pggit\w+)$", GUIDE, re.MULTILINE)) == alerts
    headings = {
        re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text in re.findall(r"^#+ (.*)$", GUIDE, re.M)
    }
    anchors = {rule["annotations"]["runbook_url"].partition("#")[2] for rule in rules if "alert" in rule}
    assert anchors <= headings
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= headings


@pytest.mark.once
def test_links_and_objectives(pggit: psycopg.Connection) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", GUIDE)
    assert [link for link in links if not (FOLDER / link).exists()] == []
    promised = GUIDE.partition("## Set it up")[0]
    for objective in enabled_objectives(pggit):
        stem, _, percentile = objective.name.rpartition("_p")
        assert f"`{objective.name}`" in promised or (f"`{stem}_p50`" in promised and f"`_p{percentile}`" in promised)
