//! When queued requests become writes, and what the counters say of it.

use std::time::Duration;

use tarantool_proto::{Batching, Config, Decision, RequestId, Stats};

use crate::peer::*;

fn link_with(batching: Batching) -> Link {
    let mut config = Config::default();
    config.batching = batching;
    Link::ready_with(GREETING_3_7, config)
}

/// `count` requests that have been written.
fn written(link: &mut Link, count: u64) -> Vec<RequestId> {
    let ids = (0..count).map(|number| link.call(number)).collect();
    link.write();
    ids
}

fn answer(link: &mut Link, ids: &[RequestId]) {
    for id in ids {
        link.feed(&ok(id.sync()));
        link.conn.take(*id).unwrap().unwrap();
    }
}

#[test]
fn requests_share_a_write() {
    let mut link = Link::ready();
    for number in 0..100 {
        link.call(number);
    }
    let writes = link.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(numbers(&requests(&writes[0])), (0..100).collect::<Vec<u64>>());
}

#[test]
fn a_request_during_a_write_goes_into_the_next() {
    let mut link = Link::ready();
    link.call(1);
    let mut under_way = Vec::new();
    assert!(link.conn.poll_transmit(&mut under_way));
    link.call(2);
    link.call(3);
    assert_eq!(numbers(&requests(&under_way)), [1]);
    let mut next = Vec::new();
    assert!(link.conn.poll_transmit(&mut next));
    assert_eq!(numbers(&requests(&next)), [2, 3]);
    assert!(!link.conn.poll_transmit(&mut Vec::new()));
}

#[test]
fn writes_are_bounded() {
    let each = frame(&numbered(0)).as_bytes().len();
    for (bound, expected) in [(0, 1), (1, 1), (each, 1), (each + 1, 2), (4 * each, 4)] {
        let mut link = link_with(Batching::immediate().up_to(bound));
        for number in 0..12 {
            link.call(number);
        }
        let writes: Vec<usize> = link.writes().iter().map(Vec::len).collect();
        assert_eq!(writes, vec![expected * each; 12 / expected], "{bound}");
    }
}

#[test]
fn writes_without_a_bound() {
    let mut link = link_with(Batching::immediate().up_to(usize::MAX));
    for number in 0..1000 {
        link.call(number);
    }
    assert_eq!(link.writes().len(), 1);
}

#[test]
fn nothing_queued_is_idle() {
    for batching in
        [Batching::adaptive(), Batching::immediate(), Batching::linger(Duration::from_millis(5))]
    {
        assert_eq!(link_with(batching).conn.poll_decision(), Decision::Idle);
    }
}

#[test]
fn a_lone_request_is_written_at_once() {
    let mut link = Link::ready();
    for _ in 0..3 {
        let id = link.call(1);
        assert_eq!(link.conn.poll_decision(), Decision::Write);
        link.write();
        answer(&mut link, &[id]);
    }
}

#[test]
fn when_nobody_goes_on_it_is_idle_soon() {
    let mut link = Link::ready();
    let ids = written(&mut link, 3);
    answer(&mut link, &ids);
    let _ = link.conn.poll_decision();
    assert_eq!(link.conn.poll_decision(), Decision::Idle);
    assert_eq!(link.writes().len(), 0);
}

#[test]
fn yields_once_when_more_were_answered_than_queued() {
    let mut link = Link::ready();
    let ids = written(&mut link, 3);
    answer(&mut link, &ids);
    link.call(10);
    assert_eq!(link.conn.poll_decision(), Decision::Yield);
    // Nobody came in that turn: nobody is going to.
    assert_eq!(link.conn.poll_decision(), Decision::Write);
    assert_eq!(link.write().len(), 1);
}

#[test]
fn does_not_yield_when_as_many_were_queued_as_answered() {
    let mut link = Link::ready();
    let ids = written(&mut link, 3);
    answer(&mut link, &ids);
    for number in 0..3 {
        link.call(number);
    }
    assert_eq!(link.conn.poll_decision(), Decision::Write);
}

#[test]
fn does_not_yield_when_a_write_is_full() {
    let mut link = link_with(Batching::adaptive().up_to(1));
    let ids = written(&mut link, 3);
    answer(&mut link, &ids);
    link.call(1);
    assert_eq!(link.conn.poll_decision(), Decision::Write);
}

