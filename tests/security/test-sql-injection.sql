-- Attack every function of pggit_excellence, and its names in schema pggit, with hostile names and texts:
--     psql -d DATABASE -f tests/security/test-sql-injection.sql
-- Run it as a superuser on a scratch database that has the extension, with or without pgGit. It ends with PASS, or with
-- what got through and exit status 3. It works in one transaction that is taken back: nothing of it stays. Until it ends
-- it holds locks, also on pgGit's tables. -v only=index% attacks the functions with such a name (SIMILAR TO) alone.
--
-- How it sees an injection: the hostile texts call injection_test.hit(), which advances a sequence (that survives the
-- rollback of what it was called in), or drop the table victim. Functions are looked up in pg_proc and their calls are
-- made from their arguments' types, so a new function is attacked without a change here.
\set ON_ERROR_STOP on
\set QUIET on
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
\if :{?only}
\else
    \set only %
\endif
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL escape_string_warning = off;
SET LOCAL statement_timeout = 0;
SET LOCAL check_function_bodies = off;  -- some call themselves, or one that comes later

DO $do$
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'only a superuser can make the hostile objects and run every function'
            USING ERRCODE = 'insufficient_privilege';
    ELSIF to_regnamespace('pggit_excellence') IS NULL THEN
        RAISE EXCEPTION 'pggit_excellence is not installed in database %', current_database()
            USING ERRCODE = 'invalid_schema_name', HINT = 'CREATE EXTENSION pggit_excellence;';
    ELSIF to_regnamespace('injection_test') IS NOT NULL THEN
        RAISE EXCEPTION 'schema injection_test exists already'
            USING ERRCODE = 'duplicate_schema', HINT = 'This test makes its own and takes it back.';
    END IF;
END
$do$;

CREATE SCHEMA injection_test;
CREATE SEQUENCE injection_test.hits;
CREATE FUNCTION injection_test.hit() RETURNS bigint LANGUAGE sql AS
    'SELECT pg_catalog.nextval(''injection_test.hits''::regclass)';
CREATE TABLE injection_test.victim (id integer);
INSERT INTO injection_test.victim VALUES (1);

-- Helpers that are told what to run, so that hostile text in them proves nothing. What counts is who may call them.
CREATE TABLE injection_test.told (signature text, reason text);
INSERT INTO injection_test.told VALUES
    ('_run_ddl(text)', 'runs one statement that our functions built from checked parts'),
    ('_refused(text)', 'tries one query that fips_status() has built of constants and the name of a function');

-- For the attack itself: one function that splices what it is given, and its well-quoted twin.
CREATE FUNCTION injection_test.unsafe_analyze(tab text) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    EXECUTE 'ANALYZE ' || tab;
END
$body$;
CREATE FUNCTION injection_test.safe_analyze(tab text) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    EXECUTE 'ANALYZE ' || quote_ident(tab);
END
$body$;

