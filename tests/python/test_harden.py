"""harden() and its undo on the stand-in: exploits before, after and after undo; faults planted; catalogs compared."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator

import psycopg
import pytest

from conftest import FIXTURES, ROOT
from pggit_excellence.server import Server

SNAPSHOT = (FIXTURES / "pggit_catalog.sql").read_text(encoding="utf-8")
OURS = ("pggit_excellence_reader", "pggit_excellence_auditor", "pggit_excellence_operator")
ROLES = ("app", "evil", "reader1", "auditor1", "dba", *OURS)

# The ways of things that an undo must put back, and names that need quotes.
ODD = """
    CREATE SCHEMA "pggit_Odd name";
    CREATE TYPE "pggit_Odd name"."a type" AS (x int);
    CREATE TABLE "pggit_Odd name"."t""x" ("c ol" int, d int);
    CREATE FUNCTION "pggit_Odd name"."f,(x"(a "pggit_Odd name"."a type", b numeric(4, 1), VARIADIC c text[])
        RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE pggit.p() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
    CREATE AGGREGATE pggit.agg(int) (sfunc = int4pl, stype = int);
    GRANT SELECT, INSERT ON "pggit_Odd name"."t""x" TO PUBLIC;
    GRANT UPDATE ("c ol"), REFERENCES (d) ON "pggit_Odd name"."t""x" TO PUBLIC;
    GRANT CREATE ON SCHEMA "pggit_Odd name" TO PUBLIC;
    ALTER DEFAULT PRIVILEGES IN SCHEMA "pggit_Odd name" GRANT SELECT, INSERT ON TABLES TO PUBLIC;
    ALTER DEFAULT PRIVILEGES IN SCHEMA pggit GRANT USAGE ON SEQUENCES TO PUBLIC;
    ALTER FUNCTION pggit.record_change SET search_path = "$user", public, "pggit_Odd name", 'we, ird"';
    ALTER FUNCTION pggit.record_change SET work_mem = '5MB';
    ALTER FUNCTION pggit.ensure_object SET quote_all_identifiers = on;
    REVOKE EXECUTE ON FUNCTION pggit.apply_migration FROM PUBLIC;
    GRANT CREATE ON SCHEMA public TO PUBLIC;
"""


@pytest.fixture
def people(server: Server, pggit: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The stand-in's database as a superuser, with roles: app and evil (no rights), and readers."""
    pggit.execute("SET client_min_messages = error")
    for role in ROLES[:5]:
        pggit.execute(f"CREATE ROLE {role} LOGIN")
    pggit.execute("SELECT pggit_excellence.create_roles()")
    pggit.execute("GRANT pggit_excellence_reader TO reader1; GRANT pggit_excellence_auditor TO auditor1")
    pggit.execute("CREATE SCHEMA shop AUTHORIZATION app; CREATE SCHEMA secret; CREATE TABLE secret.plans (a int)")
    yield pggit
    pggit.execute("RESET ROLE; RESET SESSION AUTHORIZATION")
    with server.connect() as elsewhere:
        elsewhere.execute(f"DROP DATABASE {pggit.info.dbname} WITH (FORCE)")
        elsewhere.execute(f"DROP ROLE {', '.join(ROLES)}")


def catalog(connection: psycopg.Connection) -> set[tuple[str, str]]:
    return {(str(kind), str(fact)) for kind, fact in connection.execute(SNAPSHOT).fetchall()}


def harden(connection: psycopg.Connection, profile: str = "standard") -> list[tuple[str, str, str, str]]:
    """Apply it; returns (status, item, statement, reason)."""
    return connection.execute(
        "SELECT status, item, statement, reason FROM pggit_excellence.harden(%s, false)", [profile]
    ).fetchall()


def undo(connection: psycopg.Connection) -> None:
    assert connection.execute("SELECT count(*) > 0 FROM pggit_excellence.undo_all('harden')").fetchone() == (True,)


def is_superuser(connection: psycopg.Connection, role: str = "evil") -> bool:
    """Whether the exploit worked; it is taken back."""
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    connection.execute(f"ALTER ROLE {role} NOSUPERUSER")
    return row == (True,)


