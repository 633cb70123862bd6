"""Hardening checks, category privileges: each fault planted, seen, and mended by the remediation as it is returned."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from hardening import Plant, check, name_of, prove, run_sql, scratch, without_plant
from pggit_excellence.server import Server

# The remediation is for every database of the server, and other tests use it.
GIVE_BACK = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate LOOP
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', name);
    END LOOP;
END
$$
"""
PLANTS = [
    Plant(
        "role_superuser_member",
        """CREATE ROLE "Ha'; DROP" LOGIN; CREATE ROLE wheel SUPERUSER; GRANT wheel TO "Ha'; DROP" """,
        """"Ha'; DROP" is a member of wheel""",
        near="CREATE ROLE boss SUPERUSER; CREATE ROLE team; GRANT team TO boss; CREATE ROLE root2 SUPERUSER;"
        "GRANT boss TO root2",
        clean="""DROP ROLE "Ha'; DROP", wheel, boss, team, root2""",
    ),
    Plant(
        "role_superuser_login",
        'CREATE ROLE "Second" SUPERUSER LOGIN',
        '"Second"',
        status="warn",
        near="CREATE ROLE wheel SUPERUSER NOLOGIN",
        clean='DROP ROLE "Second", wheel',
    ),
    Plant("role_createrole", "CREATE ROLE maker CREATEROLE", "maker", clean="DROP ROLE maker"),
    Plant("role_createdb", "CREATE ROLE maker CREATEDB", "maker", status="warn", clean="DROP ROLE maker"),
    Plant(
        "role_server_access",
        "CREATE ROLE app; GRANT pg_execute_server_program TO app",
        "app is a member of pg_execute_server_program",
        near="CREATE ROLE watcher; GRANT pg_monitor TO watcher",
        clean="DROP ROLE app, watcher",
    ),
    Plant(
        "role_all_data",
        'CREATE ROLE "x\\y"; GRANT pg_read_all_data TO "x\\y"',
        '"x\\y" is a member of pg_read_all_data',
        status="warn",
        clean='DROP ROLE "x\\y"',
    ),
    Plant(
        "role_operational_powers",
        "CREATE ROLE app; GRANT pg_signal_backend TO app",
        "app is a member of pg_signal_backend",
        status="warn",
        clean="DROP ROLE app",
    ),
    Plant(
        "role_admin_option",
        "CREATE ROLE team; CREATE ROLE lead; GRANT team TO lead WITH ADMIN OPTION",
        "lead may grant team",
        status="warn",
        near="CREATE ROLE boss SUPERUSER; CREATE ROLE crew; GRANT crew TO boss WITH ADMIN OPTION",
        clean="DROP ROLE team, lead, boss, crew",
    ),
    Plant(
        "schema_public_create",
        'CREATE SCHEMA "Open; --"; GRANT CREATE ON SCHEMA "Open; --", public TO PUBLIC',
        '"Open; --": CREATE for PUBLIC',
        near="CREATE SCHEMA near; GRANT USAGE ON SCHEMA near TO PUBLIC;"
        "CREATE ROLE app; GRANT CREATE ON SCHEMA near TO app",
        clean="DROP OWNED BY app; DROP ROLE app",
    ),
    Plant(
        "search_path_writable",
        """CREATE ROLE app; CREATE ROLE "Victim"; CREATE SCHEMA "A,b"; GRANT CREATE ON SCHEMA "A,b" TO app;
           ALTER ROLE "Victim" SET search_path = "A,b", public""",
        'role "Victim": app may create in "A,b"',
        near="CREATE ROLE owner_role; CREATE SCHEMA own AUTHORIZATION owner_role;"
        "ALTER ROLE owner_role SET search_path = own, public",
        clean='DROP OWNED BY app, owner_role; DROP ROLE app, "Victim", owner_role',
    ),
    Plant(
        "database_public_create",
        "GRANT CREATE ON DATABASE hardening_privileges TO PUBLIC",
        "hardening_privileges",
        near="CREATE ROLE app; GRANT CREATE ON DATABASE hardening_privileges TO app",
        clean="DROP OWNED BY app; DROP ROLE app",
    ),
    Plant("database_public_connect", "", "hardening_privileges", status="warn", clean=GIVE_BACK),
    Plant("database_public_temporary", "", "hardening_privileges", status="warn", clean=GIVE_BACK),
    Plant(
        "table_public_write",
        """CREATE TABLE "T 1" ("C" int, d int); GRANT UPDATE ("C"), SELECT ON "T 1" TO PUBLIC;
           CREATE VIEW v AS SELECT 1 AS one; GRANT DELETE ON v TO PUBLIC""",
        """public."T 1": UPDATE ("C") for PUBLIC""",
        near="CREATE TABLE quiet (i int); GRANT SELECT ON quiet TO PUBLIC;"
        "CREATE ROLE app; GRANT UPDATE ON quiet TO app",
        clean='DROP OWNED BY app; DROP ROLE app; DROP TABLE quiet, "T 1"',
    ),
    Plant(
        "table_public_read",
        """CREATE ROLE lender; CREATE TABLE lent (i int); GRANT SELECT ON lent TO lender WITH GRANT OPTION;
           SET ROLE lender; GRANT SELECT ON lent TO PUBLIC; RESET ROLE""",
        "public.lent: SELECT for PUBLIC",
        status="warn",
        clean="DROP OWNED BY lender; DROP ROLE lender",
    ),
    Plant("sequence_public", "CREATE SEQUENCE s; GRANT UPDATE ON SEQUENCE s TO PUBLIC", "public.s: UPDATE for PUBLIC"),
    Plant(
        "default_privileges_public",
        """CREATE ROLE app; CREATE SCHEMA later; GRANT USAGE ON SCHEMA later TO app;
           ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA later GRANT SELECT ON TABLES TO PUBLIC;
           ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT USAGE ON SEQUENCES TO PUBLIC""",
        "tables made by app in schema later: SELECT for PUBLIC",
        near="CREATE ROLE near; ALTER DEFAULT PRIVILEGES FOR ROLE near GRANT SELECT ON TABLES TO pg_monitor;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE near GRANT EXECUTE ON FUNCTIONS TO pg_monitor",
        clean="DROP OWNED BY app, near; DROP ROLE app, near",
    ),
    Plant(
        "grant_option_held",
        """CREATE ROLE lender; CREATE ROLE friend; CREATE TABLE lent_on (i int);
           GRANT SELECT ON lent_on TO lender WITH GRANT OPTION;
           SET ROLE lender; GRANT SELECT ON lent_on TO friend; RESET ROLE""",
        "public.lent_on: SELECT for lender",
        status="warn",
        near="CREATE TABLE plain_grant (i int); GRANT SELECT ON plain_grant TO pg_monitor",
        clean="DROP OWNED BY lender, friend; DROP ROLE lender, friend",
    ),
    Plant(
        "large_object_public",
        "SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC",
        "large object 4711: SELECT",
        near="SELECT lo_create(4712)",
    ),
    Plant(
        "large_object_unchecked",
        "ALTER DATABASE hardening_privileges SET lo_compat_privileges = on",
        "database hardening_privileges: lo_compat_privileges = on",
    ),
    Plant("tablespace_public", "GRANT CREATE ON TABLESPACE pg_default TO PUBLIC", "pg_default"),
    Plant(
        "parameter_alter_system",
        "CREATE ROLE tuner; GRANT ALTER SYSTEM ON PARAMETER archive_command TO tuner",
        "archive_command for tuner",
        near="GRANT SET ON PARAMETER work_mem TO PUBLIC",
        clean="DROP ROLE tuner; REVOKE SET ON PARAMETER work_mem FROM PUBLIC",
        since=15,
    ),
    Plant(
        "parameter_set",
        "CREATE ROLE tuner; GRANT SET ON PARAMETER log_statement TO tuner WITH GRANT OPTION;"
        "SET ROLE tuner; GRANT SET ON PARAMETER log_statement TO PUBLIC; RESET ROLE",
        "log_statement for PUBLIC",
        status="warn",
        clean="DROP ROLE tuner",
        since=15,
    ),
    Plant(
        "foreign_access_public",
        """CREATE FOREIGN DATA WRAPPER "W"; CREATE SERVER s FOREIGN DATA WRAPPER "W";
           GRANT USAGE ON FOREIGN SERVER s TO PUBLIC; GRANT USAGE ON FOREIGN DATA WRAPPER "W" TO PUBLIC""",
        'FOREIGN DATA WRAPPER "W"',
    ),
    Plant(
        "user_mapping_public",
        """CREATE FOREIGN DATA WRAPPER w2; CREATE SERVER "S 2" FOREIGN DATA WRAPPER w2;
           CREATE USER MAPPING FOR PUBLIC SERVER "S 2" OPTIONS (password 'secret')""",
        'server "S 2"',
        near="CREATE FOREIGN DATA WRAPPER w3; CREATE SERVER s3 FOREIGN DATA WRAPPER w3;"
        "CREATE USER MAPPING FOR CURRENT_USER SERVER s3",
    ),
    Plant(
        "catalog_table_grants",
        "CREATE ROLE nosy; GRANT SELECT ON pg_authid TO nosy",
        "pg_authid: SELECT for nosy",
        near="CREATE ROLE boss SUPERUSER; GRANT SELECT ON pg_authid TO boss",
        clean="DROP OWNED BY nosy, boss; DROP ROLE nosy, boss",
    ),
    Plant(
        "catalog_function_grants",
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC",
        "pg_read_file(text): EXECUTE for PUBLIC",
        near="REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC",
        clean="GRANT EXECUTE ON FUNCTION pg_sleep(float8) TO PUBLIC",
    ),
]


