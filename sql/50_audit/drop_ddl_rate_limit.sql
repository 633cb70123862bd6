-- No more limit for this role but that of public. The event trigger goes with the last limit.
CREATE FUNCTION pggit_excellence.drop_ddl_rate_limit(role_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $body$
DECLARE
    number  integer;
    refused bigint;
BEGIN
    DELETE FROM pggit_excellence.ddl_rate_limits AS l WHERE l.role_name = drop_ddl_rate_limit.role_name
    RETURNING l.limit_id, pggit_excellence._ddl_refusals(l.limit_id) - l.refusals INTO number, refused;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role % has no limit', pg_catalog.quote_nullable(drop_ddl_rate_limit.role_name)
            USING ERRCODE = 'no_data_found', HINT = 'The table pggit_excellence.ddl_rate_limits lists them.';
    END IF;
    IF NOT EXISTS (SELECT FROM pggit_excellence.ddl_rate_limits)
       AND pggit_excellence._event_trigger_state('pgx_rate_limit', 'ddl_command_start', '_limit_ddl') <> 'missing'
    THEN
        DROP EVENT TRIGGER pgx_rate_limit;
    END IF;
    EXECUTE pg_catalog.format('DROP SEQUENCE IF EXISTS pggit_excellence.%I, pggit_excellence.%I',
                              'ddl_rate_' || number || '_state', 'ddl_rate_' || number || '_refused');
    PERFORM pggit_excellence.record_audit_event('rate_limit', pg_catalog.jsonb_build_object(
        'action', 'limit dropped', 'limit_of', drop_ddl_rate_limit.role_name, 'refused', refused));
END
$body$;
COMMENT ON FUNCTION pggit_excellence.drop_ddl_rate_limit(text) IS
    'Takes away the limit that set_ddl_rate_limit() set for this role; an error where there is none. Waits at most 2 s for transactions of the role that ran DDL. Needs a superuser.';