def attempt(connection: psycopg.Connection, statement: str) -> str | None:
    """Run it in a transaction that is rolled back; returns the error."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.Error as error:
        return str(error.diag.message_primary)
    return None


PAYLOAD = """RETURNS {result} LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN ALTER ROLE evil SUPERUSER; END IF;
    RETURN {value}; END $$"""


def hijack(server: Server, owner: psycopg.Connection) -> bool:
    """Exploit 1: evil, who may run tracked DDL and create in public, plants a better format(); a superuser runs DDL."""
    owner.execute("GRANT CREATE ON SCHEMA public TO evil; GRANT USAGE ON SCHEMA pggit TO evil")
    owner.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA pggit TO evil")
    owner.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA pggit TO evil")
    owner.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit TO evil")
    with server.connect(owner.info.dbname, "evil") as evil:
        evil.execute(
            "CREATE FUNCTION public.format(text, text, text, text) " + PAYLOAD.format(result="text", value="''")
        )
    with server.connect(owner.info.dbname) as superuser:
        superuser.execute("CREATE TABLE public.bait (a int); ALTER TABLE public.bait ADD b int; DROP TABLE public.bait")
    owner.execute("DROP FUNCTION public.format(text, text, text, text); DROP OWNED BY evil")
    return is_superuser(owner)


def plant_migration(server: Server, owner: psycopg.Connection) -> bool:
    """Exploit 2: evil, who has no right at all, writes a migration that a superuser applies."""
    with server.connect(owner.info.dbname, "evil") as evil:
        error = attempt(evil, "INSERT INTO pggit.migrations (name, up_script) VALUES ('x', '')")
        if error is not None:
            assert "permission denied" in error
            return False
        evil.execute("INSERT INTO pggit.migrations (name, up_script) VALUES ('x', 'ALTER ROLE evil SUPERUSER')")
    owner.execute("SELECT pggit.apply_migration(max(id)) FROM pggit.migrations")
    return is_superuser(owner)


@pytest.mark.parametrize("profile", ["minimal", "standard", "strict"])
def test_exploits_before_after_and_after_undo(server: Server, people: psycopg.Connection, profile: str) -> None:
    """Also: a dry run changes nothing, a rerun finds nothing, undo gives exactly the catalog that was."""
    people.execute(ODD)
    assert (hijack(server, people), plant_migration(server, people)) == (True, True)
    before = catalog(people)
    plan = people.execute(
        "SELECT status, statement, undo_statement FROM pggit_excellence.harden(%s)", [profile]
    ).fetchall()
    assert {status for status, _, _ in plan} == {"missing", "remark"}
    assert catalog(people) == before

    done = harden(people, profile)
    assert [row[2] for row in done if row[0] == "applied"] == [row[1] for row in plan if row[0] == "missing"]
    assert {row[0] for row in harden(people, profile)} <= {"remark"}
    logged = people.execute("SELECT apply_sql, undo_sql FROM pggit_excellence.action_log ORDER BY action_id").fetchall()
    assert logged == [(row[1], row[2]) for row in plan if row[0] == "missing"]
    with_public = "CREATE on SCHEMA" in {row[1].split(": ")[1] for row in done if row[1].startswith("public: ")}
    assert with_public == (profile == "strict")
    assert (hijack(server, people), plant_migration(server, people)) == (False, False)

    undo(people)
    after = catalog(people)
    assert (before - after, after - before) == (set(), set())
    assert (hijack(server, people), plant_migration(server, people)) == (True, True)


DDL = (
    "CREATE TABLE shop.orders (id int PRIMARY KEY, total numeric DEFAULT 0)",
    "ALTER TABLE shop.orders ADD COLUMN note text",
    "CREATE INDEX orders_total ON shop.orders (total)",
    "CREATE VIEW shop.recent AS SELECT id FROM shop.orders",
    "CREATE FUNCTION shop.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER FUNCTION shop.one() STABLE",
    "DROP FUNCTION shop.one()",
    "DROP VIEW shop.recent",
    "DROP INDEX shop.orders_total",
    "DROP TABLE shop.orders",
)


@pytest.mark.parametrize("profile", ["minimal", "standard"])
def test_ordinary_roles_run_tracked_ddl(server: Server, people: psycopg.Connection, profile: str) -> None:
    """With no right in pgGit's schemas; created_by is who connected; also where event triggers are bypassed usually."""
    with server.connect(people.info.dbname, "app") as app:
        assert "permission denied" in str(attempt(app, DDL[0]))
        harden(people, profile)
        people.execute("REVOKE ALL ON ALL TABLES IN SCHEMA pggit FROM PUBLIC; REVOKE ALL ON SCHEMA pggit FROM PUBLIC")
        for statement in DDL:
            app.execute(statement)
        app.execute("SET ROLE app; CREATE TABLE shop.other ()")
    tracked = "SELECT created_by, count(*) >= 10 FROM pggit.history WHERE created_by <> 'postgres' GROUP BY created_by"
    assert people.execute(tracked).fetchall() == [("app", True)]
    people.execute("SET session_replication_role = replica; CREATE TABLE shop.replica (); ")
    people.execute(
        "INSERT INTO pggit.history (change_type, change_severity, created_by) VALUES ('DROP', 'MAJOR', 'evil')"
    )
    assert "append-only" in str(attempt(people, "DELETE FROM pggit.history")) or profile == "minimal"
    people.execute("RESET session_replication_role")
    last = "SELECT change_description, created_by FROM pggit.history ORDER BY id DESC LIMIT 2"
    assert people.execute(last).fetchall() == [(None, "postgres"), ("CREATE TABLE shop.replica", "postgres")]


