"""A run of tests that is ended in its middle leaves no process, no server and no folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from pggit_excellence.server import ABANDONED_SECONDS, DISK, LOCK, MEMORY, PREFIX, Installation, workspace
from started import KEPT

pytestmark = [pytest.mark.once, pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks at /proc")]

# A server, a command beside it, and a test that waits until it is ended.
SUITE = """
import os, pathlib, time
from pggit_excellence.server import Installation, Server, workspace
from started import started

def test_that_takes_long():
    installation = Installation(15, None, pathlib.Path(os.environ["BINDIR"]), "")
    with workspace() as folder, Server(installation, folder / "server") as server:
        with started("slo", "monitor", "--state", str(folder / "state"), "--dsn", server.dsn(), stdout=None):
            pathlib.Path(os.environ["READY"]).write_text(str(folder))
            time.sleep(600)
"""


def processes(mark: str) -> list[str]:
    """The command lines of the processes that have the mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text(encoding="utf-8").replace("\0", " "))
        except OSError:
            continue
    return found


def soon(holds: Callable[[], object]) -> bool:
    """Whether it holds within a minute."""
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.3)
    return bool(holds())


@pytest.fixture
def run(installation: Installation, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """A run of pytest on a worker, its mark, and its workspace, with everything in it running."""
    (tmp_path / "test_long.py").write_text(SUITE, encoding="utf-8")
    mark, ready = f"MARK={uuid.uuid4()}", tmp_path / "ready"
    path = os.pathsep.join(str(ROOT / part) for part in ("tools", "tests/python"))
    names = {"PYTHONPATH": path, "BINDIR": str(installation.bindir), "READY": str(ready)}
    command = [*KEPT, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--numprocesses=1", "--rootdir=."]
    with subprocess.Popen(
        [*command, "test_long.py"],
        cwd=tmp_path,
        env=os.environ | names | dict([mark.split("=")]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            assert soon(lambda: ready.exists() and ready.read_text(encoding="utf-8"))
            yield process, mark, Path(ready.read_text(encoding="utf-8"))
        finally:
            process.kill()


def everybody(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C reaches all processes of the terminal."""
    os.killpg(process.pid, signal.SIGINT)


KILLED = pytest.param(subprocess.Popen.kill, marks=pytest.mark.long)  # the worker sees what it sees of SIGTERM


@pytest.mark.parametrize("end", [everybody, subprocess.Popen.terminate, KILLED])
def test_ended_in_the_middle(
    run: tuple[subprocess.Popen[bytes], str, Path], end: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    """Ctrl-C, SIGTERM, SIGKILL: the worker ends what the tests began."""
    process, mark, folder = run
    assert all(any(program in line for line in processes(mark)) for program in ("postgres -D", "monitor"))
    end(process)
    assert soon(lambda: not processes(mark)), processes(mark)
    assert not folder.exists()


def test_workspace_of_a_killed_process() -> None:
    """It is removed by whoever makes the next one; one that is in use or new is not."""
    code = f"""
import os, pathlib, signal, sys
sys.path.insert(0, {str(ROOT / "tools")!r})
from pggit_excellence.server import workspace
with workspace() as folder:
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", code]
    said = [subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout for _ in range(2)]
    killed = [Path(text.strip()) for text in said]
    assert all(folder.is_dir() and folder.name.startswith(PREFIX) for folder in killed)
    assert {folder.parent for folder in killed} <= {MEMORY, DISK}
    long_ago = time.time() - ABANDONED_SECONDS - 1
    with workspace() as used:
        for folder in (used, killed[0]):
            os.utime(folder / LOCK, (long_ago, long_ago))
        with workspace():
            assert [folder.exists() for folder in (used, *killed)] == [True, False, True]
        os.utime(killed[1] / LOCK, (long_ago, long_ago))
        with workspace():
            assert [folder.exists() for folder in (used, *killed)] == [True, False, False]
    assert not used.exists()
