-- Why pggit.history cannot be partitioned as it is: one line each, with what to do. What refers to the table by its number and
-- not by its name would go on referring to the old one; what we cannot carry over is named here instead of being lost.
CREATE FUNCTION pggit_excellence._partition_blockers()
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH history AS (
        SELECT c.*, a.attnum AS id_number, a.attidentity, a.atttypid
        FROM pg_catalog.pg_class AS c
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'id' AND NOT a.attisdropped
        WHERE c.oid = pggit_excellence._pggit_table('history')
    ), dependent AS (
        SELECT d.* FROM pg_catalog.pg_depend AS d CROSS JOIN history AS h
        WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = h.oid
           OR d.refclassid = 'pg_catalog.pg_type'::regclass
              AND d.refobjid IN (h.reltype, (SELECT t.typarray FROM pg_catalog.pg_type AS t WHERE t.oid = h.reltype))
    )
    SELECT 'only its owner or a superuser can partition it' FROM history AS h WHERE NOT pg_catalog.pg_has_role(h.relowner, 'USAGE')
    UNION ALL
    SELECT 'pgGit''s event triggers must rest for a moment while the table has no name, and only a superuser can see to that'
    WHERE pg_catalog.current_setting('is_superuser') = 'off' AND EXISTS (SELECT FROM pggit_excellence._resting_triggers())
    UNION ALL
    SELECT 'it is partitioned already, but not by this extension' FROM history AS h WHERE h.relkind = 'p'
    UNION ALL
    SELECT 'its column id is missing, an identity column or no integer'
    FROM history AS h WHERE h.id_number IS NULL OR h.attidentity <> '' OR h.atttypid NOT IN (20, 21, 23)
    UNION ALL
    SELECT pg_catalog.format('index %s is not unique within a partition by id, or not valid', i.indexrelid::regclass)
    FROM history AS h JOIN pg_catalog.pg_index AS i ON i.indrelid = h.oid
    WHERE NOT i.indisvalid OR i.indisunique AND h.id_number <> ALL (i.indkey::smallint[]) OR i.indisexclusion
    UNION ALL
    SELECT 'it has no primary key or unique index on id'
    FROM history AS h
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i
                      WHERE i.indrelid = h.oid AND i.indisunique AND i.indisvalid AND i.indkey::text = h.id_number::text)
    UNION ALL
    SELECT pg_catalog.format('constraint %I is not valid: ALTER TABLE pggit.history VALIDATE CONSTRAINT %I', k.conname, k.conname)
    FROM history AS h JOIN pg_catalog.pg_constraint AS k ON k.conrelid = h.oid
    WHERE NOT k.convalidated AND k.conname <> 'pggit_excellence_bound'
    UNION ALL
    SELECT 'it belongs to an extension or is of a composite type'
    FROM history AS h
    WHERE h.reloftype <> 0 OR EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = h.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'it is a child of another table' FROM history AS h
    WHERE EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = h.oid)
    UNION ALL
    SELECT DISTINCT pg_catalog.format('%s depends on it, which cannot be carried over', pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid))
    FROM dependent AS d CROSS JOIN history AS h
    WHERE NOT CASE d.classid
        WHEN 'pg_catalog.pg_class'::regclass
            THEN (SELECT c.relkind IN ('i', 'S', 't') FROM pg_catalog.pg_class AS c WHERE c.oid = d.objid)
        WHEN 'pg_catalog.pg_type'::regclass THEN d.deptype = 'i'
        WHEN 'pg_catalog.pg_attrdef'::regclass
            THEN (SELECT a.adrelid = h.oid FROM pg_catalog.pg_attrdef AS a WHERE a.oid = d.objid)
        WHEN 'pg_catalog.pg_constraint'::regclass
            THEN (SELECT h.oid IN (k.conrelid, k.confrelid) FROM pg_catalog.pg_constraint AS k WHERE k.oid = d.objid)
        WHEN 'pg_catalog.pg_trigger'::regclass THEN true
        WHEN 'pg_catalog.pg_policy'::regclass
            THEN (SELECT p.polrelid = h.oid FROM pg_catalog.pg_policy AS p WHERE p.oid = d.objid)
        WHEN 'pg_catalog.pg_rewrite'::regclass
            THEN (SELECT w.rulename = '_RETURN' AND d.refclassid = 'pg_catalog.pg_class'::regclass
                  FROM pg_catalog.pg_rewrite AS w WHERE w.oid = d.objid)
        WHEN 'pg_catalog.pg_proc'::regclass THEN d.refclassid = 'pg_catalog.pg_class'::regclass
        ELSE d.classid IN ('pg_catalog.pg_publication_rel'::regclass, 'pg_catalog.pg_statistic_ext'::regclass)
    END
    UNION ALL
    SELECT pg_catalog.format('materialized view %s depends on %s, which has to be made anew', u.view::regclass, v.view::regclass)
    FROM pggit_excellence._views_on(pggit_excellence._pggit_table('history')) AS v
    CROSS JOIN LATERAL pggit_excellence._views_on(v.view) AS u
    WHERE v.kind = 'm' AND u.kind = 'm' AND u.view <> v.view
    UNION ALL
    SELECT pg_catalog.format('the name pggit.%I is taken', c.relname)
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = (SELECT h.relnamespace FROM history AS h) AND c.relname LIKE 'history\_part\_%' AND c.relkind <> 'i'
$body$;
COMMENT ON FUNCTION pggit_excellence._partition_blockers() IS
    'Internal: why partition_history() cannot do it, one line each; no row: it can. Source: catalogs.';

-- Views and materialized views that read the table itself.
CREATE FUNCTION pggit_excellence._views_on(relation oid)
RETURNS TABLE (view oid, kind "char")
LANGUAGE sql STABLE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT DISTINCT c.oid, c.relkind
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_rewrite AS w ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
    JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class AND c.relkind IN ('v', 'm')
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = relation
$body$;
COMMENT ON FUNCTION pggit_excellence._views_on(oid) IS
    'Internal: the views (v) and materialized views (m) that read this relation directly. Source: pg_depend.';

-- pgGit's event triggers that are on. They would write into a table that has no name at that moment.
CREATE FUNCTION pggit_excellence._resting_triggers()
RETURNS TABLE (off_sql text, on_sql text)
LANGUAGE sql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', e.evtname),
           pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE%s', e.evtname,
                             CASE e.evtenabled WHEN 'A' THEN ' ALWAYS' WHEN 'R' THEN ' REPLICA' ELSE '' END)
    FROM pg_catalog.pg_event_trigger AS e
    JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE e.evtenabled <> 'D' AND (n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%') AND n.nspname <> 'pggit_excellence'
    ORDER BY e.evtname
$body$;
COMMENT ON FUNCTION pggit_excellence._resting_triggers() IS
    'Internal: the statements that switch pgGit''s event triggers off, and back on as they were. Nobody else sees them off: it happens in one transaction.';