def test_history_is_append_only(people: psycopg.Connection) -> None:
    people.execute("CREATE TABLE shop.t ()")
    people.execute("INSERT INTO pggit.objects (object_type, schema_name, object_name) VALUES ('TABLE', 'shop', 'bare')")
    attacks = (
        "UPDATE pggit.history SET created_by = 'somebody'",
        "UPDATE pggit.history SET id = id + 1000 WHERE false OR id = 1",
        "DELETE FROM pggit.history",
        "TRUNCATE pggit.history",
        "TRUNCATE pggit.objects CASCADE",
        "DELETE FROM pggit.objects",  # cascades
    )
    assert [attempt(people, attack) for attack in attacks] == [None] * len(attacks)
    harden(people)
    assert all("it is append-only" in str(attempt(people, attack)) for attack in attacks)
    assert attempt(people, "DELETE FROM pggit.objects WHERE object_name = 'bare'") is None
    undo(people)
    assert [attempt(people, attack) for attack in attacks] == [None] * len(attacks)


def test_archived_rows_and_pseudonyms_pass(people: psycopg.Connection) -> None:
    """A row whose copy is in the archive may go, and no other; a name may become a pseudonym of this transaction."""
    people.execute("CREATE TABLE shop.t ()")
    harden(people)
    row = "to_jsonb(h) - 'created_by'"
    copy = """
        INSERT INTO pggit_excellence.archive_runs (changed_before, first_change, last_change, row_count, digest)
        VALUES (now(), now(), now(), 1, '');
        INSERT INTO pggit_excellence.history_archive (run_id, history_id, changed_at, created_by, content, row_hash)
        SELECT currval('pggit_excellence.archive_runs_run_id_seq'), h.id, now(), h.created_by, {}, ''
        FROM pggit.history AS h WHERE h.id = (SELECT min(id) FROM pggit.history);
        DELETE FROM pggit.history WHERE id = (SELECT min(id) FROM pggit.history)"""
    assert attempt(people, copy.format(row)) is None
    assert "append-only" in str(attempt(people, copy.format(f"{row} || '{{\"new_version\": 7}}'")))
    name = "INSERT INTO pggit_excellence.pseudonyms (pseudonym) VALUES ('erased-1');"
    assert attempt(people, name + "UPDATE pggit.history SET created_by = 'erased-1'") is None
    assert "append-only" in str(attempt(people, name + "UPDATE pggit.history SET created_by = 'erased-2'"))
    assert "append-only" in str(
        attempt(people, name + "UPDATE pggit.history SET created_by = 'erased-1', new_version = 7")
    )
    people.execute(name)
    assert "append-only" in str(attempt(people, "UPDATE pggit.history SET created_by = 'erased-1'"))


def seen(server: Server, dbname: str, role: str) -> set[tuple[str, str]]:
    """What a role sees: the schemas of objects, and of the objects that changes belong to."""
    with server.connect(dbname, role) as connection:
        objects = connection.execute("SELECT DISTINCT schema_name, 'object' FROM pggit.objects").fetchall()
        changes = connection.execute(
            "SELECT DISTINCT split_part(change_description, ' ', 3), 'change' FROM pggit.history"
        ).fetchall()
    return {(str(name).split(".", maxsplit=1)[0], kind) for name, kind in [*objects, *changes]} & {
        (name, kind) for name in ("shop", "secret") for kind in ("object", "change")
    }


