"""Bundles of evidence: what is written is verified, and every variant of evidence_tampering.py is refused."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from evidence_tampering import HOSTILE, RESIGNED, ROLES, TAMPERED, Case, forged, stripped
from pggit_excellence import cli
from pggit_excellence.evidence import archive, collect
from pggit_excellence.evidence.gathering import Collection, Item
from pggit_excellence.evidence.manifest import MANIFEST, SIGNATURE
from pggit_excellence.signing.keys import load_private_key
from pggit_excellence.slo.report.period import named_period

pytestmark = pytest.mark.once

VARIANTS = {
    f"{kind}, {name}": variant
    for kind, variants in (("tampered", TAMPERED), ("resigned", RESIGNED), ("hostile", HOSTILE))
    for name, variant in variants.items()
}
CRITERIA = [{"criterion": name, "control": "something", "manual": "a ticket"} for name in ("CC6.1", "CC7.1")]
ROWS = {"roles": b'{"rolname":"alice"}\n{"rolname":"mallory"}\n', "server": b'{"version":"PostgreSQL 15.20"}\n'}


def at(second: int) -> str:
    return f"2026-11-26T00:00:{second:02}.000000Z"


def collection(folder: Path) -> Collection:
    """Two queries with rows and one that failed."""
    items = [Item("hba", "Rules", ["CC6.1"], "SELECT 1", at(1), at(2), error="42501: permission denied")]
    for name, rows in ROWS.items():
        file = folder / name
        file.write_bytes(rows)
        digest = hashlib.sha256(rows).hexdigest()
        query = f"SELECT * FROM pg_{name}"
        items.append(Item(name, name, ["CC7.1"], query, at(2), at(3), rows.count(b"\n"), None, file, digest, len(rows)))
    server: dict[str, Any] = {"database": "db", "system_identifier": "7", "version": "PostgreSQL 15.20"}
    server |= {"in_recovery": False, "session_user": "postgres", "current_user": "postgres", "not_known": {}}
    return Collection(server, CRITERIA, items, at(0), at(5))


def ours(*arguments: str) -> tuple[int, str]:
    """The status and everything that is printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = cli.main(["evidence", "verify", *arguments])
    return status, out.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two pairs of keys, a signed bundle and an unsigned one, in which the tests run."""
    folder, before = tmp_path_factory.mktemp("evidence"), Path.cwd()
    os.chdir(folder)
    for name in ("k", "other"):
        with contextlib.redirect_stdout(io.StringIO()):
            assert cli.main(["sign", "--generate-key", name, "--no-passphrase"]) == 0
    for name, key in (("signed.zip", private("k")), ("unsigned.zip", None)):
        (folder / f"of-{name}").mkdir()
        work = folder / f"of-{name}"
        collect.write(Path(name), work, collection(work), named_period("2026Q4"), key)
    yield folder
    os.chdir(before)


def private(name: str) -> ec.EllipticCurvePrivateKey:
    return load_private_key(Path(f"{name}.key"), None)


@pytest.fixture(scope="module")
def signed(place: Path) -> Case:
    with zipfile.ZipFile(place / "signed.zip") as file:
        return Case({name: file.read(name) for name in file.namelist()}, private("k"), private("other"))


def test_what_was_written_is_verified(place: Path) -> None:
    assert ours("signed.zip", "--key", "k.pub")[0] == 0
    status, said = ours("signed.zip", "--key", "k.pub", "--format", "json")
    answer = json.loads(said)
    assert (status, answer["ok"], answer["database"], answer["evidence"]) == (0, True, "db", 3)
    assert answer["failed"] == [{"evidence": "hba", "error": "42501: permission denied"}]
    assert zipfile.ZipFile(place / "signed.zip").testzip() is None


def test_the_same_evidence_gives_the_same_bytes(place: Path, signed: Case) -> None:
    written = (place / "signed.zip").read_bytes()
    assert signed.packed() == written
    other = io.BytesIO()
    archive.write(other, dict(reversed(signed.files.items())))
    assert other.getvalue() == written


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_is_refused(place: Path, signed: Case, variant: str) -> None:
    change, says = VARIANTS[variant]
    Path("variant.zip").write_bytes(change(signed).packed())
    assert Path("variant.zip").read_bytes() != (place / "signed.zip").read_bytes()
    status, said = ours("variant.zip", "--key", "k.pub")
    assert status == 2 or (status == 1 and not variant.startswith("hostile")), said
    assert any(part in said for part in says.split("|")), said
    assert said.count("\n") == 1
    assert said.rstrip("\n").isprintable()


def test_there_are_many_variants() -> None:
    assert len(TAMPERED) >= 40
    assert len(VARIANTS) >= 110


def test_every_bit_counts(place: Path, signed: Case) -> None:
    """Any bit of the file, but those that fill the last byte of a compressed stream, which nothing reads."""
    good = (place / "signed.zip").read_bytes()
    accepted = 0
    for bit in random.Random(7).sample(range(len(good) * 8), 400):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        Path("variant.zip").write_bytes(changed)
        status, said = ours("variant.zip", "--key", "k.pub")
        if status == 0:
            accepted += 1
            with zipfile.ZipFile("variant.zip") as file:
                assert {name: file.read(name) for name in file.namelist()} == signed.files
            continue
        assert said.count("\n") == 1
    assert accepted <= 4


def test_without_a_key_nobody_is_told_that_all_is_well(signed: Case) -> None:
    for name, says in (("signed.zip", "not looked at"), ("unsigned.zip", "UNSIGNED")):
        status, said = ours(name)
        assert (status, says in said) == (1, True)
        assert ours(name, "--hashes-only")[0] == 0
    assert ours("unsigned.zip", "--key", "k.pub")[0] == 1
    # What hashes cannot see: whoever changes a row changes its hash too. A signed bundle of which only the manifest was
    # replaced passes the hashes, and no key.
    for change in (forged, stripped):
        Path("variant.zip").write_bytes(change(signed).packed())
        assert ours("variant.zip", "--hashes-only")[0] == 0
        assert ours("variant.zip", "--key", "k.pub")[0] == 1
    # Damage they see.
    Path("variant.zip").write_bytes(TAMPERED["result: a bit"][0](signed).packed())
    assert ours("variant.zip", "--hashes-only")[0] == 1


def test_nothing_is_unpacked_before_the_signature_is_right(signed: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    chunks = archive.Archive.chunks

    def watched(self: archive.Archive, name: str) -> Iterator[bytes]:
        read.append(name)
        return chunks(self, name)

    monkeypatch.setattr(archive.Archive, "chunks", watched)
    Path("variant.zip").write_bytes(stripped(signed).packed())
    assert ours("variant.zip", "--key", "k.pub")[0] == 1
    Path("variant.zip").write_bytes(forged(signed).packed())
    assert ours("variant.zip", "--key", "k.pub")[0] == 1
    assert set(read) == {MANIFEST, SIGNATURE}


def test_a_bundle_that_would_not_verify_is_not_written(place: Path) -> None:
    """What was collected is read once more before the file gets its name."""
    (place / "bad").mkdir()
    wrong = collection(place / "bad")
    (place / "bad" / "roles").write_bytes(b'{"rolname":"someone else"}\n{"a":1}\n')
    with pytest.raises(Exception, match="roles"):
        collect.write(Path("bad.zip"), place / "bad", wrong, named_period("2026Q4"), None)
    assert not Path("bad.zip").exists()


def test_large_contents_are_read_in_pieces(place: Path) -> None:
    content = b"".join(b'{"n":%d,"x":"%d"}\n' % (n, n * n) for n in range(40_000))
    (place / "large").mkdir()
    many = collection(place / "large")
    (place / "large" / "roles").write_bytes(content)
    item = many.items[1]
    item.rows, item.size, item.sha256 = 40_000, len(content), hashlib.sha256(content).hexdigest()
    collect.write(Path("large.zip"), place / "large", many, named_period("2026Q4"), private("k"))
    assert ours("large.zip", "--key", "k.pub")[0] == 0
    with zipfile.ZipFile("large.zip") as file:
        assert file.read(ROLES) == content


@pytest.mark.parametrize(
    ("file", "says"),
    [("missing.zip", "no such file"), (".", "not a regular file"), ("/dev/null", "not a regular file")],
)
@pytest.mark.usefixtures("place")
def test_no_file(file: str, says: str) -> None:
    status, said = _run(["verify", file, "--hashes-only"])
    assert (status, says in said, said.count("\n")) == (2, True, 1)


@pytest.mark.parametrize("key", ["missing.pub", "k.key", "signed.zip"])
@pytest.mark.usefixtures("place")
def test_no_key(key: str) -> None:
    status, said = _run(["verify", "signed.zip", "--key", key])
    assert (status, said.count("\n")) == (2, 1)


def _run(arguments: list[str]) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = cli.main(["evidence", *arguments])
    return status, out.getvalue()


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026Q4", "2026-10-01", "2027-01-01"),
        ("2026-q1", "2026-01-01", "2026-04-01"),
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-01-01..2026-03-31", "2026-01-01", "2026-04-01"),
        ("2024-02-29..2024-02-29", "2024-02-29", "2024-03-01"),
    ],
)
def test_periods(text: str, since: str, until: str) -> None:
    from pggit_excellence.evidence.period import evidence_period

    period = evidence_period(text)
    expected = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (since, until)]
    assert [period.start, period.end] == expected


BAD_PERIODS = [
    "", "2026Q5", "2026Q0", "2026-13", "26Q4", "2026Q4 or so", "tomorrow", "2026-02-30..2026-03-01", "0000Q1", "-1",
    "2026-03-01..2026-02-01", "2026-01-01..", "..2026-01-01", "2026-01-01...2026-02-01", "2026-01-01",
    "9999-12-01..9999-12-31", "2026-01-01..2026-02-01..2026-03-01", "\u0662\u0660\u0662\u0666",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_PERIODS)
def test_bad_periods(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["evidence", f"--period={text}", "--out", "x.zip"])
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert "for example 2026Q4" in error.splitlines()[-1]


def test_collect_may_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["evidence", "--help"], ["evidence", "-h"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(words)
        assert caught.value.code == 0
        assert "verify" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        cli.main(["evidence", "--period", "2026Q4"])
    assert caught.value.code == 2
    assert "evidence collect: error: the following arguments are required: --out" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("unzip") is None, reason="no unzip on this machine")
def test_unzip_reads_it(place: Path) -> None:
    done = subprocess.run(["unzip", "-tq", "signed.zip"], capture_output=True, text=True, check=False, cwd=place)
    assert done.returncode == 0, done.stdout


def test_half_a_character_in_the_manifest(place: Path) -> None:
    """JSON can name half of a surrogate pair, UTF-8 cannot."""
    with zipfile.ZipFile("unsigned.zip") as good:
        files = {name: good.read(name) for name in good.namelist()}
    files[MANIFEST] = files[MANIFEST].replace(b"a ticket", b"\\ud800", 1)
    with (place / "surrogate.zip").open("wb") as file:
        archive.write(file, files)
    status, said = ours("surrogate.zip", "--hashes-only")
    assert (status, "surrogates" in said, said.count("\n")) == (2, True, 1)
