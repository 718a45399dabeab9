//! Limits: who finds no place waits in order, and waiting costs nothing for long.

use tarantool_proto::request::{Call, Insert, Ping};
use tarantool_proto::{Batching, Config, Event, Outcome, RequestId, SendError, Unanswered};

use crate::peer::*;
use crate::schema::{assert_reads_schema, schema_at};

fn with_in_flight_max(max: usize) -> Link {
    let mut config = Config::default();
    config.in_flight_max = max;
    Link::ready_with(GREETING_3_7, config)
}

/// Sends 20 requests and answers each write; returns the numbers of each write.
fn served_by_writes(link: &mut Link) -> Vec<Vec<u64>> {
    let ids: Vec<RequestId> = (0..20).map(|number| link.call(number)).collect();
    let mut writes = Vec::new();
    loop {
        let sent = link.write();
        if sent.is_empty() {
            break;
        }
        writes.push(numbers(&sent));
        for request in sent {
            let events = link.feed(&ok(request.sync));
            assert_eq!(events.len(), 1);
        }
    }
    for id in ids {
        assert!(link.conn.take(id).unwrap().is_ok());
    }
    assert_eq!(link.conn.in_flight(), 0);
    writes
}

#[test]
fn one_in_flight_at_a_time_keeps_the_order() {
    let writes = served_by_writes(&mut with_in_flight_max(1));
    let expected: Vec<Vec<u64>> = (0..20).map(|number| vec![number]).collect();
    assert_eq!(writes, expected);
}

#[test]
fn zero_in_flight_means_one() {
    assert_eq!(served_by_writes(&mut with_in_flight_max(0)).len(), 20);
}

#[test]
fn other_limits_keep_the_order() {
    for max in [2, 3, 7, 19, 20, 21] {
        let writes = served_by_writes(&mut with_in_flight_max(max));
        assert!(writes.iter().all(|write| write.len() <= max), "{max}: {writes:?}");
        assert_eq!(writes.concat(), (0..20).collect::<Vec<u64>>());
        assert_eq!(writes.len(), 20_usize.div_ceil(max));
    }
}

#[test]
fn queued_bytes_have_a_limit() {
    let each = frame(&numbered(0)).as_bytes().len();
    let mut config = Config::default();
    config.queued_bytes_max = 3 * each;
    let mut link = Link::ready_with(GREETING_3_7, config);
    for number in 0..10 {
        link.call(number);
        assert_eq!(link.conn.is_saturated(), number >= 3);
    }
    assert_eq!((link.conn.queued_bytes(), link.conn.in_flight()), (3 * each, 3));
    // A write makes place for the next ones: replies are not needed.
    let writes: Vec<usize> = link.writes().iter().map(Vec::len).collect();
    assert_eq!(writes, [3 * each, 3 * each, 3 * each, each]);
    assert_eq!(link.conn.in_flight(), 10);
    assert!(!link.conn.is_saturated());
}

#[test]
fn a_request_over_the_queue_limit_passes_alone() {
    let mut config = Config::default();
    config.queued_bytes_max = 1;
    let mut link = Link::ready_with(GREETING_3_7, config);
    assert_eq!(served_by_writes(&mut link).concat(), (0..20).collect::<Vec<u64>>());
}

/// They are held until they are written, just as those that are queued.
#[test]
fn bytes_that_wait_for_the_schema_count_as_queued() {
    let insert = |number: u64| Insert::into("users").row((number, "x".repeat(50)));
    let each = frame(&insert(0)).as_bytes().len();
    let mut config = Config::default();
    config.queued_bytes_max = 3 * each;
    let mut link = Link::ready_with(GREETING_2_6, config);
    let ids: Vec<RequestId> = (0..10).map(|number| link.send(&insert(number))).collect();
    assert!(link.conn.is_saturated());
    let full = link.conn.try_send(&mut frame(&numbered(0)), None);
    assert_eq!((full, link.conn.in_flight() < 4), (Err(SendError::Saturated), true));
    assert_reads_schema(&link.write());

    link.feed(&schema_at(SCHEMA, false));
    assert!(link.conn.queued_bytes() < 4 * each, "{} bytes", link.conn.queued_bytes());
    let sent: Vec<u64> = link.write().iter().map(|sent| sent.sync).collect();
    assert_eq!(sent, ids.iter().map(|id| id.sync()).collect::<Vec<_>>());
    assert!(!link.conn.is_saturated());
}

