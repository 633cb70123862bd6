-- Record no more DDL, and record that. What is recorded stays.
CREATE FUNCTION pggit_excellence.disable_audit()
RETURNS TABLE (trigger_name text, event text, status text)
LANGUAGE plpgsql VOLATILE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    FOR trigger_name, event, status IN
        SELECT t.trigger_name, t.event, CASE t.state WHEN 'missing' THEN 'was not there' ELSE 'dropped' END
        FROM pggit_excellence._audit_triggers() AS t
    LOOP
        IF status = 'dropped' THEN
            EXECUTE pg_catalog.format('DROP EVENT TRIGGER %I', trigger_name);
        END IF;
        RETURN NEXT;
    END LOOP;
    PERFORM pggit_excellence.record_audit_event('audit', pg_catalog.jsonb_build_object('action', 'disabled'));
    UPDATE pggit_excellence.audit_state AS s SET triggers = '';
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'role % may not drop the event triggers of the audit', pg_catalog.quote_ident(current_user)
        USING ERRCODE = 'insufficient_privilege', HINT = 'Call disable_audit() as a superuser.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence.disable_audit() IS
    'Stop recording DDL: drops the event triggers of enable_audit() and records that; status dropped or was not there. What is recorded stays. Needs their owner or a superuser.';
