"""Findings stay what they are when code moves: baselines still know them, and ignore comments still belong to one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pggit_excellence.scan.analysis import analyse
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import Program, SourceText
from pggit_excellence.scan.model import Finding
from pggit_excellence.scan.output import baseline
from pggit_excellence.scan.output.fingerprints import fingerprints
from pggit_excellence.scan.output.locations import Locations
from pggit_excellence.scan.output.rules import RULES
from pggit_excellence.scan.output.suppress import suppress

pytestmark = pytest.mark.once

# Alike statements in one function, in two functions and behind a comment that allows one of them.
FIRST = """CREATE FUNCTION first(p text, q text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v text;
BEGIN
    EXECUTE 'ANALYZE ' || p;
    v := format('CLUSTER %s', q);
    -- pggit: ignore[PGX101] the caller quotes it
    EXECUTE 'ANALYZE '
        || q;
    EXECUTE v;
    EXECUTE 'ANALYZE ' || p;
END $$;
"""
SECOND = """CREATE FUNCTION second(p text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'ANALYZE ' || p; -- pggit: ignore[PGX101] likewise
    EXECUTE 'ANALYZE ' || p;
    EXECUTE format($q$CREATE FUNCTION g(x text) RETURNS void LANGUAGE plpgsql AS $b$
    BEGIN
        EXECUTE 'REINDEX TABLE ' || x;
    END $b$ /* %s */$q$, 1);
END $$;
"""
THIRD = "CREATE FUNCTION third(p text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE p; END $$;\n"
BEFORE = FIRST + SECOND + THIRD


def found_in(text: str, name: str = "a.sql") -> tuple[Program, list[Finding], list[Finding]]:
    """The program; what is left of its findings, PGX902 included; and what comments suppress."""
    program = build([SourceText(name, text)])
    findings = analyse(program, Config(), isolated=False).findings
    left, silenced = suppress(program, findings, list(RULES), Locations(program.sources))
    return program, left, [item.finding for item in silenced]


def blank_lines_everywhere(text: str) -> str:
    return "\n\n" + text.replace(";\n", ";\n\n\n")


def other_indents(text: str) -> str:
    return re.sub(r"^ +", "\t", text, flags=re.MULTILINE)


def statements_in_pieces(text: str) -> str:
    return text.replace(" || ", "\n            ||    ")


def comments_in_statements(text: str) -> str:
    return text.replace(" || ", " /* one */ || -- two\n ")


def comments_between_statements(text: str) -> str:
    return text.replace("    EXECUTE v", "    -- and now, pggit: it runs\n    EXECUTE v")


def statements_above(text: str) -> str:
    return "CREATE TABLE above (a text);\n/* EXECUTE 'x' */ SELECT 'EXECUTE';\n" + text


def functions_above(text: str) -> str:
    return (
        FIRST.replace("first", "another")
        .replace("|| p;", "|| quote_ident(p);")
        .replace("|| q;", "|| quote_ident(q);")
        .replace("CLUSTER %s", "CLUSTER %I")
        + text
    )


def lines_above_in_the_body(text: str) -> str:
    return text.replace("BEGIN\n    EXECUTE", "BEGIN\n    PERFORM 1;\n    RAISE NOTICE 'here';\n    EXECUTE")


def functions_reordered(_: str) -> str:
    return THIRD + SECOND + FIRST


def other_line_ends(text: str) -> str:
    return text.replace("\n", "\r\n")


def other_dollar_quotes(text: str) -> str:
    return text.replace("$$", "$other$")


def untouched(text: str) -> str:
    return text


MOVES = (
    untouched,
    blank_lines_everywhere,
    other_indents,
    statements_in_pieces,
    comments_in_statements,
    comments_between_statements,
    statements_above,
    functions_above,
    lines_above_in_the_body,
    functions_reordered,
    other_line_ends,
    other_dollar_quotes,
)


def named(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return sorted((finding.rule, finding.function, finding.message) for finding in findings)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
@pytest.mark.parametrize("file", ["a.sql", "other/b.sql"])
def test_a_baseline_knows_what_moved(tmp_path: Path, move: Callable[[str], str], file: str) -> None:
    program, known, _ = found_in(BEFORE)
    assert len(known) == 6
    baseline.write(tmp_path / "known.json", known, fingerprints(program, known))
    moved, findings, _ = found_in(move(BEFORE), file)
    new, old, gone = baseline.split(findings, fingerprints(moved, findings), baseline.read(tmp_path / "known.json"))
    if move is functions_above:  # what it splices and allows is safe: nothing there to ignore any more
        assert [(finding.rule, finding.function) for finding in new] == [("PGX902", "another")]
        new = []
    assert (new, named(old), gone) == ([], named(known), [])


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_a_comment_goes_with_its_statement(move: Callable[[str], str]) -> None:
    """It silences as much as before and no more: what stands beside it is still told."""
    _, left, silenced = found_in(BEFORE)
    _, left_now, silenced_now = found_in(move(BEFORE))
    assert [finding.function for finding in silenced] == ["first", "second"]
    assert named(silenced_now) == named(silenced)
    assert named([finding for finding in left_now if finding.function != "another"]) == named(left)


@pytest.mark.parametrize(
    ("change", "new"),
    [
        # Another statement, another function, another rule, and one more of the same.
        (lambda text: text.replace("EXECUTE 'ANALYZE ' || p;\n    v", "EXECUTE 'VACUUM ' || p;\n    v"), "first"),
        (lambda text: text.replace("FUNCTION third", "FUNCTION fourth"), "fourth"),
        (lambda text: text.replace("EXECUTE p;", "EXECUTE 'CLUSTER ' || p;"), "third"),
        (lambda text: text.replace("    EXECUTE v;", "    EXECUTE v;\n    EXECUTE 'ANALYZE ' || p;"), "first"),
        (lambda text: text.replace("'REINDEX TABLE '", "'REINDEX INDEX '"), "second"),
    ],
)
def test_what_is_new_is_not_known(tmp_path: Path, change: Callable[[str], str], new: str) -> None:
    program, known, _ = found_in(BEFORE)
    baseline.write(tmp_path / "known.json", known, fingerprints(program, known))
    changed, findings, _ = found_in(change(BEFORE))
    told, *_ = baseline.split(findings, fingerprints(changed, findings), baseline.read(tmp_path / "known.json"))
    assert [finding.function for finding in told] == [new]


@pytest.mark.parametrize(
    ("moved", "left"),
    [
        # Away from its statement the comment is of no use: the finding is told, and so is the comment.
        ("-- pggit: ignore[PGX101] why\n    PERFORM 1;\n    EXECUTE 'ANALYZE ' || p;", ["PGX101", "PGX902"]),
        ("EXECUTE 'ANALYZE ' || p;\n    PERFORM 1; -- pggit: ignore[PGX101] why", ["PGX101", "PGX902"]),
        ("EXECUTE 'ANALYZE ' || p;\n    -- pggit: ignore[PGX101] why\n", ["PGX101", "PGX902"]),
        ("-- pggit: ignore[PGX101] why\n\n\n    EXECUTE 'ANALYZE ' || p;", []),
        ("-- pggit: ignore[PGX101] why\n    EXECUTE 'ANALYZE ' || p;\n    EXECUTE 'ANALYZE ' || p;", ["PGX101"]),
        ("EXECUTE 'ANALYZE ' || p;\n    EXECUTE 'CLUSTER ' || p; -- pggit: ignore[PGX101] why", ["PGX101"]),
    ],
)
def test_a_comment_that_lost_its_statement(moved: str, left: list[str]) -> None:
    text = THIRD.replace("EXECUTE p;", f"\n    {moved}\n")
    assert sorted(finding.rule for finding in found_in(text)[1]) == left
