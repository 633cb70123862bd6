"""The sentinels: what they measure against PostgreSQL's own counters, what they count, and that DDL always passes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from conftest import FIXTURES, MakeDatabase, flush_statistics
from pggit_excellence.server import Installation, Server, workspace

ROLE = "sentinels_developer"
FAILING = """
CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE EVENT TRIGGER pggit_refuses ON {event} EXECUTE FUNCTION public.refuse();
"""


@pytest.fixture
def measured(pggit: psycopg.Connection) -> psycopg.Connection:
    """The stand-in's database with sentinels."""
    pggit.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
    return pggit


@pytest.fixture
def developer(measured: psycopg.Connection) -> Iterator[str]:
    """An ordinary role with the rights in pgGit that its DDL needs, and none on us."""
    measured.execute(
        f"""
        SET pggit_excellence.enabled = off;
        CREATE ROLE {ROLE} LOGIN;
        GRANT CREATE, USAGE ON SCHEMA public TO {ROLE};
        GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA pggit TO {ROLE};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA pggit TO {ROLE};
        SET pggit_excellence.enabled = on;
        """
    )
    yield ROLE
    measured.execute(f"DROP OWNED BY {ROLE} CASCADE; DROP ROLE {ROLE}")


def samples(connection: psycopg.Connection) -> list[tuple[str, str, float]]:
    """Event, command and milliseconds of every sample, in the order of measuring."""
    return connection.execute(
        "SELECT tags ->> 'event', tags ->> 'command', metric_value FROM pggit_excellence.waiting_samples"
        " WHERE metric_type = 'ddl_tracking_ms' ORDER BY recorded_at"
    ).fetchall()


def commands(connection: psycopg.Connection) -> list[str]:
    return [command for _, command, _ in samples(connection)]


def status(connection: psycopg.Connection, column: str) -> int:
    row = connection.execute(f"SELECT {column} FROM pggit_excellence.sentinel_status()".encode()).fetchone()
    assert row is not None
    return row[0]


def book(connection: psycopg.Connection) -> tuple[int, int]:
    """Book; returns how many were tracked and how many failed."""
    row = connection.execute("SELECT tracked, failed FROM pggit_excellence._book_tracking()").fetchone()
    assert row is not None
    return row


def booked(connection: psycopg.Connection) -> dict[float, int]:
    """Events that the samples of ddl_tracking_ok stand for, by value."""
    return dict(
        connection.execute(
            "SELECT metric_value, sum(sample_count)::int FROM pggit_excellence.performance_metrics"
            " WHERE metric_type = 'ddl_tracking_ok' GROUP BY 1"
        ).fetchall()
    )


# --- what is measured


def test_as_long_as_postgresql_counts(measured: psycopg.Connection) -> None:
    """The sum of the samples against total_time of pgGit's functions, by event."""
    measured.execute(
        (FIXTURES / "track_objects.sql").read_text().replace(":objects", "1100").split("-- FULL")[0].encode()
    )
    measured.execute("SELECT pg_stat_reset()")
    measured.execute("DELETE FROM pggit_excellence.ddl_tracking_samples")
    for number in range(150):
        measured.execute(f"CREATE TABLE t{number} (id int, a text, b text, c text)".encode())
        measured.execute(f"DROP TABLE t{number}".encode())
    flush_statistics(measured)
    for function, event, calls in (
        ("handle_ddl_command", "ddl_command_end", 300),
        ("handle_sql_drop", "sql_drop", 150),
    ):
        counted = measured.execute(
            "SELECT calls, total_time FROM pg_stat_user_functions WHERE funcname = %s", [function]
        ).fetchone()
        assert counted is not None
        assert counted[0] == calls
        ours = [ms for name, _, ms in samples(measured) if name == event]
        assert len(ours) == 150
        # The end of a DROP calls the function once more, for next to nothing, and is no sample.
        assert 0.9 < sum(ours) / counted[1] < 1.25, event


