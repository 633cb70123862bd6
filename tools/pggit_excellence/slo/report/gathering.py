"""What a report says, as the server counted it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from pggit_excellence.slo.asking import Row, rows
from pggit_excellence.slo.report.period import Period

OBJECTIVES = """
    SELECT r.*, o.description, o.metric_type, o.kind, o.comparison, o.threshold,
           CASE WHEN o.comparison IN ('<', '<=') THEN w.value_max ELSE w.value_min END AS worst
    FROM pggit_excellence.slo_report(%s, %s) AS r
    JOIN pggit_excellence.slo_objectives AS o ON o.objective = r.objective
    LEFT JOIN LATERAL pggit_excellence._metric_window(o.metric_type, r.period_start, r.period_end) AS w
        ON o.kind = 'limit'
    ORDER BY r.objective COLLATE "C" """
# A step without events has no attainment.
COUNTS = """
    SELECT c.objective, s.step_start, c.good, c.total
    FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 microsecond', %s) AS s (step_start)
    CROSS JOIN LATERAL pggit_excellence._objective_counts(ARRAY[s.step_start], least(s.step_start + %s, %s)) AS c
    WHERE c.total > 0
    ORDER BY s.step_start"""
PERCENTILES = """
    SELECT s.step_start, p.percentile, p.value
    FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 microsecond', %s) AS s (step_start)
    CROSS JOIN LATERAL pggit_excellence.metric_percentiles(%s, s.step_start, least(s.step_start + %s, %s)) AS p
    WHERE p.value IS NOT NULL
    ORDER BY s.step_start"""
# Of an outage that is only known to be within an hour nobody knows how long it was.
OUTAGES = """
    SELECT a.*, CASE WHEN a.note IS NULL THEN extract(epoch FROM a.outage_end - a.outage_start) END AS seconds
    FROM pggit_excellence.availability_outages(%s, %s) AS a"""
# In full hours; in full days where hours are no longer kept.
WATCHED = """
    WITH bucket AS (
        SELECT r.bucket_start AS begins, r.resolution
        FROM pggit_excellence.metric_rollups AS r
        WHERE r.metric_type = 'availability' AND r.resolution IN ('hour', 'day')
          AND r.bucket_start > %(start)s - interval '1 day' AND r.bucket_start < %(until)s
        UNION ALL
        SELECT date_trunc('hour', n.recorded_at), 'hour'
        FROM pggit_excellence.waiting_samples AS n
        WHERE n.metric_type = 'availability' AND n.recorded_at >= %(start)s AND n.recorded_at < %(until)s
    ), known AS (
        SELECT range_agg(tstzrange(b.begins, b.begins + ('1 ' || b.resolution)::interval))
               * tstzmultirange(tstzrange(%(start)s, %(until)s)) AS times
        FROM bucket AS b
        WHERE b.resolution = 'hour' OR NOT EXISTS (
            SELECT FROM bucket AS h
            WHERE h.resolution = 'hour' AND h.begins >= b.begins AND h.begins < b.begins + interval '1 day')
    )
    SELECT lower(t.time) AS watch_start, upper(t.time) AS watch_end,
           extract(epoch FROM upper(t.time) - lower(t.time)) AS seconds
    FROM known AS k CROSS JOIN LATERAL unnest(k.times) AS t (time)"""


@dataclass(frozen=True)
class Report:
    """A period as the server counted it; `until` is its end, or now where it is not over.

    objectives: rows of slo_report() with what the objective is, and the worst value of a limit.
    counts: for each objective (step, good, total).
    latencies: for each metric of durations (step, percentile, value). outages: rows of availability_outages().
    watched: (watch_start, watch_end) when somebody probed availability, in full hours.
    """

    database: str
    period: Period
    until: datetime
    step: timedelta
    objectives: list[Row]
    counts: dict[str, list[Row]]
    latencies: dict[str, list[Row]]
    outages: list[Row]
    watched: list[Row]

    @property
    def missed(self) -> list[Row]:
        """The objectives that were missed."""
        return [row for row in self.objectives if row["status"] == "missed"]

    @property
    def judged(self) -> list[Row]:
        """The objectives that were met or missed."""
        return [row for row in self.objectives if row["status"] in ("met", "missed")]

    @property
    def unwatched(self) -> float:
        """For how many seconds nobody probed availability; 0 also where nobody ever did."""
        length = (self.until - self.period.start).total_seconds()
        return length - sum(row["seconds"] for row in self.watched) if self.watched else 0.0


def gather(connection: psycopg.Connection, period: Period) -> Report:
    """Ask the server."""
    objectives = rows(connection, OBJECTIVES, period.start, period.end)
    [here] = rows(
        connection, "SELECT current_database() AS database, least(%s, statement_timestamp()) AS until", period.end
    )
    until, step = datetime.fromisoformat(here["until"]), period.step()
    counts: dict[str, list[Row]] = {}
    for row in rows(connection, COUNTS, period.start, until, step, step, until):
        counts.setdefault(row["objective"], []).append(row)
    metrics = sorted({row["metric_type"] for row in objectives if row["metric_type"].endswith("_ms")})
    latencies = {
        metric: rows(connection, PERCENTILES, period.start, until, step, metric, step, until) for metric in metrics
    }
    outages = rows(connection, OUTAGES, period.start, until)
    watched = rows(connection, WATCHED, start=period.start, until=until)
    return Report(here["database"], period, until, step, objectives, counts, latencies, outages, watched)
