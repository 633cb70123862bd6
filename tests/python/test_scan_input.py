"""Inputs to a program: what is read, what is found in it, where it stands, and that nothing bad hides what is good."""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
import textwrap
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast import parser

from pggit_excellence.errors import CommandError
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow.summaries import Summaries
from pggit_excellence.scan.flow.views import add_types
from pggit_excellence.scan.frozen import replace
from pggit_excellence.scan.inputs import live, sources
from pggit_excellence.scan.inputs import statements as scan_statements
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.headers import read_header
from pggit_excellence.scan.inputs.lexer import Kind, tokens
from pggit_excellence.scan.inputs.libpg import MAX_OPERATORS, RefusedError, parse
from pggit_excellence.scan.inputs.program import Program, Routine, SourceText
from pggit_excellence.scan.inputs.scripts import is_understood
from pggit_excellence.scan.inputs.statements import Statement, statements

pytestmark = pytest.mark.once


def program_of(*texts: str) -> Program:
    return build([SourceText(f"{index}.sql", textwrap.dedent(text)) for index, text in enumerate(texts)])


def routine_of(text: str) -> Routine:
    program = program_of(text)
    assert program.not_understood == []
    assert len(program.routines) == 1
    return program.routines[0]


def check_offsets(program: Program) -> None:
    """Every character of every dollar-quoted body stands where the map says."""
    for routine in program.routines:
        text = program.sources[routine.file].text
        for index, character in enumerate(routine.body):
            assert text[routine.map(index)] == character
        assert text[routine.start :].lower().startswith(("create", "do", "select"))


def split(script: str) -> list[Statement]:
    return list(statements(script, is_understood))


# --- Tokens


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a 'b' c", "WORD STRING WORD"),
        ("E'a\\'b' 'c''d'", "ESCAPE_STRING STRING"),
        ("U&'x' U&\"y\" n'd' b'01'", "STRING QUOTED STRING STRING"),
        ("$a$ $b$ $a$ $1 $$$$", "DOLLAR PARAMETER DOLLAR"),
        ("a$b$c d$", "WORD WORD"),
        ("/* a /* b */ c */ d -- e\nf", "COMMENT WORD COMMENT WORD"),
        ("1..10 1.5e10 .5 0x1F 1_000", "NUMBER PUNCTUATION NUMBER NUMBER NUMBER NUMBER NUMBER"),
        ("a:=-1", "WORD PUNCTUATION OPERATOR NUMBER"),
        ("a::b a[1:n]", "WORD PUNCTUATION WORD WORD PUNCTUATION NUMBER PUNCTUATION WORD PUNCTUATION"),
        ("a*/*c*/b", "WORD OPERATOR COMMENT WORD"),
        ("\\gexec x\ny", "META WORD"),
        ("é_1 \x00", "WORD OTHER"),
    ],
)
def test_tokens_are_those_of_the_server(text: str, kinds: str) -> None:
    assert [token.kind for token in tokens(text)] == [getattr(Kind, name) for name in kinds.split()]


@pytest.mark.parametrize("text", ["'a", "'a''", "E'a\\'", "E'\\", '"a', "$$ a", "$a$ $b$", "/* /* */", "U&'a", "x'"])
def test_an_open_quote_runs_to_the_end(text: str) -> None:
    last = list(tokens(text))[-1]
    assert not last.closed
    assert last.end == len(text)


@pytest.mark.parametrize(
    ("operators", "found"),
    [
        ("=-", ["=", "-"]),
        ("@-", ["@-"]),
        ("<>+", ["<>", "+"]),
        ("||-", ["||-"]),
        ("<--x", ["<"]),
        ("*-+", ["*", "-", "+"]),
    ],
)
def test_operators_end_as_the_server_says(operators: str, found: list[str]) -> None:
    text = f"a {operators} 1"
    assert [text[t.start : t.end] for t in tokens(text) if t.kind is Kind.OPERATOR] == found


def test_tokens_agree_with_libpg_query() -> None:
    text = """SELECT a.b, 'x''y' || E'\\n' || $t$ ' $t$, "Q""x", 1.5e3, $1, x::int[], f(a => 1), a<>-1, b @> -c -- end
              /* c */ FROM t WHERE u&'d' = 'x' AND é >= 2;"""
    theirs = [(token.start, token.end + 1) for token in parser.scan(text)]
    ours = [(token.start, token.end) for token in tokens(text)]
    joined = {start for start, _ in ours}
    assert {start for start, _ in theirs} == joined
    assert len(theirs) == len(ours)


@given(st.text(alphabet="ab1'\"$\\;:/*-.eEuU&\n (){}\u00e9", max_size=60))
def test_tokens_cover_every_text(text: str) -> None:
    at = 0
    for token in tokens(text):
        assert text[at : token.start].strip(" \t\n\r\f\v") == ""
        assert token.start < token.end
        at = token.end
    assert text[at:].strip(" \t\n\r\f\v") == ""


# --- Statements and what psql reads itself


def test_statements_end_where_psql_ends_them() -> None:
    script = """\
        SELECT 1; CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); -- ; here
        CREATE FUNCTION f(int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN $1 > 0 THEN 1 END; SELECT 2; END;
        SELECT ';' /* ; */, ";", $$;$$ ; ; select 4"""
    found = [statement.text.split("\n")[0].strip() for statement in split(script)]
    assert [text.split()[0] for text in found] == ["SELECT", "CREATE", "CREATE", "SELECT", "select"]
    assert found[2].endswith("END")


