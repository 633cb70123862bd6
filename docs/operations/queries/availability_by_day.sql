-- Availability of each day (UTC) as the monitor saw it; what maintain() has not rolled up yet is missing.
SELECT bucket_start::date AS day, total AS probes, total - good AS failed, round(100.0 * good / NULLIF(total, 0), 3) AS percent
FROM pggit_excellence.objective_rollups
WHERE objective = 'availability' AND resolution = 'day'
ORDER BY day DESC
LIMIT 31;
