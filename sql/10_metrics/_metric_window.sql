-- What a metric did in a window: always one row. The samples that maintain() has not rolled up yet are added to the roll-ups
-- in the same snapshot, so the answer does not depend on when it ran. Reads only.
CREATE FUNCTION pggit_excellence._metric_window(metric_type text, window_start timestamptz, window_end timestamptz)
RETURNS TABLE (
    sample_count bigint, value_sum double precision, value_min double precision, value_max double precision,
    bucket_keys integer[], bucket_counts bigint[]
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH part AS MATERIALIZED (
        SELECT p.resolution, p.part_start, p.part_end FROM pggit_excellence._window_parts(window_start, window_end) AS p
    ), piece AS MATERIALIZED (
        SELECT r.sample_count, r.value_sum, r.value_min, r.value_max, r.bucket_keys, r.bucket_counts
        FROM part AS p
        CROSS JOIN LATERAL (
            -- OFFSET 0 keeps it a loop over the primary key: the planner expects far more rows and would read them all.
            SELECT i.* FROM pggit_excellence.metric_rollups AS i
            WHERE i.metric_type = _metric_window.metric_type AND i.resolution = p.resolution
              AND i.bucket_start >= p.part_start AND i.bucket_start < p.part_end
            OFFSET 0
        ) AS r
        UNION ALL
        SELECT pg_catalog.sum(n.sample_count), pg_catalog.sum(n.metric_value * n.sample_count),
               pg_catalog.min(n.metric_value), pg_catalog.max(n.metric_value),
               ARRAY[pggit_excellence._sketch_key(n.metric_value)], ARRAY[pg_catalog.sum(n.sample_count)]
        FROM pggit_excellence.waiting_samples AS n
        WHERE n.metric_type = _metric_window.metric_type
          AND n.recorded_at >= (SELECT pg_catalog.min(p.part_start) FROM part AS p)
          AND n.recorded_at < (SELECT pg_catalog.max(p.part_end) FROM part AS p)
        GROUP BY pggit_excellence._sketch_key(n.metric_value)
    ), merged AS (
        SELECT b.bucket_key, pg_catalog.sum(b.events)::bigint AS events
        FROM (SELECT pg_catalog.unnest(p.bucket_keys) AS bucket_key, pg_catalog.unnest(p.bucket_counts) AS events FROM piece AS p) AS b
        GROUP BY b.bucket_key
    ), sketch AS (
        SELECT pg_catalog.array_agg(m.bucket_key ORDER BY m.bucket_key) AS bucket_keys,
               pg_catalog.array_agg(m.events ORDER BY m.bucket_key) AS bucket_counts
        FROM merged AS m
    )
    SELECT COALESCE(pg_catalog.sum(p.sample_count), 0)::bigint, pg_catalog.sum(p.value_sum),
           pg_catalog.min(p.value_min), pg_catalog.max(p.value_max),
           COALESCE((SELECT s.bucket_keys FROM sketch AS s), '{}'), COALESCE((SELECT s.bucket_counts FROM sketch AS s), '{}')
    FROM piece AS p
$body$;
COMMENT ON FUNCTION pggit_excellence._metric_window(text, timestamptz, timestamptz) IS
    'Internal: events, sum, extremes and sketch of a metric in a window, roll-ups and new samples together: one row. A bucket of the roll-ups (_window_parts()) belongs to the window when it begins in it. value_*: NULL: no sample.';

-- The same without sketches, for every metric that has samples in the window.
CREATE FUNCTION pggit_excellence._metric_totals(window_start timestamptz, window_end timestamptz)
RETURNS TABLE (
    metric_type text, sample_count bigint, value_sum double precision, value_min double precision, value_max double precision
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH part AS MATERIALIZED (
        SELECT p.resolution, p.part_start, p.part_end FROM pggit_excellence._window_parts(window_start, window_end) AS p
    ), piece AS (
        SELECT r.metric_type, r.sample_count, r.value_sum, r.value_min, r.value_max
        FROM part AS p
        CROSS JOIN LATERAL (
            SELECT i.* FROM pggit_excellence.metric_rollups AS i
            WHERE i.resolution = p.resolution AND i.bucket_start >= p.part_start AND i.bucket_start < p.part_end
            OFFSET 0
        ) AS r
        UNION ALL
        SELECT n.metric_type, n.sample_count, n.metric_value * n.sample_count, n.metric_value, n.metric_value
        FROM pggit_excellence.waiting_samples AS n
        WHERE n.recorded_at >= (SELECT pg_catalog.min(p.part_start) FROM part AS p)
          AND n.recorded_at < (SELECT pg_catalog.max(p.part_end) FROM part AS p)
    )
    SELECT p.metric_type, pg_catalog.sum(p.sample_count)::bigint, pg_catalog.sum(p.value_sum),
           pg_catalog.min(p.value_min), pg_catalog.max(p.value_max)
    FROM piece AS p
    GROUP BY p.metric_type
$body$;
COMMENT ON FUNCTION pggit_excellence._metric_totals(timestamptz, timestamptz) IS
    'Internal: events, sum and extremes of each metric that has samples in a window, as in _metric_window().';
