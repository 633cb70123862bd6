-- Hardening checks, category row_security: row-level security that is not on, not whole, or passed by.

-- Views and materialized views that read tables with row security, directly, with the names of those tables.
CREATE FUNCTION pggit_excellence._readers_of_protected()
RETURNS TABLE (view_id oid, tables text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT w.ev_class, pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, t.relname), ', ')
    FROM pg_catalog.pg_class AS t
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
    JOIN pg_catalog.pg_depend AS d
        ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid
        AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid AND w.ev_class <> t.oid
    WHERE t.relrowsecurity
    GROUP BY w.ev_class
$body$;
COMMENT ON FUNCTION pggit_excellence._readers_of_protected() IS
    'Internal: views and materialized views that read tables with row security, and which. Source: pg_rewrite, pg_depend.';

CREATE FUNCTION pggit_excellence._checks_row_security()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 12
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('rls_policy_not_enabled', 'Tables with policies have row security switched on',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'A policy on a table without ENABLE ROW LEVEL SECURITY does nothing, and everybody believes in it.'),
        ('rls_no_policy', 'Tables with row security have a policy that lets somebody in',
         'low', ARRAY['standard', 'strict'], 'text',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'Without a permissive policy only the owner sees rows; an application that works around it mostly does so as the owner.'),
        ('rls_not_forced', 'Row security binds the table''s owner, too',
         'medium', ARRAY['strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'Applications that connect as the owner pass every policy unless it is forced.'),
        ('rls_policy_true', 'No policy lets everybody do everything',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'Permissive policies add up: one USING (true) for PUBLIC makes all others pointless.'),
        ('rls_policy_settable', 'Policies do not trust settings that everybody may set',
         'medium', ARRAY['strict'], 'text',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-290"], "pgdsat": ["4.7"]}'::jsonb,
         'current_setting(''app.user'') is what the session says of itself: whoever has SQL sets it to another''s name. It is sound only where a pooler sets it and no user sends SQL.'),
        ('rls_view_bypass', 'Views over protected tables check as their reader',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'A view reads with its owner''s rights and the policies for him: whoever may read the view sees other people''s rows.'),
        ('rls_matview_bypass', 'Materialized views over protected tables are their owner''s',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'A materialized view is a copy without policies.'),
        ('rls_partition_bypass', 'Partitions of protected tables are protected themselves',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'Policies of the parent count for queries of the parent; who may read the partition reads past them.'),
        ('rls_truncate', 'Nobody empties protected tables past their policies',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'TRUNCATE asks no policy; REFERENCES and TRIGGER let one learn what rows exist, or see each.'),
        ('rls_role_bypass', 'No ordinary role passes row security',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-862"], "pgdsat": ["4.7"]}'::jsonb,
         'BYPASSRLS makes every policy pointless for its holder; who logs in with it sees all tenants.'),
        ('rls_leakproof', 'Only PostgreSQL''s own functions count as leakproof',
         'medium', ARRAY['strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-200"], "pgdsat": ["4.7"]}'::jsonb,
         'A LEAKPROOF function is run on rows before the policy has judged them.'),
        ('view_security_barrier', 'Views that hide rows hide them from functions, too',
         'low', ARRAY['strict'], 'sql',
         '{"cis": ["4.7"], "soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-200"], "pgdsat": ["4.7"]}'::jsonb,
         'Without security_barrier the planner may run a reader''s function on rows before the view''s WHERE has left them out.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_row_security() IS
    'Internal: the hardening checks of category row_security. Columns: see _hardening_checks().';

CREATE FUNCTION pggit_excellence._check_rls_policy_not_enabled()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I.%I', n.nspname, t.relname),
                pg_catalog.format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, t.relname))::pggit_excellence._fault
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE NOT t.relrowsecurity AND t.oid IN (SELECT p.polrelid FROM pg_catalog.pg_policy AS p)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_policy_not_enabled() IS
    'Internal: hardening check: tables that have policies and no row security. Source: pg_class, pg_policy.';

CREATE FUNCTION pggit_excellence._check_rls_no_policy()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I.%I', n.nspname, t.relname),
                '-- CREATE POLICY ... ON each of these tables, for those who are to read it')::pggit_excellence._fault
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE t.relrowsecurity AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = t.oid AND p.polpermissive)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_no_policy() IS
    'Internal: hardening check: tables with row security and no permissive policy. Source: pg_class, pg_policy.';

