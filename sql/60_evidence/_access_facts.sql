-- What decides who may do what, as facts that two servers or two days can be compared by: names, no OIDs.
CREATE FUNCTION pggit_excellence._access_facts()
RETURNS TABLE (fact_type text, role_name text, object_type text, object_name text, value text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET TimeZone = 'UTC'
SET DateStyle = 'ISO'
AS $body$
    WITH role AS MATERIALIZED (
        SELECT r.*, pggit_excellence._name_as_text(quote_ident(r.rolname)) AS name FROM pg_roles AS r
    )
    SELECT 'attributes', r.name, 'role', r.name,
           concat_ws(' ',
               CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcanlogin THEN 'LOGIN' END,
               CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
               CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
               CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END,
               CASE WHEN r.rolconnlimit >= 0 THEN 'CONNECTION LIMIT ' || r.rolconnlimit END,
               'VALID UNTIL ' || r.rolvaliduntil)
    FROM role AS r WHERE r.rolname NOT LIKE 'pg\_%'
    UNION ALL
    -- Before 16 a membership has no options of its own: to_jsonb() reads them where they are.
    SELECT 'membership', member.name, 'role', granted.name,
           concat_ws(' ',
               CASE WHEN bool_or(COALESCE((to_jsonb(m) ->> 'inherit_option')::boolean, member.rolinherit)) THEN 'INHERIT' END,
               CASE WHEN bool_or(COALESCE((to_jsonb(m) ->> 'set_option')::boolean, true)) THEN 'SET' END,
               CASE WHEN bool_or(m.admin_option) THEN 'ADMIN' END)
    FROM pg_auth_members AS m
    JOIN role AS member ON member.oid = m.member
    JOIN role AS granted ON granted.oid = m.roleid
    WHERE member.rolname NOT LIKE 'pg\_%'
    GROUP BY member.name, granted.name
    UNION ALL
    SELECT CASE WHEN g.privileges = '{OWNER}' THEN 'ownership' ELSE 'grant' END, COALESCE(r.name, 'PUBLIC'),
           g.object_type, concat_ws('.', CASE WHEN g.object_type <> 'schema' THEN quote_ident(g.schema_name) END, g.object_name),
           CASE WHEN g.privileges = '{OWNER}' THEN ''
                ELSE (SELECT string_agg(p.name || CASE WHEN p.name = ANY (g.grantable) THEN '*' ELSE '' END, ', ' ORDER BY p.name COLLATE "C")
                      FROM unnest(g.privileges) AS p (name)) END
    FROM pggit_excellence._access_grants() AS g
    LEFT JOIN role AS r ON r.oid = g.grantee
    UNION ALL
    SELECT 'default privileges', COALESCE(r.name, 'PUBLIC'),
           CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'routine' WHEN 'T' THEN 'type'
                                WHEN 'n' THEN 'schema' ELSE 'large object' END,
           'made by ' || maker.name || COALESCE(' in schema ' || quote_ident(n.nspname), ''),
           string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY x.privilege_type COLLATE "C")
    FROM pg_default_acl AS d
    JOIN role AS maker ON maker.oid = d.defaclrole
    CROSS JOIN LATERAL aclexplode(d.defaclacl) AS x
    LEFT JOIN role AS r ON r.oid = x.grantee
    LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
    WHERE x.grantee <> d.defaclrole
    GROUP BY 2, 3, 4
$body$;
COMMENT ON FUNCTION pggit_excellence._access_facts() IS
    'Internal: attributes and memberships of roles, owners, grants and default privileges of this database, by names; see the columns of access_snapshot_changes. Roles whose name begins with pg_ appear as what others are members of.';

-- The facts that held when a snapshot was taken. NULL: that hold now.
CREATE FUNCTION pggit_excellence._access_facts_at(snapshot_id bigint)
RETURNS TABLE (fact_type text, role_name text, object_type text, object_name text, value text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT f.fact_type, f.role_name, f.object_type, f.object_name, f.value
    FROM pggit_excellence._access_facts() AS f WHERE _access_facts_at.snapshot_id IS NULL
    UNION ALL
    -- A fact comes and goes in turn: what was added once more than it was removed holds.
    SELECT c.fact_type, c.role_name, c.object_type, c.object_name, c.value
    FROM pggit_excellence.access_snapshot_changes AS c
    WHERE c.snapshot_id <= _access_facts_at.snapshot_id
    GROUP BY c.fact_type, c.role_name, c.object_type, c.object_name, c.value
    HAVING count(*) FILTER (WHERE c.added) > count(*) FILTER (WHERE NOT c.added)
$body$;
COMMENT ON FUNCTION pggit_excellence._access_facts_at(bigint) IS
    'Internal: the facts of a snapshot, put together from access_snapshot_changes; NULL: those of now, from the catalog.';

-- A fact as the text that is hashed.
CREATE FUNCTION pggit_excellence._access_fact_line(fact_type text, role_name text, object_type text, object_name text, value text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT jsonb_build_array(fact_type, role_name, object_type, object_name, value)::text
$body$;
COMMENT ON FUNCTION pggit_excellence._access_fact_line(text, text, text, text, text) IS
    'Internal: a fact as JSON array, the line that facts_sha256 of access_snapshots is made of.';

CREATE FUNCTION pggit_excellence._sha256_of_lines(lines text[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT encode(sha256(pggit_excellence._hashed_text(COALESCE(string_agg(l.line, E'\n' ORDER BY l.line COLLATE "C"), ''))), 'hex')
    FROM unnest(lines) AS l (line)
$body$;
COMMENT ON FUNCTION pggit_excellence._sha256_of_lines(text[]) IS
    'Internal: SHA-256 (hexadecimal) of lines in byte order, as UTF-8 with a line feed between.';

-- Whether the log of changes still adds up to what a snapshot said.
CREATE FUNCTION pggit_excellence._access_snapshot_intact(snapshot_id bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT s.facts_sha256 = pggit_excellence._sha256_of_lines(ARRAY(
               SELECT pggit_excellence._access_fact_line(f.fact_type, f.role_name, f.object_type, f.object_name, f.value)
               FROM pggit_excellence._access_facts_at(s.snapshot_id) AS f))
    FROM pggit_excellence.access_snapshots AS s WHERE s.snapshot_id = _access_snapshot_intact.snapshot_id
$body$;
COMMENT ON FUNCTION pggit_excellence._access_snapshot_intact(bigint) IS
    'Internal: whether access_snapshot_changes adds up to the SHA-256 that the snapshot noted. NULL: no such snapshot.';
