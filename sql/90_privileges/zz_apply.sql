-- Last: settings, privileges, the names in schema pggit, and which tables pg_dump carries the rows of.

-- The caller's settings change how function bodies are read ('\_' without standard_conforming_strings) and how names are
-- written (quote_all_identifiers: other keys of findings, other index definitions than those logged). What public
-- functions call runs under the same settings.
DO $do$
DECLARE
    identity text;
BEGIN
    FOR identity IN
        SELECT p.oid::pg_catalog.regprocedure::text
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pggit_excellence'::pg_catalog.regnamespace
          AND p.prokind = 'f' AND pg_catalog.left(p.proname, 1) <> '_'
        ORDER BY 1
    LOOP
        EXECUTE 'ALTER FUNCTION ' || identity || ' SET standard_conforming_strings = on SET quote_all_identifiers = off';
    END LOOP;
END
$do$;

DO $do$ BEGIN PERFORM pggit_excellence.grant_privileges(links => false); END $do$;

-- pgGit's event triggers see each statement and may raise: the extension installs all the same.
DO $do$
BEGIN
    IF pg_catalog.to_regclass('pggit.objects') IS NOT NULL THEN
        PERFORM FROM pggit_excellence.link_pggit();
    END IF;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'pggit_excellence made no names in schema pggit: %', SQLERRM
        USING HINT = 'Everything works as pggit_excellence.<name>. Run SELECT * FROM pggit_excellence.link_pggit() to try again.';
END
$do$;

DO $do$
DECLARE
    item record;
BEGIN
    -- pg_extension_config_dump works inside CREATE or ALTER EXTENSION only, and install.sql makes no extension.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pggit_excellence') THEN
        RETURN;
    END IF;
    FOR item IN
        SELECT c.oid::pg_catalog.regclass AS relation
        FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pggit_excellence'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'S')
        ORDER BY c.relname
    LOOP
        PERFORM pg_catalog.pg_extension_config_dump(item.relation, '');
    END LOOP;
END
$do$;
