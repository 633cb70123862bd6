-- How many bad events may still come, in the last 30 days and in the last 90?
SELECT b.slo_window, b.objective, b.total, b.bad, round(b.allowed_bad, 1) AS allowed_bad, round(100 * b.remaining, 1) AS left_percent
FROM (VALUES (interval '30 days'), (interval '90 days')) AS w (length)
CROSS JOIN LATERAL pggit_excellence.error_budget(w.length) AS b
ORDER BY b.slo_window, b.remaining, b.objective;
