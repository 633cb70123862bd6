"""Roll-ups, percentiles and windows against plain computation over the raw samples, for whatever samples there are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pggit_excellence.server import Server

PERCENTILES = [0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]
NOON = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
UNITS = {"minute": dt.timedelta(minutes=1), "hour": dt.timedelta(hours=1), "day": dt.timedelta(days=1)}

magnitudes = st.builds(lambda digits, power: digits * 10.0**power, st.floats(1, 10), st.integers(-105, 98))
values = st.one_of(
    st.just(0.0),
    st.integers(-1000, 1000).map(float),
    magnitudes,
    magnitudes.map(lambda v: -v),
    st.floats(-1e100, 1e100),
)
# Near the edges of minutes, hours and days more often than by chance.
edges = st.builds(
    lambda unit, number, microseconds: NOON + number * UNITS[unit] + dt.timedelta(microseconds=microseconds),
    st.sampled_from(sorted(UNITS)), st.integers(-4, 4), st.sampled_from([-1, 0, 1]),
)  # fmt: skip
times = st.one_of(edges, st.datetimes(dt.datetime(2026, 3, 6), dt.datetime(2026, 3, 15), timezones=st.just(dt.UTC)))
# As record_metric() stores them; the table refuses what is nearer to 0.
stored = values.map(lambda value: value if abs(value) >= 1e-100 else 0.0)
samples = st.tuples(stored, times, st.integers(1, 3))
Sample = tuple[float, dt.datetime, int]

# Shrinking takes minutes, because each example is many statements; the failing one is printed all the same.
checked = settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FOR_EVER = dict.fromkeys(("keep_samples", "keep_minutes", "keep_hours", "keep_days"), "100 years")


@pytest.fixture(scope="module")
def shared(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    """One database for all examples: each rolls back."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE metric_properties TEMPLATE {template_databases['plain']}")
        with server.connect("metric_properties") as connection:
            yield connection
        admin.execute("DROP DATABASE metric_properties WITH (FORCE)")


def insert(connection: psycopg.Connection, batch: list[Sample], metric: str = "x") -> None:
    connection.execute(
        "INSERT INTO pggit_excellence.performance_metrics_new (metric_type, metric_value, recorded_at, sample_count)"
        " SELECT %s, * FROM unnest(%s::float8[], %s::timestamptz[], %s::int[])",
        [metric, *([list(column) for column in zip(*batch, strict=True)] or [[], [], []])],
    )


def maintain(connection: psycopg.Connection, **arguments: Any) -> None:
    """Roll up and delete until nothing is left."""
    call = ", ".join(f"{name} => %({name})s" for name in arguments)
    while any(
        row[0] for row in connection.execute(f"SELECT affected FROM pggit_excellence.maintain({call})", arguments)
    ):
        pass


def window(connection: psycopg.Connection, start: dt.datetime, end: dt.datetime) -> tuple[Any, ...]:
    """Events, sum, smallest and largest value, keys and counts."""
    row = connection.execute("SELECT * FROM pggit_excellence._metric_window('x', %s, %s)", [start, end]).fetchone()
    assert row is not None
    return row


def floor(time: dt.datetime, unit: str) -> dt.datetime:
    start = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    return start + (time - start) // UNITS[unit] * UNITS[unit]


@given(value=values)
@checked
def test_key_of_a_value(shared: psycopg.Connection, value: float) -> None:
    """Within 1 % of the bucket's value, below its bound and above the one before it."""
    row = shared.execute(
        "SELECT pggit_excellence._sketch_value(k), pggit_excellence._sketch_upper(k),"
        " CASE k WHEN 1 THEN 0 ELSE pggit_excellence._sketch_upper(k - 1) END"
        " FROM pggit_excellence._sketch_key(%s::float8) AS k",
        [value],
    ).fetchone()
    assert row is not None
    middle, upper, below = row
    if abs(value) < 1e-100:
        assert (middle, upper) == (0, 0)
        return
    assert abs(middle - value) <= 0.01 * abs(value) * (1 + 1e-9)
    slack = abs(value) * 1e-11
    assert below - slack <= value <= upper + slack


@given(ordered=st.lists(values, min_size=2, max_size=20))
@checked
def test_keys_sort_as_values_do(shared: psycopg.Connection, ordered: list[float]) -> None:
    keys = [row[0] for row in shared.execute(
        "SELECT pggit_excellence._sketch_key(v) FROM unnest(%s::float8[]) AS v ORDER BY v", [ordered])]  # fmt: skip
    assert keys == sorted(keys)


