/**
 * The server's parameters: which there are, and when a new value takes effect (rules PG-CONF-4, PG-CONF-5). Names, contexts and types are those of `pg_settings` of
 * PostgreSQL 15.18; what other majors have besides is accepted as it stands. A parameter the model knows nothing more about is kept, shown, and has no effect.
 */
import { numberOf, PARAMETERS } from './parameter-values.ts'
import { parseSyncNames } from './settings.ts'

const words = (text: string): readonly string[] => text.trim().toLowerCase().split(/\s+/)

/** Fixed when the server starts: another value waits for the next start. */
const POSTMASTER = new Set(words(`
  archive_mode autovacuum_freeze_max_age autovacuum_max_workers autovacuum_multixact_freeze_max_age bonjour bonjour_name cluster_name config_file
  data_directory data_sync_retry dynamic_shared_memory_type event_source external_pid_file hba_file hot_standby huge_page_size huge_pages ident_file
  ignore_invalid_pages jit_provider listen_addresses logging_collector max_connections max_files_per_process max_locks_per_transaction
  max_logical_replication_workers max_pred_locks_per_transaction max_prepared_transactions max_replication_slots max_wal_senders max_worker_processes
  min_dynamic_shared_memory old_snapshot_threshold port recovery_target recovery_target_action recovery_target_inclusive recovery_target_lsn
  recovery_target_name recovery_target_time recovery_target_timeline recovery_target_xid shared_buffers shared_memory_type shared_preload_libraries
  superuser_reserved_connections track_activity_query_size track_commit_timestamp unix_socket_directories unix_socket_group unix_socket_permissions
  wal_buffers wal_decode_buffer_size wal_level wal_log_hints
`))

/** Of the whole server: a reload brings them in, no session may set them. */
const SIGHUP = new Set(words(`
  archive_cleanup_command archive_command archive_library archive_timeout authentication_timeout autovacuum autovacuum_analyze_scale_factor
  autovacuum_analyze_threshold autovacuum_naptime autovacuum_vacuum_cost_delay autovacuum_vacuum_cost_limit autovacuum_vacuum_insert_scale_factor
  autovacuum_vacuum_insert_threshold autovacuum_vacuum_scale_factor autovacuum_vacuum_threshold autovacuum_work_mem bgwriter_delay bgwriter_flush_after
  bgwriter_lru_maxpages bgwriter_lru_multiplier checkpoint_completion_target checkpoint_flush_after checkpoint_timeout checkpoint_warning db_user_namespace
  fsync full_page_writes hot_standby_feedback krb_caseins_users krb_server_keyfile log_autovacuum_min_duration log_checkpoints log_destination log_directory
  log_file_mode log_filename log_hostname log_line_prefix log_recovery_conflict_waits log_rotation_age log_rotation_size log_startup_progress_interval
  log_timezone log_truncate_on_rotation max_pred_locks_per_page max_pred_locks_per_relation max_slot_wal_keep_size max_standby_archive_delay
  max_standby_streaming_delay max_sync_workers_per_subscription max_wal_size min_wal_size pre_auth_delay primary_conninfo primary_slot_name
  promote_trigger_file recovery_end_command recovery_init_sync_method recovery_min_apply_delay recovery_prefetch remove_temp_files_after_crash
  restart_after_crash restore_command ssl ssl_ca_file ssl_cert_file ssl_ciphers ssl_crl_dir ssl_crl_file ssl_dh_params_file ssl_ecdh_curve ssl_key_file
  ssl_max_protocol_version ssl_min_protocol_version ssl_passphrase_command ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers
  synchronous_standby_names syslog_facility syslog_ident syslog_sequence_numbers syslog_split_messages trace_recovery_messages vacuum_defer_cleanup_age
  wal_keep_size wal_receiver_create_temp_slot wal_receiver_status_interval wal_receiver_timeout wal_retrieve_retry_interval wal_sync_method wal_writer_delay
  wal_writer_flush_after
`))

