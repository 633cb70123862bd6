-- One at a time, and no new hold meanwhile: what archive_history(), restore_history(), purge_archive(), purge_audit_log()
-- and pseudonymize_user() begin with.
-- Locks, until the transaction ends: writers of legal_holds and archive_runs wait, readers do not.
CREATE FUNCTION pggit_excellence._lock_retention()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM pggit_excellence._require_writable('run');
    PERFORM pggit_excellence._require_read_committed('run', 'It would not see a hold that was placed while it waited.');
    LOCK TABLE pggit_excellence.legal_holds, pggit_excellence.archive_runs IN SHARE ROW EXCLUSIVE MODE;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._lock_retention() IS
    'Internal: nobody else archives, purges, pseudonymizes or places a hold until the transaction ends. Refuses read-only transactions and snapshots that are older than the lock.';
