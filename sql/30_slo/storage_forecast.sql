-- How large pgGit's schemas and ours are together, how fast they grow, and when their limit is reached.
CREATE FUNCTION pggit_excellence.storage_forecast()
RETURNS TABLE (
    measure text, current_bytes bigint, growth_bytes_per_day bigint, limit_bytes bigint, reached_at timestamptz, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    RETURN QUERY
    WITH size AS MATERIALIZED (
        SELECT s.schema_name, s.bytes FROM pggit_excellence._storage_bytes() AS s
    ), whole AS (
        SELECT sum(s.bytes)::bigint AS bytes FROM size AS s
    )
    SELECT r.measure, r.bytes, r.growth, r.limit_bytes, r.reached_at, r.note
    FROM (
        SELECT 1 AS part, f.measure, w.bytes, round(f.growth_per_day)::bigint AS growth,
               round(f.limit_value)::bigint AS limit_bytes, f.reached_at, f.note
        FROM whole AS w
        CROSS JOIN LATERAL pggit_excellence._forecast('storage_bytes', w.bytes) AS f
        UNION ALL
        SELECT 2, format('schema %I', s.schema_name), s.bytes, NULL, NULL, NULL, 'part of the total' FROM size AS s
    ) AS r
    ORDER BY r.part, r.limit_bytes, r.measure COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.storage_forecast() IS
$comment$When the disk space of pgGit's schemas and ours together reaches 90 % and all of the limit that an objective sets for storage_bytes (by default 100 GB), and how it is shared among the schemas.
current_bytes: now, with indexes, TOAST and partitions. growth_bytes_per_day: linear fit over the daily means of the samples of storage_bytes in the last 30 days; NULL: samples on fewer than 7 days. reached_at: when the limit is reached if it grows on like this; now: it is reached already; NULL: not known, not growing, or not within 100 years. note says over what the fit was made, or why there is none.
Source: pg_total_relation_size, metric_rollups, waiting_samples. Waits for whoever holds ACCESS EXCLUSIVE on one of the tables.$comment$;
