-- What every kind of index advice returns, so that index_advice() is a plain union.
CREATE TYPE pggit_excellence._finding AS (
    finding_key text,
    kind        text,
    severity    text,
    confidence  text,
    table_name  text,
    index_name  text,
    evidence    text,
    advice      text,
    mend_sql    text,
    undo_sql    text
);
COMMENT ON TYPE pggit_excellence._finding IS
    'Internal: one row of index_advice(), without the exclusions. The columns are described there.';

-- What several kinds of advice need: index_advice() reads it once and hands it on.
CREATE TYPE pggit_excellence._hot_table AS (
    table_id  oid,
    live_rows bigint,
    evidence  text
);
COMMENT ON TYPE pggit_excellence._hot_table IS
    'Internal: a table that is read by sequential scans over and over (_hot_tables()); live_rows: present rows, about; evidence: the counts.';

CREATE TYPE pggit_excellence._compared_key AS (
    source           text,
    confidence       text,
    table_id         oid,
    attnum           smallint,
    collation_id     oid,
    index_id         oid,
    key_collation_id oid
);
COMMENT ON TYPE pggit_excellence._compared_key IS
    'Internal: a compared column and an index key that could serve the comparison but for the collation (_compared_keys()).';
