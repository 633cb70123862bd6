"""Every argument of every public function, each in turn NULL or absurd: rows, or an error that says what to do.

A function that is added later is covered without a change here.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

pytestmark = pytest.mark.once  # the checks of arguments are plain SQL, the same on every major

# What nobody means, by type. A value that this server's type refuses is left out.
BAD = {
    "text[]": [
        "NULL", "{}", "{NULL}", "{pggit,NULL}", "{no such}", "{*,pggit}", "{{pggit,pggit},{pggit,public}}", "[0:0]={*}",
        '{"a\nb\\"c.D\'; --"}',
    ],
    "numeric": ["NULL", "-1", "0", "1e300", "NaN", "Infinity", "-Infinity"],
    "double precision": ["NULL", "-1", "0", "1e308", "NaN", "Infinity", "-Infinity"],
    "double precision[]": ["NULL", "{}", "{NULL}", "{0.5,NULL}", "{-1}", "{NaN}", "{1e308}", "{{0.5},{0.9}}"],
    "boolean[]": ["NULL", "{}", "{NULL}", "{t}", "{{t},{f}}"],
    "integer[]": ["NULL", "{}", "{NULL}", "{0}", "{2147483647}", "{{1},{2}}"],
    "uuid": ["NULL"],
    "integer": ["NULL", "-1", "0", "2147483647", "-2147483648"],
    "bigint": ["NULL", "-1", "0", "9223372036854775807", "-9223372036854775808"],
    "interval": [
        "NULL", "-1 day", "0", "1000000 years", "178000000 years", "-178000000 years",
        "2147483647 months 2147483647 days", "infinity", "-infinity",
    ],
    "boolean": ["NULL", "true", "false"],
    "text": ["NULL", "", " ", "no such", "a\nb\"c.D'; --", "\\", "x" * 100_000],
    "bytea": ["NULL", "", r"\x00"],
    "jsonb": ["NULL", "null", "[]", "1", '"text"', "{}"],
    "timestamp with time zone": ["NULL", "2000-01-01", "294276-12-31", "infinity", "-infinity"],
}  # fmt: skip
# For the arguments that have no default while another one is tried.
GOOD = {
    "text": "pggit",
    "uuid": "00000000-0000-0000-0000-000000000001",
    "double precision": "1",
    "bigint": "1",
    "integer": "1",
    "bytea": r"\x00",
    "jsonb": "{}",
    "timestamp with time zone": "2026-01-01",
}

FUNCTIONS = """
    SELECT p.proname::text, p.pronargdefaults, coalesce(p.proargnames[1:p.pronargs], '{}'),
           ARRAY(SELECT format_type(t.type, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, number)
                 ORDER BY t.number)
    FROM pg_proc AS p
    WHERE p.pronamespace = 'pggit_excellence'::regnamespace AND p.proname NOT LIKE '\\_%%' AND p.prokind = 'f'
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) AND p.proname LIKE %s
    ORDER BY 1, p.oid"""

# An error of PostgreSQL's insides, of arithmetic or of a constraint is not an answer to a caller.
INTERNAL = ("XX", "P0004", "22003", "22008", "22012", "23", "42601", "42804", "42883")
# Values that never mean anything: what accepts them would answer a question that nobody asked.
SENSELESS = {"NaN", "-Infinity", "-infinity"}


def literal(bad: str, kind: str) -> str:
    return f"NULL::{kind}" if bad == "NULL" else "E'" + bad.replace("\\", "\\\\").replace("'", "\\'") + f"'::{kind}"


def calls(connection: psycopg.Connection, functions: str) -> Iterator[tuple[str, str, str]]:
    """(call, type, bad value): each argument in turn, the others with their defaults."""
    for name, defaults, names, types in connection.execute(FUNCTIONS, [functions]).fetchall():
        required = len(types) - defaults
        for argument, kind in zip(names, types, strict=True):
            for bad in BAD[kind]:
                try:
                    connection.execute(f"SELECT {literal(bad, kind)}")
                except psycopg.DataError:
                    continue
                arguments = {names[i]: literal(GOOD[types[i]], types[i]) for i in range(required)}
                arguments[argument] = literal(bad, kind)
                text = ", ".join(f"{key} => {value}" for key, value in arguments.items())
                yield f"pggit_excellence.{name}({text})", kind, bad


def complaints(connection: psycopg.Connection, functions: str = "%") -> list[str]:
    """What is wrong with the answers of the functions whose name is like that."""
    found = []
    for call, kind, bad in calls(connection, functions):
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(f"SELECT * FROM {call}").fetchall()
        except psycopg.Error as error:
            diag = error.diag
            if str(diag.sqlstate).startswith(INTERNAL) or not diag.message_hint:
                found.append(
                    f"{call[:200]}: {diag.sqlstate} {str(diag.message_primary)[:200]}; HINT: {diag.message_hint}"
                )
        else:
            if bad in SENSELESS and kind != "timestamp with time zone" and "min_idle" not in call:
                found.append(f"{call[:200]}: accepted")
    return found


def test_every_argument(pggit: psycopg.Connection) -> None:
    assert len(list(calls(pggit, "%"))) > 100
    assert complaints(pggit) == []


@pytest.mark.parametrize(
    ("definition", "seen"),
    [
        ("bad(since interval DEFAULT '1 day') RETURNS timestamptz RETURN now() - since", "22008"),
        ("bad(share numeric DEFAULT 1) RETURNS numeric RETURN 1 / share", "22012"),
        ("bad(share numeric DEFAULT 1) RETURNS boolean RETURN share > 1", "accepted"),
        ("bad(name text DEFAULT 'pggit') RETURNS regclass RETURN name::regclass", "42P01"),
    ],
)
def test_a_careless_function_is_seen(pggit: psycopg.Connection, definition: str, seen: str) -> None:
    pggit.execute(f"CREATE FUNCTION pggit_excellence.{definition}")
    found = complaints(pggit, "bad")
    assert found
    assert all("pggit_excellence.bad(" in complaint for complaint in found)
    assert any(seen in complaint for complaint in found)


@pytest.mark.parametrize(
    "call",
    [
        "connection_saturation(NULL)",
        "connection_saturation(critical_percent => NULL)",
        "connection_saturation('NaN')",
        "connection_saturation(-1)",
        "idle_in_transaction(NULL)",
        "index_advice(min_statistics_age => NULL)",
        "index_advice(min_statistics_age => '-1 day')",
        "upgrade_error_rate('-1 day')",
        "upgrade_error_rate('0')",
        "start_upgrade(NULL)",
        "start_upgrade(' ')",
        "start_upgrade('1', component => NULL)",
    ],
)
def test_no_flattering_answer(pggit: psycopg.Connection, call: str) -> None:
    """Without a threshold nothing is "ok", and nobody asked for upgrades that begin tomorrow."""
    with pytest.raises(psycopg.DataError) as caught:
        pggit.execute(f"SELECT * FROM pggit_excellence.{call}").fetchall()
    assert caught.value.diag.message_hint


def test_longer_than_time_itself_means_all(pggit: psycopg.Connection) -> None:
    pggit.execute("SELECT pggit_excellence.finish_upgrade(pggit_excellence.start_upgrade('2'))")
    pggit.execute("SELECT pggit_excellence.record_metric('x_ms', 500)")
    for since in ("1 hour", "178000000 years"):
        ended = "SELECT ended FROM pggit_excellence.upgrade_error_rate(%s) WHERE component = 'pggit'"
        assert pggit.execute(ended, [since]).fetchone() == (1,)
        slow = "SELECT call_count FROM pggit_excellence.analyze_slow_queries(100, %s) WHERE query_type = 'x_ms'"
        assert pggit.execute(slow, [since]).fetchone() == (1,)
    assert pggit.execute(slow.replace("%s", "NULL")).fetchone() == (1,)


def test_samples_that_add_up_to_infinity_are_refused(pggit: psycopg.Connection) -> None:
    """Two of them would make every later call of analyze_slow_queries() fail."""
    for table in (
        "SELECT pggit_excellence.record_metric('x_ms', 1e308)",
        "INSERT INTO pggit_excellence.performance_metrics VALUES ('x_ms', 1e308)",
    ):
        with pytest.raises(psycopg.Error, match=r"1e100|metric_value_check"):
            pggit.execute(table)
    for _ in range(3):
        pggit.execute("SELECT pggit_excellence.record_metric('x_ms', 1e100)")
    query = "SELECT call_count FROM pggit_excellence.analyze_slow_queries() WHERE query_type = 'x_ms'"
    assert pggit.execute(query).fetchone() == (3,)


DAMAGES = [
    "DROP TABLE pggit.history CASCADE",
    "DROP TABLE pggit.objects CASCADE",
    "ALTER TABLE pggit.objects RENAME TO others",
    "DROP TABLE pggit.objects CASCADE; CREATE TABLE pggit.objects ()",
    "DROP TABLE pggit.objects CASCADE; CREATE VIEW pggit.objects AS SELECT 1 AS id",
    "ALTER TABLE pggit.objects DROP COLUMN schema_name CASCADE, DROP COLUMN object_type CASCADE",
    "ALTER TABLE pggit.history DROP COLUMN created_at CASCADE, DROP COLUMN object_id CASCADE",
    "ALTER TABLE pggit.history ALTER COLUMN created_at TYPE text",
    "DROP EVENT TRIGGER pggit_ddl_trigger; DROP EVENT TRIGGER pggit_drop_trigger",
    "DROP SCHEMA pggit CASCADE",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_half_installed_pggit(pggit: psycopg.Connection, damage: str) -> None:
    """Every function that needs no argument: rows, or an error with a hint."""
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER EVENT TRIGGER pggit_drop_trigger DISABLE")
    pggit.execute(damage)
    found = []
    for name, defaults, names, _ in pggit.execute(FUNCTIONS, ["%"]).fetchall():
        if defaults < len(names) or name == "create_roles":
            continue
        try:
            with pggit.transaction(force_rollback=True):
                pggit.execute(f"SELECT * FROM pggit_excellence.{name}()").fetchall()
        except psycopg.Error as error:
            if str(error.sqlstate).startswith(INTERNAL) or not error.diag.message_hint:
                found.append(f"{name}: {error.sqlstate} {error.diag.message_primary}")
    assert found == []
