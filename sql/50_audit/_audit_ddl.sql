-- The objects that the command of an event trigger was about, the first hundred of them.
CREATE FUNCTION pggit_excellence._audit_objects(event text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    found jsonb;
    total bigint;
BEGIN
    IF event = 'sql_drop' THEN
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('type', d.object_type, 'name', d.object_identity) ORDER BY d.number)
                   FILTER (WHERE d.number <= 100),
               pg_catalog.count(*)
        INTO found, total
        FROM (
            SELECT e.object_type, e.object_identity, pg_catalog.row_number() OVER () AS number
            FROM pg_catalog.pg_event_trigger_dropped_objects() AS e WHERE e.original OR e.normal
        ) AS d;
    ELSE
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('command', c.command_tag, 'type', c.object_type, 'name', c.object_identity)
                                    ORDER BY c.number) FILTER (WHERE c.number <= 100),
               pg_catalog.count(*)
        INTO found, total
        FROM (
            SELECT e.command_tag, e.object_type, e.object_identity, pg_catalog.row_number() OVER () AS number
            FROM pg_catalog.pg_event_trigger_ddl_commands() AS e
        ) AS c;
    END IF;
    RETURN pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('objects', found, 'object_count', total));
END
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_objects(text) IS
    'Internal: what the current DDL command was about, for audit_log.details. Works in an event trigger only.';

-- The statement, without what nobody should read: where it may hold a password there is its SHA-256 instead.
CREATE FUNCTION pggit_excellence._audit_statement(tag text, statement text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    begins   text := pg_catalog.left(statement, 10000);
    withheld boolean := tag ~ '(SERVER|USER MAPPING|SUBSCRIPTION|FOREIGN DATA WRAPPER)$' OR begins ~* 'passw|secret';
BEGIN
    IF NOT withheld AND begins = statement THEN
        RETURN pg_catalog.jsonb_build_object('statement', statement);
    END IF;
    RETURN pg_catalog.jsonb_build_object(
               'statement_length', pg_catalog.length(statement),
               'statement_sha256', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(statement, pg_catalog.getdatabaseencoding())), 'hex'))
           || CASE WHEN withheld THEN pg_catalog.jsonb_build_object('statement_withheld', 'it may hold a password')
                   ELSE pg_catalog.jsonb_build_object('statement', begins) END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_statement(text, text) IS
    'Internal: a statement for audit_log.details: whole, its first 10,000 characters, or, where it may hold a password, its SHA-256 alone.';

-- Whether the setting pggit_excellence.enabled switches off what guards: for superusers only, or everybody could pass by it.
CREATE FUNCTION pggit_excellence._guards_off()
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.lower(pg_catalog.current_setting('pggit_excellence.enabled', true)) IN ('off', 'false', 'no', '0') THEN
        RETURN (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user);
    END IF;
    RETURN false;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._guards_off() IS
    'Internal: whether pggit_excellence.enabled is off and the session user a superuser, so that audit and rate limit do nothing.';

-- Record DDL. What it cannot do, it counts, and the DDL passes.
-- SECURITY DEFINER: whoever runs DDL must have no right to write the log.
CREATE FUNCTION pggit_excellence._audit_ddl()
RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $body$
BEGIN
    -- A DROP is told of at sql_drop, with its objects.
    IF TG_EVENT = 'ddl_command_end' AND TG_TAG LIKE 'DROP %' OR pggit_excellence._guards_off() THEN
        RETURN;
    END IF;
    INSERT INTO pggit_excellence.audit_log_pending (event_kind, details)
    VALUES ('ddl', pg_catalog.jsonb_build_object('command', TG_TAG, 'event', TG_EVENT, 'session', pggit_excellence._audit_session())
                   || pggit_excellence._audit_details(pggit_excellence._audit_objects(TG_EVENT))
                   || pggit_excellence._audit_statement(TG_TAG, pg_catalog.current_query()));
EXCEPTION WHEN OTHERS THEN
    BEGIN
        -- The objects may be gone already, in functions that make and drop them.
        INSERT INTO pggit_excellence.audit_log_pending (event_kind, details)
        VALUES ('ddl', pg_catalog.jsonb_build_object('command', TG_TAG, 'event', TG_EVENT, 'error', SQLERRM));
        RETURN;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        RAISE LOG 'pggit_excellence could not record %: %', TG_TAG, SQLERRM;
        PERFORM pg_catalog.nextval('pggit_excellence.audit_errors');
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._audit_ddl() IS
    'Internal: event trigger that records DDL in audit_log, SECURITY DEFINER because whoever runs DDL must have no right to write the log. See enable_audit().';
