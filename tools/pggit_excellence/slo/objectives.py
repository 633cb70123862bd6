"""The enabled objectives, as rules and dashboard need them: those of a database, or of OpenSLO documents."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg

from pggit_excellence.errors import EXIT_CLEAN, EXIT_NOTHING
from pggit_excellence.slo.import_ import reading_of
from pggit_excellence.slo.openslo import objective as openslo
from pggit_excellence.slo.repeating import work_on


@dataclass(frozen=True)
class Objective:
    """One promise. `threshold` is in the unit of the metric; `target` is the share of good events, None for a limit."""

    name: str
    description: str
    metric_type: str
    kind: str
    threshold: float
    target: Decimal | None
    minimum_events: int

    @property
    def budget(self) -> Decimal:
        """The share of events that may be bad; 0 for a limit, which has none."""
        return Decimal(0) if self.target is None else 1 - self.target


def add_source(parser: argparse.ArgumentParser) -> None:
    """The option --openslo."""
    parser.add_argument(
        "--openslo",
        metavar="FILE",
        help="take the objectives from OpenSLO documents instead of the database; - for stdin",
    )


def enabled(stored: Sequence[openslo.Objective]) -> list[Objective]:
    """Sorted by name. What a document leaves out is as set_objective() would have it."""
    return [
        Objective(
            one.objective,
            one.description or one.objective,
            one.metric_type,
            one.kind,
            one.threshold,
            one.target,
            one.minimum_events or 1,
        )
        for one in sorted(stored, key=lambda one: one.objective)
        if one.enabled is not False
    ]


def enabled_objectives(connection: psycopg.Connection) -> list[Objective]:
    """Those of a database."""
    return enabled(openslo.stored(connection))


def generate(options: argparse.Namespace, show: Callable[[list[Objective]], None]) -> int:
    """Show what comes of the objectives; 3 where none is enabled."""

    def status(objectives: list[Objective]) -> int:
        show(objectives)
        return EXIT_CLEAN if objectives else EXIT_NOTHING

    if options.openslo is not None:
        return status(enabled(reading_of(options, options.openslo).objectives))
    return work_on(options.dsn, lambda connection: status(enabled_objectives(connection)))
