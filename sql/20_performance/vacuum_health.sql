-- Pages of each relation that are frozen as a whole, which PostgreSQL 18 takes into account for the insert threshold.
-- Older servers do not count them: no rows.
CREATE FUNCTION pggit_excellence._frozen_pages()
RETURNS TABLE (relid oid, pages integer)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    IF pg_catalog.current_setting('server_version_num')::integer >= 180000 THEN
        RETURN QUERY EXECUTE 'SELECT c.oid, c.relallfrozen FROM pg_catalog.pg_class AS c WHERE c.relallfrozen > 0';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._frozen_pages() IS
    'Internal: pg_class.relallfrozen where it is above 0; no rows before PostgreSQL 18.';

-- What autovacuum looks at, for each table and materialized view in the schemas and, as rows of their own, their TOAST
-- tables. The arithmetic is autovacuum's: table option over setting, a TOAST table without options takes its table's.
--   dead_due, insert_due, analyze_due   the counter is above its threshold
--   freeze_due                          autovacuum vacuums whatever else is set, to freeze
--   failsafe_due                        vacuum drops everything but freezing
CREATE FUNCTION pggit_excellence._vacuum_facts(scope oid[])
RETURNS TABLE (
    relid               oid,
    table_oid           oid,
    is_toast            boolean,
    active              boolean,
    autovacuum_enabled  boolean,
    vacuumed_at         timestamptz,
    n_live              bigint,
    n_dead              bigint,
    n_inserted          bigint,
    n_modified          bigint,
    vacuum_threshold    bigint,
    insert_threshold    bigint,
    analyze_threshold   bigint,
    xid_age             bigint,
    xid_limit           bigint,
    multixact_age       bigint,
    multixact_limit     bigint,
    dead_due            boolean,
    insert_due          boolean,
    analyze_due         boolean,
    freeze_due          boolean,
    failsafe_due        boolean
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    -- MATERIALIZED where an expression would otherwise be computed again at each use, for each table.
    WITH setting AS MATERIALIZED (
        SELECT current_setting('autovacuum_vacuum_threshold')::float8 AS vacuum_base,
               current_setting('autovacuum_vacuum_scale_factor')::float8 AS vacuum_factor,
               current_setting('autovacuum_vacuum_max_threshold', true)::float8 AS vacuum_max,
               current_setting('autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
               current_setting('autovacuum_vacuum_insert_scale_factor')::float8 AS insert_factor,
               current_setting('autovacuum_analyze_threshold')::float8 AS analyze_base,
               current_setting('autovacuum_analyze_scale_factor')::float8 AS analyze_factor,
               current_setting('autovacuum_freeze_max_age')::float8 AS xid_limit,
               current_setting('autovacuum_multixact_freeze_max_age')::float8 AS multixact_limit,
               current_setting('vacuum_failsafe_age')::float8 AS xid_failsafe,
               current_setting('vacuum_multixact_failsafe_age')::float8 AS multixact_failsafe
    ),
    relation AS MATERIALIZED (
        SELECT c.oid AS relid, c.oid AS table_oid, false AS is_toast, c.reloptions AS options,
               c.reltuples, c.relpages, c.relfrozenxid, c.relminmxid
        FROM pg_class AS c
        WHERE c.relnamespace = ANY (scope) AND c.relkind IN ('r', 'm')
        UNION ALL
        SELECT t.oid, c.oid, true, COALESCE(t.reloptions, c.reloptions),
               t.reltuples, t.relpages, t.relfrozenxid, t.relminmxid
        FROM pg_class AS c
        JOIN pg_class AS t ON t.oid = c.reltoastrelid
        WHERE c.relnamespace = ANY (scope) AND c.relkind IN ('r', 'm')
    ),
    option AS (
        SELECT r.relid,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_enabled')::boolean AS enabled,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_vacuum_threshold')::float8 AS vacuum_base,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_vacuum_scale_factor')::float8 AS vacuum_factor,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_vacuum_max_threshold')::float8 AS vacuum_max,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_vacuum_insert_scale_factor')::float8 AS insert_factor,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_analyze_threshold')::float8 AS analyze_base,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_analyze_scale_factor')::float8 AS analyze_factor,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_freeze_max_age')::float8 AS xid_limit,
               max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_multixact_freeze_max_age')::float8 AS multixact_limit
        FROM relation AS r
        CROSS JOIN LATERAL pg_options_to_table(r.options) AS o
        WHERE r.options IS NOT NULL
        GROUP BY r.relid
    ),
    effective AS (
        SELECT r.relid, r.table_oid, r.is_toast, r.relfrozenxid, r.relminmxid, COALESCE(o.enabled, true) AS enabled,
               COALESCE(o.vacuum_base, s.vacuum_base) AS vacuum_base,
               COALESCE(o.vacuum_factor, s.vacuum_factor) AS vacuum_factor,
               -- A negative maximum means none.
               CASE WHEN COALESCE(o.vacuum_max, s.vacuum_max) >= 0 THEN COALESCE(o.vacuum_max, s.vacuum_max) END AS vacuum_max,
               -- A negative insert threshold means that inserts alone cause no vacuum.
               CASE WHEN COALESCE(o.insert_base, s.insert_base) >= 0 THEN COALESCE(o.insert_base, s.insert_base) END AS insert_base,
               COALESCE(o.insert_factor, s.insert_factor) AS insert_factor,
               COALESCE(o.analyze_base, s.analyze_base) AS analyze_base,
               COALESCE(o.analyze_factor, s.analyze_factor) AS analyze_factor,
               -- A table can only be stricter than the server here.
               LEAST(o.xid_limit, s.xid_limit) AS xid_limit,
               LEAST(o.multixact_limit, s.multixact_limit) AS multixact_limit,
               GREATEST(s.xid_failsafe, 1.05 * s.xid_limit) AS xid_failsafe,
               GREATEST(s.multixact_failsafe, 1.05 * s.multixact_limit) AS multixact_failsafe,
               GREATEST(r.reltuples, 0)::float8 AS rows,
               CASE WHEN r.relpages > 0 THEN GREATEST(1 - COALESCE(f.pages, 0)::float8 / r.relpages, 0) ELSE 1 END AS unfrozen
        FROM relation AS r
        CROSS JOIN setting AS s
        LEFT JOIN option AS o ON o.relid = r.relid
        LEFT JOIN pggit_excellence._frozen_pages() AS f ON f.relid = r.relid
    ),
    counted AS MATERIALIZED (
        SELECT e.relid, e.table_oid, e.is_toast, e.enabled, e.xid_failsafe, e.multixact_failsafe,
               e.xid_limit, e.multixact_limit,
               -- n > 50.7 and n > 50 are the same for a count.
               floor(LEAST(e.vacuum_base + e.vacuum_factor * e.rows, e.vacuum_max)) AS vacuum_threshold,
               floor(e.insert_base + e.insert_factor * e.rows * e.unfrozen) AS insert_threshold,
               floor(e.analyze_base + e.analyze_factor * e.rows) AS analyze_threshold,
               pg_stat_get_live_tuples(e.relid) AS n_live,
               pg_stat_get_dead_tuples(e.relid) AS n_dead,
               pg_stat_get_ins_since_vacuum(e.relid) AS n_inserted,
               pg_stat_get_mod_since_analyze(e.relid) AS n_modified,
               GREATEST(pg_stat_get_last_vacuum_time(e.relid), pg_stat_get_last_autovacuum_time(e.relid)) AS vacuumed_at,
               age(e.relfrozenxid)::bigint AS xid_age,
               mxid_age(e.relminmxid)::bigint AS multixact_age
        FROM effective AS e
    )
    SELECT c.relid, c.table_oid, c.is_toast,
           c.n_live > 0 OR c.n_dead > 0 OR c.n_inserted > 0 OR c.n_modified > 0 OR c.vacuumed_at IS NOT NULL
               OR pg_stat_get_tuples_inserted(c.relid) > 0 OR pg_stat_get_last_analyze_time(c.relid) IS NOT NULL
               OR pg_stat_get_last_autoanalyze_time(c.relid) IS NOT NULL,
           c.enabled, c.vacuumed_at, c.n_live, c.n_dead, c.n_inserted, c.n_modified,
           c.vacuum_threshold::bigint, c.insert_threshold::bigint, c.analyze_threshold::bigint,
           c.xid_age, c.xid_limit::bigint, c.multixact_age, c.multixact_limit::bigint,
           c.n_dead > c.vacuum_threshold,
           COALESCE(c.n_inserted > c.insert_threshold, false),
           c.n_modified > c.analyze_threshold AND NOT c.is_toast,
           c.xid_age > c.xid_limit OR c.multixact_age > c.multixact_limit,
           c.xid_age > c.xid_failsafe OR c.multixact_age > c.multixact_failsafe
    FROM counted AS c
