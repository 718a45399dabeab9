//! Watched keys of a real server 3.7.0, replayed: the recorded events must come back, byte by byte.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::BytesMut;
use serde_json::Value as Json;
use tarantool_proto::msgpack::Reader;
use tarantool_proto::{Key, Packet, RequestType, split};

use super::replay::{hex, vectors};
use super::{RawLink, Server};

/// Cases with values or a schema that only the recorded server has.
const LEFT_OUT: [&str; 3] = ["watchers.builtin", "watchers.schema_event", "watchers.watch_schema"];

#[test]
fn recorded_events_come_back() {
    let (mut cases, mut events) = (0, 0);
    for case in vectors("watchers").into_iter().chain(vectors("shutdown")) {
        let name = case["name"].as_str().unwrap();
        if LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)) {
            continue;
        }
        let server = Server::builder().in_memory().start().unwrap();
        let mut links = BTreeMap::new();
        let mut seen: BTreeMap<&str, [Vec<Packet>; 2]> = BTreeMap::new();
        let steps = case["steps"].as_array().unwrap();
        for (number, step) in steps.iter().enumerate() {
            let conn = connection(step);
            let [found, recorded] = seen.entry(conn).or_default();
            recorded.extend(events_of(step));
            let link = links.entry(conn).or_insert_with(|| RawLink::new(&server, [0; 32]));
            let Some(request) = step["request"].as_str().map(hex) else {
                continue;
            };
            // What the connection's next event tells was broadcast at some time before.
            let mut later = steps.iter().skip(number).filter(|step| connection(step) == conn);
            if let Some((key, value)) = later.find_map(|step| events_of(step).pop()).and_then(news)
            {
                server.core.set_event(&key, value);
            }
            let output = link.feed(&request, Instant::now());
            // The first output of a link begins with the greeting.
            let greeting = if output.starts_with(b"Tarantool") { 128 } else { 0 };
            found.extend(events_in(&output[greeting..]));
        }
        for [found, recorded] in seen.values() {
            assert_eq!(found, recorded, "{name}");
            events += recorded.len();
        }
        cases += 1;
    }
    println!("{cases} cases with {events} events");
    assert!(cases >= 19 && events >= 27, "{cases} cases with {events} events");
}

fn connection(step: &Json) -> &str {
    step["conn"].as_str().unwrap_or("A")
}

fn events_of(step: &Json) -> Vec<Packet> {
    let recorded = step["responses"].as_array().unwrap().iter();
    recorded.flat_map(|frame| events_in(&hex(frame.as_str().unwrap()))).collect()
}

fn events_in(bytes: &[u8]) -> Vec<Packet> {
    let mut bytes = BytesMut::from(bytes);
    let packets = std::iter::from_fn(|| split(&mut bytes, usize::MAX).unwrap());
    packets.filter(|packet| packet.header.request_type == RequestType::EVENT).collect()
}

/// The key and the value of an event that has one.
fn news(event: Packet) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut reader = Reader::new(&event.body);
    let (mut key, mut value) = (None, None);
    for _ in 0..reader.map().ok()? {
        let entry = reader.uint().ok()?;
        if entry == u64::from(Key::EVENT_KEY.number()) {
            key = Some(reader.str_bytes().ok()?.to_vec());
        } else {
            value = Some(reader.raw().ok()?.to_vec());
        }
    }
    key.zip(value)
}
