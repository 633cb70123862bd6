-- What does pgGit not know?
SELECT object_type, in_catalog, tracked, missed, wrong_name, stale, coverage_percent, note
FROM pggit_excellence.tracking_coverage()
WHERE coverage_percent IS DISTINCT FROM 100;
