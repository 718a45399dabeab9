//! What becomes of requests when a connection is lost.

use std::num::NonZeroU64;

use tarantool_proto::request::{Insert, Ping, Select};
use tarantool_proto::session::{SessionConfig, SessionEvent, WhileDown};
use tarantool_proto::{Frame, Outcome, SendError, Unanswered};

use crate::link::{Link, addresses};
use crate::peer::*;

const MAYBE: Option<Unanswered> = Some(Unanswered::Lost(Outcome::MaybeExecuted));

#[test]
fn requests_wait_for_the_first_connection_in_their_order() {
    let mut link = Link::new(addresses(1));
    let ids = [link.call(1), link.call(2), link.call(3)];
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [1, 2, 3]);
    assert_eq!(link.feed(&ok(ids[1].sync())), [SessionEvent::Answered(ids[1])]);
    assert!(link.session.take(ids[1]).unwrap().is_ok());
}

#[test]
fn what_was_not_sent_goes_to_the_next_connection() {
    let mut link = Link::ready(addresses(2));
    let sent = link.call(1);
    link.write();
    let queued = [link.call(2), link.call(3)];
    link.session.handle_eof();
    assert!(matches!(link.events()[..], [
        SessionEvent::Lost { address: 0, generation: Some(1), .. },
        SessionEvent::Answered(id),
    ] if id == sent));
    assert_eq!(link.fate(sent), MAYBE);
    let waiting = link.call(4);
    assert_eq!(link.connect(GREETING_3_7), (1, 2));
    let written = link.write();
    assert_eq!(numbers(&written), [2, 3, 4]);
    let syncs: Vec<u64> = written.iter().map(|sent| sent.sync).collect();
    assert_eq!(syncs, [queued[0], queued[1], waiting].map(|id| id.sync()));
    link.feed(&ok(queued[0].sync()));
    assert!(link.session.take(queued[0]).unwrap().is_ok());
}

#[test]
fn what_was_handed_out_and_not_written_goes_to_the_next_connection() {
    let mut link = Link::ready(addresses(1));
    let ids = [link.call(1), link.call(2)];
    let mut output = Vec::new();
    assert!(link.session.poll_transmit(&mut output));
    link.session.handle_unwritten(output.len() / 2);
    link.session.handle_eof();
    assert_eq!(link.fate(ids[0]), MAYBE);
    assert_eq!(link.fate(ids[1]), None);
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [2]);
}

#[test]
fn what_is_idempotent_is_sent_again_before_what_came_later() {
    let mut link = Link::ready(addresses(1));
    link.idempotent(1);
    let plain = link.call(2);
    link.idempotent(3);
    link.write();
    link.call(4);
    link.session.handle_eof();
    assert_eq!(link.fate(plain), MAYBE);
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [1, 3, 4]);
    // And once more.
    link.session.handle_eof();
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [1, 3]);
}

#[test]
fn selects_and_pings_are_idempotent_by_nature() {
    let mut link = Link::ready(addresses(1));
    link.send(&Select::from(512).key(1));
    let insert = link.send(&Insert::into(512).row((1,)));
    link.send(&Ping);
    link.write();
    link.session.handle_eof();
    assert_eq!(link.fate(insert), MAYBE);
    link.connect(GREETING_3_7);
    let kinds: Vec<u64> = link.write().iter().map(|sent| sent.kind).collect();
    assert_eq!(kinds, [SELECT, PING]);
}

#[test]
fn a_request_that_was_sent_once_never_counts_as_not_sent() {
    let mut link = Link::ready(addresses(1));
    let mut again = frame(&numbered(1));
    again.mark_idempotent();
    let deadline = link.at(10_000);
    let waiting = link.session.send(&mut again, Some(deadline)).unwrap();
    link.write();
    link.session.handle_eof();
    // It waits for a connection until its deadline.
    link.attempt();
    link.now = 10_000;
    link.advance(0);
    assert_eq!(link.fate(waiting), Some(Unanswered::TimedOut(Outcome::MaybeExecuted)));
    assert_eq!(link.connect(GREETING_3_7).0, 0);
    assert_eq!(link.write(), []);
}

#[test]
fn an_unknown_name_on_the_next_connection_does_not_hide_that_it_was_sent() {
    let mut link = Link::ready(addresses(2));
    let mut select = frame(&Select::from("nobody").key(1));
    let id = link.session.send(&mut select, None).unwrap();
    link.write();
    link.session.handle_eof();
    // This one does not take names.
    link.connect(GREETING_2_6);
    link.write();
    link.feed(&[ok_with(SPACES_SYNC, vec![]), ok_with(INDEXES_SYNC, vec![])].concat());
    assert_eq!(link.fate(id), MAYBE);
}

#[test]
fn names_are_resolved_anew_on_each_connection() {
    let mut link = Link::new(addresses(1));
    link.send(&Select::from("users").key(1));
    let view = |number: u64| {
        let space = rmpv::Value::Array(vec![number.into(), 1.into(), "users".into()]);
        [ok_with(SPACES_SYNC, vec![space]), ok_with(INDEXES_SYNC, vec![])].concat()
    };
    for number in [512, 600] {
        link.connect(GREETING_2_6);
        assert_eq!(link.write().len(), 2);
        link.feed(&view(number));
        let sent = link.write();
        assert_eq!(sent[0].field(0x10).unwrap().as_u64(), Some(number));
        link.session.handle_eof();
    }
}