def test_one_sample_per_tracked_event(measured: psycopg.Connection) -> None:
    measured.execute("CREATE TABLE t (a int, b int)")
    measured.execute("ALTER TABLE t DROP COLUMN b")
    measured.execute("CREATE VIEW v AS SELECT a FROM t")
    measured.execute("DROP TABLE t CASCADE")
    assert [(event, command) for event, command, _ in samples(measured)] == [
        ("ddl_command_end", "CREATE TABLE"),
        ("sql_drop", "ALTER TABLE"),
        ("ddl_command_end", "ALTER TABLE"),
        ("ddl_command_end", "CREATE VIEW"),
        ("sql_drop", "DROP TABLE"),
    ]
    assert all(ms > 0 for _, _, ms in samples(measured))
    assert (status(measured, "started"), status(measured, "tracked"), status(measured, "errors")) == (6, 5, 0)
    assert book(measured) == (5, 0)
    assert book(measured) == (0, 0), "each event once"
    assert booked(measured) == {1: 5}


def test_ways_to_run_ddl(measured: psycopg.Connection) -> None:
    """In functions, DO blocks, several commands in one string, prepared, and by CREATE EXTENSION."""
    measured.execute(
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql "
        "AS 'BEGIN CREATE TABLE a (i int); CREATE TABLE b (i int); END'"
    )
    measured.execute("SELECT f()")
    measured.execute("DO $$ BEGIN CREATE TABLE c (i int); END $$")
    measured.execute("CREATE TABLE d (i int); CREATE INDEX ON d (i)")
    for _ in range(2):
        measured.execute("CREATE TABLE e (i int)", prepare=True)
        measured.execute("DROP TABLE e", prepare=True)
    measured.execute("CREATE EXTENSION pg_stat_statements")
    seen = commands(measured)
    assert seen[:6] == ["CREATE FUNCTION", *["CREATE TABLE"] * 4, "CREATE INDEX"]
    assert seen[6:10] == ["CREATE TABLE", "DROP TABLE"] * 2
    assert seen[-1] == "CREATE EXTENSION"
    assert seen.count("CREATE VIEW") >= 1, "what the extension's script ran"
    assert status(measured, "errors") == 0
    assert book(measured)[1] == 0


def test_nested_ddl(measured: psycopg.Connection) -> None:
    """DDL that a trigger of pgGit's runs: the inner event is measured, and the outer one contains it."""
    measured.execute(
        """
        CREATE FUNCTION public.more() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF to_regclass('public.outer_table') IS NOT NULL AND to_regclass('public.inner_table') IS NULL THEN
                PERFORM pg_sleep(0.05);
                CREATE TABLE public.inner_table (i int);
            END IF;
        END $$;
        CREATE EVENT TRIGGER pggit_more ON ddl_command_end EXECUTE FUNCTION public.more();
        """
    )
    measured.execute("CREATE TABLE outer_table (i int)")
    inner, outer = [ms for _, command, ms in samples(measured) if command == "CREATE TABLE"]
    assert outer >= 50
    assert outer - 50 >= inner > 0
    assert status(measured, "errors") == 0
    measured.execute("DROP EVENT TRIGGER pggit_more")
    assert book(measured)[1] == 0


def test_rolled_back(measured: psycopg.Connection) -> None:
    """A rollback takes the samples; the counts stay, and none of it is a failure."""
    with contextlib.suppress(psycopg.errors.DivisionByZero), measured.transaction():
        measured.execute("CREATE TABLE a (i int)")
        measured.execute("SELECT 1 / 0")
    with measured.transaction():
        measured.execute("CREATE TABLE kept (i int)")
        with contextlib.suppress(psycopg.errors.DuplicateTable), measured.transaction():
            measured.execute("CREATE TABLE gone (i int)")
            measured.execute("CREATE TABLE kept (i int)")
        measured.execute("CREATE TABLE kept_too (i int)")
    assert commands(measured) == ["CREATE TABLE"] * 2
    assert book(measured) == (4, 0)


@pytest.mark.parametrize("event", ["ddl_command_end", "sql_drop"])
def test_failed_tracking(measured: psycopg.Connection, event: str) -> None:
    """A trigger of pgGit's that raises: DDL fails as without us, and the failure is counted although it rolls back."""
    measured.execute("CREATE TABLE t (i int)")
    measured.execute(FAILING.format(event=event).encode())
    statement = b"DROP TABLE t" if event == "sql_drop" else b"CREATE TABLE u (i int)"
    book(measured)
    for _ in range(3):
        with pytest.raises(psycopg.errors.RaiseException, match="refused"):
            measured.execute(statement)
    # In a subtransaction that goes on, too, and while the transaction is open it is not certain.
    with measured.transaction():
        measured.execute(b"DO $$ BEGIN %s; EXCEPTION WHEN raise_exception THEN NULL; END $$" % statement)
    assert book(measured) == (0, 4)
    measured.execute("DROP EVENT TRIGGER pggit_refuses")
    measured.execute(statement)
    assert book(measured) == (1, 0)
    assert booked(measured)[0] == 4
    assert status(measured, "failed") == 4


