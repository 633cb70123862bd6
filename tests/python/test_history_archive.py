"""archive_history() and what goes with it: legal holds, verification, purging, pseudonyms."""

from __future__ import annotations

import contextlib
import random
import re
import threading
from collections.abc import Iterator

import psycopg
import pytest

from conftest import FIXTURES, ROOT, MakeDatabase
from history_catalog import fingerprint
from pggit_excellence.server import Server

# 40 changes of two tables by two users: every third one is 8 years old, one has no time.
OLD = """
    CREATE TABLE public.orders (a integer);
    CREATE TABLE public.items (a integer);
    INSERT INTO pggit.history
        (object_id, change_type, change_severity, created_at, created_by, sql_executed, new_metadata)
    SELECT o.id, 'ALTER', 'MINOR',
           now() - g * interval '1 hour' - CASE WHEN g % 3 = 0 THEN interval '8 years' ELSE interval '1 year' END,
           CASE WHEN g % 2 = 0 THEN 'alice' WHEN g % 5 <> 0 THEN 'bob' END,
           'ALTER TABLE t OWNER TO alice', '{"a": [1.50, null]}'
    FROM generate_series(1, 40) AS g
    JOIN pggit.objects AS o ON o.full_name = CASE WHEN g % 4 = 0 THEN 'public.orders' ELSE 'public.items' END;
    UPDATE pggit.history SET created_at = NULL WHERE id = (SELECT max(id) FROM pggit.history);
"""
OLD_ROWS = 13


@pytest.fixture
def old(pggit: psycopg.Connection) -> psycopg.Connection:
    """The stand-in's database with old and young history."""
    pggit.execute(OLD)
    return pggit


def archive(
    connection: psycopg.Connection, batch: int = 10000, older_than: str = "7 years"
) -> tuple[str, int, str | None]:
    """Archive one batch; status, number of rows, note."""
    row = connection.execute(
        "SELECT status, rows_moved, note FROM pggit_excellence.archive_history(%s, %s, dry_run => false)",
        [older_than, batch],
    ).fetchone()
    assert row is not None
    return row


