"""link_pggit(): the planned names in schema pggit, and what DROP, dump and restore do to them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from conftest import FIXTURES, MakeDatabase
from pggit_excellence.server import Server

LINKED = ["health_check", "system_overview", "upgrade_log"]  # what this test relies on; others may come


def link(connection: psycopg.Connection, call: str = "link_pggit()") -> dict[str, tuple[str, str | None]]:
    """Call link_pggit or unlink_pggit: name to (status, note)."""
    rows = connection.execute(f"SELECT name, status, note FROM pggit_excellence.{call}").fetchall()
    return {name: (status, note) for name, status, note in rows}


def statuses(report: dict[str, tuple[str, str | None]]) -> set[tuple[str, str | None]]:
    """What a report says about the names that every test has."""
    return {report[name] for name in LINKED}


def names(connection: psycopg.Connection) -> set[str]:
    """What schema pggit has of our names."""
    rows = connection.execute("SELECT DISTINCT name FROM pggit_excellence._link_present() WHERE ours").fetchall()
    return {name for (name,) in rows}


def catalog(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """Everything about the wrappers: definition, privileges, comment, and how they hang on the extension."""
    return connection.execute(
        """
        SELECT p.proname::text, pg_get_functiondef(p.oid), p.proacl::text, obj_description(p.oid, 'pg_proc'),
               array(SELECT d.deptype::text FROM pg_depend AS d
                     WHERE d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass ORDER BY 1)
        FROM pg_proc AS p WHERE p.pronamespace = to_regnamespace('pggit') AND p.prosrc LIKE '%FROM pggit_excellence.%'
        UNION ALL
        SELECT c.relname, pg_get_viewdef(c.oid), c.relacl::text, obj_description(c.oid, 'pg_class'),
               array(SELECT d.deptype::text FROM pg_depend AS d
                     WHERE d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass ORDER BY 1)
        FROM pg_class AS c
        WHERE c.relnamespace = to_regnamespace('pggit') AND c.relkind = 'v'
          AND pg_get_viewdef(c.oid) LIKE '%FROM pggit_excellence.%'
        ORDER BY 1, 2
        """
    ).fetchall()


def core_works(connection: psycopg.Connection) -> None:
    assert connection.execute("SELECT count(*) > 5 FROM pggit_excellence.health_check()").fetchone() == (True,)


def load(server: Server, database: str, *fixtures: str) -> None:
    for fixture in fixtures:
        server.psql("-f", str(FIXTURES / fixture), dbname=database)


@pytest.fixture
def taken(server: Server, make_database: MakeDatabase) -> psycopg.Connection:
    """A database whose pgGit has some of our names, with the extension."""
    database = make_database("empty")
    load(server, database, "pggit_standin.sql", "pggit_taken_names.sql")
    connection = server.connect(database)
    connection.execute("CREATE EXTENSION pggit_excellence")
    return connection


def test_create_extension_links_what_the_core_has(pggit: psycopg.Connection) -> None:
    present = names(pggit)
    assert present >= set(LINKED)
    available = {name for name, (status, _) in link(pggit).items() if status != "not available"}
    assert present == available
    # Members would let DROP SCHEMA pggit CASCADE reach the extension; the mark is what DROP EXTENSION follows.
    assert {tuple(row[4]) for row in catalog(pggit)} == {("x",)}
    for name in LINKED:
        call = name if name == "upgrade_log" else f"{name}()"
        pggit.execute(f"SELECT * FROM pggit.{call}").fetchall()


def test_performance_metrics_has_every_sample_at_once(pggit: psycopg.Connection) -> None:
    """Recorded, or written by the sentinels; before maintain() as after it."""
    pggit.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
    pggit.execute("CREATE TABLE seen (a integer)")
    pggit.execute("SELECT pggit_excellence.record_metric('review_ms', 12.5, '{\"by\": \"me\"}')")

    def samples() -> list[tuple[object, ...]]:
        columns = "metric_type, metric_value, tags, recorded_at, sample_count"
        return pggit.execute(f"SELECT {columns} FROM pggit.performance_metrics ORDER BY recorded_at").fetchall()

    before = samples()
    assert [(kind, tags) for kind, _, tags, *_ in before] == [
        ("ddl_tracking_ms", {"event": "ddl_command_end", "command": "CREATE TABLE"}),
        ("review_ms", {"by": "me"}),
    ]
    pggit.execute("SELECT * FROM pggit_excellence.maintain()")
    booked = [sample for sample in samples() if sample[0] == "ddl_tracking_ok"]  # by maintain() itself
    assert samples() == before + booked


def test_wrappers_agree_with_the_core(pggit: psycopg.Connection) -> None:
    """Arguments with defaults, VARIADIC, overloads, results: everything but schema and body."""
    pggit.execute("SELECT * FROM pggit_excellence.unlink_pggit()")
    pggit.execute("ALTER EXTENSION pggit_excellence DROP FUNCTION pggit_excellence.system_overview()")
    pggit.execute("DROP FUNCTION pggit_excellence.system_overview()")
    body = "LANGUAGE sql STABLE ROWS 7 AS $$ SELECT a, b[1], b[2] FROM generate_series(1, a) $$"
    pggit.execute(
        "CREATE FUNCTION pggit_excellence.system_overview(a integer DEFAULT 2, VARIADIC b text[] DEFAULT '{x,Y}')"
        f" RETURNS TABLE (n integer, first text, second text) {body}"
    )
    pggit.execute(
        "CREATE FUNCTION pggit_excellence.system_overview(a pggit.object_type, OUT b text, OUT c pggit.change_type)"
        " LANGUAGE sql STABLE AS $$ SELECT a::text, 'DROP'::pggit.change_type $$"
    )
    assert link(pggit)["system_overview"] == ("linked", None)
    assert pggit.execute("SELECT * FROM pggit.system_overview()").fetchall() == [(2, "x", "Y")] * 2
    assert pggit.execute("SELECT * FROM pggit.system_overview(1, 'p', 'q')").fetchall() == [(1, "p", "q")]
    assert pggit.execute("SELECT * FROM pggit.system_overview('TABLE'::pggit.object_type)").fetchall() == [
        ("TABLE", "DROP")
    ]
    different = pggit.execute(
        """
        SELECT core.proname FROM pg_proc AS core JOIN pggit_excellence._link_plan() AS lp ON lp.name = core.proname
        WHERE core.pronamespace = 'pggit_excellence'::regnamespace AND lp.kind = 'function' AND NOT EXISTS (
            SELECT FROM pg_proc AS w
            WHERE w.pronamespace = 'pggit'::regnamespace AND w.proname = core.proname
              AND (w.proargtypes, w.proallargtypes, w.proargmodes, w.proargnames, w.prorettype, w.proretset,
                   w.provariadic, w.provolatile, w.proparallel, w.prorows, pg_get_expr(w.proargdefaults, 0))
                  IS NOT DISTINCT FROM
                  (core.proargtypes, core.proallargtypes, core.proargmodes, core.proargnames, core.prorettype,
                   core.proretset, core.provariadic, core.provolatile, core.proparallel, core.prorows,
                   pg_get_expr(core.proargdefaults, 0))
              AND w.proconfig = '{"search_path=pg_catalog, pg_temp"}')
        """
    ).fetchall()
    assert different == []


def test_outdated_wrapper_is_renewed_unless_something_depends_on_it(pggit: psycopg.Connection) -> None:
    def change_core(column: str) -> None:
        pggit.execute("ALTER EXTENSION pggit_excellence DROP FUNCTION pggit_excellence.system_overview()")
        pggit.execute("DROP FUNCTION pggit_excellence.system_overview()")
        pggit.execute(
            f"CREATE FUNCTION pggit_excellence.system_overview() RETURNS TABLE ({column} text)"
            " LANGUAGE sql STABLE AS $$ SELECT 'new' $$"
        )
        pggit.execute("ALTER EXTENSION pggit_excellence ADD FUNCTION pggit_excellence.system_overview()")

    change_core("fresh")
    assert link(pggit)["system_overview"] == ("linked", None)
    assert pggit.execute("SELECT fresh FROM pggit.system_overview()").fetchall() == [("new",)]

    pggit.execute("CREATE VIEW public.mine AS SELECT * FROM pggit.system_overview()")
    change_core("fresher")
    status, note = link(pggit)["system_overview"]
    assert status == "already linked"
    assert note is not None
    assert "view public.mine" in note or "view mine" in note
    assert link(pggit, "unlink_pggit()")["system_overview"][0] == "in use"
    pggit.execute("DROP VIEW public.mine")
    assert link(pggit)["system_overview"] == ("linked", None)


def test_linking_twice_changes_nothing(pggit: psycopg.Connection) -> None:
    before = catalog(pggit)
    assert statuses(link(pggit)) == {("already linked", None)}
    assert catalog(pggit) == before
    assert statuses(link(pggit, "link_pggit(replace => true)")) == {("already linked", None)}
    assert catalog(pggit) == before


def test_unlink_and_link_again(pggit: psycopg.Connection) -> None:
    before = catalog(pggit)
    assert statuses(link(pggit, "unlink_pggit()")) == {("unlinked", None)}
    assert catalog(pggit) == []
    assert {status for status, _ in link(pggit, "unlink_pggit()").values()} == {"not linked"}
    assert statuses(link(pggit)) == {("linked", None)}
    assert catalog(pggit) == before


def test_drop_extension_takes_the_names_along(pggit: psycopg.Connection) -> None:
    pggit.execute("DROP EXTENSION pggit_excellence")
    left = pggit.execute(
        "SELECT proname::text FROM pg_proc WHERE pronamespace = 'pggit'::regnamespace AND prosrc ~ 'pggit_excellence'"
        " UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'pggit'::regnamespace AND relkind = 'v'"
        " UNION ALL SELECT 'dangling' FROM pg_depend AS d WHERE d.refclassid = 'pg_extension'::regclass"
        "     AND NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.oid = d.refobjid)"
    ).fetchall()
    assert left == []
    pggit.execute("CREATE TABLE public.tracked_again (id int)")


def test_drop_extension_still_protects_what_users_built(pggit: psycopg.Connection) -> None:
    """The mark makes only our own view go silently."""
    pggit.execute("CREATE VIEW public.mine AS SELECT * FROM pggit.upgrade_log")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="other objects depend"):
        pggit.execute("DROP EXTENSION pggit_excellence")
    assert pggit.execute("SELECT count(*) FROM public.mine").fetchone() == (0,)


def test_drop_schema_pggit_leaves_extension_and_data(server: Server, pggit: psycopg.Connection) -> None:
    before = catalog(pggit)
    pggit.execute("SELECT pggit_excellence.start_upgrade('2.0', '1.0')")
    pggit.execute("DROP SCHEMA pggit CASCADE")
    assert pggit.execute("SELECT to_version FROM pggit_excellence.upgrade_log").fetchall() == [("2.0",)]
    core_works(pggit)
    with pytest.raises(psycopg.errors.UndefinedObject, match="not installed") as caught:
        link(pggit)
    assert caught.value.diag.message_hint is not None
    assert {status for status, _ in link(pggit, "unlink_pggit()").values()} == {"not linked"}

    load(server, pggit.info.dbname, "pggit_standin.sql")
    assert statuses(link(pggit)) == {("linked", None)}
    assert catalog(pggit) == before
    assert pggit.execute("SELECT to_version FROM pggit.upgrade_log").fetchall() == [("2.0",)]


def test_pggit_installed_after_us(server: Server, plain: psycopg.Connection) -> None:
    load(server, plain.info.dbname, "pggit_standin.sql")
    assert names(plain) == set()
    assert statuses(link(plain)) == {("linked", None)}


def test_taken_names_stay(taken: psycopg.Connection) -> None:
    report = link(taken)
    for name in ("health_check", "system_overview"):
        assert report[name][0] == "taken"
        assert "replace => true" in str(report[name][1])
    assert report["upgrade_log"] == ("already linked", None)
    assert taken.execute("SELECT component FROM pggit.health_check()").fetchall() == [("triggers",)]
    assert taken.execute("SELECT pggit.system_overview('x')").fetchall() == [("x",)]
    taken.close()


@pytest.mark.once
@pytest.mark.parametrize("kind", ["TABLE %s (id int)", "SEQUENCE %s", "TYPE %s AS ENUM ('a')", "TYPE %s AS (a int)"])
def test_taken_relation_of_any_kind(server: Server, make_database: MakeDatabase, kind: str) -> None:
    database = make_database("empty")
    load(server, database, "pggit_standin.sql")
    with server.connect(database) as connection:
        connection.execute("CREATE " + kind % "pggit.upgrade_log")
        connection.execute("CREATE EXTENSION pggit_excellence")
        assert link(connection)["upgrade_log"][0] == "taken"
        assert link(connection, "link_pggit(true)")["upgrade_log"][0] == "replaced"
        connection.execute("SELECT upgrade_id FROM pggit.upgrade_log")
        assert link(connection, "unlink_pggit()")["upgrade_log"][0] == "given back"
        assert link(connection)["upgrade_log"][0] == "taken"


def test_replace_and_give_back(taken: psycopg.Connection) -> None:
    """Definition, owner, privileges, comment, dependents and rows come back as they were."""
    state = """
        SELECT p.oid, pg_get_functiondef(p.oid), p.proacl::text, obj_description(p.oid, 'pg_proc') FROM pg_proc AS p
        WHERE p.pronamespace = 'pggit'::regnamespace AND p.prosrc NOT LIKE '%pggit_excellence%' ORDER BY p.oid"""
    before = taken.execute(state).fetchall()
    report = link(taken, "link_pggit(replace => true)")
    assert report["health_check"][0] == report["system_overview"][0] == "replaced"
    assert taken.execute("SELECT check_name FROM pggit.health_check() LIMIT 1").fetchall() == [("pggit_installed",)]
    assert taken.execute("SELECT fact FROM pggit.system_overview() LIMIT 1").fetchall() == [("PostgreSQL version",)]
    assert taken.execute("SELECT component FROM pggit.health").fetchall() == [("triggers",)]  # the view follows its own
    assert link(taken, "link_pggit(replace => true)")["health_check"] == ("already linked", None)

    report = link(taken, "unlink_pggit()")
    assert report["health_check"][0] == report["system_overview"][0] == "given back"
    assert taken.execute(state).fetchall() == before
    assert link(taken)["health_check"][0] == "taken"
    taken.close()


def test_replace_refuses_what_is_used_by_name(taken: psycopg.Connection) -> None:
    """A function that inserts into pgGit's table would meet our columns, in an event trigger at each DDL."""
    taken.execute("ALTER EXTENSION pggit_excellence DROP TABLE pggit_excellence.upgrade_log")
    taken.execute("DROP VIEW pggit.upgrade_log")
    taken.execute("CREATE TABLE pggit.upgrade_log (id int)")
    taken.execute(
        "CREATE FUNCTION pggit.keep() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM pggit.upgrade_log'"
    )
    status, note = link(taken, "link_pggit(true)")["upgrade_log"]
    assert status == "taken"
    assert "used by name in pggit.keep" in str(note)
    taken.execute("DROP FUNCTION pggit.keep()")
    assert link(taken, "link_pggit(true)")["upgrade_log"][0] == "replaced"
    taken.close()


