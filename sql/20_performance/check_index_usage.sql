-- How much each index is used. A partitioned index has no counts of its own: its row sums up its partitions' indexes,
-- which are listed too.
CREATE FUNCTION pggit_excellence.check_index_usage(schemas text[] DEFAULT NULL)
RETURNS TABLE (
    table_name text, index_name text, index_scans bigint, rows_read bigint, effectiveness numeric,
    rows_per_scan numeric, index_bytes bigint, note text
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off  -- compiling these queries takes longer than running them
AS $body$
    WITH RECURSIVE scope AS MATERIALIZED (
        SELECT pggit_excellence._scope(schemas) AS oids
    ), wanted AS MATERIALIZED (
        SELECT i.indexrelid, i.indrelid, i.indisvalid, n.nspname, c.relname, c.relkind, t.relname AS table_name, tn.nspname AS table_schema
        FROM scope
        JOIN pg_catalog.pg_class AS c ON c.relnamespace = ANY (scope.oids) AND c.relkind IN ('i', 'I')
        JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
        JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
    ), part AS (
        SELECT w.indexrelid AS whole_id, w.indexrelid AS part_id FROM wanted AS w
        UNION ALL
        SELECT p.whole_id, h.inhrelid FROM part AS p JOIN pg_catalog.pg_inherits AS h ON h.inhparent = p.part_id
    ), leaf AS MATERIALIZED (
        SELECT p.whole_id, i.indrelid, c.relpages,
            pg_catalog.pg_stat_get_numscans(i.indexrelid) AS scans,
            pg_catalog.pg_stat_get_tuples_returned(i.indexrelid) AS rows_read
        FROM part AS p
        JOIN pg_catalog.pg_index AS i ON i.indexrelid = p.part_id
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i'
    ), table_scans AS MATERIALIZED (
        SELECT t.indrelid, pg_catalog.pg_stat_get_numscans(t.indrelid) + sum(pg_catalog.pg_stat_get_numscans(i.indexrelid)) AS scans
        FROM (SELECT DISTINCT l.indrelid FROM leaf AS l) AS t
        JOIN pg_catalog.pg_index AS i ON i.indrelid = t.indrelid
        GROUP BY t.indrelid
    ), total AS (
        SELECT l.whole_id, count(*) AS parts, sum(l.scans)::bigint AS scans, sum(l.rows_read)::bigint AS rows_read,
            sum(s.scans) AS table_scans, sum(l.relpages)::bigint AS pages
        FROM leaf AS l
        JOIN table_scans AS s ON s.indrelid = l.indrelid
        GROUP BY l.whole_id
    )
    SELECT
        pg_catalog.format('%I.%I', w.table_schema, w.table_name),
        pg_catalog.format('%I.%I', w.nspname, w.relname),
        total.scans,
        total.rows_read,
        pg_catalog.round(100.0 * total.scans / NULLIF(total.table_scans, 0), 2),
        pg_catalog.round(total.rows_read::numeric / NULLIF(total.scans, 0), 1),
        total.pages * pg_catalog.current_setting('block_size')::bigint,
        pg_catalog.concat_ws('; ',
            CASE WHEN w.relkind = 'I' THEN pg_catalog.format('sum of %s partitions', COALESCE(total.parts, 0)) END,
            CASE WHEN NOT w.indisvalid THEN 'invalid: no query can use it' END,
            CASE WHEN NOT pg_catalog.current_setting('track_counts')::boolean THEN 'track_counts is off'
                 WHEN COALESCE(total.table_scans, 0) = 0 THEN 'the table was not read since the statistics count'
                 WHEN total.scans = 0 THEN 'not used since the statistics count' END)
    FROM wanted AS w
    LEFT JOIN total ON total.whole_id = w.indexrelid
    ORDER BY w.table_schema, w.table_name, w.nspname, w.relname
$body$;
COMMENT ON FUNCTION pggit_excellence.check_index_usage(text[]) IS
    'Use of each index since the statistics count. index_scans: scans started; rows_read: index entries returned; effectiveness: percent of all scans of its table (sequential ones included) that used this index, NULL where the table was not read; rows_per_scan: index entries per scan, NULL without scans; index_bytes: size at the last VACUUM or ANALYZE; note: why a value is NULL or 0, empty otherwise. All NULL for a partitioned index without partitions. schemas: NULL pgGit''s, {*} all. Source: pg_stat_get_numscans and kin, as pg_stat_all_indexes. Locks nothing.';
