"""What the sentinels cost: the same DDL in two databases, one with sentinels, alternating statement by statement.

Once with event triggers under pgGit's names that do nothing, so that the difference is the sentinels' alone, and once
with the stand-in, which shows what it is beside the tracking itself. What counts is the time that the server process
spends on a processor: other load on the machine disturbs it least.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

STAND_IN = Path(__file__).resolve().parents[1] / "fixtures" / "pggit_standin.sql"
DO_NOTHING = """
CREATE FUNCTION public.nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end EXECUTE FUNCTION public.nothing();
CREATE EVENT TRIGGER pggit_drop_trigger ON sql_drop EXECUTE FUNCTION public.nothing();
"""
# In this order, over and over.
STATEMENTS = {
    "CREATE TABLE": "CREATE TABLE public.t (id integer, name text)",
    "COMMENT": "COMMENT ON TABLE public.t IS 'x'",
    "DROP TABLE": "DROP TABLE public.t",
}
ROUNDS = {"nothing": 1500, "stand-in": 300}


def make_database(server: Server, name: str, pggit: str, sentinels: bool) -> psycopg.Connection:
    """A database with that pgGit, the extension, and the sentinels or not."""
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    connection = server.connect(name)
    connection.execute((DO_NOTHING if pggit == "nothing" else STAND_IN.read_text(encoding="utf-8")).encode())
    connection.execute("CREATE EXTENSION pggit_excellence")
    if sentinels:
        connection.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
    return connection


def processor_time(pid: int) -> float:
    """Microseconds that the process has spent on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1000


def timed(connection: psycopg.Connection, statement: str) -> float:
    """Microseconds of processor time that the statement takes in the server."""
    start = processor_time(connection.info.backend_pid)
    connection.execute(statement.encode())
    return processor_time(connection.info.backend_pid) - start


def measure(server: Server, database: str) -> list[dict[str, Any]]:
    """One record per kind of pgGit and statement: `with_us` and `without_us` (medians), `cost_us`, `ratio`."""
    records: list[dict[str, Any]] = []
    for pggit, rounds in ROUNDS.items():
        sides = [make_database(server, f"{database}_{side}", pggit, side == "with") for side in ("with", "without")]
        samples: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in STATEMENTS}
        for _ in range(rounds):
            for name, statement in STATEMENTS.items():
                for side, connection in enumerate(sides):
                    samples[name][side].append(timed(connection, statement))
        for connection in sides:
            connection.close()
        for name, (with_us, without_us) in samples.items():
            costs = [first - second for first, second in zip(with_us, without_us, strict=True)]
            records.append(
                {
                    "pggit": pggit,
                    "statement": name,
                    "with_us": statistics.median(with_us),
                    "without_us": statistics.median(without_us),
                    "cost_us": statistics.median(costs),
                    "ratio": statistics.median(with_us) / statistics.median(without_us),
                }
            )
    return records


def report(result: list[dict[str, Any]]) -> Table:
    """The records as a table."""
    table = Table("pgGit's triggers", "statement", "without us", "with us", "cost us", "ratio", title="Sentinels")
    for record in result:
        table.add_row(
            record["pggit"],
            record["statement"],
            *(f"{record[key]:.0f}" for key in ("without_us", "with_us", "cost_us")),
            f"{record['ratio']:.2f}",
        )
    return table
