//! Requests of every kind, of any values: what the server's side reads is what was asked for.

use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use tarantool_proto::msgpack::{from_slice, write_value};
use tarantool_proto::request::{
    Auth, Begin, Call, Call16, Commit, Delete, Eval, Execute, Id, Identifier, Insert, InsertArrow,
    Isolation, Ping, Prepare, Replace, Rollback, Select, Unprepare, Unwatch, Update, Upsert, Watch,
    WatchOnce, ops,
};
use tarantool_proto::server::{Fields, Incoming};
use tarantool_proto::types::Value;
use tarantool_proto::{Feature, Frame, IteratorType, Request, RequestType};

use crate::any_value::{row, value};

/// A space or an index.
#[derive(Clone, Debug)]
enum Name {
    Number(u32),
    Text(String),
}

impl Name {
    fn as_identifier(&self) -> Identifier<'_> {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }

    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    fn text(&self) -> Option<Bytes> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) => Some(text.clone().into()),
        }
    }
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![any::<u32>().prop_map(Name::Number), "\\PC{0,70}".prop_map(Name::Text)]
}

/// What requests are made of.
#[derive(Clone, Debug)]
struct Parts {
    space: Name,
    index: Name,
    row: Vec<Value>,
    key: Vec<Value>,
    value: Value,
    text: String,
    numbers: (u32, u32, u32),
    flags: (bool, bool),
    bytes: Vec<u8>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let flags = any::<(bool, bool)>();
    let numbers = any::<(u32, u32, u32)>();
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    (name(), name(), row(), row(), value(), "\\PC{0,60}", numbers, flags, bytes).prop_map(
        |(space, index, row, key, value, text, numbers, flags, bytes)| Parts {
            space,
            index,
            row,
            key,
            value,
            text,
            numbers,
            flags,
            bytes,
        },
    )
}

/// The request as the server's side reads it.
fn sent(stream: Option<NonZeroU64>, request: &dyn Request) -> Incoming {
    let mut frame = Frame::new();
    let encoded = match stream {
        Some(stream) => frame.encode_in_stream(stream, request),
        None => frame.encode(request),
    };
    encoded.unwrap();
    let read = Incoming::decode(&Bytes::copy_from_slice(&frame.as_bytes()[5..])).unwrap();
    assert_eq!(read.request_type, request.request_type());
    assert_eq!((read.sync, read.schema_version), (0, 0));
    assert_eq!(read.stream_id, stream.map_or(0, NonZeroU64::get));
    read
}

fn fields(request: &dyn Request) -> Fields {
    sent(None, request).fields
}

/// All that is shown of two bodies is the same.
fn same(read: &Fields, expected: &Fields) {
    assert_eq!(format!("{read:#?}"), format!("{expected:#?}"));
}

fn bytes(value: &impl serde::Serialize) -> Option<Bytes> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value).unwrap();
    Some(bytes.into())
}

fn text(text: &str) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(text.as_bytes()))
}

/// Where a request is about: of the primary index nothing is said.
fn place(parts: &Parts) -> Fields {
    let mut fields = in_space(parts);
    fields.index_id = parts.index.number();
    fields.index_name = parts.index.text();
    fields
}

fn in_space(parts: &Parts) -> Fields {
    let mut fields = Fields::default();
    fields.space_id = parts.space.number();
    fields.space_name = parts.space.text();
    fields
}

