"""Status, budgets, burn rates and reports against plain computation over the raw samples (slo_oracle.py).

Random histories: samples of any age, maintain() at any time and in any batch, minutes deleted or kept, objectives made,
changed, switched off and dropped in between, and sessions in time zones with odd offsets and daylight saving.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slo_oracle import Rule, Sample, World

ZONES = ["UTC", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
DAY = 86_400
SEEDS = {
    "availability": Rule("availability", ">=", 1, Decimal("0.999"), minimum_events=30),
    "ddl_tracking_p50": Rule("ddl_tracking_ms", "<", 10, Decimal("0.50")),
    "ddl_tracking_p95": Rule("ddl_tracking_ms", "<", 50, Decimal("0.95")),
    "ddl_tracking_p99": Rule("ddl_tracking_ms", "<", 100, Decimal("0.99")),
    "version_query_p50": Rule("version_query_ms", "<", 5, Decimal("0.50")),
    "version_query_p95": Rule("version_query_ms", "<", 20, Decimal("0.95")),
    "version_query_p99": Rule("version_query_ms", "<", 50, Decimal("0.99")),
    "tracking_errors": Rule("ddl_tracking_ok", ">=", 1, Decimal("0.999")),
}

AGES = st.one_of(st.floats(0, 600), st.floats(0, 3 * DAY), st.floats(0, 40 * DAY))
COUNTS = st.one_of(st.integers(1, 3), st.integers(1, 2000))
DURATIONS = st.sampled_from([0.0, 0.2, 4.999, 5.0, 9.99, 10.0, 49.9, 50.0, 51.0, 99.9, 100.0, 101.0, 5000.0])
RECORDED = st.one_of(
    st.tuples(st.just("ddl_tracking_ms"), DURATIONS, AGES, COUNTS),
    st.tuples(st.just("availability"), st.sampled_from([0.0, 1.0]), AGES, COUNTS),
)
RECORD = st.tuples(st.just("record"), st.lists(RECORDED, min_size=1, max_size=12))
MAINTAIN = st.tuples(st.just("maintain"), st.sampled_from([1, 5, 100_000]), st.sampled_from(["1 day", "3 days"]))
STEPS = st.one_of(
    RECORD,
    MAINTAIN,
    st.tuples(st.just("threshold"), st.sampled_from([5.0, 50.0, 200.0])),
    st.tuples(st.just("target"), st.sampled_from(["0.9", "0.995", "0.9999999"])),
    st.tuples(st.just("switch"), st.booleans()),
    st.tuples(st.just("make"), st.sampled_from([1.0, 50.0])),
    st.tuples(st.just("drop")),
)
HISTORIES = st.tuples(RECORD, MAINTAIN, st.lists(STEPS, max_size=12)).map(lambda parts: [*parts[:2], *parts[2]])


def play(connection: psycopg.Connection, world: World, step: tuple) -> None:  # type: ignore[type-arg]
    """Do one step on the server and in the oracle."""
    match step:
        case ("record", samples):
            now = connection.execute("SELECT clock_timestamp()").fetchone()[0].astimezone(UTC)
            for metric, value, age, count in samples:
                sample = Sample(metric, value, now - timedelta(seconds=age), count)
                connection.execute(
                    "SELECT pggit_excellence.record_metric(%s, %s, '{}', %s, %s)", [metric, value, sample.at, count]
                )
                world.record(sample)
        case ("maintain", batch, keep):
            connection.execute("SELECT * FROM pggit_excellence.maintain(%s, keep_minutes => %s)", [batch, keep])
            kept = connection.execute("SELECT resolution, kept_since FROM pggit_excellence.metric_retention").fetchall()
            world.kept = {resolution: since.astimezone(UTC) for resolution, since in kept}
        case ("threshold", threshold):
            connection.execute(
                "SELECT pggit_excellence.set_objective('ddl_tracking_p95', threshold => %s)", [threshold]
            )
            world.change("ddl_tracking_p95", threshold=threshold)
        case ("target", target):
            connection.execute("SELECT pggit_excellence.set_objective('availability', target => %s)", [target])
            world.change("availability", target=Decimal(target))
        case ("switch", enabled):
            connection.execute("SELECT pggit_excellence.set_objective('availability', enabled => %s)", [enabled])
            world.change("availability", enabled=enabled)
        case ("make", threshold) if "extra" not in world.rules:
            connection.execute(
                "SELECT pggit_excellence.set_objective('extra', 'ddl_tracking_ms', '<=', %s, 0.8, '36 hours',"
                " minimum_events => 3)",
                [threshold],
            )
            rule = Rule("ddl_tracking_ms", "<=", threshold, Decimal("0.8"), timedelta(hours=36), 3)
            world.make("extra", rule)
        case ("drop",) if "extra" in world.rules:
            connection.execute("SELECT pggit_excellence.drop_objective('extra')")
            world.drop("extra")


def check_status(connection: psycopg.Connection, world: World) -> None:
    rows = connection.execute(
        "SELECT objective, window_start, window_end, good, total, attained, status, budget_remaining"
        " FROM pggit_excellence.slo_status() WHERE target IS NOT NULL"
    ).fetchall()
    assert {row[0] for row in rows} == world.rules.keys()
    for objective, start, now, *said in rows:
        assert now.astimezone(UTC) - start.astimezone(UTC) == world.rules[objective].window
        assert tuple(said) == world.status(objective, now.astimezone(UTC)), objective


def check_budget(connection: psycopg.Connection, world: World, window: timedelta | None) -> None:
    rows = connection.execute(
        "SELECT statement_timestamp(), objective, good, total, bad, allowed_bad, consumed, remaining"
        " FROM pggit_excellence.error_budget(%s)",
        [window],
    ).fetchall()
    assert {row[1] for row in rows} == world.rules.keys()
    for now, objective, *said in rows:
        assert tuple(said) == world.budget(objective, now.astimezone(UTC), window or world.rules[objective].window), (
            objective
        )


def check_alerts(connection: psycopg.Connection, world: World) -> None:
    rows = connection.execute(
        "SELECT statement_timestamp(), objective, severity, burn_rate_threshold::float8, long_burn_rate,"
        " short_burn_rate, long_events, short_events, firing FROM pggit_excellence.burn_alerts()"
    ).fetchall()
    assert [row[-1] for row in rows] == sorted((row[-1] for row in rows), reverse=True)
    for objective in world.rules:
        said = {tuple(row[2:]) for row in rows if row[1] == objective}
        assert said == world.alerts(objective, rows[0][0].astimezone(UTC)), objective


def check_report(connection: psycopg.Connection, world: World, start: datetime, end: datetime) -> None:
    rows = connection.execute(
        "SELECT objective, good, total, attained, status, budget_consumed, p50, p95, p99"
        " FROM pggit_excellence.slo_report(%s, %s) WHERE target IS NOT NULL",
        [start, end],
    ).fetchall()
    assert {row[0] for row in rows} == world.rules.keys()
    for objective, *said in rows:
        good, total = world.counts(objective, start, end)
        consumed = world.consumed(objective, good, total)
        assert tuple(said[:4]) == world.standing(objective, good, total), objective
        assert (said[4] is None) == (consumed is None)
        assert consumed is None or abs(Decimal(said[4]) - Decimal(float(consumed))) < Decimal("1e-5") * (1 + said[4])
        for share, value in zip((0.5, 0.95, 0.99), said[5:], strict=True):
            exact = world.order_statistics(world.rules[objective].metric, start, end, share)
            assert (value is None) == (exact is None)
            assert exact is None or exact[0] * 0.99 - 1e-9 <= value <= exact[1] * 1.01 + 1e-9


def holds(connection: psycopg.Connection, examples: int, *, fault: Callable[[World], None] | None = None) -> None:
    """The property; with `fault`, the oracle's world is made wrong before it is compared."""

    @settings(
        derandomize=True, database=None, deadline=None, max_examples=examples,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(HISTORIES, st.sampled_from(ZONES), st.floats(0, 40 * DAY), st.floats(600, 40 * DAY), st.integers(1, 100))
    def property_holds(history: list, zone: str, age: float, length: float, window_days: int) -> None:  # type: ignore[type-arg]
        world = World(dict(SEEDS))
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT set_config('TimeZone', %s, true)", [zone])
            for step in history:
                play(connection, world, step)
            if fault is not None:
                fault(world)
            start = datetime.now(UTC) - timedelta(seconds=age)
            check_status(connection, world)
            check_budget(connection, world, timedelta(days=window_days))
            check_budget(connection, world, None)
            check_alerts(connection, world)
            check_report(connection, world, start, start + timedelta(seconds=length))

    property_holds()


def test_what_is_said_is_what_the_samples_say(plain: psycopg.Connection) -> None:
    holds(plain, 60)


def forget_a_sample(world: World) -> None:
    for verdicts in world.verdicts.values():
        verdicts.pop()


def judge_by_the_latest_rule(world: World) -> None:
    for name in list(world.verdicts):
        rule = world.rules[name]
        world.drop(name)
        world.make(name, rule)


def count_twice(world: World) -> None:
    for verdicts in world.verdicts.values():
        verdicts.append(verdicts[0])


@pytest.mark.once
@pytest.mark.parametrize("fault", [forget_a_sample, judge_by_the_latest_rule, count_twice])
def test_a_difference_is_seen(plain: psycopg.Connection, fault: Callable[[World], None]) -> None:
    with pytest.raises(AssertionError):
        holds(plain, 400, fault=fault)


@pytest.mark.once
@pytest.mark.parametrize(
    ("function", "right", "wrong"),
    [
        ("_waiting_counts", "o.kind = 'events'", "false"),
        ("_objective_counts", "i.bucket_start < p.part_end", "i.bucket_start <= p.part_end"),
        ("_objective_standing", "SET \"TimeZone\" TO 'UTC'", "SET \"TimeZone\" TO 'America/St_Johns'"),
        ("burn_alerts", "r.long_events >= (r.o).minimum_events", "r.long_events >= 1"),
        ("set_objective", "PERFORM pggit_excellence._roll_up(2147483647);", ""),
        # Those of which random histories show little.
        pytest.param(
            *("error_budget", "CASE WHEN budget_window > '4000 years'", "CASE WHEN budget_window IS NULL"),
            marks=pytest.mark.long,
        ),
        pytest.param("burn_alerts", "AND r.short_rate > r.threshold", "", marks=pytest.mark.long),
        pytest.param("set_objective", "pggit_excellence._count_kept_samples(wanted)", "NULL", marks=pytest.mark.long),
    ],
)
def test_a_fault_in_the_functions_is_seen(plain: psycopg.Connection, function: str, right: str, wrong: str) -> None:
    query = "SELECT pg_get_functiondef(('pggit_excellence.' || %s)::regproc)"
    definition = plain.execute(query, [function]).fetchone()[0]
    assert right in definition
    plain.execute(definition.replace(right, wrong).encode())
    with pytest.raises(AssertionError):
        holds(plain, 400)  # it ends with the first that is wrong; what is drawn hangs on the hour
