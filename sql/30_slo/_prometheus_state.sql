-- What prometheus_metrics() says about the rest: health, sizes and forecasts, newest values, what waits for maintain().
CREATE FUNCTION pggit_excellence._prometheus_state()
RETURNS TABLE (family text, line text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
    SELECT f.family, pggit_excellence._prometheus_sample(f.family, 1, 'version', COALESCE(pggit_excellence.version(), 'unknown'))
    FROM (VALUES ('pggit_excellence_info')) AS f (family);

    RETURN QUERY
    SELECT f.family, pggit_excellence._prometheus_sample(f.family, (h.status = s.status)::integer, 'check_name', h.check_name, 'status', s.status)
    FROM (VALUES ('pggit_health_check_status')) AS f (family)
    CROSS JOIN pggit_excellence.health_check() AS h
    CROSS JOIN (VALUES ('healthy'), ('warning'), ('unhealthy'), ('unknown')) AS s (status);

    RETURN QUERY
    SELECT v.family, pggit_excellence._prometheus_sample(v.family, v.value)
    FROM (
        -- The lowest limit, or the row that says that there is none.
        SELECT s.* FROM pggit_excellence.storage_forecast() AS s
        WHERE s.measure = 'storage_bytes' OR s.measure LIKE '100 \% %' ORDER BY s.limit_bytes LIMIT 1
    ) AS s
    CROSS JOIN LATERAL (VALUES
        ('pggit_storage_bytes', s.current_bytes),
        ('pggit_storage_growth_bytes_per_day', s.growth_bytes_per_day),
        ('pggit_storage_limit_bytes', s.limit_bytes),
        ('pggit_storage_limit_reached_timestamp_seconds', extract(epoch FROM s.reached_at)::bigint)
    ) AS v (family, value);

    RETURN QUERY
    SELECT v.family, pggit_excellence._prometheus_sample(v.family, v.value)
    FROM (SELECT o.* FROM pggit_excellence.object_forecast() AS o
          WHERE o.measure = 'tracked_objects' OR o.measure LIKE '100 \% %' ORDER BY o.limit_objects LIMIT 1) AS o
    CROSS JOIN LATERAL (VALUES
        ('pggit_tracked_objects', o.current_objects),
        ('pggit_tracked_objects_growth_per_day', o.growth_per_day),
        ('pggit_tracked_objects_limit', o.limit_objects),
        ('pggit_tracked_objects_limit_reached_timestamp_seconds', extract(epoch FROM o.reached_at)::bigint)
    ) AS v (family, value);

    RETURN QUERY
    SELECT f.family, pggit_excellence._prometheus_sample(f.family, CASE WHEN c.reltuples >= 0 THEN c.reltuples::numeric END)
    FROM (VALUES ('pggit_history_rows')) AS f (family)
    JOIN pg_class AS c ON c.oid = pggit_excellence._pggit_table('history');

    RETURN QUERY
    WITH newest AS MATERIALIZED (
        SELECT t.metric_type, l.metric_value::numeric AS value
        FROM (
            SELECT r.metric_type FROM pggit_excellence.metric_rollups AS r WHERE r.resolution = 'total'
            UNION
            SELECT n.metric_type FROM pggit_excellence.waiting_samples AS n
        ) AS t
        CROSS JOIN LATERAL pggit_excellence._latest_sample(t.metric_type) AS l
        WHERE t.metric_type NOT LIKE '%\_ms'
    )
    SELECT f.family, pggit_excellence._prometheus_sample(f.family, n.value, 'metric_type', n.metric_type)
    FROM (VALUES ('pggit_metric_last_value')) AS f (family)
    CROSS JOIN newest AS n
    UNION ALL
    SELECT f.family, pggit_excellence._prometheus_sample(f.family, n.value / 100)
    FROM (VALUES ('pggit_tracking_coverage_ratio')) AS f (family)
    JOIN newest AS n ON n.metric_type = 'tracking_coverage_percent';

    RETURN QUERY
    SELECT f.family, pggit_excellence._prometheus_sample(f.family, t.failed)
    FROM (VALUES ('pggit_ddl_tracking_failures_total')) AS f (family)
    CROSS JOIN pggit_excellence.sentinel_status() AS t;

    RETURN QUERY
    SELECT v.family, pggit_excellence._prometheus_sample(v.family, v.value)
    FROM (SELECT count(*) AS samples, min(n.recorded_at) AS oldest FROM pggit_excellence.waiting_samples AS n) AS w
    CROSS JOIN LATERAL (VALUES
        ('pggit_unrolled_samples', w.samples::numeric),
        ('pggit_oldest_unrolled_sample_timestamp_seconds', extract(epoch FROM w.oldest)::numeric)
    ) AS v (family, value);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._prometheus_state() IS
    'Internal: the lines of prometheus_metrics() about everything but objectives and durations, with their family. line is NULL where a value is not known.';