@pytest.fixture(scope="module")
def database(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    with scratch(server, template_databases["pggit"], "hardening_privileges") as connection:
        yield connection


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_fault_is_seen_and_mended(server: Server, database: psycopg.Connection, plant: Plant) -> None:
    prove(server, database, plant)


def test_configuration_of_the_server(server: Server, database: psycopg.Connection) -> None:
    """A fault in postgresql.auto.conf, with the remediation that is for there."""
    for name, value, check_id, place in (
        ("lo_compat_privileges", "on", "large_object_unchecked", "server (configuration file)"),
        ("search_path", "writable, public", "search_path_writable", "sessions like this one"),
    ):
        database.execute("CREATE SCHEMA IF NOT EXISTS writable; GRANT CREATE ON SCHEMA writable TO pg_monitor")
        database.execute(f"ALTER SYSTEM SET {name} = {value}")
        reload(server, name, value)
        with server.connect(database.info.dbname) as connection:
            status, evidence, remediation = check(connection, check_id)
        assert (status, place in evidence["found"][0]) == ("fail", True)
        assert remediation
        run_sql(server, database.info.dbname, remediation)
        if name == "search_path":
            assert remediation == "REVOKE CREATE ON SCHEMA writable FROM pg_monitor;"
        else:
            reload(server, name, "off")
        with server.connect(database.info.dbname) as connection:
            assert check(connection, check_id)[0] == "pass"
        database.execute(f"ALTER SYSTEM RESET {name}")
    database.execute("SELECT pg_reload_conf()")


def reload(server: Server, name: str, value: str) -> None:
    """Reload the configuration, and wait until new sessions have the value."""
    with server.connect() as connection:
        connection.execute("SELECT pg_reload_conf()")
    for _ in range(100):
        with server.connect() as connection:
            if connection.execute(f"SHOW {name}").fetchone() == (value,):
                return
        time.sleep(0.05)
    pytest.fail(f"{name} did not become {value}")


def test_every_check_has_a_plant(database: psycopg.Connection) -> None:
    assert without_plant(database, "privileges", PLANTS) == set()
