-- Leave a finding out of the diagnostics, with the reason. Excluding it again renews reason, time and expiry.
-- Locks one row of finding_exclusions until the transaction ends.
CREATE FUNCTION pggit_excellence.exclude_finding(finding_key text, reason text, expires_at timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.btrim(COALESCE(exclude_finding.finding_key, '')) = '' THEN
        RAISE EXCEPTION 'no finding key given'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Copy it from the column finding_key of the diagnostic.';
    END IF;
    IF pg_catalog.btrim(COALESCE(exclude_finding.reason, '')) = '' THEN
        RAISE EXCEPTION 'no reason given for excluding %', exclude_finding.finding_key
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Say for the next reader why the finding is accepted.';
    END IF;
    IF exclude_finding.expires_at <= pg_catalog.clock_timestamp() THEN
        RAISE EXCEPTION 'the exclusion would have expired already'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a time in the future, or NULL for no end.';
    END IF;

    INSERT INTO pggit_excellence.finding_exclusions AS e (finding_key, reason, expires_at)
    VALUES (exclude_finding.finding_key, exclude_finding.reason, exclude_finding.expires_at)
    ON CONFLICT ON CONSTRAINT finding_exclusions_pkey DO UPDATE
    SET reason = EXCLUDED.reason, expires_at = EXCLUDED.expires_at,
        excluded_at = EXCLUDED.excluded_at, excluded_by = EXCLUDED.excluded_by;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.exclude_finding(text, text, timestamptz) IS
    'Leaves the finding with this key out of the diagnostics until expires_at (NULL: for good). Writes finding_exclusions; the key is not checked, because a finding may come and go.';
