"""slow_statements(), analyze_slow_queries() and the snapshots they subtract, against workloads of known size."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from conftest import ROOT, MakeDatabase, flush_statistics
from pggit_excellence.server import Installation, Server, workspace

QUERY = "SELECT count(*) AS marked FROM generate_series(1, {})"
LIKE_QUERY = "SELECT count(%) AS marked FROM generate_series($1, $2)"


@dataclass
class Statements:
    """A connection to a database with both extensions, and short ways to ask."""

    connection: psycopg.Connection

    def run(self, times: int) -> None:
        """The known workload: one statement, `times` calls."""
        for number in range(times):
            self.connection.execute(QUERY.format(number + 1))

    def snapshot(self, age: str) -> int:
        """Take a snapshot and move it back in time."""
        row = self.connection.execute("SELECT pggit_excellence.take_snapshot()").fetchone()
        assert row is not None
        move = "UPDATE pggit_excellence.snapshots SET taken_at = taken_at - %s::interval WHERE snapshot_id = %s"
        self.connection.execute(move, (age, row[0]))
        return int(row[0])

    def calls(self, since: str | None) -> int:
        """How often the window says that the known workload ran."""
        row = self.connection.execute(
            "SELECT coalesce(sum(s.calls), 0)::int "
            "FROM pggit_excellence.slow_statements(%s) AS s WHERE s.query LIKE %s",
            (since, LIKE_QUERY),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def notes(self, since: str | None = None) -> str:
        """The notes, one per line."""
        rows = self.connection.execute(
            "SELECT s.note FROM pggit_excellence.slow_statements(%s) AS s WHERE s.note IS NOT NULL", (since,)
        )
        return "\n".join(row[0] for row in rows)


@pytest.fixture
def statements(plain: psycopg.Connection) -> Statements:
    plain.execute("CREATE EXTENSION pg_stat_statements")
    plain.execute("SELECT pg_stat_statements_reset()")
    return Statements(plain)


def test_the_last_hour_is_the_last_hour(statements: Statements) -> None:
    statements.run(5)
    statements.snapshot("3 hours")
    statements.run(7)
    statements.snapshot("62 minutes")
    statements.run(11)
    statements.snapshot("10 minutes")
    statements.run(2)
    assert statements.calls(None) == 25
    assert statements.calls("3 hours") == 20
    assert statements.calls("1 hour") == 13
    assert statements.calls("10 minutes") == 2
    assert statements.notes(None) == ""
    assert statements.notes("1 hour") == ""
    assert "older than 00:30:00" in statements.notes("30 minutes")
    counted = statements.connection.execute(
        "SELECT DISTINCT s.counted_from = n.taken_at FROM pggit_excellence.slow_statements('1 hour') AS s "
        "CROSS JOIN pggit_excellence.snapshots AS n "
        "WHERE n.taken_at BETWEEN now() - interval '65 minutes' AND now() - interval '1 hour'"
    ).fetchall()
    assert counted == [(True,)]


def test_counters_agree_with_pg_stat_statements(statements: Statements) -> None:
    """The lifetime window is the view itself; a window is the difference of two readings of the view."""
    execute = statements.connection.execute
    execute("CREATE TABLE filled (n integer)")
    for rows in (10, 20):
        execute(f"INSERT INTO filled SELECT generate_series(1, {rows})")
    view = (
        "SELECT s.calls, round(s.total_exec_time::numeric, 3), round(s.max_exec_time::numeric, 3), s.rows, "
        "s.wal_bytes, "
        "s.shared_blks_hit, s.temp_blks_written + s.temp_blks_read "
        "FROM pg_stat_statements AS s WHERE s.query LIKE 'INSERT INTO filled%'"
    )
    ours = (
        "SELECT s.calls, s.total_ms, s.max_ms, s.rows_per_call * s.calls, s.wal_bytes, s.shared_hit, "
        "s.temp_blocks "
        "FROM pggit_excellence.slow_statements(%s) AS s WHERE s.query LIKE 'INSERT INTO filled%%'"
    )
    before = execute(view).fetchone()
    lifetime = execute(ours, (None,)).fetchone()
    assert before is not None
    assert lifetime is not None
    assert before[3] == 30
    assert lifetime == before
    statements.snapshot("2 hours")
    execute("SET work_mem = '64kB'")
    execute("INSERT INTO filled SELECT generate_series(1, 50000)")
    after = execute(view).fetchone()
    window = execute(ours, ("1 hour",)).fetchone()
    assert after is not None
    assert window is not None
    assert window[0] == 1
    assert abs(window[1] - (after[1] - before[1])) < Decimal("0.0021"), "rounded twice"
    assert window[2] == after[2], "the longest call was in the window, so its time is known"
    assert [window[column] for column in (3, 4, 5, 6)] == [after[column] - before[column] for column in (3, 4, 5, 6)]


def test_maximum_is_unknown_where_an_older_call_was_longer(statements: Statements) -> None:
    execute = statements.connection.execute
    execute("SELECT pg_sleep(0.05)")
    statements.snapshot("2 hours")
    execute("SELECT pg_sleep(0.001)")
    ours = "SELECT s.calls, s.max_ms FROM pggit_excellence.slow_statements(%s) AS s WHERE s.query LIKE '%%pg_sleep%%'"
    assert execute(ours, ("1 hour",)).fetchone() == (1, None)
    lifetime = execute(ours, (None,)).fetchone()
    assert lifetime is not None
    assert lifetime[1] >= 50


def test_no_snapshot_is_old_enough(statements: Statements) -> None:
    statements.run(3)
    # The counters are younger than the window: they are the window, and the note says since when.
    assert statements.calls("1 day") == 3
    assert "were reset at" in statements.notes("1 day")
    # The counters are older than the window.
    statements.connection.execute("SELECT pg_sleep(0.3)")
    assert statements.calls("0.1 s") == 3
    assert "no snapshot to compare with" in statements.notes("0.1 s")


def test_first_snapshot_younger_than_the_window(statements: Statements) -> None:
    statements.run(3)
    statements.connection.execute("SELECT pg_sleep(0.6)")
    statements.snapshot("0")
    statements.run(4)
    window = statements.connection.execute(
        "SELECT (clock_timestamp() - i.stats_reset - interval '0.1 s')::text FROM pg_stat_statements_info AS i"
    ).fetchone()
    assert window is not None
    assert statements.calls(window[0]) == 4
    assert "since the first one" in statements.notes(window[0])
    statements.snapshot("1 day")
    statements.run(6)
    assert statements.calls(window[0]) == 6, "one that is old enough goes before one that is nearer"


def test_reset_in_between(statements: Statements) -> None:
    statements.run(50)
    statements.snapshot("2 hours")
    statements.connection.execute("SELECT pg_stat_statements_reset()")
    statements.run(60)
    assert statements.calls("1 hour") == 60, "not 10: the counters began anew"
    assert "were reset at" in statements.notes("1 hour")


def test_reset_of_one_statement(statements: Statements) -> None:
    """An entry that came back counts from its return, also where it grew larger than it was (17 and newer)."""
    execute = statements.connection.execute
    statements.run(50)
    statements.snapshot("2 hours")
    execute(
        "SELECT pg_stat_statements_reset(s.userid, s.dbid, s.queryid) FROM pg_stat_statements AS s "
        "WHERE s.query LIKE %s",
        (LIKE_QUERY,),
    )
    statements.run(5)
    assert statements.calls("1 hour") == 5
    statements.run(55)
    if statements.connection.info.server_version >= 170000:
        assert statements.calls("1 hour") == 60
    else:
        assert statements.calls("1 hour") in (10, 60), "at least what can be told from the counters"


def test_snapshots_of_another_server_are_not_used(statements: Statements) -> None:
    statements.run(50)
    number = statements.snapshot("2 hours")
    statements.run(3)
    assert statements.calls("1 hour") == 3
    statements.connection.execute(
        "UPDATE pggit_excellence.snapshots SET statements_reset = statements_reset - interval '1 us' "
        "WHERE snapshot_id = %s",
        (number,),
    )
    assert statements.calls("1 hour") == 53
    assert statements.notes("1 hour") != ""


def test_other_roles_are_hidden(server: Server, statements: Statements) -> None:
    """Without pg_read_all_stats: own statements counted right, the others named in a note, no base for anybody else."""
    execute = statements.connection.execute
    database = statements.connection.info.dbname
    for role in ("blind", "seeing"):
        execute(f"CREATE ROLE {role} LOGIN")
        execute(f"GRANT USAGE ON SCHEMA pggit_excellence TO {role}")
        execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO {role}")
        execute(f"GRANT ALL ON ALL TABLES IN SCHEMA pggit_excellence TO {role}")
    try:
        execute("GRANT pg_monitor TO seeing")
        statements.run(50)
        statements.snapshot("2 hours")
        with server.connect(database, "blind") as connection:
            blind = Statements(connection)
            blind.run(4)
            assert blind.calls("1 hour") == 4
            assert "GRANT pg_read_all_stats TO blind" in blind.notes("1 hour")
            assert "<insufficient privilege>" not in str(
                connection.execute("SELECT s.query FROM pggit_excellence.slow_statements() AS s").fetchall()
            )
            notices: list[str] = []
            connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            blind.snapshot("61 minutes")
            assert "role blind only" in notices[0]
        assert statements.calls("1 hour") == 4, "the blind snapshot is nearer, but it is not used"
        with server.connect(database, "seeing") as connection:
            assert Statements(connection).calls("1 hour") == 4
            assert "hidden" not in Statements(connection).notes("1 hour")
    finally:
        execute("DROP OWNED BY blind, seeing")
        execute("DROP ROLE blind, seeing")


def test_no_right_to_read(server: Server, statements: Statements) -> None:
    execute = statements.connection.execute
    execute("CREATE SCHEMA closed")
    execute("ALTER EXTENSION pg_stat_statements SET SCHEMA closed")
    execute("CREATE ROLE outsider LOGIN IN ROLE pg_monitor")
    try:
        with server.connect(statements.connection.info.dbname, "outsider") as connection:
            notes = Statements(connection).notes()
            assert "USAGE on schema closed" in notes
            execute("GRANT USAGE ON SCHEMA closed TO outsider")
            assert Statements(connection).notes() == ""
    finally:
        execute("DROP OWNED BY outsider")
        execute("DROP ROLE outsider")


def test_any_schema(statements: Statements) -> None:
    statements.connection.execute('CREATE SCHEMA "Mon.""itor"')
    statements.connection.execute('ALTER EXTENSION pg_stat_statements SET SCHEMA "Mon.""itor"')
    statements.run(3)
    statements.snapshot("2 hours")
    statements.run(2)
    assert (statements.calls("1 hour"), statements.calls(None)) == (2, 5)


def test_old_version_of_the_extension(plain: psycopg.Connection) -> None:
    """After pg_upgrade the SQL side stays old until it is updated."""
    plain.execute("CREATE EXTENSION pg_stat_statements VERSION '1.8'")
    assert "ALTER EXTENSION pg_stat_statements UPDATE" in Statements(plain).notes()
    plain.execute("SELECT pggit_excellence.take_snapshot()")
    available = "SELECT v.version FROM pg_available_extension_versions AS v WHERE v.name = 'pg_stat_statements'"
    versions = {row[0] for row in plain.execute(available)}
    for version in [version for version in ("1.9", "1.10", "1.11") if version in versions]:
        plain.execute(f"ALTER EXTENSION pg_stat_statements UPDATE TO '{version}'")
        statements = Statements(plain)
        statements.run(1)
        assert statements.calls(None) >= 1
        jit = plain.execute(
            "SELECT bool_or(s.jit_ms IS NOT NULL) FROM pggit_excellence.slow_statements() AS s"
        ).fetchone()
        assert jit == (version != "1.9",)


def test_only_the_current_database_unless_asked(statements: Statements) -> None:
    with psycopg.connect(statements.connection.info.dsn, dbname="postgres") as other:
        other.execute("SELECT 1 AS elsewhere")
    ours = "SELECT DISTINCT s.database_name FROM pggit_excellence.slow_statements(all_databases => %s) AS s"
    current = statements.connection.info.dbname
    assert statements.connection.execute(ours, (False,)).fetchall() == [(current,)]
    assert {current, "postgres"} <= {row[0] for row in statements.connection.execute(ours, (True,))}


def test_renamed_role(statements: Statements) -> None:
    execute = statements.connection.execute
    execute("CREATE ROLE before_name SUPERUSER")
    try:
        execute("SET ROLE before_name")
        statements.run(50)
        execute("RESET ROLE")
        statements.snapshot("2 hours")
        assert "renamed" not in statements.notes("1 hour")
        execute("ALTER ROLE before_name RENAME TO after_name")
        assert "role before_name" in statements.notes("1 hour")
    finally:
        execute("DROP ROLE IF EXISTS before_name, after_name")


def test_share_and_nested_statements(statements: Statements) -> None:
    execute = statements.connection.execute
    execute("SET pg_stat_statements.track = 'all'")
    execute("DO $$BEGIN PERFORM pg_sleep(0.03); END$$")
    rows = execute(
        "SELECT s.toplevel, s.calls, s.share_percent FROM pggit_excellence.slow_statements() AS s "
        "WHERE s.query LIKE '%pg_sleep%' ORDER BY s.toplevel"
    ).fetchall()
    assert [row[:2] for row in rows] == [(False, 1), (True, 1)]
    total = execute(
        "SELECT sum(s.share_percent) FROM pggit_excellence.slow_statements() AS s WHERE s.toplevel"
    ).fetchone()
    assert total is not None
    assert total[0] == pytest.approx(100, abs=1)
    execute("SET pg_stat_statements.track = 'none'")
    assert "counts nothing" in statements.notes()


def test_analyze_slow_queries_groups_and_filters(statements: Statements) -> None:
    execute = statements.connection.execute
    execute("CREATE SCHEMA pggit")
    execute("CREATE FUNCTION pggit.linger() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(0.03)'")
    for number in range(3):
        execute(f"CREATE TABLE made_{number} (id integer)")
    for _ in range(2):
        execute("SELECT pggit.linger()")
    execute("SELECT pg_sleep(0.001)")
    ask = (
        "SELECT a.query_type, a.call_count FROM pggit_excellence.analyze_slow_queries(%s) AS a "
        "WHERE a.query_type ~ '^(pggit[.]|CREATE TABLE)'"
    )
    slow = execute(ask, (20,)).fetchall()
    assert slow == [("pggit.linger()", 2)]
    assert ("CREATE TABLE", 3) in execute(ask, (0,)).fetchall()
    statements.snapshot("2 hours")
    assert execute(ask, (20,)).fetchall() == []
    execute("SELECT pggit.linger()")
    row = execute(
        "SELECT a.query_type, a.call_count, a.avg_duration_ms >= 30, a.avg_duration_ms = a.total_time_ms "
        "FROM pggit_excellence.analyze_slow_queries(20) AS a WHERE a.query_type LIKE 'pggit.%'"
    ).fetchall()
    assert row == [("pggit.linger()", 1, True, True)]


@pytest.fixture(scope="module")
def small_server(installation: Installation) -> Iterator[Server]:
    """A server whose pg_stat_statements holds 100 entries."""
    settings = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "100"}
    with workspace() as folder, Server(installation, folder / "server", settings) as running:
        yield running


def test_eviction(small_server: Server) -> None:
    with small_server.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pggit_excellence")
        statements = Statements(connection)
        statements.snapshot("3 hours")
        assert "evicted" not in statements.notes("1 hour")
        columns = []
        for number in range(150):
            columns.append(f"1 AS c{number}")
            connection.execute("SELECT " + ", ".join(columns))
        evicted = connection.execute("SELECT i.dealloc FROM pg_stat_statements_info AS i").fetchone()
        assert evicted is not None
        assert evicted[0] > 0
        assert f"evicted its least used entries {evicted[0]} times" in statements.notes("1 hour")
        statements.snapshot("2 hours")
        assert "evicted" not in statements.notes("1 hour"), "none since that snapshot"
        assert "evicted" in statements.notes(None)


def test_not_loaded(installation: Installation) -> None:
    """Neither library nor extension, then the extension alone, on a server that loads nothing."""
    with workspace() as folder, Server(installation, folder / "server") as bare, bare.connect() as connection:
        connection.execute("CREATE EXTENSION pggit_excellence")
        statements = Statements(connection)
        assert "shared_preload_libraries" in statements.notes()
        assert "CREATE EXTENSION pg_stat_statements" in statements.notes()
        connection.execute("CREATE EXTENSION pg_stat_statements")
        # A setting in the file makes a placeholder, which is no proof that the library is there.
        connection.execute("SET pg_stat_statements.max = 5000")
        assert "shared_preload_libraries" in statements.notes()
        statements.snapshot("1 hour")


def test_table_counters_of_snapshots(plain: psycopg.Connection) -> None:
    """The copy equals the view, and tables without traffic are not in it."""
    plain.execute('CREATE TABLE public."Odd.""Name" (id integer PRIMARY KEY, body text)')
    plain.execute("CREATE TABLE public.idle (id integer)")
    plain.execute("CREATE TEMP TABLE passing AS SELECT 1 AS id")
    plain.execute('INSERT INTO public."Odd.""Name" SELECT g, g FROM generate_series(1, 1000) AS g')
    flush_statistics(plain)
    plain.execute("SELECT pggit_excellence.take_snapshot()")
    copied = plain.execute(
        "SELECT s.schema_name, s.table_name, s.heap_read, s.heap_hit, s.idx_read, s.idx_hit, s.toast_read "
        "FROM pggit_excellence.table_io_snapshots AS s WHERE s.schema_name <> 'pggit_excellence'"
    ).fetchall()
    view = plain.execute(
        "SELECT schemaname, relname, heap_blks_read, heap_blks_hit, idx_blks_read, idx_blks_hit, toast_blks_read "
        "FROM pg_statio_user_tables WHERE relname LIKE 'Odd%'"
    ).fetchall()
    assert copied == view
    assert view[0][3] > 0


def test_snapshots_in_one_transaction(server: Server, plain: psycopg.Connection) -> None:
    """The second one sees what others did after the first."""
    plain.execute("CREATE TABLE public.busy (id integer)")
    plain.execute("INSERT INTO public.busy VALUES (1)")
    plain.execute("SELECT count(*) FROM public.busy")
    flush_statistics(plain)
    with server.connect(plain.info.dbname) as other, plain.transaction():
        plain.execute("SELECT pggit_excellence.take_snapshot()")
        other.execute("SELECT count(*) FROM public.busy")
        flush_statistics(other)
        plain.execute("SELECT pggit_excellence.take_snapshot()")
    hits = plain.execute(
        "SELECT s.heap_hit FROM pggit_excellence.table_io_snapshots AS s "
        "WHERE s.table_name = 'busy' ORDER BY s.snapshot_id"
    ).fetchall()
    assert hits[1][0] > hits[0][0]


def test_concurrent_snapshots(server: Server, plain: psycopg.Connection) -> None:
    """Two open transactions take one each; neither waits nor fails."""
    with server.connect(plain.info.dbname) as other:
        for connection in (plain, other):
            connection.execute("SET lock_timeout = '2s'")
            connection.execute("BEGIN")
        numbers = {c.execute("SELECT pggit_excellence.take_snapshot()").fetchone() for c in (plain, other)}
        for connection in (plain, other):
            connection.execute("COMMIT")
    assert len(numbers) == 2


def test_queries_of_the_guide(statements: Statements) -> None:
    guide = (ROOT / "docs" / "guides" / "SLOW_STATEMENTS.md").read_text(encoding="utf-8")
    queries = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    assert len(queries) >= 5
    for query in queries:
        statements.connection.execute(query)


def test_dump_and_restore(dump_programs: dict[str, Path], make_database: MakeDatabase, server: Server) -> None:
    """A dump and restore keeps metrics and snapshots."""
    source = make_database("plain")
    with server.connect(source) as connection:
        connection.execute("SELECT pggit_excellence.record_metric('kept_ms', 5)")
        connection.execute("SELECT pggit_excellence.take_snapshot()")
        state = connection.execute("SELECT s.* FROM pggit_excellence.snapshots AS s").fetchall()
    target = make_database("empty")
    script = server.folder / "dump.sql"
    dump = subprocess.run(
        [dump_programs["pg_dump"], "-d", source], env=server.environment, capture_output=True, text=True, check=True
    )
    script.write_text(dump.stdout, encoding="utf-8")
    server.psql("-f", str(script), dbname=target)
    with server.connect(target) as connection:
        assert connection.execute("SELECT s.* FROM pggit_excellence.snapshots AS s").fetchall() == state
        assert connection.execute("SELECT count(*) FROM pggit_excellence.performance_metrics").fetchone() == (1,)
        assert connection.execute("SELECT pggit_excellence.take_snapshot() > %s", (state[0][0],)).fetchone() == (True,)