def test_replace_does_not_overwrite_an_earlier_one(taken: psycopg.Connection) -> None:
    taken.execute("CREATE FUNCTION pggit.health_check_replaced() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    status, note = link(taken, "link_pggit(true)")["health_check"]
    assert status == "taken"
    assert "health_check_replaced exists" in str(note)
    taken.close()


def test_overload_made_later_is_reported(pggit: psycopg.Connection) -> None:
    pggit.execute("CREATE FUNCTION pggit.health_check(a int) RETURNS int LANGUAGE sql AS 'SELECT a'")
    assert link(pggit)["health_check"] == ("already linked", "also there, not ours: pggit.health_check(integer)")


def test_imitation_is_not_taken_for_ours(server: Server, make_database: MakeDatabase) -> None:
    """SECURITY DEFINER, another language or more than the call: never ours, so neither trusted nor dropped."""
    database = make_database("empty")
    load(server, database, "pggit_standin.sql")
    call = "SELECT * FROM pggit_excellence.health_check()"
    with server.connect(database) as connection:
        connection.execute("CREATE EXTENSION pggit_excellence")
        connection.execute("SELECT * FROM pggit_excellence.unlink_pggit()")
        result = "RETURNS TABLE (check_name text, status text, message text, details jsonb)"
        for options in (
            f"SECURITY DEFINER LANGUAGE sql AS '{call}'",
            f"LANGUAGE sql AS '{call}; {call}'",
            f"LANGUAGE sql AS '{call} WHERE true'",
            f"LANGUAGE plpgsql AS 'BEGIN RETURN QUERY {call}; END'",
        ):
            connection.execute("DROP FUNCTION IF EXISTS pggit.health_check()")
            connection.execute(f"CREATE FUNCTION pggit.health_check() {result} {options}")
            assert link(connection)["health_check"][0] == "taken"
            assert link(connection, "unlink_pggit()")["health_check"][0] == "not linked"


def test_what_others_planted_is_not_taken_for_ours(server: Server, pggit: psycopg.Connection) -> None:
    """Whoever may create in pggit could give a superuser a view that does more, or change a good function later."""
    pggit.execute("SELECT * FROM pggit_excellence.unlink_pggit()")
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER EVENT TRIGGER pggit_drop_trigger DISABLE")
    pggit.execute("CREATE ROLE planter LOGIN; GRANT USAGE, CREATE ON SCHEMA pggit TO planter")
    pggit.execute("GRANT USAGE ON SCHEMA pggit_excellence TO planter")
    try:
        with server.connect(pggit.info.dbname, "planter") as planter:
            planter.execute("""CREATE FUNCTION pggit.trap() RETURNS bigint LANGUAGE plpgsql AS
                               $$ BEGIN RAISE 'trapped %', current_user; END $$""")
            columns = "component, from_version, to_version, status, started_at, completed_at, error_message"
            planter.execute(f"""CREATE VIEW pggit.upgrade_log AS SELECT pggit.trap() AS upgrade_id, {columns}
                                FROM pggit_excellence.upgrade_log""")
            planter.execute("""CREATE FUNCTION pggit.health_check()
                               RETURNS TABLE (check_name text, status text, message text, details jsonb)
                               LANGUAGE sql AS 'SELECT * FROM pggit_excellence.health_check()'""")
        report = link(pggit)
        assert {name: report[name][0] for name in ("upgrade_log", "health_check", "vacuum_health")} == {
            "upgrade_log": "taken",
            "health_check": "taken",
            "vacuum_health": "linked",
        }
    finally:
        pggit.execute("DROP OWNED BY planter CASCADE; DROP ROLE planter")
    report = link(pggit)
    assert {report[name][0] for name in ("upgrade_log", "health_check")} == {"linked"}


@pytest.mark.parametrize("event", ["ddl_command_start", "ddl_command_end"])
def test_pggit_that_raises_does_not_stop_create_extension(
    server: Server, make_database: MakeDatabase, event: str
) -> None:
    database = make_database("empty")
    load(server, database, "pggit_standin.sql")
    with server.connect(database) as connection:
        notices: list[str] = []
        connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
        connection.execute(
            """
            CREATE FUNCTION pggit.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN
                -- Privileges come last, so this is the time of the wrappers.
                IF EXISTS (SELECT FROM pg_proc WHERE proname = 'link_pggit' AND proacl IS NOT NULL)
                THEN RAISE 'no more functions'; END IF;
            END $$
            """
        )
        connection.execute(
            f"CREATE EVENT TRIGGER refuse ON {event} WHEN TAG IN ('CREATE FUNCTION') EXECUTE FUNCTION pggit.refuse()"
        )
        connection.execute("CREATE EXTENSION pggit_excellence")
        assert any("made no names in schema pggit: no more functions" in notice for notice in notices)
        assert names(connection) == set()
        core_works(connection)
        connection.execute("DROP EVENT TRIGGER refuse")
        assert statuses(link(connection)) == {("linked", None)}


def test_hostile_search_path(pggit: psycopg.Connection) -> None:
    """Same-named functions, tables and operators that come first in the caller's path are not met."""
    before = catalog(pggit)
    pggit.execute("SELECT * FROM pggit_excellence.unlink_pggit()")
    pggit.execute(
        """
        CREATE SCHEMA evil;
        CREATE FUNCTION evil.trap() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
        CREATE FUNCTION evil.format(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT evil.trap()';
        CREATE FUNCTION evil.concat_ws(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT evil.trap()';
        CREATE FUNCTION evil.obj_description(oid, name) RETURNS text LANGUAGE sql AS 'SELECT evil.trap()';
        CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.trap() IS NULL';
        CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
        CREATE OPERATOR evil.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
        CREATE VIEW evil.pg_proc AS SELECT * FROM pg_catalog.pg_proc WHERE evil.trap() IS NULL;
        CREATE TYPE evil.text AS ENUM ('evil');
        CREATE TYPE evil.regclass AS ENUM ('evil');
        """
    )
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE")
    pggit.execute("SET search_path = evil, pg_catalog, public")
    assert statuses(link(pggit)) == {("linked", None)}
    pggit.execute("SELECT * FROM pggit.health_check()").fetchall()
    pggit.execute("SELECT * FROM pggit.system_overview()").fetchall()
    pggit.execute("RESET search_path")
    assert catalog(pggit) == before


def test_role_without_rights_gets_a_clear_error(server: Server, pggit: psycopg.Connection) -> None:
    pggit.execute("DROP ROLE IF EXISTS nobody_here")
    pggit.execute("CREATE ROLE nobody_here LOGIN")
    with server.connect(pggit.info.dbname, "nobody_here") as connection:
        for call in ("link_pggit()", "unlink_pggit()", "link_pggit(true)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for schema"):
                link(connection, call)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM pggit.health_check()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM pggit.upgrade_log")
    pggit.execute("DROP ROLE nobody_here")


def test_linked_by_an_owner_who_is_no_superuser(server: Server, pggit: psycopg.Connection) -> None:
    """The view cannot be marked: the note says so, unlink_pggit() helps, and a superuser's call marks it."""
    database = pggit.info.dbname
    pggit.execute("SELECT * FROM pggit_excellence.unlink_pggit()")
    pggit.execute("DROP ROLE IF EXISTS schema_owner")
    pggit.execute("CREATE ROLE schema_owner LOGIN")
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER EVENT TRIGGER pggit_drop_trigger DISABLE")
    pggit.execute(
        """
        ALTER SCHEMA pggit OWNER TO schema_owner;
        GRANT USAGE ON SCHEMA pggit_excellence TO schema_owner;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO schema_owner;
        GRANT SELECT ON ALL TABLES IN SCHEMA pggit_excellence TO schema_owner;
        """
    )
    try:
        with server.connect(database, "schema_owner") as owner:
            report = link(owner)
            assert report["health_check"] == ("linked", None)
            assert "CASCADE" in str(report["upgrade_log"][1])
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            pggit.execute("DROP EXTENSION pggit_excellence")
        assert link(pggit)["upgrade_log"] == ("already linked", None)
        pggit.execute("DROP EXTENSION pggit_excellence")
    finally:
        pggit.execute("ALTER SCHEMA pggit OWNER TO postgres; DROP OWNED BY schema_owner; DROP ROLE schema_owner")


def test_null_argument(pggit: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.NullValueNotAllowed) as caught:
        link(pggit, "link_pggit(NULL)")
    assert caught.value.diag.message_hint is not None


def test_without_extension_files(server: Server, make_database: MakeDatabase) -> None:
    """sql/install.sql makes the names as well; nothing to mark, and our schema goes with them."""
    database = make_database("empty")
    load(server, database, "pggit_standin.sql")
    server.psql("-f", str(FIXTURES.parents[1] / "sql" / "install.sql"), dbname=database)
    with server.connect(database) as connection:
        assert names(connection) >= set(LINKED)
        connection.execute("SELECT * FROM pggit_excellence.unlink_pggit()")
        connection.execute("DROP SCHEMA pggit_excellence CASCADE")


# --- dump and restore


DumpAndRestore = Callable[..., None]


@pytest.fixture
def dump_and_restore(server: Server, dump_programs: dict[str, Path], tmp_path: Path) -> DumpAndRestore:
    """A function that dumps one database into another; any error fails the test."""
    file = tmp_path / "dump"

    def run(program: str, *arguments: str) -> None:
        subprocess.run([dump_programs[program], *arguments], check=True, env=server.environment, capture_output=True)

    def copy(source: str, target: str, form: str = "custom") -> None:
        run("pg_dump", f"--format={form}", f"--file={file}", source)
        if form == "plain":
            server.psql("-f", str(file), dbname=target)
        else:
            run("pg_restore", "--exit-on-error", f"--dbname={target}", str(file))

    return copy


def marks(state: list[tuple[object, ...]], kind: str) -> list[tuple[object, ...]]:
    """`state` of catalog() with the marks of views (which pg_dump does not know) as `kind` says."""
    return [row if str(row[1]).startswith("CREATE") else (*row[:4], ["x"] if kind == "kept" else []) for row in state]


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_dump_and_restore(
    dump_and_restore: DumpAndRestore,
    server: Server,
    pggit: psycopg.Connection,
    make_database: MakeDatabase,
    form: str,
) -> None:
    pggit.execute("SELECT pggit_excellence.start_upgrade('2.0', '1.0')")
    pggit.execute("SELECT pggit_excellence.finish_upgrade(1, 'disk full')")
    before = catalog(pggit)
    target = make_database("empty")
    dump_and_restore(pggit.info.dbname, target, form)
    with server.connect(target) as restored:
        assert catalog(restored) == marks(before, "lost")
        assert restored.execute("SELECT error_message FROM pggit.upgrade_log").fetchall() == [("disk full",)]
        assert restored.execute("SELECT pggit_excellence.start_upgrade('3.0')").fetchall() == [(2,)]
        # The view's mark is back with the next link_pggit(), and DROP EXTENSION then needs no CASCADE again.
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            restored.execute("DROP EXTENSION pggit_excellence")
        assert statuses(link(restored)) == {("already linked", None)}
        assert catalog(restored) == before
        restored.execute("DROP EXTENSION pggit_excellence")


def test_dump_keeps_what_was_replaced(
    dump_and_restore: DumpAndRestore, server: Server, taken: psycopg.Connection, make_database: MakeDatabase
) -> None:
    link(taken, "link_pggit(true)")
    target = make_database("empty")
    dump_and_restore(taken.info.dbname, target)
    with server.connect(target) as restored:
        assert catalog(restored) == marks(catalog(taken), "lost")
        assert link(restored, "unlink_pggit()")["health_check"][0] == "given back"
        assert restored.execute("SELECT component FROM pggit.health_check()").fetchall() == [("triggers",)]
    taken.close()


def test_every_table_with_its_sequence_survives_a_restore(
    dump_and_restore: DumpAndRestore, server: Server, plain: psycopg.Connection, make_database: MakeDatabase
) -> None:
    """Generic: each ordinary table's rows are dumped, and identity columns go on where they were."""
    unmarked = plain.execute(
        """
        SELECT c.relname::text FROM pg_class AS c, pg_extension AS e
        WHERE e.extname = 'pggit_excellence' AND c.relnamespace = 'pggit_excellence'::regnamespace
          AND c.relkind IN ('r', 'p', 'S') AND NOT c.oid = ANY (e.extconfig)
        """
    ).fetchall()
    assert unmarked == []
    sequences = [
        name
        for (name,) in plain.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c"
            " WHERE c.relnamespace = 'pggit_excellence'::regnamespace AND c.relkind = 'S' ORDER BY 1"
        ).fetchall()
    ]
    assert "pggit_excellence.upgrade_log_upgrade_id_seq" in sequences
    at = "SELECT last_value, is_called FROM "
    for number, sequence in enumerate(sequences, start=41):
        plain.execute(f"SELECT setval('{sequence}', {number})")
    plain.execute("SELECT pggit_excellence.start_upgrade('2.0')")
    values = [plain.execute(at + name).fetchone() for name in sequences]
    rows = "SELECT * FROM pggit_excellence.upgrade_log"
    before = plain.execute(rows).fetchall()
    target = make_database("empty")
    dump_and_restore(plain.info.dbname, target)
    with server.connect(target) as restored:
        assert restored.execute(rows).fetchall() == before
        assert [restored.execute(at + name).fetchone() for name in sequences] == values