CREATE TABLE injection_test.hostile (number integer GENERATED ALWAYS AS IDENTITY, content text);
INSERT INTO injection_test.hostile (content)
SELECT replace(replace(t, '{hit}', 'SELECT injection_test.hit(); --'), '{drop}', 'DROP TABLE injection_test.victim; --')
FROM unnest(ARRAY[
    '"', '''', '\', '%s %I %1$L', '',
    'x"; {hit}', 'x''; {hit}', 'x''); {hit}', 'x"); {hit}', 'x; {hit}', 'injection_test.victim; {hit}',
    'injection_test.victim FROM PUBLIC; {hit}',
    'pggit"; {hit}', 'pggit''; {hit}', 'x"; {drop}', 'x''; {drop}', 'injection_test.victim; {drop}',
    ''' || injection_test.hit() || ''', '" || injection_test.hit() || "', 'injection_test.hit()',
    ''' OR injection_test.hit() > 0 --', '1 OR injection_test.hit() > 0', '(SELECT injection_test.hit())',
    'SELECT injection_test.hit()', '$$; {hit}', '$body$; {hit}', E'x\n; {hit}', '\''; {hit}', '\''); {hit}',
    repeat('x', 62) || '"; {hit}', repeat('"', 29) || '; {hit}', repeat('''', 29) || '; {hit}'
]) AS t;

-- Objects with such names. pgGit's event triggers see them being made; what refuses a name is passed over.
CREATE FUNCTION injection_test.try(statement text) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
    EXECUTE statement;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN false;
END
$body$;
CREATE TABLE injection_test.made AS
SELECT h.content::name AS name, s.number AS step,
       injection_test.try(format(s.statement, h.content, ns.name, 'k' || h.content)) AS done
FROM injection_test.hostile AS h
CROSS JOIN (VALUES ('public'), ('pggit')) AS ns (name)
CROSS JOIN (VALUES
    (1, 'CREATE SCHEMA %1$I'),
    (2, 'CREATE TABLE %1$I.%1$I (id integer CONSTRAINT %3$I PRIMARY KEY, %1$I text)'),
    (3, 'CREATE TABLE %2$I.%1$I (id integer CONSTRAINT %3$I PRIMARY KEY, %1$I text, parent integer)'),
    (4, 'CREATE INDEX ON %2$I.%1$I (%1$I)'),
    (5, 'CREATE INDEX ON %2$I.%1$I (%1$I)'),
    (6, 'ALTER TABLE %2$I.%1$I ADD CONSTRAINT parent FOREIGN KEY (parent) REFERENCES %2$I.%1$I (id)'),
    (7, 'COMMENT ON TABLE %2$I.%1$I IS %1$L'),
    (8, 'CREATE FUNCTION %2$I.%1$I(%1$I integer) RETURNS integer LANGUAGE sql AS ''SELECT 1'''),
    (9, 'INSERT INTO %2$I.%1$I SELECT g FROM generate_series(1, 10) AS g'),
    (10, 'CREATE ROLE %1$I')
) AS s (number, statement)
WHERE h.content <> '' AND to_regnamespace(ns.name) IS NOT NULL
ORDER BY s.number, h.number;

-- The names in schema pggit, where there is pgGit.
DO $do$
BEGIN
    IF to_regclass('pggit.objects') IS NOT NULL THEN
        PERFORM FROM pggit_excellence.link_pggit();
        PERFORM FROM pggit_excellence.tune_tracking(dry_run => false);
    END IF;
END
$do$;

-- A harmless value of the type, as SQL.
CREATE FUNCTION injection_test.ordinary(kind oid) RETURNS text LANGUAGE plpgsql STABLE AS $body$
BEGIN
    RETURN (
        SELECT CASE
            WHEN t.oid = 'oid'::regtype THEN '''public''::regnamespace::oid'
            WHEN t.oid IN ('json'::regtype, 'jsonb'::regtype) THEN format('''{}''::%s', t.oid::regtype)
            WHEN t.typcategory = 'S' THEN format('''pggit''::%s', t.oid::regtype)
            WHEN t.typcategory = 'N' THEN format('1::%s', t.oid::regtype)
            WHEN t.typcategory = 'B' THEN 'false'
            WHEN t.typcategory = 'T' THEN format('''1 day''::%s', t.oid::regtype)
            WHEN t.typcategory = 'D' THEN format('now()::%s', t.oid::regtype)
            WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN
                'ARRAY[' || injection_test.ordinary(t.typelem) || ']::' || t.oid::regtype
            ELSE format('NULL::%s', t.oid::regtype)
        END
        FROM pg_type AS t WHERE t.oid = kind
    );
END
$body$;

-- Rows with such texts in the extension's own tables: each text column in turn, the rest ordinary or as in a row that
-- is there. What a constraint refuses is passed over.
DO $do$
DECLARE
    col  record;
    text_in record;
BEGIN
    FOR col IN
        SELECT c.oid::regclass AS tab, quote_ident(a.attname) AS name, o.*
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        CROSS JOIN LATERAL (
            SELECT string_agg(', ' || quote_ident(o.attname), '') AS others,
                   coalesce(string_agg(', ' || quote_ident(o.attname), '') FILTER (WHERE needed), '') AS needed,
                   coalesce(string_agg(', ' || injection_test.ordinary(o.atttypid), '') FILTER (WHERE needed), '') AS ordinary
            FROM pg_attribute AS o CROSS JOIN LATERAL (SELECT o.attnotnull AND NOT o.atthasdef AS needed) AS n
            WHERE o.attrelid = c.oid AND o.attnum > 0 AND NOT o.attisdropped AND o.attidentity = ''
              AND o.attgenerated = '' AND o.attnum <> a.attnum
        ) AS o
        WHERE c.relnamespace = 'pggit_excellence'::regnamespace AND c.relkind = 'r'
          AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
    LOOP
        FOR text_in IN
            SELECT p.prefix || h.content AS content FROM injection_test.hostile AS h
            CROSS JOIN (VALUES (''), ('pggit_excellence_')) AS p (prefix) ORDER BY h.number, p.prefix
        LOOP
            PERFORM injection_test.try(format('INSERT INTO %s (%s%s) VALUES (%L%s)',
                                              col.tab, col.name, col.needed, text_in.content, col.ordinary));
            PERFORM injection_test.try(format('INSERT INTO %1$s (%2$s%3$s) SELECT %4$L%3$s FROM %1$s LIMIT 1',
                                              col.tab, col.name, col.others, text_in.content));
        END LOOP;
    END LOOP;
END
$do$;

-- pgGit's own triggers may have run what they were given: only what happens from here on is about this extension.
SELECT 'note: something else in this database ran hostile text ' || h.last_value || ' times while objects were made'
FROM injection_test.hits AS h WHERE h.is_called;
CREATE TABLE injection_test.expected AS
SELECT c.oid FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace);

