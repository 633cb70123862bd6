-- The sentinels: event triggers that fire just before and just after pgGit's and tell how long those took.
--
-- Event triggers fire in the byte order of their names, so what is named between 'pggis~' and 'pggiu!' is measured, which
-- is every name that begins with pggit. The first keeps the clock in a setting of the transaction, the second subtracts;
-- DDL that runs meanwhile puts its own before it, and a rollback takes it away. The counts are sequences, which no
-- rollback touches: what began and did not end failed, or still runs. Which may still run tells a shared advisory lock
-- that each transaction keeps from its first event on.
--
-- SECURITY DEFINER: who runs DDL needs no right to write samples, and must have none. Settings are anybody's, so what is
-- found there counts only where it can be true. Errors of our own are counted and logged, and the DDL goes on; another
-- session's lock is waited for one second at most: less, and a busy server loses samples where the table grows.

-- What PL/pgSQL evaluates it prepares anew in every transaction, part by part, and DDL leaves no cache warm: hence few and
-- short expressions, and no conversion that a reader can make as well. What each part costs is in docs/decisions.md.

-- Numbers of the advisory lock: 1886807924 and the length of what is under way, another one for each depth of nesting.
CREATE FUNCTION pggit_excellence._sentinel_begin()
RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    -- For each event under way, the innermost first, 17 characters: seconds since 1970, or -Infinity, which nobody measures.
    frames text := COALESCE(pg_catalog.current_setting('pggit_excellence.sentinel_frames', true), '');
BEGIN
    frames := pg_catalog.set_config('pggit_excellence.sentinel_frames', CASE
        WHEN pg_catalog.lower(pg_catalog.current_setting('pggit_excellence.enabled', true)) IN ('off', 'false', 'no', '0')
        THEN '-Infinity        '
        -- Refused only where somebody holds the lock alone, which anybody can: then what is under way cannot be told.
        WHEN pg_catalog.pg_try_advisory_xact_lock_shared(1886807924, pg_catalog.length(frames))
         AND pg_catalog.nextval('pggit_excellence.sentinel_started') > 0
        THEN EXTRACT(epoch FROM pg_catalog.clock_timestamp())::text
        WHEN pg_catalog.nextval('pggit_excellence.sentinel_errors') > 0
        THEN '-Infinity        '
    END || frames, true);
EXCEPTION WHEN OTHERS THEN
    BEGIN
        RAISE LOG 'pggit_excellence could not begin to measure %: %', TG_TAG, SQLERRM;
        PERFORM pg_catalog.set_config('pggit_excellence.sentinel_frames', '-Infinity        ' || frames, true);
        PERFORM pg_catalog.nextval('pggit_excellence.sentinel_errors');
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._sentinel_begin() IS
    'Internal: event trigger that fires just before pgGit''s, SECURITY DEFINER because whoever runs DDL must have no rights on what it counts. Counts the event and keeps the time; see enable_sentinels().';

CREATE FUNCTION pggit_excellence._sentinel_end()
RETURNS event_trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $body$
DECLARE
    ended   timestamptz := pg_catalog.clock_timestamp();
    frames  text := pg_catalog.current_setting('pggit_excellence.sentinel_frames', true);
    began   timestamptz;
    counted bigint;
