"""What keeps a scan fast gives the same answers as the long way, and what would never end does."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pggit_excellence.scan.analysis import scan_text
from pggit_excellence.scan.flow import summaries
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs import lexer, statements
from pggit_excellence.scan.inputs.headers import read_header, read_type
from pggit_excellence.scan.inputs.plain_headers import plain_header
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
    """What the statements of the script are, without the comments before them."""
    return [repr(replace(found, comments=())) for found in statements.statements(script, lambda _: False)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20), st.sampled_from(["", " "]))
def test_reading_a_statement_at_once_changes_nothing(pieces: list[str], glue: str) -> None:
    for begin in ("", "INSERT INTO one (two, three) SELECT four, five ", "CREATE OR REPLACE FUNCTION f() "):
        script = begin + glue.join([*pieces, ";"])
        quick = read(script)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(statements, "_PLAIN", re.compile(r"(?!)"))
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
    text = f"CREATE FUNCTION f(IN {name} {written} DEFAULT 1, {written}) RETURNS int LANGUAGE sql AS $$ $$"
    found = read_header(text)
    assert not found.damage
    same_by_tokens(text)
    assert [(p.name, p.type) for p in found.parameters] == [(name.strip('"'), written), ("", written)]
    for behind in (" NOT NULL,", ")", ", " + "x " * 100, ""):
        assert read_type(written + behind, 0) == written


WORDS = (
    "in", "out", "inout", "variadic", "setof", "table", "default", "array", "null", "a", "B", '"c d"', "text", "s.t",
    "int[]", "time with time zone", "double precision", "character varying(3)", "numeric(10, 2)", "bit", "(", ")", ",",
    "=", ":=", "'x'", "'a''b'", "E'\\''", "now()", "1", "-1", "-- c\n", "/* c */", "returns", "language", "sql", "set",
    "search_path", "to", "as", "$$ x $$", "$a$ y $a$", "strict", "stable", "cost", "security", "definer", "1a", "%",
)  # fmt: skip
PLAIN_PARAMETERS = (
    "", "text", "a int", "a text default 'x'::text, b int[] = null", "in a s.t,\n out b time with time zone -- c\n",
    "inout a numeric(10, 2), variadic b text[] -- c, d\n", "a interval default '1  day', b jsonb default '{}'::jsonb",
)  # fmt: skip
PLAIN_RESULTS = ("", "returns void", "returns setof S.T", "returns table (a int, b double precision)", "RETURNS text[]")
PLAIN_OPTIONS = (
    "language plpgsql as $$ x $$", "AS $a$ $$ $a$ LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 10",
    "security definer set search_path = pg_catalog,  pg_temp as $$ -- $$ language sql set a to 'b  c' set a to default",
)  # fmt: skip


def same_by_tokens(text: str) -> bool:
    """Whether the header is plain; it then says what its tokens say."""
    header = plain_header(text)
    assert header is None or repr(header) == repr(read_header(text))
    return header is not None


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(PLAIN_PARAMETERS), st.sampled_from(PLAIN_RESULTS), st.sampled_from(PLAIN_OPTIONS),
    st.lists(st.tuples(st.integers(15, 150), st.sampled_from(WORDS), st.sampled_from(["", " "])), max_size=3),
)  # fmt: skip
def test_a_plain_header_says_what_its_tokens_say(
    parameters: str, result: str, options: str, changes: list[tuple[int, str, str]]
) -> None:
    text = f"CREATE OR REPLACE FUNCTION s.f({parameters}) {result} {options}"
    assert same_by_tokens(text)
    for at, word, glue in changes:
        text = text[:at] + glue + word + glue + text[at:]
        same_by_tokens(text)


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
