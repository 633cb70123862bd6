-- Files, directories and processes of the servers host; most of it from host_security() of the companion extension.
CREATE FUNCTION pggit_excellence._checks_host()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 16
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('data_directory_mode', 'Nobody but the server enters the data directory',
         'critical', '{minimal,standard,strict}'::text[], 'shell', '{"cis": ["1.4", "2.1"], "stig": ["V-261904"], "soc2": ["CC6.1"], "cwe": ["CWE-732"], "pgdsat": ["1.4", "2.7"]}'::jsonb,
         'All data are in these files. 0700 and 0750 pass; the server that runs does not look again.'),
        ('config_file_mode', 'Nobody but the server writes or reads its configuration',
         'high', '{minimal,standard,strict}'::text[], 'shell', '{"cis": ["2.1"], "stig": ["V-261883", "V-261904"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-732"], "pgdsat": ["2.5"]}'::jsonb,
         'Who may write to pg_hba.conf lets himself in. 0600 and 0640 pass.'),
        ('config_file_owner', 'Configuration files belong to the server''s user or to root',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["2.1"], "stig": ["V-261883"], "soc2": ["CC6.1", "CC8.1"], "cwe": ["CWE-282"], "pgdsat": ["2.5"]}'::jsonb,
         'The owner can change a file''s mode and content.'),
        ('log_directory_mode', 'Nobody but the server''s group reads its log files',
         'medium', '{standard,strict}'::text[], 'shell', '{"cis": ["3.1.6"], "stig": ["V-261875", "V-261876"], "soc2": ["CC6.1"], "cwe": ["CWE-532"], "pgdsat": ["3.1.6"]}'::jsonb,
         'log_file_mode is for new files; older ones keep what they had. Looked at: the 1,000 newest files.'),
        ('socket_permissions', 'The Unix socket is not for everybody',
         'low', '{strict}'::text[], 'restart', '{"cis": ["5.3"], "stig": ["V-261904"], "soc2": ["CC6.1"], "cwe": ["CWE-732"], "pgdsat": ["2.6"]}'::jsonb,
         'With 0777 every account of the host can try to log in. 0770 leaves the server''s user and group (unix_socket_group).'),
        ('socket_directory', 'The Unix socket is in a directory of the server''s own',
         'medium', '{standard,strict}'::text[], 'restart', '{"cis": ["8.3"], "stig": ["V-261904"], "soc2": ["CC6.1"], "cwe": ["CWE-379"], "pgdsat": ["8.3"]}'::jsonb,
         'In a directory where everybody may write (/tmp) another server can take the socket''s place while this one is down, and gets the clients'' passwords. The remediation uses the directory of the data.'),
        ('program_directories', 'Nobody but root writes to the installation',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["2.2"], "stig": ["V-261881", "V-261882"], "soc2": ["CC6.8"], "cwe": ["CWE-732"], "pgdsat": ["2.2"]}'::jsonb,
         'Programs, libraries and extension scripts run as the server, or as a superuser in it.'),
        ('data_checksums', 'Damaged pages are noticed',
         'medium', '{standard,strict}'::text[], 'shell', '{"stig": ["V-261930"], "soc2": ["A1.2"], "cwe": ["CWE-354"], "pgdsat": ["1.4.3"]}'::jsonb,
         'Without checksums a page that the disk changed is read as data. On by default from 18 on.'),
        ('checksum_failures', 'No damaged page was found',
         'critical', '{minimal,standard,strict}'::text[], 'text', '{"soc2": ["A1.2", "CC7.2"], "cwe": ["CWE-354"], "pgdsat": ["1.4.3"]}'::jsonb,
         'A disk, controller or memory changes data: what comes next is loss.'),
        ('tablespace_in_data_directory', 'No tablespace is inside of the data directory',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["8.1"], "soc2": ["A1.2"], "pgdsat": ["1.9", "8.1"]}'::jsonb,
         'Base backups copy it twice, and pg_upgrade does not get along with it. The remediation works once the tablespace is empty: ALTER TABLE ... SET TABLESPACE first.'),
        ('wal_filesystem', 'WAL and data are on different filesystems',
         'low', '{strict}'::text[], 'text', '{"cis": ["8.1"], "stig": ["V-261918"], "soc2": ["A1.2"], "pgdsat": ["1.4.4", "8.1"]}'::jsonb,
         'WAL that fills the disk of the data stops the server; apart from it, each can be given its size. The fact is told, the decision is yours: warn.'),
        ('password_in_environment', 'The server''s environment has no password',
         'high', '{standard,strict}'::text[], 'text', '{"cis": ["1.7"], "stig": ["V-261892"], "soc2": ["CC6.1"], "cwe": ["CWE-526"], "pgdsat": ["1.7"]}'::jsonb,
         'PGPASSWORD is shown to whoever reads /proc, and inherited by every program that the server starts.'),
        ('password_in_profile', 'No profile of the server''s user has a password',
         'medium', '{standard,strict}'::text[], 'shell', '{"cis": ["1.6"], "stig": ["V-261892"], "soc2": ["CC6.1"], "cwe": ["CWE-256"], "pgdsat": ["1.6"]}'::jsonb,
         'Profiles are read by everybody and copied everywhere. The remediation takes the lines with PGPASSWORD out.'),
        ('password_in_service_file', 'No connection service file has a password',
         'medium', '{standard,strict}'::text[], 'shell', '{"cis": ["2.4"], "stig": ["V-261892"], "soc2": ["CC6.1"], "cwe": ["CWE-256"], "pgdsat": ["2.4"]}'::jsonb,
         'pg_service.conf is for everybody to read; passwords belong into .pgpass. The remediation takes the lines with password= out.'),
        ('psql_history', 'psql keeps no history for the server''s user',
         'low', '{strict}'::text[], 'shell', '{"cis": ["2.3"], "stig": ["V-261875"], "soc2": ["CC6.1"], "cwe": ["CWE-532"], "pgdsat": ["2.3"]}'::jsonb,
         'Statements of administrators have passwords in them. The remediation puts a link to /dev/null in the history''s place.'),
        ('core_dumps', 'The server leaves no core dumps',
         'low', '{strict}'::text[], 'text', '{"cis": ["8.3"], "stig": ["V-261931"], "soc2": ["CC6.1"], "cwe": ["CWE-528"], "pgdsat": ["8.3"]}'::jsonb,
         'A core dump has everything that was in memory: data, keys, passwords.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_host() IS 'Internal: the hardening checks of category host.';

CREATE FUNCTION pggit_excellence._check_data_directory_mode()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._mode_verdict('data_directory', NULL, 23, '0700') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_data_directory_mode() IS
    'Internal: hardening check: the data directory. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_config_file_mode()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._mode_verdict('configuration', NULL, 31, '0600') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_config_file_mode() IS
    'Internal: hardening check: the configuration files. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_config_file_owner()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN h.found IS NOT NULL THEN 'fail' WHEN h.unread IS NOT NULL THEN 'unknown' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('files', COALESCE(h.found, '[]'::jsonb), 'reason', h.unread)),
           CASE WHEN h.found IS NOT NULL THEN E'# On the server''s host, as root:\n' || pg_catalog.format('chown %s %s', h.server_user, h.paths) END
    FROM (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('path', f.path, 'owner', f.owner) ORDER BY f.path) FILTER (WHERE f.foreign_owner) AS found,
               pg_catalog.string_agg(pggit_excellence._shell_quoted(f.path), ' ' ORDER BY f.path) FILTER (WHERE f.foreign_owner) AS paths,
               pg_catalog.min(f.detail ->> 'server_user') AS server_user,
               pg_catalog.string_agg(f.path || ': ' || f.note, '; ' ORDER BY f.path) FILTER (WHERE f.detail IS NULL) AS unread
        FROM (SELECT c.path, c.owner, c.note, c.detail, c.owner NOT IN (c.detail ->> 'server_user', 'root') AS foreign_owner
              FROM pggit_excellence._host_facts('configuration') AS c) AS f
    ) AS h
