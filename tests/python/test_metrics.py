"""Samples and roll-ups: retention, dump and restore, scheduling, samples from the future, and what the guide says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.server import Installation, Server

# What pg_cron's schema looks like from outside; the real one was tried by hand.
CRON_CONTROL = "default_version = '1.4'\nrelocatable = false\nschema = pg_catalog\n"
CRON_SCRIPT = """
CREATE SCHEMA cron;
CREATE TABLE cron.job (
    jobid bigint GENERATED ALWAYS AS IDENTITY, schedule text, command text, jobname text UNIQUE, username text
);
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE id bigint;
BEGIN
    IF schedule !~ '^[0-9*/, ]+$' THEN RAISE EXCEPTION 'invalid schedule: %', schedule; END IF;
    INSERT INTO cron.job AS j (schedule, command, jobname, username) VALUES ($2, $3, $1, current_user)
    ON CONFLICT (jobname) DO UPDATE SET schedule = excluded.schedule RETURNING j.jobid INTO id;
    RETURN id;
END $$;
CREATE FUNCTION cron.schedule(schedule text, command text) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE sql AS
'DELETE FROM cron.job WHERE jobid = $1 RETURNING true';
"""


def record(connection: psycopg.Connection, hours_ago: int, samples: int = 1) -> None:
    """One sample in each of the last hours, whatever record_metric() would say."""
    connection.execute(
        "INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, recorded_at)"
        " SELECT 'x', 1, now() - h * interval '1 hour' FROM generate_series(0, %s) AS h, generate_series(1, %s)",
        [hours_ago - 1, samples],
    )


def kept(connection: psycopg.Connection) -> dict[str, int]:
    """How many samples and roll-ups there are."""
    return dict(
        connection.execute(
            "SELECT r.resolution, count(*) FROM pggit_excellence.metric_rollups AS r GROUP BY 1"
            " UNION ALL SELECT 'sample', count(*) FROM pggit_excellence.performance_metrics"
        ).fetchall()
    )


KEEP = "keep_samples => '1 day', keep_minutes => '2 days', keep_hours => '4 days', keep_days => '6 days'"


def test_each_level_is_kept_as_long_as_asked(plain: psycopg.Connection) -> None:
    record(plain, 10 * 24)
    plain.execute(f"SELECT pggit_excellence.maintain({KEEP})")
    found = kept(plain)
    assert abs(found["sample"] - 24) <= 1
    assert abs(found["minute"] - 48) <= 1
    assert abs(found["hour"] - 96) <= 1
    assert found["day"] in (6, 7)
    total = "SELECT sample_count FROM pggit_excellence.metric_rollups WHERE resolution = 'total'"
    assert plain.execute(total).fetchone() == (240,)
    again = plain.execute(f"SELECT sum(affected) FROM pggit_excellence.maintain({KEEP})").fetchone()
    assert again == (0,)


def test_ends_that_moved_are_said(plain: psycopg.Connection) -> None:
    record(plain, 10 * 24)
    plain.execute(f"SELECT pggit_excellence.maintain({KEEP})")
    notes = (
        "SELECT DISTINCT note FROM pggit_excellence.metric_percentiles("
        "'x', now() - interval '{}', now() - interval '{}')"
    )
    day = "from .* to .*: minutes or hours at the ends are deleted already"
    for start, end, expected in (("1 day", "1 hour", None), ("3 days", "1 hour", day), ("8 days", "1 hour", day)):
        (note,) = plain.execute(notes.format(start, end)).fetchone() or ()
        assert (note is None) if expected is None else re.fullmatch(expected, note)


def test_one_call_is_bounded(plain: psycopg.Connection) -> None:
    record(plain, 10 * 24)
    tasks = plain.execute(f"SELECT task, affected, note FROM pggit_excellence.maintain(50, {KEEP})").fetchall()
    assert tasks[0][1] == 50
    assert "more is waiting" in tasks[0][2]
    while True:
        tasks = plain.execute(f"SELECT task, affected FROM pggit_excellence.maintain(50, {KEEP})").fetchall()
        assert all(affected <= 50 for _, affected in tasks)
        if not any(affected for _, affected in tasks):
            break
    assert abs(kept(plain)["hour"] - 96) <= 1


def test_late_samples_do_not_bring_deleted_roll_ups_back(plain: psycopg.Connection) -> None:
    record(plain, 10 * 24)
    plain.execute(f"SELECT pggit_excellence.maintain({KEEP})")
    before = kept(plain)
    record(plain, 10 * 24)
    plain.execute(f"SELECT pggit_excellence.maintain({KEEP})")
    assert kept(plain)["minute"] <= before["minute"] + 1
    total = "SELECT sample_count FROM pggit_excellence.metric_rollups WHERE resolution = 'total'"
    assert plain.execute(total).fetchone() == (480,)


def test_samples_from_the_future(plain: psycopg.Connection) -> None:
    """Direct inserts are rolled up; a window that ends before them does not count them."""
    plain.execute(
        "INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, recorded_at)"
        " VALUES ('x', 1, now()), ('x', 1, now() + interval '2 hours')"
    )
    for _ in range(2):
        now, later = (
            plain.execute(
                f"SELECT sample_count FROM pggit_excellence.metric_percentiles('x', {window}) LIMIT 1"
            ).fetchone()
            for window in ("now() - interval '1 hour'", "now() - interval '1 hour', now() + interval '3 hours'")
        )
        assert (now, later) == ((1,), (2,))
        plain.execute("SELECT pggit_excellence.maintain()")
    plain.execute("SELECT pggit_excellence.record_metric('x', 1, recorded_at => now() + interval '4 minutes')")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        plain.execute("SELECT pggit_excellence.record_metric('x', 1, recorded_at => now() + interval '6 minutes')")


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_a_restored_history_goes_on(
    dump_programs: dict[str, Path], make_database: MakeDatabase, server: Server, tmp_path: Path, form: str
) -> None:
    """Nothing is rolled up again that was, and what was waiting still is."""
    source, target, file = make_database("plain"), make_database("empty"), tmp_path / "dump"
    tmp_path.chmod(0o755)
    with server.connect(source) as connection:
        record(connection, 5 * 24, samples=2)
        connection.execute(f"SELECT pggit_excellence.maintain(100, {KEEP})")
        before = kept(connection)
    subprocess.run(
        [dump_programs["pg_dump"], f"--format={form}", f"--file={file}", source], env=server.environment, check=True
    )
    if form == "plain":
        server.psql("-f", str(file), dbname=target)
    else:
        command = [dump_programs["pg_restore"], "--exit-on-error", f"--dbname={target}", file]
        subprocess.run(command, env=server.environment, check=True)
    with server.connect(target) as connection:
        assert kept(connection) == before
        while connection.execute(f"SELECT sum(affected) FROM pggit_excellence.maintain(100, {KEEP})").fetchone() != (
            0,
        ):
            pass
        total = "SELECT sample_count FROM pggit_excellence.metric_rollups WHERE resolution = 'total'"
        assert connection.execute(total).fetchone() == (240,)


@pytest.fixture
def cron(installation: Installation, plain: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A database with a stand-in for pg_cron."""
    folder = installation.sharedir / "extension"
    files = {folder / "pg_cron.control": CRON_CONTROL, folder / "pg_cron--1.4.sql": CRON_SCRIPT}
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    plain.execute("CREATE EXTENSION pg_cron")
    yield plain
    for path in files:
        path.unlink()


