"""Which period a report is about. Everything is UTC."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NAMED = re.compile(r"(?P<year>\d{4})(?:-?[Qq](?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2]))?", re.ASCII)
# Steps of the plots: so many points are readable.
MOST_STEPS = 120


@dataclass(frozen=True)
class Period:
    """From `start` until before `end`; `name` for people."""

    start: datetime
    end: datetime
    name: str

    def step(self) -> timedelta:
        """The time that one point of a plot stands for: an hour, else full days."""
        length = self.end - self.start
        if length <= timedelta(days=3):
            return timedelta(hours=1)
        return timedelta(days=-(-length // timedelta(days=MOST_STEPS)))


def named_period(text: str) -> Period:
    """2026-11, 2026Q4 or 2026 (for argparse)."""
    match = NAMED.fullmatch(text.strip())
    if not match or not 1 <= int(match["year"]) <= 9998:
        raise argparse.ArgumentTypeError(f"not a period: {text!r} (for example 2026-11, 2026Q4 or 2026)")
    year = int(match["year"])
    if match["month"]:
        start = datetime(year, int(match["month"]), 1, tzinfo=UTC)
        return Period(start, months_later(start, 1), f"{start:%B} {year}")
    if match["quarter"]:
        start = datetime(year, int(match["quarter"]) * 3 - 2, 1, tzinfo=UTC)
        return Period(start, months_later(start, 3), f"Q{match['quarter']} {year}")
    start = datetime(year, 1, 1, tzinfo=UTC)
    return Period(start, months_later(start, 12), str(year))


def months_later(start: datetime, months: int) -> datetime:
    """The first day of a later month."""
    count = start.year * 12 + start.month - 1 + months
    return start.replace(year=count // 12, month=count % 12 + 1)


def moment(text: str) -> datetime:
    """A date, or a date with time, in ISO 8601; UTC where it has no time zone (for argparse)."""
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"not a time: {text!r} (for example 2026-11-01 or 2026-11-01T06:00Z)"
        ) from None


def period_between(start: datetime, end: datetime) -> Period:
    """A period by its ends."""
    return Period(start, end, f"{shown(start)} to {shown(end)}")


def shown(at: datetime) -> str:
    """A time for people, without what is zero."""
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{at:%Y-%m-%d %H:%M}"
