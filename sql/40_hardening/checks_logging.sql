-- What the server writes down, and whether it is enough to find out afterwards who did what.
CREATE FUNCTION pggit_excellence._checks_logging()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 26
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('log_destination', 'Log messages go somewhere',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["3.1.2"], "stig": ["V-261861"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.2"]}'::jsonb,
         'With an empty list nothing is recorded at all.'),
        ('logging_collector', 'Messages on standard error are collected',
         'medium', '{standard,strict}'::text[], 'restart', '{"cis": ["3.1.3"], "stig": ["V-261861"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.3"]}'::jsonb,
         'Without the collector what the server writes to standard error is lost, or depends on who started it. Not needed where syslog or the event log gets everything; where a service manager or container runtime collects, exclude this finding.'),
        ('log_directory', 'Logs are kept outside of the data directory',
         'low', '{strict}'::text[], 'shell', '{"cis": ["3.1.4"], "stig": ["V-261883"], "soc2": ["CC7.2", "A1.2"], "cwe": ["CWE-552"], "pgdsat": ["3.1.4", "3.1.27"]}'::jsonb,
         'In the data directory logs fill the server''s own disk, and go with every base backup. The remediation makes a directory beside it.'),
        ('log_filename', 'Names of log files have their time',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.5"], "stig": ["V-261918"], "soc2": ["CC7.2"], "pgdsat": ["3.1.5"]}'::jsonb,
         'With a fixed name each rotation writes over the only file, or into it for ever.'),
        ('log_file_mode', 'Log files are not for everybody',
         'medium', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["3.1.6"], "stig": ["V-261875"], "soc2": ["CC6.1"], "cwe": ["CWE-532"], "pgdsat": ["3.1.6"]}'::jsonb,
         'Statements in logs hold data, and sometimes passwords. 0600 and 0640 pass.'),
        ('log_truncate_on_rotation', 'A log file whose name comes again starts empty',
         'low', '{strict}'::text[], 'sql', '{"cis": ["3.1.7"], "stig": ["V-261874"], "soc2": ["CC7.2"], "pgdsat": ["3.1.7"]}'::jsonb,
         'Else old messages stay in files that look new, and the files grow without limit.'),
        ('log_rotation_age', 'A log file holds a day at most',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.8"], "stig": ["V-261918"], "soc2": ["CC7.2"], "pgdsat": ["3.1.8"]}'::jsonb,
         'Days are what one archives, and finds again.'),
        ('log_rotation_size', 'A log file that grows is closed',
         'low', '{strict}'::text[], 'sql', '{"cis": ["3.1.9"], "stig": ["V-261918"], "soc2": ["CC7.2"], "cwe": ["CWE-770"], "pgdsat": ["3.1.9"]}'::jsonb,
         'One file that fills the disk stops the server. Up to 1 GB pass.'),
        ('syslog_sequence_numbers', 'Messages to syslog are numbered',
         'low', '{strict}'::text[], 'sql', '{"cis": ["3.1.11"], "soc2": ["CC7.2"], "pgdsat": ["3.1.11"]}'::jsonb,
         'Else syslog daemons drop messages that look the same. It counts where log_destination has syslog.'),
        ('syslog_split_messages', 'Long messages to syslog are split',
         'low', '{strict}'::text[], 'sql', '{"cis": ["3.1.12"], "soc2": ["CC7.2"], "pgdsat": ["3.1.12"]}'::jsonb,
         'Many syslog daemons cut what is longer than 1024 bytes. It counts where log_destination has syslog.'),
        ('syslog_ident', 'Messages to syslog name this server',
         'low', '{strict}'::text[], 'sql', '{"cis": ["3.1.13"], "soc2": ["CC7.2"], "pgdsat": ["3.1.13"]}'::jsonb,
         'Without a name they cannot be told from others. It counts where log_destination has syslog.'),
        ('log_min_messages', 'Warnings are logged',
         'medium', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["3.1.14"], "stig": ["V-261861"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.14"]}'::jsonb,
         'Failures to write WAL, to archive or to authenticate are messages from warning on.'),
        ('log_min_error_statement', 'Statements that fail are logged with their error',
         'medium', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["3.1.15"], "stig": ["V-261870", "V-261963"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.15"]}'::jsonb,
         'An error without its statement does not say what somebody tried.'),
        ('debug_print_parse', 'debug_print_parse is off',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.16"], "stig": ["V-261875"], "soc2": ["CC7.2"], "cwe": ["CWE-532"], "pgdsat": ["3.1.16"]}'::jsonb,
         'Trees of statements in the log hold their constants, in a form that no filter for secrets knows.'),
        ('debug_print_rewritten', 'debug_print_rewritten is off',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.17"], "stig": ["V-261875"], "soc2": ["CC7.2"], "cwe": ["CWE-532"], "pgdsat": ["3.1.17"]}'::jsonb,
         'Trees of statements in the log hold their constants, in a form that no filter for secrets knows.'),
        ('debug_print_plan', 'debug_print_plan is off',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.18"], "stig": ["V-261875"], "soc2": ["CC7.2"], "cwe": ["CWE-532"], "pgdsat": ["3.1.18"]}'::jsonb,
         'Trees of statements in the log hold their constants, in a form that no filter for secrets knows.'),
        ('debug_pretty_print', 'Printed trees are indented',
         'low', '{strict}'::text[], 'sql', '{"cis": ["3.1.19"], "soc2": ["CC7.2"], "pgdsat": ["3.1.19"]}'::jsonb,
         'Where somebody turns debug_print_plan and kin on for a while, people have to read it.'),
        ('log_connections', 'Connections are logged',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["3.1.20"], "stig": ["V-261957", "V-261956"], "soc2": ["CC6.1", "CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.20"]}'::jsonb,
         'Who logged in from where is the first question after an incident. From 18 on this is a list; authentication or authorization in it pass. New sessions have a changed value.'),
        ('log_disconnections', 'Ends of sessions are logged',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.21"], "stig": ["V-261960"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.21"]}'::jsonb,
         'With both ends one knows who was there when something happened. New sessions have a changed value.'),
        ('log_error_verbosity', 'Messages in the log have their details',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.22"], "stig": ["V-261870"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.22"]}'::jsonb,
         'terse leaves out detail, hint and context. The default passes; CIS asks for verbose, which adds source lines and the error code (%e in log_line_prefix has it too).'),
        ('log_hostname', 'Clients are logged by address, not by name',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.23"], "stig": ["V-261869"], "soc2": ["CC7.2"], "cwe": ["CWE-350"], "pgdsat": ["3.1.23"]}'::jsonb,
         'Whoever owns the reverse zone chooses the name; and each login waits for DNS.'),
        ('log_line_prefix', 'Each message says when, who, from where and in which database',
         'medium', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["3.1.24"], "stig": ["V-261871", "V-261867", "V-261869"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.1.24"]}'::jsonb,
         'Needed: the time (%m, %t or %n), the process (%p or %c), the user (%u), the database (%d) and the client (%h or %r). csvlog and jsonlog have them always.'),
        ('log_statement', 'DDL is logged',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["3.1.25"], "stig": ["V-261861", "V-261946"], "soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"], "pgdsat": ["3.1.25"]}'::jsonb,
         'The server''s log is out of reach of whoever could rewrite pgGit''s history. ddl, mod and all pass.'),
        ('log_timezone', 'Times in the log are UTC',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.26"], "stig": ["V-261921"], "soc2": ["CC7.2"], "pgdsat": ["3.1.26"]}'::jsonb,
         'One zone without daylight saving lets logs of several machines be put beside each other.'),
        ('logging_overrides', 'No role or database logs less than the server',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["3.1.25"], "stig": ["V-261879"], "soc2": ["CC7.2"], "cwe": ["CWE-778"]}'::jsonb,
         'ALTER ROLE or ALTER DATABASE ... SET can take one role''s sessions out of the log.'),
        ('pgaudit', 'pgAudit records what was read and changed',
         'medium', '{strict}'::text[], 'restart', '{"cis": ["3.2"], "stig": ["V-261865", "V-261861"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["3.2"]}'::jsonb,
         'log_statement does not see what functions and DO blocks run, nor who read a table. The remediation needs the package (postgresql-NN-pgaudit) on the host.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_logging() IS 'Internal: the hardening checks of category logging.';

CREATE FUNCTION pggit_excellence._check_log_destination()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_destination', '[a-z]', ARRAY['stderr']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_destination() IS
    'Internal: hardening check: the setting log_destination, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_logging_collector()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN d.destinations ~ '^(syslog|eventlog|, )+$' THEN 'not_applicable' ELSE v.status END,
           v.evidence || pg_catalog.jsonb_build_object('log_destination', d.destinations),
           CASE WHEN d.destinations !~ '^(syslog|eventlog|, )+$' THEN v.remediation END
    FROM (SELECT pggit_excellence._setting('log_destination') AS destinations OFFSET 0) AS d
    CROSS JOIN pggit_excellence._setting_verdict('logging_collector', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_logging_collector() IS
    'Internal: hardening check: the settings log_destination, logging_collector, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_directory()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN l.inside THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_build_object('setting', 'log_directory', 'value', l.value, 'data_directory', l.data),
           CASE WHEN l.inside THEN E'# On the server''s host, as its user:\n'
               || pg_catalog.format(E'mkdir -p -m 700 %s\npsql -X -c %s -c ''SELECT pg_catalog.pg_reload_conf()''',
                                    pggit_excellence._shell_quoted(l.data || '_log'),
                                    pggit_excellence._shell_quoted(pg_catalog.format('ALTER SYSTEM SET log_directory = %L', l.data || '_log'))) END
    FROM (
        SELECT d.value, d.data, d.value NOT LIKE '/%' OR pg_catalog.starts_with(d.value || '/', d.data || '/') AS inside
        FROM (SELECT pggit_excellence._setting('log_directory') AS value, pggit_excellence._setting('data_directory') AS data OFFSET 0) AS d
    ) AS l
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_directory() IS
    'Internal: hardening check: the settings log_directory, data_directory, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_filename()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_filename', '%[A-Za-z]', ARRAY['postgresql-%Y-%m-%d_%H%M%S.log']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_filename() IS
    'Internal: hardening check: the setting log_filename, as new sessions get it. Source: pg_settings.';

-- 31 is 0037: nothing for others, reading only for the group.
CREATE FUNCTION pggit_excellence._check_log_file_mode()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN m.bits & 31 <> 0 THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_build_object('setting', 'log_file_mode', 'value', pg_catalog.current_setting('log_file_mode')),
           CASE WHEN m.bits & 31 <> 0 THEN pggit_excellence._alter_system('log_file_mode', ARRAY['0600']) END
    FROM (SELECT pggit_excellence._setting('log_file_mode')::integer AS bits OFFSET 0) AS m
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_file_mode() IS
    'Internal: hardening check: the setting log_file_mode, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_truncate_on_rotation()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_truncate_on_rotation', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_truncate_on_rotation() IS
    'Internal: hardening check: the setting log_truncate_on_rotation, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_rotation_age()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._number_verdict('log_rotation_age', 1, 1440, '1d') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_rotation_age() IS
    'Internal: hardening check: the setting log_rotation_age, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_rotation_size()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._number_verdict('log_rotation_size', 1, 1048576, '100MB') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_rotation_size() IS
    'Internal: hardening check: the setting log_rotation_size, as new sessions get it. Source: pg_settings.';

-- _setting_verdict() of a setting that counts only where the server logs to syslog.
CREATE FUNCTION pggit_excellence._syslog_verdict(name text, good text, elements text[])
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN d.used THEN v.status ELSE 'not_applicable' END,
           CASE WHEN d.used THEN v.evidence ELSE pg_catalog.jsonb_build_object('reason', 'log_destination has no syslog') END,
           CASE WHEN d.used THEN v.remediation END
    FROM (SELECT pggit_excellence._setting('log_destination') LIKE '%syslog%' AS used OFFSET 0) AS d
    CROSS JOIN pggit_excellence._setting_verdict(name, good, elements) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._syslog_verdict(text, text, text[]) IS
    'Internal: _setting_verdict(), or not_applicable where log_destination has no syslog.';

CREATE FUNCTION pggit_excellence._check_syslog_sequence_numbers()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._syslog_verdict('syslog_sequence_numbers', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_syslog_sequence_numbers() IS
    'Internal: hardening check: the settings log_destination, syslog_sequence_numbers, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_syslog_split_messages()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._syslog_verdict('syslog_split_messages', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_syslog_split_messages() IS
    'Internal: hardening check: the settings log_destination, syslog_split_messages, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_syslog_ident()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._syslog_verdict('syslog_ident', '[a-zA-Z]', ARRAY['postgres']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_syslog_ident() IS
    'Internal: hardening check: the settings log_destination, syslog_ident, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_min_messages()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_min_messages', '^(debug[1-5]?|info|notice|warning)$', ARRAY['warning']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_min_messages() IS
    'Internal: hardening check: the setting log_min_messages, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_min_error_statement()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_min_error_statement', '^(debug[1-5]?|info|notice|warning|error)$', ARRAY['error']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_min_error_statement() IS
    'Internal: hardening check: the setting log_min_error_statement, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_debug_print_parse()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('debug_print_parse', '^off$', ARRAY['off']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_debug_print_parse() IS
    'Internal: hardening check: the setting debug_print_parse, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_debug_print_rewritten()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('debug_print_rewritten', '^off$', ARRAY['off']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_debug_print_rewritten() IS
    'Internal: hardening check: the setting debug_print_rewritten, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_debug_print_plan()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('debug_print_plan', '^off$', ARRAY['off']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_debug_print_plan() IS
    'Internal: hardening check: the setting debug_print_plan, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_debug_pretty_print()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('debug_pretty_print', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_debug_pretty_print() IS
    'Internal: hardening check: the setting debug_pretty_print, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_connections()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict(
        'log_connections', '^(on|true|yes|1|all)$|authentication|authorization',
        ARRAY[CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 180000 THEN 'all' ELSE 'on' END]) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_connections() IS
    'Internal: hardening check: the settings log_connections, server_version_num, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_disconnections()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_disconnections', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_disconnections() IS
    'Internal: hardening check: the setting log_disconnections, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_error_verbosity()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_error_verbosity', '^(default|verbose)$', ARRAY['verbose']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_error_verbosity() IS
    'Internal: hardening check: the setting log_error_verbosity, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_hostname()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_hostname', '^off$', ARRAY['off']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_hostname() IS
    'Internal: hardening check: the setting log_hostname, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_line_prefix()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN d.structured THEN 'pass' ELSE v.status END,
           v.evidence || pg_catalog.jsonb_build_object('log_destination', d.destinations),
           CASE WHEN NOT d.structured THEN v.remediation END
    FROM (
        SELECT f.destinations, f.destinations ~ '^(csvlog|jsonlog|, )+$' AS structured
        FROM (SELECT pggit_excellence._setting('log_destination') AS destinations OFFSET 0) AS f
    ) AS d
    CROSS JOIN pggit_excellence._setting_verdict(
        'log_line_prefix', '^(?=.*%-?[0-9]*[mtn])(?=.*%-?[0-9]*[pc])(?=.*%-?[0-9]*u)(?=.*%-?[0-9]*d)(?=.*%-?[0-9]*[hr])',
        ARRAY['%m [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_line_prefix() IS
    'Internal: hardening check: the settings log_destination, log_line_prefix, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_statement()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_statement', '^(ddl|mod|all)$', ARRAY['ddl']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_statement() IS
    'Internal: hardening check: the setting log_statement, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_log_timezone()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('log_timezone', '^(Etc/)?(UTC|GMT|UCT|Zulu|Universal)$', ARRAY['UTC']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_log_timezone() IS
    'Internal: hardening check: the setting log_timezone, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_logging_overrides()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s = %s', s.place, p.name, s.value), s.mend)::pggit_excellence._fault
        FROM (VALUES ('log_statement', '^none$'), ('log_connections', '^(off|)$'), ('log_disconnections', '^off$'), ('log_replication_commands', '^off$'),
                     ('log_min_messages', '^(log|fatal|panic)$'), ('log_min_error_statement', '^(log|fatal|panic)$'), ('log_error_verbosity', '^terse$'),
                     ('pgaudit.log', '^(none|)$')) AS p (name, bad)
        CROSS JOIN LATERAL pggit_excellence._stored_settings(p.name) AS s
        WHERE s.value ~* p.bad AND s.place NOT LIKE 'server (%')) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_logging_overrides() IS
    'Internal: hardening check: settings of logging stored for roles and databases. Source: pg_db_role_setting.';

CREATE FUNCTION pggit_excellence._check_pgaudit()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN v.status = 'pass' AND COALESCE(a.classes, '') IN ('', 'none') THEN 'fail' ELSE v.status END,
           v.evidence || pg_catalog.jsonb_build_object('pgaudit.log', a.classes),
           CASE WHEN v.status <> 'pass' THEN v.remediation
                WHEN COALESCE(a.classes, '') IN ('', 'none') THEN pggit_excellence._alter_system('pgaudit.log', ARRAY['ddl, role']) END
    FROM pggit_excellence._library_verdict(ARRAY['pgaudit']) AS v
    CROSS JOIN (SELECT pg_catalog.current_setting('pgaudit.log', true) AS classes) AS a
$body$;
COMMENT ON FUNCTION pggit_excellence._check_pgaudit() IS
    'Internal: hardening check: the libraries that are loaded with the server. Source: shared_preload_libraries.';