$body$;
COMMENT ON FUNCTION pggit_excellence._vacuum_facts(oid[]) IS
    'Internal: counters, ages and effective thresholds of tables and, as rows of their own, of their TOAST tables.';

-- Partitioned tables hold no rows, so there is nothing to vacuum; but autovacuum never analyzes them, and the planner
-- needs their statistics. Due when the rows of the partitions differ from what the last ANALYZE of the parent saw by
-- more than the analyze threshold.
CREATE FUNCTION pggit_excellence._partitioned_facts(scope oid[])
RETURNS TABLE (table_oid oid, n_live bigint, analyze_threshold bigint, analyze_due boolean)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH RECURSIVE descendant AS (
        SELECT c.oid AS root, c.oid AS relid
        FROM pg_class AS c
        WHERE c.relnamespace = ANY (scope) AND c.relkind = 'p'
        UNION ALL
        SELECT d.root, i.inhrelid
        FROM descendant AS d
        JOIN pg_inherits AS i ON i.inhparent = d.relid
    ),
    live AS (
        SELECT d.root, sum(pg_stat_get_live_tuples(d.relid))::bigint AS rows
        FROM descendant AS d
        GROUP BY d.root
    ),
    threshold AS (
        SELECT l.root, l.rows, c.reltuples,
               floor(current_setting('autovacuum_analyze_threshold')::float8
                     + current_setting('autovacuum_analyze_scale_factor')::float8 * GREATEST(c.reltuples, 0))::bigint AS changes
        FROM live AS l
        JOIN pg_class AS c ON c.oid = l.root
    )
    SELECT t.root, t.rows, t.changes, abs(t.rows - GREATEST(t.reltuples, 0)) > t.changes
    FROM threshold AS t
