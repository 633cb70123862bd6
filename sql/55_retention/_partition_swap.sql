-- The statements that put a partitioned table in the place of pggit.history. The old table becomes its first partition as it
-- is: no row is copied, and the CHECK that was validated before tells PostgreSQL that none has to be looked at.
-- Everything that names the table is written down before the old one is renamed, and used after.
--   first_bound, partition_rows   see history_partitioning
CREATE FUNCTION pggit_excellence._partition_swap(first_bound bigint, partition_rows bigint)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 60
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH history AS (
        SELECT c.* FROM pg_catalog.pg_class AS c WHERE c.oid = pggit_excellence._pggit_table('history')
    ), index AS (
        SELECT i.*, x.relname, k.oid AS constraint_oid
        FROM history AS h
        JOIN pg_catalog.pg_index AS i ON i.indrelid = h.oid
        JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
        LEFT JOIN pg_catalog.pg_constraint AS k ON k.conindid = i.indexrelid AND k.conrelid = h.oid AND k.contype IN ('p', 'u')
    ), referencing AS (
        SELECT k.* FROM history AS h JOIN pg_catalog.pg_constraint AS k ON k.confrelid = h.oid AND k.contype = 'f' AND k.conparentid = 0
        WHERE k.conrelid <> h.oid
    )
    SELECT s.statement
    FROM (
        SELECT 1 AS part, 0 AS position, t.off_sql AS statement FROM pggit_excellence._resting_triggers() AS t
        UNION ALL
        SELECT 2, 0, pggit_excellence._lock_parents() WHERE pggit_excellence._lock_parents() IS NOT NULL
        UNION ALL
        -- Whoever wrote has ended by now; what is left are readers, and meanwhile all others wait.
        SELECT 3, 0, 'SET LOCAL lock_timeout = ''200ms'''
        UNION ALL
        SELECT 3, 1, 'LOCK TABLE pggit.history IN ACCESS EXCLUSIVE MODE'
        UNION ALL
        SELECT 4, 0, pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', r.conrelid::regclass, r.conname) FROM referencing AS r
        UNION ALL
        SELECT 5, 0, pg_catalog.format('DROP TRIGGER %I ON pggit.history', t.tgname)
        FROM history AS h JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = h.oid AND NOT t.tgisinternal AND t.tgtype & 1 = 1
        UNION ALL
        SELECT 6, 0, pg_catalog.format('ALTER INDEX pggit.%I RENAME TO %I', i.relname, pggit_excellence._part_name(i.relname, 'part_0')) FROM index AS i
        UNION ALL
        SELECT 7, 0, 'ALTER TABLE pggit.history RENAME TO history_part_0'
        UNION ALL
        SELECT 8, 0, 'CREATE TABLE pggit.history (LIKE pggit.history_part_0 INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS) PARTITION BY RANGE (id)'
        UNION ALL
        SELECT 9, 0, 'ALTER TABLE pggit.history DROP CONSTRAINT pggit_excellence_bound'
        UNION ALL
        SELECT 10, 0, pg_catalog.format('ALTER TABLE pggit.history ADD CONSTRAINT %I %s', i.relname, pg_catalog.pg_get_constraintdef(i.constraint_oid))
        FROM index AS i WHERE i.constraint_oid IS NOT NULL
        UNION ALL
        SELECT 11, 0, pg_catalog.pg_get_indexdef(i.indexrelid) FROM index AS i WHERE i.constraint_oid IS NULL
        UNION ALL
        SELECT 12, 0, pg_catalog.format('COMMENT ON INDEX pggit.%I IS %L', i.relname, d.description)
        FROM index AS i CROSS JOIN LATERAL pg_catalog.obj_description(i.indexrelid, 'pg_class') AS d (description)
        WHERE d.description IS NOT NULL
        UNION ALL
        SELECT 13, 0, pg_catalog.format('ALTER TABLE pggit.history ADD CONSTRAINT %I %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid))
        FROM history AS h JOIN pg_catalog.pg_constraint AS k ON k.conrelid = h.oid AND k.contype = 'f'
        UNION ALL
        SELECT 14, 0, pg_catalog.format('COMMENT ON CONSTRAINT %I ON pggit.history IS %L', k.conname, d.description)
        FROM history AS h JOIN pg_catalog.pg_constraint AS k ON k.conrelid = h.oid AND k.contype IN ('f', 'p', 'u')
        CROSS JOIN LATERAL pg_catalog.obj_description(k.oid, 'pg_constraint') AS d (description)
        WHERE d.description IS NOT NULL
        UNION ALL
        SELECT 15, c.position, c.statement
        FROM history AS h CROSS JOIN LATERAL pggit_excellence._carry_over(h.oid) WITH ORDINALITY AS c (statement, position)
        UNION ALL
        -- A sequence belongs to a table of the same owner.
        SELECT 16, 0, pg_catalog.format('ALTER SEQUENCE %s OWNED BY pggit.history.id', s.owned::regclass)
        FROM (SELECT pg_catalog.pg_get_serial_sequence('pggit.history', 'id') AS owned) AS s WHERE s.owned IS NOT NULL
        UNION ALL
        SELECT 17, 0, 'ALTER TABLE pggit.history REPLICA IDENTITY ' || CASE h.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
                      ELSE (SELECT pg_catalog.format('USING INDEX %I', i.relname) FROM index AS i WHERE i.indisreplident) END
        FROM history AS h WHERE h.relreplident <> 'd'
        UNION ALL
        SELECT 18, p.position, p.statement
        FROM history AS h
        CROSS JOIN LATERAL pggit_excellence._partition_statements(h.oid, 'history_part_1', pg_catalog.format(
            'FOR VALUES FROM (%s) TO (%s)', first_bound, first_bound + partition_rows)) WITH ORDINALITY AS p (statement, position)
        UNION ALL
        SELECT 19, p.position, p.statement
        FROM history AS h
        CROSS JOIN LATERAL pggit_excellence._partition_statements(h.oid, 'history_part_default', 'DEFAULT') WITH ORDINALITY AS p (statement, position)
        UNION ALL
        SELECT 20, 0, pg_catalog.format('ALTER TABLE pggit.history ATTACH PARTITION pggit.history_part_0 FOR VALUES FROM (MINVALUE) TO (%s)', first_bound)
        UNION ALL
        SELECT 21, 0, 'ALTER TABLE pggit.history_part_0 DROP CONSTRAINT pggit_excellence_bound'
        UNION ALL
        SELECT 22, 0, r.statement FROM history AS h CROSS JOIN LATERAL pggit_excellence._carry_readers(h.oid) AS r (statement)
        UNION ALL
        SELECT 23, 0, pggit_excellence._new_matview(v.view) FROM history AS h CROSS JOIN LATERAL pggit_excellence._views_on(h.oid) AS v WHERE v.kind = 'm'
        UNION ALL
        SELECT 24, 0, pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', r.conrelid::regclass, r.conname,
                                        pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(r.oid), ' NOT VALID$', ''))
        FROM referencing AS r
        UNION ALL
        SELECT 25, p.position, p.statement
        FROM pggit_excellence._publication_statements() WITH ORDINALITY AS p (statement, position)
        UNION ALL
        SELECT 26, 0, pg_catalog.format('SELECT pggit_excellence._remember_partitioning(%s, %s, %L)', partition_rows, first_bound,
                                        pggit_excellence._publications_to_turn())
        UNION ALL
        SELECT 27, 0, t.on_sql FROM pggit_excellence._resting_triggers() AS t
    ) AS s
    ORDER BY s.part, s.position, s.statement
