-- What makes a partition of pggit.history. PostgreSQL gives it the indexes, keys and row triggers; owner, storage parameters,
-- replica identity and statement triggers (a TRUNCATE of the partition itself meets no trigger of the parent) are ours to copy.
-- Nobody is granted anything on it: readers and writers go through pggit.history.
--   source     the table whose owner, parameters and triggers it gets; it may still have the name pggit.history
--   partition  its name, in schema pggit
--   bound      FOR VALUES ... or DEFAULT
CREATE FUNCTION pggit_excellence._partition_statements(source oid, partition text, bound text)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT s.statement
    FROM pg_catalog.pg_class AS c
    CROSS JOIN LATERAL (
        SELECT 1 AS part, pg_catalog.format('CREATE TABLE pggit.%I PARTITION OF pggit.history %s%s', partition, bound, (
                   SELECT ' WITH (' || pg_catalog.string_agg(pg_catalog.format('%I = %L', o.option_name, o.option_value), ', ') || ')'
                   FROM pg_catalog.pg_options_to_table(t.reloptions) AS o)) AS statement
        FROM pg_catalog.pg_class AS t WHERE t.oid = COALESCE(pggit_excellence._pggit_table('history_part_0'), c.oid)
        UNION ALL
        SELECT 2, pg_catalog.format('ALTER TABLE pggit.%I OWNER TO %s', partition, pggit_excellence._role_sql(c.relowner))
        UNION ALL
        SELECT 3, pg_catalog.format('REVOKE ALL ON TABLE pggit.%I FROM %s', partition,
                                    pg_catalog.string_agg(pggit_excellence._role_sql(d.grantee), ', '))
        FROM pggit_excellence._default_grantees() AS d (grantee)
        HAVING pg_catalog.count(*) > 0
        UNION ALL
        SELECT 4, pg_catalog.format('ALTER TABLE pggit.%I REPLICA IDENTITY %s', partition,
                                    CASE c.relreplident WHEN 'n' THEN 'NOTHING' ELSE 'FULL' END)
        WHERE c.relreplident IN ('n', 'f', 'i')
        UNION ALL
        SELECT 5, pg_catalog.replace(pg_catalog.pg_get_triggerdef(t.oid), ' ON pggit.history ', pg_catalog.format(' ON pggit.%I ', partition))
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 1 = 0
        UNION ALL
        SELECT 6, pg_catalog.format('ALTER TABLE pggit.%I %s TRIGGER %I', partition,
                      CASE t.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END, t.tgname)
        FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 1 = 0 AND t.tgenabled <> 'O'
    ) AS s
    WHERE c.oid = source
    ORDER BY s.part, s.statement
$body$;
COMMENT ON FUNCTION pggit_excellence._partition_statements(oid, text, text) IS
    'Internal: the statements that make a partition of pggit.history like the others. Source: catalogs.';

-- The highest id that was given out or stored.
CREATE FUNCTION pggit_excellence._last_history_id()
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    sequence_id regclass := pg_catalog.pg_get_serial_sequence('pggit.history', 'id');
BEGIN
    RETURN GREATEST((SELECT pg_catalog.max(h.id) FROM pggit.history AS h), pg_catalog.pg_sequence_last_value(sequence_id), 0);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._last_history_id() IS
    'Internal: the highest id of pggit.history that is stored or that its sequence has given out; 0: none.';

-- The partitions of pggit.history by their bounds. An end of NULL is open; the default partition has two NULLs.
CREATE FUNCTION pggit_excellence._history_partitions()
RETURNS TABLE (partition name, partition_oid oid, is_default boolean, from_id bigint, to_id bigint)
LANGUAGE sql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT c.relname, c.oid, b.bound = 'DEFAULT',
           pg_catalog.substring(b.bound, 'FROM \(''?(-?\d+)''?\)')::bigint, pg_catalog.substring(b.bound, 'TO \(''?(-?\d+)''?\)')::bigint
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound) AS b
    WHERE i.inhparent = pggit_excellence._pggit_table('history')
$body$;
COMMENT ON FUNCTION pggit_excellence._history_partitions() IS
    'Internal: the partitions of pggit.history with their bounds: from_id and everything below to_id; NULL: open. Source: pg_inherits, pg_class.';
