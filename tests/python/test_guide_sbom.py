"""The commands of docs/guides/SBOM.md, as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import psycopg
import pytest

from pggit_excellence.cli import main
from pggit_excellence.server import Server

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guides" / "SBOM.md").read_text(encoding="utf-8")


@pytest.mark.once
def test_its_commands(
    server: Server, plain: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("thing.control", "thing--1.sql"):
        (tmp_path / name).write_text("default_version = '1'\n" if name.endswith(".control") else "SELECT md5('x');\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGHOST", str(server.folder))
    monkeypatch.setenv("PGUSER", "postgres")
    places = {"/usr/lib/postgresql/15/bin/pg_config": str(server.installation.pg_config), "dbname=mydb": plain.info.dsn}
    commands = re.findall(r"^tools/run cli (sbom .*)$", GUIDE, re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        words = [places.get(word, word) for word in shlex.split(command, comments=True)]
        assert main(words) == (1 if "diff" in words else 0), command
    assert {"bom.json", "bom.xml", "crypto.json", "all.json"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.once
def test_every_option_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sbom", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help", "--format"}
    assert {option for option in options if f"`{option}" not in GUIDE and f" {option} " not in GUIDE} == set()
