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
