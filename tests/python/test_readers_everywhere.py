"""Every public reading function with its default arguments: on a hot standby, and for a role with pg_monitor only.

A function that is added later is covered without a change here.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server, workspace

READERS = """
    SELECT p.oid::regprocedure::text
    FROM pg_proc AS p
    WHERE p.pronamespace = 'pggit_excellence'::regnamespace
      AND p.proname NOT LIKE '\\_%' AND p.provolatile <> 'v' AND p.prokind = 'f' AND p.pronargs = p.pronargdefaults
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
    ORDER BY 1"""
# Readers that need arguments.
CALLS = [
    "pggit_excellence.metric_percentiles('ddl_tracking_ms')",
    "pggit_excellence.evidence_queries('2026-01-01', '2026-04-01')",
    "pggit_excellence.soc2_evidence('2026-01-01', '2026-04-01')",
]


@dataclass
class Standby(Server):
    """A hot standby of `primary`, which streams from it."""

    primary: Server | None = None

    def initdb(self) -> None:
        """Copy the primary."""
        assert self.primary is not None
        command = [str(self.installation.program("pg_basebackup")), "-D", str(self.data), "-d", self.primary.dsn()]
        options = ["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--wal-method=stream"]
        subprocess.run(self.as_server_user([*command, *options]), check=True, cwd="/")


@pytest.fixture
def database(make_database: MakeDatabase) -> str:
    """A database with the stand-in, in which every reader has something to read."""
    return make_database("pggit")


@pytest.fixture
def standby(server: Server, database: str) -> Iterator[psycopg.Connection]:
    """A connection to that database on a hot standby."""
    if server.installation.program("pg_basebackup") is None:
        pytest.skip(f"no pg_basebackup here is as new as the server ({server.installation.source})")
    with workspace() as folder:
        feedback = {"hot_standby_feedback": "on", "wal_receiver_status_interval": "1s"}
        copy = Standby(server.installation, folder / "standby", server.settings | feedback, primary=server)
        with copy, copy.connect(database) as connection:
            yield connection


def readers(connection: psycopg.Connection) -> list[str]:
    found = [name for (name,) in connection.execute(READERS).fetchall()]
    assert len(found) >= 8, found
    return found


def failures(connection: psycopg.Connection) -> dict[str, str]:
    """What each reader that failed said."""
    failed = {}
    for call in [f"{signature.split('(')[0]}()" for signature in readers(connection)] + CALLS:
        try:
            connection.execute(f"SELECT * FROM {call}").fetchall()
        except psycopg.Error as error:
            failed[call] = str(error)
    return failed


def test_on_a_hot_standby(standby: psycopg.Connection) -> None:
    assert standby.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
    assert failures(standby) == {}
    query = """SELECT DISTINCT n_dead_tup, vacuum_recommended, note LIKE '%hot standby%'
               FROM pggit_excellence.vacuum_health()"""
    assert standby.execute(query).fetchall() == [(None, None, True)], "counters are the primary's"
    query = """SELECT DISTINCT evidence, note FROM pggit_excellence.soc2_evidence('2026-01-01', '2026-04-01')
               WHERE status = 'failed'"""
    assert standby.execute(query).fetchall() == []
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="access snapshot"):
        standby.execute("SELECT pggit_excellence.take_access_snapshot()")


def test_hardening_checks_see_on_a_standby_what_the_primary_has(
    standby: psycopg.Connection, server: Server, database: str
) -> None:
    """All that is about the database itself; nothing of it is unknown there."""
    query = """SELECT check_id, status, evidence, remediation FROM pggit_excellence.hardening_check('strict')
               WHERE category IN ('pggit', 'privileges', 'functions', 'row_security', 'bypass') ORDER BY check_id"""
    with server.connect(database) as primary:
        expected = primary.execute(query).fetchall()
        position = primary.execute("SELECT pg_current_wal_lsn()").fetchone()
    deadline = time.monotonic() + 20
    while standby.execute("SELECT pg_last_wal_replay_lsn() >= %s", position).fetchone() != (True,):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert standby.execute(query).fetchall() == expected
    assert len(expected) > 90
    assert "unknown" not in {status for _, status, _, _ in expected}


def test_standby_feedback_holds_the_primary(standby: psycopg.Connection, server: Server, database: str) -> None:
    """A snapshot on the standby is an xmin holder of the primary; when it ends, so does the hold."""
    query = "SELECT count(*), max(xmin_age) FROM pggit_excellence.xmin_holders() WHERE holder = 'standby feedback'"
    with server.connect(database) as primary:
        standby.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        standby.execute("SELECT 1")
        deadline = time.monotonic() + 20
        while True:
            primary.execute("SELECT pg_current_xact_id()")
            rows, age = primary.execute(query).fetchone()
            if rows == 1 and age > 5:
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        standby.execute("COMMIT")
        while primary.execute(query).fetchone()[1] > 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_with_pg_monitor_only(server: Server, database: str) -> None:
    with server.connect(database) as admin:
        admin.execute("CREATE ROLE readers_test LOGIN IN ROLE pg_monitor")
        try:
            with server.connect(database, user="readers_test") as monitor:
                assert failures(monitor) == {}
        finally:
            admin.execute("DROP ROLE readers_test")


def test_a_writer_would_be_seen(standby: psycopg.Connection, server: Server, database: str) -> None:
    """The check can fail: a reader that is marked STABLE and writes is refused on the standby."""
    with server.connect(database) as primary:
        primary.execute("""CREATE FUNCTION pggit_excellence.bad_reader() RETURNS bigint LANGUAGE sql STABLE
                           AS $$ SELECT nextval('pggit.objects_id_seq') $$""")
        lsn = primary.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    for _ in range(200):
        if standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn, pg_sleep(0.02)", lsn).fetchone()[0]:
            break
    assert list(failures(standby)) == ["pggit_excellence.bad_reader()"]
