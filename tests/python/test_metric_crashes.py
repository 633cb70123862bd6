"""Each sample is counted exactly once: late commits, rollbacks, and sessions that are ended or killed at any moment.

The writers note in the same transaction what they insert, in a table of their own: what the roll-ups must add up to.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from pggit_excellence.server import Installation, Server, workspace

SECONDS = 4
MINUTES = 50  # the samples belong to as many minutes, so that most of them are late
WRITE = """
    WITH noted AS (INSERT INTO noted VALUES (%(events)s, %(value)s))
    INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, sample_count, recorded_at)
    VALUES ('x', %(value)s, %(events)s, '2026-06-01 11:30+00'::timestamptz + %(minute)s * interval '1 minute')
"""
COUNTS = """
    SELECT r.resolution, sum(r.sample_count), sum((SELECT sum(c) FROM unnest(r.bucket_counts) AS c))
    FROM pggit_excellence.metric_rollups AS r GROUP BY 1
    UNION ALL
    SELECT 'objective ' || r.resolution, sum(r.total), sum(r.good)
    FROM pggit_excellence.objective_rollups AS r GROUP BY 1
    UNION ALL
    SELECT 'samples', sum(m.sample_count), sum(m.sample_count) FROM pggit_excellence.performance_metrics AS m
"""


@pytest.fixture(scope="module")
def crashing(installation: Installation) -> Iterator[Server]:
    """A server of its own: a backend that is killed takes all sessions along."""
    with workspace() as folder, Server(installation, folder / "server") as running:
        with running.connect() as connection:
            connection.execute("CREATE EXTENSION pggit_excellence")
            connection.execute(
                "INSERT INTO pggit_excellence.slo_objectives"
                " (objective, description, metric_type, comparison, threshold, target)"
                " VALUES ('half', 'Below 50.', 'x', '<', 50, 0.5)"
            )
            connection.execute("CREATE TABLE noted (events integer, value float8)")
        yield running


def reconnecting(server: Server, until: float, work: Callable[[psycopg.Connection], None]) -> None:
    """Do the work again and again; a session that somebody killed is followed by a new one."""
    while time.monotonic() < until:
        with (
            contextlib.suppress(psycopg.OperationalError, psycopg.errors.AdminShutdown),
            server.connect() as connection,
        ):
            while time.monotonic() < until:
                work(connection)


def write(connection: psycopg.Connection) -> None:
    """A transaction of a few samples, some of which stays open for a while or is rolled back."""
    with contextlib.suppress(psycopg.Rollback), connection.transaction() as transaction:
        for _ in range(random.randint(1, 20)):
            sample = {
                "events": random.randint(1, 5),
                "value": random.randrange(100),
                "minute": random.randrange(MINUTES),
            }
            connection.execute(WRITE, sample)
        time.sleep(random.choice([0, 0, 0.02]))
        if random.random() < 0.2:
            raise psycopg.Rollback(transaction)


def maintain(connection: psycopg.Connection) -> None:
    """One call, with portions small enough that some samples always wait."""
    connection.execute("SELECT pggit_excellence.maintain(%s)", [random.choice([1, 10, 100, 100000])])


def terminate(connection: psycopg.Connection) -> None:
    """End a random session, as an administrator does."""
    time.sleep(random.uniform(0, 0.05))
    connection.execute(
        "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a"
        " WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
    )


def kill(connection: psycopg.Connection) -> None:
    """End a random session as the kernel does when memory is out; the server restarts and recovers."""
    time.sleep(random.uniform(0.05, 0.4))
    row = connection.execute(
        "SELECT a.pid FROM pg_stat_activity AS a WHERE a.query ~ 'maintain|INSERT' AND a.pid <> pg_backend_pid()"
        " ORDER BY random() LIMIT 1"
    ).fetchone()
    if row is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(row[0], signal.SIGKILL)
        time.sleep(0.1)


ENDS = {terminate: "due to administrator command", kill: "terminated by signal 9"}


def counts(server: Server) -> tuple[dict[str, tuple[int, int]], int, int]:
    """After all is rolled up: what each resolution adds up to (all events, good ones); what was noted."""
    server.wait_until_ready()
    with server.connect() as connection:
        while connection.execute("SELECT sum(affected) FROM pggit_excellence.maintain()").fetchone() != (0,):
            pass
        found = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(COUNTS)}
        row = connection.execute("SELECT sum(events), sum(events) FILTER (WHERE value < 50) FROM noted").fetchone()
        assert row is not None
        return found, int(row[0]), int(row[1])


def expected(events: int, good: int) -> dict[str, tuple[int, int]]:
    resolutions = ("minute", "hour", "day", "total")
    return (
        {"samples": (events, events)}
        | dict.fromkeys(resolutions, (events, events))
        | {f"objective {resolution}": (events, good) for resolution in resolutions}
    )


def run(server: Server, end: Callable[[psycopg.Connection], None]) -> None:
    until = time.monotonic() + SECONDS
    works = [write] * 4 + [maintain] * 2 + [end]
    threads = [threading.Thread(target=reconnecting, args=(server, until, work)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("end", ENDS)
def test_every_sample_is_counted_once(crashing: Server, end: Callable[[psycopg.Connection], None]) -> None:
    run(crashing, end)
    found, events, good = counts(crashing)
    assert ENDS[end] in crashing.log.read_text(errors="replace")
    assert events > 0
    assert found == expected(events, good)


@pytest.mark.once
@pytest.mark.parametrize(
    "fault",
    [
        # In two transactions: what was moved is not yet counted, and what was counted not yet moved.
        "UPDATE pggit_excellence.performance_metrics SET rolled_up = true"
        " WHERE ctid = (SELECT min(ctid) FROM pggit_excellence.performance_metrics_new)",
        "UPDATE pggit_excellence.performance_metrics SET rolled_up = false"
        " WHERE tableoid = 'pggit_excellence.performance_metrics_rolled'::regclass AND ctid = '(0,1)'",
    ],
    ids=["lost", "twice"],
)
def test_a_sample_lost_or_counted_twice_is_seen(installation: Installation, fault: str) -> None:
    with workspace() as folder, Server(installation, folder / "server") as server:
        with server.connect() as connection:
            connection.execute("CREATE EXTENSION pggit_excellence; CREATE TABLE noted (events integer, value float8)")
            for minute in range(3):
                connection.execute(WRITE, {"events": 2, "value": 1, "minute": minute})
            connection.execute("SELECT pggit_excellence.maintain(2)")
            connection.execute(fault)
        found, events, good = counts(server)
        assert found["minute"] != expected(events, good)["minute"]
