"""Time windows in OpenSLO's shorthand: one number and one unit."""

from __future__ import annotations

import re
from decimal import Decimal

# Months, days and seconds of one unit.
UNITS = {
    "m": (0, 0, 60), "h": (0, 0, 3600), "d": (0, 1, 0), "w": (0, 7, 0), "M": (1, 0, 0), "Q": (3, 0, 0), "Y": (12, 0, 0),
}  # fmt: skip


def shorthand(months: int, days: int, seconds: Decimal) -> tuple[str, bool]:
    """A window in one unit, and whether this says all of it (a day has 24 hours; a month has no number of days)."""
    if months and not days and not seconds:
        return f"{months}M", True
    if days and not months and not seconds:
        return f"{days}d", True
    total = months * 30 * 86400 + days * 86400 + seconds
    for unit in ("h", "m"):
        size = UNITS[unit][2]
        if total % size == 0:
            return f"{int(total // size)}{unit}", not months and not days
    return f"{max(1, int(total // 60))}m", False


def parse_shorthand(text: object) -> tuple[int, int, Decimal] | None:
    """Months, days and seconds; None: not in this form."""
    match = re.fullmatch(r"([1-9][0-9]{0,8})([mhdwMQY])", text, re.ASCII) if isinstance(text, str) else None
    if not match:
        return None
    number = int(match[1])
    months, days, seconds = UNITS[match[2]]
    return months * number, days * number, Decimal(seconds * number)


def parse_exact(text: object) -> tuple[int, int, Decimal] | None:
    """The form of Objective.window; None: not in this form."""
    pattern = r"(?:(\d{1,9}) months ?)?(?:(\d{1,9}) days ?)?(?:(\d{1,12}(?:\.\d{1,6})?) seconds)?"
    match = re.fullmatch(pattern, text, re.ASCII) if isinstance(text, str) and text else None
    if not match:
        return None
    return int(match[1] or 0), int(match[2] or 0), Decimal(match[3] or 0)
