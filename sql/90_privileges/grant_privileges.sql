-- Who may do what. By rule: a function that only reads is STABLE or IMMUTABLE, one that changes something is VOLATILE.
--   PUBLIC                                nothing
--   pg_monitor, pggit_excellence_reader   what only reads, and our tables
--   pggit_excellence_auditor              the same
--   pggit_excellence_operator             everything
-- Safe to run again; grants only to roles that exist (create_roles() makes them). Takes no lock beyond the catalog rows.
CREATE FUNCTION pggit_excellence.grant_privileges()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    item      record;
    role_name text;
    readers   text[];
    operators text[];
BEGIN
    readers := ARRAY(
        SELECT r.rolname FROM pg_catalog.pg_roles AS r
        WHERE r.rolname IN ('pg_monitor', 'pggit_excellence_reader', 'pggit_excellence_auditor', 'pggit_excellence_operator')
        ORDER BY r.rolname COLLATE "C"
    );
    operators := ARRAY(SELECT r.rolname FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pggit_excellence_operator');

    REVOKE ALL ON SCHEMA pggit_excellence FROM PUBLIC;
    FOREACH role_name IN ARRAY readers LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA pggit_excellence TO %I', role_name);
    END LOOP;

    FOR item IN
        SELECT p.oid::pg_catalog.regprocedure::text AS signature, p.provolatile = 'v' AS writes
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'pggit_excellence'::pg_catalog.regnamespace
        ORDER BY p.proname, p.oid
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', item.signature);
        FOREACH role_name IN ARRAY CASE WHEN item.writes THEN operators ELSE readers END LOOP
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %I', item.signature, role_name);
        END LOOP;
    END LOOP;

    FOR item IN
        SELECT c.relname FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pggit_excellence'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
        ORDER BY c.relname
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE pggit_excellence.%I FROM PUBLIC', item.relname);
        FOREACH role_name IN ARRAY readers LOOP
            EXECUTE pg_catalog.format('GRANT SELECT ON TABLE pggit_excellence.%I TO %I', item.relname, role_name);
        END LOOP;
        FOREACH role_name IN ARRAY operators LOOP
            EXECUTE pg_catalog.format('GRANT INSERT, UPDATE, DELETE ON TABLE pggit_excellence.%I TO %I', item.relname, role_name);
        END LOOP;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.grant_privileges() IS
    'Revokes everything of this extension from PUBLIC and grants it to pg_monitor (reading) and to the roles that create_roles() made. Safe to run again.';
