-- How many client connections are in which state, and for how long.
CREATE FUNCTION pggit_excellence.connection_stats()
RETURNS TABLE (
    state        text,
    count        bigint,
    avg_duration interval,
    max_duration interval,
    oldest_pid   integer,
    databases    bigint,
    users        bigint,
    note         text
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 6
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH client AS MATERIALIZED (  -- the clock is read once for each session
        SELECT a.pid, a.datid, a.usesysid, a.state_change,
               CASE WHEN a.backend_type IS NULL THEN 'hidden' ELSE COALESCE(a.state, 'starting') END AS state,
               pggit_excellence._elapsed(a.state_change) AS duration
        FROM pg_stat_activity AS a
        WHERE a.backend_type = 'client backend'
           -- Where privileges hide the type, user and database tell a connection from the server's own processes.
           OR (a.backend_type IS NULL AND a.usesysid IS NOT NULL AND a.datid IS NOT NULL)
    )
    SELECT c.state, count(*), avg(c.duration), max(c.duration),
           (array_agg(c.pid ORDER BY c.state_change, c.pid) FILTER (WHERE c.state_change IS NOT NULL))[1],
           count(DISTINCT c.datid), count(DISTINCT c.usesysid),
           CASE c.state
               WHEN 'hidden' THEN 'sessions of other roles (parallel workers among them): the caller needs pg_read_all_stats (or pg_monitor)'
               WHEN 'disabled' THEN 'track_activities is off in these sessions'
           END
    FROM client AS c
    GROUP BY c.state
    ORDER BY count(*) DESC, c.state COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.connection_stats() IS
$comment$Client connections of the whole server by state, the caller's among them (active).
state: as in pg_stat_activity; hidden = privileges hide it (note says so), starting = not ready yet.
avg_duration, max_duration: time in this state; NULL = hidden. oldest_pid: the session that is in it the longest. databases, users: how many different ones.
Source: pg_stat_activity, which a transaction reads once and keeps. Takes no lock.$comment$;
