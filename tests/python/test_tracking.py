"""tracking_cost, tuning_plan, tune_tracking, record_tuning, undo: on the stand-in, with faults planted."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator

import psycopg
import pytest

from conftest import FIXTURES, ROOT, MakeDatabase
from pggit_excellence.ddl_latency import measure
from pggit_excellence.server import Server

FULL_NAME_C = "pggit_excellence_objects_full_name_c"
IDENTITY_C = "pggit_excellence_objects_identity_c"
FULL_NAME = "pggit_excellence_objects_full_name"
INDEXES = [FULL_NAME_C, IDENTITY_C, FULL_NAME]
OBJECTS = 3000


@pytest.fixture(scope="module")
def tracked_template(server: Server, template_databases: dict[str, str]) -> Iterator[str]:
    """A database whose pgGit tracks some thousand objects."""
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE tracked TEMPLATE {template_databases['pggit']}")
    server.psql("-v", f"objects={OBJECTS}", "-f", str(FIXTURES / "track_objects.sql"), dbname="tracked")
    template_databases["tracked"] = "tracked"
    yield "tracked"
    del template_databases["tracked"]
    with server.connect() as connection:
        connection.execute("DROP DATABASE tracked WITH (FORCE)")


@pytest.fixture
def tracked(server: Server, tracked_template: str, make_database: MakeDatabase) -> Iterator[psycopg.Connection]:
    with server.connect(make_database(tracked_template)) as connection:
        yield connection


def plan(connection: psycopg.Connection) -> dict[str, str]:
    """Item to status, for the indexes of the plan."""
    rows = connection.execute("SELECT item, status FROM pggit_excellence.tuning_plan() WHERE kind = 'index'")
    return dict(rows.fetchall())


def apply(connection: psycopg.Connection) -> list[tuple[int, str]]:
    """Run tune_tracking; returns (action_id, item) of what it did."""
    query = "SELECT action_id, item FROM pggit_excellence.tune_tracking(false) WHERE status = 'applied' ORDER BY 1"
    return connection.execute(query).fetchall()


def to_do(connection: psycopg.Connection) -> list[str]:
    """Items that have a statement."""
    query = "SELECT item FROM pggit_excellence.tuning_plan() WHERE statement IS NOT NULL ORDER BY step"
    return [item for (item,) in connection.execute(query)]


def indexes(connection: psycopg.Connection) -> list[str]:
    """Definitions of all indexes in pggit."""
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'pggit' ORDER BY indexname"
    return [definition for (definition,) in connection.execute(query)]


def cost(connection: psycopg.Connection, where: str = "true", arguments: str = "2") -> list[tuple[object, ...]]:
    query = f"""SELECT step, measure, object_name, value, rows_read, share_percent, note
                FROM pggit_excellence.tracking_cost({arguments}) WHERE {where}"""
    return connection.execute(query.encode()).fetchall()


# ---- tracking_cost


def test_cost_finds_the_scans_and_tuning_ends_them(tracked: psycopg.Connection) -> None:
    scans = cost(tracked, "step = 'ALTER TABLE' AND measure = 'sequential scans' AND object_name = 'pggit.objects'")
    assert len(scans) == 1
    _, _, _, value, rows_read, share, note = scans[0]
    assert float(str(value)) >= 11  # one for each column
    assert float(str(rows_read)) > 11 * 100
    assert share is None
    assert FULL_NAME_C in str(note)
    missed = cost(tracked, "step = 'ALTER TABLE' AND measure = 'index scans' AND note IS NOT NULL")
    assert [row[2] for row in missed] == ["pggit.objects_object_type_schema_name_object_name_branch_name_key"]

    apply(tracked)
    assert cost(tracked, "note IS NOT NULL OR measure = 'sequential scans'") == []
    used = {row[2] for row in cost(tracked, "step = 'ALTER TABLE' AND measure = 'index scans'")}
    assert {f"pggit.{FULL_NAME_C}", f"pggit.{IDENTITY_C}"} <= used


def test_cost_shares_add_up(tracked: psycopg.Connection) -> None:
    for step in ("CREATE TABLE", "CREATE INDEX", "ALTER TABLE", "DROP TABLE"):
        whole = cost(tracked, f"step = '{step}' AND measure = 'whole statement'")
        triggers = cost(tracked, f"step = '{step}' AND measure = 'in pgGit''s trigger'")
        assert [row[5] for row in whole] == [100]
        assert triggers
        assert 0 < sum(float(str(row[5])) for row in triggers) <= 101


def test_cost_leaves_nothing_but_sequences(tracked: psycopg.Connection) -> None:
    query = """SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pggit.objects),
                      (SELECT count(*) FROM pggit.history), current_setting('track_functions')"""
    before = tracked.execute(query).fetchone()
    cost(tracked)
    assert tracked.execute(query).fetchone() == before


@pytest.mark.parametrize(
    ("off", "says"),
    [
        ("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER EVENT TRIGGER pggit_drop_trigger DISABLE", "disabled"),
        ("SET session_replication_role = replica", "session_replication_role = replica"),
        ("DROP EVENT TRIGGER pggit_ddl_trigger; DROP EVENT TRIGGER pggit_drop_trigger", "no event triggers"),
    ],
)
def test_cost_says_when_nothing_is_tracked(pggit: psycopg.Connection, off: str, says: str) -> None:
    pggit.execute(off.encode())
    rows = cost(pggit)
    assert {row[1] for row in rows} == {"whole statement"}
    assert all(says in str(row[6]) for row in rows)


def test_cost_measures_always_triggers(pggit: psycopg.Connection) -> None:
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE ALWAYS")
    pggit.execute("SET session_replication_role = replica")
    assert cost(pggit, "measure = 'in pgGit''s trigger' AND step = 'ALTER TABLE'")
    assert cost(pggit, "measure = 'whole statement' AND note IS NOT NULL") == []


def test_cost_errors(pggit: psycopg.Connection, plain: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable, match="not installed") as caught:
        cost(plain)
    assert caught.value.diag.message_hint
    for repetitions in ("0", "101", "NULL"):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            cost(pggit, arguments=repetitions)
    for schema in ("'nowhere'", "NULL"):
        with pytest.raises(psycopg.errors.InvalidSchemaName):
            cost(pggit, arguments=f"1, {schema}")
    pggit.execute("BEGIN READ ONLY")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        cost(pggit)
    pggit.execute("ROLLBACK")


def test_cost_in_a_schema_with_a_difficult_name(pggit: psycopg.Connection) -> None:
    pggit.execute('CREATE SCHEMA "Odd ""one"".\nname"')
    assert cost(pggit, arguments="1, E'Odd \"one\".\\nname'")


def test_cost_for_a_role_without_rights(pggit: psycopg.Connection) -> None:
    pggit.execute("DROP ROLE IF EXISTS pgx_tracking_user; CREATE ROLE pgx_tracking_user")
    pggit.execute("GRANT USAGE ON SCHEMA pggit_excellence TO pgx_tracking_user")
    pggit.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO pgx_tracking_user")
    pggit.execute("CREATE SCHEMA theirs AUTHORIZATION pgx_tracking_user; CREATE SCHEMA others")
    pggit.execute("SET ROLE pgx_tracking_user")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="create a table in schema others"):
        cost(pggit, arguments="1, 'others'")
    # pgGit itself fails all DDL of such a role, and we say whose message it is.
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="the probe's DDL failed") as caught:
        cost(pggit, arguments="1, 'theirs'")
    assert "object of pgGit" in str(caught.value.diag.message_hint)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="owner") as caught:
        apply(pggit)
    assert "postgres" in str(caught.value.diag.message_hint)
    pggit.execute("RESET ROLE")
    pggit.execute("DROP OWNED BY pgx_tracking_user; DROP ROLE pgx_tracking_user")


# ---- tune_tracking


def test_dry_run_changes_nothing_and_is_the_default(tracked: psycopg.Connection) -> None:
    before = indexes(tracked)
    rows = tracked.execute("SELECT action_id, status, item FROM pggit_excellence.tune_tracking()").fetchall()
    assert [row for row in rows if row[1] == "missing"] == [(None, "missing", item) for item in INDEXES]
    assert indexes(tracked) == before
    assert tracked.execute("SELECT count(*) FROM pggit_excellence.action_log").fetchone() == (0,)
    with pytest.raises(psycopg.errors.NullValueNotAllowed):
        tracked.execute("SELECT pggit_excellence.tune_tracking(NULL)")


def test_apply_rerun_undo(tracked: psycopg.Connection) -> None:
    before = indexes(tracked)
    actions = apply(tracked)
    assert [item for _, item in actions] == INDEXES
    assert len(indexes(tracked)) == len(before) + 3
    assert apply(tracked) == []
    assert to_do(tracked) == []
    undone = tracked.execute("SELECT action_id FROM pggit_excellence.undo_all('tune_tracking')").fetchall()
    assert [action for (action,) in undone] == [action for action, _ in reversed(actions)]
    assert indexes(tracked) == before
    assert to_do(tracked) == INDEXES


def test_our_statements_are_in_pggits_history(tracked: psycopg.Connection) -> None:
    apply(tracked)
    query = "SELECT count(*) FROM pggit.objects WHERE object_type = 'INDEX' AND object_name LIKE 'pggit_excellence%'"
    assert tracked.execute(query).fetchone() == (3,)


def test_tuned_alter_is_faster(server: Server, tracked: psycopg.Connection) -> None:
    """Ratios only; 3,000 objects are few, 14,000 give more (see the demo)."""
    database = tracked.info.dbname
    before = measure(lambda: server.connect(database), rounds=12)
    apply(tracked)
    after = measure(lambda: server.connect(database), rounds=12)
    alter = [min(run[1].tracked) for run in (before, after)]  # other load on the machine only adds to a time
    assert before[1].statement == "ALTER"
    assert alter[1] < alter[0] / 2
    assert alter[0] / min(before[1].untracked) > alter[1] / min(after[1].untracked)
    assert tracked.execute("SELECT to_regnamespace('pggit_excellence_latency')").fetchone() == (None,)


def test_latency_of_several_clients(server: Server, pggit: psycopg.Connection) -> None:
    query = "SELECT count(*) FROM pggit.history WHERE change_type = 'ALTER'"
    (before,) = pggit.execute(query).fetchone() or (0,)
    results = measure(lambda: server.connect(pggit.info.dbname), clients=4, rounds=2)
    assert [(result.statement, len(result.tracked), len(result.untracked)) for result in results] == [
        ("CREATE", 8, 8),
        ("ALTER", 8, 8),
        ("DROP", 8, 8),
    ]
    (after,) = pggit.execute(query).fetchone() or (0,)
    assert after - before == 4 * 3  # the untracked ones left nothing


@pytest.mark.parametrize(
    ("definition", "serves"),
    [
        ('btree (full_name COLLATE "C")', True),
        ('btree (full_name COLLATE "C", id)', True),
        ('btree (full_name COLLATE "C") INCLUDE (id)', True),
        ("btree (full_name)", False),
        ('btree (id, full_name COLLATE "C")', False),
        ('btree (full_name COLLATE "C" text_pattern_ops)', False),
        ('btree (full_name COLLATE "C") WHERE is_active', False),
        ('btree (lower(full_name) COLLATE "C")', False),
        ('hash (full_name COLLATE "C")', False),
    ],
)
def test_which_indexes_count_as_equivalent(tracked: psycopg.Connection, definition: str, serves: bool) -> None:
    tracked.execute(f'CREATE INDEX "Their ""index""" ON pggit.objects USING {definition}'.encode())
    assert (FULL_NAME_C not in to_do(tracked)) is serves
    assert (plan(tracked).get('Their "index"') == "in place") is (serves or definition == "btree (full_name)")


