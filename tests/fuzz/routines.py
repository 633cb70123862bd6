"""Random PL/pgSQL functions with one dynamic statement: well quoted, the same with one fault, or of any kind.

Every choice is one of `dice` (a random.Random, or hypothesis' own, which makes failures smaller). A function reads the
caller's text from its parameters and from table notes, carries it to an EXECUTE through statements of all kinds
(`Maker.carried`), and puts it into places that want a name, a value, a number or a word.

    p_a, p_b text; p_list text[]; p_j jsonb (key k); p_n integer; p_f boolean
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

PARAMETERS = "p_a text, p_b text, p_list text[], p_j jsonb, p_n integer, p_f boolean"
# What the functions need on a server, beside tests/fixtures/scan/probes/world.sql.
WORLD = "CREATE TABLE notes (note text); INSERT INTO notes VALUES ('id')"
NAME = "fuzzed"


class Role(StrEnum):
    """What a place in a statement wants."""

    TABLE = "table"
    COLUMN = "column"
    COLUMNS = "columns"
    VALUE = "value"
    VALUES = "values"
    NUMBER = "number"
    WORD = "word"


# A constant that fits, as SQL text and as an expression that yields it.
FITTING = {
    Role.TABLE: "people",
    Role.COLUMN: "id",
    Role.COLUMNS: "id, name",
    Role.VALUE: "'x'",
    Role.VALUES: "'x', 'y'",
    Role.NUMBER: "1",
    Role.WORD: "DESC",
}
STATEMENTS = (
    "SELECT {column}::text FROM {table} WHERE name = {value}",
    "SELECT {columns} FROM public.{table} AS t ORDER BY t.{column} {word} LIMIT {number}",
    "SELECT count(*)::text FROM {table} WHERE name IN ({values}) AND id > {number}",
    "SELECT {value}::text || ' and ' || {value}",
    "SELECT 'it''s %' || name FROM people WHERE note LIKE {value} -- all of them\n ORDER BY {column}",
    "SELECT CASE WHEN id = {number} THEN {value} ELSE 'none' END FROM {table} /* some */ WHERE id = $1",
    "UPDATE {table} SET {column} = {value} WHERE id = {number} RETURNING name",
    "INSERT INTO people ({columns}) VALUES ({number}, {value}) RETURNING 'done'",
    "DELETE FROM public.{table} WHERE {column} IN ({values})",
    "CREATE TABLE {table} ({column} text DEFAULT {value}, CHECK ({column} <> 'it''s'))",
    "ALTER TABLE {table} ADD COLUMN {column} varchar({number}) NOT NULL DEFAULT {value}",
    "COMMENT ON TABLE {table} IS {value}",
    "CREATE INDEX ON {table} ({columns})",
    "TRUNCATE {table}, events",
    "SET LOCAL application_name = {value}",
    "WITH q AS (SELECT {column} AS a FROM {table}) SELECT a FROM q WHERE a::text = {value} OFFSET {number}",
)
RAW = ("p_a", "p_b", "p_list[1]", "p_j->>'k'", "p_list[p_n]", "(SELECT n.note FROM notes AS n LIMIT 1)")


def text_literal(text: str) -> str:
    """`text` as a literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Slot:
    """An expression in a statement's text; `specifier` of format() quotes it, `s` where it is ready."""

    expression: str
    specifier: str = "s"


Piece = str | Slot


@dataclass(frozen=True, slots=True)
class Routine:
    """A function: those that it calls, its variables, its statements; `name` its own name."""

    helpers: tuple[str, ...]
    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    name: str = NAME

    @property
    def text(self) -> str:
        """Its SQL."""
        body = "\n".join(("DECLARE", *self.declarations, "BEGIN", *self.statements, "RETURN;", "END"))
        main = f"CREATE FUNCTION {self.name}({PARAMETERS}) RETURNS SETOF text LANGUAGE plpgsql AS $fuzz$\n{body}\n$fuzz$;"
        return "\n".join((*self.helpers, main))


