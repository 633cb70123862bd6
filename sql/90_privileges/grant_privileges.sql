-- Who may do what. By rule: a function that only reads is STABLE or IMMUTABLE, one that changes something is VOLATILE.
--   PUBLIC                                nothing
--   pg_monitor, pggit_excellence_reader   what only reads, and our tables
--   pggit_excellence_auditor              the same
--   pggit_excellence_operator             everything
-- Safe to run again; grants only to roles that exist (create_roles() makes them). Takes no lock beyond the catalog rows.
--   links  also our names in schema pggit. Not while the extension's script runs: PostgreSQL would note the privileges
--          as ones that CREATE EXTENSION brings, and pg_dump would leave them out. link_pggit() grants what it makes.
CREATE FUNCTION pggit_excellence.grant_privileges(links boolean DEFAULT true)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    item      record;
    role_name text;
BEGIN
    REVOKE ALL ON SCHEMA pggit_excellence FROM PUBLIC;
    FOREACH role_name IN ARRAY pggit_excellence._readers() LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA pggit_excellence TO %I', role_name);
    END LOOP;

    FOR item IN
        SELECT 'routine' AS kind, p.oid::pg_catalog.regprocedure::text AS identity, p.provolatile = 'v' AS writes
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pggit_excellence'::pg_catalog.regnamespace
        UNION ALL
        SELECT 'relation', c.oid::pg_catalog.regclass::text, false
        FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pggit_excellence'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
        UNION ALL
        SELECT CASE lp.keyword WHEN 'ROUTINE' THEN 'routine' ELSE 'relation' END, lp.identity, false
        FROM pggit_excellence._link_present() AS lp
        WHERE grant_privileges.links AND lp.ours
        ORDER BY 1, 2
    LOOP
        PERFORM pggit_excellence._grant(item.kind, item.identity, item.writes);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.grant_privileges(boolean) IS
    'Revokes everything of this extension from PUBLIC and grants it to pg_monitor (reading) and to the roles that create_roles() made; links: also its names in schema pggit. Safe to run again.';