def schedule(connection: psycopg.Connection, argument: str = "") -> str:
    row = connection.execute(f"SELECT pggit_excellence.schedule_maintenance({argument})").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.once
def test_scheduling_with_pg_cron(cron: psycopg.Connection) -> None:
    assert schedule(cron) == "pg_cron runs maintain() as job 1: * * * * *"
    assert "*/5 * * * *" in schedule(cron, "'*/5 * * * *'")
    jobs = cron.execute("SELECT schedule, command FROM cron.job").fetchall()
    assert jobs == [("*/5 * * * *", "SELECT * FROM pggit_excellence.maintain()")]
    cron.execute(jobs[0][1])
    with pytest.raises(psycopg.Error, match="invalid schedule: often") as caught:
        schedule(cron, "'often'")
    assert caught.value.diag.message_hint
    schedule(cron, "NULL")
    assert cron.execute("SELECT count(*) FROM cron.job").fetchone() == (0,)


@pytest.mark.once
def test_scheduling_without_pg_cron(plain: psycopg.Connection) -> None:
    """It says what to run instead, and never calls a function that somebody put into a schema of that name."""
    plain.execute("CREATE SCHEMA cron")
    plain.execute(
        "CREATE FUNCTION cron.schedule(text, text, text) RETURNS bigint LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''called''; END'"
    )
    said = schedule(plain)
    assert "pg_cron is not installed" in said
    assert "pggit-excellence slo maintain" in said


@pytest.mark.once
def test_diagnostics_alone_are_maintained(server: Server, make_database: MakeDatabase) -> None:
    """sql/pggit_performance.sql brings the roll-ups without the objectives' functions."""
    database = make_database("empty")
    server.psql("-f", str(ROOT / "sql" / "pggit_performance.sql"), dbname=database)
    with server.connect(database) as connection:
        record(connection, 48)
        connection.execute("SELECT pggit_excellence.maintain()")
        assert kept(connection)["hour"] == 48


def test_replicated_tables_can_be_maintained(plain: psycopg.Connection) -> None:
    """A publication FOR ALL TABLES wants a replica identity of everything that is updated or deleted."""
    plain.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    record(plain, 10 * 24)
    for _ in range(2):
        plain.execute(f"SELECT pggit_excellence.maintain({KEEP})")


def test_queries_of_the_guide_run(plain: psycopg.Connection) -> None:
    guide = (ROOT / "docs" / "operations" / "SAMPLES_AND_ROLLUPS.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    assert queries
    for query in queries:
        plain.execute(query)
