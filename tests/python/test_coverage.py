"""tracking_coverage(): against a plain computation over catalog and records, and each fault planted and seen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import psycopg
import pytest

Name = tuple[str, str, str]

ZOO = """
CREATE SCHEMA app; CREATE SCHEMA "Mixed Case";
CREATE TABLE app.customers (id serial PRIMARY KEY, name text NOT NULL, born date CHECK (born > '1900-01-01'));
CREATE TABLE app.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int REFERENCES app.customers);
CREATE INDEX orders_customer ON app.orders (customer_id);
CREATE VIEW app.totals AS SELECT customer_id, count(*) FROM app.orders GROUP BY 1;
CREATE MATERIALIZED VIEW app.stored AS SELECT * FROM app.totals;
CREATE TABLE app.copied AS SELECT * FROM app.customers;
CREATE TABLE app.parts (id int, d date) PARTITION BY RANGE (d);
CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE FUNCTION app.f(i int) RETURNS int LANGUAGE sql AS 'SELECT i';
CREATE FUNCTION app.f(t text, n int) RETURNS text LANGUAGE sql AS 'SELECT t';
CREATE PROCEDURE app.p() LANGUAGE sql AS '';
CREATE FUNCTION app.tg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER stamp BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.tg();
CREATE SEQUENCE app.seq; CREATE TYPE app.mood AS ENUM ('a', 'b'); CREATE TYPE app.pair AS (a int, b int);
CREATE DOMAIN app.positive AS int CHECK (VALUE > 0);
CREATE TABLE "Mixed Case"."Odd ""T"" x" ("Id" int PRIMARY KEY, "a.b" int);
CREATE TABLE public."Order" (id int); CREATE TABLE renamed_later (id int PRIMARY KEY);
CREATE POLICY pol ON app.orders; CREATE RULE quiet AS ON UPDATE TO app.totals DO INSTEAD NOTHING;
ALTER TABLE app.copied RENAME COLUMN name TO full_name; ALTER TABLE renamed_later RENAME TO renamed;
ALTER TABLE app.orders ADD COLUMN note text; ALTER TABLE app.orders DROP COLUMN note;
CREATE TABLE gone (i int); DROP TABLE gone;
CREATE TEMP TABLE passing (i int);
CREATE EXTENSION pg_stat_statements;
SET session_replication_role = replica; CREATE TABLE app.missed (id int); RESET session_replication_role;
"""
# What the catalog has, one plain query per kind: type, schema, name, and what else a record may call it.
CATALOG = {
    "TABLE": "SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relkind IN ('r', 'p')",
    "VIEW": "SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relkind = 'v'",
    "MATERIALIZED_VIEW": "SELECT schemaname, matviewname, 0 FROM pg_matviews",
    "INDEX": "SELECT schemaname, indexname, 0 FROM pg_indexes",
    "SEQUENCE": "SELECT n.nspname, c.relname, 0 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relkind = 'S' AND c.relname !~ '_id_seq$' OR c.relname = 'customers_id_seq'",
    "COLUMN": "SELECT table_schema, table_name || '.' || column_name, 0 FROM information_schema.columns"
    " JOIN information_schema.tables USING (table_schema, table_name) WHERE table_type = 'BASE TABLE'",
    "FUNCTION": "SELECT n.nspname, proname || '(' || array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest("
    "proargtypes) AS t), ', ') || ')', p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
    " WHERE prokind = 'f'",
    "PROCEDURE": "SELECT n.nspname, proname || '()', p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
    " WHERE prokind = 'p'",
    "TRIGGER": "SELECT DISTINCT trigger_schema, event_object_table || '.' || trigger_name, 0"
    " FROM information_schema.triggers",
    "POLICY": "SELECT schemaname, tablename || '.' || policyname, 0 FROM pg_policies",
    "RULE": "SELECT schemaname, tablename || '.' || rulename, 0 FROM pg_rules",
    "TYPE": "SELECT n.nspname, typname, t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace"
    " WHERE typname IN ('mood', 'pair', 'positive')",
    "SCHEMA": "SELECT nspname, nspname, 0 FROM pg_namespace WHERE nspname <> 'public'",
    "CONSTRAINT": "SELECT n.nspname, c.relname || '.' || conname, 0 FROM pg_constraint k JOIN pg_class c"
    " ON c.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE contype IN ('c', 'f', 'p', 'u')",
}


def ours(schema: str) -> bool:
    """Whether the schema is the user's."""
    return not schema.startswith(("pg_", "pggit")) and schema != "information_schema"


def quoted(name: str) -> str:
    """The name as PostgreSQL prints it."""
    plain = name.replace("_", "a").isalnum() and name.islower() and name not in ("order",)
    return name if plain else '"' + name.replace('"', '""') + '"'


