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

-- What autovacuum goes by: one row of the server's settings (relid 0), and one for each of the relations that has options
-- of its own, where the options replace the settings. A maximum or an insert threshold that is switched off is NULL.
CREATE FUNCTION pggit_excellence._autovacuum_options(relations oid[])
RETURNS TABLE (
    relid           oid,
    enabled         boolean,
    vacuum_base     float8,
    vacuum_factor   float8,
    vacuum_max      float8,
    insert_base     float8,
    insert_factor   float8,
    analyze_base    float8,
    analyze_factor  float8,
    xid_limit       bigint,
    multixact_limit bigint
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH setting AS MATERIALIZED (
        SELECT current_setting('autovacuum_vacuum_threshold')::float8 AS vacuum_base,
               current_setting('autovacuum_vacuum_scale_factor')::float8 AS vacuum_factor,
               -- PostgreSQL 18 and newer.
               current_setting('autovacuum_vacuum_max_threshold', true)::float8 AS vacuum_max,
               current_setting('autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
               current_setting('autovacuum_vacuum_insert_scale_factor')::float8 AS insert_factor,
               current_setting('autovacuum_analyze_threshold')::float8 AS analyze_base,
               current_setting('autovacuum_analyze_scale_factor')::float8 AS analyze_factor,
               current_setting('autovacuum_freeze_max_age')::bigint AS xid_limit,
               current_setting('autovacuum_multixact_freeze_max_age')::bigint AS multixact_limit
    ),
    option AS (
        SELECT c.oid AS relid, o.option_name AS name, o.option_value AS value
        FROM pg_class AS c
        CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o
        WHERE c.oid = ANY (relations)
        UNION ALL
        SELECT 0, NULL, NULL
    ),
    chosen AS (
        SELECT o.relid,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_enabled')::boolean AS enabled,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_vacuum_threshold')::float8 AS vacuum_base,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_vacuum_scale_factor')::float8 AS vacuum_factor,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_vacuum_max_threshold')::float8 AS vacuum_max,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_vacuum_insert_scale_factor')::float8 AS insert_factor,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_analyze_threshold')::float8 AS analyze_base,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_analyze_scale_factor')::float8 AS analyze_factor,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_freeze_max_age')::float8 AS xid_limit,
               max(o.value) FILTER (WHERE o.name = 'autovacuum_multixact_freeze_max_age')::float8 AS multixact_limit
        FROM option AS o
        GROUP BY o.relid
    ),
    effective AS (
        SELECT c.relid, COALESCE(c.enabled, true) AS enabled,
               COALESCE(c.vacuum_base, s.vacuum_base) AS vacuum_base, COALESCE(c.vacuum_factor, s.vacuum_factor) AS vacuum_factor,
               COALESCE(c.vacuum_max, s.vacuum_max) AS vacuum_max,
               COALESCE(c.insert_base, s.insert_base) AS insert_base, COALESCE(c.insert_factor, s.insert_factor) AS insert_factor,
               COALESCE(c.analyze_base, s.analyze_base) AS analyze_base, COALESCE(c.analyze_factor, s.analyze_factor) AS analyze_factor,
               -- A table can only be stricter than the server here.
               LEAST(c.xid_limit, s.xid_limit) AS xid_limit, LEAST(c.multixact_limit, s.multixact_limit) AS multixact_limit
        FROM chosen AS c
        CROSS JOIN setting AS s
    )
    SELECT e.relid, e.enabled, e.vacuum_base, e.vacuum_factor, CASE WHEN e.vacuum_max >= 0 THEN e.vacuum_max END,
           CASE WHEN e.insert_base >= 0 THEN e.insert_base END, e.insert_factor, e.analyze_base, e.analyze_factor,
           e.xid_limit::bigint, e.multixact_limit::bigint
    FROM effective AS e
$body$;
COMMENT ON FUNCTION pggit_excellence._autovacuum_options(oid[]) IS
    'Internal: effective autovacuum settings, of the server (relid 0) and of each of the relations that has options.';

