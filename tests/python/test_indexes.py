"""check_index_usage() and index_advice(): plant each fault, see it, mend it by the returned statement, see it gone.

What an index can serve is asked of the planner (EXPLAIN with enable_seqscan = off) and of the scan counters.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from conftest import FIXTURES, ROOT, MakeDatabase, flush_statistics
from pggit_excellence.server import Installation, Server

Row = dict[str, Any]
ALL = ["*"]


def rows(connection: psycopg.Connection, query: str, *values: object) -> list[Row]:
    """The answer to `query` as dictionaries."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


# Kinds that read counters: what the session did must be visible first.
COUNTED = {"unused", "sequential_scan", "collation", "statistics"}


def advice(connection: psycopg.Connection, *kinds: str, schemas: list[str] | None = ALL) -> list[Row]:
    """The findings of these kinds, with statistics of any age."""
    if COUNTED.intersection(kinds):
        flush_statistics(connection)
    query = "SELECT * FROM pggit_excellence.index_advice(%s, min_statistics_age => '0') WHERE kind = ANY (%s)"
    return rows(connection, query, schemas, list(kinds))


def only(found: list[Row]) -> Row:
    """The one finding there must be."""
    assert len(found) == 1, [row["finding_key"] for row in found]
    return found[0]


def plan(connection: psycopg.Connection, query: str) -> str:
    """The plan of `query` when sequential scans are to be avoided."""
    connection.execute("SET enable_seqscan = off")
    text = "\n".join(row[0] for row in connection.execute(f"EXPLAIN (COSTS OFF) {query}"))
    connection.execute("RESET enable_seqscan")
    return text


def scans_of_delete(connection: psycopg.Connection, delete: str, table: str) -> tuple[int, int]:
    """How many sequential and index scans of `table` a DELETE elsewhere costs."""
    query = "SELECT seq_scan, coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables WHERE relid = %s::regclass"
    connection.execute("SET enable_seqscan = off")
    with connection.transaction(force_rollback=True):
        # Before 15 the counts of earlier transactions stay until they are reported.
        before = connection.execute(query, [table]).fetchone() or (0, 0)
        connection.execute(delete)
        after = connection.execute(query, [table]).fetchone()
    connection.execute("RESET enable_seqscan")
    assert after is not None
    return after[0] - before[0], after[1] - before[1]


# --- unused -----------------------------------------------------------------------------------------------------------


def test_unused(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int, b int)")
    plain.execute("CREATE INDEX spare ON t (a, b DESC)")
    plain.execute("INSERT INTO t SELECT g, g FROM generate_series(1, 100) AS g")
    before = plain.execute("SELECT pg_get_indexdef('spare'::regclass)").fetchone()
    found = only(advice(plain, "unused"))
    assert (found["finding_key"], found["table_name"], found["index_name"]) == (
        "unused:public.spare",
        "public.t",
        "public.spare",
    )
    plain.execute(found["mend_sql"])
    assert advice(plain, "unused") == []
    plain.execute(found["undo_sql"])
    assert plain.execute("SELECT pg_get_indexdef('spare'::regclass)").fetchone() == before


def test_unused_near_misses(plain: psycopg.Connection) -> None:
    """Needed for something else than scans, used, or on a table without traffic."""
    plain.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    plain.execute("CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE, c int REFERENCES parent, d int NOT NULL, e int)")
    plain.execute("CREATE UNIQUE INDEX ON t (e)")
    plain.execute("CREATE UNIQUE INDEX identity ON t (d)")
    plain.execute("ALTER TABLE t REPLICA IDENTITY USING INDEX identity")
    plain.execute("CREATE INDEX ON t (c)")
    plain.execute("CREATE INDEX used ON t (a, e)")
    plain.execute("CREATE TABLE idle (a int)")
    plain.execute("CREATE INDEX ON idle (a)")
    plain.execute("CREATE TABLE parts (a int) PARTITION BY RANGE (a)")
    plain.execute("CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9)")
    plain.execute("CREATE INDEX ON parts (a)")
    plain.execute("INSERT INTO parts VALUES (1)")
    plain.execute("INSERT INTO t (a, d) VALUES (1, 1)")
    plain.execute("SET enable_seqscan = off")
    plain.execute("SET enable_sort = off")
    plain.execute("SELECT a, e FROM t ORDER BY a, e")
    assert advice(plain, "unused") == []


def test_young_statistics_say_so(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int)")
    plain.execute("CREATE INDEX ON t (a)")
    plain.execute("INSERT INTO t VALUES (1)")
    plain.execute("SELECT pg_stat_reset_single_table_counters('t'::regclass)")
    plain.execute("INSERT INTO t VALUES (1)")
    flush_statistics(plain)
    found = rows(plain, "SELECT * FROM pggit_excellence.index_advice(ARRAY['*'])")
    assert [(row["kind"], row["severity"], row["finding_key"]) for row in found] == [
        ("statistics", "unknown", "statistics:young")
    ]
    assert only(advice(plain, "unused", "statistics"))["kind"] == "unused"


def test_statistics_off_say_so(plain: psycopg.Connection) -> None:
    plain.execute("SET track_counts = off")
    assert only(advice(plain, "statistics"))["finding_key"] == "statistics:off"


@pytest.mark.parametrize("age", [None, "-1 day"])
def test_age_that_makes_no_sense(plain: psycopg.Connection, age: str | None) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="min_statistics_age must be"):
        plain.execute("SELECT * FROM pggit_excellence.index_advice('{*}', min_statistics_age => %s)", [age])


# --- duplicate and redundant ------------------------------------------------------------------------------------------

