"""The monitor against servers that are stopped, killed, frozen or read-only, and while it is killed itself."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.cli import main
from pggit_excellence.server import Installation, workspace
from pggit_excellence.server import Server as PrivateServer
from pggit_excellence.slo.monitor.clocks import Instant, now
from pggit_excellence.slo.monitor.events import Events
from pggit_excellence.slo.monitor.probing import Outcome, Server, send, server_of
from pggit_excellence.slo.monitor.state import State
from pggit_excellence.slo.monitor.watching import Plan, Watch
from started import started

INTERVAL, TIMEOUT = 0.2, 0.2
# More of them, by hand: MONITOR_SEEDS=1,2,3.
SEEDS = [int(seed) for seed in os.environ.get("MONITOR_SEEDS", "1").split(",")]
# Every outcome that the state file takes is noted in the same transaction: the oracle of what was durably seen.
AUDIT = """
CREATE TABLE audit (server TEXT, up INTEGER, ended REAL);
CREATE TRIGGER added AFTER INSERT ON outcomes BEGIN
    INSERT INTO audit VALUES (NEW.server, NEW.up, (julianday('now') - 2440587.5) * 86400);
END;
CREATE TRIGGER counted AFTER UPDATE OF probes ON outcomes BEGIN
    INSERT INTO audit VALUES (NEW.server, NEW.up, (julianday('now') - 2440587.5) * 86400);
END;
"""
SUMS = """
    SELECT metric_value::integer, sum(sample_count) FROM pggit_excellence.performance_metrics
    WHERE metric_type = 'availability' GROUP BY 1 ORDER BY 1
"""
COUNTED = """
    SELECT good, total
    FROM pggit_excellence._objective_counts(ARRAY[now() - interval '1 hour'], now() + interval '1 minute')
    WHERE objective = 'availability'
