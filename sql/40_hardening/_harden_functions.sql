-- Whatever pgGit's event triggers run: their functions, the triggers, defaults and constraints of pgGit's tables, and what
-- those call by name, through views too. A name counts wherever it stands in a body as a word, so this is rather too much
-- than too little.
--   event_trigger  whether it is the function of an event trigger itself
CREATE FUNCTION pggit_excellence._tracking_functions()
RETURNS TABLE (function_oid oid, event_trigger boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 30
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    WITH RECURSIVE routine AS MATERIALIZED (
        SELECT p.oid, pg_catalog.lower(p.proname::text) AS lower_name, pg_catalog.lower(p.prosrc) AS body
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = ANY (pggit_excellence._scope(NULL)) AND p.prokind IN ('f', 'p')
    ),
    reached AS (
        SELECT e.evtfoid AS oid FROM pg_catalog.pg_event_trigger AS e
        UNION
        SELECT d.refobjid
        FROM pg_catalog.pg_depend AS d
        WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
          AND d.classid IN ('pg_catalog.pg_trigger'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
                            'pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_class'::pg_catalog.regclass)
        UNION
        SELECT c.callee
        FROM reached AS f
        JOIN routine AS r ON r.oid = f.oid
        CROSS JOIN LATERAL (
            WITH word AS MATERIALIZED (
                SELECT DISTINCT w.part[1] AS name FROM pg_catalog.regexp_matches(r.body, '[[:alnum:]_$]+', 'g') AS w (part)
            )
            SELECT n.oid FROM word AS w JOIN routine AS n ON n.lower_name = w.name
            UNION ALL
            SELECT n.oid FROM routine AS n
            WHERE n.lower_name !~ '^[[:alnum:]_$]+$' AND pg_catalog.strpos(r.body, n.lower_name) > 0
            UNION ALL
            SELECT d.refobjid
            FROM word AS w
            JOIN pg_catalog.pg_class AS v ON pg_catalog.lower(v.relname::text) = w.name AND v.relkind IN ('v', 'm')
            JOIN pg_catalog.pg_rewrite AS q ON q.ev_class = v.oid
            JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = q.oid
                                          AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            UNION ALL
            SELECT d.refobjid
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = r.oid AND d.refclassid = d.classid
        ) AS c (callee)
    )
    SELECT r.oid, EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS e WHERE e.evtfoid = r.oid)
    FROM routine AS r
    WHERE r.oid IN (SELECT f.oid FROM reached AS f)
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_functions() IS
    'Internal: the functions in pgGit''s schemas that run when DDL is tracked, for this call only. Source: pg_event_trigger, pg_depend, names in function bodies.';