class Maker:
    """Writes one function; `wild` uses also what does not keep a text's quoting."""

    def __init__(self, dice: Random, *, wild: bool = False) -> None:
        """Nothing is written yet."""
        self.dice, self.wild = dice, wild
        self.helpers: list[str] = []
        self.declarations: list[str] = []
        self.statements: list[str] = []

    def variable(self, kind: str = "text", begin: str = "") -> str:
        """A new variable."""
        name = f"v_{len(self.declarations)}"
        self.declarations.append(f"{name} {kind}{begin and ' := '}{begin};")
        return name

    def say(self, statement: str) -> None:
        """Add a statement."""
        self.statements.append(statement)

    def helper(self, create: str) -> str:
        """A function of its own; `create` has NAME for its name."""
        name = f"h_{len(self.helpers)}"
        self.helpers.append(create.replace("NAME", name))
        return name

    # Ways of a text ---------------------------------------------------------------------------------------------------

    def carried(self, value: str, fitting: str) -> str:
        """An expression that yields `value`, or a constant that fits as well, after some statements."""
        for _ in range(self.dice.choice((0, 1, 1, 2, 3))):
            value = self.dice.choice(WAYS if self.wild else EXACT_WAYS)(self, value, text_literal(fitting))
        return value

    def raw(self) -> str:
        """The caller's text."""
        return self.carried(self.dice.choice(RAW), "id")

    # Slots ------------------------------------------------------------------------------------------------------------

    def good(self, role: Role) -> Slot:
        """What fits there, whatever the caller wants."""
        fitting = FITTING[role]
        if self.dice.random() < 0.1:
            return Slot(self.carried(text_literal(fitting), fitting))
        match role:
            case Role.TABLE | Role.COLUMN | Role.VALUE:
                return self._quoted(role)
            case Role.COLUMNS | Role.VALUES:
                expression = self._many("quote_ident" if role is Role.COLUMNS else "quote_literal")
            case Role.NUMBER:
                expression = self.dice.choice(("abs(p_n)", "length(p_a)::text", "p_n * p_n", "'2'", "abs(p_n)::text"))
            case _:
                choices = ("CASE WHEN p_f THEN 'ASC' ELSE 'DESC' END", "CASE p_a WHEN 'up' THEN 'ASC' ELSE 'DESC' END")
                expression = self.dice.choice(choices)
        return Slot(self.carried(expression, fitting))

    def _quoted(self, role: Role) -> Slot:
        if role is Role.VALUE:
            specifier, functions = "L", ("quote_literal({})", "quote_nullable({})", "format('%L', {})")
        else:
            specifier, functions = "I", ("quote_ident({})", "format('%I', {})", "format('%1$I', {}, p_n)")
        if self.dice.random() < 0.4:
            return Slot(self.raw(), specifier)
        return Slot(self.carried(self.dice.choice(functions).format(self.raw()), FITTING[role]))

    def _many(self, quote: str) -> str:
        return self.dice.choice(LISTS)(self, quote)

    def any_slot(self, _: Role) -> Slot:
        """Any text, changed and quoted in any way."""
        value = self.dice.choice(RAW)
        for _ in range(self.dice.choice((0, 1, 2, 2, 3))):
            change = self.dice.choice(CHANGES)
            value = self.carried(change.replace("{}", value), "id")
        if self.dice.random() < 0.2:
            value = guarded(self, value)
        return Slot(value, self.dice.choice("sssIL"))

    # The statement ----------------------------------------------------------------------------------------------------

    def pieces(self, template: str, slot: Callable[[Role], Slot]) -> list[Piece]:
        """The template with its places filled."""
        parts = re.split(r"\{(\w+)\}", template)
        return [slot(Role(part)) if index % 2 else part for index, part in enumerate(parts)]

    def assembled(self, pieces: list[Piece]) -> str:
        """An expression that yields the pieces one after the other."""
        if len(pieces) > 3 and self.dice.random() < 0.3:  # half of it in a variable
            at = self.dice.randint(1, len(pieces) - 1)
            first = self.variable()
            self.say(f"{first} := {self.assembled(pieces[:at])};")
            pieces = [Slot(first), *pieces[at:]]
        return self.dice.choice(ASSEMBLIES)(self, pieces)

    def run(self, statement: str) -> None:
        """Execute it."""
        how = self.dice.choice(RUNS)
        if self.dice.random() < 0.5:
            statement = self.carried(statement, "SELECT 1")
        if "RECORD" in how:
            how = how.replace("RECORD", self.variable("record"))
        if "CURSOR" in how:
            how = how.replace("CURSOR", self.variable("refcursor"))
        self.say(how.replace("STATEMENT", statement))

    def routine(self) -> Routine:
        """What was written."""
        return Routine(tuple(self.helpers), tuple(self.declarations), tuple(self.statements))


