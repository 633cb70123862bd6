"""The scanner's PL/pgSQL parser: the same trees as libpg_query's, and no body that it fails on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pglast
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.plpgsql import syntax
from pggit_excellence.scan.plpgsql.parser import MAX_DEPTH, parse_body
from pggit_excellence.scan.plpgsql.syntax import NotParsed, Sql, Statement
from plpgsql_oracle import ANY, Ours, oracle, routines, squeeze

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.once

EVERYTHING = """
#print_strict_params on
#variable_conflict use_column
<<outermost>>
DECLARE
    a integer NOT NULL := 1; b text; k CONSTANT text COLLATE "C" = 'x;y'; c numeric(10, 2)[] DEFAULT '{1,2}';
    r record; t pg_class%ROWTYPE; n pg_class.relname%TYPE; "Quoted Name" text; query text; next int; p ALIAS FOR $1;
DECLARE
    plain refcursor;
    bound NO SCROLL CURSOR (k integer, m numeric(3, 1)) FOR SELECT k, m /* ; */ FROM pg_class;
    simple CURSOR IS SELECT 1;
BEGIN
    a := 2; a = a + 1; r.f := $$;$$; c[1] := 2; c[1:2] := '{}'; "Quoted Name" := E'\\';'; $1 := 'x'; query := 'x';
    IF a > 1 THEN NULL; ELSIF b IS NULL OR (CASE WHEN a = 1 THEN true ELSE false END) THEN a := 1; ELSEIF true THEN
        a := 2;
    ELSE a := 3; END IF;
    CASE a + 1 WHEN 1, 2 THEN a := 1; WHEN 3 THEN a := 2; ELSE NULL; END CASE;
    CASE WHEN a BETWEEN 1 AND 2 THEN a := 1; END CASE;
    <<l>> LOOP EXIT; EXIT l; CONTINUE l WHEN a = 1; EXIT WHEN (a > 2); END LOOP l;
    WHILE a < 10 LOOP a := a + 1; END LOOP;
    FOR i IN 1..10 LOOP NULL; END LOOP; FOR i IN REVERSE a + 10..1 BY 2 LOOP RAISE NOTICE '%', i; END LOOP;
    FOR r IN SELECT * FROM pg_class WHERE relname = ANY (ARRAY['loop', 'x']) LOOP NULL; END LOOP;
    FOR a, b IN WITH q AS (SELECT 1, 'x') SELECT * FROM q LOOP NULL; END LOOP;
    FOR r IN VALUES (1), (2) LOOP NULL; END LOOP; FOR r IN (SELECT 1) LOOP NULL; END LOOP;
    <<dynamic>> FOR r IN EXECUTE 'SELECT ' || b || ' FROM t' USING a, (b) LOOP RETURN NEXT r; END LOOP dynamic;
    FOR r.f IN EXECUTE 'SELECT 1' LOOP NULL; END LOOP;
    FOR q IN bound (1, 2.5) LOOP NULL; END LOOP; FOR q IN simple LOOP NULL; END LOOP;
    FOREACH a IN ARRAY c[1:2] LOOP NULL; END LOOP; FOREACH c SLICE 1 IN ARRAY ARRAY[[1], [2]] LOOP NULL; END LOOP;
    SELECT 1, 'x' INTO STRICT a, b FROM pg_class; SELECT INTO r * FROM pg_class; SELECT 1 INTO outermost.r.f;
    INSERT INTO pg_class SELECT 1 RETURNING 1 INTO a; UPDATE t SET x = 1 RETURNING x INTO r.f; DELETE FROM t;
    WITH w AS (INSERT INTO t VALUES (1) RETURNING x) SELECT x INTO a FROM w;
    MERGE INTO t USING s ON t.x = s.x WHEN MATCHED THEN DELETE; COMMENT ON TABLE t IS 'x'; CREATE TABLE x (y int);
    CREATE TRIGGER t AFTER INSERT ON x EXECUTE FUNCTION f(); GRANT EXECUTE ON FUNCTION f() TO x;
    IMPORT FOREIGN SCHEMA s FROM SERVER v INTO s2; SET LOCAL work_mem = '1MB'; LOCK TABLE t;
    EXECUTE 'x'; EXECUTE format('%s', a) INTO a, b; EXECUTE 'x' INTO STRICT r USING a, b; EXECUTE ('x') USING a INTO r;
    PERFORM f(a), g(b) FROM t; CALL p(a, b); DO $d$ BEGIN EXECUTE 'x'; END $d$;
    GET DIAGNOSTICS a = ROW_COUNT, b := PG_CONTEXT; GET CURRENT DIAGNOSTICS r.f = ROW_COUNT;
    OPEN plain FOR SELECT 1; OPEN plain NO SCROLL FOR SELECT 2; OPEN plain FOR EXECUTE 'x' || b USING a, b;
    OPEN plain SCROLL FOR EXECUTE 'x'; OPEN bound(1, 2); OPEN simple;
    FETCH plain INTO a; FETCH NEXT FROM plain INTO a, b; FETCH RELATIVE -2 IN plain INTO r; MOVE FORWARD ALL FROM plain;
    CLOSE plain; ASSERT a > 1; ASSERT a > 1, 'message'; COMMIT; COMMIT AND CHAIN; ROLLBACK; ROLLBACK AND NO CHAIN;
    RAISE; RAISE NOTICE 'a % %', a, f(b, 2); RAISE 'x' USING HINT = 'h', ERRCODE = 'P0001'; RAISE division_by_zero;
    RAISE SQLSTATE '22012' USING MESSAGE := b; RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = 'x' || b;
    RAISE DEBUG 'several'
        ' lines'; RAISE WARNING '%', (SELECT 1, 2);
    RETURN QUERY SELECT 1; RETURN QUERY EXECUTE 'x' || b; RETURN QUERY EXECUTE 'x' USING a, b; RETURN NEXT r;
    DECLARE z int; BEGIN z := 1; EXCEPTION
        WHEN division_by_zero OR SQLSTATE '22012' THEN GET STACKED DIAGNOSTICS b = MESSAGE_TEXT;
        WHEN OTHERS THEN RAISE;
    END;
    <<inner>> BEGIN EXIT inner; END inner;
    RETURN;
