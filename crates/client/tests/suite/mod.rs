//! What must hold on every adapter, written once.
//!
//! The adapters' tests include this folder by path and name in `suite!` the mode to run it on. The
//! bodies are `async`; on the blocking client nothing in them ever waits.

pub(crate) mod bad_peers;
pub(crate) mod bounded;
pub(crate) mod connections;
pub(crate) mod limits;
pub(crate) mod logins;
pub(crate) mod names;
pub(crate) mod packets;
pub(crate) mod pages;
pub(crate) mod peer;
pub(crate) mod rows;
pub(crate) mod selects;
pub(crate) mod sql;
pub(crate) mod stalls;
pub(crate) mod support;
pub(crate) mod times;
pub(crate) mod updates;
pub(crate) mod verbs;

use std::future::Future;

use tarantool_client::{Client, Config, Error, Mode};

pub(crate) use bounded::bounded;
pub(crate) use support::{connect, create_space, server, unique};

/// One adapter, as the suite needs it.
pub(crate) trait Adapter: Mode + Send + Sync + 'static {
    fn connect(config: Config) -> impl Future<Output = Result<Client<Self>, Error>>;

    fn wait<T>(reply: Self::Reply<T>) -> impl Future<Output = Result<T, Error>>;

    /// Makes `count` requests that are under way at once, each given its index, and returns their
    /// results in that order.
    fn all<T: Send>(
        client: &Client<Self>,
        count: usize,
        start: impl Fn(&Client<Self>, usize) -> Self::Reply<T> + Sync,
    ) -> impl Future<Output = Vec<Result<T, Error>>>;
}

