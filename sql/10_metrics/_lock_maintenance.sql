-- One at a time: maintain(), and whoever counts samples that it moves. The lock is on a table and not an advisory one, which
-- every role could take and so stop the maintenance. SHARE UPDATE EXCLUSIVE, until the end of the transaction: nobody who
-- reads or records waits for it.
--   wait   false: return false at once when another has it
CREATE FUNCTION pggit_excellence._lock_maintenance(wait boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF wait THEN
        LOCK TABLE pggit_excellence.metric_retention IN SHARE UPDATE EXCLUSIVE MODE;
    ELSE
        LOCK TABLE pggit_excellence.metric_retention IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
    END IF;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._lock_maintenance(boolean) IS
    'Internal: let nobody else move, count or delete samples until the end of the transaction. false: somebody else does, and wait was false.';
