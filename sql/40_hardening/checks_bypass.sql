-- Hardening checks, category bypass: settings and states by which DDL passes pgGit unrecorded, or changes its records
-- without its triggers. The ways themselves, one by one: tracking_bypasses().

CREATE FUNCTION pggit_excellence._checks_bypass()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 12
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('bypass_trigger_off', 'pgGit''s event triggers are switched on',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"]}'::jsonb,
         'A disabled event trigger records nothing, and nothing says so: the history simply ends.'),
        ('bypass_trigger_not_always', 'pgGit''s event triggers fire in every session',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"]}'::jsonb,
         'Without ENABLE ALWAYS one SET session_replication_role = replica makes a session''s DDL invisible.'),
        ('bypass_trigger_tags', 'pgGit''s event triggers fire for every command',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"]}'::jsonb,
         'A trigger that was made again WHEN TAG IN (...) looks healthy and records nothing but those commands.'),
        ('bypass_replica_default', 'No role, database or configuration starts sessions with triggers off',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2"], "cwe": ["CWE-778"]}'::jsonb,
         'session_replication_role = replica as a default switches off every trigger that is not ENABLE ALWAYS, foreign keys included.'),
        ('bypass_event_triggers_default', 'No role, database or configuration switches event triggers off',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2"], "cwe": ["CWE-778"]}'::jsonb,
         'event_triggers = off (PostgreSQL 17 and newer) ends the recording of DDL for good, ENABLE ALWAYS or not.'),
        ('bypass_replica_granted', 'Only superusers may set session_replication_role',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC6.1", "CC7.2"], "cwe": ["CWE-269"]}'::jsonb,
         'Whoever may set session_replication_role switches triggers off for his own session, foreign keys included.'),
        ('bypass_event_triggers_granted', 'Only superusers may set event_triggers',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC6.1", "CC7.2"], "cwe": ["CWE-269"]}'::jsonb,
         'Whoever may set event_triggers (PostgreSQL 17 and newer) runs DDL that nobody records.'),
        ('bypass_function_setting', 'No routine switches triggers off while it runs',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2"], "cwe": ["CWE-778"]}'::jsonb,
         'A setting that is attached to a routine holds for all that it does, DDL and deletions in the history among it.'),
        ('bypass_kill_switch', 'This extension''s own triggers are not switched off by default',
         'medium', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2"]}'::jsonb,
         'pggit_excellence.enabled = off is for emergencies; left behind it silences sentinels and audit.'),
        ('bypass_system_table_mods', 'Nobody may write PostgreSQL''s catalogs directly',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC8.1"], "cwe": ["CWE-284"]}'::jsonb,
         'allow_system_table_mods lets DDL be done as an UPDATE of pg_class or pg_proc, which fires no event trigger.'),
        ('bypass_table_trigger_off', 'No trigger or foreign key of pgGit''s tables is disabled',
         'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2"], "cwe": ["CWE-778"]}'::jsonb,
         'ALTER TABLE ... DISABLE TRIGGER ALL lifts append-only protection and foreign keys, and stays until somebody looks.'),
        ('bypass_table_trigger_not_always', 'Triggers that protect the history fire in every session',
         'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2"], "cwe": ["CWE-778"]}'::jsonb,
         'An append-only trigger that is not ENABLE ALWAYS does not fire under session_replication_role = replica, nor in a subscription''s apply worker.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_bypass() IS
    'Internal: the hardening checks of category bypass. Columns: see _hardening_checks().';

-- pgGit's second pair of triggers ("enhanced") makes CREATE EXTENSION fail and may be off where the first pair fires.
CREATE FUNCTION pggit_excellence._check_bypass_trigger_off()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I: %s', t.trigger_name, t.state),
                CASE t.state WHEN 'missing' THEN '-- install pgGit again: this trigger is not there'
                     ELSE pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', t.trigger_name) END)::pggit_excellence._fault
        FROM pggit_excellence._tracking_triggers() AS t
        WHERE NOT t.fires AND pg_catalog.to_regnamespace('pggit') IS NOT NULL
          AND NOT (t.function_name LIKE 'enhanced\_%' AND EXISTS (
            SELECT FROM pggit_excellence._tracking_triggers() AS o
            WHERE o.event = t.event AND o.fires AND o.function_name NOT LIKE 'enhanced\_%'))
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_trigger_off() IS
    'Internal: hardening check: pgGit''s event triggers that are disabled, replica-only or missing. Source: pg_event_trigger.';

CREATE FUNCTION pggit_excellence._check_bypass_trigger_not_always()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I: %s', t.trigger_name, t.state),
                pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', t.trigger_name))::pggit_excellence._fault
        FROM pggit_excellence._tracking_triggers() AS t
        WHERE t.state = 'origin'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_trigger_not_always() IS
    'Internal: hardening check: pgGit''s event triggers that session_replication_role = replica switches off. Source: pg_event_trigger.';

CREATE FUNCTION pggit_excellence._check_bypass_trigger_tags()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I fires for %s only', t.evtname, pg_catalog.array_to_string(t.evttags, ', ')),
                pg_catalog.format(E'DROP EVENT TRIGGER %1$I;\nCREATE EVENT TRIGGER %1$I ON %2$s EXECUTE FUNCTION %3$I.%4$I();\nALTER EVENT TRIGGER %1$I ENABLE ALWAYS',
                       t.evtname, t.evtevent, n.nspname, p.proname))::pggit_excellence._fault
        FROM pg_catalog.pg_event_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE t.evttags IS NOT NULL AND pggit_excellence._schema_kind(n.nspname) = 'pggit' AND t.evtevent IN ('ddl_command_end', 'sql_drop')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_trigger_tags() IS
    'Internal: hardening check: pgGit''s event triggers that are limited to some commands. Source: pg_event_trigger.';

