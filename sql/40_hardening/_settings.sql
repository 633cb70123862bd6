-- A server setting as every new session gets it: what this session has set for itself does not count. NULL: this
-- server has no such setting. What is hidden from the caller is an error that says what would show it.
CREATE FUNCTION pggit_excellence._setting(name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    found_value text;
BEGIN
    SELECT s.reset_val INTO found_value FROM pg_catalog.pg_settings AS s WHERE s.name = _setting.name;
    IF FOUND THEN
        RETURN found_value;
    ELSIF NOT pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') THEN
        RAISE EXCEPTION '% is hidden from role %, or this server has no such setting: GRANT pg_read_all_settings TO %',
                _setting.name, pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(current_user)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Settings of a module that is not loaded are not listed.
    RETURN pg_catalog.current_setting(_setting.name, true);
END
$body$;
COMMENT ON FUNCTION pggit_excellence._setting(text) IS
    'Internal: a setting as new sessions get it, in base units; NULL: not on this server. An error where it is hidden from the caller. Source: pg_settings.reset_val.';

-- The statements that set a parameter for the whole server. A list is given element by element: one literal with commas
-- in it would become one quoted element.
CREATE FUNCTION pggit_excellence._alter_system(name text, elements text[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('ALTER SYSTEM SET %s = %s;', name,
               (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.element), ', ' ORDER BY e.number)
                FROM pg_catalog.unnest(elements) WITH ORDINALITY AS e (element, number)))
           || CASE WHEN (SELECT s.context FROM pg_catalog.pg_settings AS s WHERE s.name = _alter_system.name) = 'postmaster'
                   THEN E'\n-- Then restart the server.' ELSE E'\nSELECT pg_catalog.pg_reload_conf();' END
$body$;
COMMENT ON FUNCTION pggit_excellence._alter_system(text, text[]) IS
    'Internal: ALTER SYSTEM for one parameter (elements: of a list; else one) and what makes it work, each statement on a line: it refuses to run inside a transaction.';

-- What a check says of one setting: pass where it matches, else the statements that set it.
--   good       regular expression of the values that pass
--   elements   what to set it to
CREATE FUNCTION pggit_excellence._setting_verdict(name text, good text, elements text[])
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    value text := pggit_excellence._setting(name);
BEGIN
    IF value IS NULL THEN
        RETURN QUERY SELECT v.* FROM pggit_excellence._no_verdict('not_applicable', 'this server has no setting ' || name) AS v;
        RETURN;
    END IF;
    evidence := pg_catalog.jsonb_build_object('setting', name, 'value', value, 'expected', pg_catalog.array_to_string(elements, ', '));
    IF value ~ good THEN
        status := 'pass';
    ELSE
        status := 'fail';
        remediation := pggit_excellence._alter_system(name, elements);
    END IF;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._setting_verdict(text, text, text[]) IS
    'Internal: the verdict on one setting whose good values match a regular expression; elements: what to set it to.';

-- The same for a number: pass from lowest to highest, both included; NULL: no limit on that side.
CREATE FUNCTION pggit_excellence._number_verdict(name text, lowest bigint, highest bigint, element text)
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    value bigint := pggit_excellence._setting(name);
BEGIN
    IF value IS NULL THEN
        RETURN QUERY SELECT v.* FROM pggit_excellence._no_verdict('not_applicable', 'this server has no setting ' || name) AS v;
        RETURN;
    END IF;
    evidence := pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
        'setting', name, 'value', value, 'expected', element, 'lowest', lowest, 'highest', highest));
    IF value < lowest OR value > highest THEN
        status := 'fail';
        remediation := pggit_excellence._alter_system(name, ARRAY[element]);
    ELSE
        status := 'pass';
    END IF;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._number_verdict(text, bigint, bigint, text) IS
    'Internal: the verdict on one numeric setting; lowest and highest, in its base unit, pass, NULL: no limit; element: what to set it to.';

-- The libraries that are loaded with the server; or, with the second column, that will be after the next restart, where
-- the caller may see that.
CREATE FUNCTION pggit_excellence._preloaded()
RETURNS TABLE (loaded text[], coming text[])
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    setting text;
BEGIN
    loaded := pg_catalog.array_remove(pg_catalog.regexp_split_to_array(
        pg_catalog.translate(pggit_excellence._setting('shared_preload_libraries'), '" ', ''), ','), '');
    coming := loaded;
    IF pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
       AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE')
    THEN
        SELECT f.setting INTO setting FROM pg_catalog.pg_file_settings AS f
        WHERE f.name = 'shared_preload_libraries' ORDER BY f.seqno DESC LIMIT 1;
        IF FOUND THEN
            coming := pg_catalog.array_remove(pg_catalog.regexp_split_to_array(pg_catalog.translate(setting, '" ', ''), ','), '');
        END IF;
    END IF;
    RETURN NEXT;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._preloaded() IS
    'Internal: the libraries in shared_preload_libraries: loaded, and coming with the next restart. Source: pg_settings, pg_file_settings.';

-- What a check says of one library that is to be loaded with the server. The remediation adds it to what the files say, so
-- that one restart does for several of them: mend one, then run the check again for the next.
CREATE FUNCTION pggit_excellence._library_verdict(libraries text[])
RETURNS TABLE (status text, evidence jsonb, remediation text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN l.loaded && libraries THEN 'pass' ELSE 'fail' END,
           pg_catalog.jsonb_build_object('shared_preload_libraries', l.loaded, 'expected_one_of', libraries),
           CASE WHEN NOT l.loaded && libraries
                THEN pggit_excellence._alter_system('shared_preload_libraries',
                                                    CASE WHEN l.coming && libraries THEN l.coming ELSE l.coming || libraries[1] END) END
    FROM pggit_excellence._preloaded() AS l
$body$;
COMMENT ON FUNCTION pggit_excellence._library_verdict(text[]) IS
    'Internal: the verdict on shared_preload_libraries, which is to have one of these; the remediation adds the first.';

-- A word as a POSIX shell takes it literally.
CREATE FUNCTION pggit_excellence._shell_quoted(word text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT '''' || pg_catalog.replace(word, '''', '''\''''') || ''''
$body$;
COMMENT ON FUNCTION pggit_excellence._shell_quoted(text) IS 'Internal: a word in quotes that a POSIX shell takes literally.';
