"""`provenance create` and `verify`. Statements that are tampered with or say something else: test_sign_tampered.py."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pggit_excellence import cli
from pggit_excellence.provenance.statement import PAYLOAD_TYPE, leads_out, moment
from pggit_excellence.signing import dsse
from pggit_excellence.signing.keys import load_private_key

pytestmark = pytest.mark.once
Capture = pytest.CaptureFixture[str]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HOW = {
    "--builder": "https://example.org/builder",
    "--build-type": "https://example.org/how",
    "--source": "git+https://example.org/source",
    "--commit": COMMIT,
}
EXPECTED = ["--builder", HOW["--builder"], "--source", HOW["--source"]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `k.key`, `k.pub` and the files dist/one, dist/deep/one and dist/two."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["sign", "--generate-key", "k", "--no-passphrase"]) == 0
    Path("dist/deep").mkdir(parents=True)
    for name in ("one", "deep/one", "two"):
        Path("dist", name).write_text(f"{name}\n")
    return tmp_path


def create(*more: str, also: Sequence[str] = (), **changed: str | None) -> int:
    how = {**HOW, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}}
    given = [part for name, value in how.items() if value is not None for part in (name, value)]
    files = ["dist/one", "dist/deep/one", "dist/two"]
    common = ["--directory", "dist", "--key", "k.key", "--output", "p.json"]
    return cli.main(["provenance", "create", *common, *given, *more, "--", *files, *also])


def verify(*more: str) -> int:
    return cli.main(["provenance", "verify", "--bundle", "p.json", "--key", "k.pub", *EXPECTED, *more])


def statement() -> dict[str, Any]:
    envelope = json.loads(Path("p.json").read_text())["dsseEnvelope"]
    found: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return found


@pytest.mark.usefixtures("place")
def test_what_is_said() -> None:
    more = ["--parameter", "tag=v1", "--invocation", "run 7", "--dependency", f"pkg:deb/debian/make=sha256:{'0' * 64}"]
    times = ["--started", "2026-01-01T12:00:00.5+01:00", "--finished", "2026-01-01T11:01:00Z"]
    assert create(*more, *times) == 0
    said = statement()
    assert [said["_type"], said["predicateType"]] == [
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    ]
    assert [subject["name"] for subject in said["subject"]] == ["deep/one", "one", "two"]
    assert said["predicate"] == {
        "buildDefinition": {
            "buildType": HOW["--build-type"],
            "externalParameters": {"source": HOW["--source"], "tag": "v1"},
            "resolvedDependencies": [
                {"uri": HOW["--source"], "digest": {"gitCommit": COMMIT}},
                {"uri": "pkg:deb/debian/make", "digest": {"sha256": "0" * 64}},
            ],
        },
        "runDetails": {
            "builder": {"id": HOW["--builder"]},
            "metadata": {
                "invocationId": "run 7",
                "startedOn": "2026-01-01T11:00:00Z",
                "finishedOn": "2026-01-01T11:01:00Z",
            },
        },
    }
    before = Path("p.json").read_bytes()
    assert create(*more, *times) == 0
    assert Path("p.json").read_bytes() == before


@pytest.mark.usefixtures("place")
def test_expectations(capsys: Capture) -> None:
    assert create("--parameter", "tag=v1") == 0
    files = ["dist/one", "dist/two"]
    right = ["--parameter", "tag=v1", "--commit", COMMIT, "--build-type", HOW["--build-type"], "--max-age", "1"]
    assert verify(*files, *right) == 0
    assert verify(*files, "--any-parameters") == 0
    assert verify(*files, *right, "--format", "json") == 0
    wrong = {
        "no more": ["--parameter", "tag=v1", "--parameter", "more=1"],
        "tag='v1'": ["--parameter", "tag=v2"],
        "tag='v1'; add": [],
        "from commit": ["--any-parameters", "--commit", "f" * 40],
        "build type": ["--any-parameters", "--build-type", "https://example.org/else"],
        "built by": ["--any-parameters", "--builder", "https://example.org/else"],
        "built from 'git+": ["--any-parameters", "--source", "git+https://example.org/else"],
    }
    for said, options in wrong.items():
        capsys.readouterr()
        assert verify(*files, *options) == 1
        assert said in capsys.readouterr().out


@pytest.mark.usefixtures("place")
def test_a_branch_behind_the_source() -> None:
    """As GitHub's builder names it. Whoever expects a branch gets that one only."""
    source = HOW["--source"]
    assert create(source=f"{source}@refs/heads/main") == 0
    assert verify("dist/one", "--any-parameters") == 0
    assert verify("dist/one", "--source", f"{source}@refs/heads/main") == 0
    assert verify("dist/one", "--any-parameters", "--source", f"{source}@refs/heads/other") == 1


@pytest.mark.usefixtures("place")
def test_files_may_be_renamed_but_not_exchanged(capsys: Capture) -> None:
    assert create() == 0
    Path("renamed").write_bytes(Path("dist/two").read_bytes())
    assert verify("renamed", "dist/deep/one") == 0
    Path("elsewhere").mkdir()
    Path("elsewhere/two").write_bytes(Path("dist/one").read_bytes())
    assert verify("elsewhere/two") == 1
    assert "is the subject 'one', not 'two'" in capsys.readouterr().out
    Path("unknown").write_text("unknown")
    assert verify("dist/one", "unknown") == 1