def test_name_taken_by_another_index(tracked: psycopg.Connection) -> None:
    tracked.execute(f"CREATE INDEX {FULL_NAME_C} ON pggit.objects (version)")
    assert plan(tracked)[FULL_NAME_C] == "name taken"
    assert [item for _, item in apply(tracked)] == [IDENTITY_C, FULL_NAME]
    tracked.execute("SELECT pggit_excellence.undo_all()")
    assert plan(tracked)[FULL_NAME_C] == "name taken"  # not ours to drop


def test_only_what_the_release_has(pggit: psycopg.Connection) -> None:
    pggit.execute("SET session_replication_role = replica")  # pgGit's triggers cannot do without either
    pggit.execute("ALTER TABLE pggit.objects DROP COLUMN full_name")
    assert to_do(pggit) == [IDENTITY_C]
    pggit.execute("DROP TABLE pggit.history, pggit.objects")
    with pytest.raises(psycopg.errors.UndefinedTable):
        to_do(pggit)


def test_growing_event_log_gets_its_index(pggit: psycopg.Connection) -> None:
    """The shape that the newest release has."""
    pggit.execute("CREATE TABLE pggit.system_events (event_id serial, event_type text, created_at timestamptz)")
    assert to_do(pggit)[-1] == "pggit_excellence_system_events_pause"
    apply(pggit)
    assert to_do(pggit) == []


