"""What is left out of a body changes nothing: the analysis of the whole body finds the same.

The fuzzer's routines have detours, guards, loops and helpers on the way to their statement; the probes everything else.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from pggit_excellence.scan.analysis import scan_text
from pggit_excellence.scan.flow import relevance, summaries
from pggit_excellence.scan.flow.words import words
from pggit_excellence.scan.plpgsql import walk
from pggit_excellence.scan.plpgsql.parser import parse_body
from pggit_excellence.scan.plpgsql.syntax import Block

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "fuzz"), str(ROOT / "tests" / "benchmarks")]
import routines  # noqa: E402

PROBES = ROOT / "tests" / "fixtures" / "scan" / "probes"
FILES = ("adversary_flow", "adversary_nulls", "control_flow", "guards", "heldout_calls", "second_order")


def generated() -> list[str]:
    makers = (routines.well_quoted, routines.with_a_fault, routines.of_any_kind)
    return [makers[seed % 3](Random(seed)).text for seed in range(60)]


def texts() -> list[str]:
    files = [PROBES / f"{name}.sql" for name in FILES]
    return [*generated(), *(file.read_text(encoding="utf-8") for file in files if file.exists())]


def found(text: str) -> tuple[object, object]:
    analysis = scan_text(text)
    return analysis.findings, analysis.sites


def whole(block: Block, *_: object, **__: object) -> Block:
    return block


def differing(monkeypatch: pytest.MonkeyPatch, among: list[str]) -> list[str]:
    """The texts for which the whole bodies show something else."""
    with_part = [found(text) for text in among]
    monkeypatch.setattr(summaries, "relevant_part", whole)
    with_all = [found(text) for text in among]
    return [text for text, part, all_ in zip(among, with_part, with_all, strict=True) if part != all_]


def test_the_rest_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert differing(monkeypatch, texts()) == []


@pytest.mark.parametrize("lost", ["close", "made", "need"])
def test_a_slice_that_loses_something_is_noticed(monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    monkeypatch.setattr(relevance._Needed, lost, lambda *_, **__: None)
    assert differing(monkeypatch, generated()[:24])


BODY = """
DECLARE
    v_name text := p_name;
    v_count integer := 0;
    v_note text;
BEGIN
    FOR v_note IN SELECT note FROM notes LOOP
        v_count := v_count + length(v_note);
    END LOOP;
    IF v_count > 10 THEN
        v_note := 'many';
    END IF;
    v_name := quote_ident(v_name);
    EXECUTE 'DROP TABLE ' || v_name;
    RETURN v_count;
END
"""


@pytest.mark.parametrize("called", [False, True])
def test_what_is_left(called: bool) -> None:
    """What only the result needs goes with it."""
    block = parse_body(BODY)
    part = relevance.relevant_part(block, lambda _words, _code: False, frozenset(), ["p_name"], called=called)
    kinds = [type(statement).__name__ for statement in walk.statements((part,))]
    loop = ["ForQuery", "Assign"] if called else []
    condition = ["If", "Assign"] if called else []
    assert [kind for kind in kinds if kind != "Inert"] == ["Block", *loop, *condition, "Assign", "Execute", "Return"]
    assert dict(walk.keywords((part,))) == dict(walk.keywords((block,)))


@pytest.mark.parametrize(
    ("code", "tells"),
    [
        ("format('%s %s', a, b)", False),
        ("format('%s %s', a)", True),
        ("format('%s 100%%', f(a, b))", False),
        ("format('%s' || x, a)", True),
        ("format('%I', a)", True),
        ("format('%2$s', a, b)", True),
        ("format('%s', VARIADIC a)", True),
        ("format(E'%s', a)", True),
        ("format /* why */ ('%s')", True),
        ("format('100%')", True),
        ("quote_literal(a)", True),
        ("quote_all(a)", False),
    ],
)
def test_code_that_may_show_a_finding_by_itself(code: str, tells: bool) -> None:
    assert relevance.may_tell(words(code), code) is tells
