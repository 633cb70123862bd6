-- Every hardening check: the lists of the categories, one file each (checks_<category>.sql).
CREATE FUNCTION pggit_excellence._hardening_checks()
RETURNS TABLE (
    category text, check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 130
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'pggit', c.* FROM pggit_excellence._checks_pggit() AS c
    UNION ALL SELECT 'privileges', c.* FROM pggit_excellence._checks_privileges() AS c
    UNION ALL SELECT 'functions', c.* FROM pggit_excellence._checks_functions() AS c
    UNION ALL SELECT 'row_security', c.* FROM pggit_excellence._checks_row_security() AS c
    UNION ALL SELECT 'bypass', c.* FROM pggit_excellence._checks_bypass() AS c
    UNION ALL SELECT 'authentication', c.* FROM pggit_excellence._checks_authentication() AS c
    UNION ALL SELECT 'tls', c.* FROM pggit_excellence._checks_tls() AS c
    UNION ALL SELECT 'logging', c.* FROM pggit_excellence._checks_logging() AS c
    UNION ALL SELECT 'replication_backup', c.* FROM pggit_excellence._checks_replication_backup() AS c
    UNION ALL SELECT 'patch', c.* FROM pggit_excellence._checks_patch() AS c
    UNION ALL SELECT 'passwords', c.* FROM pggit_excellence._checks_passwords() AS c
    UNION ALL SELECT 'settings', c.* FROM pggit_excellence._checks_settings() AS c
    UNION ALL SELECT 'host', c.* FROM pggit_excellence._checks_host() AS c
$body$;
COMMENT ON FUNCTION pggit_excellence._hardening_checks() IS
    'Internal: every hardening check: category, check_id, title, severity (critical, high, medium, low), profiles that have it, kind of its remediation (sql, restart, shell, text), refs (cis, stig, soc2, cwe, pgdsat: numbers), and why it matters.';

-- The weight of a severity in the score, and its place in the order.
CREATE FUNCTION pggit_excellence._severity_weight(severity text)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT CASE severity
        WHEN 'critical' THEN 10 WHEN 'high' THEN 6 WHEN 'medium' THEN 3 ELSE 1 END
$body$;
COMMENT ON FUNCTION pggit_excellence._severity_weight(text) IS
    'Internal: how much a hardening check counts in the score: critical 10, high 6, medium 3, low 1.';

-- The name of a profile, checked.
CREATE FUNCTION pggit_excellence._hardening_profile(profile text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF profile IS NULL OR profile NOT IN ('minimal', 'standard', 'strict') THEN
        RAISE EXCEPTION 'no such profile: %', pg_catalog.quote_nullable(profile)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'minimal: what lets an attacker in; standard: what every production server should have; strict: all there is.';
    END IF;
    RETURN profile;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._hardening_profile(text) IS
    'Internal: returns the profile (minimal, standard, strict), or raises an error that names them.';
