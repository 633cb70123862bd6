-- The bytes of a text that a hash is made of: UTF-8 whatever the database's encoding is, so that it survives pg_restore into
-- another one. Where the encoding is SQL_ASCII, the bytes as they are: nobody knows what they mean. Qualified throughout, so
-- that it is inlined.
CREATE FUNCTION pggit_excellence._hashed_text(content text)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$
    SELECT pg_catalog.convert_to(content, CASE WHEN pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.=) 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)
$body$;
COMMENT ON FUNCTION pggit_excellence._hashed_text(text) IS
    'Internal: the text in UTF-8, or its bytes where the database''s encoding is SQL_ASCII.';
