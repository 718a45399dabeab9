//! What drivers are told of time, and what they tell.

use std::time::Duration;

use tarantool_proto::session::{Action, SessionEvent, Status};
use tarantool_proto::{Batching, ConnectionError, Decision, Stage};

use crate::link::{Link, addresses, refused};
use crate::peer::*;

#[test]
fn an_attempt_ends_at_its_deadline_which_is_told() {
    let mut config = addresses(1);
    config.connect_timeout = Some(Duration::from_millis(700));
    let mut link = Link::new(config);
    link.attempt();
    assert_eq!(link.session.poll_timeout(), Some(link.at(700)));
    link.advance(700);
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::ConnectTimedOut));
}

#[test]
fn the_end_of_draining_is_told() {
    let mut config = addresses(1);
    config.heartbeat = None;
    config.drain_timeout = Duration::from_millis(700);
    let mut link = Link::ready(config);
    link.call(1);
    link.session.handle_shutdown_notice();
    assert!(link.session.is_due());
    link.advance(0);
    assert_eq!(link.session.poll_timeout(), Some(link.at(link.now + 700)));
}

#[test]
fn a_time_too_far_to_be_told_is_a_day() {
    let mut config = addresses(1);
    config.heartbeat = None;
    config.drain_timeout = Duration::MAX;
    let mut link = Link::ready(config);
    link.call(1);
    link.session.handle_shutdown_notice();
    link.advance(0);
    assert_eq!(link.session.poll_timeout(), Some(link.at(link.now + 24 * 60 * 60 * 1000)));
}

#[test]
fn a_session_that_is_over_waits_for_no_time() {
    let mut link = Link::ready(addresses(1));
    let deadline = Some(link.at(5000));
    link.session.send(&mut frame(&numbered(1)), deadline).unwrap();
    link.session.close(deadline);
    assert_eq!(link.session.poll_timeout(), deadline);
    link.session.abort(ConnectionError::Shutdown);
    assert_eq!(link.session.poll_timeout(), None);
}

#[test]
fn lingering_has_an_end_and_is_told() {
    let mut config = addresses(1);
    config.heartbeat = None;
    config.connection.batching = Batching::linger(Duration::from_millis(3));
    let mut link = Link::ready(config);
    link.call(1);
    link.write();
    link.call(2);
    assert!(matches!(link.session.poll_decision(), Decision::Linger(_)));
    let until = link.at(link.now + 3);
    link.session.handle_linger(until);
    assert_eq!(link.session.poll_timeout(), Some(until));
    link.advance(3);
    assert_eq!(link.session.poll_timeout(), None);
    assert_eq!(link.session.poll_decision(), Decision::Write);
}

#[test]
fn a_failure_without_a_transport_is_none() {
    let mut link = Link::new(addresses(2));
    link.fail_attempt();
    link.events();
    link.session.handle_failure(ConnectionError::Transport("too late".into()));
    assert_eq!(link.events(), []);
    assert_eq!(link.session.last_loss(), Some(&refused()));
    assert_eq!(link.session.stats().lost_connections, 1);
    // Nor while one is opened.
    assert_eq!(link.attempt(), (1, 2));
    link.session.handle_failure(ConnectionError::Transport("too late".into()));
    assert_eq!(link.events(), [SessionEvent::Connecting { address: 1 }]);
    assert_eq!(link.session.status(), Status::Connecting { address: 1 });
    assert_eq!(link.session.poll_action(), None::<Action>);
}

#[test]
fn reads_and_writes_are_counted_over_all_connections() {
    let mut link = Link::ready(addresses(1));
    link.session.count_read(100);
    link.session.count_writes(2, 50);
    link.session.handle_eof();
    link.connect(GREETING_3_7);
    link.session.count_read(10);
    link.session.count_writes(1, 5);
    let stats = link.session.stats();
    assert_eq!((stats.reads, stats.bytes_in), (2, 110));
    assert_eq!((stats.writes, stats.bytes_out), (3, 55));
    assert_eq!((stats.connections, stats.lost_connections), (2, 1));
}

#[test]
fn the_address_in_use_and_the_one_last_lost_are_told() {
    let mut link = Link::new(addresses(4));
    let addresses = |link: &Link| (link.session.address(), link.session.last_address());
    assert_eq!(addresses(&link), (0, 0));
    link.fail_attempt();
    link.fail_attempt();
    assert_eq!(addresses(&link), (1, 1));
    link.fail_attempt();
    link.connect(GREETING_3_7);
    assert_eq!(addresses(&link), (3, 2));
    link.session.handle_eof();
    assert_eq!(addresses(&link), (3, 3));
    link.connect(GREETING_3_7);
    assert_eq!(addresses(&link), (0, 3));
}

#[test]
fn what_is_under_way_is_told_as_of_the_present_connection() {
    let mut config = addresses(1);
    config.connection.in_flight_max = 2;
    config.connection.batching = Batching::immediate().up_to(1000);
    let mut link = Link::new(config);
    assert_eq!(link.session.batching().write_bytes(), 1000);
    let waiting = link.call(1);
    assert!(link.session.is_saturated() && !link.session.is_connected());
    assert_eq!((link.session.in_flight(), link.session.queued_bytes()), (0, 0));
    assert!(!link.session.wants_head_start() && !link.session.has_part_queued());
    assert_eq!(link.session.answers_per_turn(), usize::MAX);
    link.open();
    assert!(link.session.is_connected());
    link.greet(GREETING_3_7);

    assert_eq!(numbers(&link.write()), [1]);
    assert!(!link.session.is_saturated() && link.session.awaits_replies());
    assert_eq!((link.session.in_flight(), link.session.queued_bytes()), (1, 0));
    let queued = link.call(2);
    let bytes = frame(&numbered(2)).as_bytes().len();
    assert_eq!((link.session.in_flight(), link.session.queued_bytes()), (2, bytes));
    assert!(!link.session.wants_head_start(), "the server has something to do");
    link.feed(&ok(waiting.sync()));
    assert!(link.session.wants_head_start());
    link.call(3);
    link.call(4);
    assert!(link.session.is_saturated());
    assert_eq!(numbers(&link.write()), [2, 3]);
    link.session.cancel(queued);
    assert!(link.session.awaits_replies());

    link.session.handle_eof();
    assert!(!link.session.awaits_replies() && !link.session.is_connected());
    assert_eq!((link.session.in_flight(), link.session.queued_bytes()), (0, 0));
    assert!(link.session.is_saturated(), "one waits for the next connection");
}

#[test]
fn what_is_over_is_not_to_be_drained() {
    let mut link = Link::ready(addresses(1));
    link.session.close(None);
    assert!(link.session.is_drained());
    link.session.handle_failure(ConnectionError::Shutdown);
    assert!(!link.session.is_drained());
}

#[test]
fn the_time_for_a_handshake_counts_from_its_start() {
    let mut config = addresses(1);
    config.handshake_timeout = Some(Duration::from_millis(100));
    let mut link = Link::new(config);
    link.open();
    for _ in 0..3 {
        link.advance(33);
        assert_eq!(link.session.last_loss(), None);
    }
    link.advance(1);
    let stage = Stage::Greeting { received: 0 };
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::HandshakeTimedOut { stage }));
}
