"""OpenSLO documents: out and in is the identity; what cannot be honoured is said, and nothing is taken by halves."""

from __future__ import annotations

import io
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pggit_excellence.cli import main
from pggit_excellence.errors import CommandError
from pggit_excellence.slo.openslo.loading import load_documents
from pggit_excellence.slo.openslo.objective import Objective, stored
from pggit_excellence.slo.openslo.reading import read
from pggit_excellence.slo.openslo.windows import parse_exact, parse_shorthand
from pggit_excellence.slo.openslo.writing import as_yaml, documents

Capture = pytest.CaptureFixture[str]
# The rules of the specification (github.com/OpenSLO/OpenSLO, README and schemas/v1), in our words.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DURATION = re.compile(r"[1-9][0-9]*[mhdwMQY]")

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=40).filter(
    lambda text: text.strip()
)


@st.composite
def objectives(draw: st.DrawFn) -> Objective:
    limit = draw(st.booleans())
    months, days = draw(st.integers(0, 40)), draw(st.integers(0, 400))
    seconds = draw(st.one_of(st.just(Decimal(0)), st.decimals(0, 86399, places=3)))
    share = draw(st.decimals("0.000001", "0.999999", places=6))
    return Objective(
        objective=draw(texts),
        description=draw(st.one_of(texts, st.text("ab ", min_size=1049, max_size=1052).filter(lambda t: t.strip()))),
        metric_type=draw(texts),
        kind="limit" if limit else "events",
        comparison=draw(st.sampled_from(("<", "<=", ">", ">="))),
        threshold=draw(st.floats(-1e100, 1e100)),
        target=None if limit else share,
        months=months,
        days=days,
        seconds=seconds if months or days or seconds else Decimal(3600),
        minimum_events=draw(st.integers(1, 2**63 - 1)),
        enabled=draw(st.booleans()),
    )


def faults(document: Any) -> list[str]:
    """What the specification forbids in a document."""
    found = []
    if document.keys() != {"apiVersion", "kind", "metadata", "spec"} or document["apiVersion"] != "openslo/v1":
        found.append("envelope")
    if not NAME.fullmatch(document["metadata"]["name"]):
        found.append("name")
    if len(document["spec"].get("description", "")) > 1050:
        found.append("description")
    if document["kind"] == "SLO":
        spec = document["spec"]
        found += [
            key for key in ("service", "indicator", "timeWindow", "budgetingMethod", "objectives") if key not in spec
        ]
        [window], [objective] = spec["timeWindow"], spec["objectives"]
        if not DURATION.fullmatch(window["duration"]) or window["isRolling"] is not True:
            found.append("timeWindow")
        if objective["op"] not in ("lt", "lte", "gt", "gte") or not 0 <= objective["target"] < 1:
            found.append("objectives")
        if not NAME.fullmatch(spec["indicator"]["metadata"]["name"]):
            found.append("indicator")
    return found


@pytest.mark.once
@settings(max_examples=40, deadline=None)
@given(st.lists(objectives(), max_size=5, unique_by=lambda objective: objective.objective))
def test_round_trip(wanted: list[Objective]) -> None:
    """Whatever names, numbers and windows: the documents are valid and say the same."""
    text = as_yaml(documents(wanted))
    assert text.isascii()
    loaded = list(yaml.safe_load_all(text))
    assert [fault for document in loaded for fault in faults(document)] == []
    names = [document["metadata"]["name"] for document in loaded if document["kind"] == "SLO"]
    assert len(set(names)) == len(wanted)
    reading = read(load_documents(text.encode(), "file"))
    assert (reading.problems, reading.notes) == ([], [])
    for before, after in zip(wanted, reading.objectives, strict=True):
        assert same_window(before, after)
        fields = (
            "objective",
            "description",
            "metric_type",
            "kind",
            "comparison",
            "threshold",
            "target",
            "minimum_events",
            "enabled",
        )
        assert [getattr(before, name) for name in fields] == [getattr(after, name) for name in fields]


def same_window(before: Objective, after: Objective) -> bool:
    """Days of 24 hours; months are months."""
    return before.months == after.months and before.days * 86400 + before.seconds == after.days * 86400 + after.seconds