def test_what_runs_is_no_failure(server: Server, measured: psycopg.Connection) -> None:
    """An event that is being tracked while others book, however long, and however often they do."""
    measured.execute(
        """
        CREATE TABLE public.gate (i int);
        CREATE FUNCTION public.wait() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(4711); END $$;
        CREATE EVENT TRIGGER pggit_waits ON ddl_command_end EXECUTE FUNCTION public.wait();
        SELECT pg_advisory_lock(4711);
        """
    )
    book(measured)

    def create() -> None:
        with server.connect(measured.info.dbname) as other:
            other.execute("CREATE TABLE slow (i int)")

    thread = threading.Thread(target=create)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while status(measured, "under_way") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(3):
            assert book(measured) == (0, 0)
        # A failure beside it is certain only when it is done: it could be the one that runs.
        assert status(measured, "started") - status(measured, "tracked") == 1
    finally:
        measured.execute("SELECT pg_advisory_unlock(4711)")
        thread.join()
    assert book(measured) == (1, 0)


def test_many_clients(server: Server, measured: psycopg.Connection) -> None:
    """32 sessions at once, each event once, some transactions aborted, a few trackings failed."""
    measured.execute(
        FAILING.format(event="ddl_command_end")
        .replace("BEGIN RAISE", "BEGIN IF current_setting('test.fail', true) = 'yes' THEN RAISE")
        .replace("'refused';", "'refused'; END IF;")
        .encode()
    )
    book(measured)
    stop = threading.Event()
    failures: list[int] = []

    def work(number: int) -> None:
        with server.connect(measured.info.dbname) as connection:
            for turn in range(4):
                connection.execute(f"CREATE TABLE t{number}_{turn} (i int)".encode())
            with connection.transaction(force_rollback=True):
                connection.execute(f"CREATE TABLE t{number}_x (i int)".encode())
            connection.execute("SET test.fail = 'yes'")
            with pytest.raises(psycopg.errors.RaiseException):
                connection.execute(f"CREATE TABLE t{number}_y (i int)".encode())

    def keep_booking() -> None:
        with server.connect(measured.info.dbname) as connection:
            while not stop.is_set():
                failures.append(book(connection)[1])

    booking = threading.Thread(target=keep_booking)
    threads = [threading.Thread(target=work, args=[number]) for number in range(32)]
    booking.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    booking.join()
    book(measured)
    before = 2  # of the fixture: the function and what it made
    assert booked(measured)[0] == 32
    assert booked(measured)[1] - 32 * 5 <= before
    assert len([command for command in commands(measured) if command == "CREATE TABLE"]) == 32 * 4
    assert status(measured, "errors") == 0


def test_ordinary_role(server: Server, measured: psycopg.Connection, developer: str) -> None:
    """Measured without any right on us; and our functions are not theirs to call, our samples not theirs to write."""
    with server.connect(measured.info.dbname, user=developer) as connection:
        connection.execute("CREATE TABLE mine (i int)")
        connection.execute("DROP TABLE mine")
        for forbidden in (
            "SELECT nextval('pggit_excellence.sentinel_started')",
            "INSERT INTO pggit_excellence.performance_metrics VALUES ('ddl_tracking_ms', 1)",
            "INSERT INTO pggit_excellence.ddl_tracking_samples VALUES (now(), 1, 'sql_drop', 'DROP TABLE')",
            "SELECT pggit_excellence._sentinel_begin()",
            "SELECT * FROM pggit_excellence.enable_sentinels()",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
                connection.execute(forbidden.encode())
    assert commands(measured) == ["CREATE TABLE", "DROP TABLE"]


# --- what is set, forged, damaged or taken away


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "x" * 100_000,
        "9" * 17,
        "-1",
        "1e308",
        "1764108000.123456",
        "Infinity",
        "-Infinity",
        ",,,",
        "'; DROP TABLE t",
    ],
)
def test_setting_before_the_ddl(measured: psycopg.Connection, value: str) -> None:
    """What somebody set before is not looked at."""
    measured.execute("SELECT set_config('pggit_excellence.sentinel_frames', %s, false)", [value])
    measured.execute("CREATE TABLE t (i int)")
    (sample,) = samples(measured)
    assert 0 < sample[2] < 60_000
    assert (status(measured, "errors"), book(measured)) == (0, (1, 0))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "x",
        "9" * 16,
        "9" * 18,
        "-1",
        "1764108000.123456",
        "000000000.0000001",
        "NaN",
        "Infinity",
        "1e308",
    ],
)
def test_setting_meanwhile(server: Server, measured: psycopg.Connection, developer: str, value: str) -> None:
    """Code of an ordinary role that pgGit runs changes what we keep: no sample, one error, and the DDL passes."""
    measured.execute(
        "CREATE FUNCTION public.forge() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM set_config('pggit_excellence.sentinel_frames', coalesce(current_setting('test.forged', true),"
        " current_setting('pggit_excellence.sentinel_frames')), true); END $$;"
        "CREATE EVENT TRIGGER pggit_forges ON ddl_command_end EXECUTE FUNCTION public.forge()"
    )
    with server.connect(measured.info.dbname, user=developer) as connection:
        connection.execute("SELECT set_config('test.forged', %s, false)", [value])
        connection.execute("CREATE TABLE t (i int)")
        connection.execute("SELECT 1 FROM t")
    assert commands(measured) == ["CREATE FUNCTION"]
    assert status(measured, "errors") == 1
    assert "could not be measured" in str(status(measured, "note"))
    measured.execute("DROP EVENT TRIGGER pggit_forges")
    measured.execute("CREATE TABLE u (i int)")
    assert commands(measured)[-1] == "CREATE TABLE"