def expected(connection: psycopg.Connection) -> dict[str, Counter[str]]:
    """The verdicts per type, computed object by object."""
    records = {
        (kind, schema, name)
        for kind, schema, name in connection.execute(
            "SELECT object_type::text, schema_name, object_name FROM pggit.objects WHERE is_active"
        ).fetchall()
        if ours(schema)
    }
    members = {oid for (oid,) in connection.execute("SELECT objid FROM pg_depend WHERE deptype = 'e'").fetchall()} | {0}
    extension = {"pg_stat_statements", "pg_stat_statements_info"}
    seen: set[Name] = set()
    result = {kind: Counter[str]() for kind in CATALOG}
    for kind, query in CATALOG.items():
        for schema, name, oid in connection.execute(query.encode()).fetchall():
            if not ours(schema):
                continue
            if (oid and oid in members) or name in extension:
                seen |= {(kind, schema, str(oid)), (kind, schema, name)}
                continue
            relation = name.split(".")[0]
            right = {name, quoted(name), name.replace(relation, quoted(relation), 1)}
            if kind in ("FUNCTION", "PROCEDURE"):
                right |= {name.replace(", ", ",")}
            hits = {(kind, schema, spelling) for spelling in right} & records
            wrong = {
                record
                for record in records
                if record[0] == kind
                and (record[2] == f"{quoted(schema)}.{quoted(name)}" or (oid and record[2] == str(oid)))
            }
            seen |= hits | wrong
            result[kind]["tracked" if hits else "wrong name" if wrong else "missed"] += 1
    for kind, _, _ in records - seen:
        result[kind]["stale"] += 1
    return result


def coverage(connection: psycopg.Connection) -> dict[str, Counter[str]]:
    rows = connection.execute(
        "SELECT object_type, tracked, missed, wrong_name, stale, in_catalog FROM pggit_excellence.tracking_coverage()"
    ).fetchall()
    result = {}
    for kind, tracked, missed, wrong, stale, in_catalog in rows:
        assert in_catalog == tracked + missed + wrong
        counts = {"tracked": tracked, "missed": missed, "wrong name": wrong, "stale": stale}
        result[kind] = Counter({name: count for name, count in counts.items() if count})
    return result


def gaps(connection: psycopg.Connection, kind: str | None = None) -> set[tuple[str, ...]]:
    query = "SELECT gap, schema_name, object_name, recorded_as FROM pggit_excellence.tracking_gaps(%s)"
    return set(connection.execute(query, [kind]).fetchall())


@pytest.fixture
def zoo(pggit: psycopg.Connection) -> psycopg.Connection:
    pggit.execute(ZOO.encode())
    return pggit


def test_against_plain_computation(zoo: psycopg.Connection) -> None:
    counts = coverage(zoo)
    assert counts == expected(zoo)
    assert {verdict for kind in counts.values() for verdict in kind} == {"tracked", "missed", "wrong name", "stale"}


def test_faults_and_their_names(zoo: psycopg.Connection) -> None:
    assert ("missed", "app", "missed", None) in gaps(zoo, "TABLE")
    assert ("stale", "public", "renamed_later", "renamed_later") in gaps(zoo, "TABLE")
    assert ("wrong name", "Mixed Case", 'Odd "T" x', '"Mixed Case"."Odd ""T"" x"') in gaps(zoo, "TABLE")
    assert ("stale", "app", "orders.note", "orders.note") in gaps(zoo, "COLUMN")
    by_number = {name for gap, _, name, recorded in gaps(zoo, "FUNCTION") if gap == "wrong name" and recorded.isdigit()}
    assert by_number == {"f(integer)", "f(text, integer)", "tg()"}
    assert len(gaps(zoo)) == sum(counts.total() - counts["tracked"] for counts in coverage(zoo).values())
    before = coverage(zoo)["TABLE"]
    # Mended, they are gone.
    zoo.execute("ALTER TABLE app.missed ADD COLUMN more int")
    zoo.execute("UPDATE pggit.objects SET is_active = false WHERE object_name = 'renamed_later'")
    zoo.execute(
        "UPDATE pggit.objects SET object_name = 'Odd \"T\" x' WHERE object_name LIKE '%Odd%' AND object_type = 'TABLE'"
    )
    after = coverage(zoo)["TABLE"]
    assert after == Counter({"tracked": before["tracked"] + 2, "missed": 1}), "app.copied is still missed"


@pytest.mark.parametrize("spelling", ["f(integer)", '"f"(integer)', "app.f(integer)", "{oid}"])
def test_how_functions_are_recorded(zoo: psycopg.Connection, spelling: str) -> None:
    oid = zoo.execute("SELECT 'app.f(int)'::regprocedure::oid::text").fetchone()
    assert oid is not None
    recorded = spelling.format(oid=oid[0])
    zoo.execute("UPDATE pggit.objects SET object_name = %s WHERE object_name = %s", [recorded, oid[0]])
    found = {gap for gap, _, name, _ in gaps(zoo, "FUNCTION") if name == "f(integer)"}
    assert found == {"f(integer)": set(), '"f"(integer)': {"missed"}}.get(spelling, {"wrong name"})


