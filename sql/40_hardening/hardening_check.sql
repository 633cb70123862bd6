-- Run one check. It may do what it wants: where it raises, its row is `unknown` and says why.
-- A cancelled query (statement_timeout) ends them all, as it should.
CREATE FUNCTION pggit_excellence._run_check(category text, check_id text)
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    failure text;
    state   text;
BEGIN
    IF _run_check.category = 'pggit' AND pg_catalog.to_regnamespace('pggit') IS NULL THEN
        RETURN QUERY SELECT v.* FROM pggit_excellence._no_verdict('not_applicable', 'pgGit is not installed in this database') AS v;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE pg_catalog.format('SELECT c.status, c.evidence, c.remediation FROM pggit_excellence.%I() AS c',
                                           '_check_' || _run_check.check_id);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS failure = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
    RETURN QUERY SELECT v.* FROM pggit_excellence._no_verdict('unknown', pg_catalog.concat_ws(': ', state, failure, CASE
        WHEN state = '42501' THEN 'run hardening_check() as a superuser, or have this right granted'
        WHEN state IN ('42P01', '42703') THEN 'something that the check reads is not there; is pgGit half installed? See pggit_complete'
    END)) AS v;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._run_check(text, text) IS
    'Internal: runs one hardening check; where it raises, status unknown and the error in evidence.reason.';

-- How hard this database is to break into and to deceive: one row per check, what needs attention first.
-- PARALLEL UNSAFE: each check is a subtransaction, which PostgreSQL up to 16 refuses in a parallel query.
CREATE FUNCTION pggit_excellence.hardening_check(profile text DEFAULT 'standard')
RETURNS TABLE (
    check_id text, category text, title text, severity text, status text, evidence jsonb, remediation text, refs jsonb
)
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 130
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH chosen AS MATERIALIZED (
        SELECT c.* FROM pggit_excellence._hardening_checks() AS c
        WHERE (SELECT pggit_excellence._hardening_profile(profile)) = ANY (c.profiles)
    ), done AS MATERIALIZED (
        SELECT c.check_id, c.category, c.title, c.severity, r.status, r.evidence, r.remediation, c.refs
        FROM chosen AS c
        CROSS JOIN LATERAL pggit_excellence._run_check(c.category, c.check_id) AS r
    ), judged AS (
        SELECT d.check_id, d.category, d.title, d.severity,
               CASE WHEN e.finding_key IS NULL THEN d.status ELSE 'not_applicable' END AS status,
               CASE WHEN e.finding_key IS NULL THEN d.evidence
                    ELSE pg_catalog.jsonb_build_object('excluded', e.reason, 'until', e.expires_at, 'by', e.excluded_by, 'found', d.status) END AS evidence,
               CASE WHEN e.finding_key IS NULL THEN d.remediation END AS remediation,
               d.refs
        FROM done AS d
        LEFT JOIN pggit_excellence.finding_exclusions AS e
            ON e.finding_key = 'hardening:' || d.check_id AND COALESCE(e.expires_at > pg_catalog.statement_timestamp(), true)
    )
    SELECT j.* FROM judged AS j
    ORDER BY pg_catalog.array_position(ARRAY['fail', 'warn', 'unknown', 'manual', 'pass', 'not_applicable'], j.status),
             pggit_excellence._severity_weight(j.severity) DESC, j.category COLLATE "C", j.check_id COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence.hardening_check(text) IS
    'One row per check of the profile (minimal, standard, strict), what needs attention first. severity: critical, high, medium, low. status: pass; fail; warn (look at it, it may be meant); manual (no query can decide it); unknown (could not be checked: evidence.reason says why); not_applicable (or excluded by exclude_finding(''hardening:<check_id>'', reason, expires_at): evidence says by whom and until when). evidence: what was found, at most 20 items. remediation: the SQL or instruction that mends all of it; NULL: nothing to mend. refs: numbers in cis (CIS PostgreSQL 18), stig, soc2, cwe, pgdsat. Reads catalogs and settings; changes and locks nothing. PARALLEL UNSAFE, because a check that raises is caught. Every check: docs/security/HARDENING.md.';
