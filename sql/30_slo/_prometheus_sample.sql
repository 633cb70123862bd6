-- One line of the text exposition: name, labels (names and values in turn), value. NULL: the value is not known.
CREATE FUNCTION pggit_excellence._prometheus_sample(name text, value numeric, VARIADIC labels text[] DEFAULT '{}')
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT name || COALESCE('{' || (
               SELECT string_agg(format('%s="%s"', labels[n],
                          replace(replace(replace(labels[n + 1], E'\\', E'\\\\'), '"', E'\\"'), E'\n', E'\\n')), ',' ORDER BY n)
               FROM generate_series(1, cardinality(labels), 2) AS n
           ) || '}', '') || ' ' || trim_scale(value)
$body$;
COMMENT ON FUNCTION pggit_excellence._prometheus_sample(text, numeric, text[]) IS
    'Internal: a sample line of the text exposition, labels escaped. NULL: the value is NULL.';
