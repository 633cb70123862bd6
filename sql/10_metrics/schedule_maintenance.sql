-- Have pg_cron run maintain(). Where pg_cron is not, say what else does.
--   schedule   as pg_cron has it: five fields, or '30 seconds' where it knows that; NULL: no longer
-- pg_cron runs the job as the caller, in this database. Its functions are found through the extension: a schema `cron` of
-- somebody else must not be run by a superuser.
CREATE FUNCTION pggit_excellence.schedule_maintenance(schedule text DEFAULT '* * * * *')
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    job    CONSTANT text := 'pggit_excellence maintain';
    cron   name := (
        SELECT n.nspname
        FROM pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_depend AS d
          ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
         AND d.classid = 'pg_catalog.pg_proc'::regclass
        JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid AND p.proname = 'schedule' AND p.pronargs = 3
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        WHERE e.extname = 'pg_cron');
    job_id bigint;
BEGIN
    IF cron IS NULL THEN
        RETURN pg_catalog.format(
            'not scheduled: pg_cron is not installed in database %I. Either install it (CREATE EXTENSION pg_cron, in the database '
            'that cron.database_name names), or run "pggit-excellence slo maintain --every 1m" as a service on any machine',
            pg_catalog.current_database());
    ELSIF schedule IS NULL THEN
        EXECUTE pg_catalog.format('SELECT %I.unschedule(j.jobid) FROM %I.job AS j WHERE j.jobname = $1', cron, cron) USING job;
        RETURN 'pg_cron no longer runs maintain()';
    END IF;
    EXECUTE pg_catalog.format('SELECT %I.schedule($1, $2, $3)', cron) INTO job_id
        USING job, schedule, 'SELECT * FROM pggit_excellence.maintain()';
    RETURN pg_catalog.format('pg_cron runs maintain() as job %s: %s', job_id, schedule);
EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION 'pg_cron did not take the schedule %: %', pg_catalog.quote_nullable(schedule), SQLERRM
        USING ERRCODE = SQLSTATE, HINT = 'It is in the syntax of cron, for example ''* * * * *'' for every minute. The caller needs USAGE on schema cron.';
END
$body$;
COMMENT ON FUNCTION pggit_excellence.schedule_maintenance(text) IS
    'Has pg_cron run maintain() in this database as the caller, every minute unless the schedule says otherwise; NULL: no longer. Returns what was done, or, where pg_cron is not installed, what to run instead.';