END outermost;
"""
FUNCTION = "CREATE FUNCTION f(text, x int) RETURNS SETOF record LANGUAGE plpgsql AS $body${}$body$"


def differences(statement: str, body: str) -> list[object]:
    """Where our tree of the body is not libpg_query's."""
    theirs, variables = oracle(statement)
    ours = Ours(body, parse_body(body))
    found: list[object] = [
        (mine, other) for mine, other in zip(ours.entries, theirs, strict=False) if not _same(mine, other)
    ]
    if len(theirs) != len(ours.entries):
        found.append((len(ours.entries), len(theirs)))
    anything = {(name, line) for name, line, type_, _ in variables if type_ == ANY}
    mine = {
        (name, line, ANY if (name, line) in anything else type_.replace("pg_catalog.", ""), value)
        for name, line, type_, value in ours.variables
    }
    return found + sorted(mine ^ set(variables))


def _same(mine: object, theirs: object) -> bool:
    """RETURN of a variable has no text in libpg_query's tree."""
    if isinstance(theirs, tuple) and theirs[0] in {"return", "return_next"} and not theirs[2]:
        return isinstance(mine, tuple) and mine[:2] == theirs[:2]
    return mine == theirs


def walk(item: object) -> Iterator[object]:
    """Every node of a tree."""
    if isinstance(item, tuple):
        for part in item:
            yield from walk(part)
    elif hasattr(item, "__match_args__"):
        yield item
        for name in item.__match_args__:
            yield from walk(getattr(item, name))


def executes(text: str) -> list[int]:
    """Where EXECUTE is a token."""
    return [
        token.start
        for token in tokens(text)
        if token.kind is Kind.WORD and text[token.start : token.end].lower() == "execute"
    ]


def covered(block: syntax.Block) -> list[int]:
    """Where EXECUTE stands by the tree: in statements, in what was not parsed, and in SQL (GRANT EXECUTE)."""
    found: list[int] = []
    for node in walk(block):
        match node:
            case NotParsed(keywords=keywords):
                found += keywords
            case Sql(sql, start):
                found += [start + at for at in executes(sql)]
            case (
                syntax.Execute(keyword=int(at))
                | syntax.ForExecute(keyword=int(at))
                | syntax.ReturnQueryExecute(keyword=int(at))
                | syntax.Open(keyword=int(at))
            ):
                found.append(at)
    return sorted(found)


def parsed(body: str) -> tuple[Statement, ...]:
    """The statements of a body of these."""
    return parse_body(f"BEGIN {body} END").body