#[test]
fn requests_that_are_over_make_place_before_the_schema_comes() {
    let mut config = Config::default();
    config.queued_bytes_max = 1;
    let mut link = Link::ready_with(GREETING_2_6, config);
    let first = link.send(&Insert::into("users").row((1,)));
    assert_reads_schema(&link.write());
    let second = link.call(2);
    assert_eq!(link.write().len(), 0);
    link.conn.cancel(first);
    assert_eq!(numbers(&link.write()), [2]);
    assert_eq!(link.feed(&ok(second.sync())), [Event::Answered(second)]);

    // A deadline is as good.
    let deadline = Some(link.at(5));
    link.send_until(&Insert::into("users").row((1,)), deadline);
    link.call(3);
    assert_eq!(link.write().len(), 0);
    link.conn.handle_timeout(link.at(5));
    assert_eq!(numbers(&link.write()), [3]);
}

#[test]
fn try_send_does_not_wait() {
    let mut link = with_in_flight_max(2);
    let first = link.conn.try_send(&mut frame(&numbered(1)), None).unwrap();
    link.conn.try_send(&mut frame(&numbered(2)), None).unwrap();
    let mut third = frame(&numbered(3));
    let before = third.as_bytes().to_vec();
    assert_eq!(link.conn.try_send(&mut third, None), Err(SendError::Saturated));
    assert_eq!(third.as_bytes(), before);
    assert_eq!(link.conn.stats().requests, 2);

    assert_eq!(numbers(&link.write()), [1, 2]);
    link.feed(&ok(first.sync()));
    link.conn.try_send(&mut third, None).unwrap();
    assert_eq!(numbers(&link.write()), [3]);
}

#[test]
fn try_send_does_not_overtake_those_who_wait() {
    let mut link = with_in_flight_max(1);
    let first = link.call(1);
    link.call(2);
    link.write();
    // The place that becomes free belongs to the second.
    link.input.extend_from_slice(&ok(first.sync()));
    assert_eq!(link.conn.poll_event(&mut link.input), Ok(Some(Event::Answered(first))));
    assert_eq!(link.conn.in_flight(), 0);
    let mut third = frame(&numbered(3));
    assert_eq!(link.conn.try_send(&mut third, None), Err(SendError::Saturated));
    link.conn.send(&mut third, None).unwrap();
    assert_eq!(numbers(&link.write()), [2]);
}

#[test]
fn try_send_before_ready_is_refused() {
    let mut link = Link::new(Config::default());
    assert_eq!(link.conn.try_send(&mut frame(&Ping), None), Err(SendError::Saturated));
}

#[test]
fn a_request_over_the_packet_limit_is_left_as_it_was() {
    let mut config = Config::default();
    let mut large = frame(&Call::new("f").arguments((7, "x".repeat(100))));
    let before = large.as_bytes().to_vec();
    config.packet_bytes_max = before.len() - 1;
    let mut link = Link::ready_with(GREETING_3_7, config.clone());
    let refused = SendError::TooLarge { bytes: before.len(), max: before.len() - 1 };
    assert_eq!(link.conn.send(&mut large, None), Err(refused));
    assert_eq!(link.conn.try_send(&mut large, None), Err(refused));
    assert_eq!(large.as_bytes(), before);
    assert_eq!(link.writes().len(), 0);
    assert!(refused.to_string().contains("packet_bytes_max"));

    // The same frame still goes where it fits.
    config.packet_bytes_max = before.len();
    let mut link = Link::ready_with(GREETING_3_7, config);
    link.conn.send(&mut large, None).unwrap();
    assert!(large.as_bytes().is_empty());
    assert_eq!(numbers(&link.write()), [7]);
}

