"""Evidence from a server: every query answers, what fails is told, and the bundle holds what the server said."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.cli import main
from pggit_excellence.server import Server

PERIOD = "'2026-01-01 00:00+00', '2026-04-01 00:00+00'"
# What a role with pg_monitor alone may not read.
SUPERUSERS_ONLY = {"authentication_rules"}
PGGITS_TABLES = {"schema_changes", "schema_changes_by_actor"}
CRITERIA = {
    "CC6.1", "CC6.2", "CC6.3", "CC6.4", "CC6.5", "CC6.6", "CC6.7", "CC6.8", "CC7.1", "CC7.2", "CC7.3", "CC7.4", "CC7.5",
    "CC8.1", "A1.1", "A1.2", "A1.3", "C1.1", "C1.2", "PI1.1", "PI1.2", "PI1.3", "PI1.4", "PI1.5", "CC1-CC5", "CC9",
}  # fmt: skip


def failed(connection: psycopg.Connection) -> dict[str, str]:
    """The queries that failed, with the reason."""
    query = f"SELECT evidence, note FROM pggit_excellence.soc2_evidence({PERIOD}) WHERE status = 'failed'"
    return dict(connection.execute(query).fetchall())


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a pair of keys, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    assert main(["sign", "--generate-key", "k", "--no-passphrase"]) == 0
    capsys.readouterr()
    return tmp_path


def test_every_query_answers_a_superuser(pggit: psycopg.Connection) -> None:
    assert failed(pggit) == {}
    rows = pggit.execute(
        f"SELECT criterion, status, manual <> '' AND control <> '' FROM pggit_excellence.soc2_evidence({PERIOD})"
    ).fetchall()
    assert {row[0] for row in rows} == CRITERIA
    assert {row[0] for row in rows if row[1] == "manual"} == {"A1.3", "CC1-CC5", "CC6.4", "CC6.5", "CC9", "PI1.1"}
    assert all(row[2] for row in rows)


def test_without_pggit(plain: psycopg.Connection) -> None:
    """What needs pgGit says so; all else is collected."""
    told = failed(plain)
    assert set(told) <= {*PGGITS_TABLES, "object_forecast", "tracking_coverage"}
    assert set(told) >= PGGITS_TABLES
    assert told["schema_changes"] == '42P01: relation "pggit.history" does not exist'


def test_as_pg_monitor(server: Server, make_database: MakeDatabase) -> None:
    database = make_database("pggit")
    with server.connect(database) as admin:
        admin.execute("REVOKE ALL ON SCHEMA pggit FROM PUBLIC; CREATE ROLE evidence_monitor LOGIN IN ROLE pg_monitor")
        try:
            with server.connect(database, user="evidence_monitor") as monitor:
                told = failed(monitor)
                allowed = SUPERUSERS_ONLY | PGGITS_TABLES | {"object_forecast", "tracking_coverage"}
                assert SUPERUSERS_ONLY <= set(told) <= allowed, told
                assert all(reason.startswith("42501: permission denied") for reason in told.values()), told
        finally:
            admin.execute("DROP ROLE evidence_monitor")


def test_a_query_that_fails_is_told_and_the_rest_collected(pggit: psycopg.Connection) -> None:
    before = pggit.execute(f"SELECT count(*) FROM pggit_excellence.soc2_evidence({PERIOD})").fetchone()
    pggit.execute("ALTER TABLE pggit_excellence.upgrade_log RENAME COLUMN started_at TO began_at")
    assert failed(pggit) == {"upgrades": "42703: column u.started_at does not exist"}
    assert pggit.execute(f"SELECT count(*) FROM pggit_excellence.soc2_evidence({PERIOD})").fetchone() == before


def test_results_belong_to_the_period(pggit: psycopg.Connection) -> None:
    """The first moment is in it, the end is not."""
    for day, version in (
        ("2025-12-31 23:59:59.999999", 1),
        ("2026-01-01", 2),
        ("2026-03-31 23:59:59.999999", 3),
        ("2026-04-01", 4),
    ):
        pggit.execute(
            "INSERT INTO pggit_excellence.upgrade_log (to_version, started_at) VALUES (%s, %s)", (version, f"{day}+00")
        )
    pggit.execute("SET TimeZone = 'Asia/Tokyo'")
    query = f"SELECT result FROM pggit_excellence.soc2_evidence({PERIOD}) WHERE evidence = 'upgrades'"
    [(result,)] = pggit.execute(query).fetchall()
    assert [row["to_version"] for row in result] == ["2", "3"]
    assert result[0]["started_at"] == "2026-01-01T00:00:00+00:00"


def test_the_text_of_a_query_is_what_ran(pggit: psycopg.Connection) -> None:
    """And can be run again as it stands."""
    pggit.execute("SELECT pggit_excellence.start_upgrade('2')")
    rows = pggit.execute(
        "SELECT evidence, query FROM pggit_excellence.evidence_queries(now() - interval '1 d', now() + interval '1 h')"
    )
    for name, query in rows.fetchall():
        assert not re.search(r":(since|until)\b", query)
        answer = pggit.execute(query).fetchall()
        if name == "upgrades":
            assert len(answer) == 1


def test_long_results_are_cut_in_sql(pggit: psycopg.Connection) -> None:
    pggit.execute(
        "INSERT INTO pggit_excellence.upgrade_log (to_version, started_at)"
        " SELECT g, '2026-02-01' FROM generate_series(1, 1500) AS g"
    )
    row = pggit.execute(
        "SELECT row_count, jsonb_array_length(result), result -> 0 ->> 'to_version', note"
        f" FROM pggit_excellence.soc2_evidence({PERIOD}) WHERE evidence = 'upgrades'"
    ).fetchone()
    assert row == (1500, 1000, "1", "the first 1,000 rows; the query returns all")


def rows_of(connection: psycopg.Connection, name: str, period: str = PERIOD) -> list[dict[str, object]]:
    query = f"SELECT result FROM pggit_excellence.soc2_evidence({period}) WHERE evidence = '{name}' LIMIT 1"
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return list(row[0])


def test_changes_have_the_servers_time_and_archived_ones_count(server: Server, pggit: psycopg.Connection) -> None:
    """The population to take samples from is whole, whatever was archived since, and its times are not hours off."""
    pggit.execute(f"ALTER DATABASE {pggit.info.dbname} SET timezone = 'Asia/Tokyo'".encode())
    with server.connect(pggit.info.dbname) as tokyo:
        tokyo.execute("CREATE TABLE public.t (a integer)")
        pggit.execute("UPDATE pggit.history SET created_at = '2026-01-01 08:00' WHERE change_type = 'CREATE'")
        tokyo.execute("ALTER TABLE public.t ADD b integer")
        for day, name in (("2026-01-01 10:00", "early"), ("2026-03-31 10:00", "late"), ("2026-04-01 10:00", "later")):
            tokyo.execute(
                "INSERT INTO pggit.history"
                " (object_id, change_type, change_severity, created_at, created_by, sql_executed)"
                " SELECT id, 'ALTER', 'MINOR', %s, %s, 'x' FROM pggit.objects WHERE full_name = 'public.t'",
                [day, name],
            )
        before = rows_of(tokyo, "schema_changes")
        assert [(row["created_by"], row["created_at"]) for row in before] == [
            ("early", "2026-01-01T01:00:00+00:00"),
            ("late", "2026-03-31T01:00:00+00:00"),
        ]
        by_actor = rows_of(tokyo, "schema_changes_by_actor")
        tokyo.execute("SELECT * FROM pggit_excellence.archive_history('1 day', dry_run => false)")
        after = rows_of(tokyo, "schema_changes")
        assert [row.pop("archived") for row in after] == [True, True]
        assert [row.pop("archived") for row in before] == [False, False]
        assert after == before
        assert rows_of(tokyo, "schema_changes_by_actor") == by_actor


def test_failed_logins_are_those_of_who_failed(plain: psycopg.Connection) -> None:
    """Not of whoever read the log; and where nobody read it, that is shown."""
    period = "now() - interval '1 d', now() + interval '1 h'"
    assert (rows_of(plain, "login_failures", period), rows_of(plain, "log_files", period)) == ([], [])
    events = json.dumps(
        [{"kind": "login_failure", "details": {"user": user}} for user in ("mallory", "mallory", "eve")]
    )
    plain.execute("SELECT pggit_excellence.record_log_events('f', 'server.csv', 0, 70, %s)", [events])
    found = rows_of(plain, "login_failures", period)
    assert [(row["role_name"], row["failures"]) for row in found] == [("eve", 1), ("mallory", 2)]
    assert [(row["file_name"], row["bytes_read"]) for row in rows_of(plain, "log_files", period)] == [
        ("server.csv", 70)
    ]


def test_the_first_snapshot_is_no_change(plain: psycopg.Connection) -> None:
    period = "now() - interval '1 d', now() + interval '1 h'"
    plain.execute("SELECT pggit_excellence.take_access_snapshot()")
    assert rows_of(plain, "access_changes", period) == []
    plain.execute("CREATE SCHEMA evidence_more; SELECT pggit_excellence.take_access_snapshot()")
    found = rows_of(plain, "access_changes", period)
    assert {(row["object_name"], row["added"]) for row in found} == {("evidence_more", True)}


def test_no_text_of_a_statement_is_shown(pggit: psycopg.Connection) -> None:
    """Statements hold what people write into them; their SHA-256 is there."""
    pggit.execute("SELECT * FROM pggit_excellence.enable_audit()")
    statements = [
        "CREATE TABLE t (a text DEFAULT 'hunter2')",
        f"CREATE TABLE u (a text DEFAULT 'hunter2{'x' * 20000}')",
    ]
    for statement in statements:
        pggit.execute(statement.encode())
    period = "now() - interval '1 d', now() + interval '1 d'"
    query = f"SELECT evidence, result::text FROM pggit_excellence.soc2_evidence({period})"
    results = dict(pggit.execute(query.encode()).fetchall())
    assert [name for name, result in results.items() if "hunter2" in str(result)] == []
    for statement in statements:
        assert hashlib.sha256(statement.encode()).hexdigest() in results["audit_log"]


@pytest.mark.parametrize(
    ("period", "says"),
    [
        ("NULL, '2026-04-01'", "a period needs a beginning and an end"),
        ("'-infinity', '2026-04-01'", "a period needs a beginning and an end"),
        ("'2026-04-01', '2026-04-01'", "the period must end after it begins"),
        ("'9000-04-01', '9001-04-01'", "the period has not begun"),
        ("'2026-04-01', '20000-04-01'", "between the years 1 and 9999"),
    ],
)
def test_bad_periods(plain: psycopg.Connection, period: str, says: str) -> None:
    for function in ("soc2_evidence", "evidence_queries"):
        with pytest.raises(psycopg.DataError, match=says) as caught:
            plain.execute(f"SELECT * FROM pggit_excellence.{function}({period})")
        assert caught.value.diag.message_hint


def test_no_secret_of_the_configuration_is_shown(server: Server, plain: psycopg.Connection) -> None:
    """Passwords in pg_hba.conf, in settings and of roles."""
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    try:
        hba.write_text(
            before
            + 'host all all 10.0.0.0/8 ldap ldapserver=x ldapbasedn="dc=x" ldapbinddn="cn=x" ldapbindpasswd="S3CRET"\n'
            'host all all 10.1.0.0/16 radius radiusservers="127.0.0.1" radiussecrets="S3CRET"\n'
        )
        plain.execute("CREATE ROLE evidence_secret PASSWORD 'S3CRET'")
        plain.execute("ALTER SYSTEM SET primary_conninfo = 'host=x password=S3CRET'")
        plain.execute("SELECT pg_reload_conf()")
        text = plain.execute(
            f"SELECT string_agg(e::text, '') FROM pggit_excellence.soc2_evidence({PERIOD}) AS e"
        ).fetchone()
        assert text is not None
        assert "radiussecrets=(left out)" in text[0]
        assert "evidence_secret" in text[0]
        assert "S3CRET" not in text[0]
    finally:
        hba.write_text(before)
        for statement in (
            "ALTER SYSTEM RESET primary_conninfo",
            "SELECT pg_reload_conf()",
            "DROP ROLE evidence_secret",
        ):
            plain.execute(statement)


def test_the_bundle_holds_what_the_server_said(
    pggit: psycopg.Connection, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte, whatever the settings of the role; signed; and the same again where nothing changed."""
    pggit.execute("CREATE TABLE public.changed (id int)")
    pggit.execute(f"ALTER DATABASE {pggit.info.dbname} SET DateStyle = 'German'")
    pggit.execute(f"ALTER DATABASE {pggit.info.dbname} SET TimeZone = 'Asia/Tokyo'")
    pggit.execute(f"ALTER DATABASE {pggit.info.dbname} SET search_path = public")
    assert main(["evidence", "--period", "2026Q4", "--out", "e.zip", "--key", "k.key", "--dsn", pggit.info.dsn]) in (
        0,
        1,
    )
    said = capsys.readouterr().out
    assert re.search(r"e\.zip: (\d+) of \1 queries collected", said)
    assert main(["evidence", "verify", "e.zip", "--key", "k.pub", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["failed"] == []
    with zipfile.ZipFile(keys / "e.zip") as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
        roles = [json.loads(line) for line in bundle.read("results/roles.jsonl").splitlines()]
        changes = [json.loads(line) for line in bundle.read("results/schema_changes.jsonl").splitlines()]
        query = bundle.read("queries/roles.sql").decode()
    assert roles == [row[0] for row in pggit.execute(f"SELECT row_to_json(q) FROM ({query.rstrip().rstrip(';')}) AS q")]
    assert [change["full_name"] for change in changes][-1] == "public.changed"
    assert changes[-1]["created_at"].endswith("+00:00")
    row = pggit.execute("SELECT system_identifier::text, current_database()::text FROM pg_control_system()").fetchone()
    server = manifest["server"]
    assert (server["system_identifier"], server["database"], server["in_recovery"]) == (*row, False)  # type: ignore[misc]
    assert server["not_known"] == {}
    assert manifest["period"]["since"] == "2026-10-01T00:00:00.000000Z"


def test_collecting_refuses_in_one_line(
    pggit: psycopg.Connection, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (keys / "there.zip").write_bytes(b"x")
    (keys / "dangling.zip").symlink_to("nowhere")
    cases = {
        "exists already": ["--period", "2026Q4", "--out", "there.zip"],
        "exists already;": ["--period", "2026Q4", "--out", "dangling.zip"],
        "no such file": ["--period", "2026Q4", "--out", "no/such/e.zip"],
        "file name too long": ["--period", "2026Q4", "--out", "x" * 300],
        "k.pub": ["--period", "2026Q4", "--out", "e.zip", "--key", "k.pub"],
        "the period has not begun": ["--period", "9000Q4", "--out", "e.zip"],
        "nowhere": ["--period", "2026Q4", "--out", "e.zip", "--dsn", "host=/nowhere"],
    }
    for says, arguments in cases.items():
        assert main(["evidence", "--dsn", pggit.info.dsn, *arguments]) == 2
        error = capsys.readouterr().err
        assert (says in error, error.count("\n")) == (True, 1), error
    assert (keys / "there.zip").read_bytes() == b"x"
    assert sorted(path.name for path in keys.iterdir()) == ["dangling.zip", "k.key", "k.pub", "there.zip"]


def test_collecting_goes_on_where_a_query_fails(
    plain: psycopg.Connection, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unsigned, said so in words; status 1; and the reason is in the bundle."""
    plain.execute("ALTER TABLE pggit_excellence.upgrade_log RENAME COLUMN started_at TO began_at")
    assert main(["evidence", "collect", "--period", "2026", "--out", "e.zip", "--dsn", plain.info.dsn]) == 1
    said = capsys.readouterr().out
    assert "UNSIGNED" in said
    assert "failed: upgrades: 42703: column u.started_at does not exist" in said
    assert main(["evidence", "verify", "e.zip", "--hashes-only"]) == 0
    with zipfile.ZipFile(keys / "e.zip") as bundle:
        readme = bundle.read("README.txt").decode()
        assert "results/upgrades.jsonl" not in bundle.namelist()
    assert "NOT SIGNED" in readme
    assert "upgrades, FAILED: 42703" in readme


@pytest.mark.once
@pytest.mark.usefixtures("keys")
def test_collecting_from_a_database_of_bytes(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """SQL_ASCII: a row that is no text makes its query fail, and no other."""
    with server.connect() as admin:
        admin.execute("CREATE DATABASE evidence_bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        try:
            with server.connect("evidence_bytes") as connection:
                connection.execute("CREATE EXTENSION pggit_excellence")
                connection.execute("SET client_encoding = 'SQL_ASCII'")
                connection.execute(
                    "INSERT INTO pggit_excellence.upgrade_log (to_version) VALUES (convert_from('\\xff', 'SQL_ASCII'))"
                )
            assert main(["evidence", "--period", "2026", "--out", "e.zip", "--dsn", server.dsn("evidence_bytes")]) == 1
            assert "failed: upgrades: 22021: invalid byte sequence" in capsys.readouterr().out
            assert main(["evidence", "verify", "e.zip", "--hashes-only"]) == 0
        finally:
            admin.execute("DROP DATABASE evidence_bytes WITH (FORCE)")


@pytest.mark.once
def test_every_function_and_table_of_ours_is_looked_at_by_some_query(plain: psycopg.Connection) -> None:
    """Tables that hold evidence are in the bundle: a new one has to be added, or named here with its reason."""
    left_out = {
        "audit_log_pending", "audit_log_sealed",  # parts of audit_log
        "audit_state",  # how far the audit has told
        "history_partitioning",  # how, not what
        # behind slo_report():
        "metric_retention", "metric_rollups", "objective_rollups", "performance_metrics", "performance_metrics_new",
        "ddl_tracking_samples",
        "availability_batches", "availability_monitors", "probe_results", "slo_objectives", "sentinel_bookings",
        "snapshots", "statement_snapshots", "table_io_snapshots", "statements", "slo_event_bookings",  # performance
    }  # fmt: skip
    tables = plain.execute(
        "SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace = 'pggit_excellence'::regnamespace"
        " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    ).fetchall()
    queries = (ROOT / "sql" / "60_evidence" / "evidence_queries.sql").read_text(encoding="utf-8")
    missing = {name for (name,) in tables if f"pggit_excellence.{name}" not in queries} - left_out
    assert missing == set()
