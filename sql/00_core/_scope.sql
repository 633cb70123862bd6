-- Which schemas a diagnostic looks at.
--   schemas  NULL: pgGit's own; ARRAY['*']: every schema that is not the system's; otherwise the named ones
-- Returns the schemas' OIDs, for this call only. Raises invalid_schema_name for an unknown schema, for an empty list
-- and where the default finds no pgGit.
CREATE FUNCTION pggit_excellence._scope(schemas text[])
RETURNS oid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    chosen  oid[];
    unknown text;
BEGIN
    IF schemas IS NULL THEN
        chosen := ARRAY(
            SELECT n.oid FROM pg_catalog.pg_namespace AS n
            WHERE n.nspname = 'pggit' OR (n.nspname LIKE 'pggit\_%' AND n.nspname <> 'pggit_excellence')
        );
        IF chosen = '{}' THEN
            RAISE EXCEPTION 'pgGit is not installed in database %', pg_catalog.quote_ident(pg_catalog.current_database())
                USING ERRCODE = 'invalid_schema_name',
                      HINT = 'Name the schemas to look at: schemas => ARRAY[''public''], or ARRAY[''*''] for all of them.';
        END IF;
        RETURN chosen;
    END IF;

    IF schemas = ARRAY['*'] THEN
        RETURN ARRAY(
            SELECT n.oid FROM pg_catalog.pg_namespace AS n
            WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
        );
    END IF;

    SELECT pg_catalog.string_agg(pg_catalog.quote_nullable(s.name), ', ') INTO unknown
    FROM pg_catalog.unnest(schemas) AS s (name)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = s.name);
    IF unknown IS NOT NULL OR pg_catalog.cardinality(schemas) = 0 THEN
        RAISE EXCEPTION 'no such schema: %', COALESCE(unknown, 'the list is empty')
            USING ERRCODE = 'invalid_schema_name',
                  HINT = 'Schema names are case-sensitive and unquoted here. NULL means pgGit''s schemas, ARRAY[''*''] all of them.';
    END IF;
    RETURN ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY (schemas));
END
$body$;
COMMENT ON FUNCTION pggit_excellence._scope(text[]) IS
    'Internal: OIDs of the schemas that a diagnostic looks at (NULL: pgGit''s schemas; {*}: all but the system''s).';
