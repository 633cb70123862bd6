-- Upgrades of pgGit and of this extension, as whoever runs them reports.

CREATE TABLE pggit_excellence.upgrade_log (
    upgrade_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    component     text NOT NULL DEFAULT 'pggit' CHECK (component IN ('pggit', 'pggit_excellence')),
    from_version  text,
    to_version    text NOT NULL,
    status        text NOT NULL DEFAULT 'started' CHECK (status IN ('started', 'completed', 'failed')),
    started_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    completed_at  timestamptz,
    error_message text,
    CHECK ((status = 'started') = (completed_at IS NULL)),
    CHECK ((status = 'failed') = (error_message IS NOT NULL))
);
COMMENT ON TABLE pggit_excellence.upgrade_log IS
    'Upgrades of pgGit and of this extension: start_upgrade() before, finish_upgrade() after, in transactions of their own, so that a failed upgrade leaves its row.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.upgrade_id IS 'Number of the upgrade, as start_upgrade() returned it.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.component IS 'What was upgraded: pggit or pggit_excellence.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.from_version IS 'Version before. NULL: not known, or a first installation.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.to_version IS 'Version that the upgrade leads to.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.status IS 'started (running, or nobody reported its end), completed or failed.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.started_at IS 'When start_upgrade() was called.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.completed_at IS 'When finish_upgrade() was called; NULL: not yet.';
COMMENT ON COLUMN pggit_excellence.upgrade_log.error_message IS 'Why it failed; NULL: it did not, or is not finished.';

-- Monitors outside of the server, and what makes their write-back count once.
CREATE TABLE pggit_excellence.availability_monitors (
    monitor    text PRIMARY KEY,
    first_seen timestamptz NOT NULL,
    last_seen  timestamptz NOT NULL
);
COMMENT ON TABLE pggit_excellence.availability_monitors IS
    'Monitors that probe this server from outside (pggit-excellence slo monitor), written by record_availability(). Where last_seen is old nobody watches, or the monitor cannot reach the server.';
COMMENT ON COLUMN pggit_excellence.availability_monitors.monitor IS 'Name of the monitor, its host name unless it was told another; the tag "monitor" of its samples.';
COMMENT ON COLUMN pggit_excellence.availability_monitors.first_seen IS 'When it wrote for the first time (this server''s clock).';
COMMENT ON COLUMN pggit_excellence.availability_monitors.last_seen IS 'When it wrote for the last time (this server''s clock).';

CREATE TABLE pggit_excellence.availability_batches (
    batch_id    uuid PRIMARY KEY,
    received_at timestamptz NOT NULL
);
CREATE INDEX availability_batches_received_at_idx ON pggit_excellence.availability_batches (received_at);
COMMENT ON TABLE pggit_excellence.availability_batches IS
    'Batches of outcomes that monitors wrote within the last 90 days: one that comes again, because its answer was lost, is not stored twice.';
COMMENT ON COLUMN pggit_excellence.availability_batches.batch_id IS 'Identity that the monitor gave the batch.';
COMMENT ON COLUMN pggit_excellence.availability_batches.received_at IS 'When it was stored (this server''s clock).';

-- The objectives that pgGit's users were promised. Their names and numbers change only by an update script.
INSERT INTO pggit_excellence.slo_objectives
    (objective, description, metric_type, kind, comparison, threshold, target, minimum_events, is_default, counted_since)
SELECT o.objective, o.description, o.metric_type, o.kind, o.comparison, o.threshold, o.target, o.minimum_events, true,
       CASE WHEN o.kind = 'events' THEN pg_catalog.now() END
FROM (VALUES
    ('availability', '99.9 % of the probes from outside find pgGit answering', 'availability', 'events', '>=', 1, 0.999, 30),
    ('ddl_tracking_p50', 'half of all tracked DDL statements are recorded in less than 10 ms', 'ddl_tracking_ms', 'events', '<', 10, 0.5, 100),
    ('ddl_tracking_p95', '95 % of all tracked DDL statements are recorded in less than 50 ms', 'ddl_tracking_ms', 'events', '<', 50, 0.95, 100),
    ('ddl_tracking_p99', '99 % of all tracked DDL statements are recorded in less than 100 ms', 'ddl_tracking_ms', 'events', '<', 100, 0.99, 100),
    ('version_query_p50', 'half of all version queries answer in less than 5 ms', 'version_query_ms', 'events', '<', 5, 0.5, 100),
    ('version_query_p95', '95 % of all version queries answer in less than 20 ms', 'version_query_ms', 'events', '<', 20, 0.95, 100),
    ('version_query_p99', '99 % of all version queries answer in less than 50 ms', 'version_query_ms', 'events', '<', 50, 0.99, 100),
    ('tracking_errors', 'tracking fails for less than 0.1 % of all DDL statements', 'ddl_tracking_ok', 'events', '>=', 1, 0.999, 100),
    ('storage', 'pgGit and pggit_excellence take less than 100 GB (100 * 1024^3 bytes)', 'storage_bytes', 'limit', '<', 107374182400, NULL, 1),
    ('tracked_objects', 'pgGit tracks at most 10,000 objects', 'tracked_objects', 'limit', '<=', 10000, NULL, 1)
) AS o (objective, description, metric_type, kind, comparison, threshold, target, minimum_events);
