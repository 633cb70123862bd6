-- Hardening checks, category privileges: who may do more than his work needs. pgGit's own schemas: checks_pggit.sql.

CREATE FUNCTION pggit_excellence._checks_privileges()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 27
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('role_superuser_member', 'No ordinary role can become a superuser',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'A member of a superuser role is one: SET ROLE is all it takes, and it shows in no list of superusers.'),
        ('role_superuser_login', 'No superuser can log in but the first',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'Each superuser that can log in is one more password that opens everything. Named ones may be meant: exclude the finding with the reason.'),
        ('role_createrole', 'No ordinary role has CREATEROLE',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'CREATEROLE hands out memberships: up to 15 in every role but superusers'', pg_execute_server_program among them, from 16 on in what it made.'),
        ('role_createdb', 'No ordinary role has CREATEDB',
         'low', ARRAY['strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'Whoever makes databases owns them, and nobody''s checks look into them.'),
        ('role_server_access', 'No ordinary role reaches the server''s files and programs',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.3", "4.9"], "stig": ["V-261915"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3", "4.9"]}'::jsonb,
         'Who runs programs or reads and writes files as the server''s operating system user is a superuser with one step more.'),
        ('role_all_data', 'No ordinary role reads or writes all data',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.3", "4.9"], "stig": ["V-261915"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3", "4.9"]}'::jsonb,
         'pg_read_all_data and pg_write_all_data pass every GRANT, also those on pgGit''s history. A backup role may be meant.'),
        ('role_operational_powers', 'Operational powers are granted to few',
         'low', ARRAY['strict'], 'sql',
         '{"cis": ["4.3", "4.9"], "stig": ["V-261915"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3", "4.9"]}'::jsonb,
         'Ending sessions, maintaining every table, making subscriptions, using reserved connections: each stops a service in the wrong hands.'),
        ('role_admin_option', 'No ordinary role passes memberships on',
         'medium', ARRAY['strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-269"], "pgdsat": ["4.3"]}'::jsonb,
         'ADMIN OPTION lets its holder grant the role to anybody: access then grows without the DBA.'),
        ('schema_public_create', 'PUBLIC creates in no schema',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1"], "cwe": ["CWE-426"], "pgdsat": ["4.10"]}'::jsonb,
         'A function or operator that fits better than PostgreSQL''s own, made where a superuser''s search_path looks, runs as that superuser: the way into pgGit''s event triggers.'),
        ('search_path_writable', 'No stored search_path names what others may create in',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"stig": ["V-261923"], "soc2": ["CC6.1"], "cwe": ["CWE-426"], "pgdsat": ["4.10"]}'::jsonb,
         'Who may create in a schema of somebody''s search_path puts functions before those that he means.'),
        ('database_public_create', 'PUBLIC has no CREATE on databases',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-276"], "pgdsat": ["4.6"]}'::jsonb,
         'CREATE on a database makes schemas, and with pgGit installed also trusted extensions.'),
        ('database_public_connect', 'PUBLIC has no CONNECT on databases',
         'medium', ARRAY['strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-276"], "pgdsat": ["4.6"]}'::jsonb,
         'PostgreSQL lets every role connect to every database; pg_hba.conf is then the only door.'),
        ('database_public_temporary', 'PUBLIC has no TEMPORARY on databases',
         'low', ARRAY['strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-276"], "pgdsat": ["4.6"]}'::jsonb,
         'Temporary tables fill disks, and shadow tables of routines whose search_path does not put pg_temp last.'),
        ('table_public_write', 'PUBLIC writes no table',
         'high', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.6"]}'::jsonb,
         'Every role, also one that is made next year, may change these rows.'),
        ('table_public_read', 'PUBLIC reads no table',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.6"]}'::jsonb,
         'Every role, also one that is made next year, reads these rows. Reference data may be meant.'),
        ('sequence_public', 'PUBLIC has no rights on sequences',
         'low', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.6"]}'::jsonb,
         'setval() on somebody else''s sequence makes his next inserts fail.'),
        ('default_privileges_public', 'Objects that are made later give nothing to PUBLIC',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-276"], "pgdsat": ["4.6"]}'::jsonb,
         'A forgotten ALTER DEFAULT PRIVILEGES opens every table of tomorrow.'),
        ('grant_option_held', 'Privileges are passed on by owners only',
         'low', ARRAY['strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-269"], "pgdsat": ["4.6"]}'::jsonb,
         'WITH GRANT OPTION lets access spread by hands that no review asks.'),
        ('large_object_public', 'PUBLIC has no rights on large objects',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.6"]}'::jsonb,
         'Large objects hold documents, and no list of tables shows who may read them.'),
        ('large_object_unchecked', 'Privileges on large objects are checked',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.6"]}'::jsonb,
         'lo_compat_privileges = on lets everybody read and write every large object.'),
        ('tablespace_public', 'PUBLIC creates in no tablespace',
         'low', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.6"]}'::jsonb,
         'Whoever may create in a tablespace fills its disk.'),
        ('parameter_alter_system', 'Only superusers change the server''s configuration',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'ALTER SYSTEM on one command parameter (archive_command, ssl_passphrase_command, a preload library) runs programs as the server.'),
        ('parameter_set', 'Only superusers set what only superusers should',
         'medium', ARRAY['strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'SET on a superuser''s parameter switches off logging, checks or triggers for the session.'),
        ('foreign_access_public', 'PUBLIC uses no foreign server or wrapper',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-732"], "pgdsat": ["4.6"]}'::jsonb,
         'USAGE on a foreign server lets every role make a user mapping and tables there, and go out of the database.'),
        ('user_mapping_public', 'No foreign server lets everybody in',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"cis": ["4.6"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-522"], "pgdsat": ["4.6"]}'::jsonb,
         'A user mapping FOR PUBLIC gives every role the remote account that it names.'),
        ('catalog_table_grants', 'Nobody was given more of PostgreSQL''s catalogs',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261915"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'pg_authid has the password hashes, pg_subscription connection strings, pg_statistic samples of all data; writing a catalog is being superuser.'),
        ('catalog_function_grants', 'Nobody was given PostgreSQL''s restricted functions',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"cis": ["4.3"], "stig": ["V-261915"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["4.3"]}'::jsonb,
         'pg_read_file, lo_import, pg_ls_dir and the like reach the server''s files; they are superusers'' for that reason.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_privileges() IS
    'Internal: the hardening checks of category privileges. Columns: see _hardening_checks().';

CREATE FUNCTION pggit_excellence._check_role_superuser_member()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (m.item,
                m.mend)::pggit_excellence._fault
        FROM pggit_excellence._members(ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles AS r WHERE r.rolsuper)) AS m
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_superuser_member() IS
    'Internal: hardening check: members of superuser roles that are none themselves. Source: pg_auth_members.';

CREATE FUNCTION pggit_excellence._check_role_superuser_login()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I', r.rolname),
                pg_catalog.format('ALTER ROLE %I NOSUPERUSER', r.rolname))::pggit_excellence._fault
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolsuper AND r.rolcanlogin AND r.oid <> 10
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_superuser_login() IS
    'Internal: hardening check: superusers with LOGIN, but for the bootstrap superuser. Source: pg_roles.';

CREATE FUNCTION pggit_excellence._check_role_createrole()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I', r.rolname),
                pg_catalog.format('ALTER ROLE %I NOCREATEROLE', r.rolname))::pggit_excellence._fault
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolcreaterole AND NOT r.rolsuper
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_createrole() IS
    'Internal: hardening check: roles with CREATEROLE that are no superusers. Source: pg_roles.';

CREATE FUNCTION pggit_excellence._check_role_createdb()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I', r.rolname),
                pg_catalog.format('ALTER ROLE %I NOCREATEDB', r.rolname))::pggit_excellence._fault
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolcreatedb AND NOT r.rolsuper
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_createdb() IS
    'Internal: hardening check: roles with CREATEDB that are no superusers. Source: pg_roles.';

CREATE FUNCTION pggit_excellence._check_role_server_access()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (m.item,
                m.mend)::pggit_excellence._fault
        FROM pggit_excellence._members(ARRAY['pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files']) AS m
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_server_access() IS
    'Internal: hardening check: members of pg_execute_server_program, pg_read_server_files and pg_write_server_files. Source: pg_auth_members.';

CREATE FUNCTION pggit_excellence._check_role_all_data()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (m.item,
                m.mend)::pggit_excellence._fault
        FROM pggit_excellence._members(ARRAY['pg_read_all_data', 'pg_write_all_data']) AS m
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_all_data() IS
    'Internal: hardening check: members of pg_read_all_data and pg_write_all_data. Source: pg_auth_members.';

CREATE FUNCTION pggit_excellence._check_role_operational_powers()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (m.item,
                m.mend)::pggit_excellence._fault
        FROM pggit_excellence._members(ARRAY['pg_signal_backend', 'pg_maintain', 'pg_checkpoint', 'pg_create_subscription',
                                             'pg_use_reserved_connections', 'pg_signal_autovacuum_worker']) AS m
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_operational_powers() IS
    'Internal: hardening check: members of pg_signal_backend, pg_maintain, pg_checkpoint and the like. Source: pg_auth_members.';

CREATE FUNCTION pggit_excellence._check_role_admin_option()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I may grant %I', u.rolname, r.rolname),
                pggit_excellence._revoke_role('ADMIN OPTION FOR ', m.roleid, m.member, m.grantor))::pggit_excellence._fault
        FROM pg_catalog.pg_auth_members AS m
        JOIN pg_catalog.pg_roles AS r ON r.oid = m.roleid
        JOIN pg_catalog.pg_roles AS u ON u.oid = m.member
        WHERE m.admin_option AND NOT u.rolsuper
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_admin_option() IS
    'Internal: hardening check: memberships WITH ADMIN OPTION of roles that are no superusers. Source: pg_auth_members.';

CREATE FUNCTION pggit_excellence._check_schema_public_create()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._schema_grants('user', 'CREATE', true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_schema_public_create() IS
    'Internal: hardening check: schemas, pgGit''s aside, in which PUBLIC may create. Source: pg_namespace.';

CREATE FUNCTION pggit_excellence._check_search_path_writable()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s may create in %I', s.place, pggit_excellence._grantee(w.grantee), w.schema_name),
                CASE WHEN w.owned THEN s.mend ELSE pg_catalog.format('REVOKE CREATE ON SCHEMA %I FROM %s', w.schema_name, pggit_excellence._grantee(w.grantee)) END)::pggit_excellence._fault
        FROM pggit_excellence._stored_settings('search_path') AS s
        CROSS JOIN LATERAL pggit_excellence._weak_schemas(pggit_excellence._path_names(s.value), s.role_id) AS w
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_search_path_writable() IS
    'Internal: hardening check: search_paths of configuration, databases and roles with schemas in which others than the role and superusers may create. Source: pg_db_role_setting, pg_namespace.';

-- The databases on which PUBLIC has this privilege, with the REVOKE.
CREATE FUNCTION pggit_excellence._public_databases(privilege text)
RETURNS SETOF pggit_excellence._fault
LANGUAGE sql STABLE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('%I', d.datname),
           pggit_excellence._as_grantor(pg_catalog.format('REVOKE %s ON DATABASE %I FROM PUBLIC', privilege, d.datname), a.grantor, d.datdba, false)
    FROM pg_catalog.pg_database AS d
    CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS a
    WHERE a.grantee = 0 AND a.privilege_type = privilege AND d.datallowconn AND NOT d.datistemplate
$body$;
COMMENT ON FUNCTION pggit_excellence._public_databases(text) IS
    'Internal: databases on which PUBLIC has a privilege, as faults of a hardening check. Source: pg_database.';

CREATE FUNCTION pggit_excellence._check_database_public_create()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT f FROM pggit_excellence._public_databases('CREATE') AS f
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_database_public_create() IS
    'Internal: hardening check: databases on which PUBLIC has CREATE. Source: pg_database.';

CREATE FUNCTION pggit_excellence._check_database_public_connect()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT f FROM pggit_excellence._public_databases('CONNECT') AS f
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_database_public_connect() IS
    'Internal: hardening check: databases on which PUBLIC has CONNECT. Source: pg_database.';

CREATE FUNCTION pggit_excellence._check_database_public_temporary()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT f FROM pggit_excellence._public_databases('TEMPORARY') AS f
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_database_public_temporary() IS
    'Internal: hardening check: databases on which PUBLIC has TEMPORARY. Source: pg_database.';

CREATE FUNCTION pggit_excellence._check_table_public_write()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('user', false, ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES', 'MAINTAIN'], true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_table_public_write() IS
    'Internal: hardening check: tables and views, pgGit''s aside, that PUBLIC may change, columns included. Source: pg_class, pg_attribute.';

CREATE FUNCTION pggit_excellence._check_table_public_read()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('user', false, ARRAY['SELECT'], true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_table_public_read() IS
    'Internal: hardening check: tables and views, pgGit''s aside, that PUBLIC may read, columns included. Source: pg_class, pg_attribute.';

CREATE FUNCTION pggit_excellence._check_sequence_public()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._relation_grants('user', true, ARRAY['SELECT', 'USAGE', 'UPDATE'], true) AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_sequence_public() IS
    'Internal: hardening check: sequences, pgGit''s aside, on which PUBLIC has rights. Source: pg_class.';

CREATE FUNCTION pggit_excellence._check_default_privileges_public()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (g.item,
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._default_grants('user') AS g
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_default_privileges_public() IS
    'Internal: hardening check: default privileges that grant to PUBLIC, pgGit''s schemas aside. Source: pg_default_acl.';

CREATE FUNCTION pggit_excellence._check_grant_option_held()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%I.%I: %s for %s', n.nspname, c.relname, a.privilege_type, pggit_excellence._grantee(a.grantee)),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE GRANT OPTION FOR %s ON %s %I.%I FROM %s CASCADE', a.privilege_type,
                    CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname, pggit_excellence._grantee(a.grantee)), a.grantor, c.relowner, true))::pggit_excellence._fault
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        WHERE a.is_grantable AND a.grantee <> c.relowner AND r.rolsuper IS NOT TRUE AND pggit_excellence._schema_kind(n.nspname) <> 'system'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_grant_option_held() IS
    'Internal: hardening check: privileges on relations that others than owner and superusers hold WITH GRANT OPTION. Source: pg_class.';

CREATE FUNCTION pggit_excellence._check_large_object_public()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('large object %s: %s', o.oid, a.privilege_type),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE %s ON LARGE OBJECT %s FROM PUBLIC', a.privilege_type, o.oid), a.grantor, o.lomowner, false))::pggit_excellence._fault
        FROM pg_catalog.pg_largeobject_metadata AS o
        CROSS JOIN LATERAL pg_catalog.aclexplode(o.lomacl) AS a
        WHERE a.grantee = 0
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_large_object_public() IS
    'Internal: hardening check: large objects that PUBLIC may read or write. Source: pg_largeobject_metadata.';

CREATE FUNCTION pggit_excellence._check_large_object_unchecked()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: lo_compat_privileges = %s', s.place, s.value),
                s.mend)::pggit_excellence._fault
        FROM pggit_excellence._stored_settings('lo_compat_privileges') AS s
        WHERE NOT pggit_excellence._is_off(s.value)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_large_object_unchecked() IS
    'Internal: hardening check: configuration, databases and roles with lo_compat_privileges = on. Source: pg_db_role_setting, pg_settings.';

CREATE FUNCTION pggit_excellence._check_tablespace_public()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I', t.spcname),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE CREATE ON TABLESPACE %I FROM PUBLIC', t.spcname), a.grantor, t.spcowner, false))::pggit_excellence._fault
        FROM pg_catalog.pg_tablespace AS t
        CROSS JOIN LATERAL pg_catalog.aclexplode(t.spcacl) AS a
        WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tablespace_public() IS
    'Internal: hardening check: tablespaces in which PUBLIC may create. Source: pg_tablespace.';

