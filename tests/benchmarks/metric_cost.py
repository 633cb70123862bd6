"""What record_metric() costs at 0 and at 1 M stored samples, against a plain INSERT and against delete-on-insert."""

from __future__ import annotations

import statistics
import time
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

SIZES = (0, 1_000_000)
FILL = """
INSERT INTO {table} (metric_type, metric_value, recorded_at)
SELECT 'metric_' || g % 20 || '_ms', g % 100, clock_timestamp() - g * interval '2 s'
FROM generate_series(1, {rows}) AS g
"""
# Samples kept for 30 days by every insert, in a table with the index such recipes make.
RECIPE = """
CREATE TABLE public.recipe (
    metric_type text, metric_value numeric, tags jsonb, recorded_at timestamptz DEFAULT clock_timestamp()
);
CREATE INDEX ON public.recipe (metric_type, recorded_at DESC)
"""
WAYS = {
    "plain INSERT": ("INSERT INTO public.plain (metric_type, metric_value) VALUES ('x_ms', 1)", 5000),
    "record_metric()": ("PERFORM pggit_excellence.record_metric('x_ms', 1)", 5000),
    "delete on insert": (
        "INSERT INTO public.recipe (metric_type, metric_value) VALUES ('x_ms', 1); "
        "DELETE FROM public.recipe WHERE recorded_at < now() - interval '30 days'",
        5,
    ),
}


def microseconds(connection: psycopg.Connection, statement: str, times: int) -> float:
    """The median cost of one execution inside a loop on the server."""
    loops = []
    for _ in range(5):
        start = time.perf_counter()
        connection.execute(f"DO $do$ BEGIN FOR i IN 1..{times} LOOP {statement}; END LOOP; END $do$")
        loops.append((time.perf_counter() - start) / times * 1e6)
    return statistics.median(loops)


def measure(server: Server, database: str) -> list[dict[str, Any]]:
    """One record for each way and size: `way`, `stored` samples, `us` per sample, `ratio` to a plain INSERT."""
    records: list[dict[str, Any]] = []
    with server.connect(database) as connection:
        connection.execute("CREATE TABLE public.plain (LIKE pggit_excellence.performance_metrics INCLUDING ALL)")
        connection.execute(RECIPE)
        for size in SIZES:
            for table in ("public.plain", "public.recipe", "pggit_excellence.performance_metrics"):
                connection.execute(f"TRUNCATE {table}")
                connection.execute(FILL.format(table=table, rows=size))
                connection.execute(f"VACUUM ANALYZE {table}")
            costs = {way: microseconds(connection, *work) for way, work in WAYS.items()}
            records += [
                {"way": way, "stored": size, "us": us, "ratio": us / costs["plain INSERT"]} for way, us in costs.items()
            ]
    return records


def report(result: list[dict[str, Any]]) -> Table:
    """The records as a table."""
    table = Table("way", "stored samples", "us per sample", "ratio", title="Recording a metric")
    for record in result:
        table.add_row(record["way"], f"{record['stored']:,}", f"{record['us']:.1f}", f"{record['ratio']:.1f}")
    return table
