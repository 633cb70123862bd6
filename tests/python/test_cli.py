"""The commands doctor and report, as a user runs them: what they say and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from conftest import ROOT, MakeDatabase
from pggit_excellence.cli import COMMANDS, main
from pggit_excellence.server import Server
from printed import too_wide

LONG_ROLE = "zz_nobody_with_a_name_so_long_that_lines_grow"
Capture = pytest.CaptureFixture[str]


def ask(capsys: Capture, *argv: str) -> tuple[int, Any]:
    """The exit status, and what was printed as JSON."""
    status = main([*argv, "--format", "json"])
    return status, json.loads(capsys.readouterr().out)


def doctor(capsys: Capture, connection: psycopg.Connection, **options: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit status, and (status, finding and advice) of each check."""
    dsn = psycopg.conninfo.make_conninfo(connection.info.dsn, **options)
    status, said = ask(capsys, "doctor", "--dsn", dsn)
    checks = {check["name"]: (check["status"], f"{check['finding']} {check['advice']}") for check in said["checks"]}
    assert said["ok"] == (status == 0)
    return status, checks


def test_doctor_finds_all_well(capsys: Capture, pggit: psycopg.Connection) -> None:
    pggit.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    status, checks = doctor(capsys, pggit)
    assert status == 0
    well = {"server", "extension", "pgGit", "pgGit triggers", "pg_stat_statements", "role"}
    assert {name: checks[name][0] for name in well} == dict.fromkeys(well, "ok")
    assert checks["PL/Python companion"][0] == "warn"


def test_doctor_without_extension(capsys: Capture, server: Server, make_database: MakeDatabase) -> None:
    with server.connect(make_database("empty")) as connection:
        status, checks = doctor(capsys, connection)
        assert status == 1
        assert checks["extension"] == ("fail", "not in this database CREATE EXTENSION pggit_excellence;")
        assert checks["pgGit"][0] == "warn"
        connection.execute(checks["extension"][1].removeprefix("not in this database ").encode())
        assert doctor(capsys, connection)[0] == 0


@pytest.mark.parametrize("state", ["DISABLE", "ENABLE REPLICA"])
def test_doctor_sees_a_trigger_that_does_not_fire(capsys: Capture, pggit: psycopg.Connection, state: str) -> None:
    row = pggit.execute("SELECT max(quote_ident(evtname)) FROM pg_event_trigger").fetchone()
    assert row is not None
    pggit.execute(f"ALTER EVENT TRIGGER {row[0]} {state}".encode())
    dsn = pggit.info.dsn
    status, said = ask(capsys, "doctor", "--dsn", dsn)
    failed = [check for check in said["checks"] if check["status"] == "fail"]
    assert (status, len(failed)) == (1, 1)
    pggit.execute(failed[0]["advice"].encode())
    assert ask(capsys, "doctor", "--dsn", dsn)[0] == 0


def test_doctor_sees_that_nothing_is_recorded(capsys: Capture, pggit: psycopg.Connection) -> None:
    for row in pggit.execute("SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger").fetchall():
        pggit.execute(row[0].encode())
    status, checks = doctor(capsys, pggit)
    assert (status, checks["pgGit triggers"][0]) == (1, "fail")


def test_doctor_sees_a_newer_version(capsys: Capture, plain: psycopg.Connection) -> None:
    plain.execute("UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'pggit_excellence'")
    status, checks = doctor(capsys, plain)
    assert (status, checks["extension"][0]) == (0, "warn")
    assert "UPDATE" in checks["extension"][1]


def test_doctor_of_a_role_without_privileges(capsys: Capture, plain: psycopg.Connection) -> None:
    plain.execute('CREATE ROLE "no body" LOGIN')
    try:
        status, checks = doctor(capsys, plain, user="no body")
        assert (status, checks["role"][0]) == (1, "fail")
        plain.execute('GRANT pg_monitor TO "no body"')
        assert doctor(capsys, plain, user="no body")[0] == 0
    finally:
        plain.execute('DROP ROLE "no body"')


DIAGNOSTIC = """
CREATE FUNCTION pggit_excellence.{name}(schemas text[] DEFAULT NULL) RETURNS TABLE (item text, share numeric)
LANGUAGE plpgsql {volatility} SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    {body};
END $body$
"""


def add(connection: psycopg.Connection, name: str, body: str, volatility: str = "STABLE") -> None:
    connection.execute(DIAGNOSTIC.format(name=name, body=body, volatility=volatility).encode())


def test_report(capsys: Capture, plain: psycopg.Connection) -> None:
    dsn = plain.info.dsn
    add(plain, "zz_one", r"RETURN QUERY SELECT E'[bold]a\x1b[31m\n' || schemas[1], NULL::numeric")
    for name in ("zz_writes", "_zz_private"):
        add(plain, name, "RETURN", "VOLATILE" if name == "zz_writes" else "STABLE")
    status, said = ask(capsys, "report", "--dsn", dsn, "--only", "zz_one", "--schemas", "x,y")
    assert status == 0
    rows = [{"item": "[bold]a\x1b[31m\nx", "share": None}]
    assert said == {"diagnostics": [{"name": "zz_one", "description": None, "rows": rows, "error": None}]}

    assert main(["report", "--dsn", dsn, "--only", "zz_one", "--schemas", "x"]) == 0
    printed = capsys.readouterr().out
    assert r"[bold]a\x1b[31m" in printed
    assert "\x1b[31m" not in printed

    _, said = ask(capsys, "report", "--dsn", dsn)
    names = [section["name"] for section in said["diagnostics"]]
    assert "zz_one" in names
    assert not {"zz_writes", "_zz_private"} & set(names)


