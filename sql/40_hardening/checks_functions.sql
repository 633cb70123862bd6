-- Hardening checks, category functions: routines, operators and triggers by which one role runs code with the rights of another.

CREATE FUNCTION pggit_excellence._checks_functions()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 14
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('definer_search_path', 'SECURITY DEFINER routines have a search_path of their own',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261915"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'Such a routine looks names up in its caller''s search_path: the caller puts a function of his own there, and it runs with the owner''s rights.'),
        ('definer_path_writable', 'The search_path of SECURITY DEFINER routines is nobody else''s',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261915"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'Whoever may create in a schema of that search_path runs what he likes with the owner''s rights.'),
        ('definer_path_temp', 'SECURITY DEFINER routines look into pg_temp last',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261915"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'A pg_temp that search_path does not name comes first: every caller may shadow the routine''s tables with temporary ones.'),
        ('definer_public_execute', 'PUBLIC runs no SECURITY DEFINER routine',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.5"], "stig": ["V-261915"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-269"], "pgdsat": ["4.5"]}'::jsonb,
         'PostgreSQL lets everybody run every new routine; with SECURITY DEFINER that is a piece of the owner''s rights for everybody.'),
        ('definer_dynamic_sql', 'SECURITY DEFINER routines splice no unquoted text into SQL',
         'high', ARRAY['standard', 'strict'], 'text',
         '{"stig": ["V-261906"], "soc2": ["CC8.1"], "cwe": ["CWE-89"]}'::jsonb,
         'Text that a caller supplies becomes SQL that runs with the owner''s rights. This is a look at the text; pggit-excellence scan follows each value.'),
        ('event_trigger_path', 'Event trigger functions have a safe search_path',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261915", "V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'They run as whoever runs DDL, superusers among them, and look names up in his search_path.'),
        ('event_trigger_owner', 'Superusers own the functions of event triggers',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-269"]}'::jsonb,
         'The owner of the function replaces its body, and the next superuser''s DDL runs it.'),
        ('trigger_function_owner', 'Trigger functions belong to the table''s owner',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-269"]}'::jsonb,
         'The owner of the function decides what everybody runs who writes to the table.'),
        ('expression_function_owner', 'Functions in indexes, constraints and defaults belong to the table''s owner',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-269"]}'::jsonb,
         'They run for everybody who writes to the table, and in VACUUM, ANALYZE and REINDEX.'),
        ('function_shadows_catalog', 'No ordinary role''s function has the name of PostgreSQL''s',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'A function with parameters that fit better is called instead of PostgreSQL''s wherever its schema is in the search_path: public.format(text, text) is how pgGit''s triggers are taken over.'),
        ('operator_shadows_catalog', 'No ordinary role''s operator stands for PostgreSQL''s',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'An operator such as text = varchar that fits better is taken instead of PostgreSQL''s, and its function runs as whoever compares.'),
        ('untrusted_language_execute', 'PUBLIC runs no routine in an untrusted language',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.5"], "stig": ["V-261915"], "soc2": ["CC6.1"], "cwe": ["CWE-250"], "pgdsat": ["4.5"]}'::jsonb,
         'C and PL/Python routines can do all that the server''s operating system user can; who may call them is chosen with care.'),
        ('function_public_execute', 'PUBLIC runs no routine of the application',
         'low', ARRAY['strict'], 'sql',
         '{"cis": ["4.5"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-276"], "pgdsat": ["4.5"]}'::jsonb,
         'PostgreSQL lets everybody run every new routine; with the caller''s rights only, but it shows him how things work.'),
        ('function_default_execute', 'Routines that are made later are nobody else''s to run',
         'low', ARRAY['strict'], 'sql',
         '{"cis": ["4.5"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-276"], "pgdsat": ["4.5"]}'::jsonb,
         'Without ALTER DEFAULT PRIVILEGES each new routine is open to PUBLIC until somebody remembers.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_functions() IS
    'Internal: the hardening checks of category functions. Columns: see _hardening_checks().';

CREATE FUNCTION pggit_excellence._check_definer_search_path()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s owned by %s: %s', w.routine, w.owner_name, w.weakness),
                w.mend)::pggit_excellence._fault
        FROM pggit_excellence._definer_weaknesses() AS w
        WHERE w.weakness LIKE 'no search\_path%'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_definer_search_path() IS
    'Internal: hardening check: SECURITY DEFINER routines, their search_path. Source: pg_proc, pg_namespace.';

CREATE FUNCTION pggit_excellence._check_definer_path_writable()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s owned by %s: %s', w.routine, w.owner_name, w.weakness),
                w.mend)::pggit_excellence._fault
        FROM pggit_excellence._definer_weaknesses() AS w
        WHERE w.weakness NOT LIKE 'no search\_path%' AND w.weakness NOT LIKE 'pg\_temp%'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_definer_path_writable() IS
    'Internal: hardening check: SECURITY DEFINER routines, their search_path. Source: pg_proc, pg_namespace.';

