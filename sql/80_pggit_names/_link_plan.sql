-- The names that schema pggit gets, and what each should be: made from the functions and tables of this extension as
-- they are in the catalog now, so that a wrapper always has its core's arguments, defaults and columns.
--   position, name, kind   the name, in the order of the reports; kind: function or view
--   core                   the function, table or view that it stands for: of the same name, but for performance_metrics,
--                          which shows the sentinels' newest samples, too
--   identity               what ALTER, COMMENT and DROP call the wrapper; NULL: this installation lacks the core object
--   shape                  arguments, result and body that the wrapper must have, to tell an outdated one from a good one
--   definition             the statement that makes it
--   core_comment           the comment of the core object
-- One row per overload of a function, and one with NULLs for a name without core object.
CREATE FUNCTION pggit_excellence._link_plan()
RETURNS TABLE (
    "position" integer, name text, kind text, core text, identity text, shape text, definition text, core_comment text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 9
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
        WITH wanted AS (
            SELECT v."position", v.name, v.kind, CASE v.name WHEN 'performance_metrics' THEN 'all_samples' ELSE v.name END AS core
            FROM (VALUES
                (1, 'analyze_slow_queries', 'function'),
                (2, 'cache_hit_ratio', 'function'),
                (3, 'check_index_usage', 'function'),
                (4, 'connection_stats', 'function'),
                (5, 'health_check', 'function'),
                (6, 'system_overview', 'function'),
                (7, 'vacuum_health', 'function'),
                (8, 'performance_metrics', 'view'),
                (9, 'upgrade_log', 'view')
            ) AS v ("position", name, kind)
        ),
        core_function AS (
            SELECT p.oid, p.proname, p.provolatile, p.proparallel, p.proretset, p.prorows,
                   'pggit' || pg_catalog.substr(p.oid::regprocedure::text, pg_catalog.length('pggit_excellence') + 1) AS identity,
                   pg_catalog.pg_get_function_arguments(p.oid) AS arguments,
                   pg_catalog.pg_get_function_result(p.oid) AS result,
                   pg_catalog.format('SELECT * FROM pggit_excellence.%I(%s)', p.proname, (
                       SELECT pg_catalog.string_agg(
                                  CASE WHEN p.provariadic <> 0 AND n.number = p.pronargs THEN 'VARIADIC ' ELSE '' END
                                  || '$' || n.number, ', ' ORDER BY n.number)
                       FROM pg_catalog.generate_series(1, p.pronargs) AS n (number)
                   )) AS body
            FROM pg_catalog.pg_proc AS p
            WHERE p.pronamespace = 'pggit_excellence'::pg_catalog.regnamespace AND p.prokind = 'f'
              AND p.proname = ANY (ARRAY(SELECT w.core::name FROM wanted AS w))
        )
        SELECT w."position", w.name, w.kind, w.core,
               f.identity,
               pg_catalog.concat_ws(' -> ', f.arguments, f.result, f.body),
               pg_catalog.format(
                   'CREATE FUNCTION pggit.%I(%s) RETURNS %s LANGUAGE sql %s PARALLEL %s %sSET search_path = pg_catalog, pg_temp AS %L',
                   f.proname, f.arguments, f.result,
                   CASE f.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
                   CASE f.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END,
                   CASE WHEN f.proretset THEN 'ROWS ' || f.prorows || ' ' ELSE '' END,
                   f.body),
               pg_catalog.obj_description(f.oid, 'pg_proc')
        FROM wanted AS w
        JOIN core_function AS f ON f.proname = w.core
        WHERE w.kind = 'function'
        UNION ALL
        SELECT w."position", w.name, w.kind, w.core,
               pg_catalog.format('pggit.%I', w.name),
               (SELECT pg_catalog.string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
               pg_catalog.format('CREATE VIEW pggit.%I AS SELECT * FROM pggit_excellence.%I', w.name, w.core),
               pg_catalog.obj_description(c.oid, 'pg_class')
        FROM wanted AS w
        JOIN pg_catalog.pg_class AS c
          ON c.relname = w.core AND c.relkind IN ('r', 'p', 'v', 'm')
         AND c.relnamespace = 'pggit_excellence'::pg_catalog.regnamespace
        WHERE w.kind = 'view'
        UNION ALL
        SELECT w."position", w.name, w.kind, w.core, NULL, NULL, NULL, NULL
        FROM wanted AS w
        WHERE NOT EXISTS (SELECT FROM core_function AS f WHERE w.kind = 'function' AND f.proname = w.core)
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_class AS c
            WHERE w.kind = 'view' AND c.relname = w.core AND c.relkind IN ('r', 'p', 'v', 'm')
              AND c.relnamespace = 'pggit_excellence'::pg_catalog.regnamespace)
        ORDER BY 1, 5;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_plan() IS
    'Internal: the names that link_pggit() makes in schema pggit, with the definition of each. Source: pg_proc, pg_class.';
