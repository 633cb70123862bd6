"""Objectives of documents. What cannot be honoured is a problem, one line each; then nothing is taken at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pggit_excellence.slo.openslo import API_VERSION, OPERATORS, SOURCE_TYPE
from pggit_excellence.slo.openslo.objective import Objective
from pggit_excellence.slo.openslo.windows import parse_exact, parse_shorthand

COMPARISONS = {operator: comparison for comparison, operator in OPERATORS.items()}
# Of these nothing is stored: they say where an objective belongs and where its metric comes from.
DESCRIBING = ("Service", "DataSource")
ALERTING = ("AlertPolicy", "AlertCondition", "AlertNotificationTarget")
SLO_FIELDS = {
    "description", "service", "indicator", "indicatorRef", "timeWindow", "budgetingMethod", "objectives",
    "alertPolicies",
}  # fmt: skip
SOURCE_FIELDS = {"metric", "objective", "kind", "minimumEvents", "enabled", "window", "description"}
DEFAULT_WINDOW = (0, 30, Decimal(0))


class ProblemError(Exception):
    """Why a document cannot be honoured."""


@dataclass
class Reading:
    """What documents say, what cannot be honoured, and what is not kept (without meaning for an objective)."""

    objectives: list[Objective] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(documents: Sequence[object]) -> Reading:
    """All of them."""
    reading = Reading()
    sound = []
    for number, document in enumerate(documents, 1):
        try:
            sound.append((label(number, document), envelope(document)))
        except ProblemError as problem:
            reading.problems.append(f"{label(number, document)}: {problem}")
    indicators = {found["metadata"]["name"]: found for _, found in sound if found["kind"] == "SLI"}
    sources = {
        found["metadata"]["name"]: found["spec"].get("type") for _, found in sound if found["kind"] == "DataSource"
    }
    for name, found in sound:
        try:
            if found["kind"] in ALERTING:
                raise ProblemError("alerts are those of burn_alerts(), an AlertPolicy cannot change them")
            if found["kind"] == "SLO":
                reading.objectives.append(objective(found, indicators, sources))
                left_out = sorted({"labels", "annotations"} & found["metadata"].keys())
                reading.notes += [f"{name}: {key} are not kept" for key in left_out]
        except ProblemError as problem:
            reading.problems.append(f"{name}: {problem}")
    names = [objective.objective for objective in reading.objectives]
    reading.problems += [f"objective {name!r} comes twice" for name in sorted({n for n in names if names.count(n) > 1})]
    return reading


def label(number: int, document: object) -> str:
    """Which document a line is about."""
    known = document if isinstance(document, dict) else {}
    metadata = known.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return " ".join(
        ["document", str(number), *(brief(part) for part in (known.get("kind"), name) if isinstance(part, str))]
    )


def brief(value: object) -> str:
    """A value in a message: never long, never expanded."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def envelope(document: object) -> dict[str, Any]:
    """A document with what each must have."""
    found = mapping(document, "a document")
    if found.get("apiVersion") != API_VERSION:
        raise ProblemError(f"apiVersion is {brief(found.get('apiVersion'))}, not {API_VERSION}")
    kind = found.get("kind")
    if kind not in (*DESCRIBING, *ALERTING, "SLI", "SLO"):
        raise ProblemError(f"unknown kind {brief(kind)}")
    text_of(mapping(found.get("metadata"), "metadata").get("name"), "metadata.name")
    mapping(found.get("spec"), "spec")
    no_others(found, {"apiVersion", "kind", "metadata", "spec"}, "a document")
    return found


def mapping(value: object, where: str) -> dict[str, Any]:
    """A mapping."""
    if not isinstance(value, dict):
        raise ProblemError(f"{where} must be a mapping, not {brief(value) if value is not None else 'absent'}")
    return value


def text_of(value: object, where: str) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ProblemError(f"{where} must be text")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ProblemError(f"{where} has a character that PostgreSQL cannot store")
    return value


def no_others(found: dict[str, Any], known: Iterable[str], where: str) -> None:
    """A field that means something we do not know must not be passed over."""
    others = sorted(brief(str(name)) for name in found.keys() - set(known))
    if others:
        raise ProblemError(f"{where} has fields that are not supported: {', '.join(others)}")


def the_only(value: object, where: str) -> dict[str, Any]:
    """The one element of a list."""
    if not isinstance(value, list) or len(value) != 1:
        count = len(value) if isinstance(value, list) else brief(value)
        raise ProblemError(f"{where} must be a list of exactly one, not {count}")
    return mapping(value[0], where)


def number(value: object, where: str) -> Decimal:
    """A finite number."""
    if isinstance(value, (int, Decimal, float)) and not isinstance(value, bool):
        found = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
        if found.is_finite() and abs(found.adjusted()) <= 400:
            return found
    raise ProblemError(f"{where} must be a number, not {brief(value)}")


