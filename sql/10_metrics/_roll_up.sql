-- Move samples into performance_metrics_rolled, and return them: those of performance_metrics_new oldest first, and as many
-- of the sentinels' as there is room for beside them.
-- A function of its own for the sake of ROWS: of a DELETE by ctid the planner expects ten rows, and would sort where it
-- had better hash.
CREATE FUNCTION pggit_excellence._move_samples(batch_size integer)
RETURNS TABLE (metric_type text, metric_value double precision, recorded_at timestamptz, sample_count integer)
LANGUAGE sql VOLATILE ROWS 100000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH moved AS (
        DELETE FROM pggit_excellence.performance_metrics_new AS n
        WHERE n.ctid = ANY (ARRAY(
            SELECT o.ctid FROM pggit_excellence.performance_metrics_new AS o ORDER BY o.recorded_at LIMIT batch_size))
        RETURNING n.metric_type, n.metric_value, n.tags, n.recorded_at, n.sample_count
    ), tracked AS (
        DELETE FROM pggit_excellence.ddl_tracking_samples AS d
        WHERE d.ctid = ANY (ARRAY(
            SELECT o.ctid FROM pggit_excellence.ddl_tracking_samples AS o
            LIMIT batch_size - (SELECT pg_catalog.count(*) FROM moved AS m)))
        RETURNING d.recorded_at, d.began_at, d.event, d.command
    )
    INSERT INTO pggit_excellence.performance_metrics_rolled AS s
        (metric_type, metric_value, tags, recorded_at, sample_count, rolled_up)
    SELECT m.metric_type, m.metric_value, m.tags, m.recorded_at, m.sample_count, true FROM moved AS m
    UNION ALL
    SELECT 'ddl_tracking_ms', (EXTRACT(epoch FROM t.recorded_at - t.began_at) * 1000)::double precision,
           pg_catalog.jsonb_build_object('event', t.event, 'command', t.command), t.recorded_at, 1, true
    FROM tracked AS t
    RETURNING s.metric_type, s.metric_value, s.recorded_at, s.sample_count
$body$;
COMMENT ON FUNCTION pggit_excellence._move_samples(integer) IS
    'Internal: move at most batch_size samples that wait (performance_metrics_new, oldest first, and ddl_tracking_samples) into performance_metrics_rolled, and return them.';

