-- DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
-- 2019) with a relative error of 1 %: gamma = 1.01 / 0.99. A positive value belongs to bucket i with
-- gamma^(i-1) < value <= gamma^i; 0.99 * gamma^i is within 1 % of all of them. The key is i + 12000 (11513 buckets lead
-- from 1 to 1e100), its negative for negative values, and 0 for what is nearer to 0 than 1e-100, so that keys sort as
-- values do. ln(gamma) = 0.020000666706669543.
--
-- The functions of one expression have no SET search_path, which would keep them from being inlined: everything in them
-- is qualified.
CREATE FUNCTION pggit_excellence._sketch_key(value double precision)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT CASE
        WHEN pg_catalog.abs(value) OPERATOR(pg_catalog.<) '1e-100'::pg_catalog.float8 THEN 0
        WHEN value OPERATOR(pg_catalog.>) 0 THEN
            12000 OPERATOR(pg_catalog.+) pg_catalog.ceil(
                pg_catalog.ln(value) OPERATOR(pg_catalog./) 0.020000666706669543::pg_catalog.float8)::pg_catalog.int4
        ELSE
            '-12000'::pg_catalog.int4 OPERATOR(pg_catalog.-) pg_catalog.ceil(
                pg_catalog.ln(pg_catalog.abs(value)) OPERATOR(pg_catalog./) 0.020000666706669543::pg_catalog.float8)::pg_catalog.int4
    END
$body$;
COMMENT ON FUNCTION pggit_excellence._sketch_key(double precision) IS
    'Internal: the key of the sketch''s bucket that a value belongs to; keys sort as values do. 0 for values nearer to 0 than 1e-100.';

CREATE FUNCTION pggit_excellence._sketch_value(bucket_key integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT CASE WHEN bucket_key OPERATOR(pg_catalog.=) 0 THEN 0::pg_catalog.float8 ELSE
        pg_catalog.sign(bucket_key::pg_catalog.float8) OPERATOR(pg_catalog.*) 0.99::pg_catalog.float8
        OPERATOR(pg_catalog.*) pg_catalog.exp(
            (pg_catalog.abs(bucket_key) OPERATOR(pg_catalog.-) 12000)::pg_catalog.float8
            OPERATOR(pg_catalog.*) 0.020000666706669543::pg_catalog.float8)
    END
$body$;
COMMENT ON FUNCTION pggit_excellence._sketch_value(integer) IS
    'Internal: the value that is within 1 % of all values of a bucket of the sketch.';

CREATE FUNCTION pggit_excellence._sketch_upper(bucket_key integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT CASE WHEN bucket_key OPERATOR(pg_catalog.=) 0 THEN 0::pg_catalog.float8 ELSE
        pg_catalog.sign(bucket_key::pg_catalog.float8) OPERATOR(pg_catalog.*) pg_catalog.exp(
            (CASE WHEN bucket_key OPERATOR(pg_catalog.>) 0 THEN bucket_key OPERATOR(pg_catalog.-) 12000
                  ELSE '-12001'::pg_catalog.int4 OPERATOR(pg_catalog.-) bucket_key END)::pg_catalog.float8
            OPERATOR(pg_catalog.*) 0.020000666706669543::pg_catalog.float8)
    END
$body$;
COMMENT ON FUNCTION pggit_excellence._sketch_upper(integer) IS
    'Internal: the upper bound of a bucket of the sketch; all its values are at most this.';

-- Two sketches in one: counts of equal keys are added, which loses nothing.
CREATE FUNCTION pggit_excellence._sketch_merge(
    keys_1 integer[], counts_1 bigint[], keys_2 integer[], counts_2 bigint[],
    OUT bucket_keys integer[], OUT bucket_counts bigint[]
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.array_agg(m.bucket_key ORDER BY m.bucket_key), pg_catalog.array_agg(m.events ORDER BY m.bucket_key)
    FROM (
        SELECT b.bucket_key, pg_catalog.sum(b.events)::bigint AS events
        FROM (
            SELECT pg_catalog.unnest(keys_1) AS bucket_key, pg_catalog.unnest(counts_1) AS events
            UNION ALL
            SELECT pg_catalog.unnest(keys_2), pg_catalog.unnest(counts_2)
        ) AS b
        GROUP BY b.bucket_key
    ) AS m
$body$;
COMMENT ON FUNCTION pggit_excellence._sketch_merge(integer[], bigint[], integer[], bigint[]) IS
    'Internal: merge two sketches, given as ascending keys and their counts. Exact.';
