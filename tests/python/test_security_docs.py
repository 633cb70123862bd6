"""docs/security and docs/guides/SIGNING.md: every command runs, in its order, with keys of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

import cosign
from conftest import ROOT

pytestmark = pytest.mark.once


def run_blocks(page: str, folder: Path, programs: Path) -> None:
    """Run the page's shell blocks in one shell, which ends at the first command that fails."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    path = f"{programs}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "HOME": str(folder), "COSIGN_PASSWORD": "x y"}
    command = ["bash", "-euc", "".join(blocks)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with `pggit-excellence` and `cosign`."""
    folder = tmp_path / "programs"
    folder.mkdir()
    command = folder / "pggit-excellence"
    python = f"PYTHONPATH={shlex.quote(str(ROOT / 'tools'))} exec {sys.executable} -P"
    command.write_text(f'#!/bin/sh\n{python} -m pggit_excellence "$@"\n')
    command.chmod(0o755)
    (folder / "cosign").symlink_to(cosign.program("sid"))
    return folder


def test_commands_of_the_guide(tmp_path: Path, programs: Path) -> None:
    (tmp_path / "backup.tar").write_bytes(b"content")
    (tmp_path / "bom.json").write_text('{"bomFormat": "CycloneDX"}')
    run_blocks("docs/guides/SIGNING.md", tmp_path, programs)


def test_commands_of_slsa(tmp_path: Path, programs: Path) -> None:
    """In a clone, so that git says what is in the zip."""
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{ROOT}", checkout], check=True)
    (checkout / ".venv").symlink_to(Path(sys.prefix))
    run_blocks("docs/security/SLSA.md", checkout, programs)


def test_security_txt_is_valid() -> None:
    """RFC 9116: fields by lines, Contact at least once and a URI, Expires once and a time."""
    lines = (ROOT / "docs/security/security.txt").read_text(encoding="ascii").splitlines()
    fields = [line.split(": ", 1) for line in lines if not line.startswith("#")]
    assert all(len(field) == 2 for field in fields)
    names = [name for name, _ in fields]
    known = {"Contact", "Expires", "Policy", "Preferred-Languages", "Canonical"}
    assert set(names) <= known
    assert (names.count("Contact") >= 1, names.count("Expires"), names.count("Preferred-Languages")) == (True, 1, 1)
    values = dict(fields)
    assert all(values[name].startswith("https://") for name in ("Contact", "Policy", "Canonical"))
    assert datetime.fromisoformat(values["Expires"]).tzinfo is not None


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "SECURITY.md", ROOT / "docs/guides/SIGNING.md", *(ROOT / "docs/security").glob("*.md")]
    for page in pages:
        links = re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_exception_of_the_licences_is_explained() -> None:
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    workflow = (ROOT / ".github/workflows/dependency-review.yml").read_text(encoding="utf-8")
    for name, licence in (("pglast", "GPL-3.0-or-later"), ("psycopg", "LGPL-3.0-only")):
        assert re.search(rf"^\| {name}\b.*\| {licence} \|$", page, re.MULTILINE)
        assert f"{name} is {licence}" in workflow
