"""Judging one built statement: its rules, the positions of its holes, and the proof against a real server's quoting."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pglast.parser import ParseError, scan

from pggit_excellence.scan.judge import lexing, templates
from pggit_excellence.scan.judge.templates import Judgement, judge
from pggit_excellence.scan.model import Confidence, Severity, Verdict
from pggit_excellence.scan.values.abstract import (
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
INSERT INTO t ({identifier:c}) VALUES ({literal:v}) ON CONFLICT (id) DO UPDATE SET {identifier:c} = EXCLUDED.b
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
SELECT 'hello ' || {identifier:c} FROM {identifier:t}
SELECT 'hello ' || {identifier:a_column} FROM t
SELECT {identifier:c} FROM a UNION ALL SELECT {identifier:c} FROM b
CREATE VIEW v AS SELECT {identifier:c} FROM a UNION SELECT {identifier:d} FROM b
SELECT @extschema@.f({literal:x}) FROM @extschema@.{identifier:t}
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
    ("SELECT 'hello ' || {identifier:p} FROM people", "PGX104", "a value"),
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


def test_a_name_that_can_be_a_column_in_one_alternative() -> None:
    optional = alt([Const(" FROM t"), Const("")])
    assert rules(judge(seq([Const("SELECT "), hole("identifier"), optional]))) == []


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
    optional = seq([Const("SELECT "), Star(seq([alt([Const(", "), Const("")]), hole("identifier")])), Const(" FROM t")])
    assert (judge(optional).verdict, rules(judge(optional))) == (Verdict.SAFE, [])
    raw = seq([Const("SELECT 1"), Star(seq([Const(", "), hole("raw")])), Const(" FROM t")])
    assert rules(judge(raw)) == ["PGX101"]


def test_a_statement_of_too_many_forms_is_not_proven() -> None:
    pieces = [Const(f" c{number} = '") for number in range(9)]
    mixture = Star(Alt((*pieces, hole("literal"), hole("inert"))))
    judgement = judge(seq([Const("SELECT 1 WHERE"), mixture]))
    assert (judgement.verdict, rules(judgement)) == (Verdict.NOT_PROVEN, ["PGX101"])
    raw = judge(seq([Const("SELECT 1 WHERE"), Star(Alt((*pieces, hole("raw"))))]))
    assert raw.verdict is Verdict.UNSAFE


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


def test_names_that_touch_each_other() -> None:
    judgement = judge(text("SELECT a FROM {identifier:t}{identifier:u}"))
    assert (judgement.verdict, rules(judgement)) == (Verdict.UNSAFE, ["PGX106", "PGX106"])


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
        "INSERT INTO {identifier:a}.{identifier:b} SELECT FORM {identifier:c}.{identifier:d} WHERE {literal:e} = 1",
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


def test_what_more_lines_than_are_read_may_show_is_not_called_invalid() -> None:
    """Only `(1 + (2))` of all these is valid: one of many combinations, of which the first are each other's copies."""
    pieces = alt([Const(piece) for piece in ("a b", "+ (", "2))", "c d", "e f", "g h", "i j", "k l", "m n")])
    assert rules(judge(seq([Const("SELECT (1 "), Star(pieces)]))) == []
    assert rules(judge(seq([Const("SELECT ("), alt([Const("a b"), Const("c d")])]))) == ["PGX108"]


def hints(notation: str, **options: Any) -> int:
    return [problem.rule for problem in judge(text(notation), **options).problems].count("PGX112")


def test_using_is_proposed_where_it_fits() -> None:
    assert hints("SELECT * FROM {identifier:t} WHERE a = {literal:v} LIMIT {inert:n}") == 2
    assert hints("DELETE FROM t WHERE a = {literal:v}") == 1
    assert hints("CREATE TABLE x AS SELECT {literal:v}") == 1
    assert hints("EXPLAIN SELECT {literal:v}") == 1
    assert hints("DELETE FROM t WHERE a = {literal:v}", parameters=False) == 0