@pytest.mark.once
def test_faults_are_seen() -> None:
    good = documents([EXAMPLE])[2]
    assert faults(good) == []
    assert faults(good | {"metadata": {"name": "Upper"}}) == ["name"]
    assert faults(good | {"spec": good["spec"] | {"timeWindow": [{"duration": "30 days", "isRolling": True}]}}) == [
        "timeWindow"
    ]


EXAMPLE = Objective(
    "writes_p99", "99 % of the writes take less than 10 ms", "write_ms", "events", "<", 10.0, Decimal("0.99"),
    0, 7, Decimal(0), 5, True,
)  # fmt: skip


def changed(path: str, value: object) -> str:
    """The example with one value set; "-" in front of the last key removes it."""
    made = yaml.safe_load_all(as_yaml(documents([EXAMPLE])))
    service, source, slo = made
    *keys, last = path.split("/")
    at: Any = slo
    for key in keys:
        at = at[int(key)] if key.isdigit() else at[key]
    if last.startswith("-"):
        del at[last[1:]]
    else:
        at[last] = value
    return yaml.safe_dump_all([service, source, slo])


SOURCE = "spec/indicator/spec/thresholdMetric/metricSource"


@pytest.mark.once
@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("apiVersion", "openslo/v2", "apiVersion is openslo/v2, not openslo/v1"),
        ("kind", "Dashboard", "unknown kind Dashboard"),
        ("kind", "AlertPolicy", "alerts are those of burn_alerts()"),
        ("metadata/name", 7, "metadata.name must be text"),
        ("spec", [], "spec must be a mapping, not a list"),
        ("spec/color", "red", "spec has fields that are not supported: color"),
        ("spec/alertPolicies", [{"alertPolicyRef": "a"}], "alertPolicies: alerts are those of burn_alerts()"),
        ("spec/budgetingMethod", "Timeslices", "budgetingMethod must be Occurrences, not Timeslices"),
        ("spec/timeWindow", [], "timeWindow must be a list of exactly one, not 0"),
        ("spec/timeWindow", [{"duration": "1d"}] * 2, "timeWindow must be a list of exactly one, not 2"),
        ("spec/timeWindow/0/calendar", {"timeZone": "UTC"}, "calendar-aligned windows are not supported"),
        ("spec/timeWindow/0/isRolling", False, "calendar-aligned windows are not supported"),
        ("spec/timeWindow/0/duration", "30 days", "duration must be like 30d, not 30 days"),
        ("spec/timeWindow/0/duration", "0d", "duration must be like 30d"),
        ("spec/indicatorRef", "x", "either indicator or indicatorRef must be there"),
        ("spec/-indicator", None, "either indicator or indicatorRef must be there"),
        ("spec/indicator/spec/ratioMetric", {"counter": True}, "ratioMetric is not supported"),
        (f"{SOURCE}/type", "Prometheus", "metricSource is of type Prometheus"),
        (f"{SOURCE}/spec/query", "up", "metricSource.spec has fields that are not supported: query"),
        (f"{SOURCE}/spec/-metric", None, "metricSource.spec.metric must be text"),
        (f"{SOURCE}/spec/metric", "a\0b", "has a character that PostgreSQL cannot store"),
        (f"{SOURCE}/spec/minimumEvents", 0, "minimumEvents must be a whole number above 0"),
        (f"{SOURCE}/spec/minimumEvents", True, "minimumEvents must be a whole number above 0"),
        (f"{SOURCE}/spec/enabled", "no", "enabled must be true or false"),
        (f"{SOURCE}/spec/kind", "limit", "a limit has no target but 0"),
        (f"{SOURCE}/spec/window", "soon", "window must be like"),
        ("spec/objectives", [], "objectives must be a list of exactly one, not 0"),
        ("spec/objectives/0/op", "eq", "op must be lt, lte, gt or gte, not eq"),
        ("spec/objectives/0/value", "ten", "value must be a number, not ten"),
        ("spec/objectives/0/value", float("nan"), "value must be a number"),
        ("spec/objectives/0/value", True, "value must be a number"),
        ("spec/objectives/0/target", 1.0, "target must be between 0 and 1"),
        ("spec/objectives/0/target", 99.9, "target must be between 0 and 1"),
        ("spec/objectives/0/targetPercent", 99, "either target or targetPercent must be there"),
        ("spec/objectives/0/-target", None, "either target or targetPercent must be there"),
        ("spec/objectives/0/timeSliceTarget", 0.9, "objectives has fields that are not supported: timeSliceTarget"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured(capsys: Capture, tmp_path: Path, path: str, value: object, problem: str) -> None:
    """One line that names the document, status 2, and no server is even asked."""
    file = tmp_path / "slo.yaml"
    file.write_text(changed(path, value), encoding="utf-8")
    assert main(["slo", "import", str(file), "--apply", "--dsn", "host=/nowhere"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"{file}: document 3" in captured.err
    assert problem in captured.err


@pytest.mark.once
def test_every_problem_is_said(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(
        changed("kind", "Dashboard") + "---\n" + changed("spec/budgetingMethod", "Timeslices") + "---\n[1]\n",
        encoding="utf-8",
    )
    assert main(["slo", "import", str(file)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [re.search(r"document (\d)", line)[1] for line in said] == ["3", "7", "6"]  # type: ignore[index]


@pytest.mark.once
def test_the_same_meaning_in_other_words() -> None:
    """A percentage, an SLI by name, a source by reference, weeks; labels are noted."""
    text = """
apiVersion: openslo/v1
kind: DataSource
metadata: {name: here}
spec: {type: pggit_excellence, connectionDetails: {}}
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: writes}
spec: {thresholdMetric: {metricSource: {metricSourceRef: here, spec: {metric: write_ms}}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: writes_p99, labels: {team: core}}
spec:
  service: any
  indicatorRef: writes
  budgetingMethod: Occurrences
  timeWindow: [{duration: 1w, isRolling: true}]
  objectives: [{op: lt, value: 10, targetPercent: 99}]
"""
    reading = read(load_documents(text.encode(), "file"))
    assert reading.problems == []
    assert reading.notes == ["document 3 SLO writes_p99: labels are not kept"]
    [found] = reading.objectives
    assert (found.target, found.days, found.minimum_events, found.enabled) == (Decimal("0.99"), 7, None, None)
    [same] = read(load_documents(as_yaml(documents([EXAMPLE])).encode(), "file")).objectives
    assert (same.metric_type, same.threshold, same.target) == (found.metric_type, found.threshold, found.target)


# Nine levels of ten aliases: a billion values in a few hundred bytes.
LAUGHS = "a: &a [1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "line 1"),
        ("a: 1\na: 2", "line 2, column 1: key 'a' comes twice"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: !!python/name:os.system x", "could not determine a constructor"),
        ("a: &a [*a]", "an alias that holds itself"),
        (LAUGHS, "stand for more than 200,000 values"),
        ("- " * 5000, "nested too deeply"),
        ("a: \x01", "no YAML"),
        ("? [1]\n: 2", "a key must be text"),
        ("a: 2026-99-99", "a value that is none"),
        ("x" * (2**20 + 1), "larger than 1 MB"),
    ],
    ids=["open", "twice", "object", "name", "endless", "laughs", "deep", "control", "key", "date", "large"],
)  # fmt: skip
def test_hostile_yaml(text: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        load_documents(text.encode(), "file")
    assert str(caught.value).startswith("file: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.once
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x80", bytes(range(256))])
def test_bytes_that_are_no_text(content: bytes) -> None:
    with pytest.raises(CommandError, match=r"^file: "):
        load_documents(content, "file")


@pytest.mark.once
def test_windows() -> None:
    assert parse_shorthand("1Q") == (3, 0, 0)
    assert parse_shorthand("90m") == (0, 0, 5400)
    assert [parse_shorthand(text) for text in ("", "d", "-1d", "1.5d", "1D", "1s", None, "٣d")] == [None] * 8
    assert parse_exact("1 months 5 days") == (1, 5, 0)
    assert [parse_exact(text) for text in ("", "5", None, "1 year")] == [None] * 4


def imported(capsys: Capture, connection: psycopg.Connection, file: Path, *options: str) -> tuple[int, str, str]:
    status = main(["slo", "import", str(file), "--dsn", connection.info.dsn, *options])
    return status, *capsys.readouterr()


def test_out_and_in(capsys: Capture, plain: psycopg.Connection, tmp_path: Path) -> None:
    """What was exported, taken into a server that lost everything, is what was there; once more changes nothing."""
    plain.execute(
        "SELECT pggit_excellence.set_objective('odd \"one\"', 'x_ms', '<=', 1e-7, 0.9999999, '1 mon 5 days 00:00:30')"
    )
    plain.execute("SELECT pggit_excellence.set_objective('availability', enabled => false, slo_window => '36 hours')")
    before = stored(plain)
    assert main(["slo", "export", "--dsn", plain.info.dsn]) == 0
    file = tmp_path / "slo.yaml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert imported(capsys, plain, file)[:2] == (
        0,
        "".join(f"= {one.objective}\n" for one in before) + "nothing to change\n",
    )
    plain.execute("DELETE FROM pggit_excellence.slo_objectives")
    assert stored(plain) == []
    status, out, _ = imported(capsys, plain, file)
    assert (status, out.count("\n+ ") + out.startswith("+ "), stored(plain)) == (0, len(before), [])
    assert f"{len(before)} to apply: add --apply" in out
    status, out, _ = imported(capsys, plain, file, "--apply")
    assert (status, f"{len(before)} applied" in out) == (0, True)
    assert stored(plain) == before
    assert "nothing to change" in imported(capsys, plain, file, "--apply")[1]


def test_differences_are_shown_and_made(capsys: Capture, plain: psycopg.Connection, tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(as_yaml(documents([EXAMPLE])), encoding="utf-8")
    assert imported(capsys, plain, file, "--apply")[0] == 0
    file.write_text(changed("spec/objectives/0/target", 0.5), encoding="utf-8")
    status, out, _ = imported(capsys, plain, file)
    assert (status, out) == (0, "~ writes_p99\n    target: 0.99 -> 0.5\n1 to apply: add --apply\n")
    assert imported(capsys, plain, file, "--apply")[1].endswith("1 applied\n")
    assert [one.target for one in stored(plain) if one.objective == "writes_p99"] == [Decimal("0.5")]
    file.write_text(changed(f"{SOURCE}/spec/metric", "read_ms"), encoding="utf-8")
    status, out, err = imported(capsys, plain, file, "--apply")
    assert (status, out, "cannot change" in err) == (2, "", True)


def test_nothing_is_taken_by_halves(capsys: Capture, plain: psycopg.Connection, tmp_path: Path) -> None:
    """The server refuses the second objective: the first is not there either."""
    bad = Objective("bad", "d", "x_ms", "events", "<", -5.0, Decimal("0.9"), 0, 30, Decimal(0), 1, True)
    file = tmp_path / "slo.yaml"
    file.write_text(as_yaml(documents([EXAMPLE, bad])), encoding="utf-8")
    before = stored(plain)
    status, out, err = imported(capsys, plain, file, "--apply")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "no sample of x_ms can be < -5" in err
    assert stored(plain) == before


def test_who_may_not(capsys: Capture, plain: psycopg.Connection, tmp_path: Path) -> None:
    """A reader sees the differences and cannot make them."""
    file = tmp_path / "slo.yaml"
    file.write_text(as_yaml(documents([EXAMPLE])), encoding="utf-8")
    plain.execute("CREATE ROLE zz_reader LOGIN IN ROLE pg_monitor")
    try:
        dsn = psycopg.conninfo.make_conninfo(plain.info.dsn, user="zz_reader")
        assert main(["slo", "import", str(file), "--dsn", dsn]) == 0
        assert main(["slo", "export", "--dsn", dsn]) == 0
        assert capsys.readouterr().err == ""
        assert main(["slo", "import", str(file), "--dsn", dsn, "--apply"]) == 2
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
        assert "permission denied" in captured.err
    finally:
        plain.execute("DROP ROLE zz_reader")


@pytest.mark.once
def test_files(capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert main(["slo", "import", str(tmp_path / "none.yaml")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["slo", "import", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"kind: x")))
    assert main(["slo", "import", "-"]) == 2
    assert "-: document 1 x: apiVersion" in capsys.readouterr().err


def test_a_file_without_objectives(capsys: Capture, plain: psycopg.Connection, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("---\n", encoding="utf-8")
    status, out, _ = imported(capsys, plain, tmp_path / "empty.yaml")
    assert (status, out) == (3, "no objective in this file\n")
    plain.execute("DELETE FROM pggit_excellence.slo_objectives")
    assert main(["slo", "export", "--dsn", plain.info.dsn, "--format", "json"]) == 3
