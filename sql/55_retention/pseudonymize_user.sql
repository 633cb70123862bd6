-- For a request of erasure: put a pseudonym in the place of a user's name wherever pgGit and this extension record who did
-- something. All or nothing; the same pseudonym everywhere, so that one person's changes stay those of one person, whoever that
-- was. Nothing that is stored leads back to the name.
--   user_name  as it is recorded
--   dry_run    true: where it would be replaced, and where not
-- What keeps it: rows under a legal hold; what is evidence of this extension, the audit log above all, whose chain proves that
-- nothing was changed; the text of statements, where a name is part of SQL. Each is a row of the answer, with how many.
-- Locks the rows that it changes. A new legal hold waits.
CREATE FUNCTION pggit_excellence.pseudonymize_user(user_name text, dry_run boolean DEFAULT true)
RETURNS TABLE (table_name text, column_name text, status text, row_count bigint, note text)
LANGUAGE plpgsql VOLATILE ROWS 30
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $body$
DECLARE
    new_name  text := 'erased-' || pg_catalog.substr(pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), 1, 16);
    place     record;
    found     record;
    changed   bigint := 0;
    kept_rows bigint := 0;
BEGIN
    IF pg_catalog.btrim(COALESCE(user_name, '')) = '' THEN
        RAISE EXCEPTION 'no user name given'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give it as created_by in pggit.history has it.';
    END IF;
    PERFORM pggit_excellence._require_dry_run(dry_run, 'true says where the name is, false replaces it.');
    IF pggit_excellence._pggit_table('history') IS NOT NULL THEN
        PERFORM pggit_excellence._require_history();
    END IF;
    IF NOT dry_run THEN
        PERFORM pggit_excellence._lock_retention();
        INSERT INTO pggit_excellence.pseudonyms (pseudonym) VALUES (new_name);
    END IF;

    FOR place IN SELECT p.* FROM pggit_excellence._user_columns(user_name) AS p LOOP
        table_name := place.relation::text;
        column_name := place.column_name;
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.count(*) FILTER (WHERE NOT held) AS free, pg_catalog.count(*) FILTER (WHERE held) AS held '
            'FROM (SELECT %s AS held FROM %s AS t WHERE t.%I::text = $1) AS c', place.held_sql, place.relation, place.column_name)
        INTO found USING user_name;
        IF found.free > 0 THEN
            status := CASE WHEN dry_run THEN 'planned' ELSE 'replaced' END;
            row_count := found.free;
            note := NULL;
            IF NOT dry_run THEN
                EXECUTE pg_catalog.format('UPDATE %s AS t SET %I = $2%s WHERE t.%I::text = $1 AND NOT %s', place.relation, place.column_name,
                            CASE WHEN place.salted THEN ', created_by_salt = NULL' ELSE '' END, place.column_name, place.held_sql)
                USING user_name, new_name;
                GET DIAGNOSTICS row_count = ROW_COUNT;
                changed := changed + row_count;
            END IF;
            RETURN NEXT;
        END IF;
        IF found.held > 0 THEN
            status := 'kept';
            row_count := found.held;
            note := place.kept_because;
            kept_rows := kept_rows + row_count;
            RETURN NEXT;
        END IF;
    END LOOP;

    FOR place IN SELECT m.* FROM pggit_excellence._user_mentions(user_name) AS m LOOP
        table_name := place.table_name;
        column_name := place.column_name;
        status := 'kept';
        row_count := place.row_count;
        note := 'the name is part of a text: look at it, and change by hand what must go';
        kept_rows := kept_rows + row_count;
        RETURN NEXT;
    END LOOP;
    IF dry_run THEN
        RETURN;
    ELSIF changed = 0 THEN
        DELETE FROM pggit_excellence.pseudonyms AS p WHERE p.pseudonym = new_name;
        RETURN;
    END IF;
    UPDATE pggit_excellence.pseudonyms AS p SET replaced = changed, kept = kept_rows WHERE p.pseudonym = new_name;
    PERFORM pggit_excellence.record_audit_event('pseudonymize', pg_catalog.jsonb_build_object(
        'pseudonym', new_name, 'replaced', changed, 'kept', kept_rows));
END
$body$;
COMMENT ON FUNCTION pggit_excellence.pseudonymize_user(text, boolean) IS
$comment$Replaces a user's name by a random pseudonym in every column of pgGit's schemas and of this extension that records who did something, all or nothing; nothing leads back from it. dry_run (the default) counts.
status: planned, replaced, kept (note says why: a legal hold, evidence, or a name inside a text, which is counted and left alone). Without a row for a column the name is not in it. The chain of the archive stays verifiable, and the append-only protection of harden() accepts this replacement and no other.$comment$;

