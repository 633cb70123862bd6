"""The flow through PL/pgSQL bodies: every form of assignment, branch, loop and block."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pggit_excellence.scan.analysis import scan_text
from scan_bodies import rules, scan, verdict, verdicts

pytestmark = pytest.mark.once

TABLES = """
CREATE TABLE jobs (id integer, command text, target regclass, since timestamptz);
CREATE TYPE pair AS (name text, size integer);
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN amount AS numeric;
"""
RUN = "EXECUTE 'ANALYZE ' || v;"


@pytest.mark.parametrize(
    ("declare", "body", "expected"),
    [
        ("v text := p;", RUN, "unsafe"),
        ("v text := quote_ident(p);", RUN, "safe"),
        ("v text = p;", RUN, "unsafe"),
        ("v text; w text DEFAULT p;", "v = w; " + RUN, "unsafe"),
        ("v CONSTANT text := 'a';", RUN, "safe"),
        ("v text;", "v := p; v := 'a'; " + RUN, "safe"),
        ("v text;", "v := quote_ident(p); v := v || q; " + RUN, "unsafe"),
        ("v text;", "SELECT p INTO v; " + RUN, "unsafe"),
        ("v text;", "SELECT quote_ident(p) INTO STRICT v; " + RUN, "safe"),
        ("v text; w text;", "SELECT p, quote_ident(q) INTO w, v; " + RUN, "safe"),
        ("v text; w text;", "SELECT quote_ident(q), p INTO w, v; " + RUN, "unsafe"),
        ("v text;", "SELECT command INTO v FROM jobs; " + RUN, "unsafe"),
        ("v integer;", "SELECT command INTO v FROM jobs; EXECUTE 'SELECT ' || v;", "safe"),
        ("v text;", "SELECT target INTO v FROM jobs; " + RUN, "safe"),
        ("v name;", "SELECT target INTO v FROM jobs; " + RUN, "unsafe"),
        ("v varchar(10);", "v := left(quote_ident(p), 10); " + RUN, "unsafe"),
        ("v text;", "INSERT INTO jobs (command) VALUES (p) RETURNING command INTO v; " + RUN, "unsafe"),
        ("v text;", "EXECUTE 'SELECT $1' INTO v USING p; " + RUN, "unsafe"),
        ("v bigint;", "EXECUTE 'SELECT 1' INTO v; EXECUTE 'SELECT ' || v;", "safe"),
        ("v text;", "EXECUTE format('SELECT %L', p) INTO v; " + RUN, "unsafe"),
        ("v text;", "EXECUTE format('SELECT count(*) FROM %I', p) INTO v; EXECUTE 'SELECT ' || v;", "safe"),
        ("v text;", "EXECUTE 'SHOW search_path' INTO v; " + RUN, "unsafe"),
        ("v text;", "GET DIAGNOSTICS v = ROW_COUNT; EXECUTE 'SELECT ' || v;", "safe"),
        ("v text;", "GET DIAGNOSTICS v = PG_CONTEXT; " + RUN, "unsafe"),
        ("v jobs.command%TYPE := p;", RUN, "unsafe"),
        ("v jobs.id%TYPE := p;", "EXECUTE 'SELECT ' || v;", "safe"),
        ("w integer; v w%TYPE := p;", "EXECUTE 'SELECT ' || v;", "safe"),
        ("v mood := p;", "EXECUTE 'SELECT ''' || v || '''';", "safe"),
        ("v amount := p;", "EXECUTE 'SELECT ' || v;", "safe"),
        ("v regclass := p;", RUN, "safe"),
        ("v p%TYPE := p;", RUN, "unsafe"),
        ("v unknown_type := p;", RUN, "unsafe"),
        ("r jobs%ROWTYPE;", "r.command := p; EXECUTE r.command;", "by_design"),
        ("r jobs;", "r.id := p; EXECUTE 'SELECT ' || r.id;", "safe"),
        ("r record;", "SELECT * INTO r FROM jobs; EXECUTE 'SELECT ' || r.id;", "safe"),
        ("r record;", "SELECT * INTO r FROM jobs; EXECUTE 'ANALYZE ' || r.target;", "safe"),
        ("r record;", "SELECT * INTO r FROM jobs; EXECUTE r.command;", "by_design"),
        ("r record;", "SELECT p AS a, quote_ident(p) AS b INTO r; EXECUTE 'ANALYZE ' || r.b;", "safe"),
        ("r record;", "SELECT p AS a, quote_ident(p) AS b INTO r; EXECUTE 'ANALYZE ' || r.a;", "unsafe"),
        ("r pair;", "r := ROW(p, 1); EXECUTE 'SELECT ' || r.size;", "safe"),
        ("r pair;", "r := (p, 1); EXECUTE 'ANALYZE ' || r.name;", "unsafe"),
        ("a text[];", "a[1] := 'x'; a[2] := p; EXECUTE 'ANALYZE ' || a[1];", "unsafe"),
        ("a text[] := '{}';", "a := a || quote_ident(p); EXECUTE 'ANALYZE ' || array_to_string(a, ',');", "safe"),
        ("a text[] := '{}';", "a := a || p; EXECUTE 'ANALYZE ' || array_to_string(a, ',');", "unsafe"),
        ("a integer[] := p;", "EXECUTE 'SELECT ' || a[1];", "safe"),
        ("v ALIAS FOR $1;", RUN, "unsafe"),
        ("v ALIAS FOR p;", "v := quote_ident(v); EXECUTE 'ANALYZE ' || p;", "safe"),
        ("", "EXECUTE 'ANALYZE ' || f.p;", "unsafe"),
        ("", "EXECUTE 'ANALYZE ' || $2;", "unsafe"),
        ("", "EXECUTE 'SELECT ' || FOUND;", "safe"),
    ],
)
def test_assignments(declare: str, body: str, expected: str) -> None:
    assert verdicts(body, declare=declare, before=TABLES)[-1] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("IF q > '' THEN v := quote_ident(p); ELSE v := p; END IF; " + RUN, "unsafe"),
        ("IF q > '' THEN v := quote_ident(p); ELSE v := 'a'; END IF; " + RUN, "safe"),
        ("IF q > '' THEN v := p; RETURN; END IF; v := 'a'; " + RUN, "safe"),
        ("v := p; IF q > '' THEN v := 'a'; END IF; " + RUN, "unsafe"),
        ("v := p; IF q > '' THEN v := 'a'; ELSIF q < '' THEN v := 'b'; ELSE RAISE 'no'; END IF; " + RUN, "safe"),
        ("v := p; CASE q WHEN 'x' THEN v := 'a'; WHEN 'y' THEN v := 'b'; END CASE; " + RUN, "safe"),
        ("v := p; CASE q WHEN 'x' THEN v := 'a'; ELSE NULL; END CASE; " + RUN, "unsafe"),
        ("v := p; CASE WHEN q > '' THEN v := 'a'; END CASE; " + RUN, "safe"),
        ("v := p; RAISE EXCEPTION 'no'; " + RUN, "safe"),
        ("v := p; RAISE NOTICE 'yes'; " + RUN, "unsafe"),
        ("v := p; RETURN; " + RUN, "safe"),
        ("v := p; LOOP NULL; END LOOP; " + RUN, "safe"),
        ("v := p; LOOP EXIT; END LOOP; " + RUN, "unsafe"),
        ("v := p; <<o>> LOOP LOOP EXIT o; END LOOP; END LOOP; " + RUN, "unsafe"),
        ("v := p; <<o>> LOOP LOOP EXIT; END LOOP; END LOOP; " + RUN, "safe"),
        ("v := p; <<b>> BEGIN EXIT b; v := 'a'; END; " + RUN, "unsafe"),
        ("v := p; <<b>> BEGIN v := 'a'; EXIT b; END; " + RUN, "safe"),
        ("v := 'a'; FOR i IN 1..3 LOOP v := v || p; END LOOP; " + RUN, "unsafe"),
        ("v := 'a'; FOR i IN 1..3 LOOP v := v || ', ' || quote_ident(p); END LOOP; " + RUN, "safe"),
        ("v := 'a'; FOR i IN 1..3 LOOP " + RUN + " v := p; END LOOP;", "unsafe"),
        ("v := 'a'; FOR i IN 1..3 LOOP " + RUN + " v := w; w := p; END LOOP;", "unsafe"),
        ("v := 'a'; w := 'b'; FOR i IN 1..3 LOOP " + RUN + " u := v; v := w; w := u; END LOOP;", "safe"),
        ("v := quote_ident(p); FOR i IN 1..3 LOOP " + RUN + " v := left(v, 5); END LOOP;", "unsafe"),
        ("v := 'ABC'; FOR i IN 1..3 LOOP v := lower(v); END LOOP; " + RUN, "safe"),
        ("v := 'a'; WHILE q > '' LOOP v := p; CONTINUE; v := 'a'; END LOOP; " + RUN, "unsafe"),
        ("v := 'a'; WHILE q > '' LOOP v := p; EXIT WHEN q < ''; v := 'a'; END LOOP; " + RUN, "unsafe"),
        ("v := 'a'; WHILE q > '' LOOP v := p; v := 'a'; END LOOP; " + RUN, "safe"),
        ("v := ''; w := ''; FOR i IN 1..3 LOOP v := v || w || quote_ident(p); w := ', '; END LOOP; " + RUN, "safe"),
        (
            "FOR i IN 1..3 LOOP IF v <> '' THEN v := v || ', '; END IF; v := v || quote_ident(p); END LOOP; " + RUN,
            "safe",
        ),
        ("FOR v IN SELECT p LOOP " + RUN + " END LOOP;", "unsafe"),
        ("FOR v IN SELECT quote_ident(p) LOOP " + RUN + " END LOOP;", "safe"),
        ("FOR w, v IN SELECT p, quote_ident(q) LOOP " + RUN + " END LOOP;", "safe"),
        ("FOR r IN SELECT relname FROM pg_class LOOP EXECUTE 'ANALYZE ' || r.relname; END LOOP;", "unsafe"),
        ("FOR r IN SELECT oid FROM pg_class LOOP EXECUTE 'ANALYZE ' || r.oid::regclass; END LOOP;", "safe"),
        ("FOR v IN EXECUTE 'SELECT 1' LOOP NULL; END LOOP;", "safe"),
        ("FOREACH v IN ARRAY ARRAY['a', 'b'] LOOP " + RUN + " END LOOP;", "safe"),
        ("FOREACH v IN ARRAY ARRAY['a', p] LOOP " + RUN + " END LOOP;", "unsafe"),
        ("FOREACH v IN ARRAY string_to_array(p, ',') LOOP " + RUN + " END LOOP;", "unsafe"),
        ("OPEN c FOR SELECT p; FETCH c INTO v; " + RUN, "unsafe"),
        ("OPEN c FOR SELECT quote_ident(p); FETCH c INTO v; " + RUN, "safe"),
        ("OPEN b(p); FETCH b INTO v; " + RUN, "unsafe"),
        ("FOR r IN b(quote_ident(p)) LOOP EXECUTE 'ANALYZE ' || r.name; END LOOP;", "safe"),
        ("OPEN c FOR EXECUTE 'SELECT ' || p;", "unsafe"),
        ("v := 'a'; BEGIN v := p; PERFORM 1 / 0; v := 'b'; EXCEPTION WHEN OTHERS THEN " + RUN + " END;", "unsafe"),
        ("v := 'a'; BEGIN v := 'b'; PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN " + RUN + " END;", "safe"),
        ("BEGIN NULL; EXCEPTION WHEN OTHERS THEN v := SQLERRM; END; " + RUN, "unsafe"),
        ("BEGIN NULL; EXCEPTION WHEN OTHERS THEN v := SQLSTATE; END; EXECUTE 'SELECT ''' || v || '''';", "safe"),
        ("v := p; DECLARE v text := 'a'; BEGIN " + RUN + " END;", "safe"),
        ("v := 'a'; DECLARE v text := p; BEGIN NULL; END; " + RUN, "safe"),
        ("v := 'a'; <<b>> DECLARE v text := p; BEGIN EXECUTE 'ANALYZE ' || b.v; END;", "unsafe"),
        ("v := 'a'; ASSERT p = 'a'; EXECUTE p;", "by_design"),
        ("v := 'a'; IF; " + RUN, "not_proven"),
        ("EXECUTE nobody_knows(p);", "not_proven"),
        ("v := p; FOR v IN 1..3 LOOP EXECUTE 'SELECT ' || v; END LOOP;", "safe"),
        ("FOR i IN 1..3 LOOP v := p; END LOOP; " + RUN, "unsafe"),
    ],
)
def test_flow(body: str, expected: str) -> None:
    declare = "v text; w text; u text; r record; c refcursor; b CURSOR (a text) FOR SELECT a AS name;"
    assert verdicts(body, declare=declare)[-1] == expected


def test_every_statement_is_a_site() -> None:
    """Also where nothing leads to, and in text that was not parsed."""
    body = """
        EXECUTE 'SELECT 1';
        RETURN QUERY EXECUTE 'SELECT 1';
        FOR r IN EXECUTE 'SELECT 1' LOOP NULL; END LOOP;
        OPEN c FOR EXECUTE 'SELECT 1';
        RETURN;
        EXECUTE p;
    """
    sites = scan(body, declare="r record; c refcursor;", returns="SETOF integer").sites
    assert [site.kind for site in sites] == [
        "execute", "return_query_execute", "for_execute", "open_execute", "execute",
    ]  # fmt: skip
    assert {site.verdict.value for site in sites} == {"safe"}


def test_trigger_variables() -> None:
    text = """
    CREATE TABLE t (id integer, name text);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        EXECUTE 'ANALYZE ' || TG_TABLE_NAME;
        EXECUTE format('ANALYZE %I', TG_TABLE_NAME);
        EXECUTE 'SELECT ''' || TG_OP || '''';
        EXECUTE 'ANALYZE ' || TG_ARGV[0];
        EXECUTE 'SELECT ' || NEW.id;
        EXECUTE 'SELECT ' || NEW.name;
        RETURN NEW;
    END $$;
    CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
    """
    found = [site.verdict.value for site in scan_text(text).sites]
    assert found == ["unsafe", "safe", "safe", "unsafe", "safe", "unsafe"]
    without = scan_text(text.partition("CREATE TRIGGER")[0]).sites
    assert [site.verdict.value for site in without][4] == "unsafe"
    definer = scan_text(text.replace("LANGUAGE plpgsql", "LANGUAGE plpgsql SECURITY DEFINER")).sites
    assert [site.verdict.value for site in definer][4] == "unsafe"


def test_path() -> None:
    """From the source through each assignment to the statement."""
    text = "v := p;\n w := 'ANALYZE ' || v;\n EXECUTE w;"
    (finding,) = scan(text, declare="v text; w text;").findings
    assert [step.what for step in finding.path] == ["parameter p", "v := p", "w := 'ANALYZE ' || v", "EXECUTE w"]


def test_generated_functions() -> None:
    """What an outer template puts into the statements of a generated function decides there."""
    body = """EXECUTE format($t$CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $b$
        BEGIN EXECUTE 'ANALYZE %s'; EXECUTE 'ANALYZE x'; END $b$$t$, {});"""
    unsafe = scan(body.replace("{}", "p")).sites
    assert [(site.nested, site.verdict.value) for site in unsafe] == [
        (False, "unsafe"), (True, "unsafe"), (True, "safe"),
    ]  # fmt: skip
    safe = scan(body.replace("{}", "1")).sites
    assert {site.verdict.value for site in safe} == {"safe"}


def test_other_languages() -> None:
    text = "CREATE FUNCTION f(a text) RETURNS void LANGUAGE plpython3u AS $$\nplpy.execute('ANALYZE ' + {})\n$$;"
    assert scan_text(text.replace("{}", "a")).sites[0].verdict.value == "unsafe"
    assert scan_text(text.replace("{}", "plpy.quote_ident(a)")).sites[0].verdict.value == "safe"


# Metamorphic: what changes nothing in what the body does changes nothing in the verdict -----------------------------

PIECES = st.lists(
    st.sampled_from(["'a.'", "quote_ident(p)", "'.b'", "p", "quote_ident(q)", "', '", "quote_literal(q)"]),
    min_size=1,
    max_size=5,
)


def build(pieces: list[str]) -> str:
    return "'SELECT ' || " + " || ".join(pieces)


@settings(max_examples=60, deadline=None)
@given(PIECES, st.data())
def test_rewriting_changes_nothing(pieces: list[str], data: st.DataObject) -> None:
    plain = verdict(f"EXECUTE {build(pieces)};")
    steps = "".join(f"v := v || {piece};" for piece in pieces)
    ways = {
        "steps": ("v text;", f"v := 'SELECT '; {steps} EXECUTE v;"),
        "branch": ("v text;", f"IF p > q THEN v := {build(pieces)}; ELSE v := {build(pieces)}; END IF; EXECUTE v;"),
        "dead": ("v text; dead text;", f"IF false THEN dead := p; END IF; v := {build(pieces)}; EXECUTE v;"),
        "block": ("v text;", f"BEGIN v := {build(pieces)}; EXCEPTION WHEN OTHERS THEN RETURN; END; EXECUTE v;"),
        "query": ("v text;", f"SELECT {build(pieces)} INTO v; EXECUTE v;"),
        "record": ("r record;", f"SELECT {build(pieces)} AS x INTO r; EXECUTE r.x;"),
        "array": ("a text[];", f"a := ARRAY[{build(pieces)}]; EXECUTE a[1];"),
        "loop": ("v text;", f"FOR v IN SELECT {build(pieces)} LOOP EXECUTE v; END LOOP;"),
    }
    way = data.draw(st.sampled_from(sorted(ways)))
    declare, body = ways[way]
    assert verdicts(body, declare=declare)[-1] == plain


@settings(max_examples=30, deadline=None)
@given(PIECES)
def test_a_helper_changes_nothing(pieces: list[str]) -> None:
    helper = f"CREATE FUNCTION h(p text, q text) RETURNS text LANGUAGE sql AS $$ SELECT {build(pieces)} $$;"
    assert verdict("EXECUTE h(p, q);", before=helper) == verdict(f"EXECUTE {build(pieces)};")


SAFE_BODY = (
    "v := 'SELECT ' || quote_ident(p);",
    "FOR i IN 1..3 LOOP v := v || ', ' || quote_ident(q); END LOOP;",
    "IF length(p) > 3 THEN v := v || ' AS ' || quote_ident(q); END IF;",
    "SELECT v || ' FROM ' || quote_ident(p) INTO v;",
    "v := v || format(' WHERE %I = %L', p, q);",
    "BEGIN v := v || ' LIMIT ' || 1; EXCEPTION WHEN OTHERS THEN NULL; END;",
    "EXECUTE v;",
)


def test_planted_parameter_is_found() -> None:
    """An unquoted parameter at any place of a safe body."""
    assert verdict(" ".join(SAFE_BODY), declare="v text;") == "safe"
    for at in range(1, len(SAFE_BODY)):
        planted = [*SAFE_BODY[:at], "v := v || q;", *SAFE_BODY[at:]]
        assert verdict(" ".join(planted), declare="v text;") == "unsafe", at


def test_renaming_changes_nothing() -> None:
    body = " ".join(SAFE_BODY)
    for name in ("x", "v_sql", '"Odd name"', "i", "p_", "found_it"):
        renamed = body.replace("v ", f"{name} ").replace("v;", f"{name};")
        assert verdict(renamed, declare=f"{name} text;") == "safe", name


def test_no_finding_without_dynamic_sql() -> None:
    assert rules("CREATE FUNCTION f(p text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN p || 'x'; END $$;") == []


@pytest.mark.parametrize(
    "statement",
    [
        "FROBNICATE query_to_xml(p, true, true, '');",
        "UPDATE t SET a = query_to_xml(p, true, true, '')::text RETURNING WITH (OLD AS o) o.*;",
        "x := newer SYNTAX \"query_to_xml\" (p, true, true, '') y;",
        "PERFORM 1 FROM t TABLESAMPLE system (length(query_to_xml(p, true, true, '')::text));",
    ],
)
def test_what_runs_sql_is_seen_wherever_it_stands(statement: str) -> None:
    """Also in SQL that the parser does not know yet."""
    text = f"CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN {statement} END $$;"
    found = scan_text(text)
    assert [(site.kind, site.verdict.value != "safe") for site in found.sites] == [("query_to_xml", True)]


@pytest.mark.parametrize("verb", ["MOVE {} FROM c", "FETCH {} FROM c INTO x"])
def test_a_number_of_rows_that_is_computed(verb: str) -> None:
    """Nothing evaluates it: it is told where a call in it may run SQL."""

    def told(number: str) -> set[str]:
        body = f"DECLARE c refcursor; x text; BEGIN {verb.format(number)}; END"
        text = f"CREATE FUNCTION f(p text) RETURNS void LANGUAGE plpgsql AS $${body}$$;"
        return {finding.rule for finding in scan_text(text).findings}

    assert told("RELATIVE length(query_to_xml(p, true, true, '')::text)") == {"PGX901"}
    assert told("RELATIVE -1") == set()
