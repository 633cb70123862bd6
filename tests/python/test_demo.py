"""`tools/run demo`: what it shows, and what it says when the user's file does not do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import FIXTURES
from printed import too_wide
from tasks import demo

WIDTH = 80
pytestmark = pytest.mark.once


def test_demo_with_the_users_own_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is run from its own folder, and a statement that fails is told, not fatal."""
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    standin = (FIXTURES / "pggit_standin.sql").read_text(encoding="utf-8")
    (tmp_path / "part.sql").write_text(standin, encoding="utf-8")
    script = tmp_path / "my pggit's.sql"
    script.write_text("SELECT 1/0;\n\\i part.sql\n", encoding="utf-8")
    assert demo.main(["--init-sql", str(script), "--objects", "1100"]) == 0
    shown = capsys.readouterr().out
    assert "Errors in" in shown
    assert "division by zero" in shown
    assert too_wide(shown, WIDTH) == []
    # What its sections are for: the flagship finding, real statements, and the summary.
    assert re.search(r"kind +collation *\n", shown)
    assert re.search(r"ALTER TABLE +62 ", shown)
    assert re.search(r"mend_sql\n +CREATE INDEX CONCURRENTLY", shown)
    assert re.search(r"CREATE p50 [\d.]+ ms before, [\d.]+ ms after: \d+ times as fast\n", shown)
    assert not re.search(r"\d:\d\d\.\d{3}|None", shown)  # no microseconds, nothing empty
    assert "CREATE INDEX pggit_excellence_objects_full_name_c" in shown
    assert "DROP INDEX pggit.pggit_excellence_objects_full_name_c" in shown
    # The objectives: measured DDL before and after, every statement counted.
    assert re.search(r"40 CREATE TABLE: tracking took p50 [\d.]+ ms, p95 [\d.]+ ms\n", shown)
    assert re.search(r"120 more: tracking took p50 [\d.]+ ms, p95 [\d.]+ ms\n", shown)
    assert len(re.findall(r"ddl_tracking_p50 +(?:met|missed) +[\d.]+ % +\d+ +(?:40|16\d) *\n", shown)) == 2
    # The scanner: both findings, that both attacks work, and that the fix ends the one that it can.
    assert re.findall(r"shop\.sql:\d+:\d+: (\w+ \w+)", shown) == ["PGX109 error", "PGX103 error"]
    assert "1 safe, 1 unsafe, 1 by design" in " ".join(shown.split())
    assert "finds 3 of 3 customers" in shown
    assert "visitor is a superuser now" in shown
    # Hardening: the attack works, not after harden(), and again after its undo.
    assert re.findall(r"intern is (\w+ \w+)", shown) == ["a superuser", "an ordinary", "a superuser"]
    scores = [float(score) for score in re.findall(r"^ +pggit +\d+ +\d+ +([\d.]+)", shown, re.MULTILINE)]
    assert scores[0] < scores[1]
    assert re.search(r"(\d+) changes, each with its undo\n(?s:.*) \1 undone\n", shown)
    assert re.search(r"1 fixed; left for people to decide: PGX103\n.*\n +finds 0\n", shown)


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "no such file"), ("SELECT 1/0;", "division by zero"), ("SELECT 1;", "made no table pggit.objects")],
)
def test_demo_says_what_is_wrong_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None, says: str
) -> None:
    script = tmp_path / "wrong.sql"
    if text is not None:
        script.write_text(text, encoding="utf-8")
    assert demo.main(["--init-sql", str(script)]) == demo.EXIT_USAGE
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
