"""What the audit costs DDL: statements per second with 1, 8 and 32 clients, with recording and without, alternating.

The server flushes each commit to disk as in production (fsync on), because that is what chaining at commit would
serialize. Each round runs all databases one after the other, and the ratio of a round is what counts: other load on
the machine disturbs them alike. For comparison one database chains each event in its own transaction, which holds the
chain's lock to the end of the commit: what this project does not do. Another has a rate limit that refuses nothing.
"""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

STAND_IN = Path(__file__).resolve().parents[1] / "fixtures" / "pggit_standin.sql"
CLIENTS = (1, 8, 32)
SECONDS, ROUNDS = 1.5, 7
CHAINED = """
CREATE FUNCTION public.chain_at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pggit_excellence.seal_audit_log();
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON pggit_excellence.audit_log_pending DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.chain_at_commit();
"""
# Name, and what is done in the database; the first is what the others are compared with.
SIDES = {
    "without": "",
    "recorded": "SELECT * FROM pggit_excellence.enable_audit()",
    "chained at commit": f"SELECT * FROM pggit_excellence.enable_audit(); {CHAINED}",
    "rate limit": "SELECT pggit_excellence.set_ddl_rate_limit('postgres', 1000000, '1 second')",
}


def make_database(server: Server, name: str, preparation: str) -> None:
    """A database with the stand-in of pgGit, the extension, and what is measured."""
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    with server.connect(name) as connection:
        connection.execute(STAND_IN.read_text(encoding="utf-8").encode())
        connection.execute("CREATE EXTENSION pggit_excellence")
        if preparation:
            connection.execute(preparation.encode())


def statements_per_second(server: Server, database: str, clients: int) -> float:
    """CREATE TABLE and DROP TABLE, each committed, from so many sessions at once."""
    counts, start, stop = [0] * clients, threading.Barrier(clients + 1), threading.Event()

    def run(number: int) -> None:
        with server.connect(database) as connection:
            start.wait()
            while not stop.is_set():
                connection.execute(f"CREATE TABLE b{number} (id integer, name text)".encode())
                connection.execute(f"DROP TABLE b{number}".encode())
                counts[number] += 2

    sessions = [threading.Thread(target=run, args=[number]) for number in range(clients)]
    for session in sessions:
        session.start()
    start.wait()
    began = time.monotonic()
    time.sleep(SECONDS)
    stop.set()
    for session in sessions:
        session.join()
    return sum(counts) / (time.monotonic() - began)


def measure(server: Server, database: str) -> list[dict[str, Any]]:
    """One record per number of clients and side: `per_second`, and `ratio` to the first side, medians of the rounds."""
    databases = {side: f"{database}_{number}" for number, side in enumerate(SIDES)}
    for side, preparation in SIDES.items():
        make_database(server, databases[side], preparation)
    records: list[dict[str, Any]] = []
    for clients in CLIENTS:
        rounds = [
            {side: statements_per_second(server, name, clients) for side, name in databases.items()}
            for _ in range(ROUNDS)
        ]
        records += [
            {
                "clients": clients,
                "side": side,
                "per_second": statistics.median(each[side] for each in rounds),
                "ratio": statistics.median(each[side] / each["without"] for each in rounds),
            }
            for side in SIDES
        ]
    records.append(sealing(server, databases["recorded"]))
    return records


def sealing(server: Server, database: str) -> dict[str, Any]:
    """How fast waiting events are chained and verified."""
    with server.connect(database) as connection:
        connection.execute("SELECT pggit_excellence.record_audit_event('note') FROM generate_series(1, 20000)")
        began, sealed = time.monotonic(), 0
        while count := _value(connection, "SELECT pggit_excellence.seal_audit_log()"):
            sealed += count
        took, began = time.monotonic() - began, time.monotonic()
        checked = _value(connection, "SELECT checked FROM pggit_excellence.verify_audit_chain()")
        verifying = time.monotonic() - began
    return {"sealed_per_second": sealed / took, "verified_per_second": checked / verifying}


def _value(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else 0


def report(result: list[dict[str, Any]]) -> Table:
    """The records as a table."""
    table = Table("clients", "DDL", "per second", "ratio", title="Audit: CREATE and DROP TABLE, each flushed to disk")
    for record in result:
        if "side" in record:
            table.add_row(
                str(record["clients"]), record["side"], f"{record['per_second']:.0f}", f"{record['ratio']:.2f}"
            )
    table.caption = "sealed {sealed_per_second:,.0f} events a second, verified {verified_per_second:,.0f}".format(
        **result[-1]
    )
    return table
