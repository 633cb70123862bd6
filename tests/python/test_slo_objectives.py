"""Objectives: the seeds, making and changing them, limits, forecasts, dump and restore, and what nobody should ask."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server
from test_slo_oracle import SEEDS


def one(connection: psycopg.Connection, query: str, *values: object) -> tuple:  # type: ignore[type-arg]
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return row


def record(connection: psycopg.Connection, metric: str, value: float, age: str = "0", count: int = 1) -> None:
    connection.execute(
        "SELECT pggit_excellence.record_metric(%s, %s, '{}', clock_timestamp() - %s::interval, %s)",
        [metric, value, age, count],
    )


def maintain(connection: psycopg.Connection) -> None:
    connection.execute("SELECT * FROM pggit_excellence.maintain()")


def status(connection: psycopg.Connection, objective: str) -> tuple[object, ...]:
    """status, attained, budget_remaining, current_value, note."""
    return one(
        connection,
        "SELECT status, attained, budget_remaining, current_value, note FROM pggit_excellence.slo_status()"
        " WHERE objective = %s",
        objective,
    )


def alerts(connection: psycopg.Connection, objective: str) -> list[tuple[float, bool, str | None]]:
    """threshold, firing, note; the highest threshold first."""
    return connection.execute(
        "SELECT burn_rate_threshold::float8, firing, note FROM pggit_excellence.burn_alerts()"
        " WHERE objective = %s ORDER BY 1 DESC",
        [objective],
    ).fetchall()


# --- the seeds, and nothing known


def test_seeds_are_the_promises(plain: psycopg.Connection) -> None:
    rows = plain.execute(
        "SELECT objective, metric_type, comparison, threshold, target, minimum_events"
        " FROM pggit_excellence.slo_objectives WHERE kind = 'events' AND is_default AND enabled"
    ).fetchall()
    seeds = {(n, r.metric, r.comparison, r.threshold, r.target, r.minimum_events) for n, r in SEEDS.items()}
    assert set(rows) == seeds
    limits = plain.execute(
        "SELECT objective, comparison, threshold FROM pggit_excellence.slo_objectives WHERE kind = 'limit'"
    ).fetchall()
    assert set(limits) == {("storage", "<", 100.0 * 1024**3), ("tracked_objects", "<=", 10_000.0)}


def test_nothing_is_known_without_samples(plain: psycopg.Connection) -> None:
    rows = plain.execute(
        "SELECT status, attained, budget_remaining, note FROM pggit_excellence.slo_status()"
    ).fetchall()
    assert len(rows) == 10
    assert all(row[:3] == ("no_data", None, None) and "was ever recorded" in row[3] for row in rows)
    budgets = plain.execute("SELECT allowed_bad, consumed, remaining FROM pggit_excellence.error_budget()").fetchall()
    assert budgets == [(None, None, None)] * 8
    firing = plain.execute("SELECT DISTINCT firing, long_burn_rate FROM pggit_excellence.burn_alerts()").fetchall()
    assert firing == [(False, None)]
    report = "SELECT status, attained, budget_consumed, p50, p99 FROM pggit_excellence.slo_report()"
    assert plain.execute(report).fetchall() == [("no_data", None, None, None, None)] * 10


def test_a_metric_that_nobody_records(plain: psycopg.Connection) -> None:
    plain.execute("SELECT pggit_excellence.set_objective('typo', 'ddl_traking_ms', '<', 5, 0.9)")
    assert status(plain, "typo") == ("no_data", None, None, None, "no sample of type ddl_traking_ms was ever recorded")
    record(plain, "ddl_traking_ms", 1, "40 days")
    maintain(plain)
    assert str(status(plain, "typo")[4]).startswith("no sample of type ddl_traking_ms in this window, the newest at ")


# --- budgets and alerts


def test_exactly_at_the_target(plain: psycopg.Connection) -> None:
    record(plain, "ddl_tracking_ok", 1, count=999)
    record(plain, "ddl_tracking_ok", 0)
    assert status(plain, "tracking_errors")[:3] == ("met", Decimal("0.999"), Decimal(0))
    record(plain, "ddl_tracking_ok", 0)
    assert status(plain, "tracking_errors")[0] == "missed"
    maintain(plain)
    record(plain, "ddl_tracking_ok", 1, count=10_000_000)
    # Never 1 while something was bad.
    assert status(plain, "tracking_errors")[:2] == ("met", Decimal("0.999999"))


def test_alert_fires_and_ends_with_the_short_window(plain: psycopg.Connection) -> None:
    record(plain, "availability", 1, "30 minutes", 60)
    record(plain, "availability", 0, "1 minute", 3)
    fast = alerts(plain, "availability")[0]
    assert fast == (14.4, True, None) or fast[:2] == (14.4, True)
    record(plain, "availability", 1, "0", 10_000)
    assert alerts(plain, "availability")[0][:2] == (14.4, False)


def test_over_since_ten_minutes(plain: psycopg.Connection) -> None:
    """The long window burns, the short one does not any more."""
    record(plain, "availability", 0, "20 minutes", 30)
    record(plain, "availability", 1, "1 minute", 30)
    rows = alerts(plain, "availability")
    assert rows[0][:2] == (14.4, False)
    assert rows[1][:2] == (6, True), "its short window is half an hour"


def test_quiet_systems_page_nobody(plain: psycopg.Connection) -> None:
    record(plain, "availability", 0, "1 minute", 29)
    assert [row[1] for row in alerts(plain, "availability")] == [False] * 4
    assert alerts(plain, "availability")[0][2] == "cannot fire: fewer than 30 events in the long window"
    record(plain, "availability", 0, "1 minute")
    assert [row[1] for row in alerts(plain, "availability")] == [True] * 4


def test_rates_that_a_target_cannot_reach(plain: psycopg.Connection) -> None:
    record(plain, "ddl_tracking_ms", 999, "1 minute", 1000)
    notes = [row[2] for row in alerts(plain, "ddl_tracking_p50")]
    assert notes[:3] == ["cannot fire: with target 0.5 the burn rate is at most 2"] * 3
    assert [row[1] for row in alerts(plain, "ddl_tracking_p50")] == [False, False, False, True]
    plain.execute("SELECT pggit_excellence.set_objective('ddl_tracking_p50', enabled => false)")
    assert alerts(plain, "ddl_tracking_p50") == []
    assert status(plain, "ddl_tracking_p50")[0] == "disabled"


def test_windows_that_begin_before_the_counting_say_so(plain: psycopg.Connection) -> None:
    plain.execute("UPDATE pggit_excellence.slo_objectives SET counted_since = '2026-11-20 10:30+00'")
    record(plain, "availability", 1)
    assert status(plain, "availability")[4] == "counted since 2026-11-20 10:30 UTC"
    note = "SELECT note FROM pggit_excellence.error_budget(%s) WHERE objective = 'availability'"
    assert one(plain, note, "10 years") == ("counted since 2026-11-20 10:30 UTC",)
    plain.execute("UPDATE pggit_excellence.slo_objectives SET counted_since = '2000-01-01'")
    assert one(plain, note, "30 days") == (None,)


# --- limits and newest values


def test_limit_judges_the_newest_sample(plain: psycopg.Connection) -> None:
    record(plain, "storage_bytes", 200e9, "3 hours")
    record(plain, "storage_bytes", 50e9, "2 hours")
    assert status(plain, "storage")[:4] == ("met", None, None, 50e9)
    maintain(plain)
    assert status(plain, "storage")[:4] == ("met", None, None, 50e9)
    record(plain, "storage_bytes", 120e9, "1 hour")
    assert status(plain, "storage")[:4] == ("missed", None, None, 120e9)
    # From the future: not yet. Late: no longer.
    record(plain, "storage_bytes", 1, "-4 minutes")
    record(plain, "storage_bytes", 2, "90 minutes")
    maintain(plain)
    assert status(plain, "storage")[3] == 120e9
    # Where the samples are deleted, the mean of the newest bucket is what is left.
    plain.execute("DELETE FROM pggit_excellence.performance_metrics WHERE metric_value > 1")
    assert status(plain, "storage")[3] == 120e9
    report = (
        "SELECT status, note FROM pggit_excellence.slo_report(now() - interval '1 day') WHERE objective = 'storage'"
    )
    assert one(plain, report) == ("missed", "largest value 200000000000, limit < 107374182400")


def test_limit_without_a_recent_sample(plain: psycopg.Connection) -> None:
    record(plain, "tracked_objects", 5, "31 days")
    said = status(plain, "tracked_objects")
    assert said[0] == "no_data"
    assert "in this window, the newest at" in str(said[4])


def test_floor(plain: psycopg.Connection) -> None:
    plain.execute(
        "SELECT pggit_excellence.set_objective('covered', 'tracking_coverage_percent', '>=', 90, kind => 'limit')"
    )
    record(plain, "tracking_coverage_percent", 95, "10 minutes")
    assert status(plain, "covered")[0] == "met"
    record(plain, "tracking_coverage_percent", 80, "5 minutes")
    record(plain, "tracking_coverage_percent", 99, "1 minute")
    assert status(plain, "covered")[0] == "met"
    report = "SELECT status, note FROM pggit_excellence.slo_report() WHERE objective = 'covered'"
    assert one(plain, report) == ("missed", "smallest value 80, limit >= 90")


# --- making and changing


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("NULL, 'x_ms', '<', 5, 0.9", "an objective needs a name"),
        ("' ', 'x_ms', '<', 5, 0.9", "must have 1 to 200 characters"),
        ("'x', NULL, '<', 5, 0.9", "needs the metric"),
        ("'x', 'x_ms', '=', 5, 0.9", "no such comparison: '='"),
        ("'x', 'x_ms', NULL, 5, 0.9", "no such comparison: NULL"),
        ("'x', 'x_ms', '<', NULL, 0.9", "threshold must be a number"),
        ("'x', 'x_ms', '<', 'NaN', 0.9", "threshold must be a number"),
        ("'x', 'x_ms', '<', 'Infinity', 0.9", "threshold must be a number"),
        ("'x', 'x_ms', '<', -5, 0.9", "no sample of x_ms can be < -5"),
        ("'x', 'x_ms', '<', 0, 0.9", "no sample of x_ms can be < 0"),
        ("'x', 'x_ms', '<', 5", "target must be between 0 and 1, not NULL"),
        ("'x', 'x_ms', '<', 5, 0", "target must be between 0 and 1, not 0"),
        ("'x', 'x_ms', '<', 5, 1", "target must be between 0 and 1, not 1"),
        ("'x', 'x_ms', '<', 5, 99.9", "target must be between 0 and 1, not 99.9"),
        ("'x', 'x_ms', '<', 5, 'NaN'", "target must be between 0 and 1, not NaN"),
        ("'x', 'x_ms', '<', 5, 0.9, '0'", "slo_window must be from 1 hour"),
        ("'x', 'x_ms', '<', 5, 0.9, '-1 day'", "slo_window must be from 1 hour"),
        ("'x', 'x_ms', '<', 5, 0.9, '1000 years'", "slo_window must be from 1 hour"),
        ("'x', 'x_ms', '<', 5, 0.9, kind => 'gauge'", "no such kind"),
        ("'x', 'x_ms', '<', 5, 0.9, kind => 'limit'", "a limit has no target"),
        ("'x', 'x_ms', '<', 5, 0.9, minimum_events => 0", "minimum_events must be 1 or more"),
        ("'storage', 'other_bytes'", "metric and kind of objective storage cannot change"),
        ("'storage', kind => 'events'", "metric and kind of objective storage cannot change"),
        ("'storage', target => 0.9", "a limit has no target"),
    ],
)
def test_what_makes_no_objective(plain: psycopg.Connection, call: str, message: str) -> None:
    before = plain.execute("SELECT * FROM pggit_excellence.slo_objectives ORDER BY 1").fetchall()
    with pytest.raises(psycopg.DataError, match=message.replace("(", r"\(")) as caught:
        plain.execute(f"SELECT pggit_excellence.set_objective({call})")
    assert caught.value.diag.message_hint
    assert plain.execute("SELECT * FROM pggit_excellence.slo_objectives ORDER BY 1").fetchall() == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("error_budget('0')", "must be a positive interval"),
        ("error_budget('-1 day')", "must be a positive interval"),
        ("slo_report('2026-02-01', '2026-01-01')", "must end after it begins"),
        ("slo_report('2026-02-01', '2026-02-01')", "must end after it begins"),
        ("slo_report('-infinity', now())", "needs a beginning and an end"),
        ("slo_report(now(), 'infinity')", "needs a beginning and an end"),
        ("slo_report(now() + interval '1 day', now() + interval '2 days')", "has not begun"),
        ("drop_objective('no such')", "no such objective: 'no such'"),
        ("drop_objective(NULL)", "no such objective: NULL"),
        ("drop_objective('storage')", "came with the extension"),
    ],
)
def test_what_nobody_should_ask(plain: psycopg.Connection, call: str, message: str) -> None:
    with pytest.raises(psycopg.Error, match=message) as caught:
        plain.execute(f"SELECT * FROM pggit_excellence.{call}").fetchall()
    assert caught.value.diag.message_hint


def test_only_what_is_given_changes(plain: psycopg.Connection) -> None:
    call = "SELECT pggit_excellence.set_objective('ddl_tracking_p95'"
    columns = (
        "SELECT threshold, target, changed_at, enabled, is_default FROM pggit_excellence.slo_objectives"
        " WHERE objective = 'ddl_tracking_p95'"
    )
    assert one(plain, f"{call})") == ("unchanged",)
    assert one(plain, f"{call}, target => 0.9)") == ("changed",)
    assert one(plain, columns) == (50, Decimal("0.9"), None, True, True)
    assert one(plain, f"{call}, threshold => 60)")[0].startswith("changed; what was recorded until now")
    threshold, target, changed_at, *_ = one(plain, columns)
    assert (threshold, target) == (60, Decimal("0.9"))
    assert changed_at is not None
    record(plain, "ddl_tracking_ms", 55)
    assert "is judged by the former threshold" in str(status(plain, "ddl_tracking_p95")[4])


def test_changes_need_a_primary_and_a_fresh_snapshot(plain: psycopg.Connection) -> None:
    for begin, message in (("READ ONLY", "read-only"), ("ISOLATION LEVEL REPEATABLE READ", "repeatable read")):
        for call in ("set_objective('storage', enabled => false)", "drop_objective('x')"):
            plain.execute(f"BEGIN {begin}")
            with pytest.raises(psycopg.Error, match=message) as caught:
                plain.execute(f"SELECT pggit_excellence.{call}")
            assert caught.value.diag.message_hint
            plain.execute("ROLLBACK")


def test_waits_for_maintain_no_longer_than_it_may(server: Server, plain: psycopg.Connection) -> None:
    with server.connect(plain.info.dbname) as other, other.transaction():
        maintain(other)
        plain.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable, match="maintain") as caught:
            plain.execute("SELECT pggit_excellence.set_objective('storage', enabled => false)")
        assert caught.value.diag.message_hint


def test_nothing_is_lost_or_counted_twice_while_objectives_come_and_go(
    server: Server, plain: psycopg.Connection
) -> None:
    """A session records, another rolls up, a third makes and drops: in the end each count is what was recorded."""
    done = threading.Event()

    def repeat(query: str) -> None:
        with server.connect(plain.info.dbname) as connection:
            while not done.is_set():
                connection.execute(query.encode())
                time.sleep(0.01)

    recorder = "SELECT pggit_excellence.record_metric('busy', g % 2) FROM generate_series(1, 5) AS g"
    workers = [
        threading.Thread(target=repeat, args=(query,))
        for query in (recorder, recorder, "SELECT * FROM pggit_excellence.maintain(7)")
    ]
    for worker in workers:
        worker.start()
    for number in range(12):
        plain.execute("SELECT pggit_excellence.set_objective(%s, 'busy', '>=', 1, 0.9)", [f"busy_{number}"])
        time.sleep(0.05)
        if number % 3 == 0:
            plain.execute("SELECT pggit_excellence.drop_objective(%s)", [f"busy_{number}"])
    done.set()
    for worker in workers:
        worker.join()
    recorded = one(
        plain, "SELECT count(*), count(*) FILTER (WHERE metric_value = 1) FROM pggit_excellence.performance_metrics"
    )
    query = "SELECT DISTINCT total, good FROM pggit_excellence.slo_status() WHERE metric_type = 'busy'"
    assert plain.execute(query).fetchall() == [recorded]
    while one(plain, "SELECT max(affected) FROM pggit_excellence.maintain()") != (0,):
        pass
    assert plain.execute(query).fetchall() == [recorded]


# --- forecasts


def least_squares(points: list[tuple[float, float]]) -> float:
    """The slope."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points)