def test_every_form_as_libpg_query_reads_it() -> None:
    assert differences(FUNCTION.format(EVERYTHING), EVERYTHING) == []
    block = parse_body(EVERYTHING)
    assert not [node for node in walk(block) if isinstance(node, NotParsed)]
    kinds = {type(node) for node in walk(block)}
    classes = {getattr(syntax, name) for name in dir(syntax) if isinstance(getattr(syntax, name), type)}
    statements = {kind for kind in classes if issubclass(kind, Statement)} - {Statement, NotParsed}
    assert statements <= kinds
    assert (block.conflict, block.label) == ("use_column", "outermost")


def test_a_lost_or_changed_statement_is_seen_by_the_comparison() -> None:
    for was, now in (
        ("RETURN NEXT r;", "NULL;"),
        ("USING a, (b)", "USING a"),
        ("INTO STRICT a, b", "INTO STRICT b"),
        ("z int", "y int"),
    ):
        assert was in EVERYTHING
        assert differences(FUNCTION.format(EVERYTHING), EVERYTHING.replace(was, now))


@pytest.mark.parametrize("folder", ["sql", "tests/fixtures"])
def test_this_projects_routines_as_libpg_query_reads_them(folder: str) -> None:
    paths = [path for path in sorted((ROOT / folder).rglob("*.sql")) if path.name != "PGX901_bad.sql"]  # cannot be read
    found = [routine for path in paths for routine in routines(path.read_text())]
    assert len(found) > 3
    for statement, body in found:
        name = re.search(r"\.(\w+)\(", statement)
        own = f"{name.group(1)}." if name else ""  # libpg_query does not know function.variable
        assert differences(statement.replace(own, ""), body.replace(own, "")) == []


def test_positions_are_those_of_the_text() -> None:
    for node in walk(parse_body(EVERYTHING)):
        match node:
            case Sql(text, start):
                written = EVERYTHING[start : start + len(text)]
                assert written == text or "into" in written.lower() or written.lower().startswith("perform")
            case syntax.Target(names, start):
                assert squeeze(EVERYTHING[start:]).lower().lstrip('"').startswith(squeeze(names[0]).lower())
            case syntax.Declaration(name, start):
                assert EVERYTHING[start:].lower().lstrip('"').startswith(name.lower())
            case Statement(start, end):
                assert EVERYTHING[start:end].endswith(";")
            case _:
                pass


def test_what_is_blanked() -> None:
    (perform, select, nothing) = parsed(
        "PERFORM f(x); SELECT a INTO /* c */ b, c -- d\n FROM t; INSERT INTO t SELECT 1;"
    )
    assert isinstance(perform, syntax.SqlStatement)
    assert perform.sql.text == "SELECT  f(x)"
    assert isinstance(select, syntax.SqlStatement)
    assert re.fullmatch(r"SELECT a {23} FROM t", select.sql.text.replace("\n", " ")) or select.sql.text.endswith(
        "FROM t"
    )
    assert len(select.sql.text) == len("SELECT a INTO /* c */ b, c -- d\n FROM t")
    assert [target.names for target in select.targets] == [("b",), ("c",)]
    assert isinstance(nothing, syntax.SqlStatement)
    assert (nothing.sql.text, nothing.targets) == ("INSERT INTO t SELECT 1", ())


def test_arguments_of_a_cursor_in_the_order_of_its_parameters() -> None:
    block = parse_body("DECLARE c CURSOR (a int, b int) FOR SELECT a; BEGIN OPEN c(b := 1, a => 2); END")
    (opened,) = block.body
    assert isinstance(opened, syntax.Open)
    assert [argument.text for argument in opened.arguments] == ["2", "1"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("x := (1;", "; is missing"),
        ("x[1 := 2;", "] is missing"),
        ("IF a; b; END IF;", "THEN is missing"),
        ("FOR IN 1..2 LOOP EXECUTE a; END LOOP;", "IN is missing"),
        ("FOR a, b IN 1..2 LOOP EXECUTE a; END LOOP;", "this loop has one variable"),
        ("EXECUTE;", "an expression is missing"),
        ("EXECUTE a INTO b INTO c;", "INTO, USING or ; is missing"),
        ("EXECUTE a INTO 5;", "a name is missing"),
        ("SELECT 1 INTO a INTO b;", "INTO stands there twice"),
        ("(SELECT 1);", "no statement begins like this"),
        (";", "no statement begins like this"),
        ("'x';", "no statement begins like this"),
        ("ELSE x := 1;", "no statement begins like this"),
        ("<<l>> x := 1;", "a block or a loop is missing behind the label"),
        ("GET DIAGNOSTICS a;", "= is missing in GET DIAGNOSTICS"),
        ("RAISE USING x;", "= is missing in an option of RAISE"),
        ("DECLARE x; BEGIN x := 1; END;", "a type is missing"),
    ],
)
def test_a_statement_that_is_none_ends_where_the_next_begins(statement: str, reason: str) -> None:
    with pytest.raises(pglast.Error):
        oracle(FUNCTION.format(f"DECLARE a int; b int; c int; x int[]; r record; BEGIN {statement} END"))
    body = f"a := 1; {statement} EXECUTE b;"
    first, *broken, last = parsed(body)
    assert isinstance(first, syntax.Assign)
    assert isinstance(last, syntax.Execute)
    assert reason in {item.reason for item in broken if isinstance(item, NotParsed)}
    text = f"BEGIN {body} END"
    assert covered(parse_body(text)) == executes(text)