$body$;
COMMENT ON FUNCTION pggit_excellence._partition_swap(bigint, bigint) IS
    'Internal: the statements that put a partitioned table in the place of pggit.history, which becomes its first partition. Source: catalogs.';

-- The publications that publish the changes of pggit.history as those of its partitions once it has some: subscribers do not
-- have those tables.
CREATE FUNCTION pggit_excellence._publications_to_turn()
RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ARRAY(
        SELECT DISTINCT p.pubname::text
        FROM pg_catalog.pg_publication AS p
        JOIN pg_catalog.pg_publication_tables AS t ON t.pubname = p.pubname AND t.schemaname = 'pggit' AND t.tablename = 'history'
        WHERE NOT p.pubviaroot ORDER BY 1)
$body$;
COMMENT ON FUNCTION pggit_excellence._publications_to_turn() IS
    'Internal: names of publications that contain pggit.history and do not publish via the root. Source: pg_publication_tables.';

-- The new table joins the publications that name the old one, with its columns and its row filter (from 15 on).
CREATE FUNCTION pggit_excellence._publication_statements()
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT s.statement
    FROM (
        -- First: a row filter of a partitioned table needs it.
        SELECT 1 AS part, pg_catalog.format('ALTER PUBLICATION %I SET (publish_via_partition_root = true)', n.name) AS statement
        FROM pg_catalog.unnest(pggit_excellence._publications_to_turn()) AS n (name)
        UNION ALL
        SELECT 2, pg_catalog.format('ALTER PUBLICATION %I ADD TABLE ONLY pggit.history%s%s', p.pubname,
                   CASE WHEN pg_catalog.to_jsonb(r) ->> 'prattrs' IS NOT NULL THEN (
                       SELECT ' (' || pg_catalog.string_agg(pg_catalog.quote_ident(a.value), ', ') || ')'
                       FROM pg_catalog.jsonb_array_elements_text(pg_catalog.to_jsonb(t) -> 'attnames') AS a (value)) END,
                   ' WHERE (' || (pg_catalog.to_jsonb(t) ->> 'rowfilter') || ')')
        FROM pg_catalog.pg_publication_rel AS r
        JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
        JOIN pg_catalog.pg_publication_tables AS t ON t.pubname = p.pubname AND t.schemaname = 'pggit' AND t.tablename = 'history'
        WHERE r.prrelid = pggit_excellence._pggit_table('history')
    ) AS s
    ORDER BY s.part, s.statement
$body$;
COMMENT ON FUNCTION pggit_excellence._publication_statements() IS
    'Internal: the statements that keep pggit.history in the publications that it is in. Source: pg_publication_rel, pg_publication_tables.';

-- The statement that locks the tables that pggit.history refers to; NULL: there are none. Attaching, detaching and dropping a
-- partition changes triggers on them, so the lock is the strongest one. In the order in which pgGit uses them: whoever has
-- begun ends first, and nobody meets us half-way.
CREATE FUNCTION pggit_excellence._lock_parents()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'LOCK TABLE ' || pg_catalog.string_agg(k.name, ', ' ORDER BY k.name <> 'pggit.objects', k.name) || ' IN ACCESS EXCLUSIVE MODE'
    FROM (
        SELECT DISTINCT k.confrelid::regclass::text AS name
        FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = pggit_excellence._pggit_table('history') AND k.contype = 'f' AND k.confrelid <> k.conrelid
    ) AS k
$body$;
COMMENT ON FUNCTION pggit_excellence._lock_parents() IS
    'Internal: LOCK TABLE for what the foreign keys of pggit.history refer to; NULL: nothing. Source: pg_constraint.';