def test_long_histories_get_their_index(tracked: psycopg.Connection) -> None:
    long = "pggit_excellence_history_object_time"
    assert plan(tracked)[long] == "not needed"
    tracked.execute("""INSERT INTO pggit.history (object_id, change_type, change_severity)
                       SELECT h.object_id, 'ALTER', 'MINOR' FROM pggit.history AS h, generate_series(1, 150)""")
    tracked.execute("ANALYZE pggit.history")
    assert plan(tracked)[long] == "missing"
    apply(tracked)
    assert plan(tracked)[long] == "in place"
    explained = tracked.execute("""EXPLAIN SELECT * FROM pggit.history WHERE object_id = 1
                                   ORDER BY created_at DESC LIMIT 20""").fetchall()
    assert any(long in line for (line,) in explained)


@pytest.mark.parametrize("before", ["0.4", "4e-1"])
def test_autovacuum_of_large_tables(pggit: psycopg.Connection, before: str) -> None:
    pggit.execute(f"ALTER TABLE pggit.objects SET (autovacuum_vacuum_scale_factor = {before})")
    pggit.execute("UPDATE pg_class SET reltuples = 100000 WHERE oid = 'pggit.objects'::regclass")
    options = "SELECT reloptions FROM pg_class WHERE oid = 'pggit.objects'::regclass"
    apply(pggit)
    assert pggit.execute(options).fetchone() == (
        ["autovacuum_vacuum_scale_factor=0.02", "autovacuum_analyze_scale_factor=0.02"],
    )
    pggit.execute("UPDATE pg_class SET reltuples = 100000 WHERE oid = 'pggit.objects'::regclass")
    assert to_do(pggit) == []
    pggit.execute("SELECT pggit_excellence.undo_all()")
    assert pggit.execute(options).fetchone() == ([f"autovacuum_vacuum_scale_factor={before}"],)
    pggit.execute("UPDATE pg_class SET reltuples = 99999 WHERE oid = 'pggit.objects'::regclass")
    assert [item for item in to_do(pggit) if item not in INDEXES] == []


