\set SHOW_CONTEXT never
-- Vacuum, cache, connections and host: what comes back, and the errors.
SET client_min_messages = warning;
CREATE EXTENSION pggit_excellence;
CREATE SCHEMA "Diag.nostics";
CREATE TABLE "Diag.nostics"."T""1" (i integer PRIMARY KEY, b text)
    WITH (autovacuum_vacuum_threshold = 10, autovacuum_vacuum_scale_factor = 0.5,
          autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 3, autovacuum_analyze_scale_factor = 0);
CREATE TABLE "Diag.nostics".parent (i integer) PARTITION BY LIST (i);

-- Nothing was ever counted, so nothing is known.
SELECT table_name, n_dead_tup, vacuum_recommended, vacuum_threshold, insert_threshold, analyze_threshold, reason, mend_sql
FROM pggit_excellence.vacuum_health(ARRAY['Diag.nostics']) WHERE table_name LIKE '%"T""1"';
-- A partitioned table holds no rows itself.
SELECT table_name, n_dead_tup, vacuum_recommended, vacuum_threshold, n_live_tup, analyze_recommended, note
FROM pggit_excellence.vacuum_health(ARRAY['Diag.nostics']) WHERE table_name LIKE '%parent';

-- A cache without traffic has no ratio.
SELECT table_name, heap_read, heap_hit, hit_ratio, index_hit_ratio, toast_hit_ratio, recent_hit_ratio, note
FROM pggit_excellence.cache_hit_ratio(ARRAY['Diag.nostics']);

-- The server's own session is there; nobody is blocked.
SELECT count >= 1 AS counted, avg_duration >= interval '0' AS measured, note
FROM pggit_excellence.connection_stats() WHERE state = 'active';
SELECT scope, name, used BETWEEN 1 AND usable AS used_some, percent IS NOT NULL AS measured
FROM pggit_excellence.connection_saturation() WHERE scope = 'server';
SELECT status FROM pggit_excellence.connection_saturation(0, 1000) WHERE scope = 'server';
SELECT count(*) AS rows FROM pggit_excellence.idle_in_transaction() WHERE pid = pg_backend_pid();
SELECT count(*) AS rows FROM pggit_excellence.blocking_tree() WHERE pid = pg_backend_pid();
SELECT count(*) AS rows FROM pggit_excellence.xmin_holders() WHERE pid = pg_backend_pid();

-- Without the companion the host is unknown, and a row says how to see it.
SELECT helper, status, note FROM pggit_excellence.host_report();

-- Errors.
SELECT * FROM pggit_excellence.vacuum_health();
SELECT * FROM pggit_excellence.cache_hit_ratio(ARRAY['nowhere']);

DROP SCHEMA "Diag.nostics" CASCADE;
DROP EXTENSION pggit_excellence;
