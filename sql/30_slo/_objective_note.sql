-- What a reader must know of the counts of an objective in a window, or NULL. total: NULL for a limit.
CREATE FUNCTION pggit_excellence._objective_note(
    described pggit_excellence.slo_objectives, window_start timestamptz, window_end timestamptz, total bigint
)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    last_at timestamptz;
    note    text := CASE WHEN NOT described.enabled THEN 'disabled' END;
BEGIN
    IF total = 0 THEN
        last_at := (SELECT l.recorded_at FROM pggit_excellence._latest_sample(described.metric_type) AS l);
        RETURN concat_ws('; ', note, CASE
            WHEN last_at IS NULL THEN format('no sample of type %s was ever recorded', left(described.metric_type, 100))
            ELSE format('no sample of type %s in this window, the newest at %s', left(described.metric_type, 100), pggit_excellence._utc(last_at)) END);
    END IF;
    IF total IS NOT NULL AND described.counted_since > window_start THEN
        note := concat_ws('; ', note, 'counted since ' || pggit_excellence._utc(described.counted_since));
    END IF;
    IF described.changed_at > window_start AND described.changed_at < window_end THEN
        note := concat_ws('; ', note, format('what was recorded before %s is judged by the former threshold',
                                             pggit_excellence._utc(described.changed_at)));
    END IF;
    RETURN note;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._objective_note(pggit_excellence.slo_objectives, timestamptz, timestamptz, bigint) IS
    'Internal: what a reader must know of an objective''s counts in a window: disabled, no samples, counted since, judged differently before. NULL: nothing.';
