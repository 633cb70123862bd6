-- The event triggers that record DDL, found by their functions in pgGit's schemas, whatever the release calls them.
-- The two that every release has are listed even where they are missing (state 'missing').
--   fires  with the session's usual setting: enabled as ORIGIN or ALWAYS; not when disabled, replica-only or missing
CREATE FUNCTION pggit_excellence._tracking_triggers()
RETURNS TABLE (trigger_name text, event text, function_name text, state text, fires boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
    WITH present AS (
        SELECT e.evtname::text AS trigger_name, e.evtevent::text AS event, p.proname::text AS function_name,
               CASE e.evtenabled WHEN 'O' THEN 'origin' WHEN 'A' THEN 'always' WHEN 'R' THEN 'replica only' ELSE 'disabled' END AS state
        FROM pg_catalog.pg_event_trigger AS e
        JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE (n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%') AND n.nspname <> 'pggit_excellence'
          AND ((e.evtevent = 'ddl_command_end' AND p.proname ~ '(handle|trigger).*ddl|ddl.*(handle|trigger)')
            OR (e.evtevent = 'sql_drop' AND p.proname ~ '(handle|trigger).*drop|drop.*(handle|trigger)'))
    ),
    core (trigger_name, event, function_name) AS (
        VALUES ('pggit_ddl_trigger', 'ddl_command_end', 'handle_ddl_command'),
               ('pggit_drop_trigger', 'sql_drop', 'handle_sql_drop')
    )
    SELECT f.trigger_name, f.event, f.function_name, f.state, f.state IN ('origin', 'always')
    FROM (
        SELECT p.trigger_name, p.event, p.function_name, p.state FROM present AS p
        UNION ALL
        SELECT c.trigger_name, c.event, c.function_name, 'missing' FROM core AS c
        WHERE NOT EXISTS (
            SELECT FROM present AS p
            WHERE p.event = c.event AND (p.trigger_name = c.trigger_name OR p.function_name = c.function_name))
    ) AS f
    ORDER BY f.event, f.trigger_name;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_triggers() IS
    'Internal: the event triggers by which pgGit records DDL, and whether they fire. Source: pg_event_trigger.';