def test_what_psql_reads_is_blanked_at_equal_length() -> None:
    script = textwrap.dedent("""\
        \\set x 'it''s'
        \\echo don't
        \\if :{?debug}
        \\endif
        SELECT :x, :'name', :"ident", a[1:n], b::int, ':not', $$ :not $$, :{?name} FROM :schema.t
        \\gset prefix_
        SELECT 1 \\; SELECT 2;
        SELECT format('DROP TABLE %I', t) FROM x \\gexec
        \\copy t from stdin
        it's ; $$
        \\.
        SELECT 'after';
        """)
    found = split(script)
    texts = [statement.text.strip() for statement in found]
    assert texts[0].startswith("SELECT _x,  'name',  \"ident\", a[1:n], b::int, ':not', $$ :not $$, true")
    assert "FROM _schema.t" in texts[0]
    assert texts[1:3] == ["SELECT 1", "SELECT 2"]
    assert texts[4] == "SELECT 'after'"
    assert [statement.gexec is not None for statement in found] == [False, False, False, True, False]
    gexec = found[3].gexec
    assert gexec is not None
    assert script[gexec:].startswith("\\gexec")
    for statement in found:
        assert len(statement.text) == statement.end - statement.start
        assert script[statement.start] == statement.text[0]


def test_data_of_copy_hides_nothing() -> None:
    script = (
        "COPY t (a) FROM stdin;\nit's $$ ( \\N\n\\.\nSELECT 1;\n"
        "COPY t FROM STDIN WITH (FORMAT csv);\n'\n\\.\nSELECT 2;\n"
    )
    assert [statement.text for statement in split(script) if statement.head[0] == "select"] == ["SELECT 1", "SELECT 2"]


def test_extension_words_are_names() -> None:
    program = program_of("""\
        \\echo Use "CREATE EXTENSION x" to load this file. \\quit
        CREATE TABLE @extschema@.t (a @extschema:other@.kind);
        CREATE FUNCTION @extschema@.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM @extschema@.g(); END $$;
        """)
    assert program.not_understood == []
    assert program.routines[0].name == ("_extschema_", "f")
    assert program.routines[0].body == " BEGIN PERFORM _extschema_.g(); END "
    assert program.tables["_extschema_", "t"].columns == {"a": "_extschema_other_.kind"}


# --- Routines

BODY = "BEGIN EXECUTE 'x'; END"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("f() RETURNS void LANGUAGE plpgsql AS $$B$$", {"returns": "void"}),
        ("s.f() RETURNS void AS $$B$$ LANGUAGE 'plpgsql'", {"name": ("s", "f")}),
        ('"S"."a""b"() RETURNS void AS $x$B$x$ LANGUAGE "plpgsql"', {"name": ("S", 'a"b')}),
        ("F() RETURNS SETOF s.t LANGUAGE plpgsql AS $$B$$", {"returns": "s.t", "returns_set": True, "name": ("", "f")}),
        (
            "f() RETURNS TABLE (a int, b text[]) LANGUAGE plpgsql SECURITY DEFINER AS $$B$$",
            {"returns": "record", "returns_set": True, "security_definer": True},
        ),
        ("f() RETURNS int STRICT IMMUTABLE COST 10 ROWS 5 PARALLEL SAFE LANGUAGE plpgsql AS $$B$$", {"returns": "int"}),
        ("f() RETURNS int CALLED ON NULL INPUT NOT LEAKPROOF WINDOW LANGUAGE plpgsql AS $$B$$", {}),
        ("f() RETURNS int RETURNS NULL ON NULL INPUT LANGUAGE plpgsql EXTERNAL SECURITY INVOKER AS $$B$$", {}),
        ("f() RETURNS NULL ON NULL INPUT LANGUAGE plpgsql AS $$B$$", {"returns": ""}),
        ("f() RETURNS int LANGUAGE plpgsql AS $$B$$ WITH (isStrict, isCachable)", {}),
        ("f() RETURNS int TRANSFORM FOR TYPE hstore, FOR TYPE a.b SUPPORT s.x LANGUAGE plpgsql AS $$B$$", {}),
        (
            "f() RETURNS void SET search_path = pg_catalog, \"$user\" SET a.b TO 'x' LANGUAGE plpgsql AS $$B$$",
            {"settings": (("search_path", 'pg_catalog, "$user"'), ("a.b", "'x'"))},
        ),
        (
            "f() RETURNS void SET search_path FROM CURRENT SET TIME ZONE 'UTC' SET x = -1 LANGUAGE plpgsql AS $$B$$",
            {"settings": (("search_path", "FROM CURRENT"), ("timezone", "'UTC'"), ("x", "- 1".replace(" ", "")))},
        ),
        ("f() RETURNS void SET a = 1 SET a TO DEFAULT LANGUAGE plpgsql AS $$B$$", {"settings": ()}),
        ("f() RETURNS timestamp with time zone LANGUAGE plpgsql AS $$B$$", {"returns": "timestamp with time zone"}),
        ("f() RETURNS double precision[] LANGUAGE plpgsql AS $$B$$", {"returns": "double precision[]"}),
        ("f() RETURNS t.c%TYPE LANGUAGE plpgsql AS $$B$$", {"returns": "t.c%TYPE"}),
        ("f() RETURNS interval day to second(3) LANGUAGE plpgsql AS $$B$$", {}),
        ("f() RETURNS varchar(10) /* c */ LANGUAGE -- d\n plpgsql AS $$B$$", {"returns": "varchar(10)"}),
        ("f() RETURNS event_trigger LANGUAGE PLPGSQL AS $$B$$", {"returns": "event_trigger", "language": "plpgsql"}),
    ],
)
def test_every_option_is_read(header: str, expected: dict[str, object]) -> None:
    text = "CREATE OR REPLACE FUNCTION " + header.replace("$B$", f"${BODY}$") + ";"
    routine = routine_of(text)
    assert routine.body == BODY
    assert routine.language == "plpgsql"
    assert text[routine.map(0) :].startswith(BODY)
    assert {name: getattr(routine, name) for name in expected} == expected
    tree = parse(re.sub(r" WITH .isStrict.*\)", "", text))[0]["CreateFunctionStmt"]
    assert [name["String"]["sval"] for name in tree["funcname"]] == [part for part in routine.name if part]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", []),
        ("a int", [("a", "int", "in", None)]),
        ("int", [("", "int", "in", None)]),
        (
            "double precision, character varying(3)",
            [("", "double precision", "in", None), ("", "character varying(3)", "in", None)],
        ),
        ("IN a text DEFAULT 'x,)'", [("a", "text", "in", "'x,)'")]),
        ("a text = f(1, 2), OUT b int", [("a", "text", "in", "f(1, 2)"), ("b", "int", "out", None)]),
        ('INOUT a s.t[], VARIADIC "B c" text[]', [("a", "s.t[]", "inout", None), ("B c", "text[]", "variadic", None)]),
        (
            "IN OUT a int, b IN int, OUT int",
            [("a", "int", "inout", None), ("b", "int", "in", None), ("", "int", "out", None)],
        ),
        (
            "a time without time zone, b bit varying(3), interval",
            [
                ("a", "time without time zone", "in", None),
                ("b", "bit varying(3)", "in", None),
                ("", "interval", "in", None),
            ],
        ),
        (
            "p_a timestamp(3) with time zone DEFAULT now() -- x\n, t.c%TYPE, r s.t%ROWTYPE",
            [
                ("p_a", "timestamp(3) with time zone", "in", "now()"),
                ("", "t.c%TYPE", "in", None),
                ("r", "s.t%ROWTYPE", "in", None),
            ],
        ),
        (
            "x int ARRAY[3], y national character varying(2)",
            [("x", "int ARRAY[3]", "in", None), ("y", "national character varying(2)", "in", None)],
        ),
        (
            "a text DEFAULT 'x'::text, b jsonb DEFAULT '{}'::jsonb",
            [("a", "text", "in", "'x'::text"), ("b", "jsonb", "in", "'{}'::jsonb")],
        ),
    ],
)
def test_every_parameter_is_read(written: str, expected: list[tuple[str, str, str, str | None]]) -> None:
    routine = routine_of(f"CREATE FUNCTION f({written}) RETURNS void LANGUAGE plpgsql AS $$ $$;")
    assert [(p.name, p.type, p.mode, p.default) for p in routine.parameters] == expected


