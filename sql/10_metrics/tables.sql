-- What is recorded: metrics that callers report, and snapshots of PostgreSQL's own counters.

-- Append-only. A measured choice of index, 1 M rows over 30 days, PostgreSQL 15 (insert; last hour of all types, of one):
--   none              10.1 us;  191 ms,   74 ms        (metric_type, recorded_at)  13.1 us;  183 ms,  0.4 ms
--   BRIN (recorded_at) 11.1 us;  35 ms,   35 ms        (recorded_at)               11.1 us;  0.8 ms,  0.4 ms
-- There is no key: nothing refers to a sample, and a key would cost a second index.
CREATE TABLE pggit_excellence.performance_metrics (
    metric_type  text NOT NULL CHECK (metric_type <> ''),
    metric_value double precision NOT NULL CHECK (metric_value BETWEEN -1e100 AND 1e100),
    tags         jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(tags) = 'object'),
    recorded_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX performance_metrics_recorded_at_idx ON pggit_excellence.performance_metrics (recorded_at);
-- Without it, a publication FOR ALL TABLES would refuse to delete old samples.
ALTER TABLE pggit_excellence.performance_metrics REPLICA IDENTITY FULL;
COMMENT ON TABLE pggit_excellence.performance_metrics IS
    'Samples that record_metric() stored, one row each, append-only. Nothing deletes them on insert.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.metric_type IS
    'What was measured. A name that ends in _ms is a duration in milliseconds, never negative.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.metric_value IS 'The measured value, from -1e100 to 1e100, so that sums stay finite; its unit follows from metric_type.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.tags IS 'What else is known of the sample, a JSON object; {}: nothing.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.recorded_at IS 'When it was recorded (wall clock, not the start of the transaction).';

CREATE TABLE pggit_excellence.snapshots (
    snapshot_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    taken_at              timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    postmaster_started_at timestamptz NOT NULL,
    stats_reset           timestamptz,
    statements_reset      timestamptz,
    statements_dealloc    bigint,
    statements_complete   boolean
);
COMMENT ON TABLE pggit_excellence.snapshots IS
    'One row per take_snapshot(): when PostgreSQL''s counters were copied. Differences between two copies are what happened in between.';
COMMENT ON COLUMN pggit_excellence.snapshots.snapshot_id IS 'Number of the snapshot.';
COMMENT ON COLUMN pggit_excellence.snapshots.taken_at IS 'When it was taken.';
COMMENT ON COLUMN pggit_excellence.snapshots.postmaster_started_at IS 'When the server had been started.';
COMMENT ON COLUMN pggit_excellence.snapshots.stats_reset IS
    'When this database''s counters had last been reset. NULL: never. Source: pg_stat_database.';
COMMENT ON COLUMN pggit_excellence.snapshots.statements_reset IS
    'Since when pg_stat_statements counted. Copies with different values cannot be compared. NULL: it could not be read.';
COMMENT ON COLUMN pggit_excellence.snapshots.statements_dealloc IS
    'How often pg_stat_statements had evicted its least used entries by then. NULL: it could not be read.';
COMMENT ON COLUMN pggit_excellence.snapshots.statements_complete IS
    'Whether the taker could see the statements of all roles (pg_read_all_stats); only then differences are computed from it. NULL: pg_stat_statements could not be read.';

