-- pgGit's table of this name. The catalogs tell it to everybody; to_regclass() fails without USAGE on the schema.
-- PL/pgSQL keeps the plan: prometheus_metrics() asks some forty times.
CREATE FUNCTION pggit_excellence._pggit_table(table_name text)
RETURNS oid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN (
        SELECT c.oid
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'pggit' AND c.relname = _pggit_table.table_name AND c.relkind IN ('r', 'p')
    );
END
$body$;
COMMENT ON FUNCTION pggit_excellence._pggit_table(text) IS
    'Internal: OID of a table in schema pggit, for this call only. NULL: there is none. Needs no privilege. Source: pg_class.';