RUNS = (
    "EXECUTE STATEMENT;",
    "EXECUTE STATEMENT USING p_n;",
    "EXECUTE (STATEMENT) INTO RECORD USING p_n;",
    "FOR RECORD IN EXECUTE STATEMENT USING p_n LOOP RETURN NEXT 'row'; END LOOP;",
    "OPEN CURSOR FOR EXECUTE STATEMENT USING p_n; FETCH CURSOR INTO RECORD;",
    "RETURN QUERY EXECUTE STATEMENT USING p_n;",
    "BEGIN EXECUTE STATEMENT; EXCEPTION WHEN undefined_column THEN NULL; END;",
    "FOR i IN 1..2 LOOP EXECUTE STATEMENT; END LOOP;",
)

# Ways: (maker, expression, a literal that fits as well) -> expression -------------------------------------------------

Way = Callable[[Maker, str, str], str]


def stored(statement: str, kind: str = "text", result: str = "{v}") -> Way:
    """A way through one variable `{v}`; `{e}` is the text, `{c}` a constant that fits as well."""

    def way(maker: Maker, value: str, fitting: str) -> str:
        name = maker.variable(kind)
        maker.say(statement.replace("{v}", name).replace("{e}", value).replace("{c}", fitting))
        return result.replace("{v}", name).replace("{c}", fitting)

    return way


def inline(expression: str) -> Way:
    """A way inside the expression."""
    return lambda _, value, fitting: expression.replace("{e}", value).replace("{c}", fitting)


def called(create: str, call: str = "{f}({e})") -> Way:
    """A way through a function of its own."""
    return lambda maker, value, fitting: (
        call.replace("{f}", maker.helper(create.replace("{c}", fitting))).replace("{e}", value).replace("{c}", fitting)
    )


def through_procedure(maker: Maker, value: str, _: str) -> str:
    """INOUT of a procedure."""
    body = "CREATE PROCEDURE NAME(x text, INOUT y text) LANGUAGE plpgsql AS $h$ BEGIN y := x; END $h$;"
    target = maker.variable()
    maker.say(f"CALL {maker.helper(body)}({value}, {target});")
    return target


def through_cursor(maker: Maker, value: str, _: str) -> str:
    """FETCH."""
    cursor, target = maker.variable("refcursor"), maker.variable()
    maker.say(f"OPEN {cursor} FOR SELECT {value}; FETCH {cursor} INTO {target}; CLOSE {cursor};")
    return target


def two_variables(maker: Maker, value: str, fitting: str) -> str:
    """It arrives in the second round only."""
    first, second = maker.variable(), maker.variable()
    maker.say(
        f"{first} := {fitting}; {second} := {fitting};\n"
        f"FOR i IN 1..3 LOOP {first} := {second}; {second} := {value}; END LOOP;"
    )
    return first


def shadowed(maker: Maker, value: str, fitting: str) -> str:
    """Variables of one name."""
    target, inner = maker.variable(), maker.variable()
    maker.say(
        f"{inner} := {fitting};\n<<inner_block>>\nDECLARE {inner} text := {value};\n"
        f"BEGIN {target} := inner_block.{inner}; END;"
    )
    return target


def in_handler(maker: Maker, value: str, fitting: str) -> str:
    """What a handler sees of the block that failed."""
    target, seen = maker.variable(), maker.variable()
    maker.say(
        f"{target} := {fitting};\nBEGIN\n  {target} := {value}; PERFORM 1 / 0; {target} := {fitting};\n"
        f"EXCEPTION WHEN division_by_zero THEN {seen} := {target};\nEND;"
    )
    return seen


def in_record_of_loop(maker: Maker, value: str, _: str) -> str:
    """The row of a loop."""
    row, target = maker.variable("record"), maker.variable()
    maker.say(f"FOR {row} IN SELECT 1 AS n, {value} AS x LOOP {target} := {row}.x; END LOOP;")
    return target


