-- Is every promise kept, over its own window until now?
CREATE FUNCTION pggit_excellence.slo_status()
RETURNS TABLE (
    objective text, description text, metric_type text, indicator text, target numeric, window_start timestamptz,
    window_end timestamptz, good bigint, total bigint, attained numeric, status text, budget_remaining numeric,
    current_value double precision, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
SET TimeZone = 'UTC'
SET extra_float_digits = 1
AS $body$
BEGIN
    RETURN QUERY
    WITH latest AS MATERIALIZED (
        -- Once for each metric: several objectives are about the same one.
        SELECT t.metric_type, l.metric_value, l.recorded_at
        FROM (SELECT DISTINCT o.metric_type FROM pggit_excellence.slo_objectives AS o) AS t
        CROSS JOIN LATERAL pggit_excellence._latest_sample(t.metric_type) AS l
    ), fact AS (
        SELECT o, COALESCE(s.window_start, statement_timestamp() - LEAST((o).slo_window, '4000 years')) AS window_start,
               statement_timestamp() AS window_end, s.good, s.total, l.metric_value, l.recorded_at
        FROM pggit_excellence.slo_objectives AS o
        LEFT JOIN pggit_excellence._objective_standing(NULL) AS s ON s.objective = o.objective
        JOIN latest AS l ON l.metric_type = o.metric_type
    ), judged AS (
        SELECT f.*, (f.o).kind = 'limit' AS is_limit,
               CASE WHEN (f.o).kind = 'limit' THEN CASE WHEN f.recorded_at >= f.window_start THEN
                        pggit_excellence._objective_met(f.metric_value, (f.o).comparison, (f.o).threshold) END
                    WHEN f.total > 0 THEN f.good >= (f.o).target * f.total END AS met
        FROM fact AS f
    )
    SELECT (j.o).objective, (j.o).description, (j.o).metric_type,
           format('%s %s %s', (j.o).metric_type, (j.o).comparison, (j.o).threshold), (j.o).target,
           j.window_start, j.window_end, j.good, j.total,
           trunc(j.good::numeric / NULLIF(j.total, 0), 6),
           CASE WHEN NOT (j.o).enabled THEN 'disabled' WHEN j.met IS NULL THEN 'no_data' WHEN j.met THEN 'met' ELSE 'missed' END,
           round(1 - (j.total - j.good) / NULLIF(j.total * (1 - (j.o).target), 0), 6),
           j.metric_value,
           CASE WHEN j.is_limit AND j.met IS NOT NULL
                THEN concat_ws('; ', pggit_excellence._objective_note(j.o, j.window_start, j.window_end, NULL),
                               'newest sample at ' || pggit_excellence._utc(j.recorded_at))
                ELSE pggit_excellence._objective_note(j.o, j.window_start, j.window_end, CASE WHEN j.is_limit THEN 0 ELSE j.total END)
           END
    FROM judged AS j
    ORDER BY (j.o).objective COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.slo_status() IS
$comment$How each objective stands in its own rolling window (window_start to window_end, which is now), one row each.
indicator: when a sample is good. good, total: events in the window, rolled up or not; a minute belongs to the window when it begins in it (an hour or day where maintain() has deleted the minutes). attained: good / total, cut to 6 digits. budget_remaining: share of the error budget that is left, below 0 when more than all of it is spent. current_value: the newest sample.
status: met, missed, no_data or disabled (still counted). Of a limit the newest sample within the window counts; good, total, attained, target and budget_remaining are NULL. Without samples attained and budget_remaining are NULL and note says why. Source: objective_rollups, performance_metrics. Locks nothing beyond reading.$comment$;
