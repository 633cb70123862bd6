"""Whose names a routine runs: each finding is exploited on a server, and no exploit is left of what has none."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import SourceText
from pggit_excellence.scan.judge.trust import BUILDING, QUOTING, path_schemas, trust
from pggit_excellence.scan.model import Confidence, Finding, Severity, Site, Verdict
from pggit_excellence.scan.values.abstract import Place
from pggit_excellence.server import Server

ATTACKER = "scan_attacker"


def findings_of(*texts: str, verdict: Verdict = Verdict.SAFE) -> list[Finding]:
    """What is found, with a site of that verdict for each EXECUTE in a body."""
    program = build([SourceText(f"{index}.sql", text) for index, text in enumerate(texts)])
    assert program.not_understood == []
    sites = [
        Site(
            Place(routine.file, routine.map(at.start()), routine.map(at.end() - 1) + 1),
            routine.label,
            "execute",
            verdict,
        )
        for routine in program.routines
        for at in re.finditer(r"\bEXECUTE\b", routine.body)
    ]
    return trust(program, sites)


def rules_of(*texts: str) -> list[str]:
    return [finding.rule for finding in findings_of(*texts)]


def mended(text: str, finding: Finding) -> str:
    assert finding.fix is not None
    for edit in sorted(finding.fix.edits, key=lambda edit: -edit.place.start):
        text = text[: edit.place.start] + edit.text + text[edit.place.end :]
    return text


@dataclass
class Arena:
    """A database with an owner's things, and somebody who may log in, make schemas and temporary tables.

    Only the owner may use the sequence `pwned`, and what was taken from it is not rolled back.
    """

    server: Server
    database: str

    def owner(self, *statements: str) -> None:
        """Run statements as the superuser who owns everything here."""
        with self.server.connect(self.database) as connection:
            for statement in statements:
                connection.execute(statement)

    def attack(self, *statements: str, user: str = ATTACKER) -> bool:
        """Whether the statements, run until one fails, made the owner take a number from `pwned`."""
        self.owner("SELECT setval('public.pwned', 1, false)")
        with self.server.connect(self.database, user) as connection, contextlib.suppress(psycopg.Error):
            for statement in statements:
                connection.execute(statement)
        with self.server.connect(self.database) as connection:
            row = connection.execute("SELECT is_called FROM public.pwned").fetchone()
            assert row is not None
            return bool(row[0])


@pytest.fixture
def arena(server: Server, make_database: Callable[[str], str]) -> Iterator[Arena]:
    made = Arena(server, make_database("empty"))
    made.owner(
        f"CREATE ROLE {ATTACKER} LOGIN",
        f"GRANT CREATE, TEMPORARY ON DATABASE {made.database} TO {ATTACKER}",
        "GRANT ALL ON SCHEMA public TO PUBLIC",
        "CREATE SEQUENCE public.pwned",
        "CREATE SCHEMA app",
        "GRANT USAGE ON SCHEMA app TO PUBLIC",
        "CREATE TABLE app.conf (command text)",
        "INSERT INTO app.conf VALUES ('SELECT 1')",
    )
    yield made
    made.owner(f"DROP OWNED BY {ATTACKER} CASCADE", f"DROP ROLE {ATTACKER}")


def trap(name: str, arguments: str, returns: str = "pg_catalog.text", result: str = "'SELECT 1'") -> str:
    """A function of the attacker's that takes a number from `pwned` where the owner runs it."""
    return f"""CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE plpgsql AS $$
        BEGIN
            IF current_user = 'postgres' THEN PERFORM nextval('public.pwned'); END IF;
            RETURN {result};
        END $$"""


