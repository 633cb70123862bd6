-- Last: privileges, and which tables pg_dump carries the rows of.
SELECT pggit_excellence.grant_privileges();

DO $do$
DECLARE
    item record;
BEGIN
    -- pg_extension_config_dump works inside CREATE or ALTER EXTENSION only, and install.sql makes no extension.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pggit_excellence') THEN
        RETURN;
    END IF;
    FOR item IN
        SELECT c.oid::pg_catalog.regclass AS relation
        FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = 'pggit_excellence'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'S')
        ORDER BY c.relname
    LOOP
        PERFORM pg_catalog.pg_extension_config_dump(item.relation, '');
    END LOOP;
END
$do$;
