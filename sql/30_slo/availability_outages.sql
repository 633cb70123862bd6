-- When was the server down, as its monitors saw it? Failed probes of one monitor in a row are one outage.
--   since, until  NULL: 30 days before `until`; now
-- Reads the samples of those hours only whose roll-up has a failed probe, and what is not rolled up yet.
CREATE FUNCTION pggit_excellence.availability_outages(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
RETURNS TABLE (
    monitor text, outage_start timestamptz, outage_end timestamptz, failed_probes bigint, note text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET jit = off
AS $body$
DECLARE
    ends   timestamptz := COALESCE(until, statement_timestamp());
    begins timestamptz := COALESCE(since, ends - interval '30 days');
BEGIN
    IF NOT isfinite(begins) OR NOT isfinite(ends) OR begins >= ends THEN
        RAISE EXCEPTION 'the period must begin before it ends, not from % to %', begins, ends
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: availability_outages(now() - interval ''7 days'').';
    END IF;
    RETURN QUERY
    WITH hour AS MATERIALIZED (
        SELECT r.bucket_start AS hour_start, round(r.sample_count - r.value_sum)::bigint AS failed
        FROM pggit_excellence.metric_rollups AS r
        WHERE r.metric_type = 'availability' AND r.resolution = 'hour' AND r.value_min < 1
          AND r.bucket_start >= date_trunc('hour', begins) AND r.bucket_start < ends
    ), span AS (
        -- With the hour after it, in which an outage may go on to end.
        SELECT h.hour_start FROM hour AS h
        UNION
        SELECT h.hour_start + interval '1 hour' FROM hour AS h
    ), probe AS (
        SELECT m.tags ->> 'monitor' AS monitor, m.recorded_at, m.metric_value >= 1 AS up, m.sample_count
        FROM span AS s
        JOIN pggit_excellence.performance_metrics_rolled AS m
          ON m.recorded_at >= s.hour_start AND m.recorded_at < s.hour_start + interval '1 hour'
        WHERE m.metric_type = 'availability' AND m.recorded_at >= begins AND m.recorded_at < ends
        UNION ALL
        SELECT n.tags ->> 'monitor', n.recorded_at, n.metric_value >= 1, n.sample_count
        FROM pggit_excellence.performance_metrics_new AS n
        WHERE n.metric_type = 'availability' AND n.recorded_at >= begins AND n.recorded_at < ends
    ), neighbour AS (
        SELECT p.*, lag(p.recorded_at) OVER series AS before, lead(p.recorded_at) OVER series AS after, lead(p.up) OVER series AS up_after
        FROM probe AS p
        WINDOW series AS (PARTITION BY p.monitor ORDER BY p.recorded_at, p.up)
    ), numbered AS (
        -- An hour without any probe ends what is known.
        SELECT n.*, count(*) FILTER (WHERE n.up OR n.recorded_at > n.before + interval '1 hour')
                    OVER (PARTITION BY n.monitor ORDER BY n.recorded_at, n.up) AS outage
        FROM neighbour AS n
    ), outage AS (
        SELECT n.monitor, min(n.recorded_at) AS first_failure, sum(n.sample_count)::bigint AS failed,
               max(n.after) FILTER (WHERE n.up_after AND n.after <= n.recorded_at + interval '1 hour') AS back_at
        FROM numbered AS n
        WHERE NOT n.up
        GROUP BY n.monitor, n.outage
    )
    SELECT o.monitor, o.first_failure, o.back_at, o.failed,
           CASE WHEN o.back_at IS NULL THEN 'its end is not known: no probe afterwards found the server up' END
    FROM outage AS o
    UNION ALL
    SELECT NULL, h.hour_start, h.hour_start + interval '1 hour', h.failed,
           'sometime within this hour: its samples are no longer kept'
    FROM hour AS h
    WHERE NOT EXISTS (
        SELECT FROM pggit_excellence.performance_metrics_rolled AS m
        WHERE m.metric_type = 'availability' AND m.recorded_at >= h.hour_start AND m.recorded_at < h.hour_start + interval '1 hour'
    )
    ORDER BY 2, 1;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.availability_outages(timestamptz, timestamptz) IS
$comment$The outages in a period, by monitor: failed probes in a row, from the first of them (outage_start) until the next probe that found the server up (outage_end). since NULL: 30 days before until; until NULL: now.
outage_end NULL: no probe afterwards found it up, or none came within an hour. Where the samples are no longer kept a row is an hour with failed probes, and monitor is NULL. failed_probes: how many probes failed. Source: samples and hourly roll-ups of availability, as pggit-excellence slo monitor writes them. Locks nothing beyond reading.$comment$;
