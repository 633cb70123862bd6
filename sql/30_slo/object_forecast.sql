-- How many objects pgGit tracks, how fast they become more, and when their limit is reached.
CREATE FUNCTION pggit_excellence.object_forecast()
RETURNS TABLE (
    measure text, current_objects bigint, growth_per_day numeric, limit_objects bigint, reached_at timestamptz, note text
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH tracked AS (
        SELECT COALESCE(sum(t.objects), CASE WHEN pggit_excellence._health_obstacle() IS NULL THEN 0 END)::bigint AS objects
        FROM pggit_excellence._tracked_objects() AS t
    )
    SELECT f.measure, t.objects, round(f.growth_per_day::numeric, 2), round(f.limit_value)::bigint, f.reached_at,
           concat_ws('; ', CASE WHEN t.objects IS NULL THEN pggit_excellence._health_obstacle() END, f.note)
    FROM tracked AS t
    CROSS JOIN LATERAL pggit_excellence._forecast('tracked_objects', t.objects) AS f
    ORDER BY f.limit_value, f.measure COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.object_forecast() IS
$comment$When the objects that pgGit tracks reach 90 % and all of the limit that an objective sets for tracked_objects (by default 10,000).
current_objects: active rows of pggit.objects, all branches; NULL: there is no pgGit, or this role may not read it. growth_per_day: linear fit over the daily means of the samples of tracked_objects in the last 30 days; NULL: samples on fewer than 7 days. reached_at: when the limit is reached if it grows on like this; now: it is reached already; NULL: not known, not growing, or not within 100 years. note says over what the fit was made, or why there is none.
Source: pggit.objects, metric_rollups, performance_metrics_new.$comment$;