CREATE FUNCTION pggit_excellence._check_rls_not_forced()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I.%I, owner %I', n.nspname, t.relname, o.rolname),
                pg_catalog.format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', n.nspname, t.relname))::pggit_excellence._fault
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        JOIN pg_catalog.pg_roles AS o ON o.oid = t.relowner
        WHERE t.relrowsecurity AND NOT t.relforcerowsecurity AND o.rolcanlogin AND NOT o.rolsuper AND NOT o.rolbypassrls
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_not_forced() IS
    'Internal: hardening check: tables with row security that is not forced, whose owner can log in. Source: pg_class, pg_roles.';

-- Only where somebody has the privilege, too: a policy alone lets nobody in. The remediation leaves it to the owner.
CREATE FUNCTION pggit_excellence._check_rls_policy_true()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I on %I.%I', p.polname, n.nspname, t.relname),
                pg_catalog.format('ALTER POLICY %I ON %I.%I TO %I', p.polname, n.nspname, t.relname, pg_catalog.pg_get_userbyid(t.relowner)))::pggit_excellence._fault
        FROM pg_catalog.pg_policy AS p
        JOIN pg_catalog.pg_class AS t ON t.oid = p.polrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE p.polpermissive AND 0 = ANY (p.polroles)
          AND 'true' IN (pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
          AND EXISTS (
              SELECT FROM (
                  SELECT t.relacl AS acl
                  UNION ALL
                  SELECT x.attacl FROM pg_catalog.pg_attribute AS x WHERE x.attrelid = t.oid
              ) AS l
              CROSS JOIN LATERAL pg_catalog.aclexplode(l.acl) AS a
              LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
              WHERE a.grantee <> t.relowner AND r.rolsuper IS NOT TRUE
                AND a.privilege_type = ANY (CASE p.polcmd WHEN 'r' THEN ARRAY['SELECT'] WHEN 'a' THEN ARRAY['INSERT'] WHEN 'w' THEN ARRAY['UPDATE']
                                                          WHEN 'd' THEN ARRAY['DELETE'] ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END))
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_policy_true() IS
    'Internal: hardening check: permissive policies for PUBLIC whose condition is true, where others than the owner have the privilege. Source: pg_policy, pg_class.';

CREATE FUNCTION pggit_excellence._check_rls_policy_settable()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I on %I.%I', p.polname, n.nspname, t.relname),
                '-- compare with session_user or current_user instead of a custom setting')::pggit_excellence._fault
        FROM pg_catalog.pg_policy AS p
        JOIN pg_catalog.pg_class AS t ON t.oid = p.polrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) ~ 'current_setting\(''[^'']*\.'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_policy_settable() IS
    'Internal: hardening check: policies that read a custom setting. Source: pg_policy.';

