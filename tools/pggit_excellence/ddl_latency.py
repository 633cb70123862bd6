"""How long DDL takes, tracked by pgGit and untracked, measured side by side in one run.

Untracked means a second connection with session_replication_role = replica, which event triggers do not fire for (needs
a superuser; triggers that are ENABLE ALWAYS fire anyway). Rounds alternate between the two, all clients together, so
that both see the same machine and neither runs under the other's load.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import quantiles

import psycopg
from psycopg import sql

SCHEMA = "pggit_excellence_latency"
COLUMNS = ", ".join(f"c{number} text" for number in range(1, 10))
STATEMENTS = {
    "CREATE": sql.SQL("CREATE TABLE {table} (id integer PRIMARY KEY, " + COLUMNS + ")"),
    "ALTER": sql.SQL("ALTER TABLE {table} ADD COLUMN added text"),
    "DROP": sql.SQL("DROP TABLE {table}"),
}
Connect = Callable[[], psycopg.Connection]
Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Latency:
    """Milliseconds per statement of one kind, tracked and untracked, by `clients` at once."""

    statement: str
    clients: int
    tracked: tuple[float, ...]
    untracked: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How many times longer the median tracked statement takes."""
        return percentile(self.tracked, 50) / percentile(self.untracked, 50)


def percentile(values: tuple[float, ...], percent: int) -> float:
    """The percentile of at least two values, interpolated."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def measure(connect: Connect, clients: int = 1, rounds: int = 30) -> list[Latency]:
    """Measure CREATE, ALTER and DROP of a table of ten columns.

    `connect` returns a new autocommit connection of a superuser to the database. Each client runs `rounds` rounds
    tracked and as many untracked, after a warm-up of both that is not counted.
    """
    with connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        barrier = threading.Barrier(clients)
        try:
            with ThreadPoolExecutor(clients) as pool:
                work = [pool.submit(run_client, connect, barrier, number, rounds) for number in range(clients)]
                results = [future.result() for future in work]
        finally:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    return [
        Latency(
            statement,
            clients,
            tuple(value for tracked, _ in results for value in tracked[statement]),
            tuple(value for _, untracked in results for value in untracked[statement]),
        )
        for statement in STATEMENTS
    ]


def run_client(connect: Connect, barrier: threading.Barrier, number: int, rounds: int) -> tuple[Samples, Samples]:
    """One client's samples, tracked and untracked."""
    samples: tuple[Samples, Samples] = ({name: [] for name in STATEMENTS}, {name: [] for name in STATEMENTS})
    try:
        with connect() as tracked, connect() as untracked:
            untracked.execute("SET session_replication_role = replica")
            sides = (tracked, untracked)
            for side, connection in enumerate(sides):
                run_round(connection, f"warm_{side}_{number}")
            for turn in range(rounds):
                for side, connection in enumerate(sides):
                    barrier.wait()
                    for name, seconds in run_round(connection, f"t_{side}_{number}_{turn}").items():
                        samples[side][name].append(seconds * 1000)
    except BaseException:
        barrier.abort()  # or the others would wait for ever
        raise
    return samples


def run_round(connection: psycopg.Connection, table: str) -> dict[str, float]:
    """Run each statement once; returns the seconds of each."""
    taken = {}
    for name, template in STATEMENTS.items():
        statement = template.format(table=sql.Identifier(SCHEMA, table))
        start = time.perf_counter()
        connection.execute(statement)
        taken[name] = time.perf_counter() - start
    return taken
