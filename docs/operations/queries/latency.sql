-- How long does tracking take, how long do version queries take: the last hour, within 1 %.
SELECT m.metric_type, p.percentile, round(p.value::numeric, 3) AS ms, p.sample_count, p.note
FROM (VALUES ('ddl_tracking_ms'), ('version_query_ms')) AS m (metric_type)
CROSS JOIN LATERAL pggit_excellence.metric_percentiles(m.metric_type) AS p
ORDER BY m.metric_type, p.percentile;