def test_all_or_nothing_when_pggit_refuses(tracked: psycopg.Connection) -> None:
    """An event trigger that raises at the second index takes the first one back too."""
    tracked.execute("""
        CREATE FUNCTION pggit.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF to_regclass('pggit.pggit_excellence_objects_identity_c') IS NOT NULL THEN
                RAISE EXCEPTION 'not today';
            END IF;
        END $$;
        CREATE EVENT TRIGGER pggit_refuse ON ddl_command_end EXECUTE FUNCTION pggit.refuse()""")
    with pytest.raises(psycopg.errors.RaiseException, match=f"not today.*{IDENTITY_C}") as caught:
        apply(tracked)
    assert caught.value.diag.message_hint == "Nothing was changed."
    assert to_do(tracked) == INDEXES
    assert tracked.execute("SELECT count(*) FROM pggit_excellence.action_log").fetchone() == (0,)


def test_gives_way_to_others(server: Server, tracked: psycopg.Connection) -> None:
    """Somebody's open transaction that tracks DDL makes it give up soon, whatever the session's own setting."""
    with server.connect(tracked.info.dbname) as other, other.transaction():
        other.execute("CREATE TABLE public.held ()")
        with pytest.raises(psycopg.errors.LockNotAvailable) as caught:
            apply(tracked)
    assert "Nothing was changed" in str(caught.value.diag.message_hint)
    assert tracked.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_two_at_once(server: Server, tracked: psycopg.Connection) -> None:
    """The second waits for the first and finds everything in place."""
    done: list[list[tuple[int, str]]] = []
    with server.connect(tracked.info.dbname) as other:
        with tracked.transaction():
            assert len(apply(tracked)) == 3
            second = threading.Thread(target=lambda: done.append(apply(other)))
            second.start()
            second.join(0.3)
            assert second.is_alive()
        second.join()
    assert done == [[]]