def test_procedures_columns_of_tables_and_nameless_languages() -> None:
    program = program_of("""\
        CREATE PROCEDURE p(INOUT a int) LANGUAGE sql AS $$ SELECT 1 $$;
        CREATE FUNCTION t(x int) RETURNS TABLE (a int, "B" text) AS $$ $$ LANGUAGE plpgsql;
        CREATE FUNCTION a(x int) RETURNS int BEGIN ATOMIC SELECT 1; END;
        CREATE FUNCTION r(x int) RETURNS int RETURN x + 1;
        CREATE FUNCTION c(int) RETURNS int AS 'MODULE_PATHNAME', 'c_symbol' LANGUAGE C STRICT;
        CREATE FUNCTION i(int) RETURNS int AS 'int4in' LANGUAGE internal;
        CREATE AGGREGATE g(int) (sfunc = x, stype = int);
        DO $$ BEGIN END $$;
        DO LANGUAGE plpython3u $x$ pass $x$;
        DO 'BEGIN END' LANGUAGE 'plpgsql';
        """)
    assert program.not_understood == []
    assert [(r.label, r.kind, r.language, r.atomic) for r in program.routines] == [
        ("p", "procedure", "sql", False),
        ("t", "function", "plpgsql", False),
        ("a", "function", "sql", True),
        ("r", "function", "sql", True),
        ("DO", "do", "plpgsql", False),
        ("DO", "do", "plpython3u", False),
        ("DO", "do", "plpgsql", False),
    ]
    assert [(p.name, p.mode) for p in program.routines[1].parameters] == [("x", "in"), ("a", "table"), ("B", "table")]
    assert len({routine.key for routine in program.routines}) == len(program.routines)


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ("'a''b''''c'", "a'b''c"),
        ("''", ""),
        ("E'a\\'b\\n\\\\\\x41\\u00e9\\101''c'", "a'b\n\\A\u00e9A'c"),
        ("'one '\n  'two'", "one two"),
        ("U&'d\\0061t\\+000061 \\\\'", "data \\"),
        ("$é$ 'x' $é$", " 'x' "),
        ("$$$$", ""),
    ],
)
def test_every_form_of_body_maps_to_its_file(written: str, body: str) -> None:
    text = f"-- é\nCREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {written};"
    routine = routine_of(text)
    assert routine.body == body
    tree = parse(text)[0]["CreateFunctionStmt"]
    assert (
        next(o["DefElem"]["arg"] for o in tree["options"] if o["DefElem"]["defname"] == "as")["List"]["items"][0][
            "String"
        ].get("sval", "")
        == body
    )
    for index, character in enumerate(body):
        at = routine.map(index)
        assert text[at] == character or text[at] in "\\'"
    assert text[routine.map(len(body)) - 0 :][:1] in {"'", "$"}


def test_the_same_function_twice_is_two_routines() -> None:
    one = "CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ $$;"
    program = program_of(one + "\n" + one, one)
    assert len({routine.key for routine in program.routines}) == 3


def test_offsets_survive_crlf_and_a_byte_order_mark() -> None:
    text = (
        "\ufeffCREATE FUNCTION f()\r\nRETURNS void AS $$\r\nBEGIN\r\n  EXECUTE 'é';\r\nEND\r\n$$ LANGUAGE plpgsql;\r\n"
    )
    program = build([SourceText("x", text)])
    assert program.not_understood == []
    routine = program.routines[0]
    assert text[routine.map(routine.body.index("EXECUTE")) :].startswith("EXECUTE 'é'")
    check_offsets(program)


def test_headers_agree_with_libpg_query_on_our_own_sql() -> None:
    folder = Path(__file__).parents[2] / "sql"
    for path in sorted(folder.rglob("*.sql")):
        program = build([SourceText(str(path), path.read_text(encoding="utf-8"))])
        assert program.not_understood == [], path
        check_offsets(program)
        for routine in program.routines:
            if routine.kind not in {"function", "procedure"}:
                continue
            tree = parse(program.sources[str(path)].text[routine.start : routine.end])[0]["CreateFunctionStmt"]
            parameters = [item["FunctionParameter"] for item in tree.get("parameters", ())]
            assert [item.get("name", "") for item in parameters] == [p.name for p in routine.parameters]
            bodies = [o["DefElem"]["arg"] for o in tree["options"] if o["DefElem"]["defname"] == "as"]
            assert [body["List"]["items"][0]["String"]["sval"] for body in bodies] == [routine.body]