CREATE FUNCTION pggit_excellence._check_definer_path_temp()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s owned by %s: %s', w.routine, w.owner_name, w.weakness),
                w.mend)::pggit_excellence._fault
        FROM pggit_excellence._definer_weaknesses() AS w
        WHERE w.weakness LIKE 'pg\_temp%'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_definer_path_temp() IS
    'Internal: hardening check: SECURITY DEFINER routines, their search_path. Source: pg_proc, pg_namespace.';

CREATE FUNCTION pggit_excellence._check_definer_public_execute()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s owned by %I', p.oid::pg_catalog.regprocedure, pg_catalog.pg_get_userbyid(p.proowner)),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', p.oid::pg_catalog.regprocedure), a.grantor, p.proowner, false))::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
        WHERE p.prosecdef AND a.grantee = 0 AND pggit_excellence._schema_kind(n.nspname) <> 'system'
          AND p.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
          AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_definer_public_execute() IS
    'Internal: hardening check: SECURITY DEFINER routines that PUBLIC may run, but for trigger functions, which nobody can call. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_definer_dynamic_sql()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (p.oid::pg_catalog.regprocedure::text,
                '-- run: pggit-excellence scan, and quote what it names, or pass values by USING')::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND pggit_excellence._schema_kind(n.nspname) <> 'system' AND pggit_excellence._splices(p.prosrc) AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_definer_dynamic_sql() IS
    'Internal: hardening check: SECURITY DEFINER routines whose text puts a variable into a dynamic statement without quoting. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_event_trigger_path()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s', w.routine, w.weakness),
                w.mend)::pggit_excellence._fault
        FROM pggit_excellence._event_trigger_weaknesses() AS w
        WHERE w.whose = 'user'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_event_trigger_path() IS
    'Internal: hardening check: event trigger functions, pgGit''s aside, whose search_path lets others put objects before theirs. Source: pg_event_trigger, pg_proc.';

CREATE FUNCTION pggit_excellence._check_event_trigger_owner()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s, called by event trigger %I, owned by %I', p.oid::pg_catalog.regprocedure, t.evtname, o.rolname),
                pg_catalog.format('ALTER FUNCTION %s OWNER TO %I', p.oid::pg_catalog.regprocedure, pg_catalog.pg_get_userbyid(CASE WHEN e.rolsuper THEN t.evtowner ELSE 10 END)))::pggit_excellence._fault
        FROM pg_catalog.pg_event_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
        JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
        JOIN pg_catalog.pg_roles AS e ON e.oid = t.evtowner
        WHERE NOT o.rolsuper
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_event_trigger_owner() IS
    'Internal: hardening check: event trigger functions, pgGit''s included, that ordinary roles own. Source: pg_event_trigger, pg_proc.';