EXACT_WAYS: tuple[Way, ...] = (
    stored("{v} := {e};"),
    stored("{v} = {e};"),
    stored("{v} := {e};", "varchar"),
    stored("{v} := {c}; {v} := {e};"),
    stored("SELECT {e} INTO {v};"),
    stored("SELECT INTO {v} {e};"),
    stored("SELECT {e} AS x, 1 AS y INTO {v};", "record", "{v}.x"),
    stored("SELECT 1 AS n, {e} AS x INTO STRICT {v};", "record", "{v}.x"),
    stored("{v} := ARRAY[{e}, {c}];", "text[]", "{v}[1]"),
    stored("{v} := ARRAY[{c}]; {v}[2] := {e};", "text[]", "{v}[2]"),
    stored("{v} := array_append(ARRAY[{c}], {e});", "text[]", "{v}[2]"),
    stored("{v} := ARRAY[{e}] || {c};", "text[]", "{v}[1]"),
    stored("IF p_f THEN {v} := {e}; ELSE {v} := {c}; END IF;"),
    stored("{v} := {c}; IF p_n > 0 THEN {v} := {e}; END IF;"),
    stored("CASE p_n WHEN 1, 2 THEN {v} := {e}; WHEN 3 THEN {v} := {c}; ELSE {v} := {e}; END CASE;"),
    stored("CASE WHEN p_f THEN {v} := {c}; ELSE {v} := {e}; END CASE;"),
    stored("{v} := {c}; LOOP {v} := {e}; EXIT WHEN p_f; EXIT; END LOOP;"),
    stored("{v} := {c}; WHILE p_n < 0 OR {v} = {c} LOOP {v} := {e}; EXIT; END LOOP;"),
    stored("FOREACH {v} IN ARRAY ARRAY[{c}, {e}] LOOP NULL; END LOOP; {v} := coalesce({v}, {e});"),
    stored("FOR {v} IN SELECT {e} LOOP EXIT; END LOOP;"),
    stored("FOR {v} IN VALUES ({e}) LOOP EXIT; END LOOP; {v} := coalesce({v}, {c});"),
    stored("BEGIN {v} := {e}; PERFORM 1 / p_n; EXCEPTION WHEN division_by_zero THEN {v} := {c}; END;"),
    stored("BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN {v} := {e}; END;"),
    stored("BEGIN {v} := {e}; PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN NULL; END;"),
    stored("SELECT u INTO {v} FROM unnest(ARRAY[{e}]) AS u;"),
    stored("SELECT t.a INTO {v} FROM (VALUES ({e})) AS t(a);"),
    stored("WITH q AS (SELECT {e} AS x) SELECT q.x INTO {v} FROM q;"),
    stored("SELECT string_agg(s.y, ', ') INTO {v} FROM (SELECT {e} AS y) AS s;"),
    stored("SELECT max(s.y) INTO {v} FROM (SELECT {e} AS y) AS s;"),
    stored("{v} := (SELECT s.y FROM (SELECT {e} AS y UNION ALL SELECT {c}) AS s LIMIT 1);"),
    stored("{v} := jsonb_build_object('k', {e});", "jsonb", "({v}->>'k')"),
    stored("<<l>> BEGIN {v} := {e}; EXIT l WHEN p_f; {v} := {c}; END l;"),
    inline("({e})"),
    inline("({e})::text"),
    inline("coalesce({e}, {c})"),
    inline("({e} || '')"),
    inline("concat({e})"),
    inline("concat('', {e}, NULL)"),
    inline("format('%s', {e})"),
    inline("format('%2$s', {c}, {e})"),
    inline("CASE WHEN p_f THEN {e} ELSE {c} END"),
    inline("CASE p_n WHEN 0 THEN {c} ELSE {e} END"),
    inline("(SELECT {e})"),
    inline("(ARRAY[{e}])[1]"),
    inline("nullif({e}, 'no')"),
    called("CREATE FUNCTION NAME(x text) RETURNS text LANGUAGE sql AS 'SELECT x';"),
    called("CREATE FUNCTION NAME(text) RETURNS text LANGUAGE sql AS 'SELECT $1';"),
    called("CREATE FUNCTION NAME(x text) RETURNS text LANGUAGE sql RETURN x;"),
    called("CREATE FUNCTION NAME(x text) RETURNS text LANGUAGE plpgsql AS $h$ BEGIN RETURN x; END $h$;"),
    called("CREATE FUNCTION NAME(x text, OUT y text) LANGUAGE plpgsql AS $h$ BEGIN y := $1; END $h$;"),
    called(
        "CREATE FUNCTION NAME(n int, x text DEFAULT {c}) RETURNS text LANGUAGE plpgsql AS $h$ "
        "BEGIN IF n > 1 THEN RETURN {c}; END IF; RETURN x; END $h$;",
        "{f}(x => {e}, n => p_n)",
    ),
    called(
        "CREATE FUNCTION NAME(VARIADIC x text[]) RETURNS text LANGUAGE plpgsql AS $h$ BEGIN RETURN x[1]; END $h$;",
        "{f}({e}, {c})",
    ),
    through_procedure,
    through_cursor,
    two_variables,
    shadowed,
    in_handler,
    in_record_of_loop,
)
# What does not promise to keep the quoting.
OTHER_WAYS: tuple[Way, ...] = (
    stored("{v} := ARRAY[{e}];", "text[]", "array_to_string({v}, ', ')"),
    stored("{v} := ''; FOR i IN 1..1 LOOP {v} := concat({v}, {e}); END LOOP;"),
    stored("{v} := ''; FOR i IN 1..1 LOOP {v} := {v} || {e}; END LOOP;"),
    stored("BEGIN RAISE EXCEPTION '%', {e}; EXCEPTION WHEN OTHERS THEN {v} := SQLERRM; END;"),
    stored(
        "BEGIN RAISE EXCEPTION USING MESSAGE = 'x', DETAIL = {e}; "
        "EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS {v} = PG_EXCEPTION_DETAIL; END;"
    ),
    stored("EXECUTE 'SELECT $1' INTO {v} USING {e};"),
    stored("PERFORM set_config('fuzz.x', {e}, true); {v} := current_setting('fuzz.x');"),
    stored("INSERT INTO notes VALUES ({e}) RETURNING note INTO {v};"),
    stored("UPDATE notes SET note = {e}; SELECT n.note INTO {v} FROM notes AS n LIMIT 1;"),
    stored("CREATE TEMP TABLE IF NOT EXISTS tt AS SELECT {e} AS x; SELECT tt.x INTO {v} FROM tt;"),
    stored("{v} := {e};", "name"),
    stored("{v} := {e};", "varchar(20)"),
    stored("{v} := to_jsonb({e});", "jsonb", "({v} #>> '{}')"),
    stored("SELECT s.note AS name, s.note INTO {v} FROM (SELECT {e} AS note) AS s;", "people", "{v}.note"),
    stored("{v} := ROW(1, {e}, {e}, 'x', p_f);", "people", "{v}.note"),
    stored("{v}.note := {e};", "people", "{v}.note"),
)
WAYS = (*EXACT_WAYS, *OTHER_WAYS)


