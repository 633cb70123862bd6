"""Connections, idle transactions and the blocking tree, with real concurrent sessions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from pggit_excellence.server import Server

Row = dict[str, Any]
OpenSession = Callable[[], psycopg.Connection]


def rows(connection: psycopg.Connection, query: str, *values: object) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


@pytest.fixture
def session(server: Server, plain: psycopg.Connection) -> Iterator[OpenSession]:
    """Opens further sessions in the test's database; a deadlock lasts until the test ends it."""
    plain.execute("CREATE TABLE t (i int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)")
    opened: list[psycopg.Connection] = []

    def open_session() -> psycopg.Connection:
        connection = server.connect(plain.info.dbname)
        connection.execute("SET deadlock_timeout = '1h'")
        opened.append(connection)
        return connection

    yield open_session
    for connection in opened:
        plain.execute("SELECT pg_terminate_backend(%s, 10000)", (connection.info.backend_pid,))
        connection.close()


def pid(connection: psycopg.Connection) -> int:
    return connection.info.backend_pid


def wait_for(plain: psycopg.Connection, waiters: int) -> None:
    """Until so many sessions of this database wait for a lock."""
    query = """SELECT count(DISTINCT l.pid) AS n FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
               WHERE NOT l.granted AND l.waitstart IS NOT NULL AND a.datname = current_database()"""
    deadline = time.monotonic() + 15
    while rows(plain, query)[0]["n"] != waiters:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(connection: psycopg.Connection, sql: str) -> None:
    """Send a statement that will wait."""
    connection.pgconn.send_query(sql.encode())


def tree(connection: psycopg.Connection) -> list[Row]:
    return rows(connection, "SELECT * FROM pggit_excellence.blocking_tree()")


# --- blocking_tree


def test_nobody_waits(session: OpenSession, plain: psycopg.Connection) -> None:
    """A session that holds a lock for which nobody waits is no fault."""
    session().execute("BEGIN; LOCK TABLE t")
    assert tree(plain) == []


def test_chain_of_row_locks(session: OpenSession, plain: psycopg.Connection) -> None:
    root, middle, leaf = session(), session(), session()
    root.execute("BEGIN; UPDATE t SET i = i WHERE i = 1")
    middle.execute("BEGIN; UPDATE t SET i = i WHERE i = 2")
    start(middle, "UPDATE t SET i = i WHERE i = 1")
    wait_for(plain, 1)
    start(leaf, "DELETE FROM t WHERE i = 2")
    wait_for(plain, 2)
    top, second, third = tree(plain)
    assert [row["level"] for row in (top, second, third)] == [0, 1, 2]
    assert [row["path"] for row in (top, second, third)] == [
        [pid(root)], [pid(root), pid(middle)], [pid(root), pid(middle), pid(leaf)]
    ]  # fmt: skip
    assert {row["root_pid"] for row in (top, second, third)} == {pid(root)}
    assert (top["state"], top["blocked_by"], top["waiting"], top["blocked_sessions"]) == (
        "idle in transaction",
        None,
        None,
        2,
    )
    assert (second["blocked_by"], second["lock_type"], second["lock_mode"]) == (
        [pid(root)],
        "transactionid",
        "ShareLock",
    )
    assert second["relation_name"] == "public.t", "the row's table comes from the tuple lock"
    assert second["waiting"].total_seconds() > 0
    assert second["mend_sql"] is None
    assert third["query"] == "DELETE FROM t WHERE i = 2"
    plain.execute(top["mend_sql"])
    deadline = time.monotonic() + 10
    while pid(root) in {row["pid"] for row in tree(plain)}:
        assert time.monotonic() < deadline


def test_queue_is_shown_once_per_session(session: OpenSession, plain: psycopg.Connection) -> None:
    """Eight sessions that queue for a lock block each other in 2^8 ways; each has one row and all its blockers."""
    root = session()
    root.execute("BEGIN; LOCK TABLE t")
    waiters = []
    for number in range(8):
        waiters.append(session())
        start(waiters[-1], "BEGIN; LOCK TABLE t" if number else "SELECT * FROM t")
        wait_for(plain, number + 1)
    found = tree(plain)
    assert len(found) == 9
    assert [row["level"] for row in found] == [0, *[1] * 8]
    assert found[0]["blocked_sessions"] == 8
    assert {row["pid"] for row in found[1:]} == {pid(waiter) for waiter in waiters}
    oracle = rows(plain, "SELECT pid, pg_blocking_pids(pid) AS by FROM pg_locks WHERE NOT granted")
    assert {row["pid"]: sorted(row["blocked_by"]) for row in found[1:]} == {
        row["pid"]: sorted(row["by"]) for row in oracle
    }
    assert {row["relation_name"] for row in found[1:]} == {"public.t"}
    assert found[1]["lock_type"] == "relation"