-- What autovacuum looks at, for each table and materialized view in the schemas, with its TOAST table. The arithmetic is
-- autovacuum's.
--   *_due         the counter is above its threshold
--   freeze_due    autovacuum vacuums whatever else is set, to freeze
--   failsafe_due  vacuum drops everything but freezing
-- Ages and limits are those of the table or of its TOAST, whichever is nearer to its limit.
CREATE FUNCTION pggit_excellence._vacuum_facts(scope oid[])
RETURNS TABLE (
    table_name         text,
    relid              oid,
    toast              oid,
    active             boolean,
    autovacuum_enabled boolean,
    vacuumed_at        timestamptz,
    n_live             bigint,
    n_dead             bigint,
    n_inserted         bigint,
    n_modified         bigint,
    toast_dead         bigint,
    vacuum_threshold   bigint,
    insert_threshold   bigint,
    analyze_threshold  bigint,
    toast_threshold    bigint,
    xid_age            bigint,
    xid_limit          bigint,
    multixact_age      bigint,
    multixact_limit    bigint,
    dead_due           boolean,
    insert_due         boolean,
    analyze_due        boolean,
    toast_dead_due     boolean,
    toast_insert_due   boolean,
    freeze_due         boolean,
    failsafe_due       boolean
)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
-- The planner cannot know how many tables the schemas have, nor how few have frozen pages, and would sort for nothing.
SET enable_mergejoin = off
AS $body$
    -- MATERIALIZED where an expression would otherwise be computed again at each use, for each table.
    WITH frozen AS MATERIALIZED (
        SELECT f.* FROM pggit_excellence._frozen_pages() AS f
    ),
    tables AS MATERIALIZED (
        SELECT format('%I.%I', n.nspname, c.relname) AS table_name, c.oid AS relid, t.oid AS toast,
               -- Whose options count: 0 stands for the settings; TOAST without options takes its table's.
               CASE WHEN c.reloptions IS NULL THEN 0 ELSE c.oid END AS options_of,
               CASE WHEN t.reloptions IS NOT NULL THEN t.oid WHEN c.reloptions IS NULL THEN 0 ELSE c.oid END AS toast_options_of,
               GREATEST(c.reltuples, 0)::float8 AS rows, NULLIF(c.relpages, 0) AS pages,
               GREATEST(t.reltuples, 0)::float8 AS toast_rows, NULLIF(t.relpages, 0) AS toast_pages,
               age(c.relfrozenxid)::bigint AS xid_age, mxid_age(c.relminmxid)::bigint AS multixact_age,
               age(t.relfrozenxid)::bigint AS toast_xid_age, mxid_age(t.relminmxid)::bigint AS toast_multixact_age
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        -- All of them are TOAST tables; saying so keeps the others out of the join.
        LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid AND t.relkind = 't'
        WHERE c.relnamespace = ANY (scope) AND c.relkind IN ('r', 'm')
    ),
    options AS MATERIALIZED (
        SELECT o.* FROM pggit_excellence._autovacuum_options(ARRAY(
            SELECT x.relid FROM tables AS t CROSS JOIN LATERAL (VALUES (t.options_of), (t.toast_options_of)) AS x (relid)
            WHERE x.relid <> 0)) AS o
    ),
    failsafe AS MATERIALIZED (
        SELECT GREATEST(current_setting('vacuum_failsafe_age')::bigint, 1.05 * o.xid_limit) AS xid,
               GREATEST(current_setting('vacuum_multixact_failsafe_age')::bigint, 1.05 * o.multixact_limit) AS multixact
        FROM options AS o
        WHERE o.relid = 0
    ),
    counted AS MATERIALIZED (
        SELECT t.*, o.enabled, o.xid_limit, o.multixact_limit, x.xid_limit AS toast_xid_limit, x.multixact_limit AS toast_multixact_limit,
               -- n > 50.7 and n > 50 are the same for a count.
               floor(LEAST(o.vacuum_base + o.vacuum_factor * t.rows, o.vacuum_max))::bigint AS vacuum_threshold,
               floor(LEAST(x.vacuum_base + x.vacuum_factor * t.toast_rows, x.vacuum_max))::bigint AS toast_threshold,
               -- From 18 on the scale factor takes only the part that is not frozen.
               floor(o.insert_base + o.insert_factor * t.rows
                     * GREATEST(1 - COALESCE(f.pages::float8 / t.pages, 0), 0))::bigint AS insert_threshold,
               floor(x.insert_base + x.insert_factor * t.toast_rows
                     * GREATEST(1 - COALESCE(tf.pages::float8 / t.toast_pages, 0), 0))::bigint AS toast_insert_threshold,
               floor(o.analyze_base + o.analyze_factor * t.rows)::bigint AS analyze_threshold,
               pg_stat_get_live_tuples(t.relid) AS n_live,
               pg_stat_get_dead_tuples(t.relid) AS n_dead,
               pg_stat_get_ins_since_vacuum(t.relid) AS n_inserted,
               pg_stat_get_mod_since_analyze(t.relid) AS n_modified,
               pg_stat_get_dead_tuples(t.toast) AS toast_dead,
               pg_stat_get_ins_since_vacuum(t.toast) AS toast_inserted,
               GREATEST(pg_stat_get_last_vacuum_time(t.relid), pg_stat_get_last_autovacuum_time(t.relid)) AS vacuumed_at,
               -- Products instead of quotients: which of the two has used more of its limit.
               COALESCE(t.toast_xid_age * o.xid_limit > t.xid_age * x.xid_limit, false) AS toast_xid_first,
               COALESCE(t.toast_multixact_age * o.multixact_limit > t.multixact_age * x.multixact_limit, false) AS toast_multixact_first
        FROM tables AS t
        JOIN options AS o ON o.relid = t.options_of
        LEFT JOIN options AS x ON x.relid = t.toast_options_of AND t.toast IS NOT NULL
        LEFT JOIN frozen AS f ON f.relid = t.relid
        LEFT JOIN frozen AS tf ON tf.relid = t.toast
    ),
    aged AS (
        SELECT c.*,
               CASE WHEN c.toast_xid_first THEN c.toast_xid_age ELSE c.xid_age END AS first_xid_age,
               CASE WHEN c.toast_xid_first THEN c.toast_xid_limit ELSE c.xid_limit END AS first_xid_limit,
               CASE WHEN c.toast_multixact_first THEN c.toast_multixact_age ELSE c.multixact_age END AS first_multixact_age,
               CASE WHEN c.toast_multixact_first THEN c.toast_multixact_limit ELSE c.multixact_limit END AS first_multixact_limit
        FROM counted AS c
    )
    SELECT a.table_name, a.relid, a.toast,
           a.n_live > 0 OR a.n_dead > 0 OR a.n_inserted > 0 OR a.n_modified > 0 OR a.vacuumed_at IS NOT NULL
               OR COALESCE(a.toast_dead > 0, false)
               OR pg_stat_get_tuples_inserted(a.relid) > 0 OR pg_stat_get_last_analyze_time(a.relid) IS NOT NULL
               OR pg_stat_get_last_autoanalyze_time(a.relid) IS NOT NULL,
           a.enabled, a.vacuumed_at, a.n_live, a.n_dead, a.n_inserted, a.n_modified, a.toast_dead,
           a.vacuum_threshold, a.insert_threshold, a.analyze_threshold, a.toast_threshold,
           a.first_xid_age, a.first_xid_limit, a.first_multixact_age, a.first_multixact_limit,
           a.n_dead > a.vacuum_threshold,
           COALESCE(a.n_inserted > a.insert_threshold, false),
           a.n_modified > a.analyze_threshold,
           COALESCE(a.toast_dead > a.toast_threshold, false),
           COALESCE(a.toast_inserted > a.toast_insert_threshold, false),
           a.first_xid_age > a.first_xid_limit OR a.first_multixact_age > a.first_multixact_limit,
           GREATEST(a.xid_age, a.toast_xid_age) > f.xid OR GREATEST(a.multixact_age, a.toast_multixact_age) > f.multixact
    FROM aged AS a
    CROSS JOIN failsafe AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._vacuum_facts(oid[]) IS
    'Internal: counters, ages and effective thresholds of tables with their TOAST.';

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
        FROM pg_partitioned_table AS p
        JOIN pg_class AS c ON c.oid = p.partrelid
        WHERE c.relnamespace = ANY (scope)
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
    state AS (
        SELECT pg_is_in_recovery() AS standby,
               current_setting('track_counts')::boolean AS counting,
               current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean AS autovacuum,
               (SELECT date_trunc('second', d.stats_reset) FROM pg_stat_database AS d WHERE d.datname = current_database()) AS reset_at
    ),
    server AS MATERIALIZED (
        -- The words that tables share are put together once.
        SELECT s.autovacuum, s.counting AND NOT s.standby AS counting,
               CASE WHEN s.standby THEN 'hot standby: the counters are on the primary; ages are right'
                    WHEN NOT s.counting THEN 'track_counts is off: nothing is counted'
                    WHEN NOT s.autovacuum THEN 'autovacuum is off on this server'
               END AS note,
               'no statistics: nothing written or vacuumed since ' || COALESCE('the reset at ' || s.reset_at, 'they began') AS untouched,
               'counted since statistics were reset at ' || s.reset_at || '; what was before is not known' AS just_reset
        FROM state AS s
    ),
    running AS MATERIALIZED (
        -- relid is NULL where privileges hide it; then IN says NULL, which is right.
        SELECT p.relid FROM pg_stat_progress_vacuum AS p WHERE p.datname = current_database()
    ),
    judged AS (
        SELECT f.*, v.autovacuum,
               -- A standby and a server that does not count know nothing; no counter at all means nothing recorded.
               f.active AND v.counting AS known,
               f.dead_due OR f.insert_due OR f.toast_dead_due OR f.toast_insert_due AS counter_due,
               f.freeze_due OR f.failsafe_due AS must_freeze,
               CASE WHEN v.counting AND NOT f.active THEN v.untouched
                    WHEN v.counting AND f.vacuumed_at IS NULL THEN v.just_reset
               END AS statistics_note,
               v.note AS server_note,
               f.relid IN (SELECT r.relid FROM running AS r)
                   OR COALESCE(f.toast, f.relid) IN (SELECT r.relid FROM running AS r) AS vacuum_running
        FROM scope AS s
        CROSS JOIN LATERAL pggit_excellence._vacuum_facts(s.oids) AS f
        CROSS JOIN server AS v
    ),
    worded AS (
        SELECT j.*,
               CASE WHEN j.must_freeze THEN true WHEN j.known THEN j.counter_due END AS vacuum_due,
               CASE WHEN j.known THEN j.analyze_due END AS analyze_known_due,
               CASE WHEN j.must_freeze OR j.known AND j.counter_due THEN concat_ws('; ',
                   CASE WHEN j.failsafe_due THEN 'failsafe: past vacuum_failsafe_age, vacuum now does nothing but freeze' END,
                   CASE WHEN j.xid_age > j.xid_limit
                        THEN format('freeze age: %s transactions, limit %s', j.xid_age, j.xid_limit) END,
                   CASE WHEN j.multixact_age > j.multixact_limit
                        THEN format('freeze age: %s multixacts, limit %s', j.multixact_age, j.multixact_limit) END,
                   CASE WHEN j.known AND j.dead_due
                        THEN format('dead tuples: %s, threshold %s', j.n_dead, j.vacuum_threshold) END,
                   CASE WHEN j.known AND j.toast_dead_due
                        THEN format('dead tuples in TOAST: %s, threshold %s', j.toast_dead, j.toast_threshold) END,
                   CASE WHEN j.known AND j.insert_due
                        THEN format('inserts: %s, threshold %s', j.n_inserted, j.insert_threshold) END,
                   CASE WHEN j.known AND j.toast_insert_due THEN 'inserts in TOAST' END)
               END AS reason,
               CASE WHEN j.statistics_note IS NOT NULL OR j.server_note IS NOT NULL OR NOT j.autovacuum_enabled
                    THEN concat_ws('; ', j.server_note, j.statistics_note,
                        CASE WHEN NOT j.autovacuum_enabled THEN 'autovacuum is off for this table' END)
               END AS note
        FROM judged AS j
    ),
    partitioned AS (
        SELECT p.* FROM scope AS s CROSS JOIN LATERAL pggit_excellence._partitioned_facts(s.oids) AS p
    ),
    result AS (
        -- With the collation of the order here, the sort needs no second copy of the name.
        SELECT w.table_name COLLATE "C" AS name, w.relid, w.toast,
               w.n_dead, w.vacuum_due, w.reason, w.vacuumed_at, w.n_live, w.vacuum_threshold, w.n_inserted, w.insert_threshold,
               w.toast_dead, w.toast_threshold, w.n_modified, w.analyze_threshold, w.analyze_known_due AS analyze_due,
               w.xid_age, w.xid_limit, w.multixact_age, w.multixact_limit, w.autovacuum_enabled AND w.autovacuum AS autovacuum_enabled,
               w.vacuum_running, w.note, w.known,
               -- FREEZE makes sure that the age falls, also where a plain VACUUM would skip pages.
               CASE WHEN w.must_freeze AND w.analyze_known_due THEN '(FREEZE, ANALYZE) '
                    WHEN w.must_freeze THEN '(FREEZE) '
                    WHEN w.analyze_known_due THEN '(ANALYZE) '
                    ELSE ''
               END AS vacuum_options
        FROM worded AS w
        UNION ALL
        SELECT format('%I.%I', n.nspname, c.relname) COLLATE "C", p.table_oid, NULL,
               NULL, false, NULL, NULL, p.n_live, NULL, NULL, NULL,
               NULL, NULL, NULL, p.analyze_threshold, CASE WHEN v.counting THEN p.analyze_due END,
               NULL, NULL, NULL, NULL, false, false,
               'partitioned: the partitions hold the rows and are vacuumed one by one; autovacuum never analyzes the parent',
               v.counting, NULL
        FROM partitioned AS p
        JOIN pg_class AS c ON c.oid = p.table_oid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN server AS v
    )
    SELECT r.name,
           pg_stat_get_last_vacuum_time(r.relid), pg_stat_get_last_autovacuum_time(r.relid),
           CASE WHEN r.known THEN r.n_dead END,
           r.vacuum_due,
           r.reason,
           CASE WHEN r.vacuum_due THEN 'VACUUM ' || r.vacuum_options || r.name
                WHEN r.analyze_due THEN 'ANALYZE ' || r.name
           END,
           CASE WHEN r.vacuum_due THEN interval '0'
                WHEN r.known THEN LEAST(
                    pggit_excellence._due_in(r.n_dead, r.vacuum_threshold, r.vacuumed_at),
                    pggit_excellence._due_in(r.n_inserted, r.insert_threshold, r.vacuumed_at),
                    pggit_excellence._due_in(r.toast_dead, r.toast_threshold, GREATEST(
                        pg_stat_get_last_vacuum_time(r.toast), pg_stat_get_last_autovacuum_time(r.toast))))
           END,
           CASE WHEN r.known THEN r.n_live END, r.vacuum_threshold,
           CASE WHEN r.known THEN r.n_inserted END, r.insert_threshold,
           CASE WHEN r.known THEN r.toast_dead END, r.toast_threshold,
           CASE WHEN r.known THEN r.n_modified END, r.analyze_threshold, r.analyze_due,
           r.xid_age, r.xid_limit, r.multixact_age, r.multixact_limit,
           r.autovacuum_enabled, r.vacuum_running, r.note
    FROM result AS r
    ORDER BY r.vacuum_due DESC NULLS LAST, r.analyze_due DESC NULLS LAST, r.name