def in_query(aggregate: str) -> Callable[[Maker, str], str]:
    """A list made by a query."""
    return lambda _, quote: f"(SELECT {aggregate.replace('QUOTE', quote)} FROM unnest(p_list) AS x)"


def in_loop(maker: Maker, quote: str) -> str:
    """A list made in a loop."""
    found, element = maker.variable(), maker.variable()
    append = maker.dice.choice(
        (
            f"{found} := concat_ws(', ', {found}, {quote}({element}));",
            f"IF {found} IS NOT NULL THEN {found} := {found} || ', '; END IF; "
            f"{found} := coalesce({found}, '') || {quote}({element});",
            f"{found} := coalesce({found} || ', ', '') || {quote}({element});",
        )
    )
    maker.say(f"FOREACH {element} IN ARRAY p_list LOOP {append} END LOOP;")
    return found


def in_array(maker: Maker, quote: str) -> str:
    """A list made of an array's elements."""
    found, row = maker.variable("text[]"), maker.variable("record")
    maker.say(
        f"FOR {row} IN SELECT x AS y FROM unnest(p_list) AS x LOOP "
        f"{found} := array_append({found}, {quote}({row}.y)); END LOOP;"
    )
    return f"array_to_string({found}, ', ')"


LISTS: tuple[Callable[[Maker, str], str], ...] = (
    in_query("string_agg(QUOTE(x), ', ')"),
    in_query("string_agg(QUOTE(x), ',' ORDER BY x)"),
    in_query("array_to_string(array_agg(QUOTE(x)), ', ')"),
    lambda _, quote: f"array_to_string(ARRAY(SELECT {quote}(x) FROM unnest(p_list) AS x), ', ')",
    in_loop,
    in_array,
)

