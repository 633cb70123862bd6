-- Where every objective of kind events stands in the window that ends now.
--   wanted  its length; NULL: each objective's own. Days and months are those of UTC.
CREATE FUNCTION pggit_excellence._objective_standing(wanted interval)
RETURNS TABLE (objective text, slo_window interval, window_start timestamptz, window_end timestamptz, good bigint, total bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $body$
BEGIN
    RETURN QUERY
    WITH rolling AS MATERIALIZED (
        SELECT w.length, statement_timestamp() - LEAST(w.length, '4000 years') AS window_start, statement_timestamp() AS window_end
        FROM (SELECT DISTINCT COALESCE(wanted, o.slo_window) AS length
              FROM pggit_excellence.slo_objectives AS o WHERE o.kind = 'events') AS w
    )
    SELECT o.objective, r.length, r.window_start, r.window_end, c.good, c.total
    FROM rolling AS r
    JOIN pggit_excellence._objective_counts(ARRAY(SELECT w.window_start FROM rolling AS w), statement_timestamp()) AS c
      ON c.window_start = r.window_start
    JOIN pggit_excellence.slo_objectives AS o ON o.objective = c.objective AND COALESCE(wanted, o.slo_window) = r.length;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._objective_standing(interval) IS
    'Internal: good events and all events of every objective of kind events in the window of this length (NULL: its own) that ends now. Days and months are those of UTC.';
