-- Statements that give a new table what the old one of that name has. All are written for the name pggit.history, which the new
-- table has by then: what the server prints about the old one can be used as it is.

-- Owner, privileges, comment, row-level security and triggers.
--   source        the table that has them now
--   with_triggers false: only what is no trigger
CREATE FUNCTION pggit_excellence._carry_over(source oid)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT s.statement
    FROM (
        SELECT 1 AS part, g.position, g.statement
        FROM pggit_excellence._carry_grants(source, 'TABLE') WITH ORDINALITY AS g (statement, position)
        UNION ALL
        SELECT 2, 0, pg_catalog.format('COMMENT ON TABLE pggit.history IS %L', pg_catalog.obj_description(source, 'pg_class'))
        WHERE pg_catalog.obj_description(source, 'pg_class') IS NOT NULL
        UNION ALL
        SELECT 3, 0, pg_catalog.format(
            'CREATE POLICY %I ON pggit.history AS %s FOR %s TO %s%s%s', p.polname,
            CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
            (SELECT pg_catalog.string_agg(pggit_excellence._role_sql(r), ', ' ORDER BY pggit_excellence._role_sql(r))
             FROM pg_catalog.unnest(p.polroles) AS r),
            ' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
            ' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')')
        FROM pg_catalog.pg_policy AS p WHERE p.polrelid = source
        UNION ALL
        SELECT 4, 0, pg_catalog.format('COMMENT ON POLICY %I ON pggit.history IS %L', p.polname, d.description)
        FROM pg_catalog.pg_policy AS p CROSS JOIN LATERAL pg_catalog.obj_description(p.oid, 'pg_policy') AS d (description)
        WHERE p.polrelid = source AND d.description IS NOT NULL
        UNION ALL
        SELECT 5, 0, 'ALTER TABLE pggit.history ' || f.what || ' ROW LEVEL SECURITY'
        FROM pg_catalog.pg_class AS c
        CROSS JOIN LATERAL (VALUES ('ENABLE', c.relrowsecurity), ('FORCE', c.relforcerowsecurity)) AS f (what, wanted)
        WHERE c.oid = source AND f.wanted
        UNION ALL
        SELECT 6, 0, pg_catalog.pg_get_triggerdef(t.oid)
        FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = source AND NOT t.tgisinternal
        UNION ALL
        SELECT 7, 0, pg_catalog.format('ALTER TABLE pggit.history %s TRIGGER %I',
                         CASE t.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END, t.tgname)
        FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = source AND NOT t.tgisinternal AND t.tgenabled <> 'O'
        UNION ALL
        SELECT 8, 0, pg_catalog.format('COMMENT ON TRIGGER %I ON pggit.history IS %L', t.tgname, d.description)
        FROM pg_catalog.pg_trigger AS t CROSS JOIN LATERAL pg_catalog.obj_description(t.oid, 'pg_trigger') AS d (description)
        WHERE t.tgrelid = source AND NOT t.tgisinternal AND d.description IS NOT NULL
    ) AS s
    ORDER BY s.part, s.position, s.statement
$body$;
COMMENT ON FUNCTION pggit_excellence._carry_over(oid) IS
    'Internal: the statements that give the table that is named pggit.history by then the owner, privileges, comment, policies and triggers of source. Source: catalogs.';

-- A role as SQL names it.
CREATE FUNCTION pggit_excellence._role_sql(role_id oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN role_id = 0 THEN 'PUBLIC'
                ELSE (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_roles AS r WHERE r.oid = role_id) END
$body$;
COMMENT ON FUNCTION pggit_excellence._role_sql(oid) IS 'Internal: the name of a role as SQL has it; 0: PUBLIC.';

-- Owner and privileges of a relation in schema pggit, for a new one of the same name. What default privileges gave the new one
-- is taken away first.
--   kind  TABLE, or MATERIALIZED VIEW (for the owner; GRANT says TABLE for both)
CREATE FUNCTION pggit_excellence._carry_grants(source oid, kind text)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH relation AS (
        SELECT c.relowner, c.relacl, pg_catalog.format('%I.%I', n.nspname,
                   CASE WHEN c.relname = 'history_part_0' THEN 'history' ELSE c.relname END) AS name
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = source
    ), granted AS (
        SELECT NULL::text AS column_name, a.grantee, a.privilege_type, a.is_grantable
        FROM relation AS r CROSS JOIN LATERAL pg_catalog.aclexplode(r.relacl) AS a
        UNION ALL
        SELECT c.attname::text, a.grantee, a.privilege_type, a.is_grantable
        FROM pg_catalog.pg_attribute AS c CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) AS a
        WHERE c.attrelid = source AND NOT c.attisdropped
    )
    SELECT s.statement
    FROM (
        SELECT 1 AS part, pg_catalog.format('ALTER %s %s OWNER TO %s', kind, r.name, pggit_excellence._role_sql(r.relowner)) AS statement
        FROM relation AS r
        UNION ALL
        SELECT 2, pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', r.name, g.grantees)
        FROM relation AS r
        CROSS JOIN LATERAL (
            SELECT pg_catalog.string_agg(DISTINCT pggit_excellence._role_sql(u.role_id), ', ') AS grantees
            FROM (SELECT d.grantee AS role_id FROM pggit_excellence._default_grantees() AS d (grantee)
                  UNION SELECT o.role_id FROM (VALUES (0::oid), (r.relowner)) AS o (role_id) WHERE r.relacl IS NOT NULL) AS u
        ) AS g
        WHERE g.grantees IS NOT NULL
        UNION ALL
        SELECT 3, pg_catalog.format('GRANT %s ON TABLE %s TO %s%s',
                      pg_catalog.string_agg(g.privilege_type || COALESCE(' (' || pg_catalog.quote_ident(g.column_name) || ')', ''), ', '
                                            ORDER BY g.column_name, g.privilege_type),
                      r.name, pggit_excellence._role_sql(g.grantee), CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM relation AS r CROSS JOIN granted AS g
        GROUP BY r.name, g.grantee, g.is_grantable
    ) AS s
    ORDER BY s.part, s.statement
$body$;
COMMENT ON FUNCTION pggit_excellence._carry_grants(oid, text) IS
    'Internal: the statements that give a new relation of the same name the owner and the privileges of source. Source: pg_class, pg_attribute, pg_default_acl.';

-- To whom default privileges grant each new table in schema pggit.
CREATE FUNCTION pggit_excellence._default_grantees()
RETURNS SETOF oid
LANGUAGE sql STABLE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT DISTINCT a.grantee
    FROM pg_catalog.pg_default_acl AS d CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
    WHERE d.defaclobjtype = 'r' AND a.grantee <> d.defaclrole
      AND d.defaclnamespace IN (0, (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'pggit'))
$body$;
COMMENT ON FUNCTION pggit_excellence._default_grantees() IS
    'Internal: the roles, 0 for PUBLIC, that default privileges give something in new tables of schema pggit. Source: pg_default_acl.';

-- Views and functions with an SQL body that read a relation: they are replaced by themselves, and find the new one by its name.
CREATE FUNCTION pggit_excellence._carry_readers(source oid)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('CREATE OR REPLACE VIEW %s%s AS %s', v.view::regclass,
               (SELECT ' WITH (' || pg_catalog.string_agg(pg_catalog.format('%I = %L', o.option_name, o.option_value), ', ') || ')'
                FROM pg_catalog.pg_options_to_table(c.reloptions) AS o),
               pg_catalog.rtrim(pg_catalog.pg_get_viewdef(v.view), ';'))
    FROM pggit_excellence._views_on(source) AS v
    JOIN pg_catalog.pg_class AS c ON c.oid = v.view
    WHERE v.kind = 'v'
    UNION ALL
    SELECT pg_catalog.pg_get_functiondef(p.oid)
    FROM pg_catalog.pg_proc AS p
    WHERE EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
          AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = source)
    ORDER BY 1