#[test]
fn what_is_bound_to_a_connection_dies_with_it() {
    let mut link = Link::ready(addresses(1));
    let sent = link.bound(1);
    link.write();
    let queued = link.bound(2);
    link.session.handle_eof();
    assert_eq!(link.fate(sent), MAYBE);
    assert_eq!(link.fate(queued), Some(Unanswered::ConnectionGone));
    assert_eq!(Unanswered::ConnectionGone.outcome(), Outcome::NotSent);

    let mut late = frame(&numbered(3));
    late.bind_to(1);
    assert_eq!(link.session.send(&mut late, None), Err(SendError::ConnectionGone));
    link.connect(GREETING_3_7);
    assert_eq!(link.session.generation(), Some(2));
    assert_eq!(link.session.send(&mut late, None), Err(SendError::ConnectionGone));
    assert_eq!(link.write(), []);
}

/// Whoever forgot to bind it would go on in a stream that the server does not know.
#[test]
fn requests_in_streams_must_be_bound() {
    let mut link = Link::ready(addresses(1));
    let stream = NonZeroU64::MIN;
    let mut frame = Frame::new();
    frame.encode_in_stream(stream, &Select::from(512).key(1)).unwrap();
    assert_eq!(link.session.send(&mut frame, None), Err(SendError::ConnectionGone));
    frame.bind_to(link.session.generation().unwrap());
    let begun = link.session.send(&mut frame, None).unwrap();
    assert_eq!(link.write().len(), 1);
    link.session.handle_eof();
    assert_eq!(link.fate(begun), MAYBE);
    link.connect(GREETING_3_7);
    frame.encode_in_stream(stream, &Select::from(512).key(1)).unwrap();
    frame.bind_to(1);
    assert_eq!(link.session.send(&mut frame, None), Err(SendError::ConnectionGone));
    assert_eq!(link.write(), []);
}

#[test]
fn what_is_bound_is_never_sent_again_even_if_idempotent() {
    let mut link = Link::ready(addresses(1));
    let mut select = frame(&Select::from(512).key(1));
    select.bind_to(1);
    let id = link.session.send(&mut select, None).unwrap();
    link.write();
    link.session.handle_eof();
    assert_eq!(link.fate(id), MAYBE);
}

#[test]
fn no_connection_has_the_number_0() {
    let mut link = Link::ready(addresses(1));
    let mut bound = frame(&numbered(1));
    bound.bind_to(0);
    assert_eq!(link.session.send(&mut bound, None), Err(SendError::ConnectionGone));
    // Encoding anew forgets it.
    bound.encode(&numbered(2)).unwrap();
    link.session.send(&mut bound, None).unwrap();
    assert_eq!(numbers(&link.write()), [2]);
}

#[test]
fn failing_while_down() {
    let mut config = addresses(1);
    config.while_down = WhileDown::Fail;
    let mut link = Link::new(config);
    let refused = link.session.send(&mut frame(&Ping), None);
    assert_eq!(refused, Err(SendError::NotConnected));
    link.connect(GREETING_3_7);
    let sent = link.idempotent(1);
    link.write();
    let queued = link.call(2);
    link.session.handle_eof();
    assert_eq!(link.fate(sent), MAYBE);
    assert_eq!(link.fate(queued), Some(Unanswered::Lost(Outcome::NotSent)));
}

#[test]
fn so_many_wait_and_no_more() {
    let mut config = SessionConfig::default();
    config.waiting_max = 2;
    let mut link = Link::new(config);
    let first = link.call(1);
    link.call(2);
    let mut third = frame(&numbered(3));
    assert_eq!(link.session.send(&mut third, None), Err(SendError::Saturated));
    assert_eq!(link.session.try_send(&mut third, None), Err(SendError::NotConnected));
    link.session.cancel(first);
    link.session.send(&mut third, None).unwrap();
    link.connect(GREETING_3_7);
    assert_eq!(numbers(&link.write()), [2, 3]);
}

#[test]
fn cancelled_requests_are_not_sent_again() {
    let mut link = Link::ready(addresses(1));
    let (sent, queued) = (link.idempotent(1), link.call(2));
    link.write();
    link.session.cancel(sent);
    let late = link.call(3);
    link.session.handle_eof();
    link.session.cancel(queued);
    link.session.cancel(late);
    link.connect(GREETING_3_7);
    assert_eq!(link.write(), []);
}

#[test]
fn input_of_a_former_connection_is_not_read() {
    let mut link = Link::ready(addresses(1));
    let id = link.idempotent(1);
    link.write();
    link.input.extend_from_slice(&ok(id.sync())[..10]);
    link.events();
    link.session.handle_eof();
    link.events();
    assert!(link.input.is_empty());
    link.connect(GREETING_3_7);
    assert_eq!(link.write().len(), 1);
    assert_eq!(link.feed(&ok(id.sync())), [SessionEvent::Answered(id)]);
}

#[test]
fn how_often_requests_are_sent_again_is_counted() {
    let mut link = Link::ready(addresses(1));
    let again = [link.idempotent(1), link.idempotent(2)];
    for sent_again in [2, 4] {
        assert_eq!(numbers(&link.write()), [1, 2]);
        // It was not sent, so it is not sent again.
        let queued = link.idempotent(3);
        link.session.handle_eof();
        assert_eq!(link.session.stats().sent_again, sent_again);
        link.session.cancel(queued);
        link.connect(GREETING_3_7);
    }
    link.write();
    for id in again {
        link.feed(&ok(id.sync()));
    }
    assert_eq!((link.session.stats().answered, link.session.stats().sent_again), (2, 4));
}
