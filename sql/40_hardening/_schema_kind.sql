-- Whose a schema is. One expression, so that it is inlined into the checks' queries.
CREATE FUNCTION pggit_excellence._schema_kind(schema_name name)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT CASE
        WHEN schema_name OPERATOR(pg_catalog.=) 'pggit' THEN 'pggit'
        WHEN schema_name OPERATOR(pg_catalog.=) 'pggit_excellence' THEN 'system'
        WHEN schema_name OPERATOR(pg_catalog.=) 'information_schema' THEN 'system'
        WHEN schema_name OPERATOR(pg_catalog.~~) 'pg\_%' THEN 'system'
        WHEN schema_name OPERATOR(pg_catalog.~~) 'pggit\_%' THEN 'pggit'
        ELSE 'user' END
$body$;
COMMENT ON FUNCTION pggit_excellence._schema_kind(name) IS
    'Internal: whose a schema is: pggit (pgGit''s own), system (PostgreSQL''s and ours) or user.';

-- The grantee of an ACL entry, as SQL has it.
CREATE FUNCTION pggit_excellence._grantee(role_id oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$
    SELECT CASE WHEN role_id OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(role_id)::pg_catalog.text) END
$body$;
COMMENT ON FUNCTION pggit_excellence._grantee(oid) IS 'Internal: the role of an ACL entry as GRANT names it, PUBLIC for 0.';
