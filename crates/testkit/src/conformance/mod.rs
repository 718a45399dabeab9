//! What must hold on every connector, whatever it is bound to: the conformance suite.
//!
//! An adapter implements [`Adapter`] for a type of its tests and lets
//! [`conformance!`](crate::conformance!) make tests of all cases, each named by the server it runs
//! against:
//!
//! - `real`: against a Tarantool; skipped, loudly, where none is installed;
//! - `embedded`: against the [`Server`](crate::Server) of this crate;
//! - `scripted`: against a peer whose every byte the case decides.
//!
//! ```no_run
//! use tarantool_client::{Async, Client, Config, Error};
//! use tarantool_testkit::conformance::{Adapter, Task};
//!
//! struct Ours;
//!
//! impl Adapter for Ours {
//!     type Mode = Async;
//!
//!     async fn connect(config: Config) -> Result<Client, Error> {
//!         # drop(config);
//!         # std::future::pending().await
//!         // our_runtime::connect(config).await
//!     }
//!
//!     fn run(case: impl Future<Output = ()>) {
//!         # drop(case);
//!         // our_runtime::block_on(case)
//!     }
//!
//!     async fn tasks(tasks: Vec<Task>) {
//!         # drop(tasks);
//!         // our_runtime::spawn each, then await each
//!     }
//! }
//!
//! mod ours {
//!     tarantool_testkit::conformance!(async super::Ours);
//! }
//! # fn main() {}
//! ```
#![expect(missing_docs, reason = "the names of cases say what must hold")]
#![allow(clippy::missing_panics_doc, reason = "a case panics when it fails")]

pub mod backend;
pub mod bad_peers;
pub mod bounded;
pub mod breaks;
pub mod changes;
pub mod chunks;
pub mod closing;
pub mod closures;
pub mod connections;
pub mod drops;
pub mod events;
mod functions;
pub mod heard;
pub mod heartbeats;
pub mod hostile;
pub mod lanes;
pub mod limits;
pub mod logins;
pub mod mixed;
pub mod names;
pub mod outages;
pub mod overload;
pub mod packets;
pub mod pages;
pub mod peer;
pub mod reconnects;
pub mod resources;
pub mod rows;
pub mod selects;
pub mod shutdowns;
pub mod sockets;
pub mod sql;
pub mod stalls;
pub mod submits;
pub mod tasks;
pub mod threads;
pub mod times;
pub mod transactions;
pub mod updates;
pub mod verbs;
pub mod waiting;
pub mod writes;

use std::future::{Future, ready};
use std::pin::Pin;
use std::thread;

use tarantool_client::{Async, Blocking, Client, Config, Error, Mode, Pending};

pub use self::backend::{Backend, Wanted};
use self::backend::{connect, connect_as, create_space, index};
pub use self::bounded::bounded;
pub use self::waiting::block_on;

/// One adapter, as the suite needs it.
pub trait Adapter: 'static {
    /// How its client waits.
    type Mode: Waits;

    fn connect(config: Config) -> impl Future<Output = Result<Client<Self::Mode>, Error>>;

    /// Runs a case on the runtime that drives the connections.
    fn run(case: impl Future<Output = ()>);

    /// Runs tasks at the same time, as users would, until all are over.
    fn tasks(tasks: Vec<Task>) -> impl Future<Output = ()>;

    fn wait<T: Send>(
        reply: <Self::Mode as Mode>::Reply<T>,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        Self::Mode::wait(reply)
    }

    /// Makes `count` requests that are under way at once, each given its index, and returns their
    /// results in that order.
    fn all<T: Send>(
        client: &Client<Self::Mode>,
        count: usize,
        start: impl Fn(&Client<Self::Mode>, usize) -> <Self::Mode as Mode>::Reply<T> + Sync,
    ) -> impl Future<Output = Vec<Result<T, Error>>> {
        Self::Mode::all(client, count, start)
    }
}

/// Work that shares a connection with other work.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How each mode waits for replies.
pub trait Waits: Mode + Send + Sync + 'static {
    /// How many tasks are many.
    const AT_ONCE: usize;

    fn wait<T: Send>(reply: Self::Reply<T>) -> impl Future<Output = Result<T, Error>> + Send;

    fn all<T: Send>(
        client: &Client<Self>,
        count: usize,
        start: impl Fn(&Client<Self>, usize) -> Self::Reply<T> + Sync,
    ) -> impl Future<Output = Vec<Result<T, Error>>>;
}

impl Waits for Async {
    const AT_ONCE: usize = 1000;

    fn wait<T: Send>(reply: Pending<T>) -> impl Future<Output = Result<T, Error>> + Send {
        reply
    }

