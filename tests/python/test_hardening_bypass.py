"""Hardening checks, category bypass: each fault planted, seen, and mended by the remediation as it is returned."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hardening import Plant, name_of, prove, scratch, without_plant
from pggit_excellence.server import Server

PLANTS = [
    Plant(
        "bypass_trigger_off",
        "ALTER EVENT TRIGGER pggit_drop_trigger DISABLE",
        "pggit_drop_trigger: disabled",
        near="CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER mine ON sql_drop EXECUTE FUNCTION f(); ALTER EVENT TRIGGER mine DISABLE;"
        "CREATE FUNCTION pggit.enhanced_ddl_trigger() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER extra ON ddl_command_end EXECUTE FUNCTION pggit.enhanced_ddl_trigger();"
        "ALTER EVENT TRIGGER extra DISABLE",
        clean="DROP EVENT TRIGGER mine; DROP EVENT TRIGGER extra",
    ),
    Plant("bypass_trigger_not_always", "", "pggit_ddl_trigger: origin"),
    Plant(
        "bypass_trigger_tags",
        """CREATE EVENT TRIGGER "Some" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE')
           EXECUTE FUNCTION pggit.handle_ddl_command()""",
        '"Some" fires for CREATE TABLE, DROP TABLE only',
        near="CREATE EVENT TRIGGER other ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION f()",
        clean='DROP EVENT TRIGGER "Some"; DROP EVENT TRIGGER other',
    ),
    Plant(
        "bypass_replica_default",
        """CREATE ROLE "Load'er"; ALTER ROLE "Load'er" SET session_replication_role = replica;
           ALTER DATABASE hardening_bypass SET session_replication_role = replica;
           ALTER ROLE "Load'er" IN DATABASE hardening_bypass SET session_replication_role = replica""",
        """role "Load'er": session_replication_role = replica""",
        near="CREATE ROLE origin_role; ALTER ROLE origin_role SET session_replication_role = local",
        clean="""DROP ROLE "Load'er", origin_role""",
    ),
    Plant(
        "bypass_event_triggers_default",
        "CREATE ROLE quiet; ALTER ROLE quiet SET event_triggers = no; ALTER ROLE ALL SET event_triggers = off",
        "every role: event_triggers = off",
        near="CREATE ROLE loud; ALTER ROLE loud SET event_triggers = on",
        clean="DROP ROLE quiet, loud",
        since=17,
    ),
    Plant(
        "bypass_replica_granted",
        'CREATE ROLE "Load er"; GRANT SET ON PARAMETER session_replication_role TO "Load er"',
        'SET for "Load er"',
        near="GRANT SET ON PARAMETER work_mem TO PUBLIC; CREATE ROLE root2 SUPERUSER;"
        "GRANT SET ON PARAMETER session_replication_role TO root2",
        clean='DROP OWNED BY "Load er", root2; DROP ROLE "Load er", root2;REVOKE SET ON PARAMETER work_mem FROM PUBLIC',
        since=15,
    ),
    Plant(
        "bypass_event_triggers_granted",
        "GRANT SET, ALTER SYSTEM ON PARAMETER event_triggers TO PUBLIC",
        "ALTER SYSTEM for PUBLIC",
        since=17,
    ),
    Plant(
        "bypass_function_setting",
        """CREATE FUNCTION "Quick load"("a b" text) RETURNS void LANGUAGE sql
           SET session_replication_role = replica AS ''""",
        'public."Quick load"(text): session_replication_role=replica',
        near="CREATE FUNCTION fine() RETURNS void LANGUAGE sql SET session_replication_role = origin AS ''",
    ),
    Plant(
        "bypass_kill_switch",
        "ALTER DATABASE hardening_bypass SET pggit_excellence.enabled = 'false'",
        "database hardening_bypass: pggit_excellence.enabled = false",
        near="CREATE ROLE switched; ALTER ROLE switched SET pggit_excellence.enabled = 'on'",
        clean="DROP ROLE switched",
    ),
    Plant(
        "bypass_system_table_mods",
        "CREATE ROLE surgeon; ALTER ROLE surgeon SET allow_system_table_mods = on",
        "role surgeon: allow_system_table_mods = on",
        clean="DROP ROLE surgeon",
    ),
    Plant(
        "bypass_table_trigger_off",
        "ALTER TABLE pggit.history DISABLE TRIGGER ALL",
        "a foreign key's trigger on pggit.history: disabled",
        near="CREATE TABLE mine (id int PRIMARY KEY, up int REFERENCES mine); ALTER TABLE mine DISABLE TRIGGER ALL",
    ),
    Plant(
        "bypass_table_trigger_not_always",
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END';
           CREATE TRIGGER "No!" BEFORE UPDATE ON pggit.history EXECUTE FUNCTION refuse()""",
        '"No!" on pggit.history',
        clean='DROP TRIGGER "No!" ON pggit.history',
    ),
]


@pytest.fixture(scope="module")
def database(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    with scratch(server, template_databases["pggit"], "hardening_bypass") as connection:
        yield connection


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_fault_is_seen_and_mended(server: Server, database: psycopg.Connection, plant: Plant) -> None:
    prove(server, database, plant)


def test_every_check_has_a_plant(database: psycopg.Connection) -> None:
    assert without_plant(database, "bypass", PLANTS) == set()