$body$;
COMMENT ON FUNCTION pggit_excellence._partitioned_facts(oid[]) IS
    'Internal: live rows of partitioned tables and whether the statistics of the parent itself are out of date.';

-- The time until a counter reaches its threshold, if it grows on as it did since the last vacuum.
--   counter, threshold  rows; vacuumed_at  when the counter was at 0
-- NULL: no vacuum known, no growth, or no threshold. At most 100 years.
-- Called for each table: everything is qualified instead of a SET, which would keep it from being inlined.
CREATE FUNCTION pggit_excellence._due_in(counter bigint, threshold bigint, vacuumed_at timestamptz)
RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$
    SELECT CASE WHEN threshold IS NOT NULL AND counter OPERATOR(pg_catalog.>) 0 AND vacuumed_at OPERATOR(pg_catalog.<) pg_catalog.statement_timestamp()
        THEN pg_catalog.make_interval(secs => LEAST(
            GREATEST(threshold OPERATOR(pg_catalog.+) 1 OPERATOR(pg_catalog.-) counter, 0)::pg_catalog.float8
                OPERATOR(pg_catalog./) counter::pg_catalog.float8
                OPERATOR(pg_catalog.*) EXTRACT(epoch FROM pg_catalog.statement_timestamp() OPERATOR(pg_catalog.-) vacuumed_at)::pg_catalog.float8,
            100::pg_catalog.float8 OPERATOR(pg_catalog.*) 31557600))
    END
$body$;
COMMENT ON FUNCTION pggit_excellence._due_in(bigint, bigint, timestamptz) IS
    'Internal: interval until a counter passes its threshold at the rate since vacuumed_at; NULL: not known.';

