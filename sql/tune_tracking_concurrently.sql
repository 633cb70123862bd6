-- The work of tune_tracking(dry_run => false) without blocking anybody's DDL:
--     psql -d DATABASE -f sql/tune_tracking_concurrently.sql
-- PostgreSQL runs CREATE INDEX CONCURRENTLY neither in a function nor in a procedure nor in a transaction block, so the
-- plan's statements are run by psql, one by one. What fails (a build that meets a lock_timeout leaves an invalid index
-- behind) is mended by running this file again.
\set ON_ERROR_STOP on
SET lock_timeout = '10s';
-- As in tune_tracking(): pgGit's triggers run what their search path finds first, here as a superuser.
SET search_path = pg_catalog, pg_temp;
SELECT p.statement FROM pggit_excellence.tuning_plan(online => true) AS p
WHERE p.kind = 'index' AND p.statement IS NOT NULL ORDER BY p.step
\gexec
SELECT r.action_id, r.item FROM pggit_excellence.record_tuning() AS r;
-- Storage parameters do not block DDL; everything else is in place by now.
SELECT t.action_id, t.status, t.item FROM pggit_excellence.tune_tracking(dry_run => false) AS t;
