-- The roles of this extension, and which of them exist.
CREATE FUNCTION pggit_excellence._readers()
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ARRAY(
        SELECT r.rolname::text FROM pg_catalog.pg_roles AS r
        WHERE r.rolname IN ('pg_monitor', 'pggit_excellence_reader', 'pggit_excellence_auditor', 'pggit_excellence_operator')
        ORDER BY r.rolname COLLATE "C"
    )
$body$;
COMMENT ON FUNCTION pggit_excellence._readers() IS 'Internal: the existing roles that may read what this extension has.';

CREATE FUNCTION pggit_excellence._operators()
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pggit_excellence_operator')
$body$;
COMMENT ON FUNCTION pggit_excellence._operators() IS 'Internal: the existing roles that may change something with this extension.';
