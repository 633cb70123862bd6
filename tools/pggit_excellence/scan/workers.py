"""Work in forked processes that may crash or hang: every task gets an answer, if only that it was lost."""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import signal
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Generic, TypeVar

from pggit_excellence.scan.frozen import dataclass, field

Result = TypeVar("Result")
# For one task: after so many seconds of work Python code is interrupted, whatever else the machine does meanwhile; a
# process from which nothing has been heard for so long, as C code holds it, is killed.
SOFT_LIMIT, HARD_LIMIT = 10.0, 120.0
_CRASHED = "the analysis crashed or took too long; its dynamic statements are not proven"
_HEAD = struct.Struct("!iI")  # number of the task, size of its pickled answer
_DEEP = 5000


@dataclass(frozen=True, slots=True)
class Lost:
    """A task without a result."""

    reason: str


class _Slow(BaseException):
    """The task has taken too long; no `except Exception` of the task's own may hold it."""


@dataclass(slots=True)
class _Worker:
    process: int
    pipe: int
    tasks: list[int]
    buffer: bytearray = field(default_factory=bytearray)
    last: float = field(default_factory=time.monotonic)


def run_isolated(
    task: Callable[[int], Result], sizes: Sequence[int], jobs: int, *, limited: bool = True
) -> list[Result | Lost]:
    """The result of each task 0, 1...; `sizes` say how much work each is, `jobs` how many processes (0: as CPUs).

    Unless it is `limited` a task may take any time.
    """
    count = min(jobs or len(os.sched_getaffinity(0)), len(sizes)) or 1
    shares = _shares(sizes, count)
    answers: dict[int, Result | Lost] = {}
    while shares:
        answers.update(_Run(task, limited=limited).all(shares))
        left = [[index for index in share if index not in answers] for share in shares]
        for share in filter(None, left):  # its process died of the first of them, which gets one more try
            first = share.pop(0)
            answers[first] = _Run(task, limited=limited).all([[first]]).get(first, Lost(_CRASHED))
        shares = [share for share in left if share]
    return [answers[index] for index in range(len(sizes))]


def _shares(sizes: Sequence[int], count: int) -> list[list[int]]:
    """The tasks in shares of about the same work; each in its order."""
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        least = loads.index(min(loads))
        shares[least].append(index)
        loads[least] += sizes[index] + 200
    return [sorted(share) for share in shares if share]


class _Run(Generic[Result]):
    """Some processes, until each has answered for its share or died."""

    def __init__(self, task: Callable[[int], Result], *, limited: bool) -> None:
        self.task, self.limited = task, limited
        self.answers: dict[int, Result | Lost] = {}

    def all(self, shares: list[list[int]]) -> dict[int, Result | Lost]:
        """Answers by task; none for the one that a process died of, nor for those behind it."""
        with selectors.DefaultSelector() as selector:
            for share in shares:
                worker = self._start(share)
                selector.register(worker.pipe, selectors.EVENT_READ, worker)
            while selector.get_map():
                for key, _ in selector.select(timeout=1.0):
                    if not self._read(key.data):
                        selector.unregister(key.fd)
                        self._end(key.data)
                for key in list(selector.get_map().values()):
                    if self.limited and time.monotonic() - key.data.last > HARD_LIMIT:
                        selector.unregister(key.fd)
                        os.kill(key.data.process, signal.SIGKILL)
                        self._end(key.data)
        return self.answers

    def _start(self, share: list[int]) -> _Worker:
        sys.stdout.flush()
        sys.stderr.flush()
        reading, writing = os.pipe()
        process = os.fork()
        if process:
            os.close(writing)
            return _Worker(process, reading, share)
        status = 1
        try:
            os.close(reading)
            self._work(share, writing)
            status = 0
        finally:
            os._exit(status)

    def _work(self, share: list[int], pipe: int) -> None:
        """In the process: one answer after the other."""
        gc.disable()
        signal.signal(signal.SIGPROF, _interrupt)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEP))
        for index in share:
            signal.setitimer(signal.ITIMER_PROF, SOFT_LIMIT if self.limited else 0)
            try:
                answer: Result | Lost = self.task(index)
            except _Slow:
                answer = Lost(f"the analysis took more than {SOFT_LIMIT:.0f} seconds; nothing is proven")
            except Exception as error:
                answer = Lost(f"internal error: {_told(error)} (please report it); nothing is proven")
            signal.setitimer(signal.ITIMER_PROF, 0)
            data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
            _write(pipe, _HEAD.pack(index, len(data)) + data)

    def _read(self, worker: _Worker) -> bool:
        """Take what the process has sent; False at its end."""
        chunk = os.read(worker.pipe, 1 << 20)
        worker.buffer += chunk
        while len(worker.buffer) >= _HEAD.size:
            index, size = _HEAD.unpack_from(worker.buffer)
            if len(worker.buffer) < _HEAD.size + size:
                break
            # From a process of our own.
            self.answers[index] = pickle.loads(bytes(worker.buffer[_HEAD.size : _HEAD.size + size]))  # noqa: S301
            del worker.buffer[: _HEAD.size + size]
            worker.last = time.monotonic()
        return bool(chunk)

    @staticmethod
    def _end(worker: _Worker) -> None:
        os.close(worker.pipe)
        with suppress(ChildProcessError):
            os.waitpid(worker.process, 0)


def _write(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _interrupt(_: int, __: FrameType | None) -> None:
    raise _Slow


def _told(error: Exception) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return " ".join(f"{type(error).__name__} at {where}: {error}".split())[:200]