"""


@pytest.fixture(scope="module")
def victim(installation: Installation) -> Iterator[PrivateServer]:
    """A server that may be ended in every way."""
    with workspace() as folder, PrivateServer(installation, folder / "server") as server:
        server.psql("-c", "CREATE EXTENSION pggit_excellence")
        yield server


StartMonitor = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_monitor() -> Iterator[StartMonitor]:
    """Starts `slo monitor` with a state file and options; what is still running at the end of the test is killed."""
    with contextlib.ExitStack() as running:
        yield lambda state, *options: running.enter_context(
            started("slo", "monitor", "--state", str(state), "--name", "test", *options)
        )


def finish(monitor: subprocess.Popen[str]) -> tuple[int, str, str]:
    monitor.send_signal(signal.SIGTERM)
    out, err = monitor.communicate(timeout=60)
    return monitor.returncode, out, err


def signal_server(server: PrivateServer, order: int) -> None:
    """To the postmaster and its children at once (they are a session of their own, children sessions of theirs)."""
    assert server.process is not None
    children = (
        Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text(encoding="ascii").split()
    )
    for pid in (server.process.pid, *map(int, children)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, order)


def kill_server(server: PrivateServer) -> None:
    signal_server(server, signal.SIGKILL)
    assert server.process is not None
    server.process.wait()
    server.process = None


def start_again(server: PrivateServer) -> None:
    """Its shared memory is free when the last child is gone."""
    (server.data / "postmaster.pid").unlink(missing_ok=True)
    for _ in range(50):
        with contextlib.suppress(Exception):
            server.start()
            return
        time.sleep(0.1)
    raise AssertionError(server.log.read_text(encoding="utf-8"))


def prepare_audit(state: Path) -> None:
    """A state file that also keeps the oracle."""
    assert main(["slo", "monitor", "--state", str(state), "--dsn", "host=/nowhere", "--once"]) == 1
    with sqlite3.connect(state) as database:
        database.execute("DELETE FROM outcomes")
        database.executescript(AUDIT)
    database.close()


def audit(state: Path) -> list[tuple[int, float]]:
    with sqlite3.connect(state) as database:
        found = database.execute("SELECT up, ended FROM audit").fetchall()
    database.close()
    return found


def unsent(state: Path) -> int:
    with sqlite3.connect(state) as database:
        (found,) = database.execute("SELECT coalesce(sum(probes), 0) FROM outcomes").fetchone()
    database.close()
    return int(found)


def wait_for_outcome(state: Path, up: int) -> None:
    """Until the monitor, however slow the machine, has seen the server like that once more."""
    seen = sum(outcome == up for outcome, _ in audit(state))
    deadline = time.monotonic() + 60
    while sum(outcome == up for outcome, _ in audit(state)) == seen:
        assert time.monotonic() < deadline, "the monitor records nothing"
        time.sleep(0.02)


def outage(server: PrivateServer, dice: random.Random, state: Path) -> tuple[float, float]:
    """Take the server away and give it back; the time in which nobody can have connected."""
    kind = dice.choice(("stop", "kill", "freeze"))
    if kind == "freeze":
        signal_server(server, signal.SIGSTOP)
    elif kind == "stop":
        server.stop()
    else:
        kill_server(server)
    away = time.time()
    wait_for_outcome(state, 0)
    time.sleep(dice.uniform(0.0, 0.6))
    back = time.time()
    if kind == "freeze":
        signal_server(server, signal.SIGCONT)
    else:
        start_again(server)
    server.wait_until_ready()
    return away, back


@pytest.mark.once
@pytest.mark.parametrize("seed", SEEDS)
def test_the_sums_on_the_server_are_the_truth(
    victim: PrivateServer, start_monitor: StartMonitor, tmp_path: Path, seed: int
) -> None:
    """Outages of every kind and kills of the monitor at random: each durable outcome is there, once, and none is up."""
    dice = random.Random(seed)
    state = tmp_path / "state"
    prepare_audit(state)
    with victim.connect() as connection:
        connection.execute("TRUNCATE pggit_excellence.performance_metrics")
    options = ("--dsn", victim.dsn(), "--interval", f"{INTERVAL}s", "--timeout", f"{TIMEOUT}s")
    monitor = start_monitor(state, *options)
    away = []
    for _ in range(3):
        wait_for_outcome(state, 1)
        time.sleep(dice.uniform(0.0, 0.4))
        if dice.random() < 0.6:
            monitor.kill()
            monitor.communicate()
            monitor = start_monitor(state, *options)
        away.append(outage(victim, dice, state))
    wait_for_outcome(state, 1)
    status, _, err = finish(monitor)
    assert (status, err) == (0, "")
    # The last write-back may have had less time than a busy machine needs.
    assert main(["slo", "monitor", "--state", str(state), "--dsn", victim.dsn(), "--once", "--timeout", "30s"]) == 0
    seen = audit(state)
    truth = [(up, sum(1 for outcome, _ in seen if outcome == up)) for up in sorted({up for up, _ in seen})]
    with victim.connect() as connection:
        assert connection.execute(SUMS).fetchall() == truth
        assert connection.execute(COUNTED).fetchone() == (dict(truth)[1], len(seen))
    assert len(truth) == 2
    assert unsent(state) == 0
    for begin, end in away:
        during = [up for up, ended in seen if begin < ended < end]
        assert not any(during[during.index(0) :]), "up while it was away"


def test_a_batch_whose_answer_was_lost_counts_once(plain: psycopg.Connection) -> None:
    """And the comparison sees a server that forgets what it has."""
    batch = uuid.uuid4()
    call = "SELECT pggit_excellence.record_availability(%s, 'm', '{1,2,3}', '{t,f,t}', '{6,1,5}')"
    assert [plain.execute(call, [batch]).fetchone() for _ in range(3)] == [(True,), (False,), (False,)]
    assert plain.execute(SUMS).fetchall() == [(0, 1), (1, 11)]
    plain.execute("TRUNCATE pggit_excellence.availability_batches")
    plain.execute(call, [batch])
    assert plain.execute(SUMS).fetchall() == [(0, 2), (1, 22)]


def test_a_monitor_that_dies_after_the_server_stored(
    capsys: pytest.CaptureFixture[str], plain: psycopg.Connection, tmp_path: Path
) -> None:
    """The batch is sent again by the next process, with what came since, in as many batches as it takes."""
    server = server_of(plain.info.dsn, "--dsn")
    state = State(tmp_path / "state")
    state.database.execute("PRAGMA synchronous = OFF")
    at = now()
    for minute in range(2500):
        earlier = Instant(at.wall - 60 * minute, at.steady - 60 * minute, "another boot")
        state.add(server.name, minute % 2 == 0, earlier)
    batch = state.next_batch(server.name)
    assert batch is not None
    assert len(batch.outcomes) == 1000
    send(server, 30, "m", batch)
    state.close()
    assert plain.execute(SUMS).fetchall() == [(0, 500), (1, 500)]
    status, said = once(capsys, tmp_path / "state", "--dsn", plain.info.dsn, "--timeout", "30s")
    assert (status, said[-1]["event"], said[-1]["probes"]) == (0, "written", 2501)
    assert plain.execute(SUMS).fetchall() == [(0, 1250), (1, 1251)]
    assert unsent(tmp_path / "state") == 0


@pytest.mark.once
def test_a_clock_that_is_set_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An hour back and a night asleep: no outcome is old or new by it, and the night is unknown."""
    clock = [(1000.0, 50.0), (1010.0, 60.0), (-2580.0, 70.0), (-2570.0, 80.0), (26_230.0, 28_880.0)]
    state = State(tmp_path / "state")
    plan = Plan(10, 5, "m", write=False, once=False)
    watch = Watch(Server("s", {}), state, plan, Events("json"), threading.Event())
    monkeypatch.setattr("pggit_excellence.slo.monitor.watching.probe", lambda *_: Outcome(False, "away"))
    for wall, steady in clock:
        moment = Instant(wall, steady, "boot")
        watch.say_gap(moment)
        watch.turn(moment)
        watch.before = moment
    state.close()
    said = lines(capsys.readouterr().out)
    assert [(line["event"], line.get("seconds")) for line in said] == [
        ("down", None), ("clock", -3600), ("unknown", 28_800),
    ]  # fmt: skip
    with sqlite3.connect(tmp_path / "state") as database:
        assert database.execute("SELECT count(*), sum(probes) FROM outcomes").fetchone() == (3, 5)
    database.close()


