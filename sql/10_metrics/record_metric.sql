-- Store one sample.
--   metric_type   what was measured; a name that ends in _ms is a duration in milliseconds
--   metric_value  from -1e100 to 1e100, so that sums stay finite, and 0 where it is nearer to it than 1e-100; a duration is not negative, other values may be
--   tags          a JSON object; NULL is the same as {}
--   recorded_at   when it was measured; NULL: now. At most 5 minutes ahead, which clocks of two machines may differ
--   sample_count  how many alike events it stands for
-- One insert and nothing else: its cost does not grow with the table. Row-exclusive lock, until the transaction ends.
CREATE FUNCTION pggit_excellence.record_metric(
    metric_type text, metric_value double precision, tags jsonb DEFAULT '{}',
    recorded_at timestamptz DEFAULT NULL, sample_count integer DEFAULT 1
)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    measured_at timestamptz := COALESCE(record_metric.recorded_at, pg_catalog.clock_timestamp());
BEGIN
    IF record_metric.metric_type IS NULL OR record_metric.metric_value IS NULL THEN
        RAISE EXCEPTION 'a metric needs a type and a value'
            USING ERRCODE = 'null_value_not_allowed',
                  HINT = 'Record nothing where nothing was measured.';
    ELSIF record_metric.metric_type = '' THEN
        RAISE EXCEPTION 'the type of a metric must not be empty'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Name what was measured, with its unit: for example ddl_tracking_ms.';
    ELSIF record_metric.metric_value NOT BETWEEN -1e100 AND 1e100 THEN
        RAISE EXCEPTION 'metric % must be a number from -1e100 to 1e100, not %', record_metric.metric_type, record_metric.metric_value
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Record nothing where nothing was measured.';
    ELSIF record_metric.metric_type LIKE '%\_ms' AND record_metric.metric_value < 0 THEN
        RAISE EXCEPTION 'duration % must not be negative: %', record_metric.metric_type, record_metric.metric_value
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'A name that ends in _ms is a duration. Did the clock go back? For a difference choose another name.';
    ELSIF pg_catalog.jsonb_typeof(record_metric.tags) <> 'object' THEN
        RAISE EXCEPTION 'the tags of metric % must be a JSON object, not %',
            record_metric.metric_type, pg_catalog.jsonb_typeof(record_metric.tags)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'For example: jsonb_build_object(''command'', ''CREATE TABLE'').';
    ELSIF measured_at < '2000-01-01 00:00+00' OR measured_at > pg_catalog.clock_timestamp() + interval '5 minutes' THEN
        RAISE EXCEPTION 'metric % cannot be of %', record_metric.metric_type, measured_at
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'recorded_at is from the year 2000 to 5 minutes from now. Are the clocks of both machines right?';
    ELSIF record_metric.sample_count < 1 THEN
        RAISE EXCEPTION 'metric % cannot stand for % events', record_metric.metric_type, record_metric.sample_count
            USING ERRCODE = 'invalid_parameter_value', HINT = 'sample_count is 1 or more. Record nothing where nothing happened.';
    END IF;
    INSERT INTO pggit_excellence.performance_metrics_new (metric_type, metric_value, tags, recorded_at, sample_count)
    VALUES (record_metric.metric_type, CASE WHEN abs(record_metric.metric_value) >= 1e-100 THEN record_metric.metric_value ELSE 0 END,
            COALESCE(record_metric.tags, '{}'), measured_at,
            COALESCE(record_metric.sample_count, 1));
END
$body$;
COMMENT ON FUNCTION pggit_excellence.record_metric(text, double precision, jsonb, timestamptz, integer) IS
    'Stores one sample in performance_metrics. A type that ends in _ms is a duration in milliseconds and must not be negative; NULL, NaN and values beyond 1e100 are refused. NULL tags are the same as {}. recorded_at: when it was measured, at most 5 minutes ahead; NULL: now. sample_count: how many alike events it stands for; NULL: 1.';