CALLERS_PATH = [
    "CREATE SCHEMA evil",
    "SET search_path = evil, pg_catalog",
    trap("evil.quote_literal", "pg_catalog.text"),
]
BETTER_MATCH = [trap("public.format", "pg_catalog.text, pg_catalog.text")]
IN_APP = [trap("app.format", "pg_catalog.text, pg_catalog.text")]
OWNERS_SCHEMA = ["CREATE SCHEMA postgres", trap("postgres.format", "pg_catalog.text, pg_catalog.text")]
TEMPORARY_TYPE = [
    "CREATE TEMPORARY TABLE any_table ()",
    trap("pg_temp.check", "pg_catalog.text", "pg_catalog.bool", "true"),
    "CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.check(value))",
]
TEMPORARY_TABLE = [
    "CREATE TEMPORARY TABLE conf (command pg_catalog.text)",
    "INSERT INTO pg_temp.conf VALUES ($$SELECT nextval('public.pwned')$$)",
]
ATTACKS = [CALLERS_PATH, BETTER_MATCH, IN_APP, OWNERS_SCHEMA, TEMPORARY_TYPE, TEMPORARY_TABLE]

QUOTES = "BEGIN EXECUTE 'SELECT ' || quote_literal(p) || format('%I', 'x'); RETURN ''; END"
DECLARES = "DECLARE v text := 'a'; BEGIN EXECUTE 'SELECT 1'; RETURN v; END"
READS = "BEGIN EXECUTE (SELECT command FROM conf); RETURN ''; END"
FORMATS = "BEGIN EXECUTE format('SELECT %L', 'x'); RETURN ''; END"


def definer(options: str, body: str) -> str:
    return f"CREATE FUNCTION app.f(p text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER {options} AS $$ {body} $$;\n"


UNSAFE = [
    ("PGX201", "", QUOTES, CALLERS_PATH),
    ("PGX202", "SET search_path = pg_catalog, public, pg_temp", FORMATS, BETTER_MATCH),
    ("PGX202", "SET search_path TO 'public', 'pg_temp'", FORMATS, BETTER_MATCH),
    ("PGX202", 'SET search_path = "$user", pg_temp', FORMATS, OWNERS_SCHEMA),
    ("PGX202", "SET search_path = ''", DECLARES, TEMPORARY_TYPE),
    ("PGX202", "SET search_path = pg_catalog", DECLARES, TEMPORARY_TYPE),
    ("PGX202", "SET search_path = 'pg_catalog, pg_temp'", DECLARES, TEMPORARY_TYPE),
    ("PGX202", "SET search_path = app", READS, TEMPORARY_TABLE),
    ("PGX202", "SET search_path = pg_temp, app", READS, TEMPORARY_TABLE),
]


@pytest.mark.parametrize(("rule", "options", "body", "attack"), UNSAFE, ids=[f"{u[0]} {u[1]}" for u in UNSAFE])
def test_a_path_that_is_found_can_be_exploited_and_its_fix_ends_that(
    arena: Arena, rule: str, options: str, body: str, attack: list[str]
) -> None:
    text = definer(options, body)
    found = next(finding for finding in findings_of(text) if finding.rule == rule)
    call = "SELECT app.f('x')"
    arena.owner(text)
    arena.owner("SELECT app.f('x')")  # honest use
    assert arena.attack(*attack, call)
    if found.fix is None:
        return
    mended_text = mended(text, found)
    assert rule not in rules_of(mended_text)
    arena.owner("DROP FUNCTION app.f", mended_text)
    arena.attack(*attack)  # what was there already may fail: it is still there
    assert not arena.attack(*[statement for statement in attack if not statement.startswith("CREATE")], call)


def test_certain_fixes_are_only_those_that_change_nothing_else() -> None:
    certain = {}
    for _, options, body, _ in UNSAFE:
        found = next(finding for finding in findings_of(definer(options, body)) if finding.rule in {"PGX201", "PGX202"})
        certain[options] = None if found.fix is None else found.fix.certain
    assert certain == {
        "": False,
        "SET search_path = pg_catalog, public, pg_temp": None,
        "SET search_path TO 'public', 'pg_temp'": None,
        'SET search_path = "$user", pg_temp': None,
        "SET search_path = ''": True,
        "SET search_path = pg_catalog": True,
        "SET search_path = 'pg_catalog, pg_temp'": None,
        "SET search_path = app": True,
        "SET search_path = pg_temp, app": False,
    }
    temporary = definer("SET search_path = app", "BEGIN CREATE TEMP TABLE conf (a int); EXECUTE 'x'; END")
    assert [finding.fix and finding.fix.certain for finding in findings_of(temporary) if finding.rule == "PGX202"] == [
        False
    ]


