"""Judging one built statement: its rules, the positions of its holes, and the proof against a real server's quoting."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from pglast.parser import ParseError, scan

from pggit_excellence.scan import lexing, templates
from pggit_excellence.scan.model import Confidence, Severity, Verdict
from pggit_excellence.scan.templates import Judgement, judge
from pggit_excellence.scan.values import (
    Alt,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Ref,
    Seq,
    Source,
    Star,
    Text,
    alt,
    seq,
)
from pggit_excellence.server import Server


def hole(quoting: str, name: str = "p", source: Source = Source.PARAMETER, **more: Any) -> Hole:
    return Hole(Quoting(quoting), Origin(source, name), **more)


def text(notation: str, source: Source = Source.PARAMETER) -> Text:
    """`DROP TABLE {raw:p}`: constants, and holes as {quoting:name}."""
    parts = re.split(r"\{(\w+):(\w+)\}", notation)
    found: list[Text] = [Const(parts[0])]
    for at in range(1, len(parts), 3):
        found += [hole(parts[at], parts[at + 1], source), Const(parts[at + 2])]
    return seq(found)


def rules(judgement: Judgement) -> list[str]:
    return [problem.rule for problem in judgement.problems if problem.rule != "PGX112"]


SAFE = """
DROP TABLE {identifier:t}
DROP TABLE {identifier:s}.{identifier:t} CASCADE
DROP TABLE {qualified:t}
CREATE TABLE {identifier:t} (LIKE {qualified:u} INCLUDING ALL)
SELECT count(*) FROM {identifier:t} WHERE {identifier:c} = {literal:v}
SELECT count(*) FROM {identifier:t} WHERE {identifier:c} = $1
SELECT * FROM {identifier:t} AS a JOIN {identifier:u} AS b ON a.{identifier:c} = b.{identifier:d}
SELECT * FROM a JOIN b ON a.id = {identifier:c}
SELECT {identifier:c}, max({identifier:d}) FROM t GROUP BY {identifier:c} ORDER BY {identifier:c}
SELECT * FROM t ORDER BY {identifier:c} {word:direction} LIMIT {inert:n} OFFSET {inert:m}
UPDATE t SET {identifier:c} = {literal:v} WHERE id = {inert:id}
UPDATE t SET {identifier:c} = {identifier:d}
INSERT INTO t ({identifier:c}) VALUES ({literal:v}) ON CONFLICT (id) DO UPDATE SET {identifier:c} = EXCLUDED.{identifier:c}
COMMENT ON TABLE {identifier:t} IS {literal:comment}
ALTER ROLE {identifier:r} PASSWORD {literal:p} VALID UNTIL {literal:v}
ALTER TABLE {qualified:t} ALTER COLUMN {identifier:c} SET DEFAULT {literal:d}
ALTER TABLE t ADD COLUMN {identifier:c} {qualified:type}
CREATE TABLE {identifier:p} PARTITION OF {qualified:t} FOR VALUES FROM ({literal:a}) TO ({literal:b})
SELECT {literal:t}::regclass, nextval({literal:s}), interval {literal:i}, x IN ({literal:a}, {literal:b}) FROM t
SET search_path = {identifier:s}, {literal:u}
SET ROLE {identifier:r}
GRANT SELECT ON ALL TABLES IN SCHEMA {identifier:s} TO {identifier:r}
CREATE TRIGGER {identifier:g} AFTER INSERT ON {qualified:t} FOR EACH ROW EXECUTE FUNCTION {qualified:f}()
CREATE INDEX {identifier:i} ON {identifier:t} USING btree ({identifier:c})
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; DROP TABLE {identifier:t}
SELECT 'a ''quoted'' one', E'a \\' one', "a ""name"" b", $x$ $y$ $x$, /* /* a */ ' */ 1 -- '
SELECT '{inert:n} rows', "c{inert:n}", $${inert:n}$$ /* {inert:n} {word:w} */ -- {word:w}
SELECT ${inert:n} FROM t_{inert:n}, "t {word:w}"
SELECT 1 - {inert:n}
SELECT * FROM p{word:w}
{sql:viewdef}
CREATE VIEW {identifier:v} AS {sql:viewdef}
LOCK TABLE {identifier:t} IN {word:mode} MODE
DROP FUNCTION {qualified:f}
SELECT t.{identifier:c} FROM t WHERE {literal:kind} = 'all' OR {literal:kind} IS NULL
SELECT * FROM t WHERE name = {identifier:key_column}
""".strip().splitlines()


@pytest.mark.parametrize("notation", SAFE)
def test_safe(notation: str) -> None:
    judgement = judge(text(notation))
    assert (judgement.verdict, rules(judgement)) == (Verdict.SAFE, [])


WRONG = [
    ("DROP TABLE {raw:p}", "PGX101", "the name of an object"),
    ("SELECT * FROM {raw:p}", "PGX101", "a table name"),
    ("SELECT * FROM t WHERE {raw:p}", "PGX101", "a condition"),
    ("SELECT * FROM t ORDER BY {raw:p}", "PGX101", "a sort key"),
    ("SELECT * FROM t ORDER BY a {raw:p}", "PGX101", "a keyword"),
    ("SELECT {raw:p} FROM t", "PGX101", "an output column"),
    ("SELECT * FROM t WHERE a = {raw:p}", "PGX101", "a value"),
    ("SELECT * FROM t LIMIT {raw:p}", "PGX101", "a value"),
    ("ALTER TABLE t ADD COLUMN c {raw:p}", "PGX101", "a type name"),
    ("ALTER TABLE t {raw:p}", "PGX101", "a piece of the statement"),
    ("GRANT SELECT ON t TO {raw:p}", "PGX101", "a role name"),
    ("SELECT -{inert:p}", "PGX101", "a value"),
    ("SELECT $$ {raw:p} $$", "PGX101", "a dollar-quoted string"),
    ("SELECT 1 -- {raw:p}", "PGX101", "a comment"),
    ("SELECT /* {raw:p} */ 1", "PGX101", "a comment"),
    ("SELECT * FROM t WHERE a = '{raw:p}'", "PGX109", "quotes that the program adds by hand"),
    ("SELECT E'{raw:p}'", "PGX109", "quotes that the program adds by hand"),
    ('DROP TABLE "{raw:p}"', "PGX109", "double quotes that the program adds by hand"),
    ("SELECT '{identifier:p}'", "PGX104", "quotes"),
    ("SELECT '{literal:p}'", "PGX104", "quotes"),
    ("SELECT nextval('{qualified:p}')", "PGX104", "quotes"),
    ('DROP TABLE "{identifier:p}"', "PGX104", "double quotes"),
    ("DO $$ BEGIN DROP TABLE {identifier:p}; END $$", "PGX104", "a dollar-quoted string"),
    ("SELECT 1 /* {identifier:p} */", "PGX104", "a comment"),
    ("SELECT 1 -- {literal:p}", "PGX104", "a comment"),
    ("CREATE VIEW v AS SELECT '{sql:p}'", "PGX104", "quotes"),
    ("SELECT * FROM t WHERE name = {identifier:p}", "PGX104", "a value"),
    ("SELECT * FROM t WHERE t.name LIKE {identifier:p}", "PGX104", "a value"),
    ("SELECT * FROM t WHERE lower(name) = {identifier:p}::text", "PGX104", "a value"),
    ("SELECT * FROM t WHERE name IN ('a', {identifier:p})", "PGX104", "a value"),
    ("SELECT * FROM t WHERE n BETWEEN 1 AND {identifier:p}", "PGX104", "a value"),
    ("UPDATE t SET name = {identifier:p}", "PGX104", "a value"),
    ("INSERT INTO t VALUES ({identifier:p})", "PGX104", "a value"),
    ("SELECT * FROM t LIMIT {identifier:p}", "PGX104", "a value"),
    ("SELECT f({identifier:p})", "PGX104", "a value"),
    ("CALL f({identifier:p})", "PGX104", "a value"),
    ("SELECT nextval({identifier:p}) FROM t", "PGX104", "a value"),
    ("SELECT {qualified:p}::regclass FROM t", "PGX104", "a value"),
    ("ALTER TABLE t ALTER c SET DEFAULT {identifier:p}", "PGX104", "a value"),
    ("CREATE TABLE t (a int DEFAULT {identifier:p})", "PGX104", "a value"),
    ("CREATE TABLE p PARTITION OF t FOR VALUES IN ({identifier:p})", "PGX104", "a value"),
    ("COMMENT ON TABLE t IS {identifier:p}", "PGX104", "a value"),
    ("DROP TABLE {literal:p}", "PGX104", "the name of an object"),
    ("SELECT * FROM {literal:p}", "PGX104", "a table name"),
    ("SELECT * FROM t ORDER BY {literal:p}", "PGX104", "a name"),
    ("SELECT count(*) FROM t GROUP BY {literal:p}", "PGX104", "a name"),
    ("UPDATE t SET {literal:p} = 1", "PGX104", "a column name"),
    ("ALTER ROLE {literal:p} LOGIN", "PGX104", "a role name"),
    ("SELECT {literal:p}'abc'", "PGX104", "a value"),
    ("SELECT 'abc'{literal:p}", "PGX104", "a value"),
    ("SELECT * FROM t_{identifier:p}", "PGX106", "part of a name"),
    ("SELECT * FROM {identifier:p}_x", "PGX106", "part of a name"),
]


@pytest.mark.parametrize(("notation", "rule", "position"), WRONG)
def test_wrong(notation: str, rule: str, position: str) -> None:
    judgement = judge(text(notation))
    assert judgement.verdict is Verdict.UNSAFE
    assert [(problem.rule, problem.position) for problem in judgement.problems] == [(rule, position)]


WHOLE = """
{raw:p}
EXPLAIN (ANALYZE, FORMAT JSON) {raw:p}
SELECT count(*) FROM ({raw:p}) AS q
SELECT count(*) FROM ({raw:p}) q WHERE {identifier:c} = {literal:v}
WITH q AS ({raw:p}) SELECT * FROM q
CREATE VIEW {identifier:v} AS {raw:p}
CREATE TABLE {identifier:v} AS {raw:p} WITH NO DATA
CREATE MATERIALIZED VIEW {identifier:v} AS {raw:p}
PREPARE x AS {raw:p}
DECLARE c CURSOR FOR {raw:p}
COPY ({raw:p}) TO STDOUT
INSERT INTO {identifier:t} {raw:p}
SET LOCAL work_mem = '1GB'; {raw:p}
{raw:p} LIMIT {inert:n} OFFSET {inert:m}
DO {literal:p}
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS {literal:p}
""".strip().splitlines()


@pytest.mark.parametrize("notation", WHOLE)
def test_whole_statement(notation: str) -> None:
    judgement = judge(text(notation))
    assert (judgement.verdict, rules(judgement)) == (Verdict.BY_DESIGN, ["PGX102"])


def test_stored_statement_is_as_bad_as_its_tables_writers() -> None:
    stored = hole("raw", "jobs.command", Source.TABLE)
    open_to_others = judge(stored)
    assert (open_to_others.verdict, rules(open_to_others)) == (Verdict.BY_DESIGN, ["PGX103"])
    assert open_to_others.problems[0].severity is Severity.ERROR
    assert judge(stored, trusted=lambda origin: origin.name == "jobs.command").problems[0].severity is Severity.WARNING


def test_a_tables_text_as_a_fragment_is_unsafe() -> None:
    judgement = judge(text("SELECT * FROM t WHERE {raw:p}", Source.TABLE), trusted=lambda _: True)
    assert (judgement.verdict, rules(judgement)) == (Verdict.UNSAFE, ["PGX101"])


@pytest.mark.parametrize("source", [Source.FUNCTION, Source.UNKNOWN])
@pytest.mark.parametrize(
    ("notation", "rule"), [("DROP TABLE {raw:p}", "PGX101"), ("{raw:p}", "PGX101"), ("SELECT '{raw:p}'", "PGX109")]
)
def test_what_is_not_known_is_not_proven(source: Source, notation: str, rule: str) -> None:
    judgement = judge(text(notation, source))
    assert (judgement.verdict, rules(judgement)) == (Verdict.NOT_PROVEN, [rule])
    assert judgement.problems[0].confidence is Confidence.LOW


def test_a_loops_reference_is_not_proven() -> None:
    assert judge(seq([Const("SELECT "), Ref("v")])).verdict is Verdict.NOT_PROVEN


def test_the_programs_own_text_is_safe_anywhere() -> None:
    assert judge(text("SELECT '{fixed:p}' {fixed:q} FROM {raw:r}", Source.CONSTANT)).verdict is Verdict.SAFE


def test_the_worst_decides() -> None:
    mixed = seq([text("CREATE VIEW {identifier:v} AS {raw:q}"), Const("; DROP TABLE "), hole("raw")])
    assert judge(mixed).verdict is Verdict.UNSAFE


# --- alternatives and repetitions ---------------------------------------------------------------------------------


def test_an_alternative_that_opens_a_quote() -> None:
    bare, quoted = Const("SELECT * FROM t WHERE a = "), Const("SELECT * FROM t WHERE a = '")
    assert rules(judge(seq([bare, hole("literal")]))) == []
    assert rules(judge(seq([alt([bare, quoted]), hole("literal")]))) == ["PGX104"]


def test_a_position_that_depends_on_an_alternative() -> None:
    both = alt([Const("SELECT * FROM t WHERE a = "), Const("SELECT * FROM t ORDER BY ")])
    assert rules(judge(seq([both, hole("literal")]))) == []  # right in one of them: the other cannot be told apart
    assert rules(judge(seq([both, hole("raw")]))) == ["PGX101"]


def test_a_list_built_in_a_loop() -> None:
    columns = seq(
        [Const("SELECT "), hole("identifier"), Star(seq([Const(", "), hole("identifier")])), Const(" FROM t")]
    )
    assert judge(columns).verdict is Verdict.SAFE
    values = seq([Const("INSERT INTO t VALUES ("), hole("literal"), Star(text(", {literal:v}")), Const(")")])
    assert judge(values).verdict is Verdict.SAFE
    raw = seq([Const("SELECT 1"), Star(seq([Const(", "), hole("raw")])), Const(" FROM t")])
    assert rules(judge(raw)) == ["PGX101"]


def test_a_loop_that_changes_the_lexical_state() -> None:
    flips = seq([Const("SELECT "), Star(Const("'")), hole("identifier"), Const(" FROM t")])
    assert "PGX104" in rules(judge(flips))
    minus = seq([Const("SELECT 1 "), Star(Const("-")), hole("inert")])
    assert "PGX101" in rules(judge(minus))


def test_optional_clauses() -> None:
    where = alt([Const(""), text(" WHERE a = {literal:v}")])
    order = alt([Const(""), text(" ORDER BY {identifier:c}"), text(" ORDER BY {identifier:c} DESC")])
    assert rules(judge(seq([text("SELECT * FROM {identifier:t}"), where, order]))) == []
    first = alt([Const("a = 1"), Const("")])
    then = alt([Const(" AND "), Const("")])
    assert rules(judge(seq([Const("SELECT * FROM t WHERE "), first, then, text("b = {literal:v}")]))) == []


def test_statements_without_end_stay_quick() -> None:
    clause: Text = Alt((Const(""), text(" AND {identifier:c} = {literal:v}"), Const(" AND true")))
    assert judge(Seq((Const("SELECT * FROM t WHERE true"), *[clause] * 60))).verdict is Verdict.SAFE
    pieces = Star(Alt((Const("'"), Const("$a"), Const("$"), Const("/*"), Const('"'), hole("identifier"))))
    assert judge(pieces).verdict is not Verdict.SAFE


# --- PGX106, PGX108, PGX112 ---------------------------------------------------------------------------------------


def test_a_glued_name_that_only_fails_is_no_danger() -> None:
    judgement = judge(text("CREATE FUNCTION route_{identifier:p}_x() RETURNS int LANGUAGE sql RETURN 1"))
    assert (judgement.verdict, rules(judgement)) == (Verdict.SAFE, ["PGX106"])


@pytest.mark.parametrize(
    "notation",
    [
        "SELEC 1",
        "SELECT * FROM t WHERE a = ) {inert:n}",
        "DROP TABEL {identifier:t}",
        "SELECT 'abc",
        "SELECT ${inert:n}$",
    ],
)
def test_never_valid(notation: str) -> None:
    judgement = judge(text(notation))
    assert (judgement.verdict, rules(judgement)) == (Verdict.SAFE, ["PGX108"])


@pytest.mark.parametrize(
    "notation",
    [
        "",
        "-- nothing",
        "ALTER TABLE t ADD COLUMN b int GENERATED ALWAYS AS (a) VIRTUAL",
        "CREATE TABLE t (a int4range, PRIMARY KEY (a WITHOUT OVERLAPS))",
        "SELEC {raw:p}",
        "CREATE TABLE t (c {inert:n})",
    ],
)
def test_perhaps_valid(notation: str) -> None:
    assert "PGX108" not in rules(judge(text(notation)))


def test_one_valid_alternative_is_enough() -> None:
    assert rules(judge(seq([Const("SELECT 1 "), alt([Const("FORM t"), Const("FROM t")])]))) == []


def hints(notation: str, **options: Any) -> int:
    return [problem.rule for problem in judge(text(notation), **options).problems].count("PGX112")


def test_using_is_proposed_where_it_fits() -> None:
    assert hints("SELECT * FROM {identifier:t} WHERE a = {literal:v} LIMIT {inert:n}") == 2
    assert hints("DELETE FROM t WHERE a = {literal:v}") == 1
    assert hints("DELETE FROM t WHERE a = {literal:v}", parameters=False) == 0


@pytest.mark.parametrize(
    "notation",
    [
        "CREATE TABLE x AS SELECT {literal:v}",
        "SELECT {literal:v} INTO x",
        "SET x = {literal:v}",
        "ALTER TABLE t ALTER c SET DEFAULT {inert:v}",
        "SELECT interval {literal:v}",
        "SELECT a::varchar({inert:n}) FROM t",
        "SELECT 1 FROM t_{inert:n}",
        "SELECT 'x{inert:n}'",
        "DELETE FROM t; DELETE FROM u WHERE a = {literal:v}",
    ],
)
def test_using_is_not_proposed_where_it_cannot_be(notation: str) -> None:
    assert hints(notation) == 0


def test_using_is_not_proposed_inside_of_a_loop() -> None:
    repeated = seq([Const("SELECT 1 WHERE true"), Star(text(" AND a = {literal:v}"))])
    assert judge(repeated).problems == ()
