"""health_check(), system_overview() and the log of upgrades: each fault planted, seen, mended, gone."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from pggit_excellence.server import Server


def health(connection: psycopg.Connection, check: str) -> tuple[str, str]:
    """Status and message of one check."""
    row = connection.execute(
        "SELECT status, message FROM pggit_excellence.health_check() WHERE check_name = %s", [check]
    ).fetchone()
    assert row is not None
    return row


def fact(connection: psycopg.Connection, name: str) -> tuple[str | None, str | None]:
    """Value and note of one fact."""
    row = connection.execute(
        "SELECT value, note FROM pggit_excellence.system_overview() WHERE fact = %s", [name]
    ).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("trigger", ["pggit_ddl_trigger", "pggit_drop_trigger"])
def test_core_trigger_that_is_off_is_never_healthy(pggit: psycopg.Connection, trigger: str) -> None:
    assert health(pggit, "tracking_triggers")[0] == "healthy"
    for order, state in (("DISABLE", "disabled"), ("ENABLE REPLICA", "replica only")):
        pggit.execute(f"ALTER EVENT TRIGGER {trigger} {order}")
        assert health(pggit, "tracking_triggers") == ("unhealthy", f"off: {trigger} ({state})")
        assert fact(pggit, f"trigger {trigger}")[0] == state
    for order in ("ENABLE ALWAYS", "ENABLE"):
        pggit.execute(f"ALTER EVENT TRIGGER {trigger} {order}")
        assert health(pggit, "tracking_triggers")[0] == "healthy"
    pggit.execute(f"DROP EVENT TRIGGER {trigger}")
    assert health(pggit, "tracking_triggers") == ("unhealthy", f"off: {trigger} (missing)")


def test_release_with_other_triggers(pggit: psycopg.Connection) -> None:
    """Found by function name: one off beside one on is a warning, a trigger that only measures does not count."""
    pggit.execute(
        """
        ALTER FUNCTION pggit.handle_ddl_command() RENAME TO enhanced_ddl_trigger_func;
        ALTER EVENT TRIGGER pggit_ddl_trigger RENAME TO pggit_enhanced_ddl_trigger;
        CREATE FUNCTION pggit.collect_ddl_metrics() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER pggit_metrics_trigger ON ddl_command_end EXECUTE FUNCTION pggit.collect_ddl_metrics();
        """
    )
    # The core trigger itself is missing, and the enhanced one records.
    assert health(pggit, "tracking_triggers") == ("warning", "off: pggit_ddl_trigger (missing)")
    pggit.execute("ALTER EVENT TRIGGER pggit_enhanced_ddl_trigger DISABLE")
    assert health(pggit, "tracking_triggers")[0] == "unhealthy"


def test_without_pggit_nothing_about_it_is_healthy(plain: psycopg.Connection) -> None:
    rows = plain.execute("SELECT check_name, status FROM pggit_excellence.health_check()").fetchall()
    assert {name for name, status in rows if status != "unknown"} == {
        "connections",
        "transaction_ids",
        "sentinels",
    }
    assert fact(plain, "pgGit version") == (None, "pgGit is not installed in this database")
    assert fact(plain, "last change") == (None, "pgGit is not installed in this database")
    assert fact(plain, "size of pggit.history") == (None, "there is no such table")


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE pggit.history CASCADE",
        "ALTER TABLE pggit.objects DROP COLUMN full_name",
        "ALTER TABLE pggit.history RENAME TO elsewhere",
    ],
)
def test_half_installed(pggit: psycopg.Connection, damage: str) -> None:
    assert health(pggit, "pggit_installed")[0] == "healthy"
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER EVENT TRIGGER pggit_drop_trigger DISABLE")
    pggit.execute(damage)
    assert health(pggit, "pggit_installed")[0] == "unhealthy"
    assert health(pggit, "history_recording") == ("unknown", "pgGit is half installed, see pggit_installed")
    pggit.execute("SELECT * FROM pggit_excellence.system_overview()").fetchall()


def test_history_recording(pggit: psycopg.Connection) -> None:
    assert health(pggit, "history_recording")[0] == "healthy"
    newest = pggit.execute("SELECT max(created_at)::timestamptz::text FROM pggit.history").fetchone()
    assert newest is not None
    assert fact(pggit, "last change")[0] == newest[0]
    pggit.execute("DELETE FROM pggit.history")
    assert health(pggit, "history_recording")[0] == "unknown"
    assert fact(pggit, "last change")[0] is None


def test_untracked_tables(pggit: psycopg.Connection) -> None:
    assert health(pggit, "untracked_tables")[0] == "unknown"
    pggit.execute("CREATE TABLE tracked (id int); CREATE TEMP TABLE passing (id int)")
    assert health(pggit, "untracked_tables") == ("healthy", "the 1 newest tables are in pggit.objects")
    pggit.execute('CREATE TABLE "Quoted. ""name" (id int)')
    assert health(pggit, "untracked_tables")[0] == "healthy"
    pggit.execute("SET session_replication_role = replica; CREATE TABLE missed (id int)")
    pggit.execute("RESET session_replication_role")
    assert health(pggit, "untracked_tables")[0] == "warning"
    details = pggit.execute(
        "SELECT details -> 'untracked' FROM pggit_excellence.health_check() WHERE check_name = 'untracked_tables'"
    ).fetchone()
    assert details == (["public.missed"],)
    pggit.execute("DROP TABLE missed")
    assert health(pggit, "untracked_tables")[0] == "healthy"


def test_function_names(pggit: psycopg.Connection) -> None:
    pggit.execute("DELETE FROM pggit.objects WHERE object_type = 'FUNCTION'")
    assert health(pggit, "function_names")[0] == "unknown"
    named = "INSERT INTO pggit.objects (object_type, schema_name, object_name) VALUES ('FUNCTION', 'public', %s)"
    pggit.execute(named, ["f(integer)"])
    assert health(pggit, "function_names")[0] == "healthy"
    pggit.execute(named, ["12345"])
    assert health(pggit, "function_names")[0] == "warning"


def test_sequences(pggit: psycopg.Connection) -> None:
    """An int column fed by a bigint sequence ends at the column's maximum."""
    assert health(pggit, "sequences")[0] == "healthy"
    pggit.execute("SELECT setval('pggit.history_id_seq', 1600000000)")
    assert health(pggit, "sequences")[0] == "warning"
    pggit.execute("ALTER SEQUENCE pggit.history_id_seq AS bigint; SELECT setval('pggit.history_id_seq', 2000000000)")
    assert health(pggit, "sequences")[0] == "unhealthy"
    pggit.execute("ALTER TABLE pggit.history ALTER id TYPE bigint")
    assert health(pggit, "sequences")[0] == "healthy"


