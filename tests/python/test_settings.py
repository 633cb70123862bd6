"""The caller's settings and the database's encoding and collation change no answer of any public reader."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from conftest import FIXTURES, ROOT
from pggit_excellence.server import Server, ServerError

pytestmark = pytest.mark.once  # what a setting does to names and strings is the same on every major

SETTINGS = {
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "search_path": "",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_generic_plan",
    "work_mem": "64kB",
    "row_security": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
}
# How times are written is the reader's choice.
WRITES_TIMES = {"DateStyle", "IntervalStyle"}

# Readers whose answer hangs on the catalog and on rows, not on counters that move by themselves.
STEADY = """
    SELECT p.proname::text, 'schemas' = ANY (coalesce(p.proargnames[1:p.pronargs], '{}'))
    FROM pg_proc AS p
    WHERE p.pronamespace = 'pggit_excellence'::regnamespace AND p.prokind = 'f' AND p.provolatile = 's' AND p.proretset
      AND p.pronargs = p.pronargdefaults AND left(p.proname, 1) <> '_'
    ORDER BY 1"""
# What moves between two calls, as columns; a reader that lists sessions or statements moves as a whole.
MOVES = {
    "slow_statements",
    "analyze_slow_queries",
    "connection_stats",
    "xmin_holders",
    "blocking_tree",
    "cache_hit_ratio",
}
MOVING_COLUMNS = {
    "value", "percent", "used", "xid_age", "mxid_age", "index_scans", "rows_read", "effectiveness", "evidence",
    "seq_scans", "note", "n_dead_tup", "message", "size_bytes",
    "window_start", "window_end", "period_end", "current_bytes",
}  # fmt: skip

FAULTS = r"""
    CREATE TABLE public."Odd.Name ""q""
next" (id integer PRIMARY KEY, "Select" text, other integer);
    CREATE INDEX "odd IDX\1" ON public."Odd.Name ""q""
next" ("Select" varchar_pattern_ops) WHERE other > 1;
    CREATE INDEX "odd IDX\2" ON public."Odd.Name ""q""
next" ("Select" varchar_pattern_ops) WHERE other > 1;
    CREATE TABLE public.child (parent integer REFERENCES public."Odd.Name ""q""
next");
    CREATE VIEW public.searched AS SELECT o.id FROM public."Odd.Name ""q""
next" AS o WHERE o."Select" COLLATE "C" = current_user::text;
    CREATE SCHEMA pgx_not_the_systems;
    CREATE TABLE pgx_not_the_systems.t (id integer);
    ANALYZE;
"""


def answers(connection: psycopg.Connection, columns: str = "*") -> dict[str, list[dict[str, object]]]:
    """The rows of each reader, without what moves."""
    result = {}
    for name, scoped in connection.execute(STEADY).fetchall():
        if name in MOVES:
            continue
        cursor = connection.execute(
            f"SELECT {columns} FROM pggit_excellence.{name}({'schemas => ARRAY[chr(42)]' if scoped else ''}) AS reader"
        )
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        result[name] = [
            {key: cell for key, cell in zip(names, row, strict=True) if key not in MOVING_COLUMNS}
            for row in cursor.fetchall()
        ]
    assert len(result) >= 8
    return result


@pytest.fixture(scope="module")
def prepared(server: Server, template_databases: dict[str, str]) -> Iterator[str]:
    """A database with the stand-in and faults under difficult names."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE settings_test TEMPLATE {template_databases['pggit']}")
        admin.execute("ALTER DATABASE settings_test SET track_counts = off")  # they move by themselves
    with server.connect("settings_test") as connection:
        connection.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE")
        connection.execute(FAULTS)
        connection.execute("ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE")
        connection.execute(
            "SELECT pggit_excellence.exclude_finding('foreign_key:public.child.child_parent_fkey', 'ok')"
        )
    yield "settings_test"
    with server.connect() as admin:
        admin.execute("DROP DATABASE settings_test WITH (FORCE)")


@pytest.mark.parametrize("setting", SETTINGS)
def test_answers_do_not_hang_on_settings(server: Server, prepared: str, setting: str) -> None:
    with server.connect(prepared) as connection:
        expected = answers(connection)
    with server.connect(prepared) as connection:
        connection.execute("SELECT set_config(%s, %s, false)", [setting, SETTINGS[setting]])
        # psycopg reads times in one style only.
        given = answers(connection, "reader::text" if setting in WRITES_TIMES else "*")
    if setting in WRITES_TIMES:
        assert {name: len(rows) for name, rows in given.items()} == {name: len(rows) for name, rows in expected.items()}
    else:
        assert given == expected


def test_a_reader_that_hangs_on_a_setting_is_seen(server: Server, prepared: str) -> None:
    """The comparison can fail: without its settings, index_advice() answers differently."""
    with server.connect(prepared) as connection:
        expected = answers(connection)["index_advice"]
    for setting in ("quote_all_identifiers", "standard_conforming_strings"):
        with server.connect(prepared) as connection:
            connection.execute("BEGIN")
            connection.execute(f"ALTER FUNCTION pggit_excellence.index_advice RESET {setting}")
            connection.execute("SELECT set_config(%s, %s, true)", [setting, SETTINGS[setting]])
            # A body that lost its backslashes may not run at all.
            with contextlib.suppress(psycopg.errors.InvalidRegularExpression):
                assert answers(connection)["index_advice"] != expected, setting
            connection.execute("ROLLBACK")


