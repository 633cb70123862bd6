-- The bytes of a text as this database has them, whatever they are. (convert_to() refuses what is no text in its encoding.)
-- Qualified throughout, so that it is inlined.
CREATE FUNCTION pggit_excellence._bytes(content text)
RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $body$
    SELECT pg_catalog.decode(pg_catalog.replace(content, E'\\', E'\\\\'), 'escape')
$body$;
COMMENT ON FUNCTION pggit_excellence._bytes(text) IS
    'Internal: the bytes of the text in the database''s encoding, also where they are no text in it.';

-- The bytes of a text that a hash is made of: UTF-8 whatever the database's encoding is, so that it survives pg_restore into
-- another one. Where the encoding is SQL_ASCII, the bytes as they are: nobody knows what they mean. Likewise where it is UTF-8:
-- the name of a role that was made in a database of another encoding may be anything. Qualified throughout, so that it is
-- inlined.
CREATE FUNCTION pggit_excellence._hashed_text(content text)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$
    SELECT CASE WHEN pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.=) 'UTF8'
                  OR pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.=) 'SQL_ASCII'
                THEN pggit_excellence._bytes(content) ELSE pg_catalog.convert_to(content, 'UTF8') END
$body$;
COMMENT ON FUNCTION pggit_excellence._hashed_text(text) IS
    'Internal: the text in UTF-8, or its bytes where the database''s encoding is SQL_ASCII.';
