"""run_probes(): what it finds, records, refuses; and the checks of health_check() that look at our own measuring."""

from __future__ import annotations

import datetime

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server
from test_health import health

# Version queries as pgGit's releases have them: one by name, one slow, one that fails, one that writes.
VERSION_QUERIES = """
CREATE FUNCTION pggit.get_version(p_object_name text) RETURNS TABLE (version integer)
LANGUAGE sql AS 'SELECT o.version FROM pggit.objects AS o WHERE o.full_name = p_object_name';
CREATE FUNCTION pggit.get_history(p_object_name text, p_limit integer DEFAULT 10) RETURNS TABLE (version integer)
LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN QUERY SELECT 1 WHERE p_object_name = 'public.t'; END $$;
CREATE FUNCTION pggit.get_version_fast(p_object_name text) RETURNS integer
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no such cache: %', p_object_name; END $$;
CREATE FUNCTION pggit.show_table_versions(p_schema text) RETURNS void
LANGUAGE sql AS 'DELETE FROM pggit.history';
CREATE FUNCTION pggit.get_function_version(wrong integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
"""
Rows = dict[str, tuple[str | None, float | None, str | None]]


def probes(connection: psycopg.Connection, arguments: str = "") -> Rows:
    rows = connection.execute(f"SELECT * FROM pggit_excellence.run_probes({arguments})".encode()).fetchall()
    return {name: (metric, value, note) for name, metric, value, note in rows}


def recorded(connection: psycopg.Connection, metric: str) -> list[tuple[float, dict[str, str]]]:
    return connection.execute(
        "SELECT metric_value, tags FROM pggit_excellence.performance_metrics WHERE metric_type = %s"
        " ORDER BY recorded_at",
        [metric],
    ).fetchall()


def test_version_queries(pggit: psycopg.Connection) -> None:
    pggit.execute(VERSION_QUERIES.encode())
    pggit.execute("UPDATE pggit.objects SET is_active = false")
    assert probes(pggit)["get_version"][1:] == (None, "pgGit knows no table to ask about")
    pggit.execute("UPDATE pggit.objects SET is_active = true")
    pggit.execute("CREATE TABLE t (i int)")
    history = pggit.execute("SELECT count(*) FROM pggit.history").fetchone()
    found = probes(pggit)
    assert "get_function_version" not in found, "another signature"
    metric, value, note = found["get_history"]
    assert (metric, note) == ("version_query_ms", "5 calls, median")
    assert value is not None
    assert value >= 20
    of_history = [ms for ms, tags in recorded(pggit, "version_query_ms") if tags == {"query": "get_history"}]
    assert len(of_history) == 5
    assert sorted(of_history)[2] == value
    assert found["get_version_fast"] == ("version_query_ms", None, "failed: no such cache: public.t")
    assert "read-only" in str(found["show_table_versions"][2])
    assert pggit.execute("SELECT count(*) FROM pggit.history").fetchone() == history
    pggit.execute("CREATE TABLE writes_again (i int)")


def test_values_against_the_catalog(pggit: psycopg.Connection) -> None:
    pggit.execute("CREATE TABLE t (i int)")
    found = probes(pggit)
    metric, value, _ = found.pop("storage")
    size = """
        SELECT sum(pg_total_relation_size(oid)) FROM pg_class
        WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'S')"""
    sizes = [pggit.execute(size, [schema]).fetchone()[0] for schema in ("pggit", "pggit_excellence")]
    # Ours has grown by what the probes recorded.
    assert sizes[0] < value <= sum(sizes)
    assert (metric, [(value, {})]) == ("storage_bytes", recorded(pggit, "storage_bytes"))
    objects = pggit.execute("SELECT count(*)::float FROM pggit.objects WHERE is_active").fetchone()
    coverage = pggit.execute(
        "SELECT (100.0 * sum(tracked) / sum(in_catalog))::float FROM pggit_excellence.tracking_coverage()"
    ).fetchone()
    expected = {
        "tracked objects": ("tracked_objects", objects),
        "tracking coverage": ("tracking_coverage_percent", coverage),
        "health": ("health_ok", (1,)),
    }
    assert {name: (metric, (value,)) for name, (metric, value, _) in found.items()} == expected
    for metric, value in expected.values():
        assert value is not None
        assert [sample[0] for sample in recorded(pggit, metric)] == list(value)
    assert pggit.execute("SELECT count(*) FROM pggit_excellence.probe_results").fetchone() == (4,)


