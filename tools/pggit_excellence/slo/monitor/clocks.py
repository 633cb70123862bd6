"""Points in time that survive a wrong clock: the wall clock beside one that only the machine's boot sets back."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# On Linux this clock also runs while the machine sleeps.
STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_id() -> str:
    """What the steady clock counts from; without the kernel's word only this process can compare."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return uuid.uuid4().hex


BOOT = boot_id()


@dataclass(frozen=True)
class Instant:
    """Seconds since 1970 by the wall clock, and since an unknown point by the steady one of boot `boot`."""

    wall: float
    steady: float
    boot: str


def now() -> Instant:
    """What time it is by both clocks."""
    return Instant(time.time(), time.clock_gettime(STEADY), BOOT)


def age(then: Instant, at: Instant) -> float:
    """Seconds from `then` to `at`, never negative; across a boot of the machine only the wall clock knows."""
    steady = at.steady - then.steady
    return steady if then.boot == at.boot and steady >= 0 else max(0.0, at.wall - then.wall)


def clock_step(then: Instant, at: Instant) -> float:
    """By how many seconds the wall clock was set between two points of one boot; 0 across boots."""
    return (at.wall - then.wall) - (at.steady - then.steady) if then.boot == at.boot else 0.0
