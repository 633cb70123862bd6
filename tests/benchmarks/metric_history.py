"""What a history of samples costs: recording, rolling up, percentiles against percentile_cont on the raw samples.

The samples are spread over 30 days, log-normal as latencies are, and made once. They are rolled up while they are made,
a tenth at a time, so that the disk holds them once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server
from sentinel_cost import processor_time

DAYS = 30
FILL = """
INSERT INTO pggit_excellence.performance_metrics_new (metric_type, metric_value, tags, recorded_at)
SELECT 'ddl_tracking_ms', exp(1.5 + 1.2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())),
       '{"event": "ddl_command_end", "command": "CREATE TABLE"}',
       now() - interval '30 days' + g * interval '30 days' / %(samples)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS g
"""
WINDOWS = {
    "30 days": "now() - interval '30 days', now()",
    "30 days, ends within hours": "now() - interval '29 days 7 hours 13 minutes', now() - interval '8 hours 7 minutes'",
    "1 hour": "now() - interval '1 hour', now()",
    "1 hour, 2 days ago": "now() - interval '2 days 1 hour 13 minutes', now() - interval '2 days 13 minutes'",
}
PERCENTILES = [0.5, 0.95, 0.99]
OURS = "SELECT array_agg(p.value) FROM pggit_excellence.metric_percentiles('ddl_tracking_ms', {window}) AS p"
RAW = """
SELECT percentile_cont('{{0.5,0.95,0.99}}'::float8[]) WITHIN GROUP (ORDER BY m.metric_value)
FROM pggit_excellence.performance_metrics AS m
WHERE m.metric_type = 'ddl_tracking_ms' AND m.recorded_at >= {since} AND m.recorded_at < {until}
"""
RECORD = "SELECT pggit_excellence.record_metric('ddl_tracking_ms', 12.5, '{\"command\": \"CREATE TABLE\"}')"
WRITERS = 32
SECONDS = 10


def cpu_seconds(connection: psycopg.Connection) -> float:
    """The processor time that the session's backend has used, in steps of 10 ms."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost(connection: psycopg.Connection, query: str, runs: int) -> tuple[float, float, Any]:
    """The median time of a query, its mean processor time (other work on the machine does not count), its one value."""
    times, value, before = [], None, cpu_seconds(connection)
    for _ in range(runs):
        start = time.perf_counter()
        row = connection.execute(query.encode()).fetchone()
        times.append(time.perf_counter() - start)
        value = row[0] if row else None
    return statistics.median(times), (cpu_seconds(connection) - before) / runs, value


def maintain(connection: psycopg.Connection) -> tuple[int, float, float]:
    """Roll up everything: how many samples, in how many seconds, with how much processor time."""
    start, cpu, moved = time.perf_counter(), cpu_seconds(connection), 0
    while True:
        row = connection.execute(
            "SELECT m.affected FROM pggit_excellence.maintain() AS m WHERE m.task = 'roll up samples'"
        ).fetchone()
        assert row is not None
        moved += row[0]
        if row[0] == 0:
            return moved, time.perf_counter() - start, cpu_seconds(connection) - cpu


def record_cost(connection: psycopg.Connection, times: int = 5000) -> float:
    """Microseconds of processor time of one record_metric() in a loop, median of five; the samples are taken back.

    By the clock, other work on the machine once made the last of the three twice the first.
    """
    loops = []
    for _ in range(5):
        with connection.transaction(force_rollback=True):
            start = processor_time(connection.info.backend_pid)
            connection.execute(
                "DO $do$ BEGIN FOR i IN 1.." + str(times) + " LOOP PERFORM pggit_excellence.record_metric('x_ms', 1); "
                "END LOOP; END $do$"
            )
            loops.append((processor_time(connection.info.backend_pid) - start) / times)
    return statistics.median(loops)


def fill(connection: psycopg.Connection, samples: int) -> dict[str, Any]:
    """Make the history; what recording one more costs at its beginning, after a tenth and at its end."""
    costs = {"0": record_cost(connection)}
    moved, spent, cpu = 0, 0.0, 0.0
    tenth = samples // 10
    for part in range(10):
        connection.execute(FILL, {"samples": samples, "first": part * tenth + 1, "last": (part + 1) * tenth})
        rows, took, used = maintain(connection)
        moved, spent, cpu = moved + rows, spent + took, cpu + used
        connection.execute("VACUUM ANALYZE pggit_excellence.performance_metrics_new")
        if part in (0, 9):
            costs[f"{(part + 1) * tenth:,}"] = record_cost(connection)
    connection.execute("VACUUM ANALYZE")
    return {"costs": costs, "rolled up": moved, "seconds": spent, "cpu_seconds": cpu}


