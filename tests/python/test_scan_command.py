"""The command `scan` as a user runs it: options, exit status, and one clear line for what is wrong."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from pggit_excellence.cli import main
from pggit_excellence.scan.command import add_arguments
from pggit_excellence.scan.config import KEYS, RETURNS, load
from pggit_excellence.server import SUPERUSER, Server
from scan_reports import FUNCTION

pytestmark = pytest.mark.once

GUIDE = ROOT / "docs" / "guides" / "SCAN.md"
Capture = pytest.CaptureFixture[str]
SAFE = FUNCTION.replace("'DROP TABLE ' || p_name", "format('DROP TABLE %I', p_name)")
# Quotes added by hand around a value: the one fix that is always certain.
CERTAIN = FUNCTION.replace("'DROP TABLE ' || p_name", "'DELETE FROM users WHERE name = ''' || p_name || ''''")
HINT = FUNCTION.replace("'DROP TABLE ' || p_name", "format('DELETE FROM users WHERE name = %L', p_name)")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: bad.sql has one finding, good.sql none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.sql").write_text(FUNCTION)
    (tmp_path / "good.sql").write_text(SAFE)
    return tmp_path


def run(capsys: Capture, *argv: str) -> tuple[int, str, list[str]]:
    """Exit status, standard output, and the lines on standard error."""
    status = main(["scan", *argv])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return status, captured.out, captured.err.splitlines()


def ask(capsys: Capture, *argv: str) -> tuple[int, Any]:
    status, printed, _ = run(capsys, *argv, "--format", "json")
    return status, json.loads(printed)


def rules(said: Any) -> list[str]:
    return [finding["rule"] for finding in said["findings"]]


def test_findings_and_none(capsys: Capture, folder: Path) -> None:
    status, said = ask(capsys, "bad.sql", "good.sql")
    assert (status, rules(said)) == (1, ["PGX101"])
    assert [(site["file"], site["line"], site["verdict"]) for site in said["sites"]] == [
        ("bad.sql", 6, "unsafe"),
        ("good.sql", 6, "safe"),
    ]
    assert ask(capsys, "good.sql")[0] == 0
    assert ask(capsys, str(folder))[0] == 1
    assert run(capsys, "bad.sql", "--exit-zero")[0] == 0


def test_standard_input(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FUNCTION.encode())))
    status, printed, _ = run(capsys, "-")
    assert (status, printed.split(" ")[0]) == (1, "-:5:31:")


def test_the_threshold(capsys: Capture, folder: Path) -> None:
    (folder / "hint.sql").write_text(HINT)
    assert [run(capsys, "hint.sql", "--fail-on", level)[0] for level in ("error", "warning", "hint")] == [0, 0, 1]
    assert [run(capsys, "bad.sql", "--fail-on", level)[0] for level in ("error", "warning", "hint")] == [1, 1, 1]
    assert run(capsys, "hint.sql")[0] == 0


@pytest.mark.usefixtures("folder")
def test_select_and_ignore(capsys: Capture) -> None:
    assert ask(capsys, "bad.sql", "--select", "PGX2")[0] == 0
    assert ask(capsys, "bad.sql", "--select", "PGX2,pgx101")[0] == 1
    assert ask(capsys, "bad.sql", "--ignore", "PGX10")[0] == 0


def fails(capsys: Capture, *argv: str) -> str:
    """Ends with status 2, prints nothing, and says why in one line, which is returned."""
    status, printed, said = run(capsys, *argv)
    assert (status, printed, len(said)) == (2, "", 1)
    return said[0].removeprefix("pggit-excellence scan: ")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--select", "PGX5", "bad.sql"], "no such rule: PGX5"),
        (["--ignore", "", "bad.sql", "--select", "x"], "no such rule: X"),
        (["--explain", "PGX5"], "--explain: no such rule: PGX5"),
        (["--config", "none.toml", "bad.sql"], "none.toml: No such file"),
        (["--baseline", "none.json", "bad.sql"], "baseline none.json: No such file"),
        (["--write-baseline", "none/b.json", "bad.sql"], "--write-baseline: none/b.json: No such file"),
        (["--output", "none/o.txt", "bad.sql"], "--output: none/o.txt: No such file"),
        (["--jobs", "0", "bad.sql"], "--jobs: must be a whole number from 1"),
        (["--fix", "-", "bad.sql"], "--fix and --diff take files"),
        (["--fix", "--dsn", ""], "--fix and --diff take files"),
        (["--changed-since", "HEAD", "bad.sql"], "--changed-since: "),
    ],
)
@pytest.mark.usefixtures("folder")
def test_mistakes(capsys: Capture, argv: list[str], said: str) -> None:
    assert fails(capsys, *argv).startswith(said)


@pytest.mark.parametrize("argv", [["--format", "xml"], ["--fail-on", "fatal"], ["--nonsense"], ["--jobs", "x"]])
def test_usage(capsys: Capture, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["scan", *argv])
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_no_input(capsys: Capture, folder: Path) -> None:
    (folder / "empty").mkdir()
    for argv in ([], ["empty"]):
        status, _, said = run(capsys, *argv)
        assert (status, said[-1][:44]) == (3, "pggit-excellence scan: nothing to scan: name")


def binary(file: Path) -> None:
    file.write_bytes(b"CREATE\0FUNCTION")


def link_to_itself(file: Path) -> None:
    file.symlink_to(file.name)


def utf_16(file: Path) -> None:
    file.write_text(FUNCTION, encoding="utf-16")


@pytest.mark.parametrize("make", [binary, link_to_itself, utf_16, Path.mkdir, None])
def test_bad_files_do_not_hide_the_others(capsys: Capture, folder: Path, make: Callable[[Path], None] | None) -> None:
    name = "what\x1b.sql"
    if make is not None:
        make(folder / name)
    if make is Path.mkdir:
        (folder / name / "again").symlink_to(folder, target_is_directory=True)
    status, said = ask(capsys, name, "bad.sql")
    assert rules(said) == (["PGX101"])
    expected = 0 if make is Path.mkdir else 1
    assert (status, len(said["errors"])) == (2 if expected else 1, expected)
    shown = run(capsys, name, "bad.sql")[2]
    assert len(shown) == expected
    assert all(line.startswith(r"pggit-excellence scan: what\x1b.sql: ") for line in shown)


def test_a_file_of_which_nothing_is_understood(capsys: Capture, folder: Path) -> None:
    (folder / "prose.sql").write_text("Dear reader, this is no SQL at all, and EXECUTE is only a word.\n")
    status, said = ask(capsys, "prose.sql", "good.sql")
    assert status == 2
    assert said["errors"][0].startswith("prose.sql: nothing in it was understood")
    assert "PGX901" in rules(said)
    assert [site["verdict"] for site in said["sites"]] == ["not_proven", "safe"]


def test_a_part_that_is_not_understood_hides_nothing(capsys: Capture, folder: Path) -> None:
    (folder / "part.sql").write_text("THIS IS NOTHING;\n" + FUNCTION)
    status, said = ask(capsys, "part.sql")
    assert (status, sorted(rules(said))) == (1, ["PGX101", "PGX901"])


def test_encodings_and_line_ends(capsys: Capture, folder: Path) -> None:
    for number, content in enumerate(
        [
            FUNCTION.replace("\n", "\r\n").encode(),
            b"\xef\xbb\xbf" + FUNCTION.encode(),
            b"-- caf\xe9\n" + FUNCTION.encode(),
            b"-- caf\xc3\xa9\n" + FUNCTION.encode(),
        ]
    ):
        (folder / "x.sql").write_bytes(content)
        status, said = ask(capsys, "x.sql")
        found = said["findings"][0]
        assert (status, found["line"], found["column"]) == (1, 5 + (number > 1), 31)


def test_configuration(capsys: Capture, folder: Path) -> None:
    config = folder / "pyproject.toml"
    config.write_text('[tool.pggit-excellence.scan]\nexclude = ["bad.sql"]\n')
    assert ask(capsys, ".")[1]["summary"]["files"] == 1
    config.write_text('[tool.pggit-excellence.scan.per-file-ignores]\n"bad.sql" = ["PGX1"]\n')
    assert ask(capsys, ".")[0] == 0
    config.write_text("[tool.pggit-excellence.scan]\nnonsense = 1\n")
    assert "nonsense is not known" in fails(capsys, "bad.sql")
    other = folder / "other.toml"
    other.write_text('[tool.pggit-excellence.scan]\nfail-on = "error"\n')
    assert ask(capsys, "bad.sql", "--config", "other.toml")[0] == 1


def test_configured_functions(capsys: Capture, folder: Path) -> None:
    """A function that runs its argument, and one that quotes: the scanner knows neither by itself."""
    (folder / "x.sql").write_text(
        "CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n"
        "PERFORM util.run(1, 'DROP TABLE ' || p);\nEXECUTE 'DROP TABLE ' || util.q(p);\nEND $$;"
    )
    status, said = ask(capsys, "x.sql")
    assert [(site["kind"], site["verdict"]) for site in said["sites"]] == [("execute", "not_proven")]
    config = folder / "pyproject.toml"
    config.write_text(
        '[tool.pggit-excellence.scan]\nreturns-identifier = ["util.q"]\n'
        '[tool.pggit-excellence.scan.sinks]\n"util.run" = 2\n'
    )
    status, said = ask(capsys, "x.sql")
    assert (status, rules(said)) == (1, ["PGX111"])
    assert [(site["kind"], site["verdict"]) for site in said["sites"]] == [("run", "unsafe"), ("execute", "safe")]


def test_baseline(capsys: Capture, folder: Path) -> None:
    assert run(capsys, "bad.sql", "--write-baseline", "known.json") == (0, "", ["known.json: 1 findings"])
    status, said = ask(capsys, "bad.sql", "--baseline", "known.json")
    assert (status, rules(said), len(said["baseline"])) == (0, [], 1)
    (folder / "bad.sql").write_text("SELECT 1;\n" + FUNCTION + FUNCTION.replace("drop_it", "drop_too"))
    assert rules(ask(capsys, "bad.sql", "--baseline", "known.json")[1]) == ["PGX101"]
    status, printed, _ = run(capsys, "good.sql", "--baseline", "known.json")
    assert status == 0
    assert "gone from the baseline: PGX101 in drop_it (1)" in printed


def test_suppression(capsys: Capture, folder: Path) -> None:
    (folder / "bad.sql").write_text(FUNCTION.replace("v_sql;\nEND", "v_sql; -- pggit: ignore[PGX101] a test\nEND"))
    status, said = ask(capsys, "bad.sql")
    assert (status, rules(said), said["suppressed"][0]["reason"]) == (0, [], "a test")


def test_formats_and_output(capsys: Capture, folder: Path) -> None:
    status, printed, _ = run(capsys, "bad.sql", "--format", "sarif")
    assert (status, json.loads(printed)["version"]) == (1, "2.1.0")
    assert run(capsys, "bad.sql", "--format", "github")[1].startswith("::error file=bad.sql,line=5,")
    assert run(capsys, "bad.sql", "--format", "json", "--output", "out.json")[1] == ""
    assert json.loads((folder / "out.json").read_text())["findings"]
    assert re.search(r"^lines +7$", run(capsys, "bad.sql", "--statistics")[1], re.MULTILINE)


def test_explain(capsys: Capture) -> None:
    status, printed, _ = run(capsys, "--explain", "pgx101")
    assert (status, printed.splitlines()[0]) == (0, "# PGX101: Unquoted text becomes part of a statement")
    status, said = ask(capsys, "--explain", "PGX201")
    assert (said["id"], said["cwe"], "bad" in said) == ("PGX201", "CWE-426", True)


def test_fix(capsys: Capture, folder: Path) -> None:
    file = folder / "bad.sql"
    file.write_text(CERTAIN)
    status, printed, _ = run(capsys, "bad.sql", "--diff")
    assert (status, file.read_text()) == (1, CERTAIN)
    assert "+    v_sql := 'DELETE FROM users WHERE name = ' || quote_literal(p_name)" in printed
    status, _, said = run(capsys, "bad.sql", "good.sql", "--fix")
    assert (status, said) == (0, ["pggit-excellence scan: 1 fixed in 1 file"])
    fixed = file.read_text()
    assert "|| quote_literal(p_name)" in fixed
    assert [site["verdict"] for site in ask(capsys, "bad.sql")[1]["sites"]] == ["safe"]
    assert run(capsys, "bad.sql", "--diff") == (0, "", [])
    assert run(capsys, "bad.sql", "--fix")[0] == 0
    assert file.read_text() == fixed


def test_fix_of_standard_input(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CERTAIN.encode())))
    status, printed, _ = run(capsys, "-", "--fix")
    assert status == 0
    assert printed.startswith("CREATE FUNCTION")
    assert "|| quote_literal(p_name)" in printed


def test_changed_since(capsys: Capture, folder: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "all")
    assert run(capsys, "--changed-since", "HEAD")[0] == 0
    (folder / "new.sql").write_text(FUNCTION)
    status, said = ask(capsys, "--changed-since", "HEAD")
    assert (status, [finding["file"] for finding in said["findings"]]) == (1, ["new.sql"])
    assert "nope" in fails(capsys, "--changed-since", "nope")


def test_a_live_database(capsys: Capture, server: Server, make_database: Callable[[str], str]) -> None:
    database = make_database("empty")
    with server.connect(database) as connection:
        connection.execute(FUNCTION.encode())
        connection.execute(SAFE.replace("drop_it", '"Drop it"').encode())
    status, said = ask(capsys, "--dsn", server.dsn(database))
    assert (status, rules(said)) == (1, ["PGX101"])
    assert [(site["file"], site["verdict"]) for site in said["sites"]] == [
        ('public."Drop it"(p_name text)', "safe"),
        ("public.drop_it(p_name text)", "unsafe"),
    ]


def test_a_live_database_knows_who_may_write_a_table(
    capsys: Capture, server: Server, make_database: Callable[[str], str]
) -> None:
    """Also for a role without any rights; one that may not connect is told in one line."""
    database = make_database("empty")
    nobody = server.dsn(database).replace(f"user={SUPERUSER}", "user=scan_nobody")
    assert nobody != server.dsn(database)
    with server.connect(database) as connection:
        connection.execute("CREATE ROLE scan_nobody LOGIN")
        connection.execute("CREATE TABLE jobs (command text)")
        connection.execute(
            "CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ DECLARE c text; BEGIN"
            " SELECT j.command INTO c FROM jobs AS j; EXECUTE c; END $$"
        )
        try:
            assert severities(capsys, server.dsn(database)) == [("PGX103", "warning")]
            connection.execute("GRANT UPDATE (command) ON jobs TO PUBLIC")
            for dsn in (server.dsn(database), nobody):
                assert severities(capsys, dsn) == [("PGX103", "error")]
            connection.execute(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")
            assert "permission denied for database" in fails(capsys, "--dsn", nobody)
        finally:
            connection.execute("DROP ROLE scan_nobody")


def severities(capsys: Capture, dsn: str) -> list[tuple[str, str]]:
    """Rule and severity of what is found in a live database."""
    return [(finding["rule"], finding["severity"]) for finding in ask(capsys, "--dsn", dsn)[1]["findings"]]


@pytest.mark.usefixtures("folder")
def test_an_error_of_our_own_is_one_line(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise LookupError("of all things\nthis")

    monkeypatch.setattr("pggit_excellence.scan.analysis.analyse", broken)
    expected = r"internal error: LookupError at test_scan_command.py:\d+: of all things this \(please report it, .*\)"
    assert re.fullmatch(expected, fails(capsys, "bad.sql"))


def test_as_a_program(folder: Path) -> None:
    """Output that no locale can spoil, and nothing that is not needed is imported."""
    (folder / "日本.sql").write_text(FUNCTION)
    code = """
