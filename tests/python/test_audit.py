"""The audit log: what is recorded, sealed and chained under concurrency, and that DDL always passes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import FIXTURES, MakeDatabase
from pggit_excellence.audit import chain
from pggit_excellence.server import Server

ROLE = "audit_developer"


@pytest.fixture
def audited(plain: psycopg.Connection) -> psycopg.Connection:
    """A database that records DDL."""
    plain.execute("SELECT * FROM pggit_excellence.enable_audit()")
    return plain


@pytest.fixture
def developer(audited: psycopg.Connection) -> Iterator[str]:
    """An ordinary role that may run DDL and has no right on us."""
    audited.execute("SET pggit_excellence.enabled = off")
    audited.execute(f"CREATE ROLE {ROLE} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO {ROLE}")
    audited.execute("SET pggit_excellence.enabled = on")
    yield ROLE
    audited.execute(f"DROP OWNED BY {ROLE} CASCADE; DROP ROLE {ROLE}")


def one(connection: psycopg.Connection, query: str, *arguments: object) -> Any:
    row = connection.execute(query.encode(), arguments or None).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def seal(connection: psycopg.Connection) -> int:
    return one(connection, "SELECT pggit_excellence.seal_audit_log()")


def recorded(connection: psycopg.Connection) -> list[str]:
    """The DDL commands, in the order of recording."""
    return [
        command
        for (command,) in connection.execute(
            "SELECT details ->> 'command' FROM pggit_excellence.audit_log WHERE event_kind = 'ddl' ORDER BY event_id"
        )
    ]


def verified(connection: psycopg.Connection) -> tuple[Any, ...]:
    """What verify_audit_chain() says, after Python has recomputed every hash and agrees."""
    intact, finding, at = one(
        connection, "SELECT intact, finding, at_audit_id FROM pggit_excellence.verify_audit_chain()"
    )
    walked = chain.walk(chain.rows(connection), 1, {})
    assert (walked.broken is None) == (intact is not False or finding in ("rewritten", "removed")), (walked, finding)
    return intact, finding, at


# --- what is recorded


def test_what_is_recorded(audited: psycopg.Connection) -> None:
    audited.execute("CREATE TABLE t (id serial PRIMARY KEY, note text)")
    audited.execute("ALTER TABLE t DROP COLUMN note")
    audited.execute("GRANT SELECT ON t TO PUBLIC")
    audited.execute("DROP TABLE t")
    assert recorded(audited) == ["CREATE TABLE", "ALTER TABLE", "ALTER TABLE", "GRANT", "DROP TABLE"]
    details, actor, database = one(
        audited,
        "SELECT details, actor, database FROM pggit_excellence.audit_log WHERE details ->> 'command' = 'CREATE TABLE'",
    )
    assert (actor, database) == ("postgres", audited.info.dbname)
    assert {"command": "CREATE TABLE", "type": "table", "name": "public.t"} in details["objects"]
    assert details["statement"] == "CREATE TABLE t (id serial PRIMARY KEY, note text)"
    assert details["session"]["process"] == audited.info.backend_pid
    dropped = one(audited, "SELECT details FROM pggit_excellence.audit_log WHERE details ->> 'command' = 'DROP TABLE'")
    assert {"type": "table", "name": "public.t"} in dropped["objects"]


def test_passwords_are_not_recorded(audited: psycopg.Connection) -> None:
    secret = "hunter2" * 2
    statements = (
        f"CREATE TABLE a (note text DEFAULT 'PassWord {secret}')",
        f"CREATE FOREIGN DATA WRAPPER w OPTIONS (key '{secret}')",
        f"CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (token '{secret}')",
        f"CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (api_key '{secret}')",
        f"ALTER ROLE CURRENT_USER PASSWORD '{secret}'; CREATE TABLE b ()",
    )
    for statement in statements:
        audited.execute(statement.encode())
    audited.execute("ALTER ROLE CURRENT_USER PASSWORD NULL")
    rows = audited.execute("SELECT details::text FROM pggit_excellence.audit_log WHERE event_kind = 'ddl'").fetchall()
    assert len(rows) == len(statements)
    assert not any(secret in text for (text,) in rows)
    assert all(
        hashlib.sha256(statement.encode()).hexdigest() in text
        for (text,), statement in zip(rows, statements, strict=True)
    )


def test_long_statements_and_many_objects(audited: psycopg.Connection) -> None:
    statement = f"CREATE TABLE long () /* {'x' * 20000} */"
    audited.execute(statement.encode())
    audited.execute("DO $$ BEGIN FOR i IN 1..150 LOOP EXECUTE format('CREATE TABLE many_%s ()', i); END LOOP; END $$")
    names = ", ".join(f"many_{i}" for i in range(1, 151))
    audited.execute(f"DROP TABLE {names}".encode())
    long, drop = (
        one(audited, "SELECT details FROM pggit_excellence.audit_log WHERE details::text LIKE %s LIMIT 1", pattern)
        for pattern in ("%public.long%", '%"DROP TABLE"%')
    )
    assert (len(long["statement"]), long["statement_length"]) == (10000, len(statement))
    assert (len(drop["objects"]), drop["object_count"]) == (100, 150)


def test_record_audit_event(plain: psycopg.Connection) -> None:
    first = one(plain, "SELECT pggit_excellence.record_audit_event('access_review')")
    second = one(plain, "SELECT pggit_excellence.record_audit_event('access_review', NULL)")
    assert second > first
    for kind, details in (("Review", "{}"), ("", "{}"), (None, "{}"), ("x" * 51, "{}"), ("a b", "{}"), ("a", "[1]")):
        with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
            plain.execute("SELECT pggit_excellence.record_audit_event(%s, %s::jsonb)", [kind, details])
        assert caught.value.diag.message_hint


# --- the chain under everything


def test_thirty_two_writers(server: Server, audited: psycopg.Connection) -> None:
    """Commits, rollbacks, subtransactions, sealing meanwhile: what happened is there once, in one chain."""
    kept: list[str] = []

    def write(number: int) -> None:
        with server.connect(audited.info.dbname) as connection:
            for turn in range(6):
                name = f"w{number}_{turn}"
                with connection.transaction(force_rollback=turn == 1):
                    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                    connection.execute(f"CREATE TABLE {name} (i int)".encode())
                    with contextlib.suppress(psycopg.errors.RaiseException), connection.transaction():
                        connection.execute(f"CREATE TABLE {name}_gone (i int)".encode())
                        connection.execute("DO $$ BEGIN RAISE EXCEPTION 'x'; END $$")
                if turn != 1:
                    kept.append(f"public.{name}")
                if turn == number % 6:
                    connection.execute("SELECT pggit_excellence.seal_audit_log(7, wait => false)")

    writers = [threading.Thread(target=write, args=[number]) for number in range(32)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    while seal(audited):
        pass
    names = [
        name
        for (name,) in audited.execute(
            "SELECT o.value ->> 'name' FROM pggit_excellence.audit_log_sealed AS s,"
            " jsonb_array_elements(s.details -> 'objects') AS o WHERE s.event_kind = 'ddl'"
        )
    ]
    assert sorted(names) == sorted(kept)
    assert one(audited, "SELECT count(*), max(audit_id) FROM pggit_excellence.audit_log") == (161, 161)
    assert verified(audited) == (True, None, None)
    assert one(audited, "SELECT lost, pending FROM pggit_excellence.audit_status()") == (0, 0)


def test_prepared_transaction_holds_nobody(server: Server, audited: psycopg.Connection) -> None:
    """What is prepared is chained when it is committed; meanwhile everybody records and seals."""
    with server.connect(audited.info.dbname) as other:
        other.execute("BEGIN; CREATE TABLE prepared (i int); PREPARE TRANSACTION 'audit'")
        audited.execute("CREATE TABLE meanwhile (i int)")
        assert seal(audited) == 2
        other.execute("COMMIT PREPARED 'audit'")
    assert seal(audited) == 1
    assert one(audited, "SELECT array_agg(event_id ORDER BY audit_id) FROM pggit_excellence.audit_log") == [1, 3, 2]
    assert verified(audited) == (True, None, None)


def test_one_sealer(server: Server, audited: psycopg.Connection) -> None:
    """A second one waits or says so; DDL, recording and reading never wait."""
    with server.connect(audited.info.dbname) as other, other.transaction():
        seal(other)
        audited.execute("SET lock_timeout = '100ms'; SET statement_timeout = '5s'")
        audited.execute("CREATE TABLE t (i int)")
        assert one(audited, "SELECT pending FROM pggit_excellence.audit_status()") == 2
        assert one(audited, "SELECT pggit_excellence.seal_audit_log(wait => false)") is None
        tasks = audited.execute("SELECT task, affected, note FROM pggit_excellence.maintain()").fetchall()
        assert tasks[-1] == ("seal audit log", 0, "nothing was done: another transaction is sealing")
    assert seal(audited) == 1
    audited.execute("RESET statement_timeout")
    assert verified(audited) == (True, None, None)


def test_maintain_seals(audited: psycopg.Connection) -> None:
    for _ in range(5):
        audited.execute("SELECT pggit_excellence.record_audit_event('note')")
    tasks = audited.execute("SELECT task, affected, note FROM pggit_excellence.maintain(4)").fetchall()
    assert tasks[-1][:2] == ("seal audit log", 4)
    assert "more is waiting" in tasks[-1][2]
    assert audited.execute(
        "SELECT affected FROM pggit_excellence.maintain() WHERE task = 'seal audit log'"
    ).fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("READ ONLY", "read-only"),
        ("ISOLATION LEVEL REPEATABLE READ", "repeatable read"),
        ("ISOLATION LEVEL SERIALIZABLE", "serializable"),
    ],
)
def test_where_sealing_is_refused(audited: psycopg.Connection, setting: str, message: str) -> None:
    audited.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION {setting}".encode())
    with pytest.raises(psycopg.Error, match=message):
        seal(audited)


SETTINGS = (
    "SET DateStyle = 'German'; SET TimeZone = 'Asia/Kathmandu'",
    "SET extra_float_digits = -15; SET bytea_output = 'escape'; SET IntervalStyle = 'sql_standard'",
    "SET client_encoding = 'LATIN1'; SET lc_monetary = 'C'; SET standard_conforming_strings = off",
    "SET quote_all_identifiers = on; SET search_path = evil, pg_catalog; SET xmloption = 'document'",
)


def test_settings_do_not_matter(server: Server, audited: psycopg.Connection) -> None:
    """Each session seals some rows and verifies all under settings of its own; hostile functions are not called."""
    audited.execute(
        "CREATE SCHEMA evil; CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT ''x''::bytea';"
        "CREATE FUNCTION evil.cat(bytea, bytea) RETURNS bytea LANGUAGE sql AS 'SELECT ''x''::bytea';"
        "CREATE OPERATOR evil.|| (FUNCTION = evil.cat, LEFTARG = bytea, RIGHTARG = bytea)"
    )
    odd = {
        "é": '\u20ac \U0001f600 \\ " / \x7f \t \x01',
        "n": 1.10,
        "e": 1e-300,
        "big": 10**40,
        "nested": [None, {"": ""}],
    }
    for settings in SETTINGS:
        with server.connect(audited.info.dbname) as connection:
            audited.execute("SELECT pggit_excellence.record_audit_event('odd', %s::jsonb)", [json.dumps(odd)])
            connection.execute(settings.encode())
            assert seal(connection) >= 1
            row = connection.execute("SELECT intact FROM pggit_excellence.verify_audit_chain()").fetchone()
            assert row == (True,)
    assert verified(audited) == (True, None, None)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_other_encodings(server: Server, encoding: str) -> None:
    """LATIN1 is hashed as UTF-8; SQL_ASCII as the bytes that it is, which need not be text in any encoding."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE audit_encoding ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0".encode())
        with server.connect("audit_encoding") as connection:
            connection.execute("CREATE EXTENSION pggit_excellence")
            connection.execute(f"SET client_encoding = '{encoding}'".encode())
            connection.execute(
                b"SELECT pggit_excellence.record_audit_event('note', '{\"k\xe9\": \"caf\xe9 \xff\"}')".decode("latin-1")
                if encoding == "LATIN1"
                else b"SELECT pggit_excellence.record_audit_event('note', '{\"k\xe9\": \"caf\xe9 \xff\"}')"
            )
            connection.execute("SET client_encoding = 'UTF8'")
            assert seal(connection) == 1
            assert verified(connection) == (True, None, None)
        admin.execute("DROP DATABASE audit_encoding WITH (FORCE)")