def test_readers_are_isolated_and_writers_work(server: Server, people: psycopg.Connection) -> None:
    people.execute("CREATE TABLE shop.t (); GRANT USAGE ON SCHEMA shop TO reader1")
    people.execute("GRANT SELECT ON pggit.objects, pggit.history TO reader1")
    everything = {(name, kind) for name in ("shop", "secret") for kind in ("object", "change")}
    assert seen(server, people.info.dbname, "reader1") == everything
    people.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON pggit.objects, pggit.history TO app")
    people.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA pggit TO app")
    harden(people)
    assert seen(server, people.info.dbname, "reader1") == {("shop", "object"), ("shop", "change")}
    assert seen(server, people.info.dbname, "auditor1") == everything
    assert seen(server, people.info.dbname, "app") == everything
    with server.connect(people.info.dbname, "app") as app:
        app.execute("INSERT INTO pggit.objects (object_type, schema_name, object_name) VALUES ('TABLE', 'x', 'y')")
        app.execute("UPDATE pggit.objects SET version = 2 WHERE object_name = 'y'")
        app.execute("DELETE FROM pggit.objects WHERE object_name = 'y'")
    with server.connect(people.info.dbname, "evil") as evil:
        assert "permission denied" in str(attempt(evil, "SELECT FROM pggit.objects"))
    undo(people)
    assert seen(server, people.info.dbname, "reader1") == everything


def test_a_reader_is_told_that_rows_are_hidden(server: Server, people: psycopg.Connection) -> None:
    """Counts over a part of the rows would be wrong numbers."""
    harden(people)
    query = "SELECT status, message FROM pggit_excellence.health_check() WHERE check_name = 'history_recording'"
    with (
        server.connect(people.info.dbname, "reader1") as reader,
        server.connect(people.info.dbname, "auditor1") as auditor,
    ):
        hidden, full = reader.execute(query).fetchone(), auditor.execute(query).fetchone()
    assert hidden == ("unknown", "row security hides changes of schemas that this role may not use")
    assert full is not None
    assert full[0] != "unknown"


def test_types_chosen_at_the_first_call(server: Server, people: psycopg.Connection) -> None:
    """PL/pgSQL keeps the types of a function's variables from its first call in a session, whoever made it."""
    people.execute(
        "GRANT CREATE ON DATABASE "
        + people.info.dbname
        + " TO evil; ALTER FUNCTION pggit.handle_ddl_command() SECURITY DEFINER"
    )
    people.execute(
        """CREATE OR REPLACE FUNCTION pggit.ensure_object(p_type pggit.object_type, p_schema text, p_name text,
               p_parent text, p_metadata jsonb) RETURNS integer LANGUAGE plpgsql AS $$
           DECLARE v_name text := p_name; v_id integer; BEGIN
               INSERT INTO pggit.objects (object_type, schema_name, object_name, metadata)
               VALUES (p_type, p_schema, v_name, p_metadata)
               ON CONFLICT (object_type, schema_name, object_name, branch_name) DO UPDATE SET version = 1
               RETURNING id INTO v_id;
               RETURN v_id; END $$"""
    )

    def attack() -> bool:
        with server.connect(people.info.dbname, "evil") as evil:
            evil.execute("SET search_path = mine, pg_catalog")
            attempt(evil, "SELECT pggit.ensure_object('TABLE', 'x', 'y', NULL, NULL)")
            evil.execute("CREATE TABLE mine.t (a int); DROP TABLE mine.t")
        return is_superuser(people)

    people.execute("CREATE SCHEMA mine AUTHORIZATION evil")
    people.execute("CREATE FUNCTION mine.f(t pg_catalog.text) " + PAYLOAD.format(result="boolean", value="true"))
    people.execute("CREATE DOMAIN mine.text AS pg_catalog.text CHECK (mine.f(VALUE))")
    people.execute("ALTER DOMAIN mine.text OWNER TO evil; ALTER FUNCTION mine.f OWNER TO evil")
    assert attack()
    harden(people, "minimal")
    assert not attack()


# ---- what stands in the way: planted, named, mended by the statement that it names

