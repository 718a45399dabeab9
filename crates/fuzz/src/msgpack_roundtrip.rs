//! Any bytes as MessagePack: the reader and typed decoding never panic, agree on where a value
//! ends, and give back what they took.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::oracle;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use tarantool_proto::ServerError;
use tarantool_proto::msgpack::{self, Raw, Reader};
use tarantool_proto::types::{Datetime, Decimal, Ext, Interval, Uuid, Value};

pub(crate) fn run(data: &[u8]) {
    walk(data);
    whole_values(data);
    oracle::agrees(data);

    let _ = msgpack::from_slice::<(bool, &str, &[u8])>(data);
    let _ = msgpack::from_slice::<(f32, f64, char, ())>(data);
    let _ = msgpack::from_slice::<IgnoredAny>(data);
    round_trip::<Vec<(u64, String, Option<i64>)>>(data);
    round_trip::<BTreeMap<String, Vec<i32>>>(data);
    round_trip::<Result<u8, (i16, String)>>(data);
    round_trip::<Option<Duration>>(data);
    nested(data);
    extensions(data);
}

fn walk(data: &[u8]) {
    let mut reader = Reader::new(data);
    while let Ok(token) = reader.token() {
        let _ = format!("{token:?}");
    }
    assert_eq!(reader.offset() + reader.rest().len(), data.len());
}

/// Every way to pass over a value passes over the same bytes.
fn whole_values(data: &[u8]) {
    let mut reader = Reader::new(data);
    loop {
        let mut skipped = reader.clone();
        let taken = reader.raw();
        assert_eq!(skipped.skip().is_ok(), taken.is_ok());
        let Ok(value) = taken else { break };
        assert_eq!(skipped.offset(), reader.offset());
        let raw = Raw::new(value).expect("one value");
        assert_eq!(msgpack::from_slice::<Raw<'_>>(value), Ok(raw));
        let mut out = Vec::new();
        msgpack::write_value(&mut out, &raw).expect("it is encoded already");
        assert_eq!(out, value);
    }
}

/// What decodes encodes, and decodes to the same again.
fn round_trip<T>(data: &[u8])
where
    T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug,
{
    if let Ok(value) = msgpack::from_slice::<T>(data) {
        let mut out = Vec::new();
        msgpack::write_value(&mut out, &value).expect("plain values");
        assert_eq!(msgpack::from_slice::<T>(&out), Ok(value));
    }
}

/// As values, and any bytes as the payload of each.
fn extensions(data: &[u8]) {
    round_trip::<(Decimal, Uuid, Datetime, Interval, ServerError, Ext)>(data);
    if let Ok(value) = msgpack::from_slice::<Value>(data) {
        let mut out = Vec::new();
        msgpack::write_value(&mut out, &value).expect("plain values");
        // Floats that are no number equal nothing.
        let again = msgpack::from_slice::<Value>(&out).map(|value| format!("{value:?}"));
        assert_eq!(again, Ok(format!("{value:?}")));
    }
    if let Ok(decimal) = Decimal::decode(data) {
        let again = decimal.to_string().parse::<Decimal>().expect("its own text");
        assert_eq!(
            (again, again.digits(), again.scale()),
            (decimal, decimal.digits(), decimal.scale())
        );
    }
    if let Ok(time) = Datetime::decode(data) {
        // Past the latest time by the second that nanoseconds may have there is nothing to read.
        let again = format!("{time:#}").parse::<Datetime>();
        assert_eq!(again.unwrap_or(time), time);
    }
    let _ = Interval::decode(data).map(|interval| interval.to_string());
    let text = String::from_utf8_lossy(data);
    let _ = (text.parse::<Decimal>(), text.parse::<Uuid>(), text.parse::<Datetime>());
}

/// Deep nesting is an error, never a stack overflow.
fn nested(data: &[u8]) {
    struct Nested;

    impl<'de> Deserialize<'de> for Nested {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Vec::<Self>::deserialize(deserializer).map(|_| Self)
        }
    }

    let _ = msgpack::from_slice::<Nested>(data);
}