$body$;
COMMENT ON FUNCTION pggit_excellence.vacuum_health(text[]) IS
$comment$Which tables need VACUUM or ANALYZE by autovacuum's own arithmetic (options of the table over settings), and when the others will.
Rows: tables, materialized views and partitioned tables of the schemas (NULL: pgGit's; {*}: all but the system's); TOAST counts with its table.
last_vacuum, last_autovacuum: NULL = not since statistics began. n_dead_tup: dead rows; NULL = no statistics (note says why).
vacuum_recommended: NULL = not known. reason: why, NULL = not recommended. mend_sql: the statement to run.
due_in: time until recommended at the rate since the last vacuum (dead rows, inserts, dead rows of TOAST: the first of them), at most 100 years; NULL = rate not known or no growth.
n_live_tup, n_ins_since_vacuum, n_mod_since_analyze, toast_n_dead_tup: rows. *_threshold: the count above which autovacuum acts (NULL insert_threshold: disabled).
xid_age, multixact_age: age in transactions; *_limit: the age above which autovacuum freezes; of the table or its TOAST, whichever is nearer to its limit.
The multixact limit falls further when multixact members run short; the server does not show by how much.
autovacuum_enabled: false = off for the table or on the server (freezing happens nevertheless). vacuum_running: NULL = hidden, needs pg_read_all_stats.
Source: pg_class and the cumulative statistics. Takes no lock on the tables.$comment$;