-- Which of these are dropped, the server tells: looking for each after each attempt took as long as the attempts.
CREATE SEQUENCE injection_test.drops;
CREATE FUNCTION injection_test.count_drops() RETURNS event_trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM pg_catalog.nextval('injection_test.drops')
    FROM pg_catalog.pg_event_trigger_dropped_objects() AS d JOIN injection_test.expected AS e ON e.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0;
END
$body$;
CREATE EVENT TRIGGER injection_test_drops ON sql_drop EXECUTE FUNCTION injection_test.count_drops();
ALTER EVENT TRIGGER injection_test_drops ENABLE ALWAYS;

-- What an attempt did. NULL: nothing hostile. The attempt itself is taken back; the sequences are not.
CREATE FUNCTION injection_test.attempt(statement text, OUT harm text, OUT refused text) LANGUAGE plpgsql AS $body$
DECLARE
    hits  bigint := (SELECT h.last_value + h.is_called::integer FROM injection_test.hits AS h);
    drops bigint := (SELECT d.last_value + d.is_called::integer FROM injection_test.drops AS d);
    left_over bigint;
BEGIN
    BEGIN
        EXECUTE statement;
        EXECUTE 'SELECT count(*) FROM injection_test.victim' INTO left_over;
        RAISE EXCEPTION USING ERRCODE = 'IJ000', MESSAGE = 'taken back';
    EXCEPTION
        WHEN SQLSTATE 'IJ000' THEN NULL;
        WHEN OTHERS OR ASSERT_FAILURE THEN refused := SQLERRM;
    END;
    SELECT concat_ws(', ',
        CASE WHEN h.last_value + h.is_called::integer > hits THEN 'hostile SQL ran' END,
        CASE WHEN d.last_value + d.is_called::integer > drops THEN 'tables were dropped' END,
        CASE WHEN left_over <> 1 THEN 'rows of victim were deleted' END)
    INTO harm FROM injection_test.hits AS h CROSS JOIN injection_test.drops AS d;
    harm := nullif(harm, '');
END
$body$;

