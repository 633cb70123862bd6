"""One scan: inputs to a program, its analysis, then what the user does not want to see is taken out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.build import Reading
from pggit_excellence.scan.inputs.program import Program, SourceText

if TYPE_CHECKING:
    from pggit_excellence.scan.inputs.scripts import Read
    from pggit_excellence.scan.output.report import Report


def scan(sources: Iterable[SourceText], facts: Program | None, config: Config, problems: Sequence[str] = ()) -> Report:
    """Scan the sources, with what a live database added to them; `problems` are lines about inputs that are missing."""
    reading = Reading(sources, [name for _, name in config.sinks], config.jobs)
    # To import all the rest takes a third of the time that other processes take meanwhile to read many sources.
    from pggit_excellence.scan.analysis import analyse
    from pggit_excellence.scan.flow.words import words
    from pggit_excellence.scan.output.outcome import outcome

    def arrived(read: Read) -> None:
        """Find the words of what is read, which are kept, while the rest is still being read."""
        for routine in read.routines + read.nested:
            words(routine.body)

    program = reading.program(facts, arrived)
    return outcome(program, analyse(program, config), config, problems)