def test_plain_name_of_overloaded_functions(zoo: psycopg.Connection) -> None:
    """A name alone says which only where there is one."""
    zoo.execute("DELETE FROM pggit.objects WHERE object_type = 'FUNCTION'")
    for name in ("f", "tg"):
        zoo.execute(
            "INSERT INTO pggit.objects (object_type, schema_name, object_name) VALUES ('FUNCTION', 'app', %s)", [name]
        )
    assert {(gap, name) for gap, _, name, _ in gaps(zoo, "FUNCTION")} == {
        ("wrong name", "f(integer)"),
        ("wrong name", "f(text, integer)"),
    }


def test_branches(zoo: psycopg.Connection) -> None:
    """Recorded on any branch is tracked; what only another branch has is not stale."""
    zoo.execute("INSERT INTO pggit.branches (name) VALUES ('feature')")
    for name in ("missed", "elsewhere"):
        zoo.execute(
            "INSERT INTO pggit.objects (object_type, schema_name, object_name, branch_name)"
            " VALUES ('TABLE', 'app', %s, 'feature')",
            [name],
        )
    assert {name for _, _, name, _ in gaps(zoo, "TABLE")} == {"copied", "renamed_later", 'Odd "T" x'}


def test_bad_input(plain: psycopg.Connection, zoo: psycopg.Connection) -> None:
    rows = plain.execute("SELECT object_type, note FROM pggit_excellence.tracking_coverage()").fetchall()
    assert rows == [(None, "pgGit is not installed in this database")]
    rows = plain.execute("SELECT gap, note FROM pggit_excellence.tracking_gaps()").fetchall()
    assert rows == [(None, "pgGit is not installed in this database")]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no such object type: 'table'") as caught:
        gaps(zoo, "table")
    assert "TABLE" in str(caught.value.diag.message_hint)


def bypasses(connection: psycopg.Connection) -> dict[str, tuple[str, str]]:
    rows = connection.execute("SELECT bypass, status, note FROM pggit_excellence.tracking_bypasses()").fetchall()
    return {name: (status, note) for name, status, note in rows}


def test_bypasses(pggit: psycopg.Connection) -> None:
    name = "trigger pggit_ddl_trigger"
    status, note = bypasses(pggit)[name]
    assert (status, "session_replication_role" in note) == ("open", True)
    remedies = pggit.execute(
        "SELECT remedy FROM pggit_excellence.tracking_bypasses() WHERE remedy IS NOT NULL"
    ).fetchall()
    assert len(remedies) == 2
    for (remedy,) in remedies:
        pggit.execute(remedy.encode())
    assert bypasses(pggit)[name] == ("closed", "fires in every session")
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE")
    assert bypasses(pggit)[name] == ("open", "does not fire: disabled")
    pggit.execute("DROP EVENT TRIGGER pggit_ddl_trigger")
    assert bypasses(pggit)[name] == ("open", "does not fire: missing")


def test_who_may_bypass(pggit: psycopg.Connection) -> None:
    if pggit.info.server_version < 150000:
        pytest.skip("GRANT SET ON PARAMETER came with PostgreSQL 15")
    pggit.execute('CREATE ROLE "Loader"')
    try:
        pggit.execute('GRANT SET ON PARAMETER session_replication_role TO "Loader"')
        assert '"Loader"' in bypasses(pggit)["trigger pggit_ddl_trigger"][1]
        pggit.execute('REVOKE SET ON PARAMETER session_replication_role FROM "Loader"')
        assert '"Loader"' not in bypasses(pggit)["trigger pggit_ddl_trigger"][1]
    finally:
        pggit.execute('DROP ROLE "Loader"')


def test_time_is_linear(pggit: psycopg.Connection) -> None:
    """2,000 tables: the time grows with the number of objects, not with its square."""

    def seconds(tables: Iterable[int]) -> float:
        pggit.execute("SET session_replication_role = replica")
        pggit.execute(
            b"DO $$ BEGIN FOR n IN %d..%d LOOP EXECUTE format('CREATE TABLE t%%s (a int, b int)', n); END LOOP; END $$"
            % (min(tables), max(tables))
        )
        pggit.execute("RESET session_replication_role")
        pggit.execute(
            "INSERT INTO pggit.objects (object_type, schema_name, object_name)"
            " SELECT 'TABLE', 'public', 't' || n FROM generate_series(%s::int, %s::int) AS n",
            [min(tables), max(tables)],
        )
        start = time.perf_counter()
        assert coverage(pggit)["TABLE"] == Counter({"tracked": max(tables)})
        return time.perf_counter() - start

    few, many = seconds(range(1, 201)), seconds(range(201, 2001))
    assert many / few < 30
