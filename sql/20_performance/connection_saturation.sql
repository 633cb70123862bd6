-- How near the server, and each database and role with a CONNECTION LIMIT, is to refusing an ordinary role's connection.
--   warning_percent, critical_percent  used / usable from which the status changes
-- The server always has a row; a database or a role has one from the warning on. A limit of 0 closes it on purpose: no row.
CREATE FUNCTION pggit_excellence.connection_saturation(
    warning_percent  numeric DEFAULT 75,
    critical_percent numeric DEFAULT 90
)
RETURNS TABLE (
    scope   text,
    name    text,
    used    bigint,
    usable  bigint,
    percent numeric,
    status  text,
    note    text
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 2
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    -- NaN is greater than every number.
    IF (warning_percent >= 0 AND critical_percent >= 0 AND 'NaN' NOT IN (warning_percent, critical_percent)) IS NOT TRUE THEN
        RAISE EXCEPTION 'warning_percent and critical_percent must be 0 or more, not % and %',
                COALESCE(warning_percent::text, 'NULL'), COALESCE(critical_percent::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: warning_percent => 75, critical_percent => 90.';
    END IF;
    RETURN QUERY
    WITH client AS MATERIALIZED (
        SELECT a.datid, a.usesysid
        FROM pg_stat_activity AS a
        WHERE a.backend_type = 'client backend' OR (a.backend_type IS NULL AND a.usesysid IS NOT NULL AND a.datid IS NOT NULL)
    ),
    hidden AS (
        SELECT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.backend_type IS NULL AND a.usesysid IS NOT NULL AND a.datid IS NOT NULL) AS some
    ),
    reserved AS (
        -- reserved_connections came with PostgreSQL 16.
        SELECT current_setting('superuser_reserved_connections')::bigint
               + COALESCE(current_setting('reserved_connections', true)::bigint, 0) AS slots
    ),
    slot AS (
        SELECT 'server' AS scope, NULL::text AS name, (SELECT count(*) FROM client AS c) AS used,
               current_setting('max_connections')::bigint - r.slots AS usable,
               format('%s of max_connections are reserved', r.slots) AS note
        FROM reserved AS r
        UNION ALL
        SELECT 'database', quote_ident(d.datname), count(c.datid), d.datconnlimit, 'CONNECTION LIMIT of the database'
        FROM pg_database AS d
        LEFT JOIN client AS c ON c.datid = d.oid
        WHERE d.datconnlimit > 0 AND d.datallowconn
        GROUP BY d.oid, d.datname, d.datconnlimit
        UNION ALL
        SELECT 'role', quote_ident(r.rolname), count(c.usesysid), r.rolconnlimit, 'CONNECTION LIMIT of the role'
        FROM pg_roles AS r
        LEFT JOIN client AS c ON c.usesysid = r.oid
        WHERE r.rolconnlimit > 0 AND r.rolcanlogin AND NOT r.rolsuper
        GROUP BY r.oid, r.rolname, r.rolconnlimit
    ),
    measured AS (
        SELECT s.scope, s.name, s.used, s.usable, s.note,
               trunc(100.0 * s.used / NULLIF(s.usable, 0), 1) AS percent
        FROM slot AS s
    )
    SELECT m.scope, m.name, m.used, m.usable, m.percent,
           CASE WHEN m.usable <= 0 OR m.percent >= critical_percent THEN 'critical'
                WHEN m.percent >= warning_percent THEN 'warning'
                ELSE 'ok'
           END,
           concat_ws('; ', m.note,
               CASE WHEN m.usable <= 0 THEN 'no connection is left for ordinary roles' END,
               CASE WHEN h.some THEN 'hidden sessions counted, parallel workers among them: the caller needs pg_read_all_stats for the exact number' END)
    FROM measured AS m
    CROSS JOIN hidden AS h
    WHERE m.scope = 'server' OR m.usable <= 0 OR m.percent >= warning_percent
    ORDER BY m.scope = 'server' DESC, m.percent DESC NULLS FIRST, m.scope COLLATE "C", m.name COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.connection_saturation(numeric, numeric) IS
$comment$Connections in use against those that an ordinary role may use: max_connections less superuser_reserved_connections and reserved_connections.
scope, name: server (name NULL), and each database or role whose CONNECTION LIMIT is used up to warning_percent or more.
used: client connections, superusers' included. percent: 0..100 and above, rounded down; NULL = none usable. status: ok, warning, critical.
Source: pg_stat_activity, settings, pg_database, pg_roles. Takes no lock.$comment$;
