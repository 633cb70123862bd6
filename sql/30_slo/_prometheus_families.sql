-- The families of prometheus_metrics(): type and help of each. docs/operations/METRICS.md explains them.
CREATE FUNCTION pggit_excellence._prometheus_families()
RETURNS TABLE (family text, kind text, help text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 32
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('pggit_excellence_info', 'gauge', '1; the label says which version of pggit_excellence.'),
        ('pggit_slo_events_total', 'counter', 'Events of the objective that were ever counted.'),
        ('pggit_slo_good_events_total', 'counter', 'Events that met the objective.'),
        ('pggit_slo_bad_events_total', 'counter', 'Events that did not meet the objective.'),
        ('pggit_slo_target_ratio', 'gauge', 'Share of the events that must be good.'),
        ('pggit_slo_threshold_seconds', 'gauge', 'The value with which durations are compared.'),
        ('pggit_slo_threshold', 'gauge', 'The value with which samples of other metrics are compared, in the unit of the metric.'),
        ('pggit_slo_minimum_events', 'gauge', 'How many events the long window of an alert needs.'),
        ('pggit_slo_window_seconds', 'gauge', 'Length of the window of the objective; a month has 30 days.'),
        ('pggit_slo_window_events', 'gauge', 'Events in the window that ends now.'),
        ('pggit_slo_window_bad_events', 'gauge', 'Events in the window that ends now which did not meet the objective.'),
        ('pggit_slo_error_budget_remaining_ratio', 'gauge', 'Share of the error budget that is left; below 0: overspent.'),
        ('pggit_slo_met', 'gauge', '1: the objective is met in its window; 0: it is missed.'),
        ('pggit_slo_limit', 'gauge', 'The limit that an objective sets, in the unit of its metric.'),
        ('pggit_slo_limit_value', 'gauge', 'The newest value of the metric that the objective limits.'),
        ('pggit_burn_alert_firing', 'gauge', '1: burn_alerts() says that the alert fires; 0: it does not.'),
        ('pggit_metric_seconds', 'histogram', 'Recorded durations. The bounds are edges of a sketch: its counts are exact for them.'),
        ('pggit_metric_last_value', 'gauge', 'The newest sample of each metric that is no duration, in its own unit.'),
        ('pggit_health_check_status', 'gauge', '1 for the status that a check of health_check() has, 0 for the others.'),
        ('pggit_storage_bytes', 'gauge', 'Disk space of the schemas of pgGit and pggit_excellence.'),
        ('pggit_storage_growth_bytes_per_day', 'gauge', 'Growth of the disk space in the last 30 days.'),
        ('pggit_storage_limit_bytes', 'gauge', 'The lowest limit that an objective sets for the disk space.'),
        ('pggit_storage_limit_reached_timestamp_seconds', 'gauge', 'When that limit is reached if it grows on like this.'),
        ('pggit_tracked_objects', 'gauge', 'Active objects that pgGit tracks.'),
        ('pggit_tracked_objects_growth_per_day', 'gauge', 'Growth of the tracked objects in the last 30 days.'),
        ('pggit_tracked_objects_limit', 'gauge', 'The lowest limit that an objective sets for the tracked objects.'),
        ('pggit_tracked_objects_limit_reached_timestamp_seconds', 'gauge', 'When that limit is reached if it grows on like this.'),
        ('pggit_history_rows', 'gauge', 'Rows of pggit.history, estimated by the last VACUUM or ANALYZE.'),
        ('pggit_tracking_coverage_ratio', 'gauge', 'Share of the objects in the catalog that pgGit knows, newest sample.'),
        ('pggit_ddl_tracking_failures_total', 'counter', 'DDL statements that were not tracked, counted by the sentinels.'),
        ('pggit_unrolled_samples', 'gauge', 'Samples that maintain() has not rolled up yet.'),
        ('pggit_oldest_unrolled_sample_timestamp_seconds', 'gauge', 'When the oldest of them was measured.')
$body$;
COMMENT ON FUNCTION pggit_excellence._prometheus_families() IS
    'Internal: name, type and help of each family of prometheus_metrics().';