def test_two_roots(session: OpenSession, plain: psycopg.Connection) -> None:
    first, second, one, two = session(), session(), session(), session()
    first.execute("BEGIN; SELECT pg_advisory_lock(1)")
    second.execute("BEGIN; SELECT pg_advisory_lock(2)")
    start(one, "SELECT pg_advisory_lock(1)")
    start(two, "SELECT pg_advisory_lock(2)")
    wait_for(plain, 2)
    expected = sorted([[pid(first)], [pid(first), pid(one)], [pid(second)], [pid(second), pid(two)]])
    assert [row["path"] for row in tree(plain)] == expected
    assert {row["relation_name"] for row in tree(plain)} == {None}


def test_deadlock_with_somebody_behind(session: OpenSession, plain: psycopg.Connection) -> None:
    one, two, behind = session(), session(), session()
    one.execute("SELECT pg_advisory_lock(1)")
    two.execute("SELECT pg_advisory_lock(2)")
    start(one, "SELECT pg_advisory_lock(2)")
    start(two, "SELECT pg_advisory_lock(1)")
    wait_for(plain, 2)
    start(behind, "SELECT pg_advisory_lock(2)")
    wait_for(plain, 3)
    found = tree(plain)
    assert sorted(row["pid"] for row in found) == sorted([pid(one), pid(two), pid(behind)])
    assert {row["root_pid"] for row in found} == {min(pid(one), pid(two))}
    in_circle = {row["pid"] for row in found if "deadlock" in row["advice"]}
    assert in_circle == {pid(one), pid(two)}
    plain.execute("SELECT pg_cancel_backend(%s)", (pid(two),))
    wait_for(plain, 0 + 2)


def test_prepared_transaction_blocks(session: OpenSession, plain: psycopg.Connection) -> None:
    """Three prepared transactions: the one that blocks is named, the others are not shown."""
    for gid, number in (("bystander 1", 3), ("it's stuck", 1), ("bystander 2", 2)):
        plain.execute(f"BEGIN; UPDATE t SET i = i WHERE i = {number}")
        plain.execute("PREPARE TRANSACTION '{}'".format(gid.replace("'", "''")))
    try:
        waiter = session()
        start(waiter, "UPDATE t SET i = i WHERE i = 1")
        wait_for(plain, 1)
        top, second = tree(plain)
        assert (top["pid"], top["application_name"], top["state"]) == (0, "it's stuck", "prepared")
        assert (second["path"], second["blocked_by"]) == ([0, pid(waiter)], [0])
        plain.execute(top["mend_sql"])
        wait_for(plain, 0)
        assert tree(plain) == []
    finally:
        for (gid,) in plain.execute("SELECT quote_literal(gid) FROM pg_prepared_xacts").fetchall():
            plain.execute(f"ROLLBACK PREPARED {gid}")


def test_other_database_names_no_relation(server: Server, session: OpenSession, plain: psycopg.Connection) -> None:
    session().execute("BEGIN; LOCK TABLE t")
    start(session(), "SELECT * FROM t")
    wait_for(plain, 1)
    with server.connect("plain") as elsewhere:
        _, waiter = tree(elsewhere)
        assert waiter["relation_name"] is None
        assert plain.info.dbname in waiter["note"]


def test_hidden_root_says_so(session: OpenSession, plain: psycopg.Connection) -> None:
    """A role without pg_read_all_stats sees the tree, and that what the root does is hidden."""
    root, reader = session(), session()
    root.execute("BEGIN; LOCK TABLE t")
    start(session(), "SELECT * FROM t")
    wait_for(plain, 1)
    reader.execute("BEGIN; CREATE ROLE tree_reader; GRANT USAGE ON SCHEMA pggit_excellence TO tree_reader")
    reader.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO tree_reader; SET ROLE tree_reader")
    top, waiter = tree(reader)
    assert (top["pid"], top["state"], top["mend_sql"]) == (pid(root), None, None)
    assert "pg_read_all_stats" in top["note"]
    assert "pg_read_all_stats" in top["advice"]
    assert waiter["relation_name"] == "public.t"


# --- idle_in_transaction


