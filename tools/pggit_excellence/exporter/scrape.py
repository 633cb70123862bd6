"""One scrape: every server asked at once, each within its time, and their answers merged.

A server that is slow or hangs delays nobody else and costs one thread and one connection, however often it is scraped.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

import psycopg
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from psycopg import conninfo

from pggit_excellence.connection import one_line, value

SERVER_LABEL = "server"
REASONS = ("connection", "timeout", "privilege", "extension", "query", "exposition")
APPLICATION_NAME = "pggit-excellence exporter"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """What a server said: its families, or why there are none."""

    families: tuple[Metric, ...] = ()
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
                self._pending = Future()
                threading.Thread(target=self._answer, args=(self._pending,), daemon=True).start()
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
        """Whatever goes wrong is an answer too, else the next scrape would wait for it."""
        try:
            answer = Answer(tuple(labelled(self._text(), self.name)))
        except psycopg.Error as error:
            answer = Answer(failure=reason(error), message=one_line(error))
        except ValueError as error:
            answer = Answer(failure="exposition", message=f"not an exposition: {' '.join(str(error).split())}")
        except BaseException as error:
            pending.set_exception(error)
            raise
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


def reason(error: psycopg.Error) -> str:
    """One of REASONS, for a label."""
    if isinstance(error, (psycopg.errors.QueryCanceled, psycopg.errors.ConnectionTimeout)):
        return "timeout"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "privilege"
    if isinstance(error, (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName)):
        return "extension"
    return "connection" if isinstance(error, psycopg.OperationalError) else "query"


def labelled(text: str, server: str) -> Iterator[Metric]:
    """The families of an exposition, every sample with the server's name; ValueError where it is none."""
    for family in text_string_to_metric_families(text):
        family.samples = [sample._replace(labels={**sample.labels, SERVER_LABEL: server}) for sample in family.samples]
        yield family


class Scrape:
    """The answers to one scrape, as prometheus_client's collector: a new one for each scrape."""

    def __init__(self, targets: list[Target], timeout: float) -> None:
        """`timeout` in seconds, for all servers together: they are asked at once."""
        self._targets = targets
        self._timeout = timeout
        self.all_up = True

    def collect(self) -> Iterator[Metric]:
        """The merged families, then the exporter's own."""
        up = GaugeMetricFamily("pggit_up", "Whether the server answered this scrape: 1 it did, 0 it did not.")
        failed = GaugeMetricFamily("pggit_scrape_failure", "Why a server did not answer this scrape, 1 for the reason.")
        took = GaugeMetricFamily("pggit_scrape_duration_seconds", "How long this scrape waited for the server.")
        merged: dict[str, Metric] = {}
        start = time.monotonic()
        asked = [(target, target.ask()) for target in self._targets]
        for target, pending in asked:
            answer = self._wait(pending, start)
            target.note(answer)
            labels = {SERVER_LABEL: target.name}
            took.add_sample(took.name, labels, time.monotonic() - start)
            up.add_sample(up.name, labels, 0 if answer.failure else 1)
            if answer.failure:
                self.all_up = False
                failed.add_sample(failed.name, {**labels, "reason": answer.failure}, 1)
            merge(merged, answer.families)
        yield from (merged[name] for name in sorted(merged))
        yield from (up, failed, took)

    def _wait(self, pending: Future[Answer], start: float) -> Answer:
        """The answer, or that it did not come in time."""
        try:
            return pending.result(max(0.0, start + self._timeout - time.monotonic()))
        except FutureTimeoutError:
            return Answer(failure="timeout", message=f"no answer within {self._timeout:g} seconds")


def merge(merged: dict[str, Metric], families: tuple[Metric, ...]) -> None:
    """Add families to those of the servers before; where the versions of two servers disagree, the first counts."""
    for family in families:
        known = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        if known.type == family.type:
            known.samples.extend(family.samples)
