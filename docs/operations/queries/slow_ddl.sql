-- Which statements take pgGit longest?
SELECT tags ->> 'command' AS command, count(*) AS events, round(avg(metric_value)::numeric, 2) AS average_ms,
       round(max(metric_value)::numeric, 2) AS worst_ms
FROM pggit_excellence.all_samples
WHERE metric_type = 'ddl_tracking_ms' AND recorded_at > now() - interval '1 day'
GROUP BY 1
ORDER BY average_ms DESC
LIMIT 10;
