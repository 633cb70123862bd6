-- Settings of the whole server that decide what its sessions may do, and whether it keeps what it was given.
CREATE FUNCTION pggit_excellence._checks_settings()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 16
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('settings_valid', 'Configuration files have no line that the server refuses',
         'high', '{minimal,standard,strict}'::text[], 'shell', '{"cis": ["6.4"], "stig": ["V-261887"], "soc2": ["CC7.1"], "pgdsat": ["6.4"]}'::jsonb,
         'One wrong line, and the server takes none of a file''s changes; after a stop it does not start.'),
        ('settings_pending_restart', 'No changed setting waits for a restart',
         'low', '{standard,strict}'::text[], 'text', '{"cis": ["6.3"], "stig": ["V-261887"], "soc2": ["CC8.1"], "pgdsat": ["6.3"]}'::jsonb,
         'What the files say and what the server does are two things; a restart by accident changes it unexpectedly.'),
        ('settings_not_loaded', 'What the configuration files say is in force',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["6.4"], "stig": ["V-261887"], "soc2": ["CC8.1"], "pgdsat": ["6.4"]}'::jsonb,
         'A rule of pg_hba.conf that was mended in the file but not loaded protects nobody. Compared: the time of the files and that of the last load.'),
        ('fsync', 'Committed changes are on disk',
         'critical', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["6.4"], "soc2": ["A1.2"], "pgdsat": ["6.4"]}'::jsonb,
         'With fsync off a crash of the machine can destroy the whole cluster, history included.'),
        ('full_page_writes', 'Pages torn by a crash can be mended',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["6.4"], "soc2": ["A1.2"], "pgdsat": ["6.4"]}'::jsonb,
         'With it off a crash can leave pages that are half old, half new, without notice.'),
        ('developer_settings', 'Settings for developers of PostgreSQL are off',
         'high', '{standard,strict}'::text[], 'sql', '{"cis": ["6.2", "6.5"], "stig": ["V-261887"], "soc2": ["CC7.1"], "cwe": ["CWE-489"], "pgdsat": ["6.2", "6.5"]}'::jsonb,
         'They damage data (zero_damaged_pages, ignore_checksum_failure), open system tables, ignore system indexes, or hold up logins. Those that are set at the server''s start need a restart.'),
        ('library_path', 'Libraries and control files come from the installation only',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["6.5"], "stig": ["V-261881"], "soc2": ["CC6.8"], "cwe": ["CWE-426"], "pgdsat": ["6.5"]}'::jsonb,
         'A library from a folder that somebody else may write to runs as the server. dynamic_library_path should be $libdir, extension_control_path (from 18 on) $system.'),
        ('preload_by_role', 'No role or database loads libraries of its own',
         'high', '{standard,strict}'::text[], 'sql', '{"cis": ["6.6"], "stig": ["V-261881"], "soc2": ["CC6.8"], "cwe": ["CWE-829"], "pgdsat": ["6.6"]}'::jsonb,
         'session_preload_libraries and local_preload_libraries in ALTER ROLE or ALTER DATABASE ... SET put code into every session of theirs, and nobody looks there.'),
        ('string_literals', 'Backslashes in strings mean nothing special',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["6.6"], "stig": ["V-261907"], "soc2": ["CC6.8"], "cwe": ["CWE-89"], "pgdsat": ["6.6"]}'::jsonb,
         'With standard_conforming_strings off, or backslash_quote on, quoting that programs do rightly can be broken out of.'),
        ('lo_compat_privileges', 'Large objects have their privileges checked',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["6.5"], "stig": ["V-261859"], "soc2": ["CC6.1"], "cwe": ["CWE-284"], "pgdsat": ["6.5"]}'::jsonb,
         'With it on everybody reads and changes every large object.'),
        ('idle_in_transaction_timeout', 'Sessions do not stay idle in a transaction for hours',
         'low', '{strict}'::text[], 'sql', '{"cis": ["6.6"], "stig": ["V-261910"], "soc2": ["CC6.1", "A1.2"], "cwe": ["CWE-613"], "pgdsat": ["6.6"]}'::jsonb,
         'They hold locks and keep vacuum from cleaning up. Up to one hour passes.'),
        ('idle_session_timeout', 'Abandoned sessions end',
         'low', '{strict}'::text[], 'sql', '{"cis": ["6.6"], "stig": ["V-261910"], "soc2": ["CC6.1"], "cwe": ["CWE-613"], "pgdsat": ["6.6"]}'::jsonb,
         'An open session on an abandoned screen is a login without a password. Up to one day passes; connection pools want more, exclude the finding then.'),
        ('superuser_reserved_connections', 'Superusers have a connection left',
         'medium', '{standard,strict}'::text[], 'restart', '{"cis": ["6.3"], "soc2": ["A1.2"], "cwe": ["CWE-770"], "pgdsat": ["6.3"]}'::jsonb,
         'When all connections are taken somebody must get in to end that.'),
        ('track_activities', 'The server shows what its sessions do',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["6.5"], "stig": ["V-261861"], "soc2": ["CC7.2"], "cwe": ["CWE-778"], "pgdsat": ["6.5"]}'::jsonb,
         'Without it nobody sees what an intruder''s session is running.'),
        ('set_user', 'Administrators become superuser by set_user, logged',
         'low', '{strict}'::text[], 'restart', '{"cis": ["4.8"], "stig": ["V-261958"], "soc2": ["CC6.3", "CC7.2"], "cwe": ["CWE-250"], "pgdsat": ["4.8"]}'::jsonb,
         'The module set_user lets superusers be NOLOGIN and logs who became one. The remediation needs its package (postgresql-NN-set-user) on the host.'),
        ('fips_cryptography', 'The server''s cryptography refuses what FIPS does not approve',
         'low', '{strict}'::text[], 'text', '{"cis": ["6.7"], "stig": ["V-261965", "V-261896"], "soc2": ["CC6.7"], "cwe": ["CWE-327"], "pgdsat": ["6.7"]}'::jsonb,
         'Judged by behaviour: md5() must fail, pgcrypto''s md5 too. fips_status() has the details, docs/compliance/FIPS_COMPLIANCE.md what that does and does not prove. Exclude this finding where FIPS is no requirement.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_settings() IS 'Internal: the hardening checks of category settings.';

CREATE FUNCTION pggit_excellence._check_settings_valid()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
       OR NOT pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE')
    THEN
        RAISE EXCEPTION 'configuration files are hidden from role %: it takes a superuser, or GRANT SELECT ON pg_catalog.pg_file_settings and GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO %',
                pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(f.sourcefile, f.sourceline, pg_catalog.concat_ws(': ', f.name, f.error),
                                                                pg_catalog.format('%ss/^/# /', f.sourceline)))
        FROM pg_catalog.pg_file_settings AS f
        WHERE f.error IS NOT NULL AND f.error <> 'setting could not be applied' AND f.sourcefile IS NOT NULL)) AS v;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._check_settings_valid() IS
    'Internal: hardening check: lines of the configuration files. Source: pg_file_settings.';

