-- How passwords are stored, and whether they are worth something.
CREATE FUNCTION pggit_excellence._checks_passwords()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 8
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('password_encryption', 'New passwords are stored as SCRAM',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["5.4"], "stig": ["V-261891"], "soc2": ["CC6.1"], "cwe": ["CWE-916"], "pgdsat": ["5.12"]}'::jsonb,
         'md5 hashes have no salt of their own and are as good as the password.'),
        ('password_md5', 'No password is stored as md5',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"stig": ["V-261891"], "soc2": ["CC6.1"], "cwe": ["CWE-916"], "pgdsat": ["5.12"]}'::jsonb,
         'Who reads such a hash, from a backup for instance, logs in with it. The remediation takes the password away; somebody who knows who owns the role sets a new one: \password ROLE.'),
        ('password_is_role_name', 'No password is the name of its role',
         'critical', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["5.6"], "stig": ["V-261890"], "soc2": ["CC6.1"], "cwe": ["CWE-521", "CWE-1391"], "pgdsat": ["5.6"]}'::jsonb,
         'It is the first one that is tried. Looked at: all md5 passwords, and the SCRAM ones of ten roles, superusers first (20 ms each).'),
        ('scram_iterations', 'Stored passwords have the usual number of SCRAM iterations',
         'low', '{standard,strict}'::text[], 'sql', '{"stig": ["V-261891"], "soc2": ["CC6.1"], "cwe": ["CWE-916"]}'::jsonb,
         'Fewer than 4096 make guessing a stolen verifier cheaper. The remediation takes the password away: set it again.'),
        ('password_expiry', 'Every password expires',
         'medium', '{strict}'::text[], 'sql', '{"cis": ["5.6"], "stig": ["V-261858"], "soc2": ["CC6.1", "CC6.2"], "cwe": ["CWE-262"], "pgdsat": ["5.6"]}'::jsonb,
         'VALID UNTIL ends a password that nobody changes. The remediation gives 90 days; only the password ends, sessions and other methods do not.'),
        ('password_expired_login', 'Roles whose password has expired cannot log in',
         'low', '{standard,strict}'::text[], 'sql', '{"cis": ["4.4"], "stig": ["V-261858"], "soc2": ["CC6.2", "CC6.3"], "cwe": ["CWE-613"], "pgdsat": ["4.4"]}'::jsonb,
         'What is not used any more is closed by every way in, not by the password alone.'),
        ('login_without_password', 'Roles without a password are those that prove themselves in another way',
         'medium', '{strict}'::text[], 'sql', '{"cis": ["4.10"], "stig": ["V-261890"], "soc2": ["CC6.1", "CC6.2"], "cwe": ["CWE-258"]}'::jsonb,
         'A role that may log in, has no password, and for which pg_hba.conf has rules with passwords or trust only: either nobody can use it, or everybody. Superusers are left out: mend their rules (hba_trust) first.'),
        ('password_strength_module', 'Weak passwords are refused',
         'medium', '{strict}'::text[], 'restart', '{"cis": ["5.6"], "stig": ["V-261858"], "soc2": ["CC6.1"], "cwe": ["CWE-521"], "pgdsat": ["5.6"]}'::jsonb,
         'passwordcheck comes with PostgreSQL; credcheck and passwordpolicy do more. They see passwords that are sent in clear text only, not those that psql''s \password has hashed.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_passwords() IS 'Internal: the hardening checks of category passwords.';

-- The roles with their stored passwords, for superusers; for others an error.
CREATE FUNCTION pggit_excellence._role_passwords()
RETURNS TABLE (role_name text, is_super boolean, can_login boolean, verifier text, valid_until timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') THEN
        RAISE EXCEPTION 'stored passwords are hidden from role %: only a superuser sees pg_authid', pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY SELECT a.rolname::text, a.rolsuper, a.rolcanlogin, a.rolpassword, a.rolvaliduntil FROM pg_catalog.pg_authid AS a;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._role_passwords() IS
    'Internal: roles with their stored passwords (hashes; NULL: none); an error for who may not see them. Source: pg_authid.';

-- Whether a stored SCRAM verifier is that of this password (RFC 5802; ASCII only). NULL: no SCRAM verifier, or more
-- iterations than are worth the time. 4096 iterations take about 20 ms.
CREATE FUNCTION pggit_excellence._scram_matches(verifier text, password text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    parts      text[] := pg_catalog.regexp_match(verifier, '^SCRAM-SHA-256\$([0-9]+):([^$]+)\$[^:]+:(.+)$');
    key        bytea := pg_catalog.convert_to(password, 'UTF8');
    inner_pad  bytea := pg_catalog.decode(pg_catalog.repeat('36', 64), 'hex');
    outer_pad  bytea := pg_catalog.decode(pg_catalog.repeat('5c', 64), 'hex');
    block      bytea;
    salted     bit(256);
BEGIN
    IF parts IS NULL OR parts[1]::integer > 10000 OR pg_catalog.length(key) > 64 THEN
        RETURN NULL;
    END IF;
    FOR place IN 0 .. pg_catalog.length(key) - 1 LOOP
        inner_pad := pg_catalog.set_byte(inner_pad, place, 54 # pg_catalog.get_byte(key, place));
        outer_pad := pg_catalog.set_byte(outer_pad, place, 92 # pg_catalog.get_byte(key, place));
    END LOOP;
    block := pg_catalog.sha256(outer_pad || pg_catalog.sha256(inner_pad || pg_catalog.decode(parts[2], 'base64') || '\x00000001'::bytea));
    salted := ('x' || pg_catalog.encode(block, 'hex'))::bit(256);
    FOR round IN 2 .. parts[1]::integer LOOP
        block := pg_catalog.sha256(outer_pad || pg_catalog.sha256(inner_pad || block));
        salted := salted # ('x' || pg_catalog.encode(block, 'hex'))::bit(256);
    END LOOP;
    key := pg_catalog.decode((SELECT pg_catalog.string_agg(pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.substring(salted, 1 + 8 * n.number, 8)::integer), 2, '0'), '' ORDER BY n.number)
                              FROM pg_catalog.generate_series(0, 31) AS n (number)), 'hex');
    inner_pad := pg_catalog.decode(pg_catalog.repeat('36', 64), 'hex');
    outer_pad := pg_catalog.decode(pg_catalog.repeat('5c', 64), 'hex');
    FOR place IN 0 .. 31 LOOP
        inner_pad := pg_catalog.set_byte(inner_pad, place, 54 # pg_catalog.get_byte(key, place));
        outer_pad := pg_catalog.set_byte(outer_pad, place, 92 # pg_catalog.get_byte(key, place));
    END LOOP;
    RETURN pg_catalog.sha256(outer_pad || pg_catalog.sha256(inner_pad || pg_catalog.convert_to('Server Key', 'UTF8'))) = pg_catalog.decode(parts[3], 'base64');
END
$body$;
COMMENT ON FUNCTION pggit_excellence._scram_matches(text, text) IS
    'Internal: whether a stored SCRAM-SHA-256 verifier is that of a password; NULL: not to be told.';

-- Whether an md5 verifier is that of the role's own name.
CREATE FUNCTION pggit_excellence._md5_matches(verifier text, role_name text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT verifier = 'md5' || pg_catalog.md5(role_name || role_name)
$body$;
COMMENT ON FUNCTION pggit_excellence._md5_matches(text, text) IS 'Internal: whether an md5 verifier is that of the name of its role.';

CREATE FUNCTION pggit_excellence._check_password_encryption()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('password_encryption', '^scram-sha-256$', ARRAY['scram-sha-256']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_encryption() IS
    'Internal: hardening check: the setting password_encryption, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_password_md5()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(p.role_name), pg_catalog.format('ALTER ROLE %I PASSWORD NULL', p.role_name))::pggit_excellence._fault
        FROM pggit_excellence._role_passwords() AS p
        WHERE p.verifier LIKE 'md5%')) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_md5() IS
    'Internal: hardening check: stored passwords of roles. Source: pg_authid.';

CREATE FUNCTION pggit_excellence._check_password_is_role_name()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(t.role_name), pg_catalog.format('ALTER ROLE %I PASSWORD NULL', t.role_name))::pggit_excellence._fault
        FROM (
            SELECT p.role_name, p.verifier, pg_catalog.row_number() OVER (PARTITION BY p.verifier LIKE 'md5%' ORDER BY p.is_super DESC, p.role_name COLLATE "C") AS number
            FROM pggit_excellence._role_passwords() AS p
            WHERE p.verifier IS NOT NULL AND p.can_login
        ) AS t
        WHERE CASE WHEN t.verifier LIKE 'md5%' THEN pggit_excellence._md5_matches(t.verifier, t.role_name)
                   WHEN t.number <= 10 THEN pggit_excellence._scram_matches(t.verifier, t.role_name) END)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_is_role_name() IS
    'Internal: hardening check: stored passwords of roles. Source: pg_authid.';

CREATE FUNCTION pggit_excellence._check_scram_iterations()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(p.role_name), pg_catalog.format('ALTER ROLE %I PASSWORD NULL', p.role_name))::pggit_excellence._fault
        FROM pggit_excellence._role_passwords() AS p
        WHERE (pg_catalog.regexp_match(p.verifier, '^SCRAM-SHA-256\$([0-9]+):'))[1]::integer < 4096)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_scram_iterations() IS
    'Internal: hardening check: stored passwords of roles. Source: pg_authid.';

CREATE FUNCTION pggit_excellence._check_password_expiry()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(p.role_name), pg_catalog.format('ALTER ROLE %I VALID UNTIL %L', p.role_name, (pg_catalog.now() + interval '90 days')::date))::pggit_excellence._fault
        FROM pggit_excellence._role_passwords() AS p
        WHERE p.can_login AND p.verifier IS NOT NULL AND COALESCE(p.valid_until, 'infinity') = 'infinity')) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_expiry() IS
    'Internal: hardening check: stored passwords of roles. Source: pg_authid.';

