"""prometheus_metrics(): read by Prometheus' own client library, compared with the functions and samples behind it."""

from __future__ import annotations

import bisect
import re

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from conftest import ROOT
from test_slo_objectives import maintain, one, record

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
METRICS_PAGE = ROOT / "docs" / "operations" / "METRICS.md"


def exposition(connection: psycopg.Connection) -> str:
    return str(one(connection, "SELECT pggit_excellence.prometheus_metrics()")[0])


def scrape(connection: psycopg.Connection) -> Samples:
    """(name, labels) to value; no sample may come twice."""
    samples: Samples = {}
    for family in text_string_to_metric_families(exposition(connection)):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in samples
            samples[key] = sample.value
    return samples


def values(samples: Samples, name: str, **labels: str) -> list[float]:
    return [value for (found, has), value in samples.items() if found == name and labels.items() <= dict(has).items()]


def fill(connection: psycopg.Connection) -> None:
    """Something of everything."""
    for value in (0, 0.1, 3, 7, 10, 49, 51, 1e6):
        record(connection, "ddl_tracking_ms", value, "1 minute", 3)
    record(connection, "availability", 1, count=10)
    record(connection, "storage_bytes", 5e9)
    record(connection, "tracking_coverage_percent", 48.5)
    record(connection, 'odd "name"\\\nwith everything_ms', 2.5)
    record(connection, 'other "name"\\\n', -7)
    maintain(connection)
    record(connection, "ddl_tracking_ms", 7)


def test_format(pggit: psycopg.Connection) -> None:
    fill(pggit)
    text = exposition(pggit)
    assert text.endswith("\n")
    assert "\n\n" not in text
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    for family in families:
        assert family.documentation
        assert family.samples
        assert family.type in {"gauge", "counter", "histogram"}
        assert all(sample.name.endswith("_total") == (family.type == "counter") for sample in family.samples)
        assert not re.search(r"_(ms|milliseconds|percent|kb|mb|gb)$", family.name), "base units only"
    samples = scrape(pggit)
    assert values(samples, "pggit_metric_last_value", metric_type='other "name"\\\n') == [-7]
    assert values(samples, "pggit_metric_seconds_sum", metric_type='odd "name"\\\nwith everything_ms') == [0.0025]
    assert values(samples, "pggit_tracking_coverage_ratio") == [0.485]
    assert values(samples, "pggit_unrolled_samples") == [1]


@pytest.mark.once
def test_every_family_is_explained(pggit: psycopg.Connection) -> None:
    """The page lists each family with its type, and no other."""
    page = METRICS_PAGE.read_text(encoding="utf-8").partition("The exporter itself")[0]
    explained = set(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))
    families = pggit.execute("SELECT family, kind FROM pggit_excellence._prometheus_families()").fetchall()
    assert explained == set(families)


def test_nothing_is_said_of_what_is_not_known(plain: psycopg.Connection) -> None:
    samples = scrape(plain)
    for name in (
        "pggit_slo_met", "pggit_slo_error_budget_remaining_ratio", "pggit_slo_limit_value", "pggit_metric_last_value",
        "pggit_metric_seconds_count", "pggit_tracked_objects", "pggit_tracking_coverage_ratio", "pggit_history_rows",
        "pggit_storage_growth_bytes_per_day", "pggit_oldest_unrolled_sample_timestamp_seconds",
    ):  # fmt: skip
        assert values(samples, name) == [], name
    assert values(samples, "pggit_slo_events_total") == [0] * 8


def test_the_functions_say_the_same(pggit: psycopg.Connection) -> None:
    fill(pggit)
    pggit.execute("ANALYZE pggit.history")
    pggit.execute("SELECT pggit_excellence.set_objective('version_query_p50', enabled => false)")
    samples = scrape(pggit)
    rows = pggit.execute(
        "SELECT objective, total, total - good, target, budget_remaining, status FROM pggit_excellence.slo_status()"
    ).fetchall()
    for objective, total, bad, target, remaining, status in rows:
        hidden = status == "disabled"
        for name, value in (
            ("pggit_slo_window_events", total),
            ("pggit_slo_window_bad_events", bad),
            ("pggit_slo_target_ratio", target),
            ("pggit_slo_error_budget_remaining_ratio", remaining),
            ("pggit_slo_met", {"met": 1, "missed": 0}.get(status)),
        ):
            expected = [] if hidden or value is None else [pytest.approx(float(value))]
            assert values(samples, name, objective=objective) == expected, (name, objective)
    for check, status in pggit.execute("SELECT check_name, status FROM pggit_excellence.health_check()").fetchall():
        assert values(samples, "pggit_health_check_status", check_name=check, status=status) == [1]
        assert sum(values(samples, "pggit_health_check_status", check_name=check)) == 1
    firing = "SELECT count(*), count(*) FILTER (WHERE firing) FROM pggit_excellence.burn_alerts()"
    found = values(samples, "pggit_burn_alert_firing")
    assert (len(found), sum(found)) == one(pggit, firing)
    assert values(samples, "pggit_slo_threshold_seconds", objective="ddl_tracking_p95") == [0.05]
    assert values(samples, "pggit_slo_threshold", objective="availability") == [1]
    assert values(samples, "pggit_slo_limit", objective="storage") == [100 * 1024**3]
    assert values(samples, "pggit_slo_limit_value", objective="storage") == [5e9]
    assert values(samples, "pggit_history_rows") == list(one(pggit, "SELECT count(*) FROM pggit.history"))
    assert values(samples, "pggit_tracked_objects") == list(
        one(pggit, "SELECT count(*) FROM pggit.objects WHERE is_active")
    )


