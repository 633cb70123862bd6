"""One probe, one write-back: each on a connection of its own, each answered in time or not at all."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import conninfo, errors, pq

from pggit_excellence.connection import one_line
from pggit_excellence.errors import CommandError
from pggit_excellence.slo.durations import spoken
from pggit_excellence.slo.monitor.clocks import age, now
from pggit_excellence.slo.monitor.state import Batch

# The server answered, but not what a probe asks: this says nothing about whether it is up.
NOT_A_PROBE = (errors.InsufficientPrivilege, errors.UndefinedFunction, errors.InvalidSchemaName, errors.UndefinedTable)
RECORD = "SELECT pggit_excellence.record_availability(%s, %s, %s, %s, %s)"
Work = Callable[[psycopg.Connection], None]
Parameters = dict[str, str | int | None]


@dataclass(frozen=True)
class Outcome:
    """Whether the server is up (None: the probe could not tell), and why not."""

    up: bool | None
    reason: str = ""


class UnansweredError(Exception):
    """What went wrong with a server; the message is one line."""


@dataclass(frozen=True)
class Server:
    """A server to watch: `name` identifies it in the state file and in what is printed."""

    name: str
    parameters: Parameters

    def ask(self, work: Work, seconds: float) -> None:
        """Do the work on a new connection; UnansweredError when it takes longer, whatever hangs.

        Names are looked up, and the work is done, in a thread: nothing else bounds them. After the time its socket
        is shut down, which ends it where it waits for the server.
        """
        ended: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        opened: list[psycopg.Connection] = []

        def visit() -> None:
            try:
                with self.connect(seconds) as connection:
                    opened.append(connection)
                    work(connection)
                    ended.put(None)
            except Exception as error:  # handed over
                ended.put(error)

        threading.Thread(target=visit, daemon=True).start()
        try:
            error = ended.get(timeout=seconds)
        except queue.Empty:
            for connection in opened:
                shut_down(connection)
            raise UnansweredError(f"no answer within {spoken(seconds)}") from None
        if error is not None:
            raise error

    @contextlib.contextmanager
    def connect(self, seconds: float) -> Iterator[psycopg.Connection]:
        """A connection; every address has an equal part of the time, at least two seconds (libpq's own minimum)."""
        addresses = max(len(str(self.parameters.get(key, "")).split(",")) for key in ("host", "hostaddr"))
        parameters = self.parameters | {"connect_timeout": max(2, int(seconds / addresses))}
        with psycopg.connect(conninfo.make_conninfo("", **parameters), autocommit=True) as connection:
            yield connection


def shut_down(connection: psycopg.Connection) -> None:
    """End whatever waits for the server on this connection."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


def probe(server: Server, seconds: float, write_as: str | None) -> Outcome:
    """Connect, SELECT 1, and with `write_as` (the monitor's name) a write that reaches the disk."""

    def work(connection: psycopg.Connection) -> None:
        connection.execute("SELECT 1")
        if write_as:
            record(connection, seconds, None, write_as, [], [], [])

    try:
        server.ask(work, seconds)
    except NOT_A_PROBE as error:
        return Outcome(None, one_line(error))
    except psycopg.Error as error:
        return Outcome(False, one_line(error))
    except UnansweredError as error:
        return Outcome(False, str(error))
    return Outcome(True)


def send(server: Server, seconds: float, monitor: str, batch: Batch) -> None:
    """The server has the batch, now or since an earlier attempt; UnansweredError: it was refused, or nobody knows."""

    def work(connection: psycopg.Connection) -> None:
        at = now()
        ages = [age(outcomes.at, at) for outcomes in batch.outcomes]
        ups = [outcomes.up for outcomes in batch.outcomes]
        counts = [outcomes.probes for outcomes in batch.outcomes]
        record(connection, seconds, batch.identity, monitor, ages, ups, counts)

    try:
        server.ask(work, seconds)
    except psycopg.Error as error:
        raise UnansweredError(one_line(error)) from None


def record(connection: psycopg.Connection, seconds: float, *arguments: object) -> None:
    """Call record_availability() in a transaction that the server ends in time as well."""
    with connection.transaction():
        connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(math.ceil(seconds * 1000))])
        connection.execute(RECORD, arguments)


def server_of(dsn: str, option: str) -> Server:
    """The server that a connection string names; a name without secrets."""
    try:
        parameters = conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise CommandError(f"{option}: {one_line(error)}") from None
    parameters.setdefault("fallback_application_name", "pggit-excellence slo monitor")
    refuse_nonsense(conninfo.make_conninfo("", **parameters).encode(), option)
    return Server(name_of(parameters), parameters)


def refuse_nonsense(parameters: bytes, option: str) -> None:
    """What libpq does not even try (an unknown service, an sslmode that does not exist) is a mistake and no outage."""
    attempt = pq.PGconn.connect_start(parameters)
    message = attempt.get_error_message()
    failed = attempt.status == pq.ConnStatus.BAD
    attempt.finish()
    if failed and pq.PGconn.ping(parameters) == pq.Ping.NO_ATTEMPT:
        raise CommandError(f"{option}: {' '.join(message.split())}")


def name_of(parameters: Parameters) -> str:
    """What a connection goes to, from the string and, for what it does not say, libpq's environment."""
    environment = {"service": "PGSERVICE", "host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE"}
    shown = {key: parameters.get(key) or os.environ.get(variable) for key, variable in environment.items()}
    shown["hostaddr"] = parameters.get("hostaddr")
    if shown["service"]:
        return str(shown["service"])
    return " ".join(f"{key}={value}" for key, value in shown.items() if value) or "the default server"