CREATE FUNCTION pggit_excellence._check_bypass_replica_default()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: session_replication_role = %s', s.place, s.value),
                s.mend)::pggit_excellence._fault
        FROM pggit_excellence._stored_settings('session_replication_role') AS s
        WHERE s.value NOT IN ('origin', 'local')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_replica_default() IS
    'Internal: hardening check: roles, databases and configuration that start sessions with session_replication_role = replica. Source: pg_db_role_setting, pg_settings.';

CREATE FUNCTION pggit_excellence._check_bypass_event_triggers_default()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: event_triggers = %s', s.place, s.value),
                s.mend)::pggit_excellence._fault
        FROM pggit_excellence._stored_settings('event_triggers') AS s
        WHERE pggit_excellence._is_off(s.value)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_event_triggers_default() IS
    'Internal: hardening check: roles, databases and configuration with event_triggers = off. Source: pg_db_role_setting, pg_settings.';

CREATE FUNCTION pggit_excellence._check_bypass_replica_granted()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s for %s', g.privilege, g.grantee),
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._parameter_grants() AS g
        WHERE g.parameter = 'session_replication_role'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_replica_granted() IS
    'Internal: hardening check: who was granted SET or ALTER SYSTEM on session_replication_role, from 15 on. Source: pg_parameter_acl.';

CREATE FUNCTION pggit_excellence._check_bypass_event_triggers_granted()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s for %s', g.privilege, g.grantee),
                g.mend)::pggit_excellence._fault
        FROM pggit_excellence._parameter_grants() AS g
        WHERE g.parameter = 'event_triggers'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_event_triggers_granted() IS
    'Internal: hardening check: who was granted SET or ALTER SYSTEM on event_triggers, from 15 on. Source: pg_parameter_acl.';

CREATE FUNCTION pggit_excellence._check_bypass_function_setting()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: %s', p.oid::pg_catalog.regprocedure, u.setting),
                pg_catalog.format('ALTER ROUTINE %s RESET %I', p.oid::pg_catalog.regprocedure, pg_catalog.split_part(u.setting, '=', 1)))::pggit_excellence._fault
        FROM pg_catalog.pg_proc AS p
        CROSS JOIN LATERAL pg_catalog.unnest(p.proconfig) AS u (setting)
        WHERE p.proconfig IS NOT NULL AND (u.setting = 'session_replication_role=replica'
           OR u.setting LIKE 'event\_triggers=%' AND pggit_excellence._is_off(pg_catalog.split_part(u.setting, '=', 2)))
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_function_setting() IS
    'Internal: hardening check: routines with SET session_replication_role = replica or SET event_triggers = off. Source: pg_proc.';

CREATE FUNCTION pggit_excellence._check_bypass_kill_switch()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: pggit_excellence.enabled = %s', s.place, s.value),
                s.mend)::pggit_excellence._fault
        FROM pggit_excellence._stored_settings('pggit_excellence.enabled') AS s
        WHERE pggit_excellence._is_off(s.value)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_kill_switch() IS
    'Internal: hardening check: roles, databases and configuration with pggit_excellence.enabled = off. Source: pg_db_role_setting, pg_settings.';

CREATE FUNCTION pggit_excellence._check_bypass_system_table_mods()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: allow_system_table_mods = %s', s.place, s.value),
                s.mend)::pggit_excellence._fault
        FROM pggit_excellence._stored_settings('allow_system_table_mods') AS s
        WHERE NOT pggit_excellence._is_off(s.value)
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_system_table_mods() IS
    'Internal: hardening check: roles, databases and configuration with allow_system_table_mods = on. Source: pg_db_role_setting, pg_settings.';

CREATE FUNCTION pggit_excellence._check_bypass_table_trigger_off()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s on %I.%I: %s', CASE WHEN t.tgisinternal THEN 'a foreign key''s trigger' ELSE pg_catalog.quote_ident(t.tgname) END, n.nspname, c.relname,
                       CASE t.tgenabled WHEN 'D' THEN 'disabled' ELSE 'replica only' END),
                pg_catalog.format('ALTER TABLE %I.%I ENABLE TRIGGER %I', n.nspname, c.relname, t.tgname))::pggit_excellence._fault
        FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE t.tgenabled IN ('D', 'R') AND pggit_excellence._schema_kind(n.nspname) = 'pggit'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_table_trigger_off() IS
    'Internal: hardening check: triggers on pgGit''s tables, those of foreign keys included, that do not fire. Source: pg_trigger.';

CREATE FUNCTION pggit_excellence._check_bypass_table_trigger_not_always()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I on %I.%I', t.tgname, n.nspname, c.relname),
                pg_catalog.format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I', n.nspname, c.relname, t.tgname))::pggit_excellence._fault
        FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE t.tgenabled = 'O' AND NOT t.tgisinternal AND n.nspname = 'pggit' AND c.relname = 'history'
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_table_trigger_not_always() IS
    'Internal: hardening check: triggers on pggit.history that are not ENABLE ALWAYS. Source: pg_trigger.';
