"""Run the queries of evidence_queries() on one server and keep their rows as JSON lines.

Everything is read in one snapshot of the database, in a read-only transaction. What fails is noted with its reason, and
the rest is collected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from pggit_excellence.connection import one_line
from pggit_excellence.slo.report.period import Period

# The same rows give the same text, whatever the server, the database and the role have set.
SETTINGS: tuple[LiteralString, ...] = (
    "SET LOCAL search_path = pg_catalog, pg_temp",
    "SET LOCAL client_encoding = 'UTF8'",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'iso_8601'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL xmloption = content",
    "SET LOCAL jit = off",
    "SET LOCAL lock_timeout = '10s'",
    "SET LOCAL statement_timeout = '15min'",
)
ROWS_AT_ONCE = 2000

# Which server and which database this is, and who asks. Each is asked for by itself: a role may not see all of it.
IDENTITY: dict[str, LiteralString] = {
    "system_identifier": "SELECT system_identifier::text FROM pg_control_system()",
    "timeline": "SELECT timeline_id FROM pg_control_checkpoint()",
    "version": "SELECT version()",
    "server_version_num": "SELECT current_setting('server_version_num')::int",
    "database": "SELECT current_database()::text",
    "encoding": "SELECT current_setting('server_encoding')",
    "in_recovery": "SELECT pg_is_in_recovery()",
    "wal_position": "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
    " ELSE pg_current_wal_insert_lsn() END)::text",
    "started_at": "SELECT pg_postmaster_start_time()",
    "cluster_name": "SELECT nullif(current_setting('cluster_name'), '')",
    "address": "SELECT host(inet_server_addr())",
    "port": "SELECT current_setting('port')::int",
    "extension_version": "SELECT pggit_excellence.version()",
    "session_user": "SELECT session_user::text",
    "current_user": "SELECT current_user::text",
    "reads_statistics": "SELECT pg_has_role('pg_monitor', 'USAGE')",
    "snapshot": "SELECT pg_current_snapshot()::text",
}


@dataclass
class Item:
    """One query and what it returned: `rows` JSON lines in `file`, or the `error`."""

    name: str
    title: str
    criteria: list[str]
    query: str
    started_at: str
    ended_at: str
    rows: int | None = None
    error: str | None = None
    file: Path | None = None
    sha256: str | None = None
    size: int = 0


@dataclass
class Collection:
    """Everything of one run."""

    server: dict[str, Any]
    criteria: list[dict[str, str]]
    items: list[Item]
    started_at: str
    ended_at: str


Progress = Callable[[str, int, int], None]


def gather(connection: psycopg.Connection, period: Period, folder: Path, progress: Progress) -> Collection:
    """Ask everything in one snapshot; results go into `folder`."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with connection.transaction():
        for setting in SETTINGS:
            connection.execute(setting)
        started = server_time(connection)
        # First the list: it refuses a period that makes no sense.
        asked = connection.execute(
            "SELECT evidence, title, criteria, query FROM pggit_excellence.evidence_queries(%s, %s)",
            (period.start, period.end),
        ).fetchall()
        criteria = connection.execute("SELECT c.* FROM pggit_excellence._soc2_criteria() AS c ORDER BY 1").fetchall()
        server = identity(connection)
        items = []
        for number, (name, title, bears_on, query) in enumerate(asked, start=1):
            progress(name, number, len(asked))
            item = Item(name, title, bears_on, query, server_time(connection), "")
            run(connection, item, folder / f"{name}.jsonl")
            item.ended_at = server_time(connection)
            items.append(item)
        ended = server_time(connection)
    named = [{"criterion": c, "control": control, "manual": manual} for c, control, manual in criteria]
    return Collection(server, named, items, started, ended)


def server_time(connection: psycopg.Connection) -> str:
    """The server's clock."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM
    return in_utc(row[0])


def in_utc(at: datetime) -> str:
    """A time by RFC 3339 to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def identity(connection: psycopg.Connection) -> dict[str, Any]:
    """What is known about the server; None, and a reason in `not_known`, for what this role may not see."""
    known: dict[str, Any] = {}
    hidden: dict[str, str] = {}
    for name, query in IDENTITY.items():
        known[name] = None
        try:
            with connection.transaction():
                row = connection.execute(query).fetchone()
                value = row[0] if row else None
                known[name] = in_utc(value) if isinstance(value, datetime) else value
        except psycopg.Error as error:
            if connection.broken:
                raise
            hidden[name] = one_line(error)
    return known | {"not_known": hidden}


def run(connection: psycopg.Connection, item: Item, target: Path) -> None:
    """Write the rows of a query as JSON lines, or note why there are none."""
    # As bytes: a database in SQL_ASCII may hold anything.
    statement = f"SELECT convert_to(row_to_json(evidence_row)::text, 'UTF8') FROM ({item.query}\n) AS evidence_row"  # noqa: S608
    digest, rows, size = hashlib.sha256(), 0, 0
    try:
        with (
            connection.transaction(),
            target.open("wb") as file,
            connection.cursor(name="evidence", scrollable=False) as cursor,
        ):
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(statement.encode(), binary=True)
            for (content,) in cursor:
                line = one_line_of_json(content)
                file.write(line)
                digest.update(line)
                rows, size = rows + 1, size + len(line)
    except psycopg.Error as error:
        if connection.broken:
            raise
        item.error = f"{error.sqlstate}: {error.diag.message_primary}" if error.sqlstate else one_line(error)
    except UnicodeDecodeError:
        item.error = f"row {rows + 1} is not UTF-8 (the database's encoding is SQL_ASCII)"
    else:
        item.rows, item.file, item.sha256, item.size = rows, target, digest.hexdigest(), size


def one_line_of_json(content: bytes) -> bytes:
    """A row on one line: what a column of type json has between its values may be line feeds."""
    content.decode("utf-8")
    return content.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"
