\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION pggit_excellence;
-- No time in the notes.
UPDATE pggit_excellence.slo_objectives SET counted_since = '2000-01-01 00:00+00' WHERE kind = 'events';

-- The promises, and what is known of them without a sample.
SELECT objective, metric_type, kind, comparison, threshold, target, slo_window, minimum_events, enabled, is_default
FROM pggit_excellence.slo_objectives ORDER BY objective;
SELECT objective, indicator, good, total, attained, status, budget_remaining, current_value, note FROM pggit_excellence.slo_status();
SELECT * FROM pggit_excellence.error_budget('90 days');
SELECT count(*), bool_or(firing) AS firing, count(long_burn_rate) AS rates FROM pggit_excellence.burn_alerts();

-- Samples: rolled up, and not.
SELECT pggit_excellence.record_metric('ddl_tracking_ms', 49.9, sample_count => 90);
SELECT pggit_excellence.record_metric('ddl_tracking_ms', 50, sample_count => 7);
SELECT pggit_excellence.record_metric('tracked_objects', 10000);
SELECT task, affected, note FROM pggit_excellence.maintain();
SELECT pggit_excellence.record_metric('ddl_tracking_ms', 120, sample_count => 3);
SELECT pggit_excellence.record_metric('tracked_objects', 10001);
SELECT objective, good, total, attained, status, budget_remaining, current_value
FROM pggit_excellence.slo_status() WHERE metric_type IN ('ddl_tracking_ms', 'tracked_objects');
SELECT objective, good, total, bad, allowed_bad, consumed, remaining, note FROM pggit_excellence.error_budget() WHERE total > 0;
SELECT objective, severity, burn_rate_threshold, long_window, short_window, long_burn_rate, short_burn_rate, firing, note
FROM pggit_excellence.burn_alerts() WHERE objective LIKE 'ddl_tracking%';
SELECT objective, good, total, attained, status, budget_consumed, note
FROM pggit_excellence.slo_report('2020-01-01 00:00+00') WHERE status <> 'no_data';

-- Making, changing, dropping: what is counted stays counted.
SELECT left(pggit_excellence.set_objective('mine', 'ddl_tracking_ms', '<=', 50, 0.9, '7 days'), 18) AS made;
SELECT pggit_excellence.set_objective('mine', threshold => 200);
SELECT pggit_excellence.set_objective('mine', threshold => 200);
SELECT pggit_excellence.set_objective('mine', enabled => false, description => 'mine alone');
SELECT objective, good, total, status FROM pggit_excellence.slo_status() WHERE objective = 'mine';
SELECT pggit_excellence.drop_objective('mine');
SELECT pggit_excellence.drop_objective('mine');
SELECT pggit_excellence.drop_objective('storage');
SELECT pggit_excellence.set_objective('storage', metric_type => 'other');
SELECT pggit_excellence.set_objective('new', 'x_ms');
SELECT pggit_excellence.set_objective('new', 'x_ms', '<', -1, 0.9);
SELECT pggit_excellence.set_objective('new', 'x_ms', '<', 'NaN', 0.9);
SELECT pggit_excellence.set_objective('new', 'x_ms', '<', 1, 99);
SELECT pggit_excellence.error_budget('-1 day');
SELECT pggit_excellence.slo_report('2026-02-01 00:00+00', '2026-01-01 00:00+00');
SELECT pggit_excellence.slo_report('infinity');

-- Forecasts without pgGit and without growth.
SELECT measure, growth_bytes_per_day, limit_bytes, reached_at, note FROM pggit_excellence.storage_forecast();
SELECT * FROM pggit_excellence.object_forecast();

-- The exposition.
SELECT line FROM regexp_split_to_table(pggit_excellence.prometheus_metrics(), '\n') AS line
WHERE line ~ '^(# (HELP|TYPE) pggit_slo|pggit_slo_(good_|bad_)?events|pggit_slo_limit|pggit_metric|pggit_unrolled)';

DROP EXTENSION pggit_excellence;
