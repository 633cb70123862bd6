-- What leaves pggit.history for good reasons, what must not leave it, and how it is partitioned.

-- One row per call of archive_history() that moved something. The digests are a chain: each one covers the rows of its run
-- and the digest before, so that verify_archive() sees a run that was changed, removed or put in between.
CREATE TABLE pggit_excellence.archive_runs (
    run_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_before  timestamptz NOT NULL,
    first_change    timestamptz NOT NULL,
    last_change     timestamptz NOT NULL,
    row_count       bigint NOT NULL,
    digest          bytea NOT NULL,
    previous_digest bytea,
    archived_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    archived_by     text NOT NULL DEFAULT session_user,
    purged_at       timestamptz,
    purged_by       text,
    restored_at     timestamptz,
    restored_by     text
);
COMMENT ON TABLE pggit_excellence.archive_runs IS
    'The runs of archive_history() that moved something, with what verify_archive() checks. Kept when the rows of a run are purged or restored.';
COMMENT ON COLUMN pggit_excellence.archive_runs.run_id IS 'Number of the run.';
COMMENT ON COLUMN pggit_excellence.archive_runs.changed_before IS 'Everything that it moved had happened before this time.';
COMMENT ON COLUMN pggit_excellence.archive_runs.first_change IS 'Time of the oldest change that it moved.';
COMMENT ON COLUMN pggit_excellence.archive_runs.last_change IS 'Time of the newest change that it moved.';
COMMENT ON COLUMN pggit_excellence.archive_runs.row_count IS 'How many rows it moved.';
COMMENT ON COLUMN pggit_excellence.archive_runs.digest IS 'SHA-256 over previous_digest and the row_hash of its rows in the order of archive_id.';
COMMENT ON COLUMN pggit_excellence.archive_runs.previous_digest IS 'The digest of the run before; NULL: the first one.';
COMMENT ON COLUMN pggit_excellence.archive_runs.archived_at IS 'When it ran.';
COMMENT ON COLUMN pggit_excellence.archive_runs.archived_by IS 'The session user who called it.';
COMMENT ON COLUMN pggit_excellence.archive_runs.purged_at IS 'When purge_archive() deleted its rows; NULL: they are there.';
COMMENT ON COLUMN pggit_excellence.archive_runs.purged_by IS 'The session user who purged it; NULL: nobody did.';
COMMENT ON COLUMN pggit_excellence.archive_runs.restored_at IS 'When restore_history() put its rows back into pggit.history; NULL: it did not.';
COMMENT ON COLUMN pggit_excellence.archive_runs.restored_by IS 'The session user who restored it; NULL: nobody did.';

-- The archive has no type and no key of pgGit's, so that DROP SCHEMA pggit CASCADE leaves it alone; the ids of a pgGit that is
-- installed anew begin at 1 again, so history_id is not unique. Who made a change is apart from its content: the row's hash
-- covers a salted hash of the name, and pseudonymize_user() removes name and salt without breaking the chain.
CREATE TABLE pggit_excellence.history_archive (
    archive_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id          bigint NOT NULL REFERENCES pggit_excellence.archive_runs (run_id),
    history_id      bigint NOT NULL,
    object_name     text,
    object_type     text,
    change_type     text,
    changed_at      timestamptz NOT NULL,
    created_by      text,
    created_by_salt bytea,
    created_by_hash bytea,
    content         jsonb NOT NULL,
    row_hash        bytea NOT NULL
);
CREATE INDEX history_archive_run_id_idx ON pggit_excellence.history_archive (run_id);
CREATE INDEX history_archive_history_id_idx ON pggit_excellence.history_archive (history_id);
CREATE INDEX history_archive_object_name_idx ON pggit_excellence.history_archive (object_name, changed_at);
COMMENT ON TABLE pggit_excellence.history_archive IS
    'Rows that archive_history() moved out of pggit.history, complete, with the name of their object. Independent of pgGit: it stays when pgGit goes.';
COMMENT ON COLUMN pggit_excellence.history_archive.archive_id IS 'Number of the row in the archive.';
COMMENT ON COLUMN pggit_excellence.history_archive.run_id IS 'The run that moved it: see archive_runs.';
COMMENT ON COLUMN pggit_excellence.history_archive.history_id IS 'What id was in pggit.history. Not unique: a pgGit that is installed anew begins at 1 again.';
COMMENT ON COLUMN pggit_excellence.history_archive.object_name IS 'Full name of the changed object, as pggit.objects had it; NULL: it was not known any more.';
COMMENT ON COLUMN pggit_excellence.history_archive.object_type IS 'Type of the changed object; NULL: it was not known any more.';
COMMENT ON COLUMN pggit_excellence.history_archive.change_type IS 'CREATE, ALTER, DROP and so on.';
COMMENT ON COLUMN pggit_excellence.history_archive.changed_at IS 'When the change was made: pgGit''s created_at, read in the time zone of the session that archived it.';
COMMENT ON COLUMN pggit_excellence.history_archive.created_by IS 'Who made the change, or the pseudonym of pseudonymize_user(); NULL: pgGit did not record it.';
COMMENT ON COLUMN pggit_excellence.history_archive.created_by_salt IS 'Random salt of created_by_hash; NULL: nobody was recorded, or the name was replaced by a pseudonym.';
COMMENT ON COLUMN pggit_excellence.history_archive.created_by_hash IS 'SHA-256 of salt and name as they were recorded; NULL: nobody was recorded.';
COMMENT ON COLUMN pggit_excellence.history_archive.content IS 'The whole row of pggit.history but created_by, as to_jsonb() has it.';
COMMENT ON COLUMN pggit_excellence.history_archive.row_hash IS 'SHA-256 of content, object_name, object_type, changed_at and created_by_hash.';

