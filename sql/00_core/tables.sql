-- The schema of everything, and the log of what we changed in objects that are not ours.

DO $do$
BEGIN
    IF pg_catalog.to_regnamespace('pggit_excellence') IS NOT NULL THEN
        RAISE EXCEPTION 'schema pggit_excellence exists already'
            USING ERRCODE = 'duplicate_schema',
                  HINT = 'Either it was installed with psql -f sql/install.sql, or it belongs to somebody else. '
                      || 'DROP SCHEMA pggit_excellence CASCADE removes it with its data.';
    END IF;
END
$do$;

CREATE SCHEMA pggit_excellence;
COMMENT ON SCHEMA pggit_excellence IS
    'Diagnostics, tuning and observability for databases that run pgGit (extension pggit_excellence).';

-- One row per change that we made in objects that are not ours. Whoever may insert here must not get a superuser to
-- run SQL: undo() rebuilds its statement from kind, schema_name, relation_name, item and the values, and checks them.
-- apply_sql and undo_sql are for people to read and are never executed.
CREATE TABLE pggit_excellence.action_log (
    action_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action        text NOT NULL,
    kind          text NOT NULL,
    schema_name   text NOT NULL,
    relation_name text NOT NULL,
    item          text NOT NULL,
    old_value     text,
    new_value     text NOT NULL,
    apply_sql     text NOT NULL,
    undo_sql      text NOT NULL,
    reason        text NOT NULL,
    applied_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    applied_by    text NOT NULL DEFAULT session_user,
    undone_at     timestamptz,
    undone_by     text,
    undo_note     text,
    CONSTRAINT action_log_kind CHECK (kind IN (
        'index', 'storage parameter',
        'function security', 'public privileges', 'role privileges', 'taken privileges', 'default privileges', 'event trigger',
        'trigger', 'policy', 'row security', 'partitioning'))
);
COMMENT ON TABLE pggit_excellence.action_log IS
    'What this extension changed in objects that are not its own, and how to undo it: see undo(action_id).';
COMMENT ON COLUMN pggit_excellence.action_log.action_id IS 'Number of the action, the argument of undo(action_id).';
COMMENT ON COLUMN pggit_excellence.action_log.action IS 'The function that did it, e.g. tune_tracking.';
COMMENT ON COLUMN pggit_excellence.action_log.kind IS 'What kind of thing was made or changed: index, storage parameter, trigger and so on; undo() finds its function by it.';
COMMENT ON COLUMN pggit_excellence.action_log.schema_name IS 'Schema of the table or routine, unquoted.';
COMMENT ON COLUMN pggit_excellence.action_log.relation_name IS 'The table, the routine with its argument types, the event trigger, or the role that got privileges, unquoted. Empty: several, see old_value.';
COMMENT ON COLUMN pggit_excellence.action_log.item IS 'The index, trigger or policy that was made, the storage parameter that was set, or what was changed, unquoted.';
COMMENT ON COLUMN pggit_excellence.action_log.old_value IS 'Former value; of privileges, which and of what, as JSON. NULL: it was not set, or something was made.';
COMMENT ON COLUMN pggit_excellence.action_log.new_value IS 'Definition or value of the thing as it was made: undo refuses when it has changed since. done: privileges, which undo() reads from the catalog.';
COMMENT ON COLUMN pggit_excellence.action_log.apply_sql IS 'The statement that was run, for people to read.';
COMMENT ON COLUMN pggit_excellence.action_log.undo_sql IS 'The statement that puts the former state back, for people to read: undo() builds its own.';
COMMENT ON COLUMN pggit_excellence.action_log.reason IS 'Why it was done.';
COMMENT ON COLUMN pggit_excellence.action_log.applied_at IS 'When it was done, or first seen where it was built by hand from the plan.';
COMMENT ON COLUMN pggit_excellence.action_log.applied_by IS 'The session user who did it.';
COMMENT ON COLUMN pggit_excellence.action_log.undone_at IS 'When it was undone; NULL: it still stands.';
COMMENT ON COLUMN pggit_excellence.action_log.undone_by IS 'The session user who undid it; NULL: it still stands.';
COMMENT ON COLUMN pggit_excellence.action_log.undo_note IS 'What undo() found and did; NULL: it still stands.';

-- Findings that somebody has looked at and accepted.
CREATE TABLE pggit_excellence.finding_exclusions (
    finding_key text PRIMARY KEY,
    reason      text NOT NULL,
    excluded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    excluded_by text NOT NULL DEFAULT session_user,
    expires_at  timestamptz
);
COMMENT ON TABLE pggit_excellence.finding_exclusions IS
    'Findings that the diagnostics leave out: see exclude_finding() and include_finding().';
COMMENT ON COLUMN pggit_excellence.finding_exclusions.finding_key IS 'The key that the diagnostic shows for the finding; made of names, so it survives dump and restore.';
COMMENT ON COLUMN pggit_excellence.finding_exclusions.reason IS 'Why the finding is accepted.';
COMMENT ON COLUMN pggit_excellence.finding_exclusions.excluded_at IS 'When it was excluded.';
COMMENT ON COLUMN pggit_excellence.finding_exclusions.excluded_by IS 'The session user who excluded it.';
COMMENT ON COLUMN pggit_excellence.finding_exclusions.expires_at IS 'From when on the finding shows again; NULL: never.';
