-- Forget an objective and what was counted for it.
CREATE FUNCTION pggit_excellence.drop_objective(objective text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    shipped boolean;
BEGIN
    PERFORM pggit_excellence._begin_objective_change();
    DELETE FROM pggit_excellence.slo_objectives AS o WHERE o.objective = drop_objective.objective RETURNING o.is_default INTO shipped;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such objective: %', quote_nullable(left(drop_objective.objective, 200))
            USING ERRCODE = 'no_data_found', HINT = 'The table pggit_excellence.slo_objectives lists them.';
    ELSIF shipped THEN
        RAISE EXCEPTION 'objective % came with the extension, and would come back with it when a dump is restored', quote_ident(drop_objective.objective)
            USING ERRCODE = 'dependent_objects_still_exist',
                  HINT = format('Switch it off: SELECT pggit_excellence.set_objective(%L, enabled => false);', drop_objective.objective);
    END IF;
    DELETE FROM pggit_excellence.objective_rollups AS r WHERE r.objective = drop_objective.objective;
END
$body$;
COMMENT ON FUNCTION pggit_excellence.drop_objective(text) IS
    'Deletes an objective and all that was counted for it. Those that came with the extension stay, because CREATE EXTENSION brings them back at a restore: switch them off with set_objective(objective, enabled => false). Keeps maintain() out until the end of the transaction.';
