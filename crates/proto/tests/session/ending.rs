//! Leaving a server that shuts down, and closing.

use tarantool_proto::session::{Action, SessionConfig, SessionEvent, Status};
use tarantool_proto::{ConnectionError, Outcome, SendError, Unanswered};

use crate::link::{Link, addresses, refused};
use crate::peer::*;

#[test]
fn a_server_that_shuts_down_is_left_when_all_is_answered() {
    let mut link = Link::ready(addresses(2));
    let sent = link.call(1);
    link.write();
    let queued = link.call(2);
    link.session.handle_shutdown_notice();
    assert_eq!(link.events(), [SessionEvent::Draining { address: 0, generation: 1 }]);
    assert_eq!(link.session.status(), Status::Draining { address: 0 });
    let next = link.call(3);
    let bound = link.bound(4);
    assert_eq!(numbers(&link.write()), [2, 4]);
    for id in [sent, queued, bound] {
        assert!(!link.session.is_drained());
        assert_eq!(link.feed(&ok(id.sync())), [SessionEvent::Answered(id)]);
    }
    assert!(link.session.is_drained());
    link.session.handle_failure(ConnectionError::Shutdown);
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::ServerShutdown));
    assert_eq!(link.session.poll_action(), Some(Action::Close));
    assert_eq!(link.connect(GREETING_3_7), (1, 2));
    assert_eq!(numbers(&link.write()), [3]);
    link.feed(&ok(next.sync()));
    assert!(link.session.take(next).unwrap().is_ok());
}

#[test]
fn what_waits_for_a_place_goes_on_elsewhere() {
    let mut config = addresses(2);
    config.connection.in_flight_max = 1;
    let mut link = Link::ready(config);
    link.call(1);
    link.call(2);
    link.bound(3);
    link.session.handle_shutdown_notice();
    assert_eq!(numbers(&link.write()), [1, 3]);
    link.session.handle_eof();
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [2]);
}

#[test]
fn draining_has_a_deadline() {
    let mut link = Link::ready(addresses(1));
    let id = link.call(1);
    link.write();
    link.session.handle_shutdown_notice();
    link.advance(0);
    link.advance(2999);
    assert!(matches!(link.session.status(), Status::Draining { .. }));
    link.advance(1);
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::ServerShutdown));
    assert_eq!(link.fate(id), Some(Unanswered::Lost(Outcome::MaybeExecuted)));
    link.connect(GREETING_3_7);
}

#[test]
fn closing_drains() {
    let mut link = Link::ready(addresses(1));
    let id = link.call(1);
    link.session.close(None);
    assert_eq!(link.session.send(&mut frame(&numbered(2)), None), Err(SendError::Closed));
    assert!(!link.session.is_drained());
    assert_eq!(numbers(&link.write()), [1]);
    link.feed(&ok(id.sync()));
    assert!(link.session.is_drained());
    link.session.handle_failure(ConnectionError::Shutdown);
    assert_eq!(link.session.poll_action(), Some(Action::Close));
    assert_eq!(link.events_to_end(), (vec![], Some(ConnectionError::Shutdown)));
    assert_eq!(link.session.status(), Status::Closed);
    assert!(link.session.take(id).unwrap().is_ok());
}

#[test]
fn closing_has_a_deadline_that_only_comes_forward() {
    let mut link = Link::ready(addresses(1));
    let id = link.call(1);
    link.write();
    for deadline in [Some(5000), Some(2000), None, Some(9000)] {
        let deadline = deadline.map(|deadline| link.at(deadline));
        link.session.close(deadline);
    }
    link.advance(1999);
    assert_eq!(link.session.failure(), None);
    link.advance(1);
    assert_eq!(link.session.failure(), Some(&ConnectionError::Shutdown));
    let (events, _) = link.events_to_end();
    assert_eq!(events, [SessionEvent::Answered(id)]);
    assert_eq!(link.fate(id), Some(Unanswered::Lost(Outcome::MaybeExecuted)));
}

#[test]
fn closing_goes_on_on_a_next_connection() {
    let mut link = Link::ready(addresses(1));
    let id = link.call(1);
    link.session.close(None);
    link.session.handle_eof();
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [1]);
    link.feed(&ok(id.sync()));
    assert!(link.session.is_drained());
}

#[test]
fn closing_ends_any_phase_once_nobody_waits() {
    // Before the first attempt.
    let mut link = Link::new(SessionConfig::default());
    link.session.close(None);
    assert_eq!(link.session.poll_action(), None);
    assert_eq!(link.session.status(), Status::Closed);
    // While a transport is opened.
    let mut link = Link::new(SessionConfig::default());
    let (_, generation) = link.attempt();
    link.session.close(None);
    assert_eq!(link.session.poll_action(), Some(Action::Close));
    assert_eq!(link.session.status(), Status::Closed);
    assert!(!link.session.handle_connected(generation));
    // While it waits for the next attempt, when the last request is over.
    let mut link = Link::new(SessionConfig::default());
    let id = link.call(1);
    link.fail_attempt();
    link.advance(0);
    link.session.close(None);
    assert_eq!(link.session.poll_action(), None);
    assert!(matches!(link.session.status(), Status::Retrying { .. }));
    link.session.cancel(id);
    assert_eq!(link.session.poll_action(), None);
    assert_eq!(link.session.status(), Status::Closed);
}

