"""The PGXN zip: what is in it, that it is the same twice, and that the PGXN client takes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

import assemble
from conftest import ROOT
from meta import meta
from pggit_excellence.server import Installation, Server
from tasks.dist import make_dist

pytestmark = pytest.mark.once

NAME = f"pggit_excellence-{assemble.version()}"
# The client's own start script does not work where the path of .venv has a space.
PGXN = [sys.executable, "-c", "from pgxnclient.cli import main; main()"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    git = shutil.which("git")
    if git is None or subprocess.run([git, "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode != 0:
        pytest.skip("no git checkout, and the zip is made from what git knows")
    return make_dist(ROOT, tmp_path_factory.mktemp("dist"))


def test_the_same_twice(archive: Path, tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        assert make_dist(ROOT, tmp_path).read_bytes() == archive.read_bytes()
    finally:
        os.umask(old)


def test_contents(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        assert len(names) == len(set(names))
        assert {name.split("/")[0] for name in names} == {NAME}
        assert not [name for name in names if re.search(r"/(\.venv|dist|__pycache__|results)(/|$)", name)]
        for script, text in assemble.scripts().items():
            assert opened.read(f"{NAME}/build/{script}").decode() == text
        assert opened.getinfo(f"{NAME}/tools/run").external_attr >> 16 == 0o100755
        described = json.loads(opened.read(f"{NAME}/META.json"))
        for provided in described["provides"].values():
            assert f"{NAME}/{provided['file']}" in names
            assert f"{NAME}/{provided['docfile']}" in names


SEMVER = re.compile(r"\d+\.\d+\.\d+(-[A-Za-z0-9-]+)?")
TERM = re.compile(r"[^\s/\\\x00-\x1f]{2,}")


def meta_problems(text: str) -> list[str]:
    """What the PGXN Meta Spec 1.0.0 would refuse."""
    described = json.loads(text)
    problems = [
        f"{key} is missing"
        for key in ("name", "version", "abstract", "maintainer", "license", "provides", "meta-spec")
        if not described.get(key)
    ]
    versions = [described.get("version"), described.get("meta-spec", {}).get("version")]
    versions += [provided.get("version") for provided in described.get("provides", {}).values()]
    problems += [f"{value!r} is no semantic version" for value in versions if not SEMVER.fullmatch(str(value))]
    terms = [described.get("name", ""), *described.get("provides", {}), *described.get("tags", [])]
    problems += [f"{term!r} is no term" for term in terms if not TERM.fullmatch(term)]
    if described.get("license") not in ("postgresql", "mit", "bsd", "apache_2_0"):
        problems.append(f"license {described.get('license')!r}")
    for phase, relations in described.get("prereqs", {}).items():
        if phase not in ("configure", "build", "test", "runtime", "develop"):
            problems.append(f"phase {phase!r}")
        problems += [f"relation {name!r}" for name in relations if name not in ("requires", "recommends", "suggests")]
    return problems


def test_meta_follows_the_specification() -> None:
    assert meta_problems(meta()) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (f'"{assemble.version()}"', '"1.0"'),
        ('"maintainer"', '"maintained_by"'),
        ('"license": "postgresql"', '"license": "do what you want"'),
        ('"runtime"', '"run"'),
        ('"requires"', '"needs"'),
        ('"slo"', '"s/o"'),
    ],
)
def test_a_wrong_meta_is_seen(good: str, bad: str) -> None:
    assert good in meta()
    assert meta_problems(meta().replace(good, bad)) != []


@pytest.mark.parametrize("keep_times", [False, True])
def test_installs_without_python(archive: Path, installation: Installation, tmp_path: Path, keep_times: bool) -> None:
    """Whether the times of the files are those of the extraction (pgxn) or of the zip (unzip)."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
        for info in opened.infolist() if keep_times else []:
            seconds = datetime(*info.date_time, tzinfo=UTC).timestamp()
            os.utime(tmp_path / info.filename, (seconds, seconds))
    command = ["make", "-C", tmp_path / NAME, "install", f"PG_CONFIG={installation.pg_config}", "PY=no-python"]
    done = subprocess.run([*command, f"DESTDIR={tmp_path}/stage"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    installed = {path.name for path in (tmp_path / "stage").rglob("*.sql")}
    assert set(assemble.scripts()) <= installed


def mirror(folder: Path, archive: Path) -> str:
    """A PGXN mirror of files that knows this one distribution; returns its address."""
    version = assemble.version()
    dist = folder / "dist" / "pggit_excellence"
    (dist / version).mkdir(parents=True)
    shutil.copy(archive, dist / version / archive.name)
    templates = {
        "dist": "/dist/{dist}.json",
        "download": "/dist/{dist}/{version}/{dist}-{version}.zip",
        "extension": "/extension/{extension}.json",
        "meta": "/dist/{dist}/{version}/META.json",
    }
    (folder / "index.json").write_text(json.dumps(templates), encoding="utf-8")
    checksum = subprocess.run(["sha1sum", archive], capture_output=True, text=True, check=True).stdout.split()[0]
    described = json.loads(meta()) | {"sha1": checksum, "user": "author", "date": "2026-01-01T00:00:00Z"}
    (dist / version / "META.json").write_text(json.dumps(described), encoding="utf-8")
    releases = {"name": "pggit_excellence", "releases": {"stable": [{"version": version}]}}
    (folder / "dist" / "pggit_excellence.json").write_text(json.dumps(releases), encoding="utf-8")
    return folder.as_uri()


@pytest.mark.parametrize("source", ["file", "mirror"])
def test_pgxn_client(archive: Path, installation: Installation, server: Server, tmp_path: Path, source: str) -> None:
    """`pgxn install` and `pgxn check` from the zip itself, and by name from a mirror."""
    if source == "file":
        what = [str(archive)]
    else:
        (tmp_path / "mirror").mkdir()
        what = ["--mirror", mirror(tmp_path / "mirror", archive), "pggit_excellence"]
    control = installation.sharedir / "extension" / "pggit_excellence.control"
    os.utime(control, (0, 0))
    libdir = subprocess.run([installation.pg_config, "--libdir"], capture_output=True, text=True, check=True).stdout
    Path(libdir.strip()).mkdir(parents=True, exist_ok=True)  # the client looks whether it may write there
    pg_config = ["--pg_config", str(installation.pg_config)]
    for command in (["install", "--nosudo", *pg_config, *what], ["check", *pg_config, *what]):
        done = subprocess.run(
            [*PGXN, *command], env=server.environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert control.stat().st_mtime > 0  # installed anew