OBSTACLES = [
    ("GRANT CREATE ON SCHEMA pggit TO evil WITH GRANT OPTION", "REVOKE CREATE ON SCHEMA pggit FROM evil"),
    ("GRANT TRIGGER ON pggit.history TO evil WITH GRANT OPTION", "REVOKE TRIGGER ON TABLE pggit.history FROM evil"),
    ("ALTER TABLE pggit.history OWNER TO evil", "ALTER TABLE pggit.history OWNER TO postgres"),
    ("ALTER SCHEMA pggit OWNER TO evil", "ALTER SCHEMA pggit OWNER TO postgres"),
    ("ALTER FUNCTION pggit.record_change OWNER TO evil", "ALTER ROUTINE pggit.record_change("),
    # What evil left there when it could create.
    (
        """CREATE FUNCTION pggit.format(a text, b text, c text, d text) RETURNS text LANGUAGE sql AS 'SELECT 1::text';
           ALTER FUNCTION pggit.format OWNER TO evil""",
        "ALTER ROUTINE pggit.format(text,text,text,text) OWNER TO postgres",
    ),
    (
        """CREATE OPERATOR pggit.|| (FUNCTION = textcat, LEFTARG = text, RIGHTARG = text);
           ALTER OPERATOR pggit.|| (text, text) OWNER TO evil""",
        "ALTER OPERATOR pggit.||(text,text) OWNER TO postgres",
    ),
    (
        "CREATE DOMAIN pggit.name AS text; ALTER DOMAIN pggit.name OWNER TO evil",
        "ALTER DOMAIN pggit.name OWNER TO postgres",
    ),
    (
        """CREATE FUNCTION secret.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
           CREATE TRIGGER t AFTER INSERT ON pggit.history EXECUTE FUNCTION secret.f();
           ALTER FUNCTION secret.f OWNER TO evil""",
        "ALTER ROUTINE secret.f() OWNER TO postgres",
    ),
    (
        "ALTER FUNCTION pggit_excellence._stamp_created_by() OWNER TO evil",
        "ALTER ROUTINE pggit_excellence._stamp_created_by() OWNER TO postgres",
    ),
    # Two owners of event triggers: neither may run code as the other.
    ("ALTER FUNCTION pggit.handle_sql_drop OWNER TO dba", "ALTER ROUTINE pggit.handle_sql_drop() OWNER TO postgres"),
]


def test_obstacles(people: psycopg.Connection) -> None:
    """Who else could change what the event triggers run with their owner's rights."""
    blocked = "SELECT statement FROM pggit_excellence.harden() WHERE status = 'blocked'"
    for fault, mend in OBSTACLES:
        with people.transaction(force_rollback=True):
            people.execute(fault)
            before = catalog(people)
            rows = people.execute(blocked).fetchall()
            assert len(rows) == 1, fault
            assert str(rows[0][0]).startswith(mend)
            with (
                pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot safely run") as caught,
                people.transaction(),
            ):
                harden(people)
            assert mend in str(caught.value.diag.message_hint)
            assert catalog(people) == before
            people.execute(str(rows[0][0]))
            assert people.execute(blocked).fetchall() == []
    harden(people, "minimal")


def test_a_role_that_was_granted_all(server: Server, people: psycopg.Connection) -> None:
    """What people grant for DDL, CREATE and TRIGGER among it: a way into SECURITY DEFINER functions."""
    people.execute("CREATE SCHEMA mine AUTHORIZATION evil")
    people.execute("CREATE FUNCTION mine.f() " + PAYLOAD.format(result="trigger", value="NULL"))
    people.execute("ALTER FUNCTION mine.f OWNER TO evil")
    people.execute("GRANT ALL ON SCHEMA pggit TO evil; GRANT ALL ON ALL TABLES IN SCHEMA pggit TO evil")

    def meddle() -> bool:
        with server.connect(people.info.dbname, "evil") as evil, contextlib.suppress(psycopg.Error):
            evil.execute("CREATE TRIGGER t AFTER INSERT ON pggit.history EXECUTE FUNCTION mine.f()")
        people.execute("CREATE TABLE public.bait (a int); DROP TABLE public.bait")
        people.execute("DROP TRIGGER IF EXISTS t ON pggit.history")
        return is_superuser(people)

    before = catalog(people)
    assert meddle()
    statements = [str(row[2]) for row in harden(people, "minimal")]
    assert "REVOKE CREATE ON SCHEMA pggit FROM evil" in statements
    assert any(re.match(r"REVOKE TRIGGER ON TABLE .*pggit.history.* FROM evil$", text) for text in statements)
    assert not meddle()
    # Granted once more, and taken once more.
    people.execute("GRANT TRIGGER ON pggit.history TO evil")
    assert [row[2] for row in harden(people, "minimal") if row[0] == "applied"] == [
        "REVOKE TRIGGER ON TABLE pggit.history FROM evil"
    ]
    undo(people)
    assert catalog(people) == before
    assert meddle()


