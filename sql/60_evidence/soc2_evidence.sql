-- What a database can show for the Trust Services Criteria of SOC 2, and what people have to show.
-- PARALLEL UNSAFE: each query is a subtransaction, which PostgreSQL up to 16 refuses in a parallel query.

-- The rows of a query of evidence_queries(), at most 1,000, or why there are none. It takes the name and not the text, so
-- that nobody can make it run another one.
CREATE FUNCTION pggit_excellence._evidence_result(
    evidence text, since timestamptz, until timestamptz, OUT status text, OUT row_count bigint, OUT result jsonb, OUT note text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    query text;
BEGIN
    SELECT q.query INTO query FROM pggit_excellence.evidence_queries(since, until) AS q WHERE q.evidence = _evidence_result.evidence;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    EXECUTE pg_catalog.format(
        'SELECT count(*), coalesce(jsonb_agg(n.content ORDER BY n.number) FILTER (WHERE n.number <= 1000), ''[]'') '
        'FROM (SELECT row_number() OVER () AS number, to_jsonb(q) AS content FROM (%s) AS q) AS n', query)
    INTO row_count, result;
    status := 'collected';
    note := CASE WHEN row_count > 1000 THEN 'the first 1,000 rows; the query returns all' END;
EXCEPTION WHEN OTHERS THEN
    status := 'failed';
    note := pg_catalog.format('%s: %s', SQLSTATE, SQLERRM);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._evidence_result(text, timestamptz, timestamptz) IS
    'Internal: runs the query of this name of evidence_queries(); status collected, or failed with the reason in note; NULL: there is no such query.';

--   since, until  the period; `until` does not belong to it
CREATE FUNCTION pggit_excellence.soc2_evidence(since timestamptz, until timestamptz)
RETURNS TABLE (
    criterion text, control text, evidence text, title text, status text, row_count bigint, result jsonb, note text,
    query text, manual text
)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET jit = off
SET TimeZone = 'UTC'
SET IntervalStyle = 'iso_8601'
AS $body$
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT q.* FROM pggit_excellence.evidence_queries(since, until) AS q
    ), collected AS MATERIALIZED (
        SELECT a.*, r.status, r.row_count, r.result, r.note
        FROM asked AS a CROSS JOIN LATERAL pggit_excellence._evidence_result(a.evidence, since, until) AS r
    )
    SELECT c.criterion, c.control, e.evidence, e.title, COALESCE(e.status, 'manual'), e.row_count, e.result, e.note, e.query, c.manual
    FROM pggit_excellence._soc2_criteria() AS c
    LEFT JOIN collected AS e ON c.criterion = ANY (e.criteria)
    ORDER BY c.criterion COLLATE "C", e.evidence COLLATE "C";
END
$body$;
COMMENT ON FUNCTION pggit_excellence.soc2_evidence(timestamptz, timestamptz) IS
$comment$Evidence for the Trust Services Criteria of SOC 2 in a period (until does not belong to it): a row for each criterion and each query that bears on it. It is evidence, not a judgement and no certification.
control: what the criterion asks for, in this project's words. status: collected; failed (note has the reason: a missing privilege, another release, no pgGit; the rest is collected all the same); manual (nothing that a query can show). row_count, result: what the query returned, the first 1,000 rows as JSON; NULL: failed or manual. query: the text, to run it again. manual: what people have to show for the criterion beside it.
What a role may not see it does not collect: call it as pggit_excellence_auditor or a superuser. Works on a standby. Locks nothing beyond reading. PARALLEL UNSAFE, because a query that raises is caught. The command pggit-excellence evidence puts all rows into a signed file.$comment$;