const SESSION = new Set(words(`
  DateStyle IntervalStyle TimeZone allow_in_place_tablespaces allow_system_table_mods application_name array_nulls backend_flush_after backslash_quote
  backtrace_functions bytea_output check_function_bodies client_connection_check_interval client_encoding client_min_messages commit_delay commit_siblings
  compute_query_id constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction deadlock_timeout debug_discard_caches
  debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten default_statistics_target default_table_access_method default_tablespace
  default_text_search_config default_toast_compression default_transaction_deferrable default_transaction_isolation default_transaction_read_only
  dynamic_library_path effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan enable_gathermerge enable_hashagg enable_hashjoin
  enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append
  enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join enable_seqscan enable_sort enable_tidscan
  escape_string_warning exit_on_error extension_destdir extra_float_digits force_parallel_mode from_collapse_limit geqo geqo_effort geqo_generations
  geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_fuzzy_search_limit gin_pending_list_limit hash_mem_multiplier
  idle_in_transaction_session_timeout idle_session_timeout ignore_checksum_failure ignore_system_indexes jit jit_above_cost jit_debugging_support
  jit_dump_bitcode jit_expressions jit_inline_above_cost jit_optimize_above_cost jit_profiling_support jit_tuple_deforming join_collapse_limit lc_messages
  lc_monetary lc_numeric lc_time lo_compat_privileges local_preload_libraries lock_timeout log_connections log_disconnections log_duration log_error_verbosity
  log_executor_stats log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages log_parameter_max_length
  log_parameter_max_length_on_error log_parser_stats log_planner_stats log_replication_commands log_statement log_statement_sample_rate log_statement_stats
  log_temp_files log_transaction_sample_rate logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem max_parallel_maintenance_workers
  max_parallel_workers max_parallel_workers_per_gather max_stack_depth min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
  parallel_setup_cost parallel_tuple_cost password_encryption plan_cache_mode post_auth_delay quote_all_identifiers random_page_cost
  recursive_worktable_factor restrict_nonsystem_relation_kind role row_security search_path seed seq_page_cost session_authorization session_preload_libraries
  session_replication_role standard_conforming_strings statement_timeout stats_fetch_consistency synchronize_seqscans synchronous_commit tcp_keepalives_count
  tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout temp_buffers temp_file_limit temp_tablespaces timezone_abbreviations trace_notify trace_sort
  track_activities track_counts track_functions track_io_timing track_wal_io_timing transaction_deferrable transaction_isolation transaction_read_only
  transform_null_equals update_process_title vacuum_cost_delay vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss
  vacuum_failsafe_age vacuum_freeze_min_age vacuum_freeze_table_age vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age
  vacuum_multixact_freeze_table_age wal_compression wal_consistency_checking wal_init_zero wal_recycle wal_sender_timeout wal_skip_threshold work_mem
  xmlbinary xmloption zero_damaged_pages
`))

/** Tell something, and cannot be set. */
const INTERNAL = new Set(words(`
  block_size data_checksums data_directory_mode debug_assertions in_hot_standby integer_datetimes lc_collate lc_ctype max_function_args max_identifier_length
  max_index_keys segment_size server_encoding server_version server_version_num shared_memory_size shared_memory_size_in_huge_pages ssl_library wal_block_size
  wal_segment_size
`))

/** In some version from 12 to 18, but not in 15. */
const ELSEWHERE = new Set(words(`
  allow_alter_system autovacuum_vacuum_max_threshold autovacuum_worker_slots commit_timestamp_buffers createrole_self_grant debug_io_direct
  debug_logical_replication_streaming debug_parallel_query enable_distinct_reordering enable_group_by_reordering enable_presorted_aggregate
  enable_self_join_elimination event_triggers extension_control_path file_copy_method force_parallel_mode gss_accept_delegation icu_validation_level
  idle_replication_slot_timeout io_combine_limit io_max_combine_limit io_max_concurrency io_method io_workers log_lock_failures logical_decoding_mode
  max_active_replication_origins max_notify_queue_pages max_parallel_apply_workers_per_subscription md5_password_warnings multixact_member_buffers
  multixact_offset_buffers notify_buffers oauth_validator_libraries operator_precedence_warning reserved_connections restrict_nonsystem_relation_kind
  scram_iterations serializable_buffers send_abort_for_crash send_abort_for_kill ssl_groups ssl_tls13_ciphers stats_temp_directory subtransaction_buffers
  summarize_wal sync_replication_slots synchronized_standby_slots trace_connection_negotiation track_cost_delay_timing transaction_buffers transaction_timeout
  vacuum_buffer_usage_limit vacuum_cleanup_index_scale_factor vacuum_max_eager_freeze_failure_rate vacuum_truncate wal_keep_segments wal_summary_keep_time
`))

const BOOLEAN = new Set(words(`
  allow_in_place_tablespaces allow_system_table_mods array_nulls autovacuum bonjour check_function_bodies data_sync_retry db_user_namespace debug_pretty_print
  debug_print_parse debug_print_plan debug_print_rewritten default_transaction_deferrable default_transaction_read_only enable_async_append enable_bitmapscan
  enable_gathermerge enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize
  enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate
  enable_partitionwise_join enable_seqscan enable_sort enable_tidscan escape_string_warning exit_on_error fsync full_page_writes geqo hot_standby
  hot_standby_feedback ignore_checksum_failure ignore_invalid_pages ignore_system_indexes jit jit_debugging_support jit_dump_bitcode jit_expressions
  jit_profiling_support jit_tuple_deforming krb_caseins_users lo_compat_privileges log_checkpoints log_connections log_disconnections log_duration
  log_executor_stats log_hostname log_lock_waits log_parser_stats log_planner_stats log_recovery_conflict_waits log_replication_commands log_statement_stats
  log_truncate_on_rotation logging_collector parallel_leader_participation quote_all_identifiers recovery_target_inclusive remove_temp_files_after_crash
  restart_after_crash row_security ssl ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers standard_conforming_strings synchronize_seqscans
  syslog_sequence_numbers syslog_split_messages trace_notify trace_sort track_activities track_commit_timestamp track_counts track_io_timing
  track_wal_io_timing transaction_deferrable transaction_read_only transform_null_equals update_process_title wal_init_zero wal_log_hints
  wal_receiver_create_temp_slot wal_recycle zero_damaged_pages
`))

