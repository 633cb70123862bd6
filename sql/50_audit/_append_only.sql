-- What is recorded is neither changed nor removed: against mistakes, superusers' among them. Against a superuser who means
-- it no trigger helps; that is what the chain and its signed checkpoints are for.
CREATE FUNCTION pggit_excellence._append_only()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RAISE EXCEPTION 'cannot % in %: it is append-only', pg_catalog.lower(TG_OP), TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'What was recorded stays as it is. Record what is to be added with record_audit_event().';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._append_only() IS 'Internal: trigger function of tables that are only added to.';

-- An event leaves the queue when it is in the chain.
CREATE FUNCTION pggit_excellence._sealed_first()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF EXISTS (
        SELECT FROM gone AS g
        WHERE NOT EXISTS (SELECT FROM pggit_excellence.audit_log_sealed AS s WHERE s.event_id = g.event_id))
    THEN
        RAISE EXCEPTION 'cannot delete events that are not sealed'
            USING ERRCODE = 'insufficient_privilege', HINT = 'seal_audit_log() seals them and takes them out of the queue.';
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._sealed_first() IS
    'Internal: trigger function of audit_log_pending: only what is sealed may be deleted there.';

-- What a purge covers may go from the chain.
CREATE FUNCTION pggit_excellence._purged_first()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF OLD.audit_id <= (SELECT pg_catalog.max(p.last_audit_id) FROM pggit_excellence.audit_purges AS p) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'cannot delete in %: it is append-only', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'purge_audit_log() deletes what is old and signed.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._purged_first() IS
    'Internal: trigger function of audit_log_sealed: only what purge_audit_log() noted in audit_purges may be deleted there.';

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pggit_excellence.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION pggit_excellence._append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON pggit_excellence.audit_log_sealed
    FOR EACH STATEMENT EXECUTE FUNCTION pggit_excellence._append_only();
CREATE OR REPLACE TRIGGER purged_first BEFORE DELETE ON pggit_excellence.audit_log_sealed
    FOR EACH ROW EXECUTE FUNCTION pggit_excellence._purged_first();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pggit_excellence.audit_purges
    FOR EACH STATEMENT EXECUTE FUNCTION pggit_excellence._append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pggit_excellence.audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION pggit_excellence._append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON pggit_excellence.audit_log_pending
    FOR EACH STATEMENT EXECUTE FUNCTION pggit_excellence._append_only();
CREATE OR REPLACE TRIGGER sealed_first AFTER DELETE ON pggit_excellence.audit_log_pending
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION pggit_excellence._sealed_first();
-- Under session_replication_role = replica as well.
ALTER TABLE pggit_excellence.audit_log ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE pggit_excellence.audit_log_sealed ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE pggit_excellence.audit_log_sealed ENABLE ALWAYS TRIGGER purged_first;
ALTER TABLE pggit_excellence.audit_purges ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE pggit_excellence.audit_checkpoints ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE pggit_excellence.audit_log_pending ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE pggit_excellence.audit_log_pending ENABLE ALWAYS TRIGGER sealed_first;
