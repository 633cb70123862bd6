"""`pggit-excellence slo rules`: recording and alerting rules for Prometheus, generated from the objectives."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from pggit_excellence.output import print_json
from pggit_excellence.slo.objectives import Objective, add_source, generate

Rule = dict[str, Any]

RUNBOOK = "docs/operations/SLO.md"
JOB = "pggit"
RATIO = "server_objective:pggit_slo_errors:ratio_rate"
RATIO_OF_WINDOW = "server_objective:pggit_slo_errors:ratio_slo_window"
EVENTS = "server_objective:pggit_slo_events:increase"
BY = "sum by (server, objective)"
# Long ranges cost more and change less.
OFTEN, SELDOM = ("5m", "30m", "1h", "2h", "6h"), ("1d", "3d")
SELDOM_INTERVAL = "2m"
DAY = 86400


@dataclass(frozen=True)
class BurnRate:
    """An alert when the budget is spent `times` as fast as it lasts, in both windows."""

    times: Decimal
    long: str
    short: str
    severity: str


# The Site Reliability Workbook, chapter 5: 2 % of a 30-day budget in an hour, 5 % in six, 10 % in a day, 10 % in three.
BURN_RATES = (
    BurnRate(Decimal("14.4"), "1h", "5m", "page"),
    BurnRate(Decimal(6), "6h", "30m", "page"),
    BurnRate(Decimal(3), "1d", "2h", "ticket"),
    BurnRate(Decimal(1), "3d", "6h", "ticket"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_source(parser)
    parser.add_argument(
        "--job", default=JOB, metavar="NAME", help="job_name of the exporter in prometheus.yml (default: %(default)s)"
    )
    parser.add_argument(
        "--runbook-url",
        default=RUNBOOK,
        metavar="URL",
        help="where the people who are paged read SLO.md (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Print the rules; 3 where no objective is enabled."""

    def show(objectives: list[Objective]) -> None:
        content = rule_file(objectives, options.job, options.runbook_url)
        if options.format == "json":
            print_json(content)
        else:
            print(as_yaml(content), end="")

    return generate(options, show)


def rule_file(objectives: Sequence[Objective], job: str = JOB, runbook: str = RUNBOOK) -> dict[str, Any]:
    """The content of a rule file."""
    alerts = [rule for objective in objectives for rule in alerts_of(objective)]
    groups: list[dict[str, Any]] = [
        {"name": "pggit_slo_ratios", "rules": [*ratios(OFTEN), ratio_of_window()]},
        {"name": "pggit_slo_long_ratios", "interval": SELDOM_INTERVAL, "rules": ratios(SELDOM)},
        {"name": "pggit_slo_alerts", "rules": alerts},
        {"name": "pggit_alerts", "rules": general_alerts(job)},
    ]
    groups = [group for group in groups if group["rules"]]
    for group in groups:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["annotations"]["runbook_url"] = f"{runbook}#{rule['alert'].lower()}"
    return {"groups": groups}


# Recording rules: for every objective that a server reports, today's and tomorrow's


def ratios(windows: Sequence[str]) -> list[Rule]:
    """The share of bad events in each window (none where there was no event), and the number of events."""
    rules = []
    for window in windows:
        bad, events = (f"{BY} (increase(pggit_slo_{kind}_total[{window}]))" for kind in ("bad_events", "events"))
        rules.append({"record": f"{RATIO}{window}", "expr": f"{bad}\n/\n({events} > 0)"})
        rules.append({"record": f"{EVENTS}{window}", "expr": events})
    return rules


def ratio_of_window() -> Rule:
    """The share over the objective's own window, counted by the database: Prometheus seldom remembers 30 days."""
    bad, events = (f"{BY} (pggit_slo_window_{kind})" for kind in ("bad_events", "events"))
    return {"record": RATIO_OF_WINDOW, "expr": f"{bad}\n/\n({events} > 0)"}


# Alerts


def alert(name: str, expression: str, wait: str | None, severity: str, summary: str, **labels: str) -> Rule:
    """One alerting rule. `wait`: for how long the expression must hold."""
    rule: Rule = {"alert": name, "expr": expression}
    if wait:
        rule["for"] = wait
    return rule | {"labels": {"severity": severity, **labels}, "annotations": {"summary": summary}}


def alerts_of(objective: Objective) -> list[Rule]:
    """What there is to be woken for, or to look at, about one objective."""
    rules = limit_alerts(objective) if objective.target is None else budget_alerts(objective)
    for rule in rules:
        rule["labels"]["objective"] = literal(objective.name)
        rule["annotations"]["description"] = literal(objective.description)
    return rules


