-- Which objectives lose their error budget so fast that somebody must act: multi-window, multi-burn-rate alerts as in The
-- Site Reliability Workbook (Google, 2018), chapter 5. The long window says that it matters, the short one that it goes on.
-- Of a 30-day budget 14.4 spends 2 % in an hour, 6 spends 5 % in six hours, 3 spends 10 % in a day, 1 spends 10 % in three days.
CREATE FUNCTION pggit_excellence.burn_alerts()
RETURNS TABLE (
    objective text, severity text, burn_rate_threshold numeric, long_window interval, short_window interval,
    long_burn_rate numeric, short_burn_rate numeric, long_events bigint, short_events bigint, firing boolean, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 40
SET search_path = pg_catalog, pg_temp
SET jit = off
SET TimeZone = 'UTC'
AS $body$
BEGIN
    RETURN QUERY
    WITH rule (severity, threshold, long_window, short_window) AS (
        VALUES ('page', 14.4, interval '1 hour', interval '5 minutes'),
               ('page', 6, interval '6 hours', interval '30 minutes'),
               ('ticket', 3, interval '1 day', interval '2 hours'),
               ('ticket', 1, interval '3 days', interval '6 hours')
    ), counted AS MATERIALIZED (
        SELECT c.* FROM pggit_excellence._objective_counts(ARRAY(
            SELECT statement_timestamp() - w.length FROM rule AS r CROSS JOIN LATERAL unnest(ARRAY[r.long_window, r.short_window]) AS w (length)
        ), statement_timestamp()) AS c
    ), rate AS (
        SELECT o, r.*, l.total AS long_events, s.total AS short_events,
               (l.total - l.good) / NULLIF(l.total * (1 - o.target), 0) AS long_rate,
               (s.total - s.good) / NULLIF(s.total * (1 - o.target), 0) AS short_rate
        FROM pggit_excellence.slo_objectives AS o
        CROSS JOIN rule AS r
        JOIN counted AS l ON l.objective = o.objective AND l.window_start = statement_timestamp() - r.long_window
        JOIN counted AS s ON s.objective = o.objective AND s.window_start = statement_timestamp() - r.short_window
        WHERE o.enabled AND o.kind = 'events'
    ), burning AS (
        SELECT r.*, COALESCE(r.long_rate > r.threshold AND r.short_rate > r.threshold
                             AND r.long_events >= (r.o).minimum_events, false) AS firing
        FROM rate AS r
    )
    SELECT (b.o).objective, b.severity, b.threshold, b.long_window, b.short_window, round(b.long_rate, 4), round(b.short_rate, 4),
           b.long_events, b.short_events,
           b.firing,
           CASE WHEN 1 / (1 - (b.o).target) <= b.threshold
                THEN format('cannot fire: with target %s the burn rate is at most %s',
                            (b.o).target, trim_scale(round(1 / (1 - (b.o).target), 2)))
                WHEN b.long_events = 0 THEN 'no events in the long window'
                WHEN b.long_events < (b.o).minimum_events
                THEN format('cannot fire: fewer than %s events in the long window', (b.o).minimum_events)
                WHEN b.short_events = 0 THEN 'no events in the short window'
                WHEN (b.o).counted_since > statement_timestamp() - b.long_window
                THEN 'counted since ' || pggit_excellence._utc((b.o).counted_since) END
    FROM burning AS b
    ORDER BY b.firing DESC, (b.o).objective COLLATE "C", b.threshold DESC;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.burn_alerts() IS
$comment$Multi-window, multi-burn-rate alerts of the enabled objectives of kind events, firing ones first; thresholds and windows are those of The Site Reliability Workbook for a window of 30 days.
long_burn_rate, short_burn_rate: share of bad events / (1 - target); 1 spends the budget exactly within the objective's window. NULL: no events. firing: both are above burn_rate_threshold and long_events is at least the objective's minimum_events, so that a quiet system pages nobody; never NULL. severity: page (wake somebody) or ticket. note: why it cannot fire: no or too few events, or a target so low that the burn rate cannot get there. A minute belongs to a window when it begins in it. Source: objective_rollups, waiting_samples. Locks nothing beyond reading.$comment$;
