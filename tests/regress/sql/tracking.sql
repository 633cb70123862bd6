\set SHOW_CONTEXT never
-- tracking_cost, tune_tracking and undo, on the one table that they need.
CREATE EXTENSION pggit_excellence;
SELECT * FROM pggit_excellence.tracking_cost();
SELECT * FROM pggit_excellence.tuning_plan();
SELECT * FROM pggit_excellence.tune_tracking();
SELECT pggit_excellence.undo(1);

CREATE SCHEMA pggit;
CREATE TABLE pggit.objects (
    id serial PRIMARY KEY, object_type text, schema_name text, object_name text, branch_name text, full_name text
);
INSERT INTO pggit.objects (object_type, schema_name, object_name, full_name) VALUES ('TABLE', 'app', 'a', 'app.a');
SELECT c.step, c.measure, c.value > 0 AS has_value, c.unit, c.share_percent, c.note
FROM pggit_excellence.tracking_cost(1) AS c;
SELECT pggit_excellence.tracking_cost(0);
SELECT pggit_excellence.tracking_cost(1, 'Nowhere');

SELECT t.action_id, t.status, t.item, t.statement, t.undo_statement FROM pggit_excellence.tune_tracking() AS t;
SELECT t.action_id, t.status, t.item FROM pggit_excellence.tune_tracking(dry_run => false) AS t;
SELECT t.action_id, t.status, t.item FROM pggit_excellence.tune_tracking(dry_run => false) AS t;
SELECT pggit_excellence.tune_tracking(NULL);

SELECT pggit_excellence.undo(2);
SELECT pggit_excellence.undo(99);
SELECT * FROM pggit_excellence.undo_all('another function');
SELECT * FROM pggit_excellence.undo_all('tune_tracking');
SELECT l.action_id, l.item, l.undone_at IS NOT NULL AS undone, l.undo_note
FROM pggit_excellence.action_log AS l ORDER BY l.action_id;
SELECT p.item, p.status FROM pggit_excellence.tuning_plan() AS p ORDER BY p.step;

DROP EXTENSION pggit_excellence;
DROP SCHEMA pggit CASCADE;
