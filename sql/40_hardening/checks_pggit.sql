-- Hardening checks, category pggit: the doors that pgGit's releases leave open, and where its records cannot be relied on.
-- All of pgGit's schemas count (pggit, pggit_...); what only says pggit is about its two core tables.

CREATE FUNCTION pggit_excellence._checks_pggit()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 27
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('pggit_complete', 'pgGit is there as a whole',
         'high', ARRAY['minimal', 'standard', 'strict'], 'text',
         '{"soc2": ["CC8.1"]}'::jsonb,
         'An install script that failed halfway leaves triggers that record into tables that lack columns, or none at all.'),
        ('pggit_trigger_search_path', 'pgGit''s event trigger functions have a safe search_path',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261915", "V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'They look names up in the search_path of whoever runs DDL. A role that may create in a schema there (public) makes a format() that fits better, and the superuser''s next CREATE TABLE runs it.'),
        ('pggit_trigger_definer', 'Ordinary roles run DDL without rights in pgGit',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3", "CC8.1"], "cwe": ["CWE-250"]}'::jsonb,
         'pgGit''s event triggers write with the rights of whoever runs DDL: without rights in pgGit he can run none, with them he can rewrite the history.'),
        ('pggit_trigger_owner', 'Superusers own pgGit''s event triggers',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC8.1"], "cwe": ["CWE-269"]}'::jsonb,
         'The owner of an event trigger switches it off. A former superuser keeps what he owns.'),
        ('pggit_object_owner', 'Superusers own pgGit''s schemas, tables and functions',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-269"]}'::jsonb,
         'An owner may disable triggers, drop rows and replace functions that the superusers'' DDL runs.'),
        ('pggit_migrations_writable', 'Nobody plants statements that pgGit runs later',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261859", "V-261906"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-94"]}'::jsonb,
         'pgGit runs the SQL of pggit.migrations as whoever applies the migration, mostly a superuser: who may write the table writes for him.'),
        ('pggit_public_write', 'PUBLIC writes none of pgGit''s tables',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"]}'::jsonb,
         'Everybody could then invent objects, commits and branches.'),
        ('pggit_public_read', 'PUBLIC reads none of pgGit''s tables',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"]}'::jsonb,
         'The history holds every statement, with passwords and keys that were written into one.'),
        ('pggit_public_sequences', 'PUBLIC has no rights on pgGit''s sequences',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"]}'::jsonb,
         'setval() backwards makes every tracked DDL statement fail with a duplicate key.'),
        ('pggit_public_execute', 'PUBLIC runs none of pgGit''s functions',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.5"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.5"]}'::jsonb,
         'PostgreSQL opens each new function to everybody: some 350 of pgGit''s, those that run migrations and drop branches among them.'),
        ('pggit_default_privileges', 'What pgGit makes later gives nothing to PUBLIC',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-276"]}'::jsonb,
         'A default privilege in pgGit''s schemas opens the tables of its next release.'),
        ('pggit_schema_create', 'Nobody creates objects in pgGit''s schemas',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-426"]}'::jsonb,
         'A function made there that fits better than pgGit''s own is called by its event triggers, also when their search_path is pinned.'),
        ('pggit_schema_usage', 'PUBLIC does not enter pgGit''s schemas',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"]}'::jsonb,
         'USAGE is the last door before each table and function that a release forgets to close.'),
        ('pggit_history_writers', 'Nobody rewrites pgGit''s history by a privilege',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261860"], "soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-345"]}'::jsonb,
         'UPDATE, DELETE or TRUNCATE on the history is the power to make a change not have happened.'),
        ('pggit_history_append_only', 'pgGit''s history takes no UPDATE, DELETE or TRUNCATE',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261860"], "soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-345"]}'::jsonb,
         'Owners and superusers need no privilege; a trigger that refuses stops mistakes, and makes tampering an act with traces of its own. harden() makes the same, with an undo.'),
        ('pggit_history_cascade', 'Deleting an object deletes none of its history',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261860"], "soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-345"]}'::jsonb,
         'ON DELETE CASCADE lets one DELETE in objects or branches erase the record of all that happened to them.'),
        ('pggit_history_actor', 'The history says who did it, as the server knows it',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261860"], "soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-290"]}'::jsonb,
         'created_by is a default that every INSERT may override, and current_user is the owner once the functions are SECURITY DEFINER. A trigger that stamps session_user cannot be argued with. harden() makes the same, with an undo.'),
        ('pggit_history_unlogged', 'pgGit''s tables survive a crash',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"soc2": ["A1.2", "CC7.2"]}'::jsonb,
         'An UNLOGGED table is empty after a crash, and on every standby.'),
        ('pggit_history_secrets', 'The newest history holds no passwords',
         'high', ARRAY['standard', 'strict'], 'text',
         '{"soc2": ["CC6.1", "C1.1"], "cwe": ["CWE-532"]}'::jsonb,
         'A user mapping, a subscription or a function that was made with a password is in the history, for everybody who may read it and in every backup. Only a new password helps; hiding the old one means changing a row of the history, on purpose and on the record.'),
        ('pggit_create_extension', 'CREATE EXTENSION works beside pgGit',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC8.1", "A1.2"]}'::jsonb,
         'pgGit''s second pair of event triggers makes CREATE EXTENSION hstore, pg_trgm, ltree, citext and btree_gist fail, and with it restores and security updates. The first pair records the same.'),
        ('pggit_health_misjudged', 'pgGit''s own health check can see that triggers are off',
         'low', ARRAY['standard', 'strict'], 'text',
         '{"soc2": ["CC7.2"], "cwe": ["CWE-693"]}'::jsonb,
         'It counts triggers with evtenabled = O: ENABLE ALWAYS, which is safer, reads as unhealthy, and two core triggers that are off may still read as healthy.'),
        ('pggit_dynamic_sql', 'pgGit''s functions splice no unquoted text into SQL',
         'medium', ARRAY['standard', 'strict'], 'text',
         '{"stig": ["V-261906"], "soc2": ["CC8.1"], "cwe": ["CWE-89"]}'::jsonb,
         'What a caller or a table supplies becomes SQL of whoever calls the function. This is a look at the text; pggit-excellence scan follows each value.'),
        ('pggit_weak_hash', 'pgGit''s functions hash with SHA-256',
         'low', ARRAY['strict'], 'text',
         '{"soc2": ["CC6.1"], "cwe": ["CWE-328"]}'::jsonb,
         'Two definitions with one md5 are made in seconds, and a FIPS server refuses md5 altogether: then DDL fails.'),
        ('pggit_function_names', 'Functions are recorded under their names',
         'low', ARRAY['standard', 'strict'], 'text',
         '{"soc2": ["CC8.1"]}'::jsonb,
         'Under its OID a function cannot be found in the history, and after a restore the number is another''s.'),
        ('pggit_untracked_tables', 'The newest tables are in pgGit''s records',
         'medium', ARRAY['standard', 'strict'], 'text',
         '{"soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"]}'::jsonb,
         'CREATE TABLE AS and SELECT INTO pass pgGit unrecorded, and so does all that was made while its triggers were off.'),
        ('pggit_kinds_unrecorded', 'Every kind of object is recorded',
         'medium', ARRAY['strict'], 'sql',
         '{"soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"]}'::jsonb,
         'Of 42 kinds of DDL pgGit records about 20: triggers, policies, grants, types and sequences change without a trace. enable_audit() records them all.'),
        ('pggit_slow_tracking', 'Tracked DDL is not slow for want of indexes',
         'low', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["A1.1", "CC7.2"], "cwe": ["CWE-405"]}'::jsonb,
         'With 14,000 objects each DDL statement reads pggit.objects from end to end: some clients with DDL keep the server busy, and people switch tracking off.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_pggit() IS
    'Internal: the hardening checks of category pggit. Columns: see _hardening_checks().';

