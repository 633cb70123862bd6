-- Note that an upgrade begins. Commit before the upgrade itself: the row then survives its failure.
CREATE FUNCTION pggit_excellence.start_upgrade(to_version text, from_version text DEFAULT NULL, component text DEFAULT 'pggit')
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
    INSERT INTO pggit_excellence.upgrade_log AS u (component, from_version, to_version)
    VALUES (start_upgrade.component, start_upgrade.from_version, start_upgrade.to_version)
    RETURNING u.upgrade_id
$body$;
COMMENT ON FUNCTION pggit_excellence.start_upgrade(text, text, text) IS
    'Note in upgrade_log that an upgrade of component (pggit or pggit_excellence) begins, and return its number for finish_upgrade(). Call it in a transaction of its own before the upgrade.';