# --- Damage

DAMAGED = [
    ("an open dollar quote", "CREATE FUNCTION bad() RETURNS void AS $$\nBEGIN EXECUTE p; END;\n"),
    (
        "a body that begins without a quote",
        "CREATE FUNCTION bad()\nRETURNS void AS\nBEGIN EXECUTE p; END;\n$$ LANGUAGE plpgsql;\n",
    ),
    (
        "a header that is cut off",
        "CREATE FUNCTION bad(\nDECLARE\n  v text;\nBEGIN EXECUTE p; END;\n$$ LANGUAGE plpgsql;\n",
    ),
    ("an open quote", "SELECT 'its here;\n"),
    ("an open name", 'SELECT "a FROM t;\n'),
    ("an open comment", "/* begins /* twice */\nSELECT 1;\n"),
    ("an open parenthesis", "CREATE TABLE t (a int, (b text;\n"),
    ("no semicolon", "SELECT 1\n"),
    ("a closing parenthesis too many", "SELECT 1);\n"),
    (
        "a tag in the body",
        "CREATE FUNCTION bad() RETURNS void AS $$ BEGIN x := $$abc$$; EXECUTE p; END $$ LANGUAGE plpgsql;\n",
    ),
    ("no SQL at all", "<<<<<<< HEAD\n=======\n>>>>>>> x;\n"),
    ("BEGIN ATOMIC without END", "CREATE FUNCTION bad() RETURNS int BEGIN ATOMIC SELECT 1;\n"),
]
GOOD = "CREATE OR REPLACE FUNCTION {0}() RETURNS text LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 'it''s {0}';\nEND $$;\n"


@pytest.mark.parametrize(("what", "damage"), DAMAGED, ids=[what for what, _ in DAMAGED])
def test_damage_hides_nothing_before_or_behind_it(what: str, damage: str) -> None:
    script = GOOD.format("before") + damage + "\n" + GOOD.format("behind") + GOOD.format("last")
    program = program_of(script)
    names = [routine.label for routine in program.routines if routine.label != "bad"]
    assert names == ["before", "behind", "last"], what
    assert [r.body for r in program.routines if r.label == "last"] == ["\nBEGIN\n  RETURN 'it''s last';\nEND "]
    text = program.sources["0.sql"].text
    for at in (found.start() for found in re.finditer("EXECUTE p", text)):
        in_body = any(r.map(0) <= at < r.map(len(r.body)) for r in program.routines)
        noted = any(at in note.executes for note in program.not_understood)
        assert in_body != noted, what
    assert program.not_understood, what
    check_offsets(program)


def test_a_damaged_routine_keeps_its_body() -> None:
    program = program_of(DAMAGED[9][1])
    assert program.routines[0].body == " BEGIN x := $$abc$$; EXECUTE p; END "
    program = program_of(DAMAGED[2][1])
    assert program.routines[0].body.strip().startswith("DECLARE")
    assert program.routines[0].body.strip().endswith("END;")


def test_newer_syntax_is_taken_apart_and_noted() -> None:
    program = program_of(
        "CREATE FUNCTION s.f(a text) RETURNS void LANGUAGE plpgsql NEW OPTION AS $$ BEGIN EXECUTE a; END $$;"
    )
    assert [routine.name for routine in program.routines] == [("s", "f")]
    assert program.routines[0].body == " BEGIN EXECUTE a; END "
    assert [note.executes for note in program.not_understood] == [()]
    assert "NEW" in program.not_understood[0].reason


def test_text_that_looks_like_a_statement_cuts_nothing() -> None:
    script = """\
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
CREATE TABLE t (a int);
DROP TABLE t;
END $$;
INSERT INTO notes VALUES ('
CREATE TABLE x (a int);
');
/*
CREATE FUNCTION commented() RETURNS void LANGUAGE plpgsql AS $$ $$;
*/
"""
    program = program_of(script)
    assert [routine.label for routine in program.routines] == ["f"]
    assert program.not_understood == []
    assert not program.tables


def test_execute_that_is_not_dynamic_is_no_damage() -> None:
    program = program_of("""\
        PREPARE p AS SELECT 1;
        EXECUTE p;
        CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION f();
        GRANT EXECUTE ON FUNCTION f() TO bob;
        EXPLAIN ANALYZE EXECUTE p;
        """)
    assert program.not_understood == []
    assert program.triggers == {("", "f"): {("", "x")}}


def test_execute_in_what_is_no_sql_is_noted() -> None:
    text = "IF x THEN\n  EXECUTE format('DROP %s', y); -- EXECUTE\nEND IF;\n"
    program = program_of(text)
    executes = [offset for note in program.not_understood for offset in note.executes]
    assert [text[offset : offset + 14] for offset in executes] == ["EXECUTE format"]


@pytest.mark.parametrize(
    "damage",
    [
        "(" * 50_000,
        "'" * 9_999,
        "$$" * 9_999,
        "SELECT " + "+".join("1" * 60_000) + ";",
        "CREATE VIEW v AS SELECT " + "1+" * 60_000 + "1;",
        "CREATE TABLE t (a int DEFAULT " + "(" * 20_000 + ");",
        "/*" * 20_000,
        "CREATE FUNCTION f(\n" * 3_000,
        "CREATE TABLE (\n" * 20_000,
    ],
    ids=["parentheses", "quotes", "dollars", "sum", "deep view", "deep table", "comments", "headers", "tables"],
)
def test_endless_nesting_ends(damage: str) -> None:
    program = program_of(GOOD.format("before") + damage + "\n" + GOOD.format("behind"))
    assert {"before"} <= {routine.label for routine in program.routines}


