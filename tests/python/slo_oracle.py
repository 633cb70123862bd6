"""What the SLO functions must say, computed from the raw samples in plain Python: no roll-ups, no sketches, no SQL.

A sample is judged by the rule that its objective has when it is recorded. A minute belongs to a window when it begins
in it; where minutes (or hours) at an end of the window are deleted already, so does an hour (or a day).
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALERTS = [
    ("page", Fraction("14.4"), timedelta(hours=1), timedelta(minutes=5)),
    ("page", Fraction(6), timedelta(hours=6), timedelta(minutes=30)),
    ("ticket", Fraction(3), timedelta(days=1), timedelta(hours=2)),
    ("ticket", Fraction(1), timedelta(days=3), timedelta(hours=6)),
]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Rule:
    """An objective of kind events."""

    metric: str
    comparison: str
    threshold: float
    target: Decimal
    window: timedelta = timedelta(days=30)
    minimum_events: int = 100
    enabled: bool = True


@dataclass(frozen=True)
class Sample:
    """One recorded row."""

    metric: str
    value: float
    at: datetime
    count: int


def floor(at: datetime, unit: timedelta) -> datetime:
    return at - (at - EPOCH) % unit


def ceil(at: datetime, unit: timedelta) -> datetime:
    return at + (EPOCH - at) % unit


def ratio(value: Fraction | None, digits: int, rounding: str = ROUND_HALF_UP) -> Decimal | None:
    """The number that the server prints."""
    if value is None:
        return None
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-digits), rounding)


@dataclass
class World:
    """Samples and objectives as the server has them; `kept`: since when minutes, hours and days are kept there."""

    rules: dict[str, Rule]
    samples: list[Sample] = field(default_factory=list)
    verdicts: dict[str, list[tuple[Sample, bool]]] = field(default_factory=dict)
    kept: dict[str, datetime] = field(default_factory=dict)

    def record(self, sample: Sample) -> None:
        """Every objective judges it now."""
        self.samples.append(sample)
        for name, rule in self.rules.items():
            self.judge(name, rule, sample)

    def judge(self, name: str, rule: Rule, sample: Sample) -> None:
        """Keep the verdict of one objective on one sample."""
        if rule.metric == sample.metric:
            met = COMPARISONS[rule.comparison](sample.value, rule.threshold)
            self.verdicts.setdefault(name, []).append((sample, met))

    def make(self, name: str, rule: Rule) -> None:
        """A new objective judges what was recorded already."""
        self.rules[name] = rule
        for sample in self.samples:
            self.judge(name, rule, sample)

    def change(self, name: str, **changes: object) -> None:
        """Verdicts stay."""
        self.rules[name] = replace(self.rules[name], **changes)  # type: ignore[arg-type]

    def drop(self, name: str) -> None:
        """Verdicts go along."""
        del self.rules[name]
        self.verdicts.pop(name, None)

    def window(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """The whole minutes (hours, days) that belong to a window."""
        minutes, hours = (self.kept.get(unit, EPOCH) for unit in ("minute", "hour"))
        first = ceil(start, MINUTE if start >= minutes else HOUR if start >= hours else DAY)
        if max(start, floor(end, DAY)) < hours:
            return first, ceil(end, DAY)
        return first, ceil(end, MINUTE if max(start, floor(end, HOUR)) >= minutes else HOUR)

    def counts(self, name: str, start: datetime, end: datetime) -> tuple[int, int]:
        """Good events and all events."""
        first, last = self.window(start, end)
        inside = [(sample.count, met) for sample, met in self.verdicts.get(name, []) if first <= sample.at < last]
        return sum(count for count, met in inside if met), sum(count for count, _ in inside)

    def consumed(self, name: str, good: int, total: int) -> Fraction | None:
        """Bad events as a share of those that the target allows."""
        return Fraction(total - good) / (total * (1 - Fraction(self.rules[name].target))) if total else None

    def status(self, name: str, now: datetime) -> tuple[object, ...]:
        """good, total, attained, status, budget_remaining."""
        rule = self.rules[name]
        good, total = self.counts(name, now - rule.window, now)
        return (*self.standing(name, good, total), ratio_left(self.consumed(name, good, total)))

    def standing(self, name: str, good: int, total: int) -> tuple[object, ...]:
        """good, total, attained, status."""
        rule = self.rules[name]
        attained = ratio(Fraction(good, total) if total else None, 6, ROUND_DOWN)
        met = total and Fraction(good, total) >= Fraction(rule.target)
        return (
            good,
            total,
            attained,
            "disabled" if not rule.enabled else "met" if met else "missed" if total else "no_data",
        )

    def budget(self, name: str, now: datetime, window: timedelta) -> tuple[object, ...]:
        """good, total, bad, allowed_bad, consumed, remaining."""
        good, total = self.counts(name, now - window, now)
        allowed = total * (1 - self.rules[name].target) if total else None
        consumed = self.consumed(name, good, total)
        return good, total, total - good, allowed, ratio(consumed, 6), ratio_left(consumed)

    def alerts(self, name: str, now: datetime) -> set[tuple[object, ...]]:
        """severity, threshold, long and short rate, long and short events, firing."""
        rule = self.rules[name]
        rows = set()
        for severity, threshold, long, short in ALERTS if rule.enabled else []:
            good, events = self.counts(name, now - long, now)
            short_good, short_events = self.counts(name, now - short, now)
            rate, short_rate = self.consumed(name, good, events), self.consumed(name, short_good, short_events)
            firing = (
                rate is not None and short_rate is not None and min(rate, short_rate) > threshold
                and events >= rule.minimum_events
            )  # fmt: skip
            rows.add((severity, float(threshold), ratio(rate, 4), ratio(short_rate, 4), events, short_events, firing))
        return rows

    def order_statistics(self, metric: str, start: datetime, end: datetime, share: float) -> tuple[float, float] | None:
        """The two values between which percentile_cont() interpolates."""
        first, last = self.window(start, end)
        values = sorted(
            s.value for s in self.samples if s.metric == metric and first <= s.at < last for _ in range(s.count)
        )
        if not values:
            return None
        rank = share * (len(values) - 1)
        return values[int(rank)], values[min(int(rank) + 1, len(values) - 1)]


def ratio_left(consumed: Fraction | None) -> Decimal | None:
    return None if consumed is None else ratio(1 - consumed, 6)
