"""The scanner on real PL/pgSQL: the install scripts of extensions that Debian ships, fetched when the test runs.

None of their code is in this repository; tests/fixtures/scan/real_code.json holds counts only. After a change that
moves them on purpose, `UPDATE_SNAPSHOTS=1 pytest --long tests/python/test_scan_real_code.py` writes them anew: read
the diff. The largest packages are for `tools/run long`.
debian_packages.py fetches them.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pglast.parser import scan

import debian_packages
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow.summaries import Summaries
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import SourceText

pytestmark = pytest.mark.once  # no server takes part

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests" / "fixtures" / "scan" / "real_code.json"
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))

PACKAGES = (
    "postgresql-15-londiste-sql",
    "postgresql-15-mimeo",
    "postgresql-15-periods",
    "postgresql-15-pgl-ddl-deploy",
    "postgresql-15-pgq3",
    "postgresql-15-pgrouting-scripts",
    "slony1-2-bin",
)
LARGE = (  # half a minute together
    "postgresql-15-partman",
    "postgresql-15-pg-fact-loader",
    "postgresql-15-pgtap",
    "postgresql-15-postgis-3-scripts",
)
FEWEST = 1_100  # EXECUTE statements in all of them
EXECUTES = {"execute", "return_query_execute", "for_execute", "open_execute"}
VERDICTS = {"safe", "unsafe", "by_design", "not_proven"}


@dataclass(frozen=True)
class Package:
    """A package on disk: its version and the scripts that a fresh installation of it runs, sorted."""

    name: str
    version: str
    scripts: tuple[Path, ...]


# Getting the packages


def install_scripts(folder: Path) -> Iterator[Path]:
    """The script of each extension's default version, and Slony's, which is no extension."""
    for control in folder.rglob("*.control"):
        found = re.search(r"^default_version\s*=\s*'?([^'\s]+)", control.read_text(encoding="utf-8"), re.MULTILINE)
        name = re.sub(r"-\d+$", "", control.stem)  # PostGIS keeps postgis-3.control beside postgis--3.3.2.sql
        script = control.with_name(f"{name}--{found[1]}.sql") if found else None
        if script is not None and script.exists():
            yield script
    yield from folder.rglob("slony1/*.sql")


def unpack(name: str, into: Path) -> Package:
    """Fetch and unpack `name` below `into`."""
    folder = into / name
    archive = debian_packages.unpack(name, folder)
    return Package(name, archive.stem.split("_")[1], tuple(sorted(install_scripts(folder))))


@pytest.fixture(scope="module", params=[*PACKAGES, *(pytest.param(name, marks=pytest.mark.long) for name in LARGE)])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Each package in turn, unpacked."""
    return unpack(request.param, tmp_path_factory.mktemp("real-code"))


# An own count of the EXECUTE statements: the tokens of the bodies and nothing else

PSQL_COMMAND = re.compile(r"^\\.*$", re.MULTILINE)
# EXECUTE before one of these belongs to CREATE TRIGGER, GRANT or REVOKE; so it does after one of those.
NO_STATEMENT_BEFORE = {"function", "procedure", "on", "to", "from", ","}
NO_STATEMENT_AFTER = {"grant", "revoke", ",", "all"}


def tokens(text: str) -> list[tuple[int, str]]:
    """(offset, text) of every token that is no comment."""
    return [(token.start, text[token.start : token.end + 1]) for token in scan(text) if "COMMENT" not in token.name]


def dollar_quoted(text: str) -> Iterator[tuple[int, str]]:
    """(offset, content) of each function's or DO block's body."""
    found = tokens(PSQL_COMMAND.sub(lambda command: " " * len(command[0]), text))
    for (_, before), (start, token) in itertools.pairwise(found):
        if before.lower() in {"as", "do"} and token.startswith("$"):
            tag = token[: token.index("$", 1) + 1]
            yield start + len(tag), token[len(tag) : -len(tag)]


def execute_lines(text: str) -> list[int]:
    """The lines (from 1) of the EXECUTE statements in the bodies, not of those in bodies within bodies."""
    lines = []
    for base, body in dollar_quoted(text):
        around = [(0, ";"), *tokens(body), (len(body), ";")]
        for (_, before), (start, word), (_, after) in zip(around, around[1:], around[2:], strict=False):
            statement = before.lower() not in NO_STATEMENT_AFTER and after.lower() not in NO_STATEMENT_BEFORE
            if word.lower() == "execute" and statement:
                lines.append(text.count("\n", 0, base + start) + 1)
    return sorted(lines)


@cache
def own_count(script: Path) -> list[int]:
    """`execute_lines` of a file, counted once."""
    return execute_lines(script.read_text(encoding="utf-8"))


# The scanner's answer


