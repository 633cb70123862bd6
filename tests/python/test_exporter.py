"""`pggit-excellence exporter`: what it serves, of servers that are well, down, hung, broken or hostile."""

from __future__ import annotations

import datetime
import gzip
import itertools
import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import make_conninfo

from conftest import MakeDatabase
from pggit_excellence.cli import main
from pggit_excellence.exporter.addresses import label, parse_listen
from pggit_excellence.exporter.exposition import escaped, families, merged
from pggit_excellence.exporter.scrape import Target
from pggit_excellence.exporter.web import application
from pggit_excellence.server import Server
from started import started

pytestmark = pytest.mark.once
Capture = pytest.CaptureFixture[str]
Get = Callable[..., tuple[str, str]]
TIMEOUT = 0.7

STANDIN = """
    CREATE OR REPLACE FUNCTION pggit_excellence.prometheus_metrics() RETURNS text LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp AS $body$ {body} $body$
"""
TEXT = r"""# HELP pggit_slo_bad_events_total Bad events; a \\ and a \n newline.
# TYPE pggit_slo_bad_events_total counter
pggit_slo_bad_events_total{objective="quote \" backslash \\ newline \n \u00fc"} 3
# HELP pggit_metric_seconds Durations.
# TYPE pggit_metric_seconds histogram
pggit_metric_seconds_bucket{metric_type="ddl_tracking_ms",le="0.0101"} 1
pggit_metric_seconds_bucket{metric_type="ddl_tracking_ms",le="+Inf"} 2
pggit_metric_seconds_sum{metric_type="ddl_tracking_ms"} 0.25
pggit_metric_seconds_count{metric_type="ddl_tracking_ms"} 2
""".replace(r"\u00fc", "\u00fc")


def says(connection: psycopg.Connection, body: str) -> None:
    """Make the database's prometheus_metrics() do this."""
    connection.execute(STANDIN.format(body=body).encode())


def returning(text: str) -> str:
    """A body that returns the text."""
    return f"BEGIN RETURN $text${text}$text$; END"


