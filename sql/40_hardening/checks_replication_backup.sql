-- Copies of the data: who may take them, over which line, and whether there is one when it is needed.
CREATE FUNCTION pggit_excellence._checks_replication_backup()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 13
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('replication_as_superuser', 'No standby or tool replicates as a superuser',
         'high', '{standard,strict}'::text[], 'text', '{"cis": ["7.1"], "stig": ["V-261915"], "soc2": ["CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["7.1"]}'::jsonb,
         'The password that lies on each standby needs REPLICATION only.'),
        ('replication_role_privileges', 'Roles for replication can do nothing else',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["7.1"], "stig": ["V-261915"], "soc2": ["CC6.3"], "cwe": ["CWE-250"], "pgdsat": ["7.1"]}'::jsonb,
         'REPLICATION reads every table''s every change; together with CREATEROLE, CREATEDB or BYPASSRLS it is one password for too much.'),
        ('log_replication_commands', 'Commands of replication are logged',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["7.2"], "stig": ["V-261958"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["7.2"]}'::jsonb,
         'A base backup is a copy of everything; the log should have it.'),
        ('hba_replication', 'Rules for replication name a role and an address',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["7.1", "5.4"], "stig": ["V-261859"], "soc2": ["CC6.1", "CC6.6"], "cwe": ["CWE-284"], "pgdsat": ["7.1"]}'::jsonb,
         'Whoever replicates has a copy of everything. A rule for replication by all roles, or from wide ranges of addresses, is commented out by the remediation.'),
        ('base_backup', 'A base backup is not older than a week',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["7.3"], "soc2": ["A1.2"], "pgdsat": ["7.3"]}'::jsonb,
         'A backup is seen by the history file that it leaves in pg_wal, until WAL archiving takes it away. manual: none is there; look into your backup tool. The remediation takes one.'),
        ('wal_level', 'WAL is enough for standbys and recovery to a point in time',
         'medium', '{standard,strict}'::text[], 'restart', '{"cis": ["7.4", "7.5"], "soc2": ["A1.2"], "pgdsat": ["7.4", "7.5"]}'::jsonb,
         'With minimal neither an archive nor a standby can be had.'),
        ('wal_archiving', 'WAL is archived',
         'medium', '{standard,strict}'::text[], 'restart', '{"cis": ["7.4"], "soc2": ["A1.2"], "pgdsat": ["7.4"]}'::jsonb,
         'Only an archive, or a receiver elsewhere, brings back what was committed after the last backup. A connected receiver with a slot passes too. The remediation archives beside the data directory: use your backup tool''s command instead.'),
        ('archive_failures', 'The last attempt to archive WAL succeeded',
         'high', '{minimal,standard,strict}'::text[], 'text', '{"cis": ["7.4"], "stig": ["V-261920"], "soc2": ["A1.2"], "pgdsat": ["7.4"]}'::jsonb,
         'While archiving fails recovery ends at the last file that arrived, and pg_wal fills the disk.'),
        ('slot_wal_limit', 'A forgotten replication slot cannot fill the disk',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["7.5"], "soc2": ["A1.2"], "cwe": ["CWE-400"], "pgdsat": ["7.5"]}'::jsonb,
         'A slot keeps WAL until it is read. Without max_slot_wal_keep_size an inactive one keeps it until the disk is full and the server stops.'),
        ('primary_conninfo_tls', 'A standby verifies its primary',
         'high', '{standard,strict}'::text[], 'sql', '{"cis": ["7.5"], "stig": ["V-261933"], "soc2": ["CC6.7"], "cwe": ["CWE-295"], "pgdsat": ["7.5"]}'::jsonb,
         'Without sslmode verify-full anybody between them can read everything, or be the primary. The remediation shows no password and takes one out: put it into .pgpass first.'),
        ('primary_conninfo_password', 'A standby''s settings hold no password',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["7.5"], "stig": ["V-261892"], "soc2": ["CC6.1"], "cwe": ["CWE-256"], "pgdsat": ["7.5"]}'::jsonb,
         'Settings are shown to monitoring roles and are part of every base backup; a .pgpass file is not. The remediation takes the password out: put it into .pgpass first.'),
        ('subscription_password', 'Subscriptions hold no password',
         'medium', '{standard,strict}'::text[], 'sql', '{"stig": ["V-261892"], "soc2": ["CC6.1"], "cwe": ["CWE-256"]}'::jsonb,
         'The connection string of a subscription is in the catalog, in dumps and in base backups. The remediation takes the password out: put it into .pgpass of the server''s user first. It must not go for subscriptions of other roles than superusers: their password_required asks for it.'),
        ('output_plugins', 'Logical decoding uses PostgreSQL''s own output plugins',
         'medium', '{strict}'::text[], 'sql', '{"stig": ["V-261887"], "soc2": ["CC6.8"], "cwe": ["CWE-829"]}'::jsonb,
         'The August 2026 minor releases restrict which libraries a replication role may load (output_plugin_libraries); an entry beyond pgoutput and test_decoding should be one that is needed, and then be excluded here with its reason.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_replication_backup() IS 'Internal: the hardening checks of category replication_backup.';

-- A connection string without its password. Where the value is quoted, quotes and backslashes in it are escaped.
CREATE FUNCTION pggit_excellence._without_password(conninfo text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN conninfo ~ '^postgres(ql)?://'
                THEN pg_catalog.regexp_replace(pg_catalog.regexp_replace(conninfo, '^(postgres(?:ql)?://[^:@/?]*):[^@]*@', '\1@'), '([?&])password=[^&]*&?', '\1')
                ELSE pg_catalog.btrim(pg_catalog.regexp_replace(conninfo, '(^|\s)password\s*=\s*(''(?:[^''\\]|\\.)*''|(?:[^''\\\s]|\\.)+)(\s+|$)', '\1', 'g')) END
$body$;
COMMENT ON FUNCTION pggit_excellence._without_password(text) IS 'Internal: a libpq connection string or URI without its password.';

CREATE FUNCTION pggit_excellence._check_replication_as_superuser()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN NOT s.may_see THEN 'unknown' WHEN s.found IS NULL THEN 'pass' ELSE 'fail' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('connections', COALESCE(s.found, '[]'::jsonb),
               'reason', CASE WHEN NOT s.may_see THEN pg_catalog.format('other roles'' sessions are hidden: GRANT pg_read_all_stats TO %I', current_user) END)),
           CASE WHEN s.may_see AND s.found IS NOT NULL THEN
               'CREATE ROLE replicator LOGIN REPLICATION; set its password with \password replicator, name it in pg_hba.conf '
               || 'and in primary_conninfo of: ' || s.applications END
    FROM (
        SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS may_see,
               pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('pid', a.pid, 'role', r.rolname, 'application', a.application_name,
                                                                  'address', pg_catalog.host(a.client_addr)) ORDER BY a.pid) AS found,
               pg_catalog.string_agg(pg_catalog.format('%s (%s)', a.application_name, COALESCE(pg_catalog.host(a.client_addr), 'local')), ', ' ORDER BY a.pid) AS applications
        FROM pg_catalog.pg_stat_activity AS a
        JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
        WHERE a.backend_type = 'walsender' AND r.rolsuper
    ) AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._check_replication_as_superuser() IS
    'Internal: hardening check: the sessions that replicate now, and their roles. Source: pg_stat_activity.';

