"""Status, report, outages, maintenance and probes as commands: numbers by an oracle, formats, exit status, mistakes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.cli import main
from pggit_excellence.server import Server
from pggit_excellence.slo.durations import duration, spoken
from pggit_excellence.slo.quantities import percent, quantity
from pggit_excellence.slo.report.period import named_period
from started import started

Capture = pytest.CaptureFixture[str]
PAGE = ROOT / "docs" / "operations" / "SLO_COMMANDS.md"
UNITS = ROOT / "docs" / "operations" / "systemd"
HOSTILE = "<script>alert(\"x\")</script> & 'é' [bold]"
# October 2026 and what is before it are over. Two outages, seen by a monitor every minute.
SEED = """
    INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, tags, recorded_at, sample_count)
    SELECT 'availability', (NOT (t >= '2026-10-07 03:10+00' AND t < '2026-10-07 03:43+00'
                                 OR t >= '2026-10-20 23:58+00' AND t < '2026-10-21 00:03+00'))::integer,
           '{"monitor": "m"}', t, 6
    FROM generate_series('2026-10-05 00:00+00'::timestamptz, '2026-10-22 00:00+00', '1 minute') AS t;
    INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, recorded_at)
    SELECT 'ddl_tracking_ms', 1 + n %% 120, '2026-10-05 00:00+00'::timestamptz + n * interval '11 minutes'
    FROM generate_series(0, 1999) AS n;
    INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, recorded_at)
    SELECT 'storage_bytes', 5e10 + n * 1e9, '2026-10-05 00:00+00'::timestamptz + n * interval '1 day'
    FROM generate_series(0, 9) AS n;
    SELECT pggit_excellence.set_objective(%s, 'ddl_tracking_ms', '<', 60, 0.9, description => %s);
