-- Refuse clearly where pgGit is not installed. Asks the catalog: naming pggit.objects would need USAGE on its schema.
CREATE FUNCTION pggit_excellence._require_pggit()
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'pggit' AND c.relname = 'objects' AND c.relkind IN ('r', 'p')
    ) THEN
        RAISE EXCEPTION 'pgGit is not installed in database %', pg_catalog.quote_ident(pg_catalog.current_database())
            USING ERRCODE = 'undefined_table', HINT = 'There is no table pggit.objects. Connect to the database that pgGit tracks.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._require_pggit() IS
    'Internal: raises a clear error where this database has no table pggit.objects.';
