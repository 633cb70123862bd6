"""`tools/run demo`: the main job on a private throwaway server, as a report in the terminal.

--init-sql FILE   your own pgGit installation (psql script) instead of the stand-in
--objects N       how many tracked objects (default 14000)
--major N         PostgreSQL 15 (default) or 18
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pggit_excellence.ddl_latency import Latency, measure, percentile
from pggit_excellence.output import Row, plain, print_rows, statement
from pggit_excellence.server import Server, ServerError, copy_installation, make_install, workspace
from tasks import demo_hardening, demo_scan, demo_slo

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ROOT / "tests" / "fixtures" / "pggit_standin.sql"
TRACK_OBJECTS = ROOT / "tests" / "fixtures" / "track_objects.sql"
DATABASE = "demo"
SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "track_functions": "all"}
EXIT_USAGE = 2
INDENT = 2


@dataclass(frozen=True)
class Diagnostic:
    """A question, and the query that answers it: with few columns and few rows."""

    question: str
    query: str


# What matters most comes first. A query that returns nothing is left out.
DIAGNOSTICS = (
    Diagnostic(
        "Why is no index used? pgGit compares under another collation than its index has",
        """
        SELECT table_name, kind, evidence, advice, mend_sql
        FROM pggit_excellence.index_advice()
        WHERE kind IN ('collation', 'sequential_scan')
        """,
    ),
    Diagnostic(
        "Which statements take the time? (tracked and untracked together)",
        """
        SELECT query_type, call_count,
               round(avg_duration_ms, 1) || ' ms' AS average,
               round(max_duration_ms, 1) || ' ms' AS maximum
        FROM pggit_excellence.analyze_slow_queries(1)
        WHERE query_type LIKE '% TABLE'
        """,
    ),
    Diagnostic(
        "Does VACUUM keep up? (autovacuum is off on this throwaway server)",
        """
        SELECT table_name, reason, mend_sql
        FROM pggit_excellence.vacuum_health()
        WHERE vacuum_recommended
        """,
    ),
    Diagnostic(
        "Is the cache large enough? Percent of the block reads that it served",
        """
        SELECT table_name, hit_ratio AS "table %", index_hit_ratio AS "indexes %"
        FROM pggit_excellence.cache_hit_ratio()
        WHERE hit_ratio IS NOT NULL
        LIMIT 5
        """,
    ),
    Diagnostic(
        "Is pgGit healthy? The checks that are not",
        """
        SELECT check_name, status, message
        FROM pggit_excellence.health_check()
        WHERE status IN ('warning', 'unhealthy')
        """,
    ),
)
COST = """
    SELECT measure, object_name, round(value, 1) || ' ' || unit AS value,
           round(rows_read)::bigint AS rows_read, share_percent AS "%", note
    FROM pggit_excellence.tracking_cost()
    WHERE step = 'CREATE TABLE' AND (unit = 'ms' OR note IS NOT NULL)
"""
console = Console(highlight=False)


class UsageError(Exception):
    """Something that the user gave and that does not work; the message is one line."""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tools/run demo", description="The main job on a private throwaway server.")
    parser.add_argument("--init-sql", type=Path, metavar="FILE", help="your own pgGit instead of the stand-in")
    parser.add_argument("--objects", type=int, default=14_000, metavar="N", help="tracked objects (default 14000)")
    parser.add_argument("--major", type=int, default=15, choices=(15, 18), help="PostgreSQL (default 15)")
    options = parser.parse_args(argv)
    if options.objects < 0:
        raise UsageError(f"--objects {options.objects}: not a number of objects")
    if options.init_sql is not None and not options.init_sql.is_file():
        raise UsageError(f"--init-sql {options.init_sql}: no such file")
    return options


def load_pggit(server: Server, init_sql: Path | None, objects: int) -> None:
    """Make the database: pgGit, then tracked objects, then our extension."""
    server.psql("-c", f"CREATE DATABASE {DATABASE}")
    errors = run_script(server, (init_sql or STANDIN).resolve())
    with server.connect(DATABASE) as connection:
        found = connection.execute("SELECT to_regclass('pggit.objects') IS NOT NULL").fetchone()
    if found != (True,):
        raise UsageError(f"{init_sql} made no table pggit.objects" + (f"; first error: {errors[0]}" if errors else ""))
    if errors:
        console.print(plain(f"Errors in {init_sql}: {len(errors)}. The first: {errors[0]}"))
    try:
        server.psql("-v", f"objects={objects}", "-f", str(TRACK_OBJECTS), dbname=DATABASE)
        # A session of its own: the counters of the one before have arrived, and what loading did is not counted.
        prepare = ("ANALYZE", "CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION pggit_excellence")
        for command in (*prepare, "SELECT pg_stat_statements_reset()", "SELECT pggit_excellence.take_snapshot()"):
            server.psql("-c", command, dbname=DATABASE)
    except ServerError as failure:
        raise UsageError(last_line(failure)) from None


def run_script(server: Server, script: Path) -> list[str]:
    """Run a psql script from its own folder, errors and all (pgGit's releases have some); returns its errors."""
    command = ["psql", "-X", "-q", "-d", DATABASE, "-f", str(script)]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=script.parent,
        env=server.environment,
    )
    return [
        line.partition("psql:")[2] or line
        for line in done.stderr.splitlines()
        if "ERROR: " in line or "FATAL: " in line
    ]


def last_line(failure: Exception) -> str:
    """The end of a message, which for psql is what went wrong."""
    errors = [line for line in str(failure).splitlines() if "ERROR" in line]
    return (errors or str(failure).splitlines())[-1]


