"""Only what no server understands is called invalid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pglast.parser import ParseError, parse_sql_json

from pggit_excellence.scan.judge.validity import never_valid


def refusal(sql: str) -> str:
    """libpg_query's message."""
    with pytest.raises(ParseError) as caught:
        parse_sql_json(sql)
    return str(caught.value.args[0])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, count(*) FROM t GROUP BY ALL",
        "SELECT last_value(x) IGNORE NULLS OVER (ORDER BY y) FROM t",
        "CREATE TABLE t (a int GENERATED ALWAYS AS (b + 1) VIRTUAL)",
        "CREATE TABLE t (id int, p daterange, PRIMARY KEY (id, p WITHOUT OVERLAPS))",
        "UPDATE t SET a = 1 RETURNING WITH (OLD AS o) o.a",
        "CREATE TABLE t (a int) WITH OIDS",
    ],
)
def test_what_another_version_understands(sql: str) -> None:
    """18 and later, or 11 and before."""
    assert not never_valid(sql, refusal(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FORM t",
        "SELECT * FROM t WHERE a = 1 AND",
        "CREATE TABLE t (id int",
        "CREATE TABLE t (a int,)",
        "SELECT * FROM t LIMIT 5, 10",
        "DELETE t WHERE a = 1",
        "GRANT SELECT ON t",
        "ALTER TABLE t MODIFY a int",
        "SELECT ((1)",
    ],
)
def test_what_no_server_understands(sql: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither where sqlglot tolerates it, nor where it keeps it as a Command; and it prints nothing."""
    assert never_valid(sql, refusal(sql))
    assert capfd.readouterr() == ("", "")


def test_sqlglot_is_not_loaded_without_need() -> None:
    """It takes longer than most scans."""
    code = "import pggit_excellence.scan.judge.templates, sys; sys.exit('sqlglot' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "tools")}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0
