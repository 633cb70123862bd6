"""cache_hit_ratio(): against the views, NULL where idle, and what happened since the last snapshot."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from conftest import flush_statistics

Row = dict[str, Any]


def ratio(connection: psycopg.Connection, table: str = "public.t") -> Row:
    flush_statistics(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        query = "SELECT * FROM pggit_excellence.cache_hit_ratio('{public}') WHERE table_name = %s"
        found = cursor.execute(query, (table,)).fetchall()
    assert len(found) == 1
    return found[0]


def snapshot(connection: psycopg.Connection) -> None:
    flush_statistics(connection)
    connection.execute("SELECT pggit_excellence.take_snapshot()")


@pytest.fixture
def table(plain: psycopg.Connection) -> psycopg.Connection:
    plain.execute("CREATE TABLE t (i int PRIMARY KEY, b text)")
    plain.execute("ALTER TABLE t ALTER b SET STORAGE EXTERNAL")
    return plain


def work(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO t SELECT g, repeat('x', 5000) FROM generate_series(1, 50) g ON CONFLICT DO NOTHING")
    connection.execute("SELECT sum(length(b)), count(*) FROM t").fetchall()


def test_idle_is_null(table: psycopg.Connection) -> None:
    row = ratio(table)
    assert (row["heap_read"], row["heap_hit"], row["hit_ratio"]) == (0, 0, None)
    assert (row["index_hit_ratio"], row["toast_hit_ratio"], row["recent_hit_ratio"]) == (None, None, None)
    assert row["note"] == "no snapshot yet: take_snapshot() takes one"


def test_same_as_the_views(table: psycopg.Connection) -> None:
    work(table)
    row = ratio(table)
    with table.cursor(row_factory=dict_row) as cursor:
        view = cursor.execute("SELECT * FROM pg_statio_user_tables WHERE relname = 't'").fetchone()
    assert (row["heap_read"], row["heap_hit"]) == (view["heap_blks_read"], view["heap_blks_hit"])
    assert (row["index_read"], row["index_hit"]) == (view["idx_blks_read"], view["idx_blks_hit"])
    assert row["toast_read"] == view["toast_blks_read"] + view["tidx_blks_read"]
    assert row["toast_hit"] == view["toast_blks_hit"] + view["tidx_blks_hit"]
    for kind, name in (("heap", "hit_ratio"), ("index", "index_hit_ratio"), ("toast", "toast_hit_ratio")):
        hit, read = row[f"{kind}_hit"], row[f"{kind}_read"]
        assert hit > 0
        assert float(row[name]) == int(10000 * hit / (hit + read)) / 100


def test_recent_is_the_difference(table: psycopg.Connection) -> None:
    work(table)
    snapshot(table)
    before = ratio(table)
    assert (before["recent_heap_hit"], before["recent_heap_read"], before["recent_hit_ratio"]) == (0, 0, None)
    assert before["recent_since"] is not None
    work(table)
    after = ratio(table)
    assert after["note"] is None
    for kind in ("heap", "index", "toast"):
        for what in ("read", "hit"):
            assert after[f"recent_{kind}_{what}"] == after[f"{kind}_{what}"] - before[f"{kind}_{what}"]
    assert after["recent_heap_hit"] > 0
    assert after["recent_hit_ratio"] is not None


def test_new_table_counts_from_zero(table: psycopg.Connection) -> None:
    snapshot(table)
    work(table)
    row = ratio(table)
    assert row["note"] is None
    assert row["recent_heap_hit"] == row["heap_hit"] > 0


def assert_no_recent_values(row: Row) -> None:
    assert {value for name, value in row.items() if name.startswith("recent_")} == {None}


def test_reset_is_said(table: psycopg.Connection) -> None:
    work(table)
    snapshot(table)
    table.execute("SELECT pg_stat_reset()")
    work(table)
    row = ratio(table)
    assert "reset since" in row["note"]
    assert_no_recent_values(row)
    snapshot(table)
    assert ratio(table)["note"] is None


def test_backwards_is_said(table: psycopg.Connection) -> None:
    """A table made anew under its old name."""
    work(table)
    snapshot(table)
    table.execute("DROP TABLE t; CREATE TABLE t (i int PRIMARY KEY, b text)")
    row = ratio(table)
    assert "backwards" in row["note"]
    assert_no_recent_values(row)


def test_several_indexes_and_toast_made_anew(table: psycopg.Connection) -> None:
    """Every index of the table counts, and TOAST that was reindexed still is one row."""
    table.execute("CREATE INDEX ON t ((i + 1))")
    work(table)
    toast = table.execute("SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = 't'::regclass").fetchone()
    assert toast is not None
    table.execute(f"REINDEX TABLE CONCURRENTLY {toast[0]}")
    row = ratio(table)
    view = table.execute("SELECT idx_blks_read, idx_blks_hit FROM pg_statio_user_tables WHERE relname = 't'").fetchone()
    assert (row["index_read"], row["index_hit"]) == view
