-- Which roles beside superusers may set a parameter: a privilege from PostgreSQL 15 on.
CREATE FUNCTION pggit_excellence._may_set(parameter text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    roles text;
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(COALESCE(r.rolname, 'PUBLIC')), ', ' ORDER BY r.rolname) INTO roles
        FROM pg_catalog.pg_parameter_acl AS p
        CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) AS a
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
        WHERE p.parname = parameter AND a.privilege_type = 'SET' AND r.rolsuper IS NOT TRUE;
    END IF;
    RETURN roles;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._may_set(text) IS
    'Internal: the roles, superusers aside, that may set a parameter which not everybody may; NULL: none. Source: pg_parameter_acl.';

-- How DDL can pass without being recorded: one row per way.
CREATE FUNCTION pggit_excellence.tracking_bypasses()
RETURNS TABLE (bypass text, status text, note text, remedy text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 6
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    may_set text := pggit_excellence._may_set('session_replication_role');
BEGIN
    IF pg_catalog.to_regnamespace('pggit') IS NULL THEN
        RETURN QUERY SELECT 'pgGit'::text, 'unknown'::text, 'pgGit is not installed in this database'::text, NULL::text;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'trigger ' || pg_catalog.quote_ident(t.trigger_name), CASE t.state WHEN 'always' THEN 'closed' ELSE 'open' END,
           CASE t.state
               WHEN 'always' THEN 'fires in every session'
               WHEN 'origin' THEN 'does not fire under session_replication_role = replica, which superusers'
                                  || COALESCE(' and ' || may_set, '') || ' may set'
               ELSE 'does not fire: ' || t.state END,
           CASE WHEN t.state NOT IN ('always', 'missing')
                THEN pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', t.trigger_name) END
    FROM pggit_excellence._tracking_triggers() AS t
    ORDER BY t.event, t.trigger_name;

    RETURN QUERY
    SELECT 'sessions that start with tracking off', CASE h.status WHEN 'healthy' THEN 'closed' ELSE 'open' END, h.message, NULL::text
    FROM pggit_excellence._health_bypass() AS h;

    RETURN QUERY
    SELECT 'setting event_triggers', CASE WHEN e.value IS NULL THEN 'closed' ELSE 'open' END,
           CASE WHEN e.value IS NULL THEN 'this server has no such setting (from PostgreSQL 17 on)'
                ELSE pg_catalog.format('%s now; superusers may turn it off, for ALWAYS triggers too', e.value) END,
           NULL::text
    FROM (SELECT pg_catalog.current_setting('event_triggers', true) AS value) AS e;

    RETURN QUERY
    SELECT 'roles, databases, tablespaces', 'open', 'PostgreSQL fires no event triggers for what belongs to the whole cluster',
           NULL::text;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.tracking_bypasses() IS
    'How DDL can pass pgGit unrecorded, one row per way: pgGit''s event triggers that are off or not ENABLE ALWAYS, sessions, roles and databases that start with session_replication_role = replica or event_triggers = off, and what PostgreSQL has no event triggers for. status open, closed, or unknown (no pgGit); remedy: the statement that closes it, NULL: none. Source: pg_event_trigger, settings, pg_db_role_setting, pg_parameter_acl.';