def test_the_parser_is_kept_from_what_would_end_the_process() -> None:
    with pytest.raises(RefusedError, match="operators"):
        parse("SELECT " + "+".join("1" * (MAX_OPERATORS + 2)))
    with pytest.raises(RefusedError, match="syntax error"):
        parse("SELECT FROM WHERE")
    assert parse("SELECT 1")[0]["SelectStmt"]


SCRIPT = """\
\\set ON_ERROR_STOP on
CREATE TABLE app.jobs (id int, command text);
{0}
GRANT INSERT ON app.jobs TO PUBLIC; -- it's
{1}
INSERT INTO app.jobs VALUES (1, 'it''s; $$ ');
DO $do$ BEGIN EXECUTE 'SELECT 1'; END $do$;
{2}
"""
MUTATIONS = [
    "'",
    '"',
    "$$",
    "$x$",
    "(",
    ")",
    ";",
    "/*",
    "*/",
    "--",
    "\\",
    "BEGIN",
    "END",
    ":x",
    "\n",
    "CREATE ",
    "é",
    "\0",
    "",
]


def statements_of(script: str, *, token_by_token: bool) -> list[Statement]:
    """The statements, without the comments before them; `token_by_token`: none is read at once."""
    with pytest.MonkeyPatch.context() as patch:
        if token_by_token:
            patch.setattr(scan_statements, "_PLAIN", re.compile("(?!)"))
        return [replace(statement, comments=()) for statement in split(script)]


@pytest.mark.parametrize(
    "script",
    [
        "-- it's\n" + GOOD.format("one") + "DO LANGUAGE plpgsql $x$ BEGIN END $x$; SELECT 1;",
        "INSERT INTO t VALUES ('a'';', 1), (E'\\'', 2); SELECT 1;",
        "CREATE FUNCTION pgg$x$it() RETURNS int AS $x$ LANGUAGE sql; SELECT 1;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END; DO $$ $$;",
        "CREATE FUNCTION f(a int DEFAULT (1 RETURNS int AS $$ x $$; SELECT 1;",
        "CREATE FUNCTION f(a numeric(10,2)) RETURNS int AS $$ SELECT ';' $$ LANGUAGE 'sql'; SELECT 1;",
        "CREATE FUNCTION f() RETURNS int AS $$ $$ -- ; it's\nLANGUAGE sql; SELECT 1;",
        "DO $$ x $$ \\gexec\nSELECT 1;",
        "CREATE FUNCTION execute() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$ SET x TO :y;",
        "CREATE TABLE a ( -- it's; a\n b text DEFAULT 'x(''; -- y', \"c;\" int /* ; */) -- last\n; SELECT 1;",
        "CREATE TABLE a (b text DEFAULT ')' CHECK (b <> '('); GRANT EXECUTE ON FUNCTION f() TO x; SELECT 1;",
        "COMMENT ON TABLE a IS $$ it's ; $x$ $$; SELECT 1execute, 2.e5e, .5e3e, 1a.b; SELECT 1;",
        "COPY a FROM stdin;\nSELECT 'x;\n\\.\nCREATE RULE a AS ON DELETE TO b DO (SELECT 1; SELECT 2); SELECT 1;",
        "SELECT N'a', x'1', U&\"a;\", U&'b;', a-b/c::text, a--b;\n, 1 */ 2; SELECT a$b; SELECT $1; ; SELECT 1 \\g\n",
    ],
)
def test_plain_statements_are_read_at_once_as_token_by_token(script: str) -> None:
    assert statements_of(script, token_by_token=False) == statements_of(script, token_by_token=True)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_mutated_scripts_keep_what_stands_before_the_damage(seed: int, count: int) -> None:
    chance = random.Random(seed)
    script = SCRIPT.format(*(GOOD.format(name) for name in ("one", "two", "three")))
    first = len(script)
    mutated = script
    for _ in range(count):
        at = chance.randrange(len(mutated))
        mutated = mutated[:at] + chance.choice(MUTATIONS) + mutated[at + chance.randrange(3) :]
        first = min(first, at)
    assert statements_of(mutated, token_by_token=False) == statements_of(mutated, token_by_token=True)
    program = build([SourceText("x", mutated)])
    found = {routine.label for routine in program.routines}
    whole = {
        name for name in ("one", "two", "three") if script.index(GOOD.format(name)) + len(GOOD.format(name)) <= first
    }
    assert whole <= found
    for routine in program.routines:
        assert 0 <= routine.start <= routine.map(0) <= len(mutated)
        damaged = any(note.start <= routine.start < note.end for note in program.not_understood)
        if not damaged and "$$" in mutated[routine.start : routine.map(0)]:
            assert mutated[routine.map(0) :].startswith(routine.body)
    for note in program.not_understood:
        assert all(mutated[at : at + 7].lower() == "execute" for at in note.executes)


# --- Facts


@pytest.mark.parametrize(
    ("mentioned", "typed"),
    [({"unheard_of"}, ""), ({"first"}, "first"), ({"second"}, "first second"), ({"quoted one"}, "Quoted One")],
)
def test_only_views_that_matter_get_types(mentioned: set[str], typed: str) -> None:
    """Those that are mentioned, and those in their definitions."""
    program = program_of("""\
        CREATE VIEW first AS SELECT count(*) AS n FROM s.t;
        CREATE VIEW second AS SELECT n FROM "first";
        CREATE VIEW "Quoted One" AS SELECT count(*) AS n FROM s.t;
        """)
    add_types(program, mentioned)
    found = [name for (_, name), table in program.tables.items() if table.columns.get("n") == "int8"]
    assert found == ([typed] if typed.istitle() else typed.split())


