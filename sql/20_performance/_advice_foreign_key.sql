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
    WITH fk AS NOT MATERIALIZED (
        -- A table's constraints are in its schema.
        SELECT k.oid AS fk_id, k.conname, k.conrelid, k.confrelid, k.conkey, k.confkey, k.conpfeqop
        FROM pg_catalog.pg_constraint AS k
        WHERE k.contype = 'f' AND k.conparentid = 0 AND k.connamespace = ANY (scope)
    ), candidate AS MATERIALIZED (
        -- Indexes whose first columns are the key's. indkey and kin count from 0.
        SELECT fk.fk_id, fk.conrelid, fk.conkey, fk.conpfeqop, i.indexrelid, i.indkey, i.indclass, i.indpred
        FROM fk
        JOIN pg_catalog.pg_index AS i ON i.indrelid = fk.conrelid
        CROSS JOIN LATERAL (SELECT pg_catalog.cardinality(fk.conkey) AS n) AS width
        CROSS JOIN LATERAL (SELECT (i.indkey::smallint[])[0:width.n - 1] AS columns) AS first
        WHERE i.indisvalid AND i.indkey[0] = ANY (fk.conkey) AND i.indnkeyatts >= width.n
          AND first.columns @> fk.conkey
    ), supported AS (
        -- The index sees the key's operator from the other side: the referencing column on the left.
        SELECT c.fk_id
        FROM candidate AS c
        CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.conpfeqop)) AS u (attnum, operator_id)
        JOIN pg_catalog.pg_operator AS o ON o.oid = u.operator_id
        JOIN pg_catalog.pg_opclass AS oc ON oc.oid = c.indclass[pg_catalog.array_position(c.indkey::smallint[], u.attnum)]
        JOIN pg_catalog.pg_am AS a ON a.oid = oc.opcmethod AND a.amname IN ('btree', 'hash')
        JOIN pg_catalog.pg_amop AS ao ON ao.amopfamily = oc.opcfamily AND ao.amopopr = o.oprcom
        WHERE c.indpred IS NULL OR pg_catalog.string_to_array(
                pg_catalog.translate(pg_catalog.pg_get_expr(c.indpred, c.conrelid), '()', ''), ' AND ')
            <@ ARRAY(SELECT pg_catalog.quote_ident(own.attname) || ' IS NOT NULL' FROM pg_catalog.pg_attribute AS own
                     WHERE own.attrelid = c.conrelid AND own.attnum = ANY (c.conkey))
        GROUP BY c.fk_id, c.indexrelid, c.conkey HAVING count(DISTINCT u.attnum) = pg_catalog.cardinality(c.conkey)
    ), no_equality AS (
        -- The period of a temporal key is not compared by equality: no btree serves it.
        SELECT u.operator_id FROM fk CROSS JOIN LATERAL pg_catalog.unnest(fk.conpfeqop) AS u (operator_id)
        EXCEPT
        SELECT ao.amopopr FROM pg_catalog.pg_amop AS ao JOIN pg_catalog.pg_am AS a ON a.oid = ao.amopmethod WHERE a.amname = 'btree'
    ), missing AS (
        SELECT fk.*
        FROM fk
        WHERE fk.fk_id NOT IN (SELECT s.fk_id FROM supported AS s)
          AND NOT fk.conpfeqop && ARRAY(SELECT e.operator_id FROM no_equality AS e)
          -- PostgreSQL 18 and newer: nothing searches for the rows of a key that is NOT ENFORCED.
          AND (SELECT COALESCE(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true')
               FROM pg_catalog.pg_constraint AS k WHERE k.oid = fk.fk_id) = 'true'
    ), wanted AS (
        SELECT c.fk_id, c.conrelid, c.conname,
            pg_catalog.string_agg(pg_catalog.quote_ident(c.name) || COALESCE(c.collation, ''), ', ' ORDER BY c.position) AS columns,
            pg_catalog.string_agg(c.name, '_' ORDER BY c.position) AS names
        FROM (
            SELECT m.fk_id, m.conrelid, m.conname, u.position,
                (SELECT own.attname FROM pg_catalog.pg_attribute AS own
                 WHERE own.attrelid = m.conrelid AND own.attnum = u.attnum) AS name,
                -- The searches run under the referenced column's collation only where that is not deterministic.
                (SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname)
                 FROM pg_catalog.pg_attribute AS other
                 JOIN pg_catalog.pg_attribute AS own ON own.attrelid = m.conrelid AND own.attnum = u.attnum
                 JOIN pg_catalog.pg_collation AS co ON co.oid = other.attcollation
                 JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
                 WHERE other.attrelid = m.confrelid AND other.attnum = u.other_attnum
                   AND co.oid <> own.attcollation AND NOT co.collisdeterministic) AS collation
            FROM missing AS m
            CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(m.conkey), pg_catalog.unnest(m.confkey))
                WITH ORDINALITY AS u (attnum, other_attnum, position)
        ) AS c
        GROUP BY c.fk_id, c.conrelid, c.conname
    )
    SELECT
        pg_catalog.format('foreign_key:%I.%I.%I', n.nspname, t.relname, w.conname),
        'foreign_key',
        CASE WHEN t.reltuples >= 10000 THEN 'warning' ELSE 'info' END,
        'proved',
        pg_catalog.format('%I.%I', n.nspname, t.relname),
        NULL,
        pg_catalog.format('constraint %I, %s: no index begins with its columns; %s', w.conname,
            pg_catalog.pg_get_constraintdef(w.fk_id),
            CASE WHEN t.reltuples < 0 THEN 'the table has never been analyzed' ELSE 'about ' || t.reltuples::bigint || ' rows' END),
        'Create the index, or exclude the finding if rows of the referenced table are never deleted and their keys never change.'
            || CASE WHEN t.relkind = 'p' THEN ' CONCURRENTLY is not possible on a partitioned table: this blocks writes meanwhile.'
                || ' Where each partition has such an index of its own, deletes use those already, and this only attaches them.' ELSE '' END,
        pg_catalog.format('CREATE INDEX %s%I ON %I.%I (%s)', how.mode, index.name, n.nspname, t.relname, w.columns),
        pg_catalog.format('DROP INDEX %s%I.%I', how.mode, n.nspname, index.name)
    FROM wanted AS w
    JOIN pg_catalog.pg_class AS t ON t.oid = w.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL (SELECT pggit_excellence._index_name(t.relname, w.names, 'fkey') OFFSET 0) AS index (name)
    CROSS JOIN LATERAL (SELECT CASE WHEN t.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END) AS how (mode)
$body$;
COMMENT ON FUNCTION pggit_excellence._advice_foreign_key(oid[]) IS
    'Internal: the part of index_advice() about foreign keys without a usable index on the referencing side. Source: pg_constraint, pg_index.';