    async fn all<T: Send>(
        client: &Client,
        count: usize,
        start: impl Fn(&Client, usize) -> Pending<T> + Sync,
    ) -> Vec<Result<T, Error>> {
        let pending: Vec<_> = (0..count).map(|index| start(client, index)).collect();
        let mut results = Vec::new();
        for reply in pending {
            results.push(reply.await);
        }
        results
    }
}

impl Waits for Blocking {
    const AT_ONCE: usize = 100;

    fn wait<T: Send>(reply: Result<T, Error>) -> impl Future<Output = Result<T, Error>> + Send {
        ready(reply)
    }

    async fn all<T: Send>(
        client: &Client<Self>,
        count: usize,
        start: impl Fn(&Client<Self>, usize) -> Result<T, Error> + Sync,
    ) -> Vec<Result<T, Error>> {
        let start = &start;
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..count).map(|index| scope.spawn(move || start(client, index))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

/// A case on the real server.
pub fn on_real<A, F>(name: &'static str, case: fn(&'static Backend) -> F)
where
    A: Adapter,
    F: Future<Output = ()> + 'static,
{
    bounded(move || {
        if let Some(server) = Backend::shared_real(name) {
            A::run(async { case(server).await });
        }
    });
}

/// A case on the embedded server.
pub fn on_embedded<A, F>(_name: &'static str, case: fn(&'static Backend) -> F)
where
    A: Adapter,
    F: Future<Output = ()> + 'static,
{
    bounded(move || A::run(async { case(Backend::shared_embedded()).await }));
}

