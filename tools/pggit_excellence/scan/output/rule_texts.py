"""What the user is told about each rule: `--explain` and docs/rules are made from this."""

from __future__ import annotations

from pggit_excellence.scan.frozen import dataclass
from pggit_excellence.scan.output.rules import RULES, Rule


@dataclass(frozen=True, slots=True)
class RuleText:
    """Markdown; `bad` and `good` are SQL scripts: a test scans them and finds the rule in `bad`, nothing in `good`."""

    what: str
    why: str
    bad: str
    good: str
    fix: str
    ignore: str


TEXTS: dict[str, RuleText] = {
    "PGX101": RuleText(
        what="""
Text that the program does not control (a parameter, a column, a name from the catalogs, a setting, an error message)
becomes part of a dynamic statement without quoting: by `||`, by `%s`, or by any way that the analysis could not prove
to quote it. With low confidence: text of a function that was not scanned, so nobody knows what it returns.
""",
        why="""
Whoever chooses that text chooses the statement. A table named `x; DROP TABLE users; --` is enough where it comes from
the catalogs. The statement runs with the privileges of the function's caller, or of its owner with SECURITY DEFINER.
""",
        bad="""
CREATE FUNCTION drop_branch(p_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'DROP TABLE branches.' || p_name;
END $$;
""",
        good="""
CREATE FUNCTION drop_branch(p_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TABLE branches.%I', p_name);
END $$;
""",
        fix="""
`%I` or `quote_ident()` for a name, `USING` or `%L` for a value, a parameter of type `regclass` for a table that may be
written with its schema. For keywords (`ASC`, `DESC`) compare with a list of constants first.
""",
        ignore="""
Where the text is checked in a way that the analysis does not know, for example by a function in another language.
Say in the suppression where; better: declare that function in the configuration (`returns-identifier`).
""",
    ),
    "PGX102": RuleText(
        what="""
A whole statement or query comes from the caller: `EXECUTE p_sql`, `EXPLAIN %s`, `CREATE VIEW v AS %s`; or the body of a
function, or the command of `COPY ... PROGRAM %L`. No quoting can make it safe; it is what the function is for. Its site
has the verdict `by_design`.
""",
        why="""
The function is as dangerous as the roles that may call it are trusted. With SECURITY DEFINER it hands the owner's
privileges to every caller.
""",
        bad="""
CREATE FUNCTION run(p_sql text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE p_sql;
END $$;
""",
        good="""
CREATE FUNCTION refresh(p_view regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('REFRESH MATERIALIZED VIEW %s', p_view);
END $$;
""",
        fix="""
Take what varies as parameters and build the statement inside. Where the function must run anything: SECURITY INVOKER,
and `REVOKE EXECUTE ... FROM PUBLIC`.
""",
        ignore="""
Where running the caller's statement is the purpose (a migration runner) and the function is SECURITY INVOKER or
executable by administrators only.
""",
    ),
    "PGX103": RuleText(
        what="""
A whole statement comes from a table: a job queue, a log of migrations, saved view definitions. It is an error where the
scanned GRANTs, or the live catalog, let roles other than the owner write that table.
""",
        why="""
Whoever may write the table chooses what the next caller runs, with that caller's privileges. A table that PUBLIC can
insert into, and whose statements a superuser runs, makes everybody a superuser.
""",
        bad="""
CREATE TABLE jobs (id bigint PRIMARY KEY, command text NOT NULL);
GRANT INSERT ON jobs TO PUBLIC;

CREATE FUNCTION run_job(p_id bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_command text;
BEGIN
    SELECT j.command INTO v_command FROM jobs AS j WHERE j.id = p_id;
    EXECUTE v_command;
END $$;
""",
        good="""
CREATE TABLE jobs (id bigint PRIMARY KEY, target regclass NOT NULL);

CREATE FUNCTION run_job(p_id bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_target regclass;
BEGIN
    SELECT j.target INTO v_target FROM jobs AS j WHERE j.id = p_id;
    EXECUTE format('ANALYZE %s', v_target);
END $$;
""",
        fix="""
Store what varies (kind, table, value) and build the statement from it. Otherwise let only its owner write the table,
and run the function as that owner.
""",
        ignore="""
Where only the role that runs the statements may write the table, by GRANTs that are not among the scanned files.
""",
    ),
    "PGX104": RuleText(
        what="""
The text is quoted, but for another place than the one where it stands: `%I` where a value belongs, `%L` where a name
belongs, either of them inside `'...'`, `"..."` or `$$...$$`.
""",
        why="""
Quoting protects only where PostgreSQL expects that kind of quotes. Inside a string `%I` can close it; in the place of a
value `%I` names a column, so the caller compares what he likes; `%L` in the place of a name is an error at best.
""",
        bad="""
CREATE FUNCTION add_notice(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COMMENT ON TABLE %I IS ''archived from %I''', p_table, p_table);
END $$;
""",
        good="""
CREATE FUNCTION add_notice(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COMMENT ON TABLE %I IS %L', p_table, 'archived from ' || p_table);
END $$;
""",
        fix="""
`%I` for names, `%L` or `USING` for values. Build a string first and quote it as a whole with `%L`; the same for the
body of a generated function.
""",
        ignore="""
Where a column of the caller's choice is what is wanted in the place of a value.
""",
    ),
    "PGX105": RuleText(
        what="""
What is already quoted is quoted once more: `format('%I', quote_ident(x))`, `%L` of `quote_literal(x)`, `%I` of a
`regclass`, which PostgreSQL prints quoted.
""",
        why="""
It is safe and wrong: the quotes become part of the name or value, and `public.orders` becomes `"public.orders"`, which
does not exist. It works for simple names, until the first one that needs quotes.
""",
        bad="""
CREATE FUNCTION vacuum_one(p_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ANALYZE %I', p_table);
END $$;
""",
        good="""
CREATE FUNCTION vacuum_one(p_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ANALYZE %s', p_table);
END $$;
""",
        fix="Quote once. `regclass`, `regtype` and their kin are spliced with `%s`.",
        ignore="Where a text that shows a quoted name is wanted, as in a generator of SQL that generates SQL.",
    ),
    "PGX106": RuleText(
        what="A quoted identifier stands next to other letters: `route_%I_old`, `%I_seq`.",
        why="""
For a name that needs quotes the result is `route_"My Table"_old`: two or three words where one name was meant. Such a
name changes what the statement does, or makes it fail.
""",
        bad="""
CREATE FUNCTION archive(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE old_%I (id int)', p_table);
END $$;
""",
        good="""
CREATE FUNCTION archive(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (id int)', 'old_' || p_table);
END $$;
""",
        fix="Put the name together first and quote it as a whole: `format('%I', 'route_' || x || '_old')`.",
        ignore="Where the spliced name is known to need no quotes, which a guard can prove instead.",
    ),
    "PGX107": RuleText(
        what="""
`format()` cannot succeed: too few arguments, an unknown specifier such as `%d`, a single `%` at the end, NULL for `%I`.
""",
        why="""
It raises an error each time that line is reached. Often that is a branch that no test has seen, such as the one that
reports errors.
""",
        bad="""
CREATE FUNCTION count_rows(p_schema text, p_table text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I.%I', p_table) INTO v_count;
    RETURN v_count;
END $$;
""",
        good="""
CREATE FUNCTION count_rows(p_schema text, p_table text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %I.%I', p_schema, p_table) INTO v_count;
    RETURN v_count;
END $$;
""",
        fix="One argument for each specifier, `%s` for numbers, `%%` for a percent sign.",
        ignore="Never: it fails.",
    ),
    "PGX108": RuleText(
        what="""
Whatever stands in its holes, PostgreSQL's parser refuses the statement: a missing blank between two parts, a bracket
that is not closed, a keyword with a typing error.
""",
        why="The EXECUTE raises a syntax error each time. PL/pgSQL finds out only when the line is reached.",
        bad="""
CREATE FUNCTION purge(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FORM %I', p_table);
END $$;
""",
        good="""
CREATE FUNCTION purge(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM %I', p_table);
END $$;
""",
        fix="Mend the syntax. The message repeats what the parser of PostgreSQL 17 said.",
        ignore="Where the statement is in the syntax of a newer PostgreSQL or of another product.",
    ),
    "PGX109": RuleText(
        what="""
Unquoted text stands between quotes that the programmer wrote: `'... = ''' || x || ''''`, `''%s''`, `"%s"`, also where
`replace(x, '''', '''''')` doubled the quotes by hand.
""",
        why="""
A quote in the text closes the string. Doubling quotes is not enough: with `standard_conforming_strings = off`, which
every user may set, a backslash before the quote undoes it.
""",
        bad="""
CREATE FUNCTION find_user(p_name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT email FROM users WHERE name = ''' || p_name || '''';
END $$;
""",
        good="""
CREATE FUNCTION find_user(p_name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT email FROM users WHERE name = $1' USING p_name;
END $$;
""",
        fix="Remove the quotes and use `USING`, `%L` or `quote_literal()`; for names `%I`.",
        ignore="Never, if the text can come from anybody else.",
    ),
    "PGX110": RuleText(
        what="""
A SECURITY DEFINER or event trigger function without a pinned search_path quotes by an unqualified `format()`,
`quote_ident()` or their like, which a caller's own function of a better fitting signature can replace.
""",
        why="""
PostgreSQL looks for functions in the caller's search_path. Somebody who may create functions in one of its schemas
offers a `format(text, name)` of his own, which does not quote, or which does whatever he likes as the function's owner.
""",
        bad="""
CREATE FUNCTION drop_one(p_table name) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    EXECUTE format('DROP TABLE app.%I', p_table);
END $$;
REVOKE EXECUTE ON FUNCTION drop_one(name) FROM PUBLIC;
""",
        good="""
CREATE FUNCTION drop_one(p_table name) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE app.%I', p_table);
END $$;
REVOKE EXECUTE ON FUNCTION drop_one(name) FROM PUBLIC;
""",
        fix="`SET search_path = pg_catalog, pg_temp` at the function and qualified names; or `pg_catalog.format()`.",
        ignore="Where nobody but the owner may create objects in any schema of any caller's search_path.",
    ),
    "PGX111": RuleText(
        what="""
Unquoted text reaches a function that runs its argument as SQL: `query_to_xml()` and kin, `dblink()`, `cron.schedule()`,
`plpy.execute()`, `\\gexec`, or one that the configuration names under `sinks`.
""",
        why="It is an EXECUTE by another name, often on another server or as another role.",
        bad="""
CREATE FUNCTION export(p_table text) RETURNS xml LANGUAGE plpgsql AS $$
BEGIN
    RETURN query_to_xml('SELECT * FROM ' || p_table, true, false, '');
END $$;
""",
        good="""
CREATE FUNCTION export(p_table text) RETURNS xml LANGUAGE plpgsql AS $$
BEGIN
    RETURN query_to_xml(format('SELECT * FROM %I', p_table), true, false, '');
END $$;
""",
        fix="Quote as for EXECUTE: `%I`, `%L`; in PL/Python `plpy.quote_ident()`, the arguments of a plan.",
        ignore="As for PGX101.",
    ),
    "PGX112": RuleText(
        what="A value is spliced into the statement by `%L`, or a number by `%s`, where `USING` could pass it.",
        why="""
It is safe. USING keeps the value's type, needs no quoting that the next editor could forget, and lets PostgreSQL see
that two statements are the same.
""",
        bad="""
CREATE FUNCTION touch(p_table text, p_id bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE %I SET touched = now() WHERE id = %L', p_table, p_id);
END $$;
""",
        good="""
CREATE FUNCTION touch(p_table text, p_id bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE %I SET touched = now() WHERE id = $1', p_table) USING p_id;
END $$;
""",
        fix="`$1` in the statement and `USING value` behind it. DDL takes no parameters: there `%L`.",
        ignore="Where the planner shall see the value, as for partitions or skewed columns.",
    ),
    "PGX201": RuleText(
        what="A SECURITY DEFINER function has no `SET search_path`.",
        why="""
It runs as its owner and looks for tables, functions and operators in the caller's search_path. The caller puts a schema
of his own first, or creates a temporary table, and the owner's function works on that.
""",
        bad="""
CREATE FUNCTION is_admin(p_user text) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$
    SELECT EXISTS (SELECT 1 FROM admins WHERE name = p_user)
$$;
""",
        good="""
CREATE FUNCTION is_admin(p_user text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM app.admins WHERE name = p_user)
$$;
""",
        fix="`SET search_path = pg_catalog, pg_temp`, and the names in the body with their schema.",
        ignore="Where it is set by an ALTER FUNCTION that is not among the scanned files.",
    ),
    "PGX202": RuleText(
        what="""
A SECURITY DEFINER function has a search_path that others can write to: `public` or `"$user"` in it, or `pg_temp` not
named last.
""",
        why="""
Objects in a schema that others may create in are found in place of the right ones. A path that does not name `pg_temp`
has it first of all for tables and types: a temporary table of the caller hides the real one.
""",
        bad="""
CREATE FUNCTION is_admin(p_user text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
SET search_path = public AS $$
    SELECT EXISTS (SELECT 1 FROM admins WHERE name = p_user)
$$;
""",
        good="""
CREATE FUNCTION is_admin(p_user text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM app.admins WHERE name = p_user)
$$;
""",
        fix="`SET search_path = pg_catalog, pg_temp`, or trusted schemas only with `pg_temp` last.",
        ignore="Where nobody but the owner may create objects in the named schema.",
    ),
    "PGX203": RuleText(
        what="A function of an event trigger has no safe search_path of its own.",
        why="""
An event trigger runs in the session of everybody who runs DDL, a superuser included, with that session's search_path.
What it calls without a schema can be somebody else's function.
""",
        bad="""
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ddl_log (tag) VALUES (lower(tg_tag));
END $$;
CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
""",
        good="""
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO app.ddl_log (tag) VALUES (lower(tg_tag));
END $$;
CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
""",
        fix="`SET search_path = pg_catalog, pg_temp`, and the names in the body with their schema.",
        ignore="Where it is set by an ALTER FUNCTION that is not among the scanned files.",
    ),
    "PGX204": RuleText(
        what="A SECURITY DEFINER function that runs dynamic SQL can be called by PUBLIC.",
        why="""
Every role can call a function unless it is revoked. One mistake in the quoting, today's or that of a later edit, then
gives everybody the owner's privileges.
""",
        bad="""
CREATE FUNCTION analyze_one(p_table text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ANALYZE app.%I', p_table);
END $$;
""",
        good="""
CREATE FUNCTION analyze_one(p_table text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ANALYZE app.%I', p_table);
END $$;
REVOKE EXECUTE ON FUNCTION analyze_one(text) FROM PUBLIC;
""",
        fix="`REVOKE EXECUTE ON FUNCTION ... FROM PUBLIC` in the same script, then GRANT to the roles that need it.",
        ignore="Where it is meant for everybody; the suppression says why that is safe.",
    ),
    "PGX901": RuleText(
        what="""
A statement, a body or a file that the parsers do not understand. Each EXECUTE in it is a site with the verdict
`not_proven`. What stands before and after it was scanned.
""",
        why="What is not understood is not proved safe.",
        bad="""
CREATE FUNCTION broken(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_table IS NULL THEN
        EXECUTE format('ANALYZE %I', p_table);
END $$;
""",
        good="""
CREATE FUNCTION mended(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_table IS NOT NULL THEN
        EXECUTE format('ANALYZE %I', p_table);
    END IF;
END $$;
""",
        fix="Mend the syntax; leave files that are no PostgreSQL scripts out (`exclude`).",
        ignore="Where the syntax is newer than the parser's (PostgreSQL 17) and somebody has read the statement.",
    ),
    "PGX902": RuleText(
        what="""
A comment `-- pggit: ignore[...]` that names no reason, no rule or one that does not exist, or that suppresses nothing.
Without a reason the finding stays.
""",
        why="A suppression that is not needed hides the next mistake in that place.",
        bad="""
CREATE FUNCTION analyze_one(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- pggit: ignore[PGX101] the name is quoted
    EXECUTE format('ANALYZE %I', p_table);
END $$;
""",
        good="""
CREATE FUNCTION analyze_one(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ANALYZE %I', p_table);
END $$;
""",
        fix="Remove the comment, or write a reason: `-- pggit: ignore[PGX102] only the migration role may call it`.",
        ignore="Never.",
    ),
}


