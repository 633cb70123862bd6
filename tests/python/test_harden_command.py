"""`pggit-excellence harden` and scripts/security/hardening-check.sh: what they print, and their exit status."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import psycopg
import pytest

from conftest import ROOT
from pggit_excellence.cli import main
from pggit_excellence.server import Server

SCRIPT = ROOT / "scripts" / "security" / "hardening-check.sh"
SEVERITIES = ["low", "medium", "high", "critical"]


def run(connection: psycopg.Connection, *words: str) -> int:
    return main(["harden", words[0], "--dsn", connection.info.dsn, *words[1:]])


def script(server: Server, connection: psycopg.Connection, *words: str) -> tuple[int, str, str]:
    """Status, output and errors of the script, which gets the database from libpq's environment."""
    environment = server.environment | {"PGDATABASE": connection.info.dbname}
    done = subprocess.run([SCRIPT, *words], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def stand_in(connection: psycopg.Connection, rows: str) -> None:
    """hardening_check() that answers so: (check_id, severity, status)."""
    connection.execute(
        f"""
        CREATE OR REPLACE FUNCTION pggit_excellence.hardening_check(profile text DEFAULT 'standard')
        RETURNS TABLE (check_id text, category text, title text, severity text, status text, evidence jsonb,
                       remediation text, refs jsonb)
        LANGUAGE sql STABLE AS $$
            SELECT v.check_id, 'things', 'Title of ' || v.check_id, v.severity, v.status, '{{"a": 1}}'::jsonb,
                   CASE v.status WHEN 'fail' THEN 'REVOKE ALL ON x FROM PUBLIC;' END, '{{"cis": ["4.5"]}}'::jsonb
            FROM (VALUES {rows}) AS v (check_id, severity, status)
        $$"""
    )


@pytest.mark.once
def test_a_closed_pipe_is_no_finding(server: Server, plain: psycopg.Connection) -> None:
    """141, as the shell says of SIGPIPE, and not the 1 of findings."""
    command = f"{sys.executable} -m pggit_excellence harden score | true; exit ${{PIPESTATUS[0]}}"
    environment = server.environment | {"PGDATABASE": plain.info.dbname, "PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


def test_check_says_what_the_server_says(
    server: Server, pggit: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """All rows as JSON, by the command and by psql alone; the exit status is that of the failed ones."""
    expected = {
        row[0]: row[1]
        for row in pggit.execute("SELECT check_id, status FROM pggit_excellence.hardening_check('strict')").fetchall()
    }
    assert "fail" in expected.values()
    assert run(pggit, "check", "--profile", "strict", "--format", "json") == 1
    said = json.loads(capsys.readouterr().out)
    assert {check["check_id"]: check["status"] for check in said["checks"]} == expected
    assert (said["ok"], said["profile"], sum(said["summary"].values())) == (False, "strict", len(expected))
    status, out, errors = script(server, pggit, "--profile", "strict", "--format", "json")
    assert (status, errors) == (1, "")
    assert {check["check_id"]: check["status"] for check in json.loads(out)["checks"]} == expected


def test_text_shows_evidence_and_remedy(
    server: Server, pggit: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(pggit, "('one', 'high', 'fail'), ('two', 'low', 'pass'), ('three', 'low', 'unknown')")
    assert run(pggit, "check") == 1
    out = capsys.readouterr().out
    assert re.search(
        r'^high fail  one  CIS 4\.5\n  Title of one\n  found: \{"a": 1\}\n    REVOKE ALL ON x FROM PUBLIC;\n', out
    )
    assert re.search(r"^3 checks of profile standard: 1 fail, 1 unknown, 1 pass$", out, re.MULTILINE)
    assert "two" not in out
    assert run(pggit, "check", "--all") == 1
    assert "Title of two" in capsys.readouterr().out
    status, out, _ = script(server, pggit)
    assert status == 1
    assert re.search(r"fail +\| high +\| things +\| one +\| Title of one", out)
    assert "REVOKE ALL ON x FROM PUBLIC;" in out
    assert "Title of two" not in out


def test_threshold(server: Server, pggit: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    """Every severity against every threshold; a warning never counts."""
    for number, severity in enumerate(SEVERITIES):
        stand_in(pggit, f"('one', '{severity}', 'fail'), ('two', 'critical', 'warn')")
        for least, fail_on in enumerate([*SEVERITIES, "never"]):
            assert run(pggit, "check", "--fail-on", fail_on) == int(number >= least), (severity, fail_on)
        for fail_on in (severity, [*SEVERITIES, "never"][number + 1]):
            assert script(server, pggit, "--fail-on", fail_on)[0] == int(fail_on == severity)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ("('one', 'low', 'pass')", 0),
        ("('one', 'critical', 'warn')", 0),
        ("('one', 'high', 'fail'), ('two', 'high', 'pass')", 1),
        ("('one', 'high', 'unknown'), ('two', 'high', 'manual'), ('three', 'high', 'not_applicable')", 3),
    ],
)
def test_exit_status(
    server: Server, pggit: psycopg.Connection, rows: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing could be decided nobody is told that all is well."""
    stand_in(pggit, rows)
    assert run(pggit, "check") == status
    assert script(server, pggit)[0] == status
    assert capsys.readouterr().err == ""


def test_categories(pggit: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pggit, "check", "--category", "pggit", "--format", "json") == 1
    assert {check["category"] for check in json.loads(capsys.readouterr().out)["checks"]} == {"pggit"}
    assert run(pggit, "check", "--category", "no such") == 2
    assert re.fullmatch(r".*no such category: no such \(there are: .*pggit.*\)\n", capsys.readouterr().err)


def test_score(pggit: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    row = pggit.execute("SELECT score FROM pggit_excellence.hardening_score() WHERE category = 'overall'").fetchone()
    assert row is not None
    assert run(pggit, "score", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["score"] == float(row[0])
    assert run(pggit, "score", "--fail-under", str(row[0])) == 0
    assert run(pggit, "score", "--fail-under", str(float(row[0]) + 0.1)) == 1
    stand_in(pggit, "('one', 'low', 'unknown')")
    assert run(pggit, "score") == 3
    with pytest.raises(SystemExit):
        run(pggit, "score", "--fail-under", "101")
    assert "not a percentage" in capsys.readouterr().err


def test_plan_apply_undo(pggit: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan is what apply does; afterwards there is nothing to plan; undo brings the plan back."""

    def statements(command: str) -> list[str]:
        status = run(pggit, command, "--format", "json")
        actions = json.loads(capsys.readouterr().out)["actions"]
        found = [action["statement"] for action in actions if action["status"] in ("missing", "applied")]
        assert status == int(command == "plan" and bool(found))
        return found

    score = "SELECT score FROM pggit_excellence.hardening_score() WHERE category = 'pggit'"
    old = pggit.execute(score).fetchone()
    before = statements("plan")
    assert len(before) > 10
    assert statements("apply") == before
    new = pggit.execute(score).fetchone()
    assert old is not None
    assert new is not None
    assert new[0] > old[0]
    assert statements("plan") == []
    assert run(pggit, "apply") == 0
    assert re.search(r"^0 done", capsys.readouterr().out, re.MULTILINE)
    assert run(pggit, "undo") == 0
    undone = re.search(r"^(\d+) undone$", capsys.readouterr().out, re.MULTILINE)
    assert undone is not None
    assert pggit.execute(score).fetchone() == old
    assert statements("plan") == before
    assert int(undone[1]) == len(before)
    assert run(pggit, "undo") == 3
    capsys.readouterr()
    assert run(pggit, "undo", "--action", "1") == 2
    assert re.fullmatch(r".*action 1 was undone already.*\n", capsys.readouterr().err)


def test_what_is_blocked_is_said_and_nothing_is_run(
    pggit: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    pggit.execute("CREATE ROLE harden_blocker; GRANT TRIGGER ON pggit.history TO harden_blocker WITH GRANT OPTION")
    try:
        assert run(pggit, "plan") == 1
        out = capsys.readouterr().out
        assert re.search(r"^-- blocked: .*harden_blocker", out, re.MULTILINE)
        assert re.search(r"^\d+ to run, 1 blocked: these first, after review$", out, re.MULTILINE)
        assert run(pggit, "apply") == 2
        assert re.fullmatch(r".*harden_blocker.*REVOKE TRIGGER.*\n", capsys.readouterr().err)
        assert pggit.execute("SELECT count(*) FROM pggit_excellence.action_log").fetchone() == (0,)
    finally:
        pggit.execute("DROP OWNED BY harden_blocker; DROP ROLE harden_blocker")


@pytest.mark.parametrize("command", ["check", "score", "plan", "apply", "undo"])
def test_where_it_cannot_work(server: Server, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each: no server, no extension, a role without rights."""
    assert main(["harden", command, "--dsn", "host=/nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["harden", command, "--dsn", server.dsn("template1")]) == 2
    assert "CREATE EXTENSION pggit_excellence" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--profile", "lax"], "no such profile: lax"),
        (["--fail-on", "1"], "no such severity: 1"),
        (["--format", "xml"], "no such format: xml"),
        (["--dsn"], "--dsn needs a value"),
        (["--quiet"], "unknown option --quiet"),
        (["--dsn", "host=/nowhere"], "could not be made"),
        (["--dsn", "dbname=template1"], "could not be made"),
    ],
)
def test_script_refuses(server: Server, pggit: psycopg.Connection, words: list[str], says: str) -> None:
    status, out, errors = script(server, pggit, *words)
    assert (status, out) == (2, "")
    assert says in errors.splitlines()[-1]


@pytest.mark.once
def test_script_helps_and_needs_psql(server: Server, pggit: psycopg.Connection) -> None:
    status, out, _ = script(server, pggit, "--help")
    assert (status, "usage: hardening-check.sh" in out) == (0, True)
    done = subprocess.run(["/bin/sh", SCRIPT], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "hardening-check.sh: psql is not installed\n")


@pytest.mark.once
def test_script_does_not_run_what_it_is_given(server: Server, pggit: psycopg.Connection) -> None:
    """Profiles are checked, and rows with quotes and backslashes stay text."""
    stand_in(pggit, "(E'it''s \\\\! touch x', 'high', 'fail'), ($q$:'profile' `id`$q$, 'low', 'pass')")
    status, out, errors = script(server, pggit, "--format", "json")
    assert (status, errors) == (1, "")
    names = [check["check_id"] for check in json.loads(out)["checks"]]
    assert names == ["it's \\! touch x", ":'profile' `id`"]
    assert script(server, pggit, "--profile", "'; DROP TABLE x; --")[0] == 2
