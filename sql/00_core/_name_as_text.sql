-- Names of roles and databases are the whole server's: PostgreSQL keeps the bytes that they were made with, in a database of
-- any encoding. In one of UTF-8 they may be no text; stored, such a name could be neither hashed nor restored from a dump.

-- Whether the bytes of a text are text in this database. Of other encodings than UTF-8 nobody asks.
CREATE FUNCTION pggit_excellence._is_text(content text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    bytes bytea := pggit_excellence._bytes(content);
BEGIN
    RETURN encode(bytes, 'escape') = replace(content, E'\\', E'\\\\') OR getdatabaseencoding() <> 'UTF8' OR encode(bytes, 'hex') ~
        '^([0-7].|(c[2-9a-f]|d.)[89ab].|(e0[ab]|e[1-9a-cef][89ab]|ed[89]).[89ab].|(f0[9ab]|f[123][89ab]|f48).([89ab].){2})*$';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._is_text(text) IS
    'Internal: whether this is text in the database''s encoding, as far as that is UTF-8; NULL: content is NULL.';

-- What is no text is escaped as bytea is. The note behind it is longer than a name can be: nobody can be called that.
CREATE FUNCTION pggit_excellence._name_as_text(name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF pggit_excellence._is_text(name) IS NOT false THEN
        RETURN name;
    END IF;
    RETURN encode(pggit_excellence._bytes(name), 'escape') || ' [bytes that are no UTF-8, escaped: made in a database of another encoding]';
END
$body$;
COMMENT ON FUNCTION pggit_excellence._name_as_text(text) IS
    'Internal: the name of a role or database as text; where its bytes are none in UTF-8, escaped, with a note that no name can have.';
