-- Whether what runs is what was mended.
CREATE FUNCTION pggit_excellence._checks_patch()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('minor_version', 'The server has the last minor release',
         'high', '{minimal,standard,strict}'::text[], 'text', '{"cis": ["1.5"], "stig": ["V-261936"], "soc2": ["CC7.1"], "cwe": ["CWE-1104"], "pgdsat": ["1.5"]}'::jsonb,
         'Minor releases mend vulnerabilities and never change how anything is used. fail: a release that mends vulnerabilities is missing; warn: another one. The list comes with this extension: unknown where its newest release is older than 100 days, because PostgreSQL makes one each quarter.'),
        ('major_version', 'The major version gets releases',
         'high', '{minimal,standard,strict}'::text[], 'text', '{"cis": ["1.5"], "stig": ["V-261937"], "soc2": ["CC7.1"], "cwe": ["CWE-1104"], "pgdsat": ["1.5"]}'::jsonb,
         'Vulnerabilities found after the last release of a major version are never mended. fail: it is past; warn: it is less than 180 days away.'),
        ('extension_updates', 'Extensions have the version whose files are installed',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["1.5"], "stig": ["V-261936"], "soc2": ["CC7.1"], "cwe": ["CWE-1104"]}'::jsonb,
         'New files bring new libraries; functions that an update mends stay as they were until ALTER EXTENSION ... UPDATE.'),
        ('server_restarted_after_update', 'The running server is the one that is installed',
         'high', '{standard,strict}'::text[], 'text', '{"cis": ["1.5"], "stig": ["V-261936"], "soc2": ["CC7.1"], "cwe": ["CWE-1104"]}'::jsonb,
         'After an update of the package the old program runs on until the next restart. Seen by the program''s file, which is gone.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_patch() IS 'Internal: the hardening checks of category patch.';

-- Minor releases of PostgreSQL: what came when, and whether it mends vulnerabilities. Only rows whose date was seen in an
-- announcement or in a distribution's changelog; an update of this extension brings later ones. There was no 18.5.
CREATE FUNCTION pggit_excellence._postgres_releases()
RETURNS TABLE (major integer, minor integer, released date, security boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 60
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT r.major, r.minor, r.released, r.security
    FROM (VALUES
        (date '2024-08-08', true,  14, 13), ('2024-08-08', true,  15,  8), ('2024-08-08', true,  16,  4), ('2024-09-26', false, 17, 0),
        ('2024-11-14', true,  14, 14), ('2024-11-14', true,  15,  9), ('2024-11-14', true,  16,  5), ('2024-11-14', true,  17, 1),
        ('2024-11-21', false, 14, 15), ('2024-11-21', false, 15, 10), ('2024-11-21', false, 16,  6), ('2024-11-21', false, 17, 2),
        ('2025-02-13', true,  14, 16), ('2025-02-13', true,  15, 11), ('2025-02-13', true,  16,  7), ('2025-02-13', true,  17, 3),
        ('2025-02-20', false, 14, 17), ('2025-02-20', false, 15, 12), ('2025-02-20', false, 16,  8), ('2025-02-20', false, 17, 4),
        ('2025-05-08', true,  14, 18), ('2025-05-08', true,  15, 13), ('2025-05-08', true,  16,  9), ('2025-05-08', true,  17, 5),
        ('2025-08-14', true,  14, 19), ('2025-08-14', true,  15, 14), ('2025-08-14', true,  16, 10), ('2025-08-14', true,  17, 6),
        ('2025-09-25', false, 18,  0),
        ('2025-11-13', true,  14, 20), ('2025-11-13', true,  15, 15), ('2025-11-13', true,  16, 11), ('2025-11-13', true,  17, 7), ('2025-11-13', true,  18, 1),
        ('2026-02-12', true,  14, 21), ('2026-02-12', true,  15, 16), ('2026-02-12', true,  16, 12), ('2026-02-12', true,  17, 8), ('2026-02-12', true,  18, 2),
        ('2026-02-26', false, 14, 22), ('2026-02-26', false, 15, 17), ('2026-02-26', false, 16, 13), ('2026-02-26', false, 17, 9), ('2026-02-26', false, 18, 3),
        ('2026-05-14', true,  14, 23), ('2026-05-14', true,  15, 18), ('2026-05-14', true,  16, 14), ('2026-05-14', true,  17, 10), ('2026-05-14', true, 18, 4),
        ('2026-08-13', true,  14, 24), ('2026-08-13', true,  15, 19), ('2026-08-13', true,  16, 15), ('2026-08-13', true,  17, 11), ('2026-08-13', true, 18, 6),
        ('2026-11-13', true,  15, 20)
    ) AS r (released, security, major, minor)
$body$;
COMMENT ON FUNCTION pggit_excellence._postgres_releases() IS
    'Internal: the minor releases of PostgreSQL that were known when this version of the extension was made, with their dates and whether they mend vulnerabilities. Source: postgresql.org''s announcements, Debian''s changelog.';

-- The day of each major version's last release, from postgresql.org's versioning policy.
CREATE FUNCTION pggit_excellence._postgres_majors()
RETURNS TABLE (major integer, last_release date)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 6
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES (13, date '2025-11-13'), (14, date '2026-11-12'), (15, date '2027-11-11'), (16, date '2028-11-09'), (17, date '2029-11-08'), (18, date '2030-11-14')
$body$;
COMMENT ON FUNCTION pggit_excellence._postgres_majors() IS
    'Internal: until when each major version of PostgreSQL gets releases. Source: its versioning policy.';

CREATE FUNCTION pggit_excellence._check_minor_version()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN r.missing_security > 0 THEN 'fail' WHEN r.missing > 0 THEN 'warn'
                WHEN r.newest IS NULL OR r.list_date < CURRENT_DATE - 100 THEN 'unknown' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
               'running', pg_catalog.format('%s.%s', v.major, v.minor), 'newest_known', r.newest, 'list_date', r.list_date, 'missing', r.missing,
               'missing_security', r.missing_security, 'days_since_first_missing', CURRENT_DATE - r.first_missing,
               'reason', CASE WHEN r.newest IS NULL THEN 'this version of the extension knows no release of this major version'
                              WHEN r.missing = 0 AND r.list_date < CURRENT_DATE - 100
                              THEN 'the list of releases is old: update the extension, or look at https://www.postgresql.org/support/security/' END)),
           CASE WHEN r.missing > 0 THEN pg_catalog.format('Install PostgreSQL %s from where it came (with Debian: apt-get update && apt-get install --only-upgrade postgresql-%s) and restart the server.',
                                                          r.newest, v.major) END
    FROM (
        SELECT n.number / 10000 AS major, n.number % 10000 AS minor
        FROM (SELECT pg_catalog.current_setting('server_version_num')::integer AS number) AS n
    ) AS v
    CROSS JOIN LATERAL (
        SELECT pg_catalog.count(*) FILTER (WHERE k.minor > v.minor) AS missing, pg_catalog.count(*) FILTER (WHERE k.minor > v.minor AND k.security) AS missing_security,
               pg_catalog.min(k.released) FILTER (WHERE k.minor > v.minor) AS first_missing, pg_catalog.max(k.released) AS list_date,
               CASE WHEN pg_catalog.count(*) > 0 THEN pg_catalog.format('%s.%s', v.major, pg_catalog.max(k.minor)) END AS newest
        FROM pggit_excellence._postgres_releases() AS k
        WHERE k.major = v.major
    ) AS r
