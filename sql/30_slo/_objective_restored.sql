-- pg_dump restores the extension first, with the objectives that it brings, and then all that the user had, the same ones
-- changed or not among them. A restored row replaces the one that CREATE EXTENSION has just made.
CREATE FUNCTION pggit_excellence._objective_restored()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    DELETE FROM pggit_excellence.slo_objectives AS o WHERE o.objective = NEW.objective AND o.is_default;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION pggit_excellence._objective_restored() IS
    'Internal: trigger function of slo_objectives: an inserted row replaces the one of that name that came with the extension.';

CREATE OR REPLACE TRIGGER slo_objectives_restored BEFORE INSERT ON pggit_excellence.slo_objectives
    FOR EACH ROW EXECUTE FUNCTION pggit_excellence._objective_restored();
-- Also when a subscription copies the table.
ALTER TABLE pggit_excellence.slo_objectives ENABLE ALWAYS TRIGGER slo_objectives_restored;
