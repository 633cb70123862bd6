"""Routines inside the templates of generated routines: found to any depth, with exact positions, and read as SQL."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pggit_excellence.scan.analysis import scan_text
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.nested import fill, nested_routines
from pggit_excellence.scan.inputs.program import Routine, SourceText
from pggit_excellence.scan.plpgsql import syntax
from pggit_excellence.scan.plpgsql.parser import parse_body
from pggit_excellence.scan.values.abstract import Const, Hole, Origin, Place, Quoting, Seq, Source, Text
from pggit_excellence.scan.values.texts import quote_literal

pytestmark = pytest.mark.once


def script(body: str, quote: str = "$outer$") -> str:
    """A file with a function that has this body."""
    return (
        f"-- first line\nCREATE FUNCTION s.outer_one(p text) RETURNS void LANGUAGE plpgsql AS {quote}{body}{quote};\n"
    )


def nested(text: str) -> list[Routine]:
    """The nested routines of the file's first routine; every character that is not filled in is where its map says."""
    found = nested_routines(build([SourceText("f.sql", text)]).routines[0])
    for routine in found:
        assert routine.nested
        assert routine.file == "f.sql"
        assert (routine.label, routine.start < routine.end) == ("s.outer_one", True)
        for index, character in enumerate(routine.body):
            if not "\ue000" <= character <= "\uf8ff" and character != " ":
                assert text[routine.map(index)] == character
    assert len({routine.key for routine in found}) == len(found)
    return found


def executes(routine: Routine, text: str) -> list[str]:
    """The text of the file from each EXECUTE of the routine's tree to the end of its line."""
    block = parse_body(routine.body)
    starts: list[int] = []
    _collect(block, starts)
    return [text[routine.map(start) :].split("\n", 1)[0] for start in starts]


def _collect(statement: object, starts: list[int]) -> None:
    assert not isinstance(statement, syntax.NotParsed), statement
    if isinstance(statement, syntax.Execute | syntax.ReturnQueryExecute | syntax.ForExecute):
        starts.append(statement.keyword)
    for name in ("body", "otherwise"):
        for inner in getattr(statement, name, None) or ():
            _collect(inner, starts)
    for _, body in getattr(statement, "branches", ()):
        for inner in body:
            _collect(inner, starts)


FORMS = {
    "format": "BEGIN EXECUTE format($f$CREATE FUNCTION %I.%I() RETURNS trigger AS $i$\nBEGIN\n"
    "EXECUTE format('INSERT INTO %%I.%I VALUES ($1.*)', TG_TABLE_SCHEMA) USING NEW; RETURN NEW; END\n"
    "$i$ LANGUAGE plpgsql$f$, p, p, p); END",
    "format with quotes": "BEGIN EXECUTE format('CREATE FUNCTION %I() RETURNS void LANGUAGE plpgsql AS $i$\nBEGIN\n"
    "EXECUTE ''SELECT '' || %1$L; END $i$', p); END",
    "concatenation": "BEGIN EXECUTE 'CREATE FUNCTION ' || quote_ident(p) || '() RETURNS void AS $i$ BEGIN\n"
    "EXECUTE ''SELECT 1''; PERFORM ' || p || '; END $i$ LANGUAGE plpgsql'; END",
    "statements filled in": "BEGIN EXECUTE format('CREATE FUNCTION f() RETURNS void AS $i$ DECLARE %s\nBEGIN %s\n"
    "EXECUTE p;\n%s END $i$ LANGUAGE plpgsql', p, p, p); END",
    "a variable": "DECLARE v text; BEGIN v := 'CREATE FUNCTION f() RETURNS void AS $i$ BEGIN\n"
    "EXECUTE a;\nEND $i$ LANGUAGE plpgsql'; EXECUTE v; END",
    "a variable that grows": "DECLARE v text; BEGIN v := 'CREATE FUNCTION f() RETURNS void AS $i$ DECLARE x text; ';\n"
    "v := v || 'BEGIN '; IF p = '' THEN v = v || '\nEXECUTE x || ''1'';\n'; END IF;\n"
    "v := v || format('PERFORM %L;', p) || 'END $i$ LANGUAGE plpgsql'; EXECUTE v; END",
    "anonymous": "BEGIN EXECUTE 'DO $i$ BEGIN\nEXECUTE ''x'' || current_user;\nEND $i$'; END",
    "a static DO": "BEGIN DO $i$ BEGIN\nEXECUTE 'x' || current_user;\nEND $i$; END",
    "a static CREATE": "BEGIN IF true THEN CREATE OR REPLACE FUNCTION g(a text) RETURNS void LANGUAGE plpgsql AS $i$\n"
    "BEGIN\nEXECUTE a;\nEND $i$; END IF; END",
    "replace": "DECLARE t text := 'CREATE FUNCTION {name}() RETURNS void AS $i$ BEGIN\nEXECUTE ''{col}'';\n"
    "END $i$ LANGUAGE plpgsql'; BEGIN EXECUTE replace(replace(t, '{name}', p), '{col}', p); END",
    "a case between": "BEGIN EXECUTE 'DO $i$ BEGIN ' || CASE WHEN p = '' THEN 'a' ELSE 'b' END || '\n"
    "EXECUTE x; END $i$'; END",
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str) -> None:
    text = script(FORMS[form])
    (found,) = nested(text)
    (line,) = executes(found, text)
    assert line.startswith("EXECUTE ")
    assert found.language == "plpgsql"


