"""Hardening checks, category pggit: each fault planted, seen, and mended by the remediation as it is returned."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hardening import Plant, name_of, prove, scratch, without_plant
from pggit_excellence.server import Server

PLANTS = [
    Plant("pggit_trigger_search_path", "", "pggit.handle_ddl_command(): no search_path of its own"),
    Plant(
        "pggit_trigger_definer",
        "",
        "pggit.handle_sql_drop() runs with its caller's rights",
        near="CREATE FUNCTION public.mine() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER mine ON sql_drop EXECUTE FUNCTION public.mine()",
        clean="DROP EVENT TRIGGER mine",
    ),
    Plant("pggit_migrations_writable", "", "pggit.migrations: INSERT for PUBLIC"),
    Plant("pggit_schema_usage", "", "pggit: USAGE for PUBLIC"),
    Plant("pggit_public_execute", "", "pggit.apply_migration(integer)"),
    Plant("pggit_public_sequences", "", "pggit.migrations_id_seq: USAGE for PUBLIC"),
    Plant("pggit_history_append_only", "", "TRUNCATE on pggit.history"),
    Plant("pggit_history_cascade", "", "history_object_id_fkey: FOREIGN KEY (object_id) REFERENCES pggit.objects(id)"),
    Plant("pggit_history_actor", "", "pggit.history.created_by: DEFAULT CURRENT_USER, and no trigger stamps it"),
    Plant("pggit_slow_tracking", "", "missing index pggit_excellence_objects_full_name", status="warn"),
    Plant(
        "pggit_complete",
        "ALTER TABLE pggit.objects RENAME is_active TO active",
        "pggit.objects.is_active",
        mend="SET session_replication_role = replica; ALTER TABLE pggit.objects RENAME active TO is_active",
    ),
    Plant(
        "pggit_trigger_owner",
        """CREATE ROLE "Was boss" SUPERUSER; ALTER EVENT TRIGGER pggit_ddl_trigger OWNER TO "Was boss";
           ALTER ROLE "Was boss" NOSUPERUSER""",
        'pggit_ddl_trigger owned by "Was boss"',
        clean='DROP ROLE "Was boss"',
    ),
    Plant(
        "pggit_object_owner",
        """CREATE ROLE app; ALTER FUNCTION pggit.ensure_object OWNER TO app; ALTER TABLE pggit.history OWNER TO app;
           CREATE SEQUENCE pggit.lone; ALTER SEQUENCE pggit.lone OWNER TO app; ALTER SCHEMA pggit OWNER TO app;
           CREATE VIEW pggit."V x" AS SELECT 1 AS one; ALTER VIEW pggit."V x" OWNER TO app;
           CREATE MATERIALIZED VIEW pggit.m AS SELECT 1 AS one; ALTER MATERIALIZED VIEW pggit.m OWNER TO app;
           CREATE PROCEDURE pggit.p() LANGUAGE sql AS ''; ALTER PROCEDURE pggit.p OWNER TO app""",
        "table pggit.history owned by app",
        near="CREATE ROLE other; CREATE TABLE public.theirs (i int); ALTER TABLE public.theirs OWNER TO other",
        clean="DROP OWNED BY other; DROP ROLE app, other; DROP PROCEDURE pggit.p",
    ),
    Plant(
        "pggit_public_write",
        "GRANT DELETE ON pggit.objects TO PUBLIC; GRANT UPDATE (name) ON pggit.branches TO PUBLIC",
        "pggit.branches: UPDATE (name) for PUBLIC",
        near="CREATE ROLE app; GRANT INSERT ON pggit.branches TO app",
        clean="DROP OWNED BY app; DROP ROLE app",
    ),
    Plant("pggit_public_read", "GRANT SELECT ON pggit.history TO PUBLIC", "pggit.history: SELECT for PUBLIC"),
    Plant(
        "pggit_default_privileges",
        "CREATE SCHEMA pggit_branches; ALTER DEFAULT PRIVILEGES IN SCHEMA pggit_branches GRANT ALL ON TABLES TO PUBLIC",
        "tables made by postgres in schema pggit_branches: INSERT for PUBLIC",
        near="ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        clean="ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC",
    ),
    Plant(
        "pggit_schema_create",
        """CREATE ROLE "Dev ""1"; GRANT CREATE ON SCHEMA pggit_branches TO "Dev ""1" WITH GRANT OPTION;
           SET ROLE "Dev ""1"; GRANT CREATE ON SCHEMA pggit_branches TO PUBLIC; RESET ROLE""",
        'pggit_branches: CREATE for "Dev ""1"',
        clean='DROP OWNED BY "Dev ""1"; DROP ROLE "Dev ""1"',
    ),
    Plant(
        "pggit_history_writers",
        "CREATE ROLE dev; GRANT UPDATE (created_by), DELETE ON pggit.history TO dev",
        "pggit.history: DELETE, UPDATE (created_by) for dev",
        near="CREATE ROLE reader; GRANT SELECT, INSERT ON pggit.history TO reader;"
        "GRANT UPDATE ON pggit.objects TO reader",
        clean="DROP OWNED BY dev, reader; DROP ROLE dev, reader",
    ),
    Plant(
        "pggit_history_unlogged",
        "CREATE UNLOGGED TABLE pggit.quick (i int)",
        "pggit.quick",
        near="CREATE UNLOGGED TABLE public.quick (i int)",
    ),
    Plant(
        "pggit_history_secrets",
        """INSERT INTO pggit.history (id, change_type, change_severity, change_description, sql_executed)
           VALUES (4711, 'CREATE', 'MINOR', 'made a mapping',
                   'CREATE USER MAPPING FOR x SERVER s OPTIONS (user ''u'', password ''hunter2'')'),
                  (4712, 'CREATE', 'MINOR', 'subscribed', 'CREATE SUBSCRIPTION s CONNECTION ''password=hunter2''')""",
        "made a mapping",
        status="warn",
        mend="BEGIN; ALTER TABLE pggit.history DISABLE TRIGGER USER; UPDATE pggit.history SET sql_executed = NULL"
        " WHERE sql_executed ~ 'hunter2'; ALTER TABLE pggit.history ENABLE TRIGGER USER; COMMIT",
        near="INSERT INTO pggit.history (change_type, change_severity, change_description, sql_executed)"
        " VALUES ('ALTER', 'MINOR', 'a column', 'ALTER TABLE users ADD password text DEFAULT ''x''')"
        ", ('CREATE', 'MINOR', 'f', 'RAISE ''no password'', ''x''; UPDATE u SET password = $1')",
    ),
    Plant(
        "pggit_create_extension",
        "CREATE FUNCTION pggit.enhanced_ddl_trigger_func() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER pggit_enhanced_ddl_trigger ON ddl_command_end"
        " EXECUTE FUNCTION pggit.enhanced_ddl_trigger_func()",
        "pggit_enhanced_ddl_trigger",
        status="warn",
        clean="DROP EVENT TRIGGER pggit_enhanced_ddl_trigger",
    ),
    Plant(
        "pggit_health_misjudged",
        "CREATE FUNCTION pggit.healthy() RETURNS bigint LANGUAGE sql AS"
        " $$SELECT count(*) FROM pg_event_trigger WHERE evtenabled = 'O'$$",
        "pggit.healthy()",
        status="warn",
        mend="DROP FUNCTION pggit.healthy()",
        near="CREATE FUNCTION pggit.healthier() RETURNS bigint LANGUAGE sql AS"
        " $$SELECT count(*) FROM pg_event_trigger WHERE evtenabled IN ('O', 'A')$$",
    ),
    Plant(
        "pggit_dynamic_sql",
        "CREATE FUNCTION pggit.run(t text) RETURNS void LANGUAGE plpgsql AS"
        " $$BEGIN EXECUTE 'DROP TABLE ' || t || ' CASCADE'; END$$",
        "pggit.run(text)",
        status="warn",
        mend="DROP FUNCTION pggit.run",
        near="CREATE FUNCTION pggit.good(t text) RETURNS void LANGUAGE plpgsql AS"
        " $$BEGIN EXECUTE 'DROP TABLE ' || quote_ident(t); EXECUTE format('DROP TABLE %I', t); END$$",
    ),
    Plant(
        "pggit_weak_hash",
        "CREATE FUNCTION pggit.hash(t text) RETURNS text LANGUAGE sql AS 'SELECT md5(t)'",
        "pggit.hash(text)",
        status="warn",
        mend="DROP FUNCTION pggit.hash",
        near="CREATE FUNCTION pggit.hash2(t text) RETURNS text LANGUAGE sql AS"
        " $$SELECT encode(sha256(t::bytea), 'hex') /* no md5 */$$",
    ),
    Plant(
        "pggit_function_names",
        "INSERT INTO pggit.objects (object_type, schema_name, object_name) VALUES ('FUNCTION', 'public', '16385')",
        "recorded under a number instead of their name",
        status="warn",
        mend="UPDATE pggit.objects SET object_name = 'f' || object_name WHERE object_name ~ '^[0-9]+$'",
        near="UPDATE pggit.objects SET object_name = 'f' || object_name WHERE object_name ~ '^[0-9]+$';"
        "INSERT INTO pggit.objects (object_type, schema_name, object_name) VALUES ('FUNCTION', 'public', 'f()')",
    ),
    Plant(
        "pggit_untracked_tables",
        "CREATE TABLE copied AS SELECT 1 AS one",
        "public.copied",
        status="warn",
        mend="ALTER TABLE copied ADD two int",
        near="DROP TABLE IF EXISTS theirs, quick; CREATE TABLE recorded (i int)",
    ),
    Plant(
        "pggit_kinds_unrecorded",
        "CREATE SEQUENCE silent",
        "SEQUENCE: there are some, and pggit.objects has none",
        status="warn",
        near="CREATE EXTENSION pg_stat_statements",
        clean="DROP SEQUENCE silent; SELECT pggit_excellence.disable_audit(); DROP EXTENSION pg_stat_statements",
    ),
]


@pytest.fixture(scope="module")
def database(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    with scratch(server, template_databases["pggit"], "hardening_pggit") as connection:
        yield connection


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_fault_is_seen_and_mended(server: Server, database: psycopg.Connection, plant: Plant) -> None:
    prove(server, database, plant)


def test_every_check_has_a_plant(database: psycopg.Connection) -> None:
    assert without_plant(database, "pggit", PLANTS) == set()
