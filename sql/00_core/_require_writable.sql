-- Refuse where nothing can be written: on a standby, or where the caller asked for a read-only transaction.
--   doing  what cannot be done, as it follows "cannot"
CREATE FUNCTION pggit_excellence._require_writable(doing text, hint text DEFAULT 'On a standby run it on the primary.')
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot % in a read-only transaction', doing
            USING ERRCODE = 'read_only_sql_transaction', HINT = _require_writable.hint;
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._require_writable(text, text) IS
    'Internal: raises where this transaction is read-only.';

-- Refuse snapshots that are older than a lock: whoever waited for it would not see what was done meanwhile.
--   doing  what cannot be done, as it follows "cannot"; misses: what would go wrong
CREATE FUNCTION pggit_excellence._require_read_committed(doing text, misses text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    isolation text := pg_catalog.current_setting('transaction_isolation');
BEGIN
    IF isolation NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'cannot % in a transaction that is %', doing, isolation
            USING ERRCODE = 'active_sql_transaction', HINT = misses || ' Use READ COMMITTED.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._require_read_committed(text, text) IS
    'Internal: raises where the snapshot of this transaction is older than its statement.';