# What a text may be made into.
CHANGES = (
    "{}",
    "{}",
    "quote_ident({})",
    "quote_literal({})",
    "quote_nullable({})",
    "format('%I', {})",
    "format('%L', {})",
    "format('%s.%I', {}, p_b)",
    "lower({})",
    "upper({})",
    "initcap({})",
    "btrim({})",
    "btrim({}, '''\"')",
    "ltrim({}, '''')",
    "replace({}, '''', '''''')",
    "replace({}, '''', '')",
    "replace({}, '\"', '\"\"')",
    "replace({}, ' ', '_')",
    "replace({}, '_', ' ')",
    "translate({}, '''\";', '')",
    "translate({}, '_', '''')",
    "regexp_replace({}, '[^a-z_]', '', 'g')",
    "regexp_replace({}, '[^a-z_]', '')",
    "regexp_replace({}, '\\W', '', 'g')",
    "regexp_replace({}, '[^a-z'']', '', 'g')",
    "substr({}, 1, 20)",
    "substr({}, 2)",
    "left({}, -1)",
    "right({}, 5)",
    "reverse({})",
    "split_part({}, ';', 1)",
    "md5({})",
    "length({})::text",
    "repeat({}, 2)",
    "encode(convert_to({}, 'UTF8'), 'hex')",
    "encode(convert_to({}, 'UTF8'), 'escape')",
    "convert_from(convert_to({}, 'UTF8'), 'UTF8')",
    "({})::name::text",
    "({})::varchar(12)",
    "({})::bytea::text",
    "to_json({})::text",
    "to_jsonb({})::text",
    "(to_jsonb({}) #>> '{}')",
    "ARRAY[{}]::text",
    "ROW({})::text",
    "'''' || {} || ''''",
    "'\"' || {} || '\"'",
    "'E''' || replace({}, '''', '''''') || ''''",
    "'$$' || {} || '$$'",
    "{} || '_x'",
    "'x_' || {}",
    "{} || ' AND '",
    "concat({}, '; ')",
    "concat_ws({}, 'id', 'name')",
    "concat_ws(', ', {}, p_b)",
    "concat_ws(', ', quote_ident(p_b), quote_ident({}))",
    "array_to_string(ARRAY[quote_ident(p_b), {}], ', ')",
    "array_to_string(string_to_array({}, '_'), ' ')",
    "(string_to_array({}, ','))[1]",
    "coalesce({}, p_b)",
    "coalesce('a' || NULL, {})",
    "coalesce(quote_literal({}), 'NULL')",
    "nullif({}, 'x')",
    "overlay({} placing 'x' from 2 for 1)",
    "lpad({}, 30, '_')",
    "greatest({}, 'id')",
    "to_char(p_n, {})",
    "format({}, p_b)",
    "format('%' || left({}, 1), p_b)",
    "format('%-10I|', {})",
    "format('%1$s %1$L', {})",
    "format('%*s', p_n, {})",
    "chr(ascii({}))",
    "quote_ident(substr({}, 1, 3)) || '.' || quote_ident({})",
    "xmlelement(name a, {})::text",
    "to_regclass({})::text",
    "(SELECT string_agg(quote_literal(u), {}) FROM unnest(p_list) AS u)",
    "CASE WHEN {} ~ '^[a-z_]+$' THEN {} ELSE 'id' END",
    "CASE WHEN {} ~ '[a-z_]+' THEN {} ELSE 'id' END",
    "CASE WHEN {} IN ('id', 'name') THEN {} ELSE 'id' END",
)
# IF before a text is used; some are good for nothing.
GUARDS = (
    "IF {v} NOT IN ('id', 'name', 'people') THEN RETURN; END IF;",
    "IF {v} <> ALL (ARRAY['id', 'name']) THEN RAISE EXCEPTION 'no'; END IF;",
    "IF NOT {v} = ANY (ARRAY['id', 'name']) THEN RAISE EXCEPTION 'no'; END IF;",
    "IF {v} !~ '^[a-z_]+$' THEN RAISE EXCEPTION 'no'; END IF;",
    "IF {v} !~ '^[a-z_]+' THEN RAISE EXCEPTION 'no'; END IF;",
    "IF {v} !~ '^\\w+$' THEN RETURN; END IF;",
    "IF {v} !~ '^a|b$' THEN RETURN; END IF;",
    "IF {v} ~ '[^a-z]' THEN RETURN; END IF;",
    "IF {v} ~ '['';]' THEN RETURN; END IF;",
    "IF {v} NOT SIMILAR TO '[a-z]+' THEN RETURN; END IF;",
    "IF {v} LIKE '%;%' THEN RETURN; END IF;",
    "IF {v} NOT IN ('id', p_b) THEN RETURN; END IF;",
    "IF {v} NOT IN ('id') AND p_f THEN RETURN; END IF;",
    "IF {v} IS NULL OR {v} NOT IN ('id', 'name') THEN RETURN; END IF;",
    "IF {v} IS NOT NULL AND {v} <> 'id' THEN {v} := 'id'; END IF;",
    "IF {v} <> 'id' THEN RETURN; END IF; IF p_f THEN {v} := p_b; END IF;",
    "IF lower({v}) NOT IN ('id', 'name') THEN RETURN; END IF;",
    "IF {v} NOT IN ('id') THEN BEGIN RAISE EXCEPTION 'x'; EXCEPTION WHEN OTHERS THEN NULL; END; END IF;",
    "IF {v} NOT IN ('id') THEN RAISE NOTICE 'x'; END IF;",
    "IF {v} IN ('id', 'name') THEN NULL; ELSIF p_f THEN RETURN; END IF;",
    "ASSERT {v} IN ('id', 'name');",
    "IF NOT EXISTS (SELECT FROM pg_class WHERE relname = {v}) THEN RETURN; END IF;",
    "WHILE {v} NOT IN ('id', 'name') LOOP {v} := 'id'; END LOOP;",
    "PERFORM {v}::integer;",
    "IF {v}::regclass IS NULL THEN RETURN; END IF;",
    "IF {v} = {v} THEN NULL; ELSE RETURN; END IF;",
)


