-- Indexes that equality lookups cannot use because the compared values carry another collation. The planner takes an
-- index only for comparisons under exactly its collation, even where both collations sort alike.
--   proved  the stored query or the foreign key says so (_comparisons_proved.sql)
--   likely  function bodies and sequential scans say so (_comparisons_likely.sql)
-- Silent once any index has the column under the comparison's collation, and for tables below 1,000 rows.
CREATE FUNCTION pggit_excellence._advice_collation(
    hot_tables pggit_excellence._hot_table[], compared_keys pggit_excellence._compared_key[]
)
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH compared_key AS MATERIALIZED (
        SELECT * FROM pg_catalog.unnest(compared_keys)
    ), mismatch AS MATERIALIZED (
        SELECT k.source, k.confidence, k.index_id, k.collation_id, pg_catalog.array_agg(DISTINCT k.attnum) AS columns
        FROM compared_key AS k
        WHERE k.collation_id <> 0 AND k.key_collation_id <> 0 AND k.key_collation_id <> k.collation_id
          AND NOT EXISTS (
              SELECT FROM compared_key AS served
              JOIN pg_catalog.pg_index AS i ON i.indexrelid = served.index_id
              JOIN pg_catalog.pg_index AS mine ON mine.indexrelid = k.index_id
              WHERE served.source = k.source AND served.table_id = k.table_id AND served.attnum = k.attnum
                AND served.key_collation_id = k.collation_id
                AND (i.indpred IS NULL OR pg_catalog.pg_get_expr(i.indpred, i.indrelid) = pg_catalog.pg_get_expr(mine.indpred, mine.indrelid)))
        GROUP BY k.source, k.confidence, k.index_id, k.collation_id
    ), finding AS (
        -- One index of the source is enough: the one with the most of its columns.
        SELECT m.index_id, m.collation_id, min(m.confidence) = 'likely' AS is_likely,
            pg_catalog.string_agg(DISTINCT m.source, '; ') AS sources,
            ARRAY(SELECT DISTINCT u.attnum FROM mismatch AS same
                  CROSS JOIN LATERAL pg_catalog.unnest(same.columns) AS u (attnum)
                  WHERE same.index_id = m.index_id AND same.collation_id = m.collation_id ORDER BY u.attnum) AS columns
        FROM mismatch AS m
        WHERE NOT EXISTS (
            SELECT FROM mismatch AS other
            WHERE other.source = m.source AND other.collation_id = m.collation_id AND other.index_id <> m.index_id
              AND other.columns @> m.columns AND (NOT m.columns @> other.columns OR other.index_id::pg_catalog.regclass::text COLLATE "C" < m.index_id::pg_catalog.regclass::text COLLATE "C"))
        GROUP BY m.index_id, m.collation_id
    )
    SELECT
        pg_catalog.format('collation:%I.%I:%I.%I', n.nspname, c.relname, cn.nspname, co.collname),
        'collation',
        'warning',
        CASE WHEN f.is_likely THEN 'likely' ELSE 'proved' END,
        pg_catalog.format('%I.%I', n.nspname, t.relname),
        pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('%s compared under collation %I.%I by %s', names.compared, cn.nspname, co.collname, f.sources)
            || COALESCE('; ' || (SELECT h.evidence FROM pg_catalog.unnest(hot_tables) AS h WHERE h.table_id = t.oid), ''),
        pg_catalog.format('Create a second index under collation %I.%I. The present one serves only comparisons under its own collation.',
                cn.nspname, co.collname)
            || CASE WHEN t.relkind = 'p' THEN ' CONCURRENTLY is not possible on a partitioned table: this blocks writes meanwhile.' ELSE '' END,
        pg_catalog.format('CREATE INDEX %s%I ON %I.%I USING %s (%s)%s', how.mode, names.new_index, n.nspname, t.relname,
            a.amname, names.keys, COALESCE(' WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), '')),
        pg_catalog.format('DROP INDEX %s%I.%I', how.mode, n.nspname, names.new_index)
    FROM finding AS f
    JOIN pg_catalog.pg_index AS i ON i.indexrelid = f.index_id
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
    JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_collation AS co ON co.oid = f.collation_id
    JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
    CROSS JOIN LATERAL (SELECT CASE WHEN t.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END) AS how (mode)
    CROSS JOIN LATERAL (
        SELECT
            pg_catalog.string_agg(p.name, ', ' ORDER BY p.n) FILTER (WHERE p.is_compared) AS compared,
            pg_catalog.string_agg(p.name || CASE
                WHEN p.is_compared THEN pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname)
                ELSE COALESCE((SELECT pg_catalog.format(' COLLATE %I.%I', kn.nspname, kc.collname)
                               FROM pg_catalog.pg_collation AS kc JOIN pg_catalog.pg_namespace AS kn ON kn.oid = kc.collnamespace
                               WHERE kc.oid = p.collation_id), '')
                    || COALESCE((SELECT pg_catalog.format(' %I.%I', kn.nspname, oc.opcname)
                                 FROM pg_catalog.pg_opclass AS oc JOIN pg_catalog.pg_namespace AS kn ON kn.oid = oc.opcnamespace
                                 WHERE oc.oid = p.opclass_id AND NOT oc.opcdefault), '')
                END || (ARRAY['', ' DESC NULLS LAST', ' NULLS FIRST', ' DESC'])[p.option + 1], ', ' ORDER BY p.n) AS keys,
            pggit_excellence._index_name(c.relname, co.collname) AS new_index
        FROM (
            SELECT g.n, pg_catalog.pg_get_indexdef(i.indexrelid, g.n + 1, false) AS name, i.indkey[g.n] = ANY (f.columns) AS is_compared,
                i.indcollation[g.n] AS collation_id, i.indclass[g.n] AS opclass_id, i.indoption[g.n] AS option
            FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS g (n)
        ) AS p
    ) AS names
    WHERE GREATEST(t.reltuples, pg_catalog.pg_stat_get_live_tuples(t.oid)) >= 1000 OR t.relkind = 'p'
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_collation(pggit_excellence._hot_table[], pggit_excellence._compared_key[]) IS
    'Internal: the part of index_advice() about indexes whose collation is not that of the comparisons. Source: pg_rewrite, pg_proc, pg_policy, pg_constraint, pg_index, pg_stat.';
