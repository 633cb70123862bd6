-- Event triggers of ours: their state, making them, and what lets DROP EXTENSION take them along.

-- always (as it should be), origin, replica only, disabled, or missing: also where one of that name is not ours.
-- PL/pgSQL keeps the plan: prometheus_metrics() asks sixteen times.
CREATE FUNCTION pggit_excellence._event_trigger_state(trigger_name text, event text, function_name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN COALESCE((
        SELECT CASE e.evtenabled WHEN 'A' THEN 'always' WHEN 'O' THEN 'origin' WHEN 'R' THEN 'replica only' ELSE 'disabled' END
        FROM pg_catalog.pg_event_trigger AS e
        JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE e.evtname = trigger_name AND e.evtevent = event AND n.nspname = 'pggit_excellence' AND p.proname = function_name
    ), 'missing');
END
$body$;
COMMENT ON FUNCTION pggit_excellence._event_trigger_state(text, text, text) IS
    'Internal: the state of an event trigger of ours: always, origin, replica only, disabled, missing. Source: pg_event_trigger.';

-- Make it, or put it back into order: ENABLE ALWAYS. Returns created, enabled or already enabled.
CREATE FUNCTION pggit_excellence._enable_event_trigger(trigger_name text, event text, function_name text, description text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    state text := pggit_excellence._event_trigger_state(trigger_name, event, function_name);
BEGIN
    IF state = 'missing' THEN
        EXECUTE pg_catalog.format('CREATE EVENT TRIGGER %I ON %I EXECUTE FUNCTION pggit_excellence.%I()', trigger_name, event, function_name);
        EXECUTE pg_catalog.format('COMMENT ON EVENT TRIGGER %I IS %L', trigger_name, description);
    END IF;
    IF state <> 'always' THEN
        EXECUTE pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', trigger_name);
    END IF;
    PERFORM pggit_excellence._mark_event_trigger(trigger_name);
    RETURN CASE state WHEN 'always' THEN 'already enabled' WHEN 'missing' THEN 'created' ELSE 'enabled' END;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role % may not make event triggers', pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege', HINT = 'A superuser may. Nothing was changed.';
    WHEN duplicate_object THEN
        RAISE EXCEPTION 'event trigger % exists and is not ours', pg_catalog.quote_ident(trigger_name)
            USING ERRCODE = 'duplicate_object', HINT = 'Rename or drop it, then try again. Nothing was changed.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._enable_event_trigger(text, text, text, text) IS
    'Internal: make an event trigger of ours, ENABLE ALWAYS, or put it back into order: created, enabled, already enabled. Needs a superuser.';

-- Such triggers are no members of the extension, or pg_dump would leave them out, but DROP EXTENSION takes them along: a
-- mark in pg_depend, which the command for it has for functions only (see _link_mark()). It is not in a dump.
CREATE FUNCTION pggit_excellence._mark_event_trigger(trigger_name text)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
    INSERT INTO pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
    SELECT 'pg_catalog.pg_event_trigger'::regclass, e.oid, 0, 'pg_catalog.pg_extension'::regclass, x.oid, 0, 'x'
    FROM pg_catalog.pg_event_trigger AS e
    JOIN pg_catalog.pg_extension AS x ON x.extname = 'pggit_excellence'
    WHERE e.evtname = trigger_name AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = e.oid
          AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = x.oid)
$body$;
COMMENT ON FUNCTION pggit_excellence._mark_event_trigger(text) IS
    'Internal: let DROP EXTENSION take an event trigger of ours along without CASCADE. Needs a superuser; nothing to do where it is marked, or installed with psql.';