def test_hostile_names(server: Server, audited: psycopg.Connection) -> None:
    """Both implementations hash the same text for quotes, backslashes, control characters and beyond the BMP."""
    names = ['a"b', "a\\b", "a\nb\tc\x01\x1f\x7f", "a/b'c", "é\u2028\U0001f600", " ", "NULL", "[1, 2]"]
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        audited.execute(f"CREATE ROLE {quoted} LOGIN; GRANT CREATE ON SCHEMA public TO {quoted}".encode())
        with psycopg.connect(server.dsn(audited.info.dbname), user=name) as connection:
            connection.execute(f"CREATE TABLE public.{quoted} ({quoted} int)".encode())
    seal(audited)
    actors = audited.execute(
        "SELECT DISTINCT actor FROM pggit_excellence.audit_log WHERE actor <> 'postgres'"
    ).fetchall()
    assert {actor for (actor,) in actors} == set(names)
    assert verified(audited) == (True, None, None)
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        audited.execute(f"DROP OWNED BY {quoted}; DROP ROLE {quoted}".encode())


def test_dump_and_restore(
    server: Server,
    audited: psycopg.Connection,
    make_database: MakeDatabase,
    dump_programs: dict[str, Path],
    tmp_path: Path,
) -> None:
    """The chain, what is pending, limits, counters and triggers: all there, and it goes on."""
    audited.execute("CREATE TABLE t (i int)")
    seal(audited)
    audited.execute("CREATE ROLE audit_limited; SELECT pggit_excellence.set_ddl_rate_limit('audit_limited', 3)")
    file = tmp_path / "dump"
    environment = server.environment
    subprocess.run([dump_programs["pg_dump"], "-Fc", "-f", file, audited.info.dbname], check=True, env=environment)
    restored = make_database("empty")
    subprocess.run([dump_programs["pg_restore"], "-e", "-d", restored, file], check=True, env=environment)
    audited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('audit_limited')")
    with server.connect(restored) as connection:
        assert verified(connection) == (True, None, None)
        before = one(connection, "SELECT sealed, pending FROM pggit_excellence.audit_status()")
        connection.execute("CREATE TABLE u (i int)")
        assert seal(connection) == before[1] + 1
        assert verified(connection) == (True, None, None)
        assert one(connection, "SELECT enabled, lost FROM pggit_excellence.audit_status()") == (True, 0)
        assert one(connection, "SELECT count(*) - count(DISTINCT event_id) FROM pggit_excellence.audit_log") == 0
        connection.execute("SELECT pggit_excellence.set_ddl_rate_limit('audit_limited', 5)")
        connection.execute("SELECT * FROM pggit_excellence.enable_audit()")
        connection.execute("SET pggit_excellence.enabled = off")
        connection.execute("DROP EXTENSION pggit_excellence")
        assert one(connection, "SELECT count(*) FROM pg_event_trigger") == 0
    audited.execute("DROP ROLE audit_limited")


