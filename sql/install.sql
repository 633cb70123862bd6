-- Everything but PL/Python, without extension files:  psql -d DATABASE -f sql/install.sql
-- All or nothing. Remove it with DROP SCHEMA pggit_excellence CASCADE.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL check_function_bodies = off;
\ir 00_core/tables.sql
\ir 00_core/_scope.sql
\ir 00_core/version.sql
\ir 10_metrics/tables.sql
\ir 10_metrics/_statements.sql
\ir 10_metrics/purge_snapshots.sql
\ir 10_metrics/record_metric.sql
\ir 10_metrics/take_snapshot.sql
\ir 20_performance/analyze_slow_queries.sql
\ir 20_performance/slow_statements.sql
\ir 90_privileges/grant_privileges.sql
\ir 90_privileges/zz_apply.sql
COMMIT;
