-- What is compared, in the order in which it is shown.
CREATE FUNCTION pggit_excellence._tracking_types()
RETURNS TABLE ("position" bigint, object_type text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 14
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT t."position", t.name
    FROM pg_catalog.unnest(ARRAY['SCHEMA', 'TABLE', 'COLUMN', 'CONSTRAINT', 'INDEX', 'VIEW', 'MATERIALIZED_VIEW', 'SEQUENCE',
                                 'FUNCTION', 'PROCEDURE', 'TYPE', 'TRIGGER', 'POLICY', 'RULE'])
        WITH ORDINALITY AS t (name, "position")
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_types() IS 'Internal: the object types of tracking_coverage(), in its order.';

-- How complete pgGit's records are: the SLI "completeness", by object type.
CREATE FUNCTION pggit_excellence.tracking_coverage()
RETURNS TABLE (
    object_type text, in_catalog bigint, tracked bigint, missed bigint, stale bigint, wrong_name bigint,
    coverage_percent numeric, note text
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 14
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    obstacle text := pggit_excellence._health_obstacle();
BEGIN
    IF obstacle IS NOT NULL THEN
        note := obstacle;
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT k.object_type, COALESCE(c.in_catalog, 0), COALESCE(c.tracked, 0), COALESCE(c.missed, 0), COALESCE(c.stale, 0),
           COALESCE(c.wrong_name, 0), pg_catalog.round(100.0 * c.tracked / NULLIF(c.in_catalog, 0), 2),
           NULLIF(pg_catalog.concat_ws('; ',
               CASE WHEN COALESCE(c.in_catalog, 0) = 0 THEN 'there are none' END,
               CASE WHEN c.in_catalog > 0 AND c.missed = c.in_catalog THEN 'not one is recorded' END,
               CASE WHEN c.by_number > 0 THEN pg_catalog.format('%s recorded under a number', c.by_number) END,
               CASE WHEN c.stale > 0 THEN 'stale: recorded as active, and dropped, renamed or moved since' END), '')
    FROM pggit_excellence._tracking_types() AS k
    LEFT JOIN (
        SELECT m.object_type,
               pg_catalog.count(*) FILTER (WHERE m.verdict <> 'stale') AS in_catalog,
               pg_catalog.count(*) FILTER (WHERE m.verdict = 'tracked') AS tracked,
               pg_catalog.count(*) FILTER (WHERE m.verdict = 'missed') AS missed,
               pg_catalog.count(*) FILTER (WHERE m.verdict = 'stale') AS stale,
               pg_catalog.count(*) FILTER (WHERE m.verdict = 'wrong name') AS wrong_name,
               pg_catalog.count(*) FILTER (WHERE m.verdict = 'wrong name' AND m.recorded_as ~ '^[0-9]+$') AS by_number
        FROM pggit_excellence._tracking_matches() AS m
        GROUP BY m.object_type
    ) AS c ON c.object_type = k.object_type
    ORDER BY k."position";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.tracking_coverage() IS
    'How complete pggit.objects is, per object type: in_catalog (objects of the user''s schemas, without those of extensions) = tracked (recorded as active under its name, on any branch) + missed + wrong_name (recorded under a number, or with its schema in its name); stale: recorded as active on branch main and not in the catalog. coverage_percent is tracked of in_catalog; NULL: there are none. One row of NULLs with a note where pgGit cannot be read. What can pass unrecorded: tracking_bypasses(); names: tracking_gaps(). Takes a second or two at 10,000 tables; locks nothing beyond reading. Source: catalogs, pggit.objects.';
