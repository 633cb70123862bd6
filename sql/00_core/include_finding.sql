-- Undo exclude_finding().
CREATE FUNCTION pggit_excellence.include_finding(finding_key text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    DELETE FROM pggit_excellence.finding_exclusions AS e WHERE e.finding_key = include_finding.finding_key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'finding % is not excluded', pg_catalog.quote_nullable(include_finding.finding_key)
            USING ERRCODE = 'no_data_found', HINT = 'The table pggit_excellence.finding_exclusions lists what is.';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.include_finding(text) IS
    'Shows a finding again that exclude_finding() left out. Deletes its row of finding_exclusions; an error where there is none.';