def test_setting_forged_while_switched_off(measured: psycopg.Connection) -> None:
    """A time that could be true, in a setting that nobody wrote: what has not begun is no sample and counts nowhere."""
    measured.execute(
        "DO $$ BEGIN"
        " PERFORM set_config('pggit_excellence.enabled', 'off', true), pg_sleep(0.01),"
        " set_config('pggit_excellence.sentinel_frames', extract(epoch from clock_timestamp())::text, true);"
        " CREATE TABLE t (i int); END $$"
    )
    assert (samples(measured), status(measured, "started"), status(measured, "tracked")) == ([], 0, 0)
    assert (status(measured, "errors"), book(measured)) == (0, (0, 0))


DAMAGE = (
    "DROP TABLE pggit_excellence.ddl_tracking_samples CASCADE",
    "ALTER TABLE pggit_excellence.ddl_tracking_samples ADD CHECK (began_at > recorded_at) NOT VALID",
    "DROP SEQUENCE pggit_excellence.sentinel_started",
    "DROP SEQUENCE pggit_excellence.sentinel_tracked",
    "DROP SEQUENCE pggit_excellence.sentinel_errors",
    "ALTER SEQUENCE pggit_excellence.sentinel_started MAXVALUE 2 RESTART 2",
    "DROP SCHEMA pggit_excellence CASCADE",
)


def test_damage_lets_ddl_pass(server: Server, make_database: MakeDatabase) -> None:
    with server.connect(make_database("empty")) as connection:
        for script in (FIXTURES / "pggit_standin.sql", FIXTURES.parents[1] / "sql" / "install.sql"):
            server.psql("-f", str(script), dbname=connection.info.dbname)
        connection.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
        for damage in DAMAGE:
            with connection.transaction(force_rollback=True):
                connection.execute(damage.encode())
                connection.execute("CREATE TABLE t (i int)")
                connection.execute("DROP TABLE t")
                tracked = connection.execute("SELECT is_active FROM pggit.objects WHERE object_name = 't'").fetchall()
                assert tracked == [(False,)], damage


def test_our_error_is_no_failure(measured: psycopg.Connection) -> None:
    measured.execute("ALTER TABLE pggit_excellence.ddl_tracking_samples ADD CHECK (began_at > recorded_at) NOT VALID")
    assert status(measured, "errors") == 1, "the ALTER TABLE itself"
    book(measured)
    measured.execute("CREATE TABLE t (i int)")
    assert status(measured, "errors") == 2
    assert book(measured) == (1, 0)