def percentiles(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """Each window from roll-ups and from raw samples.

    `ms`, `cpu_ms`, `raw_ms`, `raw_cpu_ms`; `ratio` of the times; `error`: the largest, relative.
    """
    records = []
    for name, window in WINDOWS.items():
        ours, cpu, values = cost(connection, OURS.format(window=window), 20)
        since, until = (
            f"(SELECT {edge}(p.part_{side}) FROM pggit_excellence._window_parts({window}) AS p)"
            for edge, side in (("min", "start"), ("max", "end"))
        )
        raw, raw_cpu, exact = cost(connection, RAW.format(since=since, until=until), 1)
        error = max(abs(a - b) / b for a, b in zip(values, exact, strict=True))
        records.append(
            {"window": name, "ms": ours * 1e3, "cpu_ms": cpu * 1e3, "raw_ms": raw * 1e3, "raw_cpu_ms": raw_cpu * 1e3,
             "ratio": raw / ours, "error": error}
        )  # fmt: skip
    return records


def writers(server: Server, database: str, with_maintenance: bool) -> dict[str, Any]:
    """32 clients that record as fast as they can, with maintain() once a second or without."""
    program = server.installation.program("pgbench")
    assert program is not None, "pgbench comes with postgresql-15"
    with tempfile.TemporaryDirectory() as folder, server.connect(database) as connection:
        script = Path(folder) / "record.sql"
        script.write_text(RECORD + ";\n", encoding="utf-8")
        command = [str(program), "-n", "-c", str(WRITERS), "-j", "2", "-T", str(SECONDS), "-f", str(script), database]
        bench = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=server.environment)
        moved, spent, cpu = 0, 0.0, 0.0
        while with_maintenance and bench.poll() is None:
            rows, took, used = maintain(connection)
            moved, spent, cpu = moved + rows, spent + took, cpu + used
            time.sleep(1)
        output, _ = bench.communicate()
        moved_later, _, _ = maintain(connection)
    rate = next(float(line.split()[2]) for line in output.splitlines() if line.startswith("tps"))
    return {"per_second": rate, "rolled_up": moved, "left": moved_later, "busy": spent / SECONDS, "cpu": cpu / SECONDS}


def measure(server: Server, database: str, samples: int = 1_000_000) -> dict[str, Any]:
    """`fill`, `percentiles`, `writers`: see the functions of these names."""
    with server.connect(database) as connection:
        filled = fill(connection, samples)
        asked = percentiles(connection)
    alone, beside = (writers(server, database, how) for how in (False, True))
    return {"samples": samples, "fill": filled, "percentiles": asked, "alone": alone, "beside": beside}


def report(result: dict[str, Any]) -> Table:
    """The result as a table; "processor" is what the same takes on a machine that has nothing else to do."""
    title = f"{result['samples']:,} samples over {DAYS} days"
    table = Table("what", "time", "processor", "compared with", "ratio", title=title)
    for record in result["percentiles"]:
        table.add_row(
            f"percentiles, {record['window']}; error {record['error']:.2%}",
            f"{record['ms']:.1f} ms", f"{record['cpu_ms']:.1f} ms",
            f"percentile_cont {record['raw_ms']:,.0f} ms, {record['raw_cpu_ms']:,.0f} ms", f"{record['ratio']:,.0f}",
        )  # fmt: skip
    costs = result["fill"]["costs"]
    first = costs["0"]
    for stored, cost in costs.items():
        table.add_row(
            f"record_metric(), {stored} stored",
            "",
            f"{cost:.1f} us",
            f"none stored {first:.1f} us",
            f"{cost / first:.2f}",
        )
    filled = result["fill"]
    table.add_row(
        "maintain(), a backlog",
        f"{filled['rolled up'] / filled['seconds']:,.0f} samples/s",
        f"{filled['rolled up'] / filled['cpu_seconds']:,.0f} samples/s", "", "",
    )  # fmt: skip
    alone, beside = result["alone"], result["beside"]
    table.add_row(
        f"{WRITERS} writers while maintain() runs each second ({beside['busy']:.0%} of the time)",
        f"{beside['per_second']:,.0f}/s", f"{beside['cpu']:.0%} of one", f"alone {alone['per_second']:,.0f}/s",
        f"{beside['per_second'] / alone['per_second']:.2f}",
    )  # fmt: skip
    return table
