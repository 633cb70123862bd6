-- Who keeps VACUUM from removing dead rows: every holder of an old xmin, the oldest first.
-- Sessions that only run a plain VACUUM hold nothing back and are left out, as is the caller.
CREATE FUNCTION pggit_excellence.xmin_holders()
RETURNS TABLE (
    holder        text,
    name          text,
    pid           integer,
    username      text,
    database_name text,
    affects       text,
    xmin_age      bigint,
    since         timestamptz,
    query         text,
    advice        text,
    mend_sql      text,
    note          text
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH session AS (
        SELECT CASE WHEN r.pid IS NOT NULL THEN 'standby feedback'
                    WHEN a.state LIKE 'idle in transaction%' THEN 'idle in transaction'
                    WHEN a.state IS NULL AND a.query = '<insufficient privilege>' THEN 'session'
                    ELSE 'query'
               END AS holder,
               COALESCE(r.application_name, a.application_name) AS name,
               a.pid, a.usename::text AS username, a.datname::text AS database_name,
               -- A standby that sends feedback holds rows of every database, a session those of its own.
               CASE WHEN r.pid IS NOT NULL THEN 'all databases'
                    WHEN a.datname IS DISTINCT FROM current_database() THEN 'shared catalogs'
                    ELSE 'this database'
               END AS affects,
               GREATEST(age(a.backend_xmin), age(a.backend_xid))::bigint AS xmin_age,
               COALESCE(a.xact_start, a.backend_start) AS since,
               a.query
        FROM pg_stat_activity AS a
        LEFT JOIN pg_stat_replication AS r ON r.pid = a.pid
        WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
          AND a.pid <> pg_backend_pid()
          AND a.backend_type IS DISTINCT FROM 'parallel worker'  -- its leader has the same snapshot
          AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum AS v WHERE v.pid = a.pid)
    ),
    slot AS (
        SELECT s.slot_name::text AS name, s.active_pid, s.database::text AS database_name, s.active, h.affects, h.age,
               -- inactive_since came with PostgreSQL 17.
               (to_jsonb(s) ->> 'inactive_since')::timestamptz AS since
        FROM pg_replication_slots AS s
        CROSS JOIN LATERAL (VALUES
            ('all databases', age(s.xmin)::bigint),
            ('catalogs of all databases', age(s.catalog_xmin)::bigint)
        ) AS h (affects, age)
        -- A slot that lost its WAL still shows its xmin, which no longer counts.
        WHERE h.age IS NOT NULL AND s.wal_status IS DISTINCT FROM 'lost'
    ),
    holder AS (
        SELECT s.holder, s.name, s.pid, s.username, s.database_name, s.affects, s.xmin_age, s.since, s.query,
               CASE s.holder
                   WHEN 'query' THEN 'wait for it, or cancel it'
                   WHEN 'idle in transaction' THEN 'its application should commit; end it, and set idle_in_transaction_session_timeout'
                   WHEN 'standby feedback' THEN 'look for long queries on the standby, or switch hot_standby_feedback off there'
                   ELSE 'ask a role with pg_read_all_stats what it does'
               END AS advice,
               CASE s.holder
                   WHEN 'query' THEN format('SELECT pg_cancel_backend(%s)', s.pid)
                   WHEN 'idle in transaction' THEN format('SELECT pg_terminate_backend(%s)', s.pid)
               END AS mend_sql,
               CASE WHEN s.query = '<insufficient privilege>'
                    THEN 'state and query are hidden: the caller needs pg_read_all_stats (or pg_monitor)' END AS note
        FROM session AS s
        UNION ALL
        SELECT 'prepared transaction', p.gid, NULL, p.owner::text, p.database::text,
               CASE WHEN p.database = current_database() THEN 'this database' ELSE 'shared catalogs' END,
               age(p.transaction)::bigint, p.prepared, NULL,
               'nobody ended it; ask its transaction manager, then commit or roll it back in its database',
               format('ROLLBACK PREPARED %L', p.gid),
               CASE WHEN p.database <> current_database()
                    THEN format('run it in database %I', p.database) END
        FROM pg_prepared_xacts AS p
        UNION ALL
        SELECT 'replication slot', s.name, s.active_pid, NULL, s.database_name, s.affects, s.age, s.since, NULL,
               CASE WHEN s.active THEN 'its consumer is connected but behind (or, with a physical slot, its standby has long queries): look there'
                    ELSE 'nobody consumes it: start the consumer, or drop the slot' END,
               CASE WHEN NOT s.active THEN format('SELECT pg_drop_replication_slot(%L)', s.name) END,
               NULL
        FROM slot AS s
    )
    SELECT h.holder, h.name, h.pid, h.username, h.database_name, h.affects, h.xmin_age, h.since, h.query,
           h.advice, h.mend_sql, h.note
    FROM holder AS h
    ORDER BY h.xmin_age DESC, h.holder COLLATE "C", h.name COLLATE "C", h.pid, h.affects COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.xmin_holders() IS
$comment$Who holds back the horizon behind which VACUUM may remove dead rows, the oldest first.
holder: query, idle in transaction, prepared transaction, replication slot, standby feedback, or session (what it does is hidden).
name: application, prepared transaction or slot. pid: NULL = no process holds it. affects: whose dead rows stay (a session's: those of its database and of the shared catalogs).
xmin_age: transactions since. since: start of the transaction, or when the slot became inactive (17 and newer); NULL = not known.
mend_sql: what ends it; NULL = cannot be mended from here. Dropping a slot or ending a transaction loses its work: read advice first.
Source: pg_stat_activity, pg_stat_replication, pg_prepared_xacts, pg_replication_slots. Takes no lock.$comment$;
