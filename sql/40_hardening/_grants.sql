-- What roles were granted, with the SQL that takes it back: for the checks of privileges.

-- A REVOKE that works although another role than the owner granted: a superuser's REVOKE counts as the owner's.
--   swept  the grantor's own privilege is revoked in the same remediation, with CASCADE: then this one needs no statement
CREATE FUNCTION pggit_excellence._as_grantor(statement text, grantor oid, owner oid, swept boolean)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN grantor = owner THEN statement
                WHEN swept AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.oid = grantor) THEN NULL
                ELSE pg_catalog.format(E'SET ROLE %I;\n%s;\nRESET ROLE', pg_catalog.pg_get_userbyid(grantor), statement) END
$body$;
COMMENT ON FUNCTION pggit_excellence._as_grantor(text, oid, oid, boolean) IS
    'Internal: the statement, run as the grantor where that is not the owner; NULL where another REVOKE sweeps it away (swept).';

-- Privileges on tables, views and sequences (columns included) that others than the owner and superusers have.
--   whose        pggit or user, see _schema_kind()
--   sequences    of sequences, or of everything else
--   wanted       which privileges
--   only_public  those of PUBLIC alone
CREATE FUNCTION pggit_excellence._relation_grants(whose text, sequences boolean, wanted text[], only_public boolean)
RETURNS TABLE (relation oid, relation_name text, item text, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT g.oid, g.relname::text,
           pg_catalog.format('%I.%I: %s for %s', g.nspname, g.relname, g.privileges, pggit_excellence._grantee(g.grantee)),
           pggit_excellence._as_grantor(pg_catalog.format('REVOKE %s ON %s %I.%I FROM %s%s', g.privileges,
               CASE WHEN sequences THEN 'SEQUENCE' ELSE 'TABLE' END, g.nspname, g.relname, pggit_excellence._grantee(g.grantee),
               CASE WHEN g.grantable THEN ' CASCADE' ELSE '' END), g.grantor, g.relowner, NOT only_public)
    FROM (
        SELECT c.oid, n.nspname, c.relname, c.relowner, a.grantor, a.grantee, pg_catalog.bool_or(a.is_grantable) AS grantable,
               pg_catalog.string_agg(a.privilege_type || COALESCE(' (' || pg_catalog.quote_ident(l.attname) || ')', ''), ', '
                                     ORDER BY a.privilege_type, l.attname) AS privileges
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL (
            SELECT NULL::name AS attname, c.relacl AS acl
            UNION ALL
            SELECT t.attname, t.attacl FROM pg_catalog.pg_attribute AS t WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL AND NOT t.attisdropped
        ) AS l
        CROSS JOIN LATERAL pg_catalog.aclexplode(l.acl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        WHERE pggit_excellence._schema_kind(n.nspname) = whose AND (c.relkind = 'S') = sequences AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND a.privilege_type = ANY (wanted) AND a.grantee <> c.relowner AND r.rolsuper IS NOT TRUE
          AND (a.grantee = 0 OR NOT only_public)
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS e
            WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.deptype = 'e')
        GROUP BY c.oid, n.nspname, c.relname, c.relowner, a.grantor, a.grantee
    ) AS g
$body$;
COMMENT ON FUNCTION pggit_excellence._relation_grants(text, boolean, text[], boolean) IS
    'Internal: privileges on relations that others than owner and superusers have: what it is, and the REVOKE. Extensions'' own objects are left out. Source: pg_class, pg_attribute.';

-- Privileges on schemas, the same way.
CREATE FUNCTION pggit_excellence._schema_grants(whose text, wanted text, only_public boolean)
RETURNS TABLE (schema_name text, item text, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT n.nspname::text,
           pg_catalog.format('%I: %s for %s', n.nspname, a.privilege_type, pggit_excellence._grantee(a.grantee)),
           pggit_excellence._as_grantor(pg_catalog.format('REVOKE %s ON SCHEMA %I FROM %s%s', a.privilege_type, n.nspname,
               pggit_excellence._grantee(a.grantee), CASE WHEN a.is_grantable THEN ' CASCADE' ELSE '' END), a.grantor, n.nspowner, NOT only_public)
    FROM pg_catalog.pg_namespace AS n
    CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
    WHERE pggit_excellence._schema_kind(n.nspname) = whose AND a.privilege_type = wanted
      AND a.grantee <> n.nspowner AND r.rolsuper IS NOT TRUE AND (a.grantee = 0 OR NOT only_public)
$body$;
COMMENT ON FUNCTION pggit_excellence._schema_grants(text, text, boolean) IS
    'Internal: a privilege on schemas that others than owner and superusers have: what it is, and the REVOKE. Source: pg_namespace.';

-- What objects that are made later give to PUBLIC beyond what PostgreSQL itself gives.
CREATE FUNCTION pggit_excellence._default_grants(whose text)
RETURNS TABLE (item text, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('%s made by %I%s: %s for PUBLIC', pg_catalog.lower(k.objects), r.rolname, COALESCE(' in schema ' || pg_catalog.quote_ident(n.nspname), ''),
                             a.privilege_type),
           pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE %s ON %s FROM PUBLIC', r.rolname,
                             COALESCE(' IN SCHEMA ' || pg_catalog.quote_ident(n.nspname), ''), a.privilege_type, k.objects)
    FROM pg_catalog.pg_default_acl AS d
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
    JOIN pg_catalog.pg_roles AS r ON r.oid = d.defaclrole
    JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES'), ('n', 'SCHEMAS'), ('L', 'LARGE OBJECTS'))
        AS k (letter, objects) ON k.letter = d.defaclobjtype::text
    LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = d.defaclnamespace
    WHERE a.grantee = 0 AND pggit_excellence._schema_kind(n.nspname) = whose
      AND NOT (d.defaclnamespace = 0 AND d.defaclobjtype IN ('f', 'T'))
$body$;
COMMENT ON FUNCTION pggit_excellence._default_grants(text) IS
    'Internal: default privileges that give something to PUBLIC: what it is, and the statement that ends it. Source: pg_default_acl.';

-- Who is a direct member of these roles, superusers left out.
CREATE FUNCTION pggit_excellence._members(roles text[])
RETURNS TABLE (item text, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('%I is a member of %I', u.rolname, r.rolname),
           pggit_excellence._revoke_role('', m.roleid, m.member, m.grantor)
    FROM pg_catalog.pg_auth_members AS m
    JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
    JOIN pg_catalog.pg_roles AS u ON u.oid = m.member
    WHERE r.rolname = ANY (roles) AND NOT u.rolsuper
$body$;
COMMENT ON FUNCTION pggit_excellence._members(text[]) IS
    'Internal: members of roles, superusers left out: who, and the REVOKE. Source: pg_auth_members.';

-- REVOKE of a membership. From 16 on it has a grantor, and is only revoked in his name.
--   what  empty, or ADMIN OPTION FOR
CREATE FUNCTION pggit_excellence._revoke_role(what text, role_id oid, member_id oid, grantor_id oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('REVOKE %s%I FROM %I%s CASCADE', what, pg_catalog.pg_get_userbyid(role_id), pg_catalog.pg_get_userbyid(member_id),
        CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000
             THEN ' GRANTED BY ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantor_id)) ELSE '' END)
$body$;
COMMENT ON FUNCTION pggit_excellence._revoke_role(text, oid, oid, oid) IS
    'Internal: the statement that ends a membership, or its ADMIN OPTION.';