/// What waits for a place is held; what has one is queued.
#[test]
fn held_bytes_have_a_limit() {
    let each = frame(&numbered(0)).as_bytes().len();
    let mut config = Config::default();
    config.held_bytes_max = 3 * each;
    config.in_flight_max = 1;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let placed = link.call(0);
    let held: Vec<RequestId> = (1..4).map(|number| link.call(number)).collect();
    let mut more = frame(&numbered(4));
    assert_eq!(link.conn.send(&mut more, None), Err(SendError::Saturated));
    assert_eq!(more.as_bytes().len(), each, "it is left to the caller");
    assert_eq!(link.conn.stats().requests, 4);
    // A place for one of those held makes room for another.
    link.write();
    link.feed(&ok(placed.sync()));
    link.conn.send(&mut more, None).unwrap();
    assert_eq!(link.conn.send(&mut frame(&numbered(5)), None), Err(SendError::Saturated));
    link.conn.cancel(held[1]);
    link.call(5);
    assert_eq!(served(&mut link), [1, 3, 4, 5]);
}

#[test]
fn a_request_over_the_limit_of_held_bytes_is_held_alone() {
    let mut config = Config::default();
    config.held_bytes_max = 1;
    let mut link = Link::new(config);
    link.call(0);
    assert_eq!(link.conn.send(&mut frame(&numbered(1)), None), Err(SendError::Saturated));
    link.feed(GREETING_3_7);
    link.write();
    link.feed(&id_reply(GREETING_3_7));
    link.call(1);
    assert_eq!(served(&mut link), [0, 1]);
}

/// A connection of its own loses all with its end: nothing of what is queued is kept for a next one.
#[test]
fn what_is_bound_to_a_connection_of_its_own_is_not_held() {
    let mut config = Config::default();
    config.held_bytes_max = 1;
    let mut link = Link::ready_with(GREETING_3_7, config);
    for number in 0..3 {
        let mut frame = frame(&numbered(number));
        frame.bind_to(1);
        frame.mark_idempotent();
        link.conn.send(&mut frame, None).unwrap();
    }
    assert_eq!(served(&mut link), [0, 1, 2]);
}

/// Answers what is written as long as anything is; returns the numbers.
fn served(link: &mut Link) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let sent = link.write();
        if sent.is_empty() {
            return all;
        }
        all.extend(numbers(&sent));
        for request in sent {
            link.feed(&ok(request.sync));
        }
    }
}

#[test]
fn a_deadline_covers_the_wait_for_a_place() {
    let mut link = with_in_flight_max(1);
    let first = link.call(1);
    let second = link.send_until(&numbered(2), Some(link.at(100)));
    let third = link.call(3);
    link.write();
    link.conn.handle_timeout(link.at(100));
    assert_eq!(link.events(), [Event::Answered(second)]);
    let fate = link.conn.take(second).unwrap();
    assert_eq!(fate, Err(Unanswered::TimedOut(Outcome::NotSent)));
    link.feed(&ok(first.sync()));
    let sent = link.write();
    assert_eq!(numbers(&sent), [3]);
    assert_eq!(sent[0].sync, third.sync());
}

#[test]
fn a_timeout_makes_place() {
    let mut link = with_in_flight_max(1);
    link.send_until(&numbered(1), Some(link.at(100)));
    link.call(2);
    assert_eq!(numbers(&link.write()), [1]);
    link.conn.handle_timeout(link.at(100));
    assert_eq!(numbers(&link.write()), [2]);
}

#[test]
fn cancelled_waiting_requests_are_never_sent() {
    let mut link = with_in_flight_max(1);
    let ids: Vec<RequestId> = (0..6).map(|number| link.call(number)).collect();
    for at in [1, 2, 4] {
        link.conn.cancel(ids[at]);
    }
    let mut seen = Vec::new();
    for id in [ids[0], ids[3], ids[5]] {
        let sent = link.write();
        assert_eq!(sent.iter().map(|sent| sent.sync).collect::<Vec<_>>(), [id.sync()]);
        seen.extend(numbers(&sent));
        link.feed(&ok(id.sync()));
    }
    assert_eq!(seen, [0, 3, 5]);
    assert_eq!(link.writes().len(), 0);
    assert_eq!(link.conn.stats().cancelled, 3);
}

