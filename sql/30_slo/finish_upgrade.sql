-- Note how an upgrade ended. Call it after the upgrade's transaction: what is written inside goes with its rollback.
CREATE FUNCTION pggit_excellence.finish_upgrade(upgrade_id bigint, error_message text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    outcome text := CASE WHEN error_message IS NULL THEN 'completed' ELSE 'failed' END;
BEGIN
    UPDATE pggit_excellence.upgrade_log AS u
    SET status = outcome, completed_at = pg_catalog.clock_timestamp(), error_message = finish_upgrade.error_message
    WHERE u.upgrade_id = finish_upgrade.upgrade_id AND u.status = 'started';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no running upgrade has number %', COALESCE(upgrade_id::text, 'NULL')
            USING ERRCODE = 'no_data_found',
                  HINT = 'start_upgrade() returns the number; each upgrade is finished once. See pggit_excellence.upgrade_log.';
    END IF;
    RETURN outcome;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.finish_upgrade(bigint, text) IS
    'Note in upgrade_log that an upgrade ended: completed, or failed when error_message is given. Returns which. Call it after the upgrade''s own transaction.';
