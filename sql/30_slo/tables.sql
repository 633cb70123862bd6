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
