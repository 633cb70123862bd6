-- Who is let in, and by which proof. The rules of pg_hba.conf are read as the server reads them: in their order.
CREATE FUNCTION pggit_excellence._checks_authentication()
RETURNS TABLE (check_id text, title text, severity text, profiles text[], remediation_kind text, refs jsonb, rationale text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 15
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
        ('hba_parse_error', 'pg_hba.conf has no line that the server cannot read',
         'high', '{minimal,standard,strict}'::text[], 'shell', '{"stig": ["V-261889"], "soc2": ["CC6.1"]}'::jsonb,
         'With one unreadable line the server ignores every change of the file, and does not start again after a stop.'),
        ('hba_trust', 'No rule of pg_hba.conf lets anybody in without proof (trust)',
         'critical', '{minimal,standard,strict}'::text[], 'shell', '{"cis": ["5.3", "5.4"], "stig": ["V-261890"], "soc2": ["CC6.1", "CC6.6"], "cwe": ["CWE-306"], "pgdsat": ["5.3", "5.4"]}'::jsonb,
         'Whoever reaches the socket or the port is whom he says he is, superusers included.'),
        ('hba_password', 'No rule asks for a password in clear text (password)',
         'high', '{minimal,standard,strict}'::text[], 'shell', '{"cis": ["5.3", "5.4"], "stig": ["V-261892"], "soc2": ["CC6.1", "CC6.7"], "cwe": ["CWE-319"], "pgdsat": ["5.3", "5.4"]}'::jsonb,
         'The password crosses the network as it is, and the server sees it.'),
        ('hba_md5', 'No rule uses md5',
         'medium', '{standard,strict}'::text[], 'shell', '{"cis": ["5.3", "5.4"], "stig": ["V-261891", "V-261965"], "soc2": ["CC6.1"], "cwe": ["CWE-328"], "pgdsat": ["5.3", "5.4"]}'::jsonb,
         'What crosses the network can be used to guess the password quickly, and the stored hash alone is enough to log in. PostgreSQL 18 warns of md5 and a later version removes it.'),
        ('hba_ident', 'No rule from another host believes what that host says of its user (ident)',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["5.4"], "stig": ["V-261890"], "soc2": ["CC6.1"], "cwe": ["CWE-290"], "pgdsat": ["5.4"]}'::jsonb,
         'The client''s own machine answers who its user is; whoever controls it is every user.'),
        ('hba_external_cleartext', 'LDAP, PAM, BSD and RADIUS passwords cross the network under TLS only',
         'high', '{standard,strict}'::text[], 'shell', '{"cis": ["5.4"], "stig": ["V-261892"], "soc2": ["CC6.7"], "cwe": ["CWE-319"], "pgdsat": ["5.4", "5.8"]}'::jsonb,
         'With these methods the client sends the password as it is; only TLS hides it.'),
        ('hba_superuser_remote', 'No superuser can log in from another host',
         'high', '{standard,strict}'::text[], 'shell', '{"soc2": ["CC6.1", "CC6.6"], "cwe": ["CWE-250"], "pgdsat": ["5.11"]}'::jsonb,
         'A superuser''s password that is guessed or stolen should be worth nothing without a login on the server''s host.'),
        ('hba_wide_address', 'No rule lets in a whole internet',
         'high', '{standard,strict}'::text[], 'shell', '{"soc2": ["CC6.6"], "cwe": ["CWE-284"], "pgdsat": ["5.9"]}'::jsonb,
         'An address range should be as wide as the clients are: all, 0.0.0.0/0, ::/0, IPv4 ranges wider than /8 and IPv6 ranges wider than /32 are not.'),
        ('hba_all_databases_and_users', 'No rule from another host lets every user into every database',
         'medium', '{strict}'::text[], 'shell', '{"stig": ["V-261859"], "soc2": ["CC6.1", "CC6.3"], "cwe": ["CWE-284"], "pgdsat": ["5.10"]}'::jsonb,
         'Rules that name databases and users keep out the roles and databases that nobody thought of. The remediation names this database; add the others.'),
        ('hba_shadowed', 'Every rule of pg_hba.conf can be reached',
         'medium', '{standard,strict}'::text[], 'shell', '{"stig": ["V-261859"], "soc2": ["CC6.1"], "cwe": ["CWE-561"]}'::jsonb,
         'The first rule that matches decides. A rule behind a wider one does nothing: a reject there refuses nobody.'),
        ('ident_map_wildcard', 'No map of pg_ident.conf makes anybody a role of his choice',
         'high', '{standard,strict}'::text[], 'shell', '{"stig": ["V-261895"], "soc2": ["CC6.1"], "cwe": ["CWE-290"]}'::jsonb,
         'A regular expression that matches every name, or the role name all, gives a database role to whoever has any account.'),
        ('authentication_timeout', 'A login attempt ends after a minute at most',
         'low', '{standard,strict}'::text[], 'sql', '{"soc2": ["CC6.6"], "cwe": ["CWE-400"], "pgdsat": ["5.7"]}'::jsonb,
         'Half-open logins occupy connections.'),
        ('auth_delay', 'A failed login is delayed',
         'low', '{strict}'::text[], 'restart', '{"soc2": ["CC6.6"], "cwe": ["CWE-307"], "pgdsat": ["5.7"]}'::jsonb,
         'Without a pause passwords can be guessed at the speed of the network. auth_delay and credcheck make one; the remediation loads auth_delay, which comes with PostgreSQL: set auth_delay.milliseconds then.'),
        ('listen_addresses', 'The server listens on named addresses only',
         'medium', '{standard,strict}'::text[], 'restart', '{"cis": ["5.2"], "stig": ["V-261889", "V-261926"], "soc2": ["CC6.6"], "cwe": ["CWE-668"], "pgdsat": ["5.2"]}'::jsonb,
         'With * a new network interface is an open door. The remediation leaves the loopback interface; name the addresses that clients need.'),
        ('role_connection_limit', 'Every role that can log in has a limit of connections',
         'low', '{strict}'::text[], 'sql', '{"cis": ["5.5"], "stig": ["V-261857"], "soc2": ["CC6.6", "A1.2"], "cwe": ["CWE-770"], "pgdsat": ["5.5"]}'::jsonb,
         'One role without a limit can take all connections. Superusers have their reserve.')
