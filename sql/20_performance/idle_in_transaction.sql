-- Sessions that hold a transaction open and do nothing.
--   min_idle  leave out who is idle for less
CREATE FUNCTION pggit_excellence.idle_in_transaction(min_idle interval DEFAULT interval '0')
RETURNS TABLE (
    pid              integer,
    username         text,
    database_name    text,
    application_name text,
    client_addr      inet,
    state            text,
    idle_for         interval,
    transaction_age  interval,
    locks_held       bigint,
    blocked_sessions bigint,
    xmin_age         bigint,
    last_query       text,
    advice           text,
    mend_sql         text,
    note             text
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    IF min_idle IS NULL THEN
        RAISE EXCEPTION 'min_idle must not be NULL'
            USING ERRCODE = 'null_value_not_allowed', HINT = '0 shows every session that is idle in a transaction.';
    END IF;
    RETURN QUERY
    WITH idle AS MATERIALIZED (
        SELECT a.pid, a.usename::text AS username, a.datname::text AS database_name, a.application_name, a.client_addr, a.state,
               pggit_excellence._elapsed(a.state_change) AS idle_for,
               pggit_excellence._elapsed(a.xact_start) AS transaction_age,
               GREATEST(age(a.backend_xmin), age(a.backend_xid))::bigint AS xmin_age,
               a.query
        FROM pg_stat_activity AS a
        WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)')
    ),
    held AS (
        -- Every transaction holds its own virtualxid; that one tells nothing.
        SELECT l.pid, count(*) AS locks
        FROM pg_locks AS l
        WHERE l.granted AND l.locktype <> 'virtualxid'
        GROUP BY l.pid
    ),
    waiting AS MATERIALIZED (
        SELECT w.pid, pg_blocking_pids(w.pid) AS blockers
        FROM (SELECT DISTINCT l.pid FROM pg_locks AS l WHERE NOT l.granted AND l.pid IS NOT NULL) AS w
    ),
    blocked AS (
        SELECT b.pid, count(DISTINCT w.pid) AS sessions
        FROM waiting AS w
        CROSS JOIN LATERAL unnest(w.blockers) AS b (pid)
        GROUP BY b.pid
    ),
    hidden AS (
        SELECT count(*) AS sessions
        FROM pg_stat_activity AS a
        WHERE a.backend_type IS NULL AND a.usesysid IS NOT NULL AND a.datid IS NOT NULL
    ),
    result AS (
        SELECT i.pid, i.username, i.database_name, i.application_name, i.client_addr, i.state, i.idle_for, i.transaction_age,
               COALESCE(h.locks, 0) AS locks, COALESCE(b.sessions, 0) AS sessions, i.xmin_age, i.query,
               concat_ws('; ',
                   CASE WHEN b.sessions > 0 THEN 'it blocks others: end it, see blocking_tree()'
                        ELSE 'let its application commit or roll back' END,
                   CASE WHEN i.xmin_age IS NOT NULL THEN 'it keeps VACUUM from removing dead rows' END,
                   'idle_in_transaction_session_timeout ends such sessions') AS advice,
               format('SELECT pg_terminate_backend(%s)', i.pid) AS mend_sql,
               NULL::text AS note
        FROM idle AS i
        LEFT JOIN held AS h ON h.pid = i.pid
        LEFT JOIN blocked AS b ON b.pid = i.pid
        WHERE i.idle_for >= min_idle
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, 'hidden', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               format('%s sessions of other roles are hidden: the caller needs pg_read_all_stats (or pg_monitor)', h.sessions)
        FROM hidden AS h
        WHERE h.sessions > 0
    )
    SELECT r.pid, r.username, r.database_name, r.application_name, r.client_addr, r.state, r.idle_for, r.transaction_age,
           r.locks, r.sessions, r.xmin_age, r.query, r.advice, r.mend_sql, r.note
    FROM result AS r
    ORDER BY r.transaction_age DESC NULLS LAST, r.pid;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.idle_in_transaction(interval) IS
$comment$Sessions of the whole server that are idle in a transaction for min_idle or longer, the oldest transaction first.
idle_for, transaction_age: time since the last statement ended, and since the transaction began. locks_held: heavyweight locks but for its own virtual transaction.
blocked_sessions: how many wait for it directly. xmin_age: transactions for which it holds VACUUM back; NULL = it does not.
A row with pid NULL and state hidden: sessions that privileges hide (note says how many).
Source: pg_stat_activity, pg_locks, pg_blocking_pids() once for each waiting session.$comment$;
