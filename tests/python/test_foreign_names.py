"""Roles that were made in a database of another encoding: their names are bytes that are no text in one of UTF-8.

PostgreSQL keeps such a name and lets the role log in. Nothing that stores names may fail because of it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.audit import chain
from pggit_excellence.cli import main
from pggit_excellence.server import Server

NAME = b"jos\xe9"  # josé in LATIN1
LOOKALIKE = "jos\\351"  # begins as the escaped name does
ESCAPED = LOOKALIKE + " [bytes that are no UTF-8, escaped: made in a database of another encoding]"
ACCESS = "SELECT role_name FROM pggit_excellence.access_snapshot_changes WHERE added AND role_name LIKE %s ORDER BY 1"


@pytest.fixture
def foreign(server: Server, plain: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A database that records DDL, on a server with such a role and one that looks like it."""
    plain.execute("SELECT * FROM pggit_excellence.enable_audit()")
    with server.connect() as admin:
        admin.execute("CREATE DATABASE of_bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        admin.execute(f'CREATE ROLE "{LOOKALIKE}" SUPERUSER LOGIN')
    with server.connect("of_bytes") as made_in:
        made_in.execute(b'CREATE ROLE "%s" SUPERUSER LOGIN' % NAME)
    yield plain
    plain.execute(f'DROP OWNED BY "{LOOKALIKE}"; DROP ROLE "{LOOKALIKE}"')
    as_role(server, plain, "REASSIGN OWNED BY SESSION_USER TO postgres", "DROP OWNED BY SESSION_USER")
    with server.connect("of_bytes") as made_in:
        made_in.execute(b'DROP ROLE "%s"' % NAME)
    with server.connect() as admin:
        admin.execute("DROP DATABASE of_bytes")


def as_role(server: Server, database: psycopg.Connection, *statements: str) -> None:
    """The role logs in to the database of UTF-8 and runs them."""
    environment = {os.fsencode(name): os.fsencode(value) for name, value in server.environment.items()}
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.info.dbname]
    command += [word for statement in statements for word in ("-c", statement)]
    subprocess.run(command, env=environment | {b"PGUSER": NAME}, check=True)


def test_access_snapshot(foreign: psycopg.Connection) -> None:
    """It is kept under its escaped name, apart from the role that is really called so, and is gone when it is gone."""
    foreign.execute("SELECT pggit_excellence.take_access_snapshot()")
    quoted = [f'"{LOOKALIKE}"', ESCAPED.replace(LOOKALIKE, f'"{LOOKALIKE}"')]
    assert [name for (name,) in foreign.execute(ACCESS, ['"jos%']).fetchall()] == quoted
    assert foreign.execute("SELECT * FROM pggit_excellence.access_changes()").fetchall() == []
    intact = "SELECT pggit_excellence._access_snapshot_intact(max(snapshot_id)) FROM pggit_excellence.access_snapshots"
    assert foreign.execute(intact).fetchone() == (True,)


def test_audit(
    server: Server,
    foreign: psycopg.Connection,
    make_database: MakeDatabase,
    dump_programs: dict[str, Path],
    tmp_path: Path,
) -> None:
    """What it does is recorded, sealed, verified and restored; so are events that name it, DDL and others."""
    named = "SELECT pggit_excellence.record_audit_event('note', jsonb_build_object('role', SESSION_USER))"
    foreign.execute("CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER afar FOREIGN DATA WRAPPER nowhere")
    ddl = "CREATE TABLE public.made (i int)", "CREATE USER MAPPING FOR CURRENT_USER SERVER afar"
    as_role(server, foreign, *ddl, f"SET ROLE postgres; {named}", "DROP USER MAPPING FOR SESSION_USER SERVER afar")
    foreign.execute("SELECT pggit_excellence.seal_audit_log()")
    who = "SELECT event_kind, details ? 'error' FROM pggit_excellence.audit_log WHERE actor = %s ORDER BY audit_id"
    assert foreign.execute(who, [ESCAPED]).fetchall() == [*[("ddl", False)] * 2, ("note", False), ("ddl", False)]
    escaped = "SELECT details ->> 'escaped' FROM pggit_excellence.audit_log WHERE details ? 'escaped'"
    assert [LOOKALIKE in text for (text,) in foreign.execute(escaped).fetchall()] == [True] * 3
    verdict = "SELECT intact FROM pggit_excellence.verify_audit_chain()"
    assert foreign.execute(verdict).fetchone() == (True,)
    assert chain.walk(chain.rows(foreign), 1, {}).broken is None

    file = tmp_path / "dump"
    environment = server.environment
    options = ["-Fc", "--no-owner", "--exclude-schema=public", "-f", file]
    subprocess.run([dump_programs["pg_dump"], *options, foreign.info.dbname], check=True, env=environment)
    restored = make_database("empty")
    subprocess.run([dump_programs["pg_restore"], "--no-owner", "-e", "-d", restored, file], check=True, env=environment)
    with server.connect(restored) as connection:
        assert connection.execute(verdict).fetchone() == (True,)


def test_commands(capsys: pytest.CaptureFixture[str], foreign: psycopg.Connection, tmp_path: Path) -> None:
    """They show what they can."""
    dsn = ["--dsn", foreign.info.dsn]
    assert main(["doctor", *dsn]) == 0
    assert main(["report", "--only", "access_review", *dsn]) == 0
    assert "jos\N{REPLACEMENT CHARACTER}" in capsys.readouterr().out
    assert main(["harden", "check", *dsn]) in {0, 1}
    assert "jos\N{REPLACEMENT CHARACTER}" in capsys.readouterr().out
    assert main(["evidence", "--period", "2026Q4", "--out", str(tmp_path / "bundle.zip"), *dsn]) in {0, 1}
