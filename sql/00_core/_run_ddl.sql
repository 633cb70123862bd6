-- Run a statement that the caller built from checked parts, with an error that says what happened to everything else.
-- The statement fires the database's event triggers, pgGit's included: they may refuse it.
CREATE FUNCTION pggit_excellence._run_ddl(statement text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    failure text;
    hint    text;
BEGIN
    EXECUTE statement;  -- pggit: ignore[PGX102] PUBLIC may not call it, and our functions build what they give it
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS failure = MESSAGE_TEXT;
    hint := CASE SQLSTATE
        WHEN '55P03' THEN 'Others hold locks on the table, or run DDL now. Nothing was changed: run it again when they are done.'
        ELSE 'Nothing was changed.'
    END;
    RAISE EXCEPTION '% (while running: %)', failure, statement USING ERRCODE = SQLSTATE, HINT = hint;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._run_ddl(text) IS
    'Internal: runs one statement that our functions built; a failure names the statement and says that nothing was changed.';