-- security_invoker came with 15; before, the remediation is to take the view away.
CREATE FUNCTION pggit_excellence._check_rls_view_bypass()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('view %I.%I over %s', n.nspname, v.relname, u.tables),
                CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000
                     THEN pg_catalog.format('ALTER VIEW %I.%I SET (security_invoker = true)', n.nspname, v.relname)
                     ELSE (SELECT pg_catalog.string_agg(pg_catalog.format('REVOKE ALL ON %I.%I FROM %s', n.nspname, v.relname, x.grantee), E';\n')
                           FROM (SELECT DISTINCT pggit_excellence._grantee(a.grantee) AS grantee FROM pg_catalog.aclexplode(v.relacl) AS a WHERE a.grantee <> v.relowner) AS x) END)::pggit_excellence._fault
        FROM pggit_excellence._readers_of_protected() AS u
        JOIN pg_catalog.pg_class AS v ON v.oid = u.view_id
        JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
        WHERE v.relkind = 'v' AND NOT COALESCE(v.reloptions && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1', 'security_invoker=yes'], false)
          AND EXISTS (
            SELECT FROM pg_catalog.aclexplode(v.relacl) AS a
            LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
            WHERE a.grantee <> v.relowner AND r.rolsuper IS NOT TRUE AND a.privilege_type = ANY (ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']))
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_view_bypass() IS
    'Internal: hardening check: views over tables with row security that others may read and that check as their owner. Source: pg_rewrite, pg_depend, pg_class.';

CREATE FUNCTION pggit_excellence._check_rls_matview_bypass()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('materialized view %I.%I over %s', n.nspname, v.relname, u.tables),
                (SELECT pg_catalog.string_agg(pg_catalog.format('REVOKE ALL ON %I.%I FROM %s', n.nspname, v.relname, x.grantee), E';\n')
                 FROM (SELECT DISTINCT pggit_excellence._grantee(a.grantee) AS grantee FROM pg_catalog.aclexplode(v.relacl) AS a WHERE a.grantee <> v.relowner) AS x))::pggit_excellence._fault
        FROM pggit_excellence._readers_of_protected() AS u
        JOIN pg_catalog.pg_class AS v ON v.oid = u.view_id
        JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
        WHERE v.relkind = 'm'
          AND EXISTS (
            SELECT FROM pg_catalog.aclexplode(v.relacl) AS a
            LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
            WHERE a.grantee <> v.relowner AND r.rolsuper IS NOT TRUE AND a.privilege_type = ANY (ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']))
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_matview_bypass() IS
    'Internal: hardening check: materialized views over tables with row security that others may read. Source: pg_rewrite, pg_depend, pg_class.';

CREATE FUNCTION pggit_excellence._check_rls_partition_bypass()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I.%I, part of %I.%I', n.nspname, c.relname, pn.nspname, t.relname),
                pg_catalog.format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname))::pggit_excellence._fault
        FROM pg_catalog.pg_inherits AS i
        JOIN pg_catalog.pg_class AS t ON t.oid = i.inhparent AND t.relrowsecurity
        JOIN pg_catalog.pg_namespace AS pn ON pn.oid = t.relnamespace
        JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid AND NOT c.relrowsecurity AND c.relkind IN ('r', 'p')
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE EXISTS (
            SELECT FROM pg_catalog.aclexplode(c.relacl) AS a
            LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
            WHERE a.grantee <> c.relowner AND r.rolsuper IS NOT TRUE AND a.privilege_type = ANY (ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']))
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_partition_bypass() IS
    'Internal: hardening check: partitions and children without row security, granted to others, of tables that have it. Source: pg_inherits, pg_class.';

CREATE FUNCTION pggit_excellence._check_rls_truncate()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM (
            SELECT w.whose, r.relation, r.item, r.mend
            FROM (VALUES ('pggit'), ('user')) AS w (whose)
            CROSS JOIN LATERAL pggit_excellence._relation_grants(w.whose, false, ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER'], false) AS r
        ) AS g
        JOIN pg_catalog.pg_class AS c ON c.oid = g.relation AND c.relrowsecurity
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_truncate() IS
    'Internal: hardening check: tables with row security on which others have TRUNCATE, REFERENCES or TRIGGER. Source: pg_class.';

CREATE FUNCTION pggit_excellence._check_rls_role_bypass()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I', r.rolname),
                pg_catalog.format('ALTER ROLE %I NOBYPASSRLS', r.rolname))::pggit_excellence._fault
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolbypassrls AND NOT r.rolsuper
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_role_bypass() IS
    'Internal: hardening check: roles with BYPASSRLS that are no superusers. Source: pg_roles.';

CREATE FUNCTION pggit_excellence._check_rls_leakproof()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%s', p.oid::pg_catalog.regprocedure),
                pg_catalog.format('ALTER FUNCTION %s NOT LEAKPROOF', p.oid::pg_catalog.regprocedure))::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE p.proleakproof AND pggit_excellence._schema_kind(n.nspname) <> 'system' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_rls_leakproof() IS
    'Internal: hardening check: functions marked LEAKPROOF, PostgreSQL''s and extensions'' aside. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_view_security_barrier()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I.%I', n.nspname, v.relname),
                pg_catalog.format('ALTER VIEW %I.%I SET (security_barrier = true)', n.nspname, v.relname))::pggit_excellence._fault
        FROM pg_catalog.pg_class AS v
        JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace
        WHERE v.relkind = 'v' AND pggit_excellence._schema_kind(n.nspname) = 'user' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = v.oid AND e.deptype = 'e')
          AND NOT COALESCE(v.reloptions && ARRAY['security_barrier=true', 'security_barrier=on', 'security_barrier=1', 'security_barrier=yes'], false)
          AND EXISTS (
            SELECT FROM pg_catalog.aclexplode(v.relacl) AS a
            LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
            WHERE a.grantee <> v.relowner AND r.rolsuper IS NOT TRUE AND a.privilege_type = ANY (ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']))
          AND pg_catalog.pg_get_viewdef(v.oid) ~* '\mWHERE\M'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_view_security_barrier() IS
    'Internal: hardening check: views with a WHERE that others may read and that are no security barrier. Source: pg_class.';