def test_what_is_analysed_reads_only_some_views() -> None:
    """Those that it, its header, what it calls, or the function around it names; and those with triggers."""
    program = program_of("""\
        CREATE FUNCTION runs() RETURNS returned LANGUAGE plpgsql AS $$
            BEGIN EXECUTE called(); PERFORM * FROM read; END $$;
        CREATE FUNCTION called() RETURNS text LANGUAGE sql AS $$ SELECT further() $$;
        CREATE FUNCTION further(n int DEFAULT by_default()) RETURNS text LANGUAGE sql AS $$ SELECT x FROM behind $$;
        CREATE FUNCTION by_default() RETURNS int LANGUAGE sql AS $$ SELECT n FROM defaults $$;
        CREATE FUNCTION alone() RETURNS text LANGUAGE sql AS $$ SELECT x FROM left_alone $$;
        CREATE TRIGGER t INSTEAD OF INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION alone();
        """)
    summaries = Summaries(program, Config())
    chosen = [routine for routine in program.routines if summaries.is_worth_it(routine)]
    mentioned = summaries.mentioned(chosen)
    assert {"returned", "read", "behind", "defaults", "triggered"} <= mentioned
    assert not mentioned & {"left_alone", "alone"}


def test_tables_types_and_events() -> None:
    program = program_of("""\
        CREATE TABLE s.t (a int PRIMARY KEY, b character varying(20)[] DEFAULT 'x', "C d" timestamp with time zone,
            CONSTRAINT c CHECK (a > 0), LIKE other);
        ALTER TABLE s.t ADD COLUMN e jsonb, ADD f s.kind NOT NULL, ALTER COLUMN a TYPE text USING a::text;
        ALTER TABLE s.t OWNER TO bob;
        CREATE TEMP TABLE IF NOT EXISTS made AS SELECT 1::int AS n, x FROM y;
        CREATE TABLE child (z bool) INHERITS (s.t);
        CREATE OR REPLACE VIEW v (p, q) AS SELECT a::regclass, count(*) FROM s.t;
        CREATE VIEW w AS SELECT * FROM s.t;
        CREATE MATERIALIZED VIEW m AS SELECT upper(b) FROM s.t;
        CREATE TYPE s.kind AS ENUM ('a', 'it''s');
        ALTER TYPE s.kind ADD VALUE 'c';
        CREATE TYPE pair AS (a int, b text);
        ALTER TYPE pair ADD ATTRIBUTE c numeric(10, 2);
        CREATE DOMAIN d AS varchar(63) CHECK (value ~ '^a');
        CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION s.fires();
        CREATE FOREIGN TABLE ft (a text) SERVER x;
        """)
    assert program.not_understood == []
    assert program.tables["s", "t"].columns == {
        "a": "text", "b": "character varying(20)[]", "C d": "timestamp with time zone", "e": "jsonb", "f": "s.kind",
    }  # fmt: skip
    assert program.tables["s", "t"].owner == "bob"
    assert program.tables["", "made"].columns == {"n": "int", "x": ""}
    assert program.tables["", "child"].columns["z"] == "bool"
    assert "e" in program.tables["", "child"].columns
    assert (program.tables["", "v"].columns, program.tables["", "v"].is_view) == ({"p": "regclass", "q": ""}, True)
    assert program.tables["", "w"].columns == {}  # s.t is LIKE a table that is not here
    assert program.tables["", "m"].columns == {"upper": ""}
    assert program.enums == {("s", "kind"): ("a", "it's", "c")}
    assert program.composites == {("", "pair"): {"a": "int", "b": "text", "c": "numeric(10, 2)"}}
    assert program.domains == {("", "d"): "varchar(63)"}
    assert program.event_trigger_functions == {("s", "fires")}
    assert program.tables["", "ft"].columns == {"a": "text"}


def test_a_column_of_two_types_has_none() -> None:
    program = program_of("CREATE TABLE t (a int, b int4);", "CREATE TABLE t (a text, b integer);")
    assert program.tables["", "t"].columns == {"a": "", "b": "integer"}


def test_grants_on_tables() -> None:
    program = program_of("""\
        CREATE TABLE s.t (a int); CREATE TABLE s.u (a int); CREATE TABLE other.v (a int);
        GRANT SELECT, INSERT ON s.t TO PUBLIC, bob;
        GRANT UPDATE (a) ON TABLE s.u TO carol;
        GRANT ALL ON unknown TO dave WITH GRANT OPTION;
        REVOKE INSERT ON s.t FROM bob;
        GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA other TO eve;
        REVOKE UPDATE ON other.v FROM eve;
        ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT UPDATE ON TABLES TO frank;
        REVOKE GRANT OPTION FOR ALL ON unknown FROM dave;
        """)
    assert program.not_understood == []
    assert program.tables["s", "t"].writers() == {"public", "frank"}
    assert program.tables["s", "u"].writers() == {"carol", "frank"}
    assert (program.tables["", "unknown"].writers(), program.tables["", "unknown"].known) == ({"dave"}, False)
    assert program.tables["other", "v"].grants == {("insert", "eve")}


def executors(*texts: str) -> dict[str, set[str]]:
    program = program_of(*texts)
    assert program.not_understood == []
    return {routine.label: program.executors[routine.key] for routine in program.routines}


def test_who_may_execute() -> None:
    functions = "".join(
        f"CREATE FUNCTION s.{name}({types}) RETURNS void LANGUAGE plpgsql AS $$ $$;\n"
        for name, types in [("a", "x int"), ("b", "x text"), ("c", "")]
    )
    everybody = {"public"}
    assert executors(functions) == {"s.a": everybody, "s.b": everybody, "s.c": everybody}
    named = "REVOKE ALL ON FUNCTION s.a(integer), b(pg_catalog.text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION s.a TO bob;"
    assert executors(functions + named) == {"s.a": {"bob"}, "s.b": set(), "s.c": everybody}
    assert executors(functions + "REVOKE ALL ON FUNCTION s.a(text) FROM PUBLIC;")["s.a"] == everybody
    in_schema = "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA s FROM PUBLIC;\n"
    assert executors(functions + in_schema)["s.c"] == set()
    assert executors(in_schema + functions)["s.c"] == everybody
    assert executors(in_schema, functions)["s.c"] == set()
    default = "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;\n"
    assert executors(default + functions)["s.c"] == set()
    assert executors(functions + default)["s.c"] == everybody
    # What a schema's defaults say only adds to the global ones: this takes nothing away.
    of_schema = "ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE ALL ON FUNCTIONS FROM PUBLIC;\n"
    assert executors(of_schema + functions)["s.c"] == everybody


