-- One line of the text exposition: name, labels (names and values in turn), value. NULL: the value is not known.
CREATE FUNCTION pggit_excellence._prometheus_sample(name text, value numeric, VARIADIC labels text[] DEFAULT '{}')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    pairs text[] := '{}';
BEGIN
    FOR n IN 1..cardinality(labels) BY 2 LOOP
        pairs := pairs || (labels[n] || '="' || replace(replace(replace(labels[n + 1], E'\\', E'\\\\'), '"', E'\\"'), E'\n', E'\\n') || '"');
    END LOOP;
    RETURN name || CASE WHEN pairs = '{}' THEN '' ELSE '{' || array_to_string(pairs, ',') || '}' END || ' ' || trim_scale(value);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._prometheus_sample(text, numeric, text[]) IS
    'Internal: a sample line of the text exposition, labels escaped. NULL: the value is NULL.';
