-- What is collected as evidence: queries that anybody can run again. The text is complete: times are written into it.

CREATE FUNCTION pggit_excellence._require_period(since timestamptz, until timestamptz)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF since IS NULL OR until IS NULL OR NOT isfinite(since) OR NOT isfinite(until) THEN
        RAISE EXCEPTION 'a period needs a beginning and an end'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: ''2026-10-01 00:00+00'', ''2027-01-01 00:00+00''.';
    ELSIF since >= until THEN
        RAISE EXCEPTION 'the period must end after it begins, not from % to %', pggit_excellence._utc(since), pggit_excellence._utc(until)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'The first argument is the earlier time; the second one does not belong to the period.';
    ELSIF since > statement_timestamp() THEN
        RAISE EXCEPTION 'the period has not begun: it begins at %', pggit_excellence._utc(since)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Ask for a period that begins in the past.';
    ELSIF since < '0001-01-01 00:00+00' OR until > '9999-12-31 00:00+00' THEN
        RAISE EXCEPTION 'the period must lie between the years 1 and 9999'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: ''2026-10-01 00:00+00'', ''2027-01-01 00:00+00''.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._require_period(timestamptz, timestamptz) IS
    'Internal: raises a clear error unless the period begins in the past and ends after its beginning.';

-- The queries with :since and :until in them. They show no passwords, no secrets of settings, and no text of statements;
-- so no remediations either, which are complete and may hold what is in a setting now.
CREATE FUNCTION pggit_excellence._evidence_catalog()
RETURNS TABLE (evidence text, title text, criteria text[], query text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
    ('access_changes', 'Changes of access that snapshots saw in the period; the first snapshot is what they are compared with', '{CC6.1,CC6.2,CC6.3}'::text[],
$query$SELECT s.taken_at, c.snapshot_id, c.added, c.fact_type, c.role_name, c.object_type, c.object_name, c.value
FROM pggit_excellence.access_snapshots AS s
JOIN pggit_excellence.access_snapshot_changes AS c ON c.snapshot_id = s.snapshot_id
WHERE s.taken_at >= :since AND s.taken_at < :until AND s.snapshot_id > (SELECT pg_catalog.min(f.snapshot_id) FROM pggit_excellence.access_snapshots AS f)
ORDER BY c.snapshot_id, c.fact_type, c.role_name, c.object_type, c.object_name, c.value, c.added$query$),
    ('access_changes_since_snapshot', 'Changes of access that no snapshot has seen yet', '{CC6.2,CC6.3}',
$query$SELECT * FROM pggit_excellence.access_changes()$query$),
    ('access_review', 'Who can do what in pgGit''s schemas and in this extension''s', '{CC6.1,CC6.3,C1.1}',
$query$SELECT * FROM pggit_excellence.access_review()$query$),
    ('access_snapshots', 'Snapshots of access that were taken in the period, and whether the newest is intact', '{CC6.2,CC6.3}',
$query$SELECT s.*, CASE WHEN s.snapshot_id = max(s.snapshot_id) OVER () THEN pggit_excellence._access_snapshot_intact(s.snapshot_id) END AS intact
FROM pggit_excellence.access_snapshots AS s
WHERE s.taken_at >= :since AND s.taken_at < :until
ORDER BY s.snapshot_id$query$),
    ('actions', 'What this extension changed in pgGit''s objects, by whom, and what was undone', '{CC7.4,CC8.1}',
$query$SELECT l.action_id, l.action, l.kind, l.schema_name, l.relation_name, l.item, l.reason, l.applied_at, l.applied_by, l.undone_at, l.undone_by
FROM pggit_excellence.action_log AS l
WHERE l.applied_at < :until AND (l.undone_at IS NULL OR l.undone_at >= :since)
ORDER BY l.action_id$query$),
    ('archive_problems', 'Archived history that was changed since it was archived', '{C1.2,PI1.5}',
$query$SELECT * FROM pggit_excellence.verify_archive()$query$),
    ('archive_runs', 'What was archived, restored and purged, when and by whom', '{C1.2}',
$query$SELECT r.* FROM pggit_excellence.archive_runs AS r ORDER BY r.run_id$query$),
    ('archiver', 'Archiving of the write-ahead log', '{A1.2}',
$query$SELECT pg_catalog.current_setting('archive_mode') AS archive_mode, a.archived_count, a.last_archived_time, a.failed_count, a.last_failed_time, a.stats_reset
FROM pg_catalog.pg_stat_archiver AS a$query$),
    ('audit_chain', 'Whether the audit log is unbroken', '{CC7.2,PI1.5}',
$query$SELECT * FROM pggit_excellence.verify_audit_chain()$query$),
    ('audit_checkpoints', 'Signed checkpoints of the audit log', '{CC7.2,PI1.5}',
$query$SELECT * FROM pggit_excellence.audit_checkpoints AS c ORDER BY 1$query$),
    ('audit_events', 'Events of the audit log in the period, by day, kind and actor', '{CC7.2,CC7.3}',
$query$SELECT (l.occurred_at AT TIME ZONE 'UTC')::date AS day, l.event_kind, l.actor, pg_catalog.count(*) AS events
FROM pggit_excellence.audit_log AS l
WHERE l.occurred_at >= :since AND l.occurred_at < :until
GROUP BY 1, 2, 3
ORDER BY 1, l.event_kind COLLATE "C", l.actor COLLATE "C"$query$),
    ('audit_log', 'Every row of the audit log in the period, with its hashes; of a statement its SHA-256', '{CC7.2,CC8.1}',
$query$SELECT l.audit_id, l.event_id, l.occurred_at, l.event_kind, l.actor, l.database,
       pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('statement_sha256', pg_catalog.encode(pg_catalog.sha256(
           pg_catalog.convert_to(l.details ->> 'statement', pg_catalog.getdatabaseencoding())), 'hex'))) || (l.details - 'statement') AS details,
       l.previous_hash, l.row_hash
FROM pggit_excellence.audit_log AS l
WHERE l.occurred_at >= :since AND l.occurred_at < :until
ORDER BY l.audit_id NULLS LAST, l.event_id$query$),
    ('audit_purges', 'What was deleted from the audit log, when and by whom', '{C1.2,CC7.2,PI1.5}',
$query$SELECT * FROM pggit_excellence.audit_purges AS p ORDER BY 1$query$),
    ('audit_status', 'Whether the audit log records, and what it could not', '{CC7.2}',
$query$SELECT * FROM pggit_excellence.audit_status()$query$),
    ('authentication_rules', 'Rules of pg_hba.conf, secrets left out', '{CC6.1,CC6.6}',
$query$SELECT h.line_number, h.type, h.database, h.user_name, h.address, h.netmask, h.auth_method,
       ARRAY(SELECT pg_catalog.regexp_replace(o.option, '^(\w*(passwd|secret|password)\w*)=.*', '\1=(left out)')
             FROM pg_catalog.unnest(h.options) AS o (option)) AS options,
       h.error IS NOT NULL AS broken
FROM pg_catalog.pg_hba_file_rules AS h
ORDER BY h.line_number, h.type, h.auth_method$query$),
    ('availability_outages', 'Outages that monitors saw from outside in the period', '{A1.2,CC7.4,CC7.5}',
$query$SELECT * FROM pggit_excellence.availability_outages(:since, LEAST(:until, pg_catalog.statement_timestamp()))$query$),
    ('burn_alerts', 'Alerts on error budgets as they stand now', '{CC7.2,CC7.3}',
$query$SELECT * FROM pggit_excellence.burn_alerts()$query$),
    ('capacity', 'Connections in use and left', '{A1.1}',
$query$SELECT * FROM pggit_excellence.connection_saturation()$query$),
    ('checksums', 'Checksums of data pages, and pages that failed', '{PI1.5,A1.2}',
$query$SELECT pg_catalog.current_setting('data_checksums') AS data_checksums, d.datname, d.checksum_failures, d.checksum_last_failure
FROM pg_catalog.pg_stat_database AS d
ORDER BY d.datname COLLATE "C" NULLS FIRST$query$),
    ('constraints', 'Constraints that were never validated and indexes that are not valid', '{PI1.2,PI1.5}',
$query$SELECT 'constraint' AS kind, n.nspname AS schema_name, t.relname AS table_name, c.conname AS object_name
FROM pg_catalog.pg_constraint AS c
JOIN pg_catalog.pg_class AS t ON t.oid = c.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE NOT c.convalidated
UNION ALL
SELECT 'index', n.nspname, t.relname, x.relname
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE NOT i.indisvalid OR NOT i.indisready
ORDER BY 1, 2, 3, 4$query$),
    ('ddl_rate_limits', 'Limits on how many DDL statements a role may run', '{CC6.6,A1.1}',
$query$SELECT * FROM pggit_excellence.ddl_rate_limits AS l ORDER BY 1$query$),
    ('encrypted_sessions', 'Sessions now, by transport and encryption', '{CC6.6,CC6.7}',
$query$SELECT CASE WHEN a.client_addr IS NULL THEN 'local' ELSE 'network' END AS transport, s.ssl, s.version, s.cipher, pg_catalog.count(*) AS sessions
FROM pg_catalog.pg_stat_activity AS a
JOIN pg_catalog.pg_stat_ssl AS s ON s.pid = a.pid
WHERE a.backend_type = 'client backend'
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, s.version COLLATE "C", s.cipher COLLATE "C"$query$),
    ('event_triggers', 'Event triggers, their functions and whether they fire', '{CC7.2,CC8.1}',
$query$SELECT e.evtname, e.evtevent, e.evtenabled, e.evttags, pg_catalog.pg_get_userbyid(e.evtowner) AS owner,
       n.nspname AS function_schema, p.proname AS function_name, p.prosecdef, p.proconfig
FROM pg_catalog.pg_event_trigger AS e
JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
ORDER BY e.evtname$query$),
    ('extensions', 'Extensions of this database and their versions', '{CC6.8,CC7.1,CC8.1}',
$query$SELECT e.extname, e.extversion, n.nspname AS schema_name, pg_catalog.pg_get_userbyid(e.extowner) AS owner
FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
ORDER BY e.extname$query$),
    ('fips_status', 'Which cryptography is at work', '{CC6.1,CC6.7,C1.1}',
$query$SELECT * FROM pggit_excellence.fips_status()$query$),
    ('hardening_check', 'Every hardening check with its evidence', '{CC6.1,CC6.3,CC6.6,CC6.7,CC6.8,CC7.1,C1.1}',
$query$SELECT h.check_id, h.category, h.title, h.severity, h.status, h.evidence, h.refs
FROM pggit_excellence.hardening_check('standard') AS h$query$),
    ('hardening_exclusions', 'Findings that were accepted: by whom, why and until when', '{CC7.1,CC7.3}',
$query$SELECT e.finding_key, e.reason, e.excluded_at, e.excluded_by, e.expires_at
FROM pggit_excellence.finding_exclusions AS e
ORDER BY e.finding_key COLLATE "C"$query$),
    ('hardening_score', 'Hardening by category', '{CC7.1}',
$query$SELECT * FROM pggit_excellence.hardening_score('standard')$query$),
    ('health_check', 'Whether pgGit records what it should, and the server lets it', '{CC7.2,A1.1,PI1.3}',
$query$SELECT * FROM pggit_excellence.health_check()$query$),
    ('history_archive', 'Archived history: how much, from when until when', '{C1.2,PI1.5}',
$query$SELECT pg_catalog.count(*) AS archived_rows, pg_catalog.min(a.changed_at) AS oldest, pg_catalog.max(a.changed_at) AS newest
FROM pggit_excellence.history_archive AS a$query$),
    ('legal_holds', 'Legal holds on history', '{C1.1,C1.2}',
$query$SELECT * FROM pggit_excellence.legal_holds AS h ORDER BY 1$query$),
    ('log_files', 'Log files of the server that were read for failed logins, and when: without them login_failures says nothing', '{CC7.2}',
$query$SELECT f.file_name, f.read_to AS bytes_read, f.read_at FROM pggit_excellence.audit_log_files AS f
ORDER BY f.read_at, f.file_name COLLATE "C"$query$),
    ('login_failures', 'Failed logins that were recorded in the period, by day of recording and role, as far as log_files were read', '{CC6.1,CC6.6,CC7.2,CC7.3}',
$query$SELECT (l.occurred_at AT TIME ZONE 'UTC')::date AS day, (l.details ->> 'user') COLLATE "C" AS role_name, pg_catalog.count(*) AS failures
FROM pggit_excellence.audit_log AS l
WHERE l.occurred_at >= :since AND l.occurred_at < :until AND l.event_kind = 'login_failure'
GROUP BY 1, 2
ORDER BY 1, 2 NULLS FIRST$query$),
    ('memberships', 'Which roles are members of which', '{CC6.2,CC6.3}',
$query$SELECT m.rolname AS member, g.rolname AS role, pg_catalog.pg_get_userbyid(a.grantor) AS granted_by, a.admin_option
FROM pg_catalog.pg_auth_members AS a
JOIN pg_catalog.pg_roles AS m ON m.oid = a.member
JOIN pg_catalog.pg_roles AS g ON g.oid = a.roleid
ORDER BY m.rolname, g.rolname, 3$query$),
    ('object_forecast', 'When tracked objects and storage reach their limits', '{A1.1}',
$query$SELECT * FROM pggit_excellence.object_forecast()$query$),
    ('privacy_events', 'Archiving, restoring, deleting, legal holds and pseudonymization in the period', '{C1.2}',
$query$SELECT l.audit_id, l.occurred_at, l.event_kind, l.actor, l.details
FROM pggit_excellence.audit_log AS l
WHERE l.occurred_at >= :since AND l.occurred_at < :until AND l.event_kind IN ('archive', 'restore', 'purge', 'pseudonymize', 'legal_hold')
ORDER BY l.audit_id NULLS LAST, l.event_id$query$),
    ('pseudonyms', 'Names that were replaced by pseudonyms in the period; whom they stand for is stored nowhere', '{C1.2}',
$query$SELECT p.pseudonym, p.made_at, p.made_by, p.replaced, p.kept
FROM pggit_excellence.pseudonyms AS p
WHERE p.made_at >= :since AND p.made_at < :until
ORDER BY p.made_at, p.pseudonym COLLATE "C"$query$),
    ('replication', 'Standbys that stream from this server', '{A1.2}',
$query$SELECT r.application_name, r.state, r.sync_state, r.replay_lag, r.reply_time
FROM pg_catalog.pg_stat_replication AS r
ORDER BY r.application_name COLLATE "C", r.pid$query$),
    ('roles', 'Roles and their attributes', '{CC6.1,CC6.2,CC6.3}',
$query$SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls,
       r.rolconnlimit, r.rolvaliduntil
FROM pg_catalog.pg_roles AS r
ORDER BY r.rolname$query$),
    ('row_security', 'Row level security of tables outside of the system''s schemas', '{C1.1,CC6.1}',
$query$SELECT n.nspname AS schema_name, c.relname AS table_name, c.relrowsecurity, c.relforcerowsecurity, p.polname, p.polcmd, p.polpermissive,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid) AS using_expression, pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) AS check_expression
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_policy AS p ON p.polrelid = c.oid
WHERE c.relrowsecurity OR p.oid IS NOT NULL
ORDER BY n.nspname, c.relname, p.polname$query$),
    -- pgGit's times have no zone: the server's, in which DDL runs unless somebody says otherwise.
    ('schema_changes', 'Every change of the schema that pgGit recorded in the period, archived ones too: the population to take samples from', '{CC8.1,PI1.3}',
$query$SELECT c.id, c.created_at, c.created_by, c.change_type, c.change_severity, c.content -> 'object_id' AS object_id, c.object_type, c.full_name,
       c.content -> 'old_version' AS old_version, c.content -> 'new_version' AS new_version, c.content ->> 'change_description' AS change_description,
       pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(c.content ->> 'sql_executed', 'UTF8')), 'hex') AS sql_sha256, c.archived
