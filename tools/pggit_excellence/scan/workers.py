"""Work in forked processes that may crash or hang: every task gets an answer, if only that it was lost."""

from __future__ import annotations

import fcntl
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
_HEAD = struct.Struct("!iI")  # number of the task, size of its pickled answer; 0: it begins
_NUMBER = struct.Struct("!I")  # of a chunk
_DEEP = 5000
_PIPE = 1 << 20
_SHARE = 3  # the part of its share of what is left that a process takes at once
_MOST_CHUNKS = 500  # so many and those of the shares, whose numbers fit into the smallest pipe


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
    task: int | None = None  # that it is at
    buffer: bytearray = field(default_factory=bytearray)
    last: float = field(default_factory=time.monotonic)


class Isolated(Generic[Result]):
    """Tasks 0, 1... that processes of their own work on from now on."""

    def __init__(self, task: Callable[[int], Result], sizes: Sequence[int], jobs: int, *, limited: bool = True) -> None:
        """`sizes` say how much work each task is, `jobs` how many processes (0: as CPUs).

        Unless it is `limited` a task may take any time.
        """
        self._task, self._limited = task, limited
        self._jobs = jobs or _processors()
        self._chunks = _chunks(sizes, self._jobs)
        self._run = self._begun(self._chunks)

    def answers(self) -> list[Result | Lost]:
        """Wait for the result of each task."""
        answers, stuck = self._run.end()
        while True:
            left = [[index for index in chunk if index not in answers] for chunk in self._chunks]
            left = [chunk for chunk in left if chunk]
            if not left:
                return [answers[index] for index in range(len(answers))]
            for index in stuck or left[0][:1]:  # its process died of it; it gets one more try
                answers[index] = self._begun([[index]]).end()[0].get(index, Lost(_CRASHED))
            found, stuck = self._begun([[i for i in chunk if i not in answers] for chunk in left]).end()
            answers.update(found)

    def _begun(self, chunks: list[list[int]]) -> _Run[Result]:
        return _Run(self._task, chunks, self._jobs, limited=self._limited)


def _processors() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunks(sizes: Sequence[int], count: int) -> list[list[int]]:
    """The tasks in chunks for `count` processes, the largest first.

    In a chunk are neighbours: they often need the same, which a process works out once. Each chunk is a share of what
    is left, so that the last ones are small: sizes say little of how long a task takes, and nobody shall wait long for
    another at the end.
    """
    chunks: list[list[int]] = []
    left = sum(sizes)
    least, most, work = left / _MOST_CHUNKS, 0.0, 0
    for index, size in enumerate(sizes):
        if work >= most:
            chunks.append([])
            most, work = max(left / (count * _SHARE), least), 0
        chunks[-1].append(index)
        work += size
        left -= size
    return sorted(chunks, key=lambda chunk: -sum(sizes[index] for index in chunk))


class _Run(Generic[Result]):
    """Some processes that take one chunk of tasks after the other, until none is left or all have died."""

    def __init__(self, task: Callable[[int], Result], chunks: list[list[int]], count: int, *, limited: bool) -> None:
        self.task, self.chunks, self.limited = task, chunks, limited
        self.answers: dict[int, Result | Lost] = {}
        queue, writing = os.pipe()
        os.write(writing, b"".join(_NUMBER.pack(number) for number in range(len(chunks))))
        os.close(writing)
        self.workers = [self._start(queue) for _ in range(min(count, len(chunks)))]
        os.close(queue)

    def end(self) -> tuple[dict[int, Result | Lost], list[int]]:
        """Wait for the answers by task, and for the tasks of which processes died."""
        with selectors.DefaultSelector() as selector:
            for worker in self.workers:
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
        return self.answers, [worker.task for worker in self.workers if worker.task is not None]

    def _start(self, queue: int) -> _Worker:
        sys.stdout.flush()
        sys.stderr.flush()
        reading, writing = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # on Linux it need not wait until somebody listens
            with suppress(OSError):
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
        process = os.fork()
        if process:
            os.close(writing)
            return _Worker(process, reading)
        status = 1
        try:
            os.close(reading)
            self._work(queue, writing)
            status = 0
        finally:
            os._exit(status)

    def _work(self, queue: int, pipe: int) -> None:
        """In the process: say which task begins, then its answer, one after the other."""
        gc.disable()
        signal.signal(signal.SIGPROF, _interrupt)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEP))
        while taken := os.read(queue, _NUMBER.size):
            for index in self.chunks[_NUMBER.unpack(taken)[0]]:
                _write(pipe, _HEAD.pack(index, 0))
                data = pickle.dumps(self._answer(index), pickle.HIGHEST_PROTOCOL)
                _write(pipe, _HEAD.pack(index, len(data)) + data)

    def _answer(self, index: int) -> Result | Lost:
        signal.setitimer(signal.ITIMER_PROF, SOFT_LIMIT if self.limited else 0)
        try:
            return self.task(index)
        except _Slow:
            return Lost(f"the analysis took more than {SOFT_LIMIT:.0f} seconds; nothing is proven")
        except Exception as error:
            return Lost(f"internal error: {_told(error)} (please report it); nothing is proven")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _read(self, worker: _Worker) -> bool:
        """Take what the process has sent; False at its end."""
        chunk = os.read(worker.pipe, 1 << 20)
        worker.buffer += chunk
        while len(worker.buffer) >= _HEAD.size:
            index, size = _HEAD.unpack_from(worker.buffer)
            if len(worker.buffer) < _HEAD.size + size:
                break
            if size:  # from a process of our own
                self.answers[index] = pickle.loads(bytes(worker.buffer[_HEAD.size : _HEAD.size + size]))  # noqa: S301
            worker.task = None if size else index
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
