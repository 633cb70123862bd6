"""The scanner over this project's own SQL: nothing to find, in the files, the assembled scripts and a database."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import assemble
from conftest import FIXTURES, ROOT, MakeDatabase
from pggit_excellence.cli import main
from pggit_excellence.server import Server

pytestmark = pytest.mark.once

SOURCES = [str(ROOT / "sql"), str(ROOT / "plpython")]
Capture = pytest.CaptureFixture[str]


def scan(capsys: Capture, *argv: str) -> tuple[int, Any]:
    """Exit status and report; hints count."""
    capsys.readouterr()
    status = main(["scan", "--format", "json", "--fail-on", "hint", *argv])
    return status, json.loads(capsys.readouterr().out)


def verdicts(said: Any) -> Counter[tuple[str, str, str]]:
    """How many sites there are of each function, kind and verdict; those of scripts alone are left out."""
    return Counter(
        (site["function"], site["kind"], site["verdict"])
        for site in said["sites"]
        if site["function"] not in ("", "DO")
    )


def test_own_sql_has_nothing_to_find(capsys: Capture) -> None:
    """Not proven nor unsafe is nothing, and what is suppressed is six statements, with their reasons."""
    status, said = scan(capsys, *SOURCES)
    assert (status, said["findings"], said["errors"]) == (0, [], [])
    found = Counter(site["verdict"] for site in said["sites"])
    assert found.keys() == {"safe", "by_design"}
    assert (found["safe"] > 20, found["by_design"]) == (True, 2)
    suppressed = {(known["rule"], known["function"]) for known in said["suppressed"]}
    assert suppressed == {
        ("PGX102", "pggit_excellence._run_ddl"),
        ("PGX102", "pggit_excellence._refused"),
        ("PGX101", "pggit_excellence.undo"),
        ("PGX101", "pggit_excellence._restore_partition"),
        ("PGX101", "pggit_excellence._maintain_partitions"),
        ("PGX101", "pggit_excellence.partition_history"),
    }
    assert all(len(known["reason"]) > 20 for known in said["suppressed"])


def test_the_assembled_scripts_say_the_same(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "core.sql").write_text(assemble.core_script(), encoding="utf-8")
    (tmp_path / "companion.sql").write_text(assemble.companion_script(), encoding="utf-8")
    status, said = scan(capsys, str(tmp_path))
    assert (status, said["findings"]) == (0, [])
    assert verdicts(said) == verdicts(scan(capsys, *SOURCES)[1])


def test_the_installed_extension_says_the_same(capsys: Capture, server: Server, make_database: MakeDatabase) -> None:
    """Its members are read from the catalog; without the option they are left out."""
    dsn = server.dsn(make_database("plain"))
    status, said = scan(capsys, "--dsn", dsn, "--include-extensions", "--ignore", "PGX2")
    ours = [finding for finding in said["findings"] if finding["function"].startswith("pggit_excellence.")]
    assert (status, ours) == (0, [])
    installed = Counter({key: count for key, count in verdicts(said).items() if key[0].startswith("pggit_excellence.")})
    assert installed == verdicts(scan(capsys, str(ROOT / "sql"))[1])
    assert scan(capsys, "--dsn", dsn)[0] == 3


FAULTS = (
    ("sql/90_privileges/grant_privileges.sql", "pggit_excellence TO %I", "pggit_excellence TO %s", "PGX101"),
    ("sql/90_privileges/_grant.sql", "identity::regclass END", "identity END", "PGX101"),
    ("sql/00_core/_run_ddl.sql", "-- pggit: ignore[PGX102]", "--", "PGX102"),
    ("plpython/host_disk.sql", 'ORDER BY t.spcname")', 'ORDER BY " + log_directory)', "PGX111"),
)


def test_planted_faults_are_seen(capsys: Capture, tmp_path: Path) -> None:
    """Each in the file that it was planted in."""
    for folder in ("sql", "plpython"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file, old, new, _ in FAULTS:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
    status, said = scan(capsys, str(tmp_path))
    assert status == 1
    found = {(str(Path(finding["file"]).relative_to(tmp_path)), finding["rule"]) for finding in said["findings"]}
    assert found >= {(file, rule) for file, _, _, rule in FAULTS}  # callers of the second have a finding too


def test_other_sql_of_the_project(capsys: Capture) -> None:
    """Tests are clean; of the stand-in pgGit what it has in common with the real one is found, and nothing else."""
    assert scan(capsys, str(ROOT / "tests" / "regress"), str(ROOT / "tests" / "upgrade"))[0] == 0
    status, said = scan(capsys, str(FIXTURES / "pggit_standin.sql"))
    assert (status, Counter(finding["rule"] for finding in said["findings"])) == (1, {"PGX103": 1, "PGX203": 2})
