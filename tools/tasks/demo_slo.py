"""The part of `tools/run demo` that shows the objectives: real tracked DDL, before and after the tuning."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pggit_excellence.output import Row, print_rows

# Enough that the faster half is seen, few enough for a demo.
STATEMENTS_BEFORE, STATEMENTS_AFTER = 40, 120
INDENT = 2
STATUS = """
SELECT objective, status, round(100 * attained, 1) || ' %' AS attained,
       good, total
FROM pggit_excellence.slo_status()
WHERE metric_type LIKE 'ddl_tracking%' AND total > 0"""
PERCENTILES = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY metric_value)
FROM pggit_excellence.waiting_samples
WHERE metric_type = 'ddl_tracking_ms' AND recorded_at >= %s"""


def tracked_ddl(connection: psycopg.Connection, name: str, count: int) -> tuple[float, float]:
    """Make tables; what the sentinels measured of it: p50 and p95 in milliseconds."""
    started = connection.execute("SELECT clock_timestamp()").fetchone()
    for number in range(count):
        connection.execute(f"CREATE TABLE slo_{name}_{number} (id integer PRIMARY KEY, a text, b text)".encode())
    row = connection.execute(PERCENTILES, started).fetchone()
    half, most = row[0] if row and row[0] else (float("nan"), float("nan"))
    return half, most


def status(connection: psycopg.Connection) -> list[Row]:
    """How the objectives about DDL stand."""
    connection.execute("SELECT pggit_excellence.run_probes()")  # books what was tracked and what was not
    return list(connection.cursor(row_factory=dict_row).execute(STATUS.encode()).fetchall())


def show(connect: Callable[[], psycopg.Connection], console: Console) -> None:
    """Switch the sentinels on, run DDL, tune, run DDL again."""

    def say(text: Text | str) -> None:
        console.print(Padding(text, (0, 0, 0, INDENT), expand=False))

    def ask(text: str) -> None:
        say(Text(text.strip() + ";", style="dim"))

    with connect() as connection:
        ask("SELECT * FROM pggit_excellence.enable_sentinels()")
        connection.execute("SELECT pggit_excellence.enable_sentinels()")
        before = tracked_ddl(connection, "before", STATEMENTS_BEFORE)
        say(f"{STATEMENTS_BEFORE} CREATE TABLE: tracking took p50 {before[0]:.1f} ms, p95 {before[1]:.1f} ms")
        console.print()
        ask(STATUS)
        print_rows(console, status(connection), INDENT)
        console.print()
        ask("SELECT * FROM pggit_excellence.tune_tracking(dry_run => false)")
        connection.execute("SELECT pggit_excellence.tune_tracking(false)")
    with connect() as connection:
        after = tracked_ddl(connection, "after", STATEMENTS_AFTER)
        say(f"{STATEMENTS_AFTER} more: tracking took p50 {after[0]:.1f} ms, p95 {after[1]:.1f} ms")
        print_rows(console, status(connection), INDENT)
