"""The loop that watches one server: probe, keep, and write back what the server does not have yet.

Only what was probed counts. A time without probes, because the monitor was stopped, its machine slept or its disk was
full, leaves no outcome: it is unknown, and said to be.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from pggit_excellence.errors import CommandError
from pggit_excellence.slo.durations import spoken
from pggit_excellence.slo.monitor.clocks import Instant, age, clock_step, now
from pggit_excellence.slo.monitor.events import Events
from pggit_excellence.slo.monitor.probing import Outcome, Server, UnansweredError, probe, send
from pggit_excellence.slo.monitor.state import State

# What is sent each minute while the server is up; after an outage everything at once.
SECONDS_BETWEEN_WRITES = 60
# Smaller steps of the wall clock are time keeping.
STEP_WORTH_A_LINE = 5.0


@dataclass(frozen=True)
class Plan:
    """How to watch: seconds between probes and for one, the monitor's name, and whether to write in a probe."""

    interval: float
    timeout: float
    monitor: str
    write: bool
    once: bool


class Watch:
    """One server, watched until `stop` is set."""

    def __init__(self, server: Server, state: State, plan: Plan, events: Events, stop: threading.Event) -> None:
        """Nothing is probed yet; what an earlier process kept is there."""
        self.server, self.state, self.plan, self.events, self.stop = server, state, plan, events, stop
        self.before = state.last_probe(server.name)
        self.up: bool | None = None
        self.since = now()
        self.failed_probes = 0
        self.complaints: dict[str, str] = {}
        self.write_at = 0.0
        self.behind = state.oldest(server.name) is not None

    def run(self) -> None:
        """Probe at the interval; at the end write what is left."""
        while True:
            at = now()
            if not self.plan.once:
                self.say_gap(at)
            self.turn(at)
            self.before = at
            if self.plan.once or self.stop.wait(max(0.0, self.plan.interval - age(at, now()))):
                break
        self.behind |= self.plan.once
        self.write_back()

    def say_gap(self, at: Instant) -> None:
        """Say for how long nobody probed, and that somebody set the clock."""
        if self.before is None:
            return
        gap = age(self.before, at)
        if gap > self.plan.interval * 2 + self.plan.timeout:
            self.events.say(self.server.name, "unknown", f"not probed for {spoken(gap)}", seconds=round(gap, 3))
        step = clock_step(self.before, at)
        if abs(step) > STEP_WORTH_A_LINE:
            direction = "forward" if step > 0 else "back"
            text = f"this machine's clock was set {direction} by {spoken(abs(step))}"
            self.events.say(self.server.name, "clock", text, seconds=round(step, 3))

    def turn(self, at: Instant) -> None:
        """One probe: its outcome is on disk before anything is sent."""
        try:
            outcome = probe(self.server, self.plan.timeout, self.plan.monitor if self.plan.write else None)
            self.complain("unknown", outcome.reason if outcome.up is None else "")
            if outcome.up is not None:
                self.state.add(self.server.name, outcome.up, at)
        except CommandError as error:
            self.complain("state", f"{error}; the outcome of this probe is lost: unknown")
            return
        self.complain("state", "")
        self.say_change(outcome, at)
        if outcome.up and not self.plan.once and at.steady >= self.write_at:
            self.write_back()

    def say_change(self, outcome: Outcome, at: Instant) -> None:
        """Say that the server went down or came back; then everything is written at once."""
        self.failed_probes += outcome.up is False
        if outcome.up == self.up:
            return
        if outcome.up is False:
            self.events.say(self.server.name, "down", outcome.reason)
            self.behind = True
        elif outcome.up and self.failed_probes:
            down = age(self.since, at)
            text = f"after {spoken(down)}, {counted(self.failed_probes)} failed"
            self.events.say(self.server.name, "up", text, seconds=round(down, 3), failed_probes=self.failed_probes)
            self.failed_probes = 0
            self.write_at = 0.0
        elif outcome.up:
            self.events.say(self.server.name, "up")
        self.up, self.since = outcome.up, at

    def write_back(self) -> None:
        """Send everything that the server does not have; what fails is kept and tried again in a minute."""
        self.write_at = now().steady + SECONDS_BETWEEN_WRITES
        try:
            probes = self.send_all()
        except CommandError as error:
            self.complain("state", str(error))
        except UnansweredError as error:
            self.complain("not_written", f"{error}; kept in {self.state.path}")
            self.behind = True
        else:
            self.complain("not_written", "")
            if self.behind and probes:
                self.events.say(self.server.name, "written", f"outcomes of {counted(probes)}", probes=probes)
            self.behind = False

    def send_all(self) -> int:
        """Send batch after batch; how many probes they stand for."""
        probes = 0
        while batch := self.state.next_batch(self.server.name):
            send(self.server, self.plan.timeout, self.plan.monitor, batch)
            self.state.sent(self.server.name, batch)
            probes += sum(outcomes.probes for outcomes in batch.outcomes)
        return probes

    def complain(self, event: str, text: str) -> None:
        """Say what is wrong when it begins or changes; an empty text: it is not wrong any more."""
        if text and self.complaints.get(event) != text:
            self.events.say(self.server.name, event, text)
        self.complaints[event] = text


def counted(probes: int) -> str:
    """How many probes, in words."""
    return f"{probes} probe{'s' if probes != 1 else ''}"