@pytest.mark.parametrize(
    "notation",
    [
        "CREATE VIEW x AS SELECT {literal:v}",
        "CREATE MATERIALIZED VIEW x AS SELECT {literal:v}",
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


# --- the oracle: what a real server's quoting prints, put into the holes --------------------------------------------

ATTACKS = [
    "",
    "x",
    "select",
    "a b",
    "A",
    "'",
    "''",
    '"',
    '""',
    "\\",
    "\\'",
    "'; DROP TABLE t; --",
    '"; DROP TABLE t; --',
    "$$",
    "$a$",
    "$",
    "--",
    "*/",
    "/*",
    "*",
    "\n",
    "a\nb",
    "\r",
    ";",
    ")",
    "\u00e4'\u20ac\"",
    "e",
    "u&",
    "1",
    "-1",
    "a.b",
    "%s",
]
Contents = dict[Quoting, list[str]]  # what can stand in a hole; the first is honest
_MARK = "\u2020"


@pytest.fixture(scope="module")
def contents(server: Server) -> Contents:
    """What the server prints for each attack; for types that cannot hold an attack their own extremes."""
    with server.connect() as connection:
        query = (
            "SELECT quote_ident(s), quote_literal(s), format('%%I', s), format('%%L', s) FROM unnest(%s::text[]) a(s)"
        )
        rows = connection.execute(query, [[attack for attack in ATTACKS if attack]]).fetchall()
        inert = connection.execute(
            "SELECT unnest(ARRAY[(-1)::text, 1e300::text, '-infinity'::float8::text, 'infinity'::date::text,"
            " true::text, '2020-01-01 00:00:00 BC'::timestamp::text, '-1 days'::interval::text, '::1'::inet::text,"
            " '00000000-0000-0000-0000-00000000000e'::uuid::text, ''])"
        ).fetchall()
    identifiers = [text for row in rows for text in (row[0], row[2])]
    literals = [text for row in rows for text in (row[1], row[3])]
    return {
        Quoting.RAW: ["x", *ATTACKS],
        Quoting.IDENTIFIER: ["x", *identifiers],
        Quoting.QUALIFIED: [
            "x",
            *identifiers,
            *(f"{text}.{text}" for text in identifiers),
            "integer[]",
            "numeric(1,2)",
        ],
        Quoting.LITERAL: ["'x'", *literals, "NULL"],
        Quoting.INERT: ["5", *(row[0] for row in inert)],
        Quoting.WORD: ["x", "", "e", "select", "1", "abc_1"],
    }


_HARMLESS = (
    "trailing junk",
    "zero-length",
)  # numbers that run into words, "" where a hole is empty: never anything else


def tokens(parts: list[str | tuple[str]]) -> list[str] | None:
    """The statement's tokens, a mark for what holes put in (their texts are tuples); None: a mistake.

    A hole may be part of a word (`t_5`): what it makes of that word is not compared.
    """
    sql = "".join(part if isinstance(part, str) else part[0] for part in parts)
    holes = _regions(parts)
    try:
        found = [(token.start, token.end + 1) for token in scan(sql)]
    except ParseError as error:
        message = str(error.args[0]).split(" at or near")[0]
        return None if message.startswith(_HARMLESS) else [message]
    kept: list[tuple[int, int, str]] = []
    embedded: set[tuple[int, int]] = set()
    for start, end in found:
        touched = [at for at in holes if _touches(at, start, end, is_comment=sql.startswith("--", start))]
        if any(low <= start and end <= high for low, high in touched):
            continue
        if not _is_word(sql[start:end]):
            embedded.update(touched)
            kept.append((start, 2, _MARK.join(sql[low:high] for low, high in _outside(start, end, touched))))
            continue
        kept += [(low, 2, sql[low:high]) for low, high in _outside(start, end, touched) if low < high]
    kept += [(start, 1, _MARK) for start, end in holes if (start, end) not in embedded]
    return [piece for _, _, piece in sorted(kept)]


def _regions(parts: list[str | tuple[str]]) -> list[tuple[int, int]]:
    """Where the holes are; those that touch are one."""
    found: list[tuple[int, int]] = []
    position, touching = 0, False
    for part in parts:
        end = position + len(part if isinstance(part, str) else part[0])
        if isinstance(part, tuple):
            found.append((found.pop()[0] if touching else position, end))
        touching = isinstance(part, tuple) or (touching and not part)
        position = end
    return found


def _is_word(token: str) -> bool:
    return bool(re.fullmatch(r"[\w$.\u0080-\U0010ffff]+", token))


def _touches(hole: tuple[int, int], start: int, end: int, *, is_comment: bool) -> bool:
    low, high = hole
    inside = start < low == high < end + is_comment  # one that is empty; a comment ends behind it
    return inside or max(low, start) < min(high, end)


def _outside(start: int, end: int, holes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of the token holes did not put in, before, between and behind them."""
    bounds = [start, *(bound for hole in holes for bound in hole), end]
    return [(low, max(low, high)) for low, high in zip(bounds[::2], bounds[1::2], strict=True)]


PIECES = [" ", "x", "1", "e", "E'", "'", "''", '"', "$$", "$a$", "$", "a", "--", "/*", "*/", "\n", "-", "/", "*", "\\"]
PIECES += [",", ";", "(", ".", "u&", "SELECT ", " a = ", " 'b' ", ' "c" ', " $$d$$ ", "/* e */", "N'", "b'"]
PIECES += ["SELECT ", "'a'", " 'it''s' ", ' "b" ', " AND ", " = ", ", ", " $q$ ", "/* ", " */", "('"]
QUOTINGS = [Quoting.IDENTIFIER, Quoting.LITERAL, Quoting.QUALIFIED, Quoting.INERT, Quoting.WORD, Quoting.RAW]


def texts(pieces: Sequence[str], quotings: Sequence[Quoting]) -> st.SearchStrategy[Text]:
    constants = st.lists(st.sampled_from(pieces), max_size=3).map(lambda parts: Const("".join(parts)))
    leaves = st.one_of(constants, st.sampled_from(quotings).map(hole))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=5).map(seq),
            st.lists(inner, min_size=2, max_size=3).map(alt),
            inner.map(Star),
        ),
        max_leaves=8,
    )


def write(value: Text, draw: Callable[[int], int]) -> list[Const | Hole]:
    """One text of the language; `draw(n)` chooses from 0 to n - 1."""
    match value:
        case Const() | Hole():
            return [value]
        case Seq(parts):
            return [leaf for part in parts for leaf in write(part, draw)]
        case Alt(choices):
            return write(choices[draw(len(choices))], draw)
        case Star(body):
            return [leaf for _ in range(draw(3)) for leaf in write(body, draw)]
        case _:
            raise AssertionError(value)


def check(value: Text, chance: Random, contents: Contents) -> None:
    """When `value` is judged safe, no content of the holes changes the tokens around them."""
    judgement = judge(value)
    if judgement.verdict is not Verdict.SAFE or any(problem.rule == "PGX106" for problem in judgement.problems):
        return  # a glued name that is torn apart can only fail: that is shown by parsing, not by tokens
    for _ in range(12):
        line = write(value, chance.randrange)
        fill = [chance.choice(contents[leaf.quoting]) if isinstance(leaf, Hole) else leaf.text for leaf in line]
        # A hole that is empty may join what the program wrote around it: that is compared with an honest empty one.
        plain = [
            contents[leaf.quoting][0] if isinstance(leaf, Hole) and filled else filled
            for leaf, filled in zip(line, fill, strict=True)
        ]
        honest, hostile = _parts(line, plain), _parts(line, fill)
        expected, found = tokens(honest), tokens(hostile)
        assert expected is None or found is None or found == expected, (value, honest, hostile)


def _parts(line: list[Const | Hole], texts: list[str]) -> list[str | tuple[str]]:
    return [(text,) if isinstance(leaf, Hole) else text for leaf, text in zip(line, texts, strict=True)]


def hunt(contents: Contents, examples: int, phases: tuple[Phase, ...], statements: st.SearchStrategy[Text]) -> None:
    """Look for a statement that is judged safe and is not."""

    @settings(
        max_examples=examples,
        phases=phases,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(statements, st.integers(0, 1 << 30))
    def property_holds(value: Text, seed: int) -> None:
        check(value, Random(seed), contents)

    property_holds()


def test_what_is_judged_safe_cannot_be_changed(contents: Contents) -> None:
    examples = int(os.environ.get("PGGIT_FUZZ_EXAMPLES", "400"))
    hunt(contents, examples, tuple(Phase), texts(PIECES, QUOTINGS))


Patch = Callable[[pytest.MonkeyPatch], None]


def forget(name: str) -> Patch:
    """The rule that `name` implements reports nothing."""
    return lambda patch: patch.setattr(templates, name, lambda *_: iter(()))


def misread(mode: lexing.Mode, step: Callable[..., Any]) -> Patch:
    return lambda patch: patch.setitem(lexing._STEPS, mode, step)


PLANTS: dict[str, tuple[Patch, list[str], list[Quoting]]] = {
    "raw text is never reported": (forget("_raw"), ["SELECT ", " "], [Quoting.RAW]),
    "quoted text in quotes is not seen": (forget("_enclosed"), ["'", '"', "$$", "/*", "--"], [Quoting.IDENTIFIER]),
    "a number after a minus sign is not seen": (forget("_inert"), ["-", " "], [Quoting.INERT]),
    "a literal that is touched is not seen": (forget("_literal"), ["'a'", " "], [Quoting.LITERAL]),
    "dollar quotes are unknown": (
        misread(lexing.Mode.DOLLAR, lambda text, *_: (len(text), lexing.State(lexing.Mode.NORMAL))),
        ["$$", "$a$", " "],
        [Quoting.IDENTIFIER],
    ),
    "a backslash does not escape": (
        misread(lexing.Mode.ESCAPED, lexing._STEPS[lexing.Mode.STRING]),
        ["E'\\'", "'", " "],
        [Quoting.IDENTIFIER],
    ),
    "comments do not nest": (
        misread(lexing.Mode.BLOCK, lambda _, at, *__: (at + 2, lexing.State(lexing.Mode.NORMAL))),
        ["/*", "*/", " "],
        [Quoting.IDENTIFIER],
    ),
    "only the first alternative is read": (
        lambda patch: patch.setattr(lexing, "_join", lambda found: dict([next(iter(found))])),
        ["'", " "],
        [Quoting.IDENTIFIER],
    ),
}


@pytest.mark.parametrize("fault", PLANTS)
def test_the_hunt_finds_planted_faults(fault: str, contents: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, pieces, quotings = PLANTS[fault]
    statements = texts(pieces, quotings)
    hunt(contents, 100, (Phase.generate,), statements)
    plant(monkeypatch)
    lexing.advance.cache_clear()
    with pytest.raises(AssertionError):
        hunt(contents, 1000, (Phase.generate,), statements)
    lexing.advance.cache_clear()


# --- fixes --------------------------------------------------------------------------------------------------------


def placed(source: str, quoting: str, name: str = "p", origin: Source = Source.PARAMETER, **more: Any) -> Hole:
    """The hole whose expression is the last `name` of the source, and whose specifier is its first %s, %I or %L."""
    start = source.rindex(name)
    specifier = re.search(r"%[sIL]", source)
    at = Place("f", specifier.start(), specifier.end()) if specifier else None
    return hole(quoting, name, origin, place=Place("f", start, start + len(name)), specifier=at, **more)


def fixed(source: str, statement: str, filled: Hole) -> tuple[str, bool] | None:
    """The source after the fix of the first problem of `statement`, whose {} is the hole, and whether it is certain."""
    before, behind = statement.split("{}")
    judgement = judge(seq([Const(before), filled, Const(behind)]), sources={"f": source})
    fix = judgement.problems[0].fix
    if fix is None:
        return None
    for edit in sorted(fix.edits, key=lambda edit: edit.place.start, reverse=True):
        source = source[: edit.place.start] + edit.text + source[edit.place.end :]
    return source, fix.certain


FIXES = [
    ("format('DROP TABLE %s', p)", "DROP TABLE {}", "raw", ("format('DROP TABLE %I', p)", False)),
    ("'DROP ROLE ' || p", "DROP ROLE {}", "raw", ("'DROP ROLE ' || quote_ident(p)", False)),
    ("'... a = ' || p", "SELECT 1 FROM t WHERE a = {}", "raw", ("'... a = ' || quote_literal(p)", False)),
    ("format('... a = ''%s''', p)", "SELECT '{}'", "raw", ("format('... a = %L', p)", True)),
    ("format('''%s'' x', p)", "SELECT '{}'", "raw", ("format('%L x', p)", True)),
    ("'a = ''' || p || ''' x'", "SELECT '{}'", "raw", ("'a = ' || quote_literal(p) || ' x'", True)),
    ("'a = ''' || p || ''''", "SELECT '{}'", "raw", ("'a = ' || quote_literal(p) || ''", True)),
    ("format('DROP TABLE \"%s\"', p)", 'DROP TABLE "{}"', "raw", ("format('DROP TABLE %I', p)", True)),
    ("'DROP TABLE \"' || p || '\"'", 'DROP TABLE "{}"', "raw", ("'DROP TABLE ' || quote_ident(p) || ''", True)),
    ("format('''%s''::regclass', p)", "SELECT '{}'::regclass", "qualified", ("format('%L::regclass', p)", True)),
    ("format('''%I''', p)", "SELECT '{}'", "identifier", ("format('%L', quote_ident(p))", True)),
    ("format('DROP ROLE %L', p)", "DROP ROLE {}", "literal", ("format('DROP ROLE %I', p)", True)),
    ("format('... IS %I', p)", "COMMENT ON TABLE t IS {}", "identifier", ("format('... IS %L', p)", True)),
    ("format('a_%I_b', p)", "SELECT 1 FROM a_{}_b", "identifier", ("format('%I', 'a_' || p || '_b')", True)),
    ("format('a like ''%%%s%%''', p)", "SELECT '%{}%'", "raw", None),
    ("format('ALTER TABLE t %s', p)", "ALTER TABLE t {}", "raw", None),
    ("format('t ADD c %s', p)", "ALTER TABLE t ADD c {}", "raw", None),
    ("'x ''a_' || p || ''''", "SELECT 'a_{}'", "raw", None),
]


@pytest.mark.parametrize(("source", "statement", "quoting", "expected"), FIXES)
def test_fix(source: str, statement: str, quoting: str, expected: tuple[str, bool] | None) -> None:
    assert fixed(source, statement, placed(source, quoting)) == expected


def test_an_identifier_fix_is_certain_where_the_name_is_exact() -> None:
    source = "format('DROP TABLE %s', p)"
    exact = placed(source, "raw", origin=Source.CATALOG)
    assert fixed(source, "DROP TABLE {}", exact) == ("format('DROP TABLE %I', p)", True)


def test_text_that_was_changed_before_is_no_certain_fix() -> None:
    source = "format('a = ''%s''', replace(x, p))"
    assert fixed(source, "SELECT '{}'", placed(source, "raw", derived=True)) == (
        "format('a = %L', replace(x, p))",
        False,
    )