def test_dynamic_sql_in_an_event_trigger(people: psycopg.Connection) -> None:
    """It is refused until somebody has looked at it and says so."""
    people.execute(
        """CREATE FUNCTION pggit."odd-name"(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; END $$;
           CREATE OR REPLACE FUNCTION pggit.record_change(p_id integer, p_change pggit.change_type,
               p_severity pggit.change_severity, p_metadata jsonb, p_description text)
               RETURNS void LANGUAGE plpgsql AS $$
           BEGIN PERFORM pggit."odd-name"('SELECT 1'); /* EXECUTE */ END $$"""
    )
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match=r'"odd-name".*dynamic SQL'):
        harden(people)
    people.execute("SELECT pggit_excellence.exclude_finding('harden:dynamic_sql:pggit.\"odd-name\"(text)', 'proved')")
    harden(people)
    pinned = "SELECT proconfig IS NOT NULL FROM pg_proc WHERE proname = 'odd-name'"
    assert people.execute(pinned).fetchone() == (True,)


def test_tracked_ddl_must_work_afterwards(people: psycopg.Connection) -> None:
    """An event trigger that finds a function by its caller's path fails: harden() sees it, and nothing is changed."""
    people.execute("CREATE FUNCTION public.helper() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    body = """CREATE OR REPLACE FUNCTION pggit.record_change(p_id integer, p_change pggit.change_type,
                  p_severity pggit.change_severity, p_metadata jsonb, p_description text)
                  RETURNS void LANGUAGE plpgsql AS $$
              BEGIN IF p_description ~ '{only}' THEN PERFORM {function}; END IF; END $$"""
    people.execute(body.format(only="", function="public.helper()"))
    harden(people)
    undo(people)
    for only, error in (("CREATE VIEW", "tracked DDL would fail after this: function helper"), ("", "function helper")):
        people.execute(body.format(only=only, function="helper()"))
        before = catalog(people)
        with pytest.raises(psycopg.Error, match=error) as caught:
            harden(people)
        assert "Nothing was changed" in str(caught.value.diag.message_hint)
        assert catalog(people) == before
    assert people.execute("SELECT count(*) FROM pggit_excellence.action_log WHERE undone_at IS NULL").fetchone() == (0,)


def test_what_others_forbid_is_no_fault_of_pggits(people: psycopg.Connection) -> None:
    people.execute(
        """CREATE FUNCTION public.no_views() RETURNS event_trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'no views here'; END $$;
           CREATE EVENT TRIGGER no_views ON ddl_command_start WHEN TAG IN ('CREATE VIEW')
               EXECUTE FUNCTION public.no_views()"""
    )
    harden(people)
    people.execute("DROP EVENT TRIGGER no_views")


# ---- bad input


def test_bad_arguments(people: psycopg.Connection, server: Server) -> None:
    for call, says in (
        ("harden('paranoid')", "there is no profile 'paranoid'"),
        ("harden(NULL)", "there is no profile NULL"),
        ("harden('strict', NULL)", "dry_run is NULL"),
    ):
        assert attempt(people, f"SELECT * FROM pggit_excellence.{call}") == says
    assert "read-only" in str(
        attempt(people, "SET TRANSACTION READ ONLY; SELECT * FROM pggit_excellence.harden('minimal', false)")
    )
    with people.transaction(force_rollback=True):
        people.execute("SET TRANSACTION READ ONLY")
        assert people.execute("SELECT count(*) > 20 FROM pggit_excellence.harden()").fetchone() == (True,)
    people.execute("GRANT pggit_excellence_operator TO evil")
    with server.connect(people.info.dbname, "evil") as operator:
        assert operator.execute("SELECT count(*) > 20 FROM pggit_excellence.harden()").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only the owner") as caught:
            harden(operator)
        assert "postgres" in str(caught.value.diag.message_hint)


def test_without_pggit(plain: psycopg.Connection) -> None:
    for dry_run in ("true", "false"):
        with pytest.raises(psycopg.errors.UndefinedTable, match="pgGit is not installed"):
            plain.execute(f"SELECT * FROM pggit_excellence.harden('standard', {dry_run})")


HALVES = (
    "DROP TABLE pggit.history CASCADE",
    "DROP TABLE pggit.migrations",
    "DROP EVENT TRIGGER pggit_ddl_trigger; DROP EVENT TRIGGER pggit_drop_trigger",
    "DROP EVENT TRIGGER pggit_ddl_trigger; DROP EVENT TRIGGER pggit_drop_trigger; DROP FUNCTION pggit.handle_sql_drop",
    "ALTER TABLE pggit.history DROP COLUMN created_by",
)


def test_half_of_pggit(people: psycopg.Connection) -> None:
    people.execute("ALTER EVENT TRIGGER pggit_drop_trigger DISABLE")
    for missing in HALVES:
        with people.transaction(force_rollback=True):
            people.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE")
            people.execute(missing)
            before = catalog(people)
            done = harden(people, "strict")
            assert "applied" in {row[0] for row in done}, missing
            assert {row[0] for row in harden(people, "strict")} <= {"remark"}
            assert any("trigger" in row[1] for row in done if row[0] == "remark")
            undo(people)
            assert catalog(people) == before


def test_as_the_owner_without_superuser(server: Server, people: psycopg.Connection) -> None:
    """A managed server: its administrator owns pgGit's objects, event triggers included, and is no superuser."""
    people.execute("ALTER ROLE dba SUPERUSER")
    people.execute(
        """DO $$ DECLARE o record; BEGIN
             FOR o IN SELECT oid::regclass AS name FROM pg_class
                      WHERE relnamespace = 'pggit'::regnamespace AND relkind IN ('r', 'v')
             LOOP EXECUTE format('ALTER TABLE %s OWNER TO dba', o.name); END LOOP;
             FOR o IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'pggit'::regnamespace
             LOOP EXECUTE format('ALTER ROUTINE %s OWNER TO dba', o.name); END LOOP;
             FOR o IN SELECT evtname AS name FROM pg_event_trigger
             LOOP EXECUTE format('ALTER EVENT TRIGGER %I OWNER TO dba', o.name); END LOOP;
           END $$;
           ALTER SCHEMA pggit OWNER TO dba;
           GRANT pggit_excellence_operator TO dba; GRANT CREATE ON DATABASE """
        + people.info.dbname
        + " TO dba; ALTER ROLE dba NOSUPERUSER"
    )
    before = catalog(people)
    with server.connect(people.info.dbname, "dba") as dba:
        done = harden(dba)
        assert "applied" in {row[0] for row in done}
        assert any("pg_read_all_data" in row[3] for row in done if row[0] == "remark")
        with server.connect(people.info.dbname, "app") as app:
            for statement in DDL:
                app.execute(statement)
        undo(dba)
    assert catalog(people) == before


def test_a_lock_of_somebody_else(server: Server, people: psycopg.Connection) -> None:
    """It waits two seconds, says so, and has changed nothing; two at once do not disturb each other."""
    before = catalog(people)
    with server.connect(people.info.dbname) as other, other.transaction():
        other.execute("LOCK TABLE pggit.history IN ROW EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable) as caught:
            harden(people)
        assert "Nothing was changed" in str(caught.value.diag.message_hint)
    with server.connect(people.info.dbname) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('pggit_excellence.harden'))")
        with pytest.raises(psycopg.errors.LockNotAvailable, match=r"another harden\(\) is under way"):
            harden(people)
    assert catalog(people) == before
    results: list[list[tuple[str, str, str, str]]] = []

    def run() -> None:
        with server.connect(people.info.dbname) as connection:
            while len(results) < 2:  # on a slow machine the second waits for more than two seconds
                with contextlib.suppress(psycopg.errors.LockNotAvailable):
                    results.append(harden(connection))
                    return

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    applied = sorted(sum(row[0] == "applied" for row in rows) for rows in results)
    assert len(applied) == 2
    assert applied[0] == 0 < applied[1]
    undo(people)
    assert catalog(people) == before


# ---- undo

FORGED = (
    ("public privileges", "pggit", "", "INSERT on TABLE", '{"privileges": ["INSERT"], "of": ["migrations"]}', "done"),
    ("public privileges", "public", "", "CREATE on SCHEMA", '{"privileges": ["CREATE"], "of": [""]}', "done"),
    (
        "public privileges",
        "pggit",
        "",
        "INSERT on TABLE",
        '{"privileges": ["INSERT ON pggit.x TO evil; --"], "of": ["history"]}',
        "done",
    ),
    ("public privileges", "pggit", "", "INSERT on TABLE", '{"of": ["history"]}', "done"),
    ("public privileges", "pggit", "", "INSERT on DATABASE", '{"privileges": ["CREATE"], "of": [""]}', "done"),
    ("role privileges", "pggit", "reader1", "SELECT on TABLE", '{"privileges": ["SELECT"], "of": ["objects"]}', "done"),
    ("default privileges", "pggit", "postgres", "TABLES", '{"privileges": ["INSERT"]}', "done"),
    (
        "function security",
        "pggit",
        "handle_sql_drop()",
        "search_path",
        '{"definer": true, "search_path": "public", "quote_all_identifiers": null, "standard_conforming_strings": null}',  # noqa: E501
        "<state>",
    ),
    ("event trigger", "pggit", "pggit_ddl_trigger", "ENABLE ALWAYS", "DISABLE", "ENABLE ALWAYS"),
    ("trigger", "pggit", "history", "pggit_excellence_stamp", None, "<state>"),
    ("policy", "pggit", "history", "pggit_excellence_read", None, "<state>"),
    ("row security", "pggit", "history", "ROW LEVEL SECURITY", "DISABLE", "ENABLE"),
)


def test_forged_rows_undo_nothing(server: Server, people: psycopg.Connection) -> None:
    """An operator may write the log; a superuser who undoes everything does not do the operator's bidding."""
    harden(people)
    people.execute("UPDATE pggit_excellence.action_log SET undone_at = now()")
    people.execute("GRANT SELECT ON pggit.objects TO reader1; GRANT pggit_excellence_operator TO evil")
    before = catalog(people)
    columns = "action, kind, schema_name, relation_name, item, old_value, new_value, apply_sql, undo_sql, reason"
    with server.connect(people.info.dbname, "evil") as evil:
        for row in FORGED:
            state = people.execute("SELECT pggit_excellence._hardened_state(%s, %s, %s, %s)", row[:4]).fetchone()
            assert state is not None
            values = [state[0] if value == "<state>" else value for value in row]
            evil.execute(
                f"INSERT INTO pggit_excellence.action_log ({columns})"
                " VALUES ('harden', %s, %s, %s, %s, %s, %s, '', '', '')",
                values,
            )
    forged = people.execute("SELECT action_id FROM pggit_excellence.action_log WHERE undone_at IS NULL").fetchall()
    assert len(forged) == len(FORGED)
    for action in reversed(forged):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not made by this extension"):
            people.execute("SELECT pggit_excellence.undo(%s)", action)
        people.execute("UPDATE pggit_excellence.action_log SET undone_at = now() WHERE action_id = %s", action)
    assert catalog(people) == before


def test_the_same_rows_by_the_owner_are_undone(people: psycopg.Connection) -> None:
    """What the test before refuses is refused for its writer: the checks themselves let honest rows pass."""
    done = [row for row in harden(people) if row[0] == "applied"]
    undone = people.execute("SELECT result FROM pggit_excellence.undo_all('harden')").fetchall()
    assert len(undone) == len(done)
    assert all("nothing to do" not in result for (result,) in undone)


def test_after_an_update_of_pggit(people: psycopg.Connection) -> None:
    """CREATE OR REPLACE takes the settings off; a rerun puts them on again, and both actions can be undone."""
    definition = people.execute("SELECT pg_get_functiondef('pggit.handle_sql_drop'::regproc)").fetchone()
    assert definition is not None
    before = catalog(people)
    harden(people)
    people.execute(str(definition[0]))
    people.execute("CREATE TABLE pggit.new_one (); GRANT INSERT ON pggit.new_one TO PUBLIC")
    again = [row[1] for row in harden(people) if row[0] == "applied"]
    assert any("handle_sql_drop()" in item for item in again)
    assert any("INSERT on TABLE" in item for item in again)
    undo(people)
    people.execute("DROP TABLE pggit.new_one")
    assert catalog(people) == before


def test_what_is_gone_or_changed(people: psycopg.Connection) -> None:
    harden(people)
    people.execute("DROP TRIGGER pggit_excellence_stamp ON pggit.history; DROP TABLE pggit.migrations")
    people.execute("ALTER FUNCTION pggit.handle_sql_drop() SET search_path = pg_catalog")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="was changed since") as caught:
        people.execute("SELECT * FROM pggit_excellence.undo_all('harden')")
    assert "ALTER ROUTINE pggit.handle_sql_drop()" in str(caught.value.diag.message_hint)
    people.execute("ALTER FUNCTION pggit.handle_sql_drop() SECURITY INVOKER RESET ALL")  # as it was before
    people.execute("GRANT SELECT, UPDATE (version) ON pggit.objects TO PUBLIC")
    results = people.execute("SELECT result FROM pggit_excellence.undo_all('harden')").fetchall()
    assert sum("nothing to do" in str(result) for (result,) in results) >= 2


def test_the_guides_queries_run(people: psycopg.Connection) -> None:
    text = (ROOT / "docs" / "security" / "HARDENING_GUIDE.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    before = catalog(people)
    for statement in re.sub("--[^\n]*", "", blocks[0]).split(";"):
        people.execute(statement)
    assert catalog(people) == before
