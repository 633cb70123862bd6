"""What status, budgets, alerts and the exposition cost with 90 days of roll-ups and a history of pgGit's promised size.

The roll-ups are written as maintain() would leave them: 90 days and hours and 3 days of minutes for every objective, a
sketch of 400 keys for each duration, and a thousand samples that are not rolled up yet. Compared with one count(*) over
pggit.history, which no function of ours makes.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

STANDIN = Path(__file__).resolve().parents[1] / "fixtures" / "pggit_standin.sql"
DATABASE = "objective_times"
FILL = """
CREATE TEMP TABLE bucket AS
SELECT l.resolution, now() - g * l.step AS at
FROM (VALUES ('minute', interval '1 minute', 4320), ('hour', '1 hour', 2160), ('day', '24 hours', 90),
             ('total', '0', 1)) AS l (resolution, step, buckets),
     generate_series(1, l.buckets) AS g;
INSERT INTO pggit_excellence.objective_rollups
SELECT o.objective, b.resolution, pggit_excellence._bucket(b.resolution, b.at), 998, 1000
FROM pggit_excellence.slo_objectives AS o, bucket AS b WHERE o.kind = 'events';
INSERT INTO pggit_excellence.metric_rollups
SELECT m.metric_type, b.resolution, pggit_excellence._bucket(b.resolution, b.at), 1200, 6000, 0.1, 400,
       array(SELECT k FROM generate_series(12001, 12400) AS k), array_fill(3::bigint, ARRAY[400])
FROM (SELECT DISTINCT metric_type FROM pggit_excellence.slo_objectives) AS m, bucket AS b;
INSERT INTO pggit_excellence.performance_metrics_new (metric_type, metric_value, recorded_at)
SELECT 'ddl_tracking_ms', mod(g, 60), now() - g * interval '50 ms' FROM generate_series(1, 1000) AS g;
SET session_replication_role = replica;
INSERT INTO pggit.history (object_id, change_type, change_severity)
SELECT 1, (enum_range(NULL::pggit.change_type))[1], (enum_range(NULL::pggit.change_severity))[1]
FROM generate_series(1, %(history)s);
RESET session_replication_role;
"""
CALLS = {
    "error_budget('90 days')": "SELECT count(*) FROM pggit_excellence.error_budget('90 days')",
    "burn_alerts()": "SELECT count(*) FROM pggit_excellence.burn_alerts()",
    "slo_status()": "SELECT count(*) FROM pggit_excellence.slo_status()",
    "slo_report(), 90 days": "SELECT count(*) FROM pggit_excellence.slo_report(now() - interval '90 days', now())",
    "health_check()": "SELECT count(*) FROM pggit_excellence.health_check()",
    "prometheus_metrics()": "SELECT length(pggit_excellence.prometheus_metrics())",
}
COUNT = "SELECT count(*) FROM pggit.history"


def milliseconds(connection: psycopg.Connection, query: str, runs: int = 15) -> float:
    """The median time of a query."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        connection.execute(query.encode()).fetchall()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def measure(server: Server, _database: str, samples: int = 10_000_000) -> dict[str, Any]:
    """`history` rows, `count_ms` of counting them, `calls`: median `ms` of each. Makes a database of its own."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")
    server.psql("-f", str(STANDIN), dbname=DATABASE)
    with server.connect(DATABASE) as connection:
        connection.execute("CREATE EXTENSION pggit_excellence")
        connection.execute((FILL % {"history": samples}).encode())
        connection.execute("VACUUM ANALYZE")
        counted = milliseconds(connection, COUNT, 3)
        calls = [{"call": name, "ms": milliseconds(connection, query)} for name, query in CALLS.items()]
    with server.connect() as admin:
        admin.execute(f"DROP DATABASE {DATABASE}")
    return {"history": samples, "count_ms": counted, "calls": calls}


def report(result: dict[str, Any]) -> Table:
    """The result as a table."""
    table = Table("function", "ms", "count(*) takes times as long", title="90 days of roll-ups")
    for call in result["calls"]:
        table.add_row(call["call"], f"{call['ms']:.1f}", f"{result['count_ms'] / call['ms']:.0f}")
    table.add_row(f"count(*) over {result['history']:,} rows of history", f"{result['count_ms']:,.0f}", "1")
    return table