CREATE TABLE pggit_excellence.table_io_snapshots (
    snapshot_id bigint NOT NULL REFERENCES pggit_excellence.snapshots ON DELETE CASCADE,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    heap_read   bigint,
    heap_hit    bigint,
    idx_read    bigint,
    idx_hit     bigint,
    toast_read  bigint,
    toast_hit   bigint,
    tidx_read   bigint,
    tidx_hit    bigint,
    PRIMARY KEY (snapshot_id, schema_name, table_name)
);
COMMENT ON TABLE pggit_excellence.table_io_snapshots IS
    'Block counters of the user tables that had any at that time. Unit: blocks (8 kB unless the server was built otherwise). Source: pg_statio_user_tables.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.snapshot_id IS 'The snapshot it belongs to.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.schema_name IS 'Schema, as in the catalog, unquoted.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.table_name IS 'Table, as in the catalog, unquoted.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.heap_read IS 'Blocks of the table that were not in shared_buffers.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.heap_hit IS 'Blocks of the table found in shared_buffers.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.idx_read IS 'Blocks of its indexes that were not in shared_buffers. NULL: it has none.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.idx_hit IS 'Blocks of its indexes found in shared_buffers. NULL: it has none.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.toast_read IS 'Blocks of its TOAST table that were not in shared_buffers. NULL: it has none.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.toast_hit IS 'Blocks of its TOAST table found in shared_buffers. NULL: it has none.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.tidx_read IS 'Blocks of the TOAST table''s index that were not in shared_buffers. NULL: it has none.';
COMMENT ON COLUMN pggit_excellence.table_io_snapshots.tidx_hit IS 'Blocks of the TOAST table''s index found in shared_buffers. NULL: it has none.';

-- The counters have pg_stat_statements' names (the newest ones), their meaning and their units.
CREATE TABLE pggit_excellence.statement_snapshots (
    snapshot_id           bigint NOT NULL REFERENCES pggit_excellence.snapshots ON DELETE CASCADE,
    database_name         text NOT NULL,
    user_name             text NOT NULL,
    queryid               bigint NOT NULL,
    toplevel              boolean NOT NULL,
    calls                 bigint NOT NULL,
    total_exec_time       double precision NOT NULL,
    max_exec_time         double precision NOT NULL,
    rows                  bigint NOT NULL,
    plans                 bigint NOT NULL,
    total_plan_time       double precision NOT NULL,
    shared_blks_hit       bigint NOT NULL,
    shared_blks_read      bigint NOT NULL,
    temp_blks_read        bigint NOT NULL,
    temp_blks_written     bigint NOT NULL,
    shared_blk_read_time  double precision NOT NULL,
    shared_blk_write_time double precision NOT NULL,
    wal_bytes             numeric NOT NULL,
    jit_functions         bigint,
    jit_time              double precision,
    stats_since           timestamptz,
    PRIMARY KEY (snapshot_id, database_name, user_name, queryid, toplevel)
);
COMMENT ON TABLE pggit_excellence.statement_snapshots IS
    'Counters of each statement at that time, all databases of the server. Times in milliseconds. Source: pg_stat_statements.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.snapshot_id IS 'The snapshot it belongs to.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.database_name IS 'Database in which it ran.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.user_name IS 'Role that ran it.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.queryid IS 'Identifier of the normalised statement, valid in this server and major version.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.toplevel IS 'Whether a client sent it; false: a function ran it.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.calls IS 'Executions.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.total_exec_time IS 'Time of all executions, ms.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.max_exec_time IS 'Longest execution, ms.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.rows IS 'Rows returned or changed.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.plans IS 'Plannings; 0 where pg_stat_statements.track_planning is off.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.total_plan_time IS 'Time of all plannings, ms; 0 where pg_stat_statements.track_planning is off.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.shared_blks_hit IS 'Blocks found in shared_buffers.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.shared_blks_read IS 'Blocks that were not in shared_buffers.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.temp_blks_read IS 'Blocks read from temporary files.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.temp_blks_written IS 'Blocks written to temporary files.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.shared_blk_read_time IS 'Time spent reading blocks, ms; 0 where track_io_timing is off.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.shared_blk_write_time IS 'Time spent writing blocks, ms; 0 where track_io_timing is off.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.wal_bytes IS 'WAL written, bytes.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.jit_functions IS 'Functions compiled by JIT. NULL: pg_stat_statements before 1.10 (PostgreSQL 15) does not count them.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.jit_time IS 'Time spent in JIT compilation, ms. NULL: pg_stat_statements before 1.10 (PostgreSQL 15) does not measure it.';
COMMENT ON COLUMN pggit_excellence.statement_snapshots.stats_since IS 'Since when the entry was kept; another value later means that it was evicted or reset and came back. NULL: pg_stat_statements before 1.11 (PostgreSQL 17).';
