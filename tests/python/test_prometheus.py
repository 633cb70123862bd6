"""A real Prometheus scrapes the exporter of a real database, evaluates our rules and says what the database says.

What fires goes through a real Alertmanager with our example of a configuration to whoever is paged.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import ROOT
from pggit_excellence.exporter.scrape import Target
from pggit_excellence.exporter.web import MetricsServer
from pggit_excellence.server import Server
from pggit_excellence.slo.dashboard import dashboard
from pggit_excellence.slo.objectives import enabled_objectives
from pggit_excellence.slo.rules import as_yaml, rule_file
from prometheus_programs import alertmanager, alertmanager_runs, eventually, program, prometheus, promtool, query
from test_slo_dashboard import panels

pytestmark = pytest.mark.once

EXAMPLES = ROOT / "docs" / "operations" / "prometheus"


@dataclass
class Inbox:
    """Who is paged, and who reads tickets: what Alertmanager sent to each path, in order."""

    url: str
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"/page": [], "/ticket": []})

    def about(self, path: str, objective: str) -> list[dict[str, Any]]:
        """The messages about one objective; not those that only say which of its alerts are over already."""
        chosen = [message for message in self.messages[path] if message["groupLabels"].get("objective") == objective]
        return [
            message for message in chosen if {message["status"]} == {alert["status"] for alert in message["alerts"]}
        ]


@dataclass
class Scraped:
    """A database that is scraped, the Prometheus that does it, and who gets its alerts."""

    database: psycopg.Connection
    url: str
    inbox: Inbox

    def vector(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """What Prometheus answers: labels without job and instance, and the value."""
        answer = query(self.url, "query", query=expression)
        return {
            tuple(sorted((k, v) for k, v in item["metric"].items() if k not in ("job", "instance", "__name__"))): float(
                item["value"][1]
            )
            for item in answer["result"]
        }

    def scalar(self, expression: str) -> float | None:
        """The value of an answer that is one series; None without one."""
        return next(iter(self.vector(expression).values()), None)


@contextmanager
def exporting(dsn: str) -> Iterator[str]:
    """The exporter, of the database and of one that is down; HOST:PORT."""
    options = argparse.Namespace(listen="", timeout=5.0, tls_cert=None, tls_key=None, tls_client_ca=None)
    targets = [Target("here", dsn, 5, str), Target("away", "host=/nonexistent", 5, str)]
    with MetricsServer(("127.0.0.1", 0), targets, options) as server:
        yield server.url.split("/")[2]
    for target in targets:
        target.close()


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    """A web server that keeps what it is sent."""

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.messages[self.path].append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that it has there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receive) as receiver:
        received = Inbox(f"http://127.0.0.1:{receiver.server_port}")
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        yield received
        receiver.shutdown()


def quick(config: str, inbox: Inbox) -> str:
    """Our example for Alertmanager, to this inbox, with seconds for its half minutes and minutes."""
    config = config.replace("http://127.0.0.1:8080", inbox.url)
    return config.replace("group_wait: 30s", "group_wait: 2s").replace("group_interval: 5m", "group_interval: 1s")


@pytest.fixture(scope="module")
def scraped(
    server: Server, template_databases: dict[str, str], inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scraped]:
    """A quiet database with the seeded objectives, scraped since before its first event."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE scraped TEMPLATE {template_databases['pggit']}")
        with server.connect("scraped") as database:
            # Long ranges are evaluated twice a second too.
            rules = as_yaml(rule_file(enabled_objectives(database))).replace("interval: 2m", "interval: 500ms")
            folder = tmp_path_factory.mktemp("prometheus")
            config = quick((EXAMPLES / "alertmanager.yml").read_text(encoding="utf-8"), inbox)
            with (
                exporting(server.dsn("scraped")) as exporter,
                alertmanager(folder, config) if alertmanager_runs() else nullcontext() as pager,
                prometheus(folder, {"static_configs": [{"targets": [exporter]}]}, rules, alertmanager=pager) as url,
            ):
                found = Scraped(database, url, inbox)
                eventually(lambda: found.scalar('sum_over_time(pggit_up{server="here"}[1m]) > 3'))
                yield found
        admin.execute("DROP DATABASE scraped WITH (FORCE)")


def burning(scraped: Scraped) -> set[tuple[str, str, float]]:
    """(objective, severity, burn rate) of the alerts that fire in Prometheus."""
    found = map(dict, scraped.vector('ALERTS{alertname="PggitErrorBudgetBurn", alertstate="firing"}'))
    return {(labels["objective"], labels["severity"], float(labels["burn_rate"])) for labels in found}


def record(scraped: Scraped, metric: str, value: float, count: int) -> None:
    scraped.database.execute(
        "SELECT pggit_excellence.record_metric(%s, %s, sample_count => %s)", [metric, value, count]
    )