def test_plan_for_a_monitoring_role(pggit: psycopg.Connection) -> None:
    """Without any right in pgGit's schema."""
    pggit.execute("REVOKE ALL ON SCHEMA pggit FROM PUBLIC")
    pggit.execute("DROP ROLE IF EXISTS pgx_monitor; CREATE ROLE pgx_monitor IN ROLE pg_monitor")
    pggit.execute("SET ROLE pgx_monitor")
    assert to_do(pggit) == INDEXES
    pggit.execute("RESET ROLE")
    pggit.execute("DROP ROLE pgx_monitor")


def test_read_only(pggit: psycopg.Connection) -> None:
    pggit.execute("BEGIN READ ONLY")
    assert to_do(pggit) == INDEXES
    pggit.execute("SELECT pggit_excellence.tune_tracking()")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        apply(pggit)
    pggit.execute("ROLLBACK")
    pggit.execute("BEGIN READ ONLY")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="cannot undo in a read-only transaction"):
        pggit.execute("SELECT pggit_excellence.undo(1)")
    pggit.execute("ROLLBACK")


# ---- CONCURRENTLY, through psql


def run_concurrently(server: Server, database: str) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "sql" / "tune_tracking_concurrently.sql")
    command = ["psql", "-X", "-q", "-d", database, "-f", script]
    environment = dict(os.environ) | server.environment
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def test_no_function_can_build_concurrently(tracked: psycopg.Connection) -> None:
    """Why there is a psql script: if PostgreSQL ever allows it, the design can be simpler."""
    with pytest.raises(psycopg.errors.ActiveSqlTransaction):
        tracked.execute("DO $$BEGIN EXECUTE 'CREATE INDEX CONCURRENTLY ON pggit.objects (version)'; END$$")


def test_concurrently_and_undo(server: Server, tracked: psycopg.Connection) -> None:
    first = run_concurrently(server, tracked.info.dbname)
    assert (first.returncode, first.stderr) == (0, "")
    assert to_do(tracked) == []
    assert tracked.execute("SELECT count(*) FROM pggit_excellence.action_log").fetchone() == (3,)
    assert run_concurrently(server, tracked.info.dbname).returncode == 0
    assert tracked.execute("SELECT count(*) FROM pggit_excellence.action_log").fetchone() == (3,)
    tracked.execute("SELECT pggit_excellence.undo_all()")
    assert to_do(tracked) == INDEXES


def test_a_build_that_failed_late_is_mended(tracked: psycopg.Connection) -> None:
    """The index takes part in writes already, but not in reads."""
    apply(tracked)
    tracked.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", (f"pggit.{IDENTITY_C}",))
    assert plan(tracked)[IDENTITY_C] == "invalid"
    apply(tracked)
    assert plan(tracked)[IDENTITY_C] == "in place"
    assert tracked.execute("SELECT count(*) FROM pggit_excellence.action_log").fetchone() == (3,)


@pytest.mark.parametrize("mend", ["function", "psql"])
def test_a_failed_concurrent_build_is_mended(server: Server, tracked: psycopg.Connection, mend: str) -> None:
    statement = tracked.execute(
        "SELECT statement FROM pggit_excellence.tuning_plan(online => true) WHERE item = %s", (FULL_NAME_C,)
    ).fetchone()
    assert statement is not None
    with server.connect(tracked.info.dbname) as other, other.transaction():
        other.execute("CREATE TABLE public.held ()")
        tracked.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            tracked.execute(statement[0])
    assert plan(tracked)[FULL_NAME_C] == "invalid"
    if mend == "function":
        assert [item for _, item in apply(tracked)] == INDEXES
    else:
        assert run_concurrently(server, tracked.info.dbname).returncode == 0
    assert plan(tracked)[FULL_NAME_C] == "in place"
    assert tracked.execute("SELECT count(*) FROM pggit_excellence.action_log").fetchone() == (3,)


# ---- undo


def test_built_by_hand_is_recorded_by_the_next_call(tracked: psycopg.Connection) -> None:
    for (statement,) in tracked.execute(
        "SELECT statement FROM pggit_excellence.tuning_plan() WHERE step <= 3"
    ).fetchall():
        tracked.execute(statement)
    assert apply(tracked) == []
    assert len(tracked.execute("SELECT pggit_excellence.undo_all()").fetchall()) == 3
    assert to_do(tracked) == INDEXES


