-- The newest sample of a metric that is not from the future: among those that are not rolled up yet, or in the newest minute
-- of the roll-ups (hour or day where the minutes are deleted). Where its samples are deleted already, its mean stands for them.
CREATE FUNCTION pggit_excellence._latest_sample(metric_type text, OUT metric_value double precision, OUT recorded_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    WITH newest_bucket AS MATERIALIZED (
        SELECT r.bucket_start, r.value_sum / r.sample_count AS mean,
               CASE r.resolution WHEN 'minute' THEN interval '1 minute' WHEN 'hour' THEN interval '1 hour' ELSE interval '24 hours' END AS length
        FROM (VALUES ('minute', interval '0'), ('hour', interval '1 hour'), ('day', interval '24 hours')) AS l (resolution, past)
        CROSS JOIN LATERAL (
            SELECT b.* FROM pggit_excellence.metric_rollups AS b
            WHERE b.metric_type = _latest_sample.metric_type AND b.resolution = l.resolution
              AND b.bucket_start <= statement_timestamp() - l.past
            ORDER BY b.bucket_start DESC
            LIMIT 1
        ) AS r
        ORDER BY length
        LIMIT 1
    )
    SELECT f.metric_value, f.recorded_at INTO metric_value, recorded_at
    FROM (
        (SELECT n.metric_value, n.recorded_at
         FROM pggit_excellence.performance_metrics_new AS n
         WHERE n.metric_type = _latest_sample.metric_type AND n.recorded_at <= statement_timestamp()
         ORDER BY n.recorded_at DESC, n.metric_value
         LIMIT 1)
        UNION ALL
        (SELECT (EXTRACT(epoch FROM d.recorded_at - d.began_at) * 1000)::float8, d.recorded_at
         FROM pggit_excellence.ddl_tracking_samples AS d
         WHERE _latest_sample.metric_type = 'ddl_tracking_ms' AND d.recorded_at <= statement_timestamp()
         ORDER BY d.recorded_at DESC, d.began_at DESC
         LIMIT 1)
        UNION ALL
        (SELECT COALESCE(s.metric_value, b.mean), COALESCE(s.recorded_at, b.bucket_start)
         FROM newest_bucket AS b
         LEFT JOIN LATERAL (
            SELECT m.metric_value, m.recorded_at
            FROM pggit_excellence.performance_metrics_rolled AS m
            WHERE m.metric_type = _latest_sample.metric_type AND m.recorded_at >= b.bucket_start
              AND m.recorded_at < b.bucket_start + b.length AND m.recorded_at <= statement_timestamp()
            ORDER BY m.recorded_at DESC, m.metric_value
            LIMIT 1
         ) AS s ON true)
    ) AS f
    ORDER BY f.recorded_at DESC, f.metric_value
    LIMIT 1;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._latest_sample(text) IS
    'Internal: value and time of the newest sample of a metric. NULL: there is none. Source: performance_metrics, ddl_tracking_samples, metric_rollups.';
