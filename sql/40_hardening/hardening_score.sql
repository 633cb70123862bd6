-- The share of what hardening_check() wants that is so, per category and over all.
CREATE FUNCTION pggit_excellence.hardening_score(profile text DEFAULT 'standard')
RETURNS TABLE (
    category text, passed bigint, failed bigint, warned bigint, unknown bigint, manual bigint, not_applicable bigint,
    score numeric, note text
)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 14
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT s.category, s.passed, s.failed, s.warned, s.unknown, s.manual, s.not_applicable,
           pg_catalog.trunc(100.0 * s.attained / NULLIF(s.attainable, 0), 1),
           NULLIF(pg_catalog.concat_ws('; ',
               CASE WHEN s.attainable IS NULL THEN 'nothing was decided' END,
               CASE WHEN s.unknown > 0 THEN s.unknown || ' could not be checked' END,
               CASE WHEN s.manual > 0 THEN s.manual || ' to be looked at by people' END), '')
    FROM (
        SELECT COALESCE(h.category, 'overall') AS category,
               pg_catalog.count(*) FILTER (WHERE h.status = 'pass') AS passed,
               pg_catalog.count(*) FILTER (WHERE h.status = 'fail') AS failed,
               pg_catalog.count(*) FILTER (WHERE h.status = 'warn') AS warned,
               pg_catalog.count(*) FILTER (WHERE h.status = 'unknown') AS unknown,
               pg_catalog.count(*) FILTER (WHERE h.status = 'manual') AS manual,
               pg_catalog.count(*) FILTER (WHERE h.status = 'not_applicable') AS not_applicable,
               pg_catalog.sum(pggit_excellence._severity_weight(h.severity)
                              * CASE h.status WHEN 'pass' THEN 1 WHEN 'warn' THEN 0.5 ELSE 0 END)
                   FILTER (WHERE h.status IN ('pass', 'fail', 'warn')) AS attained,
               pg_catalog.sum(pggit_excellence._severity_weight(h.severity))
                   FILTER (WHERE h.status IN ('pass', 'fail', 'warn')) AS attainable
        FROM pggit_excellence.hardening_check(profile) AS h
        GROUP BY GROUPING SETS ((h.category), ())
    ) AS s
    ORDER BY s.category = 'overall', s.category COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.hardening_score(text) IS
    'hardening_check() added up: one row per category, and the row overall. score: 0 to 100, the weighted share of the decided checks that pass (critical 10, high 6, medium 3, low 1; a warning counts half), cut to one digit; NULL: nothing was decided. What is unknown, manual, not applicable or excluded does not count, and note says how much that is. PARALLEL UNSAFE as hardening_check().';
