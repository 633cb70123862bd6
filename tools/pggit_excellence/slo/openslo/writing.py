"""Documents of objectives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import yaml

from pggit_excellence.slo.openslo import (
    API_VERSION,
    LONGEST_DESCRIPTION,
    OPERATORS,
    SERVICE_NAME,
    SOURCE_NAME,
    SOURCE_TYPE,
)
from pggit_excellence.slo.openslo.objective import Objective
from pggit_excellence.slo.openslo.windows import shorthand

Document = dict[str, Any]


class Dumper(yaml.SafeDumper):
    """Numbers with all their digits; indented lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Lists inside mappings are indented."""
        super().increase_indent(flow, indentless=False)


Dumper.add_representer(
    Decimal, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", with_point(number))
)


def with_point(number: Decimal) -> str:
    """A decimal that YAML reads as a number and no reader as an octal."""
    text = f"{number:f}"
    return text if "." in text else f"{text}.0"


def documents(objectives: Sequence[Objective]) -> list[Document]:
    """A Service, a DataSource, and an SLO for each objective."""
    used: set[str] = set()
    return [
        document("Service", SERVICE_NAME, {"description": "pgGit and the database that it tracks"}),
        document("DataSource", SOURCE_NAME, {"type": SOURCE_TYPE, "connectionDetails": {}}),
        *(slo(objective, unique_name(objective.objective, used)) for objective in objectives),
    ]


def document(kind: str, name: str, spec: Document) -> Document:
    """What every document has."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def unique_name(objective: str, used: set[str]) -> str:
    """A name by the rules of RFC 1123 (63 characters of a-z, 0-9 and -) that no other objective has."""
    plain = re.sub(r"[^a-z0-9]+", "-", objective.lower()).strip("-")[:56].strip("-") or "objective"
    number, name = 1, plain
    while name in used:
        number += 1
        name = f"{plain}-{number}"
    used.add(name)
    return name


def slo(objective: Objective, name: str) -> Document:
    """The objective; what OpenSLO has no field for is in the specification of its metric source.

    A limit has no target, which OpenSLO requires: it gets 0, no share of good events is promised.
    """
    duration, exact = shorthand(objective.months, objective.days, objective.seconds)
    description = objective.description or ""
    source: Document = {"metric": objective.metric_type, "objective": objective.objective}
    if objective.kind != "events":
        source["kind"] = objective.kind
    source |= {"minimumEvents": objective.minimum_events, "enabled": objective.enabled}
    if not exact:
        source["window"] = objective.window
    if len(description) > LONGEST_DESCRIPTION:
        source["description"] = description
        description = description[: LONGEST_DESCRIPTION - 3] + "..."
    metric_source = {"metricSourceRef": SOURCE_NAME, "type": SOURCE_TYPE, "spec": source}
    spec: Document = {
        "description": description,
        "service": SERVICE_NAME,
        "indicator": {
            "metadata": {"name": unique_name(objective.metric_type, set())},
            "spec": {"thresholdMetric": {"metricSource": metric_source}},
        },
        "timeWindow": [{"duration": duration, "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [
            {
                "op": OPERATORS[objective.comparison],
                "value": objective.threshold,
                "target": Decimal(0) if objective.target is None else objective.target,
            }
        ],
    }
    return document("SLO", name, spec)


def as_yaml(made: Sequence[Document]) -> str:
    """The documents as one YAML stream, in ASCII."""
    return "".join(
        "---\n" + yaml.dump(one, Dumper=Dumper, sort_keys=False, allow_unicode=False, width=100) for one in made
    )
