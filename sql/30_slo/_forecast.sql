-- How a metric grows: the straight line through its daily means (UTC days) of the last 30 days by least squares, samples
-- that are not rolled up yet included. slope: per day; NULL: fewer than two days.
CREATE FUNCTION pggit_excellence._daily_growth(
    metric_type text, OUT slope double precision, OUT fit double precision, OUT days bigint, OUT first_day timestamptz, OUT last_day timestamptz
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    WITH piece AS (
        SELECT r.bucket_start, r.value_sum, r.sample_count
        FROM pggit_excellence.metric_rollups AS r
        WHERE r.metric_type = _daily_growth.metric_type AND r.resolution = 'day'
        UNION ALL
        SELECT pggit_excellence._bucket('day', n.recorded_at), n.metric_value * n.sample_count, n.sample_count
        FROM pggit_excellence.waiting_samples AS n
        WHERE n.metric_type = _daily_growth.metric_type AND n.recorded_at > statement_timestamp() - interval '720 hours'
    ), daily AS (
        SELECT p.bucket_start, sum(p.value_sum) / sum(p.sample_count) AS mean,
               extract(epoch FROM p.bucket_start - pggit_excellence._bucket('day', statement_timestamp()))::float8 / 86400 AS day
        FROM piece AS p
        WHERE p.bucket_start > pggit_excellence._bucket('day', statement_timestamp()) - interval '720 hours'
          AND p.bucket_start <= statement_timestamp()
        GROUP BY p.bucket_start
    )
    SELECT regr_slope(d.mean, d.day), regr_r2(d.mean, d.day), count(*), min(d.bucket_start), max(d.bucket_start)
    INTO slope, fit, days, first_day, last_day
    FROM daily AS d;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._daily_growth(text) IS
    'Internal: growth per day of a metric by a linear fit over its daily means of the last 30 days, its r2, and how many days from when to when. Source: metric_rollups, waiting_samples.';

-- When a growing value reaches 90 % and all of each limit that an objective sets it, one row each; without a limit one row.
CREATE FUNCTION pggit_excellence._forecast(metric_type text, current_value double precision)
RETURNS TABLE (measure text, growth_per_day double precision, limit_value double precision, reached_at timestamptz, note text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $body$
BEGIN
    RETURN QUERY
    WITH ceiling AS (
        SELECT o.objective, s.share, o.threshold * s.share AS limit_value
        FROM pggit_excellence.slo_objectives AS o
        CROSS JOIN (VALUES (0.9), (1)) AS s (share)
        WHERE o.metric_type = _forecast.metric_type AND o.kind = 'limit' AND o.comparison IN ('<', '<=') AND o.enabled
    ), growth AS (
        SELECT CASE WHEN g.days >= 7 THEN g.slope END AS slope, g.days,
               format('linear fit over %s daily means from %s to %s', g.days, to_char(g.first_day, 'YYYY-MM-DD'), to_char(g.last_day, 'YYYY-MM-DD'))
               || COALESCE(format(' (r2 %s)', round(g.fit::numeric, 2)), '') AS basis
        FROM pggit_excellence._daily_growth(_forecast.metric_type) AS g
    ), expected AS (
        SELECT c.*, g.*, (c.limit_value - current_value) / NULLIF(GREATEST(g.slope, 0), 0) AS days_left
        FROM growth AS g
        LEFT JOIN ceiling AS c ON true
    )
    SELECT CASE WHEN e.objective IS NULL THEN _forecast.metric_type
                ELSE format('%s %% of the limit of %s', trunc(100 * e.share), e.objective) END,
           e.slope, e.limit_value,
           CASE WHEN current_value >= e.limit_value THEN statement_timestamp()
                WHEN e.days_left < 36525 THEN statement_timestamp() + e.days_left * interval '24 hours' END,
           concat_ws('; ',
               CASE WHEN current_value >= e.limit_value THEN 'reached already'
                    WHEN e.limit_value IS NULL THEN 'no enabled objective limits ' || _forecast.metric_type
                    WHEN e.slope <= 0 THEN 'does not grow'
                    WHEN e.days_left >= 36525 THEN 'not within 100 years' END,
               CASE WHEN e.slope IS NULL
                    THEN format('no growth known: samples of %s on %s of the last 30 days, 7 are needed', _forecast.metric_type, e.days)
                    ELSE e.basis END)
    FROM expected AS e
    ORDER BY e.limit_value, e.objective COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence._forecast(text, double precision) IS
    'Internal: when a value reaches 90 % and all of each limit of the enabled objectives of its metric, if it grows on as in the last 30 days.';
