-- Which run of which server counts. Sequences that are read after a crash, on a promoted standby or from a dump may have
-- jumped, each by another amount. A crash resets the background writer's statistics; a restore makes new sequences.
CREATE FUNCTION pggit_excellence._server_run()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.concat_ws(' ', c.system_identifier, pg_catalog.date_part('epoch', b.stats_reset)::numeric,
                                'pggit_excellence.sentinel_started'::regclass::oid)
    FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_stat_bgwriter AS b
$body$;
COMMENT ON FUNCTION pggit_excellence._server_run() IS
    'Internal: a name for what lasts until the server crashes, fails over or is restored. To compare, nothing else.';

-- Write what the sentinels counted since the last call into performance_metrics, as ddl_tracking_ok: one sample of value 1
-- for all events that were tracked, one of value 0 for all that certainly failed. Events under way are booked when they
-- end, and failures while others run DDL possibly not before those are done. One booking at a time: a second one finds
-- nothing to do.
CREATE FUNCTION pggit_excellence._book_tracking(OUT tracked bigint, OUT failed bigint, OUT errors bigint, OUT note text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    run    text := pggit_excellence._server_run();
    booked pggit_excellence.sentinel_bookings;
    counts record;
    ended  bigint;
BEGIN
    INSERT INTO pggit_excellence.sentinel_bookings (server_run, tracked, failed, left_out, errors, new_errors, booked_at)
    VALUES ('', 0, 0, 0, 0, 0, pg_catalog.clock_timestamp()) ON CONFLICT DO NOTHING;
    SELECT b.* INTO booked FROM pggit_excellence.sentinel_bookings AS b FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        note := 'another session is booking now';
        RETURN;
    END IF;
    SELECT c.* INTO counts FROM pggit_excellence._sentinel_counts() AS c;
    ended := counts.tracked + counts.bypassed + counts.repeated;

    IF booked.server_run <> run THEN
        note := CASE WHEN booked.server_run <> '' THEN
            'the server crashed or was restored since the last booking; what happened in between is not counted' END;
        booked.tracked := counts.tracked;
        booked.failed := 0;
        booked.left_out := counts.started_after - ended;
        booked.errors := counts.errors;
    END IF;
    -- Certain: what began, did not end, and does not run; never less than before.
    tracked := counts.tracked - booked.tracked;
    failed := GREATEST(counts.started - ended - counts.held - booked.left_out - booked.failed, 0);
    errors := counts.errors - booked.errors;
    IF tracked > 0 THEN
        PERFORM pggit_excellence.record_metric('ddl_tracking_ok', 1, sample_count => LEAST(tracked, 2147483647)::integer);
    END IF;
    IF failed > 0 THEN
        PERFORM pggit_excellence.record_metric('ddl_tracking_ok', 0, sample_count => LEAST(failed, 2147483647)::integer);
    END IF;
    UPDATE pggit_excellence.sentinel_bookings AS b
    SET server_run = run, tracked = counts.tracked, failed = booked.failed + _book_tracking.failed,
        -- What was under way when counting began has ended since, and hides no failure any more.
        left_out = LEAST(booked.left_out, counts.started_after - ended - booked.failed - _book_tracking.failed),
        errors = counts.errors, new_errors = _book_tracking.errors, booked_at = pg_catalog.clock_timestamp();
END
$body$;
COMMENT ON FUNCTION pggit_excellence._book_tracking() IS
    'Internal: stores what the sentinels counted since the last call as ddl_tracking_ok (1: tracked, 0: failed, with how many), each event once, failures only when they are certain. Locks the row of sentinel_bookings until the transaction ends. note: NULL, or why less was booked.';
