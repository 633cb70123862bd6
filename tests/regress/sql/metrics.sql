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
SELECT pggit_excellence.record_metric('x_ms', 1, sample_count => 0);
SELECT pggit_excellence.record_metric('x_ms', 1, recorded_at => '1999-12-31 23:59:59+00');
\set VERBOSITY sqlstate
SELECT pggit_excellence.record_metric('x_ms', 1, recorded_at => clock_timestamp() + interval '301 s');
\set VERBOSITY default
\set VERBOSITY terse
INSERT INTO pggit_excellence.performance_metrics VALUES ('x', 'NaN');
\set VERBOSITY default

-- Roll-ups: the same answer before and after, exact counts, nothing twice.
SELECT count(pggit_excellence.record_metric('rolled', v, recorded_at => now(), sample_count => 3))
FROM generate_series(-50, 49) AS v;
SELECT percentile, round(value::numeric, 6), sample_count, note
FROM pggit_excellence.metric_percentiles('rolled', percentiles => '{0,0.25,1}');
SELECT task, affected > 100 AS affected, note FROM pggit_excellence.maintain();
SELECT percentile, round(value::numeric, 6), sample_count, note
FROM pggit_excellence.metric_percentiles('rolled', percentiles => '{0,0.25,1}');
SELECT affected FROM pggit_excellence.maintain();
SELECT resolution, sample_count, value_sum, value_min, value_max, (SELECT sum(c) FROM unnest(bucket_counts) AS c)
FROM pggit_excellence.metric_rollups WHERE metric_type = 'rolled' ORDER BY resolution COLLATE "C";
SELECT rolled_up, count(*) FROM pggit_excellence.performance_metrics GROUP BY rolled_up;
SELECT * FROM pggit_excellence.metric_percentiles('unknown');
SELECT * FROM pggit_excellence.metric_percentiles('rolled', '2026-01-01 00:00:01+00', '2026-01-01 00:00:59+00', '{0.5}');

-- What cannot be maintained or asked.
SELECT * FROM pggit_excellence.maintain(0);
SELECT * FROM pggit_excellence.maintain(NULL);
SELECT * FROM pggit_excellence.maintain(keep_samples => '1 hour');
SELECT * FROM pggit_excellence.maintain(keep_minutes => '10 days', keep_hours => '9 days');
SELECT * FROM pggit_excellence.maintain(keep_days => NULL);
BEGIN READ ONLY;
SELECT * FROM pggit_excellence.maintain();
ROLLBACK;
SELECT * FROM pggit_excellence.metric_percentiles(NULL);
SELECT * FROM pggit_excellence.metric_percentiles('x', percentiles => '{0.5,1.1}');
SELECT * FROM pggit_excellence.metric_percentiles('x', percentiles => '{NaN}');
SELECT * FROM pggit_excellence.metric_percentiles('x', percentiles => '{NULL}');
SET timezone = 'UTC';
SELECT * FROM pggit_excellence.metric_percentiles('x', '2026-02-01 00:00+00', '2026-01-01 00:00+00');

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