def test_our_error_inside_another_event(measured: psycopg.Connection) -> None:
    """What fails within an event that is being measured takes nothing from it."""
    measured.execute(
        """
        CREATE FUNCTION public.more() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_TAG = 'CREATE TABLE' THEN
                PERFORM pg_sleep(0.05);
                CREATE VIEW public.inner_view AS SELECT 1 AS x;
            END IF;
        END $$;
        CREATE EVENT TRIGGER pggit_more ON ddl_command_end EXECUTE FUNCTION public.more();
        ALTER TABLE pggit_excellence.ddl_tracking_samples ADD CHECK (command <> 'CREATE VIEW');
        """
    )
    book(measured)
    measured.execute("CREATE TABLE outer_table (i int)")
    assert status(measured, "errors") == 1
    assert "CREATE VIEW" not in commands(measured)
    (outer,) = (ms for _, command, ms in samples(measured) if command == "CREATE TABLE")
    assert outer > 50
    assert book(measured) == (2, 0)


def test_lock_on_our_table_does_not_hold_ddl(server: Server, measured: psycopg.Connection) -> None:
    with server.connect(measured.info.dbname) as other, other.transaction():
        other.execute("LOCK TABLE pggit_excellence.ddl_tracking_samples")
        measured.execute("SET statement_timeout = '20s'")
        measured.execute("CREATE TABLE t (i int)")
    assert status(measured, "errors") == 1
    assert book(measured) == (1, 0)


def test_advisory_lock_taken_alone(server: Server, measured: psycopg.Connection, developer: str) -> None:
    """Anybody may take the lock: then nothing is measured, which shows, and no failure is made up."""
    numbers = re.findall(
        r"advisory_xact_lock_shared\((\d+)",
        str(measured.execute("SELECT prosrc FROM pg_proc WHERE proname = '_sentinel_begin'").fetchone()),
    )
    with server.connect(measured.info.dbname, user=developer) as other:
        other.execute(f"SELECT pg_advisory_lock({numbers[0]}, 0)".encode())
        measured.execute("SET statement_timeout = '20s'")
        measured.execute("CREATE TABLE t (i int)")
        assert status(measured, "errors") == 1
    assert samples(measured) == []
    assert book(measured) == (0, 0)
    measured.execute("CREATE TABLE u (i int)")
    assert book(measured) == (1, 0)


@pytest.mark.parametrize("value", ["off", "OFF", "false", "no", "0"])
def test_kill_switch(measured: psycopg.Connection, value: str) -> None:
    measured.execute("SELECT set_config('pggit_excellence.enabled', %s, false)", [value])
    measured.execute("CREATE TABLE t (i int)")
    assert (samples(measured), status(measured, "started")) == ([], 0)
    assert "enabled is off in this session" in str(status(measured, "note"))
    measured.execute("SET pggit_excellence.enabled = 'on'")
    measured.execute("CREATE TABLE u (i int)")
    assert len(samples(measured)) == 1
    measured.execute("RESET pggit_excellence.enabled")
    assert status(measured, "note") is None


def test_bypassed(measured: psycopg.Connection) -> None:
    """No sample where no trigger of pgGit fires: a time of next to nothing would flatter."""
    measured.execute("SET session_replication_role = replica")
    measured.execute("CREATE TABLE a (i int)")
    measured.execute("RESET session_replication_role")
    assert (samples(measured), status(measured, "bypassed")) == ([], 1)
    measured.execute("ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE ALWAYS; SET session_replication_role = replica")
    measured.execute("CREATE TABLE b (i int)")
    measured.execute("RESET session_replication_role")
    assert (len(samples(measured)), status(measured, "bypassed")) == (1, 1)
    measured.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE")
    measured.execute("CREATE TABLE c (i int)")
    assert (len(samples(measured)), status(measured, "bypassed")) == (1, 2)
    measured.execute("DROP EVENT TRIGGER pggit_ddl_trigger")
    measured.execute(
        "CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end WHEN TAG IN ('CREATE VIEW')"
        " EXECUTE FUNCTION pggit.handle_ddl_command()"
    )
    measured.execute("CREATE TABLE d (i int)")
    measured.execute("CREATE VIEW v AS SELECT 1 AS x")
    assert commands(measured)[1:] == ["CREATE VIEW"]
    assert book(measured) == (2, 0)


