"""Hardening checks among hostile names: everything is found, and all remediations together do no harm."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hardening import check, run_sql, scratch
from pggit_excellence.server import Server

NAMES = [
    'a"; DROP TABLE victim; --',
    "a'; DROP TABLE victim; --",
    "x\nDROP TABLE victim; --",
    "$body$; DROP TABLE victim; --",
    "%s %I %1$L",
    "\\! touch /tmp/hardening_harm",
    ":x, public; --",
    "PUBLIC",
    "x" * 63,
]
# One of each object with such a name, open to others in the ways that the checks look for.
PLANT = """
DO $do$
DECLARE statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
        'CREATE ROLE %1$I LOGIN CREATEROLE CREATEDB BYPASSRLS',
        'CREATE SCHEMA %1$I',
        'GRANT CREATE ON SCHEMA %1$I TO PUBLIC',
        'ALTER ROLE %1$I SET search_path = %1$I, public',
        'ALTER ROLE %1$I SET lo_compat_privileges = on',
        'GRANT pg_read_server_files TO %1$I',
        'CREATE TABLE %1$I.%1$I (%1$I text)',
        'GRANT ALL ON %1$I.%1$I TO %1$I WITH GRANT OPTION',
        'GRANT ALL ON %1$I.%1$I TO PUBLIC',
        'GRANT UPDATE (%1$I), SELECT (%1$I) ON %1$I.%1$I TO PUBLIC, %1$I',
        'ALTER TABLE %1$I.%1$I ENABLE ROW LEVEL SECURITY',
        'CREATE POLICY %1$I ON %1$I.%1$I USING (true)',
        'CREATE TABLE %1$I.t2 (i int)',
        'ALTER TABLE %1$I.t2 ENABLE ROW LEVEL SECURITY',
        'CREATE TABLE %1$I.t3 (i int)',
        'CREATE POLICY %1$I ON %1$I.t3 USING (i > 0)',
        'CREATE VIEW %1$I.v AS SELECT * FROM %1$I.%1$I WHERE %1$I IS NOT NULL',
        'GRANT SELECT ON %1$I.v TO PUBLIC, %1$I',
        'CREATE MATERIALIZED VIEW %1$I.m AS SELECT * FROM %1$I.%1$I',
        'GRANT SELECT ON %1$I.m TO PUBLIC, %1$I',
        'CREATE SEQUENCE %1$I.s',
        'GRANT ALL ON SEQUENCE %1$I.s TO PUBLIC',
        'CREATE FUNCTION %1$I.%1$I(%1$I text) RETURNS int LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''',
        'CREATE FUNCTION %1$I.w() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = %1$I AS ''SELECT 1''',
        'CREATE FUNCTION %1$I.r() RETURNS int LANGUAGE sql SET session_replication_role = replica AS ''SELECT 1''',
        'CREATE FUNCTION %1$I.format(text, text, text) RETURNS text LANGUAGE sql AS ''SELECT $1''',
        'ALTER FUNCTION %1$I.format(text, text, text) OWNER TO %1$I',
        'CREATE FUNCTION %1$I.tf() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NULL; END''',
        'ALTER FUNCTION %1$I.tf() OWNER TO %1$I',
        'CREATE TRIGGER %1$I AFTER INSERT ON %1$I.%1$I EXECUTE FUNCTION %1$I.tf()',
        'CREATE FUNCTION %1$I.et() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN END''',
        'CREATE EVENT TRIGGER %1$I ON ddl_command_end EXECUTE FUNCTION %1$I.et()',
        'ALTER FUNCTION %1$I.et() OWNER TO %1$I',
        'CREATE FOREIGN DATA WRAPPER %1$I',
        'CREATE SERVER %1$I FOREIGN DATA WRAPPER %1$I',
        'GRANT USAGE ON FOREIGN SERVER %1$I TO PUBLIC',
        'GRANT USAGE ON FOREIGN DATA WRAPPER %1$I TO PUBLIC',
        'CREATE USER MAPPING FOR PUBLIC SERVER %1$I',
        'ALTER DEFAULT PRIVILEGES FOR ROLE %1$I IN SCHEMA %1$I GRANT ALL ON TABLES TO PUBLIC'
    ] LOOP
        EXECUTE format(statement, '{name}');
    END LOOP;
END
$do$
"""
CLEAN = "SELECT format('DROP OWNED BY %1$I CASCADE; DROP ROLE %1$I', rolname) FROM pg_roles WHERE rolname = ANY (%s)"
SERVER_WIDE = ("database_public_connect", "database_public_temporary")  # other tests use the other databases
BY_PEOPLE = {"rls_no_policy"}


@pytest.fixture(scope="module")
def database(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    with scratch(server, template_databases["plain"], "hardening_hostile") as connection:
        connection.execute("CREATE TABLE victim (i int)")
        for name in NAMES:
            connection.execute(PLANT.replace("'{name}'", psycopg.sql.quote(name)))
        yield connection
        for name in NAMES:
            connection.execute(psycopg.sql.SQL("DROP EVENT TRIGGER {}").format(psycopg.sql.Identifier(name)))
        for (statement,) in connection.execute(CLEAN.replace("%1", "%%1"), [NAMES]).fetchall():
            connection.execute(statement)


def test_found_and_mended_without_harm(server: Server, database: psycopg.Connection) -> None:
    query = "SELECT check_id, status, evidence, remediation FROM pggit_excellence.hardening_check('strict')"
    found = {
        row[0]: row
        for row in database.execute(query).fetchall()
        if row[1] in ("fail", "warn") and row[0] not in SERVER_WIDE
    }
    expected = {
        "bypass_function_setting", "default_privileges_public", "definer_path_writable", "definer_public_execute",
        "definer_search_path", "event_trigger_owner", "event_trigger_path", "foreign_access_public",
        "function_public_execute", "function_shadows_catalog", "grant_option_held", "large_object_unchecked",
        "rls_matview_bypass", "rls_no_policy", "rls_policy_not_enabled", "rls_policy_true", "rls_role_bypass",
        "rls_truncate", "rls_view_bypass", "role_createdb", "role_createrole", "role_server_access",
        "schema_public_create", "search_path_writable", "sequence_public", "table_public_read", "table_public_write",
        "trigger_function_owner", "user_mapping_public", "view_security_barrier",
    }  # fmt: skip
    assert expected <= found.keys(), expected - found.keys()
    assert found["role_createdb"][2]["count"] == len(NAMES)
    script = "\n".join(found[name][3] for name in sorted(expected))
    run_sql(server, database.info.dbname, script)
    assert database.execute("SELECT count(*) FROM victim").fetchone() == (0,)
    still = {name: check(database, name) for name in expected - BY_PEOPLE}
    assert {name: row for name, row in still.items() if row[0] != "pass"} == {}