@pytest.mark.parametrize("rolled", [False, True])
def test_growth_is_the_straight_line_through_the_days(plain: psycopg.Connection, rolled: bool) -> None:
    today = one(plain, "SELECT date_trunc('day', now(), 'UTC')")[0]
    values = {day: 1e9 + 3e8 * (29 - day) + (day * 7919 % 13) * 1e7 for day in range(30) if day % 4 != 3}
    for day, value in values.items():
        for part in (-1, 1):
            plain.execute(
                "SELECT pggit_excellence.record_metric('storage_bytes', %s, '{}', LEAST(%s, clock_timestamp()))",
                [value + part * 1e6, today - timedelta(days=day) + timedelta(hours=12 + part)],
            )
    record(plain, "storage_bytes", 9e12, "45 days")  # before the 30 days
    if rolled:
        maintain(plain)
    rows = plain.execute(
        "SELECT measure, current_bytes, growth_bytes_per_day, limit_bytes, reached_at, statement_timestamp(), note"
        " FROM pggit_excellence.storage_forecast()"
    ).fetchall()
    slope = least_squares([(-day, value) for day, value in values.items()])
    for measure, current, growth, limit, reached, now, note in rows[:2]:
        assert growth == pytest.approx(slope, abs=1)
        assert abs((reached - now).total_seconds() - (limit - current) / slope * 86400) < 5, measure
        assert note.startswith(f"linear fit over {len(values)} daily means from ")
    assert [row[0] for row in rows] == [
        "90 % of the limit of storage", "100 % of the limit of storage", "schema pggit_excellence",
    ]  # fmt: skip
    assert rows[0][3] == 0.9 * 100 * 1024**3


