"""Databases in which plain advice would be wrong: what the diagnostics must not say there, or must say differently."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import psycopg
import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Server
from test_indexes import advice, only, plan


def test_clustered_index_is_not_unused(plain: psycopg.Connection) -> None:
    """CLUSTER without arguments needs it, once a year."""
    plain.execute("CREATE TABLE t (a int)")
    plain.execute("CREATE INDEX ordered ON t (a)")
    plain.execute("INSERT INTO t VALUES (1)")
    assert only(advice(plain, "unused"))["index_name"] == "public.ordered"
    plain.execute("ALTER TABLE t CLUSTER ON ordered")
    assert advice(plain, "unused") == []


def test_unused_expression_index_gives_statistics(plain: psycopg.Connection) -> None:
    """Its statistics go with it, and plans may change: the advice says so, and only there."""
    plain.execute("CREATE TABLE t (a int, b text)")
    plain.execute("CREATE INDEX plain_column ON t (a)")
    plain.execute("CREATE INDEX expression ON t (lower(b))")
    plain.execute("INSERT INTO t VALUES (1, 'x')")
    texts = {row["index_name"]: row["advice"] for row in advice(plain, "unused")}
    assert "statistics" in texts["public.expression"]
    assert "statistics" not in texts["public.plain_column"]
    assert all("when an index was made" in text for text in texts.values())


def test_operator_class_parameters_differ(plain: psycopg.Connection) -> None:
    """Signatures of different length are different indexes."""
    plain.execute("CREATE TABLE t (d tsvector)")
    plain.execute("CREATE INDEX one ON t USING gist (d tsvector_ops (siglen = 8))")
    plain.execute("CREATE INDEX two ON t USING gist (d tsvector_ops (siglen = 1024))")
    assert advice(plain, "duplicate", "redundant") == []
    plain.execute("CREATE INDEX three ON t USING gist (d tsvector_ops (siglen = 8))")
    assert only(advice(plain, "duplicate"))["index_name"] == "public.three"


def test_foreign_key_that_is_not_enforced(plain: psycopg.Connection) -> None:
    """Nothing ever searches for its rows."""
    if plain.info.server_version < 180000:
        pytest.skip("NOT ENFORCED came with PostgreSQL 18")
    plain.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    plain.execute("CREATE TABLE child (parent_id int CONSTRAINT fk REFERENCES parent NOT ENFORCED)")
    assert advice(plain, "foreign_key") == []
    plain.execute("ALTER TABLE child ALTER CONSTRAINT fk ENFORCED")
    assert only(advice(plain, "foreign_key"))["table_name"] == "public.child"


def test_foreign_key_with_an_index_on_each_partition(plain: psycopg.Connection) -> None:
    """Deletes in the referenced table use those; the statement attaches them and builds no more, as the advice says."""
    plain.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    plain.execute("CREATE TABLE child (id int, parent_id int REFERENCES parent) PARTITION BY RANGE (id)")
    plain.execute("CREATE TABLE low PARTITION OF child FOR VALUES FROM (0) TO (9)")
    plain.execute("CREATE TABLE high PARTITION OF child FOR VALUES FROM (9) TO (99)")
    plain.execute("CREATE INDEX ON low (parent_id)")
    plain.execute("CREATE INDEX ON high (parent_id)")
    assert "Seq Scan" not in plan(plain, "SELECT 1 FROM child WHERE parent_id = 1")
    found = only(advice(plain, "foreign_key"))
    assert "only attaches them" in found["advice"]
    plain.execute(found["mend_sql"])
    parts = "SELECT relname, relispartition FROM pg_class WHERE relkind = 'i' AND relname ~ '_parent_id_' ORDER BY 1"
    assert plain.execute(parts).fetchall() == [("high_parent_id_idx", True), ("low_parent_id_idx", True)]
    assert advice(plain, "foreign_key") == []


def test_index_that_was_being_dropped(plain: psycopg.Connection) -> None:
    """An interrupted DROP INDEX CONCURRENTLY leaves an index that is not live: it is to be dropped, not revived."""
    plain.execute("CREATE TABLE t (a int)")
    plain.execute("CREATE INDEX dropped ON t (a)")
    plain.execute(
        "UPDATE pg_index SET indisvalid = false, indisready = false, indislive = false"
        " WHERE indexrelid = 'dropped'::regclass"
    )
    assert str(only(advice(plain, "invalid"))["mend_sql"]).startswith("DROP INDEX CONCURRENTLY")
    plain.execute(only(advice(plain, "invalid"))["mend_sql"])
    assert advice(plain, "invalid") == []


def test_bloat_of_a_partial_index_on_a_sparse_column(plain: psycopg.Connection) -> None:
    """The column is nearly always NULL, in the index it never is: no bloat, though the average row is narrow."""
    plain.execute("CREATE TABLE t (a text)")
    plain.execute(
        "INSERT INTO t SELECT CASE WHEN g % 20 = 0 THEN md5(g::text) || md5((g + 1)::text) END"
        " FROM generate_series(1, 300000) AS g"
    )
    plain.execute("CREATE INDEX sparse ON t (a) WHERE a IS NOT NULL")
    plain.execute("VACUUM ANALYZE t")
    pages = plain.execute("SELECT relpages FROM pg_class WHERE relname = 'sparse'").fetchone()
    assert pages is not None
    assert pages[0] >= 128, "large enough to be looked at"
    assert advice(plain, "bloat", "statistics") == []


def test_bloated_exclusion_constraint(plain: psycopg.Connection) -> None:
    """REINDEX CONCURRENTLY refuses it: the statement that is returned must run."""
    plain.execute("CREATE TABLE t (a int, EXCLUDE USING btree (a WITH =))")
    plain.execute("INSERT INTO t SELECT generate_series(1, 120000)")
    plain.execute("DELETE FROM t WHERE a % 4 > 0")
    plain.execute("VACUUM ANALYZE t")
    plain.execute(only(advice(plain, "bloat"))["mend_sql"])
    plain.execute("VACUUM ANALYZE t")
    assert advice(plain, "bloat") == []


# --- health -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stranger(server: Server, make_database: MakeDatabase) -> Iterator[psycopg.Connection]:
    """A role that may call the functions and nothing else: no pg_monitor."""
    name = make_database("plain")
    with server.connect(name) as admin:
        admin.execute("CREATE ROLE stranger LOGIN")
        admin.execute("GRANT USAGE ON SCHEMA pggit_excellence TO stranger")
        admin.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pggit_excellence TO stranger")
        try:
            with server.connect(name, user="stranger") as connection:
                yield connection
        finally:
            admin.execute("DROP OWNED BY stranger; DROP ROLE stranger")


def test_connections_that_privileges_hide_are_counted(server: Server, stranger: psycopg.Connection) -> None:
    query = (
        "SELECT (details ->> 'used')::int, message FROM pggit_excellence.health_check()"
        " WHERE check_name = 'connections'"
    )
    with server.connect() as one, server.connect() as two:
        assert one.info.backend_pid != two.info.backend_pid
        used, message = stranger.execute(query).fetchone() or (0, "")
    assert used >= 4, "this one, the administrator's and the two"
    assert "hidden" in message


def test_what_was_measured_and_may_not_be_read_is_unknown(stranger: psycopg.Connection) -> None:
    query = "SELECT check_name FROM pggit_excellence.health_check() WHERE message LIKE '%pggit_excellence_reader'"
    hidden = ["sentinels", "tracking_coverage", "maintenance", "sample_times", "monitors"]
    assert [name for (name,) in stranger.execute(query)] == hidden


def test_another_database_near_wraparound(plain: psycopg.Connection) -> None:
    """All databases share the transaction IDs, and the server stops for the oldest."""
    query = "SELECT status, message FROM pggit_excellence.health_check() WHERE check_name = 'transaction_ids'"
    assert plain.execute(query).fetchone()[0] == "healthy"
    with plain.transaction(force_rollback=True):
        plain.execute(
            "UPDATE pg_database SET datfrozenxid ="
            " ((txid_current() - 1700000000 + 4294967296) % 4294967296)::text::xid WHERE datname = 'template0'"
        )
        status, message = plain.execute(query).fetchone()
    assert status == "unhealthy"
    assert "template0" in message


def test_size_of_a_partitioned_history(pggit: psycopg.Connection) -> None:
    """The parent has no file of its own."""
    pggit.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE; ALTER EVENT TRIGGER pggit_drop_trigger DISABLE")
    pggit.execute("ALTER TABLE pggit.history RENAME TO history_rows")
    pggit.execute("CREATE TABLE pggit.history (LIKE pggit.history_rows) PARTITION BY RANGE (id)")
    pggit.execute("ALTER TABLE pggit.history ATTACH PARTITION pggit.history_rows DEFAULT")
    expected = pggit.execute("SELECT pg_size_pretty(pg_total_relation_size('pggit.history_rows'))").fetchone()
    query = "SELECT value FROM pggit_excellence.system_overview() WHERE fact = 'size of pggit.history'"
    assert pggit.execute(query).fetchone() == expected


# --- xmin holders -----------------------------------------------------------------------------------------------------


def kept_dead_rows(connection: psycopg.Connection) -> int:
    """How many dead rows of pg_class VACUUM must keep, after it was given some."""
    said: list[str] = []
    connection.add_notice_handler(
        lambda notice: said.extend([notice.message_primary or "", notice.message_detail or ""])
    )
    connection.execute("CREATE TABLE passing (a int); DROP TABLE passing")
    connection.execute("VACUUM (VERBOSE) pg_class")
    found = re.search(
        r"(\d+) (?:are dead but not yet removable|dead row versions cannot be removed yet)", "".join(said)
    )
    assert found is not None, said
    return int(found[1])


def test_slot_that_lost_its_wal_holds_nothing(plain: psycopg.Connection) -> None:
    """It still shows the xmin that it had."""
    query = "SELECT count(*) FROM pggit_excellence.xmin_holders() WHERE name = 'lost'"
    plain.execute("SELECT pg_create_logical_replication_slot('lost', 'pgoutput')")
    try:
        assert kept_dead_rows(plain) > 0
        assert plain.execute(query).fetchone() == (1,)
        plain.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        plain.execute("SELECT pg_reload_conf()")
        for _ in range(3):
            plain.execute("CREATE TABLE some_wal (a int); DROP TABLE some_wal")
            plain.execute("SELECT pg_switch_wal()")
        deadline = time.monotonic() + 20
        while plain.execute("SELECT wal_status FROM pg_replication_slots").fetchone() != ("lost",):
            assert time.monotonic() < deadline
            plain.execute("CHECKPOINT")
        assert kept_dead_rows(plain) == 0
        assert plain.execute(query).fetchone() == (0,)
    finally:
        plain.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        plain.execute("SELECT pg_reload_conf(), pg_drop_replication_slot('lost')")
