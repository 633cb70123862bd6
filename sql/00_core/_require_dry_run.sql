-- Refuse NULL as dry_run: it says neither.
--   hint  what true and false do
CREATE FUNCTION pggit_excellence._require_dry_run(dry_run boolean, hint text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF dry_run IS NULL THEN
        RAISE EXCEPTION 'dry_run is NULL'
            USING ERRCODE = 'null_value_not_allowed', HINT = _require_dry_run.hint;
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._require_dry_run(boolean, text) IS
    'Internal: raises where dry_run is NULL.';
