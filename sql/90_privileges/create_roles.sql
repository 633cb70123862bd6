-- The three roles of this extension, without login: grant them to people. Never called by CREATE EXTENSION, because
-- roles belong to the whole cluster.
CREATE FUNCTION pggit_excellence.create_roles()
RETURNS TABLE (role_name text, status text, note text)
LANGUAGE plpgsql VOLATILE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT pg_catalog.pg_has_role((
        SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'pggit_excellence'), 'USAGE')
    THEN
        RAISE EXCEPTION 'only the owner of schema pggit_excellence can grant what is in it'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Call create_roles() as the role that installed the extension.';
    END IF;

    FOREACH role_name IN ARRAY
        ARRAY['pggit_excellence_reader', 'pggit_excellence_auditor', 'pggit_excellence_operator']
    LOOP
        SELECT pg_catalog.concat_ws('; ',
                   CASE WHEN r.rolcanlogin THEN 'can log in' END,
                   CASE WHEN r.rolsuper THEN 'is a superuser' END,
                   'members: ' || COALESCE((
                       SELECT pg_catalog.string_agg(pg_catalog.quote_ident(u.rolname), ', ' ORDER BY u.rolname COLLATE "C")
                       FROM pg_catalog.pg_roles AS u
                       WHERE u.oid IN (SELECT m.member FROM pg_catalog.pg_auth_members AS m WHERE m.roleid = r.oid)
                   ), 'none'))
        INTO note
        FROM pg_catalog.pg_roles AS r WHERE r.rolname = create_roles.role_name;
        status := CASE WHEN FOUND THEN 'existed' ELSE 'created' END;

        IF status = 'created' THEN
            IF NOT (SELECT r.rolcreaterole OR r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN
                RAISE EXCEPTION 'role % may not create roles', pg_catalog.quote_ident(current_user)
                    USING ERRCODE = 'insufficient_privilege',
                          HINT = pg_catalog.format('Call create_roles() as a role with CREATEROLE, or have CREATE ROLE %I NOLOGIN run first.', role_name);
            END IF;
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
        RETURN NEXT;
    END LOOP;
    PERFORM pggit_excellence.grant_privileges();
END
$body$;
COMMENT ON FUNCTION pggit_excellence.create_roles() IS
    'Create the roles pggit_excellence_reader, _auditor and _operator (NOLOGIN) where they are missing, and grant them their privileges: one row per role, status created or existed, with a note on who has an existing one (NULL: created now). Needs CREATEROLE and the ownership of the extension''s schema.';
