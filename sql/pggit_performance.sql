-- The diagnostics alone, without extension files:  psql -d DATABASE -f sql/pggit_performance.sql
-- All or nothing. Remove it with DROP SCHEMA pggit_excellence CASCADE.
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL check_function_bodies = off;
-- What somebody put into a schema of the caller's search path is not used.
SET LOCAL search_path = pg_catalog, pg_temp;
\ir 00_core/tables.sql
\ir 00_core/_audit.sql
\ir 00_core/_event_trigger.sql
\ir 00_core/_hashed_text.sql
\ir 00_core/_name_as_text.sql
\ir 00_core/_require_dry_run.sql
\ir 00_core/_require_pggit.sql
\ir 00_core/_require_writable.sql
\ir 00_core/_run_ddl.sql
\ir 00_core/_scope.sql
\ir 00_core/exclude_finding.sql
\ir 00_core/include_finding.sql
\ir 00_core/undo.sql
\ir 00_core/version.sql
\ir 10_metrics/tables.sql
\ir 10_metrics/_buckets.sql
\ir 10_metrics/_lock_maintenance.sql
\ir 10_metrics/_metric_window.sql
\ir 10_metrics/_objective_met.sql
\ir 10_metrics/_purge.sql
\ir 10_metrics/_roll_up.sql
\ir 10_metrics/_sketch.sql
\ir 10_metrics/_statements.sql
\ir 10_metrics/maintain.sql
\ir 10_metrics/metric_percentiles.sql
\ir 10_metrics/purge_snapshots.sql
\ir 10_metrics/record_metric.sql
\ir 10_metrics/schedule_maintenance.sql
\ir 10_metrics/take_snapshot.sql
\ir 20_performance/tables.sql
\ir 20_performance/_advice_bloat.sql
\ir 20_performance/_advice_collation.sql
\ir 20_performance/_advice_duplicate.sql
\ir 20_performance/_advice_foreign_key.sql
\ir 20_performance/_advice_invalid.sql
\ir 20_performance/_advice_sequential_scan.sql
\ir 20_performance/_advice_statistics.sql
\ir 20_performance/_advice_unused.sql
\ir 20_performance/_compared_keys.sql
\ir 20_performance/_comparisons_likely.sql
\ir 20_performance/_comparisons_proved.sql
\ir 20_performance/_elapsed.sql
\ir 20_performance/_hot_tables.sql
\ir 20_performance/_index_name.sql
\ir 20_performance/_node_comparisons.sql
\ir 20_performance/_statistics_since.sql
\ir 20_performance/_undo_tuning.sql
\ir 20_performance/analyze_slow_queries.sql
\ir 20_performance/blocking_tree.sql
\ir 20_performance/cache_hit_ratio.sql
\ir 20_performance/check_index_usage.sql
\ir 20_performance/connection_saturation.sql
\ir 20_performance/connection_stats.sql
\ir 20_performance/host_report.sql
\ir 20_performance/idle_in_transaction.sql
\ir 20_performance/index_advice.sql
\ir 20_performance/slow_statements.sql
\ir 20_performance/tracking_cost.sql
\ir 20_performance/tune_tracking.sql
\ir 20_performance/tuning_plan.sql
\ir 20_performance/vacuum_health.sql
\ir 20_performance/xmin_holders.sql
\ir 80_pggit_names/_link_plan.sql
\ir 80_pggit_names/_link_present.sql
\ir 80_pggit_names/link_pggit.sql
\ir 80_pggit_names/unlink_pggit.sql
\ir 90_privileges/_grant.sql
\ir 90_privileges/_roles.sql
\ir 90_privileges/create_roles.sql
\ir 90_privileges/grant_privileges.sql
\ir 90_privileges/zz_apply.sql
COMMIT;
\echo 'pggit_excellence is installed: SELECT * FROM pggit_excellence.index_advice();'