-- A value of the type that carries the text, as SQL. NULL: the type cannot carry one.
CREATE FUNCTION injection_test.carrier(kind oid, content text) RETURNS text LANGUAGE plpgsql STABLE AS $body$
BEGIN
    RETURN (
        SELECT CASE
            WHEN t.oid IN ('json'::regtype, 'jsonb'::regtype)
                THEN format('jsonb_build_object(%1$L::text, %1$L::text)::%2$s', coalesce(content, ''), t.oid::regtype)
            WHEN t.oid = 'oid'::regtype
                THEN coalesce(to_regnamespace(quote_ident(content))::oid, to_regclass('public.' || quote_ident(content)))::text
            WHEN t.oid = 'regclass'::regtype THEN quote_literal(to_regclass('public.' || quote_ident(content))) || '::regclass'
            WHEN t.typtype = 'd' THEN injection_test.carrier(t.typbasetype, content) || '::' || t.oid::regtype
            WHEN t.typtype = 'c' THEN (
                SELECT format('ROW(%s)::%s', string_agg(
                           coalesce(injection_test.carrier(a.atttypid, content), injection_test.ordinary(a.atttypid)),
                           ', ' ORDER BY a.attnum), t.oid::regtype)
                FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
            WHEN t.typcategory = 'A' THEN
                'ARRAY[' || injection_test.carrier(t.typelem, content) || ']::' || t.oid::regtype
            WHEN t.typcategory = 'S' OR t.oid IN ('xml'::regtype, 'bytea'::regtype, 'unknown'::regtype)
                THEN format('%L::%s', content, t.oid::regtype)
        END
        FROM pg_type AS t WHERE t.oid = kind
    );
END
$body$;

-- The input arguments of a routine, in order. Of what takes a number of probes one shows as much as the default.
CREATE FUNCTION injection_test.arguments(routine oid)
RETURNS TABLE (number bigint, name text, kind oid, optional boolean, spread boolean) LANGUAGE plpgsql STABLE AS $body$
BEGIN
    RETURN QUERY
        SELECT i.number, i.name, i.kind, i.number > p.pronargs - p.pronargdefaults AND i.name IS DISTINCT FROM 'probes', i.mode = 'v'
        FROM pg_proc AS p
        CROSS JOIN LATERAL (
            SELECT row_number() OVER (ORDER BY a.ordinality) AS number, nullif(a.name, '') AS name, a.kind, coalesce(a.mode, 'i') AS mode
            FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes, p.proargnames)
                 WITH ORDINALITY AS a (kind, mode, name)
            WHERE a.kind IS NOT NULL AND coalesce(a.mode, 'i') IN ('i', 'b', 'v')
        ) AS i
        WHERE p.oid = routine;
END
$body$;