CREATE FUNCTION pggit_excellence._check_password_expired_login()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(p.role_name), pg_catalog.format('ALTER ROLE %I NOLOGIN', p.role_name))::pggit_excellence._fault
        FROM (SELECT r.rolname::text AS role_name, r.rolcanlogin, r.rolvaliduntil FROM pg_catalog.pg_roles AS r) AS p
        WHERE p.rolcanlogin AND p.rolvaliduntil < pg_catalog.now())) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_expired_login() IS
    'Internal: hardening check: roles that can log in, and their VALID UNTIL. Source: pg_roles.';

CREATE FUNCTION pggit_excellence._check_login_without_password()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(p.role_name), pg_catalog.format('ALTER ROLE %I NOLOGIN', p.role_name))::pggit_excellence._fault
        FROM pggit_excellence._role_passwords() AS p
        WHERE p.can_login AND p.verifier IS NULL AND NOT p.is_super
          AND NOT EXISTS (
              SELECT FROM pggit_excellence._hba_rules() AS h
              WHERE h.error IS NULL AND h.method NOT IN ('reject', 'trust', 'password', 'md5', 'scram-sha-256')
                AND h.databases <> ARRAY['replication'] AND pggit_excellence._hba_names_role(h.users, p.role_name)))) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_login_without_password() IS
    'Internal: hardening check: roles without a password, and the rules of pg_hba.conf that name them. Source: pg_authid, pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_password_strength_module()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._library_verdict(ARRAY['passwordcheck', 'credcheck', 'passwordpolicy']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_password_strength_module() IS
    'Internal: hardening check: the libraries that are loaded with the server. Source: shared_preload_libraries.';
