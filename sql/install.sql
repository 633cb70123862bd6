-- Everything but PL/Python, without extension files:  psql -d DATABASE -f sql/install.sql
-- All or nothing. Remove it with DROP SCHEMA pggit_excellence CASCADE.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL check_function_bodies = off;
\ir 00_core/tables.sql
\ir 00_core/_scope.sql
\ir 00_core/exclude_finding.sql
\ir 00_core/include_finding.sql
\ir 00_core/version.sql
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
\ir 20_performance/_hot_tables.sql
\ir 20_performance/_index_name.sql
\ir 20_performance/_node_comparisons.sql
\ir 20_performance/_statistics_since.sql
\ir 20_performance/check_index_usage.sql
\ir 20_performance/index_advice.sql
\ir 90_privileges/grant_privileges.sql
\ir 90_privileges/zz_apply.sql
COMMIT;
