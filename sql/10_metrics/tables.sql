-- Stand-in of the snapshot tables until the metrics part brings its own; the merge takes theirs.
CREATE TABLE pggit_excellence.snapshots (
    snapshot_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    taken_at              timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    stats_reset           timestamptz,
    postmaster_started_at timestamptz NOT NULL DEFAULT pg_catalog.pg_postmaster_start_time()
);
CREATE TABLE pggit_excellence.table_io_snapshots (
    snapshot_id bigint NOT NULL REFERENCES pggit_excellence.snapshots ON DELETE CASCADE,
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    heap_read   bigint NOT NULL,
    heap_hit    bigint NOT NULL,
    idx_read    bigint NOT NULL,
    idx_hit     bigint NOT NULL,
    toast_read  bigint NOT NULL,
    toast_hit   bigint NOT NULL,
    tidx_read   bigint NOT NULL,
    tidx_hit    bigint NOT NULL,
    PRIMARY KEY (snapshot_id, schema_name, table_name)
);
