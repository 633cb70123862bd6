"""Periods of evidence, in UTC: a year, a quarter, a month, or from one day to another."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

from pggit_excellence.slo.report.period import Period, named_period

DAYS = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", re.ASCII)
EXAMPLES = "for example 2026Q4, 2026-11, 2026 or 2026-01-01..2026-03-31"


def evidence_period(text: str) -> Period:
    """What --period names; both days of a range belong to it (for argparse)."""
    days = DAYS.fullmatch(text.strip())
    if days is None:
        try:
            return named_period(text)
        except argparse.ArgumentTypeError:
            raise argparse.ArgumentTypeError(f"not a period: {text!r} ({EXAMPLES})") from None
    try:
        first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in days.groups())
        end = last + timedelta(days=1)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"not two days: {text!r} ({EXAMPLES})") from None
    if first > last:
        raise argparse.ArgumentTypeError(f"the period ends before it begins: {text!r} ({EXAMPLES})")
    return Period(first, end, f"{first:%Y-%m-%d} to {last:%Y-%m-%d}")