CREATE FUNCTION pggit_excellence._check_pggit_complete()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (m.name,
                '-- install pgGit again and look for errors: psql -v ON_ERROR_STOP=1 -f sql/install.sql')::pggit_excellence._fault
        FROM pggit_excellence._health_installed() AS h
        CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(h.details -> 'missing') AS m (name)
        WHERE h.status = 'unhealthy'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_complete() IS
    'Internal: hardening check: columns of pggit.objects and pggit.history that are missing. Source: pg_attribute.';

CREATE FUNCTION pggit_excellence._check_pggit_trigger_search_path()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s', w.routine, w.weakness),
                w.mend)::pggit_excellence._fault
        FROM pggit_excellence._event_trigger_weaknesses() AS w
        WHERE w.whose = 'pggit'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_trigger_search_path() IS
    'Internal: hardening check: pgGit''s event trigger functions whose search_path lets others put objects before theirs. Source: pg_event_trigger, pg_proc.';

-- The search_path comes first: SECURITY DEFINER without it would be worse than what it mends.
CREATE FUNCTION pggit_excellence._check_pggit_trigger_definer()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s runs with its caller''s rights', f.identity),
                pg_catalog.concat_ws(E';\n', CASE WHEN pggit_excellence._path_weakness(f.proconfig, 10) IS NOT NULL
                                      THEN pggit_excellence._mend_path('FUNCTION ' || f.identity, f.proconfig, f.schema_name, 10) END,
                                 pg_catalog.format('ALTER FUNCTION %s SECURITY DEFINER', f.identity)))::pggit_excellence._fault
        FROM (
            SELECT DISTINCT n.nspname AS schema_name, p.oid::pg_catalog.regprocedure::text AS identity, p.proconfig
            FROM pg_catalog.pg_event_trigger AS t
            JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE NOT p.prosecdef AND pggit_excellence._schema_kind(n.nspname) = 'pggit'
        ) AS f
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_trigger_definer() IS
    'Internal: hardening check: pgGit''s event trigger functions that are not SECURITY DEFINER. Source: pg_event_trigger, pg_proc.';

