-- Every recorded duration (metrics whose name ends in _ms) as a cumulative histogram in seconds: (family, line).
-- A bound is the edge of a bucket of the sketch, so that the count below it is exact and never decreases: a sample has the
-- same key before and after maintain() rolls it up. In the text an edge is rounded up to nanoseconds.
CREATE FUNCTION pggit_excellence._prometheus_histograms()
RETURNS TABLE (family text, line text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    RETURN QUERY
    WITH edge AS MATERIALIZED (
        SELECT b."position", pggit_excellence._sketch_key(b.ms) AS bucket_key,
               trim_scale(ceil(1e6 * pggit_excellence._sketch_upper(pggit_excellence._sketch_key(b.ms))::numeric) / 1e9)::text AS le
        FROM unnest(ARRAY[0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000]::float8[])
             WITH ORDINALITY AS b (ms, "position")
    ), edges AS MATERIALIZED (
        SELECT array_agg(e.bucket_key ORDER BY e."position") AS keys FROM edge AS e
    ), piece AS MATERIALIZED (
        SELECT r.metric_type, r.value_sum, r.sample_count::bigint AS events, r.bucket_keys, r.bucket_counts
        FROM pggit_excellence.metric_rollups AS r
        WHERE r.resolution = 'total' AND r.metric_type LIKE '%\_ms'
        UNION ALL
        SELECT n.metric_type, sum(n.metric_value * n.sample_count), sum(n.sample_count),
               ARRAY[pggit_excellence._sketch_key(n.metric_value)], ARRAY[sum(n.sample_count)]
        FROM pggit_excellence.waiting_samples AS n
        WHERE n.metric_type LIKE '%\_ms'
        GROUP BY n.metric_type, pggit_excellence._sketch_key(n.metric_value)
    ), placed AS (
        -- The place of the first edge that is not below the key.
        SELECT p.metric_type, width_bucket(b.bucket_key - 1, e.keys) + 1 AS "position", sum(b.events) AS events
        FROM piece AS p
        CROSS JOIN edges AS e
        CROSS JOIN LATERAL ROWS FROM (unnest(p.bucket_keys), unnest(p.bucket_counts)) AS b (bucket_key, events)
        GROUP BY p.metric_type, width_bucket(b.bucket_key - 1, e.keys) + 1
    ), whole AS (
        SELECT p.metric_type, round(sum(p.value_sum)::numeric / 1000, 12) AS seconds, sum(p.events) AS events FROM piece AS p GROUP BY p.metric_type
    ), bucket AS (
        SELECT w.metric_type, e."position", e.le,
               sum(COALESCE(p.events, 0)) OVER (PARTITION BY w.metric_type ORDER BY e."position") AS events
        FROM whole AS w
        CROSS JOIN edge AS e
        LEFT JOIN placed AS p ON p.metric_type = w.metric_type AND p."position" = e."position"
    )
    SELECT 'pggit_metric_seconds', l.line
    FROM (
        SELECT b.metric_type, b."position",
               pggit_excellence._prometheus_sample('pggit_metric_seconds_bucket', b.events, 'metric_type', b.metric_type, 'le', b.le) AS line
        FROM bucket AS b
        UNION ALL
        SELECT w.metric_type, v."position", pggit_excellence._prometheus_sample(v.name, v.value,
                   VARIADIC ARRAY['metric_type', w.metric_type] || v.labels)
        FROM whole AS w
        CROSS JOIN LATERAL (VALUES
            (1000, 'pggit_metric_seconds_bucket', w.events, ARRAY['le', '+Inf']),
            (1001, 'pggit_metric_seconds_sum', w.seconds, '{}'),
            (1002, 'pggit_metric_seconds_count', w.events, '{}')
        ) AS v ("position", name, value, labels)
    ) AS l
    ORDER BY l.metric_type COLLATE "C", l."position";
END
$body$;
COMMENT ON FUNCTION pggit_excellence._prometheus_histograms() IS
    'Internal: the lines of prometheus_metrics() about durations, with their family.';