$body$;
COMMENT ON FUNCTION pggit_excellence._checks_authentication() IS 'Internal: the hardening checks of category authentication.';

CREATE FUNCTION pggit_excellence._check_hba_parse_error()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line, r.error, pg_catalog.format('%ss/^/# /', r.line)))
        FROM pggit_excellence._hba_rules() AS r
        WHERE r.error IS NOT NULL)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_parse_error() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_hba_trust()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   pg_catalog.format('%ss/^([^#]*[[:space:]])trust([[:space:]]|$)/\1%s\2/', r.line, CASE r.type WHEN 'local' THEN 'peer' ELSE 'scram-sha-256' END)))
        FROM pggit_excellence._hba_rules() AS r
        WHERE r.method = 'trust')) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_trust() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

-- What the checks of one method say: its rules, and the sed command that makes each ask for SCRAM.
--   connection_types  LIKE pattern of the rules' types
CREATE FUNCTION pggit_excellence._hba_method_verdict(method text, connection_types text)
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   pg_catalog.format('%ss/^([^#]*[[:space:]])%s([[:space:]]|$)/\1%s\2/', r.line, r.method, 'scram-sha-256')))
        FROM pggit_excellence._hba_rules() AS r
        WHERE r.method = _hba_method_verdict.method AND r.type LIKE connection_types)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_method_verdict(text, text) IS
    'Internal: the verdict on the rules of pg_hba.conf with this authentication method. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_hba_password()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._hba_method_verdict('password', '%') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_password() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_hba_md5()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._hba_method_verdict('md5', '%') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_md5() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_hba_ident()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._hba_method_verdict('ident', 'host%') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_ident() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_hba_external_cleartext()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   pg_catalog.format('%ss/^([[:space:]]*)host(nossl|nogssenc)?([[:space:]])/\1hostssl\3/', r.line)))
        FROM pggit_excellence._hba_rules() AS r
        WHERE r.method IN ('ldap', 'pam', 'bsd', 'radius') AND r.remote AND r.type IN ('host', 'hostnossl', 'hostnogssenc'))) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_external_cleartext() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

