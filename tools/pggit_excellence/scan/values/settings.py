"""What the server's settings can hold: numbers, and those of a fixed list of words, carry no SQL."""

from __future__ import annotations

from pggit_excellence.scan.values.abstract import Hole, Origin, Quoting, Step

# Settings that functions read, to put them back or to tell servers apart.
_NAMES = {
    # Of type enum or bool, and integers with a unit: 4MB, 30s
    Quoting.WORD: """
        client_min_messages log_min_messages log_min_error_statement log_statement log_error_verbosity
        default_transaction_read_only transaction_read_only default_transaction_deferrable transaction_deferrable
        synchronous_commit session_replication_role constraint_exclusion bytea_output xmlbinary xmloption intervalstyle
        plan_cache_mode backslash_quote row_security standard_conforming_strings escape_string_warning
        check_function_bodies enable_seqscan enable_indexscan enable_indexonlyscan enable_bitmapscan enable_hashjoin
        enable_mergejoin enable_nestloop enable_sort enable_hashagg enable_material enable_partition_pruning
        enable_partitionwise_join enable_partitionwise_aggregate jit is_superuser in_hot_standby integer_datetimes
        quote_all_identifiers transform_null_equals wal_level track_counts track_io_timing
        statement_timeout lock_timeout idle_in_transaction_session_timeout deadlock_timeout work_mem
        maintenance_work_mem temp_buffers effective_cache_size
        """,
    # read committed and the like
    Quoting.FIXED: "transaction_isolation default_transaction_isolation",
    Quoting.INERT: """
        server_version_num block_size wal_block_size max_identifier_length max_index_keys max_connections port
        random_page_cost seq_page_cost cpu_tuple_cost extra_float_digits from_collapse_limit join_collapse_limit
        max_parallel_workers_per_gather
        """,
}
QUOTINGS = {name: quoting for quoting, names in _NAMES.items() for name in names.split()}


def setting_value(name: str, origin: Origin, path: tuple[Step, ...] = ()) -> Hole:
    """What SHOW and current_setting() give for a setting; any text where it is not known."""
    return Hole(QUOTINGS.get(name.lower(), Quoting.RAW), origin, "text", path=path)
