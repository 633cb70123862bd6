"""What a monitor keeps: nothing is lost and nothing counts twice, whatever is killed, lost or copied."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from pggit_excellence.errors import CommandError
from pggit_excellence.slo.monitor import clocks
from pggit_excellence.slo.monitor.clocks import Instant, age, clock_step
from pggit_excellence.slo.monitor.state import Batch, State, own

pytestmark = pytest.mark.once

SERVER = "host=a"


def at(seconds: float, boot: str = "boot") -> Instant:
    return Instant(1_800_000_000.0 + seconds, seconds, boot)


class Remote:
    """What record_availability() does: each batch is stored once."""

    def __init__(self) -> None:
        """Nothing was stored."""
        self.batches: set[str] = set()
        self.stored: Counter[bool] = Counter()

    def record(self, batch: Batch) -> None:
        """Store a batch."""
        if batch.identity not in self.batches:
            self.batches.add(batch.identity)
            for outcomes in batch.outcomes:
                self.stored[outcomes.up] += outcomes.probes


class Careless(Remote):
    """One that stores whatever comes: the fault that the tests must see."""

    def record(self, batch: Batch) -> None:
        """Store it again."""
        self.batches.clear()
        super().record(batch)


def open_state(path: Path) -> State:
    """Without waiting for the disk."""
    state = State(path)
    state.database.execute("PRAGMA synchronous = OFF")
    return state


def send(state: State, remote: Remote, dice: random.Random) -> None:
    """Until everything is sent, the request is lost, the answer is lost, or the process dies after the answer."""
    while batch := state.next_batch(SERVER):
        fate = dice.choice(("well", "well", "well", "request lost", "answer lost"))
        if fate == "request lost":
            return
        remote.record(batch)
        if fate == "answer lost":
            return
        state.sent(SERVER, batch)


def unsent(state: State, condition: str = "true") -> bool:
    return bool(state.database.execute(f"SELECT count(*) FROM outcomes WHERE {condition}").fetchone()[0])


def live(path: Path, seed: int, remote: Remote) -> Counter[bool]:
    """A monitor's life by dice; returns what it saw. Its file is restored from an old copy now and then."""
    dice = random.Random(seed)
    saw: Counter[bool] = Counter()
    state = open_state(path)
    clock = 0.0
    for _ in range(60):
        action = dice.choice(("probe", "probe", "probe", "send", "die", "copy", "restore"))
        if action == "probe":
            clock += dice.choice((1, 10, 70))
            up = dice.random() < 0.6
            state.add(SERVER, up, at(clock))
            saw[up] += 1
        elif action == "send":
            send(state, remote, dice)
        elif action == "die":
            state.close()
            state = open_state(path)
        elif action == "copy" and not unsent(state, "batch IS NULL"):
            shutil.copy(path, path.with_suffix(".copy"))
        elif action == "restore" and not unsent(state) and path.with_suffix(".copy").exists():
            state.close()
            shutil.copy(path.with_suffix(".copy"), path)
            state = open_state(path)
    dice = random.Random(1)
    while unsent(state):
        send(state, remote, dice)
    state.close()
    return saw


@pytest.mark.parametrize("seed", range(40))
def test_every_outcome_arrives_once(tmp_path: Path, seed: int) -> None:
    remote = Remote()
    assert live(tmp_path / "state", seed, remote) == remote.stored


def test_a_server_that_forgets_batches_is_seen(tmp_path: Path) -> None:
    differ = []
    for seed in range(10):
        remote = Careless()
        differ.append(live(tmp_path / str(seed), seed, remote) != remote.stored)
    assert any(differ)


def rows(path: Path) -> list[tuple[int, int]]:
    with sqlite3.connect(path) as database:
        found = database.execute("SELECT up, probes FROM outcomes ORDER BY id").fetchall()
    database.close()
    return found


def test_a_long_outage_is_few_rows(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    for second in range(0, 3600, 10):
        state.add(SERVER, False, at(second))
    state.add(SERVER, True, at(3600))
    state.close()
    assert rows(tmp_path / "state") == [(0, 6)] * 60 + [(1, 1)]


def test_outcomes_of_different_times_are_not_one_row(tmp_path: Path) -> None:
    """Not when the wall clock was set, nor when it was set back into the same minute, nor after a boot."""
    state = open_state(tmp_path / "state")
    for moment in (at(0), at(1), Instant(at(1).wall, 400.0, "boot"), at(2, "another boot"), at(7200)):
        state.add(SERVER, True, moment)
    state.close()
    assert rows(tmp_path / "state") == [(1, 2), (1, 1), (1, 1), (1, 1)]


def test_what_is_sent_does_not_change(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    state.add(SERVER, True, at(0))
    first = state.next_batch(SERVER)
    state.add(SERVER, True, at(1))
    again = state.next_batch(SERVER)
    assert first is not None
    assert first == again
    state.sent(SERVER, first)
    rest = state.next_batch(SERVER)
    assert rest is not None
    assert rest.identity != first.identity
    assert [outcomes.probes for outcomes in rest.outcomes] == [1]
    state.close()


def test_ages() -> None:
    """The steady clock counts within a boot, else the wall clock; never a negative age."""
    assert age(at(0), Instant(0.0, 50.0, "boot")) == 50
    assert age(at(0, "before"), at(50)) == 50
    assert age(at(50, "before"), at(0)) == 0
    assert clock_step(at(0), Instant(at(0).wall - 3600, 10.0, "boot")) == -3610
    assert clock_step(at(0), at(10, "another boot")) == 0
    first = clocks.now()
    assert age(first, clocks.now()) >= 0


def refused(path: Path) -> str:
    with pytest.raises(CommandError) as caught:
        State(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_files_that_are_no_state(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"nonsense" * 100)
    assert "not a database (move it away" in refused(path)
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (a)")
    database.close()
    assert "of another program" in refused(path)
    path.unlink()
    State(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "another version" in refused(path)
    assert "Not a directory" in refused(Path("/dev/null/x"))
    assert "unable to open" in refused(tmp_path)


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    state = open_state(path)
    for second in range(0, 30_000, 60):
        state.add(SERVER, False, at(second))
    state.close()
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 4] = random.Random(1).randbytes(4096 * 3)
    path.write_bytes(content)
    assert "move it away" in refused(path)


def test_a_full_disk(tmp_path: Path) -> None:
    """The outcome is refused in one line, what was there stays, and later ones are kept again."""
    state = open_state(tmp_path / "state")
    (pages,) = state.database.execute("PRAGMA page_count").fetchone()
    state.database.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for second in range(0, 60_000, 60):
            state.add(SERVER, False, at(second))

    with pytest.raises(CommandError, match="full"):
        fill()
    kept = len(rows(tmp_path / "state"))
    state.database.execute("PRAGMA max_page_count = 10000")
    state.add(SERVER, True, at(90_000))
    state.close()
    assert len(rows(tmp_path / "state")) == kept + 1


def test_one_process_for_each_file(tmp_path: Path) -> None:
    descriptor = own(tmp_path / "state")
    with pytest.raises(CommandError, match="another monitor uses this file"):
        own(tmp_path / "state")
    os.close(descriptor)
    os.close(own(tmp_path / "state"))
