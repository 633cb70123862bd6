-- What PUBLIC loses: one row per schema, type of object and set of privileges, so that a review reads a few statements.
--   minimal   what lets PUBLIC write or create; reading and calling stay
--   standard  everything in pgGit's schemas
--   strict    CREATE on schema public as well
-- details: what undo() needs, the privileges and the objects.
CREATE FUNCTION pggit_excellence._harden_public(profile text)
RETURNS TABLE (kind text, schema_name text, relation_name text, item text, statement text, undo_statement text, reason text, details text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH held AS MATERIALIZED (
        SELECT o.what, o.schema_name, o.object_name, o.identity,
               ARRAY(SELECT u.privilege
                     FROM pg_catalog.unnest(pggit_excellence._privileges(o.acl, o.owner, 0, o.catalog, o.object_oid)) AS u (privilege)
                     WHERE profile <> 'minimal' OR o.what = 'SEQUENCE' OR u.privilege !~ '^(SELECT|USAGE|EXECUTE)\M') AS privileges
        FROM pggit_excellence._pggit_objects() AS o
        UNION ALL
        SELECT o.what, o.schema_name, o.object_name, o.identity, ARRAY['CREATE']
        FROM pggit_excellence._privileged_objects(ARRAY(
            SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'public')) AS o
        WHERE profile = 'strict' AND o.what = 'SCHEMA'
          AND 'CREATE' = ANY (pggit_excellence._privileges(o.acl, o.owner, 0, o.catalog, o.object_oid))
    )
    SELECT 'public privileges', h.schema_name, '', pg_catalog.array_to_string(h.privileges, ', ') || ' on ' || h.what,
           pg_catalog.format('REVOKE %s ON %s %s FROM PUBLIC', pg_catalog.array_to_string(h.privileges, ', '), h.what,
                             pg_catalog.string_agg(h.identity, ', ' ORDER BY h.object_name COLLATE "C")),
           pg_catalog.format('GRANT %s ON %s %s TO PUBLIC', pg_catalog.array_to_string(h.privileges, ', '), h.what,
                             pg_catalog.string_agg(h.identity, ', ' ORDER BY h.object_name COLLATE "C")),
           CASE WHEN h.schema_name = 'public' THEN 'Everybody may put functions where others look for theirs.'
                WHEN h.what = 'TABLE' AND h.privileges && ARRAY['INSERT', 'UPDATE', 'DELETE']
                    THEN 'Everybody may change what pgGit recorded, and plant statements that a superuser runs later.'
                WHEN h.what = 'SCHEMA' AND 'CREATE' = ANY (h.privileges)
                    THEN 'Everybody may put objects into a schema of pgGit''s.'
                ELSE 'Everybody may ' || CASE h.what WHEN 'SCHEMA' THEN 'use pgGit''s schema.' WHEN 'SEQUENCE' THEN 'draw pgGit''s numbers.'
                                                     WHEN 'ROUTINE' THEN 'call pgGit''s functions.' ELSE 'read what pgGit recorded.' END END,
           pg_catalog.jsonb_build_object(
               'privileges', h.privileges, 'of', pg_catalog.jsonb_agg(h.object_name ORDER BY h.object_name COLLATE "C"))::text
    FROM held AS h
    WHERE h.privileges <> '{}'
    GROUP BY h.schema_name, h.what, h.privileges
    ORDER BY h.schema_name, h.what, 4
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_public(text) IS
    'Internal: the part of harden() that takes privileges from PUBLIC.';

-- What named roles lose, in every profile: see _meddling_privileges().
CREATE FUNCTION pggit_excellence._harden_grants()
RETURNS TABLE (kind text, schema_name text, relation_name text, item text, statement text, undo_statement text, reason text, details text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'taken privileges', m.schema_name, m.role_name, m.privilege || ' on ' || m.what,
           pg_catalog.format('REVOKE %s ON %s %s FROM %I', m.privilege, m.what,
                             pg_catalog.string_agg(m.identity, ', ' ORDER BY m.object_name COLLATE "C"), m.role_name),
           pg_catalog.format('GRANT %s ON %s %s TO %I', m.privilege, m.what,
                             pg_catalog.string_agg(m.identity, ', ' ORDER BY m.object_name COLLATE "C"), m.role_name),
           'It could have pgGit''s event triggers run functions of its own with their owner''s rights.',
           pg_catalog.jsonb_build_object('privileges', ARRAY[m.privilege],
                                         'of', pg_catalog.jsonb_agg(m.object_name ORDER BY m.object_name COLLATE "C"))::text
    FROM pggit_excellence._meddling_privileges() AS m
    WHERE m.removable
    GROUP BY m.schema_name, m.role_name, m.what, m.privilege
    ORDER BY m.schema_name, m.role_name, 4
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_grants() IS
    'Internal: the part of harden() that takes CREATE in pgGit''s schemas and TRIGGER on its tables from other roles.';

-- What roles get, now that PUBLIC has nothing: those of create_roles() and pg_monitor what they need to read, and roles that
-- were given something in one of pgGit's schemas the USAGE that they had as everybody.
CREATE FUNCTION pggit_excellence._harden_roles()
RETURNS TABLE (kind text, schema_name text, relation_name text, item text, statement text, undo_statement text, reason text, details text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH object AS MATERIALIZED (
        SELECT o.* FROM pggit_excellence._pggit_objects() AS o
    ),
    reader AS MATERIALIZED (
        SELECT r.oid, r.rolname, r.rolname IN ('pggit_excellence_auditor', 'pggit_excellence_operator') AS of_all
        FROM pg_catalog.pg_roles AS r WHERE r.rolname = ANY (pggit_excellence._readers())
    ),
    wish (what, object_oid, privilege, grantee, reason) AS (
        SELECT s.what, s.object_oid, 'USAGE', r.oid, 'It reads pgGit''s tables through this extension.'
        FROM object AS s CROSS JOIN reader AS r WHERE s.what = 'SCHEMA'
        UNION ALL
        SELECT s.what, s.object_oid, 'USAGE', r.oid, 'It has rights in this schema and used it as everybody could.'
        FROM object AS s CROSS JOIN pg_catalog.pg_roles AS r
        WHERE s.what = 'SCHEMA' AND NOT r.rolsuper AND r.rolname <> ALL (pggit_excellence._readers()) AND EXISTS (
            SELECT FROM object AS o CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
            WHERE o.schema_name = s.schema_name AND a.grantee = r.oid AND a.grantee <> s.owner)
        UNION ALL
        SELECT t.what, t.object_oid, 'SELECT', r.oid, CASE WHEN r.of_all THEN 'It reads all that pgGit recorded.'
                                                           ELSE 'It reads the objects and changes that pgGit recorded.' END
        FROM object AS t CROSS JOIN reader AS r
        WHERE t.what = 'TABLE' AND (r.of_all OR t.schema_name = 'pggit' AND t.object_name IN ('objects', 'history'))
        UNION ALL
        SELECT f.what, f.object_oid, 'EXECUTE', r.oid, 'A view that it reads calls these functions.'
        FROM object AS f CROSS JOIN reader AS r
        WHERE f.what = 'ROUTINE' AND r.of_all AND EXISTS (
            SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = f.object_oid
              AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass)
    )
    SELECT 'role privileges', o.schema_name, r.rolname::text, w.privilege || ' on ' || o.what,
           pg_catalog.format('GRANT %s ON %s %s TO %I', w.privilege, o.what,
                             pg_catalog.string_agg(o.identity, ', ' ORDER BY o.object_name COLLATE "C"), r.rolname),
           pg_catalog.format('REVOKE %s ON %s %s FROM %I', w.privilege, o.what,
                             pg_catalog.string_agg(o.identity, ', ' ORDER BY o.object_name COLLATE "C"), r.rolname),
           w.reason,
           pg_catalog.jsonb_build_object('privileges', ARRAY[w.privilege],
                                         'of', pg_catalog.jsonb_agg(o.object_name ORDER BY o.object_name COLLATE "C"))::text
    FROM wish AS w
    JOIN object AS o ON o.what = w.what AND o.object_oid = w.object_oid
    JOIN pg_catalog.pg_roles AS r ON r.oid = w.grantee
    WHERE o.owner <> r.oid
      AND w.privilege <> ALL (pggit_excellence._privileges(o.acl, o.owner, r.oid, o.catalog, o.object_oid))
    GROUP BY o.schema_name, o.what, w.privilege, w.reason, r.rolname
    ORDER BY o.schema_name, r.rolname, 4
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_roles() IS
    'Internal: the part of harden() that grants roles what they need in pgGit''s schemas: readers objects and history, auditor and operator all tables.';

-- Default privileges that would give PUBLIC rights on what is created in pgGit's schemas later.
CREATE FUNCTION pggit_excellence._harden_defaults()
RETURNS TABLE (kind text, schema_name text, relation_name text, item text, statement text, undo_statement text, reason text, details text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'default privileges', n.nspname::text, r.rolname::text, pggit_excellence._default_type(d.defaclobjtype),
           pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I REVOKE %s ON %s FROM PUBLIC', r.rolname, n.nspname,
                             pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type),
                             pggit_excellence._default_type(d.defaclobjtype)),
           pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT %s ON %s TO PUBLIC', r.rolname, n.nspname,
                             pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type),
                             pggit_excellence._default_type(d.defaclobjtype)),
           'Whatever this role creates here would be everybody''s.',
           pg_catalog.jsonb_build_object('privileges', pg_catalog.jsonb_agg(a.privilege_type ORDER BY a.privilege_type))::text
    FROM pg_catalog.pg_default_acl AS d
    JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
    JOIN pg_catalog.pg_roles AS r ON r.oid = d.defaclrole
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
    WHERE n.oid = ANY (pggit_excellence._scope(NULL)) AND a.grantee = 0 AND a.grantor = d.defaclrole
    GROUP BY n.nspname, r.rolname, d.defaclobjtype
    ORDER BY n.nspname, r.rolname, d.defaclobjtype
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_defaults() IS
    'Internal: the part of harden() that takes default privileges in pgGit''s schemas from PUBLIC. Source: pg_default_acl.';

CREATE FUNCTION pggit_excellence._default_type(code "char")
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE code WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' END
$body$;
COMMENT ON FUNCTION pggit_excellence._default_type("char") IS
    'Internal: the type of objects of a row of pg_default_acl, as ALTER DEFAULT PRIVILEGES has it.';
