-- What is recorded: metrics that callers report, their roll-ups, and snapshots of PostgreSQL's own counters.

-- What a sample may be. Domains, because a CHECK of the table is compiled anew by each INSERT: a quarter of what a sentinel
-- costs a DDL statement.
CREATE DOMAIN pggit_excellence.metric_name AS text CHECK (VALUE <> '');
COMMENT ON DOMAIN pggit_excellence.metric_name IS 'What was measured: not empty.';
CREATE DOMAIN pggit_excellence.metric_value AS double precision CHECK (VALUE = 0 OR pg_catalog.abs(VALUE) BETWEEN 1e-100 AND 1e100);
COMMENT ON DOMAIN pggit_excellence.metric_value IS 'A measured value: 0, or from 1e-100 to 1e100 on either side of it, so that sums and means stay finite.';
CREATE DOMAIN pggit_excellence.metric_tags AS jsonb CHECK (pg_catalog.jsonb_typeof(VALUE) = 'object');
COMMENT ON DOMAIN pggit_excellence.metric_tags IS 'What else is known of a sample: a JSON object.';
CREATE DOMAIN pggit_excellence.metric_time AS timestamptz
    CHECK (VALUE >= '2000-01-01 00:00+00' AND VALUE < '9999-01-01 00:00+00');
COMMENT ON DOMAIN pggit_excellence.metric_time IS 'When a sample was recorded: from the year 2000 to 9998.';
CREATE DOMAIN pggit_excellence.metric_count AS integer CHECK (VALUE > 0);
COMMENT ON DOMAIN pggit_excellence.metric_count IS 'How many alike events a sample stands for: 1 or more.';

-- Two leaves, so that what was rolled up is where it is, not what a pointer says: maintain() moves samples from the first
-- into the second and adds them to the roll-ups in the same transaction. Whatever is late, concurrent or killed, a sample
-- is in exactly one of them, and so is a restored one.
-- A measured choice of index, 1 M rows over 30 days, PostgreSQL 15 (insert; last hour of all types, of one):
--   none              10.1 us;  191 ms,   74 ms        (metric_type, recorded_at)  13.1 us;  183 ms,  0.4 ms
--   BRIN (recorded_at) 11.1 us;  35 ms,   35 ms        (recorded_at)               11.1 us;  0.8 ms,  0.4 ms
-- There is no key: nothing refers to a sample, and a key would cost a second index.
-- Names are compared byte by byte: rolling up sorts by them, and a new version of a collation cannot break their indexes.
CREATE TABLE pggit_excellence.performance_metrics (
    metric_type  pggit_excellence.metric_name COLLATE "C" NOT NULL,
    metric_value pggit_excellence.metric_value NOT NULL,
    tags         pggit_excellence.metric_tags NOT NULL DEFAULT '{}',
    recorded_at  pggit_excellence.metric_time NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    sample_count pggit_excellence.metric_count NOT NULL DEFAULT 1,
    rolled_up    boolean NOT NULL DEFAULT false
) PARTITION BY LIST (rolled_up);
-- Every sample passes through, so that most pages soon hold nothing but dead rows, which every reader would look at.
CREATE TABLE pggit_excellence.performance_metrics_new
    PARTITION OF pggit_excellence.performance_metrics FOR VALUES IN (false)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE TABLE pggit_excellence.performance_metrics_rolled
    PARTITION OF pggit_excellence.performance_metrics FOR VALUES IN (true);
CREATE INDEX performance_metrics_recorded_at_idx ON pggit_excellence.performance_metrics (recorded_at);
-- Without it, a publication FOR ALL TABLES would refuse to delete old samples.
ALTER TABLE pggit_excellence.performance_metrics REPLICA IDENTITY FULL;
ALTER TABLE pggit_excellence.performance_metrics_new REPLICA IDENTITY FULL;
ALTER TABLE pggit_excellence.performance_metrics_rolled REPLICA IDENTITY FULL;
COMMENT ON TABLE pggit_excellence.performance_metrics IS
    'Samples that record_metric() stored, one row each; those of the sentinels (ddl_tracking_ms) as soon as maintain() has rolled them up; all_samples has them at once. Nothing deletes them on insert; maintain() rolls them up and deletes the old ones.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.metric_type IS
    'What was measured. A name that ends in _ms is a duration in milliseconds, never negative.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.metric_value IS 'The measured value; its unit follows from metric_type. 0, or from 1e-100 to 1e100 on either side of it, so that sums and means stay finite.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.tags IS 'What else is known of the sample, a JSON object; {}: nothing.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.recorded_at IS 'When it was recorded (wall clock, not the start of the transaction), from the year 2000 to 9998.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.sample_count IS 'How many alike events the row stands for, 1 or more.';
COMMENT ON COLUMN pggit_excellence.performance_metrics.rolled_up IS 'Whether metric_rollups and objective_rollups contain it. Only maintain() sets it.';
COMMENT ON TABLE pggit_excellence.performance_metrics_new IS
    'Samples that maintain() has not rolled up yet, but for those of the sentinels: see waiting_samples.';
