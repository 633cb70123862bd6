-- Copy PostgreSQL's counters, so that later calls can tell what happened since. Run it from cron, for example hourly.
-- Returns the number of the snapshot. Needs no lock beyond row-exclusive on our own tables; callers do not wait for each other.
CREATE FUNCTION pggit_excellence.take_snapshot()
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    source  record;
    taken   bigint;
    see_all boolean := pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');
BEGIN
    PERFORM pggit_excellence._require_writable(
        'take a snapshot', 'Take snapshots on the primary server. A standby has counters of its own, and nowhere to keep a copy.');

    -- Without this a second snapshot in one transaction would get the counters that the first one saw.
    PERFORM pg_catalog.pg_stat_clear_snapshot();
    SELECT f.problem, f.stats_reset, f.dealloc INTO source FROM pggit_excellence._statement_source() AS f;

    INSERT INTO pggit_excellence.snapshots (
        postmaster_started_at, stats_reset, statements_reset, statements_dealloc, statements_complete
    )
    SELECT pg_catalog.pg_postmaster_start_time(), d.stats_reset, source.stats_reset, source.dealloc,
           CASE WHEN source.problem IS NULL THEN see_all END
    FROM pg_catalog.pg_stat_database AS d WHERE d.datname = pg_catalog.current_database()
    RETURNING snapshot_id INTO taken;

    INSERT INTO pggit_excellence.table_io_snapshots (
        snapshot_id, schema_name, table_name,
        heap_read, heap_hit, idx_read, idx_hit, toast_read, toast_hit, tidx_read, tidx_hit
    )
    SELECT taken, t.schemaname, t.relname, t.heap_blks_read, t.heap_blks_hit, t.idx_blks_read, t.idx_blks_hit,
           t.toast_blks_read, t.toast_blks_hit, t.tidx_blks_read, t.tidx_blks_hit
    FROM pg_catalog.pg_statio_user_tables AS t
    WHERE t.schemaname NOT LIKE 'pg\_temp\_%'
      AND (t.heap_blks_read > 0 OR t.heap_blks_hit > 0 OR t.idx_blks_read > 0 OR t.idx_blks_hit > 0
           OR t.toast_blks_read > 0 OR t.toast_blks_hit > 0 OR t.tidx_blks_read > 0 OR t.tidx_blks_hit > 0);

    IF source.problem IS NOT NULL THEN
        RAISE NOTICE 'snapshot % has no statements', taken USING DETAIL = source.problem;
        RETURN taken;
    END IF;
    IF NOT see_all THEN
        RAISE NOTICE 'snapshot % has the statements of role % only and will not be used for differences',
            taken, pg_catalog.quote_ident(current_user)
            USING HINT = pg_catalog.format('GRANT pg_read_all_stats TO %I;', current_user);
    END IF;
    INSERT INTO pggit_excellence.statement_snapshots (
        snapshot_id, database_name, user_name, queryid, toplevel, calls, total_exec_time, max_exec_time, rows,
        plans, total_plan_time, shared_blks_hit, shared_blks_read, temp_blks_read, temp_blks_written,
        shared_blk_read_time, shared_blk_write_time, wal_bytes, jit_functions, jit_time, stats_since
    )
    SELECT taken, s.database_name, s.user_name, s.queryid, s.toplevel, s.calls, s.total_exec_time, s.max_exec_time, s.rows,
           s.plans, s.total_plan_time, s.shared_blks_hit, s.shared_blks_read, s.temp_blks_read, s.temp_blks_written,
           s.shared_blk_read_time, s.shared_blk_write_time, s.wal_bytes, s.jit_functions, s.jit_time, s.stats_since
    FROM pggit_excellence._statements(false) AS s
    WHERE s.queryid IS NOT NULL AND s.database_name IS NOT NULL AND s.user_name IS NOT NULL;
    RETURN taken;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.take_snapshot() IS
    'Copies the block counters of the user tables and the counters of pg_stat_statements, where it can be read, and returns the snapshot''s number. A NOTICE says what is missing. Not on a standby.';