CREATE FUNCTION pggit_excellence._check_replication_role_privileges()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I: %s', r.rolname, a.attribute), pg_catalog.format('ALTER ROLE %I NO%s', r.rolname, a.attribute))::pggit_excellence._fault
        FROM pg_catalog.pg_roles AS r
        CROSS JOIN LATERAL (VALUES (r.rolcreaterole, 'CREATEROLE'), (r.rolcreatedb, 'CREATEDB'), (r.rolbypassrls, 'BYPASSRLS')) AS a (given, attribute)
        WHERE r.rolreplication AND NOT r.rolsuper AND a.given)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_replication_role_privileges() IS
    'Internal: hardening check: attributes of roles with REPLICATION. Source: pg_roles.';

CREATE FUNCTION pggit_excellence._check_log_replication_commands()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_replication_commands', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_replication_commands() IS
    'Internal: hardening check: the setting log_replication_commands, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_hba_replication()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method), pg_catalog.format('%ss/^/# /', r.line)))
        FROM pggit_excellence._hba_rules() AS r
        WHERE 'replication' = ANY (r.databases) AND r.remote AND r.method <> 'reject' AND r.error IS NULL
          AND ('all' = ANY (r.users) OR r.address = 'all' OR pg_catalog.masklen(r.network) < CASE pg_catalog.family(r.network) WHEN 4 THEN 24 ELSE 64 END))) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_replication() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_base_backup()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    newest timestamptz;