def test_sequence_that_ends_at_zero(pggit: psycopg.Connection) -> None:
    pggit.execute("CREATE SEQUENCE pggit.countdown MINVALUE -99 MAXVALUE 0 START -99")
    assert health(pggit, "sequences")[0] == "healthy"
    pggit.execute("SELECT setval('pggit.countdown', -10)")
    assert health(pggit, "sequences")[0] == "unhealthy", "90 of 100 numbers are used"


def test_invalid_index(pggit: psycopg.Connection) -> None:
    assert health(pggit, "indexes")[0] == "healthy"
    pggit.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pggit.idx_history_object'::regclass")
    assert health(pggit, "indexes")[0] == "unhealthy"
    pggit.execute("REINDEX INDEX pggit.idx_history_object")
    assert health(pggit, "indexes")[0] == "healthy"


def test_bypass_by_replication_role(pggit: psycopg.Connection) -> None:
    assert health(pggit, "tracking_bypass")[0] == "healthy"
    pggit.execute("SET session_replication_role = replica")
    assert health(pggit, "tracking_bypass")[0] == "unhealthy"
    # ALWAYS triggers fire all the same.
    pggit.execute(
        "ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE ALWAYS; ALTER EVENT TRIGGER pggit_drop_trigger ENABLE ALWAYS"
    )
    assert health(pggit, "tracking_bypass")[0] == "healthy"


def test_bypass_stored_for_a_role(pggit: psycopg.Connection) -> None:
    pggit.execute('CREATE ROLE "Loader"')
    try:
        pggit.execute('ALTER ROLE "Loader" SET session_replication_role = replica')
        status, message = health(pggit, "tracking_bypass")
        assert status == "warning"
        assert message.endswith('role "Loader": session_replication_role=replica')
        pggit.execute('ALTER ROLE "Loader" RESET ALL')
        assert health(pggit, "tracking_bypass")[0] == "healthy"
    finally:
        pggit.execute('DROP ROLE "Loader"')


def test_bypass_by_event_triggers(pggit: psycopg.Connection) -> None:
    if pggit.info.server_version < 170000:
        pytest.skip("event_triggers came with PostgreSQL 17")
    pggit.execute("SET event_triggers = off")
    assert health(pggit, "tracking_bypass")[0] == "unhealthy"