def test_burn_rates_are_those_of_the_database(scraped: Scraped) -> None:
    """A quiet system does not burn; then 10 % of the probes fail, and both say how fast the budget goes."""
    assert scraped.scalar('pggit_up{server="here"}') == 1
    assert scraped.scalar('pggit_up{server="away"}') == 0
    assert burning(scraped) == set()

    record(scraped, "ddl_tracking_ms", 3, 900)
    record(scraped, "ddl_tracking_ms", 70, 100)
    record(scraped, "availability", 1, 900)
    scraped.database.execute("SELECT pggit_excellence.maintain()")
    record(scraped, "availability", 0, 100)
    record(scraped, "ddl_tracking_ok", 1, 1000)
    eventually(lambda: scraped.scalar('pggit_slo_bad_events_total{server="here", objective="availability"}') == 100)

    own = scraped.database.execute(
        "SELECT objective, severity, burn_rate_threshold::float8, long_window::text, long_burn_rate::float8, firing"
        " FROM pggit_excellence.burn_alerts() WHERE long_burn_rate IS NOT NULL"
    ).fetchall()
    windows = {"01:00:00": "1h", "06:00:00": "6h", "1 day": "1d", "3 days": "3d"}
    compared = 0
    for objective, _, _, window, burn_rate, _ in own:
        series = (
            f'server_objective:pggit_slo_errors:ratio_rate{windows[window]}{{server="here", objective="{objective}"}}'
        )
        budget = f'(1 - pggit_slo_target_ratio{{server="here", objective="{objective}"}})'
        ratio = eventually(lambda text=f"{series} / on (server, objective) {budget}": scraped.vector(text))
        assert list(ratio.values()) == [pytest.approx(burn_rate, rel=1e-3, abs=1e-9)]
        compared += 1
    assert compared == 20  # five objectives have events
    firing = {(objective, severity, threshold) for objective, severity, threshold, *_, fires in own if fires}
    assert {severity for _, severity, _ in firing} == {"page", "ticket"}
    assert len(firing) >= 5
    eventually(lambda: burning(scraped) == firing)


def test_window_and_budget_are_those_of_the_database(scraped: Scraped) -> None:
    row = scraped.database.execute(
        "SELECT total, bad, remaining::float8 FROM pggit_excellence.error_budget() WHERE objective = 'availability'"
    ).fetchone()
    assert row is not None
    chosen = '{server="here", objective="availability"}'
    families = ("pggit_slo_window_events", "pggit_slo_window_bad_events", "pggit_slo_error_budget_remaining_ratio")
    assert [scraped.scalar(family + chosen) for family in families] == [pytest.approx(value) for value in row]
    share = scraped.scalar("server_objective:pggit_slo_errors:ratio_slo_window" + chosen)
    assert share == pytest.approx(row[1] / row[0])


def know_everything(scraped: Scraped) -> None:
    """Samples of whatever the dashboard shows; growth over ten days, too."""
    for metric, value in (("ddl_tracking_ms", 3), ("version_query_ms", 2), ("ddl_tracking_ok", 1), ("availability", 1)):
        record(scraped, metric, value, 100)
    record(scraped, "availability", 0, 100)
    for metric, most in (("tracking_coverage_percent", 48.5), ("storage_bytes", 5e9), ("tracked_objects", 5000)):
        scraped.database.execute(
            "SELECT pggit_excellence.record_metric(%s, %s / (1 + n), '{}', now() - n * interval '1 day')"
            " FROM generate_series(10, 0, -1) AS n",
            [metric, most],
        )


def of_server(text: str) -> str:
    """An expression of the dashboard as Grafana asks it."""
    return text.replace("$__rate_interval", "5m").replace("$server", ".*")


# By the name of what is asked; the first that matches counts. None: a number, or words.
UNITS = {
    r"timestamp_seconds\{.*\* 1000": "dateTimeFromNow",
    r"^time\(\) - ": "s",
    r"^rate\(\w+_events_total": "eps",
    r"^rate\(\w+_count": "ops",
    r"^histogram_quantile|^rate\(\w+_sum|_duration_seconds\{": "s",
    r"^pggit_\w+_bytes(_per_day)?\{": "bytes",
    r"^server_objective:\S+ / ": "short",
    r"^1 - \S+ratio|^(sort\(bottomk\(10, )?pggit_\w+_ratio\{": "percentunit",
    "": None,
}


def test_every_panel_shows_something(scraped: Scraped) -> None:
    """Each expression has an answer, in the unit of the panel, and each series a name of its own."""
    know_everything(scraped)
    content = dashboard(enabled_objectives(scraped.database))
    shown = [panel for panel in panels(content) if "targets" in panel]
    asked = [of_server(target["expr"]) for panel in shown for target in panel["targets"]]
    asked += [of_server(annotation["expr"]) for annotation in content["annotations"]["list"]]
    assert len(asked) > 70

    def unanswered() -> list[str]:
        return [text for text in asked if not query(scraped.url, "query", query=text)["result"]]

    with suppress(AssertionError):
        eventually(lambda: not unanswered())
    assert unanswered() == []
    for panel in shown:
        legends = []
        for target in panel["targets"]:
            series = [item["metric"] for item in query(scraped.url, "query", query=of_server(target["expr"]))["result"]]
            legends += [
                re.sub(r"\{\{(\w+)\}\}", lambda name, s=labels: s[name[1]], target["legendFormat"]) for labels in series
            ]
            unit = next(unit for pattern, unit in UNITS.items() if re.search(pattern, target["expr"]))
            if panel["type"] != "heatmap":
                assert panel["fieldConfig"]["defaults"].get("unit", "short") == (unit or "short"), panel["title"]
        assert len(set(legends)) == len(legends), (panel["title"], legends)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        query(scraped.url, "query", query="sum(")


