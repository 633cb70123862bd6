\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION pggit_excellence;
CREATE SCHEMA shop;

-- A spare index, a foreign key without an index, and an index under another collation than the comparison's.
CREATE TABLE shop.customer (id int PRIMARY KEY, name text);
CREATE TABLE shop.orders (id int PRIMARY KEY, customer_id int REFERENCES shop.customer);
CREATE INDEX customer_name ON shop.customer (name);
CREATE INDEX customer_name_id ON shop.customer (name, id);
CREATE VIEW shop.tables AS
    SELECT c.id FROM shop.customer AS c JOIN pg_catalog.pg_class AS k ON c.name = k.relname;
INSERT INTO shop.customer SELECT g, 'name ' || g FROM generate_series(1, 2000) AS g;
ANALYZE shop.customer;

SELECT a.finding_key, a.kind, a.severity, a.confidence, a.table_name, a.index_name, a.mend_sql
FROM pggit_excellence.index_advice(ARRAY['shop']) AS a WHERE a.kind <> 'statistics' ORDER BY a.finding_key COLLATE "C";

-- Mend one, exclude one, and the third is left.
CREATE INDEX CONCURRENTLY orders_customer_id_fkey_idx ON shop.orders (customer_id);
SELECT pggit_excellence.exclude_finding('duplicate:shop.customer_name', 'kept for the regression test');
SELECT a.finding_key FROM pggit_excellence.index_advice(ARRAY['shop']) AS a WHERE a.kind <> 'statistics';
SELECT a.finding_key, a.excluded FROM pggit_excellence.index_advice(ARRAY['shop'], include_excluded => true) AS a
WHERE a.kind <> 'statistics' ORDER BY a.finding_key COLLATE "C";
SELECT pggit_excellence.include_finding('duplicate:shop.customer_name');
SELECT count(*) FROM pggit_excellence.finding_exclusions;

-- The plan's five columns come first.
SELECT u.table_name, u.index_name, u.index_scans IS NOT NULL AS scans, u.rows_read IS NOT NULL AS rows_read,
    u.effectiveness BETWEEN 0 AND 100 OR u.effectiveness IS NULL AS percent
FROM pggit_excellence.check_index_usage(ARRAY['shop']) AS u;

-- Clear errors.
SELECT pggit_excellence.include_finding('duplicate:shop.customer_name');
SELECT pggit_excellence.include_finding(NULL);
SELECT pggit_excellence.exclude_finding(' ', 'because');
SELECT pggit_excellence.exclude_finding('unused:a.b', '');
SELECT pggit_excellence.exclude_finding('unused:a.b', 'because', '2000-01-01');
SELECT count(*) FROM pggit_excellence.index_advice();
SELECT count(*) FROM pggit_excellence.check_index_usage(ARRAY['nowhere']);

DROP SCHEMA shop CASCADE;
DROP EXTENSION pggit_excellence;
