-- What crosses the network, and the certificate that proves who the server is.
CREATE FUNCTION pggit_excellence._checks_tls()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 11
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('tls_enabled', 'TLS is on',
         'high', '{minimal,standard,strict}'::text[], 'shell', '{"cis": ["6.8"], "stig": ["V-261933", "V-261932"], "soc2": ["CC6.7"], "cwe": ["CWE-319"], "pgdsat": ["6.8"]}'::jsonb,
         'Without TLS passwords'' proofs and all data cross the network for everybody on the way to read and to change. The remediation makes a self-signed certificate where there is none: replace it by one of your certificate authority, so that clients can use sslmode=verify-full.'),
        ('hba_without_tls', 'Every rule for another host asks for TLS',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["5.4", "6.8"], "stig": ["V-261933"], "soc2": ["CC6.7"], "cwe": ["CWE-319"], "pgdsat": ["5.8"]}'::jsonb,
         'A rule of type host takes connections without TLS as well, whatever the setting ssl says. The remediation makes it hostssl (mend tls_enabled first).'),
        ('tls_sessions', 'No session from another host goes without encryption now',
         'high', '{standard,strict}'::text[], 'sql', '{"cis": ["6.8"], "stig": ["V-261933"], "soc2": ["CC6.7"], "cwe": ["CWE-319"], "pgdsat": ["5.8"]}'::jsonb,
         'What the rules allow is used. The remediation ends these sessions; mend hba_without_tls first, or they come back.'),
        ('tls_min_version', 'TLS older than 1.2 is refused',
         'high', '{minimal,standard,strict}'::text[], 'sql', '{"cis": ["6.9"], "stig": ["V-261933"], "soc2": ["CC6.7"], "cwe": ["CWE-326"], "pgdsat": ["6.8"]}'::jsonb,
         'TLS 1.0 and 1.1 have known weaknesses; RFC 8996 withdrew both.'),
        ('tls_max_version', 'TLS 1.3 is allowed',
         'low', '{strict}'::text[], 'sql', '{"soc2": ["CC6.7"], "cwe": ["CWE-757"]}'::jsonb,
         'A highest version keeps clients from the best one that both know.'),
        ('tls_ciphers', 'No weak cipher is allowed for TLS 1.2',
         'medium', '{standard,strict}'::text[], 'sql', '{"cis": ["6.10"], "stig": ["V-261966"], "soc2": ["CC6.7"], "cwe": ["CWE-327"], "pgdsat": ["6.10"]}'::jsonb,
         'The default still has 3DES and suites without forward secrecy. The remediation leaves ECDHE with AES-GCM or ChaCha20.'),
        ('tls_prefer_server_ciphers', 'The server''s order of ciphers counts',
         'low', '{standard,strict}'::text[], 'sql', '{"soc2": ["CC6.7"], "cwe": ["CWE-757"]}'::jsonb,
         'Else an old client picks the weakest cipher that both know.'),
        ('tls_groups', 'Keys are agreed on in strong groups only',
         'medium', '{standard,strict}'::text[], 'sql', '{"stig": ["V-261966"], "soc2": ["CC6.7"], "cwe": ["CWE-326"]}'::jsonb,
         'Groups below 256 bits are weak. The setting is ssl_groups from PostgreSQL 18 on, ssl_ecdh_curve before.'),
        ('tls_certificate_expiry', 'The server''s certificate is valid for 30 more days',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["6.8"], "stig": ["V-261893"], "soc2": ["CC6.7", "A1.2"], "cwe": ["CWE-298"], "pgdsat": ["6.8"]}'::jsonb,
         'On the day it expires every client that checks it is locked out. fail: less than 14 days or not yet valid; warn: less than 30. The remediation renews a self-signed certificate; have another one renewed by its authority.'),
        ('tls_certificate_strength', 'The server''s certificate has a strong key and signature',
         'medium', '{standard,strict}'::text[], 'shell', '{"cis": ["6.8"], "stig": ["V-261966", "V-261929"], "soc2": ["CC6.7"], "cwe": ["CWE-326"], "pgdsat": ["6.8"]}'::jsonb,
         'RSA below 2048 bits, curves below 256 bits, and signatures with MD5 or SHA-1 can be forged. The remediation makes a new self-signed certificate where it was one.'),
        ('tls_key_mode', 'Nobody but the server reads its private key',
         'critical', '{minimal,standard,strict}'::text[], 'shell', '{"cis": ["6.8"], "stig": ["V-261894"], "soc2": ["CC6.1"], "cwe": ["CWE-732"], "pgdsat": ["6.8"]}'::jsonb,
         'Who has the key can be the server, and read what he recorded before where suites lack forward secrecy. A running server does not look again; one that starts refuses such a key.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_tls() IS 'Internal: the hardening checks of category tls.';

CREATE FUNCTION pggit_excellence._check_tls_enabled()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN t.library = '' THEN 'fail' WHEN t.enabled = 'on' THEN 'pass' ELSE 'fail' END,
           pg_catalog.jsonb_build_object('setting', 'ssl', 'value', t.enabled, 'library', t.library),
           CASE WHEN t.library = '' THEN '# This server is built without TLS: install one that is built with OpenSSL.'
                WHEN t.enabled <> 'on' THEN E'# On the server''s host, as its user:\n'
                    || pg_catalog.format('test -e %s || openssl req -new -x509 -days 365 -nodes -subj "/CN=$(uname -n)" -out %s -keyout %s',
                                         t.certificate, t.certificate, t.key)
                    || pg_catalog.format(E'\nchmod 600 %s\npsql -X -c ''ALTER SYSTEM SET ssl = on'' -c ''SELECT pg_catalog.pg_reload_conf()''', t.key) END
    FROM (
        SELECT pggit_excellence._setting('ssl_library') AS library, pggit_excellence._setting('ssl') AS enabled,
               pggit_excellence._shell_quoted(pggit_excellence._data_path(pggit_excellence._setting('ssl_cert_file'))) AS certificate,
               pggit_excellence._shell_quoted(pggit_excellence._data_path(pggit_excellence._setting('ssl_key_file'))) AS key
        OFFSET 0
    ) AS t
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_enabled() IS
    'Internal: hardening check: the setting ssl, and whether the server is built with TLS. Source: pg_settings.';

-- Order counts: hostnossl ... reject before it takes the connections without TLS out of a rule of type host.
CREATE FUNCTION pggit_excellence._check_hba_without_tls()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        WITH rules AS MATERIALIZED (SELECT h.* FROM pggit_excellence._hba_rules() AS h WHERE h.error IS NULL)
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   pg_catalog.format('%ss/^([[:space:]]*)host(nossl|nogssenc)?([[:space:]])/\1hostssl\3/', r.line)))
        FROM rules AS r
        WHERE r.remote AND r.method <> 'reject' AND r.type IN ('host', 'hostnossl', 'hostnogssenc')
          AND NOT EXISTS (
              SELECT FROM rules AS e
              WHERE e.rule < r.rule AND e.method = 'reject'
                AND pggit_excellence._hba_type_covers(e.type, 'hostnossl')
                AND pggit_excellence._hba_names_cover(e.databases, r.databases, e.users, r.users)
                AND pggit_excellence._hba_address_covers(e.address, e.network, r.address, r.network)))) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_without_tls() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_tls_sessions()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.pids IS NULL THEN CASE WHEN s.may_see THEN 'pass' ELSE 'unknown' END ELSE 'fail' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('sessions', s.sessions, 'count', COALESCE(pg_catalog.cardinality(s.pids), 0),
               'reason', CASE WHEN NOT s.may_see THEN pg_catalog.format(
                   'addresses of other roles'' sessions are hidden: GRANT pg_read_all_stats TO %I', current_user) END)),
           CASE WHEN s.pids IS NOT NULL THEN pg_catalog.format(
               'SELECT pg_catalog.pg_terminate_backend(s.pid) FROM pg_catalog.unnest(%L::integer[]) AS s (pid);', s.pids) END
    FROM (
        SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS may_see, pg_catalog.array_agg(a.pid ORDER BY a.pid) AS pids,
               pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('pid', a.pid, 'role', a.usename, 'address', pg_catalog.host(a.client_addr),
                                                                  'application', a.application_name) ORDER BY a.pid) AS sessions
        FROM pg_catalog.pg_stat_activity AS a
        LEFT JOIN pg_catalog.pg_stat_ssl AS t ON t.pid = a.pid
        LEFT JOIN pg_catalog.pg_stat_gssapi AS g ON g.pid = a.pid
        WHERE a.client_addr IS NOT NULL AND NOT COALESCE(t.ssl, false) AND NOT COALESCE(g.encrypted, false)
          AND NOT (a.client_addr <<= '127.0.0.0/8'::inet OR a.client_addr <<= '::1/128'::inet)
    ) AS s
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_sessions() IS
    'Internal: hardening check: the sessions of now. Source: pg_stat_activity, pg_stat_ssl, pg_stat_gssapi.';

