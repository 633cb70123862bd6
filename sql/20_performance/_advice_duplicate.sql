-- Indexes that another index of the table makes superfluous.
--   duplicate  the other one has the same key columns, in the same order
--   redundant  the other one begins with these key columns, or has more INCLUDE columns
-- Same means: column or expression, operator class with its parameters, collation, ASC/DESC and NULLS, predicate, access method. What backs
-- a constraint or identifies rows for replication stays; a unique index yields only to a unique one on the same keys.
CREATE FUNCTION pggit_excellence._advice_duplicate(scope oid[])
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH several AS MATERIALIZED (
        -- Only tables where two indexes begin with the same column (0: an expression): few, so the scope can wait.
        SELECT i.indrelid, i.indkey[0] AS first_column
        FROM pg_catalog.pg_index AS i
        GROUP BY i.indrelid, i.indkey[0] HAVING count(*) > 1
    ), described AS MATERIALIZED (
        SELECT
            i.indexrelid, i.indrelid, i.indisunique, i.indimmediate, n.nspname, c.relname, a.amname,
            COALESCE(pg_catalog.array_to_string(c.reloptions, ','), '') AS options,
            COALESCE(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
            COALESCE(pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct', 'false') AS nulls_not_distinct,
            i.indisprimary OR i.indisexclusion OR i.indisreplident OR i.indisclustered OR c.relispartition
                OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid) AS is_needed,
            ARRAY(
                SELECT pg_catalog.concat_ws(' ', pg_catalog.pg_get_indexdef(i.indexrelid, p.n + 1, false),
                    i.indclass[p.n], i.indcollation[p.n], i.indoption[p.n],
                    (SELECT a.attoptions FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = i.indexrelid AND a.attnum = p.n + 1))
                FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS p (n) ORDER BY p.n
            ) AS keys,
            ARRAY(
                SELECT i.indkey[p.n] FROM pg_catalog.generate_series(0, i.indnatts - 1) AS p (n)
                WHERE i.indkey[p.n] <> 0
            ) AS columns,
            ARRAY(SELECT i.indkey[p.n] FROM pg_catalog.generate_series(i.indnkeyatts, i.indnatts - 1) AS p (n)) AS included
        FROM several AS s
        JOIN pg_catalog.pg_index AS i ON i.indrelid = s.indrelid AND i.indkey[0] = s.first_column
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.relnamespace = ANY (scope)
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
        WHERE i.indisvalid AND i.indisready
    ), covered AS (
        SELECT
            spare.indexrelid AS spare_id, kept.indexrelid AS kept_id,
            spare.keys = kept.keys AND spare.included <@ kept.included AND kept.included <@ spare.included AS same
        FROM described AS spare
        JOIN described AS kept ON kept.indrelid = spare.indrelid AND kept.indexrelid <> spare.indexrelid
        WHERE NOT spare.is_needed
          AND kept.amname = spare.amname AND kept.predicate = spare.predicate
          AND (kept.keys = spare.keys
              OR spare.amname = 'btree' AND kept.keys[:pg_catalog.cardinality(spare.keys)] = spare.keys)
          AND spare.included <@ kept.columns
          AND (spare.amname = 'btree' OR kept.options = spare.options)
          AND (NOT spare.indisunique OR kept.indisunique AND kept.indimmediate AND kept.keys = spare.keys
              AND kept.nulls_not_distinct = spare.nulls_not_distinct)
    )
    SELECT DISTINCT ON (spare.nspname, spare.relname)
        pg_catalog.format('duplicate:%I.%I', spare.nspname, spare.relname),
        CASE WHEN pair.same THEN 'duplicate' ELSE 'redundant' END,
        'warning',
        'proved',
        pg_catalog.format('%I.%I', spare.nspname, t.relname),
        pg_catalog.format('%I.%I', spare.nspname, spare.relname),
        pg_catalog.format(CASE WHEN pair.same THEN 'same as %I.%I: %s' ELSE 'covered by %I.%I: %s' END,
            kept.nspname, kept.relname, pg_catalog.pg_get_indexdef(kept.indexrelid)),
        pg_catalog.format('Drop it: whatever it serves, %I.%I serves too.', kept.nspname, kept.relname)
            || CASE WHEN pair.same THEN '' ELSE ' The other one is wider, so scans of many rows read somewhat more of it.' END,
        pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', spare.nspname, spare.relname),
        pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(spare.indexrelid), '^CREATE (UNIQUE )?INDEX ', 'CREATE \1INDEX CONCURRENTLY ')
    FROM covered AS pair
    JOIN described AS spare ON spare.indexrelid = pair.spare_id
    JOIN described AS kept ON kept.indexrelid = pair.kept_id
    JOIN pg_catalog.pg_class AS t ON t.oid = spare.indrelid
    WHERE t.relkind <> 'p'
      -- Of two that cover each other, the one later by name goes.
      AND (spare.relname > kept.relname
          OR NOT EXISTS (SELECT FROM covered AS back WHERE back.spare_id = kept.indexrelid AND back.kept_id = spare.indexrelid))
    -- Prefer to name a keeper that stays itself.
    ORDER BY spare.nspname, spare.relname, kept.is_needed DESC, pg_catalog.cardinality(kept.keys) DESC,
        pg_catalog.cardinality(kept.included) DESC, kept.relname
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_duplicate(oid[]) IS
    'Internal: the part of index_advice() about indexes that another index of the same table makes superfluous. Source: pg_index.';
