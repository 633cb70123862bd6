-- How many upgrades fail? NULL where there was none.
SELECT round(100.0 * count(*) FILTER (WHERE status = 'failed') / NULLIF(count(*), 0), 2) AS failed_percent, count(*) AS upgrades
FROM pggit.upgrade_log
WHERE started_at > now() - interval '30 days';