BEGIN
    IF NOT pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE') THEN
        RAISE EXCEPTION 'pg_wal is hidden from role %: GRANT pg_monitor TO %', pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT pg_catalog.max(w.modification) INTO newest FROM pg_catalog.pg_ls_waldir() AS w WHERE w.name LIKE '%.backup';
    RETURN QUERY SELECT
        CASE WHEN newest IS NULL THEN 'manual' WHEN newest < pg_catalog.now() - interval '7 days' THEN 'fail' ELSE 'pass' END,
        CASE WHEN newest IS NULL THEN pg_catalog.jsonb_build_object('reason', 'no backup history file in pg_wal: look into your backup tool')
             ELSE pg_catalog.jsonb_build_object('newest_backup', newest) END,
        CASE WHEN newest < pg_catalog.now() - interval '7 days'
             THEN E'# On the server''s host; better by your backup tool:\npg_basebackup -D "${BACKUP_DIR:-base_backup}" --checkpoint=fast' END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._check_base_backup() IS
    'Internal: hardening check: the newest backup history file in pg_wal. Source: pg_ls_waldir().';

CREATE FUNCTION pggit_excellence._check_wal_level()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('wal_level', '^(replica|logical)$', ARRAY['replica']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_wal_level() IS
    'Internal: hardening check: the setting wal_level, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_wal_archiving()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN a.archives OR a.receivers > 0 THEN 'pass' ELSE 'fail' END,
           pg_catalog.jsonb_build_object('archive_mode', a.mode, 'receivers_with_slot', a.receivers),
           CASE WHEN NOT a.archives AND a.receivers = 0 THEN
               pg_catalog.format(E'ALTER SYSTEM SET archive_command = %L;\nALTER SYSTEM SET archive_mode = ''on'';\n-- Then restart the server.',
                   pg_catalog.format('mkdir -p -m 700 %1$s && test ! -e %1$s/%%f && cp %%p %1$s/%%f',
                                     pggit_excellence._shell_quoted(pggit_excellence._setting('data_directory') || '_archive'))) END
    FROM (
        SELECT m.mode, m.mode <> 'off' AND (m.command <> '' OR COALESCE(m.library, '') <> '') AS archives,
               (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots AS s WHERE s.slot_type = 'physical' AND s.active) AS receivers
        FROM (SELECT pggit_excellence._setting('archive_mode') AS mode, pggit_excellence._setting('archive_command') AS command,
                     pggit_excellence._setting('archive_library') AS library OFFSET 0) AS m
    ) AS a
$body$;
COMMENT ON FUNCTION pggit_excellence._check_wal_archiving() IS
    'Internal: hardening check: the settings data_directory, archive_mode, archive_command, archive_library, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_archive_failures()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN a.failing THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('last_failed_wal', a.last_failed_wal, 'last_failed_time', a.last_failed_time,
                                                                      'last_archived_time', a.last_archived_time, 'failed_count', a.failed_count)),
           CASE WHEN a.failing THEN pg_catalog.format(
               'The server''s log has the output of archive_command (%s). Mend what it says; the server tries again by itself.',
               pggit_excellence._setting('archive_command')) END
    FROM (
        SELECT s.last_failed_wal, s.last_failed_time, s.last_archived_time, s.failed_count,
               COALESCE(s.last_failed_time > COALESCE(s.last_archived_time, '-infinity'), false) AS failing
        FROM pg_catalog.pg_stat_archiver AS s
    ) AS a
$body$;
COMMENT ON FUNCTION pggit_excellence._check_archive_failures() IS
    'Internal: hardening check: the last attempts of the archiver. Source: pg_stat_archiver.';