SAFE = [
    (path, body)
    for path in ["pg_catalog, pg_temp", "pg_temp", "app, pg_temp", "pg_catalog, app, pg_temp"]
    for body in [QUOTES, DECLARES, FORMATS, *([READS] if "app" in path else [])]
]


@pytest.mark.parametrize(("path", "body"), SAFE)
def test_a_path_without_finding_withstands_every_attack(arena: Arena, path: str, body: str) -> None:
    text = definer(f"SET search_path = {path}", body)
    assert rules_of(text) == ["PGX204"]
    arena.owner(text, "SELECT app.f('x')")
    for attack in ATTACKS:
        assert not arena.attack(*attack, "SELECT app.f('x')")


def test_a_schema_in_which_others_may_create(arena: Arena) -> None:
    text = definer("SET search_path = pg_catalog, app, pg_temp", FORMATS)
    grant = "GRANT CREATE ON SCHEMA app TO PUBLIC;\n"
    assert rules_of(text) == ["PGX204"]
    found = findings_of(text, grant)
    assert [finding.rule for finding in found] == ["PGX202", "PGX110", "PGX204"]
    assert (found[0].severity, "everybody" in found[0].message) == (Severity.ERROR, True)
    arena.owner(text)
    assert not arena.attack(*IN_APP, "SELECT app.f('x')")
    arena.owner(grant)
    assert arena.attack(*IN_APP, "SELECT app.f('x')")
    arena.owner("DROP FUNCTION app.f", mended(text, found[1]))  # call pg_catalog's format
    assert not arena.attack("SELECT app.f('x')")
    other = findings_of(text, "GRANT CREATE ON SCHEMA app TO bob;")
    assert (other[0].rule, other[0].severity) == ("PGX202", Severity.WARNING)


def test_public_is_trusted_where_it_is_known_that_nobody_may_create_there() -> None:
    text = definer("SET search_path = pg_catalog, public, pg_temp", FORMATS)
    assert "PGX202" in rules_of(text)
    assert "PGX202" not in rules_of(text, "REVOKE CREATE ON SCHEMA public FROM PUBLIC;")
    assert "PGX202" in rules_of(text, "REVOKE CREATE ON SCHEMA public FROM bob;")


# --- Event triggers


def event_trigger(options: str, format_name: str = "format") -> str:
    body = f"BEGIN EXECUTE {format_name}('SELECT %L', 'x'); END"
    return f"CREATE FUNCTION app.ev() RETURNS event_trigger LANGUAGE plpgsql {options} AS $$ {body} $$;\n"


