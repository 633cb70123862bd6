"""What keeps a scan fast gives the same answers as the long way, and what would never end does."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pggit_excellence.scan.analysis import scan_text
from pggit_excellence.scan.flow import summaries
from pggit_excellence.scan.inputs import lexer, statements
from pggit_excellence.scan.inputs.headers import read_header, read_type
from pggit_excellence.scan.values.abstract import Alt, Const, Hole, Origin, Quoting, Seq, Source, Text

pytestmark = pytest.mark.once

PIECES = (
    "CREATE TABLE a (b int, c text);",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN 1=1 THEN 2 END;",
    "END;", "execute", "EXECUTE x",
    "executed", "e'a\\'b'", "U&\"x\"", "'a;b'", '"a;b"', "$$;$$", "$1", "$a$", ":v", ":'v'",
    "a::int", "[1:2]", "1.e5", "1..2", ".5", "x.y", "-- ; EXECUTE\n", "/* ; */", "+-", "*/*x*/", "\\gexec\n", "\\g\n",
    "é1",
    "a$b", "(", ")", "'", '"', ";", "\n", "SELECT a FROM b WHERE c = d", "begin", "case", "@", "1a",
    "COPY t FROM stdin;\n",
)  # fmt: skip


def read(script: str) -> list[str]:
    """What the statements of the script are."""
    return [repr(statement) for statement in statements.statements(script, lambda _: False)]


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.sampled_from(["", " "]))
def test_passing_over_tokens_changes_no_statement(pieces: list[str], glue: str) -> None:
    script = "INSERT INTO one (two, three) SELECT four, five " + glue.join(pieces)
    quick = read(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "_PLAIN_TOKENS", re.compile(r"(?!)"))
        assert read(script) == quick


def test_characters_of_words() -> None:
    """The classes are written as what they are not."""
    high = "\u0080-\U0010ffff"
    for short, long in (
        (lexer.WORD_START, f"[A-Za-z_{high}]"),
        (lexer.WORD_INSIDE, f"[A-Za-z0-9_${high}]"),
        (lexer.TAG_INSIDE, f"[A-Za-z0-9_{high}]"),
    ):
        every = "".join(map(chr, [*range(0x3000), 0xFFFF, 0x10000, 0x10FFFF]))
        assert re.findall(short, every) == re.findall(long, every)


NAMES = ("p", '"P q"', "time", "interval", "character", "default_x", "x1", "in_x")
TYPES = ("text", "double precision", "character varying(20)", "s.t[]", "time with time zone", "interval day to second",
         "int array", "numeric(10, 2)", '"My"."Type"', "setof text", "t.c%TYPE")  # fmt: skip


@pytest.mark.parametrize(("name", "written"), [*product(NAMES, TYPES)])
def test_a_parameter_is_its_name_and_its_type(name: str, written: str) -> None:
    found = read_header(f"CREATE FUNCTION f(IN {name} {written} DEFAULT 1, {written}) RETURNS int LANGUAGE sql AS ''")
    assert not found.damage
    assert [(p.name, p.type) for p in found.parameters] == [(name.strip('"'), written), ("", written)]
    for behind in (" NOT NULL,", ")", ", " + "x " * 100, ""):
        assert read_type(written + behind, 0) == written


def circle(count: int, body: str) -> str:
    """Functions that all call each other."""
    calls = "".join(f"v := m{number}(v || p); " for number in range(count))
    return "".join(
        f"CREATE FUNCTION m{number}(p text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE v text := ''; "
        f"BEGIN {calls} {body} RETURN v; END $$;\n"
        for number in range(count)
    )


@pytest.mark.parametrize(
    ("body", "verdicts"), [("EXECUTE v;", {"not_proven", "unsafe"}), ("EXECUTE format('%I', p);", {"safe"})]
)
def test_functions_that_all_call_each_other(monkeypatch: pytest.MonkeyPatch, body: str, verdicts: set[str]) -> None:
    """Each is analysed a few times, not as often as there are ways through the calls."""
    analyses = []
    once = summaries.Summaries._once

    def counted(self: summaries.Summaries, routine: summaries.Routine, *arguments: Any, **options: Any) -> Any:
        analyses.append(routine.key)
        return once(self, routine, *arguments, **options)

    monkeypatch.setattr(summaries.Summaries, "_once", counted)
    monkeypatch.setattr(summaries, "_PATIENCE", 20)
    sites = scan_text(circle(9, body)).sites
    assert {site.verdict.value for site in sites} <= verdicts
    assert len(sites) == 9
    assert len(analyses) < 100


def test_a_value_says_what_it_is() -> None:
    hole = Hole(Quoting.RAW, Origin(Source.PARAMETER, "p"))
    assert repr(hole).startswith("Hole(quoting=<Quoting.RAW: 'raw'>, origin=Origin(source=")
    assert {hole: 1}[Hole(Quoting.RAW, Origin(Source.PARAMETER, "p"))] == 1


def test_a_value_made_of_values_is_gone_through_once() -> None:
    """Each level has the one below it twice: all of it written out has more parts than there are atoms."""
    text: Text = Const("x")
    for _ in range(300):
        text = Alt((text, Seq((text, Const("y")))))
    assert hash(text) == hash(text)
