-- The state of pgGit as Prometheus reads it: text exposition format 0.0.4. docs/operations/METRICS.md explains the families.
CREATE FUNCTION pggit_excellence.prometheus_metrics()
RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
SET jit = off
SET extra_float_digits = 1
AS $body$
    WITH sample AS (
        SELECT p.family, p.line, p."position" FROM pggit_excellence._prometheus_slo() WITH ORDINALITY AS p (family, line, "position")
        UNION ALL
        SELECT p.family, p.line, p."position" FROM pggit_excellence._prometheus_histograms() WITH ORDINALITY AS p (family, line, "position")
        UNION ALL
        SELECT p.family, p.line, p."position" FROM pggit_excellence._prometheus_state() WITH ORDINALITY AS p (family, line, "position")
    ), block AS (
        SELECT f.family, format(E'# HELP %s %s\n# TYPE %s %s\n', f.family, f.help, f.family, f.kind)
                         || string_agg(s.line, E'\n' ORDER BY s."position") AS text
        FROM pggit_excellence._prometheus_families() AS f
        JOIN sample AS s ON s.family = f.family AND s.line IS NOT NULL
        GROUP BY f.family, f.help, f.kind
    )
    SELECT string_agg(b.text, E'\n' ORDER BY b.family COLLATE "C") || E'\n' FROM block AS b
$body$;
COMMENT ON FUNCTION pggit_excellence.prometheus_metrics() IS
$comment$The state of pgGit in Prometheus' text exposition format 0.0.4, in base units (seconds, bytes, ratios): counters of good and bad events per objective, windows and budgets, burn alerts, histograms of recorded durations, health checks, sizes and forecasts. What is not known has no sample. Samples that maintain() has not rolled up yet are counted, so counters and histograms never decrease.
The command pggit-excellence exporter serves it; docs/operations/METRICS.md explains each family. Counts no rows of pggit.history. Locks nothing beyond reading; waits for whoever holds ACCESS EXCLUSIVE on one of pgGit's tables.$comment$;