CREATE FUNCTION pggit_excellence._check_settings_pending_restart()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.names IS NULL THEN 'pass' ELSE 'warn' END, pg_catalog.jsonb_build_object('settings', COALESCE(s.names, ARRAY[]::text[])),
           CASE WHEN s.names IS NOT NULL THEN 'Restart the server in its next maintenance window, or take the change back.' END
    FROM (SELECT pg_catalog.array_agg(p.name ORDER BY p.name) AS names FROM pg_catalog.pg_settings AS p WHERE p.pending_restart) AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._check_settings_pending_restart() IS
    'Internal: hardening check: settings whose new value waits. Source: pg_settings.pending_restart.';

CREATE FUNCTION pggit_excellence._check_settings_not_loaded()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    newer jsonb;
BEGIN
    IF NOT pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text)', 'EXECUTE') THEN
        RAISE EXCEPTION 'times of files are hidden from role %: it takes a superuser, or GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text) TO % with pg_read_server_files',
                pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('file', f.path, 'changed', f.changed) ORDER BY f.path) INTO newer
    FROM (
        SELECT p.path, (pg_catalog.pg_stat_file(p.path)).modification AS changed
        FROM (SELECT pggit_excellence._setting(n.name) AS path
              FROM pg_catalog.unnest(ARRAY['config_file', 'hba_file', 'ident_file']) AS n (name)
              UNION
              SELECT s.sourcefile FROM pg_catalog.pg_settings AS s WHERE s.sourcefile IS NOT NULL) AS p
    ) AS f
    -- File times are cut to seconds.
    WHERE f.changed > pg_catalog.date_trunc('second', pg_catalog.pg_conf_load_time());
    RETURN QUERY SELECT CASE WHEN newer IS NULL THEN 'pass' ELSE 'fail' END,
        pg_catalog.jsonb_build_object('loaded', pg_catalog.pg_conf_load_time(), 'newer', COALESCE(newer, '[]'::jsonb)),
        CASE WHEN newer IS NOT NULL THEN 'SELECT pg_catalog.pg_reload_conf();' END;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._check_settings_not_loaded() IS
    'Internal: hardening check: times of the configuration files and of the last load. Source: pg_stat_file(), pg_conf_load_time().';

