-- A name for an index to create: the parts joined with _, cut and made distinct by a digest where that is too long.
CREATE FUNCTION pggit_excellence._index_name(VARIADIC parts text[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    name text := pg_catalog.lower(pg_catalog.array_to_string(parts, '_'));
BEGIN
    IF pg_catalog.octet_length(name) > 59 THEN
        -- At most 48 bytes of the name: a character has at most four.
        name := pg_catalog.left(name, CASE WHEN pg_catalog.octet_length(name) = pg_catalog.length(name) THEN 48 ELSE 12 END)
            || '_' || pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(name, 'UTF8')), 'hex'), 8);
    END IF;
    RETURN name || '_idx';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._index_name(text[]) IS
    'Internal: a name of at most 63 bytes for an index to create, always the same for the same parts.';
