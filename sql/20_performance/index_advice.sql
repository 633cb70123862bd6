-- What is wrong with the indexes, and the statement that mends it. Each kind is a function of its own: _advice_*.sql.
-- Reads catalogs and statistics only; locks nothing.
CREATE FUNCTION pggit_excellence.index_advice(
    schemas            text[]   DEFAULT NULL,
    include_excluded   boolean  DEFAULT false,
    min_statistics_age interval DEFAULT '7 days'
)
RETURNS TABLE (
    finding_key text, kind text, severity text, confidence text, table_name text, index_name text,
    evidence text, advice text, mend_sql text, undo_sql text, excluded boolean
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
SET jit = off  -- compiling these queries takes longer than running them
AS $body$
    WITH scope AS MATERIALIZED (
        SELECT pggit_excellence._scope(schemas) AS oids
    ), hot AS MATERIALIZED (
        SELECT ARRAY(SELECT h FROM scope, LATERAL pggit_excellence._hot_tables(scope.oids) AS h) AS tables
    ), compared AS MATERIALIZED (
        SELECT ARRAY(SELECT k FROM scope, hot, LATERAL pggit_excellence._compared_keys(scope.oids, hot.tables) AS k) AS keys
    ), finding AS (
        SELECT f.* FROM pggit_excellence._advice_statistics(min_statistics_age) AS f
        UNION ALL SELECT f.* FROM scope, LATERAL pggit_excellence._advice_invalid(scope.oids) AS f
        UNION ALL SELECT f.* FROM hot, compared, LATERAL pggit_excellence._advice_collation(hot.tables, compared.keys) AS f
        UNION ALL SELECT f.* FROM scope, LATERAL pggit_excellence._advice_foreign_key(scope.oids) AS f
        UNION ALL SELECT f.* FROM hot, compared, LATERAL pggit_excellence._advice_sequential_scan(hot.tables, compared.keys) AS f
        UNION ALL SELECT f.* FROM scope, LATERAL pggit_excellence._advice_duplicate(scope.oids) AS f
        UNION ALL SELECT f.* FROM scope, LATERAL pggit_excellence._advice_unused(scope.oids, min_statistics_age) AS f
        UNION ALL SELECT f.* FROM scope, LATERAL pggit_excellence._advice_bloat(scope.oids) AS f
    )
    SELECT f.finding_key, f.kind, f.severity, f.confidence, f.table_name, f.index_name,
        f.evidence, f.advice, f.mend_sql, f.undo_sql, e.finding_key IS NOT NULL
    FROM finding AS f
    LEFT JOIN pggit_excellence.finding_exclusions AS e
        ON e.finding_key = f.finding_key AND COALESCE(e.expires_at > pg_catalog.statement_timestamp(), true)
    WHERE include_excluded OR e.finding_key IS NULL
    ORDER BY pg_catalog.array_position(ARRAY['warning', 'info', 'unknown'], f.severity), f.finding_key COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.index_advice(text[], boolean, interval) IS
    'Findings about indexes, worst first. finding_key: stable name for exclude_finding(); kind: invalid, collation, foreign_key, sequential_scan, duplicate, redundant, unused, bloat, statistics; severity: warning, info, unknown; confidence: proved, likely, estimate; index_name: NULL where one is missing; mend_sql, undo_sql: one statement each, outside a transaction where CONCURRENTLY, NULL where there is none; excluded: by finding_exclusions (shown with include_excluded). schemas: NULL pgGit''s, {*} all. Unused indexes show once the statistics are min_statistics_age old. Locks nothing.';