def test_a_wrong_end_leaves_the_statements_around_it() -> None:
    loop, behind = parsed("LOOP IF a THEN EXECUTE b; END LOOP; EXECUTE c;")
    assert isinstance(loop, syntax.Loop)
    (inner,) = loop.body
    assert isinstance(inner, NotParsed)
    assert len(inner.keywords) == 1
    assert isinstance(behind, syntax.Execute)


@pytest.mark.parametrize(
    "text", ["", "EXECUTE x", "BEGIN EXECUTE 'x", "BEGIN EXECUTE x;", "x; BEGIN END", "#option", "<<", "<<a>>"]
)
def test_no_body_at_all(text: str) -> None:
    (statement,) = parse_body(text).body
    assert isinstance(statement, NotParsed)
    assert list(statement.keywords) == executes(text)


def test_text_behind_the_end() -> None:
    executed, rest = parse_body("BEGIN EXECUTE a; END; EXECUTE b;").body
    assert isinstance(executed, syntax.Execute)
    assert isinstance(rest, NotParsed)
    assert rest.keywords == (22,)


def test_endless_nesting_neither_overflows_nor_hangs() -> None:
    began = time.process_time()
    for opening, closing in (
        ("BEGIN ", "END; "),
        ("IF a THEN ", "END IF; "),
        ("LOOP ", "END LOOP; "),
        ("CASE WHEN a THEN ", "END CASE; "),
        ("x := (((", "))); "),
        ("IF IF ", ""),
        ("FOR r IN f(", ""),
        ("<<a>> ", ""),
        ("DECLARE ", ""),
        ("BEGIN EXCEPTION WHEN ", ""),
        ("EXECUTE ", ""),
    ):
        text = f"BEGIN {opening * 20_000} EXECUTE y; {closing * 20_000} EXECUTE z; END"
        block = parse_body(text)
        assert set(executes(text)) == set(covered(block))
    assert time.process_time() - began < 60, "seconds: linear work takes about 2"
    deep = f"BEGIN {'LOOP ' * (MAX_DEPTH - 1)} EXECUTE y; {'END LOOP; ' * (MAX_DEPTH - 1)} END"
    assert not [node for node in walk(parse_body(deep)) if isinstance(node, NotParsed)]


WORDS = sorted(set(re.findall(r"\w+|[^\s\w]+", EVERYTHING)))


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from(WORDS), max_size=60))
@example(["BEGIN", "IF", "x", "THEN", "END", "LOOP", ";", "EXECUTE", "y", ";", "END"])
def test_token_soup_never_fails_and_loses_no_execute(words: list[str]) -> None:
    text = f"BEGIN {' '.join(words)} END"
    assert covered(parse_body(text)) == executes(text)


@pytest.mark.parametrize("option", ["execute on", "print_strict_params execute", "option x", "variable_conflict on"])
def test_options_that_plpgsql_refuses_hide_nothing(option: str) -> None:
    body = f"#{option}\nBEGIN EXECUTE a; END"
    with pytest.raises(pglast.Error):
        differences(FUNCTION.format(body), body)
    assert [type(node) for node in walk(parse_body(body)) if isinstance(node, NotParsed)] == [NotParsed]
    assert covered(parse_body(body)) == executes(body)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_any_text_never_fails(text: str) -> None:
    assert covered(parse_body(text)) == executes(text)