# --- append-only, privileges, evasion


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET actor = 'x'",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "MERGE INTO {} AS l USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE",
    ],
)
def test_append_only(audited: psycopg.Connection, statement: str) -> None:
    """Also under session_replication_role = replica, by the parent and by the leaves."""
    seal(audited)
    audited.execute("SELECT pggit_excellence.record_audit_event('note')")
    audited.execute("SET session_replication_role = replica")
    if statement.startswith("MERGE") and audited.info.server_version < 150000:
        pytest.skip("MERGE came with 15")
    for table in ("audit_log", "audit_log_sealed", "audit_log_pending"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            audited.execute(statement.format("pggit_excellence." + table).encode())
    assert one(audited, "SELECT count(*) FROM pggit_excellence.audit_log") == 2


def test_ordinary_role(server: Server, audited: psycopg.Connection, developer: str) -> None:
    """Recorded as the session user whatever the role is; neither the kill switch nor anything to write is theirs."""
    audited.execute(
        f"CREATE ROLE audit_other; GRANT audit_other TO {developer}; GRANT CREATE ON SCHEMA public TO audit_other"
    )
    with server.connect(audited.info.dbname, user=developer) as connection:
        connection.execute("SET pggit_excellence.enabled = off")
        connection.execute("CREATE TABLE mine (i int)")
        connection.execute("SET ROLE audit_other")
        connection.execute("CREATE TABLE theirs (i int)")
        connection.execute("RESET ROLE")
        for forbidden in (
            "SELECT pggit_excellence.record_audit_event('x')",
            "SELECT pggit_excellence.seal_audit_log()",
            "SELECT * FROM pggit_excellence.audit_log",
            "INSERT INTO pggit_excellence.audit_log_pending (event_kind) VALUES ('x')",
            "SELECT nextval('pggit_excellence.audit_event_id')",
            "DO $$ BEGIN LOCK TABLE pggit_excellence.audit_state; END $$",
            "SELECT pggit_excellence._audit_ddl()",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
                connection.execute(forbidden.encode())
    rows = audited.execute(
        "SELECT actor, details -> 'session' ->> 'role' FROM pggit_excellence.audit_log"
        " WHERE details ->> 'command' = 'CREATE TABLE' ORDER BY event_id"
    ).fetchall()
    assert rows == [(developer, None), (developer, "audit_other")]
    audited.execute("DROP OWNED BY audit_other; DROP ROLE audit_other")


def test_kill_switch_of_a_superuser(audited: psycopg.Connection) -> None:
    audited.execute("SET pggit_excellence.enabled = off; CREATE TABLE t (i int)")
    audited.execute("RESET pggit_excellence.enabled; CREATE TABLE u (i int)")
    assert recorded(audited) == ["CREATE TABLE"]


def test_replica_is_recorded(audited: psycopg.Connection) -> None:
    audited.execute("SET session_replication_role = replica; CREATE TABLE t (i int)")
    assert recorded(audited) == ["CREATE TABLE"]


# --- DDL passes whatever fails here

# What an ordinary role can set, hoping that our triggers fail under it.
EVASIONS = (
    "plpgsql.extra_errors = 'all'",
    "plpgsql.extra_warnings = 'all'",
    "plpgsql.print_strict_params = on",
    "standard_conforming_strings = off",
    "quote_all_identifiers = on",
    "transform_null_equals = on",
    "row_security = off",
    "search_path = ''",
    "lock_timeout = 1",
    "IntervalStyle = 'iso_8601'",
    "application_name = E'\\\\ \" '' end'",
    "client_min_messages = debug5",
    "work_mem = '64kB'",
    "pggit_excellence.enabled = 'off'",
    "default_transaction_isolation = 'serializable'",
)


def test_nobody_evades_it_by_a_setting(server: Server, audited: psycopg.Connection, developer: str) -> None:
    audited.execute("SELECT pggit_excellence.set_ddl_rate_limit('audit_developer', 100)")
    before = len(recorded(audited))
    for number, setting in enumerate(EVASIONS):
        with server.connect(audited.info.dbname, user=developer) as connection:
            connection.execute(f"SET {setting}".encode())
            connection.execute(f"CREATE TABLE public.evasion_{number} (i int)".encode())
        assert len(recorded(audited)) == before + number + 1, setting
    assert one(audited, "SELECT lost FROM pggit_excellence.audit_status()") == 0
    audited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('audit_developer')")


UNUSUAL = (
    "CREATE INDEX CONCURRENTLY plain_i ON plain (i)",
    "REINDEX INDEX CONCURRENTLY plain_i",
    "DROP INDEX CONCURRENTLY plain_i",
    "CREATE MATERIALIZED VIEW m AS SELECT 1 AS i",
    "CREATE UNIQUE INDEX ON m (i)",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "ALTER TABLE parted DETACH PARTITION parted_1 CONCURRENTLY",
    "CREATE TYPE mood AS ENUM ('a')",
    "ALTER TYPE mood ADD VALUE 'b'",
    "CREATE SCHEMA s CREATE TABLE s.t (i int) CREATE VIEW s.v AS SELECT i FROM s.t",
    "DO $$ BEGIN CREATE TABLE gone (i int); DROP TABLE gone; END $$",
    "CREATE TABLE IF NOT EXISTS plain (i int)",
    "DROP TABLE IF EXISTS no_such_table",
    "CREATE PUBLICATION p FOR TABLE plain",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "SECURITY LABEL ON TABLE plain IS NULL",
    "DROP OWNED BY audit_nobody",
    "REASSIGN OWNED BY audit_nobody TO CURRENT_USER",
    "DROP SCHEMA s CASCADE",
    "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS ''",
    "BEGIN; CREATE TABLE prepared (i int); PREPARE TRANSACTION 'audit_unusual'",
    "COMMIT PREPARED 'audit_unusual'",
)


def test_unusual_ddl_passes(audited: psycopg.Connection) -> None:
    """Commands that run in several transactions, that make nothing, or whose objects are gone: all pass."""
    audited.execute("CREATE TABLE plain (i int); CREATE ROLE audit_nobody")
    audited.execute(
        "CREATE TABLE parted (i int) PARTITION BY LIST (i); CREATE TABLE parted_1 PARTITION OF parted DEFAULT"
    )
    audited.execute(
        "ALTER TABLE parted DETACH PARTITION parted_1; ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1)"
    )
    audited.execute("SELECT pggit_excellence.set_ddl_rate_limit('postgres', 1000)")
    for statement in UNUSUAL:
        with contextlib.suppress(psycopg.errors.InvalidParameterValue):  # no provider of labels
            audited.execute(statement.encode())
    assert one(audited, "SELECT lost FROM pggit_excellence.audit_status()") == 0
    rows = audited.execute(
        "SELECT details ->> 'error' FROM pggit_excellence.audit_log WHERE details ? 'error'"
    ).fetchall()
    assert rows == []
    assert {"CREATE INDEX", "ALTER TYPE", "ALTER DEFAULT PRIVILEGES", "REFRESH MATERIALIZED VIEW"} <= set(
        recorded(audited)
    )
    while seal(audited):
        pass
    assert verified(audited) == (True, None, None)
    audited.execute("SELECT pggit_excellence.drop_ddl_rate_limit('postgres'); DROP ROLE audit_nobody")


DAMAGE = (
    "DROP TABLE pggit_excellence.audit_log CASCADE",
    "DROP SEQUENCE pggit_excellence.audit_errors",
    "DROP SEQUENCE pggit_excellence.audit_event_id CASCADE",
    "ALTER TABLE pggit_excellence.audit_log ADD CHECK (event_kind <> 'ddl') NOT VALID",
    "DROP FUNCTION pggit_excellence._audit_session()",
    "DROP FUNCTION pggit_excellence._guards_off()",
    "DROP SCHEMA pggit_excellence CASCADE",
)


def test_damage_lets_ddl_pass(server: Server, make_database: MakeDatabase) -> None:
    with server.connect(make_database("empty")) as connection:
        server.psql("-f", str(FIXTURES.parents[1] / "sql" / "install.sql"), dbname=connection.info.dbname)
        connection.execute("SELECT * FROM pggit_excellence.enable_audit()")
        for damage in DAMAGE:
            with connection.transaction(force_rollback=True):
                connection.execute(damage.encode())
                connection.execute("CREATE TABLE t (i int)")
                connection.execute("DROP TABLE t")


def test_lost_events_are_counted_and_told(audited: psycopg.Connection) -> None:
    audited.execute(
        "ALTER TABLE pggit_excellence.audit_log_pending ADD CONSTRAINT no CHECK (event_kind <> 'ddl') NOT VALID"
    )
    audited.execute("CREATE TABLE t (i int)")
    assert one(audited, "SELECT lost FROM pggit_excellence.audit_status()") == 2
    audited.execute(
        "SET pggit_excellence.enabled = off; ALTER TABLE pggit_excellence.audit_log_pending DROP CONSTRAINT no"
    )
    seal(audited)
    seal(audited)
    told = audited.execute(
        "SELECT details ->> 'count' FROM pggit_excellence.audit_log WHERE details ->> 'action' LIKE '%unrecorded%'"
    )
    assert told.fetchall() == [("2",)]


def test_a_lock_on_our_table_does_not_hold_ddl(server: Server, audited: psycopg.Connection) -> None:
    with server.connect(audited.info.dbname) as other, other.transaction():
        other.execute("LOCK TABLE pggit_excellence.audit_log_pending")
        audited.execute("SET statement_timeout = '20s'")
        audited.execute("CREATE TABLE t (i int)")
    assert one(audited, "SELECT lost FROM pggit_excellence.audit_status()") == 1


def test_objects_that_are_gone(audited: psycopg.Connection) -> None:
    """Where they cannot be told any more the command is recorded all the same."""
    audited.execute("ALTER FUNCTION pggit_excellence._audit_objects(text) RENAME TO x")
    audited.execute("CREATE TABLE t (i int)")
    row = one(audited, "SELECT details FROM pggit_excellence.audit_log ORDER BY event_id DESC LIMIT 1")
    assert row["command"] == "CREATE TABLE"
    assert "_audit_objects" in row["error"]


# --- on and off


def test_coming_and_going(audited: psycopg.Connection) -> None:
    states = "SELECT trigger_name, status FROM pggit_excellence.{}()"
    assert audited.execute(states.format("enable_audit").encode()).fetchall() == [
        ("pgx_audit_ddl", "already enabled"),
        ("pgx_audit_drop", "already enabled"),
    ]
    seal(audited)
    audited.execute("ALTER EVENT TRIGGER pgx_audit_drop DISABLE")
    assert "pgx_audit_drop disabled" in one(audited, "SELECT note FROM pggit_excellence.audit_status()")
    seal(audited)
    seal(audited)
    told = audited.execute(
        "SELECT details ->> 'to' FROM pggit_excellence.audit_log WHERE details ->> 'action' LIKE '%changed'"
    ).fetchall()
    assert told == [("pgx_audit_ddl always, pgx_audit_drop disabled",)]
    statuses = [status for _, status in audited.execute(states.format("enable_audit").encode())]
    assert statuses == ["already enabled", "enabled"]
    assert [status for _, status in audited.execute(states.format("disable_audit").encode())] == ["dropped", "dropped"]
    assert [status for _, status in audited.execute(states.format("disable_audit").encode())] == ["was not there"] * 2
    audited.execute("CREATE TABLE t (i int)")
    seal(audited)
    assert recorded(audited) == []
    assert (
        one(audited, "SELECT details ->> 'action' FROM pggit_excellence.audit_log ORDER BY audit_id DESC LIMIT 1")
        == "disabled"
    )


def test_not_a_superuser(server: Server, audited: psycopg.Connection, developer: str) -> None:
    audited.execute(
        f"GRANT USAGE ON SCHEMA pggit_excellence TO {developer};"
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO {developer}"
    )
    with server.connect(audited.info.dbname, user=developer) as connection:
        for call in ("* FROM pggit_excellence.enable_audit()", "* FROM pggit_excellence.disable_audit()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
                connection.execute(f"SELECT {call}".encode())
            assert "superuser" in str(caught.value.diag.message_hint)


def test_bad_arguments(audited: psycopg.Connection) -> None:
    seal(audited)
    for size in ("0", "NULL"):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            audited.execute(f"SELECT pggit_excellence.seal_audit_log({size})".encode())
    for arguments in ("0", "-1", "5, 4", "1, 99"):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            audited.execute(f"SELECT * FROM pggit_excellence.verify_audit_chain({arguments})".encode())
    for arguments in ("1, '\\x00', '{}'", "NULL, NULL, NULL"):
        with pytest.raises(psycopg.errors.NoDataFound):
            audited.execute(f"SELECT pggit_excellence.record_audit_checkpoint({arguments})".encode())
    for arguments in (
        "'', 'x', 0, 1, '[]'",
        "'f', 'x', 2, 1, '[]'",
        "'f', 'x', 0, 1, '{}'",
        "NULL, NULL, NULL, NULL, NULL",
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            audited.execute(f"SELECT pggit_excellence.record_log_events({arguments})".encode())
