-- Everything that CREATE EXTENSION and ALTER EXTENSION UPDATE must agree about: one row per property of each member.
-- No OIDs, no physical column numbers, sorted. Run it with search_path = pg_catalog, so that all names are qualified.
WITH extension AS (
    SELECT e.* FROM pg_extension AS e WHERE e.extname = %(extension)s
), member AS (
    SELECT d.classid, d.objid, i.type || ' ' || i.identity AS name
    FROM pg_depend AS d
    JOIN extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS i
), relation AS (
    SELECT m.name, c.* FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
), attribute AS (
    SELECT r.name || ' column ' || quote_ident(a.attname) AS label, r.oid AS relation, a.*,
           row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS position
    FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped
), part AS (  -- what belongs to a member without being one
    SELECT 'pg_class'::regclass AS classid, i.indexrelid AS objid, r.name || ' index ' || c.relname AS name,
           pg_get_indexdef(i.indexrelid) || format(' valid %%s replident %%s clustered %%s', i.indisvalid, i.indisreplident, i.indisclustered) AS definition
    FROM relation AS r JOIN pg_index AS i ON i.indrelid = r.oid JOIN pg_class AS c ON c.oid = i.indexrelid
    UNION ALL
    SELECT 'pg_constraint'::regclass, k.oid, r.name || ' constraint ' || k.conname,
           pg_get_constraintdef(k.oid) || format(' validated %%s', k.convalidated)
    FROM relation AS r JOIN pg_constraint AS k ON k.conrelid = r.oid
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, r.name || ' trigger ' || t.tgname,
           pg_get_triggerdef(t.oid) || format(' enabled %%s', t.tgenabled)
    FROM relation AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid, r.name || ' rule ' || w.rulename, pg_get_ruledef(w.oid) || format(' enabled %%s', w.ev_enabled)
    FROM relation AS r JOIN pg_rewrite AS w ON w.ev_class = r.oid
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, r.name || ' policy ' || p.polname,
           format('%%s %%s %%s using %%s check %%s', p.polcmd, p.polpermissive, p.polroles::regrole[],
                  pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation AS r JOIN pg_policy AS p ON p.polrelid = r.oid
), privilege AS (
    SELECT r.name, coalesce(r.relacl, acldefault(CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", r.relowner)) AS acl, r.relowner AS owner
    FROM relation AS r
    UNION ALL
    SELECT a.label, a.attacl, NULL FROM attribute AS a
    UNION ALL
    SELECT m.name, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
    FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    UNION ALL
    SELECT m.name, coalesce(n.nspacl, acldefault('n', n.nspowner)), n.nspowner
    FROM member AS m JOIN pg_namespace AS n ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid
    UNION ALL
    SELECT m.name, coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner
    FROM member AS m JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
), property (object, property, value) AS (
    SELECT 'extension', 'version and schema', e.extversion || ' ' || e.extnamespace::regnamespace FROM extension AS e
    UNION ALL
    SELECT 'extension', 'pg_dump carries the rows of ' || c.table::regclass, coalesce(nullif(c.condition, ''), 'all')
    FROM extension AS e, unnest(e.extconfig, e.extcondition) AS c ("table", condition)
    UNION ALL
    SELECT 'extension', 'depends on', pg_describe_object(d.refclassid, d.refobjid, 0)
    FROM extension AS e
    JOIN pg_depend AS d ON d.classid = 'pg_extension'::regclass AND d.objid = e.oid
    UNION ALL
    SELECT m.name, 'member', 'yes' FROM member AS m
    UNION ALL
    SELECT m.name, 'definition', pg_get_functiondef(p.oid)
    FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid WHERE p.prokind IN ('f', 'p', 'w')
    UNION ALL
    SELECT m.name, 'definition', (to_jsonb(a) - 'aggfnoid')::text
    FROM member AS m JOIN pg_aggregate AS a ON m.classid = 'pg_proc'::regclass AND m.objid = a.aggfnoid
    UNION ALL
    SELECT m.name, 'definition',
           format('%%s %%s function %%s tags %%s enabled %%s', e.evtname, e.evtevent, e.evtfoid::regprocedure, e.evttags, e.evtenabled)
    FROM member AS m JOIN pg_event_trigger AS e ON m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid
    UNION ALL
    SELECT m.name, 'definition',
           format('%%s base %%s notnull %%s default %%s constraints %%s labels %%s', t.typtype,
                  format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
                  ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint AS k WHERE k.contypid = t.oid ORDER BY 1),
                  ARRAY(SELECT l.enumlabel FROM pg_enum AS l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder))
    FROM member AS m JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
    UNION ALL
    SELECT r.name, 'storage',
           format('kind %%s persistence %%s options %%s rls %%s forced %%s identity %%s tablespace %%s', r.relkind, r.relpersistence,
                  r.reloptions, r.relrowsecurity, r.relforcerowsecurity, r.relreplident, r.reltablespace)
    FROM relation AS r
    UNION ALL
    SELECT r.name, 'sequence', format('%%s start %%s by %%s from %%s to %%s cache %%s cycle %%s', format_type(s.seqtypid, NULL),
           s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
    FROM relation AS r JOIN pg_sequence AS s ON s.seqrelid = r.oid
    UNION ALL
    SELECT a.label, 'column',
           format('position %%s %%s collation %%s notnull %%s default %%s identity %%s generated %%s storage %%s compression %%s options %%s',
                  a.position, format_type(a.atttypid, a.atttypmod), nullif(a.attcollation, 0)::regcollation, a.attnotnull,
                  pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression,
                  -- pg_attver is a stamp that Debian's 15.20 puts on each column by itself; no statement sets or resets it.
                  ARRAY(SELECT o FROM unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\_attver=%%' ORDER BY o))
    FROM attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT p.name, 'definition', p.definition FROM part AS p
    UNION ALL
    SELECT p.name, 'owner', p.owner::regrole::text FROM privilege AS p WHERE p.owner IS NOT NULL
    UNION ALL
    SELECT p.name, 'privileges', ARRAY(SELECT a::text FROM unnest(p.acl) AS a ORDER BY 1)::text FROM privilege AS p
    UNION ALL
    SELECT m.name, 'initial privileges', ARRAY(SELECT a::text FROM unnest(i.initprivs) AS a ORDER BY 1)::text
    FROM member AS m JOIN pg_init_privs AS i ON i.classoid = m.classid AND i.objoid = m.objid AND i.objsubid = 0
    UNION ALL
    SELECT m.name, 'comment', obj_description(m.objid, m.classid::regclass::name) FROM member AS m
    UNION ALL
    SELECT p.name, 'comment', obj_description(p.objid, p.classid::regclass::name) FROM part AS p
    UNION ALL
    SELECT a.label, 'comment', col_description(a.relation, a.attnum) FROM attribute AS a
)
SELECT p.object, p.property, coalesce(p.value, 'none') AS value
FROM property AS p
ORDER BY p.object COLLATE "C", p.property COLLATE "C", p.value COLLATE "C"
