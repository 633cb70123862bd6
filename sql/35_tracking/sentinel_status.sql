-- Whether pgGit's tracking is measured, and what was counted.
CREATE FUNCTION pggit_excellence.sentinel_status()
RETURNS TABLE (
    enabled boolean, started bigint, tracked bigint, failed bigint, under_way bigint, bypassed bigint, errors bigint,
    booked_at timestamptz, note text
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    counts record;
    booked pggit_excellence.sentinel_bookings;
    broken text;
    beside text;
BEGIN
    SELECT pg_catalog.bool_and(s.state = 'always'),
           pg_catalog.string_agg(pg_catalog.format('%I is %s', s.trigger_name, s.state), ', ') FILTER (WHERE s.state <> 'always')
    INTO enabled, broken
    FROM pggit_excellence._sentinel_triggers() AS s;
    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(t.trigger_name), ', ') INTO beside
    FROM pggit_excellence._tracking_triggers() AS t
    WHERE t.fires AND NOT (t.trigger_name COLLATE "C" >= 'pggit' AND t.trigger_name COLLATE "C" < 'pggiu');

    -- A standby's sequences run ahead of the primary's by up to 32.
    IF NOT pg_catalog.pg_is_in_recovery() THEN
        SELECT b.* INTO booked FROM pggit_excellence.sentinel_bookings AS b;
        SELECT c.* INTO counts FROM pggit_excellence._sentinel_counts() AS c;
        started := counts.started;
        tracked := counts.tracked;
        bypassed := counts.bypassed;
        errors := counts.errors;
        under_way := counts.held;
        failed := booked.failed;
        booked_at := booked.booked_at;
    END IF;
    note := NULLIF(pg_catalog.concat_ws('; ',
        CASE WHEN NOT enabled AND (SELECT pg_catalog.count(*) FROM pggit_excellence._sentinel_triggers() AS s WHERE s.state = 'missing') = 4
             THEN 'off: a superuser turns them on with SELECT * FROM pggit_excellence.enable_sentinels()'
             WHEN NOT enabled THEN broken || ': run SELECT * FROM pggit_excellence.enable_sentinels()' END,
        'named so that it is not measured: ' || beside,
        CASE WHEN pg_catalog.lower(pg_catalog.current_setting('pggit_excellence.enabled', true)) IN ('off', 'false', 'no', '0')
             THEN 'pggit_excellence.enabled is off in this session' END,
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'the counts are the primary''s: ask there'
             WHEN booked.server_run <> pggit_excellence._server_run() THEN 'the server crashed or was restored since the last booking: counts may have jumped' END,
        CASE WHEN errors - booked.errors + booked.new_errors > 0
             THEN errors - booked.errors + booked.new_errors || ' events could not be measured lately; the server''s log may tell why (pggit_excellence could not ...)' END), '');
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.sentinel_status() IS
    'Whether the sentinels are enabled, all four and ENABLE ALWAYS, and what they counted since they were installed: events started, tracked (pgGit''s triggers ran through), bypassed (none fired), errors (not measured); failed: failures booked so far since booked_at''s server run began; under_way: events that may run now, in transactions that are open. An event is a ddl_command_end or a sql_drop; the end of a DROP command is in started only. Counts are NULL on a standby; failed and booked_at are NULL before enable_sentinels(). note: what is wrong or off, NULL: nothing.';