/// A case that brings its own peer.
pub fn on_scripted<A, F>(_name: &'static str, case: fn() -> F)
where
    A: Adapter,
    F: Future<Output = ()> + 'static,
{
    bounded(move || A::run(async { case().await }));
}

/// Makes tests of all cases of the [conformance suite](mod@crate::conformance) for an
/// [`Adapter`](crate::conformance::Adapter).
///
/// With `async` before the adapter's type also those about futures.
#[macro_export]
macro_rules! conformance {
    (async $adapter:ty) => {
        $crate::conformance! { $adapter }
        $crate::conformance! { @both
            drops::a_request_may_be_dropped_at_any_poll,
            drops::futures_may_be_dropped_at_any_time,
            drops::requests_of_a_dropped_client_are_answered,
            drops::requests_that_nobody_waits_for_are_executed,
            threads::a_client_works_on_other_threads,
            threads::a_reply_may_move_to_another_thread,
        }
        $crate::conformance! { @embedded
            transactions::a_commit_that_was_not_sent_is_rolled_back,
            transactions::a_dropped_begin_is_rolled_back,
            transactions::a_transaction_can_be_sent_in_one_write,
            transactions::requests_of_a_stream_are_executed_in_their_order,
            closures::a_closure_may_move_between_threads,
        }
        $crate::conformance! { @scripted
            drops::a_connect_may_be_dropped_at_any_poll,
        }
        $crate::conformance! { @embedded
            outages::a_handle_dropped_while_its_server_shuts_down_ends_it,
        }
    };
    ($adapter:ty) => {
        pub(crate) type Adapter = $adapter;

        $crate::conformance! { @both
            verbs::a_ping_is_answered,
            verbs::a_call_gives_none_one_or_several_values,
            verbs::an_unknown_function_is_an_error,
            verbs::rows_are_inserted_replaced_found_and_deleted,
            verbs::an_index_finds_and_changes_rows_by_number_and_by_name,
            verbs::any_request_can_be_sent_and_its_reply_read_undecoded,
            verbs::a_value_that_cannot_be_encoded_is_not_sent,
            selects::every_iterator_of_a_tree_gives_its_rows_in_its_order,
            selects::limit_and_offset_cut_out_a_part,
            selects::composite_keys_may_be_given_in_part,
            selects::an_iterator_that_the_index_lacks_is_an_error,
            pages::pages_by_key_need_no_positions,
            pages::pages_by_key_that_would_go_wrong_are_refused,
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
            rows::structs_are_filled_by_name_where_the_server_tells_names,
            rows::every_width_of_integer_comes_back,
            names::a_space_created_elsewhere_is_found,
            names::an_unknown_name_is_named,
            names::names_and_numbers_can_be_mixed,
            logins::a_user_logs_in,
            logins::a_wrong_password_is_refused_and_never_shown,
            logins::an_unknown_user_is_refused,
            connections::a_unix_socket_works_as_tcp_does,
            connections::an_ipv6_address_works_too,
            connections::the_server_is_known,
            connections::a_closed_client_refuses_requests_and_answers_those_accepted,
            connections::a_killed_server_is_told_to_all_and_named,
            connections::requests_of_a_killed_server_know_whether_they_were_sent,
            connections::a_server_that_shuts_down_is_told_to_all,
            connections::a_dropped_client_closes_its_connection,
            closing::a_client_that_is_closed_ends_with_all_answered,
            closing::the_end_of_a_client_can_be_waited_for_elsewhere,
            breaks::requests_cut_off_on_their_way_are_told_rightly,
            breaks::replies_cut_off_on_their_way_are_told_rightly,
            breaks::writes_of_a_killed_server_are_told_rightly,
            breaks::writes_of_a_paused_server_are_told_rightly,
            limits::eight_mebibytes_come_back,
            limits::a_tuple_of_sixty_four_mebibytes_comes_back,
            limits::a_row_over_the_servers_limit_is_its_error,
            limits::a_request_over_the_packet_limit_is_not_sent,
            limits::a_reply_over_the_packet_limit_ends_the_connection,
            limits::limits_of_zero_count_as_one,
            limits::every_batching_answers_everything,
            lanes::requests_take_lanes_in_turn_and_one_of_a_name_is_apart,
            lanes::what_belongs_to_a_connection_stays_on_its_lane,
            lanes::a_user_who_logs_in_does_so_on_every_lane,
            lanes::statistics_are_those_of_all_lanes_and_tell_round_trips,
            tasks::any_number_of_tasks_get_their_own_answers,
            tasks::every_batching_serves_many_tasks,
            tasks::a_full_connection_answers_all,
            times::a_slow_call_times_out_and_its_late_reply_is_dropped,
            times::a_late_reply_never_answers_a_newer_request,
            times::a_request_without_a_place_times_out_unsent,
            times::many_timeouts_leave_nothing_behind,
            events::messages_of_a_call_come_in_order_before_its_result,
            events::messages_of_calls_at_the_same_time_do_not_mix,
            events::messages_that_nobody_takes_are_limited_and_told,
            events::messages_that_are_not_wanted_are_dropped,
            events::a_message_of_another_type_is_an_error_of_its_own,
            reconnects::writes_go_on_while_their_server_is_killed_again_and_again,
            reconnects::a_cut_inside_of_requests_is_told_rightly_and_got_over,
            reconnects::a_cut_inside_of_replies_is_told_rightly_and_got_over,
            reconnects::what_is_idempotent_is_sent_again,
            submits::requests_in_numbers_have_one_outcome_each_over_kills,
            heartbeats::a_paused_server_is_given_up_and_come_back_to,
            heartbeats::a_half_open_connection_is_given_up,
            heartbeats::a_long_call_is_no_silence,
            heartbeats::a_server_that_never_greets_is_left_for_the_next,
            heartbeats::a_lazy_client_says_why_it_has_no_connection,
            outages::requests_of_an_outage_are_answered_after_it,
            outages::a_killed_server_is_followed_by_the_next,
            outages::attempts_are_spaced_while_a_server_is_down,
            outages::what_may_not_wait_fails_at_once,
            outages::the_last_handle_dropped_in_any_phase_ends_it,
            outages::a_client_closed_in_any_phase_tells_those_who_wait,
            overload::a_late_reply_meets_the_next_owner_of_its_slot,
            overload::requests_cancelled_at_random_leave_nothing_behind,
            overload::more_requests_than_may_wait_are_refused,
        }
        $crate::conformance! { @real
            reconnects::a_space_made_anew_meanwhile_is_found,
            reconnects::a_statement_is_prepared_again_on_the_next_connection,
            verbs::a_call_finds_functions_by_path,
            verbs::an_eval_gives_what_its_code_returns,
            verbs::errors_of_lua_keep_code_and_text,
            selects::the_iterators_of_other_indexes_work,
            pages::positions_are_not_asked_of_servers_without_them,
            transactions::servers_without_streams_are_sent_nothing,
            events::servers_without_watched_keys_are_sent_nothing,
            events::messages_before_an_error_and_of_code_come_too,
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
            sql::a_statement_is_prepared_when_needed_and_again,
            names::an_index_made_anew_with_another_number_is_found,
            names::a_space_made_anew_with_another_number_is_found,
            logins::a_password_with_special_characters_logs_in,
            logins::an_empty_password_logs_in,
            logins::the_user_of_a_session_can_change,
            logins::what_a_user_may_not_do_is_an_error_of_the_request,
        }
        $crate::conformance! { @embedded
            reconnects::a_stream_belongs_to_its_connection,
            reconnects::a_password_that_is_wrong_by_now_ends_the_client,
            reconnects::a_password_that_is_wrong_for_a_while_fails_requests_so_long,
            reconnects::a_password_that_will_be_right_again_is_waited_for,
            overload::a_watcher_that_nobody_reads_holds_up_nobody_over_connections,
            shutdowns::a_server_that_shuts_down_is_left_without_an_error,
            shutdowns::a_server_that_shuts_down_is_come_back_to,
            chunks::replies_of_single_bytes_are_put_together,
            events::a_watcher_gets_the_present_value_and_the_next_ones,
            events::a_watcher_of_a_key_without_a_value_gets_that_first,
            events::the_newest_value_wins,
            events::watchers_that_nobody_reads_delay_nobody,
            events::watchers_of_a_key_share_it_until_the_last_is_dropped,
            events::a_watcher_waits_for_what_another_task_causes,
            events::a_lost_connection_ends_its_watchers_with_the_reason,
            events::a_closed_client_ends_its_watchers,
            events::a_value_is_read_once_without_watching,
            events::a_shutdown_is_told_before_it_happens,
            pages::a_page_tells_where_the_next_begins,
            pages::a_position_that_is_none_is_the_servers_error,
            pages::all_rows_come_page_after_page,
            pages::pages_of_a_changing_space_go_on,
            transactions::a_commit_shows_everything_to_others_at_once,
            transactions::a_rollback_undoes_everything,
            transactions::a_dropped_transaction_is_rolled_back,
            transactions::nothing_follows_the_end_of_a_transaction,
            transactions::transactions_of_one_connection_do_not_meet,
            transactions::every_verb_works_inside,
            transactions::an_error_inside_does_not_end_it,
            transactions::every_isolation_can_be_asked_for,
            transactions::a_transaction_that_takes_too_long_is_aborted,
            transactions::a_conflict_aborts_and_is_told,
            closures::a_closure_is_repeated_on_conflicts,
            closures::a_closure_may_fail_or_roll_back,
            closures::a_lost_commit_may_have_been_executed,
            transactions::a_transaction_ends_with_its_connection,
            transactions::a_begin_that_fails_leaves_nothing,
        }
        $crate::conformance! { @scripted
            closing::a_client_that_is_closed_closes_its_connection,
            closing::a_client_without_a_connection_ends_when_it_is_closed,
            closing::closing_takes_the_close_timeout_at_most,
            sockets::the_kernel_delays_no_request,
            bad_peers::a_closed_port_refuses,
            bad_peers::a_host_that_does_not_exist_is_named,
            bad_peers::a_web_server_is_no_tarantool,
            bad_peers::a_console_port_is_recognised,
            bad_peers::a_server_that_never_greets_is_given_up,
            bad_peers::a_server_that_never_answers_the_login_is_given_up,
            bad_peers::a_close_before_the_greeting_is_told,
            bad_peers::a_close_inside_the_greeting_is_told,
            bad_peers::a_close_before_the_login_reply_is_told,
            bad_peers::a_refusal_instead_of_a_login_is_told,
            bad_peers::a_close_in_mid_frame_is_told,
            bad_peers::the_reason_that_a_server_gives_before_it_closes_is_told,
            bad_peers::a_garbage_length_ends_the_connection,
            bad_peers::a_packet_of_no_length_ends_the_connection,
            bad_peers::a_garbage_header_ends_the_connection,
            bad_peers::an_unknown_sync_ends_the_connection,
            bad_peers::a_body_that_is_no_map_ends_the_connection,
            bad_peers::a_packet_over_the_limit_ends_the_connection,
            pages::a_page_without_a_position_is_the_last,
            chunks::a_peer_that_reads_and_writes_single_bytes_is_served,
            stalls::a_peer_that_reads_only_after_it_has_written_gets_everything,
            stalls::a_slow_reader_gets_everything,
            stalls::a_deaf_peer_does_not_delay_timeouts,
            stalls::a_request_that_a_deaf_peer_takes_in_part_times_out,
            stalls::a_peer_that_closes_without_reading_ends_the_wait,
            stalls::a_deaf_peer_in_the_handshake_is_given_up,
            stalls::answers_before_a_half_close_are_delivered,
        }
    };
    (@both $($module:ident::$case:ident,)*) => { $(
        mod $case {
            $crate::conformance! { @test on_real real $module $case }
            $crate::conformance! { @test on_embedded embedded $module $case }
        }
    )* };
    (@real $($module:ident::$case:ident,)*) => { $(
        mod $case {
            $crate::conformance! { @test on_real real $module $case }
        }
    )* };
    (@embedded $($module:ident::$case:ident,)*) => { $(
        mod $case {
            $crate::conformance! { @test on_embedded embedded $module $case }
        }
    )* };
    (@scripted $($module:ident::$case:ident,)*) => { $(
        mod $case {
            $crate::conformance! { @test on_scripted scripted $module $case }
        }
    )* };
    (@test $on:ident $server:ident $module:ident $case:ident) => {
        #[test]
        fn $server() {
            $crate::conformance::$on::<super::Adapter, _>(
                stringify!($case),
                $crate::conformance::$module::$case::<super::Adapter>,
            );
        }
    };
}
