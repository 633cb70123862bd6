-- Stop measuring: book what was counted, then drop the event triggers. Samples and counts stay.
CREATE FUNCTION pggit_excellence.disable_sentinels()
RETURNS TABLE (trigger_name text, event text, status text)
LANGUAGE plpgsql VOLATILE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM pggit_excellence._book_tracking();
    FOR trigger_name, event, status IN
        SELECT s.trigger_name, s.event, CASE s.state WHEN 'missing' THEN 'was not there' ELSE 'dropped' END
        FROM pggit_excellence._sentinel_triggers() AS s
    LOOP
        IF status = 'dropped' THEN
            EXECUTE pg_catalog.format('DROP EVENT TRIGGER %I', trigger_name);
        END IF;
        RETURN NEXT;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'role % may not drop the sentinels', pg_catalog.quote_ident(current_user)
        USING ERRCODE = 'insufficient_privilege', HINT = 'Call disable_sentinels() as a superuser.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence.disable_sentinels() IS
    'Stop measuring pgGit''s tracking: books what was counted and drops the event triggers of enable_sentinels(); status dropped or was not there. What was measured stays. Needs their owner or a superuser.';