/// Of the operations, what each of them is made of.
fn operations(parts: &Parts) -> (tarantool_proto::request::Operations, Option<Bytes>) {
    let (field, position, count) = parts.numbers;
    // Fields and lengths are signed.
    let (field, position, length) = (field as i32, position as i32, count as i32);
    let operations = ops()
        .assign(field, &parts.value)
        .insert(parts.text.as_str(), &parts.value)
        .delete(-1, count)
        .bit_xor(position, u64::from(count))
        .splice(0, -1, length, &parts.text);
    let list = (
        ("=", field, &parts.value),
        ("!", &parts.text, &parts.value),
        ("#", -1, count),
        ("^", position, count),
        (":", 0, -1, length, &parts.text),
    );
    (operations, bytes(&list))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn selects(
        parts in parts(),
        iterator in select(vec![IteratorType::Eq, IteratorType::All, IteratorType::Ge, IteratorType::Pp]),
        after in 0..3,
    ) {
        let (limit, offset, _) = parts.numbers;
        let select = Select::from(parts.space.as_identifier()).index(parts.index.as_identifier());
        let mut select = select.key(&parts.key).limit(limit).offset(offset).iterator(iterator);
        if parts.flags.0 {
            select = select.fetch_position();
        }
        let mut expected = place(&parts);
        (expected.limit, expected.offset) = (Some(limit), Some(offset));
        expected.iterator = Some(iterator.number());
        expected.key = bytes(&parts.key);
        expected.fetch_position = parts.flags.0;
        let read = match after {
            0 => fields(&select),
            1 => {
                expected.after_position = Some(parts.bytes.clone().into());
                fields(&select.after_position(&parts.bytes))
            }
            _ => {
                expected.after_tuple = bytes(&parts.row);
                fields(&select.after_tuple(&parts.row))
            }
        };
        // Which numbers are left out because they are the default is for the encoder to know.
        expected.index_id = read.index_id.or(expected.index_id);
        expected.offset = read.offset.or(expected.offset);
        expected.iterator = read.iterator.or(expected.iterator);
        prop_assert_eq!(read.index_id.unwrap_or(0), parts.index.number().unwrap_or(0));
        prop_assert_eq!(read.offset.unwrap_or(0), offset);
        prop_assert_eq!(read.iterator.unwrap_or(0), iterator.number());
        same(&read, &expected);
    }

    #[test]
    fn changes(parts in parts()) {
        let space = parts.space.as_identifier();
        let index = parts.index.as_identifier();
        let (changes, list) = operations(&parts);

        let mut expected = in_space(&parts);
        expected.tuple = bytes(&parts.row);
        same(&fields(&Insert::into(space).row(&parts.row)), &expected);
        same(&fields(&Replace::into(space).row(&parts.row)), &expected);
        expected.operations = list.clone();
        let upsert = Upsert::into(space).row(&parts.row).operations(changes.clone());
        let read = fields(&upsert);
        expected.index_base = read.index_base;
        prop_assert_eq!(read.index_base.unwrap_or(0), 0);
        same(&read, &expected);

        let mut expected = place(&parts);
        expected.key = bytes(&parts.key);
        same(&fields(&Delete::from(space).index(index).key(&parts.key)), &expected);
        expected.tuple = list;
        expected.index_base = Some(1);
        let update = Update::of(space).index(index).key(&parts.key);
        same(&fields(&update.operations(changes.counting_from(1))), &expected);

        let mut payload = in_space(&parts);
        let arrow = fields(&InsertArrow::into(space).data(&parts.bytes)).arrow.unwrap();
        let arrow_only = rmpv::decode::read_value(&mut &arrow[..]).unwrap();
        prop_assert_eq!(arrow_only, rmpv::Value::Ext(8, parts.bytes.clone()));
        payload.arrow = Some(arrow);
        same(&fields(&InsertArrow::into(space).data(&parts.bytes)), &payload);
    }

    #[test]
    fn code(parts in parts()) {
        let mut expected = Fields::default();
        expected.function_name = text(&parts.text);
        expected.tuple = bytes(&parts.row);
        same(&fields(&Call::new(&parts.text).arguments(&parts.row)), &expected);
        same(&fields(&Call16::new(&parts.text).arguments(&parts.row)), &expected);
        expected.expression = expected.function_name.take();
        same(&fields(&Eval::new(&parts.text).arguments(&parts.row)), &expected);
    }

    #[test]
    fn statements(parts in parts()) {
        let id = parts.numbers.0;
        let mut expected = Fields::default();
        expected.sql_text = text(&parts.text);
        same(&fields(&Prepare::new(&parts.text)), &expected);
        expected.sql_bind = bytes(&parts.row);
        same(&fields(&Execute::new(&parts.text).parameters(&parts.row)), &expected);
        expected.sql_text = None;
        expected.statement_id = Some(id);
        same(&fields(&Execute::prepared(id).parameters(&parts.row)), &expected);
        expected.sql_bind = None;
        same(&fields(&Unprepare::new(id)), &expected);
    }

    #[test]
    fn sessions(parts in parts(), version in any::<u64>(), features in prop::collection::btree_set(0_u32..64, 0..20)) {
        let mut expected = Fields::default();
        expected.event_key = text(&parts.text);
        same(&fields(&Watch::new(&parts.text)), &expected);
        same(&fields(&Unwatch::new(&parts.text)), &expected);
        same(&fields(&WatchOnce::new(&parts.text)), &expected);
        same(&fields(&Ping), &Fields::default());

        let features: Vec<u32> = features.into_iter().collect();
        let read = fields(&Id { version, features: &features });
        prop_assert_eq!(read.protocol_version, Some(version));
        let read: Vec<u32> = read.features.unwrap().iter().map(Feature::number).collect();
        prop_assert_eq!(read, features);

        let salt = parts.bytes.first_chunk().copied().unwrap_or([7; 20]);
        let auth = fields(&Auth::chap_sha1(&parts.text, &parts.bytes, &salt));
        prop_assert_eq!(auth.user_name, text(&parts.text));
        let proof = tarantool_proto::chap_sha1(&parts.bytes, &salt);
        let (method, sent): (&str, &[u8]) = from_slice(auth.tuple.as_ref().unwrap()).unwrap();
        prop_assert_eq!((method, sent), ("chap-sha1", &proof[..]));
    }

    #[test]
    fn transactions(
        stream in 1..=u64::MAX,
        isolation in select(vec![None, Some(Isolation::ReadCommitted), Some(Isolation::Linearizable)]),
        timeout in 0_u64..1 << 40,
        is_sync in any::<bool>(),
        parts in parts(),
    ) {
        let stream = NonZeroU64::new(stream);
        let timeout = Duration::from_micros(timeout);
        let mut begin = Begin::new().timeout(timeout).synchronous(is_sync);
        if let Some(isolation) = isolation {
            begin = begin.isolation(isolation);
        }
        let mut expected = Fields::default();
        expected.is_sync = is_sync.then_some(true);
        same(&sent(stream, &Commit::new().synchronous(is_sync)).fields, &expected);
        expected.isolation = isolation.map(|isolation| isolation as u32);
        expected.timeout = Some(timeout.as_secs_f64()).filter(|seconds| *seconds > 0.0);
        same(&sent(stream, &begin).fields, &expected);
        same(&sent(stream, &Rollback).fields, &Fields::default());
        // Anything else may be in a stream too.
        let insert = Insert::into(parts.space.as_identifier()).row(&parts.row);
        same(&sent(stream, &insert).fields, &fields(&insert));
        prop_assert_eq!(sent(stream, &insert).request_type, RequestType::INSERT);
    }
}
