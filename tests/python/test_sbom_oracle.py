"""Control files and script names against the server itself: what it accepts, what it reads, how it updates."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control_cases import Files, case
from control_oracle import Oracle, oracle
from extension_packages import SOME, NotThereError, unpack
from pggit_excellence.sbom.control import control_file, identifiers, lexer, versions
from pggit_excellence.server import workspace

CASES = 400


@pytest.fixture(scope="module")
def judge(request: pytest.FixtureRequest) -> Iterator[Oracle]:
    with workspace() as folder, oracle(request.config.getoption("--pg-major"), folder) as judge:
        yield judge


def disagreements(judge: Oracle, seeds: range) -> list[str]:
    found = []
    for seed in seeds:
        judge.fill(case(seed))
        found += [f"case({seed}): {line}" for line in judge.differences()]
    return found


def put(judge: Oracle, folder: Path) -> int:
    """Give the server the control files and the names of the scripts of a folder; returns how many control files."""
    judge.fill({})
    count = 0
    for path in folder.iterdir():
        if path.name.endswith(".control"):
            (judge.folder / path.name).write_bytes(path.read_bytes())
            count += "--" not in path.name
        elif path.name.endswith(".sql"):
            (judge.folder / path.name).touch()
    return count


def test_random_files_are_read_as_the_server_reads_them(judge: Oracle) -> None:
    assert disagreements(judge, range(CASES)) == []


def test_the_random_files_are_of_both_kinds(judge: Oracle) -> None:
    accepted = 0
    for seed in range(100):
        judge.fill(case(seed))
        accepted += judge.rows("SELECT 1 FROM pg_available_extensions()") is not None
    assert 25 < accepted < 75


def test_files_of_the_installation(judge: Oracle) -> None:
    assert put(judge, judge.own) > 30
    assert list(judge.differences()) == []


@pytest.mark.once
def test_files_of_debian_packages(judge: Oracle, tmp_path: Path) -> None:
    try:
        folder = unpack([f"postgresql-15-{name}" for name in SOME], tmp_path)
    except NotThereError as error:
        pytest.skip(str(error))
    assert put(judge, folder) > 40
    assert list(judge.differences()) == []


def named(*scripts: str, control: bytes = b"default_version = '2'\n") -> Files:
    return {b"case.control": control} | {f"case--{script}.sql".encode(): b"" for script in scripts}


# A fault of the reader, and files by which it shows.
FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Files]] = {
    "a qualified name is a value": (
        lambda patch: patch.setattr("pggit_excellence.sbom.control.settings._VALUES", (*lexer.Kind,)),
        named(control=b"comment = a.b\n"),
    ),
    "booleans are whole words": (
        lambda patch: patch.setitem(control_file._READERS, "trusted", lambda item: item.value == b"true"),
        named("2", control=b"trusted = T\n"),
    ),
    "names keep their case": (
        lambda patch: patch.setattr(
            "pggit_excellence.sbom.control.control_file.split_identifiers", lambda text: [text] if text else []
        ),
        named("2", control=b"requires = PlpgSQL\n"),
    ),
    "escapes stay": (
        lambda patch: patch.setattr("pggit_excellence.sbom.control.settings.unquote", lambda text: text[1:-1]),
        named(control=b"comment = 'it''s \\101'\n"),
    ),
    "of equally long ways the last name wins": (
        lambda patch: patch.setattr(
            versions.Version, "order", property(lambda self: bytes(255 - byte for byte in os.fsencode(self.name)))
        ),
        named("1", "1--a", "1--b", "a--2", "b--2"),
    ),
    "names are never cut": (
        lambda patch: patch.setattr(identifiers, "MAX_NAME", 1000),
        named("2", control=b"requires = '" + "ä".encode() * 40 + b"'\n"),
    ),
    "a byte order mark is skipped": (
        lambda patch: patch.setattr(
            "pggit_excellence.sbom.control.settings._content",
            lambda path: path.read_bytes().removeprefix(b"\xef\xbb\xbf"),
        ),
        named(control=b"\xef\xbb\xbfcomment = 'x'\n"),
    ),
    "includes are not followed": (
        lambda patch: patch.setattr("pggit_excellence.sbom.control.settings._included", lambda *_: []),
        named(control=b"include 'more.conf'\n") | {b"more.conf": b"comment = 'from elsewhere'\n"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_reader_is_seen(judge: Oracle, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    plant, files = FAULTS[fault]
    judge.fill(files)
    assert list(judge.differences()) == []
    plant(monkeypatch)
    assert list(judge.differences()) != []