CREATE FUNCTION pggit_excellence._check_parameter_alter_system()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s for %s', g.parameter, g.grantee),
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._parameter_grants() AS g
        WHERE g.privilege = 'ALTER SYSTEM'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_parameter_alter_system() IS
    'Internal: hardening check: who was granted ALTER SYSTEM on parameters, from 15 on. Source: pg_parameter_acl.';

CREATE FUNCTION pggit_excellence._check_parameter_set()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('warn', ARRAY(
        SELECT (pg_catalog.format('%s for %s', g.parameter, g.grantee),
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._parameter_grants() AS g
        WHERE g.privilege = 'SET'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_parameter_set() IS
    'Internal: hardening check: who was granted SET on parameters, from 15 on. Source: pg_parameter_acl.';

CREATE FUNCTION pggit_excellence._check_foreign_access_public()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s %I', f.kind, f.name),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE USAGE ON %s %I FROM PUBLIC CASCADE', f.kind, f.name), a.grantor, f.owner, false))::pggit_excellence._fault
        FROM (
            SELECT 'FOREIGN SERVER' AS kind, s.srvname AS name, s.srvowner AS owner, s.srvacl AS acl FROM pg_catalog.pg_foreign_server AS s
            UNION ALL
            SELECT 'FOREIGN DATA WRAPPER', w.fdwname, w.fdwowner, w.fdwacl FROM pg_catalog.pg_foreign_data_wrapper AS w
        ) AS f
        CROSS JOIN LATERAL pg_catalog.aclexplode(f.acl) AS a
        WHERE a.grantee = 0
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_foreign_access_public() IS
    'Internal: hardening check: foreign servers and foreign-data wrappers that PUBLIC may use. Source: pg_foreign_server, pg_foreign_data_wrapper.';

