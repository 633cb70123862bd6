-- Privileges of one object of ours, by the rule in grant_privileges().
--   kind      function, procedure, routine, or anything else for a relation
--   identity  the object as SQL names it; the casts refuse what is none
--   writes    whether it is a routine that changes something
CREATE FUNCTION pggit_excellence._grant(kind text, identity text, writes boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    is_routine boolean := kind IN ('function', 'procedure', 'routine');
    target     text := CASE WHEN is_routine THEN 'ROUTINE ' || identity::regprocedure ELSE 'TABLE ' || identity::regclass END;
    writing    text := pggit_excellence._operator_writes(identity);
    role_name  text;
BEGIN
    EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM PUBLIC', target);
    FOREACH role_name IN ARRAY CASE WHEN writes THEN pggit_excellence._operators() ELSE pggit_excellence._readers() END LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %s TO %I', CASE WHEN is_routine THEN 'EXECUTE' ELSE 'SELECT' END, target, role_name);
    END LOOP;
    IF is_routine OR writing IS NULL THEN
        RETURN;
    END IF;
    FOREACH role_name IN ARRAY pggit_excellence._operators() LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %s TO %I', writing, target, role_name);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._grant(text, text, boolean) IS
    'Internal: revoke one object of ours from PUBLIC and grant it by the rule in grant_privileges().';

-- What an operator may write in one of our tables, as GRANT has it; NULL: nothing. A table that is evidence has its line here
-- (and in GUARDED of tests/python/test_privileges.py): what may only be read, or only be added to.
CREATE FUNCTION pggit_excellence._operator_writes(identity text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE identity
               WHEN 'pggit_excellence.access_snapshot_changes' THEN NULL
               WHEN 'pggit_excellence.access_snapshots' THEN NULL
               WHEN 'pggit_excellence.action_log' THEN pggit_excellence._log_privileges()
               WHEN 'pggit_excellence.archive_runs' THEN NULL
               WHEN 'pggit_excellence.history_archive' THEN NULL
               WHEN 'pggit_excellence.history_partitioning' THEN NULL
               WHEN 'pggit_excellence.legal_holds' THEN NULL
               WHEN 'pggit_excellence.pseudonyms' THEN NULL
               WHEN 'pggit_excellence.audit_log' THEN NULL
               WHEN 'pggit_excellence.audit_log_pending' THEN NULL
               WHEN 'pggit_excellence.audit_log_sealed' THEN NULL
               WHEN 'pggit_excellence.audit_checkpoints' THEN NULL
               WHEN 'pggit_excellence.audit_log_files' THEN NULL
               WHEN 'pggit_excellence.audit_purges' THEN NULL
               WHEN 'pggit_excellence.audit_state' THEN NULL
               WHEN 'pggit_excellence.ddl_rate_limits' THEN NULL
               -- Written by the sentinels, as their owner; maintain() takes from it.
               WHEN 'pggit_excellence.ddl_tracking_samples' THEN 'DELETE'
               WHEN 'pggit_excellence.waiting_samples' THEN NULL
               WHEN 'pggit_excellence.all_samples' THEN NULL
               WHEN 'pggit.performance_metrics' THEN NULL
               ELSE 'INSERT, UPDATE, DELETE'
           END
$body$;
COMMENT ON FUNCTION pggit_excellence._operator_writes(text) IS
    'Internal: the privileges of an operator on one of our tables beside SELECT, as GRANT has them; NULL: none.';

-- What an operator may write in action_log, as GRANT has it: who did something and when is what the server stamped, and
-- what a row says is final; only its undoing is added later.
CREATE FUNCTION pggit_excellence._log_privileges()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('INSERT (%s), UPDATE (%s)',
               pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' ORDER BY c.name)
                   FILTER (WHERE NOT c.of_undoing AND c.name NOT IN ('action_id', 'applied_at', 'applied_by')),
               pg_catalog.string_agg(pg_catalog.quote_ident(c.name), ', ' ORDER BY c.name) FILTER (WHERE c.of_undoing))
    FROM (
        SELECT a.attname::text AS name, a.attname IN ('undone_at', 'undone_by', 'undo_note') AS of_undoing
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = 'pggit_excellence.action_log'::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
    ) AS c
$body$;
COMMENT ON FUNCTION pggit_excellence._log_privileges() IS
    'Internal: the privileges of an operator on the columns of action_log, as GRANT has them. Source: pg_attribute.';
