-- The checks of health_check() that look at our own measuring. Each returns one row (status, message, details) and reads
-- nothing that grows with the history.

CREATE FUNCTION pggit_excellence._health_sentinels(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.enabled AND s.note IS NULL THEN 'healthy' ELSE 'warning' END,
           COALESCE(s.note, 'pgGit''s tracking is being measured'),
           pg_catalog.jsonb_build_object('enabled', s.enabled, 'started', s.started, 'tracked', s.tracked, 'failed', s.failed,
                                         'bypassed', s.bypassed, 'errors', s.errors, 'booked_at', s.booked_at)
    FROM pggit_excellence.sentinel_status() AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._health_sentinels() IS
    'Internal: check sentinels of health_check(): warning where pgGit''s tracking is not measured, or not all of it. Source: sentinel_status().';

CREATE FUNCTION pggit_excellence._health_coverage(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN r.value IS NULL THEN 'unknown' WHEN r.value < 100 THEN 'warning' ELSE 'healthy' END,
           CASE WHEN r.probe IS NULL THEN 'not measured yet: run_probes() does so'
                WHEN r.value IS NULL THEN COALESCE(r.note, 'there is no object to track')
                ELSE pg_catalog.format('%s %% recorded under their names at %s (%s); tracking_coverage() tells which kinds are not',
                                       pg_catalog.trunc(r.value::numeric, 1), pg_catalog.date_trunc('second', r.probed_at), r.note) END,
           pg_catalog.jsonb_build_object('coverage_percent', r.value, 'measured_at', r.probed_at)
    FROM (SELECT) AS always
    LEFT JOIN pggit_excellence.probe_results AS r ON r.probe = 'tracking coverage'
$body$;
COMMENT ON FUNCTION pggit_excellence._health_coverage() IS
    'Internal: check tracking_coverage of health_check(): what run_probes() measured last; warning below 100 %. Source: probe_results.';

-- A sample that waits longer than the maintenance's own rhythm says that nobody runs it.
CREATE FUNCTION pggit_excellence._health_maintenance(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN w.oldest IS NULL AND m.probed_at IS NULL THEN 'unknown'
                WHEN w.oldest < pg_catalog.now() - interval '15 minutes'
                 AND (m.probed_at < pg_catalog.now() - interval '15 minutes' OR m.probed_at IS NULL) THEN 'warning'
                ELSE 'healthy' END,
           CASE WHEN w.oldest IS NULL AND m.probed_at IS NULL THEN 'no sample was recorded yet'
                WHEN w.oldest IS NULL THEN 'no sample waits to be rolled up'
                ELSE pg_catalog.format('the oldest of %s samples that wait is of %s; maintain() ran last at %s',
                         CASE WHEN w.samples > 10000 THEN 'more than 10000' ELSE w.samples::text END, pg_catalog.date_trunc('second', w.oldest),
                         COALESCE(pg_catalog.date_trunc('second', m.probed_at)::text, 'no time yet: see schedule_maintenance()')) END,
           pg_catalog.jsonb_build_object('oldest_waiting', w.oldest, 'maintained_at', m.probed_at)
    FROM (
        SELECT (SELECT pg_catalog.min(n.recorded_at) FROM pggit_excellence.waiting_samples AS n) AS oldest,
               (SELECT pg_catalog.count(*) FROM (SELECT FROM pggit_excellence.waiting_samples LIMIT 10001) AS l) AS samples
    ) AS w
    LEFT JOIN pggit_excellence.probe_results AS m ON m.probe = 'maintain'
$body$;
COMMENT ON FUNCTION pggit_excellence._health_maintenance() IS
    'Internal: check maintenance of health_check(): warning when samples wait and maintain() did not run for 15 minutes, or never. Source: waiting_samples, probe_results.';

CREATE FUNCTION pggit_excellence._health_clock(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.newest IS NULL THEN 'unknown' WHEN f.newest > pg_catalog.clock_timestamp() + interval '5 minutes' THEN 'warning'
                ELSE 'healthy' END,
           CASE WHEN f.newest IS NULL THEN 'no sample was recorded yet'
                WHEN f.newest > pg_catalog.clock_timestamp() + interval '5 minutes'
                THEN pg_catalog.format('there are samples from the future, up to %s: a clock was ahead, or is behind now', f.newest)
                ELSE 'no sample is from the future' END,
           pg_catalog.jsonb_build_object('newest_sample', f.newest)
    FROM (SELECT pg_catalog.max(m.recorded_at) AS newest FROM pggit_excellence.performance_metrics AS m) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._health_clock() IS
    'Internal: check sample_times of health_check(): warning when the newest sample is more than 5 minutes ahead. Source: performance_metrics.';

-- A monitor writes at least once a minute while it reaches the server.
CREATE FUNCTION pggit_excellence._health_monitors(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN pg_catalog.count(*) = 0 THEN 'unknown' WHEN pg_catalog.count(s.silent) > 0 THEN 'warning' ELSE 'healthy' END,
           CASE WHEN pg_catalog.count(*) = 0 THEN 'nobody watches from outside whether the server is up: run pggit-excellence slo monitor elsewhere'
                WHEN pg_catalog.count(s.silent) > 0
                THEN 'silent for 15 minutes: ' || pg_catalog.string_agg(s.silent, ', ' ORDER BY s.silent)
                     || '; one that is no longer used is deleted from pggit_excellence.availability_monitors'
                ELSE pg_catalog.format('%s monitors report', pg_catalog.count(*)) END,
           pg_catalog.jsonb_build_object('last_seen', COALESCE(pg_catalog.jsonb_object_agg(s.monitor, s.last_seen)
                                                              FILTER (WHERE s.monitor IS NOT NULL), '{}'))
    FROM (
        SELECT m.monitor, m.last_seen,
               CASE WHEN m.last_seen < pg_catalog.now() - interval '15 minutes' THEN pg_catalog.left(m.monitor, 100) END AS silent
        FROM pggit_excellence.availability_monitors AS m
    ) AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._health_monitors() IS
    'Internal: check monitors of health_check(): warning when one that watches from outside has not written for 15 minutes, unknown when there is none. Source: availability_monitors.';