def page(rule: Rule) -> str:
    """The rule's page in Markdown: docs/rules/PGXnnn.md."""
    text = TEXTS[rule.id]
    cwe = f"[{rule.cwe}](https://cwe.mitre.org/data/definitions/{rule.cwe[4:]}.html)" if rule.cwe else "none fits"
    return f"""# {rule.id}: {rule.title}

| name | severity | confidence | CWE | since |
|---|---|---|---|---|
| {rule.name} | {rule.severity} | {rule.confidence} | {cwe} | {rule.since} |

## What it does
{text.what.strip()}

## Why it is bad
{text.why.strip()}

## Example
```sql
{text.bad.strip()}
```

## Fix
{text.fix.strip()}

```sql
{text.good.strip()}
```

## When to ignore
{text.ignore.strip()}
"""


def index() -> str:
    """The table of all rules in Markdown: docs/rules/README.md."""
    rows = "\n".join(
        f"| [{rule.id}]({rule.id}.md) | {rule.name} | {rule.title} | {rule.severity} | {rule.cwe or '-'} |"
        for rule in RULES.values()
    )
    return f"""# Rules of `pggit-excellence scan`

The guide is [SCAN](../guides/SCAN.md). `pggit-excellence scan --explain PGX101` prints a rule's page.

| id | name | finding | severity | CWE |
|---|---|---|---|---|
{rows}

Severity and confidence are the usual ones; a finding can have others, and says so.
"""
