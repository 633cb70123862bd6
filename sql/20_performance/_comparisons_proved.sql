-- Which columns are compared under which collation, proved by the catalog:
--   * views, rules, policies and BEGIN ATOMIC functions store their parsed queries;
--   * a foreign key searches the referencing table under the collation of the referencing column, or under the
--     referenced column's where that is not deterministic.
-- Only user-made objects that use a text column of an index in scope under another collation than the index's are read.
CREATE FUNCTION pggit_excellence._comparisons_proved(scope oid[])
RETURNS TABLE (source text, table_id oid, attnum smallint, operator_id oid, collation_id oid)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH tree AS (
        SELECT 'pg_rewrite'::pg_catalog.regclass AS class_id, r.oid AS object_id, r.ev_action AS node_tree, 0::oid AS base_table
        FROM pg_catalog.pg_rewrite AS r WHERE r.oid >= 16384
        UNION ALL
        SELECT 'pg_proc'::pg_catalog.regclass, f.oid, f.prosqlbody, 0
        FROM pg_catalog.pg_proc AS f WHERE f.prosqlbody IS NOT NULL AND f.oid >= 16384
        UNION ALL
        SELECT 'pg_policy'::pg_catalog.regclass, p.oid, p.polqual, p.polrelid
        FROM pg_catalog.pg_policy AS p WHERE p.polqual IS NOT NULL
    ), suspect AS MATERIALIZED (
        SELECT tree.class_id, tree.object_id, tree.node_tree, tree.base_table
        FROM tree
        WHERE EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_class AS t ON t.oid = d.refobjid AND t.relnamespace = ANY (scope)
            JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid
            CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts - 1) AS p (n)
            WHERE d.classid = tree.class_id AND d.objid = tree.object_id
              AND d.refclassid = 'pg_class'::pg_catalog.regclass AND d.refobjsubid = i.indkey[p.n]
              AND i.indcollation[p.n] <> 0
              AND tree.node_tree::text ~ pg_catalog.format(':inputcollid (?!0 |%s )', i.indcollation[p.n])
        )
    )
    SELECT pg_catalog.pg_describe_object(s.class_id, s.object_id, 0), c.table_id, c.attnum, c.operator_id, c.collation_id
    FROM suspect AS s
    CROSS JOIN LATERAL pggit_excellence._node_comparisons(s.node_tree::text, s.base_table) AS c
    JOIN pg_catalog.pg_class AS t ON t.oid = c.table_id AND t.relnamespace = ANY (scope)
    UNION ALL
    SELECT pg_catalog.format('foreign key %I of %I.%I, on DELETE and UPDATE of %s', k.conname, n.nspname, t.relname,
            k.confrelid::pg_catalog.regclass),
        k.conrelid, u.attnum, u.operator_id, CASE WHEN co.collisdeterministic THEN own.attcollation ELSE other.attcollation END
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid AND t.relnamespace = ANY (scope)
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL ROWS FROM (
        pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop)
    ) AS u (attnum, other_attnum, operator_id)
    JOIN pg_catalog.pg_attribute AS own ON own.attrelid = k.conrelid AND own.attnum = u.attnum
    JOIN pg_catalog.pg_attribute AS other ON other.attrelid = k.confrelid AND other.attnum = u.other_attnum
    LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = other.attcollation
    WHERE k.contype = 'f' AND k.conparentid = 0
      AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true'  -- PostgreSQL 18 and newer
      -- Only where a collation can differ at all: most keys are numbers.
      AND k.conpfeqop && ARRAY(
          SELECT o.oid FROM pg_catalog.pg_operator AS o
          JOIN pg_catalog.pg_type AS ty ON ty.oid = o.oprright AND ty.typcollation <> 0
          WHERE o.oprname = '=')
$body$;
COMMENT ON FUNCTION pggit_excellence._comparisons_proved(oid[]) IS
    'Internal: columns in scope, what compares them, and under which collation (0: none), as stored in the catalog.';
