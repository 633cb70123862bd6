"""A real Prometheus scrapes the exporter of a real database, evaluates our rules and says what the database says."""

from __future__ import annotations

import argparse
import subprocess
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from conftest import ROOT
from pggit_excellence.exporter.scrape import Target
from pggit_excellence.exporter.web import MetricsServer
from pggit_excellence.server import Server
from pggit_excellence.slo.dashboard import dashboard
from pggit_excellence.slo.objectives import enabled_objectives
from pggit_excellence.slo.rules import as_yaml, rule_file
from prometheus_programs import eventually, program, prometheus, promtool, query
from test_slo_dashboard import expressions

pytestmark = pytest.mark.once

EXAMPLES = ROOT / "docs" / "operations" / "prometheus"


@dataclass
class Scraped:
    """A database that is scraped, and the Prometheus that does it."""

    database: psycopg.Connection
    url: str

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
def scraped(
    server: Server, template_databases: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scraped]:
    """A quiet database with the seeded objectives, scraped since before its first event."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE scraped TEMPLATE {template_databases['pggit']}")
        with server.connect("scraped") as database:
            # Long ranges are evaluated twice a second too.
            rules = as_yaml(rule_file(enabled_objectives(database))).replace("interval: 2m", "interval: 500ms")
            folder = tmp_path_factory.mktemp("prometheus")
            with (
                exporting(server.dsn("scraped")) as exporter,
                prometheus(folder, {"static_configs": [{"targets": [exporter]}]}, rules) as url,
            ):
                found = Scraped(database, url)
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


def test_dashboard_is_answered(scraped: Scraped) -> None:
    """Every expression, and those that must show something do."""
    texts = expressions(dashboard(enabled_objectives(scraped.database)))
    # What this database cannot know: there are no probes, no sentinels, no growth.
    unknown = ("version_query", "coverage", "limit_reached", "growth", "tracking_errors")
    expected = [text for text in texts if not any(word in text for word in unknown)]
    assert len(expected) > len(texts) / 2
    eventually(lambda: all(query(scraped.url, "query", query=text)["result"] for text in expected))
    for text in set(texts) - set(expected):
        query(scraped.url, "query", query=text)
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
