\set SHOW_CONTEXT never
-- The extension installs without pgGit, owns its schema, and leaves nothing behind.
CREATE EXTENSION pggit_excellence;
SELECT pggit_excellence.version() = e.extversion AS same_version
FROM pg_extension AS e WHERE e.extname = 'pggit_excellence';

-- Without pgGit the default scope says what to do.
SELECT pggit_excellence._scope(NULL);
SELECT pggit_excellence._scope('{}');
SELECT pggit_excellence._scope(ARRAY['public', 'nowhere', NULL]);
SELECT pggit_excellence._scope(ARRAY['public']) = ARRAY['public'::regnamespace::oid] AS public_only;

DROP EXTENSION pggit_excellence;
SELECT to_regnamespace('pggit_excellence') AS schema_left;