$body$;
COMMENT ON FUNCTION pggit_excellence._check_config_file_owner() IS
    'Internal: hardening check: the configuration files. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_log_directory_mode()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._mode_verdict('log_file', CASE WHEN pggit_excellence._setting('logging_collector') <> 'on' THEN 'the server writes no log files itself' END, 31, '0600') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_directory_mode() IS
    'Internal: hardening check: the log files. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_socket_permissions()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.bits & 7 <> 0 THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_build_object('setting', 'unix_socket_permissions', 'value', pg_catalog.current_setting('unix_socket_permissions')),
           CASE WHEN s.bits & 7 <> 0 THEN pggit_excellence._alter_system('unix_socket_permissions', ARRAY['0770']) END
    FROM (SELECT pggit_excellence._setting('unix_socket_permissions')::integer AS bits OFFSET 0) AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._check_socket_permissions() IS
    'Internal: hardening check: the setting unix_socket_permissions, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_socket_directory()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN h.found IS NOT NULL THEN 'fail' WHEN h.unread IS NOT NULL THEN 'unknown' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('directories', COALESCE(h.found, '[]'::jsonb), 'reason', h.unread)),
           CASE WHEN h.found IS NOT NULL THEN pggit_excellence._alter_system('unix_socket_directories', COALESCE(h.kept, ARRAY[pggit_excellence._setting('data_directory')])) END
    FROM (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('path', f.path, 'mode', f.mode) ORDER BY f.path) FILTER (WHERE f.everybody) AS found,
               pg_catalog.array_agg(f.path ORDER BY f.path) FILTER (WHERE NOT f.everybody) AS kept,
               pg_catalog.string_agg(f.path || ': ' || f.note, '; ' ORDER BY f.path) FILTER (WHERE f.detail IS NULL) AS unread
        FROM (SELECT s.path, s.mode, s.note, s.detail, (s.detail ->> 'bits')::integer & 2 <> 0 AS everybody
              FROM pggit_excellence._host_facts('socket_directory') AS s) AS f
    ) AS h