def test_undo_once(tracked: psycopg.Connection) -> None:
    action, item = apply(tracked)[0]
    assert tracked.execute("SELECT pggit_excellence.undo(%s)", (action,)).fetchone() == (f"DROP INDEX pggit.{item}",)
    assert to_do(tracked) == [FULL_NAME_C]
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="undone already"):
        tracked.execute("SELECT pggit_excellence.undo(%s)", (action,))
    for unknown in (0, None):
        with pytest.raises(psycopg.errors.NoDataFound, match="no action") as caught:
            tracked.execute("SELECT pggit_excellence.undo(%s::bigint)", (unknown,))
        assert "action_log" in str(caught.value.diag.message_hint)


def test_undo_what_is_gone_or_changed(tracked: psycopg.Connection) -> None:
    (first, gone), (second, changed), _ = apply(tracked)
    tracked.execute(f"DROP INDEX pggit.{gone}")
    row = tracked.execute("SELECT pggit_excellence.undo(%s)", (first,)).fetchone()
    assert row == ("nothing to do: it was gone already",)
    tracked.execute(f"DROP INDEX pggit.{changed}; CREATE INDEX {changed} ON pggit.objects (version)")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="changed since"):
        tracked.execute("SELECT pggit_excellence.undo(%s)", (second,))
    assert any(changed in definition for definition in indexes(tracked))


def test_undo_in_reverse_order(pggit: psycopg.Connection) -> None:
    """Two actions on one parameter: the earlier cannot be undone under the later."""
    large = "UPDATE pg_class SET reltuples = 100000 WHERE oid = 'pggit.history'::regclass"
    pggit.execute(large)
    apply(pggit)
    pggit.execute("ALTER TABLE pggit.history SET (autovacuum_analyze_scale_factor = 0.3)")
    pggit.execute(large)
    apply(pggit)
    actions = pggit.execute("""SELECT action_id FROM pggit_excellence.action_log
                               WHERE kind = 'storage parameter' ORDER BY action_id""").fetchall()
    assert len(actions) == 2
    with pytest.raises(psycopg.errors.DependentObjectsStillExist) as caught:
        pggit.execute("SELECT pggit_excellence.undo(%s)", actions[0])
    assert f"undo({actions[1][0]})" in str(caught.value.diag.message_hint)


THEIR_INDEX = "CREATE INDEX orders_total ON public.orders USING btree (total)"
PRIMARY_KEY = "CREATE UNIQUE INDEX objects_pkey ON pggit.objects USING btree (id)"
PLANT = """INSERT INTO pggit_excellence.action_log
               (action, kind, schema_name, relation_name, item, old_value, new_value, apply_sql, undo_sql, reason)
           VALUES ('tune_tracking', %s, %s, %s, %s, %s, %s, 'SELECT 1', 'ALTER ROLE pgx_planter SUPERUSER', '')
           RETURNING action_id"""


@pytest.mark.parametrize(
    "row",
    [
        (
            "index",
            "public",
            "orders",
            "orders_total",
            None,
            "CREATE INDEX orders_total ON public.orders USING btree (total)",
        ),
        ("index", "public", "orders", "pggit_excellence_x", None, "CREATE INDEX"),
        (
            "index",
            "pggit",
            "objects",
            "objects_pkey",
            None,
            "CREATE UNIQUE INDEX objects_pkey ON pggit.objects USING btree (id)",
        ),
        ("storage parameter", "pggit", "objects", "autovacuum_enabled", "false", "true"),
        ("storage parameter", "public", "orders", "autovacuum_vacuum_scale_factor", None, "0.1"),
        (
            "storage parameter",
            "pggit",
            "objects",
            "autovacuum_vacuum_scale_factor",
            "0.1); ALTER ROLE pgx_planter SUPERUSER; --",
            "0.3",
        ),
    ],
)
def test_a_planted_row_is_not_executed(tracked: psycopg.Connection, row: tuple[str | None, ...]) -> None:
    """A row that an operator wrote by hand does not make a superuser run anything."""
    tracked.execute("DROP ROLE IF EXISTS pgx_planter; CREATE ROLE pgx_planter")
    tracked.execute("GRANT USAGE ON SCHEMA pggit_excellence TO pgx_planter")
    tracked.execute("GRANT SELECT, INSERT ON pggit_excellence.action_log TO pgx_planter")
    tracked.execute("CREATE TABLE public.orders (total int) WITH (autovacuum_vacuum_scale_factor = 0.1)")
    tracked.execute("CREATE INDEX orders_total ON public.orders (total)")
    tracked.execute("ALTER TABLE pggit.objects SET (autovacuum_vacuum_scale_factor = 0.3, autovacuum_enabled = true)")
    state = """SELECT (SELECT count(*) FROM pg_index), (SELECT rolsuper FROM pg_roles WHERE rolname = 'pgx_planter'),
                      (SELECT string_agg(reloptions::text, ',' ORDER BY oid) FROM pg_class)"""
    before = tracked.execute(state).fetchone()

    tracked.execute("SET ROLE pgx_planter")
    planted = tracked.execute(PLANT, row).fetchone()
    tracked.execute("RESET ROLE")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not made by this extension"):
        tracked.execute("SELECT pggit_excellence.undo(%s)", planted)
    assert tracked.execute(state).fetchone() == before
    tracked.execute("DROP OWNED BY pgx_planter; DROP ROLE pgx_planter")


