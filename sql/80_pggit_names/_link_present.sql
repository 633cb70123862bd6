-- What schema pggit has under the planned names, and under the names that link_pggit(replace => true) moved pgGit's
-- own objects to (<name>_replaced).
--   name                     the planned name
--   keyword, identity        how ALTER and DROP call the object
--   shape                    as in _link_plan(), to compare
--   ours                     a wrapper of ours: its whole body is a call of our function of the same name, or a view on
--                            our table or view. Its owner is a superuser, the caller or the owner of one of the two schemas:
--                            whoever else may create in pggit could plant one that does more, now or later
--   aside                    moved aside by a replacement
-- A view brings a type of its name, hence the types.
CREATE FUNCTION pggit_excellence._link_present()
RETURNS TABLE (name text, keyword text, identity text, shape text, ours boolean, aside boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN QUERY
        WITH planned AS (
            SELECT DISTINCT lp.name, lp.kind, lp.core FROM pggit_excellence._link_plan() AS lp
        ),
        trusted AS (
            SELECT r.oid FROM pg_catalog.pg_roles AS r
            WHERE r.rolsuper OR r.rolname = current_user
               OR r.oid IN (SELECT s.nspowner FROM pg_catalog.pg_namespace AS s WHERE s.nspname IN ('pggit', 'pggit_excellence'))
        )
        SELECT n.name, 'ROUTINE',
               p.oid::regprocedure::text,
               pg_catalog.concat_ws(' -> ', pg_catalog.pg_get_function_arguments(p.oid),
                                    pg_catalog.pg_get_function_result(p.oid), p.prosrc),
               p.proname = n.name AND l.lanname = 'sql' AND NOT p.prosecdef AND p.proowner IN (SELECT t.oid FROM trusted AS t)
                   AND p.prosrc ~ pg_catalog.format('^SELECT \* FROM pggit_excellence\.%s\([$0-9, A-Z]*\)$', n.name),
               p.proname <> n.name
        FROM planned AS n
        JOIN pg_catalog.pg_proc AS p ON p.proname IN (n.name, n.name || '_replaced')
        JOIN pg_catalog.pg_namespace AS s ON s.oid = p.pronamespace AND s.nspname = 'pggit'
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
        WHERE n.kind = 'function'
        UNION ALL
        SELECT n.name,
               CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END,
               pg_catalog.format('pggit.%I', c.relname),
               (SELECT pg_catalog.string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
               c.relname = n.name AND c.relkind = 'v' AND c.relowner IN (SELECT t.oid FROM trusted AS t) AND EXISTS (
                   SELECT FROM pg_catalog.pg_rewrite AS r
                   JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
                   JOIN pg_catalog.pg_class AS core ON d.refclassid = 'pg_catalog.pg_class'::regclass AND core.oid = d.refobjid
                   WHERE r.ev_class = c.oid AND core.relname = n.core
                     AND core.relnamespace = 'pggit_excellence'::regnamespace),
               c.relname <> n.name
        FROM planned AS n
        JOIN pg_catalog.pg_class AS c ON c.relname IN (n.name, n.name || '_replaced')
        JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace AND s.nspname = 'pggit'
        WHERE n.kind = 'view'
        UNION ALL
        SELECT n.name, 'TYPE', pg_catalog.format('pggit.%I', t.typname), NULL, false, t.typname <> n.name
        FROM planned AS n
        JOIN pg_catalog.pg_type AS t ON t.typname IN (n.name, n.name || '_replaced') AND t.typrelid = 0
        JOIN pg_catalog.pg_namespace AS s ON s.oid = t.typnamespace AND s.nspname = 'pggit'
        WHERE n.kind = 'view'
        ORDER BY 1, 3;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_present() IS
    'Internal: what schema pggit has under the names of _link_plan(), ours and pgGit''s. Source: pg_proc, pg_class, pg_type.';