CREATE FUNCTION pggit_excellence._check_trigger_function_owner()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s, owned by %I, is a trigger of %s', f.routine, f.owner_name, f.tables),
                pg_catalog.format('ALTER FUNCTION %s OWNER TO %I', f.routine, pg_catalog.pg_get_userbyid(f.new_owner)))::pggit_excellence._fault
        FROM (
            SELECT p.oid::pg_catalog.regprocedure AS routine, o.rolname AS owner_name,
                   pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname), ', ') AS tables,
                   CASE WHEN pg_catalog.min(c.relowner::text) = pg_catalog.max(c.relowner::text) THEN pg_catalog.min(c.relowner::text)::oid ELSE 10 END AS new_owner
            FROM pg_catalog.pg_trigger AS t
            JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
            JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
            WHERE NOT t.tgisinternal AND NOT o.rolsuper
            GROUP BY p.oid, p.proowner, o.rolname
            HAVING pg_catalog.bool_or(p.proowner <> c.relowner)
        ) AS f
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_trigger_function_owner() IS
    'Internal: hardening check: trigger functions whose owner is neither the table''s nor a superuser. Source: pg_trigger, pg_proc.';

CREATE FUNCTION pggit_excellence._check_expression_function_owner()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s, owned by %I, is used by %s', f.routine, f.owner_name, f.tables),
                pg_catalog.format('ALTER ROUTINE %s OWNER TO %I', f.routine, pg_catalog.pg_get_userbyid(f.new_owner)))::pggit_excellence._fault
        FROM (
            SELECT p.oid::pg_catalog.regprocedure AS routine, o.rolname AS owner_name,
                   pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname), ', ') AS tables,
                   CASE WHEN pg_catalog.min(c.relowner::text) = pg_catalog.max(c.relowner::text) THEN pg_catalog.min(c.relowner::text)::oid ELSE 10 END AS new_owner
            FROM (
                SELECT d.refobjid, i.indrelid AS table_id FROM pg_catalog.pg_depend AS d
                JOIN pg_catalog.pg_index AS i ON i.indexrelid = d.objid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                UNION ALL
                SELECT d.refobjid, k.conrelid FROM pg_catalog.pg_depend AS d
                JOIN pg_catalog.pg_constraint AS k ON k.oid = d.objid AND d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
                WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                UNION ALL
                SELECT d.refobjid, a.adrelid FROM pg_catalog.pg_depend AS d
                JOIN pg_catalog.pg_attrdef AS a ON a.oid = d.objid AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            ) AS u
            JOIN pg_catalog.pg_class AS c ON c.oid = u.table_id
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_proc AS p ON p.oid = u.refobjid
            JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
            WHERE NOT o.rolsuper
            GROUP BY p.oid, p.proowner, o.rolname
            HAVING pg_catalog.bool_or(p.proowner <> c.relowner)
        ) AS f
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_expression_function_owner() IS
    'Internal: hardening check: functions in index expressions, constraints and defaults whose owner is neither the table''s nor a superuser. Source: pg_depend, pg_proc.';

-- Extensions' own functions are left out, and those of superusers, who need no tricks.
CREATE FUNCTION pggit_excellence._check_function_shadows_catalog()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s owned by %I', p.oid::pg_catalog.regprocedure, o.rolname),
                pg_catalog.format('ALTER ROUTINE %s RENAME TO %I', p.oid::pg_catalog.regprocedure, pg_catalog.left(p.proname, 54) || '_renamed'))::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
        WHERE NOT o.rolsuper AND pggit_excellence._schema_kind(n.nspname) <> 'system'
          AND p.proname IN (SELECT x.proname FROM pg_catalog.pg_proc AS x WHERE x.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
          AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_function_shadows_catalog() IS
    'Internal: hardening check: routines of ordinary roles that are named as one in pg_catalog. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_operator_shadows_catalog()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s owned by %I', p.oid::pg_catalog.regoperator, o.rolname),
                pg_catalog.format('DROP OPERATOR %s', p.oid::pg_catalog.regoperator))::pggit_excellence._fault
        FROM pg_catalog.pg_operator AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.oprnamespace
        JOIN pg_catalog.pg_roles AS o ON o.oid = p.oprowner
        WHERE NOT o.rolsuper AND pggit_excellence._schema_kind(n.nspname) <> 'system'
          AND p.oprname IN (SELECT x.oprname FROM pg_catalog.pg_operator AS x WHERE x.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace)
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_type AS t
            WHERE t.oid IN (p.oprleft, p.oprright) AND t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace)
          AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_operator_shadows_catalog() IS
    'Internal: hardening check: operators of ordinary roles over PostgreSQL''s own types that are named as one in pg_catalog. Source: pg_operator.';