def test_what_was_recorded(plain: psycopg.Connection) -> None:
    """Ages become times by the server's clock; good and total of the objective are the weighted sums."""
    call = "SELECT pggit_excellence.record_availability(%s, 'm', '{60,3600,0}', '{t,f,t}', '{6,360,1}')"
    plain.execute(call, [uuid.uuid4()])
    query = """
        SELECT round(extract(epoch FROM now() - recorded_at) / 10) * 10, metric_value, sample_count, tags
        FROM pggit_excellence.performance_metrics ORDER BY 1
    """
    tags = {"monitor": "m"}
    assert plain.execute(query).fetchall() == [(0, 1, 1, tags), (60, 1, 6, tags), (3600, 0, 360, tags)]
    plain.execute("SELECT pggit_excellence.maintain()")
    query = "SELECT sum(value_sum), sum(sample_count) FROM pggit_excellence.metric_rollups WHERE resolution = 'total'"
    assert plain.execute(query).fetchone() == (7, 367)


@pytest.mark.parametrize(
    "arguments",
    [
        "NULL, 'm', '{1}', '{t}', '{1}'",
        "gen_random_uuid(), ''",
        "gen_random_uuid(), NULL",
        "gen_random_uuid(), 'm', '{1,2}', '{t}', '{1}'",
        "gen_random_uuid(), 'm', '{-1}', '{t}', '{1}'",
        "gen_random_uuid(), 'm', '{NaN}', '{t}', '{1}'",
        "gen_random_uuid(), 'm', '{Infinity}', '{t}', '{1}'",
        "gen_random_uuid(), 'm', '{1}', '{NULL}', '{1}'",
        "gen_random_uuid(), 'm', '{1}', '{t}', '{0}'",
        "gen_random_uuid(), 'm', '{1}', '{t}', NULL",
    ],
)
def test_outcomes_without_sense(plain: psycopg.Connection, arguments: str) -> None:
    with pytest.raises(psycopg.DataError) as caught:
        plain.execute(f"SELECT pggit_excellence.record_availability({arguments})".encode())
    assert caught.value.diag.message_hint
    assert plain.execute(SUMS).fetchall() == []


