-- Since when data are kept: now minus `keep`, in days that have samples. A clock that jumps years ahead makes one such day,
-- so it cannot empty the history; after a pause without samples nothing is deleted before as many days were recorded anew.
-- -infinity: there are not that many days yet.
CREATE FUNCTION pggit_excellence._keep_since(keep interval)
RETURNS timestamptz
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT COALESCE((
        SELECT LEAST(d.bucket_start, pg_catalog.clock_timestamp() - LEAST(keep, '4000 years'))
        FROM (SELECT DISTINCT r.bucket_start FROM pggit_excellence.metric_rollups AS r WHERE r.resolution = 'day') AS d
        ORDER BY d.bucket_start DESC
        OFFSET pg_catalog.ceil(EXTRACT(epoch FROM LEAST(keep, '4000 years')) / 86400)::integer - 1 LIMIT 1
    ), '-infinity')
$body$;
COMMENT ON FUNCTION pggit_excellence._keep_since(interval) IS
    'Internal: what is older may be deleted: now minus keep, not counting days without samples. -infinity: nothing may.';

-- Note what was deleted: from `since` on the resolution is complete.
CREATE FUNCTION pggit_excellence._set_kept_since(resolution text, since timestamptz)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
    INSERT INTO pggit_excellence.metric_retention AS r (resolution, kept_since)
    SELECT _set_kept_since.resolution, since WHERE since IS NOT NULL
    ON CONFLICT (resolution) DO UPDATE SET kept_since = GREATEST(r.kept_since, excluded.kept_since)
$body$;
COMMENT ON FUNCTION pggit_excellence._set_kept_since(text, timestamptz) IS
    'Internal: note in metric_retention that what is older than since may be missing; NULL: nothing was deleted.';

-- Delete samples that were rolled up and are older than kept. Returns how many.
CREATE FUNCTION pggit_excellence._purge_samples(keep interval, batch_size integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
DECLARE
    cutoff timestamptz := pggit_excellence._keep_since(keep);
    purged bigint;
    newest timestamptz;
BEGIN
    WITH gone AS (
        DELETE FROM pggit_excellence.performance_metrics_rolled AS m
        WHERE m.ctid = ANY (ARRAY(
            SELECT o.ctid FROM pggit_excellence.performance_metrics_rolled AS o
            WHERE o.recorded_at < cutoff ORDER BY o.recorded_at LIMIT batch_size))
        RETURNING m.recorded_at
    )
    SELECT pg_catalog.count(*), pg_catalog.max(g.recorded_at) + interval '1 microsecond' INTO purged, newest FROM gone AS g;
    PERFORM pggit_excellence._set_kept_since('sample', newest);
    RETURN purged;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._purge_samples(interval, integer) IS
    'Internal: a task of maintain(): delete at most batch_size rolled-up samples that are older than kept, oldest first. Returns how many.';

-- Delete roll-ups of one resolution, of metrics and objectives, that are older than kept. Returns how many.
CREATE FUNCTION pggit_excellence._purge_rollups(resolution text, keep interval, batch_size integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
DECLARE
    cutoff timestamptz := pggit_excellence._bucket(resolution, pggit_excellence._keep_since(keep));
    purged bigint;
    newest timestamptz;
BEGIN
    WITH metric AS (
        DELETE FROM pggit_excellence.metric_rollups AS r
        WHERE r.ctid = ANY (ARRAY(
            SELECT o.ctid FROM pggit_excellence.metric_rollups AS o
            WHERE o.resolution = _purge_rollups.resolution AND o.bucket_start < cutoff ORDER BY o.bucket_start LIMIT batch_size))
        RETURNING r.bucket_start
    ), objective AS (
        DELETE FROM pggit_excellence.objective_rollups AS r
        WHERE r.ctid = ANY (ARRAY(
            SELECT o.ctid FROM pggit_excellence.objective_rollups AS o
            WHERE o.resolution = _purge_rollups.resolution AND o.bucket_start < cutoff ORDER BY o.bucket_start LIMIT batch_size))
        RETURNING r.bucket_start
    )
    SELECT pg_catalog.count(*), pggit_excellence._next_bucket(_purge_rollups.resolution, pg_catalog.max(g.bucket_start) + interval '1 microsecond')
    INTO purged, newest
    FROM (SELECT m.bucket_start FROM metric AS m UNION ALL SELECT o.bucket_start FROM objective AS o) AS g;
    PERFORM pggit_excellence._set_kept_since(_purge_rollups.resolution, newest);
    RETURN purged;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._purge_rollups(text, interval, integer) IS
    'Internal: a task of maintain(): delete at most batch_size roll-ups of metrics, and of objectives, that are older than kept, oldest first. Returns how many.';