#[test]
fn nobody_waits_once_the_waiting_are_cancelled() {
    let mut link = with_in_flight_max(1);
    link.call(1);
    let waiting = [link.call(2), link.call(3)];
    assert!(link.conn.is_saturated());
    link.conn.cancel(waiting[0]);
    assert!(link.conn.is_saturated());
    link.conn.cancel(waiting[1]);
    assert!(!link.conn.is_saturated());
}

#[test]
fn nobody_waits_once_the_waiting_timed_out() {
    let mut link = with_in_flight_max(1);
    link.call(1);
    link.send_until(&numbered(2), Some(link.at(10)));
    link.conn.handle_timeout(link.at(10));
    assert!(!link.conn.is_saturated());
}

#[test]
fn cancelling_twice_or_after_the_answer_does_nothing() {
    let mut link = Link::ready();
    let (first, second) = (link.call(1), link.call(2));
    link.write();
    link.conn.cancel(first);
    link.conn.cancel(first);
    assert_eq!(link.conn.stats().cancelled, 1);
    link.feed(&ok(second.sync()));
    link.conn.cancel(second);
    assert_eq!(link.conn.take(second), None);
    assert_eq!(link.conn.stats().cancelled, 1);
    assert_eq!(link.conn.in_flight(), 0);
    // The cancelled slot belongs to another by now: its owner must not be hit.
    let third = link.call(3);
    link.conn.cancel(first);
    link.conn.cancel(second);
    link.write();
    assert_eq!(link.feed(&ok(third.sync())), [Event::Answered(third)]);
}

#[test]
fn a_million_cancelled_waiting_requests_leave_nothing() {
    let mut link = with_in_flight_max(1);
    let first = link.call(0);
    link.write();
    let mut slots = 0;
    for number in 0..1_000_000 {
        let id = link.call(number);
        slots = slots.max(id.slot());
        link.conn.cancel(id);
    }
    assert_eq!(slots, 1);
    assert!(!link.conn.is_saturated());
    assert_eq!(link.writes().len(), 0);
    link.feed(&ok(first.sync()));
    assert_eq!(link.writes().len(), 0);
}

#[test]
fn cancelled_requests_behind_a_waiting_one_leave_nothing() {
    let mut link = with_in_flight_max(1);
    let first = link.call(0);
    let waiting = link.call(1);
    link.write();
    for number in 2..100_000 {
        let id = link.call(number);
        link.conn.cancel(id);
    }
    link.feed(&ok(first.sync()));
    assert_eq!(numbers(&link.write()), [1]);
    link.feed(&ok(waiting.sync()));
    assert_eq!(link.writes().len(), 0);
}

/// Ids of requests that are over stay in the queue only as long as few of them do.
#[test]
fn cancelled_requests_leave_no_memory_behind_a_waiting_one() {
    for many in [100, 101] {
        let mut link = with_in_flight_max(1);
        let first = link.call(0);
        let waiting = link.call(1);
        let cancelled: Vec<RequestId> = (0..many).map(|number| link.call(number)).collect();
        for id in cancelled {
            link.conn.cancel(id);
        }
        for number in 0..10_000 {
            let id = link.call(number);
            link.conn.cancel(id);
        }
        let kept = format!("{:?}", link.conn).matches("RequestId(").count();
        assert!(kept < 80, "{kept} ids");
        assert_eq!(served(&mut link), [0, 1]);
        assert!(link.conn.is_answered(first) && link.conn.is_answered(waiting));
    }
}

#[test]
fn cancelled_queued_requests_are_bounded_by_the_queue() {
    let mut config = Config::default();
    config.queued_bytes_max = 10_000;
    config.batching = Batching::immediate().up_to(1000);
    let mut link = Link::ready_with(GREETING_3_7, config);
    for number in 0..100_000 {
        let id = link.call(number);
        link.conn.cancel(id);
        assert!(link.conn.queued_bytes() < 10_100);
    }
    let written: usize = link.writes().iter().map(Vec::len).sum();
    assert!(written < 10_100, "{written}");
}