CREATE FUNCTION pggit_excellence._check_fsync()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('fsync', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_fsync() IS
    'Internal: hardening check: the setting fsync, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_full_page_writes()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('full_page_writes', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_full_page_writes() IS
    'Internal: hardening check: the setting full_page_writes, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_developer_settings()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s = %s', s.name, s.reset_val), pg_catalog.rtrim(pggit_excellence._alter_system(s.name, ARRAY[s.boot_val]), ';'))::pggit_excellence._fault
        FROM pg_catalog.pg_settings AS s
        WHERE s.name IN ('allow_in_place_tablespaces', 'allow_system_table_mods', 'debug_deadlocks', 'ignore_checksum_failure', 'ignore_invalid_pages',
                         'ignore_system_indexes', 'jit_debugging_support', 'post_auth_delay', 'pre_auth_delay', 'remove_temp_files_after_crash',
                         'trace_locks', 'trace_lwlocks', 'wal_consistency_checking', 'zero_damaged_pages')
          AND s.reset_val <> s.boot_val)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_developer_settings() IS
    'Internal: hardening check: the settings of PostgreSQL''s section for developers, and others that damage data. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_library_path()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN 'fail' IN (l.status, e.status) THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('dynamic_library_path', l.evidence ->> 'value', 'extension_control_path', e.evidence ->> 'value')),
           NULLIF(pg_catalog.concat_ws(E'\n', l.remediation, e.remediation), '')
    FROM pggit_excellence._setting_verdict('dynamic_library_path', '^\$libdir$', ARRAY['$libdir']) AS l
    CROSS JOIN pggit_excellence._setting_verdict('extension_control_path', '^\$system$', ARRAY['$system']) AS e
$body$;
COMMENT ON FUNCTION pggit_excellence._check_library_path() IS
    'Internal: hardening check: the settings dynamic_library_path, extension_control_path, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_preload_by_role()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s = %s', s.place, p.name, s.value), s.mend)::pggit_excellence._fault
        FROM (VALUES ('session_preload_libraries'), ('local_preload_libraries'), ('dynamic_library_path')) AS p (name)
        CROSS JOIN LATERAL pggit_excellence._stored_settings(p.name) AS s
        WHERE s.value <> '' AND s.place NOT LIKE 'server (%')) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_preload_by_role() IS
    'Internal: hardening check: settings stored for roles and databases. Source: pg_db_role_setting.';

CREATE FUNCTION pggit_excellence._check_string_literals()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN 'fail' IN (s.status, b.status) THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_build_object('standard_conforming_strings', COALESCE(s.evidence ->> 'value', 'always on'), 'backslash_quote', b.evidence ->> 'value'),
           NULLIF(pg_catalog.concat_ws(E'\n', s.remediation, b.remediation), '')
    FROM pggit_excellence._setting_verdict('standard_conforming_strings', '^on$', ARRAY['on']) AS s
    CROSS JOIN pggit_excellence._setting_verdict('backslash_quote', '^(safe_encoding|off)$', ARRAY['safe_encoding']) AS b
$body$;
COMMENT ON FUNCTION pggit_excellence._check_string_literals() IS
    'Internal: hardening check: the settings standard_conforming_strings, backslash_quote, as new sessions get them. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_lo_compat_privileges()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('lo_compat_privileges', '^off$', ARRAY['off']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_lo_compat_privileges() IS
    'Internal: hardening check: the setting lo_compat_privileges, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_idle_in_transaction_timeout()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._number_verdict('idle_in_transaction_session_timeout', 1, 3600000, '10min') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_idle_in_transaction_timeout() IS
    'Internal: hardening check: the setting idle_in_transaction_session_timeout, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_idle_session_timeout()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._number_verdict('idle_session_timeout', 1, 86400000, '8h') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_idle_session_timeout() IS
    'Internal: hardening check: the setting idle_session_timeout, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_superuser_reserved_connections()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._number_verdict('superuser_reserved_connections', 1, NULL, '3') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_superuser_reserved_connections() IS
    'Internal: hardening check: the setting superuser_reserved_connections, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_track_activities()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('track_activities', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_track_activities() IS
    'Internal: hardening check: the setting track_activities, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_set_user()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._library_verdict(ARRAY['set_user']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_set_user() IS
    'Internal: hardening check: the libraries that are loaded with the server. Source: shared_preload_libraries.';

CREATE FUNCTION pggit_excellence._check_fips_cryptography()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.failed IS NULL THEN 'pass' ELSE 'fail' END, pg_catalog.jsonb_build_object('items', COALESCE(f.failed, '{}'::jsonb)),
           CASE WHEN f.failed IS NOT NULL THEN
               'Run PostgreSQL on an operating system in FIPS mode, with an OpenSSL whose FIPS provider is validated; then see SELECT * FROM pggit_excellence.fips_status().' END
    FROM (
        SELECT pg_catalog.jsonb_object_agg(s.item, s.value) FILTER (WHERE s.status = 'fail') AS failed
        FROM pggit_excellence.fips_status() AS s
        WHERE s.item IN ('server_md5', 'pgcrypto_md5', 'pgcrypto_builtin')
    ) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._check_fips_cryptography() IS
    'Internal: hardening check: what md5 and pgcrypto do when tried. Source: fips_status().';