def test_old_batches_are_forgotten(plain: psycopg.Connection) -> None:
    plain.execute(
        "INSERT INTO pggit_excellence.availability_batches VALUES (gen_random_uuid(), now() - interval '91 days')"
    )
    plain.execute(
        "INSERT INTO pggit_excellence.availability_batches VALUES (gen_random_uuid(), now() - interval '89 days')"
    )
    plain.execute("SELECT pggit_excellence.record_availability(gen_random_uuid(), 'm')")
    assert plain.execute("SELECT count(*) FROM pggit_excellence.availability_batches").fetchone() == (2,)


def lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def once(capsys: pytest.CaptureFixture[str], state: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    status = main(["slo", "monitor", "--state", str(state), "--once", "--format", "json", *options])
    captured = capsys.readouterr()
    assert captured.err == ""
    return status, lines(captured.out)


def test_a_role_that_may_not_write(
    capsys: pytest.CaptureFixture[str], plain: psycopg.Connection, tmp_path: Path
) -> None:
    """The outcomes are kept and said to be; EXECUTE on one function is all that is needed to write them."""
    plain.execute("CREATE ROLE zz_monitor LOGIN")
    try:
        dsn = psycopg.conninfo.make_conninfo(plain.info.dsn, user="zz_monitor")
        for _ in range(2):
            status, said = once(capsys, tmp_path / "state", "--dsn", dsn)
            assert (status, [line["event"] for line in said]) == (0, ["up", "not_written"])
            assert "permission denied for schema pggit_excellence; kept in" in said[1]["text"]
        plain.execute("GRANT USAGE ON SCHEMA pggit_excellence TO zz_monitor")
        plain.execute("GRANT EXECUTE ON FUNCTION pggit_excellence.record_availability TO zz_monitor")
        status, said = once(capsys, tmp_path / "state", "--dsn", dsn, "--write")
        assert (status, said[-1]["event"], said[-1]["probes"]) == (0, "written", 3)
        assert plain.execute(SUMS).fetchall() == [(1, 3)]
    finally:
        plain.execute("DROP OWNED BY zz_monitor; DROP ROLE zz_monitor")


def test_a_read_only_server(capsys: pytest.CaptureFixture[str], plain: psycopg.Connection, tmp_path: Path) -> None:
    """Up for those who read; down for those who asked for a write."""
    plain.execute(f"ALTER DATABASE {plain.info.dbname} SET default_transaction_read_only = on".encode())
    dsn = plain.info.dsn
    status, said = once(capsys, tmp_path / "state", "--dsn", dsn)
    assert (status, [line["event"] for line in said]) == (0, ["up", "not_written"])
    status, said = once(capsys, tmp_path / "state", "--dsn", dsn, "--write")
    assert (status, [line["event"] for line in said]) == (1, ["down", "not_written"])
    assert "read-only transaction" in said[0]["text"]
    plain.execute(f"ALTER DATABASE {plain.info.dbname} RESET default_transaction_read_only".encode())
    assert once(capsys, tmp_path / "state", "--dsn", dsn)[0] == 0
    assert plain.execute(SUMS).fetchall() == [(0, 1), (1, 2)]


def test_without_the_extension(
    capsys: pytest.CaptureFixture[str], server: PrivateServer, make_database: MakeDatabase, tmp_path: Path
) -> None:
    """Up, and nowhere to write; whether it can write is not known then, which is neither up nor down."""
    dsn = server.dsn(make_database("empty"))
    status, said = once(capsys, tmp_path / "state", "--dsn", dsn)
    assert (status, [line["event"] for line in said]) == (0, ["up", "not_written"])
    status, said = once(capsys, tmp_path / "other", "--dsn", dsn, "--write")
    assert (status, [line["event"] for line in said]) == (1, ["unknown"])
    assert unsent(tmp_path / "other") == 0


def test_a_server_that_accepts_and_says_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The kernel accepts connections to a frozen server; a timeout is the only way to know."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"host=127.0.0.1 port={silent.getsockname()[1]}"
        status, said = once(capsys, tmp_path / "state", "--dsn", dsn, "--timeout", "300ms")
    assert (status, said[0]["event"], said[0]["text"]) == (1, "down", "no answer within 0.3 s")


def test_several_servers(capsys: pytest.CaptureFixture[str], plain: psycopg.Connection, tmp_path: Path) -> None:
    """By service file and connection string; one that is away does not hold up the others."""
    (tmp_path / "services").write_text(
        f"[it's]\nhost={plain.info.host}\nport={plain.info.port}\ndbname={plain.info.dbname}\nuser={plain.info.user}\n",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        status, said = once(capsys, tmp_path / "state", "--service", "it's", "--dsn", "host=/nowhere")
        assert status == 1
        events = {(line["server"], line["event"]) for line in said}
        assert events >= {("it's", "up"), ("it's", "written"), ("host=/nowhere", "down")}
        assert main(["slo", "monitor", "--service", "no", "--state", str(tmp_path / "s")]) == 2
        assert "--service no: definition of service" in capsys.readouterr().err


def test_two_monitors_on_one_file_and_a_clean_end(
    plain: psycopg.Connection, start_monitor: StartMonitor, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    options = ("--dsn", plain.info.dsn, "--interval", "200ms", "--timeout", "200ms", "--format", "json")
    first = start_monitor(state, *options)
    assert first.stdout is not None
    assert json.loads(first.stdout.readline())["event"] == "up"
    second = start_monitor(state, *options)
    out, err = second.communicate(timeout=60)
    assert (second.returncode, out) == (2, "")
    assert "another monitor uses this file" in err
    assert err.count("\n") == 1
    status, _, err = finish(first)
    assert (status, err) == (0, "")
    assert unsent(state) == 0


def test_a_time_without_probes_is_unknown(
    plain: psycopg.Connection, start_monitor: StartMonitor, tmp_path: Path
) -> None:
    """A stopped monitor says so afterwards, and no outcome lies in that time."""
    state = tmp_path / "state"
    prepare_audit(state)
    options = ("--dsn", plain.info.dsn, "--interval", "200ms", "--timeout", "200ms", "--format", "json", "--for", "3s")
    monitor = start_monitor(state, *options)
    assert monitor.stdout is not None
    assert json.loads(monitor.stdout.readline())["event"] == "up"
    monitor.send_signal(signal.SIGSTOP)
    stopped = time.time()
    time.sleep(1.5)
    continued = time.time()
    monitor.send_signal(signal.SIGCONT)
    out, err = monitor.communicate(timeout=60)
    assert (monitor.returncode, err) == (0, "")
    said = [line for line in lines(out) if line["event"] == "unknown"]
    assert len(said) == 1
    assert said[0]["seconds"] >= 1.4
    assert [ended for _, ended in audit(state) if stopped + 0.3 < ended < continued] == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--interval", "1s", "--timeout", "2s"), "--timeout must not be longer than --interval"),
        (("--name", ""), "--name must not be empty"),
        (("--dsn", "hots=x"), 'invalid connection option "hots"'),
        (("--dsn", "host=a", "--dsn", "host=a"), "the same server twice: host=a"),
        (("--state", "/nowhere/state"), "/nowhere/state: No such file or directory"),
        (("--dsn", "sslmode=perhaps"), "sslmode"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    given = options if "--state" in options else (*options, "--state", str(tmp_path / "state"))
    assert main(["slo", "monitor", *given]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert message in captured.err


@pytest.mark.once
def test_a_full_disk_behind_the_state_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("/dev/full")
    assert main(["slo", "monitor", "--state", str(tmp_path / "state"), "--once"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "state: database or disk is full" in captured.err


@pytest.mark.once
@pytest.mark.parametrize("value", ["0", "-1s", "x", "1y", "9" * 30, "nan"])
def test_times_without_sense(capsys: pytest.CaptureFixture[str], value: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["slo", "monitor", f"--interval={value}"])
    assert caught.value.code == 2
    assert "not a time" in capsys.readouterr().err


@pytest.mark.once
def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """A full disk behind standard output, and a terminal that knows ASCII only."""
    command = [sys.executable, "-m", "pggit_excellence", "slo", "monitor", "--state", str(tmp_path / "state"), "--once"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools"), "PYTHONIOENCODING": "ascii"}
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = subprocess.run(
            [*command, "--dsn", "host=/nowhere"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "standard output cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1
    assert unsent(tmp_path / "state") == 1
    done = subprocess.run(
        [*command, "--dsn", "host=/nöwhere"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert r"n\xf6where" in done.stdout