def test_alter_function_changes_the_routine_that_is_meant() -> None:
    program = program_of(
        "CREATE FUNCTION s.f(a int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET x = 1 AS $$ $$;"
        "CREATE FUNCTION s.f(a text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ $$;",
        "ALTER FUNCTION s.f(integer) SET search_path = pg_catalog, \"$user\", 'a b' RESET x;"
        "ALTER FUNCTION f(a text) SECURITY INVOKER;",
    )
    first, second = program.routines
    assert first.settings == (("search_path", "'pg_catalog', '$user', 'a b'"),)
    assert (first.security_definer, second.security_definer) == (True, False)
    assert second.settings == ()


def test_who_may_create_in_a_schema() -> None:
    program = program_of(
        "GRANT CREATE ON SCHEMA a TO bob; GRANT USAGE ON SCHEMA b TO PUBLIC;REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
    )
    assert program.schema_creators == {"a": {"bob"}, "public": set()}


def test_sql_outside_of_routines_that_runs_sql() -> None:
    text = """\
SELECT 1;
SELECT format('DROP TABLE %I', t) FROM x \\gexec
SELECT query_to_xml('SELECT 1', true, false, '');
SELECT cron.schedule('* * * * *', :'command');
SELECT my_runner('x');
"""
    program = build([SourceText("x", text)], sinks=["my_runner"])
    assert [(routine.kind, routine.label, routine.gexec is not None) for routine in program.routines] == [
        ("statement", "", True),
        ("statement", "", False),
        ("statement", "", False),
        ("statement", "", False),
    ]
    assert text[program.routines[0].gexec or 0 :].startswith("\\gexec")
    assert program.routines[2].body == "SELECT cron.schedule('* * * * *',  'command')"
    for routine in program.routines:
        assert text[routine.map(0) :].startswith("SELECT")


# --- Files


def names(inputs: sources.Inputs, folder: Path) -> list[str]:
    return [os.path.relpath(source.name, folder) for source in inputs.sources]


@pytest.mark.parametrize(
    "path",
    ["a", "./a", "a/", "a//b", "a/./b/.", "..", "../a", "a/../b", "/", "/a/", "/./a", ".", "./", "./.", "a b/ü", "-"],
)
def test_paths_are_shown_as_pathlib_writes_them(path: str) -> None:
    assert sources.normal(path) == str(Path(path))


def test_folders_are_read_sorted_and_each_file_once(tmp_path: Path) -> None:
    for name in ("b.sql", "a.SQL", "c.txt", "sub/d.sql", ".git/e.sql"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("SELECT 1;", encoding="utf-8")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "sub" / "again.sql").symlink_to(tmp_path / "b.sql")
    inputs = sources.read([str(tmp_path), str(tmp_path / "b.sql"), str(tmp_path / "c.txt")])
    assert names(inputs, tmp_path) == ["a.SQL", "b.sql", "sub/d.sql", "c.txt"]
    assert inputs.problems == []


def test_bad_files_are_one_line_each_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"SELECT 'caf\xe9';")
    (tmp_path / "b.sql").write_bytes(b"SELECT\0 1;")
    (tmp_path / "c.sql").write_bytes("SELECT 1;".encode("utf-16"))
    (tmp_path / "d.sql").symlink_to("nowhere")
    (tmp_path / "e.sql").symlink_to("e.sql")
    os.mkfifo(tmp_path / "f.sql")
    (tmp_path / "z.sql").write_bytes("SELECT 'é';\r\n".encode())
    inputs = sources.read([str(tmp_path), str(tmp_path / "missing.sql")])
    assert [(os.path.relpath(s.name, tmp_path), s.text) for s in inputs.sources] == [
        ("a.sql", "SELECT 'café';"),
        ("z.sql", "SELECT 'é';\r\n"),
    ]
    assert [line.replace(str(tmp_path), "") for line in inputs.problems] == [
        "/b.sql: is binary (byte 7 is zero)",
        "/c.sql: is UTF-16 or UTF-32, which no PostgreSQL server reads; convert it to UTF-8",
        "/d.sql: no such file or directory",
        "/e.sql: too many levels of symbolic links",
        "/f.sql: not a regular file; pipe it in and name - instead",
        "/missing.sql: no such file or directory",
    ]
    assert [line.replace(str(tmp_path), "") for line in inputs.notes] == [
        "/a.sql: byte 12 is not UTF-8; read as Latin-1"
    ]
    assert set(inputs.encodings.values()) == {"utf-8", "latin-1"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_and_folders_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1;", encoding="utf-8")
    (tmp_path / "a.sql").chmod(0)
    (tmp_path / "sub").mkdir(mode=0)
    inputs = sources.read([str(tmp_path)])
    assert [line.rsplit(": ")[-1] for line in inputs.problems] == ["permission denied"] * 2


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("SELECT 'é';\r\n".encode())))
    assert sources.read(["-"]).sources == [SourceText("-", "SELECT 'é';\r\n")]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_only_what_changed_since_a_revision(tmp_path: Path) -> None:
    git(tmp_path, "init")
    for name in ("kept.sql", "changed.sql", "gone.sql"):
        (tmp_path / name).write_text("SELECT 1;", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    git(tmp_path, "checkout", "-b", "work")
    (tmp_path / "committed é.sql").write_text("SELECT 2;", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "two")
    git(tmp_path, "checkout", "main")
    (tmp_path / "kept.sql").write_text("SELECT 'theirs';", encoding="utf-8")
    git(tmp_path, "commit", "-am", "theirs")
    git(tmp_path, "checkout", "work")
    (tmp_path / "changed.sql").write_text("SELECT 3;", encoding="utf-8")
    (tmp_path / "gone.sql").unlink()
    (tmp_path / "new.sql").write_text("SELECT 4;", encoding="utf-8")
    inputs = sources.read([str(tmp_path)], changed_since="main")
    assert names(inputs, tmp_path) == ["changed.sql", "committed é.sql", "new.sql"]
    with pytest.raises(CommandError, match="no common history with 'nothing'"):
        sources.read([str(tmp_path)], changed_since="nothing")
    with pytest.raises(CommandError, match="no common history"):
        sources.read([str(tmp_path)], changed_since="--output=x")


def test_changed_since_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="is in no git work tree"):
        sources.read([str(tmp_path)], changed_since="main")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="--changed-since needs git"):
        sources.read([str(tmp_path)], changed_since="main")


