-- From which snapshot on statements are counted, for "the last `since`". Always one row; needs a readable pg_stat_statements.
--   base_snapshot  its counters are subtracted; NULL: nothing is, the counters are those since the last reset
--   counted_from   where the window really begins
--   notes          what the reader must know about the window
-- Snapshots compare only with the same statements_reset: not after a reset or a crash, nor those of another server.
CREATE FUNCTION pggit_excellence._statement_window(since interval)
RETURNS TABLE (base_snapshot bigint, counted_from timestamptz, notes text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    wanted   timestamptz := pg_catalog.statement_timestamp() - since;
    source   record;
    base     record;
    evicted  bigint;
    vanished text;
BEGIN
    SELECT f.stats_reset, f.dealloc INTO source FROM pggit_excellence._statement_source() AS f;

    -- The last one that is old enough; else, unless the counters themselves are younger, the first one that is not.
    SELECT s.snapshot_id, s.taken_at, s.statements_dealloc INTO base
    FROM pggit_excellence.snapshots AS s
    WHERE s.statements_complete AND s.statements_reset = source.stats_reset
      AND (s.taken_at <= wanted OR source.stats_reset <= wanted)
    ORDER BY s.taken_at <= wanted DESC, pg_catalog.abs(EXTRACT(epoch FROM s.taken_at - wanted)), s.snapshot_id DESC
    LIMIT 1;

    base_snapshot := base.snapshot_id;
    counted_from := COALESCE(base.taken_at, source.stats_reset);
    notes := '{}';
    IF since IS NULL THEN
        NULL;
    ELSIF base_snapshot IS NULL AND counted_from > wanted THEN
        notes := notes || pg_catalog.format(
            'The statistics of pg_stat_statements were reset at %s: the numbers cover the time since then, not the last %s.',
            pg_catalog.date_trunc('second', counted_from), since);
    ELSIF base_snapshot IS NULL THEN
        notes := notes || pg_catalog.format(
            'There is no snapshot to compare with: the numbers cover the time since the statistics were reset (%s), not the last %s. '
            'Run SELECT pggit_excellence.take_snapshot() regularly, as a role with pg_read_all_stats.',
            pg_catalog.date_trunc('second', counted_from), since);
    ELSIF counted_from > wanted THEN
        notes := notes || pg_catalog.format(
            'No snapshot is older than %s: the numbers cover the time since the first one (%s).', since, pg_catalog.date_trunc('second', counted_from));
    ELSIF counted_from < wanted - since * 0.1 THEN
        notes := notes || pg_catalog.format(
            'The last snapshot older than %s was taken at %s: the numbers cover the time since then.', since, pg_catalog.date_trunc('second', counted_from));
    END IF;

    evicted := source.dealloc - COALESCE(base.statements_dealloc, 0);
    IF evicted > 0 THEN
        notes := notes || pg_catalog.format(
            'pg_stat_statements evicted its least used entries %s times in this window: statements may be missing and counts too low. '
            'Raise pg_stat_statements.max (now %s).',
            evicted, pg_catalog.current_setting('pg_stat_statements.max'));
    END IF;

    IF pg_catalog.current_setting('pg_stat_statements.track') = 'none' THEN
        notes := notes || 'pg_stat_statements counts nothing in this session: pg_stat_statements.track is none.'::text;
    ELSIF pg_catalog.current_setting('compute_query_id') = 'off' THEN
        notes := notes || 'pg_stat_statements counts nothing in this session: compute_query_id is off.'::text;
    END IF;

    -- Names are the key: what was renamed cannot be matched with the snapshot.
    SELECT pg_catalog.string_agg(DISTINCT n.name, ', ') INTO vanished
    FROM pggit_excellence.statement_snapshots AS b
    LEFT JOIN pg_catalog.pg_database AS d ON d.datname = b.database_name
    LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = b.user_name
    CROSS JOIN LATERAL (VALUES
        (CASE WHEN d.oid IS NULL THEN 'database ' || pg_catalog.quote_ident(b.database_name) END),
        (CASE WHEN r.oid IS NULL THEN 'role ' || pg_catalog.quote_ident(b.user_name) END)
    ) AS n (name)
    WHERE b.snapshot_id = base_snapshot AND n.name IS NOT NULL;
    IF vanished IS NOT NULL THEN
        notes := notes || pg_catalog.format(
            'Dropped or renamed since the snapshot: %s. Under a new name, statements are counted from before the window.', vanished);
    END IF;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._statement_window(interval) IS
    'Internal: which snapshot slow_statements() subtracts, from when on it therefore counts, and what the reader must know about that.';

-- The statements that took the most time, from pg_stat_statements.
--   since          the window, counted from the last snapshot that is at least so old; NULL: since the statistics were reset
--   all_databases  false: the current database only
--   query_length   characters of the query to show, white space folded; NULL: the whole text as it is
-- What the reader must know comes first, as rows that have nothing but a note; then the statements by total time.
-- Where counters of an entry went down, it was evicted or reset and came back: it is counted from its return.
CREATE FUNCTION pggit_excellence.slow_statements(
    since interval DEFAULT NULL, all_databases boolean DEFAULT false, query_length integer DEFAULT 100
)
RETURNS TABLE (
    query text, calls bigint, total_ms numeric, mean_ms numeric, max_ms numeric, share_percent numeric,
    rows_per_call numeric, shared_hit bigint, shared_read bigint, io_ms numeric, temp_blocks bigint, wal_bytes numeric,
    plan_ms numeric, jit_ms numeric, user_name text, database_name text, toplevel boolean, queryid bigint,
    counted_from timestamptz, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    span    record;
    hidden  bigint;
    io_on   boolean := pg_catalog.current_setting('track_io_timing')::boolean;
BEGIN
    IF since <= '0' THEN
        RAISE EXCEPTION 'since must be a positive interval, not %', since
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'For example: since => ''1 hour''. NULL means since the statistics were reset.';
    ELSIF query_length < 1 THEN
        RAISE EXCEPTION 'query_length must be positive, not %', query_length
            USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL shows the whole text.';
    ELSIF all_databases IS NULL THEN
        RAISE EXCEPTION 'all_databases must be true or false'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'false: the current database only.';
    END IF;

    SELECT f.problem INTO note FROM pggit_excellence._statement_source() AS f;
    IF note IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;

    -- A longer interval would lead to before the beginning of time.
    SELECT w.base_snapshot, w.counted_from, w.notes INTO span FROM pggit_excellence._statement_window(CASE WHEN since IS NOT NULL THEN LEAST(since, '4000 years') END) AS w;
    counted_from := span.counted_from;
    FOREACH note IN ARRAY span.notes LOOP
        RETURN NEXT;
    END LOOP;

    IF NOT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') THEN
        SELECT pg_catalog.count(*) INTO hidden
        FROM pggit_excellence._statements(false) AS s
        WHERE s.queryid IS NULL AND (all_databases OR s.database_name = pg_catalog.current_database());
    END IF;
    IF hidden > 0 THEN
        note := pg_catalog.format(
            '%s statements of other roles are hidden from role %I and left out: GRANT pg_read_all_stats TO %2$I.',
            hidden, current_user);
        RETURN NEXT;
    END IF;

    RETURN QUERY
    WITH counted AS (
        SELECT n.query, n.user_name, n.database_name, n.toplevel, n.queryid,
               n.calls - COALESCE(b.calls, 0) AS calls,
               n.total_exec_time - COALESCE(b.total_exec_time, 0) AS exec_time,
               -- Known where the entry is new or its maximum rose, unless the maximum alone was reset meanwhile.
               CASE WHEN n.minmax_stats_since > GREATEST(n.stats_since, span.counted_from) THEN NULL
                    WHEN b.queryid IS NULL OR n.max_exec_time > b.max_exec_time THEN n.max_exec_time END AS max_time,
               n.rows - COALESCE(b.rows, 0) AS rows,
               n.shared_blks_hit - COALESCE(b.shared_blks_hit, 0) AS shared_hit,
               n.shared_blks_read - COALESCE(b.shared_blks_read, 0) AS shared_read,
               n.shared_blk_read_time + n.shared_blk_write_time
                   - COALESCE(b.shared_blk_read_time + b.shared_blk_write_time, 0) AS io_time,
               n.temp_blks_read + n.temp_blks_written - COALESCE(b.temp_blks_read + b.temp_blks_written, 0) AS temp_blocks,
               n.wal_bytes - COALESCE(b.wal_bytes, 0) AS wal_bytes,
               n.plans - COALESCE(b.plans, 0) AS plans,
               n.total_plan_time - COALESCE(b.total_plan_time, 0) AS plan_time,
               CASE WHEN b.queryid IS NULL THEN n.jit_time ELSE n.jit_time - b.jit_time END AS jit_time
        FROM pggit_excellence._statements(true) AS n
        LEFT JOIN pggit_excellence.statement_snapshots AS b
            ON b.snapshot_id = span.base_snapshot AND b.database_name = n.database_name AND b.user_name = n.user_name
            AND b.queryid = n.queryid AND b.toplevel = n.toplevel
            AND (b.stats_since <> n.stats_since) IS NOT TRUE
            AND b.calls <= n.calls AND b.total_exec_time <= n.total_exec_time AND b.rows <= n.rows
            AND b.plans <= n.plans AND b.total_plan_time <= n.total_plan_time
            AND b.shared_blks_hit <= n.shared_blks_hit AND b.shared_blks_read <= n.shared_blks_read
            AND b.shared_blk_read_time <= n.shared_blk_read_time AND b.shared_blk_write_time <= n.shared_blk_write_time
            AND b.temp_blks_read <= n.temp_blks_read AND b.temp_blks_written <= n.temp_blks_written
            AND b.wal_bytes <= n.wal_bytes AND (b.jit_time > n.jit_time) IS NOT TRUE
        WHERE n.queryid IS NOT NULL
          AND (all_databases OR n.database_name = pg_catalog.current_database())
          -- What a dropped role or database left behind has no name to find it in the snapshot by.
          AND (span.base_snapshot IS NULL OR (n.user_name IS NOT NULL AND n.database_name IS NOT NULL))
    )
    SELECT CASE WHEN query_length IS NULL THEN c.query
                ELSE pg_catalog.left(pg_catalog.btrim(pg_catalog.regexp_replace(
                         pg_catalog.left(c.query, LEAST(query_length, 1000000000) + 1000), '\s+', ' ', 'g')), query_length) END,
           c.calls,
           pg_catalog.round(c.exec_time::numeric, 3),
           pg_catalog.round((c.exec_time / c.calls)::numeric, 3),
           pg_catalog.round(c.max_time::numeric, 3),
           -- Time inside a function is counted in the statement that called it already.
           pg_catalog.round(
               (100 * c.exec_time / NULLIF(pg_catalog.sum(c.exec_time) FILTER (WHERE c.toplevel) OVER (), 0))::numeric, 1),
           pg_catalog.round(c.rows::numeric / c.calls, 1),
           c.shared_hit, c.shared_read,
           CASE WHEN io_on OR c.io_time > 0 THEN pg_catalog.round(c.io_time::numeric, 3) END,
           c.temp_blocks, c.wal_bytes,
           CASE WHEN c.plans > 0 THEN pg_catalog.round(c.plan_time::numeric, 3) END,
           pg_catalog.round(c.jit_time::numeric, 3),
           c.user_name, c.database_name, c.toplevel, c.queryid, span.counted_from, NULL::text
    FROM counted AS c
    WHERE c.calls > 0
    ORDER BY c.exec_time DESC, c.database_name COLLATE "C", c.user_name COLLATE "C", c.queryid, c.toplevel;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.slow_statements(interval, boolean, integer) IS
$comment$Statements by the time they took in the last `since` (NULL: since the statistics were reset), in the current database or in all. Source: pg_stat_statements, less the last snapshot that is old enough.
query: normalised text. calls: executions. total_ms, mean_ms: execution time. max_ms: longest execution in the window, NULL where only known to be no longer than one before the window. share_percent: of the time of all statements that clients sent. rows_per_call. shared_hit, shared_read: blocks. io_ms: reading and writing blocks, NULL without track_io_timing. temp_blocks: written and read. wal_bytes. plan_ms: NULL without pg_stat_statements.track_planning. jit_ms: NULL before PostgreSQL 15. user_name, database_name: NULL where dropped. toplevel: false where a function ran it. counted_from: where the window really begins. note: rows with nothing else come first and say what is missing.$comment$;
