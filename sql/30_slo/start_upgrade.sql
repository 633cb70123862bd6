-- Note that an upgrade begins. Commit before the upgrade itself: the row then survives its failure.
CREATE FUNCTION pggit_excellence.start_upgrade(to_version text, from_version text DEFAULT NULL, component text DEFAULT 'pggit')
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    started bigint;
BEGIN
    IF pg_catalog.btrim(COALESCE(start_upgrade.to_version, '')) = '' THEN
        RAISE EXCEPTION 'no version given'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'to_version is the version that the upgrade leads to.';
    ELSIF (start_upgrade.component IN ('pggit', 'pggit_excellence')) IS NOT TRUE THEN
        RAISE EXCEPTION 'no such component: %', pg_catalog.quote_nullable(start_upgrade.component)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'component is pggit or pggit_excellence.';
    END IF;
    INSERT INTO pggit_excellence.upgrade_log AS u (component, from_version, to_version)
    VALUES (start_upgrade.component, start_upgrade.from_version, start_upgrade.to_version)
    RETURNING u.upgrade_id INTO started;
    RETURN started;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.start_upgrade(text, text, text) IS
    'Note in upgrade_log that an upgrade of component (pggit or pggit_excellence) begins, and return its number for finish_upgrade(). Call it in a transaction of its own before the upgrade.';
