"""`pggit-excellence slo rules`: what the real promtool says of the rules, and of what they do on made-up series."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from pggit_excellence.cli import main
from pggit_excellence.slo.objectives import Objective, enabled_objectives
from pggit_excellence.slo.rules import as_yaml, rule_file
from prometheus_programs import promtool

pytestmark = pytest.mark.once
Capture = pytest.CaptureFixture[str]
WEIRD = 'quote " backslash \\ {{ $labels.server }} newline \n \u00fc'


def events(name: str, target: str, metric_type: str = "some_ms", minimum: int = 100) -> Objective:
    """An objective with a budget."""
    return Objective(name, f"promise of {name}", metric_type, "events", 1, Decimal(target), minimum)


OBJECTIVES = [
    events("availability", "0.999", "availability", 30),
    events("p50", "0.5"),
    events("p99", "0.99"),
    events(WEIRD, "0.95"),
    Objective("objects", "at most", "tracked_objects", "limit", 1e11, None, 1),
    Objective("storage", "less than", "storage_bytes", "limit", 1e11, None, 1),
]


def write(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "rules.yml"
    path.write_text(as_yaml(content), encoding="utf-8")
    return path


def test_rules_are_valid(tmp_path: Path) -> None:
    done = promtool("check", "rules", "--lint-fatal", write(tmp_path, rule_file(OBJECTIVES)))
    assert (done.returncode, done.stderr) == (0, "")
    twice = rule_file(OBJECTIVES)
    twice["groups"].append({**twice["groups"][-1], "name": "again"})
    assert promtool("check", "rules", "--lint-fatal", write(tmp_path, twice)).returncode != 0


def test_command(capsys: Capture, tmp_path: Path, plain: psycopg.Connection) -> None:
    """Of a real database: the same text each time, every enabled objective in it, JSON with the same content."""
    objectives = enabled_objectives(plain)
    options = ["--dsn", plain.info.dsn, "--job", "fleet", "--runbook-url", "https://wiki.example/SLO"]
    assert main(["slo", "rules", *options]) == 0
    first = capsys.readouterr().out
    assert main(["slo", "rules", *options]) == 0
    assert capsys.readouterr().out == first
    content = yaml.safe_load(first)
    assert promtool("check", "rules", "--lint-fatal", write(tmp_path, content)).returncode == 0
    alerts = [rule for group in content["groups"] for rule in group["rules"] if "alert" in rule]
    named = {rule["labels"]["objective"] for rule in alerts if "objective" in rule["labels"]}
    assert named == {objective.name for objective in objectives}
    assert 'absent(up{job="fleet"})' in first
    assert all(
        rule["annotations"]["runbook_url"] == f"https://wiki.example/SLO#{rule['alert'].lower()}" for rule in alerts
    )
    assert main(["slo", "rules", *options, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == content

    # What `slo export` wrote says the same, without a database.
    assert main(["slo", "export", "--dsn", plain.info.dsn]) == 0
    (tmp_path / "openslo.yml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["slo", "rules", *options[2:], "--openslo", str(tmp_path / "openslo.yml")]) == 0
    assert capsys.readouterr().out == first
    assert main(["slo", "rules", "--openslo", str(tmp_path / "no such file")]) == 2
    assert "no such file: No such file" in capsys.readouterr().err
    plain.execute("UPDATE pggit_excellence.slo_objectives SET enabled = false")
    assert main(["slo", "rules", *options]) == 3


def test_thresholds_that_no_ratio_reaches_are_left_out() -> None:
    """A burn rate of 14.4 would need 720 % bad events where half of them may be bad."""
    by_name: dict[str, set[str]] = {}
    for group in rule_file(OBJECTIVES)["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") == "PggitErrorBudgetBurn":
                by_name.setdefault(rule["labels"]["objective"], set()).add(rule["labels"]["burn_rate"])
    assert by_name["availability"] == by_name["p99"] == {"14.4", "6", "3", "1"}
    assert by_name["p50"] == {"1"}


# What the rules do. Times are in minutes, series are scraped once a minute.

FIRING = 'count by (alertname, severity, burn_rate) (ALERTS{alertstate="firing"})'
HOUR = 60


def counters(objective: str, *parts: tuple[int, int, int]) -> list[dict[str, str]]:
    """The two counters of an objective: for each part (minutes, events a minute, bad ones a minute)."""
    series = []
    for kind, place in (("events", 1), ("bad_events", 2)):
        values, total = ["0x0"], 0
        for part in parts:
            values.append(f"{total + part[place]}+{part[place]}x{part[0] - 1}")
            total += part[0] * part[place]
        labels = f'server="s",objective={json.dumps(objective)},job="pggit"'
        series.append({"series": f"pggit_slo_{kind}_total{{{labels}}}", "values": " ".join(values)})
    return series


def gauge(text: str, values: str) -> dict[str, str]:
    return {"series": text, "values": values}


def expected(at: int, *alerts: tuple[str, str, str | None], expression: str = FIRING) -> dict[str, Any]:
    """These alerts and no others are firing: (name, severity, burn rate)."""
    samples = []
    for name, severity, rate in alerts:
        labels = f'alertname="{name}", severity="{severity}"' + (f', burn_rate="{rate}"' if rate else "")
        samples.append({"labels": f"{{{labels}}}", "value": 1})
    return {"expr": expression, "eval_time": f"{at}m", "exp_samples": samples}


UP = gauge('up{job="pggit"}', "1x6000")


def targets(*objectives: Objective) -> list[dict[str, str]]:
    """What the server says of its objectives: as the rules do."""
    return [
        gauge(f'pggit_slo_target_ratio{{server="s",objective={json.dumps(o.name)}}}', f"{o.target}x6000")
        for o in objectives
        if o.target is not None
    ]


def scenario(*series: dict[str, str], tests: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"interval": "1m", "input_series": [UP, *series], "promql_expr_test": list(tests)}


def burn(rate: str) -> tuple[str, str, str]:
    return ("PggitErrorBudgetBurn", "page" if rate in ("14.4", "6") else "ticket", rate)


P99 = events("p99", "0.99")
AVAILABILITY = events("availability", "0.999", "availability", 30)
LABELS = '{server="s", objective="p99"}'
NEAR = f"server_objective:pggit_slo_errors:ratio_rate5m{LABELS} > bool 0.5"


def burning(objective: Objective, *parts: tuple[int, int, int], tests: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return scenario(*counters(objective.name, *parts), *targets(objective), tests=tests)


# Of 99 %: a budget of 1 %, so the burn rate is the percentage of bad events.
BURNING = {
    "well": burning(P99, (HOUR, 100, 0), tests=[expected(HOUR)]),
    "within the budget": burning(P99, (HOUR, 1000, 9), tests=[expected(HOUR)]),
    "no traffic": burning(P99, (HOUR, 0, 0), tests=[expected(HOUR)]),
    "too few events": burning(P99, (HOUR, 1, 1), tests=[expected(HOUR)]),
    "enough events": burning(P99, (HOUR, 4, 4), tests=[expected(HOUR, *map(burn, ("14.4", "6", "3", "1")))]),
    "fast burn and recovery": burning(
        P99,
        (6 * HOUR, 100, 0),
        (30, 100, 100),
        (2 * HOUR, 100, 0),
        tests=[
            expected(6 * HOUR),
            expected(6 * HOUR + 20, burn("14.4"), burn("3"), burn("1")),
            # Of 6 hours 30 minutes: 8.3 %.
            expected(6 * HOUR + 30, burn("14.4"), burn("6"), burn("3"), burn("1")),
            # One short window after the other is clean again, the long ones are not.
            expected(6 * HOUR + 40, burn("6"), burn("3"), burn("1")),
            expected(6 * HOUR + 65, burn("3"), burn("1")),
        ],
    ),
    "short window only": burning(
        P99,
        (6 * HOUR, 100, 0),
        (5, 30, 30),
        tests=[
            {"expr": NEAR, "eval_time": f"{6 * HOUR + 5}m", "exp_samples": [{"labels": LABELS, "value": 1}]},
            expected(6 * HOUR + 5),
        ],
    ),
    "slow burn": burning(P99, (HOUR, 100, 4), tests=[expected(HOUR, burn("3"), burn("1"))]),
    "creeping burn": burning(P99, (HOUR, 1000, 15), tests=[expected(HOUR, burn("1"))]),
}


def parts(*kept: int) -> Callable[[str], str]:
    """A fault: of the three conditions of a burn alert only these are left."""
    return lambda expression: "\nand\n".join(expression.split("\nand\n")[number] for number in kept)


# What must not be missing from a rule, and a scenario that notices.
FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "short window": (parts(0, 2), "fast burn and recovery"),
    "long window": (parts(1, 2), "short window only"),
    "minimum": (parts(0, 1), "too few events"),
    "threshold": (lambda expression: expression.replace("> 14.4", "> 2"), "slow burn"),
}


def outcome(folder: Path, content: dict[str, Any], tests: Iterable[dict[str, Any]], interval: str = "1m") -> str:
    """What `promtool test rules` says; nothing where all is as expected."""
    write(folder, content)
    path = folder / "tests.yml"
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": interval,
        # Else promtool takes the groups in any order, and an alert sees ratios of now or of an interval ago.
        "group_eval_order": [group["name"] for group in content["groups"]],
        "tests": list(tests),
    }
    path.write_text(yaml.safe_dump(document))
    done = promtool("test", "rules", path)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_burn_rates(tmp_path: Path) -> None:
    assert outcome(tmp_path, rule_file([P99]), BURNING.values(), "5m") == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_missing_part_of_a_burn_rule_is_noticed(tmp_path: Path, fault: str) -> None:
    damage, name = FAULTS[fault]
    content = rule_file([P99])
    for group in content["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") == "PggitErrorBudgetBurn":
                rule["expr"] = damage(rule["expr"])
    assert "FAILED" in outcome(tmp_path, content, [BURNING[name]], "5m")


def one(name: str, severity: str) -> tuple[str, str, None]:
    return (name, severity, None)


def state(name: str, severity: str, *series: tuple[str, str, str], wait: int) -> list[dict[str, Any]]:
    """Two scenarios: with the bad values of the series the alert fires after `wait` minutes, with the good ones not.

    A series is (name and labels, bad values, good values).
    """
    bad = scenario(
        *(gauge(series_name, value) for series_name, value, _ in series),
        *targets(P99),
        tests=[expected(wait - 1), expected(wait + 1, one(name, severity))],
    )
    good = scenario(
        *(gauge(series_name, value) for series_name, _, value in series), *targets(P99), tests=[expected(wait + 1)]
    )
    return [bad, good]


def always(value: float) -> str:
    return f"{value}x200"


STATES = {
    "exhausted": state(
        "PggitErrorBudgetExhausted",
        "ticket",
        ('pggit_slo_error_budget_remaining_ratio{server="s",objective="p99"}', always(-0.1), always(0.1)),
        ('pggit_slo_window_events{server="s",objective="p99"}', always(100), always(100)),
        wait=15,
    ),
    "exhausted by too few events": state(
        "PggitErrorBudgetExhausted",
        "ticket",
        ('pggit_slo_error_budget_remaining_ratio{server="s",objective="p99"}', always(-0.1), always(-0.1)),
        ('pggit_slo_window_events{server="s",objective="p99"}', always(100), always(99)),
        wait=15,
    ),
    "limit": state(
        "PggitLimitReached",
        "page",
        ('pggit_slo_limit_value{server="s",objective="storage"}', always(2e11), always(2)),
        ('pggit_slo_met{server="s",objective="storage"}', always(0), always(1)),
        wait=15,
    ),
    "forecast": state(
        "PggitLimitApproaching",
        "ticket",
        ('pggit_storage_limit_reached_timestamp_seconds{server="s"}', always(29 * 86400), always(31 * 86400)),
        wait=60,
    ),
    "server": state(
        "PggitServerDown",
        "page",
        ('pggit_scrape_failure{server="s",reason="timeout"}', always(1), "_x10"),
        wait=5,
    ),
    "metrics": state(
        "PggitMetricsFailing",
        "ticket",
        ('pggit_scrape_failure{server="s",reason="privilege"}', always(1), "_x10"),
        wait=15,
    ),
    "health": state(
        "PggitUnhealthy",
        "ticket",
        ('pggit_health_check_status{server="s",check_name="indexes",status="unhealthy"}', always(1), always(0)),
        wait=15,
    ),
    "maintenance": state(
        "PggitMaintenanceStalled",
        "ticket",
        ('pggit_oldest_unrolled_sample_timestamp_seconds{server="s"}', "0x200", "0+60x200"),
        wait=76,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_alert_on_a_state(tmp_path: Path, name: str) -> None:
    limits = [objective for objective in OBJECTIVES if objective.target is None]
    assert outcome(tmp_path, rule_file([P99, *limits]), STATES[name]) == ""


def test_exporter_down(tmp_path: Path) -> None:
    tests = [expected(4), expected(6, one("PggitExporterDown", "page"))]
    down = {
        "interval": "1m",
        "input_series": [gauge('up{job="pggit"}', "0x10"), *targets(P99)],
        "promql_expr_test": tests,
    }
    gone = {
        "interval": "1m",
        "input_series": [gauge('up{job="other"}', "1x10"), *targets(P99)],
        "promql_expr_test": tests,
    }
    assert outcome(tmp_path, rule_file([P99]), [down, gone]) == ""


def test_rules_that_are_no_longer_the_servers(tmp_path: Path) -> None:
    outdated = one("PggitRulesOutdated", "ticket")
    other = gauge('pggit_slo_target_ratio{server="s",objective="p99"}', "0.95x200")
    tests = [expected(59), expected(61, outdated)]
    assert outcome(tmp_path, rule_file([P99]), [scenario(other, tests=tests), scenario(tests=tests)]) == ""


def test_availability_that_nobody_probes(tmp_path: Path) -> None:
    """Unknown is not up; and a server that says nothing at all is another alert."""
    silent = burning(AVAILABILITY, (30, 6, 0), (60, 0, 0), tests=[
        expected(59), expected(62, one("PggitAvailabilityUnknown", "ticket")),
    ])  # fmt: skip
    probed = burning(AVAILABILITY, (90, 6, 0), tests=[expected(62)])
    assert outcome(tmp_path, rule_file([AVAILABILITY]), [silent, probed]) == ""


def test_what_people_read(tmp_path: Path) -> None:
    """Names and descriptions are text, whatever they hold."""
    weird = Objective(WEIRD, 'half {{ .Foo }} of "all"', "some_ms", "events", 1, Decimal("0.95"), 1)
    content = rule_file([weird])
    test = burning(weird, (HOUR, 100, 100), tests=[])
    labels = {"server": "s", "objective": WEIRD, "severity": "page"}
    annotations = {
        "summary": f"s: {WEIRD} spends its error budget 20 times as fast as it lasts, in the last 1h and still",
        "description": 'half {{ .Foo }} of "all"',
        "runbook_url": "docs/operations/SLO.md#pggiterrorbudgetburn",
    }
    windows = {"burn_rate": "14.4", "long_window": "1h", "short_window": "5m"}
    test["alert_rule_test"] = [
        {
            "eval_time": "20m",
            "alertname": "PggitErrorBudgetBurn",
            "exp_alerts": [
                {"exp_labels": labels | windows, "exp_annotations": annotations},
                *(
                    {
                        "exp_labels": labels
                        | {"severity": severity, "burn_rate": rate, "long_window": long, "short_window": short},
                        "exp_annotations": annotations
                        | {"summary": annotations["summary"].replace("last 1h", f"last {long}")},
                    }
                    for rate, long, short, severity in (
                        ("6", "6h", "30m", "page"),
                        ("3", "1d", "2h", "ticket"),
                        ("1", "3d", "6h", "ticket"),
                    )
                ),
            ],
        }
    ]
    assert outcome(tmp_path, content, [test]) == ""
