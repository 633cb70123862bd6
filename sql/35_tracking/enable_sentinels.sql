-- Measure pgGit's tracking: make the event triggers of _sentinel_triggers(), or put them back into order. They depend on
-- nothing of pgGit's, which may come and go.
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
        note := CASE WHEN sentinel.function_name = '_sentinel_begin' THEN 'fires just before pgGit''s triggers'
                     ELSE 'fires just after pgGit''s triggers' END;
        status := pggit_excellence._enable_event_trigger(trigger_name, event, sentinel.function_name,
                                                         'Measures pgGit''s event triggers (pggit_excellence): ' || note || '.');
        RETURN NEXT;
    END LOOP;
    PERFORM pggit_excellence._book_tracking();
END
$body$;
COMMENT ON FUNCTION pggit_excellence.enable_sentinels() IS
    'Measure how long pgGit''s event triggers take (ddl_tracking_ms) and count how often they fail (ddl_tracking_ok, booked by run_probes()): makes four event triggers around pgGit''s, ENABLE ALWAYS, and returns each with status created, enabled or already enabled. Safe to run again; pgGit may be installed, dropped and reinstalled meanwhile. Needs a superuser. Setting pggit_excellence.enabled = off makes them do nothing.';