def test_a_body_in_quotes_has_exact_positions_too() -> None:
    inner = FORMS["concatenation"].replace("'", "''")
    text = script(inner, "'")
    (found,) = nested(text)
    assert text[found.map(found.body.index("EXECUTE")) :].startswith("EXECUTE ''''SELECT 1''''")


def test_any_depth() -> None:
    text = script(
        "BEGIN EXECUTE $a$DO $b$ BEGIN EXECUTE $c$DO $d$ BEGIN EXECUTE $e$CREATE FUNCTION f(x text) RETURNS void "
        "LANGUAGE plpgsql AS $f$ BEGIN\nEXECUTE x; END $f$$e$; END $d$$c$; END $b$$a$; END"
    )
    assert [routine.kind for routine in nested(text)] == ["do", "do", "function"]
    deepest = nested(text)[-1]
    assert executes(deepest, text) == ["EXECUTE x; END $f$$e$; END $d$$c$; END $b$$a$; END$outer$;"]
    assert [parameter.name for parameter in deepest.parameters] == ["x"]


def test_what_the_header_says_is_kept() -> None:
    (found,) = nested(
        script(
            "BEGIN EXECUTE format('CREATE PROCEDURE %I(a int, b text) SECURITY DEFINER SET search_path = x "
            "LANGUAGE plpgsql AS $i$ BEGIN EXECUTE b; END $i$', p); END"
        )
    )
    assert (found.kind, found.security_definer, found.settings) == ("procedure", True, (("search_path", "x"),))
    assert [(parameter.name, parameter.type) for parameter in found.parameters] == [("a", "int"), ("b", "text")]


@pytest.mark.parametrize(
    "body",
    [
        "BEGIN RAISE NOTICE 'do not create a function'; END",
        "BEGIN EXECUTE 'CREATE TRIGGER t BEFORE INSERT ON x EXECUTE FUNCTION f()'; END",
        "BEGIN -- EXECUTE 'CREATE FUNCTION f() RETURNS void AS $i$ BEGIN EXECUTE x; END $i$ LANGUAGE plpgsql';\nEND",
        "BEGIN EXECUTE 'CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $i$ BEGIN ' || p; END",
        "BEGIN EXECUTE format('CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS %L', p); END",
        "BEGIN EXECUTE 'CREATE FUNCTION '; END",
        "BEGIN END",
    ],
)
def test_near_misses(body: str) -> None:
    assert nested(script(body)) == []


def test_a_damaged_template_keeps_its_execute() -> None:
    text = script("BEGIN EXECUTE 'CREATE FUNCTION f() RETURNS int AS $i$ BEGIN EXECUTE x; ' || p; END")
    (found,) = nested(text)
    assert text[found.map(found.body.index("EXECUTE")) :].startswith("EXECUTE x;")


def filled(body: str, find: dict[str, Text], text: str) -> Text:
    """The first string constant of the nested EXECUTE with its placeholders filled."""
    (found,) = nested(text)
    start = found.body.index(body[0], found.body.index("EXECUTE "))
    end = found.body.index("'", start + 1)
    const = Const(found.body[start + 1 : end], Place("f.sql", found.map(start) + 1, found.map(end)))
    by_offset = {text.index(what): value for what, value in find.items()}
    value = fill(const, by_offset.get)
    assert isinstance(value, Const | Seq | Hole)
    return value


def test_placeholders_become_the_real_holes() -> None:
    text = script(
        "BEGIN EXECUTE format($f$DO $i$ BEGIN EXECUTE 'UPDATE t SET %s WHERE %I = %L'; END $i$$f$, p, p, p); END"
    )
    hole = Hole(Quoting.RAW, Origin(Source.CATALOG, "attname"))
    value = filled("'", {"%s WHERE": hole}, text)
    assert isinstance(value, Seq)
    assert value.parts[0] == Const("UPDATE t SET ")
    assert value.parts[1] == hole
    assert [part.quoting for part in value.parts if isinstance(part, Hole)] == [
        Quoting.RAW,
        Quoting.IDENTIFIER,
        Quoting.LITERAL,
    ]
    assert [part.origin.source for part in value.parts if isinstance(part, Hole)][1:] == [
        Source.UNKNOWN,
        Source.UNKNOWN,
    ]
    places = [part.place for part in value.parts if isinstance(part, Const) and part.place]
    assert [text[place.start : place.end] for place in places] == ["UPDATE t SET "]