-- Which tables need a vacuum, by autovacuum's own arithmetic, and when the others will.
--   schemas  NULL: pgGit's own; ARRAY['*']: all but the system's
-- Reads catalogs and counters only and takes no lock on the tables.
CREATE FUNCTION pggit_excellence.vacuum_health(schemas text[] DEFAULT NULL)
RETURNS TABLE (
    table_name             text,
    last_vacuum            timestamptz,
    last_autovacuum        timestamptz,
    n_dead_tup             bigint,
    vacuum_recommended     boolean,
    reason                 text,
    mend_sql               text,
    due_in                 interval,
    n_live_tup             bigint,
    vacuum_threshold       bigint,
    n_ins_since_vacuum     bigint,
    insert_threshold       bigint,
    toast_n_dead_tup       bigint,
    toast_vacuum_threshold bigint,
    n_mod_since_analyze    bigint,
    analyze_threshold      bigint,
    analyze_recommended    boolean,
    xid_age                bigint,
    xid_age_limit          bigint,
    multixact_age          bigint,
    multixact_age_limit    bigint,
    autovacuum_enabled     boolean,
    vacuum_running         boolean,
    note                   text
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH scope AS MATERIALIZED (
        SELECT pggit_excellence._scope(schemas) AS oids
    ),
    server AS MATERIALIZED (
        SELECT pg_is_in_recovery() AS standby,
               current_setting('track_counts')::boolean AS counting,
               current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean AS autovacuum,
               (SELECT d.stats_reset FROM pg_stat_database AS d WHERE d.datname = current_database()) AS reset_at
    ),
    running AS MATERIALIZED (
        -- relid is NULL where privileges hide it; then IN says NULL, which is right.
        SELECT p.relid FROM pg_stat_progress_vacuum AS p WHERE p.datname = current_database()
    ),
    facts AS MATERIALIZED (
        SELECT f.* FROM scope AS s CROSS JOIN LATERAL pggit_excellence._vacuum_facts(s.oids) AS f
    ),
    judged AS MATERIALIZED (
        SELECT m.relid, m.n_live, m.n_dead, m.n_inserted, m.n_modified,
               m.vacuum_threshold, m.insert_threshold, m.analyze_threshold,
               m.dead_due, m.insert_due, m.analyze_due, m.vacuumed_at,
               t.n_dead AS toast_dead, t.vacuum_threshold AS toast_threshold,
               COALESCE(t.dead_due, false) AS toast_dead_due, COALESCE(t.insert_due, false) AS toast_insert_due,
               GREATEST(m.xid_age, t.xid_age) AS xid_age, LEAST(m.xid_limit, t.xid_limit) AS xid_limit,
               GREATEST(m.multixact_age, t.multixact_age) AS multixact_age,
               LEAST(m.multixact_limit, t.multixact_limit) AS multixact_limit,
               m.freeze_due OR COALESCE(t.freeze_due, false) AS freeze_due,
               m.failsafe_due OR COALESCE(t.failsafe_due, false) AS failsafe_due,
               m.autovacuum_enabled AND v.autovacuum AS autovacuum_enabled,
               m.autovacuum_enabled AS table_enabled,
               -- A standby and a server that does not count know nothing; no counter at all means nothing recorded.
               (m.active OR COALESCE(t.active, false)) AND NOT v.standby AND v.counting AS known,
               m.relid IN (SELECT r.relid FROM running AS r)
                   OR COALESCE(t.relid, m.relid) IN (SELECT r.relid FROM running AS r) AS vacuum_running,
               v.standby, v.counting, v.autovacuum, v.reset_at
        FROM facts AS m
        CROSS JOIN server AS v
        LEFT JOIN facts AS t ON t.table_oid = m.relid AND t.is_toast
        WHERE NOT m.is_toast
    ),
    worded AS MATERIALIZED (
        SELECT j.*,
               CASE WHEN j.freeze_due OR j.failsafe_due THEN true
                    WHEN j.known THEN j.dead_due OR j.insert_due OR j.toast_dead_due OR j.toast_insert_due
               END AS vacuum_due,
               CASE WHEN j.known THEN j.analyze_due END AS analyze_known_due,
               NULLIF(concat_ws('; ',
                   CASE WHEN j.failsafe_due THEN 'failsafe: past vacuum_failsafe_age, vacuum now does nothing but freeze' END,
                   CASE WHEN j.freeze_due AND j.xid_age > j.xid_limit
                        THEN format('freeze age: %s transactions, limit %s', j.xid_age, j.xid_limit) END,
                   CASE WHEN j.freeze_due AND j.multixact_age > j.multixact_limit
                        THEN format('freeze age: %s multixacts, limit %s', j.multixact_age, j.multixact_limit) END,
                   CASE WHEN j.known AND j.dead_due
                        THEN format('dead tuples: %s, threshold %s', j.n_dead, j.vacuum_threshold) END,
                   CASE WHEN j.known AND j.toast_dead_due
                        THEN format('dead tuples in TOAST: %s, threshold %s', j.toast_dead, j.toast_threshold) END,
                   CASE WHEN j.known AND j.insert_due
                        THEN format('inserts: %s, threshold %s', j.n_inserted, j.insert_threshold) END,
                   CASE WHEN j.known AND j.toast_insert_due THEN 'inserts in TOAST' END), '') AS reason,
               NULLIF(concat_ws('; ',
                   CASE WHEN j.standby THEN 'hot standby: the counters are on the primary; ages are right' END,
                   CASE WHEN NOT j.counting THEN 'track_counts is off: nothing is counted' END,
                   CASE WHEN NOT j.known AND NOT j.standby AND j.counting
                        THEN 'no statistics: nothing written or vacuumed since ' || COALESCE('the reset at ' || j.reset_at, 'they began') END,
                   CASE WHEN j.known AND j.vacuumed_at IS NULL AND j.reset_at IS NOT NULL
                        THEN 'counted since statistics were reset at ' || j.reset_at || '; what was before is not known' END,
                   CASE WHEN NOT j.autovacuum AND NOT j.standby THEN 'autovacuum is off on this server' END,
                   CASE WHEN NOT j.table_enabled THEN 'autovacuum is off for this table' END), '') AS note
        FROM judged AS j
    ),
    partitioned AS (
        SELECT p.* FROM scope AS s CROSS JOIN LATERAL pggit_excellence._partitioned_facts(s.oids) AS p
    ),
    result AS (
        SELECT w.relid,
               w.n_dead, w.vacuum_due, w.reason, w.vacuumed_at, w.n_live, w.vacuum_threshold, w.n_inserted, w.insert_threshold,
               w.toast_dead, w.toast_threshold, w.n_modified, w.analyze_threshold, w.analyze_known_due AS analyze_due,
               w.xid_age, w.xid_limit, w.multixact_age, w.multixact_limit, w.autovacuum_enabled, w.vacuum_running, w.note,
               w.known,
               -- FREEZE makes sure that the age falls, also where a plain VACUUM would skip pages.
               NULLIF(concat_ws(', ',
                   CASE WHEN w.freeze_due OR w.failsafe_due THEN 'FREEZE' END,
                   CASE WHEN w.analyze_known_due THEN 'ANALYZE' END), '') AS vacuum_options
        FROM worded AS w
        UNION ALL
        SELECT p.table_oid,
               NULL, false, NULL, NULL, p.n_live, NULL, NULL, NULL,
               NULL, NULL, NULL, p.analyze_threshold, CASE WHEN v.standby OR NOT v.counting THEN NULL ELSE p.analyze_due END,
               NULL, NULL, NULL, NULL, false, false,
               'partitioned: the partitions hold the rows and are vacuumed one by one; autovacuum never analyzes the parent',
               NOT v.standby AND v.counting, NULL
        FROM partitioned AS p
        CROSS JOIN server AS v
    ),
    named AS (
        SELECT format('%I.%I', n.nspname, c.relname) AS name, r.*
        FROM result AS r
        JOIN pg_class AS c ON c.oid = r.relid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
    )
    SELECT n.name,
           pg_stat_get_last_vacuum_time(n.relid), pg_stat_get_last_autovacuum_time(n.relid),
           CASE WHEN n.known THEN n.n_dead END,
           n.vacuum_due,
           n.reason,
           CASE WHEN n.vacuum_due THEN 'VACUUM ' || COALESCE('(' || n.vacuum_options || ') ', '') || n.name
                WHEN n.analyze_due THEN 'ANALYZE ' || n.name
           END,
           CASE WHEN n.vacuum_due THEN interval '0'
                WHEN n.known THEN LEAST(
                    pggit_excellence._due_in(n.n_dead, n.vacuum_threshold, n.vacuumed_at),
                    pggit_excellence._due_in(n.n_inserted, n.insert_threshold, n.vacuumed_at))
           END,
           CASE WHEN n.known THEN n.n_live END, n.vacuum_threshold,
           CASE WHEN n.known THEN n.n_inserted END, n.insert_threshold,
           CASE WHEN n.known THEN n.toast_dead END, n.toast_threshold,
           CASE WHEN n.known THEN n.n_modified END, n.analyze_threshold, n.analyze_due,
           n.xid_age, n.xid_limit, n.multixact_age, n.multixact_limit,
           n.autovacuum_enabled, n.vacuum_running, n.note
    FROM named AS n
    ORDER BY n.vacuum_due DESC NULLS LAST, n.analyze_due DESC NULLS LAST, n.name COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.vacuum_health(text[]) IS
$comment$Which tables need VACUUM or ANALYZE by autovacuum's own arithmetic (options of the table over settings), and when the others will.
Rows: tables, materialized views and partitioned tables of the schemas (NULL: pgGit's; {*}: all but the system's); TOAST counts with its table.
last_vacuum, last_autovacuum: NULL = not since statistics began. n_dead_tup: dead rows; NULL = no statistics (note says why).
vacuum_recommended: NULL = not known. reason: why, NULL = not recommended. mend_sql: the statement to run.
due_in: time until recommended at the rate since the last vacuum, at most 100 years; NULL = rate not known or no growth.
n_live_tup, n_ins_since_vacuum, n_mod_since_analyze, toast_n_dead_tup: rows. *_threshold: the count above which autovacuum acts (NULL insert_threshold: disabled).
xid_age, multixact_age: the older of table and TOAST, in transactions; *_limit: the age above which autovacuum freezes (the stricter of both).
The multixact limit falls further when multixact members run short; the server does not show by how much.
autovacuum_enabled: false = off for the table or on the server (freezing happens nevertheless). vacuum_running: NULL = hidden, needs pg_read_all_stats.
Source: pg_class and the cumulative statistics. Takes no lock on the tables.$comment$;
