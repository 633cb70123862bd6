-- Privileges of one object of ours, by the rule in grant_privileges().
--   kind      function, procedure, routine, or anything else for a relation
--   identity  the object as SQL names it
--   writes    whether it is a routine that changes something
CREATE FUNCTION pggit_excellence._grant(kind text, identity text, writes boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    is_routine boolean := kind IN ('function', 'procedure', 'routine');
    target     text := CASE WHEN is_routine THEN 'ROUTINE ' ELSE 'TABLE ' END || identity;
    role_name  text;
BEGIN
    EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM PUBLIC', target);
    FOREACH role_name IN ARRAY CASE WHEN writes THEN pggit_excellence._operators() ELSE pggit_excellence._readers() END LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %s TO %I', CASE WHEN is_routine THEN 'EXECUTE' ELSE 'SELECT' END, target, role_name);
    END LOOP;
    IF is_routine THEN
        RETURN;
    END IF;
    FOREACH role_name IN ARRAY pggit_excellence._operators() LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %s TO %I', CASE
            -- undo() runs what this table says: who wrote a row, and when, must be what the server stamped, and what a row
            -- says must stay.
            WHEN identity = 'pggit_excellence.action_log'
            THEN 'INSERT (action, object_name, apply_sql, undo_sql, reason), UPDATE (undone_at, undone_by)'
            ELSE 'INSERT, UPDATE, DELETE' END, target, role_name);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._grant(text, text, boolean) IS
    'Internal: revoke one object of ours from PUBLIC and grant it by the rule in grant_privileges().';
