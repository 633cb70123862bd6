-- The names in a list of identifiers, as search_path has them.
CREATE FUNCTION pggit_excellence._path_names(path text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ARRAY(
        SELECT COALESCE(pg_catalog.replace(m.part[1], '""', '"'), pg_catalog.lower(m.part[2]))
        FROM pg_catalog.regexp_matches(path, '"((?:[^"]|"")*)"|([^,"[:space:]]+)', 'g') WITH ORDINALITY AS m (part, "position")
        ORDER BY m."position"
    )
$body$;
COMMENT ON FUNCTION pggit_excellence._path_names(text) IS
    'Internal: the names in the text of a search_path, without quotes, in order.';

-- Which of the schemas others than `owner` and superusers may create in: by a grant, or because it is theirs.
-- PostgreSQL's pg_database_owner stands for the owner of the database.
CREATE FUNCTION pggit_excellence._weak_schemas(schema_names text[], owner oid)
RETURNS TABLE (schema_name text, grantee oid, owned boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT n.nspname::text, a.grantee, a.grantee = n.nspowner
    FROM pg_catalog.pg_namespace AS n
    CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a
    JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
    LEFT JOIN pg_catalog.pg_roles AS r
        ON r.oid = CASE pg_catalog.pg_get_userbyid(a.grantee) WHEN 'pg_database_owner' THEN d.datdba ELSE a.grantee END
    WHERE n.nspname = ANY (schema_names) AND a.privilege_type = 'CREATE'
      AND r.rolsuper IS NOT TRUE AND r.oid IS DISTINCT FROM _weak_schemas.owner
$body$;
COMMENT ON FUNCTION pggit_excellence._weak_schemas(text[], oid) IS
    'Internal: the schemas of a search_path in which roles may create that are neither owner nor superuser: schema, grantee (0: PUBLIC), whether the schema is his. Source: pg_namespace.';

-- What is wrong with a routine's search_path, or NULL. A pg_temp that is not named is looked at first, for tables and types.
--   config  pg_proc.proconfig
CREATE FUNCTION pggit_excellence._path_weakness(config text[], owner oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE
        WHEN s.path IS NULL THEN 'no search_path of its own'
        WHEN w.names IS NOT NULL THEN 'others may create in what its search_path names: ' || w.names
        WHEN '$user' = ANY (s.names) THEN 'its search_path names "$user"'
        WHEN s.names[pg_catalog.cardinality(s.names)] IS DISTINCT FROM 'pg_temp'
            THEN 'pg_temp is not last in its search_path, so temporary tables come before its own' END
    FROM (
        SELECT c.path, pggit_excellence._path_names(c.path) AS names
        FROM (SELECT (SELECT pg_catalog.substr(u.setting, 13) FROM pg_catalog.unnest(config) AS u (setting)
                      WHERE u.setting LIKE 'search\_path=%') AS path) AS c
    ) AS s
    CROSS JOIN LATERAL (
        SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(w.schema_name), ', ') AS names
        FROM pggit_excellence._weak_schemas(s.names, owner) AS w
    ) AS w
$body$;
COMMENT ON FUNCTION pggit_excellence._path_weakness(text[], oid) IS
    'Internal: why the search_path of a routine lets others put objects before those that it means; NULL: it does not.';

-- The SQL that gives a routine a safe search_path: the one that it has (or pg_catalog and its own schema) without what
-- others may create in, and pg_temp last. Its own schema stays; who may create there by a grant loses that.
--   target  the routine as ALTER names it
CREATE FUNCTION pggit_excellence._mend_path(target text, config text[], own_schema text, owner oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH named AS (
        SELECT COALESCE((
            SELECT pggit_excellence._path_names(pg_catalog.substr(u.setting, 13)) FROM pg_catalog.unnest(config) AS u (setting)
            WHERE u.setting LIKE 'search\_path=%'
        ), ARRAY['pg_catalog', own_schema]) AS names
    ), weak AS MATERIALIZED (
        SELECT w.schema_name, w.grantee, w.owned
        FROM named AS n CROSS JOIN LATERAL pggit_excellence._weak_schemas(n.names, owner) AS w
    ), parts AS (
        SELECT (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(u.name) || ', ', '' ORDER BY u."position")
                FROM named AS n CROSS JOIN LATERAL pg_catalog.unnest(n.names) WITH ORDINALITY AS u (name, "position")
                WHERE u.name NOT IN ('$user', 'pg_temp')
                  AND NOT EXISTS (SELECT FROM weak AS w WHERE w.schema_name = u.name AND (w.owned OR w.schema_name <> own_schema))
               ) AS path,
               (SELECT pg_catalog.string_agg(pg_catalog.format(E';\nREVOKE CREATE ON SCHEMA %I FROM %s', w.schema_name,
                                                               pggit_excellence._grantee(w.grantee)), '' ORDER BY w.grantee)
                FROM weak AS w WHERE w.schema_name = own_schema AND NOT w.owned) AS revokes
    )
    SELECT pg_catalog.format('ALTER %s SET search_path = %spg_temp%s', target, p.path, p.revokes) FROM parts AS p
$body$;
COMMENT ON FUNCTION pggit_excellence._mend_path(text, text[], text, oid) IS
    'Internal: the SQL that gives a routine a search_path without what others may create in, pg_temp last.';