def test_unhealthy(pggit: psycopg.Connection) -> None:
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE")
    assert probes(pggit)["health"] == ("health_ok", 0, "unhealthy: tracking_triggers")


def test_coverage_is_measured_now_and_then(pggit: psycopg.Connection) -> None:
    assert "tracking coverage" in probes(pggit)
    assert "tracking coverage" not in probes(pggit)
    assert "tracking coverage" in probes(pggit, "'0'")
    pggit.execute("UPDATE pggit_excellence.probe_results SET probed_at = probed_at - interval '16 minutes'")
    assert "tracking coverage" in probes(pggit)
    pggit.execute("UPDATE pggit_excellence.probe_results SET probed_at = probed_at + interval '1 year'")
    assert "tracking coverage" in probes(pggit), "a clock that was ahead does not stop it"


def test_sentinels_are_booked(pggit: psycopg.Connection) -> None:
    assert "tracking" not in probes(pggit)
    pggit.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
    assert probes(pggit)["tracking"][1:] == (None, "0 tracked, 0 failed, 0 not measured since the last booking")
    pggit.execute("CREATE TABLE t (i int)")
    assert probes(pggit)["tracking"] == (
        "ddl_tracking_ok",
        1,
        "1 tracked, 0 failed, 0 not measured since the last booking",
    )
    pggit.execute("CREATE TABLE u (i int)")
    tasks = pggit.execute("SELECT task, affected FROM pggit_excellence.maintain()").fetchall()
    assert tasks[-1] == ("book tracking", 1)
    assert [value for value, _ in recorded(pggit, "ddl_tracking_ok")] == [1, 1]


def test_refusals(plain: psycopg.Connection) -> None:
    assert probes(plain) == {
        "pgGit": (None, None, "pgGit is not installed in this database: there is nothing to probe")
    }
    for arguments, error in (("'-1 s'", "coverage_every"), ("NULL", "coverage_every")):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=error) as caught:
            probes(plain, arguments)
        assert caught.value.diag.message_hint is not None
    with plain.transaction():
        plain.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match="read-only") as caught, plain.transaction():
            probes(plain)
        assert "primary" in str(caught.value.diag.message_hint)


def test_without_rights_on_pggit(server: Server, make_database: MakeDatabase) -> None:
    """An operator who may not read pgGit's tables: rows that say so."""
    with server.connect(make_database("pggit")) as admin:
        admin.execute("CREATE ROLE probes_operator LOGIN; SELECT * FROM pggit_excellence.create_roles()")
        try:
            admin.execute("GRANT pggit_excellence_operator TO probes_operator; REVOKE ALL ON SCHEMA pggit FROM PUBLIC")
            admin.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
            admin.execute("CREATE TABLE t (i int)")
            with server.connect(admin.info.dbname, user="probes_operator") as operator:
                found = probes(operator)
            assert found["tracked objects"][1:] == (None, "failed: permission denied for schema pggit")
            assert found["storage"][1] is not None
            assert found["tracking"][1] == 1
        finally:
            for role in ("reader", "auditor", "operator"):
                admin.execute(f"DROP OWNED BY pggit_excellence_{role}; DROP ROLE pggit_excellence_{role}".encode())
            admin.execute("DROP OWNED BY probes_operator; DROP ROLE probes_operator")


# --- what health_check() says about our own measuring


def test_sentinels_check(pggit: psycopg.Connection) -> None:
    status, message = health(pggit, "sentinels")
    assert status == "warning"
    assert "enable_sentinels()" in message
    pggit.execute("SELECT * FROM pggit_excellence.enable_sentinels()")
    assert health(pggit, "sentinels")[0] == "healthy"
    pggit.execute(
        "ALTER TABLE pggit_excellence.ddl_tracking_samples"
        " ADD CONSTRAINT fault CHECK (began_at > recorded_at) NOT VALID"
    )
    assert health(pggit, "sentinels")[0] == "warning", "its own sample was refused"
    pggit.execute("ALTER TABLE pggit_excellence.ddl_tracking_samples DROP CONSTRAINT fault")
    probes(pggit)
    assert health(pggit, "sentinels")[0] == "warning", "still visible after it was booked"
    probes(pggit)
    assert health(pggit, "sentinels")[0] == "healthy"
    pggit.execute("SELECT * FROM pggit_excellence.disable_sentinels()")
    assert health(pggit, "sentinels")[0] == "warning"


