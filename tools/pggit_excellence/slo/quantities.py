"""Shares, sizes and durations for people. None is not known: a dash."""

from __future__ import annotations

from decimal import Decimal

DASH = "-"


def percent(share: float | None, digits: int | None = None) -> str:
    """0.9995 as 99.95 %, with all its digits, or rounded to so many."""
    if share is None:
        return DASH
    value = Decimal(str(share)) * 100
    text = f"{value:f}" if digits is None else f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def quantity(metric: str, value: float | None) -> str:
    """A value of a metric; the end of its name is its unit."""
    if value is None:
        return DASH
    if metric.endswith("_ms"):
        return f"{value:.3g} ms" if abs(value) < 1000 else f"{value / 1000:,.3g} s"
    if metric.endswith("_bytes"):
        return size(value)
    if metric.endswith("_percent"):
        return f"{value:.4g} %"
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def size(count: float) -> str:
    """Bytes in the unit that leaves the fewest digits, of 1024 each as PostgreSQL has them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:,.4g} TB"
