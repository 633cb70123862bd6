-- The same from the samples themselves: exact, and slow over long times. One sample counts as one event here.
SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY metric_value) AS p50_p95_p99_ms, count(*) AS samples
FROM pggit.performance_metrics
WHERE metric_type = 'ddl_tracking_ms' AND recorded_at > now() - interval '1 hour';
