-- archive_history() until nothing is left, with a commit after each batch: what is moved stays moved when it is ended.
CREATE PROCEDURE pggit_excellence.archive_all_history(older_than interval DEFAULT '7 years', batch integer DEFAULT 10000)
LANGUAGE plpgsql
AS $body$
DECLARE
    moved bigint;
BEGIN
    LOOP
        SELECT a.rows_moved INTO moved
        FROM pggit_excellence.archive_history(older_than, batch, dry_run => false) AS a;
        COMMIT;
        EXIT WHEN moved OPERATOR(pg_catalog.=) 0;
        RAISE NOTICE '% rows moved', moved;
    END LOOP;
END
$body$;
COMMENT ON PROCEDURE pggit_excellence.archive_all_history(interval, integer) IS
    'Calls archive_history(older_than, batch, dry_run => false) until it finds nothing, and commits after each batch. CALL it outside of a transaction.';
