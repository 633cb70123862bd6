\set SHOW_CONTEXT never
-- The names in schema pggit: made beside pgGit's own, never instead of them unless asked.
SET client_min_messages = warning;
CREATE SCHEMA pggit;
CREATE TABLE pggit.objects (id int);
CREATE FUNCTION pggit.health_check() RETURNS text LANGUAGE sql AS $$ SELECT 'as the release sees it' $$;
CREATE EXTENSION pggit_excellence;

-- A report per name; these two stand for a taken and a free one.
SELECT name, kind, status, note FROM pggit_excellence.link_pggit() WHERE name IN ('health_check', 'upgrade_log');
SELECT pggit.health_check();
SELECT count(*) FROM pggit.upgrade_log;

-- Replacing renames pgGit's function, and unlinking gives it back.
SELECT name, kind, status, note FROM pggit_excellence.link_pggit(replace => true)
WHERE name IN ('health_check', 'upgrade_log');
SELECT check_name, status FROM pggit.health_check() WHERE check_name IN ('pggit_installed', 'tracking_triggers');
SELECT pggit.health_check_replaced();
SELECT name, kind, status, note FROM pggit_excellence.unlink_pggit() WHERE name IN ('health_check', 'upgrade_log');
SELECT pggit.health_check();

-- What depends on a name keeps it.
SELECT count(*) > 0 AS linked FROM pggit_excellence.link_pggit() WHERE status = 'linked';
CREATE VIEW pggit.mine AS SELECT * FROM pggit.upgrade_log;
SELECT name, status, note FROM pggit_excellence.unlink_pggit() WHERE name = 'upgrade_log';
DROP EXTENSION pggit_excellence;
DROP VIEW pggit.mine;

SELECT pggit_excellence.link_pggit(NULL);

-- DROP EXTENSION takes the names along without CASCADE, and pgGit's own stay.
DROP EXTENSION pggit_excellence;
SELECT to_regclass('pggit.upgrade_log') AS view_left, pggit.health_check();

-- Without pgGit there is nothing to link.
DROP SCHEMA pggit CASCADE;
CREATE EXTENSION pggit_excellence;
SELECT pggit_excellence.link_pggit();
SELECT check_name, status, message FROM pggit_excellence.health_check() WHERE check_name LIKE 'pggit%';

-- The log of upgrades.
SELECT * FROM pggit_excellence.upgrade_error_rate();
SELECT pggit_excellence.start_upgrade('0.2.1', from_version => '0.1.2');
SELECT pggit_excellence.finish_upgrade(1, 'out of disk');
SELECT pggit_excellence.finish_upgrade(1);
SELECT component, ended, failed, error_percent FROM pggit_excellence.upgrade_error_rate();
DROP EXTENSION pggit_excellence;
