"""The rate limit of DDL: exactly as many as were allowed, whoever tries at once and whatever becomes of it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.server import Server

REFUSED = psycopg.errors.ConfigurationLimitExceeded
ROLES = ("limited_one", "limited_two", "limited_boss")


@pytest.fixture
def limited(plain: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A database in which two ordinary roles and a second superuser may run DDL."""
    plain.execute("CREATE ROLE limited_one LOGIN; CREATE ROLE limited_two LOGIN")
    plain.execute("CREATE ROLE limited_boss LOGIN SUPERUSER")
    plain.execute("GRANT CREATE, USAGE ON SCHEMA public TO limited_one, limited_two; GRANT limited_two TO limited_one")
    yield plain
    for role in ROLES:
        plain.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


def one(connection: psycopg.Connection, query: str, *arguments: object) -> Any:
    row = connection.execute(query.encode(), arguments or None).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def limit(connection: psycopg.Connection, role: str, statements: int | None, per: str = "1 day") -> str:
    return one(connection, "SELECT pggit_excellence.set_ddl_rate_limit(%s, %s, %s)", role, statements, per)


def as_role(server: Server, connection: psycopg.Connection, role: str) -> psycopg.Connection:
    return server.connect(connection.info.dbname, user=role)


def outcomes(server: Server, limited: psycopg.Connection, sessions: int) -> tuple[int, int]:
    """Six attempts in each session, all at once, every third rolled back: how many passed, how many were refused."""
    passed, refused, start = [0] * sessions, [0] * sessions, threading.Barrier(sessions)

    def attempt(number: int) -> None:
        with as_role(server, limited, "limited_one") as connection:
            start.wait()
            for turn in range(6):
                try:
                    with connection.transaction(force_rollback=turn % 3 == 1):
                        connection.execute(f"CREATE TEMP TABLE r{turn} (i int)".encode())
                        passed[number] += 1
                        time.sleep(0.01)
                except REFUSED:
                    refused[number] += 1

    threads = [threading.Thread(target=attempt, args=[number]) for number in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(passed), sum(refused)


@pytest.mark.parametrize("count", [1, 100])
def test_exact_under_thirty_two_sessions(server: Server, limited: psycopg.Connection, count: int) -> None:
    """Committed, rolled back, or held open meanwhile: exactly `count` pass, the rest is refused and counted."""
    limit(limited, "limited_one", count)
    assert outcomes(server, limited, 32) == (count, 32 * 6 - count)
    assert one(limited, "SELECT refused, lost FROM pggit_excellence.audit_status()") == (32 * 6 - count, 0)


@pytest.mark.once
def test_it_is_the_lock_that_makes_it_exact(server: Server, limited: psycopg.Connection) -> None:
    """With a pause between reading and writing the bucket it stays exact; without the lock it does not."""
    definition = one(limited, "SELECT pg_get_functiondef('pggit_excellence._take_ddl_token'::regproc)")
    slow = definition.replace("IF wait = 0 THEN", "PERFORM pg_catalog.pg_sleep(0.02); IF wait = 0 THEN")
    unlocked = re.sub(r"LOCK TABLE [^;]*;", "", slow)
    assert len({definition, slow, unlocked}) == 3
    for body, exact in ((slow, True), (unlocked, False)):
        limited.execute(body.encode())
        limit(limited, "limited_one", 10)
        assert (outcomes(server, limited, 8)[0] == 10) is exact


def test_the_error(server: Server, limited: psycopg.Connection) -> None:
    limit(limited, "limited_one", 2, "1 hour")
    with as_role(server, limited, "limited_one") as connection:
        connection.execute("CREATE TABLE a (); CREATE TABLE b ()")
        with pytest.raises(REFUSED, match=r"role limited_one has run its 2 DDL statements per 01:00:00") as caught:
            connection.execute("CREATE TABLE c ()")
        diag = caught.value.diag
        assert diag.sqlstate == "53400"
        seconds = re.fullmatch(r"retry_after_seconds=(\d+\.\d{3})", str(diag.message_detail))
        assert seconds
        assert 1700 < float(seconds[1]) <= 1800
        assert "Try again in" in str(diag.message_hint)
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname IN ('a', 'b', 'c')").fetchone() == (2,)


def test_tokens_come_back_evenly(server: Server, limited: psycopg.Connection) -> None:
    """After the time that the error names there is one more, and not two; the server's clock is what counts."""
    limit(limited, "limited_one", 4, "2 seconds")
    with as_role(server, limited, "limited_one") as connection:
        connection.execute("CREATE TABLE a (); CREATE TABLE b (); CREATE TABLE c (); CREATE TABLE d ()")
        began, passed = time.monotonic(), 0
        while time.monotonic() - began < 1.6:
            try:
                connection.execute("COMMENT ON TABLE a IS NULL")
                passed += 1
            except REFUSED as error:
                time.sleep(float(str(error.diag.message_detail).split("=")[1]) + 0.001)
        took = time.monotonic() - began
        assert passed <= took / 0.5 + 1
        assert passed >= 3


def test_who_is_limited(server: Server, limited: psycopg.Connection) -> None:
    """The session user, whatever role is set; public for the others together; superusers only by name; exemptions."""
    limit(limited, "public", 4)
    with as_role(server, limited, "limited_one") as one_of_all, as_role(server, limited, "limited_two") as other:
        one_of_all.execute("CREATE TABLE a (); CREATE TABLE b ()")
        one_of_all.execute("SET ROLE limited_two; CREATE TABLE c ()")
        other.execute("CREATE TABLE d ()")
        for connection in (one_of_all, other):
            with pytest.raises(REFUSED):
                connection.execute("CREATE TABLE e ()")
        assert limit(limited, "limited_two", None) == "limited_two: no limit"
        other.execute("CREATE TABLE e (); CREATE TABLE f ()")
        limit(limited, "limited_one", 1)
        one_of_all.execute("CREATE TABLE g ()")
        with pytest.raises(REFUSED):
            one_of_all.execute("CREATE TABLE h ()")
        limited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('public')")
        with pytest.raises(REFUSED):
            one_of_all.execute("CREATE TABLE h ()")
    with as_role(server, limited, "limited_boss") as boss:
        boss.execute("CREATE TABLE h ()")
        limit(boss, "limited_boss", 1)
        boss.execute("CREATE TABLE i ()")
        with pytest.raises(REFUSED):
            boss.execute("CREATE TABLE j ()")
        boss.execute("SET pggit_excellence.enabled = off; CREATE TABLE j ()")
        boss.execute("RESET pggit_excellence.enabled")
        limited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('limited_boss')")
        boss.execute("CREATE TABLE k ()")
    with as_role(server, limited, "limited_one") as connection, pytest.raises(REFUSED):
        connection.execute("SET pggit_excellence.enabled = off; CREATE TABLE x ()")


def test_refusals_are_told_in_the_chain(server: Server, limited: psycopg.Connection) -> None:
    limit(limited, "limited_one", 1)
    with as_role(server, limited, "limited_one") as connection:
        connection.execute("CREATE TABLE a ()")
        for _ in range(3):
            with pytest.raises(REFUSED):
                connection.execute("CREATE TABLE b ()")
    for _ in range(2):
        limited.execute("SELECT pggit_excellence.seal_audit_log()")
    told = limited.execute(
        "SELECT details ->> 'limit_of', details ->> 'count' FROM pggit_excellence.audit_log_sealed"
        " WHERE details ->> 'action' = 'DDL refused'"
    ).fetchall()
    assert told == [("limited_one", "3")]
    with as_role(server, limited, "limited_one") as connection, pytest.raises(REFUSED):
        connection.execute("CREATE TABLE b ()")
    limited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('limited_one')")
    last = "SELECT details ->> 'refused' FROM pggit_excellence.audit_log ORDER BY event_id DESC LIMIT 1"
    assert one(limited, last) == "1"


def test_a_clock_that_was_ahead(server: Server, limited: psycopg.Connection) -> None:
    """It empties the bucket and does not close it for years."""
    limit(limited, "limited_one", 10, "1 second")
    limited.execute("SELECT setval('pggit_excellence.ddl_rate_1_state', 4000000000000000000)")
    with as_role(server, limited, "limited_one") as connection:
        with pytest.raises(REFUSED) as caught:
            connection.execute("CREATE TABLE a ()")
        assert float(str(caught.value.diag.message_detail).split("=")[1]) <= 0.1
        time.sleep(0.2)
        limited.execute("SELECT setval('pggit_excellence.ddl_rate_1_state', 1)")
        connection.execute("CREATE TABLE a ()")


DAMAGE = (
    "DROP SEQUENCE pggit_excellence.ddl_rate_1_state",
    "DROP TABLE pggit_excellence.ddl_rate_limits CASCADE",
    "DROP FUNCTION pggit_excellence._take_ddl_token(pggit_excellence.ddl_rate_limits)",
    "DROP FUNCTION pggit_excellence._guards_off()",
    "DROP SCHEMA pggit_excellence CASCADE",
)


def test_damage_lets_ddl_pass(server: Server, make_database: MakeDatabase) -> None:
    with server.connect(make_database("empty")) as connection:
        server.psql("-f", str(ROOT / "sql" / "install.sql"), dbname=connection.info.dbname)
        limit(connection, "postgres", 10)
        for damage in DAMAGE:
            with connection.transaction(force_rollback=True):
                connection.execute(damage.encode())
                connection.execute("CREATE TABLE t (i int)")


def test_our_error_is_counted(server: Server, limited: psycopg.Connection) -> None:
    limit(limited, "limited_one", 1)
    limited.execute("ALTER FUNCTION pggit_excellence._take_ddl_token(pggit_excellence.ddl_rate_limits) RENAME TO x")
    with as_role(server, limited, "limited_one") as connection:
        connection.execute("CREATE TABLE a (); CREATE TABLE b ()")
    assert one(limited, "SELECT lost FROM pggit_excellence.audit_status()") == 2


def test_nobody_else_can_hold_or_read_the_bucket(server: Server, limited: psycopg.Connection) -> None:
    limit(limited, "limited_one", 5)
    with as_role(server, limited, "limited_one") as connection:
        for forbidden in (
            "SELECT setval('pggit_excellence.ddl_rate_1_state', 1)",
            "DO $$ BEGIN LOCK TABLE pggit_excellence.ddl_rate_limits IN ACCESS SHARE MODE; END $$",
            "SELECT pggit_excellence.drop_ddl_rate_limit('limited_one')",
            "UPDATE pggit_excellence.ddl_rate_limits SET statements = 1000",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden.encode())
        connection.execute("BEGIN; CREATE TABLE open ()")
        with as_role(server, limited, "limited_one") as second:
            second.execute("SET statement_timeout = '10s'; CREATE TABLE a ()")
        connection.execute("COMMIT")


def test_bad_arguments(limited: psycopg.Connection) -> None:
    for role in ("nobody_of_that_name", None, ""):
        with pytest.raises(psycopg.errors.UndefinedObject) as caught:
            limit(limited, role, 1)  # type: ignore[arg-type]
        assert caught.value.diag.message_hint
    wrong = [(0, "1 day"), (-1, "1 day"), (1000001, "1 day"), (1, "0"), (1, "-1 day"), (1, "400 days"), (1, None)]
    for statements, per in wrong:
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            limit(limited, "limited_one", statements, per)  # type: ignore[arg-type]
    with pytest.raises(psycopg.errors.NoDataFound):
        limited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('limited_one')")
    assert one(limited, "SELECT count(*) FROM pg_event_trigger") == 0
    limit(limited, "limited_one", 1)
    assert one(limited, "SELECT count(*) FROM pg_event_trigger") == 1
    limited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('limited_one')")
    assert one(limited, "SELECT count(*) FROM pg_event_trigger") == 0
    assert one(limited, "SELECT count(*) FROM pg_class WHERE relname LIKE 'ddl_rate%_state'") == 0


def test_set_by_another_superuser(server: Server, limited: psycopg.Connection) -> None:
    """The sequences are the owner's of the table all the same, and go with the extension."""
    with as_role(server, limited, "limited_boss") as boss:
        limit(boss, "limited_one", 3)
    with as_role(server, limited, "limited_one") as connection:
        connection.execute("CREATE TABLE a (); CREATE TABLE b (); CREATE TABLE c ()")
        with pytest.raises(REFUSED):
            connection.execute("CREATE TABLE d ()")
    limited.execute("DROP EXTENSION pggit_excellence")
    assert one(limited, "SELECT count(*) FROM pg_class WHERE relname LIKE 'ddl_rate%'") == 0
