"""A server whose clock jumps (libfaketime): the history stays, nothing is lost or counted twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pggit_excellence.server import Installation, Server, workspace

pytestmark = pytest.mark.once

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
DAYS = 10
HISTORY = f"""
    INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, recorded_at)
    SELECT 'x_ms', 1, statement_timestamp() - g * interval '1 hour' FROM generate_series(0, {DAYS * 24 - 1}) AS g
"""
# What retention would be without the rule that days without samples do not count.
NAIVE = """
    CREATE OR REPLACE FUNCTION pggit_excellence._keep_since(keep interval) RETURNS timestamptz
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS 'SELECT clock_timestamp() - keep'
"""


@dataclass
class Clock:
    """A connection to a server, and the file that says how far its clock is from the real one."""

    connection: psycopg.Connection
    file: Path

    def set(self, offset: str) -> None:
        """For example +3650d, -1h or +0."""
        self.file.write_text(f"{offset}\n", encoding="utf-8")

    def value(self, query: str) -> object:
        """The one value that a query returns."""
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def record_and_maintain(self, times: int = 5) -> None:
        """A few samples and calls."""
        for _ in range(times):
            self.connection.execute("SELECT pggit_excellence.record_metric('x_ms', 2)")
            self.connection.execute("SELECT pggit_excellence.maintain()")

    def rows(self, resolution: str) -> object:
        """How many roll-ups there are."""
        return self.value(
            f"SELECT count(*) FROM pggit_excellence.metric_rollups WHERE resolution = '{resolution}'"
            " AND bucket_start < '2030-01-01'"
        )


@dataclass
class Faked(Server):
    """A server whose programs read the clock through libfaketime."""

    clock: Path = Path()

    def as_server_user(self, command: Sequence[str]) -> list[str]:
        """The library is loaded behind setpriv: its shared memory belongs to whom creates it."""
        library = [f"LD_PRELOAD={LIBRARIES[0]}", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"]
        return super().as_server_user(["env", *library, f"FAKETIME_TIMESTAMP_FILE={self.clock}", *command])


@pytest.fixture
def clock(installation: Installation) -> Iterator[Clock]:
    if not LIBRARIES:
        pytest.skip("no libfaketime here: apt-get install libfaketime")
    with workspace() as folder:
        file = folder / "clock"
        file.write_text("+0\n", encoding="utf-8")
        with Faked(installation, folder / "server", clock=file) as server, server.connect() as connection:
            connection.execute("CREATE EXTENSION pggit_excellence")
            connection.execute(HISTORY)
            connection.execute("SELECT pggit_excellence.maintain(keep_minutes => '30 days')")
            yield Clock(connection, file)


def test_a_jump_of_ten_years_and_back(clock: Clock) -> None:
    last_hour = "SELECT sample_count FROM pggit_excellence._metric_window('x_ms', now() - interval '1 hour', now())"
    everything = "SELECT sample_count FROM pggit_excellence._metric_window('x_ms', now() - interval '1 year', now())"
    before = {resolution: clock.rows(resolution) for resolution in ("hour", "day")}
    assert before == {"hour": DAYS * 24, "day": clock.rows("day")}
    clock.set("+3650d")
    assert clock.value("SELECT now() > '2036-01-01'") is True
    clock.record_and_maintain()
    assert clock.value(last_hour) == 5
    clock.set("+0")
    clock.record_and_maintain()
    assert {resolution: clock.rows(resolution) for resolution in before} == before
    assert clock.rows("minute") != 0
    assert clock.value("SELECT count(*) FROM pggit_excellence.performance_metrics") == DAYS * 24 + 10
    assert clock.value(everything) == DAYS * 24 + 5, "what was recorded in 2036 is not in a window that ends now"
    total = "SELECT sample_count FROM pggit_excellence.metric_rollups WHERE resolution = 'total'"
    assert clock.value(total) == DAYS * 24 + 10


def test_retention_by_the_clock_alone_would_be_seen(clock: Clock) -> None:
    clock.connection.execute(NAIVE)
    clock.set("+3650d")
    clock.record_and_maintain()
    assert clock.rows("hour") == 0


def test_a_clock_that_goes_back(clock: Clock) -> None:
    """Samples go to where the clock says, into buckets that were rolled up long ago."""
    clock.set("-2d")
    clock.record_and_maintain()
    assert clock.rows("hour") == DAYS * 24
    assert clock.value(
        "SELECT sum(sample_count) FROM pggit_excellence.metric_rollups WHERE resolution <> 'minute'"
    ) == 3 * (DAYS * 24 + 5)
    clock.set("+0")
    window = "SELECT sample_count FROM pggit_excellence._metric_window('x_ms', now() - interval '{}', now())"
    assert clock.value(window.format("1 day")) in (23, 24, 25)
    assert clock.value(window.format("1 year")) == DAYS * 24 + 5


def test_a_sample_from_a_machine_whose_clock_is_right(clock: Clock) -> None:
    now = clock.value("SELECT clock_timestamp()")
    clock.set("-1h")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="cannot be of") as caught:
        clock.connection.execute("SELECT pggit_excellence.record_metric('x_ms', 1, recorded_at => %s)", [now])
    assert "clocks" in str(caught.value.diag.message_hint)