CREATE FUNCTION pggit_excellence._check_pggit_trigger_owner()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I owned by %I', t.evtname, o.rolname),
                pg_catalog.format('ALTER EVENT TRIGGER %I OWNER TO CURRENT_USER', t.evtname))::pggit_excellence._fault
        FROM pg_catalog.pg_event_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_roles AS o ON o.oid = t.evtowner
        WHERE NOT o.rolsuper AND pggit_excellence._schema_kind(n.nspname) = 'pggit'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_trigger_owner() IS
    'Internal: hardening check: pgGit''s event triggers whose owner is no superuser. Source: pg_event_trigger.';

-- Where an ordinary role owns the event triggers themselves (managed servers), there is nobody better: pggit_trigger_owner.
CREATE FUNCTION pggit_excellence._check_pggit_object_owner()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s %s owned by %I', pg_catalog.lower(o.kind), o.identity, r.rolname),
                pg_catalog.format('ALTER %s %s OWNER TO %I', o.kind, o.identity, s.rolname))::pggit_excellence._fault
        FROM (
            SELECT 'SCHEMA' AS kind, pg_catalog.quote_ident(n.nspname) AS identity, n.nspowner AS owner FROM pg_catalog.pg_namespace AS n WHERE pggit_excellence._schema_kind(n.nspname) = 'pggit'
            UNION ALL
            SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                   pg_catalog.format('%I.%I', n.nspname, c.relname), c.relowner
            FROM pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE pggit_excellence._schema_kind(n.nspname) = 'pggit' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
              AND NOT (c.relkind = 'S' AND EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
            UNION ALL
            SELECT 'ROUTINE', p.oid::pg_catalog.regprocedure::text, p.proowner
            FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            WHERE pggit_excellence._schema_kind(n.nspname) = 'pggit'
        ) AS o
        JOIN pg_catalog.pg_roles AS r ON r.oid = o.owner AND NOT r.rolsuper
        CROSS JOIN LATERAL (
            SELECT pg_catalog.min(u.rolname::text) AS rolname
            FROM pg_catalog.pg_event_trigger AS t
            JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
            JOIN pg_catalog.pg_roles AS u ON u.oid = t.evtowner AND u.rolsuper
            WHERE pggit_excellence._schema_kind(n.nspname) = 'pggit'
        ) AS s
        WHERE s.rolname IS NOT NULL
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_object_owner() IS
    'Internal: hardening check: pgGit''s schemas, relations and routines that ordinary roles own, where superusers own its event triggers. Source: pg_namespace, pg_class, pg_proc.';

CREATE FUNCTION pggit_excellence._check_pggit_migrations_writable()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('pggit', false, ARRAY['INSERT', 'UPDATE', 'TRIGGER'], false) AS g
        WHERE g.relation_name ~ 'migration'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_migrations_writable() IS
    'Internal: hardening check: who beside owner and superusers may write pgGit''s tables of migrations. Source: pg_class, pg_attribute.';

CREATE FUNCTION pggit_excellence._check_pggit_public_write()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('pggit', false, ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES', 'MAINTAIN'], true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_public_write() IS
    'Internal: hardening check: pgGit''s tables that PUBLIC may change, columns included. Source: pg_class, pg_attribute.';

CREATE FUNCTION pggit_excellence._check_pggit_public_read()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('pggit', false, ARRAY['SELECT'], true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_public_read() IS
    'Internal: hardening check: pgGit''s tables and views that PUBLIC may read. Source: pg_class, pg_attribute.';

CREATE FUNCTION pggit_excellence._check_pggit_public_sequences()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('pggit', true, ARRAY['SELECT', 'USAGE', 'UPDATE'], true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_public_sequences() IS
    'Internal: hardening check: pgGit''s sequences on which PUBLIC has rights. Source: pg_class.';

-- One REVOKE for each schema; where a function was granted by another than its owner, one for itself.
CREATE FUNCTION pggit_excellence._check_pggit_public_execute()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (p.oid::pg_catalog.regprocedure::text,
                CASE WHEN a.grantor = p.proowner THEN pg_catalog.format('REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA %I FROM PUBLIC', n.nspname)
                     ELSE pggit_excellence._as_grantor(pg_catalog.format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', p.oid::pg_catalog.regprocedure),
                                                       a.grantor, p.proowner, false) END)::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
        WHERE a.grantee = 0 AND pggit_excellence._schema_kind(n.nspname) = 'pggit'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_public_execute() IS
    'Internal: hardening check: pgGit''s functions that PUBLIC may run. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_pggit_default_privileges()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._default_grants('pggit') AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_default_privileges() IS
    'Internal: hardening check: default privileges in pgGit''s schemas that grant to PUBLIC. Source: pg_default_acl.';

CREATE FUNCTION pggit_excellence._check_pggit_schema_create()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._schema_grants('pggit', 'CREATE', false) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_schema_create() IS
    'Internal: hardening check: who beside owner and superusers may create in pgGit''s schemas. Source: pg_namespace.';

CREATE FUNCTION pggit_excellence._check_pggit_schema_usage()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._schema_grants('pggit', 'USAGE', true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_schema_usage() IS
    'Internal: hardening check: pgGit''s schemas on which PUBLIC has USAGE. Source: pg_namespace.';

CREATE FUNCTION pggit_excellence._check_pggit_history_writers()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('pggit', false, ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER'], false) AS g
        WHERE g.relation_name = 'history'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_history_writers() IS
    'Internal: hardening check: who beside owner and superusers may change or delete rows of pggit.history. Source: pg_class, pg_attribute.';

-- Which of the three are left open: none may pass without a trigger that fires before it.
CREATE FUNCTION pggit_excellence._check_pggit_history_append_only()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s on pggit.history', o.operation),
                'CREATE OR REPLACE FUNCTION pggit.pggit_excellence_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS '
                || pg_catalog.quote_literal(E'BEGIN\n    RAISE EXCEPTION ''pggit.history is append-only: % refused'', TG_OP USING ERRCODE = ''insufficient_privilege'';\nEND')
                || E';\nREVOKE ALL ON FUNCTION pggit.pggit_excellence_refuse() FROM PUBLIC'
                || pg_catalog.format(E';\nCREATE TRIGGER %1$I BEFORE %2$s ON pggit.history EXECUTE FUNCTION pggit.pggit_excellence_refuse()'
                          ';\nALTER TABLE pggit.history ENABLE ALWAYS TRIGGER %1$I', 'pggit_excellence_no_' || pg_catalog.lower(o.operation), o.operation))::pggit_excellence._fault
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = 'pggit'
        CROSS JOIN (VALUES ('UPDATE', 16), ('DELETE', 8), ('TRUNCATE', 32)) AS o (operation, bit)
        WHERE t.relname = 'history' AND t.relkind IN ('r', 'p')
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger AS g
            WHERE g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')
              AND g.tgtype & 2 = 2 AND g.tgtype & o.bit = o.bit AND g.tgqual IS NULL AND g.tgattr::text = '')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_history_append_only() IS
    'Internal: hardening check: UPDATE, DELETE and TRUNCATE of pggit.history before which no trigger fires. Source: pg_trigger.';

-- NOT VALID and VALIDATE, so that writers of the history wait for a moment only.
CREATE FUNCTION pggit_excellence._check_pggit_history_cascade()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I: %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid)),
                pg_catalog.format(E'ALTER TABLE pggit.history DROP CONSTRAINT %1$I;\nALTER TABLE pggit.history ADD CONSTRAINT %1$I %2$s NOT VALID;\nALTER TABLE pggit.history VALIDATE CONSTRAINT %1$I',
                       k.conname, pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', ''), ' ON (DELETE|UPDATE) (CASCADE|SET NULL|SET DEFAULT)( \([^)]*\))?', '', 'g')))::pggit_excellence._fault
        FROM pg_catalog.pg_constraint AS k
        JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE k.contype = 'f' AND n.nspname = 'pggit' AND t.relname = 'history' AND k.conparentid = 0
          AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
          -- harden() leaves the keys as they are: its trigger stops what they would do.
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_trigger AS g
              WHERE g.tgrelid = t.oid AND g.tgenabled = 'A' AND g.tgname = 'pggit_excellence_append_only'
                AND g.tgfoid = 'pggit_excellence._history_append_only()'::pg_catalog.regprocedure)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_history_cascade() IS
    'Internal: hardening check: foreign keys of pggit.history that change or delete its rows. Source: pg_constraint.';

-- Any row trigger that fires before INSERT counts: what its function does, no query can tell.
CREATE FUNCTION pggit_excellence._check_pggit_history_actor()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT ('pggit.history.created_by: ' || COALESCE('DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'no default') || ', and no trigger stamps it',
                'CREATE OR REPLACE FUNCTION pggit.pggit_excellence_stamp() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS '
                || pg_catalog.quote_literal(E'BEGIN\n    NEW.created_by := session_user;\n    RETURN NEW;\nEND')
                || E';\nREVOKE ALL ON FUNCTION pggit.pggit_excellence_stamp() FROM PUBLIC'
                   ';\nCREATE TRIGGER pggit_excellence_stamp BEFORE INSERT ON pggit.history FOR EACH ROW EXECUTE FUNCTION pggit.pggit_excellence_stamp()'
                   ';\nALTER TABLE pggit.history ENABLE ALWAYS TRIGGER pggit_excellence_stamp')::pggit_excellence._fault
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = 'pggit'
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attname = 'created_by' AND NOT a.attisdropped
        LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = t.oid AND d.adnum = a.attnum
        WHERE t.relname = 'history'
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_trigger AS g
            WHERE g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') AND g.tgtype & 7 = 7 AND g.tgqual IS NULL)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_history_actor() IS
    'Internal: hardening check: whether created_by of pggit.history is stamped before INSERT. Source: pg_trigger, pg_attrdef.';

CREATE FUNCTION pggit_excellence._check_pggit_history_unlogged()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I.%I', n.nspname, t.relname),
                pg_catalog.format('ALTER TABLE %I.%I SET LOGGED', n.nspname, t.relname))::pggit_excellence._fault
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE t.relpersistence = 'u' AND t.relkind = 'r' AND pggit_excellence._schema_kind(n.nspname) = 'pggit'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_history_unlogged() IS
    'Internal: hardening check: pgGit''s tables that are UNLOGGED. Source: pg_class.';

-- Looks at the 1,000 newest changes. The evidence has their numbers, never the text. No SQL that runs as it is: an
-- append-only history refuses it, and who lifts that has to say so.
CREATE FUNCTION pggit_excellence._check_pggit_history_secrets()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('pggit.history %s: %s', h.id, h.change_description),
                pg_catalog.format('-- change the password, then: UPDATE pggit.history SET sql_executed = NULL WHERE id = %s', h.id))::pggit_excellence._fault
        FROM (SELECT x.id, x.change_description, x.sql_executed FROM pggit.history AS x ORDER BY x.id DESC LIMIT 1000) AS h
        WHERE h.sql_executed ~* '\mpassword(\s+|\s*=\s*)''[^'']+''|\mpassword=[[:alnum:]]'
          AND h.sql_executed !~* '\mCREATE\s+(OR\s+REPLACE\s+)?FUNCTION\s+pggit_excellence\.'
    )) AS v;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_history_secrets() IS
    'Internal: hardening check: what looks like a password in the SQL text of the 1,000 newest changes. Source: pggit.history.';

