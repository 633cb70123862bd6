-- The share of upgrades that failed, of those that ended.
CREATE FUNCTION pggit_excellence.upgrade_error_rate(since interval DEFAULT '90 days')
RETURNS TABLE (component text, ended bigint, failed bigint, unfinished bigint, error_percent numeric, note text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF since <= '0' THEN
        RAISE EXCEPTION 'since must be a positive interval, not %', since
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: since => ''90 days''. NULL means ever.';
    END IF;
    RETURN QUERY
    SELECT c.component, s.ended, s.failed, s.unfinished,
           pg_catalog.round(100.0 * s.failed / NULLIF(s.ended, 0), 2),
           CASE WHEN s.ended = 0 THEN 'no upgrade ended in this time'
                WHEN s.unfinished > 0 THEN 'unfinished upgrades are not counted: running, or nobody called finish_upgrade()' END
    FROM (VALUES ('pggit'), ('pggit_excellence')) AS c (component)
    CROSS JOIN LATERAL (
        SELECT pg_catalog.count(*) FILTER (WHERE u.status <> 'started') AS ended,
               pg_catalog.count(*) FILTER (WHERE u.status = 'failed') AS failed,
               pg_catalog.count(*) FILTER (WHERE u.status = 'started') AS unfinished
        FROM pggit_excellence.upgrade_log AS u
        WHERE u.component = c.component
          AND u.started_at >= pg_catalog.now() - LEAST(upgrade_error_rate.since, '4000 years')
    ) AS s
    ORDER BY c.component;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.upgrade_error_rate(interval) IS
    'Percentage of failed upgrades among those that ended, started within the given time (NULL: ever), per component. error_percent is NULL when none ended; unfinished ones are shown, not counted. Source: upgrade_log.';