def test_public_functions_carry_the_settings(plain: psycopg.Connection) -> None:
    rows = plain.execute(
        r"""SELECT p.oid::regprocedure::text FROM pg_proc AS p
            WHERE p.pronamespace = 'pggit_excellence'::regnamespace AND p.prokind = 'f' AND p.proname NOT LIKE '\_%'
              AND NOT p.proconfig @> '{standard_conforming_strings=on,quote_all_identifiers=off}'"""
    ).fetchall()
    assert rows == []


def test_installed_and_tuned_under_odd_settings(server: Server, pggit: psycopg.Connection) -> None:
    """The names, the log's privileges and undo() are the same whatever the settings were."""
    with server.connect(pggit.info.dbname) as odd:
        odd.execute("DROP EXTENSION pggit_excellence")
        odd.execute("SET standard_conforming_strings = off")
        odd.execute("SET quote_all_identifiers = on")
        odd.execute("CREATE EXTENSION pggit_excellence")
        odd.execute("SELECT * FROM pggit_excellence.create_roles()")
        try:
            status = "SELECT DISTINCT status FROM pggit_excellence.link_pggit()"
            assert odd.execute(status).fetchall() == [("already linked",)]
            may = "SELECT has_table_privilege('pggit_excellence_operator', %s, 'INSERT, UPDATE, DELETE')"
            assert odd.execute(may, ["pggit_excellence.action_log"]).fetchone() == (False,)
            odd.execute("SELECT * FROM pggit_excellence.tune_tracking(dry_run => false)")
            assert pggit.execute("SELECT * FROM pggit_excellence.record_tuning()").fetchall() == []
            assert len(pggit.execute("SELECT * FROM pggit_excellence.undo_all()").fetchall()) == 3
        finally:
            for role in ("reader", "auditor", "operator"):
                odd.execute(f"DROP OWNED BY pggit_excellence_{role}")
                odd.execute(f"DROP ROLE pggit_excellence_{role}")


@pytest.mark.parametrize(
    "options",
    [
        "ENCODING 'SQL_ASCII' LOCALE 'C'",
        "ENCODING 'LATIN1' LOCALE 'C'",
        "ENCODING 'UTF8' LOCALE 'C'",
        "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'",
    ],
)
def test_databases_of_other_kinds(server: Server, options: str) -> None:
    """Install, read, tune and undo; where the default collation is "C", no index of another collation is missing."""
    if "PROVIDER" in options and server.installation.major < 15:
        pytest.skip("databases with ICU came with PostgreSQL 15")
    with server.connect() as admin:
        try:
            admin.execute(f"CREATE DATABASE kinds_test TEMPLATE template0 {options}")
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this installation has no ICU")
    try:
        server.psql("-f", str(FIXTURES / "pggit_standin.sql"), dbname="kinds_test")
        with server.connect("kinds_test") as connection:
            connection.execute("SET client_encoding = 'UTF8'")
            connection.execute("CREATE EXTENSION pggit_excellence")
            connection.execute("CREATE TABLE app_table (id integer PRIMARY KEY)")
            answers(connection)
            connection.execute("SELECT * FROM pggit_excellence.tracking_cost(1)")
            connection.execute("SELECT pggit_excellence.take_snapshot()")
            plan = "SELECT * FROM pggit_excellence.tuning_plan() WHERE statement IS NOT NULL"
            connection.execute("SELECT * FROM pggit_excellence.tune_tracking(dry_run => false)")
            assert connection.execute(plan).fetchall() == []
            assert connection.execute("SELECT count(*) > 0 FROM pggit_excellence.undo_all()").fetchone() == (True,)
            connection.execute("DROP EXTENSION pggit_excellence")
    finally:
        with server.connect() as admin:
            admin.execute("DROP DATABASE kinds_test WITH (FORCE)")


def test_script_is_not_misled_by_the_search_path(server: Server, plain: psycopg.Connection) -> None:
    """Without extension files the script runs in the caller's session, whose path may hold others' objects."""
    plain.execute("DROP EXTENSION pggit_excellence")
    plain.execute("CREATE TABLE public.called (what text)")
    plain.execute(f"ALTER DATABASE {plain.info.dbname} SET search_path = public, pg_catalog")
    plain.execute(
        """
        CREATE FUNCTION public.planted(oid, regnamespace) RETURNS boolean LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.called VALUES ('operator'); RETURN $1 = $2::oid; END $$;
        CREATE OPERATOR public.= (FUNCTION = public.planted, LEFTARG = oid, RIGHTARG = regnamespace);
        CREATE DOMAIN public.text AS pg_catalog.text CHECK (value <> 'x');
        CREATE DOMAIN public.bigint AS pg_catalog.int8;
    """
    )
    try:
        server.psql("-f", str(ROOT / "sql" / "install.sql"), dbname=plain.info.dbname)
    except ServerError as error:
        raise AssertionError(error) from error
    assert plain.execute("SELECT * FROM public.called").fetchall() == []
    query = """SELECT count(*) FROM pg_depend AS d WHERE d.refclassid = 'pg_type'::regclass
               AND d.refobjid IN (SELECT t.oid FROM pg_type AS t WHERE t.typnamespace = 'public'::regnamespace
                                  AND t.typname IN ('text', 'bigint', 'int8'))
               AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
               AND d.objid IN (SELECT p.oid FROM pg_proc AS p
                               WHERE p.pronamespace = 'pggit_excellence'::regnamespace)"""
    assert plain.execute(query).fetchone() == (0,)
