-- Indexes that no scan used since the statistics count, although their table had traffic.
-- Left alone: what backs a constraint, enforces uniqueness, identifies rows for replication, orders the table for
-- CLUSTER, belongs to a partitioned index, or serves a foreign key (its scans come with the next delete in the other
-- table).
CREATE FUNCTION pggit_excellence._advice_unused(scope oid[], min_statistics_age interval)
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH candidate AS MATERIALIZED (
        SELECT s.since, i.indexrelid, i.indrelid, i.indexprs IS NOT NULL AS has_expression, c.relpages,
            pg_catalog.format('%I.%I', n.nspname, t.relname) AS table_name,
            pg_catalog.format('%I.%I', n.nspname, c.relname) AS index_name
        FROM pggit_excellence._statistics_since() AS s (since)
        CROSS JOIN pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE s.since <= pg_catalog.statement_timestamp() - LEAST(min_statistics_age, '4000 years')
          AND c.relnamespace = ANY (scope) AND c.relkind = 'i' AND NOT c.relispartition
          AND i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion AND NOT i.indisreplident AND NOT i.indisclustered
          AND pg_catalog.pg_stat_get_numscans(i.indexrelid) = 0
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid)
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_constraint AS k
              WHERE k.conrelid = i.indrelid AND k.contype = 'f' AND k.conkey @> ARRAY[i.indkey[0]]
          )
    ), traffic AS (
        -- Building an index counts as a sequential scan of its table.
        SELECT i.indrelid,
            GREATEST(0, pg_catalog.pg_stat_get_numscans(i.indrelid) - count(*))
                + sum(pg_catalog.pg_stat_get_numscans(i.indexrelid)) AS scans,
            pg_catalog.pg_stat_get_tuples_inserted(i.indrelid) + pg_catalog.pg_stat_get_tuples_updated(i.indrelid)
                + pg_catalog.pg_stat_get_tuples_deleted(i.indrelid) AS writes
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid IN (SELECT c.indrelid FROM candidate AS c)
        GROUP BY i.indrelid
    )
    SELECT
        'unused:' || c.index_name,
        'unused',
        CASE WHEN c.relpages >= 128 THEN 'warning' ELSE 'info' END,
        'likely',
        c.table_name,
        c.index_name,
        pg_catalog.format('0 scans of the index since %s; its table had %s scans and %s rows written; about %s kB',
            pg_catalog.date_trunc('second', c.since), traffic.scans, traffic.writes, c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint / 1024),
        'Drop it if no rare job (month end, reports) and no standby needs it: each standby counts its own scans.'
            || ' The catalogs do not tell when an index was made: is it new?'
            || CASE WHEN c.has_expression THEN ' The planner loses the statistics of its expression with it.' ELSE '' END
            || CASE WHEN pg_catalog.pg_is_in_recovery() THEN ' These numbers are a standby''s: look at the primary too.' ELSE '' END,
        'DROP INDEX CONCURRENTLY ' || c.index_name,
        -- The definition of an index that is not unique begins with CREATE INDEX.
        'CREATE INDEX CONCURRENTLY' || pg_catalog.substr(pg_catalog.pg_get_indexdef(c.indexrelid), pg_catalog.length('CREATE INDEX '))
    FROM candidate AS c
    JOIN traffic ON traffic.indrelid = c.indrelid
    WHERE traffic.scans + traffic.writes > 0
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_unused(oid[], interval) IS
    'Internal: the part of index_advice() about indexes without a single scan. Source: pg_stat_get_numscans and kin, as pg_stat_all_indexes.';