def test_an_event_trigger_runs_with_the_path_of_whoever_runs_the_ddl(arena: Arena) -> None:
    text = event_trigger("")
    found = findings_of(text)
    assert [finding.rule for finding in found] == ["PGX203", "PGX110"]
    arena.owner(text, "CREATE EVENT TRIGGER ev ON ddl_command_end EXECUTE FUNCTION app.ev()")
    assert not arena.attack(*BETTER_MATCH)
    ddl = "CREATE TABLE app.innocent (a int)"
    assert arena.attack(ddl, user="postgres")
    for cure in (mended(text, found[1]), event_trigger("SET search_path = pg_catalog, pg_temp")):
        arena.owner(cure.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"), "DROP TABLE IF EXISTS app.innocent")
        assert not arena.attack(ddl, user="postgres")
        arena.owner("DROP TABLE app.innocent")


def test_event_triggers_without_trouble() -> None:
    assert rules_of(event_trigger("SET search_path = pg_catalog")) == []  # its temporary tables are the caller's own
    assert rules_of(event_trigger('SET search_path = pg_catalog, "$user"')) == []
    assert rules_of(event_trigger("SET search_path = pg_catalog, public")) == ["PGX203", "PGX110"]
    assert rules_of(event_trigger("", "pg_catalog.format")) == ["PGX203"]
    assert rules_of(event_trigger("SECURITY DEFINER")) == ["PGX201", "PGX110"]
    by_trigger = "CREATE FUNCTION f() RETURNS s.ev LANGUAGE plpgsql AS $$ BEGIN END $$;"
    assert rules_of(by_trigger) == []
    assert rules_of(by_trigger, "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION public.f();") == ["PGX203"]


# --- Quoting that others can put in place


SHADOWS = {
    "format": ("pg_catalog.text, pg_catalog.text", "format('%I', p)"),
    "quote_ident": ("pg_catalog.name", "quote_ident(p::name)"),
    "quote_literal": ("pg_catalog.int4", "quote_literal(5)"),
    "quote_nullable": ("pg_catalog.name", "quote_nullable(p::name)"),
    "concat": ("pg_catalog.text, pg_catalog.text", "concat('a', p)"),
    "concat_ws": ("pg_catalog.text, pg_catalog.text, pg_catalog.text", "concat_ws(',', p, p)"),
    "replace": ("pg_catalog.varchar, pg_catalog.varchar, pg_catalog.varchar", "replace(p::varchar, 'a', 'b')"),
    "array_to_string": ("pg_catalog.text[], pg_catalog.text", "array_to_string(ARRAY[p], ',')"),
    "string_agg": ("pg_catalog.varchar, pg_catalog.text", "string_agg(p::varchar, ',')"),
}


@pytest.mark.parametrize("name", sorted(SHADOWS))
def test_each_function_that_is_named_can_be_shadowed_even_behind_pg_catalog(arena: Arena, name: str) -> None:
    arguments, call = SHADOWS[name]
    body = f"BEGIN EXECUTE 'SELECT 1' USING {call}, format('%s', 1); RETURN ''; END"
    text = definer("SET search_path = pg_catalog, public, pg_temp", body)
    found = next(finding for finding in findings_of(text) if finding.rule == "PGX110")
    assert f"{name}()" in found.message
    trapped = trap(f"public.{name}", arguments)
    if name == "string_agg":
        step = trap("public.step", f"pg_catalog.text, {arguments}")
        trapped = f"{step}; CREATE AGGREGATE public.string_agg({arguments}) (sfunc = public.step, stype = text)"
    arena.owner(text)
    assert arena.attack(trapped, "SELECT app.f('x')")
    arena.owner("DROP FUNCTION app.f", mended(text, found))
    assert not arena.attack("SELECT app.f('x')")


def test_the_names_are_those_that_were_tried() -> None:
    assert set(SHADOWS) == QUOTING | BUILDING


def test_shadowed_quoting_is_where_it_matters() -> None:
    assert rules_of(definer("", FORMATS)) == ["PGX201", "PGX110", "PGX204"]
    assert rules_of(definer("", FORMATS.replace("format", "pg_catalog.format"))) == ["PGX201", "PGX204"]
    assert rules_of(definer("", "BEGIN RETURN format('%s', p); END")) == ["PGX201"]  # no dynamic SQL
    assert rules_of(definer("", FORMATS).replace("SECURITY DEFINER", "")) == []
    assert rules_of(definer("", "BEGIN EXECUTE 'x'; RETURN concat(p, 'y'); END")) == ["PGX201", "PGX204"]
    own = "CREATE FUNCTION app.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$;"
    with_own = [finding for finding in findings_of(definer("", FORMATS), own) if finding.rule == "PGX110"]
    assert [finding.fix and finding.fix.certain for finding in with_own] == [False]


# --- Who may run it


def test_everybody_may_run_what_is_not_revoked(arena: Arena) -> None:
    text = definer("SET search_path = pg_catalog, pg_temp", "BEGIN EXECUTE 'SELECT ' || p; RETURN ''; END")
    found = findings_of(text, verdict=Verdict.UNSAFE)
    assert [(finding.rule, finding.severity) for finding in found] == [("PGX204", Severity.ERROR)]
    assert [finding.severity for finding in findings_of(text)] == [Severity.HINT]
    injection = "SELECT app.f('nextval(''public.pwned'')')"
    arena.owner(text)
    assert arena.attack(injection)
    arena.owner("DROP FUNCTION app.f", mended(text, found[0]))
    assert not arena.attack(injection)
    assert rules_of(mended(text, found[0])) == []


def test_what_is_granted_to_public_later_has_no_fix_at_the_function() -> None:
    """A REVOKE behind the function would be undone by the GRANT."""
    text = definer("SET search_path = pg_catalog, pg_temp", "BEGIN EXECUTE 'SELECT ' || p; RETURN ''; END")
    grant = "GRANT EXECUTE ON FUNCTION app.f(text) TO PUBLIC;"
    (found,) = findings_of(text, grant)
    assert (found.rule, found.fix) == ("PGX204", None)
    assert "by a GRANT to PUBLIC" in found.message
    (found,) = findings_of(text, "GRANT EXECUTE ON FUNCTION app.f(text) TO somebody;")
    assert found.fix is not None


def test_a_trigger_function_is_run_by_whoever_makes_a_table(arena: Arena) -> None:
    text = """CREATE FUNCTION app.tr() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS $$ BEGIN EXECUTE 'SELECT ' || TG_ARGV[0]; RETURN NEW; END $$;\n"""
    assert rules_of(text) == ["PGX204"]
    arena.owner(text)
    attack = [
        "CREATE TEMPORARY TABLE mine (a pg_catalog.int4)",
        "CREATE TRIGGER t BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION app.tr('nextval(''public.pwned'')')",
        "INSERT INTO mine VALUES (1)",
    ]
    assert arena.attack(*attack)
    arena.owner("REVOKE ALL ON FUNCTION app.tr FROM PUBLIC")
    assert not arena.attack(*attack)
    assert rules_of(text, "REVOKE ALL ON FUNCTION app.tr FROM PUBLIC;") == []


def test_a_body_bound_at_creation_needs_no_path(arena: Arena) -> None:
    text = """CREATE FUNCTION app.f(p text) RETURNS text LANGUAGE sql SECURITY DEFINER
        BEGIN ATOMIC SELECT quote_literal(p) || format('%I', p); END;\n"""
    assert rules_of(text) == []
    arena.owner(text)
    for attack in ATTACKS:
        assert not arena.attack(*attack, "SELECT app.f('x')")


# --- Places and spellings


def test_places_are_what_the_finding_speaks_of() -> None:
    text = "-- SECURITY DEFINER\n" + definer("SET search_path = app, \"B c\", 'd'", QUOTES)
    texts = {finding.rule: text[finding.place.start : finding.place.end] for finding in findings_of(text)}
    assert texts == {
        "PGX202": "SET search_path = app, \"B c\", 'd'",
        "PGX110": "quote_literal",
        "PGX204": "SECURITY DEFINER",
    }
    altered = definer("", QUOTES), "ALTER FUNCTION app.f(text) SET search_path = app;"
    found = findings_of(*altered)[0]
    assert (found.rule, altered[0][found.place.start : found.place.end]) == ("PGX202", "CREATE FUNCTION app.f")
    assert found.fix is None
    assert rules_of(altered[0], "ALTER FUNCTION app.f(text) SET search_path = app, pg_temp;") == ["PGX204"]
    unknown = findings_of(definer("SET search_path FROM CURRENT", QUOTES))[0]
    assert (unknown.rule, unknown.severity, unknown.confidence) == ("PGX202", Severity.HINT, Confidence.LOW)


@pytest.mark.parametrize(
    ("written", "schemas"),
    [
        ("a, b", ["a", "b"]),
        ("'a, b'", ["a, b"]),
        ("''", []),
        ('A, "B""c", \'D\'', ["a", 'B"c', "D"]),
        ("'pg_catalog', '$user'", ["pg_catalog", "$user"]),
    ],
)
def test_paths_are_read_as_the_server_reads_them(arena: Arena, written: str, schemas: list[str]) -> None:
    assert path_schemas(written) == schemas
    arena.owner(f"CREATE FUNCTION app.p() RETURNS void LANGUAGE sql SET search_path = {written} AS ''")
    with arena.server.connect(arena.database) as connection:
        row = connection.execute("SELECT proconfig[1] FROM pg_proc WHERE proname = 'p' AND pronargs = 0").fetchone()
    assert row is not None
    stored = row[0].removeprefix("search_path=")
    assert [
        part.strip('"').replace('""', '"') for part in re.findall(r'"(?:[^"]|"")*"|[^,\s]+', stored) if part != '""'
    ] == schemas
