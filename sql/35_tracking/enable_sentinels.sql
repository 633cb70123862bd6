-- Measure pgGit's tracking: make the event triggers of _sentinel_triggers(), or put them back into order.
--
-- They are no members of the extension, or pg_dump would leave them out, but DROP EXTENSION takes them along: a mark in
-- pg_depend, which the command for it has for functions only (see _link_mark()). It is not in a dump; after a restore
-- enable_sentinels() or run_probes() by a superuser sets it again. They depend on nothing of pgGit's, which may come and go.
CREATE FUNCTION pggit_excellence._mark_sentinels()
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
    INSERT INTO pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
    SELECT 'pg_catalog.pg_event_trigger'::regclass, e.oid, 0, 'pg_catalog.pg_extension'::regclass, x.oid, 0, 'x'
    FROM pggit_excellence._sentinel_triggers() AS s
    JOIN pg_catalog.pg_event_trigger AS e ON e.evtname = s.trigger_name AND s.state <> 'missing'
    JOIN pg_catalog.pg_extension AS x ON x.extname = 'pggit_excellence'
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = e.oid
          AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = x.oid)
$body$;
COMMENT ON FUNCTION pggit_excellence._mark_sentinels() IS
    'Internal: let DROP EXTENSION take the sentinels along without CASCADE. Needs a superuser; nothing to do where they are marked, or installed with psql.';

CREATE FUNCTION pggit_excellence.enable_sentinels()
RETURNS TABLE (trigger_name text, event text, status text, note text)
LANGUAGE plpgsql VOLATILE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    sentinel record;
BEGIN
    FOR sentinel IN SELECT s.* FROM pggit_excellence._sentinel_triggers() AS s LOOP
        trigger_name := sentinel.trigger_name;
        event := sentinel.event;
        status := CASE sentinel.state WHEN 'always' THEN 'already enabled' WHEN 'missing' THEN 'created' ELSE 'enabled' END;
        note := CASE WHEN sentinel.function_name = '_sentinel_begin' THEN 'fires just before pgGit''s triggers'
                     ELSE 'fires just after pgGit''s triggers' END;
        IF sentinel.state = 'missing' THEN
            EXECUTE pg_catalog.format('CREATE EVENT TRIGGER %I ON %s EXECUTE FUNCTION pggit_excellence.%I()',
                                      trigger_name, CASE event WHEN 'sql_drop' THEN 'sql_drop' ELSE 'ddl_command_end' END,
                                      sentinel.function_name);
            EXECUTE pg_catalog.format('COMMENT ON EVENT TRIGGER %I IS %L', trigger_name,
                                      'Measures pgGit''s event triggers (pggit_excellence): ' || note || '.');
        END IF;
        IF sentinel.state <> 'always' THEN
            EXECUTE pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', trigger_name);
        END IF;
        RETURN NEXT;
    END LOOP;
    PERFORM pggit_excellence._mark_sentinels();
    PERFORM pggit_excellence._book_tracking();
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role % may not make event triggers', pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege', HINT = 'Call enable_sentinels() as a superuser.';
    WHEN duplicate_object THEN
        RAISE EXCEPTION 'event trigger % exists and is not ours', pg_catalog.quote_ident(trigger_name)
            USING ERRCODE = 'duplicate_object', HINT = 'Rename or drop it, then call enable_sentinels() again. Nothing was changed.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence.enable_sentinels() IS
    'Measure how long pgGit''s event triggers take (ddl_tracking_ms) and count how often they fail (ddl_tracking_ok, booked by run_probes()): makes four event triggers around pgGit''s, ENABLE ALWAYS, and returns each with status created, enabled or already enabled. Safe to run again; pgGit may be installed, dropped and reinstalled meanwhile. Needs a superuser. Setting pggit_excellence.enabled = off makes them do nothing.';