# --- A live database


def test_a_live_database_says_the_same_as_its_script(plain: psycopg.Connection) -> None:
    script = """
        CREATE SCHEMA s;
        CREATE TYPE s.kind AS ENUM ('a', 'b');
        CREATE TYPE s.pair AS (a int, b text);
        CREATE DOMAIN s.d AS varchar(63);
        CREATE TABLE s."T t" (a int, b s.kind, c text[]);
        CREATE VIEW s.v AS SELECT a::text AS a FROM s."T t";
        GRANT INSERT ON s."T t" TO PUBLIC;
        GRANT UPDATE (a) ON s.v TO pg_monitor;
        GRANT CREATE ON SCHEMA s TO PUBLIC;
        CREATE FUNCTION s.f(a text, VARIADIC b int[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog, pg_temp AS $$ BEGIN EXECUTE a; END $$;
        REVOKE EXECUTE ON FUNCTION s.f FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION s.f TO pg_monitor;
        CREATE PROCEDURE s."P ""x"(INOUT a int) LANGUAGE plpgsql AS $_$ BEGIN EXECUTE '$$'; END $_$;
        CREATE FUNCTION s.tr() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER t BEFORE INSERT ON s."T t" FOR EACH ROW EXECUTE FUNCTION s.tr();
        CREATE FUNCTION s.ev() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
        CREATE FUNCTION s.new_sql() RETURNS int RETURN 1;
        CREATE AGGREGATE s.agg(int) (sfunc = int4pl, stype = int);
        """
    plain.execute(script)
    plain.execute("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION s.ev()")
    info = plain.info
    dsn = f"host={info.host} port={info.port} dbname={info.dbname} user={info.user}"
    program = build(*live.read(dsn))
    assert program.not_understood == []
    assert [r.file for r in program.routines] == [
        's."P ""x"(INOUT a integer)', "s.ev()", "s.f(a text, VARIADIC b integer[])", "s.new_sql()", "s.tr()",
    ]  # fmt: skip
    by_name = {routine.name[1]: routine for routine in program.routines}
    assert by_name["f"].body == " BEGIN EXECUTE a; END "
    assert (by_name["f"].security_definer, dict(by_name["f"].settings)) == (
        True,
        {"search_path": "'pg_catalog', 'pg_temp'"},
    )
    assert program.executors[by_name["f"].key] == {"pg_monitor"}
    assert program.executors[by_name["tr"].key] == {"public"}
    assert program.tables["s", "T t"].columns == {"a": "integer", "b": "s.kind", "c": "text[]"}
    assert program.tables["s", "T t"].writers() == {"public"}
    assert program.tables["s", "v"].writers() == {"pg_monitor"}
    assert program.tables["s", "v"].is_view
    assert program.enums == {("s", "kind"): ("a", "b")}
    assert program.domains == {("s", "d"): "character varying(63)"}
    assert program.composites == {("s", "pair"): {"a": "integer", "b": "text"}}
    assert program.event_trigger_functions == {("s", "ev")}
    assert program.triggers["s", "tr"] == {("s", "T t")}
    assert program.schema_creators["s"] == {"public"}
    check_offsets(program)
    with_extensions = build(*live.read(dsn, include_extensions=True))
    assert len(with_extensions.routines) > len(program.routines) + 20
    assert with_extensions.not_understood == []


def test_a_server_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="connection"):
        live.read(f"host={tmp_path}")


def test_trees_are_json() -> None:
    """What the facts rely on: the names that libpg_query gives its nodes."""
    assert json.loads(parser.parse_sql_json("GRANT ALL ON SCHEMA a TO b"))["stmts"][0]["stmt"]["GrantStmt"]["objects"]


def test_a_header_says_where_it_stops() -> None:
    assert "'NEW'" in read_header("CREATE FUNCTION f() RETURNS void NEW THING").damage
    assert "no body" in read_header("CREATE FUNCTION f() RETURNS void LANGUAGE sql").damage
    assert "LANGUAGE" in read_header("CREATE FUNCTION f() RETURNS void AS $$ $$").damage
    assert "not closed" in read_header("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ ").damage


def test_a_run_of_statements_that_are_no_sql_is_one_note() -> None:
    text = "RAISE NOTICE 'a';\nRAISE NOTICE 'b';\nEXECUTE x;\nSELECT 1;\nRAISE NOTICE 'c';\n"
    notes = program_of(text).not_understood
    assert [text[note.start : note.end] for note in notes] == [text[: text.index(";\nSELECT")], "RAISE NOTICE 'c'"]
    assert [text[offset : offset + 9] for note in notes for offset in note.executes] == ["EXECUTE x"]


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO t VALUES (1, 'a;b''c', -2, a::int, 4 / 2)",
        "INSERT INTO t VALUES (E'a\\'; b', $$;$$, \";\")",
        "INSERT INTO t VALUES (1 -- ;\n, 2 /* ; */)",
        "INSERT INTO t VALUES (:x, :'y')",
    ],
)
def test_inserts_end_at_their_own_semicolon(insert: str) -> None:
    found = split(f"SELECT 1;\n {insert};\nSELECT 2;")
    assert [(statement.head[0], statement.end - statement.start) for statement in found] == [
        ("select", 8),
        ("insert", len(insert)),
        ("select", 8),
    ]
