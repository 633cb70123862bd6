-- Take our names out of schema pggit, and give pgGit back what link_pggit(replace => true) renamed.
-- Works where pgGit is gone or half gone. Nothing but a rename is done to pgGit's objects, so what somebody plants under
-- <name>_replaced gets no more than its planter could have made under <name> itself.
CREATE FUNCTION pggit_excellence.unlink_pggit()
RETURNS TABLE (name text, kind text, status text, note text)
LANGUAGE plpgsql VOLATILE ROWS 9
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    planned record;
    item    record;
BEGIN
    FOR planned IN
        SELECT DISTINCT lp."position", lp.name, lp.kind FROM pggit_excellence._link_plan() AS lp ORDER BY lp."position"
    LOOP
        name := planned.name;
        kind := planned.kind;
        status := CASE
            WHEN EXISTS (SELECT FROM pggit_excellence._link_present() AS lp WHERE lp.name = planned.name AND lp.ours)
            THEN 'unlinked' ELSE 'not linked' END;
        note := pggit_excellence._link_drop(planned.name);
        IF note IS NOT NULL THEN
            status := 'in use';
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF NOT EXISTS (
            SELECT FROM pggit_excellence._link_present() AS lp WHERE lp.name = planned.name AND NOT lp.aside
        ) THEN
            FOR item IN
                SELECT lp.keyword, lp.identity FROM pggit_excellence._link_present() AS lp
                WHERE lp.name = planned.name AND lp.aside
                ORDER BY lp.identity
            LOOP
                EXECUTE pg_catalog.format('ALTER %s %s RENAME TO %I', item.keyword, item.identity, planned.name);
                status := 'given back';
                note := pg_catalog.concat_ws('; ', note, item.identity || ' has its name again');
            END LOOP;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.unlink_pggit() IS
    'Remove the names of this extension from schema pggit: one row per name with status unlinked, given back (pgGit''s own has its name again), not linked, or in use (something depends on the name, see the note, and it stays). Locks what it drops or renames until the end of the transaction.';
