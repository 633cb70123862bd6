\set SHOW_CONTEXT never
-- The companion sees the host; the core finds it late and loses it again.
SET client_min_messages = warning;
CREATE EXTENSION pggit_excellence_plpython3u CASCADE;
SELECT name, total_bytes > 0 AS has_size, free_bytes <= total_bytes AS has_free,
       status IN ('ok', 'warning', 'critical') AS judged
FROM pggit_excellence.host_disk() WHERE name IN ('data_directory', 'pg_wal') ORDER BY name;
SELECT status FROM pggit_excellence.host_disk(0, 0) WHERE name = 'pg_wal';
SELECT name, status IN ('ok', 'warning', 'unknown') AS judged FROM pggit_excellence.host_limits() ORDER BY name COLLATE "C";
SELECT helper, count(*) > 1 AS has_rows FROM pggit_excellence.host_report() GROUP BY helper ORDER BY helper;
SELECT has_function_privilege('pg_monitor', 'pggit_excellence.host_disk(numeric, numeric)', 'EXECUTE') AS monitor,
       (SELECT proacl::text LIKE '%{=X/%' OR proacl::text LIKE '%,=X/%' OR proacl IS NULL
        FROM pg_proc WHERE oid = 'pggit_excellence.host_disk(numeric, numeric)'::regprocedure) AS everybody;
DROP EXTENSION pggit_excellence_plpython3u;
SELECT helper, status FROM pggit_excellence.host_report();
DROP EXTENSION pggit_excellence;
DROP EXTENSION plpython3u;