def test_stored_undo_sql_is_never_executed(tracked: psycopg.Connection) -> None:
    """A row with honest parts and hostile text: the parts are undone, the text is not run."""
    action, item = apply(tracked)[0]
    tracked.execute(
        "UPDATE pggit_excellence.action_log SET undo_sql = 'DROP TABLE pggit.history', apply_sql = 'SELECT 1/0' "
        "WHERE action_id = %s",
        (action,),
    )
    tracked.execute("SELECT pggit_excellence.undo(%s)", (action,))
    assert tracked.execute("SELECT to_regclass('pggit.history') IS NULL").fetchone() == (False,)
    assert item in to_do(tracked)


def test_a_new_kind_needs_its_function_only(pggit: psycopg.Connection) -> None:
    """undo() finds the function of a kind by its name; without one it says so and changes nothing."""
    pggit.execute("ALTER TABLE pggit_excellence.action_log DROP CONSTRAINT action_log_kind")
    action = pggit.execute(PLANT, ("two things", "pggit", "objects", "x", None, "y")).fetchone()
    with pytest.raises(psycopg.errors.UndefinedFunction, match=r"nothing here can undo action \d+, of kind two things"):
        pggit.execute("SELECT pggit_excellence.undo(%s)", action)
    pggit.execute(
        """CREATE FUNCTION pggit_excellence._undo_two_things(done pggit_excellence.action_log) RETURNS text[]
           LANGUAGE sql AS
           $$ SELECT ARRAY['CREATE TABLE public.one ()', format('CREATE TABLE public.%I ()', ($1).item)] $$"""
    )
    row = pggit.execute("SELECT pggit_excellence.undo(%s)", action).fetchone()
    assert row == ("CREATE TABLE public.one (); CREATE TABLE public.x ()",)
    assert pggit.execute("SELECT to_regclass('public.one') IS NULL OR to_regclass('public.x') IS NULL").fetchone() == (
        False,
    )


def test_each_kind_of_the_log_can_be_undone(pggit: psycopg.Connection) -> None:
    """The kinds of the CHECK and the functions _undo_<kind> are the same; states of one thing have no function."""
    states = ("function security", "event trigger", "trigger", "policy", "row security")
    kinds = pggit.execute(
        """SELECT '_undo_' || replace(k[1], ' ', '_') FROM regexp_matches((SELECT pg_get_constraintdef(c.oid)
           FROM pg_constraint AS c WHERE c.conname = 'action_log_kind'), $$'([^']+)'::text$$, 'g') AS k
           WHERE k[1] <> ALL (%s) ORDER BY 1""",
        [list(states)],
    ).fetchall()
    functions = pggit.execute(
        """SELECT p.proname::text FROM pg_proc AS p WHERE p.pronamespace = 'pggit_excellence'::regnamespace
           AND p.proargtypes = ARRAY['pggit_excellence.action_log'::regtype::oid]::oidvector
           AND p.prorettype = 'text[]'::regtype AND p.proname ~ '^_undo_' AND p.proname <> '_undo_statements'
           ORDER BY 1"""
    ).fetchall()
    assert kinds == functions
    assert len(kinds) >= 2


# ---- the guide


def test_the_guides_queries_run(tracked: psycopg.Connection) -> None:
    text = (ROOT / "docs" / "guides" / "TRACKING_COST.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        tracked.execute(block)
    assert to_do(tracked) == INDEXES  # applied, and taken back by the last block
