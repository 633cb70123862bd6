-- A name for an index to create: the parts joined with _, cut and made distinct by a digest where that is too long.
CREATE FUNCTION pggit_excellence._index_name(VARIADIC parts text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE
        WHEN pg_catalog.octet_length(n.name) <= 59 THEN n.name
        -- At most 48 bytes of the name: a character has at most four.
        ELSE pg_catalog.left(n.name, CASE WHEN pg_catalog.octet_length(n.name) = pg_catalog.length(n.name) THEN 48 ELSE 12 END)
            || '_' || pg_catalog.left(pg_catalog.md5(n.name), 8)
        END || '_idx'
    FROM (SELECT pg_catalog.lower(pg_catalog.array_to_string(_index_name.parts, '_'))) AS n (name)
$body$;
COMMENT ON FUNCTION pggit_excellence._index_name(text[]) IS
    'Internal: a name of at most 63 bytes for an index to create, always the same for the same parts.';
