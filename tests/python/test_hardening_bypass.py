"""Hardening checks, category bypass: each fault planted, seen, and mended by the remediation as it is returned."""

from __future__ import annotations

import psycopg
import pytest

from hardening import Plant, name_of, prove, without_plant
from pggit_excellence.server import Server

PLANTS = [
    Plant(
        "bypass_trigger_off",
        "ALTER EVENT TRIGGER pggit_drop_trigger DISABLE",
        "pggit_drop_trigger: disabled",
        near="CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER mine ON sql_drop EXECUTE FUNCTION f(); ALTER EVENT TRIGGER mine DISABLE",
    ),
    Plant(
        "bypass_trigger_not_always",
        "ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE",
        "pggit_ddl_trigger: origin",
        near="ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE ALWAYS;ALTER EVENT TRIGGER pggit_drop_trigger ENABLE ALWAYS",
    ),
    Plant(
        "bypass_replica_default",
        """CREATE ROLE "Load'er"; ALTER ROLE "Load'er" SET session_replication_role = replica""",
        """role "Load'er": session_replication_role = replica""",
        near="""CREATE ROLE origin_role; ALTER ROLE origin_role SET session_replication_role = origin""",
        clean="""DROP ROLE "Load'er", origin_role""",
    ),
]


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_fault_is_seen_and_mended(server: Server, pggit: psycopg.Connection, plant: Plant) -> None:
    prove(server, pggit, plant)


def test_every_check_has_a_plant(plain: psycopg.Connection) -> None:
    assert without_plant(plain, "bypass", PLANTS) == set()
