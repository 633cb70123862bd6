-- Hardening checks, category bypass: settings and states by which DDL passes pgGit unrecorded, or changes its records
-- without its triggers. The ways themselves, one by one: tracking_bypasses().
CREATE FUNCTION pggit_excellence._checks_bypass()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 12
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('bypass_trigger_off', 'pgGit''s event triggers are switched on', 'critical', ARRAY['minimal', 'standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"]}'::jsonb,
         'A disabled event trigger records nothing, and nothing says so: the history simply ends.'),
        ('bypass_trigger_not_always', 'pgGit''s event triggers fire in every session', 'high', ARRAY['standard', 'strict'], 'sql',
         '{"soc2": ["CC7.2", "CC8.1"], "cwe": ["CWE-778"]}',
         'Without ENABLE ALWAYS one SET session_replication_role = replica makes a session''s DDL invisible.'),
        ('bypass_replica_default', 'No role, database or configuration starts sessions with triggers off', 'critical',
         ARRAY['minimal', 'standard', 'strict'], 'sql', '{"soc2": ["CC7.2"], "cwe": ["CWE-778"]}',
         'session_replication_role other than origin as a default switches off triggers that are not ENABLE ALWAYS, foreign keys included.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_bypass() IS
    'Internal: the hardening checks of category bypass. Columns: see _hardening_checks().';

-- pgGit's event triggers with their state, or none where pgGit is absent.
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

CREATE FUNCTION pggit_excellence._check_bypass_replica_default()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.* FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%s: session_replication_role = %s', s.place, s.value), s.mend)::pggit_excellence._fault
        FROM pggit_excellence._stored_settings('session_replication_role') AS s
        WHERE s.value NOT IN ('origin', 'local')
    )) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_bypass_replica_default() IS
    'Internal: hardening check: roles, databases and configuration that start sessions with session_replication_role = replica. Source: pg_db_role_setting, pg_settings.';