SPARE = [
    ("CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (a)", "two", "duplicate"),
    ("CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (a, b)", "one", "redundant"),
    ("CREATE INDEX one ON t (a)", "CREATE UNIQUE INDEX two ON t (a)", "one", "duplicate"),
    ("CREATE INDEX one ON t (a)", "ALTER TABLE t ADD PRIMARY KEY (a)", "one", "duplicate"),
    ("CREATE UNIQUE INDEX one ON t (a)", "ALTER TABLE t ADD PRIMARY KEY (a)", "one", "duplicate"),
    ("CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (a) INCLUDE (b)", "one", "redundant"),
    ("CREATE INDEX one ON t (a) INCLUDE (b, c)", "CREATE INDEX two ON t (a) INCLUDE (c, b)", "two", "duplicate"),
    ("CREATE INDEX one ON t (lower(c))", "CREATE INDEX two ON t (lower(c), a)", "one", "redundant"),
    ("CREATE INDEX one ON t (a) WHERE b > 1", "CREATE INDEX two ON t (a) WHERE b > 1", "two", "duplicate"),
    ("CREATE INDEX one ON t USING hash (c)", "CREATE INDEX two ON t USING hash (c)", "two", "duplicate"),
]

NO_SPARE = [
    ("CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (a DESC)"),
    ("CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (a NULLS FIRST)"),
    ("CREATE INDEX one ON t (c)", "CREATE INDEX two ON t (c text_pattern_ops)"),
    ("CREATE INDEX one ON t (c)", 'CREATE INDEX two ON t (c COLLATE "C")'),
    ("CREATE INDEX one ON t (a, b)", "CREATE INDEX two ON t (b, a)"),
    ("CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (b, a)"),
    ("CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (a) WHERE b > 1"),
    ("CREATE INDEX one ON t (a) WHERE b > 2", "CREATE INDEX two ON t (a) WHERE b > 1"),
    ("CREATE INDEX one ON t (lower(c))", "CREATE INDEX two ON t (upper(c))"),
    ("CREATE INDEX one ON t (c)", "CREATE INDEX two ON t USING hash (c)"),
    ("CREATE UNIQUE INDEX one ON t (a)", "CREATE INDEX two ON t (a, b)"),
    ("CREATE UNIQUE INDEX one ON t (a)", "CREATE UNIQUE INDEX two ON t (a, b)"),
    ("CREATE UNIQUE INDEX one ON t (a)", "ALTER TABLE t ADD UNIQUE (a) DEFERRABLE"),
    ("CREATE INDEX one ON t (a) INCLUDE (b)", "CREATE INDEX two ON t (a, c)"),
    ("ALTER TABLE t ADD PRIMARY KEY (a)", "ALTER TABLE t ADD UNIQUE (a)"),
]


def make_pairs(connection: psycopg.Connection, pairs: list[tuple[str, ...]]) -> list[str]:
    """A schema with a table and its two indexes for each pair."""
    schemas = [f"pair_{number}" for number in range(len(pairs))]
    for schema, (first, second, *_) in zip(schemas, pairs, strict=True):
        connection.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}")
        connection.execute(f"CREATE TABLE t (a int, b int, c text); {first}; {second}")
    return schemas


def test_spare_indexes(plain: psycopg.Connection) -> None:
    schemas = make_pairs(plain, SPARE)
    expected = sorted((f"{schema}.{pair[2]}", pair[3]) for schema, pair in zip(schemas, SPARE, strict=True))
    found = advice(plain, "duplicate", "redundant")
    assert sorted((row["index_name"], row["kind"]) for row in found) == expected
    for row in found:
        plain.execute(row["mend_sql"])
    assert advice(plain, "duplicate", "redundant") == []
    for row in found:
        plain.execute(row["undo_sql"])
    again = advice(plain, "duplicate", "redundant")
    assert sorted((row["index_name"], row["kind"]) for row in again) == expected


def test_no_spare_indexes(plain: psycopg.Connection) -> None:
    make_pairs(plain, NO_SPARE)
    assert [row["finding_key"] for row in advice(plain, "duplicate", "redundant")] == []


def test_replica_identity_and_nulls_not_distinct_are_no_spares(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int NOT NULL, b int)")
    plain.execute("CREATE UNIQUE INDEX one ON t (a)")
    plain.execute("ALTER TABLE t REPLICA IDENTITY USING INDEX one")
    plain.execute("ALTER TABLE t ADD PRIMARY KEY (a)")
    if plain.info.server_version >= 150000:
        plain.execute("CREATE UNIQUE INDEX ON t (b)")
        plain.execute("CREATE UNIQUE INDEX ON t (b) NULLS NOT DISTINCT")
    assert advice(plain, "duplicate", "redundant") == []


# --- invalid ----------------------------------------------------------------------------------------------------------


def test_invalid(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int)")
    plain.execute("INSERT INTO t VALUES (1), (1)")
    for name in ("broken", "broken_ccnew"):
        with pytest.raises(psycopg.errors.UniqueViolation):
            plain.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON t (a)")
    plain.execute("DELETE FROM t")
    assert [row["index_name"] for row in advice(plain, "invalid")] == ["public.broken", "public.broken_ccnew"]
    for row in advice(plain, "invalid"):
        plain.execute(row["mend_sql"])
    assert advice(plain, "invalid") == []
    left = plain.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 't'::regclass")
    assert left.fetchall() == [("broken",)]