def test_percentiles_by_histogram(scraped: Scraped) -> None:
    """900 of 1,000 took 3 ms, the others 70 ms: the bounds around them are what histogram_quantile() returns."""
    text = 'histogram_quantile({}, sum by (le) (pggit_metric_seconds_bucket{{metric_type="ddl_tracking_ms"}}))'
    half, most = (scraped.scalar(text.format(share)) for share in (0.5, 0.99))
    assert half is not None
    assert most is not None
    assert 0.002 < half < 0.0051
    assert 0.05 < most < 0.102


def test_pages_and_tickets(scraped: Scraped) -> None:
    """An outage and slow queries page once and say when they are over; a smaller fault is a ticket; quiet is quiet."""
    if not alertmanager_runs():
        pytest.skip("Debian's Alertmanager needs a mount of its own, which this machine does not permit")
    assert not any(scraped.inbox.about(path, "version_query_p99") for path in scraped.inbox.messages)
    record(scraped, "availability", 1, 900)
    record(scraped, "availability", 0, 100)
    record(scraped, "version_query_ms", 1, 800)
    record(scraped, "version_query_ms", 80, 200)
    paged, ticketed = ("availability", "version_query_p99"), ("version_query_p95",)

    def messages() -> list[list[str]]:
        return [
            [message["status"] for message in scraped.inbox.about(path, objective)]
            for path, objectives in (("/page", paged), ("/ticket", ticketed))
            for objective in objectives
        ]

    eventually(lambda: messages() == [["firing"]] * 3)
    time.sleep(2)  # a second one would be here by now
    for metric, value in (("availability", 1), ("version_query_ms", 1)):
        record(scraped, metric, value, 10_000_000)
    eventually(lambda: messages() == [["firing", "resolved"]] * 3)

    page = scraped.inbox.about("/page", "version_query_p99")[0]
    guide = (ROOT / "docs" / "operations" / "SLO.md").read_text(encoding="utf-8").lower()
    assert {alert["labels"]["burn_rate"] for alert in page["alerts"]} == {"14.4", "6"}
    for alert in page["alerts"]:
        assert (
            alert["labels"].items()
            >= {"alertname": "PggitErrorBudgetBurn", "severity": "page", "server": "here"}.items()
        )
        assert re.match(
            r"here: version_query_p99 spends its error budget [\d.]+ times", alert["annotations"]["summary"]
        )
        file, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert (file, f"\n### {anchor}\n" in guide) == ("docs/operations/SLO.md", True)
    # Whoever is paged gets no ticket for the same, and nobody hears of what is well.
    assert not any(scraped.inbox.about("/ticket", objective) for objective in paged)
    assert not scraped.inbox.about("/page", "version_query_p95")
    assert not any(scraped.inbox.about(path, "version_query_p50") for path in scraped.inbox.messages)


def test_exposition_is_clean(scraped: Scraped) -> None:
    row = scraped.database.execute("SELECT pggit_excellence.prometheus_metrics()").fetchone()
    assert row is not None
    done = promtool("check", "metrics", text=row[0])
    assert (done.returncode, done.stderr) == (0, "")
    fault = row[0] + "# HELP bad_ms A fault.\n# TYPE bad_ms gauge\nbad_ms 1\n"
    assert "bad_ms" in promtool("check", "metrics", text=fault).stderr


def test_example_configurations(tmp_path: Path) -> None:
    """Promtool and amtool accept them, and pages reach the pager."""
    for path in EXAMPLES.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pggit-rules.yml").write_text(as_yaml(rule_file([])), encoding="utf-8")
    for name in ("prometheus.yml", "prometheus-fleet.yml"):
        assert promtool("check", "config", tmp_path / name).returncode == 0
    config = tmp_path / "alertmanager.yml"

    def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program("amtool"), *arguments], capture_output=True, text=True, check=False)

    assert amtool("check-config", str(config)).returncode == 0
    for severity, receiver in (("page", "pager"), ("ticket", "tickets")):
        routed = amtool("config", "routes", "test", f"--config.file={config}", f"severity={severity}")
        assert routed.stdout.strip() == receiver
    config.write_text(config.read_text(encoding="utf-8").replace("receiver: pager", "receiver: nobody"))
    assert amtool("check-config", str(config)).returncode != 0
