-- What harden() and its undo know objects by. Names with types rather than OIDs, so that the log survives a dump.
CREATE FUNCTION pggit_excellence._signature(function_oid oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT p.proname::text || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')'
    FROM pg_catalog.pg_proc AS p WHERE p.oid = function_oid
$body$;
COMMENT ON FUNCTION pggit_excellence._signature(oid) IS
    'Internal: name and argument types of a routine, without its schema and without quotes, as action_log has them.';

-- The objects that privileges are about: schemas, and what is in them. what: as GRANT has it.
CREATE FUNCTION pggit_excellence._privileged_objects(schemas oid[])
RETURNS TABLE (what text, schema_name text, object_name text, identity text, owner oid, acl aclitem[], catalog regclass, object_oid oid)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 500
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'SCHEMA', n.nspname::text, '', pg_catalog.quote_ident(n.nspname), n.nspowner,
           COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner)), 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid
    FROM pg_catalog.pg_namespace AS n
    WHERE n.oid = ANY (schemas)
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname::text, c.relname::text,
           pg_catalog.format('%I.%I', n.nspname, c.relname), c.relowner,
           COALESCE(c.relacl, pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)),
           'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.oid = ANY (schemas) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'ROUTINE', n.nspname::text, pggit_excellence._signature(p.oid), p.oid::pg_catalog.regprocedure::text, p.proowner,
           COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner)), 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.oid = ANY (schemas)
$body$;
COMMENT ON FUNCTION pggit_excellence._privileged_objects(oid[]) IS
    'Internal: schemas, tables (views too), sequences and routines with their privileges, defaults included. identity: as SQL names it.';

-- Those of pgGit: in its schemas, but no member of an extension and none of the names that link_pggit() made.
CREATE FUNCTION pggit_excellence._pggit_objects()
RETURNS TABLE (what text, schema_name text, object_name text, identity text, owner oid, acl aclitem[], catalog regclass, object_oid oid)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 500
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT o.what, o.schema_name, o.object_name, o.identity, o.owner, o.acl, o.catalog, o.object_oid
    FROM pggit_excellence._privileged_objects(pggit_excellence._scope(NULL)) AS o
    WHERE o.identity NOT IN (SELECT lp.identity FROM pggit_excellence._link_present() AS lp WHERE lp.ours)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = o.catalog AND d.objid = o.object_oid AND d.objsubid = 0
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e')
$body$;
COMMENT ON FUNCTION pggit_excellence._pggit_objects() IS
    'Internal: pgGit''s schemas, tables, sequences and routines with their privileges, as _privileged_objects() has them.';

-- What one grantee may do with an object by its owner's grants, sorted; '{}': nothing. A column's privileges read
-- INSERT (name). grantee 0 is PUBLIC.
CREATE FUNCTION pggit_excellence._privileges(acl aclitem[], owner oid, grantee oid, catalog regclass, object_oid oid)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE(pg_catalog.array_agg(u.privilege ORDER BY u.privilege COLLATE "C"), '{}')
    FROM (
        SELECT a.privilege_type AS privilege
        FROM pg_catalog.aclexplode(acl) AS a
        WHERE a.grantee = _privileges.grantee AND a.grantor = owner
        UNION
        SELECT pg_catalog.format('%s (%I)', a.privilege_type, c.attname)
        FROM pg_catalog.pg_attribute AS c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) AS a
        WHERE catalog = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.attrelid = object_oid AND c.attacl IS NOT NULL
          AND NOT c.attisdropped AND a.grantee = _privileges.grantee AND a.grantor = owner
    ) AS u
$body$;
COMMENT ON FUNCTION pggit_excellence._privileges(aclitem[], oid, oid, regclass, oid) IS
    'Internal: the privileges of one grantee (0: PUBLIC) on an object, those of its columns too, sorted. Source: aclexplode.';