def test_coverage_check(pggit: psycopg.Connection) -> None:
    assert health(pggit, "tracking_coverage")[0] == "unknown"
    pggit.execute("CREATE TABLE t (i int)")
    probes(pggit)
    assert health(pggit, "tracking_coverage")[0] == "healthy"
    pggit.execute("CREATE SEQUENCE s")
    probes(pggit, "'0'")
    status, message = health(pggit, "tracking_coverage")
    assert status == "warning"
    assert message.startswith("66.6 % recorded")


def test_maintenance_check(pggit: psycopg.Connection) -> None:
    assert health(pggit, "maintenance")[0] == "unknown"
    pggit.execute("SELECT pggit_excellence.record_metric('m', 1)")
    assert health(pggit, "maintenance")[0] == "healthy"
    pggit.execute("SELECT pggit_excellence.record_metric('m', 1, recorded_at => now() - interval '20 minutes')")
    status, message = health(pggit, "maintenance")
    assert status == "warning"
    assert "schedule_maintenance()" in message
    pggit.execute("SELECT * FROM pggit_excellence.maintain()")
    assert health(pggit, "maintenance") == ("healthy", "no sample waits to be rolled up")
    # What a monitor brings late is no sign that nobody maintains; that nobody has for long is.
    pggit.execute("SELECT pggit_excellence.record_metric('m', 1, recorded_at => now() - interval '20 minutes')")
    assert health(pggit, "maintenance")[0] == "healthy"
    pggit.execute("UPDATE pggit_excellence.probe_results SET probed_at = probed_at - interval '16 minutes'")
    assert health(pggit, "maintenance")[0] == "warning"


def test_sample_times_check(pggit: psycopg.Connection) -> None:
    assert health(pggit, "sample_times")[0] == "unknown"
    pggit.execute("SELECT pggit_excellence.record_metric('m', 1)")
    assert health(pggit, "sample_times")[0] == "healthy"
    ahead = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    pggit.execute(
        "INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, recorded_at) VALUES ('m', 1, %s)",
        [ahead],
    )
    assert health(pggit, "sample_times")[0] == "warning"


def test_health_does_not_grow_with_the_history(pggit: psycopg.Connection) -> None:
    """No part of it reads the samples: the buffers that it touches are as many with 200,000 of them as with few."""

    def buffers() -> int:
        for _ in range(2):
            plan = pggit.execute(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM pggit_excellence.health_check()"
            ).fetchone()
        assert plan is not None
        return int(plan[0][0]["Plan"]["Shared Hit Blocks"]) + int(plan[0][0]["Plan"]["Shared Read Blocks"])

    pggit.execute("SELECT pggit_excellence.record_metric('m', 1)")
    few = buffers()
    pggit.execute(
        "INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, rolled_up, recorded_at)"
        " SELECT 'm', 1, n % 4 > 0, now() - n * interval '1 s' FROM generate_series(1, 200000) AS n"
    )
    pggit.execute("VACUUM ANALYZE pggit_excellence.performance_metrics")
    pages = pggit.execute("SELECT pg_relation_size('pggit_excellence.performance_metrics_rolled') / 8192").fetchone()
    assert pages is not None
    assert pages[0] > 1000
    assert buffers() - few < 300


def test_monitors_check(pggit: psycopg.Connection) -> None:
    assert health(pggit, "monitors")[0] == "unknown"
    pggit.execute("SELECT pggit_excellence.record_availability(NULL, m) FROM unnest('{east,west}'::text[]) AS m")
    assert health(pggit, "monitors") == ("healthy", "2 monitors report")
    pggit.execute(
        "UPDATE pggit_excellence.availability_monitors SET last_seen = now() - interval '16 min' WHERE monitor = 'west'"
    )
    status, message = health(pggit, "monitors")
    assert status == "warning"
    assert message.startswith("silent for 15 minutes: west; ")
    pggit.execute("DELETE FROM pggit_excellence.availability_monitors WHERE monitor = 'west'")
    assert health(pggit, "monitors")[0] == "healthy"