def get(targets: list[Target], path: str = "/metrics", **headers: str) -> tuple[str, str]:
    """(status, body) of a GET, without a network."""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query}
    setup_testing_defaults(environ)
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    statuses: list[str] = []
    body = b"".join(application(targets, TIMEOUT)(environ, lambda status, _headers: statuses.append(status)))
    return statuses[0], (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode()


def samples(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Sample name: labels: value."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def one(text: str, name: str, **labels: str) -> float:
    """The value of one sample."""
    return samples(text)[name][tuple(sorted(labels.items()))]


def failure(text: str, server: str) -> str | None:
    """The reason that the exporter gives for a server."""
    found = [dict(labels) for labels in samples(text).get("pggit_scrape_failure", {})]
    reasons = [labels["reason"] for labels in found if labels["server"] == server]
    assert one(text, "pggit_up", server=server) == (0 if reasons else 1)
    return reasons[0] if reasons else None


@pytest.fixture
def logged() -> list[str]:
    return []


@pytest.fixture
def make_target(logged: list[str]) -> Iterator[Callable[..., Target]]:
    """A function that makes targets; their connections are closed at the end."""
    made: list[Target] = []

    def make(name: str, dsn: str) -> Target:
        made.append(Target(name, dsn, TIMEOUT, logged.append))
        return made[-1]

    yield make
    for target in made:
        target.close()


@pytest.fixture
def well(plain: psycopg.Connection) -> psycopg.Connection:
    """A database that says TEXT."""
    says(plain, returning(TEXT))
    return plain


def exporter_pids(connection: psycopg.Connection) -> list[int]:
    """The server processes of the exporter in this database."""
    query = """
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'pggit-excellence exporter'
    """
    return [row[0] for row in connection.execute(query)]


# What is served


def test_labels_and_values_arrive(well: psycopg.Connection, make_target: Callable[..., Target]) -> None:
    status, text = get([make_target('a "b" \\ c', well.info.dsn)])
    assert status == "200 OK"
    server = 'a "b" \\ c'
    objective = 'quote " backslash \\ newline \n \u00fc'
    assert one(text, "pggit_slo_bad_events_total", server=server, objective=objective) == 3
    assert one(text, "pggit_metric_seconds_bucket", server=server, metric_type="ddl_tracking_ms", le="0.0101") == 1
    assert r"Bad events; a \\ and a \n newline." in text
    assert failure(text, server) is None


def test_families_of_several_servers_are_one(
    server: Server, make_database: MakeDatabase, make_target: Callable[..., Target]
) -> None:
    targets = []
    for number in range(3):
        name = make_database("plain")
        with server.connect(name) as connection:
            says(connection, returning(TEXT.replace("} 3", f"}} {number}")))
        targets.append(make_target(f"s{number}", server.dsn(name)))
    _, text = get(targets)
    assert text.count("# TYPE pggit_slo_bad_events_total counter") == 1
    assert text.count("# HELP pggit_metric_seconds ") == 1
    assert sorted(samples(text)["pggit_slo_bad_events_total"].values()) == [0, 1, 2]
    assert len(samples(text)["pggit_metric_seconds_sum"]) == 3
    _, probed = get(targets, "/probe?target=s1")
    assert {dict(labels)["server"] for labels in samples(probed)["pggit_up"]} == {"s1"}


def test_other_pages(make_target: Callable[..., Target]) -> None:
    nowhere = [make_target("a", "host=/nonexistent")]
    assert get(nowhere, "/healthz") == ("200 OK", "ok\n")
    assert get(nowhere, "/")[0] == "200 OK"
    assert get(nowhere, "/etc")[0] == "404 Not Found"
    assert get(nowhere, "/probe?target=host%3Devil")[0] == "400 Bad Request"
    assert get(nowhere, "/probe") == ("400 Bad Request", "target: one of a\n")
    status, text = get([*nowhere, make_target("b &=", "host=/nonexistent")], "/targets", host="metrics.example:9719")
    assert status == "200 OK"
    common = {"__metrics_path__": "/probe"}
    assert json.loads(text) == [
        {
            "targets": ["metrics.example:9719"],
            "labels": {**common, "__param_target": name, "instance": f"metrics.example:9719/{name}"},
        }
        for name in ("a", "b &=")
    ]


def test_compressed_and_unfiltered(well: psycopg.Connection, make_target: Callable[..., Target]) -> None:
    targets = [make_target("a", well.info.dsn)]
    wanted = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"
    plain = samples(get(targets)[1]).keys()
    assert samples(get(targets, accept=wanted, accept_encoding="gzip")[1]).keys() == plain
    assert samples(get(targets, "/metrics?name[]=pggit_up")[1]).keys() == plain


# Servers that are not well: an answer with status 200, and the reason

BODIES = {
    "timeout": "BEGIN PERFORM pg_sleep(60); RETURN ''; END",
    "query": "BEGIN RETURN (1 / 0)::text; END",
    "exposition": "BEGIN RETURN 'nonsense {'; END",
    "privilege": "BEGIN RAISE insufficient_privilege; END",
}


@pytest.mark.parametrize("reason", BODIES)
def test_broken_server(
    well: psycopg.Connection, make_target: Callable[..., Target], logged: list[str], reason: str
) -> None:
    target = make_target("a", well.info.dsn)
    says(well, BODIES[reason])
    for _ in range(2):
        status, text = get([target])
        assert (status, failure(text, "a")) == ("200 OK", reason)
        time.sleep(0.1)
    assert len(logged) == 1  # what changed, not every scrape
    says(well, returning(TEXT))
    assert failure(get([target])[1], "a") is None
    assert logged[1:] == ["a: answers again"]


def test_server_that_returns_null_writes_or_lacks_the_extension(
    server: Server, well: psycopg.Connection, make_target: Callable[..., Target]
) -> None:
    target = make_target("a", well.info.dsn)
    says(well, "BEGIN RETURN NULL; END")
    assert failure(get([target])[1], "a") == "exposition"
    well.execute(
        "CREATE FUNCTION public.sly() RETURNS text LANGUAGE plpgsql AS 'BEGIN CREATE TABLE x (); RETURN 1; END'"
    )
    says(well, "BEGIN RETURN public.sly(); END")
    assert failure(get([target])[1], "a") == "query"
    assert failure(get([make_target("b", server.dsn())])[1], "b") == "extension"
    well.execute("DROP EXTENSION pggit_excellence CASCADE")
    assert failure(get([target])[1], "a") == "extension"


def test_broken_connection_is_made_anew_within_the_scrape(
    well: psycopg.Connection, make_target: Callable[..., Target]
) -> None:
    target = make_target("a", well.info.dsn)
    get([target])
    (first,) = exporter_pids(well)
    well.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert failure(get([target])[1], "a") is None
    (second,) = exporter_pids(well)
    assert first != second


def test_hung_server_delays_nobody_and_takes_one_connection(
    server: Server, make_database: MakeDatabase, well: psycopg.Connection, make_target: Callable[..., Target]
) -> None:
    """Its process is stopped, so not even statement_timeout ends the query."""
    other = make_database("plain")
    with server.connect(other) as connection:
        says(connection, returning(TEXT))
    hung, fine, down = make_target("hung", well.info.dsn), make_target("fine", server.dsn(other)), "host=/nonexistent"
    targets = [hung, make_target("down", down), fine]
    assert failure(get(targets)[1], "hung") is None
    (pid,) = exporter_pids(well)
    os.kill(pid, signal.SIGSTOP)
    threads = threading.active_count()
    try:
        for _ in range(3):
            status, text = get(targets)
            assert status == "200 OK"
            assert [failure(text, name) for name in ("hung", "down", "fine")] == ["timeout", "connection", None]
        assert one(text, "pggit_scrape_duration_seconds", server="fine") < TIMEOUT
        assert one(text, "pggit_scrape_duration_seconds", server="hung") >= TIMEOUT
        # Asked alone the healthy one need not wait, whatever happens to the hung one.
        text = get(targets, "/probe?target=fine")[1]
        assert one(text, "pggit_scrape_duration_seconds", server="fine") < TIMEOUT
        # Prometheus' own patience counts where it is shorter.
        text = get(targets, "/probe?target=hung", x_prometheus_scrape_timeout_seconds="0.5")[1]
        assert one(text, "pggit_scrape_duration_seconds", server="hung") < TIMEOUT
        assert exporter_pids(well) == [pid]
        assert threading.active_count() <= threads + 1
    finally:
        os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + 10
    while failure(get(targets)[1], "hung") is not None:
        assert time.monotonic() < deadline
    assert len(exporter_pids(well)) == 1


def test_server_that_accepts_and_says_nothing(tmp_path: Path, make_target: Callable[..., Target]) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / ".s.PGSQL.5432"))
        silent.listen()
        target = make_target("a", f"host={tmp_path}")
        assert failure(get([target])[1], "a") == "timeout"


