"""An objective as slo_objectives has it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

QUERY = """
    SELECT o.objective, o.description, o.metric_type, o.kind, o.comparison, o.threshold, trim_scale(o.target) AS target,
           (extract(year FROM o.slo_window) * 12 + extract(month FROM o.slo_window))::integer AS months,
           extract(day FROM o.slo_window)::integer AS days,
           trim_scale(extract(hour FROM o.slo_window) * 3600 + extract(minute FROM o.slo_window) * 60
                      + extract(second FROM o.slo_window)) AS seconds,
           o.minimum_events, o.enabled
    FROM pggit_excellence.slo_objectives AS o ORDER BY o.objective COLLATE "C" """


@dataclass(frozen=True)
class Objective:
    """`target` is None for a limit. The window is months + days + seconds. None elsewhere: not said in a document."""

    objective: str
    description: str | None
    metric_type: str
    kind: str
    comparison: str
    threshold: float
    target: Decimal | None
    months: int
    days: int
    seconds: Decimal
    minimum_events: int | None
    enabled: bool | None

    @property
    def window(self) -> str:
        """The window as PostgreSQL reads it."""
        parts = {"months": self.months, "days": self.days, "seconds": self.seconds}
        return " ".join(f"{number} {unit}" for unit, number in parts.items() if number) or "0"


def stored(connection: psycopg.Connection) -> list[Objective]:
    """What the server has, in the order of the names."""
    with connection.transaction(), connection.cursor(row_factory=class_row(Objective)) as cursor:
        return cursor.execute(QUERY).fetchall()


def changes(before: Objective, after: Objective) -> list[str]:
    """What differs, field by field; what a document does not say does not."""
    found = []
    for field in fields(Objective):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name not in ("months", "days", "seconds") and new is not None and new != old:
            found.append(f"{field.name}: {shown(old)} -> {shown(new)}")
    if (before.months, before.days, before.seconds) != (after.months, after.days, after.seconds):
        found.append(f"slo_window: {before.window} -> {after.window}")
    return found


def shown(value: object) -> str:
    """A value in a difference."""
    return f"{value:f}" if isinstance(value, Decimal) else repr(value) if isinstance(value, str) else str(value)