def ask(connection: psycopg.Connection, query: str) -> list[Row]:
    """The rows of a query; exact numbers as the float that prints as they do."""
    rows = connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()
    return [{name: float(cell) if isinstance(cell, Decimal) else cell for name, cell in row.items()} for row in rows]


def heading(number: int, title: str, query: str = "") -> None:
    """The title of a section, and below it what a user would type."""
    console.print()
    console.print(Rule(f"{number}. {title}", align="left"))
    if query:
        print_query(query)


def print_query(query: str) -> None:
    """A query as a user would type it."""
    text = Text(textwrap.dedent(query).strip().rstrip(";") + ";", style="dim")
    console.print(Padding(text, (0, 0, 1, INDENT), expand=False))


def show_cost(connection: psycopg.Connection) -> None:
    """What tracking_cost() measured, and below it, once, what it noted."""
    rows = ask(connection, COST)
    if not rows:
        return
    print_rows(console, [{name: row[name] for name in row if name != "note"} for row in rows], INDENT)
    for note in dict.fromkeys(row["note"] for row in rows if row["note"]):
        console.print(Padding(plain(f"note: {note}"), (0, 0, 0, INDENT), expand=False))


def latency_table(latencies: Sequence[Latency]) -> Table:
    """p50 and p95 of each statement, tracked and untracked, and their ratio."""
    table = Table()
    table.add_column("statement")
    for name in ("tracked p50", "p95", "untracked p50", "p95", "ratio"):
        table.add_column(name, justify="right")
    for latency in latencies:
        values = [percentile(side, percent) for side in (latency.tracked, latency.untracked) for percent in (50, 95)]
        table.add_row(latency.statement, *(f"{value:.1f} ms" for value in values), f"{latency.ratio:.1f} x")
    return table


def print_statements(connection: psycopg.Connection, query: str) -> None:
    """SQL statements, one per row, each below the comment in the second column."""
    for text, comment in connection.execute(query.encode()).fetchall():
        console.print(Padding(Text(f"-- {comment}", style="dim"), (0, 0, 0, INDENT), expand=False))
        console.print(Padding(statement(text), (0, 0, 0, INDENT), expand=False))


def show_diagnostics(connection: psycopg.Connection) -> None:
    """Each question with its query and its answer."""
    for diagnostic in DIAGNOSTICS:
        rows = ask(connection, diagnostic.query)
        if rows:
            console.print()
            console.print(Text(diagnostic.question, style="bold"))
            print_query(diagnostic.query)
            print_rows(console, rows, INDENT)


def print_summary(before: Sequence[Latency], after: Sequence[Latency]) -> None:
    """What it came to, and how to have it."""
    console.print()
    console.print(Rule("In short", align="left"))
    for old, new in zip(before, after, strict=True):
        if old.statement != "DROP":
            then, now = percentile(old.tracked, 50), percentile(new.tracked, 50)
            times = f"[bold green]{then / now:.0f} times[/] as fast"
            console.print(f"{old.statement:6} p50 {then:.1f} ms before, {now:.1f} ms after: {times}")
    console.print("Your own database: make, make install, CREATE EXTENSION; README.md says how.")


def report(server: Server) -> None:
    """Everything that the demo shows."""
    with server.connect(DATABASE) as connection:
        counted = connection.execute("SELECT count(*) FROM pggit.objects").fetchone()
        heading(1, f"DDL where pgGit tracks {counted[0] if counted else 0:,} objects")
        before = measure(lambda: server.connect(DATABASE))
        console.print(latency_table(before))

        heading(2, "Where the time of CREATE TABLE goes", COST)
        show_cost(connection)

        heading(3, "What the diagnostics say")
        show_diagnostics(connection)

        heading(4, "What would mend it", "SELECT reason, statement FROM pggit_excellence.tune_tracking()")
        to_do = "SELECT statement, reason FROM pggit_excellence.tune_tracking(true) WHERE statement IS NOT NULL"
        print_statements(connection, to_do)

        heading(5, "Mend it", "SELECT * FROM pggit_excellence.tune_tracking(dry_run => false)")
        start = time.monotonic()
        applied = connection.execute("SELECT * FROM pggit_excellence.tune_tracking(false) WHERE action_id IS NOT NULL")
        count = len(applied.fetchall())
        console.print(f"  {count} changes in {(time.monotonic() - start) * 1000:.0f} ms")
        after = measure(lambda: server.connect(DATABASE))
        console.print(latency_table(after))

        heading(6, "And back again", "SELECT action_id, result FROM pggit_excellence.undo_all('tune_tracking')")
        print_statements(
            connection, "SELECT result, 'action ' || action_id FROM pggit_excellence.undo_all('tune_tracking')"
        )
    heading(7, "Are the promises kept? Measured around pgGit's triggers")
    demo_slo.show(lambda: server.connect(DATABASE), console)
    heading(8, "Can hostile text become SQL in your own functions?")
    demo_scan.show(server, console)
    heading(9, "Can an ordinary role take the server over through pgGit?")
    demo_hardening.show(lambda: server.connect(DATABASE), console)
    print_summary(before, after)


def main(argv: Sequence[str]) -> int:
    """Run the demo; 0, or 2 when what the user gave does not work."""
    try:
        options = arguments(argv)
        with workspace() as folder:
            console.print(f"Starting a private PostgreSQL {options.major} with {options.objects:,} tracked objects ...")
            installation = copy_installation(options.major, folder)
            make_install(installation, ROOT)
            with Server(installation, folder / "server", SETTINGS) as server:
                load_pggit(server, options.init_sql, options.objects)
                report(server)
    except (UsageError, ServerError, psycopg.Error) as failure:
        print(f"tools/run demo: {failure}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
