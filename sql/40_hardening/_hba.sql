-- The rules of pg_hba.conf in the order in which the server tries them, as the file is now (pg_reload_conf() makes the
-- server use it). Before 16 there is one file and no rule_number.
--   network   of the address; NULL: all, samehost, samenet, a host name, or a local rule
--   remote    whether it lets in somebody from another host
CREATE FUNCTION pggit_excellence._hba_rules()
RETURNS TABLE (
    rule      integer,
    file      text,
    line      integer,
    type      text,
    databases text[],
    users     text[],
    address   text,
    network   inet,
    remote    boolean,
    method    text,
    options   text[],
    error     text
)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    only_file text;
BEGIN
    IF NOT pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT')
       OR NOT pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE')
    THEN
        RAISE EXCEPTION 'pg_hba.conf is hidden from role %: it takes a superuser, or GRANT SELECT ON pg_catalog.pg_hba_file_rules and GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO %',
                pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    only_file := pggit_excellence._setting('hba_file');
    RETURN QUERY
    SELECT COALESCE((h.fields ->> 'rule_number')::integer, h.line_number), COALESCE(h.fields ->> 'file_name', only_file),
           h.line_number, h.type, h.database, h.user_name, h.address, n.network,
           h.type LIKE 'host%' AND h.address <> 'samehost'
               AND NOT COALESCE(n.network <<= '127.0.0.0/8'::inet OR n.network <<= '::1/128'::inet, false),
           h.auth_method, h.options, h.error
    FROM (SELECT r.*, pg_catalog.to_jsonb(r) AS fields,
                 CASE WHEN r.netmask IS NOT NULL THEN r.address::inet END AS base
          FROM pg_catalog.pg_hba_file_rules AS r) AS h
    LEFT JOIN LATERAL (
        SELECT pg_catalog.set_masklen(h.base, m.bits) AS network
        FROM pg_catalog.generate_series(0, CASE pg_catalog.family(h.base) WHEN 6 THEN 128 ELSE 32 END) AS m (bits)
        WHERE pg_catalog.netmask(pg_catalog.set_masklen(h.base, m.bits)) = h.netmask::inet
    ) AS n ON true
    ORDER BY 1, 2, 3;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_rules() IS
    'Internal: the rules of pg_hba.conf in their order, the same columns on every version; rows with an error are lines that the server cannot read. Source: pg_hba_file_rules.';

