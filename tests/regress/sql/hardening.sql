\set SHOW_CONTEXT never
-- hardening_check, harden and its undo, audit_log and the archive, on the tables and the event trigger that they need.
CREATE EXTENSION pggit_excellence;
SELECT h.status, h.evidence FROM pggit_excellence.hardening_check() AS h WHERE h.check_id = 'pggit_complete';
SELECT pggit_excellence.hardening_check('paranoid');
SELECT pggit_excellence.harden();

CREATE SCHEMA pggit;
CREATE TABLE pggit.objects (
    id serial PRIMARY KEY, object_type text, schema_name text, object_name text, branch_name text, full_name text,
    is_active boolean DEFAULT true, created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now()
);
CREATE TABLE pggit.history (
    id serial PRIMARY KEY, object_id integer REFERENCES pggit.objects (id) ON DELETE CASCADE, change_type text,
    change_description text, sql_executed text, old_metadata jsonb, new_metadata jsonb, created_at timestamp DEFAULT now(),
    created_by text DEFAULT current_user
);
CREATE TABLE pggit.migrations (id serial PRIMARY KEY, up_script text);
GRANT INSERT ON pggit.migrations TO PUBLIC;
-- pggit: ignore[PGX203] this fault is pgGit's, and harden() mends it
CREATE FUNCTION pggit.handle_ddl_command() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pggit.history (change_type, sql_executed, created_by) VALUES ('CREATE', TG_TAG, 'somebody else');
END
$$;
CREATE EVENT TRIGGER pggit_ddl_trigger ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION pggit.handle_ddl_command();

SELECT h.severity, h.check_id FROM pggit_excellence.hardening_check('minimal') AS h
WHERE h.category = 'pggit' AND h.status = 'fail' ORDER BY h.severity, h.check_id COLLATE "C";
SELECT h.status, h.item, h.statement, h.undo_statement FROM pggit_excellence.harden('minimal') AS h
WHERE h.status <> 'remark' ORDER BY h.item COLLATE "C";
SELECT h.status, h.action_id IS NOT NULL AS recorded, count(*) > 0 AS found FROM pggit_excellence.harden(dry_run => false) AS h
WHERE h.status <> 'remark' GROUP BY h.status, h.action_id IS NOT NULL;
SELECT h.severity, h.check_id FROM pggit_excellence.hardening_check('minimal') AS h
WHERE h.check_id IN ('pggit_trigger_search_path', 'pggit_migrations_writable') AND h.status <> 'pass';
CREATE TABLE public.tracked (a integer);
SELECT h.sql_executed, h.created_by = session_user AS by_me FROM pggit.history AS h;
UPDATE pggit.history SET created_by = 'nobody';
DELETE FROM pggit.history;
TRUNCATE pggit.history;
SELECT count(*) > 0 AS undone FROM pggit_excellence.undo_all('harden');
SELECT e.evtenabled, p.prosecdef, p.proconfig FROM pg_event_trigger AS e JOIN pg_proc AS p ON p.oid = e.evtfoid
WHERE e.evtname = 'pggit_ddl_trigger';

SELECT a.event, a.status FROM pggit_excellence.enable_audit() AS a ORDER BY a.event;
DROP TABLE public.tracked;
SELECT pggit_excellence.seal_audit_log() > 0 AS sealed;
SELECT l.event_kind, count(*) > 0 AS found FROM pggit_excellence.audit_log AS l GROUP BY l.event_kind ORDER BY l.event_kind;
SELECT v.intact, v.finding, v.at_audit_id, v.note FROM pggit_excellence.verify_audit_chain() AS v;
DELETE FROM pggit_excellence.audit_log;
ALTER TABLE pggit_excellence.audit_log_sealed DISABLE TRIGGER append_only;
UPDATE pggit_excellence.audit_log_sealed SET actor = 'nobody' WHERE audit_id = 2;
SELECT v.intact, v.finding, v.at_audit_id, v.note FROM pggit_excellence.verify_audit_chain() AS v;
SELECT a.event, a.status FROM pggit_excellence.disable_audit() AS a ORDER BY a.event;
SELECT pggit_excellence.set_ddl_rate_limit('no such role', 10);
SELECT pggit_excellence.set_ddl_rate_limit('public', 0);

INSERT INTO pggit.history (change_type, created_at) VALUES ('CREATE', '2001-02-03'), ('ALTER', NULL);
SELECT a.status, a.rows_moved, a.run_id FROM pggit_excellence.archive_history() AS a;
SELECT pggit_excellence.set_legal_hold('a case', changed_until => '2002-01-01') AS hold_id;
SELECT a.status, a.rows_moved, a.run_id FROM pggit_excellence.archive_history(dry_run => false) AS a;
SELECT pggit_excellence.release_legal_hold(1, 'the case is closed');
SELECT a.status, a.rows_moved, a.run_id FROM pggit_excellence.archive_history(dry_run => false) AS a;
SELECT count(*) FROM pggit.history AS h WHERE h.created_at IS NULL OR h.created_at < '2002-01-01';
SELECT v.* FROM pggit_excellence.verify_archive() AS v;

DROP EXTENSION pggit_excellence;
DROP SCHEMA pggit CASCADE;