def guarded(maker: Maker, value: str) -> str:
    """The value in a variable that was looked at."""
    name = maker.variable()
    maker.say(f"{name} := {value};\n{maker.dice.choice(GUARDS).replace('{v}', name)}")
    return name


# Texts from pieces ----------------------------------------------------------------------------------------------------


def ready(piece: Piece) -> str:
    """An expression that yields the piece as it stands in the statement."""
    if isinstance(piece, str):
        return text_literal(piece)
    quote = {"s": "({})", "I": "quote_ident({})", "L": "quote_nullable({})"}[piece.specifier]
    return quote.format(piece.expression)


def concatenated(_: Maker, pieces: list[Piece]) -> str:
    """With ||."""
    return " || ".join(map(ready, pieces))


def formatted(maker: Maker, pieces: list[Piece]) -> str:
    """With format(), by position or by number."""
    arguments = [piece for piece in pieces if isinstance(piece, Slot)]
    numbered = maker.dice.random() < 0.2
    text, number = "", 0
    for piece in pieces:
        if isinstance(piece, str):
            text += piece.replace("%", "%%")
        else:
            number += 1
            text += f"%{f'{number}$' if numbered else ''}{piece.specifier}"
    return f"format({', '.join([text_literal(text), *(argument.expression for argument in arguments)])})"


def one_by_one(maker: Maker, pieces: list[Piece]) -> str:
    """Appended in statements of their own."""
    name = maker.variable("text", "''")
    for piece in pieces:
        append = maker.dice.choice(("{v} := {v} || {e};", "{v} := concat({v}, {e});", "SELECT {v} || {e} INTO {v};"))
        maker.say(append.replace("{v}", name).replace("{e}", ready(piece)))
    return name


def by_concat(_: Maker, pieces: list[Piece]) -> str:
    """With concat()."""
    return f"concat({', '.join(map(ready, pieces))})"


def by_array(_: Maker, pieces: list[Piece]) -> str:
    """With an array."""
    return f"array_to_string(ARRAY[{', '.join(map(ready, pieces))}], '')"


def by_function(maker: Maker, pieces: list[Piece]) -> str:
    """With a function that gets the parts."""
    slots = [piece for piece in pieces if isinstance(piece, Slot)]
    if not slots:
        return concatenated(maker, pieces)
    numbers = iter(range(1, len(slots) + 1))
    inside = [piece if isinstance(piece, str) else Slot(f"${next(numbers)}", piece.specifier) for piece in pieces]
    result = maker.dice.choice((concatenated, formatted))(maker, inside)
    arguments = ", ".join(f"a{number} text" for number in range(len(slots)))
    create = f"CREATE FUNCTION NAME({arguments}) RETURNS text LANGUAGE plpgsql AS $h$ BEGIN RETURN {result}; END $h$;"
    return f"{maker.helper(create)}({', '.join(f'({slot.expression})::text' for slot in slots)})"


ASSEMBLIES = (concatenated, concatenated, formatted, formatted, one_by_one, by_concat, by_array, by_function)

# Whole functions ------------------------------------------------------------------------------------------------------


def well_quoted(dice: Random) -> Routine:
    """A function that is safe by how it is made."""
    maker = Maker(dice)
    maker.run(maker.assembled(maker.pieces(dice.choice(STATEMENTS), maker.good)))
    return maker.routine()


def with_a_fault(dice: Random) -> Routine:
    """A function that is well quoted but for one text of the caller, somewhere in the statement's text."""
    maker = Maker(dice)
    template = dice.choice(STATEMENTS)
    if "{" in template and dice.random() < 0.5:  # in the place of something quoted
        chosen = dice.randrange(template.count("{"))
        numbers = iter(range(template.count("{")))
        pieces = maker.pieces(
            template, lambda role: Slot(maker.raw()) if next(numbers) == chosen else maker.good(role)
        )
    else:
        pieces = maker.pieces(template, maker.good)
        constants = [index for index, piece in enumerate(pieces) if isinstance(piece, str) and piece]
        at = dice.choice(constants)
        text = str(pieces[at])
        cut = dice.randint(0, len(text))
        pieces[at : at + 1] = [text[:cut], Slot(maker.raw()), text[cut:]]
    maker.run(maker.assembled(pieces))
    return maker.routine()


