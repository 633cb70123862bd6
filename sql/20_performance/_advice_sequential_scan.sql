-- Tables that are read mostly by sequential scans (_hot_tables.sql). Where the bodies of trigger functions show a
-- compared column that no index begins with, one finding for each such column; else, from 10,000 rows on, plain advice.
CREATE FUNCTION pggit_excellence._advice_sequential_scan(
    hot_tables pggit_excellence._hot_table[], compared_keys pggit_excellence._compared_key[]
)
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH hot AS MATERIALIZED (
        SELECT h.table_id, h.live_rows, h.evidence, t.relname, n.nspname
        FROM pg_catalog.unnest(hot_tables) AS h
        JOIN pg_catalog.pg_class AS t ON t.oid = h.table_id
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    ), candidate AS MATERIALIZED (
        SELECT k.table_id, k.attnum, k.collation_id, pg_catalog.string_agg(DISTINCT k.source, '; ') AS sources
        FROM pg_catalog.unnest(compared_keys) AS k
        WHERE k.confidence = 'likely' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = k.table_id AND i.indkey[0] = k.attnum AND i.indisvalid AND i.indpred IS NULL)
        GROUP BY k.table_id, k.attnum, k.collation_id
        HAVING pg_catalog.bool_and(k.index_id IS NULL)
    )
    SELECT
        pg_catalog.format('sequential_scan:%I.%I.%I', hot.nspname, hot.relname, a.attname),
        'sequential_scan', 'warning', 'likely',
        pg_catalog.format('%I.%I', hot.nspname, hot.relname),
        NULL,
        pg_catalog.format('%s; %I is compared by %s and no index begins with it', hot.evidence, a.attname, c.sources),
        'Create the index. The counts stay as they are until pg_stat_reset_single_table_counters().',
        pg_catalog.format('CREATE INDEX CONCURRENTLY %I ON %I.%I (%I%s)', wanted.name, hot.nspname, hot.relname, a.attname, wanted.collation),
        pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', hot.nspname, wanted.name)
    FROM hot
    JOIN candidate AS c ON c.table_id = hot.table_id
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.table_id AND a.attnum = c.attnum
    LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = c.collation_id AND co.oid <> a.attcollation
    LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
    CROSS JOIN LATERAL (SELECT
        CASE WHEN co.oid IS NULL THEN '' ELSE pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname) END AS collation,
        pggit_excellence._index_name(hot.relname, a.attname, co.collname) AS name
    ) AS wanted
    UNION ALL
    SELECT
        pg_catalog.format('sequential_scan:%s', r.name),
        'sequential_scan', CASE WHEN r.served THEN 'info' ELSE 'warning' END, 'likely',
        r.name,
        NULL,
        r.evidence,
        CASE WHEN r.served
            THEN 'Every column that trigger functions are seen to compare has its index: the counts may be from before. '
                || 'Set them to zero, and look again after some DDL.'
            ELSE 'Find the statements that read it (slow_statements(), pg_stat_statements) and index what they compare. '
                || 'The counts stay as they are until pg_stat_reset_single_table_counters().'
        END,
        CASE WHEN r.served
            THEN pg_catalog.format('SELECT pg_catalog.pg_stat_reset_single_table_counters(%L::pg_catalog.regclass)', r.name) END,
        NULL
    FROM (
        SELECT pg_catalog.format('%I.%I', hot.nspname, hot.relname) AS name, hot.evidence,
            hot.table_id IN (SELECT k.table_id FROM pg_catalog.unnest(compared_keys) AS k WHERE k.confidence = 'likely') AS served
        FROM hot
        WHERE hot.live_rows >= 10000 AND hot.table_id NOT IN (SELECT c.table_id FROM candidate AS c)
    ) AS r
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_sequential_scan(pggit_excellence._hot_table[], pggit_excellence._compared_key[]) IS
    'Internal: the part of index_advice() about tables that are read mostly by sequential scans. Source: pg_stat_get_numscans and kin, pg_proc.prosrc.';
