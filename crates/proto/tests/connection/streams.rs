//! Bytes in any portions mean the same, and no bytes make it panic.

use bytes::BytesMut;
use proptest::prelude::*;
use tarantool_proto::request::Insert;
use tarantool_proto::{Answer, Config, Connection, ConnectionError, Event, RequestId};

use crate::peer::*;

const CALLS: u64 = 6;

/// What a whole conversation looks like from outside.
type Seen = (Vec<Event>, Vec<Option<Answer>>, Option<ConnectionError>);

fn busy_link() -> (Link, Vec<RequestId>) {
    let mut link = Link::ready_with(GREETING_2_6, Config::default());
    let ids = (0..CALLS).map(|number| link.call(number)).collect();
    link.send(&Insert::into("users").row((1,)));
    link.write();
    (link, ids)
}

fn fed<'a>(portions: impl IntoIterator<Item = &'a [u8]>) -> Seen {
    let (mut link, ids) = busy_link();
    let mut events = Vec::new();
    let mut end = None;
    for portion in portions {
        link.input.extend_from_slice(portion);
        let (more, ended) = link.events_to_end();
        events.extend(more);
        end = ended;
        // Also what goes out depends on what came in.
        link.write();
    }
    let answers = ids.iter().map(|id| link.conn.take(*id)).collect();
    (events, answers, end)
}

/// A packet that the busy link may get.
fn some_packet() -> impl Strategy<Value = Vec<u8>> {
    let sync = prop_oneof![
        8 => (0..CALLS).prop_map(|slot| 1 << 32 | slot),
        1 => Just(SPACES_SYNC),
        1 => Just(INDEXES_SYNC),
        1 => Just(0),
    ];
    let body = prop_oneof![
        Just(vec![]),
        Just(vec![0x80]),
        prop::collection::vec(any::<u8>(), 0..300)
            .prop_map(|bytes| map(&[(DATA, vec![rmpv::Value::Binary(bytes)].into())])),
        "[a-z]{0,40}".prop_map(|text| map(&[(0x31, text.into())])),
    ];
    let kind = prop_oneof![6 => Just(0), 2 => Just(0x8014_u32), 1 => Just(EVENT), 1 => Just(CHUNK)];
    (kind, sync, 0_u64..3, body)
        .prop_map(|(kind, sync, schema, body)| packet_of(kind, sync, schema, &body))
}

fn some_stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(some_packet(), 0..12).prop_map(|packets| packets.concat())
}

/// Polls until nothing comes any more; answers are decoded, whatever they hold.
fn exhaust(mut conn: Connection, input: &[u8], portion: usize) {
    let mut buffer = BytesMut::new();
    let mut output = Vec::new();
    for portion in input.chunks(portion) {
        buffer.extend_from_slice(portion);
        loop {
            match conn.poll_event(&mut buffer) {
                Ok(Some(Event::Answered(id))) => {
                    let Some(Ok(response)) = conn.take(id) else {
                        continue;
                    };
                    let _ = response.rows::<(u64, String)>();
                    let _ = response.returned::<Vec<f64>>();
                    let _ = response.into_result().map_err(|error| error.to_string());
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    let _ = error.to_string();
                    assert_eq!(conn.in_flight(), 0);
                    return;
                }
            }
        }
        while conn.poll_transmit(&mut output) {
            output.clear();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_split_means_the_same(
        stream in some_stream(),
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let whole = fed([&stream[..]]);
        let mut portions = Vec::new();
        let mut rest = &stream[..];
        while let Some(cut) = cuts.pop().filter(|_| !rest.is_empty()) {
            let (portion, after) = rest.split_at(cut.index(rest.len()));
            portions.push(portion);
            rest = after;
        }
        portions.push(rest);
        prop_assert_eq!(&fed(portions), &whole);
        prop_assert_eq!(&fed(stream.chunks(1).chain([&[][..]])), &whole);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), portion in 1_usize..100) {
        exhaust(Connection::new(Config::default(), None), &bytes, portion);
        exhaust(busy_link().0.conn, &bytes, portion);
    }

    #[test]
    fn garbage_after_the_greeting_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&GREETING_3_7[..], &bytes].concat();
        exhaust(Connection::new(login("tester", "secret"), None), &bytes, 50);
    }

    #[test]
    fn garbage_in_packets_never_panics(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..6),
    ) {
        for content in contents {
            exhaust(busy_link().0.conn, &packet(&content), 7);
            // Behind a good header.
            exhaust(busy_link().0.conn, &packet_of(0, 1 << 32, 1, &content), 7);
            exhaust(busy_link().0.conn, &packet_of(0x8001, 1 << 32, 1, &content), 7);
            exhaust(busy_link().0.conn, &packet_of(0, SPACES_SYNC, 1, &content), 7);
        }
    }

    #[test]
    fn flipped_bytes_never_panic(
        stream in some_stream(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        portion in 1_usize..100,
    ) {
        let mut stream = [id_reply(GREETING_3_7), stream].concat();
        for (at, byte) in flips {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        exhaust(busy_link().0.conn, &stream, portion);
        let whole = [&GREETING_3_7[..], &stream].concat();
        exhaust(Connection::new(login("tester", "secret"), None), &whole, portion);
    }
}
