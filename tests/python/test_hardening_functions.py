"""Hardening checks, category functions: each fault planted, seen, and mended by the remediation as it is returned."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from hardening import Plant, name_of, prove, scratch, without_plant
from pggit_excellence.server import Server

BODY = "RETURNS int LANGUAGE sql SECURITY DEFINER"
TRIGGER = "RETURNS trigger LANGUAGE plpgsql"
PLANTS = [
    Plant(
        "definer_search_path",
        f'CREATE SCHEMA "S p"; CREATE FUNCTION "S p"."F""x"("a b" int) {BODY} AS $$SELECT 1$$;'
        f"CREATE PROCEDURE proc() LANGUAGE sql SECURITY DEFINER SET jit = off AS $$SELECT 1$$",
        '"S p"."F""x"(integer) owned by postgres: no search_path of its own',
        near=f"CREATE FUNCTION pinned() {BODY} SET search_path = pg_catalog, pg_temp AS $$SELECT 1$$;"
        "CREATE FUNCTION mere() RETURNS int LANGUAGE sql AS $$SELECT 1$$; CREATE EXTENSION dblink",
    ),
    Plant(
        "definer_path_writable",
        f"""CREATE ROLE "a,b"; CREATE SCHEMA "a,b" AUTHORIZATION "a,b"; GRANT CREATE ON SCHEMA public TO "a,b";
            CREATE FUNCTION w1() {BODY} SET search_path = pg_catalog, "a,b", pg_temp AS 'SELECT 1';
            CREATE FUNCTION w2() {BODY} SET search_path = public, pg_temp AS 'SELECT 1';
            CREATE FUNCTION w3() {BODY} SET search_path = "$user", pg_temp AS 'SELECT 1'""",
        'w1() owned by postgres: others may create in what its search_path names: "a,b"',
        near="""CREATE ROLE own; CREATE SCHEMA own AUTHORIZATION own; GRANT own TO CURRENT_USER; SET ROLE own;
            CREATE FUNCTION own.mine() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = own, pg_temp
            AS 'SELECT 1'; RESET ROLE;
            CREATE FUNCTION n() RETURNS int LANGUAGE sql SET search_path = "$user", public AS 'SELECT 1'""",
        clean="""DROP FUNCTION w1; DROP OWNED BY "a,b", own; DROP ROLE "a,b", own""",
    ),
    Plant(
        "definer_path_temp",
        f"CREATE FUNCTION t1() {BODY} SET search_path = pg_catalog, public AS 'SELECT 1';"
        f"CREATE FUNCTION t2() {BODY} SET search_path = pg_temp, pg_catalog AS 'SELECT 1'",
        "t1() owned by postgres: pg_temp is not last",
    ),
    Plant(
        "definer_public_execute",
        f"""CREATE ROLE lender; CREATE FUNCTION open_door(text, VARIADIC int[]) {BODY} SET search_path = pg_temp
            AS 'SELECT 1'; REVOKE ALL ON FUNCTION open_door FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION open_door TO lender WITH GRANT OPTION; SET ROLE lender;
            GRANT EXECUTE ON FUNCTION public.open_door TO PUBLIC; RESET ROLE;
            CREATE FUNCTION second_door() {BODY} SET search_path = pg_temp AS 'SELECT 1'""",
        "public.open_door(text,integer[]) owned by postgres",
        near=f"""CREATE FUNCTION closed() {BODY} SET search_path = pg_temp AS 'SELECT 1';
            DO $$ DECLARE f regprocedure; BEGIN
                FOR f IN SELECT oid FROM pg_proc WHERE prosecdef AND pronamespace <> 'pggit_excellence'::regnamespace
                LOOP EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', f); END LOOP;
            END $$;
            CREATE FUNCTION tg() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_temp
            AS 'BEGIN RETURN NULL; END'""",
        clean="DROP OWNED BY lender; DROP ROLE lender",
    ),
    Plant(
        "definer_dynamic_sql",
        """CREATE FUNCTION splice(t text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_temp
            AS $$ BEGIN EXECUTE 'ANALYZE ' || t; END $$;
            CREATE FUNCTION splice2(t text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_temp
            AS $$ BEGIN EXECUTE format('ANALYZE %s', t); END $$""",
        "public.splice2(text)",
        status="warn",
        mend="DROP FUNCTION splice, splice2",
        near="""CREATE FUNCTION well(t text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_temp
            AS $$ BEGIN EXECUTE 'ANALYZE ' || quote_ident(t); EXECUTE format('ANALYZE %I', t);
                        EXECUTE 'SELECT $1' USING t; END $$;
            CREATE FUNCTION mine(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ANALYZE ' || t; END $$""",
    ),
    Plant(
        "event_trigger_path",
        """CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
           CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION et()""",
        "public.et(): no search_path of its own",
        near="""CREATE FUNCTION et_good() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
           AS 'BEGIN END'; CREATE EVENT TRIGGER et_good ON ddl_command_start EXECUTE FUNCTION et_good();
           CREATE FUNCTION et_unused() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'""",
        clean="DROP EVENT TRIGGER et; DROP EVENT TRIGGER et_good",
    ),
    Plant(
        "event_trigger_owner",
        """CREATE ROLE "Ev il"; CREATE FUNCTION bad() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
           ALTER FUNCTION bad() OWNER TO "Ev il"; CREATE EVENT TRIGGER "B" ON sql_drop EXECUTE FUNCTION bad()""",
        'bad(), called by event trigger "B", owned by "Ev il"',
        clean='DROP EVENT TRIGGER "B"; DROP ROLE "Ev il"',
    ),
    Plant(
        "trigger_function_owner",
        f"""CREATE ROLE other; CREATE ROLE app; CREATE TABLE "T t" (i int); ALTER TABLE "T t" OWNER TO app;
            CREATE FUNCTION tf() {TRIGGER} AS 'BEGIN RETURN NULL; END'; ALTER FUNCTION tf OWNER TO other;
            CREATE TRIGGER x AFTER INSERT ON "T t" EXECUTE FUNCTION tf();
            CREATE TABLE mine (i int); CREATE FUNCTION two() {TRIGGER} AS 'BEGIN RETURN NULL; END';
            ALTER FUNCTION two OWNER TO other; CREATE TRIGGER y AFTER INSERT ON "T t" EXECUTE FUNCTION two();
            CREATE TRIGGER x AFTER INSERT ON mine EXECUTE FUNCTION two()""",
        'tf(), owned by other, is a trigger of public."T t"',
        near=f"""CREATE ROLE same; CREATE TABLE same (i int); ALTER TABLE same OWNER TO same;
            CREATE FUNCTION same() {TRIGGER} AS 'BEGIN RETURN NULL; END'; ALTER FUNCTION same OWNER TO same;
            CREATE TRIGGER x AFTER INSERT ON same EXECUTE FUNCTION same();
            CREATE FUNCTION root() {TRIGGER} AS 'BEGIN RETURN NULL; END';
            CREATE TRIGGER y AFTER INSERT ON same EXECUTE FUNCTION root()""",
        clean="DROP OWNED BY app, other, same CASCADE; DROP ROLE app, other, same",
    ),
    Plant(
        "expression_function_owner",
        """CREATE ROLE other; CREATE FUNCTION ex(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
           ALTER FUNCTION ex OWNER TO other; CREATE TABLE e (i int DEFAULT ex(1), CHECK (ex(i) > 0));
           CREATE INDEX ON e (ex(i))""",
        "ex(integer), owned by other, is used by public.e",
        near="CREATE FUNCTION good(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';"
        "CREATE TABLE fine (i int DEFAULT good(1)); CREATE INDEX ON fine (good(i))",
        clean="DROP OWNED BY other; DROP ROLE other",
    ),
    Plant(
        "function_shadows_catalog",
        """CREATE ROLE sly; GRANT CREATE ON SCHEMA public TO sly; SET ROLE sly;
           CREATE FUNCTION public.format(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT $1'; RESET ROLE""",
        "public.format(text,text,text) owned by sly",
        near="CREATE FUNCTION public.round(text) RETURNS text LANGUAGE sql AS 'SELECT $1';"
        "CREATE ROLE honest; GRANT CREATE ON SCHEMA public TO honest; SET ROLE honest;"
        "CREATE FUNCTION public.format_name(text) RETURNS text LANGUAGE sql AS 'SELECT $1'; RESET ROLE",
        clean="DROP OWNED BY sly, honest; DROP ROLE sly, honest; DROP FUNCTION round(text)",
    ),
    Plant(
        "operator_shadows_catalog",
        """CREATE ROLE sly; GRANT CREATE ON SCHEMA public TO sly; SET ROLE sly;
           CREATE FUNCTION public.eq(varchar, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
           CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = text, FUNCTION = public.eq); RESET ROLE""",
        "public.=(character varying,text) owned by sly",
        near="""CREATE ROLE honest; GRANT CREATE ON SCHEMA public TO honest; SET ROLE honest;
           CREATE FUNCTION public.near(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
           CREATE OPERATOR public.<~~~> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.near);
           CREATE TYPE public.money2 AS (a int); CREATE FUNCTION public.meq(public.money2, public.money2)
           RETURNS boolean LANGUAGE sql AS 'SELECT true';
           CREATE OPERATOR public.= (LEFTARG = public.money2, RIGHTARG = public.money2, FUNCTION = public.meq);
           RESET ROLE""",
        clean="DROP OWNED BY sly, honest; DROP ROLE sly, honest",
    ),
    Plant(
        "untrusted_language_execute",
        "CREATE FUNCTION native() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'",
        "public.native(), language c",
        near="CREATE FUNCTION shut() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';"
        "REVOKE ALL ON FUNCTION shut() FROM PUBLIC; CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
    ),
    Plant(
        "function_public_execute",
        "CREATE SCHEMA s; CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE FUNCTION beside_an_extension() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "schema public: 1 in all, e.g. public.beside_an_extension()",
        status="warn",
        near="DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE EXTENSION pg_stat_statements",
    ),
    Plant(
        "function_default_execute",
        "CREATE ROLE maker; CREATE SCHEMA m AUTHORIZATION maker; SET ROLE maker;"
        "CREATE FUNCTION m.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE",
        "maker",
        status="warn",
        near="ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC",
        clean="DROP OWNED BY maker; DROP ROLE maker; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON ROUTINES TO PUBLIC",
    ),
]


@pytest.fixture(scope="module")
def database(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    with scratch(server, template_databases["plain"], "hardening_functions") as connection:
        yield connection


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_fault_is_seen_and_mended(server: Server, database: psycopg.Connection, plant: Plant) -> None:
    prove(server, database, plant)


def test_every_check_has_a_plant(database: psycopg.Connection) -> None:
    assert without_plant(database, "functions", PLANTS) == set()
