//! What becomes of requests that get no reply: whether the server may have executed them.

use tarantool_proto::request::Ping;
use tarantool_proto::{
    Batching, Config, ConnectionError, Event, Frame, Outcome, RequestId, SendError, Stage,
    Unanswered,
};

use crate::peer::*;

fn lost(outcome: Outcome) -> Unanswered {
    Unanswered::Lost(outcome)
}

/// What became of a request without a reply.
fn fate(link: &mut Link, id: RequestId) -> Unanswered {
    link.conn.take(id).unwrap().unwrap_err()
}

/// Each request is a write of its own.
fn piecewise() -> Link {
    let mut config = Config::default();
    config.batching = Batching::immediate().up_to(1);
    Link::ready_with(GREETING_3_7, config)
}

fn transport(text: &str) -> ConnectionError {
    ConnectionError::Transport(text.into())
}

#[test]
fn what_was_handed_out_may_have_been_executed() {
    let mut link = piecewise();
    let (first, second) = (link.call(1), link.call(2));
    let mut output = Vec::new();
    assert!(link.conn.poll_transmit(&mut output));
    link.conn.handle_eof();
    link.events_to_end();
    assert_eq!(fate(&mut link, first), lost(Outcome::MaybeExecuted));
    assert_eq!(fate(&mut link, second), lost(Outcome::NotSent));
    assert_eq!(lost(Outcome::NotSent).outcome(), Outcome::NotSent);
}

#[test]
fn what_waits_for_a_place_was_not_sent() {
    let mut config = Config::default();
    config.in_flight_max = 1;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let (first, second) = (link.call(1), link.call(2));
    link.write();
    link.conn.handle_eof();
    link.events_to_end();
    assert_eq!(fate(&mut link, first), lost(Outcome::MaybeExecuted));
    assert_eq!(fate(&mut link, second), lost(Outcome::NotSent));
}

#[test]
fn each_end_of_a_request_is_counted_by_what_it_was() {
    let mut config = Config::default();
    config.in_flight_max = 5;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let [answered, cancelled, late, ..] = [1, 2, 3, 4, 5].map(|number| {
        link.send_until(&numbered(number), Some(link.at(100)).filter(|_| number == 3))
    });
    for number in [6, 7, 8] {
        link.call(number);
    }
    link.write();
    link.feed(&ok(answered.sync()));
    link.conn.cancel(cancelled);
    link.conn.handle_timeout(link.at(100));
    link.conn.handle_eof();
    link.events_to_end();
    let stats = link.conn.stats();
    assert_eq!((stats.requests, stats.answered), (8, 1));
    assert_eq!((stats.cancelled, stats.timed_out), (1, 1));
    assert_eq!((stats.lost, stats.not_sent), (2, 3));
    assert_eq!(fate(&mut link, late), Unanswered::TimedOut(Outcome::MaybeExecuted));
}

#[test]
fn unwritten_bytes_give_requests_back() {
    let mut link = Link::ready();
    let ids: Vec<RequestId> = (0..4).map(|number| link.call(number)).collect();
    let written = link.writes().concat();
    assert_eq!(written.len() % 4, 0);
    let each = written.len() / 4;
    // The third was cut: one byte of it left.
    link.conn.handle_unwritten(each + each - 1);
    link.conn.handle_failure(transport("broken pipe"));
    link.events_to_end();
    let fates: Vec<Outcome> = ids.iter().map(|id| fate(&mut link, *id).outcome()).collect();
    use Outcome::{MaybeExecuted, NotSent};
    assert_eq!(fates, [MaybeExecuted, MaybeExecuted, MaybeExecuted, NotSent]);
}

#[test]
fn unwritten_bytes_to_the_border_of_a_request() {
    let mut link = Link::ready();
    let ids = [link.call(1), link.call(2)];
    let written = link.writes().concat();
    link.conn.handle_unwritten(written.len() / 2);
    link.conn.handle_eof();
    link.events_to_end();
    assert_eq!(fate(&mut link, ids[0]), lost(Outcome::MaybeExecuted));
    assert_eq!(fate(&mut link, ids[1]), lost(Outcome::NotSent));
}

#[test]
fn unwritten_bytes_over_several_pieces() {
    let mut link = piecewise();
    let ids = [link.call(1), link.call(2), link.call(3)];
    let writes = link.writes();
    assert_eq!(writes.len(), 3);
    let queued = link.call(4);
    link.conn.handle_unwritten(writes[1].len() + writes[2].len());
    link.conn.handle_eof();
    link.events_to_end();
    assert_eq!(fate(&mut link, ids[0]), lost(Outcome::MaybeExecuted));
    for id in [ids[1], ids[2], queued] {
        assert_eq!(fate(&mut link, id), lost(Outcome::NotSent));
    }
}