def test_index_being_built_is_silent(server: Server, plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int)")
    unfinished = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND NOT indisvalid"
    with server.connect(plain.info.dbname) as builder, server.connect(plain.info.dbname) as writer:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t VALUES (1)")
        build = threading.Thread(target=builder.execute, args=("CREATE INDEX CONCURRENTLY slow ON t (a)",))
        build.start()
        deadline = time.monotonic() + 20
        while plain.execute(unfinished).fetchone() != (1,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert advice(plain, "invalid") == []
        writer.execute("COMMIT")
        build.join()
    assert plain.execute(unfinished).fetchone() == (0,)


# --- foreign keys -----------------------------------------------------------------------------------------------------

FK_USABLE = [
    "CREATE INDEX ON child (y, x)",
    "CREATE INDEX ON child (x, y, z)",
    "CREATE INDEX ON child (x, y) WHERE x IS NOT NULL",
    "CREATE INDEX ON child (x DESC, y) WHERE x IS NOT NULL AND y IS NOT NULL",
]
FK_USELESS = [
    "CREATE INDEX child_x_y_idx ON child (x)",
    "CREATE INDEX ON child (z, x, y)",
    "CREATE INDEX ON child (x, y) WHERE z > 0",
    "CREATE INDEX ON child (y, x) WHERE x IS NOT NULL OR z = 1",
    "CREATE INDEX ON child (x text_pattern_ops, (y + 0))",
    "CREATE INDEX ON child USING brin (x, y)",
]


@pytest.fixture
def foreign_key(plain: psycopg.Connection) -> psycopg.Connection:
    plain.execute("CREATE TABLE parent (x text, y bigint, PRIMARY KEY (x, y))")
    plain.execute("CREATE TABLE child (x text, y int, z int, FOREIGN KEY (x, y) REFERENCES parent)")
    plain.execute("INSERT INTO parent SELECT g::text, g FROM generate_series(1, 50) AS g")
    plain.execute("INSERT INTO child SELECT g::text, g, g FROM generate_series(1, 40) AS g")
    return plain


@pytest.mark.parametrize("index", FK_USABLE)
def test_foreign_key_with_index(foreign_key: psycopg.Connection, index: str) -> None:
    foreign_key.execute(index)
    assert scans_of_delete(foreign_key, "DELETE FROM parent WHERE y = 50", "child") == (0, 1)
    assert advice(foreign_key, "foreign_key") == []


@pytest.mark.parametrize("index", ["SELECT 1", *FK_USELESS])
def test_foreign_key_without_index(foreign_key: psycopg.Connection, index: str) -> None:
    foreign_key.execute(index)
    found = only(advice(foreign_key, "foreign_key"))
    assert (found["finding_key"], found["severity"]) == ("foreign_key:public.child.child_x_y_fkey", "info")
    foreign_key.execute(found["mend_sql"])
    assert advice(foreign_key, "foreign_key") == []
    assert scans_of_delete(foreign_key, "DELETE FROM parent WHERE y = 50", "child") == (0, 1)
    foreign_key.execute(found["undo_sql"])
    assert only(advice(foreign_key, "foreign_key"))["finding_key"] == found["finding_key"]


def test_foreign_key_of_partitioned_table(plain: psycopg.Connection) -> None:
    """Once, for the whole table."""
    plain.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    plain.execute("CREATE TABLE child (id int REFERENCES parent) PARTITION BY RANGE (id)")
    for start in (0, 10):
        plain.execute(f"CREATE TABLE child_{start} PARTITION OF child FOR VALUES FROM ({start}) TO ({start + 10})")
    found = only(advice(plain, "foreign_key"))
    assert found["table_name"] == "public.child"
    plain.execute(found["mend_sql"])
    assert advice(plain, "foreign_key", "invalid") == []


# --- collation mismatch: proved ---------------------------------------------------------------------------------------


@pytest.fixture
def people(plain: psycopg.Connection) -> psycopg.Connection:
    """A table of 2,000 rows with an index under the default collation."""
    plain.execute("CREATE TABLE people (id int, name text)")
    plain.execute("INSERT INTO people SELECT g, 'name ' || g FROM generate_series(1, 2000) AS g")
    plain.execute("CREATE INDEX people_name ON people (name)")
    plain.execute("ANALYZE people")
    return plain


# What makes the comparison, and a query whose plan shows it.
MISMATCHES = {
    "view": (
        "CREATE VIEW v AS SELECT p.id FROM pg_class AS c JOIN people AS p ON p.name = c.relname WHERE c.oid = 1259",
        "SELECT * FROM v",
    ),
    "view with a literal": ("CREATE VIEW v AS SELECT id FROM people WHERE name = 'x' COLLATE \"C\"", "SELECT * FROM v"),
    "view with a list": (
        "CREATE VIEW v AS SELECT id FROM people WHERE name = ANY (ARRAY['x', 'y'] COLLATE \"C\")",
        "SELECT * FROM v",
    ),
    "correlated subquery": (
        "CREATE VIEW v AS SELECT (SELECT max(id) FROM people WHERE name = c.relname) FROM pg_class AS c",
        "SELECT * FROM v",
    ),
    "materialized view": (
        "CREATE MATERIALIZED VIEW v AS SELECT id FROM people WHERE name = 'x' COLLATE \"C\"",
        "SELECT id FROM people WHERE name = 'x' COLLATE \"C\"",
    ),
    "function": (
        'CREATE FUNCTION f(n text) RETURNS int BEGIN ATOMIC SELECT id FROM people WHERE name = n COLLATE "C"; END',
        "SELECT id FROM people WHERE name = 'x' COLLATE \"C\"",
    ),
    "policy": (
        "CREATE POLICY p ON people USING (name = current_user)",
        "SELECT * FROM people WHERE name = current_user",
    ),
}


@pytest.mark.parametrize("what", MISMATCHES)
def test_collation_mismatch(people: psycopg.Connection, what: str) -> None:
    create, query = MISMATCHES[what]
    people.execute(create)
    assert "people_name" not in plan(people, query)
    found = only(advice(people, "collation"))
    assert found["finding_key"] == 'collation:public.people_name:pg_catalog."C"'
    assert (found["confidence"], found["table_name"]) == ("proved", "public.people")
    people.execute(found["mend_sql"])
    assert "people_name_c_idx" in plan(people, query)
    assert advice(people, "collation", "duplicate", "redundant") == []
    people.execute(found["undo_sql"])
    assert only(advice(people, "collation"))["finding_key"] == found["finding_key"]


NO_MISMATCHES = {
    "default collation": "SELECT id FROM people WHERE name = 'x'",
    "name of another table": "SELECT p.id FROM people AS p, pg_class AS c WHERE c.relname = 'x' AND p.name = 'y'",
    "both sides of one row": "SELECT id FROM people WHERE name = name || 'x' COLLATE \"C\"",
    "expression": "SELECT id FROM people WHERE lower(name) = 'x' COLLATE \"C\"",
    "no equality": "SELECT id FROM people WHERE name <> 'x' COLLATE \"C\"",
    "words that look like fields": 'SELECT ":opno".id AS ":inputcollid 950 {VAR" FROM people AS ":opno" '
    "WHERE name = ':inputcollid 950 :args ({VAR'",
}


def test_no_collation_mismatch(people: psycopg.Connection) -> None:
    for number, select in enumerate(NO_MISMATCHES.values()):
        people.execute(f"CREATE VIEW v{number} AS {select}")
    assert [row["evidence"] for row in advice(people, "collation")] == []


def test_collation_of_a_later_key_column(people: psycopg.Connection) -> None:
    """It matters only to lookups that also compare the columns before it."""
    people.execute("DROP INDEX people_name; CREATE INDEX people_id_name ON people (id, name)")
    people.execute("CREATE VIEW by_name AS SELECT id FROM people WHERE name = 'x' COLLATE \"C\"")
    assert advice(people, "collation") == []
    people.execute("CREATE VIEW by_both AS SELECT id FROM people WHERE id = 1 AND name = 'x' COLLATE \"C\"")
    assert "Filter: (name =" in plan(people, "SELECT * FROM by_both")
    people.execute(only(advice(people, "collation"))["mend_sql"])
    assert "Filter" not in plan(people, "SELECT * FROM by_both")
    assert advice(people, "collation") == []


def test_operator_that_the_index_does_not_know(people: psycopg.Connection) -> None:
    """text_pattern_ops lacks text = name, so no collation makes such an index useful for it."""
    people.execute(MISMATCHES["view"][0])
    people.execute("DROP INDEX people_name; CREATE INDEX people_name ON people (name text_pattern_ops)")
    people.execute('CREATE INDEX same_collation ON people (name COLLATE "C" text_pattern_ops)')
    assert "on people" in plan(people, MISMATCHES["view"][1])
    assert "same_collation" not in plan(people, MISMATCHES["view"][1])
    people.execute("DROP INDEX same_collation")
    assert advice(people, "collation") == []
    people.execute("CREATE INDEX people_plain ON people (name)")
    assert only(advice(people, "collation"))["index_name"] == "public.people_plain"


def test_collation_mismatch_of_tiny_table_is_silent(people: psycopg.Connection) -> None:
    people.execute(MISMATCHES["view"][0])
    people.execute("DELETE FROM people WHERE id > 900")
    flush_statistics(people)
    people.execute("VACUUM ANALYZE people")
    assert advice(people, "collation") == []


def test_collation_mismatch_in_database_that_sorts_as_c(server: Server, make_database: MakeDatabase) -> None:
    """The planner compares collations by identity: a default that sorts like "C" is another one still."""
    name = make_database("empty") + "_c"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C'")
    with server.connect(name) as connection:
        connection.execute("CREATE EXTENSION pggit_excellence")
        connection.execute(
            "CREATE TABLE people AS SELECT g AS id, 'name ' || g AS name FROM generate_series(1, 2000) AS g"
        )
        connection.execute("CREATE INDEX people_name ON people (name)")
        connection.execute(MISMATCHES["view"][0])
        assert "people_name" not in plan(connection, "SELECT * FROM v")
        assert only(advice(connection, "collation"))["index_name"] == "public.people_name"
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {name}")


def foreign_key_on_names(connection: psycopg.Connection, referenced: str, index: str) -> None:
    """Two tables of 2,000 names, the referenced one under the collation `referenced`."""
    connection.execute(f"CREATE TABLE parent (name text COLLATE {referenced} PRIMARY KEY)")
    connection.execute("CREATE TABLE child (name text REFERENCES parent ON DELETE CASCADE)")
    connection.execute(f"CREATE INDEX child_name ON child ({index})")
    connection.execute("INSERT INTO parent SELECT g::text FROM generate_series(1, 2000) AS g")
    connection.execute("INSERT INTO child SELECT g::text FROM generate_series(1, 2000) AS g")
    connection.execute("ANALYZE")


DELETE_NAME = "DELETE FROM parent WHERE name = '7'"


def test_foreign_key_between_deterministic_collations(plain: psycopg.Connection) -> None:
    """Its searches run under the referencing column's collation."""
    foreign_key_on_names(plain, '"C"', "name")
    assert scans_of_delete(plain, DELETE_NAME, "child") == (0, 1)
    assert advice(plain, "collation", "foreign_key") == []


@pytest.mark.parametrize("referenced", ["the index's", "not deterministic"])
def test_collation_mismatch_of_foreign_key(plain: psycopg.Connection, referenced: str) -> None:
    if referenced == "not deterministic":
        if plain.info.server_version >= 180000:
            pytest.skip("18 refuses such a foreign key")
        plain.execute("CREATE COLLATION loose (provider = icu, locale = 'und', deterministic = false)")
        foreign_key_on_names(plain, "loose", "name")
    else:
        foreign_key_on_names(plain, '"C"', 'name COLLATE "C"')
    assert scans_of_delete(plain, DELETE_NAME, "child") == (1, 0)
    assert advice(plain, "foreign_key") == []
    found = only(advice(plain, "collation"))
    assert found["confidence"] == "proved"
    plain.execute(found["mend_sql"])
    assert scans_of_delete(plain, DELETE_NAME, "child") == (0, 1)
    assert advice(plain, "collation", "foreign_key") == []
    plain.execute("DROP INDEX child_name")
    plain.execute(found["undo_sql"])
    plain.execute(only(advice(plain, "foreign_key"))["mend_sql"])
    assert scans_of_delete(plain, DELETE_NAME, "child") == (0, 1)
    assert advice(plain, "collation", "foreign_key") == []


# --- collation mismatch and sequential scans: likely ------------------------------------------------------------------

LOOKUP = (
    "SELECT id FROM pggit.objects WHERE object_type = 'TABLE' "
    "AND schema_name = 'app' COLLATE \"C\" AND object_name = 't1' COLLATE \"C\" AND branch_name = 'main'"
)


def track_objects(pggit: psycopg.Connection, objects: int) -> None:
    """Fill pggit.objects statement by statement: its VACUUM cannot run in a transaction."""
    script = (FIXTURES / "track_objects.sql").read_text(encoding="utf-8").replace(":objects", str(objects))
    for statement in filter(str.strip, script.split(";\n")):
        pggit.execute(statement)


@pytest.fixture
def busy_pggit(pggit: psycopg.Connection) -> psycopg.Connection:
    """The stand-in after 60 DDL statements on 1,500 tracked objects."""
    track_objects(pggit, 1500)
    pggit.execute("CREATE SCHEMA app")
    for number in range(60):
        pggit.execute(f"CREATE TABLE app.t{number} (a int, b int, c int)")
    return pggit


def test_pggit_is_found_and_mended(busy_pggit: psycopg.Connection) -> None:
    assert "schema_name" not in plan(busy_pggit, LOOKUP).partition("Filter")[0]
    found = only(advice(busy_pggit, "collation", schemas=None))
    assert (found["confidence"], found["table_name"]) == ("likely", "pggit.objects")
    assert found["evidence"].startswith("schema_name, object_name compared under collation")
    assert "function pggit.ensure_object(" in found["evidence"]
    missing = only(advice(busy_pggit, "sequential_scan", schemas=None))
    assert missing["finding_key"] == "sequential_scan:pggit.objects.full_name"

    busy_pggit.execute(found["mend_sql"])
    assert "schema_name" in plan(busy_pggit, LOOKUP).partition("Filter")[0]
    assert advice(busy_pggit, "collation", schemas=None) == []
    busy_pggit.execute(missing["mend_sql"])
    assert advice(busy_pggit, "sequential_scan", schemas=None) == []

    query = "SELECT seq_scan FROM pg_stat_user_tables WHERE relid = 'pggit.objects'::regclass"
    flush_statistics(busy_pggit)
    before = busy_pggit.execute(query).fetchone()
    busy_pggit.execute("ALTER TABLE app.t1 ADD d int")
    flush_statistics(busy_pggit)
    assert busy_pggit.execute(query).fetchone() == before


def test_pggit_near_misses(busy_pggit: psycopg.Connection) -> None:
    """The same scans, but the index is there, or nothing shows that names of the catalog reach the comparison."""
    wrong = ("collation", "sequential_scan")
    found = only(advice(busy_pggit, "collation", schemas=None))
    with busy_pggit.transaction(force_rollback=True):
        busy_pggit.execute('CREATE INDEX ON pggit.objects (full_name COLLATE "C")')
        columns = 'object_type, schema_name COLLATE "C", object_name COLLATE "C", branch_name COLLATE "C"'
        busy_pggit.execute(f"CREATE INDEX sibling ON pggit.objects ({columns})")
        assert advice(busy_pggit, *wrong, schemas=None) == []
        busy_pggit.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pggit.sibling'::regclass")
        assert only(advice(busy_pggit, *wrong, schemas=None))["finding_key"] == found["finding_key"]
    with busy_pggit.transaction(force_rollback=True):
        source = busy_pggit.execute("SELECT pg_get_functiondef('pggit.handle_ddl_command'::regproc)").fetchone()
        assert source is not None
        harmless = source[0].replace("information_schema.columns", "my_columns")
        commented = harmless.replace("BEGIN\n", "BEGIN\n-- not information_schema\n", 1)
        busy_pggit.execute(commented)
        assert advice(busy_pggit, "collation", schemas=None) == []
    with busy_pggit.transaction(force_rollback=True):
        busy_pggit.execute("DROP EVENT TRIGGER pggit_ddl_trigger")
        assert advice(busy_pggit, *wrong, schemas=None) == []
    assert only(advice(busy_pggit, "collation", schemas=None))["finding_key"] == found["finding_key"]


def test_counts_from_before_the_tuning(pggit: psycopg.Connection) -> None:
    """Above 10,000 rows the counts alone are a finding: a warning until every known lookup has its index."""
    track_objects(pggit, 11000)
    for number in range(30):
        pggit.execute(f"CREATE TABLE t{number} (a int, b int, c int, d int)")
    flush_statistics(pggit)
    assert [row["severity"] for row in advice(pggit, "collation", "sequential_scan", schemas=None)] == ["warning"] * 2
    pggit.execute("SELECT * FROM pggit_excellence.tune_tracking(false)")
    left = only(advice(pggit, "collation", "sequential_scan", schemas=None))
    assert (left["finding_key"], left["severity"]) == ("sequential_scan:pggit.objects", "info")
    pggit.execute(left["mend_sql"])
    pggit.execute("CREATE TABLE after (a int, b int, c int, d int)")
    assert advice(pggit, "collation", "sequential_scan", schemas=None) == []


def test_cold_pggit_is_silent(pggit: psycopg.Connection) -> None:
    pggit.execute("CREATE TABLE a (b int)")
    assert advice(pggit, "collation", "sequential_scan", schemas=None) == []


@pytest.mark.parametrize(("size", "expected"), [(20000, ["sequential_scan:public.t"]), (900, [])])
def test_sequential_scans(plain: psycopg.Connection, size: int, expected: list[str]) -> None:
    plain.execute(f"CREATE TABLE t AS SELECT g AS a FROM generate_series(1, {size}) AS g")
    for _ in range(120):
        plain.execute("SELECT count(*) FROM t WHERE a = 7")
    assert [row["finding_key"] for row in advice(plain, "sequential_scan")] == expected
    plain.execute("SELECT pg_stat_reset_single_table_counters('t'::regclass)")
    plain.execute("CREATE INDEX ON t (a)")
    plain.execute("SELECT count(*) FROM t WHERE a = 7")
    assert advice(plain, "sequential_scan") == []


SCAN = "SELECT count(*) FROM t WHERE b = 7"
# How often which query runs, and whether that makes the table hot.
SCANS = {
    "often": (120, SCAN, True),
    "not often": (90, SCAN, False),
    "the first rows only": (120, "SELECT count(*) FROM (SELECT b FROM t LIMIT 500) AS s", False),
}


@pytest.mark.parametrize("what", SCANS)
def test_what_makes_a_table_hot(plain: psycopg.Connection, what: str) -> None:
    count, query, is_hot = SCANS[what]
    plain.execute("CREATE TABLE t AS SELECT g AS a, g AS b FROM generate_series(1, 10000) AS g")
    plain.execute("CREATE INDEX ON t (a)")
    plain.execute("ANALYZE t")
    flush_statistics(plain)
    plain.execute("SELECT pg_stat_reset_single_table_counters('t'::regclass)")
    for _ in range(count):
        plain.execute(query)
    assert [row["finding_key"] for row in advice(plain, "sequential_scan")] == (
        ["sequential_scan:public.t"] if is_hot else []
    )


# --- bloat ------------------------------------------------------------------------------------------------------------


def test_bloat(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t AS SELECT g AS a FROM generate_series(1, 80000) AS g")
    plain.execute("CREATE INDEX fat ON t (a)")
    plain.execute("DELETE FROM t WHERE a % 10 <> 0")
    plain.execute("VACUUM ANALYZE t")
    found = only(advice(plain, "bloat"))
    assert (found["finding_key"], found["confidence"]) == ("bloat:public.fat", "estimate")
    plain.execute(found["mend_sql"])
    assert advice(plain, "bloat") == []


@pytest.mark.parametrize(
    "key", ["a", "a, b", "b", "c", "a, c", "lower(b)", "a) INCLUDE (b", "a) WITH (fillfactor = 50"]
)
def test_fresh_index_is_not_bloated(plain: psycopg.Connection, key: str) -> None:
    """And the estimate is near enough to the truth to notice when it doubles."""
    plain.execute(
        "CREATE TABLE t AS SELECT g AS a, 'some text ' || g AS b, CASE WHEN g % 2 = 0 THEN g::smallint END AS c "
        "FROM generate_series(1, 30000) AS g"
    )
    plain.execute("ALTER TABLE t ALTER a TYPE bigint")
    plain.execute(f"CREATE INDEX i ON t ({key})")
    plain.execute("VACUUM ANALYZE t")
    assert advice(plain, "bloat", "statistics") == []


def test_bloat_is_unknown_without_statistics(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t AS SELECT g AS a FROM generate_series(1, 80000) AS g")
    plain.execute("CREATE INDEX fat ON t (a)")
    assert only(advice(plain, "bloat", "statistics"))["finding_key"] == "statistics:bloat"


# What is done to a bloated index or beside it, and what is said then.
BLOAT = {
    "below 1 MB": ("CREATE INDEX i ON t (a) WHERE a <= 20000", []),
    "half of it deleted": ("CREATE INDEX i ON t (b)", []),
    "hash": ("CREATE INDEX i ON t USING hash (a)", []),
    "invalid": (
        "CREATE INDEX i ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
        [],
    ),
    "no statistics of one column": (
        "CREATE INDEX i ON t (a, b); ALTER TABLE t ALTER b SET STATISTICS 0",
        ["statistics:bloat"],
    ),
    "bloated": ("CREATE INDEX i ON t (a)", ["bloat:public.i"]),
}


@pytest.mark.parametrize("what", BLOAT)
def test_what_counts_as_bloat(plain: psycopg.Connection, what: str) -> None:
    create, expected = BLOAT[what]
    plain.execute("CREATE TABLE t AS SELECT g AS a, g AS b FROM generate_series(1, 80000) AS g")
    plain.execute(create)
    plain.execute(f"DELETE FROM t WHERE a % 10 < {4 if what == 'half of it deleted' else 9}")
    plain.execute("VACUUM ANALYZE t")
    assert [row["finding_key"] for row in advice(plain, "bloat", "statistics")] == expected


# --- exclusions, names, privileges ------------------------------------------------------------------------------------


def test_exclusions(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int)")
    plain.execute("CREATE INDEX one ON t (a)")
    plain.execute("CREATE INDEX two ON t (a)")
    key = only(advice(plain, "duplicate"))["finding_key"]
    plain.execute("SELECT pggit_excellence.exclude_finding(%s, 'kept for a test')", [key])
    assert advice(plain, "duplicate") == []
    shown = (
        "SELECT excluded FROM pggit_excellence.index_advice('{*}', include_excluded => true) WHERE kind = 'duplicate'"
    )
    assert plain.execute(shown).fetchall() == [(True,)]
    plain.execute("SELECT pggit_excellence.include_finding(%s)", [key])
    assert plain.execute(shown).fetchall() == [(False,)]

    plain.execute("SELECT pggit_excellence.exclude_finding(%s, 'for a moment', now() + interval '1 hour')", [key])
    assert advice(plain, "duplicate") == []
    plain.execute("UPDATE pggit_excellence.finding_exclusions SET expires_at = now() - interval '1 second'")
    assert only(advice(plain, "duplicate"))["finding_key"] == key


def test_exclusion_hides_one_finding_until_it_expires(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int, b int)")
    for name, column in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")):
        plain.execute(f"CREATE INDEX {name} ON t ({column})")
    plain.execute("SELECT pggit_excellence.exclude_finding('duplicate:public.a2', 'kept', now() + interval '1 hour')")
    assert only(advice(plain, "duplicate"))["finding_key"] == "duplicate:public.b2"
    shown = (
        "SELECT finding_key, excluded FROM pggit_excellence.index_advice('{*}', include_excluded => true) "
        "WHERE kind = 'duplicate'"
    )
    assert plain.execute(shown).fetchall() == [("duplicate:public.a2", True), ("duplicate:public.b2", False)]
    plain.execute("UPDATE pggit_excellence.finding_exclusions SET expires_at = now() - interval '1 second'")
    assert plain.execute(shown).fetchall() == [("duplicate:public.a2", False), ("duplicate:public.b2", False)]


def test_keys_survive_dump_and_restore(
    installation: Installation, server: Server, plain: psycopg.Connection, make_database: MakeDatabase, tmp_path: Path
) -> None:
    """An exclusion made before is still the right one afterwards, although every OID is another."""
    pg_dump, pg_restore = installation.program("pg_dump"), installation.program("pg_restore")
    if pg_dump is None or pg_restore is None:
        pytest.skip("no pg_dump that suits this server")
    plain.execute('CREATE SCHEMA "Sh.op"; SET search_path = "Sh.op"')
    plain.execute("CREATE TABLE parent (id int PRIMARY KEY, name text)")
    plain.execute('CREATE TABLE "chi""ld" (id int PRIMARY KEY, parent_id int REFERENCES parent, a int, b int)')
    plain.execute("CREATE INDEX parent_name ON parent (name)")
    plain.execute('CREATE INDEX "Ä 1" ON "chi""ld" (a)')
    plain.execute('CREATE INDEX "Ä 2" ON "chi""ld" (a, b)')
    plain.execute("CREATE VIEW v AS SELECT id FROM parent WHERE name = 'x' COLLATE \"C\"")
    plain.execute("INSERT INTO parent SELECT g, g::text FROM generate_series(1, 2000) AS g")
    plain.execute('INSERT INTO "chi""ld" SELECT g, g, g, g FROM generate_series(1, 2000) AS g')
    kinds = ("collation", "duplicate", "foreign_key", "redundant", "unused")
    before = advice(plain, *kinds)
    assert {row["kind"] for row in before} == set(kinds) - {"duplicate"}

    dump, copy = tmp_path / "dump", make_database("plain")
    for command in (
        [pg_dump, "-Fc", "-n", '"Sh.op"', "-f", dump, "-d", server.dsn(plain.info.dbname)],
        [pg_restore, "-d", server.dsn(copy), dump],
    ):
        subprocess.run(command, check=True, capture_output=True, env=server.environment)
    with server.connect(copy) as restored:
        assert [row["finding_key"] for row in advice(restored, *kinds)] == [row["finding_key"] for row in before]


HOSTILE = 'We"ird.\n%s Schäma'


def test_hostile_names(plain: psycopg.Connection) -> None:
    """Every kind with names that need quoting: the statements run and the findings go."""
    q = psycopg.sql.Identifier
    names = {
        "s": q(HOSTILE),
        "t": q(HOSTILE, 'T"able.\n1'),
        "p": q(HOSTILE, "Pär:ent {VAR"),
        "v": q(HOSTILE, "v\\iew :opno 98"),
        "col": q('C"ol )(\n IS NOT NULL'),
        "i": q('In"dex.\n' + "ä" * 22),
        "d": q('In"dex.\nz'),
        "o": q('O"ther'),
        "u": q('In"valid\n'),
    }
    for statement in (
        "CREATE SCHEMA {s}",
        'CREATE TABLE {p} ({col} text COLLATE "C" PRIMARY KEY)',
        "CREATE TABLE {t} ({col} text REFERENCES {p}, n int)",
        "CREATE INDEX {i} ON {t} ({col})",
        "CREATE INDEX ON {t} (n)",
        "CREATE INDEX {d} ON {t} (n)",
        "CREATE VIEW {v} AS SELECT {t}.n FROM {t} WHERE {t}.{col} = 'x' COLLATE \"C\"",
        "INSERT INTO {p} SELECT g::text FROM generate_series(1, 2000) AS g",
        "INSERT INTO {t} SELECT g::text, 1 FROM generate_series(1, 2000) AS g",
        "CREATE TABLE {s}.other ({col} text REFERENCES {p}, {d} int)",
        "CREATE INDEX {o} ON {s}.other ({d})",
        "INSERT INTO {s}.other VALUES ('1', 1)",
        "ANALYZE",
    ):
        plain.execute(psycopg.sql.SQL(statement).format(**names))
    with pytest.raises(psycopg.errors.UniqueViolation):
        plain.execute(psycopg.sql.SQL("CREATE UNIQUE INDEX CONCURRENTLY {u} ON {t} (n)").format(**names))
    plain.execute(psycopg.sql.SQL("TRUNCATE {t}").format(**names))
    plain.execute(
        psycopg.sql.SQL("INSERT INTO {t} SELECT g::text, g FROM generate_series(1, 2000) AS g").format(**names)
    )
    kinds = ("invalid", "collation", "foreign_key", "duplicate", "unused")
    seen = set()
    for _ in range(10):
        found = advice(plain, *kinds, schemas=[HOSTILE])
        if not found:
            break
        seen.add(found[0]["kind"])
        assert found[0]["finding_key"].startswith(f"{found[0]['kind']}:" + '"We""ird.\n%s Schäma".')
        plain.execute(found[0]["mend_sql"].replace("%", "%%"), [])
    assert seen == set(kinds)
    assert advice(plain, *kinds, schemas=[HOSTILE]) == []


def test_monitoring_role_reads_and_cannot_exclude(plain: psycopg.Connection) -> None:
    """Also in a transaction that may not write, as on a standby; hidden column statistics are mentioned."""
    plain.execute("CREATE TABLE t AS SELECT g AS a FROM generate_series(1, 80000) AS g")
    plain.execute("CREATE INDEX fat ON t (a)")
    plain.execute("ANALYZE t")
    plain.execute("SET ROLE pg_monitor")
    plain.execute("SET default_transaction_read_only = on")
    assert only(advice(plain, "statistics"))["finding_key"] == "statistics:bloat"
    assert len(rows(plain, "SELECT * FROM pggit_excellence.check_index_usage(ARRAY['public'])")) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        plain.execute("SELECT pggit_excellence.exclude_finding('a', 'b')")


# --- check_index_usage ------------------------------------------------------------------------------------------------


def test_usage(plain: psycopg.Connection) -> None:
    """Against pg_stat_user_indexes and plain arithmetic."""
    plain.execute("CREATE TABLE t (a int PRIMARY KEY, b int)")
    plain.execute("CREATE INDEX never ON t (b)")
    plain.execute("CREATE TABLE idle (a int PRIMARY KEY)")
    plain.execute("INSERT INTO t SELECT g, g FROM generate_series(1, 1000) AS g")
    flush_statistics(plain)
    plain.execute("SET enable_indexonlyscan = off")
    plain.execute("SELECT pg_stat_reset()")  # building an index counts as a sequential scan
    plain.execute("SELECT count(*) FROM t")
    plain.execute("SET enable_seqscan = off")
    for _ in range(3):
        plain.execute("SELECT b FROM t WHERE a < 3")
    flush_statistics(plain)
    truth = "SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 't_pkey'"
    assert plain.execute(truth).fetchone() == (3, 6)
    usage = rows(plain, "SELECT * FROM pggit_excellence.check_index_usage(ARRAY['public'])")
    assert [tuple(row.values())[:6] for row in usage] == [
        ("public.idle", "public.idle_pkey", 0, 0, None, None),
        ("public.t", "public.never", 0, 0, 0, None),
        ("public.t", "public.t_pkey", 3, 6, 75, 2),
    ]
    assert [row["note"] for row in usage] == [
        "the table was not read since the statistics count",
        "not used since the statistics count",
        "",
    ]


def test_usage_of_partitioned_index_is_the_sum(plain: psycopg.Connection) -> None:
    plain.execute("CREATE TABLE t (a int PRIMARY KEY) PARTITION BY RANGE (a)")
    plain.execute("CREATE TABLE t0 PARTITION OF t FOR VALUES FROM (0) TO (10)")
    plain.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (a)")
    plain.execute("CREATE TABLE t10 PARTITION OF t1 FOR VALUES FROM (10) TO (20)")
    flush_statistics(plain)
    plain.execute("SELECT pg_stat_reset()")
    plain.execute("SET enable_seqscan = off")
    for key in (1, 2, 11):
        plain.execute(f"SELECT a FROM t WHERE a = {key}")
    flush_statistics(plain)
    usage = rows(plain, "SELECT * FROM pggit_excellence.check_index_usage(ARRAY['public'])")
    assert [(row["index_name"], row["index_scans"], row["note"]) for row in usage] == [
        ("public.t_pkey", 3, "sum of 2 partitions"),
        ("public.t0_pkey", 2, ""),
        ("public.t1_pkey", 1, "sum of 1 partitions"),
        ("public.t10_pkey", 1, ""),
    ]
    assert [row["effectiveness"] for row in usage] == [100, 100, 100, 100]


def test_guide_queries_run(busy_pggit: psycopg.Connection) -> None:
    guide = (ROOT / "docs" / "guides" / "INDEXES.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    assert len(queries) == 4
    for query in queries:
        busy_pggit.execute(query)