-- Order counts: a rule does no harm where an earlier reject takes the same connections.
CREATE FUNCTION pggit_excellence._check_hba_superuser_remote()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        WITH rules AS MATERIALIZED (SELECT h.* FROM pggit_excellence._hba_rules() AS h WHERE h.error IS NULL)
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   pg_catalog.format('%si host all %s all reject', r.line,
                       (SELECT pg_catalog.string_agg('"' || pg_catalog.replace(a.name, '"', '""') || '"', ',' ORDER BY a.name)
                        FROM pg_catalog.unnest(s.roles) AS a (name))), pg_catalog.jsonb_build_object('superusers', s.roles)))
        FROM rules AS r
        CROSS JOIN LATERAL (
            SELECT pg_catalog.array_agg(u.rolname::text ORDER BY u.rolname) AS roles
            FROM pg_catalog.pg_roles AS u
            WHERE u.rolsuper AND u.rolcanlogin AND pggit_excellence._hba_names_role(r.users, u.rolname::text)
              AND NOT EXISTS (
                  SELECT FROM rules AS e
                  WHERE e.rule < r.rule AND e.method = 'reject'
                    AND pggit_excellence._hba_names_role(e.users, u.rolname::text)
                    AND pggit_excellence._hba_type_covers(e.type, r.type)
                    AND pggit_excellence._hba_names_cover(e.databases, r.databases, ARRAY['all'], ARRAY['all'])
                    AND pggit_excellence._hba_address_covers(e.address, e.network, r.address, r.network))
        ) AS s
        WHERE r.remote AND r.method <> 'reject' AND r.databases <> ARRAY['replication'] AND s.roles IS NOT NULL)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_superuser_remote() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_hba_wide_address()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   pg_catalog.format('%ss/^([[:space:]]*(("[^"]*"|[^[:space:]"])+[[:space:]]+){3})[^[:space:]]+([[:space:]]+[0-9.]+|[[:space:]]+[0-9a-fA-F]*:[0-9a-fA-F:]*)?([[:space:]])/\1samenet\5/', r.line)))
        FROM pggit_excellence._hba_rules() AS r
        WHERE r.remote AND r.method <> 'reject' AND (r.address = 'all' OR pg_catalog.masklen(r.network) < CASE pg_catalog.family(r.network) WHEN 4 THEN 8 ELSE 32 END))) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_wide_address() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_hba_all_databases_and_users()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(r.file, r.line,
                   pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   pg_catalog.format('%ss/^([[:space:]]*[^[:space:]]+[[:space:]]+)all([[:space:]])/\1"%s"\2/', r.line,
                       pg_catalog.regexp_replace(pg_catalog.current_database(), '([\\/&])', '\\\1', 'g'))))
        FROM pggit_excellence._hba_rules() AS r
        WHERE r.remote AND r.method <> 'reject' AND r.databases = ARRAY['all'] AND r.users = ARRAY['all'])) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_all_databases_and_users() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

