"""Times on the command line: 10s, 5m, 2h, 30d, or seconds."""

from __future__ import annotations

import argparse
import re

UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def duration(text: str) -> float:
    """Seconds, more than 0 (for argparse)."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|[smhdw]?)", text.strip(), re.ASCII)
    seconds = float(match[1]) * UNITS[match[2]] if match else 0
    if not seconds:
        raise argparse.ArgumentTypeError(f"not a time: {text!r} (for example 10s, 5m, 2h, 30d)")
    return seconds


def spoken(seconds: float) -> str:
    """A time for people, in its two largest units: 1 h 12 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.0f} s" if seconds >= 10 or seconds == whole else f"{seconds:.1f} s"
    for name, size, below, smaller in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {name}" + (f" {rest} {below}" if rest else "")
    raise AssertionError(whole)
