-- Who waits for whom. A waiting session is shown once, below one of those that block it: one that does not wait itself
-- if there is such, else the one that waits the longest (a queue of n sessions would otherwise have 2^n paths).
-- blocked_by has them all. A prepared transaction that blocks has pid 0.
CREATE FUNCTION pggit_excellence.blocking_tree()
RETURNS TABLE (
    level            integer,
    path             integer[],
    root_pid         integer,
    pid              integer,
    blocked_by       integer[],
    waiting          interval,
    lock_mode        text,
    lock_type        text,
    relation_name    text,
    username         text,
    database_name    text,
    application_name text,
    state            text,
    query            text,
    blocked_sessions bigint,
    advice           text,
    mend_sql         text,
    note             text
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH RECURSIVE lock AS MATERIALIZED (
        SELECT l.* FROM pg_locks AS l
    ),
    waiter AS MATERIALIZED (
        -- A session waits for one lock at a time.
        SELECT l.*, pg_blocking_pids(l.pid) AS blockers FROM lock AS l WHERE NOT l.granted AND l.pid IS NOT NULL
    ),
    -- The nodes have numbers of their own: the pid, or for a prepared transaction its xid, negative.
    -- Its locks have no pid but a virtual transaction, which the lock on its own xid tells.
    prepared AS MATERIALIZED (
        SELECT -p.transaction::text::bigint AS node, p.gid, p.owner, p.database, l.virtualtransaction
        FROM pg_prepared_xacts AS p
        JOIN lock AS l ON l.pid IS NULL AND l.granted AND l.locktype = 'transactionid' AND l.transactionid = p.transaction
    ),
    edge AS MATERIALIZED (
        SELECT w.pid::bigint AS node, b.pid::bigint AS blocker
        FROM waiter AS w
        CROSS JOIN LATERAL unnest(w.blockers) AS b (pid)
        WHERE b.pid <> 0
        UNION
        SELECT w.pid, COALESCE(p.node, 0)
        FROM waiter AS w
        LEFT JOIN lock AS l
               ON l.granted AND l.pid IS NULL AND l.locktype = w.locktype
              AND (l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid)
                  IS NOT DISTINCT FROM
                  (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
        LEFT JOIN prepared AS p ON p.virtualtransaction = l.virtualtransaction
        WHERE 0 = ANY (w.blockers)
    ),
    parent AS MATERIALIZED (
        SELECT DISTINCT ON (e.node) e.node, e.blocker
        FROM edge AS e
        LEFT JOIN waiter AS b ON b.pid = e.blocker
        ORDER BY e.node, b.pid IS NOT NULL, b.waitstart NULLS LAST, e.blocker
    ),
    -- Everybody above a node; a node above itself is in a circle, which begins, for us, with its lowest pid.
    above AS (
        SELECT p.node, p.blocker AS ancestor FROM parent AS p
        UNION
        SELECT a.node, p.blocker FROM above AS a JOIN parent AS p ON p.node = a.ancestor
    ),
    circle AS MATERIALIZED (
        SELECT a.node, a.node = min(a.ancestor) AS is_first
        FROM above AS a
        GROUP BY a.node
        HAVING bool_or(a.ancestor = a.node)
    ),
    tree AS (
        SELECT r.root AS node, r.root, 0 AS level, ARRAY[r.root] AS nodes
        FROM (
            SELECT DISTINCT p.blocker FROM parent AS p WHERE p.blocker NOT IN (SELECT n.node FROM parent AS n)
            UNION ALL
            SELECT c.node FROM circle AS c WHERE c.is_first
        ) AS r (root)
        UNION ALL
        SELECT p.node, t.root, t.level + 1, t.nodes || p.node
        FROM tree AS t
        JOIN parent AS p ON p.blocker = t.node
        WHERE p.node <> t.root
    ),
    behind AS (
        SELECT b.node, count(*) - 1 AS sessions
        FROM tree AS t
        CROSS JOIN LATERAL unnest(t.nodes) AS b (node)
        GROUP BY b.node
    ),
    described AS (
        SELECT t.level, t.nodes, GREATEST(t.root, 0)::integer AS root_pid, GREATEST(t.node, 0)::integer AS pid,
               w.blockers, pggit_excellence._elapsed(w.waitstart) AS waiting, w.mode, w.locktype,
               -- Who waits for a row waits for its transaction; the row's table is in the tuple lock that it holds meanwhile.
               COALESCE(w.relation, row_lock.relation) AS relid, COALESCE(w.database, row_lock.database) AS relation_database,
               COALESCE(a.usename, p.owner)::text AS username, COALESCE(a.datname, p.database)::text AS database_name,
               COALESCE(a.application_name, p.gid) AS application_name,
               CASE WHEN t.node <= 0 THEN 'prepared' ELSE a.state END AS state,
               a.query, a.backend_type, b.sessions, p.gid, p.database AS prepared_in, w.pid IS NOT NULL AS waits,
               c.node IS NOT NULL AS in_circle
        FROM tree AS t
        JOIN behind AS b ON b.node = t.node
        LEFT JOIN waiter AS w ON w.pid = t.node
        LEFT JOIN LATERAL (
            SELECT l.relation, l.database FROM lock AS l
            WHERE l.pid = t.node AND l.granted AND l.locktype = 'tuple'
            LIMIT 1
        ) AS row_lock ON w.locktype = 'transactionid'
        LEFT JOIN pg_stat_activity AS a ON a.pid = t.node
        LEFT JOIN prepared AS p ON p.node = t.node
        LEFT JOIN circle AS c ON c.node = t.node
    )
    SELECT d.level, ARRAY(SELECT GREATEST(n.node, 0)::integer FROM unnest(d.nodes) WITH ORDINALITY AS n (node, place) ORDER BY n.place),
           d.root_pid, d.pid, d.blockers, d.waiting, d.mode, d.locktype,
           (SELECT format('%I.%I', n.nspname, c.relname)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.oid = d.relid AND d.relation_database IN (0, me.oid)),
           d.username, d.database_name, d.application_name, d.state, d.query, d.sessions,
           CASE WHEN d.in_circle THEN 'part of a deadlock: PostgreSQL ends one of them after deadlock_timeout'
                WHEN d.waits THEN 'waits: look at the root of its tree'
                WHEN d.state = 'prepared' THEN 'prepared and not ended: ask its transaction manager, then commit or roll it back in its database'
                WHEN d.state LIKE 'idle in transaction%' THEN 'does nothing and blocks: its application should commit; or end it'
                WHEN d.query = '<insufficient privilege>' THEN 'ask a role with pg_read_all_stats what it does'
                WHEN d.backend_type <> 'client backend' THEN 'a process of the server: wait for it'
                ELSE 'works: wait for it, or cancel its statement'
           END,
           CASE WHEN d.waits THEN NULL
                WHEN d.state = 'prepared' THEN format('ROLLBACK PREPARED %L', d.gid)
                WHEN d.state LIKE 'idle in transaction%' THEN format('SELECT pg_terminate_backend(%s)', d.pid)
                WHEN d.backend_type = 'client backend' THEN format('SELECT pg_cancel_backend(%s)', d.pid)
           END,
           NULLIF(concat_ws('; ',
               CASE WHEN d.query = '<insufficient privilege>'
                    THEN 'state and query are hidden: the caller needs pg_read_all_stats (or pg_monitor)' END,
               CASE WHEN d.relid IS NOT NULL AND d.relation_database NOT IN (0, me.oid)
                    THEN format('the relation is in database %I: ask there for its name', d.database_name) END,
               CASE WHEN d.prepared_in <> me.datname THEN format('run ROLLBACK PREPARED in database %I', d.prepared_in) END,
               CASE WHEN d.waits AND d.waiting IS NULL THEN 'began to wait this moment' END), '')
    FROM described AS d
    CROSS JOIN (SELECT db.oid, db.datname FROM pg_database AS db WHERE db.datname = current_database()) AS me
    ORDER BY d.nodes
$body$;
COMMENT ON FUNCTION pggit_excellence.blocking_tree() IS
$comment$The sessions of the whole server that block others (level 0) and, below each, those that wait. No rows: nobody waits for a lock.
path: pids from the root down, the order of the rows. pid: 0 = prepared transaction (its name is in application_name). blocked_by: all that block this one; NULL = it does not wait.
waiting: time since the wait began; NULL = does not wait, or began this moment. lock_mode, lock_type: what it waits for.
relation_name: the table or index that it waits for, of this database only (note says where else); NULL also where no relation is involved.
blocked_sessions: how many wait below it. mend_sql: what frees the others, for roots only; it loses the work of that session.
Source: pg_locks, pg_blocking_pids() once for each waiting session (it briefly locks the lock table), pg_stat_activity, pg_prepared_xacts.$comment$;
