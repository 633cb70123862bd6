"""What a monitor prints: one line per event, for people or as JSON, at once."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime

from pggit_excellence.printable import printable


class Events:
    """Lines on standard output, from several threads. What cannot be printed does not end a monitor."""

    def __init__(self, how: str) -> None:
        """`how`: text or json."""
        self.how = how
        self.lock = threading.Lock()
        self.failed = False

    def say(self, server: str, event: str, text: str = "", **numbers: object) -> None:
        """An event of a server: up, down, unknown, written, not_written, clock, state."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self.how == "json":
            line = json.dumps({"at": at, "server": server, "event": event, "text": text or None, **numbers})
        else:
            line = printable(f"{at} {server}: {event.replace('_', ' ')}{': ' if text else ''}{text}", keep="")
        encoding = sys.stdout.encoding or "ascii"
        with self.lock:
            try:
                print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)
            except OSError:
                self.failed = True
