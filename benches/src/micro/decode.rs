//! Bytes into packets and rows.

use bytes::BytesMut;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tarantool_proto::msgpack::from_slice;
use tarantool_proto::split;
use tarantool_proto::types::Value;

use super::{Make, Operation, TEXT, keep, reply, rows};

pub(super) const ALL: &[(&str, Make)] = &[
    ("split/small reply", || splitting(&reply(7, &rows(1, 16)))),
    ("split/row of 1,536 bytes", || splitting(&reply(7, &rows(1, TEXT)))),
    ("split/incomplete packet", incomplete),
    ("decode/row owned", || decoding::<Vec<(u64, String)>>(rows(1, TEXT))),
    ("decode/row borrowed", borrowed),
    ("decode/row skipped", || decoding::<IgnoredAny>(rows(1, TEXT))),
    ("decode/20 structs", || decoding::<Vec<User>>(rows(20, 16))),
    ("decode/20 dynamic rows", || decoding::<Vec<Value>>(rows(20, 16))),
];

#[derive(Deserialize)]
struct User {
    #[expect(dead_code, reason = "decoded only")]
    id: u64,
    #[expect(dead_code, reason = "decoded only")]
    name: String,
}

const PACKET_BYTES_MAX: usize = 1 << 20;

/// Copies a packet into the input, as a read would, and cuts it off.
fn splitting(packet: &[u8]) -> Operation {
    let packet = packet.to_vec();
    let mut input = BytesMut::with_capacity(1 << 16);
    Box::new(move || {
        input.extend_from_slice(&packet);
        keep(split(&mut input, PACKET_BYTES_MAX));
    })
}

fn incomplete() -> Operation {
    let packet = reply(7, &rows(1, TEXT));
    let mut input = BytesMut::from(&packet[..packet.len() - 1]);
    Box::new(move || keep(split(&mut input, PACKET_BYTES_MAX)))
}

fn decoding<T: DeserializeOwned>(data: Vec<u8>) -> Operation {
    Box::new(move || keep(from_slice::<T>(&data)))
}

fn borrowed() -> Operation {
    let data = rows(1, TEXT);
    Box::new(move || keep(from_slice::<Vec<(u64, &str)>>(&data)))
}