#[test]
fn a_queued_request_that_timed_out_becomes_a_ping() {
    let mut link = Link::ready();
    let before = link.call(1);
    let late = link.send_until(&numbered(2), Some(link.at(100)));
    let after = link.call(3);
    assert_eq!(link.conn.poll_timeout(), Some(link.at(100)));
    link.conn.handle_timeout(link.at(100));
    assert_eq!(link.conn.poll_timeout(), None);
    assert_eq!(link.events(), [Event::Answered(late)]);
    assert_eq!(fate(&mut link, late), Unanswered::TimedOut(Outcome::NotSent));

    let sent = link.write();
    assert_eq!(sent.len(), 3);
    assert_eq!((sent[1].kind, sent[1].sync), (PING, late.sync()));
    assert_eq!(numbers(&[sent[0].clone(), sent[2].clone()]), [1, 3]);

    let replies = [before, late, after].map(|id| ok(id.sync()));
    assert_eq!(link.feed(&replies.concat()), [before, after].map(Event::Answered));
    assert_eq!(link.conn.stats().late_replies, 1);
}

#[test]
fn the_deadline_of_an_answered_request_wakes_nobody() {
    let mut link = Link::ready();
    // Two that end later than the one before, two that end earlier.
    let ids = [100, 200, 60, 50].map(|millis| {
        let deadline = Some(link.at(millis));
        link.send_until(&numbered(millis), deadline)
    });
    link.write();
    assert_eq!(link.conn.poll_timeout(), Some(link.at(50)));
    for (index, next) in [(3, Some(60)), (0, Some(60)), (2, Some(200)), (1, None)] {
        link.feed(&ok(ids[index].sync()));
        assert_eq!(link.conn.poll_timeout(), next.map(|millis| link.at(millis)));
    }
}

#[test]
fn timeouts_in_every_piece_of_the_queue() {
    let mut link = piecewise();
    let deadline = Some(link.at(100));
    let ids: Vec<RequestId> = (0..6)
        .map(|number| link.send_until(&numbered(number), deadline.filter(|_| number % 2 == 1)))
        .collect();
    let mut output = Vec::new();
    assert!(link.conn.poll_transmit(&mut output));
    link.conn.handle_timeout(link.at(100));
    let late: Vec<Event> = [1, 3, 5].map(|at| Event::Answered(ids[at])).to_vec();
    let mut events = link.events();
    events.sort_by_key(|event| late.iter().position(|other| other == event));
    assert_eq!(events, late);
    let kinds: Vec<u64> = link.write().iter().map(|sent| sent.kind).collect();
    assert_eq!(kinds, [PING, CALL, PING, CALL, PING]);
}

#[test]
fn a_written_request_that_timed_out_may_have_been_executed() {
    let mut link = Link::ready();
    let id = link.send_until(&Ping, Some(link.at(100)));
    link.write();
    link.conn.handle_timeout(link.at(99));
    assert_eq!(link.events(), []);
    link.conn.handle_timeout(link.at(100));
    assert_eq!(link.events(), [Event::Answered(id)]);
    assert_eq!(fate(&mut link, id), Unanswered::TimedOut(Outcome::MaybeExecuted));
    assert_eq!(link.conn.stats().timed_out, 1);
    assert_eq!(link.conn.in_flight(), 0);
    assert_eq!(link.conn.failure(), None);
}

#[test]
fn timeouts_come_in_their_order() {
    let mut link = Link::ready();
    let times = [50, 10, 30, 10, 90, 20];
    let ids = times.map(|time| link.send_until(&Ping, Some(link.at(time))));
    link.write();
    let mut fired = Vec::new();
    while let Some(at) = link.conn.poll_timeout() {
        link.conn.handle_timeout(at);
        for event in link.events() {
            let Event::Answered(id) = event else {
                panic!("{event:?}");
            };
            fired.push(times[ids.iter().position(|other| *other == id).unwrap()]);
        }
    }
    assert_eq!(fired, [10, 10, 20, 30, 50, 90]);
}

#[test]
fn an_answered_request_no_longer_times_out() {
    let mut link = Link::ready();
    let answered = link.send_until(&Ping, Some(link.at(100)));
    let cancelled = link.send_until(&Ping, Some(link.at(200)));
    link.write();
    link.feed(&ok(answered.sync()));
    link.conn.cancel(cancelled);
    link.conn.handle_timeout(link.at(1000));
    assert_eq!(link.events(), []);
    assert_eq!(link.conn.poll_timeout(), None);
    assert!(link.conn.take(answered).unwrap().is_ok());
    assert_eq!(link.conn.stats().timed_out, 0);
}

#[test]
fn an_answer_nobody_took_outlives_the_end() {
    let mut link = Link::ready();
    let answered = link.written_call(1);
    assert_eq!(link.feed(&ok(answered.sync())), [Event::Answered(answered)]);
    link.conn.handle_eof();
    assert_eq!(link.events_to_end().0, []);
    assert!(link.conn.take(answered).unwrap().is_ok());
}

