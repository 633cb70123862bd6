"""What PostgreSQL computes is in the language of the abstract value: random expressions, hostile parameters."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from pggit_excellence.scan.values import functions
from pggit_excellence.scan.values.expressions import evaluate
from pggit_excellence.scan.values.texts import printed
from pggit_excellence.server import Server
from scan_values import MARK, FakeScope, matches, show

TYPES = {
    "p": "text",
    "q": "text",
    "n": "integer",
    "a": "text[]",
    "j": "jsonb",
    "m": "name",
    "r": "regtype",
    "d": "date",
}
CONSTANTS = [
    "''", "'a'", "', '", "' '", "'%'", "'%s'", "'x.y'", "''''", "'\"'", "'A b'", "'{x}'", "'$1'",
    "E'\\\\'", "'1'", "'null'",
    "'--'", "'select'", "'%I'",
    "E'\\n'", "'x'", "'é'",
]  # fmt: skip
TEMPLATES = [
    "'%s'", "'%I'", "'%L'",
    "'x %I y %L z'", "'%1$I %1$L'", "'%2$s %1$s'", "'%-5s|'", "'%5I'", "'%%%s%%'", "'%3$s'", "'%z'",
    "'%'", "'%*s'", "'%-*2$L'", "'%1$-6I|%s'", "'{x} %s {x}'", "'%0$s'", "'%2$I'", "'%10L|%s'", "'%*1$s'", "'%1s%'",
]  # fmt: skip
DANGER = [
    "'",
    '"',
    "\\",
    "$$",
    ";",
    "--",
    "%",
    "%I",
    "{x}",
    ",",
    " ",
    ".",
    "a",
    "A",
    "x",
    "1",
    "-",
    "\n",
    "select",
    "(",
    "é",
    "/*",
]


def text_parts() -> st.SearchStrategy[str]:
    """A hostile text: danger between marks, or a harmless looking word."""
    piece = st.sampled_from(DANGER).map(lambda word: word + MARK)
    return st.one_of(
        st.lists(piece, min_size=1, max_size=4).map("".join),
        st.lists(piece, min_size=1, max_size=3).map(lambda pieces: MARK + "".join(pieces)),
        st.sampled_from(["", "abc", "A", "select", "1", " ", "x", "a,b", "null", "NULL", "Ab c", "'", '"', "\\"]),
    )


# What each kind of expression can be made of; <t> stands for another text, and so on. The first few are the leaves.
GRAMMAR = {
    "t": r"""
        p
        q
        m
        n::text
        r::text
        d::text
        a[1]
        j ->> 'k'
        <c>
        (<t> || <t>)
        (<t> || <t> || (<t> || <t>))
        quote_ident(<t>)
        quote_literal(<t>)
        quote_nullable(<t>)
        format(<f>, <t>)
        format(<f>, <t>, <t>)
        format(<f>, <t>, n, <t>)
        format(<t>, <t>)
        format('%s' || <t>, <t>)
        format(<f>, VARIADIC <a>)
        format(<f>, <t>, VARIADIC <a>)
        concat(<t>, <t>, <t>)
        concat_ws(<c>, coalesce(<t>, ''), <s>, <s>)
        array_to_string(<a>, <c>)
        array_to_string(<a>, <c>, <c>)
        lower(<t>)
        upper(<t>)
        initcap(<t>)
        reverse(<t>)
        md5(<t>)
        btrim(<t>)
        btrim(<t>, <c>)
        ltrim(<t>, <c>)
        rtrim(<t>, <c>)
        rtrim(<t>, ', ')
        left(<t>, <i>)
        right(<t>, <i>)
        substr(<t>, <i>)
        substr(<t>, <i>, <i>)
        repeat(<t>, <i>)
        left(p, length(p) - 1)
        left(p || ', ', length(p || ', ') - 2)
        substring(p || q from 2 for length(p || q) - 2)
        substring(<t> from '[a-z]+')
        overlay(<t> placing 'x' from 2)
        replace(<t>, <c>, <t>)
        replace('x {x} ' || <t>, '{x}', <t>)
        replace(<t>, <t>, <t>)
        translate(<t>, <c>, <c>)
        split_part(<t>, ',', <i>)
        lpad(<t>, <i>, <c>)
        rpad(<t>, <i>)
        regexp_replace(<t>, '[^a-z0-9_]', <c>, 'g')
        regexp_replace(<t>, '\W+', '_', 'g')
        regexp_replace(<t>, 'a', <c>)
        encode(convert_to(<t>, 'UTF8'), 'hex')
        encode(convert_to(<t>, 'UTF8'), 'escape')
        chr(n + 34)
        to_char(d, 'YYYY-MM-DD')
        to_char(d, '"it''s" YYYY')
        coalesce(<t>, <t>)
        coalesce(nullif(<t>, ''), <t>)
        nullif(<t>, <t>)
        greatest(<t>, <t>)
        CASE WHEN <b> THEN <t> ELSE <t> END
        CASE WHEN <b> THEN <t> END
        (<t>)::varchar(4)
        (<t>)::name::text
        (<t>)::char(3)::text
        to_jsonb((<t>)::text)::text
        (to_jsonb((<t>)::text) #>> '{}')
        (<a>)[1]
        (<a>)[n]
        (<a>)::text
        ((<a>)[1:2])[1]
        (to_jsonb(<a>) ->> 0)
        ((<j>) ->> <k>)
        (<j>)::text
        ((<j>) -> <k>)::text
        ((<j>) #>> '{k}')
        jsonb_extract_path_text(<j>, 'k')
        (SELECT string_agg(e.value, ',') FROM jsonb_each_text(<j>) e)
        (SELECT string_agg(quote_ident(key), ', ') FROM jsonb_each_text(<j>))
        (SELECT string_agg(k, ', ') FROM jsonb_object_keys(<j>) k)
        (SELECT k FROM jsonb_to_record(<j>) AS t(k text, l text))
        (SELECT string_agg(<g>, <c> ORDER BY x) FROM unnest(<a>) AS x)
        (SELECT string_agg(<t> || x, <c>) FILTER (WHERE x <> '') FROM unnest(<a>) AS x)
        (SELECT max(c) FROM (VALUES (<t>), (<t>)) v(c))
        (SELECT s.y FROM (SELECT <t> AS y UNION ALL SELECT <t>) s LIMIT 1)
        (WITH RECURSIVE w(i, t) AS (SELECT 1, <t> UNION SELECT 2, t || <t> FROM w WHERE i < 2) SELECT max(t) FROM w)
        (WITH w AS MATERIALIZED (SELECT <t> AS v) SELECT w.v || w.v FROM w)
        (SELECT (s).f2 FROM (SELECT ROW(1, <t>)) AS t(s))
        (ROW(<t>, 1)::text)
        ('"' || replace(<t>, '"', '""') || '"')
        length(<t>)::text
        (n + 1)::text
        (-n)::text
        json_build_array(<t>, <t>)::text
        (SELECT lag(<t>, 1, <t>) OVER ())
    """,
    "a": r"""
        a
        '{a,"b c",NULL}'::text[]
        ARRAY[<t>]::text[]
        ARRAY[<t>, <t>, <t>]::text[]
        string_to_array(<t>, ',')
        string_to_array('a,b', ',')
        regexp_split_to_array(<t>, ',')
        array_append(a, <t>)
        array_prepend(<t>, a)
        array_cat(<a>, <a>)
        array_remove(<a>, <t>)
        array_replace(<a>, <t>, <t>)
        (<a> || (<t>)::text)
        ((<t>)::text || <a>)
        (<a> || <a>)
        ARRAY(SELECT <t> || x FROM unnest(<a>) AS x)
        (SELECT array_agg(<t> || e.v) FROM unnest(<a>) WITH ORDINALITY AS e(v, o))
        array_fill((<t>)::text, ARRAY[2])
        (<a>)[1:1]
        regexp_match(<t>, '(.)(.)')
    """,
    "j": r"""
        j
        jsonb_build_object('k', <t>, 'l', <t>)
        (j || jsonb_build_object(<k>, <t>))
        (jsonb_build_object('l', <t>) || j)
        ('{"k": "v", "l": "it''s"}'::jsonb || jsonb_build_object('l', <t>))
        to_jsonb(ROW(<t>, <t>))
        (SELECT to_jsonb(s) FROM (SELECT <t> AS k, n AS l) s)
        (SELECT jsonb_object_agg(x, <t>) FROM unnest(ARRAY['k', q]) AS x)
        (SELECT jsonb_agg(<t> || x) FROM unnest(a) AS x)
        jsonb_set(jsonb_build_object('k', p), '{k}', to_jsonb((<t>)::text))
        jsonb_build_array(<t>, n)
        (<j> - 'k')
        jsonb_strip_nulls(<j>)
    """,
    "s": "\n".join(
        ["quote_literal(coalesce(<t>, ''))", "CASE WHEN <b> THEN coalesce(p, <c>) END", "coalesce(nullif(p, <c>), q)"]
    ),
    "c": "\n".join(CONSTANTS),
    "f": "\n".join(TEMPLATES),
    "i": "\n".join(["n", "1", "2", "-1", "0", "-2", "3"]),
    "k": "\n".join(["'k'", "'l'", "p", "'x'", "'f1'"]),
    "b": "\n".join(["p = 'a'", "n > 1", "p IS NULL", "p LIKE 'a%'", "q = ANY (a)", "j ? 'k'"]),
    "g": "\n".join(["x", "quote_ident(x)", "quote_literal(x)", "format('%I = %L', x, p)", "lower(x)"]),
}
RULES = {kind: [rule.strip() for rule in rules.strip().split("\n")] for kind, rules in GRAMMAR.items()}
LEAVES = {"t": 9, "a": 2, "j": 1}
HOLE = re.compile("<([taijcfkbgs])>")


@st.composite
def expressions(draw: st.DrawFn, kind: str = "t", depth: int = 4) -> str:
    """An expression of the grammar."""
    rules = RULES[kind] if depth > 0 else RULES[kind][: LEAVES.get(kind)]
    rule = draw(st.sampled_from(rules))
    return HOLE.sub(lambda hole: draw(expressions(hole[1], depth - 1)), rule)


PARAMETERS = st.fixed_dictionaries(
    {
        "p": text_parts(),
        "q": text_parts(),
        "n": st.integers(-3, 40),
        "a": st.lists(text_parts(), min_size=1, max_size=3),
        "j": st.tuples(text_parts(), text_parts(), text_parts(), text_parts()).map(
            lambda it: json.dumps({it[2]: it[3], "k": it[0], "l": it[1]})
        ),
        "m": text_parts(),
        "r": st.sampled_from(["text", "integer", '"O\'odd"', "text[]"]),
        "d": st.just("2024-02-29"),
    }
)
FROM = "FROM (SELECT " + ", ".join(
    f"${index}::{kind} AS {name}" for index, (name, kind) in enumerate(TYPES.items(), 1)
) + ") AS v"  # fmt: skip


@pytest.fixture(scope="module")
def oracle(server: Server) -> Iterator[psycopg.Connection]:
    """A session that can do no harm."""
    with server.connect() as connection:
        connection.execute("SET statement_timeout = '5s'")
        connection.execute('CREATE TYPE pg_temp."O\'odd" AS (x int)')
        yield connection


def computed(connection: psycopg.Connection, expression: str, parameters: dict[str, object]) -> tuple[bool, str | None]:
    """Whether the server computes it without an error, and the text."""
    try:
        with connection.transaction(), psycopg.RawCursor(connection) as cursor:
            cursor.execute(f"SELECT ({expression})::text {FROM}", list(parameters.values()))
            row = cursor.fetchone()
    except psycopg.Error:
        return False, None
    assert row is not None
    return True, row[0]


@pytest.mark.once
@settings(
    max_examples=int(os.environ.get("ORACLE_EXAMPLES", "250")), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(expression=expressions(), parameters=PARAMETERS)
def test_what_the_server_computes_is_in_the_language(
    oracle: psycopg.Connection, expression: str, parameters: dict[str, object]
) -> None:
    scope = FakeScope(TYPES)
    value = printed(evaluate(expression, scope))
    works, text = computed(oracle, expression, parameters)
    note(f"{expression}\n{show(value)}\n{text!r}")
    if works and text is not None:
        assert matches(value, text)
        assert not [report for report in scope.reports if report[0] == "PGX107" and "CASE" not in expression]


PLANTED = {
    "substr": ("substr(quote_literal(p), 2)", lambda call: call.args[0]),
    "replace": ("replace(quote_ident(p), '\"', '')", lambda call: call.args[0]),
    "chr": ("chr(n)", functions.MODELS["md5"]),
    "split_part": ("split_part(quote_ident(p), '.', 1)", lambda call: call.args[0]),
    "string_agg": ("(SELECT string_agg(quote_ident(x), ', ') FROM unnest(a) AS x)", lambda call: call.args[0]),
}


@pytest.mark.once
@pytest.mark.parametrize("name", PLANTED)
def test_a_wrong_model_is_seen(oracle: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    expression, wrong = PLANTED[name]
    monkeypatch.setitem(functions.MODELS, name, wrong)
    value = printed(evaluate(expression, FakeScope(TYPES)))
    attack: dict[str, object] = {
        "p": f"{MARK}'; .DROP", "q": "", "n": 39, "a": [MARK, "B'"], "j": "{}", "m": "", "r": "text", "d": "2024-02-29",
    }  # fmt: skip
    works, text = computed(oracle, expression, attack)
    assert works
    assert text is not None
    assert not matches(value, text)
    monkeypatch.undo()
    assert matches(printed(evaluate(expression, FakeScope(TYPES))), text)