def test_growth_that_is_not_known(plain: psycopg.Connection) -> None:
    def forecast() -> tuple:  # type: ignore[type-arg]
        return one(
            plain, "SELECT growth_bytes_per_day, reached_at, note FROM pggit_excellence.storage_forecast() LIMIT 1"
        )

    assert forecast() == (
        None,
        None,
        "no growth known: samples of storage_bytes on 0 of the last 30 days, 7 are needed",
    )
    for day in range(6):
        record(plain, "storage_bytes", 1e9, f"{day} days")
    assert forecast()[:2] == (None, None)
    record(plain, "storage_bytes", 1e9, "6 days")
    assert forecast()[:2] == (0, None)
    assert forecast()[2].startswith("does not grow; linear fit over 7 daily means")
    record(plain, "storage_bytes", 1e9 + 100, "0")
    assert forecast()[1] is None
    assert forecast()[2].startswith("not within 100 years; ")
    plain.execute("SELECT pggit_excellence.set_objective('storage', threshold => 1000)")
    reached = one(
        plain, "SELECT reached_at = statement_timestamp(), note FROM pggit_excellence.storage_forecast() LIMIT 1"
    )
    assert reached[0]
    assert reached[1].startswith("reached already; ")
    plain.execute("SELECT pggit_excellence.set_objective('storage', enabled => false)")
    assert one(plain, "SELECT measure, limit_bytes, reached_at FROM pggit_excellence.storage_forecast() LIMIT 1") == (
        "storage_bytes", None, None,
    )  # fmt: skip