COMMENT ON TABLE pggit_excellence.performance_metrics_rolled IS
    'Samples that the roll-ups contain already; kept for a while to look at, and to count new objectives from.';

-- What the sentinels write, narrow and bare: of what a sample in performance_metrics_new costs a DDL statement, most is
-- domains, jsonb and the index. maintain() moves these, too, into performance_metrics_rolled.
CREATE TABLE pggit_excellence.ddl_tracking_samples (
    recorded_at timestamptz NOT NULL,
    began_at    timestamptz NOT NULL,
    event       text NOT NULL,
    command     text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
ALTER TABLE pggit_excellence.ddl_tracking_samples REPLICA IDENTITY FULL;
COMMENT ON TABLE pggit_excellence.ddl_tracking_samples IS
    'Samples of ddl_tracking_ms as the sentinels write them, until maintain() rolls them up and moves them into performance_metrics.';
COMMENT ON COLUMN pggit_excellence.ddl_tracking_samples.recorded_at IS 'When the event ended (wall clock).';
COMMENT ON COLUMN pggit_excellence.ddl_tracking_samples.began_at IS 'When pgGit''s triggers were about to begin; in between they ran.';
COMMENT ON COLUMN pggit_excellence.ddl_tracking_samples.event IS 'ddl_command_end or sql_drop; becomes the tag event.';
COMMENT ON COLUMN pggit_excellence.ddl_tracking_samples.command IS 'The command tag; becomes the tag command.';

CREATE VIEW pggit_excellence.waiting_samples AS
    -- Types and collations are those of the other half, or the planner could not look into either.
    SELECT n.metric_type::text AS metric_type, n.metric_value::double precision AS metric_value, n.tags::jsonb AS tags,
           n.recorded_at::timestamptz AS recorded_at, n.sample_count::integer AS sample_count
    FROM pggit_excellence.performance_metrics_new AS n
    UNION ALL
    SELECT 'ddl_tracking_ms'::text COLLATE "C", (EXTRACT(epoch FROM d.recorded_at - d.began_at) * 1000)::double precision,
           pg_catalog.jsonb_build_object('event', d.event, 'command', d.command), d.recorded_at, 1
    FROM pggit_excellence.ddl_tracking_samples AS d;
COMMENT ON VIEW pggit_excellence.waiting_samples IS
    'Every sample that maintain() has not rolled up yet, whoever wrote it. Readers add these to the roll-ups.';
COMMENT ON COLUMN pggit_excellence.waiting_samples.metric_type IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.waiting_samples.metric_value IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.waiting_samples.tags IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.waiting_samples.recorded_at IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.waiting_samples.sample_count IS 'As in performance_metrics.';

CREATE VIEW pggit_excellence.all_samples AS
    SELECT w.metric_type, w.metric_value, w.tags, w.recorded_at, w.sample_count
    FROM pggit_excellence.waiting_samples AS w
    UNION ALL
    SELECT r.metric_type::text, r.metric_value::double precision, r.tags::jsonb, r.recorded_at::timestamptz, r.sample_count::integer
    FROM pggit_excellence.performance_metrics_rolled AS r;
COMMENT ON VIEW pggit_excellence.all_samples IS
    'Every sample there is, rolled up or not, those of the sentinels included: for people and their queries. pggit.performance_metrics shows the same.';
COMMENT ON COLUMN pggit_excellence.all_samples.metric_type IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.all_samples.metric_value IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.all_samples.tags IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.all_samples.recorded_at IS 'As in performance_metrics.';
COMMENT ON COLUMN pggit_excellence.all_samples.sample_count IS 'As in performance_metrics.';

-- A sample is added to one row of each resolution at once. Sketches are DDSketches (see _sketch_key()): adding the counts of
-- equal keys merges two exactly.
CREATE TABLE pggit_excellence.metric_rollups (
    metric_type   text COLLATE "C" NOT NULL,
    resolution    text COLLATE "C" NOT NULL CHECK (resolution IN ('minute', 'hour', 'day', 'total')),
    bucket_start  timestamptz NOT NULL,
    sample_count  bigint NOT NULL,
    value_sum     double precision NOT NULL,
    value_min     double precision NOT NULL,
    value_max     double precision NOT NULL,
    bucket_keys   integer[] NOT NULL,
    bucket_counts bigint[] NOT NULL,
    PRIMARY KEY (metric_type, resolution, bucket_start)
);
CREATE INDEX metric_rollups_bucket_start_idx ON pggit_excellence.metric_rollups (resolution, bucket_start);
COMMENT ON TABLE pggit_excellence.metric_rollups IS
    'The samples of each metric per minute, hour, day and in all, as maintain() adds them up: exact counts, sums and extremes, and a sketch for percentiles with a relative error of 1 %. Buckets are aligned to UTC.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.metric_type IS 'The metric.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.resolution IS 'minute, hour, day, or total: everything that was ever rolled up.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.bucket_start IS 'When the bucket begins, a full minute, hour or day in UTC; -infinity for total.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.sample_count IS 'How many events it contains.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.value_sum IS 'Sum of their values, in the unit of the metric.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.value_min IS 'The smallest value.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.value_max IS 'The largest value.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.bucket_keys IS 'The sketch: the keys of the values (_sketch_key()), ascending, which is the order of the values.';
COMMENT ON COLUMN pggit_excellence.metric_rollups.bucket_counts IS 'The sketch: how many events have each key.';

-- What maintain() has deleted. Readers need it: from kept_since on rows are complete, before that coarser ones must serve.
CREATE TABLE pggit_excellence.metric_retention (
    resolution text COLLATE "C" PRIMARY KEY CHECK (resolution IN ('sample', 'minute', 'hour', 'day')),
    kept_since timestamptz NOT NULL
);
COMMENT ON TABLE pggit_excellence.metric_retention IS
    'From when on samples and roll-ups are complete; no row: maintain() has not deleted any.';
COMMENT ON COLUMN pggit_excellence.metric_retention.resolution IS 'sample for performance_metrics; minute, hour or day for the roll-ups.';
COMMENT ON COLUMN pggit_excellence.metric_retention.kept_since IS 'The end of the newest deleted one; what is older may be missing.';

CREATE TABLE pggit_excellence.slo_objectives (
    objective      text COLLATE "C" PRIMARY KEY CHECK (objective <> ''),
    description    text NOT NULL,
    metric_type    text COLLATE "C" NOT NULL CHECK (metric_type <> ''),
    kind           text NOT NULL DEFAULT 'events' CHECK (kind IN ('events', 'limit')),
    comparison     text NOT NULL CHECK (comparison IN ('<', '<=', '>', '>=')),
    threshold      double precision NOT NULL CHECK (threshold BETWEEN -1e100 AND 1e100),
    target         numeric CHECK (target > 0 AND target < 1),
    slo_window     interval NOT NULL DEFAULT '30 days' CHECK (slo_window > '0'),
    minimum_events bigint NOT NULL DEFAULT 1 CHECK (minimum_events > 0),
    enabled        boolean NOT NULL DEFAULT true,
    is_default     boolean NOT NULL DEFAULT false,
    counted_since  timestamptz,
    created_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    changed_at     timestamptz,
    CHECK ((kind = 'limit') = (target IS NULL))
);
COMMENT ON TABLE pggit_excellence.slo_objectives IS
    'Service level objectives: which share of the events of a metric must be good, or which ceiling its latest value must not pass.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.objective IS 'Its name.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.description IS 'What it promises, in a sentence.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.metric_type IS 'The metric whose samples are judged.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.kind IS 'events: a share of good events, with an error budget; limit: a ceiling (or floor) of the latest value, without one.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.comparison IS 'A sample is good when metric_value <comparison> threshold.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.threshold IS 'What values are compared with, in the unit of the metric. A change judges later samples only; what was counted stays.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.target IS 'The share of events that must be good, between 0 and 1. NULL: a limit has none.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.slo_window IS 'The rolling time over which it must be met.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.minimum_events IS 'Fewer events in the long window of an alert raise none.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.enabled IS 'false: it is counted, but neither reported nor alerted.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.is_default IS 'Whether it came with the extension, changed since or not; drop_objective() refuses it.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.counted_since IS 'From when on its events are counted. NULL: a limit, or not known.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.created_at IS 'When it was made.';
COMMENT ON COLUMN pggit_excellence.slo_objectives.changed_at IS 'When its comparison or threshold was last changed: what was recorded before is judged by the former one. NULL: never.';

CREATE TABLE pggit_excellence.objective_rollups (
    objective    text COLLATE "C" NOT NULL,
    resolution   text COLLATE "C" NOT NULL CHECK (resolution IN ('minute', 'hour', 'day', 'total')),
    bucket_start timestamptz NOT NULL,
    good         bigint NOT NULL,
    total        bigint NOT NULL,
    CHECK (good BETWEEN 0 AND total),
    PRIMARY KEY (objective, resolution, bucket_start)
);
CREATE INDEX objective_rollups_bucket_start_idx ON pggit_excellence.objective_rollups (resolution, bucket_start);
COMMENT ON TABLE pggit_excellence.objective_rollups IS
    'Good events and all events of each objective per minute, hour, day and in all, judged on the raw sample when maintain() rolls it up. Buckets are aligned to UTC.';
COMMENT ON COLUMN pggit_excellence.objective_rollups.objective IS 'The objective.';
COMMENT ON COLUMN pggit_excellence.objective_rollups.resolution IS 'minute, hour, day, or total: everything that was ever counted.';
COMMENT ON COLUMN pggit_excellence.objective_rollups.bucket_start IS 'When the bucket begins, a full minute, hour or day in UTC; -infinity for total.';
COMMENT ON COLUMN pggit_excellence.objective_rollups.good IS 'Events that met the objective.';
COMMENT ON COLUMN pggit_excellence.objective_rollups.total IS 'All events.';

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