-- The settings that a function of pgGit's gets, as pg_proc has them. search_path: PostgreSQL's, its own schema, pgGit's, and
-- temporary objects last. The other two change how PL/pgSQL reads the body and how names are written, and every caller may
-- set them.
CREATE FUNCTION pggit_excellence._pinned_settings(schema_name text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ARRAY[
        'search_path=' || CASE schema_name WHEN 'pggit' THEN 'pg_catalog, pggit, pg_temp'
                                           ELSE pg_catalog.format('pg_catalog, %I, pggit, pg_temp', schema_name) END,
        'standard_conforming_strings=on', 'quote_all_identifiers=off']
$body$;
COMMENT ON FUNCTION pggit_excellence._pinned_settings(text) IS
    'Internal: the settings that harden() gives a function in this schema, as pg_proc.proconfig has them.';

CREATE FUNCTION pggit_excellence._pinned_sql(schema_name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('SET search_path = pg_catalog, %s, pg_temp SET standard_conforming_strings = on SET quote_all_identifiers = off',
                             CASE schema_name WHEN 'pggit' THEN 'pggit' ELSE pg_catalog.format('%I, pggit', schema_name) END)
$body$;
COMMENT ON FUNCTION pggit_excellence._pinned_sql(text) IS
    'Internal: _pinned_settings() as ALTER ROUTINE has them.';

-- Pinned settings for all that runs when DDL is tracked, and for whatever else is SECURITY DEFINER. The functions of the
-- event triggers become SECURITY DEFINER: then whoever runs DDL needs no right on pgGit's tables.
-- Functions that they call are pinned as well. PL/pgSQL looks up the types of variables at a function's first call in a
-- session, and who calls one directly first, under a path of his own, would choose what the event trigger runs later.
CREATE FUNCTION pggit_excellence._harden_functions()
RETURNS TABLE (kind text, schema_name text, relation_name text, item text, statement text, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 30
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'function security', n.nspname::text, pggit_excellence._signature(p.oid),
           CASE WHEN t.event_trigger THEN 'search_path and SECURITY DEFINER' ELSE 'search_path' END,
           pg_catalog.format('ALTER ROUTINE %s %s%s', p.oid::pg_catalog.regprocedure,
                             CASE WHEN t.event_trigger THEN 'SECURITY DEFINER ' ELSE '' END,
                             pggit_excellence._pinned_sql(n.nspname)),
           CASE WHEN t.event_trigger
                    THEN 'Whoever runs DDL runs this function: others could put functions into its search_path, and need rights on pgGit''s tables.'
                WHEN t.function_oid IS NOT NULL
                    THEN 'An event trigger runs this function: others could put functions and types into its search_path.'
                ELSE 'It runs with its owner''s rights, and its caller chooses the search_path.' END
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    LEFT JOIN pggit_excellence._tracking_functions() AS t ON t.function_oid = p.oid
    WHERE p.pronamespace = ANY (pggit_excellence._scope(NULL)) AND p.prokind IN ('f', 'p')
      AND p.oid IN (SELECT o.object_oid FROM pggit_excellence._pggit_objects() AS o WHERE o.what = 'ROUTINE')
      AND CASE WHEN t.function_oid IS NULL THEN p.prosecdef AND NOT EXISTS (
                   SELECT FROM pg_catalog.unnest(p.proconfig) AS c (setting) WHERE c.setting LIKE 'search\_path=%')
               ELSE t.event_trigger AND NOT p.prosecdef
                    OR NOT COALESCE(p.proconfig @> pggit_excellence._pinned_settings(n.nspname), false) END
    ORDER BY t.event_trigger NULLS LAST, n.nspname, 3
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_functions() IS
    'Internal: the part of harden() that pins the search_path (and settings) of pgGit''s functions and makes those of its event triggers SECURITY DEFINER.';

-- Those with whose rights the event triggers run, or will.
CREATE FUNCTION pggit_excellence._tracking_definers()
RETURNS SETOF oid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT DISTINCT p.proowner
    FROM pggit_excellence._tracking_functions() AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.function_oid
    WHERE t.event_trigger
$body$;
COMMENT ON FUNCTION pggit_excellence._tracking_definers() IS
    'Internal: the owners of the functions of pgGit''s event triggers.';

-- Who may change what they run: superusers, and their owner. Where there are two owners, neither trusts the other.
CREATE FUNCTION pggit_excellence._trusted_roles()
RETURNS SETOF oid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT r.oid FROM pg_catalog.pg_roles AS r
    JOIN pg_catalog.pg_database AS b ON b.datname = pg_catalog.current_database()
    JOIN pg_catalog.pg_roles AS u ON u.oid = CASE r.rolname WHEN 'pg_database_owner' THEN b.datdba ELSE r.oid END
    WHERE u.rolsuper OR ARRAY[u.oid] = ARRAY(SELECT d.oid FROM pggit_excellence._tracking_definers() AS d (oid))
$body$;
COMMENT ON FUNCTION pggit_excellence._trusted_roles() IS
    'Internal: roles that may change what pgGit''s event triggers run without gaining by it: superusers, and their one owner.';

-- Privileges by which other roles can have the event triggers run functions of their own: CREATE in pgGit's schemas and
-- TRIGGER on its tables, which GRANT ALL gives. Nobody needs them.
--   removable  harden() takes it; false: from another grantor, or passed on, so that people must look
CREATE FUNCTION pggit_excellence._meddling_privileges()
RETURNS TABLE (privilege text, what text, schema_name text, object_name text, identity text, role_name text, removable boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT a.privilege_type, o.what, o.schema_name, o.object_name, o.identity, r.rolname::text,
           pg_catalog.bool_and(a.grantor = o.owner AND NOT a.is_grantable)
    FROM pggit_excellence._pggit_objects() AS o
    CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
    JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
    WHERE (o.what, a.privilege_type) IN (('SCHEMA', 'CREATE'), ('TABLE', 'TRIGGER')) AND a.grantee <> o.owner
      AND a.grantee NOT IN (SELECT t.oid FROM pggit_excellence._trusted_roles() AS t (oid))
      AND EXISTS (SELECT FROM pggit_excellence._tracking_definers())
    GROUP BY 1, 2, 3, 4, 5, 6
$body$;
COMMENT ON FUNCTION pggit_excellence._meddling_privileges() IS
    'Internal: CREATE in pgGit''s schemas and TRIGGER on its tables that other roles than owners and superusers hold. removable: granted by the owner and without grant option.';

-- What would make a SECURITY DEFINER function of an event trigger an escalation of its own: somebody else who can change
-- what it runs. harden() refuses while there is any.
--   statement  what removes it; NULL: to be decided by people
CREATE FUNCTION pggit_excellence._harden_obstacles()
RETURNS TABLE (item text, statement text, reason text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH tracking AS MATERIALIZED (
        SELECT f.function_oid, f.event_trigger FROM pggit_excellence._tracking_functions() AS f
    ),
    definer AS MATERIALIZED (
        SELECT d.oid FROM pggit_excellence._tracking_definers() AS d (oid)
    ),
    -- The schemas that the pinned paths name.
    path AS MATERIALIZED (
        SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'pggit'
        UNION
        SELECT p.pronamespace FROM tracking AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.function_oid
    ),
    owned (what, name, owner) AS (
        SELECT 'SCHEMA', pg_catalog.quote_ident(n.nspname), n.nspowner FROM pg_catalog.pg_namespace AS n JOIN path AS s ON s.oid = n.oid
        UNION ALL
        SELECT 'TABLE', c.oid::pg_catalog.regclass::text, c.relowner
        FROM pg_catalog.pg_class AS c JOIN path AS s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        UNION ALL
        SELECT 'DOMAIN', t.oid::pg_catalog.regtype::text, t.typowner
        FROM pg_catalog.pg_type AS t JOIN path AS s ON s.oid = t.typnamespace WHERE t.typtype = 'd'
        UNION ALL
        SELECT 'OPERATOR', o.oid::pg_catalog.regoperator::text, o.oprowner
        FROM pg_catalog.pg_operator AS o JOIN path AS s ON s.oid = o.oprnamespace
        UNION ALL
        SELECT 'ROUTINE', p.oid::pg_catalog.regprocedure::text, p.proowner
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace IN (SELECT s.oid FROM path AS s)
           OR p.oid IN (SELECT g.tgfoid FROM pg_catalog.pg_trigger AS g
                        JOIN pg_catalog.pg_class AS c ON c.oid = g.tgrelid JOIN path AS s ON s.oid = c.relnamespace
                        WHERE NOT g.tgisinternal)
           -- They will be.
           OR p.oid IN ('pggit_excellence._stamp_created_by()'::pg_catalog.regprocedure,
                        'pggit_excellence._history_append_only()'::pg_catalog.regprocedure)
    )
    SELECT o.name,
           pg_catalog.format('ALTER %s %s OWNER TO %I', o.what, o.name, (
               SELECT r.rolname FROM pg_catalog.pg_roles AS r JOIN definer AS d ON d.oid = r.oid
               ORDER BY r.rolsuper DESC, r.rolname LIMIT 1)),
           pg_catalog.format('Its owner %I could change what pgGit''s event triggers run with the rights of %s.',
                             pg_catalog.pg_get_userbyid(o.owner), d.names)
    FROM owned AS o CROSS JOIN (
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.oid)), ', ') AS names FROM definer AS d
    ) AS d
    WHERE d.names IS NOT NULL AND o.owner NOT IN (SELECT t.oid FROM pggit_excellence._trusted_roles() AS t (oid))
    UNION ALL
    SELECT m.identity, pg_catalog.format('REVOKE %s ON %s %s FROM %I', m.privilege, m.what, m.identity, m.role_name),
           pg_catalog.format('%I could have pgGit''s event triggers run functions of its own with their owner''s rights; it has %s from another role than the owner, or may grant it to others.',
                             m.role_name, m.privilege)
    FROM pggit_excellence._meddling_privileges() AS m
    WHERE NOT m.removable
    UNION ALL
    SELECT p.oid::pg_catalog.regprocedure::text, NULL,
           'It runs dynamic SQL, and an event trigger runs it. With its owner''s rights that is an escalation if a name of the DDL gets into the text unquoted: '
           || 'prove it with pggit-excellence scan, then accept it with exclude_finding('
           || pg_catalog.quote_literal('harden:dynamic_sql:' || p.oid::pg_catalog.regprocedure::text) || ', reason).'
    FROM tracking AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.function_oid
    WHERE pg_catalog.regexp_replace(p.prosrc, '--[^\n]*|/\*.*?\*/', ' ', 'g') ~* '\mexecute\M'
      AND NOT EXISTS (
          SELECT FROM pggit_excellence.finding_exclusions AS e
          WHERE e.finding_key = 'harden:dynamic_sql:' || p.oid::pg_catalog.regprocedure::text
            AND (e.expires_at IS NULL OR e.expires_at > pg_catalog.clock_timestamp()))
    ORDER BY 1, 2
$body$;
COMMENT ON FUNCTION pggit_excellence._harden_obstacles() IS
    'Internal: who or what could misuse pgGit''s event trigger functions once they run with their owner''s rights: other owners of what they use, CREATE on its schemas, TRIGGER on its tables, dynamic SQL. statement: what removes it; NULL: none. Excluding harden:dynamic_sql:<function> accepts one.';
