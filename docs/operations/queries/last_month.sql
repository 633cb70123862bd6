-- The report of the last month (UTC).
SELECT objective, status, target, attained, good, total, round(100 * budget_consumed, 1) AS budget_used_percent, p95, note
FROM pggit_excellence.slo_report(
    date_trunc('month', now() AT TIME ZONE 'UTC' - interval '1 month') AT TIME ZONE 'UTC',
    date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC');