/// Makes a test of each body: on a mode, by a function that runs a future to its end.
macro_rules! suite {
    ($mode:ty, $run:path) => {
        suite! { @server $mode, $run,
            verbs::a_ping_is_answered,
            verbs::a_call_gives_none_one_or_several_values,
            verbs::an_eval_gives_what_its_code_returns,
            verbs::errors_of_lua_keep_code_and_text,
            verbs::rows_are_inserted_replaced_found_and_deleted,
            verbs::an_index_finds_and_changes_rows_by_number_and_by_name,
            verbs::any_request_can_be_sent_and_its_reply_read_undecoded,
            verbs::a_value_that_cannot_be_encoded_is_not_sent,
            selects::every_iterator_of_a_tree_gives_its_rows_in_its_order,
            selects::limit_and_offset_cut_out_a_part,
            selects::composite_keys_may_be_given_in_part,
            selects::the_iterators_of_other_indexes_work,
            selects::an_iterator_that_the_index_lacks_is_an_error,
            pages::positions_are_not_asked_of_servers_without_them,
            pages::pages_by_key_need_no_positions,
            pages::pages_by_key_that_would_go_wrong_are_refused,
            sql::rows_come_as_structs_or_tuples_with_their_columns,
            sql::changes_tell_how_many_rows_and_which_ids,
            sql::parameters_of_every_type_come_back,
            sql::parameters_can_be_named_and_numbered,
            sql::errors_of_statements_are_the_servers,
            sql::extensions_as_parameters_do_not_reach_a_server_that_dies_of_them,
            sql::everything_is_told_of_columns_where_the_session_wants_it,
            sql::a_prepared_statement_is_executed_any_number_of_times,
            sql::a_prepared_statement_expires_with_the_schema,
            sql::a_prepared_statement_belongs_to_its_connection,
            updates::every_operation_by_number,
            updates::every_operation_by_negative_number,
            updates::every_operation_by_name_and_by_path,
            updates::fields_can_be_counted_from_one,
            updates::a_missing_row_is_none_and_a_wrong_operation_an_error,
            updates::an_upsert_inserts_or_changes,
            updates::wide_integer_keys_change_the_row_that_they_name,
            rows::a_row_of_another_type_is_named_with_its_column_and_types,
            rows::optional_columns_at_the_end_may_be_absent,
            rows::columns_beyond_the_type_are_skipped,
            rows::every_width_of_integer_comes_back,
            names::a_space_created_elsewhere_is_found,
            names::an_index_made_anew_with_another_number_is_found,
            names::a_space_made_anew_with_another_number_is_found,
            names::an_unknown_name_is_named_and_nothing_is_sent,
            names::names_and_numbers_can_be_mixed,
            logins::a_password_with_special_characters_logs_in,
            logins::an_empty_password_logs_in,
            logins::a_wrong_password_is_refused_and_never_shown,
            logins::an_unknown_user_is_refused,
            logins::what_a_user_may_not_do_is_an_error_of_the_request,
            connections::a_unix_socket_works_as_tcp_does,
            connections::the_server_is_known,
            connections::a_closed_client_refuses_requests_and_answers_those_accepted,
            connections::a_killed_server_is_told_to_all_and_named,
            connections::requests_of_a_killed_server_know_whether_they_were_sent,
            limits::eight_mebibytes_come_back,
            limits::a_row_over_the_servers_limit_is_its_error,
            limits::a_request_over_the_packet_limit_is_not_sent,
            limits::a_reply_over_the_packet_limit_ends_the_connection,
            limits::limits_of_zero_count_as_one,
            limits::every_batching_answers_everything,
            times::a_slow_call_times_out_and_its_late_reply_is_dropped,
            times::a_late_reply_never_answers_a_newer_request,
            times::a_request_without_a_place_times_out_unsent,
            times::many_timeouts_leave_nothing_behind,
        }
        suite! { @alone $run,
            pages::a_page_tells_where_the_next_begins::<$mode>,
            pages::a_position_that_is_none_is_the_servers_error::<$mode>,
            pages::all_rows_come_page_after_page::<$mode>,
            pages::pages_of_a_changing_space_go_on::<$mode>,
            pages::a_page_without_a_position_is_the_last::<$mode>,
            bad_peers::a_closed_port_refuses::<$mode>,
            bad_peers::a_host_that_does_not_exist_is_named::<$mode>,
            bad_peers::a_web_server_is_no_tarantool::<$mode>,
            bad_peers::a_console_port_is_recognised::<$mode>,
            bad_peers::a_server_that_never_greets_is_given_up::<$mode>,
            bad_peers::a_server_that_never_answers_the_login_is_given_up::<$mode>,
            bad_peers::a_close_before_the_greeting_is_told::<$mode>,
            bad_peers::a_close_inside_the_greeting_is_told::<$mode>,
            bad_peers::a_close_before_the_login_reply_is_told::<$mode>,
            bad_peers::a_refusal_instead_of_a_login_is_told::<$mode>,
            bad_peers::a_close_in_mid_frame_is_told::<$mode>,
            bad_peers::the_reason_that_a_server_gives_before_it_closes_is_told::<$mode>,
            bad_peers::a_garbage_length_ends_the_connection::<$mode>,
            bad_peers::a_packet_of_no_length_ends_the_connection::<$mode>,
            bad_peers::a_garbage_header_ends_the_connection::<$mode>,
            bad_peers::an_unknown_sync_ends_the_connection::<$mode>,
            bad_peers::a_body_that_is_no_map_ends_the_connection::<$mode>,
            bad_peers::a_packet_over_the_limit_ends_the_connection::<$mode>,
        }
    };
    (@server $mode:ty, $run:path, $($module:ident::$test:ident),* $(,)?) => { $(
        #[test]
        fn $test() {
            $crate::suite::bounded(|| {
                if let Some(server) = $crate::suite::server(stringify!($test)) {
                    $run($crate::suite::$module::$test::<$mode>(server));
                }
            });
        }
    )* };
    (@alone $run:path, $($module:ident::$test:ident::<$mode:ty>),* $(,)?) => { $(
        #[test]
        fn $test() {
            $crate::suite::bounded(|| $run($crate::suite::$module::$test::<$mode>()));
        }
    )* };
}