CREATE FUNCTION pggit_excellence._check_slot_wal_limit()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.kept = '-1' AND s.idle IS NOT NULL THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_build_object('max_slot_wal_keep_size', s.kept, 'inactive_slots', COALESCE(s.idle, ARRAY[]::text[])),
           CASE WHEN s.kept = '-1' AND s.idle IS NOT NULL THEN pggit_excellence._alter_system('max_slot_wal_keep_size', ARRAY['16GB']) END
    FROM (
        SELECT pggit_excellence._setting('max_slot_wal_keep_size') AS kept,
               (SELECT pg_catalog.array_agg(r.slot_name::text ORDER BY r.slot_name) FROM pg_catalog.pg_replication_slots AS r WHERE NOT r.active) AS idle
        OFFSET 0
    ) AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._check_slot_wal_limit() IS
    'Internal: hardening check: inactive replication slots and max_slot_wal_keep_size. Source: pg_replication_slots, pg_settings.';

CREATE FUNCTION pggit_excellence._check_primary_conninfo_tls()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN c.info = '' THEN 'not_applicable' WHEN c.safe THEN 'pass' ELSE 'fail' END,
           CASE WHEN c.info = '' THEN pg_catalog.jsonb_build_object('reason', 'primary_conninfo is empty: no standby')
                ELSE pg_catalog.jsonb_build_object('setting', 'primary_conninfo', 'sslmode', COALESCE(c.mode, 'not given: prefer')) END,
           CASE WHEN c.info <> '' AND NOT c.safe THEN pggit_excellence._alter_system('primary_conninfo', ARRAY[
               pg_catalog.btrim(pg_catalog.regexp_replace(pggit_excellence._without_password(c.info), '\s*sslmode\s*=\s*(''[^'']*''|[^''\s]+)', '', 'g')) || ' sslmode=verify-full']) END
    FROM (
        SELECT f.info, f.mode, COALESCE(f.mode, '') IN ('verify-ca', 'verify-full') OR f.info ~ 'host\s*=\s*''?/' AS safe
        FROM (SELECT i.info, (pg_catalog.regexp_match(i.info, 'sslmode\s*=\s*''?([a-z-]+)'))[1] AS mode
              FROM (SELECT pggit_excellence._setting('primary_conninfo') AS info OFFSET 0) AS i) AS f
    ) AS c
$body$;
COMMENT ON FUNCTION pggit_excellence._check_primary_conninfo_tls() IS
    'Internal: hardening check: the setting primary_conninfo, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_primary_conninfo_password()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN c.info = '' THEN 'not_applicable' WHEN c.found THEN 'fail' ELSE 'pass' END,
           CASE WHEN c.info = '' THEN pg_catalog.jsonb_build_object('reason', 'primary_conninfo is empty: no standby')
                ELSE pg_catalog.jsonb_build_object('setting', 'primary_conninfo', 'password', c.found) END,
           CASE WHEN c.found THEN pggit_excellence._alter_system('primary_conninfo', ARRAY[pggit_excellence._without_password(c.info)]) END
    FROM (
        SELECT i.info, pggit_excellence._without_password(i.info) <> i.info AS found
        FROM (SELECT pggit_excellence._setting('primary_conninfo') AS info OFFSET 0) AS i
    ) AS c
$body$;
COMMENT ON FUNCTION pggit_excellence._check_primary_conninfo_password() IS
    'Internal: hardening check: the setting primary_conninfo, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_subscription_password()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT pg_catalog.has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'SELECT') THEN
        RAISE EXCEPTION 'subscriptions'' connection strings are hidden from role %: it takes a superuser', pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(s.subname), pg_catalog.format('ALTER SUBSCRIPTION %I CONNECTION %L', s.subname,
                                                                     pggit_excellence._without_password(s.subconninfo)))::pggit_excellence._fault
        FROM pg_catalog.pg_subscription AS s
        JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
        JOIN pg_catalog.pg_roles AS r ON r.oid = s.subowner AND r.rolsuper
        WHERE pggit_excellence._without_password(s.subconninfo) <> s.subconninfo)) AS v;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._check_subscription_password() IS
    'Internal: hardening check: connection strings of this database''s subscriptions. Source: pg_subscription.';

CREATE FUNCTION pggit_excellence._check_output_plugins()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('output_plugin_libraries', '^((pgoutput|test_decoding)(, *|$))*$', ARRAY['pgoutput', 'test_decoding']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_output_plugins() IS
    'Internal: hardening check: the setting output_plugin_libraries, as new sessions get it. Source: pg_settings.';