def test_objects(pggit: psycopg.Connection) -> None:
    active = one(pggit, "SELECT count(*) FROM pggit.objects WHERE is_active")
    query = "SELECT current_objects, limit_objects FROM pggit_excellence.object_forecast()"
    assert pggit.execute(query).fetchall() == [(*active, 9000), (*active, 10000)]


def test_objects_without_pggit(plain: psycopg.Connection) -> None:
    row = one(plain, "SELECT current_objects, note FROM pggit_excellence.object_forecast() LIMIT 1")
    assert row[0] is None
    assert row[1].startswith("pgGit is not installed in this database; ")


def test_all_disk_space_counts_once(pggit: psycopg.Connection) -> None:
    """Partitions in another schema, partitions of another schema's table, indexes, TOAST, materialized views."""
    pggit.execute(
        """
        CREATE SCHEMA elsewhere;
        CREATE TABLE pggit.parted (id int, body text) PARTITION BY RANGE (id);
        CREATE TABLE elsewhere.parted_1 PARTITION OF pggit.parted FOR VALUES FROM (0) TO (1000) PARTITION BY LIST (id);
        CREATE TABLE elsewhere.parted_1_1 PARTITION OF elsewhere.parted_1 DEFAULT;
        CREATE TABLE pggit.parted_2 PARTITION OF pggit.parted FOR VALUES FROM (1000) TO (2000);
        CREATE TABLE elsewhere.whole (id int) PARTITION BY RANGE (id);
        CREATE TABLE pggit.part_of_theirs PARTITION OF elsewhere.whole DEFAULT;
        CREATE INDEX ON pggit.parted (id);
        INSERT INTO pggit.parted SELECT g, repeat(md5(g::text), 500) FROM generate_series(0, 1999) AS g;
        INSERT INTO elsewhere.whole SELECT g FROM generate_series(1, 10000) AS g;
        CREATE MATERIALIZED VIEW pggit.kept AS SELECT * FROM pggit.parted;
        """
    )
    files = one(
        pggit,
        """
        SELECT sum(pg_relation_size(c.oid, fork))::bigint
        FROM pg_class AS c CROSS JOIN unnest(ARRAY['main', 'fsm', 'vm', 'init']) AS fork
        LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
        LEFT JOIN pg_class AS t ON t.reltoastrelid = COALESCE(i.indrelid, c.oid)
        LEFT JOIN pg_class AS o ON o.oid = COALESCE(t.oid, i.indrelid, c.oid)
        WHERE c.relkind IN ('r', 'i', 't', 'm', 'S')
          AND (o.relnamespace::regnamespace::text ~ '^pggit' OR o.relname = 'parted_1_1')
        """,
    )
    assert one(pggit, "SELECT sum(bytes)::bigint FROM pggit_excellence._storage_bytes()") == files
    assert one(pggit, "SELECT DISTINCT current_bytes FROM pggit_excellence.storage_forecast() LIMIT 1") is not None