PIECES = [EVERYTHING[token.start : token.end] for token in tokens(EVERYTHING)]


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_what_libpg_query_accepts_of_damaged_bodies_is_read_like_it(data: st.DataObject) -> None:
    pieces = list(PIECES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(pieces) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "swap", "replace"]))
        match change:
            case "drop":
                del pieces[at]
            case "double":
                pieces.insert(at, pieces[at])
            case "swap":
                pieces[at : at + 2] = reversed(pieces[at : at + 2])
            case _:
                pieces[at] = data.draw(st.sampled_from(PIECES))
    body = " ".join(piece + "\n" if piece.startswith("#") or piece == "--" else piece for piece in pieces)
    assert covered(parse_body(body)) == executes(body)
    try:
        found = differences(FUNCTION.format(body), body)
    except pglast.Error:
        return
    assert found == []


EXPRESSIONS = st.sampled_from(
    [
        "a",
        "b || 'x;'",
        "(CASE WHEN a = 1 THEN 2 END)",
        "c[1]",
        "f(a, b)",
        "$q$ LOOP $q$",
        "- 1",
        "a BETWEEN 1 AND 2",
        "r.f",
    ]
)
TARGETS = st.sampled_from(["a", "b", "r", "r.f", "a, b", "outermost.a"])


def _simple() -> st.SearchStrategy[str]:
    def fill(template: str, expressions: list[str], target: str) -> str:
        for expression in expressions:
            template = template.replace("@", expression, 1)
        return template.replace("#", target)

    templates = [
        "a := @;",
        "c[@] = @;",
        "r.f := @;",
        "EXECUTE @;",
        "EXECUTE @ INTO # USING @, @;",
        "EXECUTE @ USING @ INTO STRICT #;",
        "SELECT @, @ INTO # FROM t WHERE @;",
        "PERFORM @;",
        "INSERT INTO t VALUES (@) RETURNING @ INTO #;",
        "RETURN NEXT r;",
        "RAISE NOTICE '%', @;",
        "RAISE 'x' USING HINT = @, DETAIL = @;",
        "ASSERT @, @;",
        "RETURN QUERY SELECT @;",
        "RETURN QUERY EXECUTE @ USING @;",
        "OPEN plain FOR EXECUTE @ USING @;",
        "GET DIAGNOSTICS a = ROW_COUNT;",
        "NULL;",
        "FETCH RELATIVE @ FROM plain INTO #;",
        "COMMIT AND CHAIN;",
        "CALL p(@);",
    ]
    return st.builds(fill, st.sampled_from(templates), st.lists(EXPRESSIONS, min_size=3, max_size=3), TARGETS)


def _nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=3).map("\n".join)
    templates = st.sampled_from(
        [
            "IF @ THEN # ELSIF @ THEN # ELSE # END IF;",
            "CASE @ WHEN @, @ THEN # ELSE # END CASE;",
            "<<l>> LOOP # EXIT l WHEN @; END LOOP l;",
            "WHILE @ LOOP # END LOOP;",
            "FOR i IN REVERSE @..@ BY @ LOOP # END LOOP;",
            "FOR r IN SELECT @ FROM t LOOP # END LOOP;",
            "FOR a, b IN EXECUTE @ USING @, @ LOOP # END LOOP;",
            "FOREACH a IN ARRAY @ LOOP # END LOOP;",
            "BEGIN # EXCEPTION WHEN others THEN # END;",
            "DECLARE d int := @; BEGIN # END;",
        ]
    )

    def fill(template: str, expressions: list[str], bodies: list[str]) -> str:
        parts = re.split("([@#])", template)
        return "".join(expressions.pop() if part == "@" else bodies.pop() if part == "#" else part for part in parts)

    return st.builds(
        fill, templates, st.lists(EXPRESSIONS, min_size=3, max_size=3), st.lists(body, min_size=3, max_size=3)
    )


@settings(deadline=None, max_examples=200)
@given(st.lists(st.recursive(_simple(), _nest, max_leaves=8), min_size=1, max_size=4))
def test_generated_bodies_as_libpg_query_reads_them(statements: list[str]) -> None:
    declared = "<<outermost>> DECLARE a int; b text; c int[]; r record; plain refcursor; BEGIN\n"
    body = declared + "\n".join(statements) + "\nEND"
    assert differences(FUNCTION.format(body), body) == []
