-- Everything but PL/Python, without extension files:  psql -d DATABASE -f sql/install.sql
-- All or nothing. Remove it with DROP SCHEMA pggit_excellence CASCADE.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL check_function_bodies = off;
\ir 00_core/tables.sql
\ir 00_core/_require_pggit.sql
\ir 00_core/_run_ddl.sql
\ir 00_core/_scope.sql
\ir 00_core/undo.sql
\ir 00_core/version.sql
\ir 20_performance/tracking_cost.sql
\ir 20_performance/tune_tracking.sql
\ir 20_performance/tuning_plan.sql
\ir 90_privileges/grant_privileges.sql
\ir 90_privileges/zz_apply.sql
COMMIT;