$body$;
COMMENT ON FUNCTION pggit_excellence._check_socket_directory() IS
    'Internal: hardening check: the directories of the Unix sockets. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_program_directories()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._mode_verdict('program_directory', NULL, 18, 'go-w') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_program_directories() IS
    'Internal: hardening check: the directories of programs, libraries and extension scripts. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_data_checksums()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE d.enabled WHEN 'on' THEN 'pass' ELSE 'fail' END, pg_catalog.jsonb_build_object('data_checksums', d.enabled),
           CASE WHEN d.enabled <> 'on' THEN E'# On the server''s host, as its user; stop the server first and start it afterwards:\n'
               || 'pg_checksums --enable -D ' || COALESCE(pggit_excellence._shell_quoted(pg_catalog.current_setting('data_directory')), '"$PGDATA"') END
    FROM (SELECT pg_catalog.current_setting('data_checksums') AS enabled) AS d
$body$;
COMMENT ON FUNCTION pggit_excellence._check_data_checksums() IS
    'Internal: hardening check: the cluster''s data_checksums. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_checksum_failures()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN d.found IS NULL THEN 'pass' ELSE 'fail' END, pg_catalog.jsonb_build_object('databases', COALESCE(d.found, '[]'::jsonb)),
           CASE WHEN d.found IS NOT NULL THEN 'Find the damaged relation by the messages in the server''s log, restore it from a backup, replace the hardware. '
               || 'Then forget the count, in each of these databases: SELECT pg_catalog.pg_stat_reset();' END
    FROM (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('database', s.datname, 'failures', s.checksum_failures, 'last', s.checksum_last_failure) ORDER BY s.datname) AS found
        FROM pg_catalog.pg_stat_database AS s WHERE s.checksum_failures > 0
    ) AS d
$body$;
COMMENT ON FUNCTION pggit_excellence._check_checksum_failures() IS
    'Internal: hardening check: counted failures per database. Source: pg_stat_database.';

CREATE FUNCTION pggit_excellence._check_tablespace_in_data_directory()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(t.spcname), pg_catalog.format('DROP TABLESPACE %I', t.spcname))::pggit_excellence._fault
        FROM pg_catalog.pg_tablespace AS t
        WHERE pg_catalog.starts_with(pg_catalog.pg_tablespace_location(t.oid) || '/', pggit_excellence._setting('data_directory') || '/'))) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tablespace_in_data_directory() IS
    'Internal: hardening check: locations of tablespaces. Source: pg_tablespace_location().';