CREATE TABLE pggit_excellence.legal_holds (
    hold_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason         text NOT NULL CHECK (pg_catalog.btrim(reason) <> ''),
    object_name    text,
    user_name      text,
    changed_since  timestamptz,
    changed_until  timestamptz,
    placed_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    placed_by      text NOT NULL DEFAULT session_user,
    released_at    timestamptz,
    released_by    text,
    release_reason text,
    CHECK (changed_since < changed_until),
    CHECK ((released_at IS NULL) = (released_by IS NULL) AND (released_at IS NULL) = (release_reason IS NULL))
);
COMMENT ON TABLE pggit_excellence.legal_holds IS
    'What must stay as it is, and why: set_legal_hold(), release_legal_hold(). Released holds stay as evidence.';
COMMENT ON COLUMN pggit_excellence.legal_holds.hold_id IS 'Number of the hold, the argument of release_legal_hold().';
COMMENT ON COLUMN pggit_excellence.legal_holds.reason IS 'Why it was placed: the case, the matter, the request.';
COMMENT ON COLUMN pggit_excellence.legal_holds.object_name IS 'Full name of the held object as pggit.objects has it; its columns are held with it. NULL: all objects.';
COMMENT ON COLUMN pggit_excellence.legal_holds.user_name IS 'Whose changes are held; NULL: everybody''s.';
COMMENT ON COLUMN pggit_excellence.legal_holds.changed_since IS 'Held are changes from this time on; NULL: from the first.';
COMMENT ON COLUMN pggit_excellence.legal_holds.changed_until IS 'Held are changes before this time; NULL: to the last.';
COMMENT ON COLUMN pggit_excellence.legal_holds.placed_at IS 'When it was placed.';
COMMENT ON COLUMN pggit_excellence.legal_holds.placed_by IS 'The session user who placed it.';
COMMENT ON COLUMN pggit_excellence.legal_holds.released_at IS 'When it was released; NULL: it stands.';
COMMENT ON COLUMN pggit_excellence.legal_holds.released_by IS 'The session user who released it; NULL: it stands.';
COMMENT ON COLUMN pggit_excellence.legal_holds.release_reason IS 'Why it was released; NULL: it stands.';

-- Which replacement of a name is allowed in append-only tables, and only in the transaction that registered it. The name
-- itself is not kept: what is stored cannot lead back to it.
CREATE TABLE pggit_excellence.pseudonyms (
    pseudonym   text PRIMARY KEY,
    registered  xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    made_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    made_by     text NOT NULL DEFAULT session_user,
    replaced    bigint,
    kept        bigint
);
COMMENT ON TABLE pggit_excellence.pseudonyms IS
    'The pseudonyms that pseudonymize_user() made: one per call that replaced something. Whom they stand for is not stored.';
COMMENT ON COLUMN pggit_excellence.pseudonyms.pseudonym IS 'What stands in the place of the name: erased- and 16 random hexadecimal digits.';
COMMENT ON COLUMN pggit_excellence.pseudonyms.registered IS 'The transaction in which append-only tables accept it.';
COMMENT ON COLUMN pggit_excellence.pseudonyms.made_at IS 'When it was made.';
COMMENT ON COLUMN pggit_excellence.pseudonyms.made_by IS 'The session user who made it.';
COMMENT ON COLUMN pggit_excellence.pseudonyms.replaced IS 'In how many rows it replaced the name; NULL: not done.';
COMMENT ON COLUMN pggit_excellence.pseudonyms.kept IS 'How many rows keep the name, for a legal hold or because they are evidence; NULL: not done.';

-- How pggit.history is partitioned, for maintain(): at most one row.
CREATE TABLE pggit_excellence.history_partitioning (
    one_row        boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    partition_rows bigint NOT NULL CHECK (partition_rows > 0),
    first_bound    bigint NOT NULL,
    publications   text[] NOT NULL
);
COMMENT ON TABLE pggit_excellence.history_partitioning IS
    'How partition_history() partitions pggit.history: one row, none where it does not.';
COMMENT ON COLUMN pggit_excellence.history_partitioning.one_row IS 'Always true: there is one row at most.';
COMMENT ON COLUMN pggit_excellence.history_partitioning.partition_rows IS 'How many ids a partition holds.';
COMMENT ON COLUMN pggit_excellence.history_partitioning.first_bound IS 'The first id of history_part_1; everything below is in history_part_0, the table as it was.';
COMMENT ON COLUMN pggit_excellence.history_partitioning.publications IS 'Publications that partition_history() told to publish via the root, so that subscribers see one table; undo() tells them not to.';