-- Move samples and add them to every resolution of metric_rollups and objective_rollups: one statement, so all of it or
-- nothing. Returns how many samples. Roll-ups that are older than what is kept of their resolution are not made again.
-- enable_sort: for few expected groups the planner sorts all samples by their names, which takes five times as long as hashing.
CREATE FUNCTION pggit_excellence._roll_up(batch_size integer)
RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET work_mem = '64MB'
SET enable_sort = off
AS $body$
    WITH moved AS MATERIALIZED (
        SELECT m.metric_type, m.metric_value, m.sample_count, pggit_excellence._bucket('minute', m.recorded_at) AS bucket_start
        FROM pggit_excellence._move_samples(batch_size) AS m
    ), kept AS MATERIALIZED (
        SELECT l.resolution, COALESCE(r.kept_since, '-infinity') AS since
        FROM (VALUES ('minute'), ('hour'), ('day'), ('total')) AS l (resolution)
        LEFT JOIN pggit_excellence.metric_retention AS r ON r.resolution = l.resolution
    ), minutes AS (
        SELECT m.metric_type, m.bucket_start, pggit_excellence._sketch_key(m.metric_value) AS bucket_key,
               pg_catalog.sum(m.sample_count) AS events, pg_catalog.sum(m.metric_value * m.sample_count) AS value_sum,
               pg_catalog.min(m.metric_value) AS value_min, pg_catalog.max(m.metric_value) AS value_max
        FROM moved AS m
        GROUP BY 1, 2, 3
    ), hours AS (
        SELECT m.metric_type, pggit_excellence._bucket('hour', m.bucket_start) AS bucket_start, m.bucket_key,
               pg_catalog.sum(m.events)::bigint AS events, pg_catalog.sum(m.value_sum) AS value_sum,
               pg_catalog.min(m.value_min) AS value_min, pg_catalog.max(m.value_max) AS value_max
        FROM minutes AS m
        GROUP BY 1, 2, 3
    ), days AS (
        SELECT h.metric_type, pggit_excellence._bucket('day', h.bucket_start) AS bucket_start, h.bucket_key,
               pg_catalog.sum(h.events)::bigint AS events, pg_catalog.sum(h.value_sum) AS value_sum,
               pg_catalog.min(h.value_min) AS value_min, pg_catalog.max(h.value_max) AS value_max
        FROM hours AS h
        GROUP BY 1, 2, 3
    ), totals AS (
        SELECT d.metric_type, pggit_excellence._bucket('total', NULL) AS bucket_start, d.bucket_key,
               pg_catalog.sum(d.events)::bigint AS events, pg_catalog.sum(d.value_sum) AS value_sum,
               pg_catalog.min(d.value_min) AS value_min, pg_catalog.max(d.value_max) AS value_max
        FROM days AS d
        GROUP BY 1, 2, 3
    ), level AS (
        SELECT 'minute' AS resolution, m.* FROM minutes AS m
        UNION ALL SELECT 'hour', h.* FROM hours AS h
        UNION ALL SELECT 'day', d.* FROM days AS d
        UNION ALL SELECT 'total', t.* FROM totals AS t
    ), sorted AS (
        -- array_agg() keeps this order within each group, and need not sort each twice.
        SELECT l.* FROM level AS l JOIN kept AS k ON k.resolution = l.resolution AND l.bucket_start >= k.since
        ORDER BY l.bucket_key
    ), sketched AS (
        INSERT INTO pggit_excellence.metric_rollups AS r
            (metric_type, resolution, bucket_start, sample_count, value_sum, value_min, value_max, bucket_keys, bucket_counts)
        SELECT s.metric_type, s.resolution, s.bucket_start, pg_catalog.sum(s.events)::bigint, pg_catalog.sum(s.value_sum),
               pg_catalog.min(s.value_min), pg_catalog.max(s.value_max),
               pg_catalog.array_agg(s.bucket_key), pg_catalog.array_agg(s.events)
        FROM sorted AS s
        GROUP BY s.metric_type, s.resolution, s.bucket_start
        ON CONFLICT (metric_type, resolution, bucket_start) DO UPDATE SET
            sample_count = r.sample_count + excluded.sample_count,
            value_sum = r.value_sum + excluded.value_sum,
            value_min = LEAST(r.value_min, excluded.value_min),
            value_max = GREATEST(r.value_max, excluded.value_max),
            (bucket_keys, bucket_counts) = (
                SELECT m.bucket_keys, m.bucket_counts FROM pggit_excellence._sketch_merge(
                    r.bucket_keys, r.bucket_counts, excluded.bucket_keys, excluded.bucket_counts) AS m)
    ), judged AS (
        SELECT o.objective, m.bucket_start, pg_catalog.sum(m.sample_count) AS total,
               COALESCE(pg_catalog.sum(m.sample_count) FILTER (WHERE
                   pggit_excellence._objective_met(m.metric_value, o.comparison, o.threshold)), 0) AS good
        FROM moved AS m
        JOIN pggit_excellence.slo_objectives AS o ON o.metric_type = m.metric_type AND o.kind = 'events'
        GROUP BY 1, 2
    ), counted AS (
        INSERT INTO pggit_excellence.objective_rollups AS r (objective, resolution, bucket_start, good, total)
        SELECT j.objective, k.resolution, pggit_excellence._bucket(k.resolution, j.bucket_start),
               pg_catalog.sum(j.good)::bigint, pg_catalog.sum(j.total)::bigint
        FROM judged AS j
        JOIN kept AS k ON pggit_excellence._bucket(k.resolution, j.bucket_start) >= k.since
        GROUP BY 1, 2, 3
        ON CONFLICT (objective, resolution, bucket_start) DO UPDATE SET
            good = r.good + excluded.good, total = r.total + excluded.total
    )
    SELECT pg_catalog.count(*) FROM moved AS m
$body$;
COMMENT ON FUNCTION pggit_excellence._roll_up(integer) IS
    'Internal: the first task of maintain(): move at most batch_size samples (_move_samples()) and add them to all roll-ups, in one statement. Returns how many.';
