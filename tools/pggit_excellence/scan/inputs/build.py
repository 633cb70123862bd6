"""Sources to a Program, which is read by several processes where there is much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pggit_excellence.scan.inputs.nested import nested_routines
from pggit_excellence.scan.inputs.program import Program, SourceText
from pggit_excellence.scan.inputs.scripts import Read, calls_to, joined, read_script
from pggit_excellence.scan.workers import Isolated, Lost

# From so many characters on it is worth while to start processes.
_SHARED = 100_000


class Reading:
    """Sources that are being read from now on."""

    def __init__(self, sources: Iterable[SourceText], sinks: Iterable[str] = (), jobs: int = 1) -> None:
        """`sinks` are more names of functions that run their argument as SQL, `jobs` processes (0: as CPUs)."""
        self._sources = list(sources)
        self._calls = calls_to(frozenset(sinks))
        sizes = [len(source.text) for source in self._sources]
        shared = jobs != 1 and len(sizes) > 1 and sum(sizes) >= _SHARED
        self._processes = Isolated(self._read, sizes, jobs, limited=False) if shared else None

    def program(self, facts: Program | None = None, arrived: Callable[[Read], object] | None = None) -> Program:
        """Wait for what the sources define, added to `facts` (those of a live database) where given.

        `arrived` is called with what processes have read, while they read on.
        """
        return joined(self._sources, self._found(arrived), facts)

    def _found(self, arrived: Callable[[Read], object] | None) -> Iterable[Read]:
        """What each source defines; one that a process could not read is read here."""
        if self._processes is None:
            return map(self._read, range(len(self._sources)))
        answers = enumerate(self._processes.answers(arrived))
        return (self._read(index) if isinstance(answer, Lost) else answer for index, answer in answers)

    def _read(self, index: int) -> Read:
        read = read_script(self._sources[index], self._calls)
        read.nested = [found for routine in read.routines for found in nested_routines(routine)]
        return read


def build(sources: Iterable[SourceText], facts: Program | None = None, sinks: Iterable[str] = ()) -> Program:
    """What the sources define, read here and now."""
    return Reading(sources, sinks).program(facts)
