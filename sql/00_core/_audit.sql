-- Record what a function of ours did in the audit log, where that part is installed.
CREATE FUNCTION pggit_excellence._audit(event_kind text, details jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.to_regprocedure('pggit_excellence.record_audit_event(text, jsonb)') IS NOT NULL THEN
        PERFORM pggit_excellence.record_audit_event(event_kind, details);
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._audit(text, jsonb) IS
    'Internal: record_audit_event(), where the audit log is installed.';
