"""vacuum_health() and xmin_holders(): autovacuum's arithmetic done by hand, each reason planted and mended."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from conftest import flush_statistics
from pggit_excellence.server import Installation, Server, workspace

Row = dict[str, Any]


def rows(connection: psycopg.Connection, query: str, *values: object) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def health(connection: psycopg.Connection, table: str) -> Row:
    flush_statistics(connection)
    found = rows(connection, "SELECT * FROM pggit_excellence.vacuum_health('{*}') WHERE table_name = %s", table)
    assert len(found) == 1, f"{table}: {len(found)} rows"
    return found[0]


def mend(connection: psycopg.Connection, row: Row) -> None:
    connection.execute(row["mend_sql"])


def test_dead_tuples_are_planted_seen_and_mended(plain: psycopg.Connection) -> None:
    plain.execute("""CREATE TABLE public."We.ird ""T
able" (i int) WITH (autovacuum_vacuum_threshold = 10, autovacuum_vacuum_scale_factor = 0.1)""")
    name = '''public."We.ird ""T
able"'''
    plain.execute(f"INSERT INTO {name} SELECT generate_series(1, 100)")
    plain.execute(f"VACUUM ANALYZE {name}")
    plain.execute(f"DELETE FROM {name} WHERE i <= 20")
    near_miss = health(plain, name)
    assert (near_miss["n_dead_tup"], near_miss["vacuum_threshold"]) == (20, 20)
    assert near_miss["vacuum_recommended"] is False
    assert near_miss["reason"] is None
    assert near_miss["due_in"].total_seconds() > 0
    plain.execute(f"DELETE FROM {name} WHERE i = 21")
    fault = health(plain, name)
    assert fault["vacuum_recommended"] is True
    assert fault["reason"] == "dead tuples: 21, threshold 20"
    assert fault["due_in"].total_seconds() == 0
    mend(plain, fault)
    mended = health(plain, name)
    assert (mended["vacuum_recommended"], mended["n_dead_tup"], mended["mend_sql"]) == (False, 0, None)
    assert mended["last_vacuum"] > fault["last_vacuum"]


def test_inserts(plain: psycopg.Connection) -> None:
    plain.execute(
        "CREATE TABLE t (i int) WITH (autovacuum_vacuum_insert_threshold=30, autovacuum_vacuum_insert_scale_factor=0)"
    )
    plain.execute("INSERT INTO t SELECT generate_series(1, 30)")
    assert health(plain, "public.t")["vacuum_recommended"] is False
    plain.execute("INSERT INTO t VALUES (31)")
    fault = health(plain, "public.t")
    assert (fault["vacuum_recommended"], fault["reason"]) == (True, "inserts: 31, threshold 30")
    plain.execute("ALTER TABLE t SET (autovacuum_vacuum_insert_threshold = -1)")
    disabled = health(plain, "public.t")
    assert (disabled["vacuum_recommended"], disabled["insert_threshold"]) == (False, None)
    plain.execute("VACUUM t")
    plain.execute("INSERT INTO t VALUES (32)")
    assert health(plain, "public.t")["due_in"] is None, "no threshold, so never due"
    plain.execute("INSERT INTO t SELECT generate_series(1, 30)")
    plain.execute("ALTER TABLE t SET (autovacuum_vacuum_insert_threshold = 30)")
    mend(plain, fault)
    assert health(plain, "public.t")["vacuum_recommended"] is False