def test_scrapes_at_once_share_one_connection(well: psycopg.Connection, make_target: Callable[..., Target]) -> None:
    target = make_target("a", well.info.dsn)
    says(well, f"BEGIN PERFORM pg_sleep(0.1); {returning(TEXT).removeprefix('BEGIN ')}")
    failures: list[str | None] = []
    threads = [threading.Thread(target=lambda: failures.append(failure(get([target])[1], "a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [None] * 8
    assert len(exporter_pids(well)) == 1


# Text of a database that may be anything

START = "# HELP pggit_a A.\n# TYPE pggit_a gauge\n"
REFUSED = {
    "no family": "pggit_a 1\n",
    "no type": "# HELP pggit_a A.\npggit_a 1\n",
    "type of another": "# HELP pggit_a A.\n# TYPE pggit_b gauge\npggit_b 1\n",
    "a type that we do not have": "# HELP pggit_a A.\n# TYPE pggit_a info\npggit_a 1\n",
    "a name that is not ours": "# HELP up A.\n# TYPE up gauge\nup 1\n",
    "another family's sample": START + "pggit_b 1\n",
    "no sample": START,
    "empty line": START + "\npggit_a 1\n",
    "no value": START + "pggit_a{}\n",
    "a number that overflows": START + "pggit_a 1e999\n",
    "a timestamp": START + "pggit_a 1 2\n",
    "an open label": START + 'pggit_a{b="c} 1\n',
    "an unknown escape": START + 'pggit_a{b="\\t"} 1\n',
    "a label twice": START + 'pggit_a{b="c",b="d"} 1\n',
    "the server's label": START + 'pggit_a{server="other"} 1\n',
    "carriage return": START + "pggit_a 1\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """One such line would cost all servers their metrics."""
    with pytest.raises(ValueError, match=r"pggit_|up|^$"):
        list(families(REFUSED[name], "s"))


LABELS = st.dictionaries(st.sampled_from("abc"), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.one_of(FINITE.map(repr), st.integers().map(str), st.sampled_from(["NaN", "+Inf", "-Inf", "1e-400"]))


def written(labels: dict[str, str]) -> str:
    """Labels as SQL writes them."""
    pairs = (f'{name}="{escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}" if labels else ""


FRAGMENTS = (START, "# HELP pggit_a ", "# TYPE ", "pggit_a", "pggit_a_total", " counter", "\n", "{", "}", '"', "\\")
MORE = ("le=", '{le="1"}', "=", ",", " 1", " NaN", " +Inf", " 1e999", "\x00", "\u00fc", "\t", "{}", "# EOF", "'", "{,}")
ANYTHING = st.one_of(st.text(max_size=60), st.lists(st.sampled_from([*FRAGMENTS, *MORE]), max_size=25).map("".join))
LINES = st.lists(
    st.tuples(LABELS, NUMBERS).map(lambda sample: f"pggit_a{written(sample[0])} {sample[1]}\n"), min_size=1, max_size=9
).map(lambda lines: START + "".join(lines))


@settings(max_examples=200, deadline=None)
@given(st.one_of(ANYTHING, LINES), st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
@example(START + 'pggit_a{b="{},\\\\,"} 1\n', 'a"\\\n')
def test_what_is_served_says_the_same(text: str, server: str) -> None:
    """Prometheus' own client library reads every sample that it reads in the text, with the server's label."""
    try:
        served = merged([families(text, server)])
    except ValueError:
        return
    original = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = [sample for family in text_string_to_metric_families(served) for sample in family.samples]
    assert [(s.name, {**s.labels, "server": server}, repr(s.value)) for s in original] == [
        (s.name, s.labels, repr(s.value)) for s in found
    ]


@settings(max_examples=50, deadline=None)
@given(LINES)
def test_what_is_well_formed_is_served(text: str) -> None:
    assert merged([families(text, "s")])


def test_types_that_disagree() -> None:
    """The first server's counts; the family stands once."""
    other = START.replace("gauge", "histogram") + "pggit_a_count 1\npggit_a_sum 1\n"
    assert merged([families(START + "pggit_a 1\n", "a"), families(other, "b")]) == START + 'pggit_a{server="a"} 1\n'


# The command


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, well: psycopg.Connection) -> Path:
    """A service file: `here` is well, `away` is nowhere."""
    path = tmp_path / "pg_service.conf"
    here = "\n".join(f"{name}={value}" for name, value in well.info.get_parameters().items() if name != "options")
    path.write_text(f"[here]\n{here}\n[away]\nhost=/nonexistent\npassword=secret\n", encoding="utf-8")
    monkeypatch.setenv("PGSERVICEFILE", str(path))
    return path


def test_once(services: Path, capsys: Capture) -> None:
    assert services
    assert main(["exporter", "--once", "--service", "here"]) == 0
    assert one(capsys.readouterr().out, "pggit_up", server="here") == 1
    assert main(["exporter", "--once", "--service", "here", "--service", "away"]) == 1
    captured = capsys.readouterr()
    assert one(captured.out, "pggit_up", server="away") == 0
    assert captured.err.startswith("pggit-excellence exporter: away: ")
    assert captured.err.count("\n") == 1
    assert "secret" not in captured.err


def test_every_service_of_a_file(services: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("PGSERVICEFILE", "/nonexistent")
    again = services.with_name("again.conf")
    again.write_text(services.read_text(encoding="utf-8") + "[here]\nport=1\n#[no]\n", encoding="utf-8")
    assert main(["exporter", "--once", "--service-file", str(again)]) == 1
    assert {dict(labels)["server"] for labels in samples(capsys.readouterr().out)["pggit_up"]} == {"here", "away"}
    assert main(["exporter", "--once", "--service-file", str(again), "--service", "here"]) == 2
    assert "here: given twice" in capsys.readouterr().err


def test_role_with_pg_monitor_and_one_without(plain: psycopg.Connection, make_target: Callable[..., Target]) -> None:
    """The extension's own exposition, as the guide says to set it up."""
    try:
        for role, grant, reason in (
            ("zz_monitor", "GRANT pg_monitor TO zz_monitor", None),
            ("zz_none", "", "privilege"),
        ):
            plain.execute(f"CREATE ROLE {role} LOGIN; {grant}".encode())
            text = get([make_target(role, make_conninfo(plain.info.dsn, user=role))])[1]
            assert failure(text, role) == reason
    finally:
        plain.execute("DROP ROLE IF EXISTS zz_monitor, zz_none")


BAD = {
    "--service nope": 'nope: definition of service "nope" not found',
    "--service here --service here": "here: given twice",
    "--dsn hots=here": 'invalid connection option "hots"',
    "--dsn sslmode=nope": "sslmode",
    "--dsn port=abc": "port",
    "--service-file nope": "--service-file nope: No such file",
    "--service-file /dev/null": "no [service] in it",
    "--listen 9187": "give HOST:PORT",
    "--listen ::1:80": "in brackets: [::1]:80",
    "--listen x.invalid:80": "--listen x.invalid:80: ",
    "--listen 192.0.2.1:80": "--listen 192.0.2.1:80: Cannot assign",
    "--timeout 0": "give 0.1 to 3600 seconds",
    "--timeout nan": "give 0.1 to 3600 seconds",
    "--tls-cert x": "give both or neither",
    "--tls-cert x --tls-key y": "No such file",
    "--tls-cert /dev/null --tls-key /dev/null": "not the PEM files",
    "--tls-client-ca x": "needs --tls-cert",
}


@pytest.mark.parametrize("arguments", BAD)
def test_bad_input(services: Path, capsys: Capture, arguments: str) -> None:
    assert services
    assert main(["exporter", *shlex.split(arguments)]) == 2
    captured = capsys.readouterr()
    assert BAD[arguments] in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("dsn", "name"),
    [
        ("host=db port=5433 dbname=app user=u password=secret", "db:5433/app"),
        ("postgresql://u:secret@[::1]:5433/app", "::1:5433/app"),
        ("service=here", "here"),
        ("", "envhost:7/envdb"),
    ],
)
def test_label_of_a_server_without_a_name(services: Path, monkeypatch: pytest.MonkeyPatch, dsn: str, name: str) -> None:
    assert services
    for variable, value in {"PGHOST": "envhost", "PGPORT": "7", "PGDATABASE": "envdb"}.items():
        monkeypatch.setenv(variable, value)
    assert label(dsn) == name


def test_listen() -> None:
    assert parse_listen("[::1]:9719") == ("::1", 9719)
    assert parse_listen(":0") == ("", 0)


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The exporter as a process of its own, and its URL."""
    with started("exporter", "--format", "json", *arguments) as process:
        assert process.stdout is not None
        lines = list(itertools.takewhile(lambda line: line != "}\n", process.stdout))
        yield process, json.loads("".join([*lines, "}"]))["url"]


def fetched(url: str | urllib.request.Request, context: ssl.SSLContext | None = None) -> str:
    """The body behind a URL."""
    with urllib.request.urlopen(url, timeout=20, context=context) as answer:  # noqa: S310  # it is our own
        return str(answer.read().decode())


def test_process(services: Path, well: psycopg.Connection, capsys: Capture) -> None:
    """It serves, says what is wrong on stderr, ends cleanly on SIGTERM and leaves no connection."""
    assert services
    with running("--listen", "127.0.0.1:0", "--service", "here", "--service", "away") as (process, url):
        text = fetched(url)
        assert [failure(text, name) for name in ("here", "away")] == [None, "connection"]
        address = url.split("/")[2]
        assert main(["exporter", "--listen", address, "--service", "here"]) == 2
        captured = capsys.readouterr().err
        assert captured == f"pggit-excellence exporter: --listen {address}: Address already in use\n"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetched(url + "x")
        with socket.create_connection(tuple(address.split(":"))) as half:  # type: ignore[arg-type]
            half.sendall(b"GET /met")
        assert "pggit_up" in fetched(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read().count("\n") == 1
    deadline = time.monotonic() + 10
    while exporter_pids(well):
        assert time.monotonic() < deadline


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for localhost and its key in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls(services: Path, tmp_path: Path) -> None:
    """Https for clients with a certificate, and one that says nothing keeps nobody out."""
    assert services
    ours, theirs, stranger = (str(certificate(tmp_path, name)) for name in ("ours", "theirs", "stranger"))
    options = ("--tls-cert", ours, "--tls-key", ours, "--tls-client-ca", theirs, "--service", "here")
    with running("--listen", "localhost:0", *options) as (_, url):
        assert url.startswith("https://localhost:")
        host, _, port = url.split("/")[2].partition(":")
        with socket.create_connection((host, int(port))):  # and never a handshake
            context = ssl.create_default_context(cafile=ours)
            context.load_cert_chain(theirs)
            assert failure(fetched(url, context), "here") is None
        for refused in (None, stranger):
            context = ssl.create_default_context(cafile=ours)
            if refused:
                context.load_cert_chain(refused)
            with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
                fetched(url, context)