def test_idle_in_transaction(session: OpenSession, plain: psycopg.Connection) -> None:
    idle, waiter = session(), session()
    session().execute("SELECT 1")  # idle, in no transaction
    assert rows(plain, "SELECT * FROM pggit_excellence.idle_in_transaction()") == []
    idle.execute("BEGIN; UPDATE t SET i = i WHERE i = 1")
    start(waiter, "UPDATE t SET i = i WHERE i = 1")
    wait_for(plain, 1)
    (fault,) = rows(plain, "SELECT * FROM pggit_excellence.idle_in_transaction()")
    assert (fault["pid"], fault["state"], fault["blocked_sessions"]) == (pid(idle), "idle in transaction", 1)
    oracle = rows(plain, "SELECT count(*) AS n FROM pg_locks WHERE pid = %s AND locktype <> 'virtualxid'", pid(idle))
    assert fault["locks_held"] == oracle[0]["n"] > 0
    assert fault["xmin_age"] >= 1
    assert fault["transaction_age"] >= fault["idle_for"]
    assert fault["last_query"] == "BEGIN; UPDATE t SET i = i WHERE i = 1"
    assert rows(plain, "SELECT * FROM pggit_excellence.idle_in_transaction('1 hour')") == []
    plain.execute(fault["mend_sql"])
    deadline = time.monotonic() + 10
    while rows(plain, "SELECT * FROM pggit_excellence.idle_in_transaction()"):
        assert time.monotonic() < deadline


def test_aborted_transaction_is_idle_too(session: OpenSession, plain: psycopg.Connection) -> None:
    broken = session()
    broken.execute("BEGIN")
    with pytest.raises(psycopg.errors.DivisionByZero):
        broken.execute("SELECT 1 / 0")
    (fault,) = rows(plain, "SELECT * FROM pggit_excellence.idle_in_transaction()")
    assert (fault["state"], fault["locks_held"], fault["xmin_age"]) == ("idle in transaction (aborted)", 0, None)


# --- connections


def test_connection_stats(session: OpenSession, plain: psycopg.Connection) -> None:
    """The same counts as pg_stat_activity, by client backends only."""
    first = session()
    first.execute("BEGIN")
    session()
    found = {row["state"]: row for row in rows(plain, "SELECT * FROM pggit_excellence.connection_stats()")}
    oracle = "SELECT state, count(*) AS n FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY state"
    assert {state: row["count"] for state, row in found.items()} == {
        row["state"]: row["n"] for row in rows(plain, oracle)
    }
    assert found["idle in transaction"]["oldest_pid"] == pid(first)
    assert found["idle in transaction"]["avg_duration"] == found["idle in transaction"]["max_duration"]
    assert found["idle"]["max_duration"] >= found["idle"]["avg_duration"]


def test_saturation_of_the_server(session: OpenSession, plain: psycopg.Connection) -> None:
    query = "SELECT name, setting::int FROM pg_settings WHERE name LIKE '%connections' AND vartype = 'integer'"
    setting = dict(plain.execute(query).fetchall())
    usable = (
        setting["max_connections"] - setting["superuser_reserved_connections"] - setting.get("reserved_connections", 0)
    )
    session()
    (row,) = rows(plain, "SELECT * FROM pggit_excellence.connection_saturation()")
    used = rows(plain, "SELECT count(*) AS n FROM pg_stat_activity WHERE backend_type = 'client backend'")[0]["n"]
    assert (row["scope"], row["used"], row["usable"], row["status"]) == ("server", used, usable, "ok")
    assert abs(float(row["percent"]) - 100 * used / usable) <= 0.1
    for arguments, status in (("1, 99", "warning"), ("0.5, 1", "critical")):
        assert (
            rows(plain, f"SELECT status FROM pggit_excellence.connection_saturation({arguments})")[0]["status"]
            == status
        )


def test_saturation_of_a_limited_database_and_role(
    server: Server, session: OpenSession, plain: psycopg.Connection
) -> None:
    database = plain.info.dbname
    query = """SELECT scope, name, used, usable, percent, status
               FROM pggit_excellence.connection_saturation() WHERE scope <> 'server'"""
    plain.execute('CREATE ROLE "Limi""ted" LOGIN CONNECTION LIMIT 5')
    try:
        plain.execute(f"ALTER DATABASE {database} CONNECTION LIMIT 5")
        session(), session()
        assert plain.execute(query).fetchall() == [], "3 of 5 is a near miss"
        session()
        assert plain.execute(query).fetchall() == [("database", database, 4, 5, 80, "warning")]
        plain.execute(f"ALTER DATABASE {database} CONNECTION LIMIT 4")
        assert plain.execute(query).fetchone()[-1] == "critical"
        for closed_or_open in (0, -1):
            plain.execute(f"ALTER DATABASE {database} CONNECTION LIMIT {closed_or_open}")
            assert plain.execute(query).fetchall() == []
        with server.connect(database, user="'Limi\"ted'"):
            plain.execute('ALTER ROLE "Limi""ted" CONNECTION LIMIT 1')
            assert plain.execute(query).fetchall() == [("role", '"Limi""ted"', 1, 1, 100, "critical")]
    finally:
        plain.execute('DROP ROLE "Limi""ted"')
