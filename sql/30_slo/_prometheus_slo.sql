-- What prometheus_metrics() says about the objectives: (family, line). Disabled ones are counted on and say no more.
CREATE FUNCTION pggit_excellence._prometheus_slo()
RETURNS TABLE (family text, line text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
    WITH counted AS (
        SELECT p.objective, sum(p.good) AS good, sum(p.total) AS total
        FROM (
            SELECT r.objective, r.good, r.total FROM pggit_excellence.objective_rollups AS r WHERE r.resolution = 'total'
            UNION ALL
            SELECT c.objective, c.good, c.total FROM pggit_excellence._waiting_counts('-infinity', 'infinity') AS c
        ) AS p
        GROUP BY p.objective
    ), fact AS (
        SELECT o, s.good, s.total, s.status, s.budget_remaining, s.current_value, o.kind = 'limit' AS is_limit,
               COALESCE(c.good, 0) AS ever_good, COALESCE(c.total, 0) AS ever
        FROM pggit_excellence.slo_objectives AS o
        JOIN pggit_excellence.slo_status() AS s ON s.objective = o.objective
        LEFT JOIN counted AS c ON c.objective = o.objective
    ), sample AS (
        SELECT (f.o).objective, v.family, v.value
        FROM fact AS f
        CROSS JOIN LATERAL (VALUES
            ('pggit_slo_events_total', CASE WHEN NOT f.is_limit THEN f.ever END, true),
            ('pggit_slo_good_events_total', CASE WHEN NOT f.is_limit THEN f.ever_good END, true),
            ('pggit_slo_bad_events_total', CASE WHEN NOT f.is_limit THEN f.ever - f.ever_good END, true),
            ('pggit_slo_target_ratio', (f.o).target, false),
            ('pggit_slo_threshold_seconds', CASE WHEN NOT f.is_limit AND (f.o).metric_type LIKE '%\_ms' THEN (f.o).threshold::numeric / 1000 END, false),
            ('pggit_slo_threshold', CASE WHEN NOT f.is_limit AND (f.o).metric_type NOT LIKE '%\_ms' THEN (f.o).threshold::numeric END, false),
            ('pggit_slo_minimum_events', CASE WHEN NOT f.is_limit THEN (f.o).minimum_events END, false),
            ('pggit_slo_window_seconds', extract(epoch FROM (f.o).slo_window)::numeric, false),
            ('pggit_slo_window_events', f.total, false),
            ('pggit_slo_window_bad_events', f.total - f.good, false),
            ('pggit_slo_error_budget_remaining_ratio', f.budget_remaining, false),
            ('pggit_slo_met', CASE f.status WHEN 'met' THEN 1 WHEN 'missed' THEN 0 END, false),
            ('pggit_slo_limit', CASE WHEN f.is_limit THEN (f.o).threshold::numeric END, false),
            ('pggit_slo_limit_value', CASE WHEN f.is_limit AND f.status <> 'no_data' THEN f.current_value::numeric END, false)
        ) AS v (family, value, always)
        WHERE v.always OR (f.o).enabled
    )
    SELECT s.family, pggit_excellence._prometheus_sample(s.family, s.value, 'objective', s.objective) FROM sample AS s
    UNION ALL
    SELECT 'pggit_burn_alert_firing', pggit_excellence._prometheus_sample('pggit_burn_alert_firing', a.firing::integer,
               'objective', a.objective, 'severity', a.severity, 'burn_rate_threshold', a.burn_rate_threshold::text)
    FROM pggit_excellence.burn_alerts() AS a
    ORDER BY 2;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._prometheus_slo() IS
    'Internal: the lines of prometheus_metrics() about objectives, with their family. line is NULL where a value is not known.';