def objective(found: dict[str, Any], indicators: dict[str, Any], sources: dict[str, Any]) -> Objective:
    """An SLO's objective."""
    spec = found["spec"]
    no_others(spec, SLO_FIELDS, "spec")
    if spec.get("alertPolicies"):
        raise ProblemError("alertPolicies: alerts are those of burn_alerts()")
    if spec.get("budgetingMethod") != "Occurrences":
        raise ProblemError(f"budgetingMethod must be Occurrences, not {brief(spec.get('budgetingMethod'))}")
    source = metric_source(indicator_of(spec, indicators), sources)
    promised = the_only(spec.get("objectives"), "objectives")
    no_others(promised, {"displayName", "op", "value", "target", "targetPercent"}, "objectives")
    if promised.get("op") not in COMPARISONS:
        raise ProblemError(f"objectives: op must be lt, lte, gt or gte, not {brief(promised.get('op'))}")
    kind = source.get("kind", "events")
    if kind not in ("events", "limit"):
        raise ProblemError(f"kind must be events or limit, not {brief(kind)}")
    months, days, seconds = window(spec, source)
    description = source.get("description", spec.get("description"))
    return Objective(
        objective=text_of(source.get("objective", found["metadata"]["name"]), "objective"),
        description=None if description in (None, "") else text_of(description, "description"),
        metric_type=text_of(source.get("metric"), "metricSource.spec.metric"),
        kind=kind,
        comparison=COMPARISONS[promised["op"]],
        threshold=float(number(promised.get("value"), "objectives: value")),
        target=target(promised, kind),
        months=months,
        days=days,
        seconds=seconds,
        minimum_events=minimum_events(source),
        enabled=enabled(source),
    )


def target(promised: dict[str, Any], kind: str) -> Decimal | None:
    """The share that must be good; None for a limit."""
    if ("target" in promised) == ("targetPercent" in promised):
        raise ProblemError("objectives: either target or targetPercent must be there")
    share = (
        number(promised["target"], "objectives: target")
        if "target" in promised
        else number(promised["targetPercent"], "objectives: targetPercent") / 100
    )
    if kind == "limit":
        if share:
            raise ProblemError("objectives: a limit has no target but 0")
        return None
    if not 0 < share < 1:
        raise ProblemError(f"objectives: target must be between 0 and 1 (100 %), not {brief(share)}")
    return share.normalize()


def minimum_events(source: dict[str, Any]) -> int | None:
    """How many events an alert needs; None: not said."""
    found = source.get("minimumEvents")
    if found is not None and (not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 2**63):
        raise ProblemError(f"minimumEvents must be a whole number above 0, not {brief(found)}")
    return found


def enabled(source: dict[str, Any]) -> bool | None:
    """Whether it is reported; None: not said."""
    found = source.get("enabled")
    if not isinstance(found, bool | None):
        raise ProblemError(f"enabled must be true or false, not {brief(found)}")
    return found


def indicator_of(spec: dict[str, Any], indicators: dict[str, Any]) -> dict[str, Any]:
    """The specification of the SLI, given inside or by name."""
    if ("indicator" in spec) == ("indicatorRef" in spec):
        raise ProblemError("either indicator or indicatorRef must be there")
    if "indicator" in spec:
        return mapping(mapping(spec["indicator"], "indicator").get("spec"), "indicator.spec")
    name = text_of(spec["indicatorRef"], "indicatorRef")
    if name not in indicators:
        raise ProblemError(f"indicatorRef: there is no SLI {brief(name)} in this file")
    return mapping(indicators[name]["spec"], "spec of the SLI")


def metric_source(indicator: dict[str, Any], sources: dict[str, Any]) -> dict[str, Any]:
    """The specification of the metric; only samples that this extension keeps can be judged."""
    if "ratioMetric" in indicator:
        raise ProblemError(
            "ratioMetric is not supported: an objective here counts the samples of one metric (thresholdMetric)"
        )
    no_others(indicator, {"thresholdMetric", "description"}, "the indicator")
    metric = mapping(indicator.get("thresholdMetric"), "thresholdMetric")
    source = mapping(metric.get("metricSource"), "metricSource")
    no_others(metric, {"metricSource"}, "thresholdMetric")
    no_others(source, {"metricSourceRef", "type", "spec"}, "metricSource")
    reference = source.get("metricSourceRef")
    kind = source.get("type", sources.get(reference) if isinstance(reference, str) else None)
    if kind != SOURCE_TYPE:
        raise ProblemError(f"metricSource is of type {brief(kind)}: only samples of {SOURCE_TYPE} can be judged")
    found = mapping(source.get("spec"), "metricSource.spec")
    no_others(found, SOURCE_FIELDS, "metricSource.spec")
    return found


def window(spec: dict[str, Any], source: dict[str, Any]) -> tuple[int, int, Decimal]:
    """Months, days and seconds; 30 days where nothing is said."""
    if "timeWindow" not in spec:
        return DEFAULT_WINDOW
    only = the_only(spec["timeWindow"], "timeWindow")
    if "calendar" in only or only.get("isRolling") is not True:
        raise ProblemError(
            "timeWindow: calendar-aligned windows are not supported, only isRolling: true (slo_report() has months)"
        )
    no_others(only, {"duration", "isRolling"}, "timeWindow")
    found = parse_shorthand(only.get("duration"))
    if found is None:
        raise ProblemError(f"timeWindow: duration must be like 30d, not {brief(only.get('duration'))}")
    if "window" in source:
        found = parse_exact(source["window"])
        if found is None:
            raise ProblemError(f"window must be like '1 months 5 days', not {brief(source['window'])}")
    return found
