-- The row that a check returns, from the faults that it found. No faults: pass. Of many faults the evidence names 20;
-- the remediation mends all.
--   bad  the status where there are faults: fail or warn
CREATE FUNCTION pggit_excellence._verdict(bad text, faults pggit_excellence._fault[])
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.items IS NULL THEN 'pass' ELSE bad END,
           CASE WHEN f.items IS NULL THEN '{}'
                ELSE pg_catalog.jsonb_build_object('count', pg_catalog.cardinality(f.items), 'found', f.items[1:20]) END,
           f.mends
    FROM (
        SELECT pg_catalog.array_agg(DISTINCT u.item COLLATE "C") AS items,
               -- An instruction stays a comment whatever names are in it: psql would run what comes after a line break.
               pg_catalog.string_agg(DISTINCT CASE WHEN u.mend LIKE '--%' THEN pg_catalog.translate(u.mend, E'\n\r', '  ')
                                                   ELSE u.mend || ';' END, E'\n') AS mends
        FROM pg_catalog.unnest(faults) AS u
    ) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._verdict(text, pggit_excellence._fault[]) IS
    'Internal: status, evidence and remediation of a hardening check from the faults that it found; the evidence names the first 20.';

-- The same for a check that cannot be made, or has nothing to look at.
--   outcome  unknown, not_applicable or manual
CREATE FUNCTION pggit_excellence._no_verdict(outcome text, reason text)
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT outcome, pg_catalog.jsonb_build_object('reason', reason), NULL::text
$body$;
COMMENT ON FUNCTION pggit_excellence._no_verdict(text, text) IS
    'Internal: the row of a hardening check that decides nothing (unknown, not_applicable, manual), with the reason.';
