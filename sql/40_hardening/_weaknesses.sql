-- SECURITY DEFINER routines whose search_path is weak: how, and the SQL that mends it. Each distinct pair of setting and
-- owner is judged once. Ours are not among them, nor C code (dblink_connect_u), which asks no search_path; trigger
-- functions are.
CREATE FUNCTION pggit_excellence._definer_weaknesses()
RETURNS TABLE (routine text, owner_name text, weakness text, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH definer AS MATERIALIZED (
        SELECT p.oid, n.nspname::text AS schema_name, p.proowner, p.proconfig
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
        WHERE p.prosecdef AND pggit_excellence._schema_kind(n.nspname) <> 'system'
    ), weak AS MATERIALIZED (
        SELECT k.proowner, k.proconfig, pggit_excellence._path_weakness(k.proconfig, k.proowner) AS weakness
        FROM (SELECT DISTINCT d.proowner, d.proconfig FROM definer AS d) AS k
    )
    SELECT r.identity, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.proowner)), w.weakness,
           pggit_excellence._mend_path('ROUTINE ' || r.identity, d.proconfig, d.schema_name, d.proowner)
    FROM definer AS d
    JOIN weak AS w ON w.proowner = d.proowner AND w.proconfig IS NOT DISTINCT FROM d.proconfig
    CROSS JOIN LATERAL (SELECT d.oid::pg_catalog.regprocedure::text AS identity) AS r
    WHERE w.weakness IS NOT NULL
$body$;
COMMENT ON FUNCTION pggit_excellence._definer_weaknesses() IS
    'Internal: SECURITY DEFINER routines whose search_path lets others put objects before theirs: owner, why, and the SQL that mends it. Source: pg_proc, pg_namespace.';

-- Event trigger functions, likewise: they run as whoever runs DDL, so nobody's schemas but a superuser's are safe there.
--   whose  pggit or user, see _schema_kind(); those that this extension made are left out
CREATE FUNCTION pggit_excellence._event_trigger_weaknesses()
RETURNS TABLE (whose text, routine text, weakness text, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pggit_excellence._schema_kind(f.schema_name), f.identity, w.weakness,
           pggit_excellence._mend_path('FUNCTION ' || f.identity, f.proconfig, f.schema_name, 10)
    FROM (
        SELECT DISTINCT n.nspname AS schema_name, p.oid::pg_catalog.regprocedure::text AS identity, p.proconfig
        FROM pg_catalog.pg_event_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'pggit_excellence')
    ) AS f
    CROSS JOIN LATERAL pggit_excellence._path_weakness(f.proconfig, 10) AS w (weakness)
    WHERE w.weakness IS NOT NULL
$body$;
COMMENT ON FUNCTION pggit_excellence._event_trigger_weaknesses() IS
    'Internal: event trigger functions whose search_path lets ordinary roles put objects before theirs: why, and the SQL that mends it. Source: pg_event_trigger, pg_proc, pg_namespace.';

-- Whether the text of a routine puts a variable into a dynamic statement without quoting it: by ||, or by %s of format().
-- A look at the text only: comments and strings can deceive it, in both directions. The scanner reads the code.
CREATE FUNCTION pggit_excellence._splices(source text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT source OPERATOR(pg_catalog.~*)
        '\mEXECUTE\s+([^;]*''\s*\|\|\s*(?!(pg_catalog\.)?(quote_ident|quote_literal|quote_nullable|format)\s*\()[a-z_("]|(pg_catalog\.)?format\s*\(\s*''[^'']*%([0-9]+\$)?s)'
$body$;
COMMENT ON FUNCTION pggit_excellence._splices(text) IS
    'Internal: whether a routine''s text seems to put unquoted text into a dynamic statement; pggit-excellence scan knows.';