#[test]
fn immediate_never_yields() {
    let mut link = link_with(Batching::immediate());
    let ids = written(&mut link, 5);
    answer(&mut link, &ids);
    link.call(1);
    assert_eq!(link.conn.poll_decision(), Decision::Write);
}

#[test]
fn cancelled_requests_are_not_expected_to_go_on() {
    let mut link = Link::ready();
    for id in written(&mut link, 3) {
        link.conn.cancel(id);
        link.feed(&ok(id.sync()));
    }
    link.call(1);
    assert_eq!(link.conn.poll_decision(), Decision::Write);
}

#[test]
fn lingers_until_told_that_it_is_over() {
    let linger = Duration::from_millis(5);
    let mut link = link_with(Batching::linger(linger));
    link.call(1);
    assert_eq!(link.conn.poll_decision(), Decision::Linger(linger));
    link.conn.handle_linger(link.at(5));
    assert_eq!(link.conn.poll_timeout(), Some(link.at(5)));

    // More requests do not make the first wait longer.
    link.call(2);
    assert_eq!(link.conn.poll_decision(), Decision::Linger(linger));
    link.conn.handle_linger(link.at(9));
    assert_eq!(link.conn.poll_timeout(), Some(link.at(5)));

    link.conn.handle_timeout(link.at(4));
    assert_eq!(link.conn.poll_decision(), Decision::Linger(linger));
    link.conn.handle_timeout(link.at(5));
    assert_eq!(link.conn.poll_timeout(), None);
    assert_eq!(link.conn.poll_decision(), Decision::Write);
    assert_eq!(link.write().len(), 2);

    link.call(3);
    assert_eq!(link.conn.poll_decision(), Decision::Linger(linger));
}

#[test]
fn a_full_write_does_not_linger() {
    let each = frame(&numbered(0)).as_bytes().len();
    let mut link = link_with(Batching::linger(Duration::from_millis(5)).up_to(2 * each));
    link.call(1);
    assert!(matches!(link.conn.poll_decision(), Decision::Linger(_)));
    link.conn.handle_linger(link.at(5));
    link.call(2);
    assert_eq!(link.conn.poll_decision(), Decision::Write);
    assert_eq!(link.write().len(), 2);
    assert_eq!(link.conn.poll_timeout(), None);
}

#[test]
fn a_linger_does_not_outlive_the_connection() {
    let mut link = link_with(Batching::linger(Duration::from_millis(5)));
    link.call(1);
    link.conn.handle_linger(link.at(5));
    link.conn.handle_eof();
    assert_eq!(link.conn.poll_timeout(), None);
}

#[test]
fn a_decision_admits_those_who_wait() {
    let mut config = Config::default();
    config.in_flight_max = 1;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let first = link.call(1);
    link.call(2);
    link.write();
    assert_eq!(link.conn.poll_decision(), Decision::Idle);
    link.conn.cancel(first);
    assert_eq!(link.conn.poll_decision(), Decision::Write);
}

#[test]
fn counters_of_writes() {
    let mut link = Link::ready();
    let handshake = *link.conn.stats();
    assert_eq!((handshake.requests_out, handshake.writes), (1, 1));
    for count in [1, 2, 3, 4, 7, 8] {
        written(&mut link, count);
    }
    let stats = *link.conn.stats();
    assert_eq!(stats.requests, 25);
    assert_eq!(stats.requests_out, 26);
    assert_eq!(stats.writes, 7);
    assert!((stats.requests_per_write() - 26.0 / 7.0).abs() < 1e-9);
    // Buckets of 1, 2–3, 4–7, 8–15 requests; the handshake's write is one of 1.
    assert_eq!(stats.batch_requests.buckets()[..5], [2, 2, 2, 1, 0]);
    assert_eq!(stats.batch_requests.buckets().iter().sum::<u64>(), 7);
    assert_eq!(stats.batch_requests.median(), 2);
    assert_eq!(stats.batch_bytes.buckets().iter().sum::<u64>(), 7);

    let each = frame(&numbered(0)).as_bytes().len();
    let bytes = stats.bytes_out - handshake.bytes_out;
    assert_eq!(bytes, 25 * each as u64);
}