BEGIN
    began := pg_catalog.to_timestamp(pg_catalog.left(frames, 17)::double precision);
    frames := pg_catalog.set_config('pggit_excellence.sentinel_frames', pg_catalog.substr(frames, 18), true);

    -- Before the year 2000 there are no samples.
    IF began BETWEEN GREATEST(pg_catalog.statement_timestamp(), '2000-01-01 00:00+00') AND ended THEN
        IF TG_TAG LIKE 'DROP %' AND TG_EVENT = 'ddl_command_end' THEN
            -- Tracked at sql_drop; a second sample of next to nothing would flatter the percentiles.
            counted := pg_catalog.nextval('pggit_excellence.sentinel_repeated');
        ELSE
            INSERT INTO pggit_excellence.ddl_tracking_samples (recorded_at, began_at, event, command)
            SELECT ended, began, TG_EVENT, TG_TAG
            FROM pg_catalog.pg_event_trigger AS e
            WHERE e.evtname LIKE 'pggit%' AND e.evtevent = TG_EVENT
              AND e.evtenabled = ANY (CASE pg_catalog.current_setting('session_replication_role')
                                      WHEN 'replica' THEN '{A,R}' ELSE '{A,O}' END::"char"[])
              AND (e.evttags IS NULL OR TG_TAG = ANY (e.evttags))
            LIMIT 1;
            counted := CASE WHEN FOUND THEN pg_catalog.nextval('pggit_excellence.sentinel_tracked')
                            ELSE pg_catalog.nextval('pggit_excellence.sentinel_bypassed') END;
        END IF;
    ELSIF began IS DISTINCT FROM '-infinity' THEN
        RAISE EXCEPTION 'the clock went back, or setting pggit_excellence.sentinel_frames was changed meanwhile';
    END IF;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        RAISE LOG 'pggit_excellence could not measure %: %', TG_TAG, SQLERRM;
        -- What failed was rolled back, and the setting has again what it had.
        PERFORM pg_catalog.set_config('pggit_excellence.sentinel_frames', pg_catalog.substr(
            pg_catalog.current_setting('pggit_excellence.sentinel_frames', true), 18), true);
        PERFORM pg_catalog.nextval('pggit_excellence.sentinel_errors');
        -- What began ended: our error is no failure of pgGit's.
        IF counted IS NULL AND pg_catalog.isfinite(began) THEN
            PERFORM pg_catalog.nextval('pggit_excellence.sentinel_tracked');
        END IF;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._sentinel_end() IS
    'Internal: event trigger that fires just after pgGit''s, SECURITY DEFINER because whoever runs DDL must have no right to write samples. Stores ddl_tracking_ms and counts; see enable_sentinels().';

-- The event triggers that there should be, and those that are there.
--   state  always (as it should be), origin, replica only, disabled, or missing
CREATE FUNCTION pggit_excellence._sentinel_triggers()
RETURNS TABLE (trigger_name text, event text, function_name text, state text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT s.trigger_name, s.event, s.function_name,
           pggit_excellence._event_trigger_state(s.trigger_name, s.event, s.function_name)
    FROM (VALUES ('pggis~excellence_drop', 'sql_drop', '_sentinel_begin'),
                 ('pggiu!excellence_drop', 'sql_drop', '_sentinel_end'),
                 ('pggis~excellence_ddl', 'ddl_command_end', '_sentinel_begin'),
                 ('pggiu!excellence_ddl', 'ddl_command_end', '_sentinel_end')
    ) AS s (trigger_name, event, function_name)
    ORDER BY s.event DESC, s.trigger_name
$body$;
COMMENT ON FUNCTION pggit_excellence._sentinel_triggers() IS
    'Internal: the four event triggers of enable_sentinels() and the state of each. Source: pg_event_trigger.';

-- The counts, read so that what is certain can be told. Read in this order, started - ended - held is never more than
-- what failed: what began before the first reading and has not ended by the last either failed or runs, and what runs
-- holds a lock. started_after - ended is never less.
-- SECURITY DEFINER: reading a sequence needs a privilege that would also let a reader see currval().
CREATE FUNCTION pggit_excellence._sentinel_counts(
    OUT started bigint, OUT held bigint, OUT tracked bigint, OUT bypassed bigint, OUT repeated bigint, OUT errors bigint,
    OUT started_after bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    started := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.sentinel_started'), 0);
    SELECT pg_catalog.count(*) INTO held
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.classid = 1886807924 AND l.objsubid = 2 AND l.granted
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database());
    tracked := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.sentinel_tracked'), 0);
    bypassed := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.sentinel_bypassed'), 0);
    repeated := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.sentinel_repeated'), 0);
    errors := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.sentinel_errors'), 0);
    started_after := COALESCE(pg_catalog.pg_sequence_last_value('pggit_excellence.sentinel_started'), 0);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._sentinel_counts() IS
    'Internal: what the sentinels counted since they were installed, and held: events that may be under way now, in transactions that have not ended. SECURITY DEFINER, so that readers need no privilege on the sequences. Source: the sequences sentinel_*, pg_locks.';
