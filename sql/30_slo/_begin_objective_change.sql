-- What every change of the objectives needs: a primary server, nobody else who counts, and a snapshot from after that.
CREATE FUNCTION pggit_excellence._begin_objective_change()
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM pggit_excellence._require_writable('change objectives', 'Do it on the primary server.');
    PERFORM pggit_excellence._require_read_committed('change objectives', 'It would miss samples that were rolled up meanwhile.');
    IF NOT pggit_excellence._lock_maintenance(wait => true) THEN
        RAISE EXCEPTION 'maintain() is running, or objectives are being changed'
            USING ERRCODE = 'lock_not_available', HINT = 'Try again, or give it more time with lock_timeout.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._begin_objective_change() IS
    'Internal: refuse a read-only or repeatable-read transaction, and keep maintain() and other changes out until its end.';