def test_maintain_moves_the_samples(measured: psycopg.Connection) -> None:
    """Each into performance_metrics, once, whole, however small the batches; what readers say does not change."""
    for number in range(5):
        measured.execute(f"CREATE TABLE t{number} (i int); DROP TABLE t{number}".encode())
    measured.execute(
        "SELECT pggit_excellence.record_metric('ddl_tracking_ms', 7, recorded_at => now() - interval '1 hour')"
    )
    counts = "SELECT s.* FROM pggit_excellence.error_budget('1 day') AS s WHERE objective ~ '^ddl_tracking' ORDER BY 1"
    percentiles = (
        "SELECT * FROM pggit_excellence.metric_percentiles('ddl_tracking_ms', now() - interval '1 day', now())"
    )
    waiting, said = samples(measured), [measured.execute(query.encode()).fetchall() for query in (counts, percentiles)]
    assert len(waiting) == 11
    moved: list[int] = []
    while not moved or moved[-1]:
        row = measured.execute(
            "SELECT affected FROM pggit_excellence.maintain(batch_size => 4) WHERE task = 'roll up samples'"
        ).fetchone()
        assert row is not None
        moved.append(row[0])
    assert moved == [4, 4, 4, 0], "one more: what the first call booked as ddl_tracking_ok"
    assert samples(measured) == []
    assert (
        waiting
        == measured.execute(
            "SELECT tags ->> 'event', tags ->> 'command', metric_value FROM pggit_excellence.performance_metrics"
            " WHERE metric_type = 'ddl_tracking_ms' AND rolled_up ORDER BY recorded_at"
        ).fetchall()
    )
    assert said == [measured.execute(query.encode()).fetchall() for query in (counts, percentiles)]


# --- coming and going


def test_pggit_comes_and_goes(server: Server, measured: psycopg.Connection) -> None:
    measured.execute("DROP SCHEMA pggit CASCADE")
    count = len(samples(measured))
    measured.execute("CREATE TABLE t (i int)")
    assert len(samples(measured)) == count
    assert status(measured, "enabled")
    server.psql("-f", str(FIXTURES / "pggit_standin.sql"), dbname=measured.info.dbname)
    measured.execute("CREATE TABLE u (i int)")
    assert commands(measured)[-1] == "CREATE TABLE"
    assert status(measured, "errors") == 0
    assert book(measured)[1] == 0


def test_enable_and_disable(pggit: psycopg.Connection) -> None:
    assert status(pggit, "enabled") is False
    assert "enable_sentinels()" in str(status(pggit, "note"))
    query = "SELECT DISTINCT status FROM pggit_excellence.enable_sentinels()"
    assert pggit.execute(query).fetchall() == [("created",)]
    assert pggit.execute(query).fetchall() == [("already enabled",)]
    pggit.execute('ALTER EVENT TRIGGER "pggiu!excellence_ddl" DISABLE')
    assert status(pggit, "enabled") is False
    assert "is disabled" in str(status(pggit, "note"))
    pggit.execute(query)
    assert status(pggit, "enabled") is True
    assert pggit.execute("SELECT DISTINCT status FROM pggit_excellence.disable_sentinels()").fetchall() == [
        ("dropped",)
    ]
    assert pggit.execute("SELECT count(*) FROM pg_event_trigger WHERE evtname ~ 'excellence'").fetchone() == (0,)
    pggit.execute("CREATE TABLE t (i int)")
    assert samples(pggit) == []