def budget_alerts(objective: Objective) -> list[Rule]:
    """The budget burns, is spent, is not measured; and what these rules say is no longer so."""
    chosen = selector(objective)
    rules = [burn_alert(objective, rate) for rate in BURN_RATES if rate.times * objective.budget < 1]
    enough = f"pggit_slo_window_events{chosen} >= {objective.minimum_events}"
    rules.append(
        alert(
            "PggitErrorBudgetExhausted",
            f"pggit_slo_error_budget_remaining_ratio{chosen} <= 0\nand\n{enough}",
            "15m",
            "ticket",
            "{{ $labels.server }}: objective {{ $labels.objective }} is missed, budget left"
            " {{ $value | humanizePercentage }}",
        )
    )
    if objective.metric_type == "availability":
        rules.append(
            alert(
                "PggitAvailabilityUnknown",
                f"{BY} (increase(pggit_slo_events_total{chosen}[15m])) == 0",
                "15m",
                "ticket",
                "{{ $labels.server }}: no probe for 15 minutes, nobody knows the availability",
            )
        )
    rules.append(
        alert(
            "PggitRulesOutdated",
            f"pggit_slo_target_ratio{chosen} != {objective.target:f}\nor\nabsent(pggit_slo_target_ratio{chosen})",
            "1h",
            "ticket",
            "objective {{ $labels.objective }} is no longer what the rules say: generate them anew",
        )
    )
    return rules


def burn_alert(objective: Objective, rate: BurnRate) -> Rule:
    """Both windows: the long one says that it matters, the short one that it goes on. Its value is the burn rate."""
    chosen = selector(objective)
    long, short = (f"{RATIO}{window}{chosen} / {objective.budget:f}" for window in (rate.long, rate.short))
    enough = f"{EVENTS}{rate.long}{chosen} >= {objective.minimum_events}"
    return alert(
        "PggitErrorBudgetBurn",
        f"{long} > {rate.times}\nand\n{short} > {rate.times}\nand\n{enough}",
        None,
        rate.severity,
        "{{ $labels.server }}: {{ $labels.objective }} spends its error budget {{ $value | humanize }} times as fast"
        f" as it lasts, in the last {rate.long} and still",
        burn_rate=str(rate.times),
        long_window=rate.long,
        short_window=rate.short,
    )


def limit_alerts(objective: Objective) -> list[Rule]:
    """The ceiling is reached, or will be."""
    chosen = selector(objective)
    rules = [
        alert(
            "PggitLimitReached",
            f"pggit_slo_limit_value{chosen}\nand\npggit_slo_met{chosen} == 0",
            "15m",
            "page",
            "{{ $labels.server }}: {{ $labels.objective }} is at {{ $value | humanize }}, beyond its limit",
        )
    ]
    if objective.metric_type in ("storage_bytes", "tracked_objects"):
        family = f"pggit_{objective.metric_type.removesuffix('_bytes')}_limit_reached_timestamp_seconds"
        rules.append(
            alert(
                "PggitLimitApproaching",
                f"{family} - time() < {30 * DAY}",
                "1h",
                "ticket",
                f"{{{{ $labels.server }}}}: {literal(objective.name)} reaches its limit in"
                " {{ $value | humanizeDuration }}",
            )
        )
    return rules


def general_alerts(job: str) -> list[Rule]:
    """What makes everything else silent or untrue."""
    exporter = f"up{{job={quoted(job)}}}"
    return [
        alert(
            "PggitExporterDown",
            f"{exporter} == 0\nor\nabsent({exporter})",
            "5m",
            "page",
            "the exporter does not answer: no alert about pgGit can fire",
        ),
        alert(
            "PggitServerDown",
            'pggit_scrape_failure{reason=~"connection|timeout"} == 1',
            "5m",
            "page",
            "{{ $labels.server }} does not answer: {{ $labels.reason }}",
        ),
        alert(
            "PggitMetricsFailing",
            'pggit_scrape_failure{reason!~"connection|timeout"} == 1',
            "15m",
            "ticket",
            "{{ $labels.server }} answers, but not with metrics: {{ $labels.reason }}",
        ),
        alert(
            "PggitUnhealthy",
            'pggit_health_check_status{status="unhealthy"} == 1',
            "15m",
            "ticket",
            "{{ $labels.server }}: check {{ $labels.check_name }} of health_check() says unhealthy",
        ),
        alert(
            "PggitMaintenanceStalled",
            "time() - pggit_oldest_unrolled_sample_timestamp_seconds > 3600",
            "15m",
            "ticket",
            "{{ $labels.server }}: samples wait for maintain() since {{ $value | humanizeDuration }}",
        ),
    ]


# How things are written


def selector(objective: Objective) -> str:
    """The series of one objective."""
    return f"{{objective={quoted(objective.name)}}}"


def quoted(text: str) -> str:
    """A string of PromQL, which has Go's escapes; JSON's are among them."""
    return json.dumps(text, ensure_ascii=False)


def literal(text: str) -> str:
    """Text in a template that holds no template."""
    return text.replace("{{", '{{ "{{" }}')


class Dumper(yaml.SafeDumper):
    """YAML as people write it: expressions of several lines as a block."""


def block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A string, in lines where it has some."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, block)


def as_yaml(content: object) -> str:
    """The same text for the same content."""
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
