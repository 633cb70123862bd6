"""How long hardening_check() takes in a database with many functions, and which checks take it."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

RUNS = 5
SHOWN = 12
TICKS = 100  # of /proc/PID/stat, per second
BASELINE = "SELECT count(*), max(length(p.prosrc)) FROM pg_catalog.pg_proc AS p"
# Half of them with a search_path, a quarter SECURITY DEFINER, all with dynamic SQL to be looked at.
MAKE = """
DO $do$
BEGIN
    FOR n IN 1..{functions} LOOP
        EXECUTE format('CREATE FUNCTION app.f_%s(a integer, b text) RETURNS text LANGUAGE plpgsql %s %s AS %L', n,
                       CASE WHEN n % 4 = 0 THEN 'SECURITY DEFINER' END,
                       CASE WHEN n % 2 = 0 THEN 'SET search_path = app, pg_temp' END,
                       'BEGIN EXECUTE ''SELECT '' || quote_literal(b); RETURN b; END');
    END LOOP;
END
$do$
"""


@dataclass(frozen=True)
class Timing:
    """Median time, its ratio to that of reading all of pg_proc, and CPU time of the server process where measured."""

    what: str
    ms: float
    ratio: float
    cpu_ms: float | None = None


def make(server: Server, database: str, functions: int) -> None:
    """A database with the stand-in for pgGit, so many functions that it did not track, and the extension."""
    fixtures = Path(__file__).resolve().parents[1] / "fixtures"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {database}")
    server.psql("-f", str(fixtures / "pggit_standin.sql"), dbname=database)
    with server.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("CREATE SCHEMA app")
        connection.execute(MAKE.format(functions=functions))
        connection.execute("CREATE EXTENSION pggit_excellence")
        connection.execute("VACUUM ANALYZE")


def median_ms(connection: psycopg.Connection, query: str, parameters: list[str]) -> float:
    """The median of some runs after one that warms the caches."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        connection.execute(query, parameters)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[1:])


def cpu_ms(connection: psycopg.Connection) -> float:
    """What the server process of the connection has used so far: other processes do not disturb it."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS


def measure(server: Server, database: str) -> list[dict[str, Any]]:
    """The baseline, each profile as a whole, then each check."""
    with server.connect(database) as connection:
        baseline = median_ms(connection, BASELINE, [])
        timings = [Timing("baseline: reading pg_proc", baseline, 1.0)]
        for profile in ("minimal", "standard", "strict"):
            before = cpu_ms(connection)
            ms = median_ms(connection, "SELECT count(*) FROM pggit_excellence.hardening_check(%s)", [profile])
            used = (cpu_ms(connection) - before) / (RUNS + 1)
            timings.append(Timing(f"hardening_check('{profile}')", ms, ms / baseline, used))
        checks = connection.execute(
            "SELECT c.category, c.check_id FROM pggit_excellence._hardening_checks() AS c ORDER BY 2"
        ).fetchall()
        for category, check_id in checks:
            ms = median_ms(connection, "SELECT FROM pggit_excellence._run_check(%s, %s)", [category, check_id])
            timings.append(Timing(check_id, ms, ms / baseline))
    return [asdict(timing) for timing in timings]


def report(result: list[dict[str, Any]]) -> Table:
    """The whole, and the checks that take most of it."""
    checks = sorted(result[4:], key=lambda record: -record["ms"])
    table = Table("what", "ms", "CPU ms", "ratio", title=f"Hardening: the slowest {SHOWN} of {len(checks)} checks")
    for record in [*result[:4], *checks[:SHOWN]]:
        cpu = f"{record['cpu_ms']:.0f}" if record["cpu_ms"] is not None else ""
        table.add_row(record["what"], f"{record['ms']:.1f}", cpu, f"{record['ratio']:.1f}")
    return table
