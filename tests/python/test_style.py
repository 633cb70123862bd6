"""Rules that every object of the extension keeps, read from the catalog; each is shown to see a planted fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest

from pggit_excellence.server import Server

SCHEMA = "'pggit_excellence'::regnamespace"
FUNCTIONS = f"""
    SELECT p.oid::regprocedure::text AS name, p.* FROM pg_proc AS p WHERE p.pronamespace = {SCHEMA}
"""


def column(connection: psycopg.Connection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(query).fetchall()]


def without_comment(connection: psycopg.Connection) -> list[str]:
    """Functions, relations and columns that say nothing about themselves (a view's columns are its function's)."""
    return column(
        connection,
        f"""
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        WHERE p.pronamespace = {SCHEMA} AND obj_description(p.oid, 'pg_proc') IS NULL
        UNION ALL
        SELECT c.oid::regclass::text FROM pg_class AS c
        WHERE c.relnamespace = {SCHEMA} AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
          AND obj_description(c.oid, 'pg_class') IS NULL
        UNION ALL
        SELECT c.oid::regclass::text || '.' || a.attname FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = {SCHEMA} AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
          AND col_description(c.oid, a.attnum) IS NULL
        ORDER BY 1
        """,
    )


def needs_search_path(source: str) -> bool:
    """Whether a body has an operator or a function that is looked up in the caller's path."""
    source = re.sub(r"--[^\n]*|'[^']*'|=>|OPERATOR\(pg_catalog\.[^)]+\)", " ", source)
    called = set(re.findall(r"(?<![.\w])(\w+)\s*\(", source)) | set(re.findall(r"::(?!pg_catalog\.)(\w+)", source))
    return bool(called - SYNTAX or re.search(r"[-+*/<>=~!@#%^&|?]", source))


SYNTAX = {"AND", "CASE", "COALESCE", "ELSE", "EXTRACT", "GREATEST", "LEAST", "NOT", "NULLIF", "OR", "THEN", "WHEN"}


def without_search_path(connection: psycopg.Connection) -> list[str]:
    """Functions without the one path.

    A procedure cannot commit with SET. A single SQL expression can only be inlined without it: all of it is qualified.
    """
    rows = connection.execute(
        f"""
        SELECT f.name, f.prosrc, l.lanname = 'sql' AND NOT f.proretset AND NOT f.prosecdef
        FROM ({FUNCTIONS}) AS f JOIN pg_language AS l ON l.oid = f.prolang
        WHERE f.prokind <> 'p' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (f.proconfig), false) ORDER BY 1
        """
    ).fetchall()
    return [name for name, source, inlined in rows if not inlined or needs_search_path(source)]


def unexplained_definers(connection: psycopg.Connection) -> list[str]:
    """SECURITY DEFINER, and no word about it in the comment."""
    return column(
        connection,
        f"""
        SELECT f.name FROM ({FUNCTIONS}) AS f
        WHERE f.prosecdef AND obj_description(f.oid, 'pg_proc') !~* 'security definer' ORDER BY 1
        """,
    )


def writers_called_readers(connection: psycopg.Connection) -> list[str]:
    """STABLE or IMMUTABLE with a statement that changes something (PostgreSQL refuses it at the call only)."""
    # In quotes such words are advice, except where EXECUTE runs them.
    write = r"\m(INSERT INTO |UPDATE [a-z_]+\.|DELETE FROM )"
    executed = r"\mEXECUTE (pg_catalog\.format\()?''[^\n]*(CREATE|ALTER|DROP|GRANT|REVOKE) "
    return column(
        connection,
        f"""
        SELECT f.name FROM ({FUNCTIONS}) AS f
        WHERE f.provolatile <> 'v'
          AND (regexp_replace(f.prosrc, $$'[^']*'$$, '', 'g') ~ '{write}' OR f.prosrc ~ '{executed}') ORDER BY 1
        """,
    )


def readers_called_writers(connection: psycopg.Connection) -> list[str]:
    """VOLATILE without a reason: it would be denied to readers. Reasons: writing, DDL, settings, calling such a one."""
    rows = connection.execute(
        f"SELECT f.proname::text, f.name, f.prosrc FROM ({FUNCTIONS}) AS f"
        " WHERE f.provolatile = 'v' AND f.prorettype <> 'event_trigger'::regtype AND f.prorettype <> 'trigger'::regtype"
        " ORDER BY 2"
    ).fetchall()
    reason = re.compile(
        r"\b(INSERT|UPDATE|DELETE|TRUNCATE|EXECUTE|CREATE|ALTER|DROP|LOCK|GRANT|REVOKE|CALL|COMMIT|set_config|nextval|"
        r"setval|clock_timestamp|pg_stat_get_xact\w*|pg_sleep|pg_advisory\w*|pg_try_advisory\w*|pg_terminate_backend|pg_cancel_backend)\b"
    )
    volatile = {name for name, _, _ in rows}

    def calls_one(source: str) -> bool:
        return any(re.search(rf"pggit_excellence\.{name}\(", source) for name in volatile)

    return [name for _, name, source in rows if not reason.search(source) and not calls_one(source)]


