-- How does each objective stand in its own window?
SELECT objective, status, attained, target, good, total, round(100 * budget_remaining, 1) AS budget_left_percent, note
FROM pggit_excellence.slo_status()
ORDER BY status = 'missed' DESC, budget_remaining, objective;
