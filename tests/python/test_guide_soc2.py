"""docs/compliance/SOC2_PREPARATION.md: its commands and queries, as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import psycopg
import pytest

from conftest import ROOT
from pggit_excellence.cli import main
from pggit_excellence.server import Server

PAGE = ROOT / "docs" / "compliance" / "SOC2_PREPARATION.md"
GUIDE = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.once
def test_its_commands(
    server: Server,
    pggit: psycopg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    for name, value in (("PGHOST", server.folder), ("PGUSER", "postgres"), ("PGDATABASE", pggit.info.dbname)):
        monkeypatch.setenv(name, str(value))
    commands = [line.partition("#")[0] for line in "".join(blocks("sh")).splitlines()]
    assert len(commands) == 3
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "pggit-excellence"
        status = main(words[1:])
        assert status in ((0, 1) if "--period" in words else (0,)), command
    assert "signed by this key" in capsys.readouterr().out


@pytest.mark.once
def test_its_queries(pggit: psycopg.Connection) -> None:
    queries = [
        query for block in blocks("sql") for query in re.findall(r"^SELECT .*?;", block, re.MULTILINE | re.DOTALL)
    ]
    assert len(queries) == 7
    for query in queries:
        pggit.execute(query)
    pggit.execute("SELECT pggit_excellence.take_access_snapshot()")
    pggit.execute("SELECT * FROM pggit_excellence.access_changes(1, 2)")


@pytest.mark.once
def test_it_claims_nothing() -> None:
    """Every criterion names what stays by hand, and the page says what it is not."""
    rows = re.findall(r"^\| ((?:CC|A|C|PI)\d[\w.-]*) \| (.*?) \| (.*?) \| (.*?) \|$", GUIDE, re.MULTILINE)
    assert len(rows) == 26
    assert all(manual for *_, manual in rows)
    assert "nothing here makes\nyou compliant" in GUIDE
    assert not re.search(r"(?i)soc ?2 (certified|compliant)|certifies", GUIDE)


@pytest.mark.once
def test_its_links() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", GUIDE)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