def test_a_strangers_trigger_of_our_name(pggit: psycopg.Connection) -> None:
    pggit.execute("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
    pggit.execute('CREATE EVENT TRIGGER "pggiu!excellence_ddl" ON ddl_command_end EXECUTE FUNCTION f()')
    with pytest.raises(psycopg.errors.DuplicateObject, match="is not ours"):
        pggit.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
    assert pggit.execute("SELECT count(*) FROM pg_event_trigger WHERE evtname ~ 'excellence'").fetchone() == (1,)


def test_names_stand_around_pggits(measured: psycopg.Connection) -> None:
    """Whatever begins with pggit fires between ours, in PostgreSQL's order; and ours do not begin with it."""
    names = [
        "pggit",
        "pggit ",
        "pggit_ddl_trigger",
        "pggit_enhanced_drop_trigger",
        "pggit_metrics_trigger",
        "pggit~",
        "pggit\u00e9",
        "pggitz",
    ]
    order = measured.execute(
        "SELECT name::text FROM (SELECT unnest(%s::name[]) AS name UNION SELECT evtname FROM pg_event_trigger"
        " WHERE evtevent = 'ddl_command_end' AND evtname ~ 'excellence') AS n ORDER BY name",
        [names],
    ).fetchall()
    assert order[0] == ("pggis~excellence_ddl",)
    assert order[-1] == ("pggiu!excellence_ddl",)
    assert measured.execute("SELECT count(*) FROM pg_event_trigger WHERE evtname LIKE '%pggit%'").fetchone() == (2,)


def test_a_trigger_that_is_not_between(measured: psycopg.Connection) -> None:
    measured.execute("CREATE FUNCTION pggit.handle_ddl_twice() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
    measured.execute("CREATE EVENT TRIGGER zz_late ON ddl_command_end EXECUTE FUNCTION pggit.handle_ddl_twice()")
    assert "not measured: zz_late" in str(status(measured, "note"))


def test_drop_extension_takes_them_along(measured: psycopg.Connection) -> None:
    measured.execute("CREATE TABLE t (i int)")
    measured.execute("DROP EXTENSION pggit_excellence")
    assert measured.execute("SELECT count(*) FROM pg_event_trigger WHERE evtname ~ 'excellence'").fetchone() == (0,)
    assert measured.execute(
        "SELECT count(*) FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND deptype = 'x'"
    ).fetchone() == (0,)
    measured.execute("CREATE TABLE u (i int)")


def test_dump_and_restore(
    server: Server, measured: psycopg.Connection, make_database: MakeDatabase, dump_programs: dict[str, object]
) -> None:
    """They are dumped and restored, measure on, and no failure is made up from restored counts."""
    measured.execute("CREATE TABLE t (i int)")
    book(measured)
    for _ in range(3):
        measured.execute("CREATE TABLE u (i int); DROP TABLE u")
    with workspace() as folder:
        target, file = make_database("empty"), folder / "dump"
        for command in (
            [str(dump_programs["pg_dump"]), "-Fc", "-f", str(file), measured.info.dbname],
            [str(dump_programs["pg_restore"]), "--exit-on-error", "-d", target, str(file)],
        ):
            subprocess.run(command, env=server.environment, check=True)
    with server.connect(target) as restored:
        assert status(restored, "enabled") is True
        before = len(samples(restored))
        restored.execute("CREATE TABLE v (i int)")
        assert len(samples(restored)) == before + 1
        assert "restored" in str(status(restored, "note"))
        row = restored.execute("SELECT failed, note FROM pggit_excellence._book_tracking()").fetchone()
        assert row is not None
        assert row[0] == 0
        assert "restored" in row[1]
        restored.execute("CREATE TABLE w (i int)")
        assert book(restored) == (1, 0)
        restored.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
        restored.execute("SELECT * FROM pggit_excellence.link_pggit()")
        restored.execute("DROP EXTENSION pggit_excellence")


def test_crash(installation: Installation) -> None:
    """After a crash sequences are ahead, each by another number: that is no failure."""
    with workspace() as folder, Server(installation, folder / "server", {"restart_after_crash": "on"}) as server:
        server.psql("-f", str(FIXTURES / "pggit_standin.sql"))
        with server.connect() as connection:
            connection.execute("CREATE EXTENSION pggit_excellence")
            connection.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
            connection.execute("CREATE TABLE t (i int)")
            book(connection)
            connection.execute("CHECKPOINT")
            connection.execute("SET synchronous_commit = on")
            connection.execute("CREATE TABLE u (i int)")
            connection.execute("DROP TABLE u")
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        server.wait_until_ready()
        time.sleep(0.2)
        server.wait_until_ready()
        with server.connect() as connection:
            gap = connection.execute(
                "SELECT started - tracked - bypassed - repeated FROM pggit_excellence._sentinel_counts()"
            ).fetchone()
            assert gap is not None
            assert gap[0] != 0, "the crash did what this test is about"
            assert "crashed" in str(status(connection, "note"))
            assert book(connection)[1] == 0
            connection.execute("CREATE TABLE after (i int)")
            assert book(connection) == (1, 0)


def test_not_a_superuser(server: Server, pggit: psycopg.Connection) -> None:
    pggit.execute("CREATE ROLE sentinels_operator LOGIN; SELECT * FROM pggit_excellence.create_roles()")
    try:
        pggit.execute("GRANT pggit_excellence_operator TO sentinels_operator")
        with server.connect(pggit.info.dbname, user="sentinels_operator") as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="may not make event triggers") as caught:
                connection.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
            assert "superuser" in str(caught.value.diag.message_hint)
            connection.execute("SELECT * FROM pggit_excellence.sentinel_status()")
    finally:
        for role in (
            "pggit_excellence_reader",
            "pggit_excellence_auditor",
            "pggit_excellence_operator",
            "sentinels_operator",
        ):
            pggit.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
