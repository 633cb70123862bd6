-- What the sentinels count. Sequences, because what an aborted transaction counted stays counted; without a cache, because
-- their values are the counts. Only the sentinels, as their owner, draw numbers.
CREATE SEQUENCE pggit_excellence.sentinel_started;
CREATE SEQUENCE pggit_excellence.sentinel_tracked;
CREATE SEQUENCE pggit_excellence.sentinel_bypassed;
CREATE SEQUENCE pggit_excellence.sentinel_repeated;
CREATE SEQUENCE pggit_excellence.sentinel_errors;
COMMENT ON SEQUENCE pggit_excellence.sentinel_started IS 'How many events the sentinels saw begin.';
COMMENT ON SEQUENCE pggit_excellence.sentinel_tracked IS 'How many of them pgGit''s triggers ran through.';
COMMENT ON SEQUENCE pggit_excellence.sentinel_bypassed IS
    'How many of them no trigger of pgGit fired for: none there, disabled, or kept off by session_replication_role.';
COMMENT ON SEQUENCE pggit_excellence.sentinel_repeated IS
    'How many of them were the end of a DROP command, which counts at its sql_drop.';
COMMENT ON SEQUENCE pggit_excellence.sentinel_errors IS
    'How many events the sentinels could not measure: their own errors, and times that cannot be true.';

-- One row: how much of the counts is in performance_metrics. See _book_tracking().
CREATE TABLE pggit_excellence.sentinel_bookings (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    server_run  text NOT NULL,
    tracked     bigint NOT NULL,
    failed      bigint NOT NULL,
    left_out    bigint NOT NULL,
    errors      bigint NOT NULL,
    new_errors  bigint NOT NULL,
    booked_at   timestamptz NOT NULL
);
COMMENT ON TABLE pggit_excellence.sentinel_bookings IS
    'One row: how much of the sentinels'' counts is in performance_metrics as ddl_tracking_ok. No row: sentinels were never enabled. run_probes() keeps it.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.server_run IS
    'Which run of which server counted. After a crash, a restore or a failover it is another one: sequences may have jumped, and counting begins anew.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.tracked IS 'Value of sentinel_tracked that is booked.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.failed IS 'Failures that were booked since counting began anew.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.left_out IS
    'How many events were begun and not ended when counting began anew: running then, or a jump. Only ever lowered.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.errors IS 'Value of sentinel_errors when it was last booked.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.new_errors IS 'How many of them came between the last two bookings.';
COMMENT ON COLUMN pggit_excellence.sentinel_bookings.booked_at IS 'When it was last booked.';

-- One row per probe: what health_check() shows of it without measuring again.
CREATE TABLE pggit_excellence.probe_results (
    probe       text PRIMARY KEY,
    metric_type text,
    value       double precision,
    note        text,
    probed_at   timestamptz NOT NULL
);
COMMENT ON TABLE pggit_excellence.probe_results IS
    'What each probe of run_probes() found last, and when maintain() ran last (probe maintain). All of them: performance_metrics.';
COMMENT ON COLUMN pggit_excellence.probe_results.probe IS 'Name of the probe.';
COMMENT ON COLUMN pggit_excellence.probe_results.metric_type IS 'The metric that it records; NULL: none.';
COMMENT ON COLUMN pggit_excellence.probe_results.value IS 'What it found, in the unit of the metric; NULL: it could not, see note.';
COMMENT ON COLUMN pggit_excellence.probe_results.note IS 'What else is to be said, or why there is no value; NULL: nothing.';
COMMENT ON COLUMN pggit_excellence.probe_results.probed_at IS 'When it ran last.';
