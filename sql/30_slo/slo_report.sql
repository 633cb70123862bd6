-- What was promised and what was kept in a period: a month, a quarter, the night of an incident.
--   since, until  NULL: the beginning of the month (UTC) that ends with `until`; now. The end does not belong to the period
CREATE FUNCTION pggit_excellence.slo_report(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
RETURNS TABLE (
    objective text, period_start timestamptz, period_end timestamptz, good bigint, total bigint, target numeric,
    attained numeric, status text, budget_consumed numeric, p50 double precision, p95 double precision,
    p99 double precision, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
SET TimeZone = 'UTC'
SET extra_float_digits = 1
AS $body$
DECLARE
    ends   timestamptz := COALESCE(until, statement_timestamp());
    begins timestamptz := COALESCE(since, date_trunc('month', ends - interval '1 microsecond'));
    -- What the counts cover: less than the period where maintain() has deleted what its ends need.
    counted_from timestamptz;
    counted_to   timestamptz;
    period_note  text;
BEGIN
    IF NOT isfinite(begins) OR NOT isfinite(ends) THEN
        RAISE EXCEPTION 'a period needs a beginning and an end'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: slo_report(''2026-10-01 00:00+00'', ''2026-11-01 00:00+00'').';
    ELSIF begins >= ends THEN
        RAISE EXCEPTION 'the period must end after it begins, not from % to %', pggit_excellence._utc(begins), pggit_excellence._utc(ends)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'The first argument is the earlier time.';
    ELSIF begins > statement_timestamp() THEN
        RAISE EXCEPTION 'the period has not begun: it begins at %', pggit_excellence._utc(begins)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Ask for a period that begins in the past.';
    END IF;
    SELECT min(p.part_start), max(p.part_end) INTO counted_from, counted_to FROM pggit_excellence._window_parts(begins, ends) AS p;
    period_note := concat_ws('; ',
        CASE WHEN ends > statement_timestamp() THEN 'the period is not over' END,
        CASE WHEN counted_from >= begins + interval '1 minute' OR counted_to >= ends + interval '1 minute'
             THEN format('counted from %s to %s: what is finer is no longer kept', pggit_excellence._utc(counted_from), pggit_excellence._utc(counted_to)) END);

    RETURN QUERY
    WITH measured AS MATERIALIZED (
        SELECT t.metric_type, p.values
        FROM (SELECT DISTINCT o.metric_type FROM pggit_excellence.slo_objectives AS o) AS t
        CROSS JOIN LATERAL (
            SELECT array_agg(m.value ORDER BY m.percentile) AS values
            FROM pggit_excellence.metric_percentiles(t.metric_type, begins, ends, '{0.5,0.95,0.99}') AS m
        ) AS p
    ), fact AS (
        SELECT o, c.good, c.total, m.values,
               CASE WHEN o.comparison IN ('<', '<=') THEN w.value_max ELSE w.value_min END AS worst,
               CASE WHEN o.comparison IN ('<', '<=') THEN 'largest' ELSE 'smallest' END AS worst_is
        FROM pggit_excellence.slo_objectives AS o
        JOIN measured AS m ON m.metric_type = o.metric_type
        LEFT JOIN pggit_excellence._objective_counts(ARRAY[begins], ends) AS c ON c.objective = o.objective
        LEFT JOIN LATERAL (
            SELECT x.value_min, x.value_max
            FROM pggit_excellence._metric_window(o.metric_type, begins, ends) AS x
            WHERE o.kind = 'limit'
        ) AS w ON true
    ), judged AS (
        SELECT f.*, CASE WHEN (f.o).kind = 'limit' THEN pggit_excellence._objective_met(f.worst, (f.o).comparison, (f.o).threshold)
                         WHEN f.total > 0 THEN f.good >= (f.o).target * f.total END AS met
        FROM fact AS f
    )
    SELECT (j.o).objective, begins, ends, j.good, j.total, (j.o).target, trunc(j.good::numeric / NULLIF(j.total, 0), 6),
           CASE WHEN NOT (j.o).enabled THEN 'disabled' WHEN j.met IS NULL THEN 'no_data' WHEN j.met THEN 'met' ELSE 'missed' END,
           round((j.total - j.good) / NULLIF(j.total * (1 - (j.o).target), 0), 6),
           j.values[1], j.values[2], j.values[3],
           NULLIF(concat_ws('; ',
               pggit_excellence._objective_note(j.o, begins, ends, CASE WHEN (j.o).kind = 'events' THEN j.total WHEN j.met IS NULL THEN 0 END),
               CASE WHEN j.worst IS NOT NULL THEN format('%s value %s, limit %s %s', j.worst_is, j.worst, (j.o).comparison, (j.o).threshold) END,
               NULLIF(period_note, '')), '')
    FROM judged AS j
    ORDER BY (j.o).objective COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.slo_report(timestamptz, timestamptz) IS
$comment$Every objective over a past or running period, one row each; by default the current month (UTC) so far. period_end does not belong to the period.
good, total: events. attained: good / total, cut to 6 digits. status: met, missed, no_data or disabled; of a limit the worst value of the period counts, and good, total, target, attained and budget_consumed are NULL. budget_consumed: bad events / (total * (1 - target)), above 1 when more than the budget was spent. p50, p95, p99: percentiles of the metric within 1 %, in its unit. NULL: no samples. note says what limits the answer: counted since when, judged differently before, finer counts no longer kept, a period that is not over.
A minute belongs to the period when it begins in it. Source: objective_rollups, metric_rollups, waiting_samples. Locks nothing beyond reading.$comment$;