import sys
from pggit_excellence.cli import main
status = main(["scan", "日本.sql", "--format", "json"])
assert not {"rich", "sqlglot", "psycopg"} & set(sys.modules), sys.modules
sys.exit(status)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools"), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-X", "utf8=0", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout.decode("utf-8"))["findings"][0]["file"] == "日本.sql"


def guide(language: str = "") -> list[str]:
    """The blocks of code in docs/guides/SCAN.md in that language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for name, text in blocks if name == language]


def test_the_guide_names_every_option() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = set(re.findall(r"--[a-z][a-z-]+", parser.format_help())) - {"--help"}
    assert options <= set(re.findall(r"--[a-z][a-z-]+", GUIDE.read_text(encoding="utf-8")))


def test_the_finding_in_the_guide(capsys: Capture, folder: Path) -> None:
    (folder / "reports.sql").write_text(FUNCTION)
    shown = [block for block in guide() if "PGX101" in block]
    assert len(shown) == 1
    assert run(capsys, "reports.sql")[1].startswith(shown[0])


def test_the_suppressions_in_the_guide(capsys: Capture, folder: Path) -> None:
    blocks = guide("sql")
    assert blocks
    for block in blocks:
        header = "CREATE FUNCTION f(p_sql text) RETURNS void LANGUAGE plpgsql AS $$\n"
        body = f"DECLARE v_sql text := 'DROP TABLE ' || p_sql;\nBEGIN\n{block}END $$;\n"
        (folder / "guide.sql").write_text(header + body)
        assert ask(capsys, "guide.sql", "--ignore", "PGX902")[1]["suppressed"]


def test_the_configuration_in_the_guide(folder: Path) -> None:
    (block,) = guide("toml")
    (folder / "pyproject.toml").write_text(block)
    assert load(folder / "pyproject.toml").sinks == {("util", "run_on_all_shards"): 1}
    keys = set(re.findall(r"^([a-z-]+) =", block, re.MULTILINE)) | set(re.findall(r"scan\.([a-z-]+)\]", block))
    named = set(re.findall(r"`(returns-[a-z-]+)`", GUIDE.read_text(encoding="utf-8")))
    assert keys | named == KEYS.keys() | RETURNS.keys()
