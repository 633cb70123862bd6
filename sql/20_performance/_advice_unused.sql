-- Indexes that no scan used since the statistics count, although their table had traffic.
-- Left alone: what backs a constraint, enforces uniqueness, identifies rows for replication, orders the table for CLUSTER, belongs to a partitioned
-- index, or serves a foreign key (its scans come with the next delete in the other table).
CREATE FUNCTION pggit_excellence._advice_unused(scope oid[], min_statistics_age interval)
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT
        pg_catalog.format('unused:%I.%I', n.nspname, c.relname),
        'unused',
        CASE WHEN c.relpages >= 128 THEN 'warning' ELSE 'info' END,
        'likely',
        pg_catalog.format('%I.%I', n.nspname, t.relname),
        pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('0 scans of the index since %s; its table had %s scans and %s rows written; about %s kB',
            pg_catalog.date_trunc('second', s.since), traffic.scans, traffic.writes, c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint / 1024),
        'Drop it if no rare job (month end, reports) and no standby needs it: each standby counts its own scans.'
            || ' The catalogs do not tell when an index was made: is it new?'
            || CASE WHEN i.indexprs IS NOT NULL THEN ' The planner loses the statistics of its expression with it.' ELSE '' END
            || CASE WHEN pg_catalog.pg_is_in_recovery() THEN ' These numbers are a standby''s: look at the primary too.' ELSE '' END,
        pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname),
        pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid), '^CREATE INDEX ', 'CREATE INDEX CONCURRENTLY ')
    FROM pggit_excellence._statistics_since() AS s (since)
    CROSS JOIN pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        -- Building an index counts as a sequential scan of its table.
        SELECT GREATEST(0, pg_catalog.pg_stat_get_numscans(t.oid) - beside.builds) + beside.scans AS scans,
            pg_catalog.pg_stat_get_tuples_inserted(t.oid) + pg_catalog.pg_stat_get_tuples_updated(t.oid)
                + pg_catalog.pg_stat_get_tuples_deleted(t.oid) AS writes
        FROM (
            SELECT count(*) AS builds, sum(pg_catalog.pg_stat_get_numscans(other.indexrelid)) AS scans
            FROM pg_catalog.pg_index AS other WHERE other.indrelid = t.oid
        ) AS beside
    ) AS traffic
    WHERE s.since <= pg_catalog.statement_timestamp() - LEAST(min_statistics_age, '4000 years')
      AND c.relnamespace = ANY (scope) AND c.relkind = 'i' AND NOT c.relispartition
      AND i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion AND NOT i.indisreplident AND NOT i.indisclustered
      AND pg_catalog.pg_stat_get_numscans(i.indexrelid) = 0
      AND traffic.scans + traffic.writes > 0
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_constraint AS k
          WHERE k.conrelid = i.indrelid AND k.contype = 'f' AND k.conkey @> ARRAY[i.indkey[0]]
      )
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_unused(oid[], interval) IS
    'Internal: the part of index_advice() about indexes without a single scan. Source: pg_stat_get_numscans and kin, as pg_stat_all_indexes.';