-- A reject moves before what hides it, unless both take exactly the same; any other rule is commented out.
CREATE FUNCTION pggit_excellence._check_hba_shadowed()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        WITH rules AS MATERIALIZED (
            SELECT r.rule, r.file, r.line, r.type, r.databases, r.users, r.address, r.network, r.method
            FROM pggit_excellence._hba_rules() AS r WHERE r.error IS NULL
        )
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(
                   r.file, r.line, pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method),
                   CASE WHEN r.method = 'reject' AND w.method <> 'reject' AND w.file = r.file
                        THEN pg_catalog.format(E'%si %s\n%ss/^/# /', w.line,
                                 pggit_excellence._hba_text(r.type, r.databases, r.users, r.address, r.network, r.method), r.line)
                        ELSE pg_catalog.format('%ss/^/# /', r.line) END,
                   pg_catalog.jsonb_build_object('behind_line', w.line, 'behind_rule',
                       pggit_excellence._hba_text(w.type, w.databases, w.users, w.address, w.network, w.method))))
        FROM rules AS r
        CROSS JOIN LATERAL (
            SELECT e.rule, e.file, e.line, e.type, e.databases, e.users, e.address, e.network, e.method
            FROM rules AS e
            WHERE e.rule < r.rule AND pggit_excellence._hba_type_covers(e.type, r.type)
              AND pggit_excellence._hba_names_cover(e.databases, r.databases, e.users, r.users)
              AND pggit_excellence._hba_address_covers(e.address, e.network, r.address, r.network)
            ORDER BY e.rule
            LIMIT 1
        ) AS w)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_hba_shadowed() IS
    'Internal: hardening check: the rules of pg_hba.conf, in their order. Source: pg_hba_file_rules.';

CREATE FUNCTION pggit_excellence._check_ident_map_wildcard()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._hba_verdict((
        SELECT pg_catalog.jsonb_agg(pggit_excellence._hba_fault(m.file, m.line,
                   pg_catalog.concat_ws(' ', m.map, m.system_user_name, m.role_name), pg_catalog.format('%ss/^/# /', m.line)))
        FROM pggit_excellence._ident_maps() AS m
        WHERE (m.system_user_name LIKE '/%' AND 'zz-nobody.17' ~ pg_catalog.substr(m.system_user_name, 2)
               AND 'Eve Example@elsewhere' ~ pg_catalog.substr(m.system_user_name, 2) AND m.role_name NOT LIKE '%\\1%')
           OR (pg_catalog.current_setting('server_version_num')::integer >= 160000 AND m.role_name = 'all'))) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_ident_map_wildcard() IS
    'Internal: hardening check: the maps of pg_ident.conf. Source: pg_ident_file_mappings, before 15 the file.';

CREATE FUNCTION pggit_excellence._check_authentication_timeout()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._number_verdict('authentication_timeout', 1, 60, '1min') AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_authentication_timeout() IS
    'Internal: hardening check: the setting authentication_timeout, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_auth_delay()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation FROM pggit_excellence._library_verdict(ARRAY['auth_delay', 'credcheck']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_auth_delay() IS
    'Internal: hardening check: the libraries that are loaded with the server. Source: shared_preload_libraries.';

CREATE FUNCTION pggit_excellence._check_listen_addresses()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._setting_verdict('listen_addresses', '^(?!.*(\*|0\.0\.0\.0|(^|[ ,])::($|[ ,])))', ARRAY['localhost']) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_listen_addresses() IS
    'Internal: hardening check: the setting listen_addresses, as new sessions get it. Source: pg_settings.';

CREATE FUNCTION pggit_excellence._check_role_connection_limit()
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT v.status, v.evidence, v.remediation
    FROM pggit_excellence._verdict('fail', ARRAY(
        SELECT (pg_catalog.quote_ident(r.rolname), pg_catalog.format('ALTER ROLE %I CONNECTION LIMIT 100', r.rolname))::pggit_excellence._fault
        FROM pg_catalog.pg_roles AS r
        WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolconnlimit = -1)) AS v
$body$;
COMMENT ON FUNCTION pggit_excellence._check_role_connection_limit() IS
    'Internal: hardening check: roles that can log in. Source: pg_roles.';