"""


@pytest.fixture(scope="module")
def seeded(server: Server, template_databases: dict[str, str]) -> Iterator[psycopg.Connection]:
    """A database with a history, partly rolled up; read only from here on."""
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE slo_report TEMPLATE {template_databases['plain']}")
    with server.connect("slo_report") as connection:
        for statement in SEED.split(";\n")[:-1]:
            connection.execute(statement.encode(), [HOSTILE, HOSTILE] if "%s" in statement else [])
        connection.execute("SELECT pggit_excellence.maintain(20000)")
        yield connection
    with server.connect() as admin:
        admin.execute("DROP DATABASE slo_report WITH (FORCE)")


def asked(capsys: Capture, connection: psycopg.Connection, *argv: str) -> tuple[int, str]:
    """Exit status and output of a command that says nothing on stderr."""
    status = main(["slo", *argv, "--dsn", connection.info.dsn])
    captured = capsys.readouterr()
    assert captured.err == ""
    return status, captured.out


OCTOBER = ("report", "--period", "2026-10")


def test_report_says_what_the_samples_say(capsys: Capture, seeded: psycopg.Connection) -> None:
    """Oracle: the raw samples, counted."""
    status, out = asked(capsys, seeded, *OCTOBER, "--format", "json")
    said = json.loads(out)
    assert (status, said["ok"], said["period"]["start"], said["until"]) == (
        1, False, "2026-10-01", "2026-11-01T00:00:00+00:00",
    )  # fmt: skip
    rows = {row["objective"]: row for row in said["objectives"]}
    query = """
        SELECT sum(sample_count) FILTER (WHERE metric_value >= %s), sum(sample_count)
        FROM pggit_excellence.performance_metrics WHERE metric_type = %s"""
    good, total = seeded.execute(query, [1, "availability"]).fetchone() or (0, 0)
    assert (rows["availability"]["good"], rows["availability"]["total"]) == (good, total)
    assert (total - good, rows["availability"]["status"]) == (38 * 6, "missed")
    assert rows[HOSTILE]["good"] == sum(1 + n % 120 < 60 for n in range(2000))
    for row in rows.values():
        counts = said["counts"].get(row["objective"], [])
        assert sum(step["good"] for step in counts) == (row["good"] or 0)
        assert sum(step["total"] for step in counts) == (row["total"] or 0)
    days = {step["step_start"][:10]: step for step in said["counts"]["availability"]}
    assert [(day, step["total"] - step["good"]) for day, step in days.items() if step["good"] < step["total"]] == [
        ("2026-10-07", 33 * 6), ("2026-10-20", 2 * 6), ("2026-10-21", 3 * 6),
    ]  # fmt: skip
    assert [(row["outage_start"][:16], row["seconds"], row["failed_probes"]) for row in said["outages"]] == [
        ("2026-10-07T03:10", 33 * 60, 33 * 6), ("2026-10-20T23:58", 5 * 60, 5 * 6),
    ]  # fmt: skip


def test_report_as_text(capsys: Capture, seeded: psycopg.Connection) -> None:
    status, out = asked(capsys, seeded, *OCTOBER)
    assert status == 1
    assert "Database slo_report, 2026-10-01 to 2026-11-01 UTC\n" in out
    assert "2 outages, 38 min in all" in out
    assert re.search(r"availability +missed +99\.\d+ % +99\.9 % ", out)
    assert re.search(r"storage +met +54\.\d+ GB +< 100 GB", out)
    assert HOSTILE in out
    assert "outage: 2026-10-07 03:10:00 to 2026-10-07 03:43:00 (33 min), 198 failed probes, seen by m\n" in out


class Page(HTMLParser):
    """Tags with their attributes, and the text that is read."""

    def __init__(self, content: str) -> None:
        """Parse a page."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "path", "use", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It ends: elements are nested."""
        if tag not in ("path", "use", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


def html(capsys: Capture, connection: psycopg.Connection, *argv: str) -> str:
    return asked(capsys, connection, *argv, "--format", "html")[1]


def outside(page: Page, content: str) -> list[str]:
    """What the page would fetch or run."""
    found = [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "object", "base", "form")]
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            if name in ("src", "srcset", "href", "xlink:href", "action") and not (value or "").startswith("#"):
                found.append(f"{tag} {name}")
            if name.startswith("on") or "url(" in (value or "").replace("url(#", ""):
                found.append(f"{tag} {name}")
    return found + re.findall(r"@import|url\((?!#)", content)


@pytest.mark.once
def test_page(capsys: Capture, seeded: psycopg.Connection) -> None:
    """One file that fetches nothing, names as text, plots with labels, the same bytes each time."""
    content = html(capsys, seeded, *OCTOBER)
    assert content.isascii()
    page = Page(content)
    assert page.open == []
    assert outside(page, content) == []
    assert HOSTILE in "".join(page.words)
    plots = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert f"Attainment and error budget of {HOSTILE} over time" in plots
    assert {"Percentiles of ddl_tracking_ms over time", "2 outages in the period"} < set(plots)
    assert "grey: not probed for 13 d 23 h in all, nobody knows" in "".join(page.words)
    assert html(capsys, seeded, *OCTOBER) == content


@pytest.mark.once
def test_what_a_page_fetches_is_seen() -> None:
    for bad in (
        '<img src="x">',
        "<script>1</script>",
        '<p onclick="x">',
        '<p style="background:url(http://a)">',
        "<style>@import 'a'</style>",
    ):
        assert outside(Page(bad), bad) != []


