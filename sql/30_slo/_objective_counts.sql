-- The samples that maintain() has not rolled up yet, judged, by the minute that they will be added to: the part of every count
-- that is in no roll-up.
CREATE FUNCTION pggit_excellence._waiting_counts(counted_from timestamptz, counted_to timestamptz)
RETURNS TABLE (objective text, bucket_start timestamptz, good bigint, total bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
    SELECT o.objective, pggit_excellence._bucket('minute', n.recorded_at),
           COALESCE(sum(n.sample_count) FILTER (WHERE pggit_excellence._objective_met(n.metric_value, o.comparison, o.threshold)), 0)::bigint,
           sum(n.sample_count)::bigint
    FROM pggit_excellence.waiting_samples AS n
    JOIN pggit_excellence.slo_objectives AS o ON o.metric_type = n.metric_type
    WHERE o.kind = 'events' AND n.recorded_at >= counted_from AND n.recorded_at < counted_to
    GROUP BY o.objective, pggit_excellence._bucket('minute', n.recorded_at);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._waiting_counts(timestamptz, timestamptz) IS
    'Internal: good events and all events of each objective and minute among the samples of a window that maintain() has not rolled up yet. Source: waiting_samples.';

-- Good events and all events of every objective in several windows with the same end: the roll-ups, and the samples that
-- maintain() has not rolled up yet, in one snapshot. For which buckets belong to a window see _window_parts().
CREATE FUNCTION pggit_excellence._objective_counts(window_starts timestamptz[], window_end timestamptz)
RETURNS TABLE (window_start timestamptz, objective text, good bigint, total bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT u.window_start FROM unnest(window_starts) AS u (window_start)
    ), part AS MATERIALIZED (
        SELECT w.window_start, p.resolution, p.part_start, p.part_end
        FROM wanted AS w CROSS JOIN LATERAL pggit_excellence._window_parts(w.window_start, window_end) AS p
    ), waiting AS MATERIALIZED (
        -- Once for all windows: these samples are judged here, one by one.
        SELECT c.objective, c.bucket_start, c.good, c.total
        FROM (SELECT min(p.part_start) AS counted_from, max(p.part_end) AS counted_to FROM part AS p) AS b
        CROSS JOIN LATERAL pggit_excellence._waiting_counts(b.counted_from, b.counted_to) AS c
    ), piece AS (
        -- By the primary key: in one join the planner expects far more rows and reads them all.
        SELECT p.window_start, o.objective, r.good, r.total
        FROM part AS p
        CROSS JOIN pggit_excellence.slo_objectives AS o
        CROSS JOIN LATERAL (
            SELECT sum(i.good) AS good, sum(i.total) AS total
            FROM pggit_excellence.objective_rollups AS i
            WHERE i.objective = o.objective AND i.resolution = p.resolution
              AND i.bucket_start >= p.part_start AND i.bucket_start < p.part_end
        ) AS r
        WHERE o.kind = 'events'
        UNION ALL
        SELECT p.window_start, c.objective, c.good, c.total
        FROM part AS p
        JOIN waiting AS c ON c.bucket_start >= p.part_start AND c.bucket_start < p.part_end
    )
    SELECT w.window_start, o.objective, COALESCE(sum(p.good), 0)::bigint, COALESCE(sum(p.total), 0)::bigint
    FROM wanted AS w
    CROSS JOIN pggit_excellence.slo_objectives AS o
    LEFT JOIN piece AS p ON p.objective = o.objective AND p.window_start = w.window_start
    WHERE o.kind = 'events'
    GROUP BY w.window_start, o.objective;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._objective_counts(timestamptz[], timestamptz) IS
    'Internal: good events and all events of every objective of kind events in windows with these starts and one end, whether or not maintain() has rolled them up: one row per window and objective, 0 without any. Source: objective_rollups, waiting_samples.';
