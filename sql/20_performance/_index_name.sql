-- A name for an index to create: the parts joined with _, or a digest where that is longer than a name may be.
CREATE FUNCTION pggit_excellence._index_name(VARIADIC parts text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN pg_catalog.octet_length(n.name) <= 63 THEN n.name ELSE 'idx_' || pg_catalog.md5(n.name) END
    FROM (SELECT pg_catalog.array_to_string(_index_name.parts, '_') || '_idx') AS n (name)
$body$;
COMMENT ON FUNCTION pggit_excellence._index_name(text[]) IS
    'Internal: a name of at most 63 bytes for an index to create, always the same for the same parts.';
