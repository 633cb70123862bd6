"""How long every reading function of the extension takes, found in the catalog."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

RUNS = 5
LIMIT_MS = 100
BASELINE = "SELECT count(*) FROM pg_catalog.pg_stat_user_tables"

# The whole row as text makes a function compute every column, also where it is inlined.
FUNCTIONS = r"""
SELECT p.proname, 'schemas' = ANY (p.proargnames) AS scoped, p.pronargs = p.pronargdefaults AS callable
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'pggit_excellence'::regnamespace AND p.prokind = 'f' AND p.provolatile <> 'v'
  AND p.proname NOT LIKE '\_%' AND p.prorettype <> ALL ('{trigger,event_trigger}'::regtype[])
ORDER BY p.proname, p.pronargs
"""
CALL = "SELECT count(f::text) FROM pggit_excellence.{call} AS f"


@dataclass(frozen=True)
class Timing:
    """The median time of one call, ms; None with the reason in `note` where it could not be called."""

    call: str
    ms: float | None
    ratio: float | None
    note: str = ""


def median_ms(connection: psycopg.Connection, query: str) -> float:
    """The median of some runs after one that warms the caches, milliseconds."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        connection.execute(query)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[1:])


def calls(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """(call, why it cannot be made) of every public reading function: with default arguments, then all schemas."""
    found = []
    for name, scoped, callable_without in connection.execute(FUNCTIONS).fetchall():
        found.append((f"{name}()", "" if callable_without else "needs arguments"))
        if scoped and callable_without:
            found.append((f"{name}(schemas => ARRAY['*'])", ""))
    return found


def measure(server: Server, database: str) -> list[dict[str, Any]]:
    """One record for each call: `call`, `ms`, `ratio` to the baseline, `note`. The first is the baseline itself."""
    with server.connect(database) as connection:
        connection.execute("SET statement_timeout = '60s'")
        baseline = median_ms(connection, BASELINE)
        timings = [Timing("baseline: count(*) of pg_stat_user_tables", baseline, 1.0)]
        for call, problem in calls(connection):
            if problem:
                timings.append(Timing(call, None, None, problem))
                continue
            try:
                ms = median_ms(connection, CALL.format(call=call))
                timings.append(Timing(call, ms, ms / baseline, f"over {LIMIT_MS} ms" if ms > LIMIT_MS else ""))
            except psycopg.Error as error:
                timings.append(Timing(call, None, None, str(error).splitlines()[0]))
    return [asdict(timing) for timing in timings]


def report(result: list[dict[str, Any]]) -> Table:
    """The records as a table, the slowest first below the baseline."""
    table = Table("function", "ms", "ratio", "note", title="Reading functions")
    for record in [result[0], *sorted(result[1:], key=lambda record: -(record["ms"] or 0))]:
        known = record["ms"] is not None
        numbers = (f"{record['ms']:.1f}", f"{record['ratio']:.2f}") if known else ("", "")
        table.add_row(
            record["call"], *numbers, record["note"], style="red" if record["note"].startswith("over") else None
        )
    return table
