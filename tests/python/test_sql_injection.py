"""tests/security/test-sql-injection.sql: no function lets hostile text through, and the script sees one that does."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server

pytestmark = pytest.mark.early
SCRIPT = Path(__file__).resolve().parents[1] / "security" / "test-sql-injection.sql"
FAILED = 3  # psql's exit status for an error in a script


def attack(server: Server, database: str, only: str = "%") -> tuple[int, str]:
    """Run the script on the functions whose name is similar to that: (exit status, what it said)."""
    command = ["psql", "-X", "-d", database, "-v", f"only={only}", "-f", str(SCRIPT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=server.environment)
    return done.returncode, done.stdout + done.stderr


def objects(server: Server, database: str) -> list[tuple[object, ...]]:
    """Every relation, routine, schema and role that there is."""
    with server.connect(database) as connection:
        return connection.execute(
            """
            SELECT 'relation', oid::regclass::text FROM pg_class UNION ALL SELECT 'routine', oid::regprocedure::text
            FROM pg_proc UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
            UNION ALL SELECT 'role', rolname FROM pg_roles ORDER BY 1, 2
            """
        ).fetchall()


# Without pgGit the private functions do what they do with it: every run attacks those that people call.
PUBLIC = "[a-z]%"
EVERYTHING = [
    pytest.param("pggit", "%", 80),
    pytest.param("plain", PUBLIC, 40, marks=pytest.mark.once),
    pytest.param("plain", "%", 80, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("kind", "only", "least"), EVERYTHING)
def test_nothing_gets_through(server: Server, make_database: MakeDatabase, kind: str, only: str, least: int) -> None:
    database = make_database(kind)
    before = objects(server, database)
    status, said = attack(server, database, only)
    assert status == 0, said
    assert "PASS" in said
    assert ("schema pggit has none of our names" in said) == (kind == "plain")
    counts = re.match(r"(\d+) hostile objects made, (\d+) routines and views attacked with (\d+) statements", said)
    assert counts is not None
    assert [int(count) > few for count, few in zip(counts.groups(), (200, least, 1000), strict=True)] == [True] * 3
    assert objects(server, database) == before


@pytest.mark.parametrize(
    ("definition", "harm"),
    [
        # As a name, in a literal that a setting reads otherwise, from an array, from JSON, of another type.
        ("careless(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ANALYZE ' || t; END $$", "SQL ran"),
        (
            "careless(t text) RETURNS void LANGUAGE plpgsql AS $$"
            " BEGIN EXECUTE 'SELECT ''' || replace(t, '''', '''''') || ''''; END $$",
            "SQL ran",
        ),
        (
            "careless(scope text[] DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$"
            " BEGIN EXECUTE 'SELECT ''' || array_to_string(scope, ',') || ''''; END $$",
            "SQL ran",
        ),
        (
            "careless(v jsonb) RETURNS void LANGUAGE plpgsql AS $$"
            " BEGIN EXECUTE (SELECT 'SELECT ' || min(k) FROM jsonb_object_keys(v) AS k); END $$",
            "SQL ran",
        ),
        ("careless(t name) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP TABLE ' || t; END $$", "SQL ran"),
        # Through the catalog, from a row that somebody wrote, as advice; and plain harm.
        (
            "careless() RETURNS void LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN"
            " FOR r IN SELECT relname FROM pg_class WHERE relname LIKE '%injection_test.victim;%' LOOP"
            " EXECUTE 'ANALYZE ' || r.relname; END LOOP; END $$",
            "SQL ran",
        ),
        (
            "careless() RETURNS void LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN"
            " FOR r IN SELECT finding_key FROM pggit_excellence.finding_exclusions"
            " WHERE finding_key LIKE 'injection_test.hit%' LOOP EXECUTE 'SELECT ' || r.finding_key; END LOOP; END $$",
            "SQL ran",
        ),
        (
            "careless() RETURNS SETOF text STABLE LANGUAGE sql AS"
            " $$ SELECT 'ANALYZE ' || relname FROM pg_class WHERE relname LIKE 'injection_test.victim;%' $$",
            "careless() advises: ",
        ),
        ("careless() RETURNS void LANGUAGE sql AS $$ DROP TABLE injection_test.victim $$", "tables were dropped"),
        ("careless() RETURNS void LANGUAGE sql AS $$ DELETE FROM injection_test.victim $$", "rows of victim"),
    ],
)
@pytest.mark.once
def test_a_careless_function_is_seen(server: Server, make_database: MakeDatabase, definition: str, harm: str) -> None:
    database = make_database("plain")
    with server.connect(database) as connection:
        connection.execute("SET check_function_bodies = off")
        connection.execute(f"CREATE FUNCTION pggit_excellence.{definition}")
    status, said = attack(server, database, "careless")
    assert status == FAILED, said
    assert "FAIL: hostile text got through" in said
    assert harm in said


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("GRANT EXECUTE ON FUNCTION pggit_excellence._run_ddl(text) TO PUBLIC", "PUBLIC may execute"),
        ("DROP FUNCTION pggit_excellence._run_ddl(text)", "but do not exist: _run_ddl(text)"),
        ("ALTER FUNCTION pggit_excellence.version() RENAME TO old_version", "no attack got as far as an answer"),
    ],
)
def test_what_is_not_attacked_is_looked_at(server: Server, make_database: MakeDatabase, change: str, says: str) -> None:
    database = make_database("plain")
    with server.connect(database) as connection:
        connection.execute("ALTER EXTENSION pggit_excellence DROP FUNCTION pggit_excellence._run_ddl(text)")
        connection.execute(change)
    status, said = attack(server, database, "version")
    assert status == FAILED, said
    assert says in said


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("CREATE SCHEMA injection_test", "schema injection_test exists already"),
        ("DROP EXTENSION pggit_excellence", "pggit_excellence is not installed in database"),
    ],
)
def test_it_says_what_it_needs(server: Server, make_database: MakeDatabase, change: str, says: str) -> None:
    database = make_database("plain")
    with server.connect(database) as connection:
        connection.execute(change)
    status, said = attack(server, database)
    assert status == FAILED
    assert says in said
