-- Tamper evidence: events, chained by SHA-256, and what stands for their end outside of the database.

-- Numbers of events, and how many could not be recorded. Sequences, because a rollback does not take back their values.
CREATE SEQUENCE pggit_excellence.audit_event_id;
CREATE SEQUENCE pggit_excellence.audit_errors;
COMMENT ON SEQUENCE pggit_excellence.audit_event_id IS 'Numbers of the events of audit_log, in the order of recording; with gaps where transactions rolled back.';
COMMENT ON SEQUENCE pggit_excellence.audit_errors IS 'How many DDL commands passed unrecorded or unlimited because of an error of ours.';

-- Two leaves: an event is recorded into the first, in the transaction that it tells of and without any lock, and
-- seal_audit_log() moves committed ones into the second, where each has its place and its hash. So no session ever waits
-- for another one's commit, and what rolls back, is prepared or comes late is in the chain exactly if it happened.
CREATE TABLE pggit_excellence.audit_log (
    audit_id      bigint,
    event_id      bigint NOT NULL DEFAULT pg_catalog.nextval('pggit_excellence.audit_event_id'),
    occurred_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    event_kind    text COLLATE "C" NOT NULL,
    actor         text COLLATE "C" NOT NULL DEFAULT pggit_excellence._name_as_text(session_user),
    database      text COLLATE "C" NOT NULL DEFAULT pggit_excellence._name_as_text(pg_catalog.current_database()),
    details       jsonb NOT NULL DEFAULT '{}',
    previous_hash bytea,
    row_hash      bytea
) PARTITION BY LIST ((audit_id IS NULL));
CREATE TABLE pggit_excellence.audit_log_pending PARTITION OF pggit_excellence.audit_log (PRIMARY KEY (event_id))
    FOR VALUES IN (true) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE TABLE pggit_excellence.audit_log_sealed PARTITION OF pggit_excellence.audit_log (
    previous_hash NOT NULL, row_hash NOT NULL, PRIMARY KEY (audit_id)
) FOR VALUES IN (false);
CREATE INDEX audit_log_sealed_event_id_idx ON pggit_excellence.audit_log_sealed (event_id);
CREATE INDEX audit_log_sealed_occurred_at_idx ON pggit_excellence.audit_log_sealed (occurred_at);
COMMENT ON TABLE pggit_excellence.audit_log IS
    'What happened: DDL, hardening, refusals, login failures and more, one row each, append-only. Rows of leaf audit_log_sealed are chained: each hash covers the row and the hash before. Leaf audit_log_pending: recorded, and not yet sealed by seal_audit_log(), which maintain() calls. See verify_audit_chain().';
COMMENT ON COLUMN pggit_excellence.audit_log.audit_id IS 'Place in the chain: 1, 2, 3 and so on without a gap, in the order of sealing, from where audit_purges ends; NULL: not sealed yet.';
COMMENT ON COLUMN pggit_excellence.audit_log.event_id IS 'Number of the event, given when it was recorded; gaps are transactions that rolled back.';
COMMENT ON COLUMN pggit_excellence.audit_log.occurred_at IS 'When it was recorded (wall clock); what happened earlier, as in a log file, has its own time in details.';
COMMENT ON COLUMN pggit_excellence.audit_log.event_kind IS 'What kind of event: ddl, rate_limit, login_failure, audit (of the audit itself), and what callers of record_audit_event() name.';
COMMENT ON COLUMN pggit_excellence.audit_log.actor IS 'The session user who did it.';
COMMENT ON COLUMN pggit_excellence.audit_log.database IS 'The database, as it was called then.';
COMMENT ON COLUMN pggit_excellence.audit_log.details IS 'What else is known, a JSON object; session: role (SET ROLE), application, client address and process.';
COMMENT ON COLUMN pggit_excellence.audit_log.previous_hash IS 'row_hash of the row before; in row 1 a random number that identifies the chain; NULL: not sealed yet.';
COMMENT ON COLUMN pggit_excellence.audit_log.row_hash IS 'SHA-256 over previous_hash and the content of the row, see docs/security/AUDIT.md; NULL: not sealed yet.';