CREATE FUNCTION pggit_excellence._check_tls_min_version()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('ssl_min_protocol_version', '^TLSv1\.[23]$', ARRAY['TLSv1.2']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_min_version() IS
    'Internal: hardening check: the setting ssl_min_protocol_version, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_tls_max_version()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('ssl_max_protocol_version', '^(TLSv1\.3|)$', ARRAY['TLSv1.3']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_max_version() IS
    'Internal: hardening check: the setting ssl_max_protocol_version, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_tls_ciphers()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN t.library = '' THEN 'not_applicable' ELSE v.status END,
           CASE WHEN t.library = '' THEN pg_catalog.jsonb_build_object('reason', 'this server is built without TLS') ELSE v.evidence END,
           CASE WHEN t.library <> '' THEN v.remediation END
    FROM (SELECT pggit_excellence._setting('ssl_library') AS library OFFSET 0) AS t
    CROSS JOIN pggit_excellence._setting_verdict(
        'ssl_ciphers', '^(?!.*(^|[:, ])[+]?(DEFAULT|ALL|COMPLEMENTOFALL|HIGH|MEDIUM|LOW|EXPORT|EXP|eNULL|NULL|aNULL|ADH|AECDH|RC4|RC2|DES|3DES|IDEA|SEED|CAMELLIA|MD5|SHA1|SHA|kRSA|RSA|AES|AESGCM)([:+, ]|$))(?!.*(RC4|3DES|DES-CBC|NULL-|EXP-|-MD5|-SHA(:|$))).+$',
        ARRAY['ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_ciphers() IS
    'Internal: hardening check: the setting ssl_ciphers. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_tls_prefer_server_ciphers()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('ssl_prefer_server_ciphers', '^on$', ARRAY['on']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_prefer_server_ciphers() IS
    'Internal: hardening check: the setting ssl_prefer_server_ciphers, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_tls_groups()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN t.library = '' THEN 'not_applicable' ELSE v.status END,
           CASE WHEN t.library = '' THEN pg_catalog.jsonb_build_object('reason', 'this server is built without TLS') ELSE v.evidence END,
           CASE WHEN t.library <> '' THEN v.remediation END
    FROM (
        SELECT pggit_excellence._setting('ssl_library') AS library,
               CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 180000 THEN 'ssl_groups' ELSE 'ssl_ecdh_curve' END AS name
        OFFSET 0
    ) AS t
    CROSS JOIN LATERAL pggit_excellence._setting_verdict(
        t.name, '^(auto|((X25519MLKEM768|SecP256r1MLKEM768|SecP384r1MLKEM1024|X25519|X448|x25519|x448|prime256v1|P-256|secp384r1|P-384|secp521r1|P-521|ffdhe(2048|3072|4096|6144|8192)|brainpoolP(256|384|512)r1)(:|$))+)$',
        ARRAY[CASE t.name WHEN 'ssl_groups' THEN 'X25519:prime256v1' ELSE 'prime256v1' END]) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_groups() IS
    'Internal: hardening check: ssl_groups, before 18 ssl_ecdh_curve. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_tls_certificate_expiry()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.note = 'TLS is off' THEN 'not_applicable' WHEN f.not_after IS NULL THEN 'unknown' WHEN f.not_after < pg_catalog.now() + interval '14 days' OR f.not_before > pg_catalog.now() THEN 'fail'
                WHEN f.not_after < pg_catalog.now() + interval '30 days' THEN 'warn' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('path', f.path, 'not_before', f.not_before, 'not_after', f.not_after, 'reason', f.note)),
           CASE WHEN f.not_after < pg_catalog.now() + interval '30 days' OR f.not_before > pg_catalog.now() THEN
               E'# On the server''s host, as its user:\n' || CASE WHEN (f.detail ->> 'self_signed')::boolean
                   THEN pg_catalog.format(E'openssl req -new -x509 -days 365 -subj "/CN=$(uname -n)" -key %s -out %s\n',
                                          pggit_excellence._shell_quoted(pggit_excellence._data_path(pggit_excellence._setting('ssl_key_file'))),
                                          pggit_excellence._shell_quoted(f.path))
                   ELSE pg_catalog.format(E'# Put the certificate that your certificate authority renews into %s. Then:\n', f.path) END
               || 'psql -X -c ''SELECT pg_catalog.pg_reload_conf()''' END
    FROM (
        SELECT h.path, h.detail, h.note, (h.detail ->> 'not_after')::timestamptz AS not_after, (h.detail ->> 'not_before')::timestamptz AS not_before
        FROM pggit_excellence._host_facts('certificate') AS h
        WHERE pggit_excellence._setting('ssl') = 'on'
        UNION ALL
        SELECT NULL, NULL, 'TLS is off', NULL, NULL WHERE pggit_excellence._setting('ssl') <> 'on'
    ) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_certificate_expiry() IS
    'Internal: hardening check: the server''s certificate. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_tls_certificate_strength()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN f.note = 'TLS is off' THEN 'not_applicable' WHEN f.key_bits IS NULL THEN 'unknown' WHEN f.weak THEN 'fail' ELSE 'pass' END,
           pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('path', f.path, 'key', f.key_type, 'bits', f.key_bits, 'signature', f.signature, 'reason', f.note)),
           CASE WHEN f.weak THEN E'# On the server''s host, as its user:\n' || CASE WHEN (f.detail ->> 'self_signed')::boolean
               THEN pg_catalog.format(E'openssl req -new -x509 -sha256 -newkey rsa:3072 -nodes -days 365 -subj "/CN=$(uname -n)" -keyout %s -out %s\n',
                                      pggit_excellence._shell_quoted(pggit_excellence._data_path(pggit_excellence._setting('ssl_key_file'))),
                                      pggit_excellence._shell_quoted(f.path))
               ELSE pg_catalog.format(E'# Have your certificate authority make a stronger one for %s. Then:\n', f.path) END
               || 'psql -X -c ''SELECT pg_catalog.pg_reload_conf()''' END
    FROM (
        SELECT h.path, h.detail, h.note, h.detail ->> 'key_type' AS key_type, (h.detail ->> 'key_bits')::integer AS key_bits, h.detail ->> 'signature' AS signature,
               (h.detail ->> 'key_type' = 'rsa' AND (h.detail ->> 'key_bits')::integer < 2048)
                   OR (h.detail ->> 'key_type' = 'ec' AND (h.detail ->> 'key_bits')::integer < 256)
                   OR h.detail ->> 'signature' ~* '(md5|sha1)' AS weak
        FROM pggit_excellence._host_facts('certificate') AS h
        WHERE pggit_excellence._setting('ssl') = 'on'
        UNION ALL
        SELECT NULL, NULL, 'TLS is off', NULL, NULL, NULL, NULL WHERE pggit_excellence._setting('ssl') <> 'on'
    ) AS f
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_certificate_strength() IS
    'Internal: hardening check: the server''s certificate. Source: host_security() of the companion extension.';

CREATE FUNCTION pggit_excellence._check_tls_key_mode()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._mode_verdict('private_key', CASE WHEN pggit_excellence._setting('ssl') <> 'on' THEN 'TLS is off' END, 63, '0600') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_tls_key_mode() IS
    'Internal: hardening check: the private key for TLS. Source: host_security() of the companion extension.';
