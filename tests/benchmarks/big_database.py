"""A database of the size that pgGit promises to serve: 10,000 tables, 14,000 tracked objects."""

from __future__ import annotations

from pathlib import Path

import psycopg

from pggit_excellence.server import Server

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TABLES = 10_000
TRACKED = 14_000
BATCH = 500  # tables per transaction: each holds locks until its end

# Every table has a primary key and an index; every fifth refers to the one before it, without an index for that.
MAKE_BATCH = """
DO $do$
BEGIN
    FOR n IN {first}..{last} LOOP
        EXECUTE format('CREATE TABLE app.table_%s (id integer PRIMARY KEY, parent integer, name text)', n);
        EXECUTE format('CREATE INDEX ON app.table_%s (name)', n);
        EXECUTE format('INSERT INTO app.table_%s VALUES (1, 1, ''one'')', n);
        IF n % 5 = 0 THEN
            EXECUTE format('ALTER TABLE app.table_%s ADD FOREIGN KEY (parent) REFERENCES app.table_%s', n, n - 1);
        END IF;
    END LOOP;
END
$do$
"""


def analyze_catalogs(connection: psycopg.Connection) -> None:
    """Give the planner what autovacuum would have given it."""
    catalogs = connection.execute(
        "SELECT c.oid::regclass::text FROM pg_class AS c "
        "WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' ORDER BY 1"
    ).fetchall()
    connection.execute("VACUUM ANALYZE " + ", ".join(row[0] for row in catalogs))


def make(server: Server, database: str, tables: int = TABLES, tracked: int = TRACKED) -> None:
    """Make the database: the tables first, then the stand-in for pgGit, so that it does not track them, then us."""
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {database}")
    with server.connect(database) as connection:
        connection.execute("CREATE SCHEMA app")
        connection.execute("SET pg_stat_statements.track = 'all'")  # fills it: each statement in the block is an entry
        for first in range(1, tables + 1, BATCH):
            connection.execute(MAKE_BATCH.format(first=first, last=min(first + BATCH - 1, tables)))
    server.psql("-f", str(FIXTURES / "pggit_standin.sql"), dbname=database)
    server.psql("-v", f"objects={tracked}", "-f", str(FIXTURES / "track_objects.sql"), dbname=database)
    with server.connect(database) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pggit_excellence")
        connection.execute("SELECT pggit_excellence.take_snapshot()")
        analyze_catalogs(connection)