FROM (
    SELECT h.id, h.created_at AT TIME ZONE z.reset_val AS created_at, h.created_by, h.change_type::text AS change_type,
           h.change_severity::text AS change_severity, o.object_type::text AS object_type, o.full_name,
           pg_catalog.to_jsonb(h) AS content, false AS archived
    FROM pggit.history AS h LEFT JOIN pggit.objects AS o ON o.id = h.object_id
    CROSS JOIN pg_catalog.pg_settings AS z
    WHERE z.name = 'TimeZone'
    UNION ALL
    SELECT a.history_id, a.changed_at, a.created_by, a.change_type, a.content ->> 'change_severity', a.object_type, a.object_name,
           a.content, true
    FROM pggit_excellence.history_archive AS a
) AS c
WHERE c.created_at >= :since AND c.created_at < :until
ORDER BY c.id, c.archived$query$),
    ('schema_changes_by_actor', 'How many changes of the schema who made in the period, archived ones too', '{CC8.1,CC7.2}',
$query$SELECT c.created_by, c.change_type, c.change_severity, pg_catalog.count(*) AS changes
FROM (
    SELECT h.id, h.created_at AT TIME ZONE z.reset_val AS created_at, h.created_by, h.change_type::text AS change_type,
           h.change_severity::text AS change_severity, o.object_type::text AS object_type, o.full_name,
           pg_catalog.to_jsonb(h) AS content, false AS archived
    FROM pggit.history AS h LEFT JOIN pggit.objects AS o ON o.id = h.object_id
    CROSS JOIN pg_catalog.pg_settings AS z
    WHERE z.name = 'TimeZone'
    UNION ALL
    SELECT a.history_id, a.changed_at, a.created_by, a.change_type, a.content ->> 'change_severity', a.object_type, a.object_name,
           a.content, true
    FROM pggit_excellence.history_archive AS a
) AS c
WHERE c.created_at >= :since AND c.created_at < :until
GROUP BY 1, 2, 3
ORDER BY c.created_by COLLATE "C", c.change_type COLLATE "C", c.change_severity COLLATE "C"$query$),
    ('security_definer_functions', 'Functions that run with the rights of their owner', '{CC6.1,CC6.8}',
$query$SELECT n.nspname AS schema_name, pg_catalog.format('%I(%s)', p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) AS function,
       pg_catalog.pg_get_userbyid(p.proowner) AS owner, p.proconfig,
       p.proacl IS NULL OR EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) AS x WHERE x.grantee = 0) AS public_may_execute
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prosecdef
ORDER BY n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid) COLLATE "C"$query$),
    ('security_settings', 'Settings of authentication, encryption, logging and durability', '{CC6.1,CC6.6,CC6.7,CC7.2,A1.2}',
$query$SELECT s.name, s.setting, s.unit, s.source, s.pending_restart
FROM pg_catalog.pg_settings AS s
WHERE s.name IN ('archive_mode', 'authentication_timeout', 'event_triggers', 'fsync', 'full_page_writes', 'listen_addresses', 'log_connections',
    'log_destination', 'log_disconnections', 'log_hostname', 'log_line_prefix', 'log_min_error_statement', 'log_min_messages',
    'log_statement', 'logging_collector', 'password_encryption', 'row_security', 'session_replication_role', 'shared_preload_libraries',
    'ssl', 'ssl_ciphers', 'ssl_groups', 'ssl_max_protocol_version', 'ssl_min_protocol_version', 'ssl_prefer_server_ciphers',
    'synchronous_commit', 'synchronous_standby_names', 'wal_level', 'data_checksums')
ORDER BY s.name COLLATE "C"$query$),
    ('server', 'Version of the server and since when it runs', '{CC7.1}',
$query$SELECT pg_catalog.version() AS version, pg_catalog.current_setting('server_version_num') AS server_version_num,
       pg_catalog.pg_postmaster_start_time() AS started_at, pg_catalog.pg_conf_load_time() AS configuration_loaded_at$query$),
    ('slo_report', 'Objectives in the period: promised and attained', '{A1.1,PI1.3,PI1.4}',
$query$SELECT * FROM pggit_excellence.slo_report(:since, LEAST(:until, pg_catalog.statement_timestamp()))$query$),
    ('storage_forecast', 'When the storage of pgGit and this extension reaches its limit', '{A1.1}',
$query$SELECT * FROM pggit_excellence.storage_forecast()$query$),
    ('tracking_bypasses', 'Ways by which DDL can pass unrecorded', '{CC7.2,CC8.1}',
$query$SELECT * FROM pggit_excellence.tracking_bypasses()$query$),
    ('tracking_coverage', 'How much of the schema pgGit knows', '{CC8.1,PI1.3}',
$query$SELECT * FROM pggit_excellence.tracking_coverage()$query$),
    ('upgrades', 'Upgrades of pgGit and this extension in the period', '{CC8.1}',
$query$SELECT u.* FROM pggit_excellence.upgrade_log AS u
WHERE u.started_at >= :since AND u.started_at < :until
ORDER BY u.upgrade_id$query$)
$body$;
COMMENT ON FUNCTION pggit_excellence._evidence_catalog() IS
    'Internal: the queries of evidence_queries() with :since and :until for the ends of the period.';

--   since, until  the period; `until` does not belong to it
CREATE FUNCTION pggit_excellence.evidence_queries(since timestamptz, until timestamptz)
RETURNS TABLE (evidence text, title text, criteria text[], query text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM pggit_excellence._require_period(since, until);
    RETURN QUERY
    SELECT c.evidence, c.title, c.criteria,
           replace(replace(c.query,
               ':since', format('TIMESTAMPTZ %L', to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00')),
               ':until', format('TIMESTAMPTZ %L', to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'))
    FROM pggit_excellence._evidence_catalog() AS c
    ORDER BY c.evidence COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.evidence_queries(timestamptz, timestamptz) IS
    'The queries that soc2_evidence() and pggit-excellence evidence run for a period (until does not belong to it): name, title, the criteria that they bear on, and the complete text, as anybody may run it again. Reads no data itself.';