-- Columns that say who did something: text columns with the usual names, of pgGit and of this extension.
--   held_sql      SQL over the table AS t: true for rows that keep the name
--   kept_because  why those keep it
--   salted        whether the salt of the name has to go with it
CREATE FUNCTION pggit_excellence._user_columns(user_name text)
RETURNS TABLE (relation regclass, column_name name, held_sql text, kept_because text, salted boolean)
LANGUAGE sql STABLE ROWS 30
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT c.oid::regclass, a.attname,
           CASE
               WHEN e.evidence OR NOT e.trusted THEN 'true'
               WHEN n.nspname = 'pggit' AND c.relname = 'history' THEN
                   'EXISTS (SELECT FROM pggit_excellence.legal_holds AS k WHERE pggit_excellence._hold_covers(k, '
                   '(SELECT o.full_name FROM pggit.objects AS o WHERE o.id = t.object_id), t.created_by, t.created_at::timestamptz))'
               WHEN n.nspname = 'pggit_excellence' AND c.relname = 'history_archive' THEN
                   'EXISTS (SELECT FROM pggit_excellence.legal_holds AS k '
                   'WHERE pggit_excellence._hold_covers(k, t.object_name, t.created_by, t.changed_at))'
               WHEN h.held THEN 'true'
               ELSE 'false'
           END,
           CASE WHEN e.evidence THEN 'it is evidence of who did or approved something with this extension'
                WHEN NOT e.trusted THEN pg_catalog.format('an update would run the triggers of %I with your rights: call it as that role', pg_catalog.pg_get_userbyid(c.relowner))
                ELSE 'a legal hold covers them' END,
           n.nspname = 'pggit_excellence' AND c.relname = 'history_archive'
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    CROSS JOIN LATERAL (
        SELECT n.nspname = 'pggit_excellence' AND c.relname NOT IN ('history_archive', 'finding_exclusions', 'upgrade_log') AS evidence,
               pggit_excellence._runs_anyway(c.relowner) AS trusted) AS e
    -- What has no object and no time of a change is held where everything of this user is.
    CROSS JOIN (
        SELECT EXISTS (
            SELECT FROM pggit_excellence.legal_holds AS k
            WHERE k.released_at IS NULL AND k.object_name IS NULL AND COALESCE(k.user_name, _user_columns.user_name) = _user_columns.user_name
        ) AS held) AS h
    WHERE (n.nspname = 'pggit' OR n.nspname LIKE 'pggit\_%') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'name'::regtype)
      AND a.attname ~ '(_by|^author|^committer|^actor|^reviewer|^approver|user_?name|_user)$'
    ORDER BY c.oid::regclass::text COLLATE "C", a.attname COLLATE "C"
$body$;
COMMENT ON FUNCTION pggit_excellence._user_columns(text) IS
    'Internal: the columns that record who did something, with the SQL condition under which a row keeps the name of this user, and why. Source: pg_attribute, legal_holds.';

-- In how many texts the name is, where no column is for it.
CREATE FUNCTION pggit_excellence._user_mentions(user_name text)
RETURNS TABLE (table_name text, column_name text, row_count bigint)
LANGUAGE plpgsql STABLE ROWS 3
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $body$
BEGIN
    IF pggit_excellence._pggit_table('history') IS NOT NULL THEN
        RETURN QUERY
        SELECT 'pggit.history'::text, m.name, pg_catalog.count(*)
        FROM pggit.history AS h
        CROSS JOIN LATERAL (VALUES ('sql_executed', h.sql_executed), ('change_description', h.change_description),
                                   ('old_metadata', h.old_metadata::text), ('new_metadata', h.new_metadata::text)) AS m (name, content)
        WHERE pg_catalog.strpos(m.content, user_name) > 0
        GROUP BY m.name ORDER BY m.name;
    END IF;
    RETURN QUERY
    SELECT 'pggit_excellence.history_archive'::text, 'content'::text, pg_catalog.count(*)
    FROM pggit_excellence.history_archive AS a
    WHERE pg_catalog.strpos(a.content::text, user_name) > 0
    HAVING pg_catalog.count(*) > 0;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._user_mentions(text) IS
    'Internal: how many texts of pggit.history and of its archive contain this name; without a row: none.';
