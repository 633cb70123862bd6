"""What prometheus_metrics() returned: checked line by line, given the server's label, and put together for a fleet.

Prometheus refuses a whole scrape for one line that it does not understand. So what is not exactly as the function
writes it is refused here, for its server alone. prometheus_client's parser and writer, which the tests compare with,
take four times as long: with them the exporter itself was what a large fleet waited for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

SERVER_LABEL = "server"

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
LABEL_NAME = re.compile(r'([a-zA-Z0-9_]+)="(?:[^"\\\n]|\\[\\"n])*"')
VALUE = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|Inf)|NaN"
BLOCK = re.compile(r"^(?=# HELP )", re.MULTILINE)
HEAD = re.compile(r"# HELP (?P<name>pggit_[a-z0-9_]+) .*\n# TYPE (?P=name) (?P<kind>counter|gauge|histogram)\n")
SAMPLE = re.compile(rf"(?P<name>pggit_[a-z0-9_]+)(?:{{(?P<labels>{LABEL}(?:,{LABEL})*)}})? (?P<value>{VALUE})")


@dataclass(frozen=True)
class Family:
    """A metric: its HELP and TYPE lines, and the lines of its samples, with the server's label."""

    name: str
    kind: str
    head: str
    samples: str


def families(text: str, server: str) -> Iterator[Family]:
    """The families of an exposition; ValueError with the line that is not as prometheus_metrics() writes it."""
    label = f'{SERVER_LABEL}="{escaped(server)}"'
    before, *blocks = BLOCK.split(text)
    if before or not blocks:
        raise ValueError(before)
    for block in blocks:
        head = HEAD.match(block)
        if head is None:
            raise ValueError(block)
        lines = block[head.end() :].removesuffix("\n").split("\n")
        samples = "".join(labelled(line, head["name"], label) for line in lines)
        yield Family(head["name"], head["kind"], head[0], samples)


def labelled(line: str, family: str, label: str) -> str:
    """The line of a sample with one more label."""
    sample = SAMPLE.fullmatch(line)
    if sample is None or not sample["name"].startswith(family) or overflows(sample["value"]):
        raise ValueError(line)
    name, labels, value = sample.groups()
    if labels is None:
        return f"{name}{{{label}}} {value}\n"
    names = LABEL_NAME.findall(labels)
    if SERVER_LABEL in names or len(set(names)) < len(names):
        raise ValueError(line)
    return f"{name}{{{labels},{label}}} {value}\n"


def overflows(value: str) -> bool:
    """Whether Prometheus would refuse the number, as Go does."""
    return math.isinf(float(value)) and "Inf" not in value


def escaped(text: str) -> str:
    """A label's value as it is written."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def merged(answers: Iterable[Iterable[Family]]) -> str:
    """One exposition, each family once; where the versions of two servers disagree on a type, the first counts."""
    found: dict[str, list[Family]] = {}
    for answer in answers:
        for family in answer:
            same = found.setdefault(family.name, [])
            if not same or same[0].kind == family.kind:
                same.append(family)
    pieces = ([same[0].head, *(family.samples for family in same)] for _, same in sorted(found.items()))
    return "".join(chain.from_iterable(pieces))
