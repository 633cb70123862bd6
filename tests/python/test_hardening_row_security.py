"""Hardening checks, category row_security: each fault planted, seen, and mended by the remediation as returned."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hardening import Plant, name_of, prove, scratch, without_plant
from pggit_excellence.server import Server

PLANTS = [
    Plant(
        "rls_policy_not_enabled",
        """CREATE TABLE "T p" (i int); CREATE POLICY p ON "T p" USING (i > 0)""",
        'public."T p"',
        near="CREATE TABLE guarded (i int); CREATE POLICY p ON guarded USING (i > 0);"
        "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
    ),
    Plant(
        "rls_no_policy",
        "CREATE TABLE nobody (i int); ALTER TABLE nobody ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY p ON nobody AS RESTRICTIVE USING (i > 0)",
        "public.nobody",
        status="warn",
        mend="CREATE POLICY q ON nobody USING (i = 1)",
    ),
    Plant(
        "rls_not_forced",
        """CREATE ROLE "App 1" LOGIN; CREATE TABLE owned (i int); ALTER TABLE owned OWNER TO "App 1";
           ALTER TABLE owned ENABLE ROW LEVEL SECURITY""",
        'public.owned, owner "App 1"',
        status="warn",
        clean='DROP OWNED BY "App 1"; DROP ROLE "App 1"',
    ),
    Plant(
        "rls_policy_true",
        """CREATE TABLE shared (i int); ALTER TABLE shared ENABLE ROW LEVEL SECURITY;
           CREATE POLICY "All; of" ON shared USING (true); GRANT SELECT (i) ON shared TO pg_monitor""",
        '"All; of" on public.shared',
        near="""CREATE TABLE tenants (i int); ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
           CREATE POLICY a ON tenants TO pg_monitor USING (true); CREATE POLICY b ON tenants USING (i > 0);
           CREATE POLICY c ON tenants AS RESTRICTIVE USING (true); GRANT SELECT ON tenants TO pg_monitor;
           CREATE POLICY d ON tenants FOR DELETE USING (true)""",
    ),
    Plant(
        "rls_policy_settable",
        "CREATE POLICY who ON guarded USING (i::text = current_setting('app.user', true))",
        "who on public.guarded",
        status="warn",
        mend="ALTER POLICY who ON guarded USING (i::text = session_user)",
        near="CREATE POLICY sys ON guarded USING (current_setting('TimeZone') = 'UTC')",
    ),
    Plant(
        "rls_view_bypass",
        'CREATE VIEW "V w" AS SELECT * FROM guarded; GRANT SELECT ON "V w" TO pg_monitor',
        'view public."V w" over public.guarded',
        near="CREATE VIEW own_view AS SELECT * FROM guarded; CREATE TABLE open (i int);"
        "CREATE VIEW open_view AS SELECT * FROM open; GRANT SELECT ON open_view TO PUBLIC",
    ),
    Plant(
        "rls_matview_bypass",
        "CREATE MATERIALIZED VIEW mv AS SELECT * FROM guarded; GRANT SELECT ON mv TO pg_monitor, PUBLIC",
        "materialized view public.mv over public.guarded",
        near="CREATE MATERIALIZED VIEW own_mv AS SELECT * FROM guarded",
    ),
    Plant(
        "rls_partition_bypass",
        """CREATE TABLE parts (i int) PARTITION BY RANGE (i); ALTER TABLE parts ENABLE ROW LEVEL SECURITY;
           CREATE TABLE "P 1" PARTITION OF parts FOR VALUES FROM (1) TO (2); GRANT SELECT ON "P 1" TO pg_monitor""",
        'public."P 1", part of public.parts',
        near="CREATE TABLE parts2 (i int) PARTITION BY RANGE (i); ALTER TABLE parts2 ENABLE ROW LEVEL SECURITY;"
        "CREATE TABLE parts2_1 PARTITION OF parts2 FOR VALUES FROM (1) TO (2)",
    ),
    Plant(
        "rls_truncate",
        "CREATE ROLE app; GRANT TRUNCATE ON guarded TO app",
        "public.guarded: TRUNCATE for app",
        near="GRANT SELECT ON guarded TO pg_monitor; CREATE TABLE loose (i int); GRANT TRUNCATE ON loose TO pg_monitor",
        clean="DROP OWNED BY app; DROP ROLE app",
    ),
    Plant("rls_role_bypass", "CREATE ROLE sees_all BYPASSRLS", "sees_all", clean="DROP ROLE sees_all"),
    Plant(
        "rls_leakproof",
        "CREATE FUNCTION tell(int) RETURNS boolean LANGUAGE sql LEAKPROOF AS 'SELECT true'",
        "public.tell(integer)",
        status="warn",
    ),
    Plant(
        "view_security_barrier",
        "CREATE VIEW part AS SELECT * FROM open WHERE i > 0; GRANT SELECT ON part TO PUBLIC",
        "public.part",
        status="warn",
        near="CREATE VIEW barred WITH (security_barrier) AS SELECT * FROM open WHERE i > 0;"
        "GRANT SELECT ON barred TO PUBLIC;"
        "CREATE VIEW kept AS SELECT * FROM open WHERE i > 0",
    ),
]


@pytest.fixture(scope="module")
def database(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    with scratch(server, template_databases["plain"], "hardening_row_security") as connection:
        yield connection


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_fault_is_seen_and_mended(server: Server, database: psycopg.Connection, plant: Plant) -> None:
    prove(server, database, plant)


def test_every_check_has_a_plant(database: psycopg.Connection) -> None:
    assert without_plant(database, "row_security", PLANTS) == set()