$body$;
COMMENT ON FUNCTION pggit_excellence._check_minor_version() IS
    'Internal: hardening check: the server''s version against the list of releases in this extension. Source: server_version_num.';

CREATE FUNCTION pggit_excellence._check_major_version()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN m.last_release IS NULL THEN 'unknown' WHEN m.last_release < CURRENT_DATE THEN 'fail'
                WHEN m.last_release < CURRENT_DATE + 180 THEN 'warn' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('major', v.major, 'last_release', m.last_release,
               'reason', CASE WHEN m.last_release IS NULL THEN 'this version of the extension does not know this major version' END)),
           CASE WHEN m.last_release < CURRENT_DATE + 180
                THEN pg_catalog.format('Upgrade to a newer major version with pg_upgrade or logical replication; PostgreSQL %s has its last release on %s.', v.major, m.last_release) END
    FROM (SELECT pg_catalog.current_setting('server_version_num')::integer / 10000 AS major) AS v
    LEFT JOIN pggit_excellence._postgres_majors() AS m ON m.major = v.major
$body$;
COMMENT ON FUNCTION pggit_excellence._check_major_version() IS
    'Internal: hardening check: the server''s version against the list of last releases in this extension. Source: server_version_num.';

CREATE FUNCTION pggit_excellence._check_extension_updates()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.format('%I %s: %s is installed', x.extname, x.extversion, a.default_version),
                pg_catalog.format('ALTER EXTENSION %I UPDATE', x.extname))::pggit_excellence._fault
        FROM pg_catalog.pg_extension AS x
        JOIN pg_catalog.pg_available_extensions AS a ON a.name = x.extname
        WHERE a.default_version <> x.extversion)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_extension_updates() IS
    'Internal: hardening check: installed against available versions. Source: pg_extension, pg_available_extensions.';

CREATE FUNCTION pggit_excellence._check_server_restarted_after_update()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.replaced IS NULL THEN 'unknown' WHEN f.replaced THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('program', f.path, 'reason', f.note)),
           CASE WHEN f.replaced THEN 'Restart the server (with systemd: systemctl restart postgresql).' END
    FROM (SELECT h.path, h.note, (h.detail ->> 'replaced')::boolean AS replaced FROM pggit_excellence._host_facts('program') AS h) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._check_server_restarted_after_update() IS
    'Internal: hardening check: the program of the running server. Source: host_security() of the companion extension.';