CREATE FUNCTION pggit_excellence._check_pggit_create_extension()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I', t.evtname),
                pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', t.evtname))::pggit_excellence._fault
        FROM pg_catalog.pg_event_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE t.evtenabled IN ('O', 'A') AND t.evtevent = 'ddl_command_end' AND n.nspname = 'pggit' AND p.proname LIKE 'enhanced\_%'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_create_extension() IS
    'Internal: hardening check: pgGit''s event triggers that make CREATE EXTENSION fail. Source: pg_event_trigger.';

CREATE FUNCTION pggit_excellence._check_pggit_health_misjudged()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (p.oid::pg_catalog.regprocedure::text,
                '-- ask pggit_excellence.health_check() instead; SELECT * FROM pggit_excellence.link_pggit(replace => true) puts it under pgGit''s name')::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE CASE WHEN n.nspname = 'pggit' THEN p.prosrc ~ 'evtenabled\s*=\s*''O''' AND p.proname NOT LIKE '%\_replaced' END
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_health_misjudged() IS
    'Internal: hardening check: pgGit''s functions that take evtenabled = ''O'' alone for healthy. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_pggit_dynamic_sql()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (p.oid::pg_catalog.regprocedure::text,
                '-- run: pggit-excellence scan, and leave these functions to their owner: REVOKE EXECUTE ... FROM PUBLIC')::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE CASE WHEN pggit_excellence._schema_kind(n.nspname) = 'pggit' THEN pggit_excellence._splices(p.prosrc) END
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_dynamic_sql() IS
    'Internal: hardening check: pgGit''s functions whose text puts a variable into a dynamic statement without quoting. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_pggit_weak_hash()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (p.oid::pg_catalog.regprocedure::text,
                '-- replace md5(x) by encode(sha256(convert_to(x, ''UTF8'')), ''hex'') there, or ask for a release that does')::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE CASE WHEN pggit_excellence._schema_kind(n.nspname) = 'pggit' THEN p.prosrc ~* '\mmd5\s*\(|digest\s*\([^;]*''(md5|sha1)''' END
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_weak_hash() IS
    'Internal: hardening check: pgGit''s functions that call md5() or digest(..., ''md5'' or ''sha1''). Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_pggit_function_names()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (h.message,
                '-- SELECT * FROM pggit_excellence.tracking_gaps() names them; enable_audit() records DDL under its names')::pggit_excellence._fault
        FROM pggit_excellence._health_function_names() AS h
        WHERE h.status = 'warning'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_function_names() IS
    'Internal: hardening check: functions that pgGit recorded under a number. Source: pggit.objects.';

