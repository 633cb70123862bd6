-- What is not in order?
SELECT check_name, status, message
FROM pggit_excellence.health_check()
WHERE status <> 'healthy'
ORDER BY status = 'unhealthy' DESC, check_name;
