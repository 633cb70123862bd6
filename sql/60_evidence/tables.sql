-- Who could do what, and when: a log of changes between snapshots. Only what changed is stored, so a snapshot a day costs
-- next to nothing, and rows are only ever added.

CREATE TABLE pggit_excellence.access_snapshots (
    snapshot_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    taken_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    taken_by     text NOT NULL DEFAULT session_user,
    facts        integer NOT NULL,
    added        integer NOT NULL,
    removed      integer NOT NULL,
    facts_sha256 text NOT NULL
);
COMMENT ON TABLE pggit_excellence.access_snapshots IS
    'Snapshots of who may do what in this database, written by take_access_snapshot(). access_changes() compares them.';
COMMENT ON COLUMN pggit_excellence.access_snapshots.snapshot_id IS 'Number of the snapshot.';
COMMENT ON COLUMN pggit_excellence.access_snapshots.taken_at IS 'When it was taken.';
COMMENT ON COLUMN pggit_excellence.access_snapshots.taken_by IS 'The session user who took it.';
COMMENT ON COLUMN pggit_excellence.access_snapshots.facts IS 'Facts that held then: roles, memberships, owners, grants, default privileges.';
COMMENT ON COLUMN pggit_excellence.access_snapshots.added IS 'Facts that were new against the snapshot before.';
COMMENT ON COLUMN pggit_excellence.access_snapshots.removed IS 'Facts that were gone against the snapshot before.';
COMMENT ON COLUMN pggit_excellence.access_snapshots.facts_sha256 IS 'SHA-256, hexadecimal, of all facts that held then, in order: the rows of access_snapshot_changes must add up to it.';

CREATE TABLE pggit_excellence.access_snapshot_changes (
    snapshot_id bigint NOT NULL REFERENCES pggit_excellence.access_snapshots (snapshot_id),
    added       boolean NOT NULL,
    fact_type   text COLLATE "C" NOT NULL,
    role_name   text COLLATE "C" NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    object_name text COLLATE "C" NOT NULL,
    value       text COLLATE "C" NOT NULL
);
CREATE INDEX access_snapshot_changes_snapshot_id_idx ON pggit_excellence.access_snapshot_changes (snapshot_id);
COMMENT ON TABLE pggit_excellence.access_snapshot_changes IS
    'What came and went between one snapshot of access_snapshots and the next; the first one added everything.';
COMMENT ON COLUMN pggit_excellence.access_snapshot_changes.snapshot_id IS 'The snapshot that saw the change first.';
COMMENT ON COLUMN pggit_excellence.access_snapshot_changes.added IS 'true: the fact holds from this snapshot on; false: no longer.';
COMMENT ON COLUMN pggit_excellence.access_snapshot_changes.fact_type IS 'attributes (of a role), membership, ownership, grant or default privileges.';
COMMENT ON COLUMN pggit_excellence.access_snapshot_changes.role_name IS 'The role, quoted as SQL needs it; PUBLIC is everybody.';
COMMENT ON COLUMN pggit_excellence.access_snapshot_changes.object_type IS 'What it is about: role, database, schema, table, routine and so on.';
COMMENT ON COLUMN pggit_excellence.access_snapshot_changes.object_name IS 'The object, qualified and quoted.';
COMMENT ON COLUMN pggit_excellence.access_snapshot_changes.value IS 'The attributes or privileges; an asterisk means with grant option. Empty for ownership.';
