"""What a monitor keeps until the server has it: an SQLite file that belongs to one process at a time.

An outcome is on disk before anything is sent. Outcomes are sent in batches whose content never changes, each under an
identity of its own that the server remembers: one whose answer was lost is sent again and counts once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pggit_excellence.errors import CommandError
from pggit_excellence.slo.monitor.clocks import Instant, age

APPLICATION_ID = 0x70676D6F  # "pgmo": no other program's file is taken for ours
VERSION = 1
ROWS_PER_BATCH = 1000
# Probes of one minute that ended alike are one row; roll-ups on the server are by the minute too.
SECONDS_PER_ROW = 60

SCHEMA = """
CREATE TABLE servers (
    server TEXT PRIMARY KEY, wall REAL NOT NULL, steady REAL NOT NULL, boot TEXT NOT NULL
);
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY, server TEXT NOT NULL, up INTEGER NOT NULL, probes INTEGER NOT NULL,
    wall REAL NOT NULL, steady REAL NOT NULL, boot TEXT NOT NULL, batch TEXT
);
CREATE INDEX outcomes_by_server ON outcomes (server, id);
"""


@dataclass(frozen=True)
class Outcomes:
    """Probes that ended alike within one minute, the first of them `at`."""

    up: bool
    probes: int
    at: Instant


@dataclass(frozen=True)
class Batch:
    """What is sent in one transaction; `identity` is a UUID."""

    identity: str
    outcomes: list[Outcomes]


def own(path: Path) -> int:
    """Lock the state file for this process, until it ends in whatever way; the descriptor must stay open."""
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CommandError(f"--state {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise CommandError(f"--state {path}: another monitor uses this file; give each one its own") from None
    return descriptor


class State:
    """One connection to the state file; every method that changes something is durable when it returns."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; what is no state file of a monitor is refused."""
        self.path = path
        with self.explained():
            path.touch(mode=0o600)
            self.database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self.database.execute("PRAGMA synchronous = EXTRA")
            self.prepare()

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """What goes wrong with the file, in one line."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            damaged = "malformed" in str(error) or "not a database" in str(error)
            advice = " (move it away: what it has not sent yet is lost)" if damaged else ""
            raise CommandError(f"--state {self.path}: {' '.join(str(error).split())}{advice}") from None
        except OSError as error:
            raise CommandError(f"--state {self.path}: {error.strerror}") from None

    def prepare(self) -> None:
        """Create the tables in a new file; check that an old one is ours and sound."""
        found = self.database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(f"malformed: {found}")
        if not self.database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            self.database.executescript(
                f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT"
            )
        (application,) = self.database.execute("PRAGMA application_id").fetchone()
        (version,) = self.database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise CommandError(f"--state {self.path}: an SQLite file of another program")
        if version != VERSION:
            raise CommandError(f"--state {self.path}: of another version of this program ({version}, not {VERSION})")

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and durable."""
        with self.explained():
            self.database.execute("BEGIN IMMEDIATE")
            try:
                yield self.database
                self.database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self.database.execute("ROLLBACK")
                raise

    def last_probe(self, server: str) -> Instant | None:
        """When the server was probed for the last time, by this process or an earlier one; None: never."""
        return self.first_instant("SELECT wall, steady, boot FROM servers WHERE server = ?", server)

    def oldest(self, server: str) -> Instant | None:
        """The first outcome that the server does not have yet."""
        return self.first_instant(
            "SELECT wall, steady, boot FROM outcomes WHERE server = ? ORDER BY id LIMIT 1", server
        )

    def first_instant(self, query: str, server: str) -> Instant | None:
        """What a query about a server finds."""
        with self.explained():
            row = self.database.execute(query, (server,)).fetchone()
        return Instant(*row) if row else None

    def add(self, server: str, up: bool, at: Instant) -> None:
        """Keep the outcome of one probe."""
        with self.transaction() as database:
            last = database.execute(
                "SELECT id, up, wall, steady, boot, batch FROM outcomes WHERE server = ? ORDER BY id DESC LIMIT 1",
                (server,),
            ).fetchone()
            if last and last[1] == up and last[5] is None and same_minute(Instant(*last[2:5]), at):
                database.execute("UPDATE outcomes SET probes = probes + 1 WHERE id = ?", (last[0],))
            else:
                database.execute(
                    "INSERT INTO outcomes (server, up, probes, wall, steady, boot) VALUES (?, ?, 1, ?, ?, ?)",
                    (server, up, at.wall, at.steady, at.boot),
                )
            database.execute(
                "INSERT OR REPLACE INTO servers (server, wall, steady, boot) VALUES (?, ?, ?, ?)",
                (server, at.wall, at.steady, at.boot),
            )

    def next_batch(self, server: str) -> Batch | None:
        """The batch that is to be sent: the one that was not answered, else a new one; None: everything was sent."""
        with self.transaction() as database:
            query = "SELECT batch FROM outcomes WHERE server = ? ORDER BY id LIMIT 1"
            first = database.execute(query, (server,)).fetchone()
            if first is None:
                return None
            identity = first[0] or str(uuid.uuid4())
            if first[0] is None:
                database.execute(
                    "UPDATE outcomes SET batch = ? WHERE id IN"
                    " (SELECT id FROM outcomes WHERE server = ? ORDER BY id LIMIT ?)",
                    (identity, server, ROWS_PER_BATCH),
                )
            rows = database.execute(
                "SELECT up, probes, wall, steady, boot FROM outcomes WHERE server = ? AND batch = ? ORDER BY id",
                (server, identity),
            )
            return Batch(identity, [Outcomes(bool(up), probes, Instant(*at)) for up, probes, *at in rows])

    def sent(self, server: str, batch: Batch) -> None:
        """The server has the batch."""
        with self.transaction() as database:
            database.execute("DELETE FROM outcomes WHERE server = ? AND batch = ?", (server, batch.identity))


def same_minute(first: Instant, at: Instant) -> bool:
    """Whether both belong into one row, by both clocks."""
    return first.boot == at.boot and int(first.wall // 60) == int(at.wall // 60) and age(first, at) < SECONDS_PER_ROW
