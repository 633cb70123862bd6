-- For undo(): pggit.history as a plain table again. The first partition, which was that table, gets the rows of the others and
-- its name back; what the partitioned table has by now (privileges, triggers, policies) it gets too.
-- Takes as long as it takes to copy the rows of the later partitions and to fill materialized views; tracked DDL waits.
CREATE FUNCTION pggit_excellence._undo_partitioning(done pggit_excellence.action_log)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    history      oid := pggit_excellence._pggit_table('history');
    base         record;
    publications text[];
BEGIN
    IF (done.schema_name, done.relation_name, done.item) <> ('pggit', 'history', 'history') THEN
        PERFORM pggit_excellence._refuse_forged(done);
    END IF;
    SELECT h.publications INTO publications FROM pggit_excellence.history_partitioning AS h;
    IF NOT FOUND THEN
        RETURN '{}';
    END IF;
    PERFORM pggit_excellence._refuse_changed(done, pg_catalog.pg_get_partkeydef(history), 'see docs/operations/RETENTION.md');
    SELECT p.* INTO base FROM pggit_excellence._history_partitions() AS p
    WHERE NOT p.is_default ORDER BY p.from_id NULLS FIRST LIMIT 1;

    RETURN ARRAY(
        WITH referencing AS (
            SELECT k.* FROM pg_catalog.pg_constraint AS k
            WHERE k.confrelid = history AND k.contype = 'f' AND k.conparentid = 0 AND k.conrelid <> history
        ), index AS (
            SELECT x.relname, b.relname AS base_name
            FROM pg_catalog.pg_index AS i
            JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
            JOIN pg_catalog.pg_inherits AS h ON h.inhparent = i.indexrelid
            JOIN pg_catalog.pg_index AS bi ON bi.indexrelid = h.inhrelid AND bi.indrelid = base.partition_oid
            JOIN pg_catalog.pg_class AS b ON b.oid = bi.indexrelid
            WHERE i.indrelid = history
        )
        SELECT s.statement
        FROM (
            SELECT 1 AS part, 0 AS position, t.off_sql AS statement FROM pggit_excellence._resting_triggers() AS t
            UNION ALL
            SELECT 2, 0, pggit_excellence._lock_parents() WHERE pggit_excellence._lock_parents() IS NOT NULL
            UNION ALL
            SELECT 3, 0, 'LOCK TABLE pggit.history IN ACCESS EXCLUSIVE MODE'
            UNION ALL
            -- What a policy hides would be lost.
            SELECT 4, 0, 'SET LOCAL row_security = off'
            UNION ALL
            SELECT 5, 0, pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', r.conrelid::regclass, r.conname) FROM referencing AS r
            UNION ALL
            SELECT 6, 0, pg_catalog.format('ALTER TABLE pggit.history DETACH PARTITION pggit.%I', base.partition)
            UNION ALL
            SELECT 7, 0, pg_catalog.format('DROP TRIGGER %I ON pggit.%I', t.tgname, base.partition)
            FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = base.partition_oid AND NOT t.tgisinternal AND t.tgparentid = 0
            UNION ALL
            SELECT 8, 0, pg_catalog.format('DROP POLICY %I ON pggit.%I', p.polname, base.partition)
            FROM pg_catalog.pg_policy AS p WHERE p.polrelid = base.partition_oid
            UNION ALL
            SELECT 9, 0, pg_catalog.format('ALTER TABLE pggit.%I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', base.partition)
            FROM pg_catalog.pg_class AS c WHERE c.oid = base.partition_oid AND (c.relrowsecurity OR c.relforcerowsecurity)
            UNION ALL
            SELECT 10, 0, pg_catalog.format('REVOKE ALL ON TABLE pggit.%I FROM %s', base.partition,
                                            pg_catalog.string_agg(DISTINCT pggit_excellence._role_sql(a.grantee), ', '))
            FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a WHERE c.oid = base.partition_oid
            HAVING pg_catalog.count(*) > 0
            UNION ALL
            SELECT 11, 0, pg_catalog.format('SELECT pggit_excellence._take_rows(%L)', pg_catalog.format('pggit.%I', base.partition))
            UNION ALL
            SELECT 12, 0, pg_catalog.format('ALTER INDEX pggit.%I RENAME TO %I', i.relname, pggit_excellence._part_name(i.relname, 'old')) FROM index AS i
            UNION ALL
            SELECT 13, 0, pg_catalog.format('ALTER INDEX pggit.%I RENAME TO %I', i.base_name, i.relname) FROM index AS i
            UNION ALL
            SELECT 14, 0, 'ALTER TABLE pggit.history RENAME TO history_partitioned'
            UNION ALL
            SELECT 15, 0, pg_catalog.format('ALTER TABLE pggit.%I RENAME TO history', base.partition)
            UNION ALL
            SELECT 16, c.position, c.statement FROM pggit_excellence._carry_over(history) WITH ORDINALITY AS c (statement, position)
            UNION ALL
            SELECT 17, 0, pg_catalog.format('ALTER SEQUENCE %s OWNED BY pggit.history.id', q.owned::regclass)
            FROM (SELECT pg_catalog.pg_get_serial_sequence('pggit.history', 'id') AS owned) AS q WHERE q.owned IS NOT NULL
            UNION ALL
            SELECT 18, 0, r.statement FROM pggit_excellence._carry_readers(history) AS r (statement)
            UNION ALL
            SELECT 19, v.view::bigint, m.statement
            FROM pggit_excellence._views_on(history) AS v
            JOIN pg_catalog.pg_class AS c ON c.oid = v.view
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            CROSS JOIN LATERAL (
                SELECT pggit_excellence._new_matview(v.view) AS statement
                UNION ALL
                SELECT pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I', n.nspname, pggit_excellence._part_name(c.relname, 'new'))
                WHERE c.relispopulated
            ) AS m
            WHERE v.kind = 'm'
            UNION ALL
            SELECT 20, e.position, e.statement
            FROM pggit_excellence._views_on(history) AS v
            CROSS JOIN LATERAL pggit_excellence._exchange_matview(v.view) WITH ORDINALITY AS e (statement, position)
            WHERE v.kind = 'm'
            UNION ALL
            SELECT 21, 0, 'DROP TABLE pggit.history_partitioned'
            UNION ALL
            SELECT 22, 0, pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.conrelid::regclass, r.conname, pg_catalog.pg_get_constraintdef(r.oid))
            FROM referencing AS r
            UNION ALL
            SELECT 23, 0, pg_catalog.format('ALTER PUBLICATION %I SET (publish_via_partition_root = false)', p.pubname)
            FROM pg_catalog.pg_publication AS p WHERE p.pubname = ANY (publications) AND p.pubviaroot
            UNION ALL
            SELECT 24, 0, 'SELECT pggit_excellence._forget_partitioning()'
            UNION ALL
            SELECT 25, 0, t.on_sql FROM pggit_excellence._resting_triggers() AS t
        ) AS s
        ORDER BY s.part, s.position, s.statement
    );
END
$body$;
COMMENT ON FUNCTION pggit_excellence._undo_partitioning(pggit_excellence.action_log) IS
    'Internal: for undo(), the statements that make pggit.history a plain table again; empty: it is one already.';

-- Copy what pggit.history still has into the table that was its first partition.
CREATE FUNCTION pggit_excellence._take_rows(target regclass)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    columns text := (
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '');
BEGIN
    EXECUTE pg_catalog.format('INSERT INTO %s (%s) SELECT %s FROM pggit.history', target, columns, columns);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._take_rows(regclass) IS
    'Internal: copies the rows of pggit.history into this table, for undo(); generated columns are computed anew.';

CREATE FUNCTION pggit_excellence._forget_partitioning()
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
    DELETE FROM pggit_excellence.history_partitioning
$body$;
COMMENT ON FUNCTION pggit_excellence._forget_partitioning() IS
    'Internal: note that pggit.history is a plain table again.';
