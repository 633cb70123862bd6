"""How a command that runs for months is told to end."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def stop_event() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, as long as the block lasts, which may be months."""
    gc.enable()  # the command line turns it off
    event = threading.Event()
    before = {order: signal.signal(order, lambda *_: event.set()) for order in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for order, handler in before.items():
            signal.signal(order, handler)
