"""What archiving and partitioning a long history cost those who run DDL, and whether every row is still there.

Two sessions run tracked DDL all the time; what counts is their slowest statement in each part, against the slowest one
while nothing else happens. All rows are counted and hashed before and after.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from rich.table import Table

from pggit_excellence.server import Server

STANDIN = Path(__file__).resolve().parents[1] / "fixtures" / "pggit_standin.sql"
WRITERS = 2
QUIET = 10.0

# Eight years of changes of 10,000 objects, in the order of their ids, with pgGit's own index by time. As a replica, or
# 20 million keys would be looked up.
FILL = """
    INSERT INTO pggit.objects (object_type, schema_name, object_name)
    SELECT 'TABLE', 'app', 't' || g FROM generate_series(1, 10000) AS g;
    SET session_replication_role = replica;
    DROP INDEX pggit.idx_history_object;
    INSERT INTO pggit.history
        (object_id, change_type, change_severity, old_version, new_version, change_description, created_at)
    SELECT 1 + g %% 10000, 'ALTER', 'MINOR', g, g + 1, 'ALTER TABLE app.t' || g %% 10000,
           now() - interval '8 years' * (1 - g / %(rows)s::float)
    FROM generate_series(1, %(rows)s) AS g;
    RESET session_replication_role;
    CREATE INDEX idx_history_object ON pggit.history (object_id);
    CREATE INDEX idx_history_created ON pggit.history (created_at DESC);
    VACUUM ANALYZE pggit.history;
"""
SIZE = "SELECT pg_total_relation_size('pggit.history'), max(id) FROM pggit.history"
FINGERPRINT = """
    SELECT count(*), sum(hashtextextended(h::text, 0)::numeric) FROM pggit.history AS h WHERE id <= %s
"""


class Writers:
    """Sessions that run tracked DDL in a loop; `slowest()` is the longest statement since the last call, in seconds."""

    def __init__(self, server: Server, database: str) -> None:
        """Start them."""
        self.stop = threading.Event()
        self.times: list[float] = []
        self.errors: list[str] = []
        self.threads = [threading.Thread(target=self.work, args=(server, database, n)) for n in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def work(self, server: Server, database: str, number: int) -> None:
        """One session."""
        with server.connect(database) as connection:
            serial = 0
            while not self.stop.is_set():
                serial += 1
                for statement in ("CREATE TABLE public.w{}_{} (a integer, b text)", "DROP TABLE public.w{}_{}"):
                    began = time.monotonic()
                    try:
                        connection.execute(statement.format(number, serial).encode())
                    except psycopg.Error as error:
                        self.errors.append(str(error))
                    self.times.append(time.monotonic() - began)

    def slowest(self) -> tuple[int, float]:
        """How many statements ended since the last call, and how long the longest took."""
        times, self.times = self.times, []
        return len(times), max(times, default=0.0)

    def end(self) -> None:
        """Stop them."""
        self.stop.set()
        for thread in self.threads:
            thread.join()


def measure(server: Server, database: str, rows: int) -> dict[str, Any]:
    """Seconds of each part, the DDL that ended meanwhile and its longest statement, and whether all rows are there."""
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    with server.connect(database) as connection:
        connection.execute("CREATE EXTENSION pggit_excellence")
    server.psql("-f", str(STANDIN), dbname=database)
    with server.connect(database) as connection:
        connection.execute("ALTER EVENT TRIGGER pggit_ddl_trigger DISABLE")
        for statement in FILL.split(";")[:-1]:
            connection.execute(statement.encode(), {"rows": rows})
        connection.execute("ALTER EVENT TRIGGER pggit_ddl_trigger ENABLE")
        size = connection.execute(
            "SELECT pg_total_relation_size('pggit.history'), max(id) FROM pggit.history"
        ).fetchone()
        assert size is not None
        before = connection.execute(FINGERPRINT, [size[1]]).fetchone()
        writers = Writers(server, database)
        parts: dict[str, dict[str, float]] = {}

        def timed(name: str, work: Callable[[], object]) -> None:
            began = time.monotonic()
            writers.slowest()
            work()
            seconds = time.monotonic() - began
            time.sleep(1)  # a statement that waited for the last moment of it ends
            ddl, slowest = writers.slowest()
            parts[name] = {"seconds": seconds, "ddl": ddl, "slowest": slowest}

        archive = "SELECT * FROM pggit_excellence.archive_history(dry_run => false)"
        try:
            timed("nothing else", lambda: time.sleep(QUIET))
            timed(
                "partition_history_online()",
                lambda: connection.execute("CALL pggit_excellence.partition_history_online()"),
            )
            after = connection.execute(FINGERPRINT, [size[1]]).fetchone()
            timed("archive_history(), 10 batches of 10,000", lambda: [connection.execute(archive) for _ in range(10)])
            timed("undo()", lambda: connection.execute("SELECT * FROM pggit_excellence.undo_all('partition_history')"))
        finally:
            writers.end()
        archived = connection.execute("SELECT count(*) FROM pggit_excellence.history_archive").fetchone()
        left = connection.execute("SELECT count(*) FROM pggit.history WHERE id <= %s", [size[1]]).fetchone()
        assert archived is not None
        assert left is not None
        assert before is not None
    return {
        "rows": before[0],
        "bytes": size[0],
        "same_rows": before == after,
        "none_lost": archived[0] + left[0] == before[0],
        "failed_ddl": writers.errors,
        "parts": parts,
    }


def report(result: dict[str, Any]) -> Table:
    """One line per part."""
    table = Table("meanwhile", "seconds", "tracked DDL", "longest statement", "against quiet")
    table.title = (
        f"a history of {result['rows']:,} rows ({result['bytes']:,} bytes);"
        f" count and hash of all rows the same: {result['same_rows']}"
    )
    quiet = result["parts"]["nothing else"]["slowest"]
    for name, part in result["parts"].items():
        longest = f"{part['slowest'] * 1000:.0f} ms"
        table.add_row(name, f"{part['seconds']:.1f}", f"{part['ddl']:.0f}", longest, f"{part['slowest'] / quiet:.1f}")
    table.caption = (
        f"archived and remaining rows together as many as before: {result['none_lost']};"
        f" failed DDL: {len(result['failed_ddl'])}"
    )
    return table