def test_connections(server: Server, plain: psycopg.Connection) -> None:
    limits = plain.execute(
        "SELECT (details ->> 'usable')::int, (details ->> 'used')::int FROM pggit_excellence.health_check()"
        " WHERE check_name = 'connections'"
    ).fetchone()
    assert limits is not None
    usable, used = limits
    settings = plain.execute(
        "SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)::int FROM pg_settings"
        " WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
    ).fetchone()
    assert settings == (usable,)
    with contextlib.ExitStack() as more:
        for _ in range(usable * 80 // 100 + 1 - used):
            more.enter_context(server.connect())
        assert health(plain, "connections")[0] == "warning"


@pytest.mark.parametrize(
    ("age", "status"), [(250_000_000, "healthy"), (350_000_000, "warning"), (1_700_000_000, "unhealthy")]
)
def test_transaction_ids(plain: psycopg.Connection, age: int, status: str) -> None:
    with plain.transaction(force_rollback=True):
        plain.execute(
            "UPDATE pg_database SET datfrozenxid ="
            " ((txid_current() - %s + 4294967296) %% 4294967296)::text::xid WHERE datname = current_database()",
            [age],
        )
        assert health(plain, "transaction_ids")[0] == status


def test_reading_functions_write_nothing(pggit: psycopg.Connection) -> None:
    """As on a hot standby."""
    with pggit.transaction():
        pggit.execute("SET TRANSACTION READ ONLY")
        assert len(pggit.execute("SELECT * FROM pggit.health_check()").fetchall()) == 15
        assert len(pggit.execute("SELECT * FROM pggit.system_overview()").fetchall()) > 10


def test_overview(pggit: psycopg.Connection) -> None:
    assert fact(pggit, "pggit_excellence version")[0] is not None
    assert fact(pggit, "history rows") == (None, "not known before the first ANALYZE pggit.history")
    pggit.execute("ANALYZE pggit.history")
    counted = pggit.execute("SELECT count(*)::text FROM pggit.history").fetchone()
    assert counted is not None
    assert fact(pggit, "history rows")[0] == counted[0]
    tables = pggit.execute(
        "SELECT count(*)::text FROM pggit.objects WHERE object_type = 'TABLE' AND is_active"
    ).fetchone()
    assert tables is not None
    assert fact(pggit, "tracked objects: TABLE")[0] == tables[0]
    assert int(str(fact(pggit, "names in schema pggit")[0])) >= 3
    pggit.execute("SELECT * FROM pggit_excellence.unlink_pggit()")
    assert fact(pggit, "names in schema pggit")[0] == "0"


# --- the log of upgrades


def rates(connection: psycopg.Connection, arguments: str = "") -> dict[str, tuple[object, ...]]:
    rows = connection.execute(f"SELECT * FROM pggit_excellence.upgrade_error_rate({arguments})").fetchall()
    return {str(row[0]): row[1:] for row in rows}


def test_upgrade_log(plain: psycopg.Connection) -> None:
    assert rates(plain)["pggit"] == (0, 0, 0, None, "no upgrade ended in this time")
    number = plain.execute("SELECT pggit_excellence.start_upgrade('0.2.1', '0.1.2')").fetchone()
    assert number == (1,)
    # The upgrade's transaction fails and takes what was written inside along; the start stays.
    with contextlib.suppress(psycopg.errors.DivisionByZero), plain.transaction():
        plain.execute("SELECT pggit_excellence.finish_upgrade(1)")
        plain.execute("SELECT 1 / 0")
    assert rates(plain)["pggit"][2:4] == (1, None)
    outcome = plain.execute("SELECT pggit_excellence.finish_upgrade(1, 'division by zero')").fetchone()
    assert outcome == ("failed",)
    for _ in range(2):
        plain.execute("SELECT pggit_excellence.start_upgrade('0.2.1', '0.1.2')")
    assert plain.execute("SELECT pggit_excellence.finish_upgrade(2)").fetchone() == ("completed",)
    ended, failed, unfinished, percent, note = rates(plain)["pggit"]
    assert (ended, failed, unfinished, str(percent)) == (2, 1, 1, "50.00")
    assert "not counted" in str(note)
    assert rates(plain)["pggit_excellence"][0] == 0
    plain.execute("UPDATE pggit_excellence.upgrade_log SET started_at = now() - interval '1 year' WHERE upgrade_id = 1")
    assert str(rates(plain)["pggit"][3]) == "0.00"
    assert str(rates(plain, "NULL")["pggit"][3]) == "50.00"


@pytest.mark.parametrize("call", ["finish_upgrade(99)", "finish_upgrade(NULL)"])
def test_finishing_what_did_not_start(plain: psycopg.Connection, call: str) -> None:
    with pytest.raises(psycopg.errors.NoDataFound, match="no running upgrade") as caught:
        plain.execute(f"SELECT pggit_excellence.{call}")
    assert caught.value.diag.message_hint is not None


def test_unknown_component_is_refused(plain: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        plain.execute("SELECT pggit_excellence.start_upgrade('1', component => 'other')")