#[test]
fn an_aborted_session_answers_everyone_and_stays_over() {
    let mut link = Link::ready(addresses(2));
    let (again, queued) = (link.idempotent(1), link.call(2));
    link.write();
    link.session.handle_eof();
    let error = ConnectionError::Transport("its driver is gone".into());
    link.session.abort(error.clone());
    link.session.abort(ConnectionError::Shutdown);
    link.session.handle_shutdown_notice();
    link.advance(100_000);
    assert_eq!(link.events_to_end().1, Some(error.clone()));
    assert_eq!(link.events_to_end(), (vec![], Some(error)));
    for id in [again, queued] {
        assert_eq!(link.fate(id), Some(Unanswered::Lost(Outcome::MaybeExecuted)));
    }
    assert_eq!(link.session.send(&mut frame(&numbered(3)), None), Err(SendError::Closed));
}

/// What is made to stay on one connection while the server is about to go belongs to the next one.
#[test]
fn new_streams_belong_to_the_next_connection() {
    let mut link = Link::ready(addresses(1));
    assert_eq!(link.session.binding(), 1);
    link.session.handle_shutdown_notice();
    assert_eq!((link.session.generation(), link.session.binding()), (Some(1), 2));
    let mut first = frame(&numbered(1));
    first.bind_to(2);
    let first = link.session.send(&mut first, None).unwrap();
    let mut early = frame(&numbered(2));
    early.bind_to(3);
    assert_eq!(link.session.send(&mut early, None), Err(SendError::ConnectionGone));
    assert_eq!(link.write(), []);
    link.session.handle_eof();
    assert_eq!((link.session.generation(), link.session.binding()), (None, 2));
    link.fail_attempt();
    assert_eq!(link.session.binding(), 2);
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [1]);
    assert_eq!(link.session.generation(), Some(2));
    link.session.handle_eof();
    assert_eq!(link.fate(first), Some(Unanswered::Lost(Outcome::MaybeExecuted)));
    assert_eq!(link.session.binding(), 3);
}

#[test]
fn a_connection_that_is_not_to_be_followed_ends_the_session() {
    let mut config = addresses(2);
    config.reconnect = false;
    let mut link = Link::new(config.clone());
    assert_eq!(link.fail_attempt(), 0);
    assert_eq!(link.connect(GREETING_3_7), (1, 2));
    let sent = link.idempotent(1);
    link.write();
    let queued = link.call(2);
    link.session.handle_eof();
    link.advance(0);
    assert_eq!(link.fate(sent), Some(Unanswered::Lost(Outcome::MaybeExecuted)));
    assert_eq!(link.fate(queued), Some(Unanswered::Lost(Outcome::NotSent)));
    assert_eq!(link.session.status(), Status::Closed);

    let mut link = Link::new(config);
    link.fail_attempt();
    link.fail_attempt();
    link.advance(0);
    assert_eq!(link.session.failure(), Some(&refused()));
}

#[test]
fn a_first_connection_that_must_succeed() {
    let mut config = addresses(2);
    config.retry_first = false;
    let mut link = Link::new(config.clone());
    let waiting = link.call(1);
    link.fail_attempt();
    link.fail_attempt();
    link.advance(0);
    assert_eq!(link.session.failure(), Some(&refused()));
    assert_eq!(link.fate(waiting), Some(Unanswered::Lost(Outcome::NotSent)));

    let mut link = Link::ready(config);
    link.session.handle_eof();
    for _ in 0..10 {
        link.fail_attempt();
    }
    assert_eq!(link.session.failure(), None);
}

/// The attempts that fail meanwhile are not why a request was lost.
#[test]
fn a_loss_keeps_its_cause() {
    let mut link = Link::new(addresses(2));
    link.fail_attempt();
    assert_eq!(link.session.lost_connection(), None);
    link.connect(GREETING_3_7);
    let sent = link.call(1);
    link.write();
    link.session.handle_failure(ConnectionError::ConnectTimedOut);
    link.fail_attempt();
    assert_eq!(link.fate(sent), Some(Unanswered::Lost(Outcome::MaybeExecuted)));
    assert_eq!(link.session.lost_connection(), Some((1, &ConnectionError::ConnectTimedOut)));
    assert_eq!(link.session.last_loss(), Some(&refused()));
}

#[test]
fn aborted_between_the_events_of_a_loss() {
    let mut link = Link::ready(addresses(1));
    let sent = link.call(1);
    link.write();
    let kept = link.call(2);
    link.input.extend_from_slice(&[0xc1, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1]);
    assert_eq!(link.session.poll_event(&mut link.input), Ok(Some(SessionEvent::Answered(sent))));
    assert_eq!(link.session.status(), Status::Ready { address: 0 });
    link.session.abort(ConnectionError::Shutdown);
    let (events, end) = link.events_to_end();
    assert!(end.is_some());
    assert!(link.session.is_answered(kept), "{events:?} {end:?}");
}
