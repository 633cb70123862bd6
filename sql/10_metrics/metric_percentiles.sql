-- Percentiles of a metric in a window, as percentile_cont() computes them from the samples, within 1 %.
--   window_start, window_end   NULL: one hour before the end; now. See _window_parts() for what belongs to a window
--   percentiles                each from 0 to 1
CREATE FUNCTION pggit_excellence.metric_percentiles(
    metric_type text, window_start timestamptz DEFAULT NULL, window_end timestamptz DEFAULT NULL,
    percentiles double precision[] DEFAULT '{0.5,0.95,0.99}'
)
RETURNS TABLE (percentile double precision, value double precision, sample_count bigint, note text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
DECLARE
    until timestamptz := COALESCE(metric_percentiles.window_end, pg_catalog.statement_timestamp());
    since timestamptz := COALESCE(metric_percentiles.window_start, until - interval '1 hour');
    until_edge timestamptz := pggit_excellence._window_edge(until);
    since_edge timestamptz := pggit_excellence._window_edge(since);
BEGIN
    IF metric_percentiles.metric_type IS NULL THEN
        RAISE EXCEPTION 'metric_type must not be NULL'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name a metric, for example ddl_tracking_ms.';
    ELSIF since >= until THEN
        RAISE EXCEPTION 'the window must end after it starts, not from % to %', since, until
            USING ERRCODE = 'invalid_parameter_value', HINT = 'window_start is the earlier time.';
    ELSIF percentiles IS NULL OR EXISTS (
        SELECT FROM pg_catalog.unnest(percentiles) AS p (percentile) WHERE p.percentile BETWEEN 0 AND 1 IS NOT TRUE)
    THEN
        RAISE EXCEPTION 'percentiles must be numbers from 0 to 1, not %', COALESCE(percentiles::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: percentiles => ''{0.5,0.95,0.99}''.';
    END IF;

    RETURN QUERY
    WITH sketch AS MATERIALIZED (
        SELECT w.sample_count, w.value_min, w.value_max, w.bucket_keys, w.bucket_counts
        FROM pggit_excellence._metric_window(metric_percentiles.metric_type, since, until) AS w
    ), cumulated AS MATERIALIZED (
        -- The events of a key have the ranks from `below` to `up_to` - 1, counted from 0.
        SELECT GREATEST(s.value_min, LEAST(s.value_max, pggit_excellence._sketch_value(b.bucket_key))) AS value,
               pg_catalog.sum(b.events) OVER w - b.events AS below, pg_catalog.sum(b.events) OVER w AS up_to
        FROM sketch AS s,
             ROWS FROM (pg_catalog.unnest(s.bucket_keys), pg_catalog.unnest(s.bucket_counts)) AS b (bucket_key, events)
        WINDOW w AS (ORDER BY b.bucket_key ROWS UNBOUNDED PRECEDING)
    ), wanted AS (
        SELECT p.percentile, p."position", p.percentile * (s.sample_count - 1) AS rank
        FROM sketch AS s, pg_catalog.unnest(percentiles) WITH ORDINALITY AS p (percentile, "position")
    )
    -- The extremes are known exactly.
    SELECT w.percentile,
           CASE w.rank WHEN 0 THEN s.value_min WHEN s.sample_count - 1 THEN s.value_max
           ELSE low.value + (w.rank - pg_catalog.floor(w.rank)) * (high.value - low.value) END,
           s.sample_count,
           CASE WHEN since_edge >= until_edge THEN 'no minute (where those are deleted: no hour or day) begins in this window'
                WHEN since_edge - interval '1 minute' >= GREATEST(since, '2000-01-01 00:00+00')
                  OR until_edge - interval '1 minute' >= until
                THEN pg_catalog.format('from %s to %s: minutes or hours at the ends are deleted already', since_edge, until_edge)
                WHEN s.sample_count = 0 THEN 'no samples in this window' END
    FROM wanted AS w
    CROSS JOIN sketch AS s
    LEFT JOIN cumulated AS low ON pg_catalog.floor(w.rank) >= low.below AND pg_catalog.floor(w.rank) < low.up_to
    LEFT JOIN cumulated AS high ON pg_catalog.ceil(w.rank) >= high.below AND pg_catalog.ceil(w.rank) < high.up_to
    ORDER BY w."position";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.metric_percentiles(text, timestamptz, timestamptz, double precision[]) IS
$comment$Percentiles of a metric in a window, within 1 % of what percentile_cont() computes from the samples; in the order asked for. value: in the unit of the metric; NULL: no samples. sample_count: events in the window.
window_start NULL: one hour before the end; window_end NULL: now. A minute belongs to the window when it begins in it; where maintain() has deleted the minutes (hours) at an end of the window, so does an hour (day).$comment$;