# --- updates of the extension


def test_update_script_leaves_the_names_as_they_were(server: Server, pggit: psycopg.Connection) -> None:
    """The end of each update script runs with the wrappers there, one of them missing."""
    before = catalog(pggit)
    folder = server.installation.sharedir / "extension"
    version = pggit.execute("SELECT pggit_excellence.version()").fetchone()
    assert version is not None
    script = folder / f"pggit_excellence--{version[0]}--next.sql"
    script.write_text((FIXTURES.parents[1] / "sql/90_privileges/zz_apply.sql").read_text(encoding="utf-8"))
    try:
        pggit.execute("DROP FUNCTION pggit.health_check()")
        pggit.execute("ALTER EXTENSION pggit_excellence UPDATE TO 'next'")
    finally:
        script.unlink()
    assert catalog(pggit) == before
    noted = pggit.execute(
        """
        SELECT i.objoid FROM pg_init_privs AS i
        WHERE i.objoid IN (SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'pggit'::regnamespace
                           UNION ALL SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'pggit'::regnamespace)
        """
    ).fetchall()
    assert noted == []  # or pg_dump would leave the privileges out


def test_mark_of_the_view_lives_with_the_view(pggit: psycopg.Connection) -> None:
    """CREATE OR REPLACE VIEW keeps it, DROP VIEW leaves no row behind."""
    mark = (
        "SELECT count(*) FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = %s"
        " AND refclassid = 'pg_extension'::regclass AND deptype = 'x'"
    )
    view = pggit.execute("SELECT 'pggit.upgrade_log'::regclass::oid").fetchone()
    assert view is not None
    pggit.execute("CREATE OR REPLACE VIEW pggit.upgrade_log AS SELECT * FROM pggit_excellence.upgrade_log WHERE true")
    assert pggit.execute(mark, view).fetchone() == (1,)
    pggit.execute("DROP VIEW pggit.upgrade_log")
    assert pggit.execute(mark, view).fetchone() == (0,)
