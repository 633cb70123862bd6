"""One scrape: every server asked at once, each within its time, and their answers merged.

A server that is slow or hangs costs one thread and one connection, however often it is scraped. The others are as fast
as without it, and only the whole answer waits for it, no longer than the time limit.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

import psycopg
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from psycopg import conninfo

from pggit_excellence.connection import one_line, value
from pggit_excellence.exporter.exposition import SERVER_LABEL, Family, families, merged
from pggit_excellence.version import version

REASONS = ("connection", "timeout", "privilege", "extension", "query", "exposition")
APPLICATION_NAME = "pggit-excellence exporter"
SHOWN = 200  # characters of what is no exposition
Log = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """What a server said and when (time.monotonic()): its families, or why there are none."""

    at: float
    families: tuple[Family, ...] = ()
    failure: str | None = None
    message: str = ""


class Target:
    """A server, with at most one connection and one question at a time."""

    def __init__(self, name: str, dsn: str, timeout: float, log: Log) -> None:
        """`name` is the value of the label `server`; `timeout` in seconds."""
        self.name = name
        self._dsn = bounded(dsn, timeout)
        self._milliseconds = str(math.ceil(timeout * 1000))
        self._log = log
        self._lock = threading.Lock()
        self._pending: Future[Answer] | None = None
        self._connection: psycopg.Connection | None = None
        self._last_failure: str | None = None

    def ask(self) -> Future[Answer]:
        """Ask for the metrics; while the last question is unanswered, that one is the answer to wait for."""
        with self._lock:
            if self._pending is None or self._pending.done():
                pending: Future[Answer] = Future()
                threading.Thread(target=self._answer, args=(pending,), daemon=True).start()
                self._pending = pending
            return self._pending

    def note(self, answer: Answer) -> None:
        """Log what changed: not every failed scrape of a server that is down for a day."""
        with self._lock:
            before, self._last_failure = self._last_failure, answer.failure
        if answer.failure != before:
            self._log(f"{self.name}: {answer.message or 'answers again'}")

    def close(self) -> None:
        """Close the connection, if no question is on its way."""
        with self._lock:
            if self._connection is not None and (self._pending is None or self._pending.done()):
                self._connection.close()

    def _answer(self, pending: Future[Answer]) -> None:
        """Whatever goes wrong is an answer too: the next scrape waits for it, and the other servers must not suffer."""
        try:
            said = tuple(families(self._text(), self.name))
            answer = Answer(time.monotonic(), said)
        except Exception as error:
            answer = Answer(time.monotonic(), failure=reason(error), message=told(error))
        pending.set_result(answer)

    def _text(self) -> str:
        """What prometheus_metrics() returns; where a kept connection broke meanwhile, asked on a new one."""
        kept = self._connection
        if kept is not None and not kept.closed:
            try:
                return self._query(kept)
            except psycopg.OperationalError:
                if not kept.closed:
                    raise
        self._connection = psycopg.connect(self._dsn, autocommit=True, prepare_threshold=None)
        self._connection.read_only = True
        return self._query(self._connection)

    def _query(self, connection: psycopg.Connection) -> str:
        """One read-only transaction, as short as the time that Prometheus waits."""
        with connection.transaction():
            connection.execute("SELECT pg_catalog.set_config('statement_timeout', %s, true)", [self._milliseconds])
            text = value(connection, "SELECT pggit_excellence.prometheus_metrics()")
        if not isinstance(text, str):
            raise ValueError("prometheus_metrics() returned NULL")
        return text


def bounded(dsn: str, timeout: float) -> str:
    """The connection string with limits, so that a dead network ends by itself; what the user set stays."""
    wanted = conninfo.conninfo_to_dict(dsn)
    seconds = max(2, math.ceil(timeout))
    wanted.setdefault("fallback_application_name", APPLICATION_NAME)
    wanted.setdefault("connect_timeout", seconds)
    wanted.setdefault("keepalives_idle", seconds)
    wanted.setdefault("keepalives_interval", 1)
    wanted.setdefault("keepalives_count", 3)
    wanted.setdefault("tcp_user_timeout", 1000 * seconds)
    return conninfo.make_conninfo("", **wanted)


def reason(error: Exception) -> str:
    """One of REASONS, for a label."""
    if isinstance(error, ValueError):
        return "exposition"
    if isinstance(error, (psycopg.errors.QueryCanceled, psycopg.errors.ConnectionTimeout)):
        return "timeout"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "privilege"
    if isinstance(error, (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName)):
        return "extension"
    return "connection" if isinstance(error, psycopg.OperationalError) else "query"


def told(error: Exception) -> str:
    """One line about it."""
    if isinstance(error, psycopg.Error):
        return one_line(error)
    text = " ".join(str(error)[:SHOWN].split())
    return f"not an exposition: {text}" if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"


@dataclass
class Scrape:
    """The answers to one scrape: the exposition, and whether every server answered."""

    text: str
    all_up: bool


def scrape(targets: Sequence[Target], timeout: float) -> Scrape:
    """Ask all servers at once and wait `timeout` seconds at most; the merged families, then the exporter's own."""
    start = time.monotonic()
    asked = [(target, target.ask()) for target in targets]
    answers = [(target, wait(pending, start + timeout)) for target, pending in asked]
    for target, answer in answers:
        target.note(answer)
    text = merged(answer.families for _, answer in answers) + generate_latest(Own(answers, start)).decode()
    return Scrape(text, all(answer.failure is None for _, answer in answers))


def wait(pending: Future[Answer], deadline: float) -> Answer:
    """The answer, or that it did not come in time."""
    try:
        return pending.result(max(0.0, deadline - time.monotonic()))
    except FutureTimeoutError:
        return Answer(max(deadline, time.monotonic()), failure="timeout", message="no answer in time")


class Own:
    """What the exporter itself says of a scrape, as a collector of prometheus_client."""

    def __init__(self, answers: Sequence[tuple[Target, Answer]], start: float) -> None:
        """`start`: when the scrape began, by time.monotonic()."""
        self._answers = answers
        self._start = start

    def collect(self) -> Iterator[Metric]:
        """Families with the label `server`, and the exporter's version."""
        up = GaugeMetricFamily("pggit_up", "Whether the server answered this scrape: 1 it did, 0 it did not.")
        failed = GaugeMetricFamily("pggit_scrape_failure", "Why a server did not answer this scrape, 1 for the reason.")
        took = GaugeMetricFamily("pggit_scrape_duration_seconds", "How long this scrape waited for the server.")
        info = GaugeMetricFamily("pggit_exporter_info", "1; the label says which version of the exporter.")
        for target, answer in self._answers:
            labels = {SERVER_LABEL: target.name}
            up.add_sample(up.name, labels, 0 if answer.failure else 1)
            took.add_sample(took.name, labels, max(0.0, answer.at - self._start))
            if answer.failure:
                failed.add_sample(failed.name, {**labels, "reason": answer.failure}, 1)
        info.add_sample(info.name, {"version": version()}, 1)
        yield from (up, failed, took, info)