# --- the log of upgrades by the plain query


def test_error_rate_by_hand(pggit: psycopg.Connection) -> None:
    query = """
        SELECT 100.0 * count(*) FILTER (WHERE status = 'failed')
               / NULLIF(count(*) FILTER (WHERE status <> 'started'), 0)
        FROM pggit.upgrade_log"""
    assert one(pggit, query) == (None,)
    pggit.execute("SELECT pggit_excellence.start_upgrade('2')")
    assert one(pggit, query) == (None,)
    pggit.execute("SELECT pggit_excellence.finish_upgrade(1, 'broken')")
    assert one(pggit, query) == (100,)


# --- dump and restore


OBJECTIVES = """
    SELECT objective, description, metric_type, kind, comparison, threshold, target, slo_window, minimum_events,
           enabled, is_default, counted_since, created_at, changed_at
    FROM pggit_excellence.slo_objectives ORDER BY objective"""


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_dump_and_restore(
    server: Server, plain: psycopg.Connection, make_database: MakeDatabase, tmp_path: Path,
    dump_programs: dict[str, Path], *, form: str,
) -> None:  # fmt: skip
    """Seeds as they were, changed, switched off and deleted, and the user's own, with everything that was counted."""
    plain.execute("UPDATE pggit_excellence.slo_objectives SET counted_since = '2026-01-01', created_at = '2026-01-01'")
    plain.execute("SELECT pggit_excellence.set_objective('ddl_tracking_p95', threshold => 60, target => 0.9)")
    plain.execute("SELECT pggit_excellence.set_objective('tracked_objects', enabled => false)")
    plain.execute("SELECT pggit_excellence.set_objective('mine', 'ddl_tracking_ms', '<', 7, 0.75, '90 days')")
    for age in ("40 days", "3 hours", "1 minute"):
        record(plain, "ddl_tracking_ms", 55, age, 9)
        maintain(plain)
    record(plain, "ddl_tracking_ms", 5)
    state = [plain.execute(OBJECTIVES).fetchall(), *counted(plain)]

    target, file = make_database("empty"), tmp_path / "dump"
    tmp_path.chmod(0o755)
    dump = [str(dump_programs["pg_dump"]), f"--format={form}", f"--file={file}", plain.info.dbname]
    subprocess.run(dump, env=server.environment, check=True)
    if form == "plain":
        server.psql("-f", str(file), dbname=target)
    else:
        restore = [str(dump_programs["pg_restore"]), "--exit-on-error", f"--dbname={target}", str(file)]
        subprocess.run(restore, env=server.environment, check=True)
    with server.connect(target) as restored:
        assert [restored.execute(OBJECTIVES).fetchall(), *counted(restored)] == state


def counted(connection: psycopg.Connection) -> Iterator[object]:
    yield connection.execute(
        "SELECT objective, good, total, attained, status FROM pggit_excellence.slo_status()"
    ).fetchall()
    yield connection.execute(
        "SELECT to_jsonb(r)::text FROM pggit_excellence.objective_rollups AS r ORDER BY 1"
    ).fetchall()


def test_without_the_trigger_a_restore_collides(plain: psycopg.Connection) -> None:
    """What the restore's COPY does, with the trigger and without."""
    row = """
        INSERT INTO pggit_excellence.slo_objectives
        SELECT (jsonb_populate_record(o, '{"threshold": 1}')).* FROM pggit_excellence.slo_objectives AS o
        WHERE objective = 'storage'"""
    plain.execute(row)
    assert one(plain, "SELECT threshold FROM pggit_excellence.slo_objectives WHERE objective = 'storage'") == (1,)
    plain.execute("ALTER TABLE pggit_excellence.slo_objectives DISABLE TRIGGER ALL")
    with pytest.raises(psycopg.errors.UniqueViolation):
        plain.execute(row)
