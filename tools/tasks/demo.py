"""`tools/run demo`: the main job on a private throwaway server, as a report in the terminal.

--init-sql FILE   your own pgGit installation (psql script) instead of the stand-in
--objects N       how many tracked objects (default 14000)
--major N         PostgreSQL 15 (default) or 18
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from pggit_excellence.ddl_latency import Latency, measure, percentile
from pggit_excellence.server import Server, ServerError, copy_installation, make_install, workspace

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ROOT / "tests" / "fixtures" / "pggit_standin.sql"
TRACK_OBJECTS = ROOT / "tests" / "fixtures" / "track_objects.sql"
DATABASE = "demo"
EXIT_USAGE = 2

# What the demo shows of the diagnostics: title, and a query that names its few columns.
DIAGNOSTICS = (
    ("index_advice: what is wrong with pgGit's indexes", "SELECT * FROM pggit_excellence.index_advice() LIMIT 5"),
    ("check_index_usage", "SELECT * FROM pggit_excellence.check_index_usage() LIMIT 5"),
    ("vacuum_health", "SELECT * FROM pggit_excellence.vacuum_health() LIMIT 5"),
    ("cache_hit_ratio", "SELECT * FROM pggit_excellence.cache_hit_ratio() LIMIT 5"),
    ("connection_stats", "SELECT * FROM pggit_excellence.connection_stats() LIMIT 5"),
    ("analyze_slow_queries", "SELECT * FROM pggit_excellence.analyze_slow_queries(1) LIMIT 5"),
    ("health_check", "SELECT * FROM pggit_excellence.health_check() LIMIT 8"),
)
COST = """
    SELECT step, concat_ws(' ', measure, object_name) AS measure, round(value, 1) || ' ' || unit AS value, rows_read,
           share_percent AS "share %"
    FROM pggit_excellence.tracking_cost(probe_schema => 'public')
    WHERE step IN ('CREATE TABLE', 'ALTER TABLE') AND (unit = 'ms' OR note IS NOT NULL)
"""
MISSED = "SELECT DISTINCT note FROM pggit_excellence.tracking_cost(1) WHERE note IS NOT NULL ORDER BY note"
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
        console.print(f"{len(errors)} statements of {init_sql} failed; the first: {cell(errors[0])}")
    try:
        server.psql("-v", f"objects={objects}", "-f", str(TRACK_OBJECTS), dbname=DATABASE)
        server.psql("-c", "CREATE EXTENSION pggit_excellence", dbname=DATABASE)
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


def rows_table(connection: psycopg.Connection, query: str) -> Table:
    """The rows of a query as a table; columns that are empty in all rows are left out."""
    cursor = connection.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    rows = cursor.fetchall()
    shown = [index for index in range(len(names)) if any(row[index] is not None for row in rows)] or [0]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for index in shown:
        numeric = any(isinstance(row[index], (int, float)) and not isinstance(row[index], bool) for row in rows)
        table.add_column(names[index], overflow="fold", justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(cell(row[index]) for index in shown))
    return table


def cell(value: Any) -> str:
    """A value as text, without marks that rich would read."""
    text = "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
    return text.replace("[", r"\[")


def latency_table(title: str, latencies: Sequence[Latency]) -> Table:
    """p50 and p95 of each statement, tracked and untracked, and their ratio."""
    table = Table(title=title, title_justify="left", title_style="")
    table.add_column("statement")
    for name in ("tracked p50", "p95", "untracked p50", "p95", "ratio"):
        table.add_column(name, justify="right")
    for latency in latencies:
        values = [percentile(side, percent) for side in (latency.tracked, latency.untracked) for percent in (50, 95)]
        table.add_row(latency.statement, *(f"{value:.2f} ms" for value in values), f"{latency.ratio:.1f} x")
    return table


def print_statements(connection: psycopg.Connection, query: str) -> None:
    """SQL statements, one per row, with the comment in the second column."""
    for statement, comment in connection.execute(query.encode()).fetchall():
        console.print(Padding(f"[dim]-- {cell(comment)}[/]", (0, 0, 0, 2)))
        console.print(Padding(f"[cyan]{cell(statement)};[/]", (0, 0, 0, 2)))


def show_diagnostics(connection: psycopg.Connection) -> None:
    """The first rows of each diagnostic."""
    known = {
        name
        for (name,) in connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'pggit_excellence'::regnamespace"
        )
    }
    for title, query in DIAGNOSTICS:
        if query.partition("pggit_excellence.")[2].partition("(")[0] in known:
            console.print(f"\n[bold]{title}[/]  [dim]{query}[/]")
            console.print(rows_table(connection, query))


def report(server: Server) -> None:
    """Everything that the demo shows."""
    with server.connect(DATABASE) as connection:
        counted = connection.execute("SELECT count(*) FROM pggit.objects").fetchone()
        console.rule(f"1. DDL in a database where pgGit tracks {counted[0] if counted else 0} objects")
        before = measure(lambda: server.connect(DATABASE))
        console.print(latency_table("", before))

        console.rule("2. Where the time goes: SELECT * FROM pggit_excellence.tracking_cost()")
        console.print(rows_table(connection, COST))
        for (note,) in connection.execute(MISSED).fetchall():
            console.print(Padding(cell(note), (0, 0, 0, 2)))

        console.rule("3. What else the diagnostics say")
        show_diagnostics(connection)

        console.rule("4. What would mend it: SELECT * FROM pggit_excellence.tune_tracking(dry_run => true)")
        to_do = "SELECT statement, reason FROM pggit_excellence.tune_tracking(true) WHERE statement IS NOT NULL"
        print_statements(connection, to_do)

        console.rule("5. Done: SELECT * FROM pggit_excellence.tune_tracking(dry_run => false)")
        start = time.monotonic()
        applied = connection.execute("SELECT * FROM pggit_excellence.tune_tracking(false) WHERE action_id IS NOT NULL")
        count = len(applied.fetchall())
        console.print(f"  {count} changes in {(time.monotonic() - start) * 1000:.0f} ms")
        after = measure(lambda: server.connect(DATABASE))
        console.print(latency_table("", after))
        for old, new in zip(before, after, strict=True):
            times = percentile(old.tracked, 50) / percentile(new.tracked, 50)
            console.print(f"  tracked {old.statement}: [bold green]{times:.1f} times[/] as fast as before (p50)")

        console.rule("6. And back again: SELECT * FROM pggit_excellence.undo_all('tune_tracking')")
        print_statements(
            connection, "SELECT result, 'action ' || action_id FROM pggit_excellence.undo_all('tune_tracking')"
        )


def main(argv: Sequence[str]) -> int:
    """Run the demo; 0, or 2 when what the user gave does not work."""
    try:
        options = arguments(argv)
        with workspace() as folder:
            with console.status(f"making a private PostgreSQL {options.major} with {options.objects} tracked objects"):
                installation = copy_installation(options.major, folder)
                make_install(installation, ROOT)
                server = Server(installation, folder / "server", {"track_functions": "all"})
            with server:
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
