-- Whether a query fails, as a FIPS implementation makes it: refused; works; or what else went wrong.
CREATE FUNCTION pggit_excellence._refused(query text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    EXECUTE query;  -- pggit: ignore[PGX102] PUBLIC may not call it; fips_status() builds it of constants and a function name
    RETURN 'works';
EXCEPTION
    WHEN insufficient_privilege THEN RETURN 'unknown: ' || SQLERRM;
    WHEN OTHERS THEN RETURN 'refused: ' || SQLERRM;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._refused(text) IS
    'Internal: whether the server refuses a query that a FIPS implementation refuses: works, refused: message, or unknown: message.';

-- Facts of host_fips(), or none where the companion is missing or denied.
CREATE FUNCTION pggit_excellence._fips_facts()
RETURNS TABLE (fact text, value text, note text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 7
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    helper pg_catalog.regprocedure := pg_catalog.to_regprocedure('pggit_excellence.host_fips()');
BEGIN
    IF helper IS NOT NULL AND pg_catalog.has_function_privilege(helper::oid, 'EXECUTE') THEN
        RETURN QUERY EXECUTE 'SELECT h.fact, h.value, h.note FROM pggit_excellence.host_fips() AS h';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._fips_facts() IS
    'Internal: the rows of host_fips(); none where the companion extension is not there, or denied.';

-- Which algorithms pgGit's hash columns hold, by the length of what is in them: counted over 10,000 rows of each column.
CREATE FUNCTION pggit_excellence._hash_algorithms()
RETURNS TABLE (column_name text, algorithms jsonb, note text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT c.oid::pg_catalog.regclass AS relation, a.attname::text AS name,
               pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
                   AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') AS readable
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = pg_catalog.to_regnamespace('pggit') AND c.relkind IN ('r', 'p')
          AND a.attname ~ '(hash|checksum|digest)' AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'bytea'::regtype)
        ORDER BY c.relname, a.attnum
    LOOP
        IF NOT item.readable THEN
            RETURN QUERY SELECT pg_catalog.format('%s.%I', item.relation, item.name), NULL::jsonb,
                pg_catalog.format('hidden from role %I: GRANT SELECT ON %s', current_user, item.relation);
            CONTINUE;
        END IF;
        RETURN QUERY EXECUTE pg_catalog.format($query$
            SELECT $1, pg_catalog.jsonb_object_agg(k.algorithm, k.number), NULL::text
            FROM (
                SELECT CASE WHEN h.value !~ '^[0-9a-f]+$' THEN 'other'
                            ELSE COALESCE('{"32": "md5", "40": "sha1", "56": "sha224", "64": "sha256", "96": "sha384", "128": "sha512"}'::jsonb
                                          ->> pg_catalog.length(h.value)::text, 'other') END AS algorithm,
                       pg_catalog.count(*) AS number
                FROM (SELECT pg_catalog.lower(pg_catalog.ltrim(t.%1$I::text, '\x')) AS value FROM ONLY %2$s AS t
                      WHERE t.%1$I IS NOT NULL LIMIT 10000) AS h
                GROUP BY 1
            ) AS k$query$, item.name, item.relation) USING pg_catalog.format('%s.%I', item.relation, item.name);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._hash_algorithms() IS
    'Internal: for each hash column of pgGit''s tables the algorithms that its values look like, by their length in hexadecimal digits, counted over at most 10,000 rows; NULL: empty, or hidden as note says.';

-- What this server's cryptography does in FIPS 140 terms: behaviour first, settings where nothing else can be asked.
-- PARALLEL UNSAFE: what is refused is found by trying, in a subtransaction.
CREATE FUNCTION pggit_excellence.fips_status()
RETURNS TABLE (item text, status text, value text, note text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    facts    jsonb := (SELECT pg_catalog.jsonb_object_agg(f.fact, f.value) FROM pggit_excellence._fips_facts() AS f);
    no_facts text := 'CREATE EXTENSION pggit_excellence_plpython3u CASCADE, where the server has PL/Python, and a role with pg_monitor, show it';
    digest   pg_catalog.regproc;
    fips     pg_catalog.regproc;
    builtin  text;
BEGIN
    -- The kernel and the library.
    RETURN QUERY SELECT f.item, CASE WHEN f.found IS NULL THEN 'unknown' WHEN f.found = ANY (f.good) THEN 'pass' ELSE 'fail' END, f.found,
                        CASE WHEN facts IS NULL THEN no_facts ELSE f.text END
        FROM (VALUES
            ('kernel_mode', facts ->> 'kernel_mode', ARRAY['on'], 'the operating system was started in FIPS mode; NULL: /proc does not say'),
            ('library_default_properties', facts ->> 'default_properties', ARRAY['on'], 'OpenSSL takes algorithms from FIPS implementations only'),
            ('library_fips_sha256', facts ->> 'sha256_fips', ARRAY['fips'], 'the provider that SHA-256 comes from when a FIPS implementation is asked for'),
            ('library_sha256', facts ->> 'sha256', ARRAY['fips'], 'the provider that SHA-256 comes from in this session'),
            ('library_md5', facts ->> 'md5', ARRAY['refused'], 'the provider that MD5 comes from in this session')
        ) AS f (item, found, good, text);
    RETURN QUERY SELECT 'library_version', CASE WHEN facts ->> 'library' IS NULL THEN 'unknown' ELSE 'manual' END, facts ->> 'library',
                        CASE WHEN facts IS NULL THEN no_facts
                             ELSE 'active providers: ' || COALESCE(facts ->> 'providers', 'not known') || '; whether this build has a certificate: csrc.nist.gov, module search' END;

    -- The server itself.
    RETURN QUERY SELECT 'server_md5', CASE WHEN r.found LIKE 'refused%' THEN 'pass' ELSE 'fail' END, r.found,
                        'md5() of the server; a FIPS library refuses it'
        FROM (SELECT pggit_excellence._refused('SELECT pg_catalog.md5(''fips'')') AS found) AS r;
    RETURN QUERY SELECT 'server_sha256', CASE r.found WHEN 'works' THEN 'pass' ELSE 'fail' END, r.found, 'sha256() of the server, by which pgGit hashes'
        FROM (SELECT pggit_excellence._refused('SELECT pg_catalog.sha256(''fips''::bytea)') AS found) AS r;
    RETURN QUERY SELECT 'password_encryption', CASE s.found WHEN 'scram-sha-256' THEN 'pass' ELSE 'fail' END, s.found,
                        'SCRAM-SHA-256 is PBKDF2 and HMAC with SHA-256; md5 is not approved. Stored passwords: hardening check password_md5'
        FROM (SELECT pggit_excellence._setting('password_encryption') AS found) AS s;

    -- pgcrypto, wherever it is installed.
    SELECT p.oid INTO digest
    FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pgcrypto'
    JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid AND p.proname = 'digest' AND p.proargtypes[0] = 'text'::regtype
    WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.classid = 'pg_catalog.pg_proc'::regclass AND d.deptype = 'e';
    IF digest IS NULL THEN
        RETURN QUERY SELECT 'pgcrypto', 'not_applicable', NULL::text, 'pgcrypto is not installed in this database';
    ELSE
        RETURN QUERY SELECT 'pgcrypto_' || a.algorithm,
                            CASE WHEN r.found LIKE 'unknown%' THEN 'unknown' WHEN r.found LIKE 'refused%' = a.refuse THEN 'pass' ELSE 'fail' END, r.found,
                            pg_catalog.format('digest(..., %L)%s', a.algorithm, CASE WHEN a.refuse THEN '; a FIPS library refuses it' ELSE '' END)
            FROM (VALUES ('md5', true), ('sha256', false)) AS a (algorithm, refuse)
            CROSS JOIN LATERAL (SELECT pggit_excellence._refused(pg_catalog.format('SELECT %s(%L, %L)', digest, 'fips', a.algorithm)) AS found) AS r;
        -- crypt() and gen_salt() have their own code, which no library can refuse.
        PERFORM pggit_excellence._refused(pg_catalog.format('SELECT %s(%L, %L)', digest, '', 'sha256'));  -- loads the module's settings
        builtin := pg_catalog.current_setting('pgcrypto.builtin_crypto_enabled', true);
        RETURN QUERY SELECT 'pgcrypto_builtin', CASE WHEN builtin IN ('off', 'fips') THEN 'pass' ELSE 'fail' END, COALESCE(builtin, 'works'),
                            'crypt() and gen_salt() of pgcrypto do not use the library; pgcrypto.builtin_crypto_enabled (from 18 on) can refuse them: off, or fips for where the library is in FIPS mode';
        SELECT p.oid INTO fips
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pgcrypto'
        JOIN pg_catalog.pg_proc AS p ON p.oid = d.objid AND p.proname = 'fips_mode'
        WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.classid = 'pg_catalog.pg_proc'::regclass AND d.deptype = 'e';
        IF fips IS NOT NULL THEN
            RETURN QUERY EXECUTE pg_catalog.format(
                $query$SELECT 'pgcrypto_fips_mode', CASE WHEN m.fips THEN 'pass' ELSE 'fail' END, CASE WHEN m.fips THEN 'on' ELSE 'off' END, 'fips_mode() of pgcrypto (from 18 on)'
                       FROM (SELECT %s() AS fips) AS m$query$, fips);
        END IF;
    END IF;

    -- TLS, by its settings: the groups and suites that a FIPS library would refuse anyway.
    RETURN QUERY SELECT t.item, CASE WHEN pg_catalog.current_setting('ssl_library') = '' THEN 'not_applicable' WHEN s.setting IS NULL THEN 'unknown'
                                     WHEN s.setting ~* t.bad THEN 'fail' ELSE 'pass' END,
                        s.setting, CASE WHEN s.setting IS NULL THEN pg_catalog.format('the setting is hidden: GRANT pg_read_all_settings TO %I', current_user)
                                        ELSE t.text END
        FROM (VALUES
            ('tls_min_version', ARRAY['ssl_min_protocol_version'], '^(|TLSv1|TLSv1\.1)$', 'TLS 1.2 is the oldest that SP 800-52 allows'),
            ('tls_ciphers', ARRAY['ssl_ciphers'], '(^|[^!A-Z0-9])(CHACHA20|CAMELLIA|ARIA|SEED|IDEA|RC4|3DES|DES|MEDIUM|LOW|MD5|NULL|ALL|DEFAULT)',
             'suites for TLS 1.2 with algorithms that are not approved, or names of whole groups of them'),
            ('tls_groups', ARRAY['ssl_groups', 'ssl_ecdh_curve'], '(X25519|X448|brainpool|secp256k1)',
             'the NIST curves are approved; X25519 and X448 are not in SP 800-186''s list for key agreement')
        ) AS t (item, names, bad, text)
        LEFT JOIN pg_catalog.pg_settings AS s ON s.name = ANY (t.names);

    -- pgGit.
    IF pg_catalog.to_regnamespace('pggit') IS NULL THEN
        RETURN QUERY SELECT 'pggit_hashes', 'not_applicable', NULL::text, 'pgGit is not installed in this database';
        RETURN;
    END IF;
    RETURN QUERY SELECT 'pggit_hashes ' || h.column_name,
                        CASE WHEN h.note IS NOT NULL THEN 'unknown' WHEN h.algorithms IS NULL THEN 'not_applicable'
                             WHEN h.algorithms ?| ARRAY['md5', 'sha1'] THEN 'fail' WHEN h.algorithms ? 'other' THEN 'manual' ELSE 'pass' END,
                        (SELECT pg_catalog.string_agg(a.key || ': ' || a.value, ', ' ORDER BY a.key) FROM pg_catalog.jsonb_each_text(h.algorithms) AS a),
                        COALESCE(h.note, CASE WHEN h.algorithms IS NULL THEN 'no hash yet' ELSE 'by length: 64 hexadecimal digits are SHA-256, 32 are MD5' END)
        FROM pggit_excellence._hash_algorithms() AS h;
    RETURN QUERY SELECT 'pggit_functions_md5', CASE WHEN f.names IS NULL THEN 'pass' ELSE 'fail' END, f.names,
                        'functions of pgGit whose body calls md5; a FIPS library makes them fail'
        FROM (SELECT pg_catalog.string_agg(p.oid::pg_catalog.regprocedure::text, ', ' ORDER BY p.proname) AS names
              FROM pg_catalog.pg_proc AS p
              WHERE p.pronamespace = pg_catalog.to_regnamespace('pggit') AND p.prosrc ~* '(\mmd5\s*\(|,\s*''md5''\s*\))') AS f;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.fips_status() IS
    'What this server''s cryptography does in FIPS 140 terms, one row per item: kernel and OpenSSL (from host_fips() of the companion extension), what the server and pgcrypto refuse when it is tried, settings of TLS, and which algorithms pgGit''s hash columns hold (64 hexadecimal digits: SHA-256; 32: MD5, a finding). status pass, fail, manual (a person has to look it up), unknown (note says what would show it), not_applicable. Whether a module is validated no query can tell: docs/compliance/FIPS_COMPLIANCE.md. Reads at most 10,000 rows of each hash column. Takes no lock beyond reading. PARALLEL UNSAFE, because what is refused is found by trying.';
