-- Everything that is granted in this database, an entry for each object and grantee. Owners come with the privilege OWNER.

-- Privileges on settings; the catalog exists from PostgreSQL 15.
CREATE FUNCTION pggit_excellence._parameter_acls()
RETURNS TABLE (parameter text, acl aclitem[])
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
        RETURN QUERY EXECUTE 'SELECT p.parname, p.paracl FROM pg_catalog.pg_parameter_acl AS p';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._parameter_acls() IS
    'Internal: privileges on settings; no rows before PostgreSQL 15. Source: pg_parameter_acl.';

-- Objects with their owner and privileges; of the system's own only those whose privileges somebody changed.
CREATE FUNCTION pggit_excellence._access_objects()
RETURNS TABLE (object_type text, schema_name text, object_name text, owner oid, acl aclitem[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH object AS (
        SELECT 'schema' AS object_type, n.nspname AS schema_name, quote_ident(n.nspname) AS object_name, n.nspowner AS owner,
               n.nspacl AS acl, acldefault('n', n.nspowner) AS unset, 'pg_namespace'::regclass AS catalog, n.oid AS oid, 0 AS part
        FROM pg_namespace AS n
        UNION ALL
        SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                              WHEN 'f' THEN 'foreign table' ELSE 'table' END,
               n.nspname, quote_ident(c.relname), c.relowner,
               c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner), 'pg_class'::regclass, c.oid, 0
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        UNION ALL
        SELECT 'column', n.nspname, quote_ident(c.relname) || '.' || quote_ident(a.attname), NULL,
               a.attacl, '{}', 'pg_class'::regclass, c.oid, a.attnum
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
        UNION ALL
        SELECT 'routine', n.nspname, format('%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)), p.proowner,
               p.proacl, acldefault('f', p.proowner), 'pg_proc'::regclass, p.oid, 0
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    )
    SELECT o.object_type, o.schema_name::text, o.object_name, o.owner, COALESCE(o.acl, o.unset)
    FROM object AS o
    LEFT JOIN pg_init_privs AS i ON i.objoid = o.oid AND i.classoid = o.catalog AND i.objsubid = o.part AND i.privtype = 'i'
    WHERE o.schema_name NOT LIKE 'pg\_temp\_%' AND o.schema_name NOT LIKE 'pg\_toast%'
      AND (o.schema_name NOT IN ('pg_catalog', 'information_schema') OR o.acl IS DISTINCT FROM i.initprivs)
    UNION ALL
    SELECT 'database', NULL, pggit_excellence._name_as_text(quote_ident(d.datname)), d.datdba, COALESCE(d.datacl, acldefault('d', d.datdba))
    FROM pg_database AS d WHERE d.datname = current_database()
    UNION ALL
    SELECT 'language', NULL, quote_ident(l.lanname), l.lanowner, COALESCE(l.lanacl, acldefault('l', l.lanowner))
    FROM pg_language AS l WHERE l.lanispl
    UNION ALL
    SELECT 'foreign server', NULL, quote_ident(s.srvname), s.srvowner, COALESCE(s.srvacl, acldefault('S', s.srvowner))
    FROM pg_foreign_server AS s
    UNION ALL
    SELECT 'tablespace', NULL, pggit_excellence._name_as_text(quote_ident(t.spcname)), t.spcowner, COALESCE(t.spcacl, acldefault('t', t.spcowner))
    FROM pg_tablespace AS t WHERE t.spcname NOT LIKE 'pg\_%'
    UNION ALL
    SELECT 'parameter', NULL, p.parameter, NULL, p.acl FROM pggit_excellence._parameter_acls() AS p
$body$;
COMMENT ON FUNCTION pggit_excellence._access_objects() IS
    'Internal: objects with owner (OID, for this call only; NULL: it has none of its own) and privileges, defaults filled in; system objects only where their privileges differ from those of initdb.';

CREATE FUNCTION pggit_excellence._access_grants()
RETURNS TABLE (object_type text, schema_name text, object_name text, grantee oid, privileges text[], grantable text[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH object AS MATERIALIZED (
        SELECT a.* FROM pggit_excellence._access_objects() AS a
    )
    SELECT o.object_type, o.schema_name, o.object_name, x.grantee,
           array_agg(DISTINCT x.privilege_type), array_agg(DISTINCT x.privilege_type) FILTER (WHERE x.is_grantable)
    FROM object AS o CROSS JOIN LATERAL aclexplode(o.acl) AS x
    WHERE x.grantee IS DISTINCT FROM o.owner
      -- initdb grants these before it notes what was there in the beginning.
      AND NOT (o.schema_name = 'information_schema' AND x.grantee = 0 AND x.privilege_type IN ('SELECT', 'USAGE'))
    GROUP BY o.object_type, o.schema_name, o.object_name, x.grantee
    UNION ALL
    SELECT o.object_type, o.schema_name, o.object_name, o.owner, '{OWNER}', NULL
    FROM object AS o
    WHERE o.owner IS NOT NULL AND (o.schema_name IS NULL OR o.schema_name NOT IN ('pg_catalog', 'information_schema'))
$body$;
COMMENT ON FUNCTION pggit_excellence._access_grants() IS
    'Internal: privileges of each grantee (OID, for this call only; 0: PUBLIC) on each object; OWNER stands for everything. schema_name is unquoted, NULL: in none; object_name is quoted. grantable: with grant option, NULL: none.';
