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
        SELECT i.indexrelid, i.indrelid, i.indisvalid, n.nspname, t.relname AS table_name, c.relname, c.relkind, c.relpages
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
        JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('i', 'I') AND c.relnamespace = ANY (ARRAY(SELECT pg_catalog.unnest(scope.oids) FROM scope))
    ), part AS (
        SELECT w.indexrelid AS whole_id, w.indexrelid AS part_id FROM wanted AS w WHERE w.relkind = 'I'
        UNION ALL
        SELECT p.whole_id, h.inhrelid FROM part AS p JOIN pg_catalog.pg_inherits AS h ON h.inhparent = p.part_id
    ), counted AS (
        -- All indexes of a table are in its schema, so the sum over the table is complete.
        SELECT u.indexrelid, NULL::bigint AS parts, u.relpages::bigint AS pages, u.scans, u.rows_read,
            u.sequential_scans + sum(u.scans) OVER (PARTITION BY u.indrelid) AS table_scans
        FROM (
            SELECT w.indexrelid, w.indrelid, w.relpages,
                pg_catalog.pg_stat_get_numscans(w.indexrelid) AS scans,
                pg_catalog.pg_stat_get_tuples_returned(w.indexrelid) AS rows_read,
                pg_catalog.pg_stat_get_numscans(w.indrelid) AS sequential_scans
            FROM wanted AS w WHERE w.relkind = 'i'
        ) AS u
        UNION ALL
        SELECT p.whole_id, count(*), sum(c.relpages), sum(pg_catalog.pg_stat_get_numscans(i.indexrelid))::bigint,
            sum(pg_catalog.pg_stat_get_tuples_returned(i.indexrelid))::bigint,
            sum(pg_catalog.pg_stat_get_numscans(i.indrelid) + (
                SELECT sum(pg_catalog.pg_stat_get_numscans(beside.indexrelid))
                FROM pg_catalog.pg_index AS beside WHERE beside.indrelid = i.indrelid))
        FROM part AS p
        JOIN pg_catalog.pg_index AS i ON i.indexrelid = p.part_id
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i'
        GROUP BY p.whole_id
    )
    SELECT
        pg_catalog.format('%I.%I', w.nspname, w.table_name),
        pg_catalog.format('%I.%I', w.nspname, w.relname),
        c.scans,
        c.rows_read,
        pg_catalog.round(100.0 * c.scans / NULLIF(c.table_scans, 0), 2),
        pg_catalog.round(c.rows_read::numeric / NULLIF(c.scans, 0), 1),
        c.pages * pg_catalog.current_setting('block_size')::bigint,
        pg_catalog.concat_ws('; ',
            CASE WHEN w.relkind = 'I' THEN pg_catalog.format('sum of %s partitions', COALESCE(c.parts, 0)) END,
            CASE WHEN NOT w.indisvalid THEN 'invalid: no query can use it' END,
            CASE WHEN NOT pg_catalog.current_setting('track_counts')::boolean THEN 'track_counts is off'
                 WHEN COALESCE(c.table_scans, 0) = 0 THEN 'the table was not read since the statistics count'
                 WHEN c.scans = 0 THEN 'not used since the statistics count' END)
    FROM wanted AS w
    LEFT JOIN counted AS c ON c.indexrelid = w.indexrelid
    ORDER BY w.nspname, w.table_name, w.relname
$body$;
COMMENT ON FUNCTION pggit_excellence.check_index_usage(text[]) IS
    'Use of each index since the statistics count. index_scans: scans started; rows_read: index entries returned; effectiveness: percent of all scans of its table (sequential ones included) that used this index, NULL where the table was not read; rows_per_scan: index entries per scan, NULL without scans; index_bytes: size at the last VACUUM or ANALYZE; note: why a value is NULL or 0, empty otherwise. All NULL for a partitioned index without partitions. schemas: NULL pgGit''s, {*} all. Source: pg_stat_get_numscans and kin, as pg_stat_all_indexes. Locks nothing.';
