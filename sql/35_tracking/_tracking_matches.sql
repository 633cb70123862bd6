-- The catalog's objects against pgGit's records, one row per object or record.

-- Every object of the user's schemas that pgGit has a type for, and policies and rules, for which it has none.
--   names    what a record of its schema may call it
--   aliases  what a record calls it that misses its name: its number, or its full name as the name
--   member   of an extension: not counted, but a record of it is not stale
-- Left out are the system's, pgGit's and our schemas, what is temporary, and what PostgreSQL makes along: TOAST, row and
-- array types, sequences of identity columns, internal triggers, NOT NULL constraints.
CREATE FUNCTION pggit_excellence._catalog_objects()
RETURNS TABLE (object_type text, schema_name text, object_name text, names text[], aliases text[], member boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH schemas AS MATERIALIZED (
        SELECT n.oid, n.nspname::text AS name, pg_catalog.quote_ident(n.nspname) AS quoted
        FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^(pg_|pggit$|pggit_)'
    ),
    members AS MATERIALIZED (
        SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
    ),
    relations AS MATERIALIZED (
        SELECT c.oid, c.relkind, s.name AS schema_name, s.quoted AS schema_quoted,
               c.relname::text AS name, pg_catalog.quote_ident(c.relname) AS quoted, m.objid IS NOT NULL AS member
        FROM pg_catalog.pg_class AS c
        JOIN schemas AS s ON s.oid = c.relnamespace
        LEFT JOIN members AS m ON m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid
        WHERE c.relpersistence <> 't'
    ),
    -- Columns, constraints, triggers, policies and rules: their names are unique within their table.
    parts AS (
        SELECT 'COLUMN' AS object_type, a.attrelid AS relation, a.attname::text AS name
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attnum > 0 AND NOT a.attisdropped
          AND EXISTS (SELECT FROM relations AS r WHERE r.oid = a.attrelid AND r.relkind IN ('r', 'p', 'f'))
        UNION ALL
        SELECT 'CONSTRAINT', k.conrelid, k.conname::text FROM pg_catalog.pg_constraint AS k
        WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
        UNION ALL
        SELECT 'TRIGGER', t.tgrelid, t.tgname::text FROM pg_catalog.pg_trigger AS t WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'POLICY', p.polrelid, p.polname::text FROM pg_catalog.pg_policy AS p
        UNION ALL
        SELECT 'RULE', w.ev_class, w.rulename::text FROM pg_catalog.pg_rewrite AS w WHERE w.rulename <> '_RETURN'
    ),
    routines AS (
        SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS object_type, p.oid,
               s.name AS schema_name, s.quoted AS schema_quoted, p.proname::text AS name, pg_catalog.quote_ident(p.proname) AS quoted,
               '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' AS arguments,
               pg_catalog.count(*) OVER (PARTITION BY p.pronamespace, p.proname) = 1 AS alone,
               m.objid IS NOT NULL AS member
        FROM pg_catalog.pg_proc AS p
        JOIN schemas AS s ON s.oid = p.pronamespace
        LEFT JOIN members AS m ON m.classid = 'pg_catalog.pg_proc'::regclass AND m.objid = p.oid
    )
    SELECT 'SCHEMA', s.name, s.name, ARRAY[s.name, s.quoted], '{}'::text[],
           EXISTS (SELECT FROM members AS m WHERE m.classid = 'pg_catalog.pg_namespace'::regclass AND m.objid = s.oid)
    FROM schemas AS s
    WHERE s.name <> 'public'
    UNION ALL
    SELECT CASE WHEN r.relkind IN ('r', 'p', 'f') THEN 'TABLE' WHEN r.relkind IN ('i', 'I') THEN 'INDEX' WHEN r.relkind = 'v' THEN 'VIEW'
                WHEN r.relkind = 'm' THEN 'MATERIALIZED_VIEW' ELSE 'SEQUENCE' END,
           r.schema_name, r.name, ARRAY[r.name, r.quoted], ARRAY[r.oid::text, r.schema_quoted || '.' || r.quoted], r.member
    FROM relations AS r
    WHERE r.relkind IN ('r', 'p', 'f', 'i', 'I', 'v', 'm')
       OR r.relkind = 'S' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'i')
    UNION ALL
    SELECT p.object_type, r.schema_name, r.name || '.' || p.name,
           CASE WHEN r.name || p.name = r.quoted || pg_catalog.quote_ident(p.name) THEN ARRAY[r.name || '.' || p.name]
                ELSE ARRAY[r.name || '.' || p.name, r.quoted || '.' || p.name, r.quoted || '.' || pg_catalog.quote_ident(p.name)] END
               || CASE WHEN p.object_type <> 'COLUMN' THEN ARRAY[p.name, pg_catalog.quote_ident(p.name)] ELSE '{}' END,
           ARRAY[r.schema_quoted || '.' || r.quoted || '.' || pg_catalog.quote_ident(p.name)], r.member
    FROM parts AS p
    JOIN relations AS r ON r.oid = p.relation
    UNION ALL
    SELECT p.object_type, p.schema_name, p.name || p.arguments,
           ARRAY[p.name || p.arguments, p.quoted || p.arguments, p.quoted || pg_catalog.replace(p.arguments, ', ', ',')]
               || CASE WHEN p.alone THEN ARRAY[p.name, p.quoted] ELSE '{}' END,
           ARRAY[p.oid::text, p.schema_quoted || '.' || p.quoted || pg_catalog.replace(p.arguments, ', ', ',')]
               || CASE WHEN p.alone THEN '{}' ELSE ARRAY[p.name, p.quoted] END,
           p.member
    FROM routines AS p
    UNION ALL
    SELECT 'TYPE', s.name, t.typname::text, ARRAY[t.typname::text, pg_catalog.quote_ident(t.typname)],
           ARRAY[t.oid::text, s.quoted || '.' || pg_catalog.quote_ident(t.typname)],
           EXISTS (SELECT FROM members AS m WHERE m.classid = 'pg_catalog.pg_type'::regclass AND m.objid = t.oid)
    FROM pg_catalog.pg_type AS t
    JOIN schemas AS s ON s.oid = t.typnamespace
    LEFT JOIN relations AS r ON r.oid = t.typrelid
    WHERE t.typtype IN ('d', 'e', 'r') OR t.typtype = 'c' AND r.relkind = 'c' OR t.typtype = 'b' AND t.typcategory <> 'A'