#[test]
fn at_the_end_everybody_is_answered_once_and_the_error_stays() {
    let mut link = Link::ready();
    let ids: Vec<RequestId> = (0..100).map(|number| link.call(number)).collect();
    link.write();
    let answered = ids[3];
    link.conn.cancel(ids[4]);
    link.feed(&ok(answered.sync()));
    link.conn.handle_eof();

    let (events, end) = link.events_to_end();
    let expected: Vec<Event> = ids
        .iter()
        .filter(|id| **id != answered && **id != ids[4])
        .map(|id| Event::Answered(*id))
        .collect();
    assert_eq!(events, expected);
    let end = end.unwrap();
    for _ in 0..3 {
        link.input.extend_from_slice(&ok(ids[7].sync()));
        assert_eq!(link.events_to_end(), (vec![], Some(end.clone())));
    }
    // A later reason does not replace the first.
    link.conn.handle_failure(transport("reset"));
    link.conn.handle_eof();
    link.conn.handle_timeout(link.at(100_000));
    assert_eq!(link.conn.failure(), Some(&end));
    assert_eq!(link.conn.in_flight(), 0);
    assert_eq!(link.conn.poll_timeout(), None);
    for id in &ids {
        let expected = *id != ids[4];
        assert_eq!(link.conn.take(*id).is_some(), expected);
        assert_eq!(link.conn.take(*id), None);
    }
}

#[test]
fn nothing_is_accepted_after_the_end() {
    let mut link = Link::ready();
    link.conn.handle_failure(transport("reset by peer"));
    let mut frame = frame(&numbered(1));
    let before = frame.as_bytes().to_vec();
    assert_eq!(link.conn.send(&mut frame, None), Err(SendError::Closed));
    assert_eq!(link.conn.try_send(&mut frame, None), Err(SendError::Closed));
    assert_eq!(frame.as_bytes(), before);
    assert_eq!(link.conn.failure().unwrap().to_string(), "reset by peer");
    assert_eq!(link.writes().len(), 0);
    assert_eq!(link.conn.stats().requests, 0);
}

#[test]
fn an_empty_frame_is_refused() {
    let mut link = Link::ready();
    let mut frame = Frame::new();
    assert_eq!(link.conn.send(&mut frame, None), Err(SendError::Empty));
    assert_eq!(link.conn.try_send(&mut frame, None), Err(SendError::Empty));
}

#[test]
fn closing_drains() {
    let mut config = Config::default();
    config.in_flight_max = 1;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let (first, second) = (link.call(1), link.call(2));
    link.conn.close();
    let mut refused = frame(&Ping);
    assert_eq!(link.conn.send(&mut refused, None), Err(SendError::Closed));
    assert_eq!(link.conn.try_send(&mut refused, None), Err(SendError::Closed));

    for (id, number) in [(first, 1), (second, 2)] {
        assert!(!link.conn.is_drained());
        assert_eq!(numbers(&link.write()), [number]);
        assert!(!link.conn.is_drained());
        assert_eq!(link.feed(&ok(id.sync())), [Event::Answered(id)]);
    }
    assert!(link.conn.is_drained());
    assert_eq!(link.conn.failure(), None);
    assert!(link.conn.take(first).unwrap().is_ok());
    assert!(link.conn.take(second).unwrap().is_ok());
}

#[test]
fn closing_waits_until_cancelled_requests_are_written() {
    let mut link = Link::ready();
    assert!(!link.conn.is_drained());
    let id = link.call(1);
    link.conn.cancel(id);
    link.conn.close();
    assert!(!link.conn.is_drained());
    assert_eq!(link.write().len(), 1);
    assert!(link.conn.is_drained());
}

#[test]
fn a_connection_closed_by_this_side_says_so() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    link.conn.handle_failure(ConnectionError::Shutdown);
    let (events, end) = link.events_to_end();
    assert_eq!(events, [Event::Answered(id)]);
    assert_eq!(end.unwrap().to_string(), "the connection was closed by this side");
    let text = fate(&mut link, id).to_string();
    assert_eq!(text, "the connection ended: it was written and may have been executed");
}

#[test]
fn an_end_in_the_middle_of_a_packet() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    let reply = ok(id.sync());
    assert_eq!(link.feed(&reply[..reply.len() - 1]), []);
    link.conn.handle_eof();
    let (events, end) = link.events_to_end();
    assert_eq!(events, [Event::Answered(id)]);
    assert_eq!(end, Some(ConnectionError::Closed { stage: Stage::Ready, reason: None }));
    assert_eq!(fate(&mut link, id), lost(Outcome::MaybeExecuted));
}
