-- When are 90 GB, 100 GB and 10,000 objects reached?
SELECT measure, pg_size_pretty(current_bytes) AS now, pg_size_pretty(growth_bytes_per_day) AS growth_per_day,
       pg_size_pretty(limit_bytes) AS at, reached_at::date AS reached_on, note
FROM pggit_excellence.storage_forecast()
UNION ALL
SELECT measure, current_objects::text, round(growth_per_day, 1)::text, limit_objects::text, reached_at::date, note
FROM pggit_excellence.object_forecast();