$body$;
COMMENT ON FUNCTION pggit_excellence._catalog_objects() IS
    'Internal: the objects of the user''s schemas, and under which names pgGit may have recorded each. Source: the catalogs.';

-- verdict: tracked, wrong name (recorded, but not under its name), missed, or stale (recorded as active on branch main, and
-- not in the catalog). recorded_as is NULL for missed ones.
CREATE FUNCTION pggit_excellence._tracking_matches()
RETURNS TABLE (object_type text, schema_name text, object_name text, recorded_as text, verdict text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
-- Estimates of what functions and arrays return are no guide: only hash joins keep it linear.
SET enable_nestloop = off
SET enable_mergejoin = off
SET jit = off
SET work_mem = '64MB'
AS $body$
BEGIN
    RETURN QUERY
    WITH objects AS MATERIALIZED (
        SELECT pg_catalog.row_number() OVER () AS number, c.* FROM pggit_excellence._catalog_objects() AS c
    ),
    records AS MATERIALIZED (
        -- A name counts once, whatever branches have it.
        SELECT pg_catalog.row_number() OVER () AS number, o.object_type::text COLLATE "C" AS object_type,
               o.schema_name COLLATE "C" AS schema_name, o.object_name COLLATE "C" AS object_name,
               pg_catalog.bool_or(COALESCE(o.branch_name, 'main') = 'main') AS on_main
        FROM pggit.objects AS o
        WHERE o.is_active
          AND o.schema_name <> 'information_schema' AND o.schema_name !~ '^(pg_|pggit$|pggit_)'
        GROUP BY o.object_type, o.schema_name, o.object_name
    ),
    -- schema_name NULL: in a record of any schema. The same name twice does no harm.
    spellings AS MATERIALIZED (
        SELECT o.number, o.object_type, CASE WHEN o.object_type <> 'SCHEMA' THEN o.schema_name END AS schema_name, n.name,
               true AS right_name
        FROM objects AS o
        CROSS JOIN LATERAL pg_catalog.unnest(o.names) AS n (name)
        UNION ALL
        SELECT o.number, o.object_type, CASE WHEN n.name !~ '[.]|^[0-9]+$' THEN o.schema_name END, n.name, false
        FROM objects AS o
        CROSS JOIN LATERAL pg_catalog.unnest(o.aliases) AS n (name)
    ),
    matches AS MATERIALIZED (
        SELECT s.number AS object_number, r.number AS record_number, r.object_name AS recorded_as, s.right_name
        FROM spellings AS s
        JOIN records AS r
          ON r.object_type = s.object_type COLLATE "C" AND r.schema_name = s.schema_name COLLATE "C"
         AND r.object_name = s.name COLLATE "C"
        UNION ALL
        SELECT s.number, r.number, r.object_name, s.right_name
        FROM spellings AS s
        JOIN records AS r ON r.object_type = s.object_type COLLATE "C" AND r.object_name = s.name COLLATE "C"
        WHERE s.schema_name IS NULL
    ),
    found AS (
        SELECT m.object_number, pg_catalog.bool_or(m.right_name) AS right_name,
               pg_catalog.min(m.recorded_as COLLATE "C") FILTER (WHERE m.right_name) AS right_record,
               pg_catalog.min(m.recorded_as COLLATE "C") AS any_record
        FROM matches AS m
        GROUP BY m.object_number
    )
    SELECT o.object_type, o.schema_name, o.object_name, COALESCE(f.right_record, f.any_record),
           CASE WHEN f.right_name THEN 'tracked' WHEN f.object_number IS NOT NULL THEN 'wrong name' ELSE 'missed' END
    FROM objects AS o
    LEFT JOIN found AS f ON f.object_number = o.number
    WHERE NOT o.member
    UNION ALL
    SELECT r.object_type, r.schema_name, r.object_name, r.object_name, 'stale'
    FROM records AS r
    WHERE r.on_main AND NOT EXISTS (SELECT FROM matches AS m WHERE m.record_number = r.number);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_matches() IS
    'Internal: every object that is in the catalog or in pggit.objects, with the verdict tracked, wrong name, missed or stale. Some 2 s for 10,000 tables of ten columns. Source: catalogs, pggit.objects.';
