//! Messages of running calls.

use rmpv::Value;
use tarantool_proto::{Config, Event, Outcome, Push, RequestId, Unanswered};

use crate::peer::*;

fn chunk(id: RequestId, value: impl Into<Value>) -> Vec<u8> {
    packet_of(CHUNK, id.sync(), SCHEMA, &map(&[(DATA, Value::Array(vec![value.into()]))]))
}

/// A call that wants its messages, written.
fn pushing_call(link: &mut Link, number: u64) -> RequestId {
    let id = link.call(number);
    link.conn.accept_pushes(id);
    assert_eq!(numbers(&link.write()), [number]);
    id
}

/// The values of the messages that wait; those lost as negative numbers.
fn pushes(link: &mut Link, id: RequestId) -> Vec<i64> {
    let mut values = Vec::new();
    while let Some(push) = link.conn.take_push(id) {
        values.push(match push {
            Push::Message(message) => message.returned().unwrap(),
            Push::Lost(count) => -i64::try_from(count).unwrap(),
            other => panic!("{other:?}"),
        });
    }
    values
}

#[test]
fn messages_come_in_order_before_between_and_after_other_replies() {
    let mut link = Link::ready();
    let (first, plain) = (pushing_call(&mut link, 1), link.written_call(2));
    let second = pushing_call(&mut link, 3);
    let bytes = [
        chunk(second, 30),
        chunk(first, 10),
        ok(plain.sync()),
        chunk(first, 11),
        chunk(second, 31),
        ok(first.sync()),
        chunk(second, 32),
        error(second.sync(), 32, "after pushes"),
    ];
    use Event::{Answered, Pushed};
    assert_eq!(
        link.feed(&bytes.concat()),
        [
            Pushed(second),
            Pushed(first),
            Answered(plain),
            Pushed(first),
            Pushed(second),
            Answered(first),
            Pushed(second),
            Answered(second),
        ]
    );
    assert_eq!(pushes(&mut link, first), [10, 11]);
    assert_eq!(pushes(&mut link, second), [30, 31, 32]);
    assert!(link.conn.is_answered(first));
    assert!(link.conn.take(second).unwrap().unwrap().into_result().is_err());
    let stats = link.conn.stats();
    assert_eq!((stats.pushes, stats.lost_pushes, stats.unsolicited), (5, 0, 0));
}

#[test]
fn who_does_not_want_messages_gets_none() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    assert_eq!(link.feed(&chunk(id, 1)), []);
    assert_eq!((link.conn.take_push(id), link.conn.stats().unsolicited), (None, 1));

    let id = pushing_call(&mut link, 2);
    link.feed(&chunk(id, 1));
    link.conn.forget_pushes(id);
    assert_eq!(link.feed(&chunk(id, 2)), []);
    assert_eq!((link.conn.take_push(id), link.conn.stats().unsolicited), (None, 2));
}

#[test]
fn too_many_messages_are_dropped_and_their_number_told_in_their_place() {
    let mut config = Config::default();
    config.pushes_max = 3;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let id = pushing_call(&mut link, 1);
    for value in 0..10_000 {
        assert_eq!(link.feed(&chunk(id, value)), [Event::Pushed(id)]);
    }
    assert_eq!(pushes(&mut link, id), [0, 1, 2, -9_997]);
    link.feed(&chunk(id, 5));
    assert_eq!(pushes(&mut link, id), [5]);
    assert_eq!((link.conn.stats().pushes, link.conn.stats().lost_pushes), (4, 9_997));
}

#[test]
fn large_messages_are_limited_by_bytes_and_one_always_fits() {
    let mut config = Config::default();
    config.push_bytes_max = 100_000;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let id = pushing_call(&mut link, 1);
    let large = |bytes| Value::Binary(vec![7; bytes]);
    for bytes in [60_000, 60_000, 30_000, 90_000] {
        link.feed(&chunk(id, large(bytes)));
    }
    let lengths = |link: &mut Link| -> Vec<i64> {
        std::iter::from_fn(|| link.conn.take_push(id))
            .map(|push| match push {
                Push::Message(message) => message.body().len() as i64 / 1000,
                Push::Lost(count) => -(count as i64),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    // The third fits, but what is missing stands before it.
    assert_eq!(lengths(&mut link), [60, -1, 30, -1]);
    link.feed(&chunk(id, large(500_000)));
    assert_eq!(lengths(&mut link), [500]);
    // What is taken makes room, for as much as it was.
    link.feed(&[chunk(id, large(60_000)), chunk(id, large(30_000))].concat());
    assert!(link.conn.take_push(id).is_some());
    link.feed(&chunk(id, large(80_000)));
    assert_eq!(lengths(&mut link), [30, -1]);
    link.feed(&[chunk(id, large(50_000)), chunk(id, large(49_000))].concat());
    assert_eq!(lengths(&mut link), [50, 49]);
}

#[test]
fn messages_after_the_end_of_a_request_are_dropped() {
    let mut link = Link::ready();
    let cancelled = pushing_call(&mut link, 1);
    link.feed(&chunk(cancelled, 1));
    link.conn.cancel(cancelled);
    assert_eq!(link.conn.take_push(cancelled), None);
    // Its slot's next owner gets nothing of it.
    let next = pushing_call(&mut link, 2);
    assert_eq!(next.slot(), cancelled.slot());
    assert_eq!(link.feed(&chunk(cancelled, 2)), []);
    assert_eq!(pushes(&mut link, next), []);
    // After its answer, a request has no more messages.
    assert_eq!(link.feed(&[ok(next.sync()), chunk(next, 3)].concat()), [Event::Answered(next)]);
    assert_eq!(pushes(&mut link, next), []);
    link.conn.take(next);
    assert_eq!(link.conn.stats().unsolicited, 2);
}

#[test]
fn messages_that_came_are_there_after_the_connection_is_lost() {
    let mut link = Link::ready();
    let id = pushing_call(&mut link, 1);
    link.feed(&chunk(id, 1));
    link.conn.handle_eof();
    assert_eq!(link.events_to_end().0, [Event::Answered(id)]);
    assert_eq!(pushes(&mut link, id), [1]);
    assert_eq!(link.conn.take(id), Some(Err(Unanswered::Lost(Outcome::MaybeExecuted))));
}

#[test]
fn a_malformed_message_is_its_readers_error_only() {
    let mut link = Link::ready();
    let id = pushing_call(&mut link, 1);
    let chunks = [packet_of(CHUNK, id.sync(), SCHEMA, &[0xc0]), chunk(id, 4)];
    link.feed(&chunks.concat());
    let Some(Push::Message(message)) = link.conn.take_push(id) else { panic!() };
    assert!(message.returned::<u64>().is_err());
    assert_eq!(pushes(&mut link, id), [4]);
}