DURATIONS = st.one_of(st.floats(0, 1e5), st.sampled_from([0.0, 0.5, 1.0, 10.0, 20.0, 50.0, 100.0, 60_000.0]))


def test_histograms_count_what_is_below_their_bounds(plain: psycopg.Connection) -> None:
    """Exactly, whether or not the samples are rolled up, and never less than before."""

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=15,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @example([(5e-324, 9), (0.0, 1), (1e-9, 1)], 1)
    @given(st.lists(st.tuples(DURATIONS, st.integers(1, 9)), min_size=1, max_size=30), st.integers(0, 30))
    def property_holds(recorded: list[tuple[float, int]], rolled: int) -> None:
        with plain.transaction(force_rollback=True):
            before: Samples = {}
            for number, (value, count) in enumerate(recorded, 1):
                record(plain, "x_ms", value, count=count)
                if number == rolled:
                    before = scrape(plain)
                    maintain(plain)
            samples = scrape(plain)
        buckets = sorted(
            (float(dict(labels)["le"]), value)
            for (name, labels), value in samples.items()
            if name == "pggit_metric_seconds_bucket"
        )
        assert len(buckets) == 17
        expanded = sorted(value / 1000 for value, count in recorded for _ in range(count))
        assert [value for _, value in buckets] == [bisect.bisect_right(expanded, bound) for bound, _ in buckets]
        assert buckets[-1] == (float("inf"), len(expanded))
        assert values(samples, "pggit_metric_seconds_count") == [len(expanded)]
        assert values(samples, "pggit_metric_seconds_sum") == [pytest.approx(sum(expanded))]
        for key, value in before.items():
            if key[0].startswith("pggit_metric_seconds"):
                assert samples[key] >= value * (1 - 1e-12)

    property_holds()


def test_bounds_lie_where_the_objectives_need_them(plain: psycopg.Connection) -> None:
    """Within 2 % above the threshold of each promised percentile."""
    record(plain, "ddl_tracking_ms", 1)
    bounds = {float(dict(labels).get("le", "nan")) for _, labels in scrape(plain)}
    for threshold in (0.005, 0.01, 0.02, 0.05, 0.1):
        assert any(threshold <= bound <= threshold * 1.0203 for bound in bounds), threshold


def test_counters_never_go_back(plain: psycopg.Connection) -> None:
    """Through recording, rolling up, deleting and a changed threshold."""
    events: list[float] = []
    good: list[float] = []

    def look() -> None:
        samples = scrape(plain)
        events.extend(values(samples, "pggit_slo_events_total", objective="ddl_tracking_p95"))
        good.extend(values(samples, "pggit_slo_good_events_total", objective="ddl_tracking_p95"))
        bad = values(samples, "pggit_slo_bad_events_total", objective="ddl_tracking_p95")
        assert bad == [events[-1] - good[-1]]

    for day in range(45, 0, -1):
        record(plain, "ddl_tracking_ms", day, f"{day} days", day)
    look()
    maintain(plain)
    look()
    maintain(plain)
    plain.execute("SELECT * FROM pggit_excellence.maintain(1000, '1 day', '1 day', '2 days', '3 days')")
    look()
    record(plain, "ddl_tracking_ms", 55)
    look()
    plain.execute("SELECT pggit_excellence.set_objective('ddl_tracking_p95', threshold => 60)")
    look()
    maintain(plain)
    look()
    total = sum(range(1, 46))
    assert events == [total, total, total, total + 1, total + 1, total + 1]
    assert good == [total] * 6, "55 ms was not good when it was recorded"


@pytest.mark.parametrize(
    ("function", "right", "wrong"),
    [
        ("_prometheus_histograms", "b.bucket_key - 1", "b.bucket_key"),
        ("_prometheus_sample", """'"', E'\\\\"'""", """'"', '"'"""),
        ("_prometheus_state", "n.value / 100", "n.value"),
    ],
)
@pytest.mark.once
def test_a_fault_is_seen(pggit: psycopg.Connection, function: str, right: str, wrong: str) -> None:
    definition = one(pggit, "SELECT pg_get_functiondef(('pggit_excellence.' || %s)::regproc)", function)[0]
    assert right in definition
    pggit.execute(definition.replace(right, wrong).encode())
    with pytest.raises((AssertionError, ValueError)):
        check_exposition(pggit)


def check_exposition(connection: psycopg.Connection) -> None:
    test_histograms_count_what_is_below_their_bounds(connection)
    test_format(connection)
