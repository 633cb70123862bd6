"""The benchmark finds the functions by itself and marks the slow ones."""

from __future__ import annotations

import psycopg
import pytest

import function_times
from pggit_excellence.server import Server


def test_function_times(server: Server, plain: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: one that is slow, one that fails, one with schemas, one that needs an argument, one that writes."""
    monkeypatch.setattr(function_times, "RUNS", 1)
    monkeypatch.setattr(
        function_times, "FUNCTIONS", function_times.FUNCTIONS.replace("ORDER", "AND p.proname ~ '^zz' ORDER")
    )
    for signature, body, volatility in (
        ("zz_slow()", "SELECT pg_sleep(0.15)::text", "STABLE"),
        ("zz_fails()", "SELECT (1 / 0)::text", "STABLE"),
        ("zz_scoped(schemas text[] DEFAULT NULL)", "SELECT 'x'", "STABLE"),
        ("zz_needs(thing text)", "SELECT 'x'", "STABLE"),
        ("zz_writes()", "SELECT 'x'", "VOLATILE"),
        ("_zz_private()", "SELECT 'x'", "STABLE"),
    ):
        plain.execute(
            f"CREATE FUNCTION pggit_excellence.{signature} RETURNS SETOF text LANGUAGE sql {volatility} AS $$ {body} $$"
        )
    result = function_times.measure(server, plain.info.dbname)
    notes = {record["call"]: record["note"] for record in result[1:]}
    assert notes == {
        "zz_slow()": "over 100 ms",
        "zz_fails()": "division by zero",
        "zz_scoped()": "",
        "zz_scoped(schemas => ARRAY['*'])": "",
        "zz_needs()": "needs arguments",
    }
    assert result[0]["ratio"] == 1
    assert function_times.report(result).row_count == len(result)