def rank_values(batch: list[Sample], percentile: float) -> tuple[float, float, float]:
    """The values of the ranks beside a percentile, and what percentile_cont() makes of them."""
    expanded = sorted(value for value, _, count in batch for _ in range(count))
    rank = percentile * (len(expanded) - 1)
    low, high = expanded[math.floor(rank)], expanded[math.ceil(rank)]
    return low, high, low + (rank - math.floor(rank)) * (high - low)


@given(batches=st.lists(st.lists(samples, min_size=1, max_size=30), min_size=1, max_size=3), waiting=st.booleans())
@checked
def test_percentiles(shared: psycopg.Connection, batches: list[list[Sample]], waiting: bool) -> None:
    """Within 1 % of the ranks' values, whether samples are rolled up at once, in parts, or still waiting."""
    everything = [sample for batch in batches for sample in batch]
    with shared.transaction(force_rollback=True):
        for number, batch in enumerate(batches):
            insert(shared, batch)
            if not waiting or number < len(batches) - 1:
                maintain(shared, batch_size=7, **FOR_EVER)
        answers = shared.execute(
            "SELECT percentile, value, sample_count FROM pggit_excellence.metric_percentiles("
            "'x', '2026-01-01 00:00+00', '2027-01-01 00:00+00', %s)",
            [PERCENTILES],
        ).fetchall()
        postgres = shared.execute(
            "SELECT percentile_cont(%s::float8[]) WITHIN GROUP (ORDER BY m.metric_value)"
            " FROM pggit_excellence.performance_metrics AS m, generate_series(1, m.sample_count)",
            [PERCENTILES],
        ).fetchone()
    assert postgres is not None
    assert [row[0] for row in answers] == PERCENTILES
    assert {row[2] for row in answers} == {sum(count for _, _, count in everything)}
    for (percentile, value, _), exact in zip(answers, postgres[0], strict=True):
        low, high, interpolated = rank_values(everything, percentile)
        assert interpolated == pytest.approx(exact, rel=1e-9, abs=1e-100), "both oracles"
        # What is interpolated between a negative and a positive value can be near 0; its error cannot.
        assert abs(value - exact) <= 0.01 * max(abs(low), abs(high)) * (1 + 1e-9) + 1e-100
        if low * high > 0 and min(abs(low), abs(high)) >= 1e-100:
            assert abs(value - exact) <= 0.01 * abs(exact) * (1 + 1e-9)
        if percentile in (0.0, 1.0):
            assert value == exact


# Everything but the sums, which depend on the order of additions.
ROLLUPS = """
    SELECT r.metric_type, r.resolution, r.bucket_start::text, r.sample_count, r.value_min, r.value_max,
           r.bucket_keys, r.bucket_counts
    FROM pggit_excellence.metric_rollups AS r
"""
PLAIN_ROLLUPS = """
    SELECT k.metric_type, k.resolution, k.bucket::text, sum(k.events)::bigint, min(k.low), max(k.high),
           array_agg(k.key ORDER BY k.key), array_agg(k.events ORDER BY k.key)
    FROM (
        SELECT m.metric_type, u.resolution, pggit_excellence._sketch_key(m.metric_value) AS key,
               CASE u.resolution WHEN 'total' THEN '-infinity'
               ELSE date_trunc(u.resolution, m.recorded_at, 'UTC') END AS bucket,
               sum(m.sample_count) AS events, min(m.metric_value) AS low, max(m.metric_value) AS high
        FROM pggit_excellence.performance_metrics AS m, unnest('{minute,hour,day,total}'::text[]) AS u (resolution)
        GROUP BY 1, 2, 3, 4
    ) AS k
    GROUP BY 1, 2, 3
"""