-- One call with the values given by argument number; what is not given has its default, or a harmless value.
CREATE FUNCTION injection_test.call(routine oid, given jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $body$
BEGIN
    RETURN (
        SELECT format(CASE p.prokind WHEN 'p' THEN 'CALL %s(%s)' ELSE 'SELECT max(length(q::text)) FROM %s(%s) AS q' END,
                      format('%I.%I', n.nspname, p.proname), string_agg(
                   CASE WHEN a.spread THEN 'VARIADIC ' ELSE '' END || coalesce(quote_ident(a.name) || ' => ', '')
                   || coalesce(given ->> a.number::text, injection_test.ordinary(a.kind)), ', ' ORDER BY a.number)
                   FILTER (WHERE given ? a.number::text OR NOT a.optional OR a.name IS NULL))
        FROM pg_proc AS p
        JOIN pg_namespace AS n ON n.oid = p.pronamespace
        LEFT JOIN LATERAL injection_test.arguments(p.oid) AS a ON true
        WHERE p.oid = routine
        GROUP BY p.prokind, n.nspname, p.proname
    );
END
$body$;

-- Every attack on a routine: each argument in turn, all at once; each truth value and each number of a logged action.
-- Every fifth text will do where it comes through a catalog row or a composite, as those are read alike.
CREATE FUNCTION injection_test.attacks(routine oid) RETURNS SETOF text LANGUAGE sql STABLE AS $body$
    WITH argument AS (SELECT * FROM injection_test.arguments(routine)),
    carried AS (
        SELECT h.number AS attack, a.number::text AS key, injection_test.carrier(a.kind, h.content) AS value
        FROM (SELECT h.number, h.content FROM injection_test.hostile AS h UNION ALL SELECT 0, NULL) AS h
        CROSS JOIN argument AS a
        JOIN pg_type AS t ON t.oid = a.kind
        WHERE h.number % 5 = 0 OR t.typcategory IN ('S', 'U') OR t.typcategory = 'A'
          AND (SELECT e.typcategory = 'S' FROM pg_type AS e WHERE e.oid = t.typelem)
    ),
    given AS (
        SELECT '{}'::jsonb AS given
        UNION SELECT jsonb_build_object(c.key, c.value) FROM carried AS c WHERE c.value IS NOT NULL
        UNION SELECT jsonb_object_agg(c.key, c.value) FROM carried AS c WHERE c.value IS NOT NULL GROUP BY c.attack
        UNION SELECT jsonb_build_object(a.number::text, b.value) FROM argument AS a
              CROSS JOIN (VALUES ('true'), ('false')) AS b (value) WHERE a.kind = 'boolean'::regtype
        UNION SELECT jsonb_build_object(a.number::text, l.action_id::text) FROM argument AS a
              CROSS JOIN pggit_excellence.action_log AS l WHERE a.kind = 'bigint'::regtype AND a.name = 'action_id'
    )
    SELECT injection_test.call(routine, g.given) FROM given AS g ORDER BY 1
$body$;

CREATE TABLE injection_test.targets AS
SELECT p.oid, format('%s(%s)', p.proname, replace(oidvectortypes(p.proargtypes), ', ', ',')) AS signature, n.nspname
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND p.proname SIMILAR TO :'only'
  AND (n.nspname = 'pggit_excellence' OR n.nspname = 'pggit' AND p.prosrc LIKE 'SELECT * FROM pggit\_excellence.%');
CREATE TABLE injection_test.outcomes (target text, statement text, harm text, refused text);

-- The attack works where code is careless, and only there. Else this test could not fail.
DO $do$
DECLARE
    seen record;
BEGIN
    FOR seen IN
        SELECT p.proname, count(*) FILTER (WHERE t.harm LIKE '%hostile SQL ran%') AS ran,
               count(*) FILTER (WHERE t.harm LIKE '%dropped%') AS dropped
        FROM pg_proc AS p CROSS JOIN injection_test.attacks(p.oid) AS a CROSS JOIN injection_test.attempt(a) AS t
        WHERE p.oid IN ('injection_test.unsafe_analyze'::regproc, 'injection_test.safe_analyze'::regproc)
        GROUP BY p.proname
    LOOP
        IF (seen.proname = 'unsafe_analyze') <> (seen.ran > 0 AND seen.dropped > 0)
           OR seen.proname = 'safe_analyze' AND seen.ran + seen.dropped > 0
        THEN
            RAISE EXCEPTION 'FAIL: the attack itself does not work: % was hit % times and dropped % times',
                seen.proname, seen.ran, seen.dropped;
        END IF;
    END LOOP;
END
$do$;

-- The attack: under both meanings of a backslash in a literal, as the caller's setting may be either.
DO $do$
DECLARE
    target  record;
    attack  text;
    setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY['on', 'off'] LOOP
        FOR target IN
            SELECT t.oid, t.nspname || '.' || t.signature AS name FROM injection_test.targets AS t
            WHERE t.nspname <> 'pggit_excellence' OR t.signature NOT IN (SELECT told.signature FROM injection_test.told)
            ORDER BY 2
        LOOP
            FOR attack IN SELECT a FROM injection_test.attacks(target.oid) AS a WHERE setting = 'on' OR a LIKE '%\\%' LOOP
                PERFORM set_config('standard_conforming_strings', setting, true);
                INSERT INTO injection_test.outcomes
                SELECT target.name, attack, t.harm, t.refused FROM injection_test.attempt(attack) AS t;
                PERFORM set_config('standard_conforming_strings', 'on', true);
            END LOOP;
        END LOOP;
    END LOOP;

    FOR target IN
        SELECT c.oid::regclass::text AS name FROM pg_class AS c
        WHERE c.relkind IN ('v', 'm') AND (c.relnamespace = 'pggit_excellence'::regnamespace
           OR c.relnamespace = to_regnamespace('pggit') AND pg_get_viewdef(c.oid) LIKE '%FROM pggit\_excellence.%')
        ORDER BY 1
    LOOP
        INSERT INTO injection_test.outcomes
        SELECT target.name, 'its rows', t.harm, t.refused
        FROM injection_test.attempt('SELECT max(length(q::text)) FROM ' || target.name || ' AS q') AS t;
    END LOOP;
END
$do$;

-- What the functions advise to run is run: it names the hostile objects. A column that shows a name as it is in the
-- catalog or in a table, or what somebody wrote about it, advises nothing.
DO $do$
DECLARE
    target record;
    advice text;
    answer jsonb[];
BEGIN
    FOR target IN
        SELECT t.nspname || '.' || t.signature AS name, format('%I.%I()', t.nspname, p.proname) AS call
        FROM injection_test.targets AS t JOIN pg_proc AS p ON p.oid = t.oid
        WHERE p.prokind = 'f' AND p.pronargs = p.pronargdefaults AND p.provolatile <> 'v' ORDER BY 1
    LOOP
        BEGIN
            EXECUTE format('SELECT array_agg(to_jsonb(q)) FROM %s AS q', target.call) INTO answer;
        EXCEPTION WHEN OTHERS THEN
            CONTINUE;
        END;
        FOR advice IN
            SELECT DISTINCT replace(v.value, ' CONCURRENTLY', '')
            FROM unnest(answer) AS row_of CROSS JOIN LATERAL jsonb_each_text(
                CASE jsonb_typeof(row_of) WHEN 'object' THEN row_of ELSE jsonb_build_object('value', row_of) END) AS v
            WHERE v.key NOT LIKE '%\_name' AND v.key NOT IN ('recorded_as', 'objective', 'description', 'metric_type', 'indicator')
              AND v.value ~ '^(ALTER|ANALYZE|CLUSTER|COMMENT|CREATE|DROP|GRANT|REINDEX|REVOKE|SELECT|SET|UPDATE|VACUUM)\M'
        LOOP
            INSERT INTO injection_test.outcomes
            SELECT target.name || ' advises', advice, t.harm, t.refused FROM injection_test.attempt(advice) AS t;
        END LOOP;
    END LOOP;
END
$do$;

SELECT format('%s hostile objects made, %s routines and views attacked with %s statements, %s of which were refused',
    (SELECT count(*) FROM injection_test.made AS m WHERE m.done), count(DISTINCT o.target), count(*), count(o.refused))
FROM injection_test.outcomes AS o;
SELECT format('%s statements that were advised were run', count(*)) FROM injection_test.outcomes AS o
WHERE o.target LIKE '% advises';
SELECT format('not attacked: %s: %s', t.signature, t.reason) FROM injection_test.told AS t ORDER BY 1;
SELECT 'not attacked: schema pggit has none of our names' WHERE NOT EXISTS (
    SELECT FROM injection_test.targets AS t WHERE t.nspname = 'pggit');

DO $do$
DECLARE
    failed text;
BEGIN
    SELECT string_agg(format('%s: %s: %s', o.target, o.harm, left(o.statement, 300)), E'\n' ORDER BY o.target)
    INTO failed FROM (
        SELECT o.target, string_agg(DISTINCT o.harm, ', ') AS harm, min(o.statement) AS statement
        FROM injection_test.outcomes AS o WHERE o.harm IS NOT NULL GROUP BY o.target
    ) AS o;
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION E'FAIL: hostile text got through\n%', failed;
    END IF;

    SELECT string_agg(t.signature, ', ' ORDER BY 1) INTO failed FROM injection_test.told AS t
    WHERE to_regprocedure('pggit_excellence.' || t.signature) IS NULL;
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION 'FAIL: these are not attacked, but do not exist: %', failed;
    END IF;

    SELECT string_agg(f.signature, ', ' ORDER BY 1) INTO failed
    FROM injection_test.told AS f JOIN pg_proc AS p ON p.oid = to_regprocedure('pggit_excellence.' || f.signature)
    WHERE EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x
                  WHERE x.grantee = 0 AND x.privilege_type = 'EXECUTE');
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION 'FAIL: PUBLIC may execute what runs the SQL that it is given: %', failed;
    END IF;

    -- The rows of a view, which are read whatever is attacked, are no answer to an attack.
    IF NOT EXISTS (SELECT FROM injection_test.outcomes AS o
                   WHERE o.refused IS NULL AND o.statement <> 'its rows' AND o.target NOT LIKE '% advises') THEN
        RAISE EXCEPTION 'FAIL: no attack got as far as an answer, so nothing is known';
    END IF;
END
$do$;
\echo PASS: no hostile text was run, and nothing was dropped
ROLLBACK;