@pytest.mark.usefixtures("place")
def test_a_whole_folder(capsys: Capture) -> None:
    assert create() == 0
    assert verify("--directory", "dist") == 0
    first, deep = Path("dist/one").read_bytes(), Path("dist/deep/one").read_bytes()
    Path("dist/one").write_bytes(deep)
    Path("dist/deep/one").write_bytes(first)
    assert verify("--directory", "dist") == 1
    Path("outside").write_bytes(deep)
    Path("dist/deep/one").unlink()
    Path("dist/deep/one").symlink_to("../../outside")
    Path("dist/one").write_bytes(first)
    assert verify("--directory", "dist") == 1
    assert "leads out of dist" in capsys.readouterr().out
    Path("dist/deep/one").unlink()
    assert verify("--directory", "dist") == 2


@pytest.mark.usefixtures("place")
def test_a_folder_is_not_verified_by_a_statement_about_nothing(capsys: Capture) -> None:
    assert create() == 0
    key = load_private_key(Path("k.key"), None)
    said = dsse.Signed(PAYLOAD_TYPE, json.dumps({**statement(), "subject": []}).encode())
    Path("p.json").write_text(json.dumps(dsse.seal(key, said)))
    assert verify("--directory", "dist") == 1
    assert "is about nothing" in capsys.readouterr().out


@pytest.mark.usefixtures("place")
def test_bad_input_to_create(capsys: Capture) -> None:
    Path("dist/a\nb").write_text("")
    bad: dict[str, tuple[list[str], dict[str, Any]]] = {
        "--builder: a URI": ([], {"builder": "me"}),
        "--build-type: a URI": ([], {"build_type": "https://example.org/a b"}),
        "--source: holds a password": ([], {"source": "git+https://user:secret@example.org/x"}),
        "--commit: the full hash": ([], {"commit": "abc1234"}),
        "--parameter: NAME=VALUE": (["--parameter", "x"], {}),
        "not source": (["--parameter", "source=x"], {}),
        "each name once": (["--parameter", "x=1", "--parameter", "x=2"], {}),
        "--dependency: URI=sha256:HEX": (["--dependency", "pkg:x=sha256:12"], {}),
        "--dependency: a URI": (["--dependency", f"x=sha256:{'0' * 64}"], {}),
        "--started: a time": (["--started", "2026-02-30T00:00:00Z"], {}),
        "--finished: a time": (["--finished", "2026-01-01"], {}),
        "after the end": (["--started", "2026-01-02T00:00:00Z", "--finished", "2026-01-01T00:00:00Z"], {}),
        "named twice": ([], {"also": ["dist/one"]}),
        "not below dist": ([], {"also": ["k.pub"]}),
        "no name that others": ([], {"also": ["dist/a\nb"]}),
        "dist/deep: Is a directory": ([], {"also": ["dist/deep"]}),
        "dist/missing: No such file": ([], {"also": ["dist/missing"]}),
    }
    for said, (more, changed) in bad.items():
        capsys.readouterr()
        assert create(*more, **changed) == 2
        line = capsys.readouterr().err
        assert said in line
        assert (line.count("\n"), "secret" in line) == (1, False)
        assert not Path("p.json").exists()


@pytest.mark.usefixtures("place")
def test_bad_input_to_verify(capsys: Capture) -> None:
    assert create() == 0
    Path("empty").write_text("")
    bad = {
        "name FILEs": [],
        "or --directory": ["dist/one", "--directory", "dist"],
        "exclude each other": ["dist/one", "--any-parameters", "--parameter", "x=1"],
        "--commit: the full hash": ["dist/one", "--commit", "main"],
        "--builder: a URI": ["dist/one", "--builder", "me"],
        "missing: no such file": ["dist/one", "--key", "missing"],
        "dist/missing: no such file": ["dist/missing"],
    }
    for said, options in bad.items():
        capsys.readouterr()
        assert verify(*options) == 2
        assert said in capsys.readouterr().err.replace("No such", "no such")
    for days in ("nan", "-1", "inf", "x"):
        with pytest.raises(SystemExit):
            verify("dist/one", "--max-age", days)


@pytest.mark.usefixtures("place")
def test_times() -> None:
    """A clock that is a little ahead is no lie; the age is counted from the end."""
    now = datetime.now(UTC)
    for ahead, status in ((timedelta(minutes=2), 0), (timedelta(minutes=10), 1)):
        assert create("--finished", (now + ahead).strftime("%Y-%m-%dT%H:%M:%SZ")) == 0
        assert verify("dist/one") == status
    assert create("--finished", (now - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")) == 0
    assert [verify("dist/one", "--max-age", days) for days in ("2.9", "3.1", "1e300", "0")] == [1, 0, 0, 1]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\..\\x", "", ".", "./", "a\0b", "a\nb", "\u202ea"])
def test_names_that_lead_out(name: str) -> None:
    assert leads_out(name)


@pytest.mark.parametrize("name", ["x", "a/b", "..x", "a/..b", "ü", "a b", "./x"])
def test_names_that_do_not(name: str) -> None:
    assert not leads_out(name)


def test_moments() -> None:
    assert moment("2026-01-01T00:00:00.123456789+01:00", "x") == datetime(2025, 12, 31, 23, 0, 0, 123456, tzinfo=UTC)
