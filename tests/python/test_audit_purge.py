"""purge_audit_log(): the beginning of the chain goes, and what is left is proved as before."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server
from test_audit_commands import FILE, KEY, PUBLIC, attack, command
from test_audit_tampering import LOG, ROWS, Scene, missed, said_in_sql, scene

__all__ = ["command", "scene"]
Command = Callable[..., tuple[int, str]]
PURGE = "SELECT status, row_count, last_audit_id, note FROM pggit_excellence.purge_audit_log({}, {})"


def purge(connection: psycopg.Connection, dry_run: str = "false", older_than: str = "'0'") -> Any:
    """Status, rows, last row, note."""
    return connection.execute(PURGE.format(older_than, dry_run).encode()).fetchone()


def verdict(connection: psycopg.Connection) -> Any:
    return connection.execute(
        "SELECT intact, finding, at_audit_id, checked, note FROM pggit_excellence.verify_audit_chain()"
    ).fetchone()


@pytest.fixture
def audited(server: Server, plain: psycopg.Connection) -> tuple[psycopg.Connection, list[str], list[str]]:
    """A database with two events, and the arguments of `checkpoint` and `verify`."""
    plain.execute("SELECT pggit_excellence.record_audit_event('note')")
    plain.execute("SELECT pggit_excellence.record_audit_event('note')")
    dsn = ["--dsn", server.dsn(plain.info.dbname)]
    return plain, ["checkpoint", "--key", KEY, "--file", FILE, *dsn], ["verify", "--key", PUBLIC, "--file", FILE, *dsn]


def test_only_what_is_signed_goes_and_the_rest_is_proved(
    audited: tuple[Any, list[str], list[str]], command: Command
) -> None:
    connection, checkpoint, verify = audited
    assert purge(connection) == ("nothing to do", 0, None, None)
    connection.execute("SELECT pggit_excellence.seal_audit_log()")
    unsigned = "pggit-excellence audit checkpoint makes one of the end of the chain"
    assert purge(connection) == (
        "kept", 0, None, f"rows 1 to 2 are old and stay: no signed checkpoint ends there; {unsigned}"
    )  # fmt: skip
    assert command(*checkpoint)[0] == 0
    chain = json.loads(command(*checkpoint, "--format", "json")[1])["checkpoint"]["chain"]
    connection.execute("SELECT pggit_excellence.record_audit_event('note'); SELECT pggit_excellence.seal_audit_log()")
    later = f"rows 3 to 3 are old and stay: no signed checkpoint ends there; {unsigned}"
    assert purge(connection, "true") == ("planned", 2, 2, later)
    assert purge(connection, older_than="'1 day'") == ("nothing to do", 0, None, None)
    assert connection.execute(f"SELECT count(*) FROM {LOG}".encode()).fetchone() == (3,)
    assert purge(connection) == ("purged", 2, 2, later)
    assert connection.execute(f"SELECT min(audit_id) FROM {LOG}".encode()).fetchone() == (3,)
    assert verdict(connection)[:4] == (True, None, None, 1)
    status, output = command(*verify)
    assert status == 0
    assert "rows to 2 were purged on 20" in output
    assert "signed to row 2; a superuser could have written the 1 after it anew" in output
    # Its own event is the next row; then all of it goes, and the chain goes on where it was.
    assert command(*checkpoint) == (0, "signed row 4, 2 more than before\n")
    assert purge(connection) == ("purged", 2, 4, None)
    assert connection.execute(f"SELECT count(*) FROM {LOG}".encode()).fetchone() == (0,)
    assert verdict(connection) == (None, None, None, 0, "no events are sealed yet, since those to row 4 were purged")
    assert command(*verify)[0] == 0
    assert command(*checkpoint) == (0, "signed row 5, 1 more than before\n")
    assert command(*checkpoint) == (0, "nothing new since row 5\n")
    assert json.loads(command(*checkpoint, "--format", "json")[1])["checkpoint"]["chain"] == chain
    status, output = command(*verify, "--format", "json")
    said = json.loads(output)
    assert (status, said["findings"], said["checked"], said["proved"], said["purged"]) == (0, [], 1, 5, 4)
    assert connection.execute("SELECT sealed, last_checkpoint FROM pggit_excellence.audit_status()").fetchone() == (
        5, 5
    )  # fmt: skip
    assert connection.execute(
        "SELECT last_audit_id, row_count, purged_by FROM pggit_excellence.audit_purges ORDER BY 1"
    ).fetchall() == [(2, 2, "postgres"), (4, 2, "postgres")]
    for range_, error in (("1, 4", "rows to 4 were purged"), ("NULL, 9", "there is no row 9, the last one is 5")):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=error):
            connection.execute(f"SELECT pggit_excellence.verify_audit_chain({range_})".encode())
    assert connection.execute("SELECT intact FROM pggit_excellence.verify_audit_chain(1, 5)").fetchone() == (True,)


def test_a_new_key_with_a_new_file(audited: tuple[Any, list[str], list[str]], command: Command, tmp_path: Path) -> None:
    """Rows that only the old key signed stay proved by the copies; both keys are named."""
    connection, checkpoint, verify = audited
    command(*checkpoint)
    purge(connection)
    (tmp_path / "other").mkdir()
    for name in (KEY, PUBLIC):
        Path(name).rename(tmp_path / "other" / name)
    from pggit_excellence.cli import main

    assert main(["sign", "--generate-key", "audit", "--no-passphrase"]) == 0
    assert command(*checkpoint)[0] == 2, "a file has one signer"
    Path(FILE).rename(tmp_path / "other" / FILE)
    assert "signed row 3, 1 more than before" in command(*checkpoint)[1]
    status, output = command(*verify)
    assert status == 1
    assert "no signed checkpoint ends there" in output
    assert command(*verify, "--key", str(tmp_path / "other" / PUBLIC))[0] == 0
    # The old file, behind which a purge lies, is refused.
    Path(FILE).unlink()
    assert command(*checkpoint)[0] == 0
    lines = Path(FILE).read_text()
    attack(connection, "ALTER TABLE pggit_excellence.audit_purges DISABLE TRIGGER USER;"
                       " UPDATE pggit_excellence.audit_purges SET row_hash = sha256('')")  # fmt: skip
    assert command(*checkpoint)[0] == 1
    assert Path(FILE).read_text() == lines


def test_a_hold_keeps_the_events_of_its_time(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    connection, checkpoint, _ = audited
    command(*checkpoint)
    connection.execute("SELECT pggit_excellence.record_audit_event('note')")
    command(*checkpoint)
    middle = f"(SELECT occurred_at FROM {LOG} WHERE audit_id = 3)"
    held = connection.execute(
        f"SELECT pggit_excellence.set_legal_hold('case', user_name => 'bob', changed_since => {middle})".encode()
    ).fetchone()
    assert purge(connection, "true") == ("planned", 2, 2, "a legal hold keeps row 3 and what comes after it")
    everything = connection.execute("SELECT pggit_excellence.set_legal_hold('everything')").fetchone()
    assert purge(connection)[:3] == ("kept", 0, None)
    connection.execute("SELECT pggit_excellence.release_legal_hold(%s, 'closed')", everything)
    early = f"SELECT pggit_excellence.set_legal_hold('early', changed_until => {middle} - interval '1 year')"
    connection.execute(early.encode())
    assert purge(connection)[:3] == ("purged", 2, 2)
    connection.execute("SELECT pggit_excellence.release_legal_hold(%s, 'closed')", held)
    assert purge(connection)[:3] == ("purged", 1, 3)


def test_what_was_changed_is_not_deleted(audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    connection, checkpoint, _ = audited
    command(*checkpoint)
    attack(connection, f"UPDATE {LOG} SET actor = 'somebody' WHERE audit_id = 2")
    for dry_run in ("true", "false"):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="not as it was: changed, row 2"):
            purge(connection, dry_run)
    assert connection.execute(f"SELECT count(*) FROM {LOG}".encode()).fetchone() == (2,)


def test_nothing_else_deletes(server: Server, audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    connection, checkpoint, _ = audited
    command(*checkpoint)
    connection.execute("SELECT pggit_excellence.record_audit_event('note'); SELECT pggit_excellence.seal_audit_log()")
    purge(connection)
    for statement in (
        f"DELETE FROM {LOG}",
        "DELETE FROM pggit_excellence.audit_log",
        "DELETE FROM pggit_excellence.audit_purges",
        "UPDATE pggit_excellence.audit_purges SET last_audit_id = 9",
        "TRUNCATE pggit_excellence.audit_purges",
        f"TRUNCATE {LOG}",
        f"SET session_replication_role = replica; DELETE FROM {LOG}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(statement.encode())
        connection.execute("RESET session_replication_role")
    connection.execute("CREATE ROLE purge_operator LOGIN")
    connection.execute("SELECT * FROM pggit_excellence.create_roles()")
    connection.execute("GRANT pggit_excellence_operator TO purge_operator")
    try:
        with server.connect(connection.info.dbname, user="purge_operator") as operator:
            for statement in (
                "SELECT * FROM pggit_excellence.purge_audit_log('0', false)",
                "INSERT INTO pggit_excellence.audit_purges VALUES (3, '', '', 1, now(), now(), 1)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                    operator.execute(statement.encode())
    finally:
        for role in (
            "purge_operator",
            "pggit_excellence_reader",
            "pggit_excellence_auditor",
            "pggit_excellence_operator",
        ):
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_bad_calls(server: Server, make_database: MakeDatabase) -> None:
    with server.connect(make_database("plain")) as connection:
        for arguments, said in (
            ("'-1 day'", "older_than must be"),
            ("NULL", "older_than must be"),
            ("'1 day', NULL", "dry_run"),
        ):
            with pytest.raises(psycopg.Error, match=said) as caught:
                connection.execute(f"SELECT * FROM pggit_excellence.purge_audit_log({arguments})".encode())
            assert caught.value.diag.message_hint
        for mode, said in (("READ ONLY", "read-only"), ("ISOLATION LEVEL REPEATABLE READ", "repeatable read")):
            connection.execute(f"BEGIN {mode}".encode())
            with pytest.raises(psycopg.Error, match=said):
                purge(connection)
            connection.execute("ROLLBACK")


def test_everybody_at_once(server: Server, audited: tuple[Any, list[str], list[str]], command: Command) -> None:
    """Recording, sealing, purging and verifying in five sessions: no gap, no break, no row twice."""
    connection, checkpoint, verify = audited
    command(*checkpoint)
    over = time.monotonic() + 4
    broken: list[Any] = []

    def again(statement: str) -> None:
        with server.connect(connection.info.dbname) as session:
            while time.monotonic() < over:
                rows = session.execute(statement.encode()).fetchall()
                broken.extend(row for row in rows if row[0] is False)

    statements = (
        "SELECT pggit_excellence.record_audit_event('note')",
        "SELECT pggit_excellence.seal_audit_log(50)",
        "SELECT status FROM pggit_excellence.purge_audit_log('0', false)",
        "SELECT status FROM pggit_excellence.purge_audit_log('0', false)",
        "SELECT intact, finding, at_audit_id, note FROM pggit_excellence.verify_audit_chain()",
    )
    threads = [threading.Thread(target=again, args=[statement]) for statement in statements]
    for thread in threads:
        thread.start()
    while time.monotonic() < over:
        assert command(*checkpoint)[0] == 0
        assert command(*verify)[0] == 0
    for thread in threads:
        thread.join()
    assert broken == []
    purges = connection.execute(
        "SELECT last_audit_id, row_count FROM pggit_excellence.audit_purges ORDER BY 1"
    ).fetchall()
    assert len(purges) > 1
    assert [last for last, _ in purges] == list(itertools.accumulate(rows for _, rows in purges))
    assert command(*checkpoint)[0] == 0
    assert command(*verify)[0] == 0


# --- forging it

# The attacker's own purge: rows to {k} are cut off, and audit_purges says so.
CUT = f"DELETE FROM {LOG} WHERE audit_id <= {{k}};"
FORGED = {
    "without a word": CUT,
    "the purge before, moved": f"WITH l AS (SELECT row_hash FROM {LOG} WHERE audit_id = {{k}})"
    " UPDATE pggit_excellence.audit_purges SET last_audit_id = {k}, row_hash = l.row_hash FROM l;" + CUT,
    "a purge of its own": "INSERT INTO pggit_excellence.audit_purges SELECT audit_id, row_hash, previous_hash, 1,"
    f" occurred_at, occurred_at, event_id FROM {LOG} WHERE audit_id = {{k}};" + CUT,
}  # fmt: skip
OTHERS = {
    "the purge is forgotten": "DELETE FROM pggit_excellence.audit_purges",
    "another hash": "UPDATE pggit_excellence.audit_purges SET row_hash = sha256(row_hash)",
    "another hash, and all after it": "UPDATE pggit_excellence.audit_purges SET row_hash = sha256(row_hash);"
    f" UPDATE {LOG} SET previous_hash = p.row_hash FROM pggit_excellence.audit_purges AS p WHERE audit_id = 13;"
    " SELECT public.rehash(13, false)",
    "another number": "UPDATE pggit_excellence.audit_purges SET last_audit_id = last_audit_id - 1",
    "its event": "DELETE FROM pggit_excellence.audit_log_pending",
    "a purge of its own with its event, where nothing is signed": FORGED["a purge of its own"].replace("{k}", "24")
    + "; INSERT INTO pggit_excellence.audit_log_pending (event_id, event_kind, details) SELECT event_id, 'audit',"
    " '{\"action\": \"purged\", \"last_audit_id\": 24}' FROM pggit_excellence.audit_purges WHERE last_audit_id = 24",
    "all after it continues another": f"UPDATE {LOG} SET previous_hash = sha256(previous_hash) WHERE audit_id = 13;"
    " SELECT public.rehash(13, false); DELETE FROM pggit_excellence.audit_checkpoints WHERE audit_id > 12",
    "a row put back": f"INSERT INTO {LOG} SELECT 12, event_id + 100, occurred_at, event_kind, actor, database, details,"
    f" previous_hash, row_hash FROM {LOG} WHERE audit_id = 14",
    "a row before it": f"INSERT INTO {LOG} SELECT 3, event_id + 100, occurred_at, event_kind, actor, database, details,"
    f" previous_hash, row_hash FROM {LOG} WHERE audit_id = 14",
}  # fmt: skip


@pytest.fixture
def purged(scene: Scene) -> Iterator[Scene]:
    """The scene of test_audit_tampering, after rows to 12, its first checkpoint, were purged."""
    with scene.connection.transaction(force_rollback=True):
        held = f"(SELECT occurred_at FROM {LOG} WHERE audit_id = 20)"
        scene.run(f"SELECT pggit_excellence.set_legal_hold('x', changed_since => {held})")
        assert purge(scene.connection)[:3] == ("purged", 12, 12)
        scene.run("ALTER TABLE pggit_excellence.audit_purges DISABLE TRIGGER USER")
        scene.run("ALTER TABLE pggit_excellence.audit_log_pending DISABLE TRIGGER USER")
        yield scene


def test_after_a_purge_all_is_proved(purged: Scene) -> None:
    found = purged.verdict()
    assert (found.findings, found.checked, found.proved, found.purged) == ([], ROWS - 12, 36, 12)
    assert said_in_sql(purged) == (None, None)


@pytest.mark.once
def test_every_tampering_after_a_purge_is_found(purged: Scene) -> None:
    """The same attacks and covers as without a purge."""
    seen: set[tuple[str, str]] = set()
    assert list(missed(purged, 3, 150, seen)) == []


@pytest.mark.once
@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_purge_is_found(purged: Scene, forgery: str) -> None:
    """Where a checkpoint ends as where none does, whatever is computed anew after it."""
    for k in (13, 24, 25, 26, 36, *random.Random(5).sample(range(14, 36), 3)):
        with purged.connection.transaction(force_rollback=True):
            purged.run(FORGED[forgery].replace("{k}", str(k)))
            assert said_in_sql(purged)[0] == "removed", k
            assert purged.verdict().findings, k
            purged.run(f"SELECT public.rehash({k + 1}, false)")
            assert purged.verdict().findings, k


@pytest.mark.once
@pytest.mark.parametrize("forgery", OTHERS)
def test_tampering_with_the_purge_is_found(purged: Scene, forgery: str) -> None:
    with purged.connection.transaction(force_rollback=True):
        purged.run(OTHERS[forgery])
        assert said_in_sql(purged)[0] in ("removed", "changed", "inserted", "rewritten")
        assert purged.verdict().findings


@pytest.mark.once
def test_what_nobody_can_tell(purged: Scene) -> None:
    """A superuser who deletes up to a signed row and writes the event too has done what purge_audit_log() does."""
    purged.run(FORGED["a purge of its own"].replace("{k}", "25"))
    purged.run(
        "INSERT INTO pggit_excellence.audit_log_pending (event_id, event_kind, details)"
        ' SELECT event_id, \'audit\', \'{"action": "purged", "last_audit_id": 25}\''
        " FROM pggit_excellence.audit_purges WHERE last_audit_id = 25"
    )
    assert purged.verdict().findings == []
    assert purged.verdict().purged == 25


# Faults in the SQL: function, what stands there, what is put in its place. The forgeries must notice each of them.
SQL_MUTATIONS = [
    ("_audit_purge_break", "c.audit_id = purge.last_audit_id AND c.row_hash = purge.row_hash", "true"),
    ("_audit_purge_break", "l.event_id = purge.event_id AND l.event_kind = 'audit'", "true OR l.event_kind = 'audit'"),
    ("verify_audit_chain", "pggit_excellence._audit_purge_break(purge)", "(SELECT NULL, NULL::bigint, NULL)"),
    ("verify_audit_chain", "CASE WHEN first_id = purged + 1 THEN purge.row_hash END", "NULL"),
    ("verify_audit_chain", "s.audit_id <= purged", "false"),
]


@pytest.mark.once
@pytest.mark.parametrize(("function", "original", "mutated"), SQL_MUTATIONS)
def test_a_fault_in_the_sql_is_noticed(purged: Scene, function: str, original: str, mutated: str) -> None:
    query = "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p WHERE p.proname = %s"
    definition = purged.connection.execute(query, [function]).fetchone()
    assert definition is not None
    assert original in definition[0]
    purged.run(definition[0].replace(original, mutated))
    forgeries = [FORGED["a purge of its own"].replace("{k}", k) for k in ("24", "25")] + list(OTHERS.values())
    missed_here = []
    for forgery in forgeries:
        with purged.connection.transaction(force_rollback=True):
            purged.run(forgery)
            if said_in_sql(purged)[0] is None:
                missed_here.append(forgery)
    assert missed_here
