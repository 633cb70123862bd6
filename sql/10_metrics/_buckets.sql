-- The bucket that a time belongs to: aligned to UTC, whatever the session's settings. Inlined, hence qualified.
CREATE FUNCTION pggit_excellence._bucket(resolution text, at timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT CASE resolution
        WHEN 'minute' THEN pg_catalog.date_bin('1 minute', at, '2000-01-01 00:00+00')
        WHEN 'hour' THEN pg_catalog.date_bin('1 hour', at, '2000-01-01 00:00+00')
        WHEN 'day' THEN pg_catalog.date_bin('24 hours', at, '2000-01-01 00:00+00')
        WHEN 'total' THEN '-infinity'::pg_catalog.timestamptz
    END
$body$;
COMMENT ON FUNCTION pggit_excellence._bucket(text, timestamptz) IS
    'Internal: when the minute, hour or day begins (UTC) that a time belongs to; -infinity for total.';

-- The first bucket that begins at a time or later. Inlined, hence qualified.
CREATE FUNCTION pggit_excellence._next_bucket(resolution text, at timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT pggit_excellence._bucket(resolution, at OPERATOR(pg_catalog.-) '1 microsecond'::pg_catalog.interval)
        OPERATOR(pg_catalog.+) CASE resolution WHEN 'minute' THEN '1 minute'::pg_catalog.interval
                                               WHEN 'hour' THEN '1 hour'::pg_catalog.interval
                                               ELSE '24 hours'::pg_catalog.interval END
$body$;
COMMENT ON FUNCTION pggit_excellence._next_bucket(text, timestamptz) IS
    'Internal: when the first minute, hour or day begins (UTC) that does not begin before a time.';

-- Where an end of a window really is. A bucket belongs to a window when it begins in it, so that windows side by side count
-- everything once: an end moves to the next full minute. Where maintain() has deleted the minutes (or hours) that such an
-- end would need, it moves to the next full hour (or day).
CREATE FUNCTION pggit_excellence._window_edge(edge timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    -- There are no samples outside.
    inside timestamptz := GREATEST('2000-01-01 00:00+00', LEAST('9999-01-01 00:00+00', edge));
    kept   record;
BEGIN
    SELECT COALESCE(max(r.kept_since) FILTER (WHERE r.resolution = 'day'), '-infinity') AS days,
           COALESCE(max(r.kept_since) FILTER (WHERE r.resolution IN ('day', 'hour')), '-infinity') AS hours,
           COALESCE(max(r.kept_since) FILTER (WHERE r.resolution <> 'sample'), '-infinity') AS minutes
    INTO kept
    FROM pggit_excellence.metric_retention AS r;
    RETURN GREATEST(kept.days, pggit_excellence._next_bucket(
        CASE WHEN pggit_excellence._bucket('day', inside) < kept.hours THEN 'day'
             WHEN pggit_excellence._bucket('hour', inside) < kept.minutes THEN 'hour'
             ELSE 'minute' END, inside));
END
$body$;
COMMENT ON FUNCTION pggit_excellence._window_edge(timestamptz) IS
    'Internal: where the end of a window really is: at the next full minute, hour or day, the finest whose roll-ups are kept.';

-- Which roll-ups make up a window: days in its middle, hours around them, minutes at its ends, without overlap.
CREATE FUNCTION pggit_excellence._window_parts(window_start timestamptz, window_end timestamptz)
RETURNS TABLE (resolution text, part_start timestamptz, part_end timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    first_minute timestamptz := pggit_excellence._window_edge(window_start);
    last_minute  timestamptz := pggit_excellence._window_edge(window_end);
    first_hour   timestamptz := pggit_excellence._next_bucket('hour', first_minute);
    last_hour    timestamptz := pggit_excellence._bucket('hour', last_minute);
    first_day    timestamptz := pggit_excellence._next_bucket('day', first_hour);
    last_day     timestamptz := pggit_excellence._bucket('day', last_hour);
BEGIN
    RETURN QUERY
    SELECT p.resolution, p.part_start, p.part_end
    FROM (VALUES
        ('minute', first_minute, LEAST(first_hour, last_minute)),
        ('hour', first_hour, LEAST(first_day, last_hour)),
        ('day', first_day, last_day),
        ('hour', GREATEST(last_day, first_day), last_hour),
        ('minute', GREATEST(last_hour, first_hour), last_minute)
    ) AS p (resolution, part_start, part_end)
    WHERE p.part_start < p.part_end AND window_start IS NOT NULL AND window_end IS NOT NULL;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._window_parts(timestamptz, timestamptz) IS
    'Internal: the ranges of roll-ups that make up a window, without overlap: bucket_start >= part_start and < part_end at that resolution. A bucket belongs to a window when it begins in it. No rows: the window is empty.';
