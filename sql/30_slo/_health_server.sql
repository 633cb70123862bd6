-- The checks of health_check() that look at the session and the server. Each returns one row (status, message, details).

-- What lets DDL pass unrecorded although the triggers are on: settings of this session, and those that a role or this
-- database starts its sessions with. event_triggers exists from PostgreSQL 17.
CREATE FUNCTION pggit_excellence._health_bypass(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH origin_only AS (
        SELECT EXISTS (SELECT FROM pggit_excellence._tracking_triggers() AS t WHERE t.state = 'origin') AS some
    ),
    session AS (
        SELECT (o.some AND pg_catalog.current_setting('session_replication_role') = 'replica') AS replica,
               pg_catalog.current_setting('event_triggers', true) = 'off' AS switched_off
        FROM origin_only AS o
    ),
    stored AS (
        SELECT pg_catalog.array_agg(pg_catalog.format('%s: %s',
                   COALESCE('role ' || pg_catalog.quote_ident(r.rolname), 'database'), c.setting)
                   ORDER BY r.rolname, c.setting) AS settings
        FROM pg_catalog.pg_db_role_setting AS s
        CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
        CROSS JOIN origin_only AS o
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
        LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
        WHERE (s.setdatabase = 0 OR d.datname = pg_catalog.current_database())
          AND ((o.some AND c.setting = 'session_replication_role=replica')
            OR c.setting ~ '^event_triggers=(off|false|no|0|f|n|of)$')
    )
    SELECT CASE WHEN s.replica OR s.switched_off THEN 'unhealthy' WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'unknown'
                WHEN t.settings IS NOT NULL THEN 'warning' ELSE 'healthy' END,
           CASE WHEN s.switched_off THEN 'event_triggers is off in this session: no DDL is recorded'
                WHEN s.replica THEN 'session_replication_role is replica in this session: triggers that are not ENABLE ALWAYS do not fire'
                WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'pgGit is not installed in this database'
                WHEN t.settings IS NOT NULL THEN 'sessions of these start with DDL unrecorded: ' || pg_catalog.array_to_string(t.settings, '; ')
                ELSE 'nothing lets this session''s DDL pass unrecorded' END,
           pg_catalog.jsonb_build_object(
               'session_replication_role', pg_catalog.current_setting('session_replication_role'),
               'event_triggers', pg_catalog.current_setting('event_triggers', true),
               'stored_settings', COALESCE(t.settings, '{}'))
    FROM session AS s, stored AS t
$body$;
COMMENT ON FUNCTION pggit_excellence._health_bypass() IS
    'Internal: check tracking_bypass of health_check(): session_replication_role and event_triggers of this session, roles and database (event_triggers NULL: before PostgreSQL 17). Source: settings, pg_db_role_setting.';

CREATE FUNCTION pggit_excellence._health_connections(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE c.status WHEN 'ok' THEN 'healthy' WHEN 'warning' THEN 'warning' ELSE 'unhealthy' END,
           pg_catalog.format('%s of %s connections that ordinary roles may use; %s', c.used, c.usable, c.note),
           pg_catalog.jsonb_build_object('used', c.used, 'usable', c.usable)
    FROM pggit_excellence.connection_saturation(warning_percent => 80, critical_percent => 95) AS c
    WHERE c.scope = 'server'
$body$;
COMMENT ON FUNCTION pggit_excellence._health_connections() IS
    'Internal: check connections of health_check(): warning from 80 %, unhealthy from 95 % of the connections that are not reserved. Source: connection_saturation().';

CREATE FUNCTION pggit_excellence._health_transaction_ids(OUT status text, OUT message text, OUT details jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN x.xid_age >= x.xid_failsafe OR x.multixact_age >= x.multixact_failsafe THEN 'unhealthy'
                WHEN x.xid_age >= 1.5 * x.xid_freeze OR x.multixact_age >= 1.5 * x.multixact_freeze THEN 'warning'
                ELSE 'healthy' END,
           pg_catalog.format('oldest transaction ID is %s transactions old (database %I), oldest multixact %s (database %I)',
                             x.xid_age, x.xid_database, x.multixact_age, x.multixact_database),
           pg_catalog.jsonb_build_object(
               'xid_age', x.xid_age, 'autovacuum_freeze_max_age', x.xid_freeze, 'vacuum_failsafe_age', x.xid_failsafe,
               'multixact_age', x.multixact_age, 'autovacuum_multixact_freeze_max_age', x.multixact_freeze,
               'vacuum_multixact_failsafe_age', x.multixact_failsafe)
    FROM (
        SELECT xid.age AS xid_age, xid.datname AS xid_database,
               multixact.age AS multixact_age, multixact.datname AS multixact_database,
               pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint AS xid_freeze,
               -- VACUUM takes no failsafe age below 105 % of the freeze age.
               GREATEST(pg_catalog.current_setting('vacuum_failsafe_age')::bigint,
                        pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint * 105 / 100) AS xid_failsafe,
               pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint AS multixact_freeze,
               GREATEST(pg_catalog.current_setting('vacuum_multixact_failsafe_age')::bigint,
                        pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint * 105 / 100) AS multixact_failsafe
        -- All databases share the IDs: the server stops for the oldest, wherever it is.
        FROM (SELECT d.datname, pg_catalog.age(d.datfrozenxid) AS age FROM pg_catalog.pg_database AS d
              ORDER BY 2 DESC, d.datname LIMIT 1) AS xid,
             (SELECT d.datname, pg_catalog.mxid_age(d.datminmxid) AS age FROM pg_catalog.pg_database AS d
              ORDER BY 2 DESC, d.datname LIMIT 1) AS multixact
    ) AS x
$body$;
COMMENT ON FUNCTION pggit_excellence._health_transaction_ids() IS
    'Internal: check transaction_ids of health_check(), the oldest of all databases: warning from 1.5 times the freeze age, unhealthy from the failsafe age. Source: pg_database, settings.';
