"""Calls of scanned functions: what they return, what they assign, and what they run."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from pggit_excellence.scan.analysis import analyse, scan_text
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow import summaries
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import Program, Routine, SourceText
from pggit_excellence.scan.judge.verdicts import _Judge
from pggit_excellence.scan.model import Analysis
from scan_bodies import routine, scan, verdict

pytestmark = pytest.mark.once

HELPERS = """
CREATE FUNCTION quoted(x text) RETURNS text LANGUAGE sql AS $$ SELECT quote_ident(x) $$;
CREATE FUNCTION bare(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN x; END $$;
CREATE FUNCTION expression(x text) RETURNS text RETURN quote_ident(x);
CREATE FUNCTION atomic(x text) RETURNS text BEGIN ATOMIC SELECT quote_ident(x); END;
CREATE FUNCTION changed(x text) RETURNS text LANGUAGE sql AS $$ SELECT left(x, 10) $$;
CREATE FUNCTION second(x text, y text) RETURNS text LANGUAGE sql AS $$ SELECT $2 $$;
CREATE FUNCTION twice(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN quoted(x) || '.' || quoted(x); END $$;
CREATE FUNCTION either(x text, b boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN IF b THEN RETURN quote_ident(x); END IF; RETURN x; END $$;
CREATE FUNCTION counted(x text) RETURNS integer LANGUAGE sql AS $$ SELECT length(x) $$;
CREATE FUNCTION outputs(x text, OUT good text, OUT bad text) LANGUAGE plpgsql AS $$
BEGIN good := quote_ident(x); bad := x; END $$;
CREATE FUNCTION rows_of(x text) RETURNS TABLE (good text, bad text) LANGUAGE sql AS $$ SELECT quote_ident(x), x $$;
CREATE FUNCTION single(x text) RETURNS TABLE (good text) LANGUAGE plpgsql AS $$
BEGIN RETURN QUERY SELECT quote_ident(x); END $$;
CREATE FUNCTION nexts(x text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN NEXT quote_ident(x); END $$;
CREATE FUNCTION listed(VARIADIC x text[]) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(quote_ident(n), ', ') FROM unnest(x) AS n $$;
CREATE FUNCTION over(x text) RETURNS text LANGUAGE sql AS $$ SELECT quote_ident(x) $$;
CREATE FUNCTION over(x text, y text) RETURNS text LANGUAGE sql AS $$ SELECT x $$;
CREATE FUNCTION defaulted(x text, y text DEFAULT 'asc') RETURNS text LANGUAGE sql AS $$ SELECT y $$;
CREATE FUNCTION endless(x text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN IF x = '' THEN RETURN quote_ident(x); END IF; RETURN quote_ident(x) || ', ' || endless(left(x, 1)); END $$;
CREATE FUNCTION endless_raw(x text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN IF x > '' THEN RETURN endless_raw(left(x, 1)); END IF; RETURN x; END $$;
CREATE FUNCTION ping(x text) RETURNS text LANGUAGE sql AS $$ SELECT pong(x) $$;
CREATE FUNCTION pong(x text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN IF x > '' THEN RETURN ping(x); END IF; RETURN quote_ident(x); END $$;
CREATE PROCEDURE fill(INOUT good text, INOUT bad text, x text) LANGUAGE plpgsql AS $$
BEGIN good := quote_ident(x); bad := x; END $$;
CREATE FUNCTION run(statement text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; END $$;
CREATE FUNCTION run_again(statement text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM run(statement); END $$;
CREATE FUNCTION count_where(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM t WHERE ' || condition INTO n; RETURN n; END $$;
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("quoted(p)", "safe"),
        ("public.quoted(p)", "safe"),
        ("other.quoted(p)", "safe"),  # the helper's schema is not written
        ("bare(p)", "unsafe"),
        ("bare(quote_ident(p))", "safe"),
        ("bare('t')", "safe"),
        ("expression(p)", "safe"),
        ("atomic(p)", "safe"),
        ("changed(quote_ident(p))", "unsafe"),
        ("second(p, quote_ident(q))", "safe"),
        ("second(quote_ident(p), q)", "unsafe"),
        ("second(y => quote_ident(q), x => p)", "safe"),
        ("second(y => p, x => quote_ident(q))", "unsafe"),
        ("twice(p)", "safe"),
        ("either(p, true)", "unsafe"),
        ("either(quote_ident(p), true)", "safe"),
        ("counted(p)", "safe"),
        ("(outputs(p)).good", "safe"),
        ("(outputs(p)).bad", "unsafe"),
        ("listed(p, q)", "safe"),
        ("over(p)", "safe"),
        ("over(p, q)", "unsafe"),
        ("over(quote_ident(p), q)", "safe"),
        ("defaulted(p)", "safe"),
        ("defaulted(p, q)", "unsafe"),
        ("endless(p)", "safe"),
        ("endless_raw(p)", "unsafe"),
        ("ping(p)", "safe"),
        ("pong(p)", "safe"),
        ("bare(bare(p))", "unsafe"),
        ("not_there(p)", "not_proven"),
        ("quoted(p, q)", "not_proven"),  # none of that arity
    ],
)
def test_results(expression: str, expected: str) -> None:
    assert verdict(f"EXECUTE 'ANALYZE ' || {expression};", before=HELPERS) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("SELECT * INTO r FROM outputs(p); EXECUTE 'ANALYZE ' || r.good;", "safe"),
        ("SELECT * INTO r FROM outputs(p); EXECUTE 'ANALYZE ' || r.bad;", "unsafe"),
        ("r := outputs(p); EXECUTE 'ANALYZE ' || r.good;", "safe"),
        ("FOR r IN SELECT * FROM rows_of(p) LOOP EXECUTE 'ANALYZE ' || r.good; END LOOP;", "safe"),
        ("FOR r IN SELECT * FROM rows_of(p) LOOP EXECUTE 'ANALYZE ' || r.bad; END LOOP;", "unsafe"),
        ("FOR r IN SELECT s.good FROM single(p) AS s LOOP EXECUTE 'ANALYZE ' || r.good; END LOOP;", "safe"),
        ("FOR v IN SELECT n FROM nexts(p) AS n LOOP EXECUTE 'ANALYZE ' || v; END LOOP;", "safe"),
        ("CALL fill(v, w, p); EXECUTE 'ANALYZE ' || v;", "safe"),
        ("CALL fill(v, w, p); EXECUTE 'ANALYZE ' || w;", "unsafe"),
        ("CALL fill(good => v, bad => w, x => p); EXECUTE 'ANALYZE ' || w;", "unsafe"),
        ("v := 'a'; CALL not_there(v); EXECUTE 'ANALYZE ' || v;", "not_proven"),
        ("v := 'a'; FOR i IN 1..2 LOOP EXECUTE 'ANALYZE ' || v; CALL fill(w, v, p); END LOOP;", "unsafe"),
    ],
)
def test_rows_and_outputs(body: str, expected: str) -> None:
    assert verdict(body, declare="r record; v text; w text;", before=HELPERS) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("PERFORM run('ANALYZE t');", []),
        ("PERFORM run(format('ANALYZE %I', p));", []),
        ("PERFORM run('ANALYZE ' || p);", ["PGX101"]),
        ("PERFORM run(p);", ["PGX102"]),
        ("PERFORM run_again('ANALYZE ' || p);", ["PGX101"]),
        ("PERFORM run_again('ANALYZE ' || quote_ident(p));", []),
        ("PERFORM count_where('a = 1');", []),
        ("PERFORM count_where('a = ' || quote_literal(p));", []),
        ("PERFORM count_where('a = ' || p);", ["PGX101"]),
        ("IF count_where(p) > 1 THEN NULL; END IF;", ["PGX101"]),
        ("FOR i IN 1..count_where(p) LOOP NULL; END LOOP;", ["PGX101"]),
        ("RAISE NOTICE '%', count_where(p);", ["PGX101"]),
        ("SELECT run(p) INTO v FROM t;", ["PGX102"]),
    ],
)
def test_calls_that_run_their_argument(body: str, expected: list[str]) -> None:
    analysis = scan(body, declare="v text;", before=HELPERS)
    assert [finding.rule for finding in analysis.findings if finding.function == "f"] == expected
    assert [site for site in analysis.sites if site.function == "f"] == []


def test_path_through_the_callee() -> None:
    (finding,) = (f for f in scan("PERFORM run_again(p);", before=HELPERS).findings if f.function == "f")
    told = [step.what.partition(":")[0] for step in finding.path]
    assert told == ["parameter p", "call of run_again", "call of run", "EXECUTE statement"]


@pytest.mark.parametrize(
    ("grant", "severity"),
    [("", "warning"), ("GRANT INSERT ON jobs TO PUBLIC;", "error"), ("GRANT SELECT ON jobs TO PUBLIC;", "warning")],
)
def test_writers_of_a_table(grant: str, severity: str) -> None:
    """A stored statement is as dangerous as those who may store one."""
    table = "CREATE TABLE jobs (id integer, command text);" + grant
    body = "SELECT command INTO v FROM jobs; EXECUTE v;"
    (finding,) = scan(body, declare="v text;", before=table).findings
    assert (finding.rule, finding.severity) == ("PGX103", severity)
    assert ("PUBLIC" in finding.message) == (severity == "error")


def test_own_quoting_function_in_another_schema() -> None:
    """The server's quote_ident() is found first, unless the schema is written."""
    planted = "CREATE FUNCTION evil.quote_ident(x text) RETURNS text LANGUAGE sql AS $$ SELECT x $$;"
    assert verdict("EXECUTE 'ANALYZE ' || quote_ident(p);", before=planted) == "safe"
    assert verdict("EXECUTE 'ANALYZE ' || evil.quote_ident(p);", before=planted) == "unsafe"


def test_order_does_not_matter() -> None:
    """Helpers before or behind what calls them, in whatever order they are analysed."""
    for expression, expected in (("twice(p)", "safe"), ("bare(p)", "unsafe"), ("ping(p)", "safe"), ("pong(p)", "safe")):
        text = routine(f"EXECUTE 'ANALYZE ' || {expression};") + HELPERS
        found = [site.verdict.value for site in scan_text(text).sites if site.function == "f"]
        assert found == [expected], expression


# a has c run, c has b run, and b splices, what each of them is given; b asks a.
CIRCLE = """
CREATE FUNCTION a(x text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('SELECT a(%L)', x); PERFORM c(x); RETURN x; END $$;
CREATE FUNCTION b(x text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN IF a(x) = 'a' THEN RETURN x; END IF; EXECUTE 'ANALYZE ' || x; RETURN NULL; END $$;
CREATE FUNCTION c(x text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('SELECT b(%L)', x); RETURN x; END $$;
"""


def in_every_order(text: str) -> set[tuple[tuple[int, str], ...]]:
    """The verdicts on the statements, once for each answer that some order of the routines gives."""
    program = build([SourceText("t.sql", text)])
    answers = set()
    for routines in itertools.permutations(program.routines):
        asked = summaries.Summaries(program, Config())
        sites = [site for routine in routines for site in asked.outcome(routine).sites]
        answers.add(tuple(sorted((site.place.start, site.verdict.value) for site in sites)))
    return answers


def test_verdicts_in_a_circle_do_not_hang_on_the_order() -> None:
    """Processes take routines as they get to them."""
    (answer,) = in_every_order(CIRCLE)
    assert [verdict for _, verdict in answer] == ["unsafe"] * 3


def test_the_order_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where something is concluded from a routine while another one is being analysed, one order calls a safe."""

    def hasty(self: summaries.Summaries, routine: Routine) -> bool:
        not_known = routine.key in {*self._going, *self._asking, *self._provisional}
        return not_known or bool(self.outcome(routine).passed)

    monkeypatch.setattr(summaries.Summaries, "_may_pass_on", hasty)
    assert len(in_every_order(CIRCLE)) > 1


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("built('ANALYZE %I', p)", "safe"),
        ("built('ANALYZE %s', p)", "unsafe"),
        ("built('ANALYZE ' || p, p)", "unsafe"),
        ("again('ANALYZE %I', p)", "safe"),
        ("again('ANALYZE %s', p)", "unsafe"),
    ],
)
def test_template_as_an_argument(expression: str, expected: str) -> None:
    """A constant that a function changes is followed into it, also where the function calls itself."""
    helpers = """
        CREATE FUNCTION built(template text, x text) RETURNS text LANGUAGE sql AS $$ SELECT format(template, x) $$;
        CREATE FUNCTION again(template text, x text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN IF x = '' THEN RETURN again(template, 'none'); END IF; RETURN format(template, x); END $$;
    """
    assert verdict(f"EXECUTE {expression};", before=helpers) == expected


RUNS_A_ROW = """
CREATE TABLE settings (a text, b text, c text);
CREATE FUNCTION run_row(r settings) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE 'ANALYZE ' || r.a;
    EXECUTE 'ANALYZE ' || r.b || ' (' || r.c || ')';
    EXECUTE 'CLUSTER ' || r.c;
END $$;
"""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        # Four fields of one row, in three statements: one cause.
        ("SELECT * INTO r FROM settings LIMIT 1; PERFORM run_row(r);", 1),
        ("SELECT * INTO r FROM settings LIMIT 1; PERFORM run_row(r); PERFORM run_row(r);", 2),
        ("PERFORM run_row(ROW(p, p, p)::settings);", 1),
        # Two parameters are two causes, also where one is told already at another call.
        ("PERFORM run_row(ROW(p, q, p)::settings);", 2),
        ("PERFORM run_row(ROW(p, p, p)::settings); PERFORM run_row(ROW(q, p, p)::settings);", 3),
        ("PERFORM run_row(ROW(quote_ident(p), quote_ident(p), quote_ident(q))::settings);", 0),
    ],
)
def test_one_finding_for_one_cause_at_a_call(body: str, told: int) -> None:
    found = scan(body, before=RUNS_A_ROW, declare="r settings;").findings
    assert len([finding for finding in found if finding.function == "f" and finding.rule == "PGX101"]) == told
    assert len([finding for finding in found if finding.function == "run_row"]) == 4  # each place in it is told


def test_causes_are_what_keeps_findings_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one finding is the work of _is_new: without it there are as many as spliced fields."""
    monkeypatch.setattr(_Judge, "_is_new", lambda *_: True)
    found = scan("SELECT * INTO r FROM settings LIMIT 1; PERFORM run_row(r);", before=RUNS_A_ROW, declare="r settings;")
    assert len([finding for finding in found.findings if finding.function == "f"]) > 2


COPIED = (
    HELPERS
    + """CREATE FUNCTION refuses(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN IF name NOT IN ('a', 'b') THEN RAISE EXCEPTION 'no'; END IF; END $$;
"""
    + routine("PERFORM refuses(p); EXECUTE 'DROP TABLE ' || p; EXECUTE 'ANALYZE ' || twice(q); PERFORM run_again(q);")
)


def in_copies(monkeypatch: pytest.MonkeyPatch, copies: int) -> tuple[list[object], int]:
    """What each of the copies of COPIED shows, and how many definitions were asked for what a call does."""
    asked: list[str] = []
    applied = summaries.Summaries._applied

    def counted(self: summaries.Summaries, routine: Routine, *arguments: Any) -> object:
        asked.append(routine.key)
        return applied(self, routine, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(summaries.Summaries, "_applied", counted)
        files = [SourceText(f"{number}.sql", COPIED) for number in range(copies)]
        analysis = analyse(build(files), Config(), isolated=False)
    return [shown(analysis, file.name) for file in files], len(asked)


def shown(analysis: Analysis, file: str) -> object:
    findings = [(f.rule, f.place.start, f.message, f.function) for f in analysis.findings if f.place.file == file]
    return findings, [(s.place.start, s.verdict, s.function) for s in analysis.sites if s.place.file == file]


def test_copies_of_a_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shows what one alone shows, and a call does not ask every copy."""
    [alone], calls = in_copies(monkeypatch, 1)
    several, more_calls = in_copies(monkeypatch, 5)
    assert several == [alone] * 5
    assert more_calls <= 5 * calls
    monkeypatch.setattr(summaries, "_distinct", every_copy)  # and that this would be noticed
    several, more_calls = in_copies(monkeypatch, 5)
    assert several != [alone] * 5
    assert more_calls > 5 * calls


def every_copy(program: Program) -> list[Routine]:
    return [routine for routine in program.routines if routine.name[1]]


def test_definitions_that_differ_are_all_asked() -> None:
    """One of them is unsafe: nobody knows which one the call will find."""
    harmless = "CREATE FUNCTION made(x text) RETURNS text LANGUAGE sql AS $$ SELECT quote_ident(x) $$;\n"
    harmful = harmless.replace("quote_ident(x)", "x")
    for before in (harmless + harmful, harmful + harmless, harmless + harmless + harmful):
        assert verdict("EXECUTE 'ANALYZE ' || made(p);", before=before) == "unsafe"


class _SlowError(BaseException):
    """As workers._Slow."""


@pytest.mark.parametrize("at", range(1, 7))
def test_what_is_half_known_after_an_interruption_does_not_count(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """A circle whose analysis is interrupted at any of its steps: all others are judged as if it had not been begun."""
    text = (
        "CREATE FUNCTION a(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        " IF x > '' THEN RETURN b(x); END IF; RETURN quote_ident(x); END $$;\n"
        "CREATE FUNCTION b(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        " IF x > '' THEN RETURN c(x); END IF; RETURN x; END $$;\n"
        "CREATE FUNCTION c(x text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE a(x); RETURN a(x); END $$;\n"
        "CREATE FUNCTION d(x text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP TABLE ' || a(x); END $$;"
    )
    program = build([SourceText("t.sql", text)])
    expected = [summaries.Summaries(program, Config()).outcome(each).sites for each in program.routines]
    interrupted, steps = summaries.Summaries(program, Config()), itertools.count(1)
    once = summaries.Summaries._once

    def step(self: summaries.Summaries, *given: Any, **named: Any) -> summaries.Summary:
        found = once(self, *given, **named)
        if next(steps) == at:
            raise _SlowError
        return found

    monkeypatch.setattr(summaries.Summaries, "_once", step)
    with pytest.raises(_SlowError):
        list(map(interrupted.outcome, program.routines))
    assert [interrupted.outcome(each).sites for each in program.routines] == expected
