-- Which objects tracking_coverage() counts as missed, stale or recorded under a wrong name.
--   of_type   one object type; NULL: all
CREATE FUNCTION pggit_excellence.tracking_gaps(of_type text DEFAULT NULL)
RETURNS TABLE (object_type text, gap text, schema_name text, object_name text, recorded_as text, note text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    obstacle text := pggit_excellence._health_obstacle();
BEGIN
    IF NOT EXISTS (SELECT FROM pggit_excellence._tracking_types() AS t WHERE of_type IS NULL OR t.object_type = of_type) THEN
        RAISE EXCEPTION 'no such object type: %', pg_catalog.quote_literal(of_type)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'One of those that tracking_coverage() lists, for example TABLE. NULL: all.';
    ELSIF obstacle IS NOT NULL THEN
        note := obstacle;
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT m.object_type, m.verdict, m.schema_name, m.object_name, m.recorded_as, NULL::text
    FROM pggit_excellence._tracking_matches() AS m
    WHERE m.verdict <> 'tracked' AND (of_type IS NULL OR m.object_type = of_type)
    ORDER BY m.object_type COLLATE "C", m.verdict COLLATE "C", m.schema_name COLLATE "C", m.object_name COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.tracking_gaps(text) IS
    'The objects that tracking_coverage() counts as missed, wrong name or stale, of one object type (TABLE, COLUMN ...) or, with NULL, of all. Names are as in the catalog, unquoted, parts of a table behind its name; recorded_as: what pgGit calls it, NULL: it does not know it. One row of NULLs with a note where pgGit cannot be read; note is NULL otherwise. Takes as long as tracking_coverage(). Source: catalogs, pggit.objects.';