def one(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def problems(connection: psycopg.Connection) -> list[tuple[int, str]]:
    return connection.execute("SELECT run_id, problem FROM pggit_excellence.verify_archive()").fetchall()


# All rows, wherever they are, as one text each.
EVERYTHING = """
    SELECT to_jsonb(h)::text FROM pggit.history AS h
    UNION ALL
    SELECT (a.content || jsonb_build_object('created_by', a.created_by))::text
    FROM pggit_excellence.history_archive AS a
    ORDER BY 1
"""


def test_old_rows_move_and_nothing_is_lost(old: psycopg.Connection) -> None:
    before = old.execute(EVERYTHING).fetchall()
    plan = old.execute("SELECT status, rows_moved, note FROM pggit_excellence.archive_history(batch => 5)").fetchone()
    assert plan == ("planned", OLD_ROWS, "3 calls of at most 5 rows; 1 rows have no time and stay")
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == 0
    more = "more may be waiting: call it again, or CALL pggit_excellence.archive_all_history()"
    assert archive(old, 5) == ("moved", 5, more)
    old.execute("CALL pggit_excellence.archive_all_history(batch => 5)")
    assert archive(old) == ("nothing to do", 0, None)
    assert old.execute(EVERYTHING).fetchall() == before
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == OLD_ROWS
    assert one(old, "SELECT array_agg(row_count ORDER BY run_id) FROM pggit_excellence.archive_runs") == [5, 5, 3]
    # Oldest first, with the name of the object, which stays when pgGit goes.
    assert one(old, "SELECT bool_and(r.last_change <= n.first_change) FROM pggit_excellence.archive_runs AS r"
                    " JOIN pggit_excellence.archive_runs AS n ON n.run_id = r.run_id + 1") is True  # fmt: skip
    assert one(old, "SELECT max(created_at) < now() - interval '7 years' FROM pggit.history") is False
    assert problems(old) == []
    events = old.execute(
        "SELECT details ->> 'rows' FROM pggit_excellence.audit_log WHERE event_kind = 'archive' ORDER BY event_id"
    ).fetchall()
    assert events == [("5",), ("5",), ("3",)]
    archived = old.execute("SELECT * FROM pggit_excellence.history_archive ORDER BY archive_id").fetchall()
    old.execute("DROP SCHEMA pggit CASCADE")
    assert old.execute("SELECT * FROM pggit_excellence.history_archive ORDER BY archive_id").fetchall() == archived
    assert problems(old) == []


def test_partitions_that_become_empty_go(old: psycopg.Connection) -> None:
    old.execute("CALL pggit_excellence.partition_history_online(1000)")
    old.execute("SELECT setval('pggit.history_id_seq', 2500)")
    old.execute("SELECT * FROM pggit_excellence.maintain()")
    before = old.execute(EVERYTHING).fetchall()
    old.execute("UPDATE pggit.history SET created_at = now() - interval '9 years' WHERE id < 2000")
    held = old.execute("SELECT count(*) FROM pggit.history_part_0").fetchone()
    assert held is not None
    with psycopg.connect(old.info.dsn) as reader:
        reader.execute("SELECT 1 FROM pggit.history LIMIT 1")
        status, rows, note = archive(old)
    assert (status, rows) == ("moved", held[0])
    assert "could not be dropped now" in str(note)
    assert archive(old) == ("nothing to do", 0, "dropped, being empty: history_part_0")
    assert one(old, "SELECT to_regclass('pggit.history_part_0') IS NULL") is True
    assert len(old.execute(EVERYTHING).fetchall()) >= len(before)
    old.execute("CREATE TABLE public.still_tracked (a integer)")
    # undo() takes the lowest partition that is left.
    old.execute("SELECT * FROM pggit_excellence.undo_all('partition_history')")
    assert one(old, "SELECT relkind FROM pg_class WHERE oid = 'pggit.history'::regclass") == "r"
    assert problems(old) == []


@pytest.mark.parametrize(
    ("hold", "kept"),
    [
        ("object_name => 'public.orders'", 3),
        ("object_name => 'public'", OLD_ROWS),
        ("object_name => 'public.order'", 0),
        ("user_name => 'alice'", 6),
        ("object_name => 'public.orders', user_name => 'bob'", 0),
        ("changed_until => now() - interval '8 years 20 hours'", 7),
        ("changed_since => now() - interval '8 years 20 hours'", 6),
        ("changed_since => now() - interval '2 years'", 0),
    ],
)
def test_a_hold_keeps_what_it_covers(old: psycopg.Connection, hold: str, kept: int) -> None:
    number = one(old, f"SELECT pggit_excellence.set_legal_hold('case 7', {hold})")
    plan = old.execute("SELECT rows_moved, note FROM pggit_excellence.archive_history()").fetchone()
    assert plan is not None
    assert plan[0] == OLD_ROWS - kept
    assert (f"a legal hold keeps {kept} rows" in str(plan[1])) is (kept > 0)
    assert archive(old)[1] == OLD_ROWS - kept
    old.execute("SELECT pggit_excellence.release_legal_hold(%s, 'closed')", [number])
    assert archive(old)[1] == kept


def test_a_hold_that_covers_nothing_is_told(old: psycopg.Connection) -> None:
    """A misspelled name would protect nothing."""
    told: list[str] = []
    old.add_notice_handler(lambda diagnostic: told.append(str(diagnostic.message_primary)))
    for hold, covers in (
        ("object_name => 'public.orders'", True),
        ("object_name => 'public.Orders'", False),
        ("user_name => 'alice'", True),
        ("user_name => 'alicia'", False),
        ("changed_since => now() + interval '1 day'", False),
        ("", True),
    ):
        number = one(old, f"SELECT pggit_excellence.set_legal_hold('case'{', ' if hold else ''}{hold})")
        warning = f"hold {number} covers nothing that is recorded until now"
        assert (warning in told) is not covers, hold
    old.execute("SELECT pggit_excellence.release_legal_hold(hold_id, 'x') FROM pggit_excellence.legal_holds")
    archive(old)
    old.execute("DROP SCHEMA pggit CASCADE")
    told.clear()
    old.execute("SELECT pggit_excellence.set_legal_hold('case', object_name => 'public.orders')")
    assert told == []


def test_a_database_of_bytes(server: Server) -> None:
    """In SQL_ASCII a text may be anything: hashes are of its bytes."""
    with server.connect() as admin:
        admin.execute(
            "CREATE DATABASE archive_bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
        try:
            server.psql("-q", "-f", str(FIXTURES / "pggit_standin.sql"), dbname="archive_bytes")
            with server.connect("archive_bytes") as connection:
                connection.execute("CREATE EXTENSION pggit_excellence")
                connection.execute(
                    "INSERT INTO pggit.history (change_type, change_severity, created_at, created_by, sql_executed)"
                    " VALUES ('ALTER', 'MINOR', '2001-01-01', E'm\\xfcller', E'-- \\xfc')"
                )
                before = fingerprint(connection)
                connection.execute("SELECT * FROM pggit_excellence.archive_history(dry_run => false)")
                assert one(connection, "SELECT count(*) FROM pggit_excellence.history_archive") == 1
                assert problems(connection) == []
                connection.execute("SELECT * FROM pggit_excellence.restore_history(dry_run => false)")
                assert fingerprint(connection) == before
        finally:
            admin.execute("DROP DATABASE archive_bytes WITH (FORCE)")


def test_holds_keep_archived_runs_and_names(old: psycopg.Connection) -> None:
    archive(old, 7)
    archive(old, 7)
    hold = one(
        old, "SELECT pggit_excellence.set_legal_hold('case 8', object_name => 'public.orders', user_name => 'alice')"
    )
    purge = "SELECT status, row_count FROM pggit_excellence.purge_archive('7 years', {})"
    assert {row[0] for row in old.execute(purge.format("true").encode()).fetchall()} == {"held"}
    assert {row[0] for row in old.execute(purge.format("false").encode()).fetchall()} == {"held"}
    names = old.execute(
        "SELECT table_name, status, row_count, note FROM pggit_excellence.pseudonymize_user('alice', false)"
        " WHERE column_name = 'created_by' AND table_name LIKE '%history_archive'"
    ).fetchall()
    assert names == [
        ("pggit_excellence.history_archive", "replaced", 3, None),
        ("pggit_excellence.history_archive", "kept", 3, "a legal hold covers them"),
    ]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no reason"):
        old.execute("SELECT pggit_excellence.release_legal_hold(%s, ' ')", [hold])
    old.execute("SELECT pggit_excellence.release_legal_hold(%s, 'closed')", [hold])
    with pytest.raises(psycopg.errors.NoDataFound, match="no hold"):
        old.execute("SELECT pggit_excellence.release_legal_hold(%s, 'closed')", [hold])
    assert old.execute(purge.format("false").encode()).fetchall() == [("purged", 7), ("purged", 6)]
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == 0
    assert one(old, "SELECT count(*) FROM pggit_excellence.archive_runs WHERE purged_at IS NOT NULL") == 2
    assert problems(old) == []


def test_a_hold_waits_for_a_running_archive(server: Server, old: psycopg.Connection) -> None:
    """Placed while rows are being purged, it is there before anything else goes, and never half-way."""
    with server.connect(old.info.dbname) as archiver:
        archiver.execute("BEGIN")
        archive(archiver)
        old.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            old.execute("SELECT pggit_excellence.set_legal_hold('late')")
        archiver.execute("ROLLBACK")
    old.execute("SELECT pggit_excellence.set_legal_hold('in time')")
    assert archive(old)[1] == 0


def test_rows_that_others_refer_to_stay(old: psycopg.Connection) -> None:
    """Whatever the key would do at a DELETE: nothing of the other table goes."""
    oldest = one(old, "SELECT id FROM pggit.history ORDER BY created_at LIMIT 1")
    old.execute(
        f"""
        CREATE TABLE public.reviews (
            history integer REFERENCES pggit.history (id) ON DELETE CASCADE,
            "odd ""key" integer REFERENCES pggit.history (id)
        );
        INSERT INTO public.reviews
        SELECT {oldest}, max(id) FROM pggit.history WHERE created_at < now() - interval '7 years';
        """.encode()
    )
    plan = old.execute("SELECT rows_moved, note FROM pggit_excellence.archive_history()").fetchone()
    assert plan == (OLD_ROWS - 2, "foreign keys of other tables keep 2 rows; 1 rows have no time and stay")
    assert archive(old)[1] == OLD_ROWS - 2
    assert one(old, "SELECT count(*) FROM public.reviews") == 1


def test_what_keeps_a_row_makes_the_whole_batch_fail(old: psycopg.Connection) -> None:
    old.execute(
        "CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER keep BEFORE DELETE ON pggit.history FOR EACH ROW WHEN (OLD.created_by = 'bob')"
        " EXECUTE FUNCTION public.keep()"
    )
    rows = fingerprint(old)
    with pytest.raises(psycopg.errors.TriggeredActionException, match="rows could be taken out"):
        archive(old)
    assert fingerprint(old) == rows
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == 0


def test_killed_and_concurrent_runs_lose_nothing(server: Server, old: psycopg.Connection) -> None:
    """Two sessions archive at once, others are killed at random moments: each row is in exactly one place."""
    before = old.execute(EVERYTHING).fetchall()
    dice, dead = random.Random(7), threading.Event()

    def kill() -> None:
        with server.connect() as killer:
            for _ in range(12):
                dead.wait(dice.uniform(0.02, 0.15))
                killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doomed'"
                )

    def work() -> None:
        while not dead.is_set():
            with contextlib.suppress(psycopg.OperationalError), server.connect(old.info.dbname) as doomed:
                doomed.execute("SET application_name = 'doomed'")
                while archive(doomed, 1)[1] > 0:
                    pass
                dead.set()

    threads = [threading.Thread(target=target) for target in (kill, work, work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert old.execute(EVERYTHING).fetchall() == before
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == OLD_ROWS
    assert problems(old) == []


TAMPERINGS = {
    "UPDATE {a} SET content = content || '{{\"new_hash\": 7}}' WHERE archive_id = {n}": "content was changed",
    "UPDATE {a} SET object_name = 'public.other' WHERE archive_id = {n}": "content was changed",
    "UPDATE {a} SET changed_at = changed_at - interval '1 second' WHERE archive_id = {n}": "content was changed",
    "UPDATE {a} SET created_by = 'mallory' WHERE archive_id = {n} AND created_by IS NOT NULL": "columns were changed",
    "UPDATE {a} SET created_by = 'mallory', created_by_salt = NULL WHERE archive_id = {n} AND created_by IS NOT NULL":
        "columns were changed",
    "UPDATE {a} SET history_id = history_id + 1 WHERE archive_id = {n}": "columns were changed",
    "UPDATE {a} SET change_type = 'DROP' WHERE archive_id = {n}": "columns were changed",
    "DELETE FROM {a} WHERE archive_id = {n}": "instead of",
    # Whoever also computes the row's hash anew meets the digest of the run.
    "UPDATE {a} SET object_name = 'x', row_hash = pggit_excellence._archive_hash(content, 'x', object_type, changed_at,"
    " created_by_hash) WHERE archive_id = {n}": "the digest is another one",
    "UPDATE {a} SET run_id = run_id % 2 + 1 WHERE archive_id = {n}": "instead of",
    "UPDATE {r} SET row_count = row_count + 1 WHERE run_id = 1": "instead of",
    "UPDATE {r} SET first_change = first_change - interval '1 day' WHERE run_id = 1": "the digest is another one",
    "UPDATE {r} SET digest = sha256('x') WHERE run_id = 1": "the run before it was removed or changed",
    "DELETE FROM {a} WHERE run_id = 1; DELETE FROM {r} WHERE run_id = 1": "the run before it was removed or changed",
}  # fmt: skip


def test_every_tampering_is_found(old: psycopg.Connection) -> None:
    for _ in range(3):
        archive(old, 4)
    for tampering, said in TAMPERINGS.items():
        for number in (1, 2, 3, 4, 5):
            statement = tampering.format(
                a="pggit_excellence.history_archive", r="pggit_excellence.archive_runs", n=number
            )
            with old.transaction(force_rollback=True):
                cursor = old.execute(statement.encode())
                if cursor.rowcount == 0:
                    continue
                assert any(said in problem for _, problem in problems(old)), statement
    assert problems(old) == []


def test_pseudonyms(old: psycopg.Connection) -> None:
    archive(old)
    dry = old.execute(
        "SELECT table_name, column_name, status, row_count FROM pggit_excellence.pseudonymize_user('alice')"
    ).fetchall()
    assert dry == [
        ("pggit.history", "created_by", "planned", 14),
        ("pggit_excellence.history_archive", "created_by", "planned", 6),
        ("pggit.history", "sql_executed", "kept", 29),
        ("pggit_excellence.history_archive", "content", "kept", OLD_ROWS),
    ]
    assert one(old, "SELECT count(*) FROM pggit_excellence.pseudonyms") == 0
    bobs = one(old, "SELECT count(*) FROM pggit.history WHERE created_by = 'bob'")
    old.execute("SELECT * FROM pggit_excellence.pseudonymize_user('alice', false)")
    for table, rows in (("pggit.history", 14), ("pggit_excellence.history_archive", 6)):
        assert one(old, f"SELECT count(*) FROM {table} WHERE created_by = 'alice'") == 0
        assert one(old, f"SELECT count(*) FROM {table} WHERE created_by ~ '^erased-[0-9a-f]{{16}}$'") == rows
    assert one(old, "SELECT count(*) FROM pggit.history WHERE created_by = 'bob'") == bobs
    assert old.execute("SELECT replaced, kept FROM pggit_excellence.pseudonyms").fetchall() == [(20, 42)]
    assert problems(old) == []
    # Nothing leads back: not even who knows the name can tell that it was this one.
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive WHERE created_by LIKE 'erased%'"
                    " AND (created_by_salt IS NOT NULL OR created_by_hash = sha256('alice'))") == 0  # fmt: skip
    # A user of whom there is nothing leaves nothing.
    assert old.execute("SELECT * FROM pggit_excellence.pseudonymize_user('nobody else', false)").fetchall() == []
    assert one(old, "SELECT count(*) FROM pggit_excellence.pseudonyms") == 1


def test_append_only_history_lets_go_what_is_archived(old: psycopg.Connection) -> None:
    """After harden() nobody deletes or changes a row but by the two declared ways, in partitions neither."""
    old.execute("SELECT * FROM pggit_excellence.harden(dry_run => false)")
    old.execute("CALL pggit_excellence.partition_history_online(1000)")
    nearly = """
        INSERT INTO pggit_excellence.archive_runs (changed_before, first_change, last_change, row_count, digest)
        VALUES (now(), now(), now(), 1, '');
        INSERT INTO pggit_excellence.history_archive (run_id, history_id, changed_at, created_by, content, row_hash)
        SELECT (SELECT max(run_id) FROM pggit_excellence.archive_runs), h.id, now(), h.created_by,
               to_jsonb(h) - 'created_by' || '{"new_hash": "x"}', '' FROM pggit.history AS h;
        DELETE FROM pggit.history;
    """
    for statement in (
        "DELETE FROM pggit.history",
        "DELETE FROM pggit.history_part_0 WHERE created_by = 'bob'",
        "DELETE FROM pggit.objects",
        "UPDATE pggit.history SET created_by = 'erased-0123456789abcdef'",
        "UPDATE pggit.history SET sql_executed = NULL",
        "TRUNCATE pggit.history",
        "TRUNCATE pggit.history_part_0",
        nearly,
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            old.execute(statement.encode())
    assert archive(old)[1] == OLD_ROWS
    old.execute("SELECT * FROM pggit_excellence.pseudonymize_user('alice', false)")
    assert one(old, "SELECT count(*) FROM pggit.history WHERE created_by = 'alice'") == 0
    # A pseudonym is good for the transaction that made it only.
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        old.execute("UPDATE pggit.history SET created_by = (SELECT p.pseudonym FROM pggit_excellence.pseudonyms AS p)")
    assert problems(old) == []
    old.execute("SELECT * FROM pggit_excellence.undo_all()")
    old.execute("DELETE FROM pggit.history WHERE created_by = 'bob'")


# A table of somebody else's, named like one of pgGit's, with a trigger that would make that role superuser.
TRAP = """
    CREATE SCHEMA {schema};
    {tables};
    CREATE FUNCTION {schema}.trap() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN ALTER ROLE mallory SUPERUSER; RETURN NEW; END';
    CREATE TRIGGER trap BEFORE UPDATE OR DELETE ON {schema}.history FOR EACH ROW EXECUTE FUNCTION {schema}.trap();
"""


@pytest.fixture
def mallory(server: Server) -> Iterator[str]:
    """A role that may make schemas where it is allowed to."""
    with server.connect() as admin:
        admin.execute("CREATE ROLE mallory LOGIN")
        yield "mallory"
        for (name,) in admin.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test%'").fetchall():
            with server.connect(name) as connection:
                connection.execute("DROP OWNED BY mallory CASCADE")
        admin.execute("DROP ROLE mallory")


def set_trap(server: Server, connection: psycopg.Connection, schema: str, tables: str) -> None:
    connection.execute(f"GRANT CREATE ON DATABASE {connection.info.dbname} TO mallory".encode())
    with server.connect(connection.info.dbname, user="mallory") as attacker:
        attacker.execute(TRAP.format(schema=schema, tables=tables).encode())


def test_a_pseudonym_runs_nobodys_triggers(server: Server, old: psycopg.Connection, mallory: str) -> None:
    old.execute("GRANT ALL ON SCHEMA pggit TO mallory; GRANT ALL ON ALL TABLES IN SCHEMA pggit TO mallory;"
                " GRANT ALL ON ALL SEQUENCES IN SCHEMA pggit TO mallory")  # fmt: skip
    set_trap(server, old, "pggit_more", "CREATE TABLE pggit_more.history AS SELECT 'alice' AS created_by")
    rows = old.execute(
        "SELECT table_name, status, note FROM pggit_excellence.pseudonymize_user('alice', false)"
    ).fetchall()
    assert ("pggit.history", "replaced", None) in rows
    [(status, note)] = [row[1:] for row in rows if row[0] == "pggit_more.history"]
    assert (status, note) == (
        "kept",
        f"an update would run the triggers of {mallory} with your rights: call it as that role",
    )
    assert one(old, "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'") is False


def test_a_history_of_somebody_elses_runs_nothing(server: Server, plain: psycopg.Connection, mallory: str) -> None:
    """There is no pgGit, and somebody made tables that look like it."""
    columns = (
        "id serial PRIMARY KEY, object_id integer, change_type text, created_at timestamp DEFAULT '2001-01-01',"
        " created_by text DEFAULT 'alice', sql_executed text, change_description text, old_metadata jsonb,"
        " new_metadata jsonb"
    )
    tables = (
        f"CREATE TABLE pggit.history ({columns}); INSERT INTO pggit.history DEFAULT VALUES;"
        " CREATE TABLE pggit.objects (id integer, full_name text, object_type text)"
    )
    set_trap(server, plain, "pggit", tables)
    for call in ("archive_history(dry_run => false)", "pseudonymize_user('alice', false)", "restore_history()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="would run with your rights"):
            plain.execute(f"SELECT * FROM pggit_excellence.{call}".encode())
    assert one(plain, f"SELECT rolsuper FROM pg_roles WHERE rolname = '{mallory}'") is False
    plain.execute("ALTER TABLE pggit.history OWNER TO postgres; ALTER TABLE pggit.history DISABLE TRIGGER trap")
    assert archive(plain)[1] == 1


# --- the way back


def restored(
    connection: psycopg.Connection, run: str = "NULL", dry_run: str = "false"
) -> list[tuple[int, str, int, str]]:
    return connection.execute(
        f"SELECT run_id, status, row_count, note FROM pggit_excellence.restore_history({run}, {dry_run})".encode()
    ).fetchall()


def test_what_was_archived_comes_back_as_it_was(old: psycopg.Connection) -> None:
    before, rows = old.execute(EVERYTHING).fetchall(), fingerprint(old)
    archive(old, 5)
    archive(old, 5)
    archive(old, 5)
    assert restored(old, dry_run="true") == [(1, "planned", 5, None), (2, "planned", 5, None), (3, "planned", 3, None)]
    assert old.execute(EVERYTHING).fetchall() == before
    assert restored(old, "2") == [(2, "restored", 5, None)]
    assert old.execute(EVERYTHING).fetchall() == before
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive WHERE run_id = 2") == 0
    assert problems(old) == []
    assert restored(old, "2") == [(2, "nothing to do", 5, "it was restored already")]
    assert restored(old) == [(1, "restored", 5, None), (3, "restored", 3, None)]
    assert fingerprint(old) == rows
    assert restored(old) == []
    assert problems(old) == []
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == 0
    events = old.execute(
        "SELECT details ->> 'run_id' FROM pggit_excellence.audit_log WHERE event_kind = 'restore' ORDER BY event_id"
    ).fetchall()
    assert events == [("2",), ("1",), ("3",)]
    # And away again, and what is purged does not come back.
    assert archive(old)[1] == OLD_ROWS
    old.execute("SELECT * FROM pggit_excellence.purge_archive('7 years', false)")
    assert restored(old) == []
    assert restored(old, "4") == [(4, "nothing to do", OLD_ROWS, "it was purged: its rows are gone")]
    assert old.execute("SELECT run_id FROM pggit_excellence.archive_runs WHERE purged_at IS NOT NULL").fetchall() == [
        (4,)
    ]
    assert problems(old) == []


def test_hardened_and_pseudonymized_rows_come_back(old: psycopg.Connection) -> None:
    """Their names are not stamped anew; an ordinary insertion still is."""
    old.execute("SELECT * FROM pggit_excellence.harden(dry_run => false)")
    archive(old)
    old.execute("SELECT * FROM pggit_excellence.pseudonymize_user('alice', false)")
    names = one(old, "SELECT array_agg(created_by ORDER BY history_id) FROM pggit_excellence.history_archive")
    assert restored(old)[0][1] == "restored"
    assert (
        one(
            old, "SELECT array_agg(created_by ORDER BY id) FROM pggit.history WHERE created_at < now() - interval '7 y'"
        )
        == names
    )
    old.execute("SET pggit_excellence.restoring = on")
    old.execute("INSERT INTO pggit.history (change_type, change_severity, created_by) VALUES ('ALTER', 'MINOR', 'bob')")
    assert one(old, "SELECT created_by FROM pggit.history ORDER BY id DESC LIMIT 1") == "postgres"
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        old.execute("DELETE FROM pggit.history WHERE created_at < now() - interval '7 years'")
    assert archive(old)[1] == OLD_ROWS


def test_partitions_of_old_ids_are_made_anew(old: psycopg.Connection) -> None:
    """In the default partition they would keep the next one from being made."""
    old.execute("CALL pggit_excellence.partition_history_online(1000)")
    old.execute("SELECT setval('pggit.history_id_seq', 2500)")
    old.execute("SELECT * FROM pggit_excellence.maintain()")
    old.execute("UPDATE pggit.history SET created_at = now() - interval '9 years' WHERE id < 2000")
    before = old.execute(EVERYTHING).fetchall()
    assert "dropped, being empty: history_part_0" in str(archive(old)[2])
    assert restored(old)[0][1] == "restored"
    assert one(old, "SELECT count(*) FROM pggit.history_part_default") == 0
    assert set(before) <= set(old.execute(EVERYTHING).fetchall())
    # Rows in the default partition, because nobody ran maintain(), still become a partition.
    old.execute("SELECT setval('pggit.history_id_seq', 9000)")
    old.execute("CREATE TABLE public.late (a integer)")
    assert "could" not in str(old.execute("SELECT note FROM pggit_excellence._maintain_partitions()").fetchone())
    assert one(old, "SELECT count(*) FROM pggit.history_part_default") == 0
    assert "dropped, being empty" in str(archive(old)[2])
    old.execute("SELECT * FROM pggit_excellence.undo_all('partition_history')")


def test_what_keeps_a_run_in_the_archive(old: psycopg.Connection) -> None:
    archive(old)
    hold = one(old, "SELECT pggit_excellence.set_legal_hold('case 9', user_name => 'bob')")
    for dry_run in ("true", "false"):
        assert restored(old, dry_run=dry_run)[0][1] == "held"
    old.execute("SELECT pggit_excellence.release_legal_hold(%s, 'closed')", [hold])
    with old.transaction(force_rollback=True):
        old.execute(
            "INSERT INTO pggit.history (id, change_type, change_severity)"
            " SELECT min(history_id), 'ALTER', 'MINOR' FROM pggit_excellence.history_archive"
        )
        assert restored(old)[0][1:] == (
            "kept",
            OLD_ROWS,
            "1 of its ids are in use in pggit.history: was pgGit installed anew?",
        )
    failures = {
        "DELETE FROM pggit.objects WHERE full_name = 'public.orders'": "run 1 cannot go back: .*foreign key",
        "ALTER TABLE pggit.history DROP COLUMN new_hash": "only 0 of the 13 rows",
        "CREATE FUNCTION public.alter_it() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.sql_executed := NULL; RETURN NEW; END'; CREATE TRIGGER alter_it BEFORE INSERT ON pggit.history"
        " FOR EACH ROW WHEN (NEW.created_by = 'bob') EXECUTE FUNCTION public.alter_it()": "of the 13 rows of run 1",
    }
    for fault, said in failures.items():
        with old.transaction(force_rollback=True):
            old.execute(fault.encode())
            with pytest.raises(psycopg.Error, match=said), old.transaction():
                restored(old)
            assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == OLD_ROWS
    with old.transaction(force_rollback=True):
        old.execute("ALTER TABLE pggit.history ADD COLUMN later text DEFAULT 'x'")
        assert restored(old)[0][1] == "restored"
        assert one(old, "SELECT count(*) FROM pggit.history WHERE later = 'x'") == one(
            old, "SELECT count(*) FROM pggit.history"
        )
    assert restored(old)[0][1] == "restored"


def test_a_damaged_run_stays(old: psycopg.Connection) -> None:
    """Whoever changed the archive does not get it into the history."""
    for _ in range(3):
        archive(old, 4)
    digest = (
        "UPDATE pggit_excellence.archive_runs AS r SET digest = d.digest"
        " FROM pggit_excellence._archive_digest(1) AS d WHERE r.run_id = 1"
    )
    anew = next(tampering for tampering in TAMPERINGS if "_archive_hash" in tampering)
    seen = 0
    for tampering in (*TAMPERINGS, f"{anew}; {digest}"):
        with old.transaction(force_rollback=True):
            named = "WHERE run_id = 1 AND created_by IS NOT NULL"
            number = one(old, f"SELECT min(archive_id) FROM pggit_excellence.history_archive {named}")
            old.execute(
                tampering.format(
                    a="pggit_excellence.history_archive", r="pggit_excellence.archive_runs", n=number
                ).encode()
            )
            if one(old, "SELECT count(*) FROM pggit_excellence.archive_runs WHERE run_id = 1") == 0:
                continue
            seen += 1
            assert restored(old, "1")[0][1] == "damaged", tampering
    assert seen == len(TAMPERINGS)
    assert [row[1] for row in restored(old)] == ["restored"] * 3


def test_killed_and_concurrent_restores_lose_nothing(server: Server, old: psycopg.Connection) -> None:
    """Some archive, some restore, some are killed: each row is in exactly one place."""
    before = old.execute(EVERYTHING).fetchall()
    dice, over = random.Random(11), threading.Event()

    def kill() -> None:
        with server.connect() as killer:
            for _ in range(25):
                over.wait(dice.uniform(0.02, 0.12))
                killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doomed'"
                )
        over.set()

    def work(statement: str) -> None:
        while not over.is_set():
            with contextlib.suppress(psycopg.OperationalError), server.connect(old.info.dbname) as doomed:
                doomed.execute("SET application_name = 'doomed'")
                while not over.is_set():
                    doomed.execute(statement.encode())

    statements = (
        "SELECT * FROM pggit_excellence.archive_history(batch => 3, dry_run => false)",
        "SELECT * FROM pggit_excellence.restore_history(dry_run => false)",
        "SELECT * FROM pggit_excellence.restore_history(dry_run => false)",
    )
    threads = [threading.Thread(target=kill), *(threading.Thread(target=work, args=[each]) for each in statements)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert old.execute(EVERYTHING).fetchall() == before
    assert problems(old) == []
    restored(old)
    assert one(old, "SELECT count(*) FROM pggit_excellence.history_archive") == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("archive_history('-1 day')", "older_than must be"),
        ("archive_history(NULL)", "older_than must be"),
        ("archive_history('1 day', 0)", "batch must be 1 or more"),
        ("archive_history('1 day', 1, NULL)", "dry_run is NULL"),
        ("purge_archive(NULL)", "older_than must be"),
        ("purge_archive('1 day', NULL)", "dry_run is NULL"),
        ("set_legal_hold('')", "no reason given"),
        ("set_legal_hold('x', object_name => ' ')", "cover nothing"),
        ("set_legal_hold('x', user_name => '')", "cover nothing"),
        ("restore_history(7)", "there is no run 7"),
        ("restore_history(NULL, NULL)", "dry_run is NULL"),
        ("set_legal_hold('x', changed_since => '2026-01-01', changed_until => '2025-01-01')", "cover nothing"),
        ("release_legal_hold(NULL, 'x')", "no hold NULL stands"),
        ("pseudonymize_user(' ')", "no user name given"),
        ("pseudonymize_user('x', NULL)", "dry_run is NULL"),
    ],
)
def test_bad_calls(pggit: psycopg.Connection, call: str, said: str) -> None:
    with pytest.raises(psycopg.Error, match=said) as caught:
        pggit.execute(f"SELECT * FROM pggit_excellence.{call}".encode())
    assert caught.value.diag.message_hint


def test_where_it_cannot_run(server: Server, plain: psycopg.Connection, make_database: MakeDatabase) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable, match="pgGit is not installed"):
        archive(plain)
    assert plain.execute("SELECT * FROM pggit_excellence.pseudonymize_user('x')").fetchall() == []
    for mode, error in (("READ ONLY", "read-only"), ("ISOLATION LEVEL SERIALIZABLE", "serializable")):
        with server.connect(make_database("pggit")) as connection:
            connection.execute(f"BEGIN TRANSACTION {mode}".encode())
            with pytest.raises(psycopg.Error, match=error):
                archive(connection)


def test_queries_of_the_guide_run(old: psycopg.Connection) -> None:
    guide = (ROOT / "docs" / "operations" / "RETENTION.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    statements = [line.split(";")[0] for block in blocks for line in block.splitlines()]
    assert len(statements) == 18
    for statement in statements:
        old.execute(statement.encode())