def without_parallel_mark(connection: psycopg.Connection) -> list[str]:
    """A public reader that would keep a whole query from running in parallel.

    Not one that says why: subtransactions, which is what catching errors takes, fail in parallel queries before 17.
    """
    return column(
        connection,
        f"""
        SELECT f.name FROM ({FUNCTIONS}) AS f
        WHERE f.provolatile <> 'v' AND f.proparallel = 'u' AND f.proname NOT LIKE '\\_%'
          AND coalesce(obj_description(f.oid, 'pg_proc'), '') !~ 'PARALLEL UNSAFE' ORDER BY 1
        """,
    )


def broken_bodies(connection: psycopg.Connection) -> list[str]:
    """The script creates functions with check_function_bodies off; here each is created once more with it on."""
    broken = []
    connection.execute("SET check_function_bodies = on")
    for name, definition in connection.execute(
        f"SELECT f.name, pg_get_functiondef(f.oid) FROM ({FUNCTIONS}) AS f WHERE f.prokind <> 'a' ORDER BY 1"
    ).fetchall():
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(definition)
        except psycopg.Error as error:
            broken.append(f"{name}: {error.diag.message_primary}")
    return broken


RULES: dict[Callable[[psycopg.Connection], list[str]], tuple[str, str]] = {
    without_comment: ("CREATE TABLE pggit_excellence.fault (a int)", "pggit_excellence.fault"),
    without_search_path: (
        "CREATE FUNCTION pggit_excellence.fault() RETURNS int LANGUAGE sql AS 'SELECT 1 + 1'",
        "fault()",
    ),
    unexplained_definers: (
        "CREATE FUNCTION pggit_excellence.fault() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
        "COMMENT ON FUNCTION pggit_excellence.fault() IS 'Does something.'",
        "fault()",
    ),
    writers_called_readers: (
        "CREATE FUNCTION pggit_excellence.fault() RETURNS void LANGUAGE plpgsql STABLE AS"
        " 'BEGIN DELETE FROM pggit_excellence.upgrade_log; END'",
        "fault()",
    ),
    readers_called_writers: (
        "CREATE FUNCTION pggit_excellence.fault() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "fault()",
    ),
    without_parallel_mark: (
        "CREATE FUNCTION pggit_excellence.fault() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'",
        "fault()",
    ),
    broken_bodies: (
        "SET check_function_bodies = off;"
        "CREATE FUNCTION pggit_excellence.fault() RETURNS int LANGUAGE sql AS 'SELECT no_such_column FROM pg_class'",
        "fault()",
    ),
}


@pytest.fixture(scope="module")
def shared(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    """One database for all rules: each test rolls back."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE style TEMPLATE {template_databases['plain']}")
        with server.connect("style") as connection:
            yield connection
        admin.execute("DROP DATABASE style WITH (FORCE)")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(shared: psycopg.Connection, rule: Callable[[psycopg.Connection], list[str]]) -> None:
    assert rule(shared) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_sees_a_fault(shared: psycopg.Connection, rule: Callable[[psycopg.Connection], list[str]]) -> None:
    fault, name = RULES[rule]
    with shared.transaction(force_rollback=True):
        shared.execute(fault)
        assert any(name in found for found in rule(shared))


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("SELECT $1 OPERATOR(pg_catalog.+) 1::pg_catalog.int8", False),
        ("SELECT CASE WHEN (a) IS NULL THEN 'a + b' ELSE pg_catalog.round($1) END", False),
        ("SELECT $1 + 1", True),
        ("SELECT round($1)", True),
        ("SELECT $1::int8", True),
    ],
)
def test_what_needs_a_search_path(source: str, needs: bool) -> None:
    assert needs_search_path(source) == needs


def test_fault_in_a_column_is_seen(shared: psycopg.Connection) -> None:
    with shared.transaction(force_rollback=True):
        shared.execute("ALTER TABLE pggit_excellence.upgrade_log ADD fault int")
        assert without_comment(shared) == ["pggit_excellence.upgrade_log.fault"]


def test_settings_are_back(shared: psycopg.Connection) -> None:
    assert shared.execute("SHOW check_function_bodies").fetchone() == ("on",)
