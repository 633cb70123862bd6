-- Where sessions get a parameter from, when they do not set it themselves: the server's configuration, and what is stored
-- for roles and databases of the whole cluster.
--   role_id  whose sessions (0: of no single role)
--   mend     the SQL that takes the value away
CREATE FUNCTION pggit_excellence._stored_settings(parameter text)
RETURNS TABLE (place text, value text, role_id oid, mend text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE s.source WHEN 'session' THEN 'sessions like this one' ELSE 'server (' || s.source || ')' END,
           CASE s.source WHEN 'session' THEN s.reset_val ELSE s.setting END, 0::oid,
           CASE s.source WHEN 'configuration file'
                THEN pg_catalog.format(E'ALTER SYSTEM SET %I = %L;\nSELECT pg_catalog.pg_reload_conf()', s.name, s.boot_val)
                ELSE pg_catalog.format('-- end what sets %s for sessions like this one (%s)', s.name, s.source) END
    FROM pg_catalog.pg_settings AS s
    WHERE s.name = parameter
      AND (s.source IN ('configuration file', 'command line', 'environment variable')
           -- Our functions set their own search_path, which hides whence the session has it.
           OR s.name = 'search_path' AND s.source = 'session' AND s.reset_val <> s.boot_val)
    UNION ALL
    SELECT pg_catalog.concat_ws(' ', CASE WHEN d.setrole <> 0 THEN 'role ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.setrole))
                                          WHEN d.setdatabase = 0 THEN 'every role' END,
                                     CASE WHEN d.setrole <> 0 AND d.setdatabase <> 0 THEN 'in' END,
                                     'database ' || pg_catalog.quote_ident(b.datname)),
           pg_catalog.substr(u.setting, pg_catalog.length(parameter) + 2), d.setrole,
           pg_catalog.format('ALTER %s RESET %I', CASE
               WHEN d.setrole = 0 AND d.setdatabase <> 0 THEN 'DATABASE ' || pg_catalog.quote_ident(b.datname)
               ELSE 'ROLE ' || CASE d.setrole WHEN 0 THEN 'ALL' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.setrole)) END
                    || COALESCE(' IN DATABASE ' || pg_catalog.quote_ident(b.datname), '') END, parameter)
    FROM pg_catalog.pg_db_role_setting AS d
    CROSS JOIN LATERAL pg_catalog.unnest(d.setconfig) AS u (setting)
    LEFT JOIN pg_catalog.pg_database AS b ON b.oid = d.setdatabase
    WHERE pg_catalog.lower(pg_catalog.split_part(u.setting, '=', 1)) = pg_catalog.lower(parameter)
$body$;
COMMENT ON FUNCTION pggit_excellence._stored_settings(text) IS
    'Internal: what the server''s configuration, roles and databases set a parameter to: place, value, role (0: none), and the SQL that takes it away. Source: pg_settings, pg_db_role_setting.';

-- Whether the text of a boolean setting means off.
CREATE FUNCTION pggit_excellence._is_off(value text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT pg_catalog.lower(value) OPERATOR(pg_catalog.~) '^(off|of|f|fa|fal|fals|false|n|no|0)$'
$body$;
COMMENT ON FUNCTION pggit_excellence._is_off(text) IS 'Internal: whether the text of a boolean setting means off.';

-- What was granted on parameters (a privilege from PostgreSQL 15 on), superusers left out.
CREATE FUNCTION pggit_excellence._parameter_grants()
RETURNS TABLE (parameter text, privilege text, grantee text, mend text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_parameter_acl') IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT p.parname, a.privilege_type, pggit_excellence._grantee(a.grantee),
           pggit_excellence._as_grantor(pg_catalog.format('REVOKE %s ON PARAMETER %I FROM %s CASCADE', a.privilege_type, p.parname,
                                                          pggit_excellence._grantee(a.grantee)), a.grantor, 10, true)
    FROM pg_catalog.pg_parameter_acl AS p
    CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) AS a
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
    WHERE r.rolsuper IS NOT TRUE;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._parameter_grants() IS
    'Internal: SET and ALTER SYSTEM on parameters that others than superusers have, with the REVOKE; none before 15. Source: pg_parameter_acl.';
