"""SBOM.json at the root is what `tools/run sbom` writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pggit_excellence.sbom.documents import validate
from pggit_excellence.server import Installation
from tasks.dist import tracked_files
from tasks.sbom import SBOM, fresh

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.once
def test_sbom_json_is_fresh() -> None:
    content = SBOM.read_bytes()
    assert validate(content, "SBOM.json") == "1.6"
    assert fresh(ROOT, SBOM) == content, "SBOM.json is stale: run tools/run sbom"


@pytest.mark.once
def test_a_stale_one_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tracked_files(ROOT):
        if not name.startswith(("tests/", "docs/")):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
    with (tmp_path / "sql" / "00_core" / "version.sql").open("a", encoding="utf-8") as file:
        file.write("-- one more line\n")
    monkeypatch.setattr("tasks.sbom.tracked_files", lambda _: tracked_files(ROOT))
    monkeypatch.setattr("tasks.sbom.KEPT", "tests/none")
    stale, now = json.loads(SBOM.read_bytes()), json.loads(fresh(tmp_path, SBOM))
    changed = [
        one["name"]
        for one in now["metadata"]["component"]["components"]
        if one not in stale["metadata"]["component"]["components"]
    ]
    assert "sql/00_core/version.sql" in changed
    assert any(name.startswith("build/pggit_excellence--") for name in changed)


def test_hashes_of_the_languages_are_those_of_the_installation(installation: Installation) -> None:
    import hashlib

    from pggit_excellence.sbom.model import LANGUAGE_CONTROL_HASHES

    for name, (sha256, sha512) in LANGUAGE_CONTROL_HASHES.items():
        path = installation.sharedir / "extension" / f"{name}.control"
        if path.exists():
            content = path.read_bytes()
            assert (hashlib.sha256(content).hexdigest(), hashlib.sha512(content).hexdigest()) == (sha256, sha512)