@given(
    batches=st.lists(st.lists(st.tuples(st.sampled_from("xyz"), samples), max_size=20), min_size=1, max_size=4),
    batch_size=st.integers(5, 100),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati"]),
)
@checked
def test_rollups_are_what_the_samples_are(
    shared: psycopg.Connection, batches: list[list[tuple[str, Sample]]], batch_size: int, zone: str
) -> None:
    """In whatever order and portions they come, wherever the session is: merging is exact and associative."""
    with shared.transaction(force_rollback=True):
        shared.execute(
            f"SET LOCAL timezone = '{zone}'; SET LOCAL datestyle = 'German'; SET LOCAL intervalstyle = 'sql_standard'"
        )
        for batch in batches:
            for metric in "xyz":
                insert(shared, [sample for name, sample in batch if name == metric], metric)
            maintain(shared, batch_size=batch_size, **FOR_EVER)
        shared.execute("SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'")
        assert sorted(shared.execute(ROLLUPS).fetchall()) == sorted(shared.execute(PLAIN_ROLLUPS).fetchall())


@given(batch=st.lists(samples, min_size=1, max_size=40), ends=st.tuples(times, times, times), rolled=st.booleans())
@checked
def test_windows(shared: psycopg.Connection, batch: list[Sample], ends: tuple[dt.datetime, ...], rolled: bool) -> None:
    """A minute belongs to a window when it begins in it: side by side nothing is lost or doubled."""
    first, middle, last = sorted(ends)
    with shared.transaction(force_rollback=True):
        insert(shared, batch)
        if rolled:
            maintain(shared, **FOR_EVER)
        for start, end in ((first, middle), (middle, last), (first, last)):
            inside = [sample for sample in batch if start <= floor(sample[1], "minute") < end]
            events, total, low, high, _, bucket_counts = window(shared, start, end)
            assert events == sum(bucket_counts) == sum(count for _, _, count in inside)
            assert (low, high) == (
                min((v for v, _, _ in inside), default=None),
                max((v for v, _, _ in inside), default=None),
            )
            if inside:
                assert total == pytest.approx(
                    sum(v * c for v, _, c in inside), rel=1e-9, abs=max(map(abs, (low, high))) * 1e-9
                )


ages = st.builds(
    lambda hours, seconds: dt.timedelta(hours=hours, seconds=seconds), st.integers(0, 24 * 7), st.integers(0, 3600)
)


@given(
    batch=st.lists(st.tuples(ages, st.integers(1, 3)), min_size=20, max_size=60),
    ends=st.lists(ages, min_size=3, max_size=3),
)
@checked
def test_windows_where_minutes_and_hours_are_deleted(
    shared: psycopg.Connection, batch: list[tuple[dt.timedelta, int]], ends: list[dt.timedelta]
) -> None:
    """Ends move to the next full hour or day; what lies between two ends is still exact."""
    with shared.transaction(force_rollback=True):
        row = shared.execute("SELECT now()").fetchone()
        assert row is not None
        now: dt.datetime = row[0]
        dense = [(1.0, now - dt.timedelta(days=day), 1) for day in range(8)]  # a day without samples does not count
        recorded = [(1.0, now - age, count) for age, count in batch] + dense
        insert(shared, recorded)
        keep = {"keep_samples": "1 day", "keep_minutes": "1 day", "keep_hours": "3 days", "keep_days": "6 days"}
        maintain(shared, **keep)
        kept = dict(shared.execute("SELECT resolution, kept_since FROM pggit_excellence.metric_retention").fetchall())

        def edge(time: dt.datetime) -> dt.datetime:
            unit = (
                "day"
                if floor(time, "day") < kept["hour"]
                else "hour"
                if floor(time, "hour") < kept["minute"]
                else "minute"
            )
            moved = floor(time - dt.timedelta(microseconds=1), unit) + UNITS[unit]
            return max(moved, kept["day"])

        first, middle, last = sorted(now - age for age in ends)
        for start, end in ((first, middle), (middle, last), (first, last), (first, now)):
            inside = sum(count for _, time, count in recorded if edge(start) <= time < edge(end))
            assert window(shared, start, end)[0] == inside
        resolutions = shared.execute(
            "SELECT resolution, min(bucket_start) >= %s - CASE resolution WHEN 'minute' THEN interval '1 day 1 minute'"
            " WHEN 'hour' THEN interval '3 days 1 hour' ELSE interval '7 days' END"
            " FROM pggit_excellence.metric_rollups WHERE resolution <> 'total' GROUP BY 1",
            [now],
        ).fetchall()
        assert all(young for _, young in resolutions)
        total = shared.execute(
            "SELECT sum(sample_count) FROM pggit_excellence.metric_rollups WHERE resolution = 'total'"
        )
        assert total.fetchone() == (sum(count for _, _, count in recorded),)
