-- From where the session does what it does. PL/pgSQL, here and in what else runs with each DDL statement: it keeps what it
-- prepared, where an SQL function that is not inlined is planned anew in each call, for 150 us and more.
CREATE FUNCTION pggit_excellence._audit_session()
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'role', pggit_excellence._name_as_text(NULLIF(pg_catalog.current_setting('role'), 'none')),
        'application', NULLIF(pg_catalog.current_setting('application_name'), ''),
        'client', pg_catalog.host(pg_catalog.inet_client_addr()),
        'process', pg_catalog.pg_backend_pid()));
END
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_session() IS
    'Internal: role that was set, application, client address and process of this session, for audit_log.details.';

-- Details as text that can be hashed and restored: escaped as a whole where a name in it is no text in this database.
CREATE FUNCTION pggit_excellence._audit_details(details jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pggit_excellence._is_text(details::text) THEN
        RETURN details;
    END IF;
    RETURN jsonb_build_object('escaped', encode(pggit_excellence._bytes(details::text), 'escape'));
END
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_details(jsonb) IS
    'Internal: details for audit_log; where bytes in them are no UTF-8, {"escaped": the JSON with them escaped}.';

-- Record an event: in this transaction, so that it is there exactly if what it tells of is. Takes no lock that anybody
-- waits for; seal_audit_log() chains it later.
-- SECURITY DEFINER: who may record an event must not be able to write the table, actor and time among its columns.
CREATE FUNCTION pggit_excellence.record_audit_event(event_kind text, details jsonb DEFAULT '{}')
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    recorded bigint;
BEGIN
    IF NOT COALESCE(record_audit_event.event_kind ~ '^[a-z][a-z_]{0,49}$', false) THEN
        RAISE EXCEPTION '% is no kind of event', pg_catalog.quote_nullable(record_audit_event.event_kind)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Lower-case letters and underscores, 50 at most, for example access_review.';
    ELSIF pg_catalog.jsonb_typeof(record_audit_event.details) <> 'object' THEN
        RAISE EXCEPTION 'details are a JSON object, not a JSON %', pg_catalog.jsonb_typeof(record_audit_event.details)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example jsonb_build_object(''table'', ''t'').';
    END IF;
    INSERT INTO pggit_excellence.audit_log_pending AS p (event_kind, details)
    VALUES (record_audit_event.event_kind,
            pggit_excellence._audit_details(COALESCE(record_audit_event.details, '{}'))
            || pg_catalog.jsonb_build_object('session', pggit_excellence._audit_session()))
    RETURNING p.event_id INTO recorded;
    RETURN recorded;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.record_audit_event(text, jsonb) IS
    'Records an event in audit_log, in this transaction, and returns its event_id; who, when, where from are added by the server. event_kind: lower-case letters and underscores; details: a JSON object, NULL: {}. SECURITY DEFINER: whoever may call it must not be able to write the table itself.';
