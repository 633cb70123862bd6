-- Who can do what, and through what: for the person who has to sign that it is right.

CREATE FUNCTION pggit_excellence._review_schemas(schemas text[])
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN ARRAY(
        SELECT n.nspname::text FROM pg_catalog.pg_namespace AS n
        WHERE CASE WHEN schemas IS NULL THEN n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%'
                   ELSE n.oid = ANY (pggit_excellence._scope(schemas)) END
    );
END
$body$;
COMMENT ON FUNCTION pggit_excellence._review_schemas(text[]) IS
    'Internal: names of the schemas that access_review() looks at (NULL: pgGit''s and ours; {*}: all but the system''s).';

-- Which role has the rights of which other one: itself, or as a member. Superusers are left out, they have all.
CREATE FUNCTION pggit_excellence._role_reach()
RETURNS TABLE (role_name text, can_login boolean, valid_until timestamptz, reached oid, reached_name text, inherits boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT r.rolname::text, r.rolcanlogin, r.rolvaliduntil, g.oid, g.rolname::text, r.oid = g.oid OR pg_has_role(r.oid, g.oid, 'USAGE')
    FROM pg_roles AS r CROSS JOIN pg_roles AS g
    WHERE NOT r.rolsuper AND (r.oid = g.oid OR (r.rolname NOT LIKE 'pg\_%' AND pg_has_role(r.oid, g.oid, 'MEMBER')))
$body$;
COMMENT ON FUNCTION pggit_excellence._role_reach() IS
    'Internal: each role that is no superuser with itself and every role that it is a member of, directly or not (OID for this call only); inherits false: only after SET ROLE.';

--   schemas  NULL: pgGit's schemas and ours; ARRAY['*']: every schema that is not the system's
CREATE FUNCTION pggit_excellence.access_review(schemas text[] DEFAULT NULL)
RETURNS TABLE (
    role_name text, can_login boolean, object_type text, schema_name text, privileges text[], grantable text[],
    granted_through text, object_count bigint, objects text[], note text
)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
SET TimeZone = 'UTC'
AS $body$
    WITH reach AS MATERIALIZED (
        SELECT x.* FROM pggit_excellence._role_reach() AS x
    ), held AS MATERIALIZED (
        -- Before the roles come in: a thousand members of a group share the array of its objects.
        SELECT g.object_type, g.schema_name, g.privileges, g.grantable, g.grantee, count(*) AS object_count,
               array_agg(g.object_name ORDER BY g.object_name COLLATE "C") AS objects
        FROM pggit_excellence._access_grants() AS g
        WHERE g.schema_name IS NULL
           OR g.schema_name = ANY ((SELECT pggit_excellence._review_schemas(access_review.schemas))::text[])
           -- What somebody granted on the system's own functions and tables counts everywhere.
           OR g.schema_name IN ('pg_catalog', 'information_schema')
        GROUP BY g.object_type, g.schema_name, g.privileges, g.grantable, g.grantee
    ), entry AS (
        SELECT r.rolname::text AS role_name, r.rolcanlogin AS can_login, r.rolvaliduntil AS valid_until, 'everything' AS object_type,
               NULL::text AS schema_name, '{ALL}'::text[] AS privileges, NULL::text[] AS grantable, 'superuser' AS through,
               true AS inherits, NULL::bigint AS object_count, NULL::text[] AS objects
        FROM pg_roles AS r WHERE r.rolsuper
        UNION ALL
        SELECT r.rolname, r.rolcanlogin, r.rolvaliduntil, 'cluster', NULL, ARRAY[a.name], NULL, 'attribute of the role', true, NULL, NULL
        FROM pg_roles AS r
        CROSS JOIN LATERAL (VALUES ('CREATEROLE', r.rolcreaterole), ('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication),
                                   ('BYPASSRLS', r.rolbypassrls)) AS a (name, has)
        WHERE a.has AND NOT r.rolsuper
        UNION ALL
        SELECT m.role_name, m.can_login, m.valid_until, 'predefined role', NULL, '{MEMBER}', NULL, 'membership', m.inherits,
               count(*), array_agg(m.reached_name ORDER BY m.reached_name COLLATE "C")
        FROM reach AS m WHERE m.reached_name LIKE 'pg\_%' AND m.reached_name <> m.role_name
        GROUP BY m.role_name, m.can_login, m.valid_until, m.inherits
        UNION ALL
        SELECT 'PUBLIC', NULL, NULL, h.object_type, h.schema_name, h.privileges, h.grantable, 'PUBLIC', true, h.object_count, h.objects
        FROM held AS h WHERE h.grantee = 0
        UNION ALL
        SELECT m.role_name, m.can_login, m.valid_until, h.object_type, h.schema_name, h.privileges, h.grantable,
               CASE WHEN m.role_name <> m.reached_name THEN format('member of %I', m.reached_name)
                    WHEN h.privileges = '{OWNER}' THEN 'owner' ELSE 'grant' END,
               m.inherits, h.object_count, h.objects
        FROM held AS h JOIN reach AS m ON m.reached = h.grantee
    )
    SELECT e.role_name, e.can_login, e.object_type, e.schema_name, e.privileges, e.grantable, e.through, e.object_count, e.objects,
           NULLIF(concat_ws('; ',
               CASE WHEN NOT e.inherits THEN 'only after SET ROLE' END,
               CASE WHEN e.valid_until < statement_timestamp() THEN 'its password expired on ' || to_char(e.valid_until, 'YYYY-MM-DD') END,
               CASE WHEN e.through = 'PUBLIC' THEN 'every role, also those of tomorrow' END), '')
    FROM entry AS e
    ORDER BY e.role_name COLLATE "C", e.object_type COLLATE "C", e.schema_name COLLATE "C" NULLS FIRST, e.privileges, e.grantable,
             e.through COLLATE "C", e.inherits
$body$;
COMMENT ON FUNCTION pggit_excellence.access_review(text[]) IS
$comment$Who can do what in this database, objects of a schema with the same privileges in one row: for a review that a person signs. schemas NULL: pgGit's and this extension's; ARRAY['*']: all but the system's. Database, languages, foreign servers, tablespaces, settings and whatever somebody granted on system objects are always there.
role_name, schema_name: unquoted. can_login NULL: PUBLIC. object_type everything: a superuser; cluster: an attribute of the role; predefined role: membership in one whose name begins with pg_. privileges OWNER: everything, and to give it to others. grantable: those with grant option, NULL: none. granted_through: superuser, attribute of the role, owner, grant, PUBLIC, membership, or the role that it is a member of. objects: their names within the schema, quoted as SQL needs it, object_count of them; NULL: not about objects. Types are not looked at. Source: the catalogs of privileges. Locks nothing beyond reading.$comment$;
