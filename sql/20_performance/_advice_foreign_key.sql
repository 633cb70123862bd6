-- Foreign keys whose referencing columns have no usable index: every DELETE or key UPDATE in the referenced table reads
-- the whole referencing one.
-- Usable: valid; btree (or hash for one column); its first columns are the key's, in any order; the operator class knows
-- the key's operator; no predicate but IS NOT NULL on the key's columns. An index that differs in the collation only is
-- the matter of the kind "collation".
CREATE FUNCTION pggit_excellence._advice_foreign_key(scope oid[])
RETURNS SETOF pggit_excellence._finding
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH fk AS MATERIALIZED (
        SELECT k.oid AS fk_id, k.conname, k.conrelid, k.confrelid, k.conkey, k.confkey, k.conpfeqop,
            t.relname, t.relkind, t.reltuples, n.nspname
        FROM pg_catalog.pg_constraint AS k
        JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid AND t.relnamespace = ANY (scope)
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE k.contype = 'f' AND k.conparentid = 0
    ), fk_column AS MATERIALIZED (
        -- equality: as the index sees it, with the referencing column on the left.
        SELECT fk.fk_id, u.position, u.attnum, o.oprcom AS equality, own.attname,
            NULLIF(other.attcollation, own.attcollation) AS other_collation
        FROM fk
        CROSS JOIN LATERAL ROWS FROM (
            pg_catalog.unnest(fk.conkey), pg_catalog.unnest(fk.confkey), pg_catalog.unnest(fk.conpfeqop)
        ) WITH ORDINALITY AS u (attnum, other_attnum, operator_id, position)
        JOIN pg_catalog.pg_attribute AS own ON own.attrelid = fk.conrelid AND own.attnum = u.attnum
        JOIN pg_catalog.pg_attribute AS other ON other.attrelid = fk.confrelid AND other.attnum = u.other_attnum
        JOIN pg_catalog.pg_operator AS o ON o.oid = u.operator_id
    ), supported AS MATERIALIZED (
        SELECT fk.fk_id
        FROM fk
        JOIN pg_catalog.pg_index AS i ON i.indrelid = fk.conrelid
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
        CROSS JOIN LATERAL (SELECT pg_catalog.cardinality(fk.conkey) AS n) AS width
        WHERE i.indisvalid AND i.indnkeyatts >= width.n
          AND (a.amname = 'btree' OR a.amname = 'hash' AND width.n = 1)
          AND (SELECT count(*) FROM fk_column AS f WHERE f.fk_id = fk.fk_id AND EXISTS (
                  SELECT FROM pg_catalog.generate_series(0, width.n - 1) AS p (n)
                  JOIN pg_catalog.pg_opclass AS oc ON oc.oid = i.indclass[p.n]
                  JOIN pg_catalog.pg_amop AS ao ON ao.amopfamily = oc.opcfamily AND ao.amopopr = f.equality
                  WHERE i.indkey[p.n] = f.attnum)) = width.n
          AND (i.indpred IS NULL OR pg_catalog.string_to_array(
                  pg_catalog.translate(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '()', ''), ' AND ')
              <@ ARRAY(SELECT pg_catalog.quote_ident(f.attname) || ' IS NOT NULL' FROM fk_column AS f WHERE f.fk_id = fk.fk_id))
    )
    SELECT
        pg_catalog.format('foreign_key:%I.%I.%I', fk.nspname, fk.relname, fk.conname),
        'foreign_key',
        CASE WHEN fk.reltuples >= 10000 THEN 'warning' ELSE 'info' END,
        'proved',
        pg_catalog.format('%I.%I', fk.nspname, fk.relname),
        NULL,
        pg_catalog.format('constraint %I, %s: no index begins with its columns; %s', fk.conname,
            pg_catalog.pg_get_constraintdef(fk.fk_id),
            CASE WHEN fk.reltuples < 0 THEN 'the table has never been analyzed' ELSE 'about ' || fk.reltuples::bigint || ' rows' END),
        'Create the index, or exclude the finding if rows of the referenced table are never deleted and their keys never change.'
            || CASE WHEN fk.relkind = 'p' THEN ' CONCURRENTLY is not possible on a partitioned table: this blocks writes meanwhile.' ELSE '' END,
        pg_catalog.format('CREATE INDEX %s%I ON %I.%I (%s)', CASE WHEN fk.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END,
            pggit_excellence._index_name(fk.relname, fk.conname), fk.nspname, fk.relname, wanted.columns),
        pg_catalog.format('DROP INDEX %s%I.%I', CASE WHEN fk.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END,
            fk.nspname, pggit_excellence._index_name(fk.relname, fk.conname))
    FROM fk
    CROSS JOIN LATERAL (
        SELECT pg_catalog.string_agg(
            pg_catalog.quote_ident(f.attname) || COALESCE(pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname), ''),
            ', ' ORDER BY f.position) AS columns
        FROM fk_column AS f
        LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = f.other_collation
        LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
        WHERE f.fk_id = fk.fk_id
    ) AS wanted
    WHERE fk.fk_id NOT IN (SELECT s.fk_id FROM supported AS s)
      -- The period of a temporal key is not compared by equality: no btree serves it.
      AND NOT EXISTS (
          SELECT FROM pg_catalog.unnest(fk.conpfeqop) AS e (operator_id)
          WHERE NOT EXISTS (
              SELECT FROM pg_catalog.pg_amop AS ao
              WHERE ao.amopopr = e.operator_id AND ao.amopmethod = (SELECT a.oid FROM pg_catalog.pg_am AS a WHERE a.amname = 'btree')))
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_foreign_key(oid[]) IS
    'Internal: the part of index_advice() about foreign keys without a usable index on the referencing side. Source: pg_constraint, pg_index.';
