-- What is installed here and how large it is: one row per fact, in a fixed order.

-- The facts that need pgGit's tables; called only where they are there and may be read.
CREATE FUNCTION pggit_excellence._overview_pggit()
RETURNS TABLE (fact text, value text, note text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    history_rows bigint := (SELECT c.reltuples::bigint FROM pg_catalog.pg_class AS c WHERE c.oid = 'pggit.history'::regclass);
BEGIN
    RETURN QUERY
        SELECT 'tracked objects: ' || o.object_type::text, pg_catalog.count(*)::text, 'active objects, all branches'
        FROM pggit.objects AS o
        WHERE o.is_active
        GROUP BY o.object_type::text
        ORDER BY o.object_type::text COLLATE "C";
    RETURN QUERY
        SELECT 'history rows', NULLIF(history_rows, -1)::text,
               CASE WHEN history_rows = -1 THEN 'not known before the first ANALYZE pggit.history'
                    ELSE 'estimate of the last VACUUM or ANALYZE' END;
    RETURN QUERY
        SELECT 'last change', (SELECT h.created_at::timestamptz FROM pggit.history AS h ORDER BY h.id DESC LIMIT 1)::text,
               'newest row of pggit.history; NULL: none';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._overview_pggit() IS 'Internal: the facts of system_overview() that come from pgGit''s tables.';

CREATE FUNCTION pggit_excellence.system_overview()
RETURNS TABLE (fact text, value text, note text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 25
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    obstacle text := pggit_excellence._health_obstacle();
BEGIN
    RETURN QUERY
        SELECT 'PostgreSQL version', pg_catalog.current_setting('server_version'), NULL
        UNION ALL
        SELECT 'pggit_excellence version', pggit_excellence.version(),
               CASE WHEN pggit_excellence.version() IS NULL THEN 'installed with psql, which keeps no version' END
        UNION ALL
        SELECT 'pgGit version', (SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pggit'),
               CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'pgGit is not installed in this database'
                    WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pggit')
                    THEN 'installed with psql, which keeps no version' END;
    RETURN QUERY
        SELECT 'size of ' || c.label, CASE WHEN c.size IS NOT NULL THEN pg_catalog.pg_size_pretty(c.size) END,
               CASE WHEN c.size IS NULL THEN 'there is no such table' ELSE c.size || ' bytes, indexes and TOAST included' END
        FROM (
            SELECT 'pggit.' || t.name AS label,
                   -- A partitioned table has no file of its own, an ordinary one no partition tree.
                   COALESCE((SELECT sum(pg_catalog.pg_total_relation_size(p.relid))::bigint
                             FROM pg_catalog.pg_partition_tree(pggit_excellence._pggit_table(t.name)) AS p),
                            pg_catalog.pg_total_relation_size(pggit_excellence._pggit_table(t.name))) AS size
            FROM pg_catalog.unnest(ARRAY['objects', 'history']) AS t (name)
        ) AS c
        ORDER BY c.label DESC;
    IF obstacle IS NULL THEN
        RETURN QUERY SELECT p.fact, p.value, p.note FROM pggit_excellence._overview_pggit() AS p;
    ELSE
        RETURN QUERY
            SELECT u.fact, NULL::text, obstacle
            FROM pg_catalog.unnest(ARRAY['tracked objects', 'history rows', 'last change']) AS u (fact);
    END IF;
    RETURN QUERY
        SELECT 'trigger ' || t.trigger_name, t.state, t.event || ', calls ' || t.function_name
        FROM pggit_excellence._tracking_triggers() AS t
        WHERE pg_catalog.to_regnamespace('pggit') IS NOT NULL
        ORDER BY t.event, t.trigger_name;
    RETURN QUERY
        SELECT 'names in schema pggit', pg_catalog.count(DISTINCT l.name) FILTER (WHERE l.ours)::text,
               CASE WHEN pg_catalog.count(*) FILTER (WHERE NOT l.ours) > 0
                    THEN 'also there, not ours: ' || pg_catalog.string_agg(DISTINCT l.identity, ', ') FILTER (WHERE NOT l.ours) END
        FROM pggit_excellence._link_present() AS l;
    RETURN QUERY
        SELECT 'database size',
               CASE WHEN d.readable THEN pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(pg_catalog.current_database())) END,
               CASE WHEN NOT d.readable THEN 'needs CONNECT on the database or pg_read_all_stats' END
        FROM (SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CONNECT')
                  OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS readable) AS d
        UNION ALL
        SELECT 'server up since', pg_catalog.pg_postmaster_start_time()::text, NULL
        UNION ALL
        SELECT 'role of the server', CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'standby' ELSE 'primary' END, NULL;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.system_overview() IS
    'What is installed and how large it is, one row per fact: versions, sizes, tracked objects by type, history, triggers, names in schema pggit, server. value is NULL where the note says why. Locks nothing beyond reading.';
