"""--fix: what is certain is made, once and only where the result is no worse; the rest of the file stays as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from conftest import FIXTURES
from pggit_excellence.errors import CommandError
from pggit_excellence.scan import scanning
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.program import Program, SourceText
from pggit_excellence.scan.model import Edit, Finding, Fix, Severity
from pggit_excellence.scan.output import fixing
from pggit_excellence.scan.output.report import Report
from pggit_excellence.scan.values.abstract import Place
from scan_reports import finding

pytestmark = pytest.mark.once

PROBES = FIXTURES / "scan"
# What the stand-in of the scanner finds, and what it wants in its place. `BAD` makes a finding of another rule.
RULES = {"raw": ("PGX101", "%I"), "hand": ("PGX109", "raw"), "harm": ("PGX101", "BAD"), "hint": ("PGX101", "LIT")}


def scan(sources: Iterable[SourceText]) -> Report:
    """Finds the words of RULES; BAD cannot be mended, LIT is a hint."""
    program = Program({source.name: source for source in sources})
    report = Report(program, Config(), [], [], [])
    for source in program.sources.values():
        for match in re.finditer(r"\b(raw|hand|harm|hint|BAD|LIT)\b", source.text):
            report.findings.append(found(Place(source.name, *match.span()), match.group()))
        if "((" in source.text:
            report.errors.append(f"{source.name}: does not parse")
    return report


def found(place: Place, word: str, *, certain: bool = True) -> Finding:
    if word not in RULES:
        severity = Severity.HINT if word == "LIT" else Severity.ERROR
        return finding(place, "PGX104" if word == "BAD" else "PGX112", severity=severity)
    rule, text = RULES[word]
    return finding(place, rule, fix=Fix("mend", (Edit(place, text),), certain), message=f"{word} at {place.start}")


def fixed(text: str) -> tuple[str, int]:
    """The text after all fixes, and their number."""
    result = fixing.fix_all([SourceText("a.sql", text)], scan)
    return result.report.program.sources["a.sql"].text, result.count


def test_all_that_is_certain_in_rounds() -> None:
    assert fixed("raw, raw and hand; x") == ("%I, %I and %I; x", 4)
    assert fixed("nothing") == ("nothing", 0)


def test_a_fix_that_does_harm_is_not_made_and_the_others_are() -> None:
    assert fixed("raw harm raw harm hand raw") == ("%I harm %I harm %I %I", 5)


def test_what_would_do_harm_is_counted() -> None:
    assert fixing.fix_all([SourceText("a.sql", "harm raw harm")], scan).refused == 2


@pytest.mark.parametrize(
    "file", [*PROBES.glob("probes/*.sql"), *PROBES.glob("rules/*_bad.sql")], ids=lambda file: file.stem
)
def test_the_scanner_s_own_fixes(file: Path) -> None:
    """What is mended is gone, the text still parses, nothing is left that --fix says it makes."""
    config = Config(jobs=1)

    def really(sources: Iterable[SourceText]) -> Report:
        return scanning.scan(sources, None, config)

    text = file.read_text(encoding="utf-8")
    before = really([SourceText("a.sql", text)])
    result = fixing.fix_all([SourceText("a.sql", text)], really)
    new = result.report.program.sources["a.sql"].text
    left = [found for found in result.report.findings if found.fix is not None and found.fix.certain]
    assert len(left) == result.refused
    assert (new == text) == (result.count == 0)
    assert not fixing.harmed(before, result.report)
    parsed = [
        {found.place.start for found in report.findings if found.rule == "PGX901"} for report in (before, result.report)
    ]
    assert len(parsed[1]) <= len(parsed[0])


def test_a_hint_is_no_harm() -> None:
    assert fixed("hint") == ("LIT", 1)


def test_what_no_longer_parses_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "harm", ("PGX101", "(("))
    assert fixed("raw harm") == ("%I harm", 1)


def test_it_ends_even_if_each_fix_makes_room_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "raw", ("PGX101", "raw "))
    text, count = fixed("raw")
    assert count == fixing.MAX_SCANS
    assert text.strip() == "raw"


def test_what_is_not_certain_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_scan_fix.found", lambda place, word, make=found: make(place, word, certain=False))
    assert fixed("raw raw") == ("raw raw", 0)


def test_overlapping_fixes_are_made_one_after_the_other() -> None:
    def scan_overlapping(sources: Iterable[SourceText]) -> Report:
        report = scan(sources)
        report.findings = [*report.findings, *report.findings]
        return report

    result = fixing.fix_all([SourceText("a.sql", "raw x")], scan_overlapping)
    assert result.report.program.sources["a.sql"].text == "%I x"


def test_new_lines_end_as_the_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "raw", ("PGX101", "a\nb"))
    assert fixed("raw\r\nx\r\n")[0] == "a\r\nb\r\nx\r\n"
    assert fixed("raw\nx\n")[0] == "a\nb\nx\n"


@pytest.mark.parametrize(
    "content",
    [b"a\r\nraw\r\n", b"\xef\xbb\xbfraw \xc3\xa9\n", b"raw \xe9\xff\x80\n", "raw 日本\u2028\x0c\x85x".encode(), b"raw"],
)
def test_bytes_beside_the_fix_stay(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.sql"
    file.write_bytes(content)
    file.chmod(0o640)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    old = SourceText(str(file), text)
    fixing.write(old, SourceText(str(file), text.replace("raw", "%I")))
    assert file.read_bytes() == content.replace(b"raw", b"%I")
    assert file.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a.sql"]  # noqa: PTH208


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.sql").write_text("raw")
    link = tmp_path / "link.sql"
    link.symlink_to("real.sql")
    fixing.write(SourceText(str(link), "raw"), SourceText(str(link), "%I"))
    assert link.is_symlink()
    assert (tmp_path / "real.sql").read_text() == "%I"


def test_what_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.sql"
    file.write_text("raw, changed")
    with pytest.raises(CommandError, match="changed while it was scanned"):
        fixing.write(SourceText(str(file), "raw"), SourceText(str(file), "%I"))
    monkeypatch.setattr(os, "access", lambda *_: False)  # as root everything may be written
    with pytest.raises(CommandError, match="may not be written"):
        fixing.write(SourceText(str(file), "raw, changed"), SourceText(str(file), "%I"))
    with pytest.raises(CommandError, match="No such file"):
        fixing.write(SourceText(str(tmp_path / "none"), "raw"), SourceText(str(tmp_path / "none"), "%I"))
    assert file.read_text() == "raw, changed"


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "a.sql"
    file.write_text("raw")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CommandError, match="No space left"):
        fixing.write(SourceText(str(file), "raw"), SourceText(str(file), "%I"))
    assert file.read_text() == "raw"
    assert os.listdir(tmp_path) == ["a.sql"]  # noqa: PTH208


def test_diff() -> None:
    old, new = SourceText("/d/a.sql", "a\nraw\nb"), SourceText("/d/a.sql", "a\n%I\nb!")
    assert fixing.file_diff(old, new).splitlines() == [
        "--- a/d/a.sql",
        "+++ b/d/a.sql",
        "@@ -1,3 +1,3 @@",
        " a",
        "-raw",
        "-b",
        "\\ No newline at end of file",
        "+%I",
        "+b!",
        "\\ No newline at end of file",
    ]
