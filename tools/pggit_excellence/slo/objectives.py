"""The enabled objectives of a database, as rules and dashboard need them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import psycopg

QUERY = """
    SELECT o.objective, o.description, o.metric_type, o.kind, o.threshold, o.target,
           extract(epoch FROM o.slo_window)::float8, o.minimum_events
    FROM pggit_excellence.slo_objectives AS o
    WHERE o.enabled
    ORDER BY o.objective COLLATE "C"
"""


@dataclass(frozen=True)
class Objective:
    """One promise. `threshold` is in the unit of the metric.

    `target` is the share of good events, None for a limit; `window` is its length in seconds.
    """

    name: str
    description: str
    metric_type: str
    kind: str
    threshold: float
    target: Decimal | None
    window: float
    minimum_events: int

    @property
    def budget(self) -> Decimal:
        """The share of events that may be bad; 0 for a limit, which has none."""
        return Decimal(0) if self.target is None else 1 - self.target


def enabled_objectives(connection: psycopg.Connection) -> list[Objective]:
    """Sorted by name."""
    return [Objective(*row) for row in connection.execute(QUERY)]