def of_any_kind(dice: Random) -> Routine:
    """A function that quotes now right, now wrong, now not at all."""
    maker = Maker(dice, wild=True)
    template = dice.choice(STATEMENTS)
    for _ in range(dice.choice((0, 0, 1, 2))):  # quotes by hand, names of two parts
        before, after = dice.choice(SURROUNDINGS)
        template = re.sub(r"(\{\w+\})", lambda found: f"{before}{found[1]}{after}", template, count=1)
    maker.run(maker.assembled(maker.pieces(template, lambda r: dice.choice((maker.good, maker.any_slot))(r))))
    return maker.routine()


SURROUNDINGS = (
    ("'", "'"),
    ("'%", "%'"),
    ("E'", "'"),
    ('"', '"'),
    ("$$", "$$"),
    ("$q$ ", " $q$"),
    ("/* ", " */ 1 "),
    ("-- ", "\n 1 "),
    ("U&'", "'"),
    ("x_", ""),
    ("", "_x"),
    ("-", ""),
    ("'{", "}'"),
)

# Changes that do not matter -------------------------------------------------------------------------------------------

UNIMPORTANT = (
    "NULL;",
    "PERFORM 1;",
    "RAISE NOTICE '%', p_a;",
    "v_u := p_a; v_u := v_u || p_b;",
    "IF p_n > 3 THEN NULL; ELSE v_u := p_b; END IF;",
    "FOR i IN 1..2 LOOP CONTINUE WHEN p_f; v_u := v_u || p_a; END LOOP;",
    "BEGIN NULL; EXCEPTION WHEN OTHERS THEN v_u := SQLERRM; END;",
    "DECLARE v_0 text := p_a; BEGIN v_0 := p_b; END;",
    "/* EXECUTE 'x'; */ -- EXECUTE p_a;\n",
    "IF false THEN v_u := p_a; RETURN; END IF;",
    "IF p_a IS NULL THEN RETURN; END IF;",
)
WRAPPINGS = (
    "BEGIN\n{}\nEND;",
    "<<wrapping>> DECLARE v_w text := p_a; BEGIN\n{}\nEND wrapping;",
    "LOOP\n{}\nEXIT; END LOOP;",
    "BEGIN\n{}\nEXCEPTION WHEN OTHERS THEN RAISE; END;",
    "IF p_f THEN RAISE NOTICE 'x'; ELSE NULL; END IF;\n{}",
)


def interrupted(dice: Random, routine: Routine) -> Routine:
    """With statements between its own that change nothing of interest."""
    statements = list(routine.statements)
    for _ in range(dice.randint(1, 3)):
        statements.insert(dice.randint(0, len(statements)), dice.choice(UNIMPORTANT))
    return replace(routine, declarations=(*routine.declarations, "v_u text;"), statements=tuple(statements))


def wrapped(dice: Random, routine: Routine) -> Routine:
    """With some of its statements in a block."""
    first = dice.randrange(len(routine.statements))
    last = dice.randint(first + 1, len(routine.statements))
    inside = dice.choice(WRAPPINGS).format("\n".join(routine.statements[first:last]))
    return replace(routine, statements=(*routine.statements[:first], inside, *routine.statements[last:]))


def renamed(dice: Random, routine: Routine) -> Routine:
    """With other names for its variables and helpers."""
    variable, helper = dice.choice((("x{}", "aid{}"), ('"V {}"', 'public."Ä{}"'), ("execute_{}", "quote_literal_{}")))

    def change(text: str) -> str:
        text = re.sub(r"\bv_(\w+)", lambda found: variable.format(found[1]), text)
        return re.sub(r"\bh_(\d+)", lambda found: helper.format(found[1]), text)

    return Routine(*(tuple(map(change, part)) for part in (routine.helpers, routine.declarations, routine.statements)))


def respaced(dice: Random, routine: Routine) -> Routine:
    """With other line ends, or comments behind the semicolons."""
    old, new = dice.choice((("\n", "\r\n"), (";\n", "; -- it's $1\n"), (";\n", ";/* \" */\n"), ("\n", "\n\n\t")))
    return replace(routine, statements=tuple(statement.replace(old, new) for statement in routine.statements))


HARMLESS = (interrupted, wrapped, renamed, respaced)