def test_analyze(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (i int) WITH (autovacuum_analyze_threshold = 5, autovacuum_analyze_scale_factor = 0)")
    plain.execute("INSERT INTO t SELECT generate_series(1, 6)")
    fault = health(plain, "public.t")
    assert (fault["analyze_recommended"], fault["vacuum_recommended"]) == (True, False)
    assert fault["mend_sql"] == "ANALYZE public.t"
    mend(plain, fault)
    mended = health(plain, "public.t")
    assert (mended["analyze_recommended"], mended["n_mod_since_analyze"]) == (False, 0)


def burn_xids(connection: psycopg.Connection, count: int) -> None:
    connection.execute(f"""DO $$ BEGIN FOR i IN 1..{count} LOOP
        PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$""")


def test_freeze_age(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (i int) WITH (autovacuum_freeze_max_age = 100000)")
    plain.execute("CREATE TABLE near_miss (i int) WITH (autovacuum_freeze_max_age = 200000)")
    plain.execute("INSERT INTO t VALUES (1)")
    burn_xids(plain, 100_100)
    fault = health(plain, "public.t")
    assert fault["vacuum_recommended"] is True
    assert fault["reason"] == f"freeze age: {fault['xid_age']} transactions, limit 100000"
    assert fault["mend_sql"] == "VACUUM (FREEZE) public.t"
    assert not health(plain, "public.near_miss")["vacuum_recommended"]
    mend(plain, fault)
    mended = health(plain, "public.t")
    assert mended["vacuum_recommended"] is False
    assert mended["xid_age"] < 1000


def test_multixact_age(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (i int) WITH (autovacuum_multixact_freeze_max_age = 10000)")
    plain.execute("CREATE TABLE near_miss (i int)")
    plain.execute("INSERT INTO t VALUES (1)")
    # A row lock and an update in a subtransaction make one multixact.
    plain.execute("""DO $$ BEGIN FOR round IN 1..10010 LOOP
        PERFORM FROM t FOR KEY SHARE;
        BEGIN UPDATE t SET i = i + 1; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END;
        COMMIT; END LOOP; END $$""")
    fault = health(plain, "public.t")
    assert f"freeze age: {fault['multixact_age']} multixacts, limit 10000" in fault["reason"]
    assert health(plain, "public.near_miss")["mend_sql"] is None
    mend(plain, fault)
    mended = health(plain, "public.t")
    assert (mended["vacuum_recommended"], mended["multixact_age"] < 1000) == (False, True)


def test_age_of_toast(plain: psycopg.Connection) -> None:
    """The table itself may be young: what counts is who is nearer to its limit."""
    plain.execute("CREATE TABLE t (b text) WITH (toast.autovacuum_freeze_max_age = 100000)")
    plain.execute("INSERT INTO t SELECT 'x' FROM generate_series(1, 51)")
    burn_xids(plain, 100_100)
    fault = health(plain, "public.t")
    assert fault["mend_sql"] == "VACUUM (FREEZE, ANALYZE) public.t"
    assert (fault["vacuum_recommended"], fault["xid_age_limit"]) == (True, 100000)
    assert fault["xid_age"] > 100000
    mend(plain, fault)
    assert health(plain, "public.t")["vacuum_recommended"] is False


def test_toast_has_its_own_options_and_counts(plain: psycopg.Connection) -> None:
    plain.execute("""CREATE TABLE t (i int, b text) WITH (autovacuum_vacuum_threshold = 1000,
        toast.autovacuum_vacuum_threshold = 5, toast.autovacuum_vacuum_scale_factor = 0)""")
    plain.execute("ALTER TABLE t ALTER b SET STORAGE EXTERNAL")
    plain.execute("INSERT INTO t SELECT g, repeat('x', 10000) FROM generate_series(1, 5) g")
    plain.execute("DELETE FROM t")
    fault = health(plain, "public.t")
    assert fault["reason"].startswith("dead tuples in TOAST: ")
    assert (fault["n_dead_tup"], fault["toast_vacuum_threshold"]) == (5, 5)
    assert fault["toast_n_dead_tup"] > 5
    mend(plain, fault)
    assert health(plain, "public.t")["vacuum_recommended"] is False
    plain.execute("ALTER TABLE t RESET (toast.autovacuum_vacuum_threshold, toast.autovacuum_vacuum_scale_factor)")
    assert health(plain, "public.t")["toast_vacuum_threshold"] == 1000, "without options TOAST takes its table's"


def test_due_in_counts_toast(plain: psycopg.Connection) -> None:
    """The table itself has no dead rows to speak of; its TOAST is halfway to its threshold."""
    plain.execute("""CREATE TABLE t (i int, b text) WITH (autovacuum_vacuum_threshold = 1000000,
        autovacuum_vacuum_insert_threshold = -1, toast.autovacuum_vacuum_threshold = 1000)""")
    plain.execute("ALTER TABLE t ALTER b SET STORAGE EXTERNAL")
    plain.execute("INSERT INTO t SELECT g, repeat('x', 10000) FROM generate_series(1, 100) g")
    plain.execute("VACUUM t")
    assert health(plain, "public.t")["due_in"] is None, "nothing died since the vacuum"
    plain.execute("DELETE FROM t")
    row = health(plain, "public.t")
    share = row["toast_n_dead_tup"] / row["toast_vacuum_threshold"]
    assert 0.2 < share < 0.9
    assert row["vacuum_recommended"] is False
    since = plain.execute("SELECT statement_timestamp() - %s", (row["last_vacuum"],)).fetchone()
    assert since is not None
    assert row["due_in"] < since[0] * (1 / share), (
        "by the table's own 100 dead rows it would be thousands of times longer"
    )


def test_untouched_and_just_reset_are_not_known(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE untouched (i int)")
    untouched = health(plain, "public.untouched")
    assert (untouched["n_dead_tup"], untouched["vacuum_recommended"]) == (None, None)
    assert "no statistics" in untouched["note"]
    plain.execute("CREATE TABLE t (i int) WITH (autovacuum_vacuum_threshold = 5, autovacuum_vacuum_scale_factor = 0)")
    plain.execute("INSERT INTO t SELECT generate_series(1, 10)")
    plain.execute("DELETE FROM t")
    assert health(plain, "public.t")["vacuum_recommended"] is True
    plain.execute("SELECT pg_stat_reset()")
    reset = health(plain, "public.t")
    assert (reset["n_dead_tup"], reset["vacuum_recommended"], reset["due_in"]) == (None, None, None)
    assert "since the reset at " in reset["note"]
    plain.execute("INSERT INTO t VALUES (1)")
    again = health(plain, "public.t")
    assert (again["n_dead_tup"], again["vacuum_recommended"]) == (0, False)
    assert "counted since statistics were reset" in again["note"]


def test_autovacuum_switched_off(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (i int) WITH (autovacuum_enabled = off)")
    row = health(plain, "public.t")
    assert row["autovacuum_enabled"] is False
    assert "autovacuum is off on this server" in row["note"]
    assert "autovacuum is off for this table" in row["note"]


def test_partitioned_parent_wants_analyze(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE p (i int) PARTITION BY RANGE (i)")
    plain.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000)")
    assert health(plain, "public.p")["analyze_recommended"] is False
    plain.execute("INSERT INTO p SELECT generate_series(1, 51)")
    fault = health(plain, "public.p")
    assert (fault["analyze_recommended"], fault["vacuum_recommended"], fault["n_live_tup"]) == (True, False, 51)
    assert fault["mend_sql"] == "ANALYZE public.p"
    mend(plain, fault)
    assert health(plain, "public.p")["analyze_recommended"] is False


def test_maximum_threshold(plain: psycopg.Connection) -> None:
    """PostgreSQL 18 caps the threshold, for a table or for the server; -1 means no cap."""
    if plain.info.server_version < 180000:
        pytest.skip("autovacuum_vacuum_max_threshold came with 18")
    plain.execute("CREATE TABLE t (i int) WITH (autovacuum_vacuum_max_threshold = 60)")
    plain.execute("INSERT INTO t SELECT generate_series(1, 1000)")
    plain.execute("VACUUM ANALYZE t")
    assert health(plain, "public.t")["vacuum_threshold"] == 60
    plain.execute("ALTER TABLE t SET (autovacuum_vacuum_max_threshold = -1)")
    assert health(plain, "public.t")["vacuum_threshold"] == 250


def by_hand(connection: psycopg.Connection, table: str) -> dict[str, int | None]:
    """Thresholds from raw catalogs, in Python."""
    raw = rows(connection, "SELECT to_jsonb(c) AS c FROM pg_class AS c WHERE c.oid = %s::regclass", table)[0]["c"]
    options = dict(option.split("=", 1) for option in raw["reloptions"] or [])

    def value(name: str) -> float | None:
        setting = rows(connection, "SELECT current_setting(%s, true) AS s", name)[0]["s"]
        text = options.get(name, setting)
        return None if text is None else float(text)

    tuples = max(raw["reltuples"], 0)
    dead = value("autovacuum_vacuum_threshold") + value("autovacuum_vacuum_scale_factor") * tuples
    cap = value("autovacuum_vacuum_max_threshold")
    if cap is not None and cap >= 0:
        dead = min(dead, cap)
    frozen = raw.get("relallfrozen") or 0
    share = 1 - min(frozen, raw["relpages"]) / raw["relpages"] if raw["relpages"] else 1
    base = value("autovacuum_vacuum_insert_threshold")
    insert = None if base < 0 else math.floor(base + value("autovacuum_vacuum_insert_scale_factor") * tuples * share)
    analyze = value("autovacuum_analyze_threshold") + value("autovacuum_analyze_scale_factor") * tuples
    return {"vacuum_threshold": math.floor(dead), "insert_threshold": insert, "analyze_threshold": math.floor(analyze)}


@pytest.mark.parametrize(
    "options",
    [
        "",
        "WITH (autovacuum_vacuum_threshold = 7, autovacuum_vacuum_scale_factor = 0.33)",
        "WITH (autovacuum_vacuum_insert_threshold = 3, autovacuum_vacuum_insert_scale_factor = 0.77)",
        "WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0.01)",
    ],
)
def test_thresholds_by_hand(plain: psycopg.Connection, options: str) -> None:
    plain.execute(f"CREATE TABLE t (i int) {options}")
    plain.execute("INSERT INTO t SELECT generate_series(1, 12345)")
    plain.execute("VACUUM (FREEZE, ANALYZE) t")
    plain.execute("INSERT INTO t SELECT generate_series(1, 500)")
    plain.execute("VACUUM t")
    row = health(plain, "public.t")
    expected = by_hand(plain, "t")
    assert {name: row[name] for name in expected} == expected


@pytest.fixture
def autovacuum_server(installation: Installation) -> Iterator[Server]:
    """A server whose autovacuum looks every second."""
    settings = {"autovacuum": "on", "autovacuum_naptime": "1s", "autovacuum_vacuum_cost_delay": "0"}
    with workspace() as folder, Server(installation, folder / "server", settings) as running:
        yield running


def test_failsafe(installation: Installation) -> None:
    """Past the failsafe, which is never below 1.05 times autovacuum_freeze_max_age."""
    settings = {"autovacuum_freeze_max_age": "100000", "vacuum_failsafe_age": "0"}
    with (
        workspace() as folder,
        Server(installation, folder / "server", settings) as server,
        server.connect() as connection,
    ):
        connection.execute("CREATE EXTENSION pggit_excellence")
        connection.execute("CREATE TABLE t (i int)")
        burn_xids(connection, 104_000)
        near_miss = health(connection, "public.t")
        assert near_miss["reason"] == f"freeze age: {near_miss['xid_age']} transactions, limit 100000"
        burn_xids(connection, 1_500)
        fault = health(connection, "public.t")
        assert fault["reason"].startswith("failsafe: ")
        mend(connection, fault)
        assert health(connection, "public.t")["vacuum_recommended"] is not True


def test_autovacuum_does_what_is_recommended(autovacuum_server: Server) -> None:
    """Autovacuum is the oracle: it vacuums the tables with a recommendation, not the near misses."""
    with autovacuum_server.connect() as connection:
        connection.execute("CREATE EXTENSION pggit_excellence")
        options = "autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0"
        connection.execute(f"CREATE TABLE over (i int) WITH ({options}, autovacuum_enabled = off)")
        connection.execute(f"CREATE TABLE under (i int) WITH ({options}, autovacuum_enabled = off)")
        connection.execute("CREATE TABLE inserted (i int) WITH (autovacuum_vacuum_insert_threshold = 50, "
                           "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_enabled = off)")  # fmt: skip
        for table in ("over", "under"):
            connection.execute(f"INSERT INTO {table} SELECT generate_series(1, 900)")
        connection.execute("INSERT INTO inserted SELECT generate_series(1, 51)")
        connection.execute("DELETE FROM over WHERE i <= 101")
        connection.execute("DELETE FROM under WHERE i <= 100")
        flush_statistics(connection)
        query = "SELECT table_name, vacuum_recommended FROM pggit_excellence.vacuum_health('{public}')"
        recommended = dict(connection.execute(query).fetchall())
        assert recommended == {"public.over": True, "public.under": False, "public.inserted": True}
        for table in ("under", "over", "inserted"):
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = on)")
        query = "SELECT relname FROM pg_stat_user_tables WHERE autovacuum_count > 0 ORDER BY 1"
        deadline = time.monotonic() + 30
        while (done := connection.execute(query).fetchall()) != [("inserted",), ("over",)]:
            assert time.monotonic() < deadline, done
            time.sleep(0.2)
        time.sleep(1.5)  # one more round, in which the near miss must stay
        assert connection.execute(query).fetchall() == [("inserted",), ("over",)]


def test_vacuum_running_is_seen(server: Server, plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (i int)")
    plain.execute("INSERT INTO t SELECT generate_series(1, 50000)")
    assert health(plain, "public.t")["vacuum_running"] is False
    with closing(server.connect(plain.info.dbname)) as other:
        other.execute("SET vacuum_cost_delay = 100")
        other.execute("SET vacuum_cost_limit = 1")
        pid = other.info.backend_pid
        other.pgconn.send_query(b"VACUUM t")
        deadline = time.monotonic() + 10
        while not health(plain, "public.t")["vacuum_running"]:
            assert time.monotonic() < deadline
        assert not rows(plain, "SELECT * FROM pggit_excellence.xmin_holders() WHERE pid = %s", pid)
        plain.execute("SELECT pg_terminate_backend(%s)", (pid,))


# --- xmin_holders


def holders(connection: psycopg.Connection, holder: str) -> list[Row]:
    return rows(connection, "SELECT * FROM pggit_excellence.xmin_holders() WHERE holder = %s", holder)


def run(connection: psycopg.Connection, sql: str) -> None:
    connection.execute(sql)


def gone(connection: psycopg.Connection, holder: str) -> None:
    deadline = time.monotonic() + 10
    while holders(connection, holder):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nobody_holds(plain: psycopg.Connection) -> None:
    assert rows(plain, "SELECT * FROM pggit_excellence.xmin_holders() WHERE database_name = current_database()") == []


@pytest.mark.parametrize("first", ["SELECT txid_current()", "SELECT 1"])
def test_idle_transaction_holds(server: Server, plain: psycopg.Connection, first: str) -> None:
    """Also one that has an xid and no snapshot; a READ COMMITTED one with neither does not."""
    with closing(server.connect(plain.info.dbname)) as other:
        other.execute("BEGIN")
        other.execute(first)
        burn_xids(plain, 10)
        found = holders(plain, "idle in transaction")
        if first == "SELECT 1":
            assert found == []
            return
        (fault,) = found
        assert (fault["pid"], fault["affects"]) == (other.info.backend_pid, "this database")
        assert fault["xmin_age"] >= 10
        run(plain, fault["mend_sql"])
        gone(plain, "idle in transaction")


def test_query_holds(server: Server, plain: psycopg.Connection) -> None:
    with closing(server.connect(plain.info.dbname)) as other:
        other.pgconn.send_query(b"SELECT pg_sleep(60)")
        deadline = time.monotonic() + 10
        while not (found := holders(plain, "query")):
            assert time.monotonic() < deadline
        assert (found[0]["pid"], found[0]["query"]) == (other.info.backend_pid, "SELECT pg_sleep(60)")
        run(plain, found[0]["mend_sql"])
        gone(plain, "query")


def test_prepared_transaction_holds(server: Server, plain: psycopg.Connection) -> None:
    with closing(server.connect(plain.info.dbname)) as other:
        other.execute("BEGIN")
        other.execute("CREATE TABLE t ()")
        other.execute("PREPARE TRANSACTION 'it''s old'")
    (fault,) = holders(plain, "prepared transaction")
    assert (fault["name"], fault["pid"], fault["affects"]) == ("it's old", None, "this database")
    run(plain, fault["mend_sql"])
    assert holders(plain, "prepared transaction") == []


@pytest.mark.parametrize(
    ("plant", "affects"),
    [
        ("pg_create_physical_replication_slot('vacuum_test', true)", None),
        ("pg_create_logical_replication_slot('vacuum_test', 'test_decoding')", "catalogs of all databases"),
    ],
)
def test_replication_slot_holds(plain: psycopg.Connection, plant: str, affects: str | None) -> None:
    """A logical slot holds the catalogs; a physical one without a standby holds nothing."""
    try:
        plain.execute(f"SELECT {plant}")
    except psycopg.errors.UndefinedFile:
        pytest.skip("test_decoding is not in this installation")
    try:
        assert [row["affects"] for row in holders(plain, "replication slot")] == ([affects] if affects else [])
        if affects:
            (fault,) = holders(plain, "replication slot")
            assert fault["name"] == "vacuum_test"
            run(plain, fault["mend_sql"])
            assert holders(plain, "replication slot") == []
    finally:
        plain.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'vacuum_test'"
        )


def test_hidden_session_says_so(server: Server, plain: psycopg.Connection) -> None:
    """Without pg_read_all_stats the age is there and the rest is hidden, which the row says."""
    plain.execute("DROP ROLE IF EXISTS vacuum_nobody")
    plain.execute("CREATE ROLE vacuum_nobody")
    plain.execute("GRANT USAGE ON SCHEMA pggit_excellence TO vacuum_nobody")
    plain.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO vacuum_nobody")
    try:
        with closing(server.connect(plain.info.dbname)) as other, closing(server.connect(plain.info.dbname)) as reader:
            other.execute("BEGIN")
            other.execute("SELECT txid_current()")
            reader.execute("SET ROLE vacuum_nobody")
            (fault,) = holders(reader, "session")
            assert fault["pid"] == other.info.backend_pid
            assert fault["mend_sql"] is None
            assert "pg_read_all_stats" in fault["note"]
            states = rows(reader, "SELECT * FROM pggit_excellence.connection_stats()")
            assert [row for row in states if row["state"] == "hidden" and row["avg_duration"] is None and row["note"]]
            (hidden,) = rows(reader, "SELECT * FROM pggit_excellence.idle_in_transaction()")
            assert (hidden["pid"], hidden["state"]) == (None, "hidden")
    finally:
        plain.execute("DROP OWNED BY vacuum_nobody")
        plain.execute("DROP ROLE vacuum_nobody")
