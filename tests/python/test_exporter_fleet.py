"""One exporter, fifty servers, a real Prometheus: the dead, the silent, the stopped and the slow take nobody along."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import MakeDatabase
from pggit_excellence.server import Installation, Server, workspace
from prometheus_programs import eventually, free_port, prometheus, query
from test_exporter import TEXT, fetched, one, returning, running, samples, says

pytestmark = pytest.mark.once

SCRAPE = 2  # seconds between two scrapes, and how long Prometheus waits
TIMEOUT = 1.6
SICK = {"dead": "connection", "silent": "timeout", "slow": "timeout", "stopped": "timeout"}
CONNECTIONS = (
    "SELECT datname, count(*) FROM pg_stat_activity WHERE application_name = 'pggit-excellence exporter' GROUP BY 1"
)


@pytest.fixture(scope="module")
def other_server(installation: Installation) -> Iterator[Server]:
    """A second server, to be stopped and restarted."""
    with workspace() as folder, Server(installation, folder / "server") as running_server:
        with running_server.connect() as connection:
            connection.execute("CREATE EXTENSION pggit_excellence")
        yield running_server


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody listens who never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        yield int(listening.getsockname()[1])


@dataclass
class Fleet:
    """A service file, what it leads to, and how many of its servers are well."""

    services: Path
    server: Server
    databases: list[str]
    well: int


@pytest.fixture
def fleet(
    request: pytest.FixtureRequest, other_server: Server, make_database: MakeDatabase, tmp_path: Path, silent: int
) -> Fleet:
    """`request.param` servers: five databases with the real function, more that answer at once, and four sick."""
    server: Server = request.getfixturevalue("server")
    kinds = {"pggit": 5, "plain": 5, "slow": 1}
    databases = {kind: [make_database(kind.replace("slow", "plain")) for _ in range(n)] for kind, n in kinds.items()}
    for database in databases["plain"] + databases["slow"]:
        with server.connect(database) as connection:
            says(connection, returning(TEXT) if database in databases["plain"] else "BEGIN PERFORM pg_sleep(60); END")
    well = request.param - len(SICK)
    names = databases["pggit"] + [databases["plain"][number % 5] for number in range(well - 5)]
    here = {f"s{number:03}": server.dsn(name) for number, name in enumerate(names)}
    sick = {
        "dead": f"host=127.0.0.1 port={free_port()}",
        "silent": f"host=127.0.0.1 port={silent}",
        "slow": server.dsn(databases["slow"][0]),
        "stopped": other_server.dsn(),
    }
    sections = (f"[{name}]\n" + dsn.replace(" ", "\n") + "\n" for name, dsn in {**sick, **here}.items())
    path = tmp_path / "pg_service.conf"
    path.write_text("".join(sections), encoding="utf-8")
    return Fleet(path, server, sorted({*names, databases["slow"][0]}), well)


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Every process of the server is stopped: it takes connections and never answers."""
    assert server.process is not None
    postmaster = server.process.pid
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii")
    pids = [postmaster, *map(int, children.split())]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def scalar(url: str, expression: str) -> float | None:
    """Prometheus' answer; None without one."""
    result = query(url, "query", query=expression)["result"]
    return float(result[0]["value"][1]) if result else None


def failures(url: str) -> dict[str, str]:
    """Why which server does not answer, as Prometheus has it."""
    found = query(url, "query", query="pggit_scrape_failure == 1")["result"]
    return {item["metric"]["server"]: item["metric"]["reason"] for item in found}


def connections(server: Server) -> dict[str, int]:
    """The exporter's connections, by database."""
    with server.connect() as connection:
        return dict(connection.execute(CONNECTIONS).fetchall())


@dataclass
class Uses:
    """What the exporter's process holds."""

    threads: int
    files: int
    kilobytes: int


def uses(pid: int) -> Uses:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return Uses(int(status["Threads"]), len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status["VmRSS"].split()[0]))


@pytest.mark.parametrize("fleet", [50, pytest.param(200, marks=pytest.mark.long)], indirect=True)
def test_fleet(fleet: Fleet, other_server: Server, tmp_path: Path) -> None:
    options = ("--listen", "127.0.0.1:0", "--service-file", str(fleet.services), "--timeout", str(TIMEOUT))
    with running(*options) as (process, url):
        discovery = {"http_sd_configs": [{"url": url.replace("/metrics", "/targets"), "refresh_interval": "1s"}]}
        with prometheus(tmp_path, discovery, "", f"{SCRAPE}s") as asked:
            size = fleet.well + len(SICK)
            eventually(lambda: scalar(asked, "count(pggit_up == 1)") == fleet.well + 1)  # the one to be stopped is well
            with stopped(other_server):
                eventually(lambda: failures(asked) == SICK)
                time.sleep(SCRAPE / 2)
                # Nobody was taken along, at no scrape of either; and every answer came in Prometheus' time.
                lately = f"min_over_time({{}}[{2 * SCRAPE}s])"
                assert scalar(asked, f"count({lately.format('pggit_up')} == 1)") == fleet.well
                assert scalar(asked, f"count({lately.format('up')} == 1)") == size
                assert scalar(asked, "count(count by (server) (pggit_scrape_duration_seconds))") == size
                check_one_answer_for_all(url, fleet, process.pid)
        check_restart(url.replace("/metrics", "/probe?target=stopped"), other_server)


def check_restart(url: str, server: Server) -> None:
    """It goes on where it was, and after a restart on a new connection."""

    def failure() -> str | None:
        found = samples(fetched(url)).get("pggit_scrape_failure", {})
        return next((dict(labels)["reason"] for labels in found), None)

    eventually(lambda: failure() is None)
    server.stop()
    assert failure() == "connection"
    server.start()
    assert failure() is None
    assert connections(server) == {"postgres": 1}


def check_one_answer_for_all(url: str, fleet: Fleet, pid: int) -> None:
    """/metrics: the others do not even take the time that the sick do; nothing piles up, however often."""
    kept = connections(fleet.server)
    assert sum(kept.values()) == fleet.well + 1  # the slow one has one too
    assert sorted(kept) == fleet.databases
    text = fetched(url)
    before = uses(pid)
    found = samples(text)
    assert len(found["pggit_up"]) == fleet.well + len(SICK)
    assert sum(found["pggit_up"].values()) == fleet.well
    assert {dict(labels)["server"]: dict(labels)["reason"] for labels in found["pggit_scrape_failure"]} == SICK
    assert one(text, "pggit_scrape_duration_seconds", server="s000") < TIMEOUT
    for _ in range(8):
        fetched(urllib.request.Request(url, headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.3"}))  # noqa: S310
    assert connections(fleet.server) == kept
    after = uses(pid)
    assert after.threads < 5 * len(SICK)  # one for each that hangs, and requests that just end
    assert after.files < fleet.well + 5 * len(SICK)
    assert after.kilobytes < before.kilobytes * 1.2