def test_an_expression_between_constants_becomes_a_hole_at_its_place() -> None:
    text = script("BEGIN EXECUTE 'DO $i$ BEGIN EXECUTE ''DROP TABLE ' || p_name || '''; END $i$'; END")
    (found,) = nested(text)
    start = found.body.index("DROP")
    end = found.body.index("'", start)
    value = fill(
        Const(found.body[start:end], Place("f.sql", found.map(start), found.map(end))),
        {text.index("p_name"): Const("!")}.get,
    )
    assert value == Seq((Const("DROP TABLE "), Const("!")))


def test_a_text_without_placeholders_stays() -> None:
    assert fill(Const("SELECT 1")) == Const("SELECT 1")


def sites(text: str) -> list[tuple[str, str, bool]]:
    """(the file from the keyword on, verdict, nested) of each."""
    found = scan_text(text, "f.sql").sites
    return [(text[site.place.start : site.place.end + 2], site.verdict.value, site.nested) for site in found]


BODY = "'BEGIN EXECUTE a; END'"
MADE = "EXECUTE 'CREATE FUNCTION g(a text) RETURNS void LANGUAGE plpgsql AS ' || "


@pytest.mark.parametrize(
    "body",
    [
        f"BEGIN {MADE}quote_literal({BODY}); END",
        f"DECLARE v text := {BODY}; BEGIN {MADE}'$i$' || v || '$i$'; END",
        f"BEGIN {MADE}quote_literal(concat_ws(' ', 'BEGIN', 'EXECUTE a;', 'END')); END",
        "BEGIN PERFORM h('g', 'BEGIN EXECUTE a; END'); END",
    ],
)
def test_what_is_seen_in_the_value_alone(body: str) -> None:
    """Where the EXECUTE itself stands in the file, once."""
    maker = "CREATE FUNCTION h(n text, b text) RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE format("
    text = f"{maker}'CREATE FUNCTION %I(a text) RETURNS void LANGUAGE plpgsql AS %L', n, b); END$$;\n{script(body)}"
    assert [site for site in sites(text) if site[2]] == [("EXECUTE a", "by_design", True)]


def test_what_is_not_known_of_a_made_routine_is_not_proven() -> None:
    """At the EXECUTE that makes it."""
    text = script(f"BEGIN {MADE}quote_literal(lpad({BODY}, 30)); END")
    assert sorted(site[1:] for site in sites(text)) == [("not_proven", True), ("safe", False)]


def test_routines_that_make_routines_without_end() -> None:
    """Some levels are followed, then nothing is proven."""
    body = "BEGIN EXECUTE a; END"
    for _ in range(7):
        body = f"BEGIN EXECUTE 'DO ' || quote_literal({quote_literal(body)}); END"
    assert ("not_proven", True) in [site[1:] for site in sites(script(body, "$out$"))]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT 'DO $i$ BEGIN EXECUTE current_user; END $i$' AS ddl",
        "INSERT INTO t VALUES ('DO $i$ BEGIN EXECUTE current_user; END $i$')",
        "CREATE TABLE t (ddl text DEFAULT 'DO $i$ BEGIN EXECUTE current_user; END $i$')",
    ],
)
def test_templates_outside_of_routines(statement: str) -> None:
    (site,) = sites(f"{statement};\n")
    assert (site[0], site[2]) == ("EXECUTE c", True)
    assert site[1] != "safe"


def test_a_comment_is_no_template() -> None:
    assert sites("COMMENT ON TABLE t IS 'DO $i$ BEGIN EXECUTE current_user; END $i$';\n") == []


PIECES = """'CREATE FUNCTION f() AS $i$ BEGIN EXECUTE x; ' || format( ( ) , 'END $i$' v := ; v := v ||
'DO $$ BEGIN EXECUTE y; END $$' CASE END $q$%I %s {a}$q$ E'\\'DO $x$ '' ' $q$ DO"""


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.sampled_from(PIECES.split()),
        max_size=25,
    )
)
def test_soup_never_fails(words: list[str]) -> None:
    program = build([SourceText("f.sql", script("BEGIN " + " ".join(words) + " END", "$outer$"))])
    for routine in program.routines:
        for found in nested_routines(routine):
            assert 0 <= found.map(0) <= len(program.sources["f.sql"].text)
            parse_body(found.body)


def test_long_chains_take_linear_time() -> None:
    began = time.monotonic()
    for piece in ("'CREATE FUNCTION ' || x || ", "format('DO $$ %s $$', ", "(", "'do' || f("):
        text = script("BEGIN EXECUTE " + piece * 5_000 + "'CREATE FUNCTION'; END")
        nested_routines(build([SourceText("f.sql", text)]).routines[0])
    assert time.monotonic() - began < 60, "seconds: linear work takes about 3"
