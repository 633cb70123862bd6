\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION pggit_excellence;

-- Durations over the threshold, on average or once, in the last hour.
SELECT pggit_excellence.record_metric('ddl_tracking_ms', v) FROM unnest(ARRAY[50, 150, 400]) AS v;
SELECT pggit_excellence.record_metric('once_slow_ms', v, '{"command": "DROP"}') FROM unnest(ARRAY[1, 1, 101]) AS v;
SELECT pggit_excellence.record_metric('fast_ms', 100);
SELECT pggit_excellence.record_metric('objects', 14000, NULL);
SELECT pggit_excellence.record_metric('drift', -3.5);
INSERT INTO pggit_excellence.performance_metrics (metric_type, metric_value, recorded_at)
VALUES ('old_ms', 999, now() - interval '61 minutes'), ('future_ms', 999, now() + interval '1 day');

SELECT query_type, avg_duration_ms, max_duration_ms, call_count, total_time_ms
FROM pggit_excellence.analyze_slow_queries(100) WHERE source = 'performance_metrics';
SELECT query_type FROM pggit_excellence.analyze_slow_queries(0, since => NULL) WHERE source = 'performance_metrics';
SELECT metric_type, metric_value, tags FROM pggit_excellence.performance_metrics
WHERE metric_type !~ '_ms$' ORDER BY metric_type;

-- What cannot be a sample.
SELECT pggit_excellence.record_metric(NULL, 1);
SELECT pggit_excellence.record_metric('x_ms', NULL);
SELECT pggit_excellence.record_metric('', 1);
SELECT pggit_excellence.record_metric('x_ms', 'NaN');
SELECT pggit_excellence.record_metric('x', '-Infinity');
SELECT pggit_excellence.record_metric('x_ms', -0.001);
SELECT pggit_excellence.record_metric('x_ms', 1, '[1]');
\set VERBOSITY terse
INSERT INTO pggit_excellence.performance_metrics VALUES ('x', 'NaN');
\set VERBOSITY default

-- What cannot be a threshold or a window.
SELECT pggit_excellence.analyze_slow_queries(-1);
SELECT pggit_excellence.analyze_slow_queries(NULL);
SELECT pggit_excellence.analyze_slow_queries('NaN');
SELECT pggit_excellence.analyze_slow_queries(since => '0');
SELECT pggit_excellence.slow_statements('-1 hour');
SELECT pggit_excellence.slow_statements(query_length => 0);
SELECT pggit_excellence.slow_statements(all_databases => NULL);
SELECT pggit_excellence.purge_snapshots('-1 day');
SELECT pggit_excellence.purge_snapshots(NULL);

-- Without pg_stat_statements in this database there is one row, and it says what to do.
SELECT count(*), bool_and(note LIKE '%CREATE EXTENSION pg_stat_statements%' AND query IS NULL) AS says_what_to_do
FROM pggit_excellence.slow_statements();
SELECT query_type, call_count, source FROM pggit_excellence.analyze_slow_queries(100) WHERE note IS NOT NULL;

-- Snapshots: the tables that had traffic; the counters of statements where there are any.
CREATE TABLE "Odd.""Name" AS SELECT g FROM generate_series(1, 10) AS g;
SELECT count(*) FROM "Odd.""Name";
SELECT pggit_excellence.take_snapshot();
SELECT pggit_excellence.take_snapshot();
SELECT snapshot_id, taken_at > postmaster_started_at AS later, statements_complete FROM pggit_excellence.snapshots ORDER BY 1;
SELECT pggit_excellence.purge_snapshots();
UPDATE pggit_excellence.snapshots SET taken_at = taken_at - interval '8 days' WHERE snapshot_id = 1;
SELECT pggit_excellence.purge_snapshots();
SELECT snapshot_id FROM pggit_excellence.snapshots;
SELECT count(*) FROM pggit_excellence.table_io_snapshots WHERE snapshot_id = 1;
BEGIN READ ONLY;
SELECT pggit_excellence.take_snapshot();
ROLLBACK;

-- How statements are grouped.
SELECT pggit_excellence._query_type(q, 7) FROM (VALUES
    (1, 'SELECT pggit.get_version($1)'),
    (2, E'/* a; b */ -- c\n  ( select * from PGGIT_v0.create_branch ($1, $2)'),
    (3, 'SELECT id FROM pggit.objects AS o WHERE o.full_name = $1 AND o.is_active AND o.branch_name = $2'),
    (4, 'INSERT INTO pggit.history (object_id) VALUES ($1)'),
    (5, 'CREATE TABLE pggit.x (id int)'),
    (6, 'create  or replace temp view v as select 1'),
    (7, 'CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)'),
    (8, 'DROP MATERIALIZED VIEW m'),
    (9, 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO x'),
    (10, 'GRANT SELECT ON t TO x'),
    (11, 'SELECT $1'),
    (12, 'SELECT a FROM "Other".pggits')
) AS v (n, q) ORDER BY n;

DROP TABLE "Odd.""Name";
DROP EXTENSION pggit_excellence;