@pytest.mark.parametrize("width", [80, 120])
def test_text_fits_the_width(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, pggit: psycopg.Connection, width: int
) -> None:
    """Nothing is cut: what does not fit as a table is printed in blocks, statements below their row."""
    monkeypatch.setattr("pggit_excellence.output.WIDTH_OF_A_FILE", width)
    long = " ".join(f"word{number}" for number in range(60))
    pggit.execute(f"CREATE ROLE {LONG_ROLE} LOGIN".encode())
    try:
        add(pggit, "zz_wide", f"RETURN QUERY SELECT '{long}', 1.5")
        add(pggit, "zz_narrow", "RETURN QUERY SELECT 'short', 1.5")
        assert main(["report", "--dsn", pggit.info.dsn]) == 0
        main(["doctor", "--dsn", pggit.info.dsn])
        main(["doctor", "--dsn", psycopg.conninfo.make_conninfo(pggit.info.dsn, user=LONG_ROLE)])
    finally:
        pggit.execute(f"DROP ROLE {LONG_ROLE}".encode())
    printed = capsys.readouterr().out
    assert too_wide(printed, width) == []
    assert "…" not in printed
    assert long in " ".join(printed.split())
    assert re.search(r"\nitem +word0 word1 ", printed)
    assert re.search(r"\nitem +share *\nshort +1.5 *\n", printed)
    assert re.search(r"\nkind +foreign_key *\n", printed)
    assert re.search(r"\nmend_sql *\n  CREATE INDEX CONCURRENTLY history", printed)


def test_report_says_what_could_not_run(capsys: Capture, plain: psycopg.Connection) -> None:
    add(plain, "zz_bad", "RAISE EXCEPTION 'it broke' USING HINT = 'mend it'")
    status, said = ask(capsys, "report", "--dsn", plain.info.dsn, "--only", "zz_bad")
    assert status == 2
    assert said["diagnostics"][0]["error"] == "it broke (mend it)"


def test_report_changes_nothing(capsys: Capture, plain: psycopg.Connection) -> None:
    """Even where a function that says it only reads calls one that writes."""
    add(plain, "_zz_writes", "CREATE TABLE public.sly ()", "VOLATILE")
    add(plain, "zz_sly", "PERFORM pggit_excellence._zz_writes()")
    status, said = ask(capsys, "report", "--dsn", plain.info.dsn, "--only", "zz_sly")
    assert status == 2
    assert "read-only transaction" in said["diagnostics"][0]["error"]


def fails(capsys: Capture, *argv: str) -> str:
    """A command that ends with status 2 and one line on stderr; returns the line."""
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("pggit-excellence ")
    return captured.err


CONNECTING = ["doctor", "report", "scan", "slo export", "slo maintain", "slo probe", "slo report", "slo status"]


@pytest.mark.parametrize("command", CONNECTING)
def test_bad_connections(capsys: Capture, server: Server, command: str) -> None:
    words = command.split()
    assert "No such file" in fails(capsys, *words, "--dsn", "host=/nowhere")
    assert 'invalid connection option "hots"' in fails(capsys, *words, "--dsn", "hots=here")
    assert "does not exist" in fails(capsys, *words, "--dsn", server.dsn("no_such_database"))
    assert "does not exist" in fails(capsys, *words, "--dsn", server.dsn(user="no_such_role"))


def test_report_bad_input(capsys: Capture, server: Server, plain: psycopg.Connection) -> None:
    assert "not in this database" in fails(capsys, "report", "--dsn", server.dsn())
    assert "no such diagnostic: nope" in fails(capsys, "report", "--dsn", plain.info.dsn, "--only", "nope")
    plain.execute("CREATE ROLE zz_nobody LOGIN")
    try:
        dsn = psycopg.conninfo.make_conninfo(plain.info.dsn, user="zz_nobody")
        assert "GRANT pg_monitor TO zz_nobody" in fails(capsys, "report", "--dsn", dsn)
    finally:
        plain.execute("DROP ROLE zz_nobody")


def test_the_environment_of_libpq(server: Server) -> None:
    """Without --dsn the PG* variables count; the command runs as a program of its own."""
    command = [sys.executable, "-m", "pggit_excellence", "doctor"]
    environment = server.environment | {"PYTHONPATH": str(ROOT / "tools"), "PGDATABASE": "postgres"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("ok ")
    assert "CREATE EXTENSION pggit_excellence;" in done.stdout


@pytest.mark.once
@pytest.mark.parametrize("argv", [[], ["nonsense"], ["doctor", "--format", "xml"], ["report", "--nonsense"], ["slo"]])
def test_usage(capsys: Capture, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.once
def test_help_names_every_command_without_a_database(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


@pytest.mark.once
def test_imports_are_lazy() -> None:
    """Help does not wait for a database driver."""
    code = "import sys, pggit_excellence.cli; sys.exit('psycopg' in sys.modules or 'rich' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


@pytest.mark.once
@pytest.mark.parametrize("handler", ["", "atexit.register(print, 'last', flush=True)"])
def test_nothing_is_lost_at_the_end(tmp_path: Path, handler: str) -> None:
    """A scan ends its process at once, with all that it has printed; and not where somebody waits for the end."""
    (tmp_path / "a.sql").write_text("DO $$ BEGIN EXECUTE a; END $$;\n" * 3000)
    code = f"import sys; {'import atexit; ' + handler if handler else ''}\nfrom pggit_excellence.cli import run\nrun()"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    command = [sys.executable, "-c", code, "scan", "--format", "json", str(tmp_path / "a.sql")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    report, end, rest = done.stdout.rpartition("\n}\n")
    assert len(json.loads(report + end)["sites"]) == 3000
    assert rest == ("last\n" if handler else "")
