-- What the statistics are too young or too incomplete to tell: one row instead of a wrong finding per index.
CREATE FUNCTION pggit_excellence._advice_statistics(min_statistics_age interval)
RETURNS SETOF pggit_excellence._finding
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF min_statistics_age IS NULL OR min_statistics_age < interval '0' THEN
        RAISE EXCEPTION 'min_statistics_age must be an interval of zero or more, not %', COALESCE(min_statistics_age::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'interval ''0'' reports unused indexes however young the statistics are; the default is 7 days.';
    END IF;
    RETURN QUERY
        SELECT 'statistics:' || w.what, 'statistics', 'unknown', 'proved', NULL::text, NULL::text, w.evidence, w.advice, NULL::text, NULL::text
        FROM pggit_excellence._statistics_since() AS s (since),
            LATERAL (VALUES
                ('off', NOT pg_catalog.current_setting('track_counts')::boolean,
                    'track_counts is off',
                    'Unused indexes and hot sequential scans cannot be seen without track_counts = on.'),
                ('young', COALESCE(s.since > pg_catalog.statement_timestamp() - min_statistics_age, true),
                    COALESCE('statistics count since ' || s.since, 'it is not known since when the statistics count'),
                    'Unused indexes are not reported before the statistics are ' || min_statistics_age || ' old.')
            ) AS w (what, is_so, evidence, advice)
        WHERE w.is_so;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_statistics(interval) IS
    'Internal: the part of index_advice() that says which findings the statistics cannot support.';
