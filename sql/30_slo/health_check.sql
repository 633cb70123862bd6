-- Whether pgGit records what it should, and whether the server lets it go on: one row per check, in a fixed order.
-- A check that cannot be made says unknown and why; none says healthy for want of data.

-- Why the checks of pgGit's data cannot be made, or NULL.
CREATE FUNCTION pggit_excellence._health_obstacle()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN pg_catalog.to_regnamespace('pggit') IS NULL THEN 'pgGit is not installed in this database'
                WHEN i.status <> 'healthy' THEN 'pgGit is half installed, see pggit_installed'
                WHEN NOT pg_catalog.has_schema_privilege('pggit', 'USAGE')
                  OR NOT pg_catalog.has_table_privilege(pggit_excellence._pggit_table('objects'), 'SELECT')
                  OR NOT pg_catalog.has_table_privilege(pggit_excellence._pggit_table('history'), 'SELECT')
                THEN 'this role may not read pggit.objects and pggit.history'
                WHEN pggit_excellence._rows_hidden()
                THEN 'row security hides changes of schemas that this role may not use' END
    FROM pggit_excellence._health_installed() AS i
$body$;
COMMENT ON FUNCTION pggit_excellence._health_obstacle() IS
    'Internal: why health_check() and system_overview() cannot read pgGit''s tables, or NULL.';

CREATE FUNCTION pggit_excellence.health_check()
RETURNS TABLE (check_name text, status text, message text, details jsonb)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 15
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
DECLARE
    obstacle   text := pggit_excellence._health_obstacle();
    unreadable text := (
        SELECT 'this role may not read what pggit_excellence has measured: grant it pg_monitor or pggit_excellence_reader'
        WHERE EXISTS (
            SELECT FROM pg_catalog.unnest(ARRAY['sentinel_bookings', 'probe_results', 'performance_metrics',
                                                'waiting_samples', 'availability_monitors']) AS t (name)
            WHERE NOT pg_catalog.has_table_privilege('pggit_excellence.' || t.name, 'SELECT')));
BEGIN
    RETURN QUERY
        SELECT 'pggit_installed', h.status, h.message, h.details FROM pggit_excellence._health_installed() AS h
        UNION ALL
        SELECT 'tracking_triggers', h.status, h.message, h.details FROM pggit_excellence._health_triggers() AS h
        UNION ALL
        SELECT 'tracking_bypass', h.status, h.message, h.details FROM pggit_excellence._health_bypass() AS h;

    IF obstacle IS NULL THEN
        RETURN QUERY
            SELECT 'history_recording', h.status, h.message, h.details FROM pggit_excellence._health_history() AS h
            UNION ALL
            SELECT 'untracked_tables', h.status, h.message, h.details FROM pggit_excellence._health_untracked() AS h
            UNION ALL
            SELECT 'function_names', h.status, h.message, h.details FROM pggit_excellence._health_function_names() AS h;
    ELSE
        RETURN QUERY
            SELECT u.name, 'unknown', obstacle, '{}'::jsonb
            FROM pg_catalog.unnest(ARRAY['history_recording', 'untracked_tables', 'function_names']) AS u (name);
    END IF;

    RETURN QUERY
        SELECT 'sequences', h.status, h.message, h.details FROM pggit_excellence._health_sequences() AS h
        UNION ALL
        SELECT 'indexes', h.status, h.message, h.details FROM pggit_excellence._health_indexes() AS h
        UNION ALL
        SELECT 'connections', h.status, h.message, h.details FROM pggit_excellence._health_connections() AS h
        UNION ALL
        SELECT 'transaction_ids', h.status, h.message, h.details FROM pggit_excellence._health_transaction_ids() AS h;

    IF unreadable IS NULL THEN
        RETURN QUERY
            SELECT 'sentinels', h.status, h.message, h.details FROM pggit_excellence._health_sentinels() AS h
            UNION ALL
            SELECT 'tracking_coverage', h.status, h.message, h.details FROM pggit_excellence._health_coverage() AS h
            UNION ALL
            SELECT 'maintenance', h.status, h.message, h.details FROM pggit_excellence._health_maintenance() AS h
            UNION ALL
            SELECT 'sample_times', h.status, h.message, h.details FROM pggit_excellence._health_clock() AS h
            UNION ALL
            SELECT 'monitors', h.status, h.message, h.details FROM pggit_excellence._health_monitors() AS h;
    ELSE
        RETURN QUERY
            SELECT u.name, 'unknown', unreadable, '{}'::jsonb
            FROM pg_catalog.unnest(ARRAY['sentinels', 'tracking_coverage', 'maintenance', 'sample_times', 'monitors']) AS u (name);
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.health_check() IS
    'One row per check: status healthy, warning, unhealthy or unknown (could not be checked, the message says why), a message, and the figures behind it in details. A trigger that records DDL and is disabled, replica-only or missing is never healthy. Reads catalogs and the newest rows of pgGit''s tables; locks nothing beyond reading.';
