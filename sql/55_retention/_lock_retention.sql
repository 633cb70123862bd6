-- One at a time, and no new hold meanwhile: what archive_history(), purge_archive() and pseudonymize_user() begin with.
-- Locks, until the transaction ends: writers of legal_holds and archive_runs wait, readers do not.
CREATE FUNCTION pggit_excellence._lock_retention()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'this transaction is read-only'
            USING ERRCODE = 'read_only_sql_transaction', HINT = 'On a standby run it on the primary.';
    ELSIF pg_catalog.current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'cannot run in a transaction that is %', pg_catalog.current_setting('transaction_isolation')
            USING ERRCODE = 'active_sql_transaction',
                  HINT = 'It would not see a hold that was placed while it waited. Use READ COMMITTED.';
    END IF;
    LOCK TABLE pggit_excellence.legal_holds, pggit_excellence.archive_runs IN SHARE ROW EXCLUSIVE MODE;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._lock_retention() IS
    'Internal: nobody else archives, purges, pseudonymizes or places a hold until the transaction ends. Refuses read-only transactions and snapshots that are older than the lock.';