-- Whether a rule of this connection type also matches all connections that the other type matches.
CREATE FUNCTION pggit_excellence._hba_type_covers(wide text, narrow text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT wide = narrow OR (wide = 'host' AND narrow LIKE 'host%')
        OR (wide = 'hostnogssenc' AND narrow = 'hostssl') OR (wide = 'hostnossl' AND narrow = 'hostgssenc')
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_type_covers(text, text) IS
    'Internal: whether connections of the second type of pg_hba.conf are all of the first type too.';

-- Whether everybody whom the second lists name is named by the first. Keyword all does not name replication connections.
CREATE FUNCTION pggit_excellence._hba_names_cover(wide_databases text[], narrow_databases text[], wide_users text[], narrow_users text[])
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT (narrow_databases <@ wide_databases OR ('all' = ANY (wide_databases) AND NOT 'replication' = ANY (narrow_databases)))
       AND (narrow_users <@ wide_users OR 'all' = ANY (wide_users))
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_names_cover(text[], text[], text[], text[]) IS
    'Internal: whether the databases and users of one rule of pg_hba.conf are all named by another.';

-- Whether every address of the second rule is one of the first.
CREATE FUNCTION pggit_excellence._hba_address_covers(wide text, wide_network inet, narrow text, narrow_network inet)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE(wide = 'all' OR wide_network >>= narrow_network OR (wide_network IS NULL AND narrow_network IS NULL AND wide = narrow)
                    OR (wide = 'samenet' AND narrow = 'samehost') OR (wide IS NULL AND narrow IS NULL), false)
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_address_covers(text, inet, text, inet) IS
    'Internal: whether every address of one rule of pg_hba.conf is also one of the other.';

-- Whether the user list of a rule names the role: by all, by name, as a member (+group), by a regular expression (/).
CREATE FUNCTION pggit_excellence._hba_names_role(users text[], role_name text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH RECURSIVE groups AS (
        SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r WHERE r.rolname = role_name
        UNION
        SELECT p.oid, p.rolname
        FROM groups AS g
        JOIN pg_catalog.pg_auth_members AS m ON m.member = g.oid
        JOIN pg_catalog.pg_roles AS p ON p.oid = m.roleid
    )
    SELECT 'all' = ANY (users) OR role_name = ANY (users) OR EXISTS (
        SELECT FROM pg_catalog.unnest(users) AS u (token)
        WHERE (u.token LIKE '+%' AND EXISTS (SELECT FROM groups AS g WHERE g.rolname = pg_catalog.substr(u.token, 2)))
           OR (u.token LIKE '/%' AND pg_catalog.current_setting('server_version_num')::integer >= 160000
               AND role_name ~ pg_catalog.substr(u.token, 2)))
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_names_role(text[], text) IS
    'Internal: whether the user list of a rule in pg_hba.conf names a role.';

-- One fault in a file of rules: where, the rule as text, and the sed command that mends it.
CREATE FUNCTION pggit_excellence._hba_fault(file text, line integer, rule text, edit text, more jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.jsonb_build_object('file', file, 'line', line, 'rule', rule, 'edit', edit) || more
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_fault(text, integer, text, text, jsonb) IS
    'Internal: one fault in pg_hba.conf or pg_ident.conf, with the sed command that mends it.';

-- A list of names as pg_hba.conf has it: quoted where a name is not plain.
CREATE FUNCTION pggit_excellence._hba_tokens(names text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.string_agg(CASE WHEN n.name ~ '^[+/]?[[:alnum:]_.$-]+$' THEN n.name
                                      ELSE '"' || pg_catalog.replace(n.name, '"', '""') || '"' END, ',' ORDER BY n.number)
    FROM pg_catalog.unnest(names) WITH ORDINALITY AS n (name, number)
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_tokens(text[]) IS 'Internal: a list of names as pg_hba.conf has it.';

-- A rule as people write it, for evidence.
CREATE FUNCTION pggit_excellence._hba_text(type text, databases text[], users text[], address text, network inet, method text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.concat_ws(' ', type, pggit_excellence._hba_tokens(databases), pggit_excellence._hba_tokens(users),
                                COALESCE(network::text, address), method)
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_text(text, text[], text[], text, inet, text) IS 'Internal: a rule of pg_hba.conf as one line.';

-- The verdict on a set of faults: pass where there are none; else the shell commands that edit the files and have them
-- read again. All edits of one file are one sed, so that the line numbers hold. Of many faults the evidence has 20.
CREATE FUNCTION pggit_excellence._hba_verdict(faults jsonb)
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN faults IS NULL THEN 'pass' ELSE 'fail' END,
           CASE WHEN faults IS NULL THEN '{}' ELSE pg_catalog.jsonb_build_object('count', pg_catalog.jsonb_array_length(faults), 'found', (
               SELECT pg_catalog.jsonb_agg(s.fault - 'edit' ORDER BY s.number)
               FROM (SELECT f.fault, pg_catalog.row_number() OVER (ORDER BY f.fault ->> 'file', (f.fault ->> 'line')::integer) AS number
                     FROM pg_catalog.jsonb_array_elements(faults) AS f (fault)) AS s
               WHERE s.number <= 20)) END,
           CASE WHEN faults IS NOT NULL THEN
               E'# On the server''s host, as its user:\n' || (
               SELECT pg_catalog.string_agg(c.command, E'\n' ORDER BY c.command)
               FROM (SELECT 'sed -i -E --follow-symlinks'
                            || pg_catalog.string_agg(' -e ' || pggit_excellence._shell_quoted(f.fault ->> 'edit'), ''
                                                     ORDER BY (f.fault ->> 'line')::integer)
                            || ' ' || pggit_excellence._shell_quoted(f.fault ->> 'file') AS command
                     FROM pg_catalog.jsonb_array_elements(faults) AS f (fault)
                     GROUP BY f.fault ->> 'file') AS c)
               || E'\npsql -X -c ''SELECT pg_catalog.pg_reload_conf()''' END
$body$;
COMMENT ON FUNCTION pggit_excellence._hba_verdict(jsonb) IS
    'Internal: the verdict on faults from _hba_fault(), with shell commands that mend them; NULL: none.';

-- The maps of pg_ident.conf. Before 15 no view has them: a superuser reads the file.
CREATE FUNCTION pggit_excellence._ident_maps()
RETURNS TABLE (file text, line integer, map text, system_user_name text, role_name text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.to_regprocedure('pg_catalog.pg_ident_file_mappings()') IS NULL THEN
        RETURN QUERY
        SELECT pggit_excellence._setting('ident_file'), l.number::integer, pg_catalog.btrim(f.fields[1], '"'),
               pg_catalog.btrim(f.fields[2], '"'), pg_catalog.btrim(f.fields[3], '"')
        FROM pg_catalog.regexp_split_to_table(pg_catalog.pg_read_file(pggit_excellence._setting('ident_file')), E'\n')
            WITH ORDINALITY AS l (content, number)
        CROSS JOIN LATERAL pg_catalog.regexp_match(l.content, '^\s*("[^"]*"|[^\s#]+)\s+("[^"]*"|[^\s#]+)\s+("[^"]*"|[^\s#]+)') AS f (fields)
        WHERE f.fields IS NOT NULL;
    ELSIF pg_catalog.has_table_privilege('pg_catalog.pg_ident_file_mappings', 'SELECT')
          AND pg_catalog.has_function_privilege('pg_catalog.pg_ident_file_mappings()', 'EXECUTE')
    THEN
        RETURN QUERY
        SELECT COALESCE(pg_catalog.to_jsonb(m) ->> 'file_name', pggit_excellence._setting('ident_file')), m.line_number,
               m.map_name, m.sys_name, m.pg_username
        FROM pg_catalog.pg_ident_file_mappings AS m
        WHERE m.error IS NULL;
    ELSE
        RAISE EXCEPTION 'pg_ident.conf is hidden from role %: it takes a superuser, or GRANT SELECT ON pg_catalog.pg_ident_file_mappings and GRANT EXECUTE ON FUNCTION pg_catalog.pg_ident_file_mappings() TO %',
                pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._ident_maps() IS
    'Internal: the lines of pg_ident.conf, the same columns on every version. Source: pg_ident_file_mappings, before 15 the file itself.';
