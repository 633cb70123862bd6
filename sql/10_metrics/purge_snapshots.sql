-- Delete the snapshots that are older than `older_than`, with what belongs to them. Returns how many.
-- Locks the deleted rows only.
CREATE FUNCTION pggit_excellence.purge_snapshots(older_than interval DEFAULT '7 days')
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    purged bigint;
BEGIN
    IF older_than IS NULL OR older_than < '0' THEN
        RAISE EXCEPTION 'older_than must be an interval of 0 or more, not %', COALESCE(older_than::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: older_than => ''7 days''.';
    END IF;
    DELETE FROM pggit_excellence.snapshots AS s WHERE s.taken_at < pg_catalog.clock_timestamp() - older_than;
    GET DIAGNOSTICS purged = ROW_COUNT;
    RETURN purged;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.purge_snapshots(interval) IS
    'Deletes the snapshots that were taken longer ago than older_than, with their tables and statements; returns how many snapshots.';