const ENUMS: Readonly<Record<string, readonly string[]>> = {
  wal_level: ['minimal', 'replica', 'logical'],
  synchronous_commit: ['local', 'remote_write', 'remote_apply', 'on', 'off'],
  archive_mode: ['always', 'on', 'off'],
}

/** What would change what is measured, and is not modelled: it is refused rather than passed over (rules PG-CONF-7, PG-CONF-8). */
const REFUSED = new Set(words('recovery_min_apply_delay restore_command recovery_target recovery_target_action recovery_target_inclusive recovery_target_lsn recovery_target_name recovery_target_time recovery_target_timeline recovery_target_xid fsync hot_standby port listen_addresses max_wal_senders max_replication_slots restart_after_crash'))

export type When = 'start' | 'reload' | 'session' | 'never'

/** When another value of a parameter takes effect; undefined where no version has it. A name with a dot is an extension's. */
export function whenSet(name: string): When | undefined {
  const key = name.toLowerCase()
  if (POSTMASTER.has(key)) return 'start'
  if (SIGHUP.has(key)) return 'reload'
  if (SESSION.has(key) || ELSEWHERE.has(key) || key.includes('.')) return 'session'
  return INTERNAL.has(key) ? 'never' : undefined
}

/** What servers do by themselves, which may be written down. */
const AS_EVER: Readonly<Record<string, RegExp>> = {
  recovery_min_apply_delay: /^0\s*(?:us|ms|s|min|h|d)?$/, recovery_target_timeline: /^latest$/i, recovery_target_inclusive: /^(?:on|true|yes|1)$/i, recovery_target_action: /^pause$/i, fsync: /^(?:on|true|yes|1)$/i,
  hot_standby: /^(?:on|true|yes|1)$/i, port: /^5432$/, listen_addresses: /^(?:\*|0\.0\.0\.0)$/, max_wal_senders: /^[1-9]\d*$/, max_replication_slots: /^[1-9]\d*$/, restart_after_crash: /^(?:on|true|yes|1)$/i,
}

/** The parameter matters, and another value than its default is not modelled. `value` null: RESET. */
export function isRefused(name: string, value: string | null): boolean {
  const key = name.toLowerCase()
  return REFUSED.has(key) && value !== null && value !== '' && AS_EVER[key]?.test(value.trim()) !== true
}

/** What is said of one. */
export const refusal = (name: string): string => `the parameter ${name} is not modelled, and would change what is measured`

/** An error of the server: SQLSTATE and message. */
export interface Complaint {
  readonly state: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
}

/** What is wrong with a value, in the server's words; undefined when it is fine (rule PG-CONF-9). */
export function complaintOf(name: string, value: string): Complaint | undefined {
  const key = name.toLowerCase()
  if (key === 'synchronous_standby_names') {
    const names = parseSyncNames(value)
    if (names !== undefined && 'error' in names && names.error.startsWith('number of')) return { state: '22023', message: names.error }
    return names !== undefined && 'error' in names ? { state: '22023', message: `invalid value for parameter "${key}": "${value}"`, detail: names.error } : undefined
  }
  if (BOOLEAN.has(key)) return /^(o(n|f|ff)|t(r(u(e)?)?)?|f(a(l(s(e)?)?)?)?|y(e(s)?)?|no?|0|1)$/i.test(value) ? undefined : { state: '22023', message: `parameter "${key}" requires a Boolean value` }
  const parameter = PARAMETERS.get(key)
  if (parameter?.type === 'integer' || parameter?.type === 'real') {
    const number = numberOf(parameter, value)
    return typeof number === 'number' ? undefined : { state: '22023', ...number }
  }
  const available = ENUMS[key]
  const also = key === 'synchronous_commit' || key === 'archive_mode' ? /^(true|false|yes|no|0|1)$/i.test(value) : false
  if (available !== undefined && !also && !available.includes(value.toLowerCase())) return { state: '22023', message: `invalid value for parameter "${key}": "${value}"`, hint: `Available values: ${available.join(', ')}.` }
  return undefined
}

/** Why a session may not set a parameter to a value; undefined when it may (rule PG-CONF-4). */
export function mayNotSet(name: string, value: string | null): Complaint | undefined {
  const when = whenSet(name)
  if (when === undefined) return { state: '42704', message: `unrecognized configuration parameter "${name}"` }
  if (when !== 'session') return { state: '55P02', message: `parameter "${name}" cannot be changed${when === 'start' ? ' without restarting the server' : when === 'reload' ? ' now' : ''}` }
  return value === null ? undefined : complaintOf(name, value)
}
