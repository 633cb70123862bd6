-- Make or change a service level objective.
--   objective       its name; of an existing one only what is given changes (NULL: it stays)
--   metric_type     the metric whose samples are judged; never changes
--   comparison      a sample is good when its value is <, <=, > or >= threshold
--   target          which share of the events must be good, between 0 and 1: 0.95 of the events below 50 ms is p95 < 50 ms
--   slo_window      over which time, from an hour to ten years; default 30 days
--   kind            events (default), or limit: a ceiling or floor of the newest value, without target; never changes
--   minimum_events  fewer events in the long window of an alert raise none; default 100
--   enabled         false: counted, but neither reported as met nor alerted
-- Nobody loses a sample: maintain() is kept out until the end of the transaction, a new objective gets the samples that are
-- still kept, and before a changed threshold judges anything all samples that are waiting are judged by the former one.

-- Why these values make no objective, and what to do; NULL: they do.
CREATE FUNCTION pggit_excellence._objective_mistake(wanted pggit_excellence.slo_objectives, OUT mistake text, OUT hint text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    never_negative boolean := wanted.metric_type ~ '_(ms|bytes|percent)$';
BEGIN
    IF btrim(wanted.objective) = '' OR length(wanted.objective) > 200 THEN
        mistake := 'the name of an objective must have 1 to 200 characters';
        hint := 'For example: ddl_tracking_p95.';
    ELSIF wanted.metric_type IS NULL OR btrim(wanted.metric_type) = '' OR length(wanted.metric_type) > 200 THEN
        mistake := 'an objective needs the metric whose samples it judges';
        hint := 'metric_type is the first argument of record_metric(), for example ddl_tracking_ms.';
    ELSIF wanted.kind NOT IN ('events', 'limit') THEN
        mistake := format('no such kind of objective: %s', wanted.kind);
        hint := 'kind is events or limit.';
    ELSIF wanted.comparison IS NULL OR wanted.comparison NOT IN ('<', '<=', '>', '>=') THEN
        mistake := format('no such comparison: %s', quote_nullable(wanted.comparison));
        hint := 'comparison is <, <=, > or >=: a sample is good when its value is, for example, < threshold.';
    ELSIF (wanted.threshold BETWEEN -1e100 AND 1e100) IS NOT TRUE THEN
        mistake := format('threshold must be a number from -1e100 to 1e100, not %s', COALESCE(wanted.threshold::text, 'NULL'));
        hint := 'It is in the unit of the metric.';
    ELSIF never_negative AND (wanted.threshold < 0 OR wanted.threshold = 0 AND wanted.comparison = '<') THEN
        mistake := format('no sample of %s can be %s %s', wanted.metric_type, wanted.comparison, wanted.threshold);
        hint := 'Durations, sizes and percentages are not negative.';
    ELSIF wanted.kind = 'limit' AND wanted.target IS NOT NULL THEN
        mistake := 'a limit has no target';
        hint := 'The newest value either keeps within it or does not. For a share of events use kind events.';
    ELSIF wanted.kind = 'events' AND (wanted.target > 0 AND wanted.target < 1) IS NOT TRUE THEN
        mistake := format('target must be between 0 and 1, not %s', COALESCE(wanted.target::text, 'NULL'));
        hint := 'It is a share: 0.999 for 99.9 %. 1 would leave no error budget.';
    ELSIF (wanted.slo_window BETWEEN '1 hour' AND '10 years') IS NOT TRUE THEN
        mistake := format('slo_window must be from 1 hour to 10 years, not %s', wanted.slo_window);
        hint := 'For example: slo_window => ''30 days''.';
    ELSIF wanted.minimum_events < 1 THEN
        mistake := format('minimum_events must be 1 or more, not %s', wanted.minimum_events);
        hint := 'It is how many events the long window of an alert needs.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._objective_mistake(pggit_excellence.slo_objectives) IS
    'Internal: why a row makes no objective, and what to do. NULL: it makes one.';

-- Count the samples that are rolled up already for an objective that did not exist then. Returns since when they are kept.
CREATE FUNCTION pggit_excellence._count_kept_samples(counted pggit_excellence.slo_objectives)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    INSERT INTO pggit_excellence.objective_rollups (objective, resolution, bucket_start, good, total)
    SELECT counted.objective, l.resolution, pggit_excellence._bucket(l.resolution, m.recorded_at),
           COALESCE(sum(m.sample_count) FILTER (
               WHERE pggit_excellence._objective_met(m.metric_value, counted.comparison, counted.threshold)), 0),
           sum(m.sample_count)
    FROM pggit_excellence.performance_metrics_rolled AS m
    CROSS JOIN (VALUES ('minute'), ('hour'), ('day'), ('total')) AS l (resolution)
    LEFT JOIN pggit_excellence.metric_retention AS k ON k.resolution = l.resolution
    WHERE m.metric_type = counted.metric_type
      AND (k.kept_since IS NULL OR pggit_excellence._bucket(l.resolution, m.recorded_at) >= k.kept_since)
    GROUP BY l.resolution, pggit_excellence._bucket(l.resolution, m.recorded_at);
    RETURN (SELECT min(m.recorded_at) FROM pggit_excellence.performance_metrics AS m WHERE m.metric_type = counted.metric_type);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._count_kept_samples(pggit_excellence.slo_objectives) IS
    'Internal: add the kept samples that are rolled up already to objective_rollups for a new objective. Returns the time of the oldest kept sample; NULL: there is none.';

CREATE FUNCTION pggit_excellence.set_objective(
    objective text, metric_type text DEFAULT NULL, comparison text DEFAULT NULL, threshold double precision DEFAULT NULL,
    target numeric DEFAULT NULL, slo_window interval DEFAULT NULL, kind text DEFAULT NULL, description text DEFAULT NULL,
    minimum_events bigint DEFAULT NULL, enabled boolean DEFAULT NULL
)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $body$
DECLARE
    former  pggit_excellence.slo_objectives;
    wanted  pggit_excellence.slo_objectives;
    existed boolean;
    problem record;
BEGIN
    PERFORM pggit_excellence._begin_objective_change();
    IF set_objective.objective IS NULL THEN
        RAISE EXCEPTION 'an objective needs a name'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'For example: ddl_tracking_p95.';
    END IF;
    SELECT o.* INTO former FROM pggit_excellence.slo_objectives AS o WHERE o.objective = set_objective.objective;
    existed := FOUND;
    IF existed AND (set_objective.metric_type <> former.metric_type OR set_objective.kind <> former.kind) THEN
        RAISE EXCEPTION 'metric and kind of objective % cannot change', quote_ident(former.objective)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'What it has counted so far would mean something else. Make an objective of another name, or drop_objective() first.';
    END IF;

    wanted := former;
    wanted.objective := set_objective.objective;
    wanted.metric_type := COALESCE(set_objective.metric_type, former.metric_type);
    wanted.kind := COALESCE(set_objective.kind, former.kind, 'events');
    wanted.comparison := COALESCE(set_objective.comparison, former.comparison);
    wanted.threshold := COALESCE(set_objective.threshold, former.threshold);
    wanted.target := COALESCE(set_objective.target, former.target);
    wanted.slo_window := COALESCE(set_objective.slo_window, former.slo_window, '30 days');
    wanted.minimum_events := COALESCE(set_objective.minimum_events, former.minimum_events, 100);
    wanted.enabled := COALESCE(set_objective.enabled, former.enabled, true);
    wanted.description := COALESCE(set_objective.description, former.description, format('%s %s %s', wanted.metric_type, wanted.comparison, wanted.threshold));
    SELECT m.mistake, m.hint INTO problem FROM pggit_excellence._objective_mistake(wanted) AS m;
    IF problem.mistake IS NOT NULL THEN
        RAISE EXCEPTION '%', problem.mistake USING ERRCODE = 'invalid_parameter_value', HINT = problem.hint;
    END IF;

    IF wanted IS NOT DISTINCT FROM former THEN
        RETURN 'unchanged';
    ELSIF NOT existed THEN
        wanted.is_default := false;
        wanted.created_at := clock_timestamp();
        IF wanted.kind = 'events' THEN
            wanted.counted_since := COALESCE(pggit_excellence._count_kept_samples(wanted), wanted.created_at);
        END IF;
        INSERT INTO pggit_excellence.slo_objectives SELECT wanted.*;
        RETURN 'made' || COALESCE('; counted since ' || pggit_excellence._utc(wanted.counted_since), '');
    END IF;

    IF (wanted.comparison, wanted.threshold) IS DISTINCT FROM (former.comparison, former.threshold) THEN
        PERFORM pggit_excellence._roll_up(2147483647);
        wanted.changed_at := clock_timestamp();
    END IF;
    UPDATE pggit_excellence.slo_objectives AS o
    SET comparison = wanted.comparison, threshold = wanted.threshold, target = wanted.target, slo_window = wanted.slo_window,
        minimum_events = wanted.minimum_events, enabled = wanted.enabled, description = wanted.description,
        changed_at = wanted.changed_at
    WHERE o.objective = wanted.objective;
    RETURN 'changed' || CASE WHEN wanted.changed_at IS DISTINCT FROM former.changed_at
                             THEN '; what was recorded until now stays judged as it was' ELSE '' END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.set_objective(text, text, text, double precision, numeric, interval, text, text, bigint, boolean) IS
$comment$Makes an objective, or changes what is given of an existing one (NULL: it stays), and returns what it did. A sample is good when metric_value <comparison> threshold; target is the share of events that must be good; a limit (kind => 'limit') has no target.
A new objective is counted from the samples that are still kept, exactly: counted_since says from when. A changed threshold or comparison judges later samples only, a changed target all of the window. metric_type and kind never change. Keeps maintain() out until the end of the transaction; recording goes on. Writes slo_objectives and objective_rollups.$comment$;