def scanned(scripts: tuple[Path, ...]) -> tuple[int, dict[str, Any]]:
    """The exit status and the report of one run over `scripts`; what it says of a crash fails the test.

    It runs where the scripts are, so this project's own configuration does not change what is counted.
    """
    command = [sys.executable, "-P", "-m", "pggit_excellence", "scan", "--format", "json", *map(str, scripts)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    folder = scripts[0].parent
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment, timeout=600
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def answer(package: Package) -> tuple[int, dict[str, Any]]:
    """What the scanner says of the package, asked once."""
    return scanned(package.scripts)


def found_lines(report: dict[str, Any], script: Path) -> list[int]:
    """The lines of the script's EXECUTE statements that the scanner found, without the nested ones."""
    sites = [site for site in report["sites"] if site["kind"] in EXECUTES and not site["nested"]]
    return sorted(site["line"] for site in sites if Path(site["file"]).name == script.name)


def counts(package: Package, report: dict[str, Any]) -> dict[str, Any]:
    """What the snapshot holds of a package: numbers, never its code."""
    sites = [site for site in report["sites"] if site["kind"] in EXECUTES]
    return {
        "version": package.version,
        "sites": sum(not site["nested"] for site in sites),
        "nested": sum(site["nested"] for site in sites),
        "other_sinks": len(report["sites"]) - len(sites),
        "verdicts": dict(sorted(Counter(site["verdict"] for site in report["sites"]).items())),
        "findings": dict(sorted(Counter(finding["rule"] for finding in report["findings"]).items())),
    }


def snapshot() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8")) if SNAPSHOT.exists() else {}
    return held


def test_scripts_are_there(package: Package) -> None:
    """A package whose layout changed would otherwise be scanned as an empty list."""
    assert package.scripts


def test_scanner_ends_well(answer: tuple[int, dict[str, Any]]) -> None:
    """Nothing refused, and what was not understood says why."""
    status, report = answer
    assert status in {0, 1}
    assert report["errors"] == []
    assert {site["verdict"] for site in report["sites"]} <= VERDICTS
    not_understood = [finding for finding in report["findings"] if finding["rule"] == "PGX901"]
    assert all(finding["message"].strip() and finding["line"] > 0 for finding in not_understood)


def test_every_execute_is_found(package: Package, answer: tuple[int, dict[str, Any]]) -> None:
    _, report = answer
    for script in package.scripts:
        assert found_lines(report, script) == own_count(script), script.name


def test_nested_executes_stand_in_templates(package: Package, answer: tuple[int, dict[str, Any]]) -> None:
    _, report = answer
    for script in package.scripts:
        lines = script.read_text(encoding="utf-8").splitlines()
        for site in report["sites"]:
            if site["nested"] and Path(site["file"]).name == script.name:
                assert re.search(r"\bexecute\b", lines[site["line"] - 1], re.IGNORECASE)
                assert site["line"] not in own_count(script)


def test_every_unsafe_site_has_its_finding(answer: tuple[int, dict[str, Any]]) -> None:
    _, report = answer
    told = {(finding["file"], finding["function"]) for finding in report["findings"]}
    silent = {"safe", "not_proven"}
    assert not [
        site
        for site in report["sites"]
        if site["verdict"] not in silent and (site["file"], site["function"]) not in told
    ]


def test_counts_are_those_of_the_snapshot(package: Package, answer: tuple[int, dict[str, Any]]) -> None:
    now, held = counts(package, answer[1]), snapshot()
    if UPDATE:
        held[package.name] = now
        SNAPSHOT.write_text(json.dumps(dict(sorted(held.items())), indent=2) + "\n", encoding="utf-8")
        return
    assert package.name in held, "UPDATE_SNAPSHOTS=1 adds it"
    if held[package.name]["version"] != now["version"]:
        pytest.skip(f"the snapshot is of {held[package.name]['version']}, and this is {now['version']}")
    assert now == held[package.name]


@pytest.mark.long
def test_verdicts_do_not_hang_on_the_order(tmp_path: Path) -> None:
    """Processes take routines as they get to them, and pg_partman's call each other in circles."""
    script = unpack("postgresql-15-partman", tmp_path).scripts[0]
    program = build([SourceText(script.name, script.read_text(encoding="utf-8"))])

    def verdicts(*, shuffled: bool) -> dict[tuple[str, int], str]:
        summaries = Summaries(program, Config())
        routines = [routine for routine in program.routines if summaries.is_worth_it(routine)]
        if shuffled:
            random.Random(1).shuffle(routines)
        sites = (site for routine in routines for site in summaries.outcome(routine).sites)
        return {(site.place.file, site.place.start): site.verdict.value for site in sites}

    assert verdicts(shuffled=True) == verdicts(shuffled=False)


def test_snapshot_holds_enough_real_code() -> None:
    held = snapshot()
    assert set(held) == {*PACKAGES, *LARGE}
    assert sum(entry["sites"] for entry in held.values()) > FEWEST


# The count itself can be wrong, so it is tried


def test_count_tells_statements_from_other_words() -> None:
    body = """
        EXECUTE 'a'; -- EXECUTE 'in a comment';
        FOR r IN execute b LOOP NULL; END LOOP;
        GRANT EXECUTE ON FUNCTION f TO PUBLIC; REVOKE SELECT, EXECUTE ON f FROM x;
        CREATE TRIGGER t AFTER INSERT ON x EXECUTE FUNCTION f();
        RETURN QUERY EXECUTE $q$ SELECT 1; EXECUTE 'nested' $q$;
    """
    function = f"CREATE FUNCTION f() RETURNS void AS $body${body}$body$ LANGUAGE plpgsql;"
    script = f"\\echo don't\n{function}\nDO $$BEGIN EXECUTE c; END$$;"
    assert execute_lines(script) == [3, 4, 7, 9]


@pytest.mark.parametrize("lost", [0, -1])
def test_a_lost_execute_is_seen(lost: int) -> None:
    """The comparison fails for a scanner that overlooks the first or the last statement."""
    script = "CREATE FUNCTION f() RETURNS void AS $$\nBEGIN\nEXECUTE a;\nEXECUTE b;\nEND $$ LANGUAGE plpgsql;"
    sites = [{"file": "/x/a.sql", "line": line, "kind": "execute", "nested": False} for line in (3, 4)]
    assert found_lines({"sites": sites}, Path("a.sql")) == execute_lines(script)
    del sites[lost]
    assert found_lines({"sites": sites}, Path("a.sql")) != execute_lines(script)
