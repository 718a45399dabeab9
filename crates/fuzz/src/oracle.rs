//! What another MessagePack library says of the same bytes.

use rmpv::decode::Error;
use rmpv::{Utf8String, Value as Theirs};
use tarantool_proto::msgpack::{self, Reader};
use tarantool_proto::types::{Ext, Value};

/// rmpv takes the reserved byte for nil, and limits how deep values are.
const RESERVED: u8 = 0xc1;

/// Both take the same values, of the same length and meaning.
pub(crate) fn agrees(data: &[u8]) {
    let mut rest = data;
    loop {
        let start = rest;
        let theirs = rmpv::decode::read_value(&mut rest);
        let mut reader = Reader::new(start);
        let ours = reader.skip();
        let theirs = match (theirs, ours) {
            (Ok(theirs), Ok(())) => theirs,
            (Ok(_), Err(error)) => {
                let read = &start[..start.len() - rest.len()];
                assert!(read.contains(&RESERVED), "refused, and valid: {error} in {read:x?}");
                return;
            }
            (Err(Error::DepthLimitExceeded), _) | (Err(_), Err(_)) => return,
            (Err(error), Ok(())) => panic!("taken, and not valid: {error} in {start:x?}"),
        };
        assert_eq!(reader.rest(), rest);
        let bytes = &start[..start.len() - rest.len()];
        assert!(!bytes.is_empty());
        same(bytes, theirs);
    }
}

/// Decoded and encoded again, a value is what it is to the other library.
fn same(bytes: &[u8], theirs: Theirs) {
    if has_known_extension(&theirs) {
        return;
    }
    let Ok(ours) = msgpack::from_slice::<Value>(bytes) else {
        assert!(depth(&theirs) > msgpack::DEPTH_MAX, "not decoded: {bytes:x?}");
        return;
    };
    let mut written = Vec::new();
    msgpack::write_value(&mut written, &ours).expect("plain values");
    let mut expected = Vec::new();
    rmpv::encode::write_value(&mut expected, &normal(theirs)).expect("a vector takes all");
    assert_eq!(written, expected, "{bytes:x?}");
}

/// Of those there is more than one form.
fn has_known_extension(value: &Theirs) -> bool {
    const KNOWN: [i8; 5] = [Ext::DECIMAL, Ext::UUID, Ext::ERROR, Ext::DATETIME, Ext::INTERVAL];
    match value {
        Theirs::Ext(kind, _) => KNOWN.contains(kind),
        Theirs::Array(values) => values.iter().any(has_known_extension),
        Theirs::Map(pairs) => {
            pairs.iter().any(|(key, value)| has_known_extension(key) || has_known_extension(value))
        }
        _ => false,
    }
}

fn depth(value: &Theirs) -> usize {
    match value {
        Theirs::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Theirs::Map(pairs) => {
            1 + pairs.iter().map(|(key, value)| depth(key).max(depth(value))).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// As our decoder shows it: a string that is not UTF-8 is binary data.
fn normal(value: Theirs) -> Theirs {
    match value {
        Theirs::String(text) => normal_text(text),
        Theirs::Array(values) => Theirs::Array(values.into_iter().map(normal).collect()),
        Theirs::Map(pairs) => {
            let pair = |(key, value)| (normal(key), normal(value));
            Theirs::Map(pairs.into_iter().map(pair).collect())
        }
        other => other,
    }
}

fn normal_text(text: Utf8String) -> Theirs {
    if text.is_str() { Theirs::String(text) } else { Theirs::Binary(text.into_bytes()) }
}
