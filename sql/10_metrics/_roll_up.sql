-- Move samples from performance_metrics_new to performance_metrics_rolled, oldest first, and add them to every resolution of
-- metric_rollups and objective_rollups: one statement, so all of it or nothing. Returns how many samples.
-- Roll-ups that are older than what is kept of their resolution are not made again.
CREATE FUNCTION pggit_excellence._roll_up(batch_size integer)
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH moved AS (
        DELETE FROM pggit_excellence.performance_metrics_new AS n
        WHERE n.ctid = ANY (ARRAY(
            SELECT o.ctid FROM pggit_excellence.performance_metrics_new AS o ORDER BY o.recorded_at LIMIT batch_size))
        RETURNING n.metric_type, n.metric_value, n.tags, n.recorded_at, n.sample_count
    ), stored AS (
        INSERT INTO pggit_excellence.performance_metrics_rolled AS s
            (metric_type, metric_value, tags, recorded_at, sample_count, rolled_up)
        SELECT m.metric_type, m.metric_value, m.tags, m.recorded_at, m.sample_count, true FROM moved AS m
    ), level AS (
        SELECT l.resolution, COALESCE(k.kept_since, '-infinity') AS kept_since
        FROM (VALUES ('minute'), ('hour'), ('day'), ('total')) AS l (resolution)
        LEFT JOIN pggit_excellence.metric_retention AS k ON k.resolution = l.resolution
    ), per_minute AS (
        SELECT m.metric_type, pggit_excellence._bucket('minute', m.recorded_at) AS bucket_start,
               pggit_excellence._sketch_key(m.metric_value) AS bucket_key,
               pg_catalog.sum(m.sample_count) AS events, pg_catalog.sum(m.metric_value * m.sample_count) AS value_sum,
               pg_catalog.min(m.metric_value) AS value_min, pg_catalog.max(m.metric_value) AS value_max
        FROM moved AS m
        GROUP BY 1, 2, 3
    ), per_level AS (
        SELECT m.metric_type, l.resolution, pggit_excellence._bucket(l.resolution, m.bucket_start) AS bucket_start, m.bucket_key,
               pg_catalog.sum(m.events)::bigint AS events, pg_catalog.sum(m.value_sum) AS value_sum,
               pg_catalog.min(m.value_min) AS value_min, pg_catalog.max(m.value_max) AS value_max
        FROM per_minute AS m
        JOIN level AS l ON pggit_excellence._bucket(l.resolution, m.bucket_start) >= l.kept_since
        GROUP BY 1, 2, 3, 4
    ), sketched AS (
        INSERT INTO pggit_excellence.metric_rollups AS r
            (metric_type, resolution, bucket_start, sample_count, value_sum, value_min, value_max, bucket_keys, bucket_counts)
        SELECT p.metric_type, p.resolution, p.bucket_start, pg_catalog.sum(p.events)::bigint, pg_catalog.sum(p.value_sum),
               pg_catalog.min(p.value_min), pg_catalog.max(p.value_max),
               pg_catalog.array_agg(p.bucket_key ORDER BY p.bucket_key), pg_catalog.array_agg(p.events ORDER BY p.bucket_key)
        FROM per_level AS p
        GROUP BY 1, 2, 3
        ON CONFLICT (metric_type, resolution, bucket_start) DO UPDATE SET
            sample_count = r.sample_count + excluded.sample_count,
            value_sum = r.value_sum + excluded.value_sum,
            value_min = LEAST(r.value_min, excluded.value_min),
            value_max = GREATEST(r.value_max, excluded.value_max),
            (bucket_keys, bucket_counts) = (
                SELECT s.bucket_keys, s.bucket_counts FROM pggit_excellence._sketch_merge(
                    r.bucket_keys, r.bucket_counts, excluded.bucket_keys, excluded.bucket_counts) AS s)
    ), judged AS (
        SELECT o.objective, pggit_excellence._bucket('minute', m.recorded_at) AS bucket_start,
               COALESCE(pg_catalog.sum(m.sample_count) FILTER (WHERE
                   pggit_excellence._objective_met(m.metric_value, o.comparison, o.threshold)), 0) AS good,
               pg_catalog.sum(m.sample_count) AS total
        FROM moved AS m
        JOIN pggit_excellence.slo_objectives AS o ON o.metric_type = m.metric_type AND o.kind = 'events'
        GROUP BY 1, 2
    ), counted AS (
        INSERT INTO pggit_excellence.objective_rollups AS r (objective, resolution, bucket_start, good, total)
        SELECT j.objective, l.resolution, pggit_excellence._bucket(l.resolution, j.bucket_start),
               pg_catalog.sum(j.good)::bigint, pg_catalog.sum(j.total)::bigint
        FROM judged AS j
        JOIN level AS l ON pggit_excellence._bucket(l.resolution, j.bucket_start) >= l.kept_since
        GROUP BY 1, 2, 3
        ON CONFLICT (objective, resolution, bucket_start) DO UPDATE SET
            good = r.good + excluded.good, total = r.total + excluded.total
    )
    SELECT pg_catalog.count(*) FROM moved AS m
$body$;
COMMENT ON FUNCTION pggit_excellence._roll_up(integer) IS
    'Internal: the first task of maintain(): move at most batch_size samples from performance_metrics_new to performance_metrics_rolled and add them to all roll-ups, in one statement. Returns how many.';
