-- How much may still go wrong.
--   budget_window  over which time, until now; NULL: each objective's own window
CREATE FUNCTION pggit_excellence.error_budget(budget_window interval DEFAULT NULL)
RETURNS TABLE (
    objective text, slo_window interval, good bigint, total bigint, bad bigint, allowed_bad numeric, consumed numeric,
    remaining numeric, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    IF budget_window <= '0' THEN
        RAISE EXCEPTION 'budget_window must be a positive interval, not %', budget_window
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: budget_window => ''90 days''. NULL means each objective''s own window.';
    END IF;
    RETURN QUERY
    SELECT s.objective, s.slo_window, s.good, s.total, s.total - s.good, trim_scale(NULLIF(s.total, 0) * (1 - o.target)),
           round((s.total - s.good) / NULLIF(s.total * (1 - o.target), 0), 6),
           round(1 - (s.total - s.good) / NULLIF(s.total * (1 - o.target), 0), 6),
           pggit_excellence._objective_note(o, s.window_start, s.window_end, s.total)
    FROM pggit_excellence._objective_standing(CASE WHEN budget_window > '4000 years' THEN '4000 years' ELSE budget_window END) AS s
    JOIN pggit_excellence.slo_objectives AS o ON o.objective = s.objective
    ORDER BY s.objective COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.error_budget(interval) IS
$comment$The error budget of each objective of kind events in the last budget_window (NULL: its own window): with a target of 0.999 one event in a thousand may be bad.
bad: events that were not good. allowed_bad: how many may be, total * (1 - target). consumed: bad / allowed_bad; remaining: 1 - consumed, below 0 when more than all is spent; all three NULL without events. A limit has no budget and no row. note: no samples, disabled, counted since when, judged differently before. Source: objective_rollups, waiting_samples. Locks nothing beyond reading.$comment$;