CREATE FUNCTION pggit_excellence._check_pggit_untracked_tables()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (u.name,
                '-- the next ALTER TABLE records each; what else is missing: SELECT * FROM pggit_excellence.tracking_gaps()')::pggit_excellence._fault
        FROM pggit_excellence._health_untracked() AS h
        CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(h.details -> 'untracked') AS u (name)
        WHERE h.status = 'warning'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_untracked_tables() IS
    'Internal: hardening check: tables among the 50 newest that pggit.objects does not have. Source: pg_class, pggit.objects.';

-- Extensions' own objects are left out: pgGit records CREATE EXTENSION's parts or not, nobody misses them.
CREATE FUNCTION pggit_excellence._check_pggit_kinds_unrecorded()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT DISTINCT (k.kind || ': there are some, and pggit.objects has none',
                'SELECT * FROM pggit_excellence.enable_audit()')::pggit_excellence._fault
        FROM (
            SELECT CASE c.relkind WHEN 'm' THEN 'MATERIALIZED_VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind,
                   c.relnamespace AS schema_id, 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS catalog, c.oid
            FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('m', 'S', 'v', 'r', 'p')
            UNION ALL
            SELECT 'TRIGGER', c.relnamespace, 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
            FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
            UNION ALL
            SELECT 'TYPE', t.typnamespace, 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid
            FROM pg_catalog.pg_type AS t WHERE t.typtype IN ('e', 'd', 'r')
            UNION ALL
            SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.pronamespace, 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid
            FROM pg_catalog.pg_proc AS p
        ) AS k
        JOIN pg_catalog.pg_namespace AS n ON n.oid = k.schema_id AND pggit_excellence._schema_kind(n.nspname) = 'user'
        WHERE k.kind NOT IN (SELECT DISTINCT o.object_type::text FROM pggit.objects AS o)
          AND (k.catalog, k.oid) NOT IN (SELECT e.classid, e.objid FROM pg_catalog.pg_depend AS e WHERE e.deptype = 'e')
          AND EXISTS (SELECT FROM pggit_excellence._audit_triggers() AS a WHERE a.state <> 'always')
    )) AS v;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_kinds_unrecorded() IS
    'Internal: hardening check: kinds of objects that exist and of which pggit.objects has none, unless enable_audit() records all DDL. Source: catalogs, pggit.objects, pg_event_trigger.';

CREATE FUNCTION pggit_excellence._check_pggit_slow_tracking()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT ('missing index ' || w.index_name,
                'SELECT * FROM pggit_excellence.tune_tracking(dry_run => false)')::pggit_excellence._fault
        FROM pggit_excellence._tuning_indexes() AS w
        WHERE w.needed AND pggit_excellence._serving_index(w.table_oid, w.column_names, w.wanted_collations) IS NULL
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pggit_slow_tracking() IS
    'Internal: hardening check: indexes that pgGit''s lookups need and do not have: tuning_plan(). Source: pg_index.';
