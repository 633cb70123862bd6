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
        -- Texts instead of names, which take 64 bytes each.
        SELECT i.indexrelid, i.indrelid, i.indisvalid, c.relkind, c.relpages,
            pg_catalog.format('%I.%I', n.nspname, t.relname) AS table_name,
            pg_catalog.format('%I.%I', n.nspname, c.relname) AS index_name,
            pg_catalog.pg_stat_get_numscans(i.indexrelid) AS scans
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
        JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('i', 'I') AND c.relnamespace = ANY (ARRAY(SELECT pg_catalog.unnest(scope.oids) FROM scope))
    ), table_use AS (
        -- All indexes of a table are in its schema, so the sum over the table is complete.
        SELECT w.indrelid, pg_catalog.pg_stat_get_numscans(w.indrelid) + sum(w.scans)::bigint AS scans
        FROM wanted AS w WHERE w.relkind = 'i' GROUP BY w.indrelid
    ), part AS (
        SELECT w.indexrelid AS whole_id, w.indexrelid AS part_id FROM wanted AS w WHERE w.relkind = 'I'
        UNION ALL
        SELECT p.whole_id, h.inhrelid FROM part AS p JOIN pg_catalog.pg_inherits AS h ON h.inhparent = p.part_id
    ), whole AS (
        SELECT p.whole_id, count(*) AS parts, sum(c.relpages) AS pages,
            sum(pg_catalog.pg_stat_get_numscans(i.indexrelid))::bigint AS scans,
            sum(pg_catalog.pg_stat_get_tuples_returned(i.indexrelid))::bigint AS rows_read,
            sum(pg_catalog.pg_stat_get_numscans(i.indrelid) + (
                SELECT sum(pg_catalog.pg_stat_get_numscans(beside.indexrelid))
                FROM pg_catalog.pg_index AS beside WHERE beside.indrelid = i.indrelid))::bigint AS table_scans
        FROM part AS p
        JOIN pg_catalog.pg_index AS i ON i.indexrelid = p.part_id
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i'
        GROUP BY p.whole_id
    ), counted AS (
        SELECT w.table_name, w.index_name, w.indisvalid, NULL::bigint AS parts, w.relpages::bigint AS pages,
            w.scans, pg_catalog.pg_stat_get_tuples_returned(w.indexrelid) AS rows_read, u.scans AS table_scans
        FROM wanted AS w
        JOIN table_use AS u ON u.indrelid = w.indrelid
        WHERE w.relkind = 'i'
        UNION ALL
        SELECT w.table_name, w.index_name, w.indisvalid, COALESCE(s.parts, 0), s.pages, s.scans, s.rows_read, s.table_scans
        FROM wanted AS w
        LEFT JOIN whole AS s ON s.whole_id = w.indexrelid
        WHERE w.relkind = 'I'
    )
    SELECT
        c.table_name,
        c.index_name,
        c.scans,
        c.rows_read,
        -- Most indexes of a large database are never scanned: no division for them.
        CASE WHEN c.scans > 0 THEN pg_catalog.round(100.0 * c.scans / NULLIF(c.table_scans, 0), 2) WHEN c.table_scans > 0 THEN 0.00 END,
        CASE WHEN c.scans > 0 THEN pg_catalog.round(c.rows_read::numeric / c.scans, 1) END,
        c.pages * server.block_size,
        pg_catalog.concat_ws('; ',
            CASE WHEN c.parts IS NOT NULL THEN pg_catalog.format('sum of %s partitions', c.parts) END,
            CASE WHEN NOT c.indisvalid THEN 'invalid: no query can use it' END,
            CASE WHEN NOT server.track_counts THEN 'track_counts is off'
                 WHEN COALESCE(c.table_scans, 0) = 0 THEN 'the table was not read since the statistics count'
                 WHEN c.scans = 0 THEN 'not used since the statistics count' END)
    FROM counted AS c
    CROSS JOIN (
        SELECT pg_catalog.current_setting('block_size')::bigint AS block_size, pg_catalog.current_setting('track_counts')::boolean AS track_counts
        OFFSET 0  -- read once, not for each index
    ) AS server
    ORDER BY c.table_name COLLATE "C", c.index_name COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.check_index_usage(text[]) IS
    'Use of each index since the statistics count. index_scans: scans started; rows_read: index entries returned; effectiveness: percent of all scans of its table (sequential ones included) that used this index, NULL where the table was not read; rows_per_scan: index entries per scan, NULL without scans; index_bytes: size at the last VACUUM or ANALYZE; note: why a value is NULL or 0, empty otherwise. All NULL for a partitioned index without partitions. schemas: NULL pgGit''s, {*} all. Source: pg_stat_get_numscans and kin, as pg_stat_all_indexes. Locks nothing.';