$body$;
COMMENT ON FUNCTION pggit_excellence._carry_readers(oid) IS
    'Internal: the statements that make views and SQL-body functions on source read the relation that has its name by then. Their owners, privileges and dependents stay.';

-- A materialized view cannot be replaced: a new one is filled beside it and takes its name, with indexes, owner, privileges and
-- comment, and the views on it. Whoever reads waits for the exchange only.
CREATE FUNCTION pggit_excellence._exchange_matview(view oid)
RETURNS SETOF text
LANGUAGE sql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT s.statement
    FROM (
        SELECT n.part, 0::bigint AS position, pg_catalog.format('ALTER MATERIALIZED VIEW %I.%I RENAME TO %I', s.nspname, n.before, n.after) AS statement
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
        CROSS JOIN LATERAL (VALUES (1, c.relname::text, pggit_excellence._part_name(c.relname, 'old')),
                                   (2, pggit_excellence._part_name(c.relname, 'new'), c.relname::text)) AS n (part, before, after)
        WHERE c.oid = view
        UNION ALL
        SELECT 3, 0, r.statement FROM pggit_excellence._carry_readers(view) AS r (statement)
        UNION ALL
        SELECT 4, 0, pg_catalog.format('DROP MATERIALIZED VIEW %I.%I', s.nspname, pggit_excellence._part_name(c.relname, 'old'))
        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace WHERE c.oid = view
        UNION ALL
        SELECT 5, 0, pg_catalog.pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index AS i WHERE i.indrelid = view
        UNION ALL
        SELECT 6, g.position, g.statement
        FROM pggit_excellence._carry_grants(view, 'MATERIALIZED VIEW') WITH ORDINALITY AS g (statement, position)
        UNION ALL
        SELECT 7, 0, pg_catalog.format('COMMENT ON MATERIALIZED VIEW %s IS %L', view::regclass, pg_catalog.obj_description(view, 'pg_class'))
        WHERE pg_catalog.obj_description(view, 'pg_class') IS NOT NULL
    ) AS s
    ORDER BY s.part, s.position, s.statement
$body$;
COMMENT ON FUNCTION pggit_excellence._exchange_matview(oid) IS
    'Internal: the statements that put the new materialized view, named <name>_new, in the place of this one.';

-- The materialized view that takes the place of another one, still empty.
CREATE FUNCTION pggit_excellence._new_matview(view oid)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('CREATE MATERIALIZED VIEW %I.%I AS %s WITH NO DATA', n.nspname, pggit_excellence._part_name(c.relname, 'new'),
                             pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';'))
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = view
$body$;
COMMENT ON FUNCTION pggit_excellence._new_matview(oid) IS
    'Internal: the statement that makes <name>_new with the query of this materialized view, without data.';

-- A name with an ending, in 63 bytes.
CREATE FUNCTION pggit_excellence._part_name(base name, ending text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN pg_catalog.octet_length(n.whole) <= 63 THEN n.whole
                ELSE pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(base, 'UTF8')), 'hex'), 1, 32) || '_' || ending END
    FROM (SELECT base || '_' || ending AS whole) AS n
$body$;
COMMENT ON FUNCTION pggit_excellence._part_name(name, text) IS
    'Internal: base_ending, or a hash in the place of the base where that is longer than a name may be.';