CREATE FUNCTION pggit_excellence._check_wal_filesystem()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.same IS NULL THEN 'unknown' WHEN f.same THEN 'warn' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('path', f.path, 'same_filesystem', f.same, 'reason', f.note)),
           CASE WHEN f.same THEN pg_catalog.format('Stop the server, move %s to another filesystem, put a symbolic link in its place, start the server.', f.path) END
    FROM (SELECT h.path, h.note, (h.detail ->> 'same_filesystem')::boolean AS same FROM pggit_excellence._host_facts('wal_directory') AS h) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._check_wal_filesystem() IS
    'Internal: hardening check: the directory of WAL. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_password_in_environment()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.set IS NULL THEN 'unknown' WHEN f.set THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('PGPASSWORD', f.set, 'reason', f.note)),
           CASE WHEN f.set THEN 'Take PGPASSWORD out of what starts the server (service file, container, profile), use a .pgpass file, and restart the server.' END
    FROM (SELECT h.note, (h.detail ->> 'password')::boolean AS set FROM pggit_excellence._host_facts('environment') AS h) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_in_environment() IS
    'Internal: hardening check: the environment and limits of the server''s process. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_password_in_profile()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN h.found IS NOT NULL THEN 'fail' WHEN h.unread IS NOT NULL THEN 'unknown' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('files', COALESCE(h.found, '[]'::jsonb), 'reason', h.unread)),
           CASE WHEN h.found IS NOT NULL THEN E'# On the server''s host, as its user:\n' || 'sed -i ''/PGPASSWORD/d'' ' || h.paths END
    FROM (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('path', f.path, 'mode', f.mode, 'owner', f.owner) ORDER BY f.path) FILTER (WHERE (f.detail ->> 'password')::boolean) AS found,
               pg_catalog.string_agg(pggit_excellence._shell_quoted(f.path), ' ' ORDER BY f.path) FILTER (WHERE (f.detail ->> 'password')::boolean) AS paths,
               pg_catalog.string_agg(f.path || ': ' || f.note, '; ' ORDER BY f.path) FILTER (WHERE f.detail IS NULL) AS unread
        FROM pggit_excellence._host_facts('profile') AS f
    ) AS h
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_in_profile() IS
    'Internal: hardening check: profiles of the server''s user. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_password_in_service_file()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN h.found IS NOT NULL THEN 'fail' WHEN h.unread IS NOT NULL THEN 'unknown' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('files', COALESCE(h.found, '[]'::jsonb), 'reason', h.unread)),
           CASE WHEN h.found IS NOT NULL THEN E'# On the server''s host, as its user:\n' || 'sed -i ''/^[[:space:]]*password[[:space:]]*=/d'' ' || h.paths END
    FROM (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('path', f.path, 'mode', f.mode, 'owner', f.owner) ORDER BY f.path) FILTER (WHERE (f.detail ->> 'password')::boolean) AS found,
               pg_catalog.string_agg(pggit_excellence._shell_quoted(f.path), ' ' ORDER BY f.path) FILTER (WHERE (f.detail ->> 'password')::boolean) AS paths,
               pg_catalog.string_agg(f.path || ': ' || f.note, '; ' ORDER BY f.path) FILTER (WHERE f.detail IS NULL) AS unread
        FROM pggit_excellence._host_facts('service_file') AS f
    ) AS h
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_in_service_file() IS
    'Internal: hardening check: connection service files. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_psql_history()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN h.found IS NOT NULL THEN 'fail' WHEN h.unread IS NOT NULL THEN 'unknown' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('files', COALESCE(h.found, '[]'::jsonb), 'reason', h.unread)),
           CASE WHEN h.found IS NOT NULL THEN E'# On the server''s host, as its user:\n' || (SELECT pg_catalog.string_agg('ln -sf /dev/null ' || pggit_excellence._shell_quoted(e.file ->> 'path'), E'\n' ORDER BY e.file ->> 'path') FROM pg_catalog.jsonb_array_elements(h.found) AS e (file)) END
    FROM (
        SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('path', f.path, 'mode', f.mode, 'owner', f.owner) ORDER BY f.path) FILTER (WHERE (f.detail ->> 'kept')::boolean) AS found,
               pg_catalog.string_agg(pggit_excellence._shell_quoted(f.path), ' ' ORDER BY f.path) FILTER (WHERE (f.detail ->> 'kept')::boolean) AS paths,
               pg_catalog.string_agg(f.path || ': ' || f.note, '; ' ORDER BY f.path) FILTER (WHERE f.detail IS NULL) AS unread
        FROM pggit_excellence._host_facts('history') AS f
    ) AS h
$body$;
COMMENT ON FUNCTION pggit_excellence._check_psql_history() IS
    'Internal: hardening check: psql''s history of the server''s user. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_core_dumps()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.bytes IS NULL THEN 'unknown' WHEN f.bytes <> '0' THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('core_file_size', f.bytes, 'reason', f.note)),
           CASE WHEN f.bytes <> '0' THEN 'Start the server with no core dumps (systemd: LimitCORE=0; else ulimit -c 0).' END
    FROM (SELECT h.note, h.detail ->> 'core_file_size' AS bytes FROM pggit_excellence._host_facts('environment') AS h) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._check_core_dumps() IS
    'Internal: hardening check: the environment and limits of the server''s process. Source: host_security() of the companion extension.';
