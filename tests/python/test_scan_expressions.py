"""The abstract value of each form of SQL expression and query."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pggit_excellence.scan.inputs.program import Program, Table
from pggit_excellence.scan.values.abstract import EMPTY, Array, Const, Hole, Place, Record, Ref, holes, leaves
from pggit_excellence.scan.values.expressions import evaluate, evaluate_query
from pggit_excellence.scan.values.sqltypes import parse_type
from scan_values import FakeScope, show

pytestmark = pytest.mark.once

TYPES = {
    "p": "text", "q": "text", "n": "integer", "a": "text[]", "ia": "int[]", "j": "jsonb", "m": "name", "r": "regclass",
    "d": "date", "e": "mood", "u": "hstore", "1": "text", "w": "pair", "dom": "positive",
}  # fmt: skip


def program() -> Program:
    """A few types and tables."""
    jobs = Table(
        ("app", "jobs"), {"id": "bigint", "command": "text", "target": "regclass", "mood": "mood", "tags": "text[]"}
    )
    return Program(
        tables={jobs.name: jobs},
        enums={("", "mood"): ("sad", "happy")},
        composites={("", "pair"): {"x": "text", "y": "integer"}},
        domains={("", "positive"): "integer"},
    )


def scope() -> FakeScope:
    return FakeScope(TYPES, program=program())


CASES = {
    # constants
    "'a''b'": '''"a'b"''',
    "E'a\\nb'": r"'a\nb'",
    "$x$a$x$": "'a'",
    "'a'\n'b'": "'ab'",
    "42": "'42'",
    "-1": "'-1'",
    "NULL": "''",
    "true": "{inert boolean}",
    "B'01'": "{inert number}",
    # names
    "$1": "{raw 1}",
    "nope": "{raw nope}",
    "x.y.z": "{raw x.y.z}",
    "(w).x": "{raw w.x}",
    "(w).y": "{inert w.y}",
    # casts
    "p::int": "{inert p~}",
    "CAST(p AS numeric(10, 2))": "{inert p~}",
    "p::timestamp with time zone": "{inert p~}",
    "p::regclass": "{qualified p~}",
    "p::mood": "('sad' | 'happy')",
    "p::positive": "{inert p~}",
    "p::varchar": "{raw p}",
    "quote_ident(p)::varchar(10)": "{raw p~}",
    "quote_ident(p)::name": "{raw p~}",
    "quote_ident(p)::text": "{identifier p}",
    "'abcdef'::varchar(3)": "'abc'",
    "r::name": "{raw r~}",
    "p::bytea": "{raw p~}",
    "p::hstore": "{raw p~}",
    "p::int[]": "[{inert p~}...]",
    "'{a,\"b,c\"}'::text[]": "['a', 'b,c']",
    "p::pair": "{x: {raw p.x~}, y: {inert p.y~}}",
    "'{\"a\": [1, \"b\"]}'::jsonb": "{a: ['1', 'b']}",
    # operators
    "'a' || p || n": "'a' {raw p} {inert n}",
    "n + 1": "{inert n~}",
    "n - 1": "{inert n~}",
    "j - 'k'": "{raw j~}",
    "-n": "{inert n~}",
    "p = q OR NOT (p LIKE 'a%')": "{inert boolean}",
    "p IS NULL": "{inert boolean}",
    "n BETWEEN 1 AND 2": "{inert boolean}",
    "p IN ('a', 'b')": "{inert boolean}",
    "p IS DISTINCT FROM q": "{inert boolean}",
    "p OPERATOR(pg_catalog.||) q": "{raw p} {raw q}",
    "NULLIF(p, '')": "{raw p}",
    "p COLLATE \"C\"": "{raw p}",
    "p <-> q": "({raw p~} | {raw q~} | {raw operator <->~})*",
    # arrays
    "ARRAY['a', p]": "['a', {raw p}]",
    "(ARRAY['a', p])[1]": "'a'",
    "(ARRAY['a', p])[n]": "('a' | {raw p})",
    "(ARRAY['a', p])[1:2]": "[('a' | {raw p})...]",
    "ARRAY['a'] || p": "['a', {raw p}]",
    "ARRAY['a'] || '{b,c}'": "['a', 'b', 'c']",
    "p || ARRAY['a']": "[{raw p}, 'a']",
    "'{}'::text[] || p": "[{raw p}]",
    "array_append(a, 'x')": "[({raw a} | 'x')...]",
    "array_cat(a, ia)": "[({raw a} | {inert ia})...]",
    "array_to_string(ARRAY['a', quote_ident(p)], ', ')": "'a' ', ' {identifier p}",
    "array_to_string(a, ',')": "('' | {raw a} (',' {raw a})*)",
    "ia::text": "({inert ia~} | {fixed '{\"\": ,}'~})*",
    "a::text": "{raw a~}",
    "ARRAY(SELECT quote_ident(x) FROM unnest(a) AS x)": "[{identifier a}...]",
    "string_to_array('a,b', ',')": "['a', 'b']",
    "string_to_array(quote_ident(p), ',')": "[{raw p~}...]",
    # conditions
    "CASE WHEN p = 'a' THEN 'x' ELSE 'y' END": "('x' | 'y')",
    "CASE p WHEN 'a' THEN q END": "({raw q} | '')",
    "COALESCE(p, 'x', q)": "({raw p} | 'x')",
    "COALESCE(NULL, p, '')": "({raw p} | '')",
    "GREATEST(p, 'a')": "({raw p} | 'a')",
    # quoting
    "quote_ident(p)": "{identifier p}",
    "pg_catalog.quote_ident('My t')": "'\"My t\"'",
    "quote_ident('a' || p)": "{identifier p~}",
    "quote_ident('user')": "'\"user\"'",
    "quote_literal(E'a\\'\\\\')": r'''"E'a''\\\\'"''',
    "quote_nullable(NULL)": "'NULL'",
    "quote_literal(CASE WHEN n = 1 THEN 'a' ELSE p END)": "(\"'a'\" | {literal p})",
    "'\"' || replace(p, '\"', '\"\"') || '\"'": "{identifier p~}",
    "'\"' || replace(p, '\"', '') || '\"'": "'\"' {raw p~} '\"'",
    # format
    "format('%I.%s = %L', p, q, n)": "{identifier p} '.' {raw q} ' = ' {literal n}",
    "format('%2$s %1$I %s', p, q)": "{raw q} ' ' {identifier p} ' ' {raw q}",
    "format('100%%')": "'100%'",
    "format('%5s|%-5I', 'a', p)": "'    a' '|' {identifier p} (' ')*",
    "format('%*s', n, p)": "(' ')* {raw p} (' ')*",
    "format('%s %s', VARIADIC ARRAY['a', p])": "'a' ' ' {raw p}",
    "format('%s %I', VARIADIC a)": "{raw a} ' ' {identifier a}",
    "format('%L', NULL)": "'NULL'",
    "format(p, q)": "({raw p~} | {raw q~})*",
    "format(CASE WHEN n = 1 THEN 'a %I' ELSE 'b %L' END, p)": "('a ' {identifier p} | 'b ' {literal p})",
    "format('a ' || n || ' %I', p)": "'a ' {inert n} ' ' {identifier p}",
    "format('a ' || CASE WHEN n = 1 THEN 'x' ELSE 'y' END || ' %I', p)": "'a ' ('x' | 'y') ' ' {identifier p}",
    "format('a ' || CASE WHEN n = 1 THEN '%I' ELSE 'y %%' END, p)": "('a ' {identifier p} | 'a y %')",
    "format('%' || n || '$I', p)": "({fixed '%'~} | {raw n~} | {fixed '$I'~} | {raw p~})*",
    "format('%' || CASE WHEN n = 1 THEN '2' ELSE '1' END || '$s', p, q)": (
        "({fixed '%'~} | {fixed '2'~} | {fixed '1'~} | {fixed '$s'~} | {raw p~} | {raw q~})*"
    ),
    "format('a ' || quote_ident(q) || ' %I', p)": "({fixed 'a '~} | {raw q~} | {fixed ' %I'~} | {raw p~})*",
    # texts
    "concat('a', p, 1)": "'a' {raw p} '1'",
    "concat_ws('.', quote_ident(p), quote_ident(q))": "{identifier p} '.' {identifier q}",
    "concat_ws(' ', 'a', CASE WHEN n = 1 THEN 'b' END)": "'a' ('' | ' ' ('b' | ''))",
    "lower(quote_ident(p))": "{identifier p~}",
    "upper('a' || p)": "'A' {raw p~}",
    "initcap('ab cd')": "'Ab Cd'",
    "trim(both ' ' from '  a ')": "'a'",
    "rtrim(quote_ident(p) || ', ', ', ')": "{identifier p}",
    "rtrim(quote_ident(p), '\"')": "({raw p~} | '')",
    "left('a, b, ', -2)": "'a, b'",
    "left(quote_ident(p) || ', ', length(quote_ident(p) || ', ') - 2)": "{identifier p}",
    "substr('abc' || p, 3)": "'c' {raw p}",
    "substr(quote_literal(p), 2)": "{raw p~}",
    "substring('abcd' from 2 for 2)": "'bc'",
    "split_part('a.b', '.', 2)": "'b'",
    "split_part(r::text, '.', 2)": "{raw r~}",
    "replace('SELECT {x}', '{x}', quote_ident(p))": "'SELECT ' {identifier p}",
    "replace(replace('{x} {y}', '{x}', quote_ident(p)), '{y}', 'z')": (
        "({raw p~} | {fixed ' {y}'~} | {fixed 'z'~})*"
    ),
    "replace(p, '''', '''''')": "({raw p~} | {fixed \"''\"~})*",
    "replace(md5(p), 'a', '_')": "({word p~} | {fixed '_'~})*",
    "replace(md5(p), 'a', ' ')": "({raw p~} | {fixed ' '~})*",
    "translate(md5(p), 'ab', 'x ')": "({raw p~} | {fixed 'x '~})*",
    "regexp_replace(md5(p), 'a', '\\1-', 'g')": "({raw p~} | {fixed '-'~})*",
    "replace(n::text, '1', ';')": "({raw n~} | {fixed ';'~})*",
    "replace(d::text, '-', '_')": "({inert d~} | {fixed '_'~})*",
    "decode(md5(p), 'hex')": "{raw p~}",
    "convert_from(decode(n::text, 'hex'), 'UTF8')": "{raw n~}",
    "coalesce('x' || p, 'y')": "('x' {raw p} | 'y')",
    "coalesce('x'::text, p)": "'x'",
    "'a' + p": "({fixed 'a'~} | {raw p~} | {raw operator +~})*",
    "repeat('ab', 2)": "'ab' 'ab'",
    "repeat('?,', n)": "('?,')*",
    "reverse('ab')": "'ba'",
    "translate('ab', 'a', 'x')": "'xb'",
    "chr(39)": "\"'\"",
    "chr(n)": "{raw n~}",
    "md5(p)": "{word p~}",
    "encode(p::bytea, 'hex')": "{word p~}",
    "encode(p::bytea, 'escape')": "{raw p~}",
    "regexp_replace(p, '[^a-zA-Z0-9_]', '', 'g')": "{word p~}",
    "regexp_replace(p, '[^a-zA-Z0-9_]', '')": "{raw p~}",
    "regexp_replace(p, '[^A-z]', '', 'g')": "{raw p~}",
    "to_char(d, 'YYYY_MM')": "{inert d~}",
    "to_char(d, p)": "({raw d~} | {raw p~})*",
    "normalize(quote_ident(p))": "{raw p~}",
    # documents
    "j ->> 'k'": "{raw j~}",
    "j #>> '{a,b}'": "{raw j~}",
    "(j ->> 'n')::int": "{inert j~}",
    "jsonb_build_object('a', p, 'b', n) ->> 'b'": "{inert n}",
    "to_jsonb(w) ->> 'y'": "{inert w.y}",
    "(jsonb_build_object('a', 'x') || jsonb_build_object('a', p)) ->> 'a'": "{raw p}",
    "json_build_array('a', p) ->> 0": "'a'",
    "jsonb_build_object('a', jsonb_build_object('b', n)) #>> '{a,b}'": "{inert n}",
    "JSON_OBJECT('a': n) ->> 'a'": "{inert n}",
    # the server's own
    "current_user": "{raw current_user}",
    "current_setting('search_path')": "{raw current_setting('search_path')}",
    "current_setting('server_version_num')": "{inert current_setting('server_version_num')}",
    "now()": "{inert now}",
    "current_date": "{inert current_date}",
    "length(p)": "{inert p~}",
    "pg_typeof(p)": "{qualified p~}",
    "to_regclass(p)": "{qualified p~}",
    "format_type(n, 1)": "{qualified format_type}",
    "pg_get_viewdef(r)": "{sql pg_get_viewdef}",
    "count(*)": "{inert count~}",
    "my_function(p)": "{raw my_function()}",
    # queries
    "relname FROM pg_class": "{raw pg_class.relname}",
    "c.oid::regclass FROM pg_class c": "{qualified pg_class.oid~}",
    "relkind FROM pg_class": "{fixed pg_class.relkind}",
    "reltuples FROM pg_class": "{inert pg_class.reltuples}",
    "column_default FROM information_schema.columns": "{sql columns.column_default}",
    "column_name FROM information_schema.columns": "{raw columns.column_name}",
    "command FROM app.jobs": "{raw app.jobs.command}",
    "target FROM jobs": "{qualified app.jobs.target}",
    "j.mood FROM jobs AS j": "('sad' | 'happy')",
    "tags[1] FROM jobs": "{raw app.jobs.tags}",
    "ctid FROM jobs": "{inert ctid}",
    "x FROM elsewhere": "{raw elsewhere.x}",
    "s.e.x FROM s.e": "{raw s.e.x}",
    "string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute": (
        "{identifier pg_attribute.attname} (', ' {identifier pg_attribute.attname})*"
    ),
    "(SELECT max(command) FROM jobs)": "{raw app.jobs.command}",
    "EXISTS (SELECT 1 FROM jobs)": "{inert boolean}",
    "s.c FROM (SELECT quote_ident(command) AS c FROM jobs) s": "{identifier app.jobs.command}",
    "c FROM (VALUES ('a'), (quote_ident(p))) v(c)": "('a' | {identifier p})",
    "c FROM (SELECT 'a' AS c UNION ALL SELECT p) s": "('a' | {raw p})",
    "w2.c FROM (WITH w2 AS (SELECT p AS c) SELECT c FROM w2) w2": "{raw p}",
    "x FROM unnest(a) AS x": "{raw a}",
    "u.c FROM unnest(ia, a) WITH ORDINALITY AS u(i, c, o)": "{raw a}",
    "u.o FROM unnest(ia, a) WITH ORDINALITY AS u(i, c, o)": "{inert position}",
    "i FROM generate_series(1, n) AS i": "{inert n~}",
    "k FROM jsonb_each_text(jsonb_build_object('x', p)) AS t(k, v)": "'x'",
    "v FROM jsonb_each_text(jsonb_build_object('x', p)) AS t(k, v)": "{raw p}",
    "i FROM jsonb_to_record(j) AS t(i int, s text)": "{inert j~}",
    "s FROM jsonb_to_record(j) AS t(i int, s text)": "{raw j~}",
    "object_identity FROM pg_event_trigger_ddl_commands()": (
        "{qualified pg_event_trigger_ddl_commands().object_identity}"
    ),
    "schema_name FROM pg_event_trigger_ddl_commands()": "{raw pg_event_trigger_ddl_commands().schema_name}",
    "t.x FROM my_rows(p) t": "{raw my_rows().x}",
    "l.v FROM jobs j, LATERAL (SELECT j.id AS v) l": "{inert app.jobs.id}",
    "a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid": "{raw pg_attribute.attname}",
    "(to_jsonb(t) ->> 'id') FROM jobs t": "{inert app.jobs.id}",
    "(t).command FROM jobs t": "{raw app.jobs.command}",
    "first_value(command) OVER (ORDER BY id) FROM jobs": "{raw app.jobs.command}",
    # what does not parse
    "'a' ||": "{raw 'a' ||}",
    "1; SELECT 2": "{raw 1; SELECT 2}",
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_the_value_of_an_expression(text: str) -> None:
    assert show(evaluate(text, scope())) == CASES[text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format('%s %s', p)", "too few arguments"),
        ("format('%z', p)", 'unrecognized format() type specifier "z"'),
        ("format('%')", "unterminated"),
        ("format('%0$s', p)", "argument 0"),
        ("format('%I', NULL::text)", "null values cannot be formatted"),
        ("format('%1$*0$s', p)", "argument 0"),
        ("format('%1$*1s', p)", "must be ended"),
    ],
)
def test_format_that_would_raise(text: str, message: str) -> None:
    found = scope()
    evaluate(text, found)
    assert [(rule, message in said) for rule, said, _ in found.reports] == [("PGX107", True)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("format('%I', quote_ident(p))", "%I"),
        ("format('a ''x'' %I', r)", "%I"),
        ("format('%L', quote_literal(p))", "%L"),
        ("quote_ident(r::text)", "quote_ident"),
        ("quote_literal(quote_literal(p))", "quote_literal"),
    ],
)
def test_quoted_twice(text: str, place: str) -> None:
    found = scope()
    evaluate(text, found)
    assert [(rule, text[where.start : where.end]) for rule, _, where in found.reports] == [("PGX105", place)]


@pytest.mark.parametrize(
    "text",
    [
        "format('nextval(%L)', quote_ident(p))",
        "quote_literal(r::text)",
        "format('%L', format('x %L', p))",
        "format('%s', r)",
    ],
)
def test_quoted_once(text: str) -> None:
    found = scope()
    evaluate(text, found)
    assert found.reports == []


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("'x' || p || lower(q)", {"p": "p", "q": "lower(q)"}),
        ("('x' || (p)) || ( q::text )", {"p": "(p)", "q": "( q::text )"}),
        ("CASE WHEN n = 1 THEN p || 'x' ELSE 'y' || q END", {"p": "p", "q": "q"}),
        ("'x' || CASE WHEN n = 1 THEN p END || q AS c FROM t", {"p": "CASE WHEN n = 1 THEN p END", "q": "q"}),
        ("format('%s %L', p, coalesce(q, 'a, b'))", {"p": "p", "q": "coalesce(q, 'a, b')"}),
        ("concat('é', p, (q))", {"p": "p", "q": "(q)"}),
        ("'é' || p -- note\n || /* , */ q", {"p": "p", "q": "q"}),
    ],
)
def test_where_a_hole_is_spliced(text: str, places: dict[str, str]) -> None:
    found = {hole.origin.name: hole.place for hole in holes(evaluate(text, scope()))}
    assert {name: text[place.start : place.end] for name, place in found.items() if place and name in "pq"} == places


def test_where_a_specifier_and_a_constant_stand() -> None:
    text = "format('a ''b'' %1$I é %s' , p, q)"
    value = evaluate(text, scope())
    written = [text[hole.specifier.start : hole.specifier.end] for hole in holes(value) if hole.specifier]
    assert written == ["%1$I", "%s"]
    constants = [leaf for leaf in leaves(value) if isinstance(leaf, Const)]
    assert [text[leaf.place.start : leaf.place.end] if leaf.place else None for leaf in constants] == [None, " é "]
    plain = evaluate("'abc' || p", scope())
    assert next(iter(leaves(plain))) == Const("abc")
    assert next(leaf.place for leaf in leaves(plain) if isinstance(leaf, Const)) == Place("test.sql", 1, 4)


@pytest.mark.parametrize(
    ("text", "ran"),
    [
        ("query_to_xml('SELECT ' || p, true, false, '')", "'SELECT ' {raw p}"),
        ("x FROM dblink('dbname=x', p) AS t(x int)", "{raw p}"),
        ("dblink_exec(p)", "{raw p}"),
        ("dblink_exec(p, true)", "{raw p}"),
        ("dblink_exec('c', p, false)", "{raw p}"),
        ("dblink_open('cursor', p)", "{raw p}"),
        ("cron.schedule('job', '* * * * *', p)", "{raw p}"),
        ("count(*) FROM jobs WHERE EXISTS (SELECT ts_stat(p))", "{raw p}"),
        ("mine.run('a', p)", "{raw p}"),
        (
            "connectby(p, 'k', 'f', '1', 0)",
            "'SELECT ' 'k' ', ' 'f' ' FROM ' {raw p} ' WHERE ' 'f' \" = '1' AND \" 'k' ' IS NOT NULL'",
        ),
    ],
)  # fmt: skip
def test_what_other_functions_run(text: str, ran: str) -> None:
    found = scope()
    found.sinks = {"mine.run": (1,)}
    evaluate(text, found)
    assert [show(statement) for _, statement in found.ran] == [ran]


def test_functions_of_the_scanned_set_come_first() -> None:
    found = scope()
    found.results = {"helper": Const("known"), "lower": Const("shadow")}
    assert show(evaluate("helper(p, q => n)", found)) == "'known'"
    name, arguments, named = found.calls[0]
    assert (name, show(arguments[0]), show(named["q"])) == (("", "helper"), "{raw p}", "{inert n}")
    assert show(evaluate("lower(p)", found)) == "('shadow' | {raw p~})"
    assert show(evaluate("pg_catalog.lower(p)", found)) == "{raw p~}"


def test_variables_and_columns_of_one_name() -> None:
    found = scope()
    found.values = {("id",): Const("v"), ("rec", "id"): Const("f"), ("rec", "*"): Record((("id", Const("f")),))}
    assert show(evaluate("id FROM jobs", found)) == "('v' | {inert app.jobs.id})"
    assert show(evaluate("id FROM elsewhere", found)) == "'v'"
    assert show(evaluate("jobs.id FROM jobs", found)) == "{inert app.jobs.id}"
    assert show(evaluate("rec.id", found)) == "'f'"
    assert show(evaluate("(SELECT relname FROM pg_class, elsewhere)", found)) == "{raw pg_class.relname}"
    assert show(evaluate("(SELECT command FROM pg_class) FROM jobs", found)) == "{raw app.jobs.command}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT id, command AS c FROM jobs", "{id: {inert app.jobs.id}, c: {raw app.jobs.command}}"),
        ("SELECT n, j.* FROM pair_source j", "{n: {inert n}, *: {raw pair_source.*}}"),
        (
            "INSERT INTO jobs (command) VALUES (p) RETURNING id, command",
            "{id: {inert app.jobs.id}, command: {raw app.jobs.command}}",
        ),
        ("UPDATE jobs SET command = p RETURNING target", "{target: {qualified app.jobs.target}}"),
        ("DELETE FROM jobs j USING pg_class c RETURNING c.relname", "{relname: {raw pg_class.relname}}"),
        ("VALUES (1, p), (2, 'x')", "{column1: ('1' | '2'), column2: ({raw p} | 'x')}"),
        ("WITH d AS (DELETE FROM jobs RETURNING command) SELECT * FROM d", "{command: {raw app.jobs.command}}"),
        (
            "SELECT count(*), lower(p), n::text, CASE WHEN true THEN 'x' END",
            "{count: {inert count~}, lower: {raw p~}, n: {inert n}, case: ('x' | '')}",
        ),
        (
            "TABLE jobs",
            "{id: {inert app.jobs.id}, command: {raw app.jobs.command}, target: {qualified app.jobs.target}, "
            "mood: ('sad' | 'happy'), tags: [{raw app.jobs.tags}...]}",
        ),
        ("CREATE TABLE x (y int)", "{}"),
        ("SELECT FROM", "{*: {raw SELECT FROM}}"),
        ("SELECT (w).*", "{x: {raw w.x}, y: {inert w.y}}"),
        ("SELECT * FROM json_populate_record(NULL::pair, j)", "{x: {raw j.x~}, y: {inert j.y~}}"),
    ],
)  # fmt: skip
def test_the_rows_of_a_query(text: str, shown: str) -> None:
    assert show(evaluate_query(text, scope()).record()) == shown


def test_columns_by_position_behind_a_star() -> None:
    rows = evaluate_query("SELECT 'a', e.*, 'z' FROM elsewhere e", scope())
    assert [show(rows.at(index)) for index in range(3)] == [
        "'a'",
        "({raw elsewhere.*} | 'z')",
        "({raw elsewhere.*} | 'z')",
    ]


def test_recursive_queries_are_closed() -> None:
    text = """WITH RECURSIVE w(i, path) AS (
        SELECT 1, 'a' UNION ALL SELECT i + 1, path || '.' || quote_ident(p) FROM w WHERE i < 5) SELECT path, i FROM w"""
    rows = evaluate_query(text, scope())
    assert show(rows.at(0)) == "('a' ('.' {identifier p})* | 'a' ('.' {identifier p})* '.' {identifier p})"
    assert {hole.quoting.value for hole in holes(rows.at(1))} <= {"inert", "fixed"}


def test_what_a_loop_changes_is_kept_as_it_is() -> None:
    found = scope()
    found.values = {("v",): Ref("v"), ("l",): Array(Ref("l"))}
    assert show(evaluate("v || quote_ident(p)", found)) == "<v> {identifier p}"
    assert show(evaluate("array_append(l, quote_ident(p))", found)) == "[(<l> | {identifier p})...]"
    # a quote can be lost in each round: raw
    assert any(isinstance(leaf, Hole) and leaf.quoting == "raw" for leaf in leaves(evaluate("substr(v, 2)", found)))


def test_long_and_deep_expressions() -> None:
    long = " || ".join(["'a'", "quote_ident(p)"] * 2000)
    assert {hole.quoting.value for hole in holes(evaluate(long, scope()))} == {"identifier"}
    deep = "(" * 3000 + "p" + ")" * 3000
    assert {hole.quoting.value for hole in holes(evaluate(deep, scope()))} == {"raw"}
    nested = "lower(" * 2000 + "p" + ")" * 2000
    assert {hole.quoting.value for hole in holes(evaluate(nested, scope()))} == {"raw"}


def test_values_do_not_grow_without_bounds() -> None:
    text = "p"
    for _ in range(12):
        text = f"format('%1$s %1$I %1$L %1$s', {text})"
    assert sum(1 for _ in leaves(evaluate(text, scope()))) < 200_000


@pytest.mark.parametrize(
    ("written", "name", "array"),
    [
        ("timestamp(3) with time zone", "timestamptz", False),
        ("character varying(20)[]", "varchar", True),
        ("double precision", "float8", False),
        ('"char"', "char", False),
        ("char", "bpchar", False),
        ("pg_catalog.int4[][]", "int4", True),
        ('app."My Type"', "My Type", False),
        ("integer ARRAY[3]", "int4", True),
        ("t.c%TYPE", "", False),
    ],
)
def test_types_as_written(written: str, name: str, array: bool) -> None:
    found = parse_type(written)
    assert (found.name, found.array) == (name, array)


TOKENS = [
    *CASES,
    "(",
    ")",
    ",",
    "SELECT",
    "FROM",
    "'",
    '"',
    "$$",
    "||",
    "::",
    "[",
    "]",
    "*",
    "p",
    ".",
    "é",
    "\0",
    "format('%s'",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=6).map(" ".join))
def test_no_text_raises(text: str) -> None:
    evaluate(text, scope())
    evaluate_query(text, scope())


def test_null_is_empty() -> None:
    assert evaluate("NULL::text", scope()) == EMPTY