CREATE FUNCTION pggit_excellence._check_untrusted_language_execute()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s, language %I', p.oid::pg_catalog.regprocedure, l.lanname),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', p.oid::pg_catalog.regprocedure), a.grantor, p.proowner, false))::pggit_excellence._fault
        FROM pg_catalog.pg_language AS l
        JOIN pg_catalog.pg_proc AS p ON p.prolang = l.oid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
        WHERE NOT l.lanpltrusted AND p.prokind <> 'a' AND a.grantee = 0 AND pggit_excellence._schema_kind(n.nspname) <> 'system'
          AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_untrusted_language_execute() IS
    'Internal: hardening check: routines in untrusted languages, extensions'' aside, that PUBLIC may run. Source: pg_proc, pg_language.';

-- By schema, because there are thousands. One REVOKE for all of a schema, unless extensions have routines in it.
CREATE FUNCTION pggit_excellence._check_function_public_execute()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('schema %I: %s in all, e.g. %s', s.nspname, s.routines, s.example::pg_catalog.regprocedure),
                CASE WHEN s.shared OR s.lent
                     THEN (SELECT pg_catalog.string_agg(pggit_excellence._as_grantor(pg_catalog.format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', u.routine::pg_catalog.regprocedure),
                                                                          u.grantor, u.owner, false), E';\n')
                           FROM ROWS FROM (pg_catalog.unnest(s.oids), pg_catalog.unnest(s.grantors), pg_catalog.unnest(s.owners)) AS u (routine, grantor, owner))
                     ELSE pg_catalog.format('REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA %I FROM PUBLIC', s.nspname) END)::pggit_excellence._fault
        FROM (
            SELECT n.nspname, pg_catalog.count(*) AS routines, pg_catalog.min(p.oid) AS example, pg_catalog.bool_or(a.grantor <> p.proowner) AS lent,
                   pg_catalog.array_agg(p.oid) AS oids, pg_catalog.array_agg(a.grantor) AS grantors, pg_catalog.array_agg(p.proowner) AS owners,
                   EXISTS (
                       SELECT FROM pg_catalog.pg_depend AS e
                       JOIN pg_catalog.pg_proc AS x ON x.oid = e.objid
                       WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.deptype = 'e' AND x.pronamespace = n.oid) AS shared
            FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
            WHERE a.grantee = 0 AND pggit_excellence._schema_kind(n.nspname) = 'user' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')
            GROUP BY n.oid, n.nspname
        ) AS s
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_function_public_execute() IS
    'Internal: hardening check: routines in the user''s schemas that PUBLIC may run, extensions'' aside. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_function_default_execute()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I', o.rolname),
                pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON ROUTINES FROM PUBLIC', o.rolname))::pggit_excellence._fault
        FROM pg_catalog.pg_roles AS o
        WHERE o.oid IN (
            SELECT p.proowner FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE pggit_excellence._schema_kind(n.nspname) = 'user' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS e
                WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e'))
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_default_acl AS d
            WHERE d.defaclrole = o.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = 'f'
              AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(d.defaclacl) AS a WHERE a.grantee = 0))
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_function_default_execute() IS
    'Internal: hardening check: owners of routines whose next routine PUBLIC may run. Source: pg_proc, pg_default_acl.';
