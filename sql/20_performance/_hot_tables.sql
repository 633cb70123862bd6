-- Tables that are read by sequential scans over and over: at least 1,000 rows; at least 100 sequential scans that read a
-- tenth of the present rows on average (the table may have grown, and LIMIT 1 stops early) and, in all, a tenth of what the index scans fetched or
-- more (an index that serves by its first column only fetches a lot); and ten whole reads a day since the statistics count.
CREATE FUNCTION pggit_excellence._hot_tables(scope oid[])
RETURNS SETOF pggit_excellence._hot_table
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT t.oid, size.live_rows,
        pg_catalog.format('%s sequential scans since %s read %s rows each; the table has about %s rows', seq.scans,
            COALESCE(pg_catalog.date_trunc('second', s.since)::text, 'an unknown time'), seq.tuples / seq.scans, size.live_rows)
    FROM pggit_excellence._statistics_since() AS s (since)
    CROSS JOIN pg_catalog.pg_class AS t
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_stat_get_numscans(t.oid) AS scans, pg_catalog.pg_stat_get_tuples_returned(t.oid) AS tuples
    ) AS seq
    CROSS JOIN LATERAL (SELECT GREATEST(t.reltuples::bigint, pg_catalog.pg_stat_get_live_tuples(t.oid)) AS live_rows) AS size
    WHERE t.relkind IN ('r', 'm') AND t.relnamespace = ANY (scope)
      AND seq.scans >= 100 AND size.live_rows >= 1000
      AND seq.tuples / NULLIF(seq.scans, 0) >= size.live_rows / 10
      AND seq.tuples >= pg_catalog.pg_stat_get_tuples_fetched(t.oid) / 10
      AND seq.tuples >= 10 * size.live_rows * GREATEST(1,
          COALESCE(EXTRACT(epoch FROM pg_catalog.statement_timestamp() - s.since) / 86400, 1))
$body$;
COMMENT ON FUNCTION pggit_excellence._hot_tables(oid[]) IS
    'Internal: tables that are read mostly and often by sequential scans. Source: pg_stat_get_numscans and kin, as pg_stat_all_tables.';