#[test]
fn counters_of_reads() {
    let mut link = Link::ready();
    link.conn.count_read(100);
    link.conn.count_read(28);
    let stats = link.conn.stats();
    assert_eq!((stats.reads, stats.bytes_in), (2, 128));
    assert!((stats.system_calls_per_request() - 3.0).abs() < 1e-9);
    assert_eq!(Stats::default().requests_per_write(), 0.0);
    assert!(stats.to_string().starts_with("0 requests, 1 writes"));
}

#[test]
fn the_policy_is_told() {
    let link = link_with(Batching::immediate().up_to(1000));
    assert_eq!(link.conn.batching().write_bytes(), 1000);
}

/// The server has nothing else to do, and as many are queued as answers are still to be taken.
#[test]
fn a_head_start_is_for_an_idle_server_and_half_of_the_callers() {
    let mut link = Link::ready();
    assert!(!link.conn.wants_head_start(), "there is nothing to write");
    let ids = written(&mut link, 3);
    for id in &ids {
        assert!(!link.conn.wants_head_start());
        link.feed(&ok(id.sync()));
    }
    assert!(!link.conn.wants_head_start(), "no caller has gone on");
    link.call(3);
    assert!(!link.conn.wants_head_start(), "three answers are to be taken");
    link.conn.take(ids[0]).unwrap().unwrap();
    assert!(!link.conn.wants_head_start(), "two are");
    let queued = link.call(4);
    assert!(link.conn.wants_head_start(), "as many as are queued");
    link.conn.take(ids[1]).unwrap().unwrap();
    link.conn.take(ids[2]).unwrap().unwrap();
    assert!(link.conn.wants_head_start(), "none");
    link.write();
    assert!(!link.conn.wants_head_start());
    link.call(5);
    assert!(!link.conn.wants_head_start(), "the server has two to do");
    link.feed(&ok(queued.sync()));
    link.conn.take(queued).unwrap().unwrap();
    assert!(!link.conn.wants_head_start(), "the server has one to do");
}

/// A sixth, rounded up, of those that are not answered or not taken; few are not cut.
#[test]
fn many_callers_go_on_in_parts() {
    for (requests, part) in
        [(0, usize::MAX), (31, usize::MAX), (32, 6), (36, 6), (37, 7), (600, 100)]
    {
        let mut link = Link::ready();
        let ids = written(&mut link, requests);
        assert_eq!(link.conn.answers_per_turn(), part, "{requests}");
        // Who is answered has not gone on yet.
        ids.iter().for_each(|id| drop(link.feed(&ok(id.sync()))));
        assert_eq!(link.conn.answers_per_turn(), part, "{requests} answered");
        ids.iter().for_each(|id| drop(link.conn.take(*id)));
        assert_eq!(link.conn.answers_per_turn(), usize::MAX, "{requests} taken");
    }
    for policy in [Batching::immediate(), Batching::linger(Duration::from_micros(1))] {
        let mut link = link_with(policy);
        written(&mut link, 100);
        assert_eq!(link.conn.answers_per_turn(), usize::MAX, "{policy:?}");
    }
}

#[test]
fn a_part_is_queued_while_answers_are_to_be_taken() {
    let mut link = Link::ready();
    let ids = written(&mut link, 36);
    link.call(1);
    for number in 0..9 {
        link.call(number);
    }
    assert!(!link.conn.has_part_queued(), "there are no answers");
    link.write();
    ids.iter().for_each(|id| drop(link.feed(&ok(id.sync()))));
    // 46 are not answered or not taken: 8 are a part.
    for (number, id) in (1..).zip(&ids[..9]) {
        link.conn.take(*id).unwrap().unwrap();
        link.call(number);
        assert_eq!(link.conn.has_part_queued(), number >= 8, "{number}");
    }
    for id in &ids[9..] {
        assert!(link.conn.has_part_queued());
        link.conn.take(*id).unwrap().unwrap();
        link.call(1);
    }
    assert!(!link.conn.has_part_queued(), "none is left to take");
    assert!(!link_with(Batching::immediate()).conn.has_part_queued());
}
