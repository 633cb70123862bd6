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
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
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
_Queue = list[list[int]]  # tasks in chunks
_DEEP = 5000
_PIPE = 1 << 20
_CHUNKS = 32  # for each process
_MOST_PROCESSES = 200  # each needs two files, of which a process may often have a thousand


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
        self._jobs = min(jobs or _processors(), _MOST_PROCESSES)
        self._queues = _queues(sizes, self._jobs)
        self._run = self._begun(self._queues)

    def answers(self, arrived: Callable[[Result], object] | None = None) -> list[Result | Lost]:
        """Wait for the result of each task; `arrived` is called with most of them while others are awaited."""
        answers, stuck = self._run.end(arrived)
        while True:
            left = self._left(answers)
            if not left:
                return [answers[index] for index in range(len(answers))]
            for index in stuck or left[0][0][:1]:  # its process died of it; it gets one more try
                answers[index] = self._begun([[[index]]]).end()[0].get(index, Lost(_CRASHED))
            found, stuck = self._begun(self._left(answers)).end()
            answers.update(found)

    def _left(self, answers: Container[int]) -> list[_Queue]:
        """What is without an answer."""
        queues = ([[index for index in chunk if index not in answers] for chunk in queue] for queue in self._queues)
        return [left for queue in queues if (left := [chunk for chunk in queue if chunk])]

    def _begun(self, queues: list[_Queue]) -> _Run[Result]:
        return _Run(self._task, queues, self._jobs, limited=self._limited)


def _processors() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _queues(sizes: Sequence[int], count: int) -> list[_Queue]:
    """For each of `count` processes neighbours, as they often need the same, which a process works out once.

    They are in a few chunks, the largest first: sizes say little of how long a task takes, so a process that has done
    its own takes chunks of the others.
    """
    total = sum(sizes) or 1
    queues: list[_Queue] = [[] for _ in range(count)]
    most, before, work = total / (count * _CHUNKS), 0, total
    for index, size in enumerate(sizes):
        if work >= most:
            queue, work = queues[min(before * count // total, count - 1)], 0
            queue.append([])
        queue[-1].append(index)
        work += size
        before += size
    return [sorted(queue, key=lambda chunk: -sum(sizes[index] for index in chunk)) for queue in queues if queue]


class _Run(Generic[Result]):
    """Some processes that take one chunk of tasks after the other, until none is left or all have died."""

    def __init__(self, task: Callable[[int], Result], queues: list[_Queue], count: int, *, limited: bool) -> None:
        self.task, self.limited = task, limited
        self.chunks = [chunk for queue in queues for chunk in queue]
        self.answers: dict[int, Result | Lost] = {}
        numbers = iter(range(len(self.chunks)))
        pipes = [self._filled([next(numbers) for _ in queue]) for queue in queues]
        processes = range(min(count, len(self.chunks)))
        self.workers = [self._start([*pipes[number:], *pipes[:number]]) for number in processes]
        for pipe in pipes:
            os.close(pipe)

    @staticmethod
    def _filled(numbers: Iterable[int]) -> int:
        """A pipe from which every process can take the next of the numbers."""
        reading, writing = os.pipe()
        os.write(writing, b"".join(map(_NUMBER.pack, numbers)))
        os.close(writing)
        return reading

    def end(self, arrived: Callable[[Result], object] | None = None) -> tuple[dict[int, Result | Lost], list[int]]:
        """Wait for the answers by task, and for the tasks of which processes died."""
        with selectors.DefaultSelector() as selector:
            for worker in self.workers:
                selector.register(worker.pipe, selectors.EVENT_READ, worker)
            while selector.get_map():
                for key, _ in selector.select(timeout=1.0):
                    if not self._read(key.data, arrived):
                        selector.unregister(key.fd)
                        self._end(key.data)
                for key in list(selector.get_map().values()):
                    if self.limited and time.monotonic() - key.data.last > HARD_LIMIT:
                        selector.unregister(key.fd)
                        os.kill(key.data.process, signal.SIGKILL)
                        self._end(key.data)
        return self.answers, [worker.task for worker in self.workers if worker.task is not None]

    def _start(self, queues: list[int]) -> _Worker:
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
            self._work(queues, writing)
            status = 0
        finally:
            os._exit(status)

    def _work(self, queues: list[int], pipe: int) -> None:
        """In the process: say which task begins, then its answer, one after the other."""
        gc.disable()
        signal.signal(signal.SIGPROF, _interrupt)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEP))
        for index in self._taken(queues):
            _write(pipe, _HEAD.pack(index, 0))
            data = pickle.dumps(self._answer(index), pickle.HIGHEST_PROTOCOL)
            _write(pipe, _HEAD.pack(index, len(data)) + data)

    def _taken(self, queues: list[int]) -> Iterator[int]:
        """The tasks of chunks that no other process has taken, from one queue after the other."""
        for queue in queues:
            while taken := os.read(queue, _NUMBER.size):
                yield from self.chunks[_NUMBER.unpack(taken)[0]]

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

    def _read(self, worker: _Worker, arrived: Callable[[Result], object] | None) -> bool:
        """Take what the process has sent; False at its end."""
        chunk = os.read(worker.pipe, 1 << 20)
        worker.buffer += chunk
        while len(worker.buffer) >= _HEAD.size:
            index, size = _HEAD.unpack_from(worker.buffer)
            if len(worker.buffer) < _HEAD.size + size:
                break
            if size:  # from a process of our own
                answer = pickle.loads(bytes(worker.buffer[_HEAD.size : _HEAD.size + size]))  # noqa: S301
                self.answers[index] = answer
                if arrived is not None and not isinstance(answer, Lost):
                    arrived(answer)
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
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"
    return " ".join(f"{type(error).__name__} at {where}: {error}".split())[:200]