@pytest.mark.once
def test_page_without_matplotlib(capsys: Capture, seeded: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pggit_excellence.slo.report.page.find_spec", lambda _: None)
    page = Page(html(capsys, seeded, *OCTOBER))
    assert not any(tag == "svg" for tag, _ in page.tags)
    assert "pip install 'pggit-excellence[plots]'" in "".join(page.words)
    assert "2026-10-07 03:10:00" in "".join(page.words)


@pytest.mark.once
def test_other_periods(capsys: Capture, seeded: psycopg.Connection, tmp_path: Path) -> None:
    """Hours, a quarter, a year: always the same events."""
    for argv in (
        ("--period", "2026Q4"),
        ("--period", "2026"),
        ("--from", "2026-10-05", "--to", "2026-10-23T00:00+02:00"),
    ):
        status, out = asked(capsys, seeded, "report", *argv, "--format", "json")
        said = json.loads(out)
        [row] = [row for row in said["objectives"] if row["objective"] == "availability"]
        assert (status, row["total"]) == (1, 24481 * 6)
        assert sum(step["total"] for step in said["counts"]["availability"]) == row["total"]
    days = ("--from", "2026-10-07", "--to", "2026-10-08")
    page = ("--format", "html", "--output", str(tmp_path / "r.html"))
    status, out = asked(capsys, seeded, "report", *days, *page)
    assert (status, out) == (1, "")
    assert "attained per hour" in (tmp_path / "r.html").read_text(encoding="ascii")


def test_nothing_to_say(capsys: Capture, plain: psycopg.Connection) -> None:
    assert asked(capsys, plain, "report")[0] == 3
    assert "No objective has data" in asked(capsys, plain, "report", "--period", "2026-01")[1]
    assert Page(html(capsys, plain, "report")).open == []
    status, out = asked(capsys, plain, "status")
    assert status == 3
    assert re.search(r"availability +no data ", out)


def test_status(capsys: Capture, plain: psycopg.Connection) -> None:
    """Met, then burning, then missed."""
    record = "SELECT pggit_excellence.record_metric('availability', %s, '{}', now() - %s::interval, %s)"
    plain.execute(record, [1, "20 days", 1_000_000])
    status, out = asked(capsys, plain, "status", "--objective", "availability")
    assert status == 0
    assert re.search(r"availability +met +100 % +99.9 % +1,000,000 +█{10} 100 % +availability >= 1 +1\n", out)
    plain.execute(record, [0, "2 minutes", 500])
    status, out = asked(capsys, plain, "status")
    assert status == 1
    assert re.search(r"availability +met burning +99\.95 % .* █{5}░{5} 50 %", out)
    assert out.count("page: availability burns its budget 1e+03 times as fast as it may over 01:00:00") == 1
    plain.execute(record, [0, "10 days", 1000])
    said = json.loads(asked(capsys, plain, "status", "--format", "json")[1])
    [row] = [row for row in said["objectives"] if row["objective"] == "availability"]
    assert (said["ok"], row["status"], row["budget_remaining"] < 0) == (False, "missed", True)
    assert {alert["severity"] for alert in said["alerts"]} == {"page", "ticket"}


def fails(capsys: Capture, *argv: str) -> str:
    assert main(["slo", *argv]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    return captured.err


def test_mistakes(capsys: Capture, plain: psycopg.Connection, tmp_path: Path) -> None:
    dsn = ("--dsn", plain.info.dsn)
    assert "no such objective: nope (there are: availability" in fails(capsys, "status", "--objective", "nope", *dsn)
    assert "the period has not begun" in fails(capsys, "report", "--period", "2999-01", *dsn)
    assert "--period names the whole period" in fails(
        capsys, "report", "--period", "2026", "--from", "2026-01-01", *dsn
    )
    assert "--to needs --from" in fails(capsys, "report", "--to", "2026-01-01", *dsn)
    assert "earlier than --to" in fails(capsys, "report", "--from", "2026-02-01", "--to", "2026-01-01", *dsn)
    assert "--output is for --format html" in fails(capsys, "report", "--output", str(tmp_path / "x"), *dsn)
    page = (*OCTOBER, "--format", "html", "--output")
    assert "No such file" in fails(capsys, *page, str(tmp_path / "no" / "x"), *dsn)
    assert "No space left" in fails(capsys, *page, "/dev/full", *dsn)


@pytest.mark.once
@pytest.mark.parametrize(
    "argv",
    [
        *(("--period", text) for text in ("2026-13", "2026Q5", "26", "0000-01", "9999", "2026-1", "", "x", "٢٠٢٦")),
        *(("--from", text) for text in ("yesterday", "2026-02-30", "0001-01-01T00:00+14:00")),
    ],
)
def test_periods_that_are_none(capsys: Capture, argv: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["slo", "report", f"{argv[0]}={argv[1]}"])
    assert caught.value.code == 2
    assert "not a " in capsys.readouterr().err


@pytest.mark.once
def test_periods() -> None:
    quarter = named_period("2026-Q4")
    assert (quarter.start, quarter.end) == (datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert named_period("2024-02").end - named_period("2024-02").start == timedelta(days=29)
    assert (named_period("2026").step(), named_period("2026-11").step()) == (timedelta(days=4), timedelta(days=1))


@pytest.mark.once
def test_numbers_for_people() -> None:
    assert [percent(share) for share in (0.9995, 0.123456, 1, 0, 1e-6, None)] == [
        "99.95 %", "12.3456 %", "100 %", "0 %", "0.0001 %", "-",
    ]  # fmt: skip
    assert quantity("x_bytes", 5 * 2**30) == "5 GB"
    assert quantity("x_ms", 2500) == "2.5 s"
    assert quantity("x", 8600) == "8,600"
    assert [spoken(seconds) for seconds in (0.25, 59, 60, 3900, 90000)] == [
        "0.2 s",
        "59 s",
        "1 min",
        "1 h 5 min",
        "1 d 1 h",
    ]
    assert [duration(text) for text in ("150ms", "10", "1.5m", "2h", "1d")] == [0.15, 10, 90, 7200, 86400]


@pytest.mark.parametrize("command", ["status", "report", "maintain", "probe", "export"])
def test_servers_that_cannot_answer(
    capsys: Capture, server: Server, plain: psycopg.Connection, make_database: MakeDatabase, command: str
) -> None:
    """Without the extension, with an older one, without privileges: one line."""
    assert "not in this database" in fails(capsys, command, "--dsn", server.dsn(make_database("empty")))
    plain.execute("CREATE ROLE zz_nobody LOGIN")
    try:
        dsn = psycopg.conninfo.make_conninfo(plain.info.dsn, user="zz_nobody")
        assert "may not use schema pggit_excellence (GRANT pg_monitor TO zz_nobody;)" in fails(
            capsys, command, "--dsn", dsn
        )
    finally:
        plain.execute("DROP ROLE zz_nobody")
    used = {"status": "slo_status", "report": "slo_report", "maintain": "maintain", "probe": "run_probes"}
    if command in used:
        for (rename,) in plain.execute(
            "SELECT 'ALTER FUNCTION ' || oid::regprocedure || ' RENAME TO gone' FROM pg_proc"
            " WHERE proname = %s AND pronamespace = 'pggit_excellence'::regnamespace",
            [used[command]],
        ).fetchall():
            plain.execute(rename.encode())
        assert "older than the command" in fails(capsys, command, "--dsn", plain.info.dsn)


def test_readers_need_no_more_than_pg_monitor(capsys: Capture, seeded: psycopg.Connection) -> None:
    seeded.execute("CREATE ROLE zz_reader LOGIN IN ROLE pg_monitor")
    try:
        dsn = psycopg.conninfo.make_conninfo(
            seeded.info.dsn, user="zz_reader", options="-c default_transaction_read_only=on"
        )
        assert [main(["slo", *command, "--dsn", dsn]) for command in (["status"], [*OCTOBER], ["export"])] == [3, 1, 0]
        assert capsys.readouterr().err == ""
        assert "permission denied" in fails(capsys, "maintain", "--dsn", dsn)
    finally:
        seeded.execute("DROP ROLE zz_reader")


@pytest.mark.once
def test_output_that_cannot_be_written(seeded: psycopg.Connection) -> None:
    """A full disk, and a terminal that knows ASCII only."""
    command = [sys.executable, "-m", "pggit_excellence", "slo", "status", "--dsn", seeded.info.dsn]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools"), "PYTHONIOENCODING": "ascii"}
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "pggit-excellence: standard output: No space left on device\n")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert r"\xe9" in done.stdout
    done = subprocess.run([*command, "--format", "json"], env=environment, capture_output=True, text=True, check=False)
    assert HOSTILE in [row["objective"] for row in json.loads(done.stdout)["objectives"]]


def test_maintain_until_nothing_is_left(capsys: Capture, plain: psycopg.Connection) -> None:
    """Also what one call would not do."""
    plain.execute(
        "INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value)"
        " SELECT 'x', n FROM generate_series(1, 100001) AS n"
    )
    status, out = asked(capsys, plain, "maintain", "--format", "json")
    [task] = [task for task in json.loads(out)["tasks"] if task["task"] == "roll up samples"]
    assert (status, task["affected"]) == (0, 100001)
    assert plain.execute("SELECT count(*) FROM pggit_excellence.performance_metrics_new").fetchone() == (0,)
    with plain.transaction():
        plain.execute("SELECT pggit_excellence.maintain()")
        assert "another maintain() is running" in asked(capsys, plain, "maintain")[1]


@pytest.mark.once
def test_again_until_sigterm(plain: psycopg.Connection) -> None:
    """Each turn connects anew; a server that is away is one line; SIGTERM ends it well."""
    name = plain.info.dbname
    with started("slo", "maintain", "--every", "200ms", "--dsn", plain.info.dsn) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        with psycopg.connect(plain.info.dsn, dbname="postgres", autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            line = process.stderr.readline()
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        assert "is not currently accepting connections" in line
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0


def outages(connection: psycopg.Connection, since: str, until: str) -> list[tuple[Any, ...]]:
    query = "SELECT * FROM pggit_excellence.availability_outages(%s, %s)"
    return connection.execute(query, [since, until]).fetchall()


def test_outages_of_several_monitors_and_without_an_end(capsys: Capture, plain: psycopg.Connection) -> None:
    """Oracle: what was put in. Rolled up or not makes no difference. Hours without a probe are unknown, never up."""
    probes = [
        ("a", "10:00", 1), ("a", "10:01", 0), ("a", "10:02", 0), ("a", "10:03", 1), ("a", "10:59", 0),
        ("a", "11:01", 1), ("b", "10:02", 0), ("b", "10:04", 1), ("b", "12:00", 0), ("b", "15:00", 1),
        ("c", "16:00", 0), ("c", "16:01", 0), ("d", "10:30", 0), ("d", "12:30", 0), ("d", "12:31", 1),
    ]  # fmt: skip
    for monitor, at, up in probes:
        plain.execute(
            "SELECT pggit_excellence.record_metric('availability', %s, jsonb_build_object('monitor', %s::text), %s, 3)",
            [up, monitor, f"2026-10-01 {at}+00"],
        )
    expected = [
        ("a", "10:01", "10:03", 6), ("a", "10:59", "11:01", 3), ("b", "10:02", "10:04", 3), ("b", "12:00", None, 3),
        ("c", "16:00", None, 6), ("d", "10:30", None, 3), ("d", "12:30", "12:31", 3),
    ]  # fmt: skip
    for _ in range(2):
        found = [
            (monitor, f"{start:%H:%M}", end and f"{end:%H:%M}", failed)
            for monitor, start, end, failed, _ in outages(plain, "2026-10-01 00:00+00", "2026-10-02 00:00+00")
        ]
        assert sorted(found, key=str) == sorted(expected, key=str)
        assert [row[0] for row in outages(plain, "2026-10-01 11:30+00", "2026-10-01 15:30+00")] == ["b", "d"]
        said = asked(capsys, plain, *OCTOBER)[1]
        assert "; 7 outages, 7 min in all but 3 of unknown length.\n" in said
        assert said.endswith("\nnot probed for 30 d 19 h in all\n")
        watched = json.loads(asked(capsys, plain, *OCTOBER, "--format", "json")[1])["watched"]
        assert [(row["watch_start"][5:16], row["watch_end"][5:16]) for row in watched] == [
            ("10-01T10:00", "10-01T13:00"), ("10-01T15:00", "10-01T17:00"),
        ]  # fmt: skip
        plain.execute("SELECT pggit_excellence.maintain()")
    plain.execute("DELETE FROM pggit_excellence.performance_metrics")
    hours = outages(plain, "2026-10-01 00:00+00", "2026-10-02 00:00+00")
    assert [(row[0], f"{row[1]:%H}", row[3]) for row in hours] == [(None, "10", 15), (None, "12", 6), (None, "16", 6)]
    assert all("no longer kept" in row[4] for row in hours)
    assert "; 3 outages of unknown length.\n" in asked(capsys, plain, *OCTOBER)[1]
    plain.execute("DELETE FROM pggit_excellence.metric_rollups WHERE resolution = 'hour'")
    assert asked(capsys, plain, *OCTOBER)[1].endswith("\nnot probed for 30 d in all\n")


@pytest.mark.parametrize(
    "period", ["'2026-01-02', '2026-01-01'", "'infinity', NULL", "NULL, 'infinity'", "'-infinity', now()"]
)
def test_outages_of_no_period(plain: psycopg.Connection, period: str) -> None:
    with pytest.raises(psycopg.DataError) as caught:
        plain.execute(f"SELECT * FROM pggit_excellence.availability_outages({period})".encode())
    assert caught.value.diag.message_hint


def commands(page: Path) -> list[str]:
    """The lines of the page's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("pggit-excellence ")]


def run_line(capsys: Capture, line: str) -> int:
    """A command as a shell would run it: variables, quotes, and > FILE."""
    words = shlex.split(os.path.expandvars(line.removeprefix("pggit-excellence")))
    target = words.pop() if ">" in words else None
    status = main(words[:-1] if target else words)
    captured = capsys.readouterr()
    assert captured.err == "", line
    if target:
        Path(target).write_text(captured.out, encoding="utf-8")
    return status


@pytest.mark.once
def test_commands_of_the_guide_run(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, pggit: psycopg.Connection, tmp_path: Path
) -> None:
    """Every command and every query, in their order."""
    info = pggit.info
    service = f"host={info.host}\nport={info.port}\nuser={info.user}\ndbname={info.dbname}\n"
    (tmp_path / "services").write_text(f"[main]\n{service}[replica]\n{service}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSN", info.dsn)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    found = commands(PAGE)
    assert len(found) >= 10
    assert [(line, status) for line in found if (status := run_line(capsys, line)) not in (0, 3)] == []
    queries = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    inline = re.findall(r"`(SELECT [^`]+)`", PAGE.read_text(encoding="utf-8"))
    with pggit.transaction(force_rollback=True):
        for query in [*queries, *inline]:
            pggit.execute(query.encode())
    assert len(queries) == 2
    assert inline


def verify(units: list[Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, check=False)


@pytest.mark.once
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_units(tmp_path: Path) -> None:
    """Systemd finds nothing to say about them, and does about a fault."""
    units = sorted(UNITS.glob("*.*"))
    assert len(units) == 6
    done = verify(units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    bad = tmp_path / "pggit-excellence-probe.service"
    bad.write_text(
        (UNITS / bad.name).read_text(encoding="utf-8").replace("Type=oneshot", "Typ=oneshot"), encoding="utf-8"
    )
    assert "Unknown key" in verify([bad]).stderr


@pytest.mark.once
def test_units_run_commands_that_exist(capsys: Capture) -> None:
    for unit in UNITS.glob("*.service"):
        [line] = re.findall(
            r"^ExecStart=/usr/bin/env pggit-excellence (.*)$", unit.read_text(encoding="utf-8"), flags=re.MULTILINE
        )
        with pytest.raises(SystemExit) as caught:
            main([*line.split(), "--help"])
        assert caught.value.code == 0
        capsys.readouterr()
