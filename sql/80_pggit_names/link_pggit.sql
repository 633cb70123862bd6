-- The planned names in schema pggit, as thin wrappers around what this extension has in its own schema.
--
-- The wrappers are no members of the extension: DROP SCHEMA pggit CASCADE would then reach the extension and take it
-- and its data along. They carry the mark DEPENDS ON EXTENSION instead, so that DROP EXTENSION removes them without
-- CASCADE. For the mark of a view see _link_mark().
--
-- What pgGit has under such a name stays, unless replace is true. Then it is renamed to <name>_replaced, never
-- dropped and never stored as text: owner, privileges, rows and what depends on it stay with it, unlink_pggit() gives
-- it back, and nothing is executed that somebody else could have written.

-- Rename what pgGit has under a name. Returns why it cannot be, or NULL when it is done.
CREATE FUNCTION pggit_excellence._link_set_aside(name text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    users text;
    item  record;
BEGIN
    -- Whatever calls it by name would meet our columns: of an event trigger that is every DDL of the user failing.
    SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, p.proname), ', ') INTO users
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE (n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%') AND n.nspname <> 'pggit_excellence'
      AND p.proname NOT IN (_link_set_aside.name, _link_set_aside.name || '_replaced')
      AND p.prosrc ~ ('\m' || _link_set_aside.name || '\M');
    IF users IS NOT NULL THEN
        RETURN 'not replaced: used by name in ' || users;
    END IF;
    IF EXISTS (SELECT FROM pggit_excellence._link_present() AS lp WHERE lp.name = _link_set_aside.name AND lp.aside) THEN
        RETURN pg_catalog.format('not replaced: pggit.%I exists', name || '_replaced');
    END IF;

    FOR item IN
        SELECT lp.keyword, lp.identity FROM pggit_excellence._link_present() AS lp
        WHERE lp.name = _link_set_aside.name AND NOT lp.ours AND NOT lp.aside
        ORDER BY lp.identity
    LOOP
        EXECUTE pg_catalog.format('ALTER %s %s RENAME TO %I', item.keyword, item.identity, name || '_replaced');
    END LOOP;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_set_aside(text) IS
    'Internal: rename what pgGit has under a name to <name>_replaced. Returns why not, or NULL when done.';

-- A wrapper as COMMENT and ALTER EXTENSION call it. The casts make it sure that the object exists and is one name.
CREATE FUNCTION pggit_excellence._link_object(kind text, identity text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE kind WHEN 'function' THEN 'FUNCTION ' || identity::regprocedure ELSE 'VIEW ' || identity::regclass END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_object(text, text) IS
    'Internal: a wrapper in schema pggit as COMMENT and ALTER EXTENSION call it: FUNCTION or VIEW and its quoted name.';

-- Let DROP EXTENSION take the wrapper along without CASCADE. Returns what is missing, or NULL.
-- ALTER ... DEPENDS ON EXTENSION does not know views, and a view's dependency on our table is of the kind that makes
-- DROP EXTENSION refuse. A second dependency of the kind that the command records for a function (automatic) makes
-- PostgreSQL drop the view with the extension. It is written into pg_depend by a superuser, who alone can. DROP VIEW
-- removes it, CREATE OR REPLACE VIEW keeps it, pg_dump does not carry it: after a restore DROP EXTENSION asks for
-- CASCADE until link_pggit() has run once more.
CREATE FUNCTION pggit_excellence._link_mark(kind text, identity text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    extension_oid oid := (SELECT e.oid FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pggit_excellence');
    object_class  oid := CASE kind WHEN 'function' THEN 'pg_catalog.pg_proc' ELSE 'pg_catalog.pg_class' END::regclass;
    object_oid    oid := CASE kind WHEN 'function' THEN identity::regprocedure::oid ELSE identity::regclass::oid END;
    links         "char"[];
BEGIN
    IF extension_oid IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT pg_catalog.array_agg(d.deptype) INTO links
    FROM pg_catalog.pg_depend AS d
    WHERE d.classid = object_class AND d.objid = object_oid
      AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = extension_oid;

    -- What CREATE EXTENSION makes becomes a member.
    IF 'e' = ANY (links) THEN
        EXECUTE pg_catalog.format('ALTER EXTENSION pggit_excellence DROP %s', pggit_excellence._link_object(kind, identity));
    END IF;
    IF 'x' = ANY (links) THEN
        RETURN NULL;
    END IF;
    IF kind = 'function' THEN
        EXECUTE pg_catalog.format('ALTER FUNCTION %s DEPENDS ON EXTENSION pggit_excellence', identity::regprocedure);
        RETURN NULL;
    END IF;
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN
        RETURN 'DROP EXTENSION will ask for CASCADE, or for unlink_pggit() first: only a superuser can mark a view';
    END IF;
    INSERT INTO pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
    VALUES (object_class, object_oid, 0, 'pg_catalog.pg_extension'::regclass, extension_oid, 0, 'x');
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_mark(text, text) IS
    'Internal: let DROP EXTENSION take a wrapper in schema pggit along without CASCADE. Returns what is missing, or NULL.';

-- Make, comment, grant and mark the wrappers of one name. Returns a note, or NULL.
CREATE FUNCTION pggit_excellence._link_make(name text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    item record;
    note text;
BEGIN
    FOR item IN
        SELECT lp.kind, lp.core, lp.identity, lp.definition, lp.core_comment FROM pggit_excellence._link_plan() AS lp
        WHERE lp.name = _link_make.name
        ORDER BY lp.identity
    LOOP
        EXECUTE item.definition;
        EXECUTE pg_catalog.format('COMMENT ON %s IS %L', pggit_excellence._link_object(item.kind, item.identity),
            COALESCE(item.core_comment || ' ', '') || pg_catalog.format('(Made by link_pggit() for pggit_excellence.%I.)', item.core));
        -- Before the mark: leaving the extension makes pg_dump carry these privileges.
        PERFORM pggit_excellence._grant(item.kind, item.identity, false);
        note := pggit_excellence._link_mark(item.kind, item.identity);
    END LOOP;
    RETURN note;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_make(text) IS
    'Internal: make, comment, grant and mark the wrappers of one name in schema pggit. Returns a note, or NULL.';

-- Drop our wrappers of one name, never what depends on them. Returns what does, or NULL when they are gone.
CREATE FUNCTION pggit_excellence._link_drop(name text)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    item record;
    what text;
BEGIN
    FOR item IN
        SELECT lp.keyword, lp.identity FROM pggit_excellence._link_present() AS lp
        WHERE lp.name = _link_drop.name AND lp.ours
        ORDER BY lp.identity
    LOOP
        EXECUTE pg_catalog.format('DROP %s %s RESTRICT', item.keyword, item.identity);
    END LOOP;
    RETURN NULL;
EXCEPTION WHEN dependent_objects_still_exist THEN
    GET STACKED DIAGNOSTICS what = PG_EXCEPTION_DETAIL;
    RETURN what;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_drop(text) IS
    'Internal: drop our wrappers of one name in schema pggit. Returns what depends on them, or NULL when they are gone.';

-- One name: status and note as link_pggit() reports them.
CREATE FUNCTION pggit_excellence._link_name(name text, replace boolean, OUT status text, OUT note text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    core text := (SELECT DISTINCT lp.core FROM pggit_excellence._link_plan() AS lp WHERE lp.name = _link_name.name);
    planned text[];
    current text[];
    foreign_objects text;
    blocked text;
BEGIN
    SELECT pg_catalog.array_agg(lp.identity || ' ' || lp.shape ORDER BY lp.identity) INTO planned
    FROM pggit_excellence._link_plan() AS lp WHERE lp.name = _link_name.name AND lp.identity IS NOT NULL;
    SELECT pg_catalog.array_agg(lp.identity || ' ' || lp.shape ORDER BY lp.identity) FILTER (WHERE lp.ours),
           pg_catalog.string_agg(lp.identity, ', ' ORDER BY lp.identity) FILTER (WHERE NOT lp.ours AND NOT lp.aside)
    INTO current, foreign_objects
    FROM pggit_excellence._link_present() AS lp WHERE lp.name = _link_name.name;

    IF planned IS NULL THEN
        status := 'not available';
        note := pg_catalog.format('this installation has no pggit_excellence.%I', core);
        RETURN;
    END IF;

    IF foreign_objects IS NOT NULL AND (current IS NULL OR replace) THEN
        blocked := CASE WHEN replace THEN pggit_excellence._link_set_aside(name) ELSE 'link_pggit(replace => true) would rename it' END;
        IF blocked IS NOT NULL THEN
            status := 'taken';
            note := pg_catalog.format('%s is not ours and stays; %s; use pggit_excellence.%I', foreign_objects, blocked, core);
            RETURN;
        END IF;
        status := 'replaced';
        note := pg_catalog.format('%s is now called %I; unlink_pggit() gives it back', foreign_objects, name || '_replaced');
    END IF;

    IF current = planned THEN
        SELECT pg_catalog.string_agg(m.missing, '; ') INTO note
        FROM (SELECT DISTINCT pggit_excellence._link_mark(lp.kind, lp.identity) AS missing
              FROM pggit_excellence._link_plan() AS lp WHERE lp.name = _link_name.name) AS m;
        status := 'already linked';
        note := pg_catalog.concat_ws('; ', note, 'also there, not ours: ' || foreign_objects);
        note := NULLIF(note, '');
        RETURN;
    END IF;

    blocked := pggit_excellence._link_drop(name);
    IF blocked IS NOT NULL THEN
        status := 'already linked';
        note := 'made for an older version and kept, because of what depends on it: ' || blocked;
        RETURN;
    END IF;
    note := NULLIF(pg_catalog.concat_ws('; ', note, pggit_excellence._link_make(name)), '');
    status := COALESCE(status, 'linked');
END
$body$;
COMMENT ON FUNCTION pggit_excellence._link_name(text, boolean) IS
    'Internal: link one name of _link_plan() in schema pggit. Returns status and note as link_pggit() reports them.';

CREATE FUNCTION pggit_excellence.link_pggit(replace boolean DEFAULT false)
RETURNS TABLE (name text, kind text, status text, note text)
LANGUAGE plpgsql VOLATILE ROWS 9
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    item record;
BEGIN
    IF replace IS NULL THEN
        RAISE EXCEPTION 'replace must not be NULL'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'true renames what pgGit has under our names; false leaves it.';
    END IF;
    IF pg_catalog.to_regclass('pggit.objects') IS NULL THEN
        RAISE EXCEPTION 'pgGit is not installed in database %', pg_catalog.quote_ident(pg_catalog.current_database())
            USING ERRCODE = 'undefined_object', HINT = 'Install pgGit first: link_pggit() looks for the table pggit.objects.';
    END IF;
    FOR item IN
        SELECT DISTINCT lp."position", lp.name, lp.kind FROM pggit_excellence._link_plan() AS lp ORDER BY lp."position"
    LOOP
        name := item.name;
        kind := item.kind;
        SELECT ln.status, ln.note INTO status, note FROM pggit_excellence._link_name(item.name, replace) AS ln;
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.link_pggit(boolean) IS
    'Make the names of this extension in schema pggit (pggit.health_check() and others): one row per name with status linked, already linked, taken (pgGit has the name and keeps it), replaced (pgGit''s own was renamed to <name>_replaced) or not available, and a note (NULL: nothing to say). Safe to run again. Locks what it renames or makes until the end of the transaction.';