-- What the command line signed, for people and for verify_audit_chain(). What proves something is the file outside.
CREATE TABLE pggit_excellence.audit_checkpoints (
    audit_id    bigint PRIMARY KEY,
    row_hash    bytea NOT NULL,
    envelope    jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    recorded_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE pggit_excellence.audit_checkpoints IS
    'Copies of the signed checkpoints of pggit-excellence audit checkpoint. They prove something only with the signer''s public key; a superuser can delete them here, not in the file that the command wrote.';
COMMENT ON COLUMN pggit_excellence.audit_checkpoints.audit_id IS 'The last row of audit_log that the checkpoint covers.';
COMMENT ON COLUMN pggit_excellence.audit_checkpoints.row_hash IS 'Its row_hash, which covers all rows before.';
COMMENT ON COLUMN pggit_excellence.audit_checkpoints.envelope IS 'The signed statement, a DSSE envelope.';
COMMENT ON COLUMN pggit_excellence.audit_checkpoints.recorded_at IS 'When the copy was stored here.';
COMMENT ON COLUMN pggit_excellence.audit_checkpoints.recorded_by IS 'The session user who stored it.';

-- What purge_audit_log() took out: the beginning of the chain, up to a row that a signed checkpoint covers. Of the newest row
-- hash and number say what the first row that is left has to continue.
CREATE TABLE pggit_excellence.audit_purges (
    last_audit_id bigint PRIMARY KEY,
    row_hash      bytea NOT NULL,
    chain         bytea NOT NULL,
    row_count     bigint NOT NULL,
    first_event   timestamptz NOT NULL,
    last_event    timestamptz NOT NULL,
    event_id      bigint NOT NULL,
    purged_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    purged_by     text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE pggit_excellence.audit_purges IS
    'What purge_audit_log() deleted from audit_log, a row for each call that deleted something, append-only. The newest one says where the chain begins now: see verify_audit_chain().';
COMMENT ON COLUMN pggit_excellence.audit_purges.last_audit_id IS 'The last row of audit_log that went; all rows before went too.';
COMMENT ON COLUMN pggit_excellence.audit_purges.row_hash IS 'Its row_hash, which a signed checkpoint covers and the next row continues.';
COMMENT ON COLUMN pggit_excellence.audit_purges.chain IS 'previous_hash of row 1, the random number that identifies the chain.';
COMMENT ON COLUMN pggit_excellence.audit_purges.row_count IS 'How many rows went.';
COMMENT ON COLUMN pggit_excellence.audit_purges.first_event IS 'The earliest occurred_at among them.';
COMMENT ON COLUMN pggit_excellence.audit_purges.last_event IS 'The latest occurred_at among them.';
COMMENT ON COLUMN pggit_excellence.audit_purges.event_id IS 'The event of audit_log that tells of the purge.';
COMMENT ON COLUMN pggit_excellence.audit_purges.purged_at IS 'When they were deleted.';
COMMENT ON COLUMN pggit_excellence.audit_purges.purged_by IS 'The session user who deleted them.';

-- At most one row: what sealing has told about the audit itself, so that it tells each change once.
CREATE TABLE pggit_excellence.audit_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    errors   bigint NOT NULL DEFAULT 0,
    triggers text NOT NULL DEFAULT ''
);
COMMENT ON TABLE pggit_excellence.audit_state IS 'At most one row: what seal_audit_log() has last told in audit_log about the audit itself.';
COMMENT ON COLUMN pggit_excellence.audit_state.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN pggit_excellence.audit_state.errors IS 'Value of audit_errors that is told.';
COMMENT ON COLUMN pggit_excellence.audit_state.triggers IS 'State of the event triggers of the audit that is told; empty: never enabled, or switched off by disable_audit().';

-- How far the command line has read each file of the server's log.
CREATE TABLE pggit_excellence.audit_log_files (
    fingerprint text COLLATE "C" PRIMARY KEY,
    file_name   text NOT NULL,
    read_to     bigint NOT NULL,
    read_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE pggit_excellence.audit_log_files IS
    'How far pggit-excellence audit logins has read each log file of the server, so that every line counts once.';
COMMENT ON COLUMN pggit_excellence.audit_log_files.fingerprint IS 'SHA-256 of the first line, which a renamed file keeps and a new one does not have.';
COMMENT ON COLUMN pggit_excellence.audit_log_files.file_name IS 'How the file was called when it was read last.';
COMMENT ON COLUMN pggit_excellence.audit_log_files.read_to IS 'Bytes that are read.';
COMMENT ON COLUMN pggit_excellence.audit_log_files.read_at IS 'When it was read last.';

-- Limits of set_ddl_rate_limit(). Each that has a rate has two sequences, ddl_rate_<limit_id>_state and _refused.
CREATE TABLE pggit_excellence.ddl_rate_limits (
    role_name  text COLLATE "C" PRIMARY KEY,
    limit_id   integer NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    statements integer CHECK (statements BETWEEN 1 AND 1000000),
    per        interval CHECK (per BETWEEN '1 second' AND '366 days'),
    refusals   bigint NOT NULL DEFAULT 0,
    set_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    set_by     text NOT NULL DEFAULT session_user,
    CHECK ((statements IS NULL) = (per IS NULL))
);
COMMENT ON TABLE pggit_excellence.ddl_rate_limits IS 'Who may run how many DDL statements in which time: see set_ddl_rate_limit().';
COMMENT ON COLUMN pggit_excellence.ddl_rate_limits.role_name IS 'The session user, unquoted; public: all who have no row of their own and are no superusers, together.';
COMMENT ON COLUMN pggit_excellence.ddl_rate_limits.limit_id IS 'Number of the limit, part of the names of its sequences.';
COMMENT ON COLUMN pggit_excellence.ddl_rate_limits.statements IS 'How many statements at once, and how many more in each interval per; NULL: as many as they like.';
COMMENT ON COLUMN pggit_excellence.ddl_rate_limits.per IS 'The interval; NULL: no limit.';
COMMENT ON COLUMN pggit_excellence.ddl_rate_limits.refusals IS 'How many refusals seal_audit_log() has told in audit_log.';
COMMENT ON COLUMN pggit_excellence.ddl_rate_limits.set_at IS 'When it was set.';
COMMENT ON COLUMN pggit_excellence.ddl_rate_limits.set_by IS 'The session user who set it.';
