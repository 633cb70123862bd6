-- For each compared column the index keys that could serve the comparison if only the collation were right; index_id is
-- NULL where no index has such a key. A key can serve if the same source also compares every key column before it.
--   confidence        proved: stored in the catalog; likely: read from function bodies and statistics
--   collation_id      the comparison's collation (0: none), key_collation_id: the index key's
CREATE FUNCTION pggit_excellence._compared_keys(scope oid[], hot_tables pggit_excellence._hot_table[])
RETURNS SETOF pggit_excellence._compared_key
LANGUAGE sql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH compared AS MATERIALIZED (
        SELECT p.source, 'proved' AS confidence, p.table_id, p.attnum, p.operator_id, p.collation_id
        FROM pggit_excellence._comparisons_proved(scope) AS p
        UNION ALL
        SELECT l.source, 'likely', l.table_id, l.attnum, NULL, l.collation_id
        FROM pggit_excellence._comparisons_likely(scope, hot_tables) AS l
    ), key AS MATERIALIZED (
        SELECT i.indexrelid, i.indrelid, p.n AS position, i.indkey[p.n] AS attnum, i.indcollation[p.n] AS collation_id, oc.opcfamily
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_am AS a ON a.oid = c.relam AND a.amname IN ('btree', 'hash')
        CROSS JOIN LATERAL pg_catalog.generate_series(0, i.indnkeyatts - 1) AS p (n)
        JOIN pg_catalog.pg_opclass AS oc ON oc.oid = i.indclass[p.n]
        WHERE i.indisvalid AND i.indrelid IN (SELECT c.table_id FROM compared AS c)
    )
    SELECT c.source, c.confidence, c.table_id, c.attnum, c.collation_id, k.indexrelid, k.collation_id
    FROM compared AS c
    LEFT JOIN key AS k
        ON k.indrelid = c.table_id AND k.attnum = c.attnum
        AND (c.operator_id IS NULL OR EXISTS (
            SELECT FROM pg_catalog.pg_operator AS o
            JOIN pg_catalog.pg_amop AS ao ON ao.amopopr IN (o.oid, o.oprcom)
            WHERE o.oid = c.operator_id AND ao.amopfamily = k.opcfamily
              AND ao.amopstrategy = CASE ao.amopmethod WHEN (SELECT a.oid FROM pg_catalog.pg_am AS a WHERE a.amname = 'hash') THEN 1 ELSE 3 END))
        AND NOT EXISTS (
            SELECT FROM key AS earlier
            WHERE earlier.indexrelid = k.indexrelid AND earlier.position < k.position
              AND NOT EXISTS (
                  SELECT FROM compared AS also
                  WHERE also.source = c.source AND also.table_id = c.table_id AND also.attnum = earlier.attnum))
$body$;
COMMENT ON FUNCTION pggit_excellence._compared_keys(oid[], pggit_excellence._hot_table[]) IS
    'Internal: compared columns, and the btree and hash index keys that could serve them but for the collation.';
