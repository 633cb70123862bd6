-- The event triggers of the audit. Their names sort behind pgGit's and the sentinels', which measure what lies between them.
CREATE FUNCTION pggit_excellence._audit_triggers()
RETURNS TABLE (trigger_name text, event text, state text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT t.trigger_name, t.event, pggit_excellence._event_trigger_state(t.trigger_name, t.event, '_audit_ddl')
    FROM (VALUES ('pgx_audit_ddl', 'ddl_command_end'), ('pgx_audit_drop', 'sql_drop')) AS t (trigger_name, event)
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_triggers() IS
    'Internal: the two event triggers of enable_audit() and the state of each. Source: pg_event_trigger.';

CREATE FUNCTION pggit_excellence._audit_trigger_states()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.string_agg(t.trigger_name || ' ' || t.state, ', ' ORDER BY t.trigger_name) FROM pggit_excellence._audit_triggers() AS t
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_trigger_states() IS 'Internal: the states of both event triggers of the audit, in one text.';

-- Record all DDL of this database from now on.
CREATE FUNCTION pggit_excellence.enable_audit()
RETURNS TABLE (trigger_name text, event text, status text)
LANGUAGE plpgsql VOLATILE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    FOR trigger_name, event IN SELECT t.trigger_name, t.event FROM pggit_excellence._audit_triggers() AS t LOOP
        status := pggit_excellence._enable_event_trigger(trigger_name, event, '_audit_ddl', 'Records DDL in pggit_excellence.audit_log.');
        RETURN NEXT;
    END LOOP;
    PERFORM pggit_excellence.record_audit_event('audit', pg_catalog.jsonb_build_object('action', 'enabled'));
    INSERT INTO pggit_excellence.audit_state AS s (triggers) VALUES (pggit_excellence._audit_trigger_states())
    ON CONFLICT ON CONSTRAINT audit_state_pkey DO UPDATE SET triggers = excluded.triggers;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.enable_audit() IS
    'Record all DDL of this database in audit_log, pgGit''s and everybody''s: makes two event triggers, ENABLE ALWAYS, and returns each with status created, enabled or already enabled. An error of ours never stops DDL; it is counted. Safe to run again. Needs a superuser. Setting pggit_excellence.enabled = off makes them do nothing, for superusers only.';
