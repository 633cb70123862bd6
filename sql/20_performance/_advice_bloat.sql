-- Btree indexes of at least 1 MB that are twice as large as their rows need, by estimate: from the planner's average
-- column widths, the number of rows and the fill factor. Deduplication makes an index smaller than the estimate thinks,
-- so what is reported is bloat, while some bloat of indexes with many equal keys goes unseen. No estimate is given for
-- tables: alignment and TOAST make it too wrong; vacuum_health() shows their dead rows.
CREATE FUNCTION pggit_excellence._advice_bloat(scope oid[])
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH large AS MATERIALIZED (
        SELECT i.indexrelid, i.indnatts, i.indisexclusion, n.nspname, t.relname AS table_name, c.relname, c.relpages, c.reltuples,
            pg_catalog.current_setting('block_size')::numeric AS block_size,
            COALESCE((SELECT o.option_value::integer FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
                      WHERE o.option_name = 'fillfactor'), 90) AS fillfactor
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i' AND c.relnamespace = ANY (scope)
        JOIN pg_catalog.pg_am AS a ON a.oid = c.relam AND a.amname = 'btree'
        JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relpages >= 128 AND i.indisvalid
    ), width AS (
        -- An expression's statistics are filed under the index's own column. The rows of a partial index may have no
        -- NULLs where the table has nothing else.
        SELECT l.indexrelid, sum(CASE WHEN i.indpred IS NULL THEN 1 - s.null_frac ELSE 1 END * s.avg_width) AS bytes, max(s.null_frac) > 0 AS has_nulls
        FROM large AS l
        JOIN pg_catalog.pg_index AS i ON i.indexrelid = l.indexrelid
        CROSS JOIN LATERAL pg_catalog.generate_series(0, l.indnatts - 1) AS p (n)
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = CASE i.indkey[p.n] WHEN 0 THEN i.indexrelid ELSE i.indrelid END
            AND a.attnum = CASE i.indkey[p.n] WHEN 0 THEN p.n + 1 ELSE i.indkey[p.n] END
        JOIN pg_catalog.pg_stats AS s
            ON s.schemaname = l.nspname AND s.attname = a.attname AND NOT s.inherited
            AND s.tablename = CASE i.indkey[p.n] WHEN 0 THEN l.relname ELSE l.table_name END
        GROUP BY l.indexrelid, l.indnatts HAVING count(*) = l.indnatts
    ), estimate AS (
        -- Per row: item pointer 4, tuple header 8 (16 with a null bitmap), data in steps of 8.
        -- Per page: header 24 and btree data 16 are lost, the rest is filled up to the fill factor.
        SELECT l.*, 1 + pg_catalog.ceil(l.reltuples::numeric
            * (4 + CASE WHEN w.has_nulls THEN 16 ELSE 8 END + pg_catalog.ceil(w.bytes::numeric / 8) * 8)
            / ((l.block_size - 40) * l.fillfactor / 100)) AS needed_pages
        FROM large AS l
        JOIN width AS w ON w.indexrelid = l.indexrelid
        WHERE l.reltuples >= 0
    )
    SELECT
        pg_catalog.format('bloat:%I.%I', e.nspname, e.relname),
        'bloat', 'warning', 'estimate',
        pg_catalog.format('%I.%I', e.nspname, e.table_name),
        pg_catalog.format('%I.%I', e.nspname, e.relname),
        pg_catalog.format('%s kB, of which about %s kB would do (estimate from column widths)',
            (e.relpages * e.block_size / 1024)::bigint, (e.needed_pages * e.block_size / 1024)::bigint),
        'Rebuild it when it is quiet; needs free disk for a second copy.'
            || CASE WHEN e.indisexclusion THEN ' CONCURRENTLY is not possible for an exclusion constraint: this blocks reads and writes meanwhile.' ELSE '' END
            || COALESCE((SELECT pg_catalog.format(' Measure first (reads the whole index): SELECT * FROM %I.pgstatindex(%L)',
                             xn.nspname, pg_catalog.format('%I.%I', e.nspname, e.relname))
                         FROM pg_catalog.pg_extension AS x JOIN pg_catalog.pg_namespace AS xn ON xn.oid = x.extnamespace
                         WHERE x.extname = 'pgstattuple'), ''),
        pg_catalog.format('REINDEX INDEX %s%I.%I', CASE WHEN e.indisexclusion THEN '' ELSE 'CONCURRENTLY ' END, e.nspname, e.relname),
        NULL
    FROM estimate AS e
    WHERE e.needed_pages * 2 <= e.relpages
    UNION ALL
    SELECT 'statistics:bloat', 'statistics', 'unknown', 'proved', NULL, NULL,
        pg_catalog.format('%s large btree indexes have no column statistics that %I may see', count(*), current_user),
        'Their bloat is not known. ANALYZE their tables; pg_stats shows statistics of readable tables only (pg_read_all_data helps).',
        NULL, NULL
    FROM large AS l
    WHERE l.indexrelid NOT IN (SELECT e.indexrelid FROM estimate AS e)
    HAVING count(*) > 0
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_bloat(oid[]) IS
    'Internal: the part of index_advice() about btree indexes far larger than their rows need, by estimate. Source: pg_class, pg_stats.';