CREATE FUNCTION pggit_excellence._check_user_mapping_public()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('server %I', m.srvname),
                pg_catalog.format('DROP USER MAPPING FOR PUBLIC SERVER %I', m.srvname))::pggit_excellence._fault
        FROM pg_catalog.pg_user_mappings AS m
        WHERE m.umuser = 0
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_user_mapping_public() IS
    'Internal: hardening check: user mappings for PUBLIC. Source: pg_user_mappings.';

-- Privileges that initdb or an extension gave are in pg_init_privs; what came later is not.
CREATE FUNCTION pggit_excellence._check_catalog_table_grants()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s for %s', o.oid::pg_catalog.regclass, a.privilege_type, pggit_excellence._grantee(a.grantee)),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE %s ON TABLE %s FROM %s CASCADE', a.privilege_type, o.oid::pg_catalog.regclass, pggit_excellence._grantee(a.grantee)), a.grantor, o.relowner, true))::pggit_excellence._fault
        FROM pg_catalog.pg_class AS o
        CROSS JOIN LATERAL pg_catalog.aclexplode(o.relacl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        LEFT JOIN pg_catalog.pg_init_privs AS i ON i.objoid = o.oid AND i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.objsubid = 0
        WHERE o.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND a.grantee <> o.relowner AND r.rolsuper IS NOT TRUE
          AND NOT EXISTS (
            SELECT FROM pg_catalog.aclexplode(COALESCE(i.initprivs, pg_catalog.acldefault('r', o.relowner))) AS x
            WHERE x.grantee = a.grantee AND x.privilege_type = a.privilege_type)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_catalog_table_grants() IS
    'Internal: hardening check: privileges on catalogs and system views that initdb did not give. Source: pg_class, pg_init_privs.';

-- Privileges that initdb or an extension gave are in pg_init_privs; what came later is not.
CREATE FUNCTION pggit_excellence._check_catalog_function_grants()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s for %s', o.oid::pg_catalog.regprocedure, a.privilege_type, pggit_excellence._grantee(a.grantee)),
                pggit_excellence._as_grantor(pg_catalog.format('REVOKE %s ON FUNCTION %s FROM %s CASCADE', a.privilege_type, o.oid::pg_catalog.regprocedure, pggit_excellence._grantee(a.grantee)), a.grantor, o.proowner, true))::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS o
        CROSS JOIN LATERAL pg_catalog.aclexplode(o.proacl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        LEFT JOIN pg_catalog.pg_init_privs AS i ON i.objoid = o.oid AND i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND i.objsubid = 0
        WHERE o.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND a.grantee <> o.proowner AND r.rolsuper IS NOT TRUE
          AND NOT EXISTS (
            SELECT FROM pg_catalog.aclexplode(COALESCE(i.initprivs, pg_catalog.acldefault('f', o.proowner))) AS x
            WHERE x.grantee = a.grantee AND x.privilege_type = a.privilege_type)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_catalog_function_grants() IS
    'Internal: hardening check: EXECUTE on PostgreSQL''s own functions that initdb did not give. Source: pg_proc, pg_init_privs.';
