-- The version that is installed in this database.
CREATE FUNCTION pggit_excellence.version()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pggit_excellence'
$body$;
COMMENT ON FUNCTION pggit_excellence.version() IS
    'Version of the installed extension. NULL: installed with psql -f sql/install.sql, which keeps no version. Source: pg_extension.';
