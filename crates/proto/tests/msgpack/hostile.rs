//! Bytes made to hurt: too deep, too long, of kinds that cannot be decoded.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use tarantool_proto::msgpack::{DEPTH_MAX, Raw, Reader, from_slice};

use crate::value::Any;

const BOMB: usize = 100_000;

#[derive(Debug, Deserialize)]
struct Nest(#[expect(dead_code, reason = "only its depth counts")] Vec<Self>);

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only their depth counts")]
enum Tree {
    Leaf,
    One(Box<Self>),
    Many(Vec<Self>),
    Named { inner: Box<Self> },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only their depth counts")]
enum Untagged {
    Number(u8),
    List(Vec<Self>),
}

fn arrays(depth: usize) -> Vec<u8> {
    let mut bytes = vec![0x91; depth - 1];
    bytes.push(0x90);
    bytes
}

#[test]
fn skipping_a_bomb_costs_no_stack() {
    let bytes = arrays(BOMB);
    let mut reader = Reader::new(&bytes);
    reader.skip().unwrap();
    assert!(reader.is_empty());
    assert_eq!(Raw::new(&bytes).unwrap().as_bytes().len(), BOMB);
    from_slice::<IgnoredAny>(&bytes).unwrap();
    // As an extra column of a row.
    let row = [&[0x92, 0x07][..], &bytes].concat();
    assert_eq!(from_slice::<(u8,)>(&row), Ok((7,)));
}

#[test]
fn skipping_a_bomb_of_maps_costs_no_stack() {
    let mut bytes = [0x81, 0x00].repeat(BOMB);
    bytes.push(0xc0);
    Raw::new(&bytes).unwrap();
    // And of maps within keys.
    let bytes = [vec![0x81; BOMB], vec![0xc0; BOMB + 1]].concat();
    Raw::new(&bytes).unwrap();
}

#[test]
fn decoding_a_bomb_is_an_error() {
    let bytes = arrays(BOMB);
    let error = from_slice::<Nest>(&bytes).unwrap_err();
    assert!(error.to_string().ends_with("nested deeper than 256 levels at byte 256"), "{error}");
    assert!(from_slice::<Any>(&bytes).is_err());
    assert!(from_slice::<Untagged>(&bytes).is_err());
    assert!(from_slice::<(u8, Nest)>(&[&[0x92, 1][..], &bytes].concat()).is_err());
}

#[test]
fn decoding_a_bomb_of_maps_is_an_error() {
    let mut bytes = [0x81, 0x00].repeat(BOMB);
    bytes.push(0xc0);
    assert!(from_slice::<Any>(&bytes).is_err());
    let keys = [vec![0x81; BOMB], vec![0xc0; BOMB + 1]].concat();
    assert!(from_slice::<Any>(&keys).is_err());
}

#[test]
fn decoding_a_bomb_of_variants_is_an_error() {
    for step in [&b"\x81\xa3One"[..], b"\x81\xa4Many\x91", b"\x81\xa5Named\x91"] {
        let mut bytes = step.repeat(BOMB);
        bytes.extend(b"\xa4Leaf");
        let error = from_slice::<Tree>(&bytes).unwrap_err();
        assert!(error.to_string().contains("nested deeper"), "{error}");
    }
}

#[test]
fn the_deepest_values_decode() {
    let mut bytes = arrays(DEPTH_MAX);
    from_slice::<Nest>(&bytes).unwrap();
    from_slice::<Any>(&bytes).unwrap();
    from_slice::<Untagged>(&bytes).unwrap();
    bytes.insert(0, 0x91);
    assert!(from_slice::<Nest>(&bytes).is_err());
    let mut bytes = b"\x81\xa3One".repeat(DEPTH_MAX);
    bytes.extend(b"\xa4Leaf");
    from_slice::<Tree>(&bytes).unwrap();
}

#[test]
fn headers_longer_than_the_input() {
    for bytes in [
        &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
        &[0xdf, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0xdc, 0xff, 0xff, 0x01, 0x02],
        &[0x9f, 0x01],
        // A map needs two bytes for each pair.
        &[0x82, 0x01, 0x02, 0x03],
        &[0xdb, 0xff, 0xff, 0xff, 0xff, b'x'],
        &[0xc6, 0xff, 0xff, 0xff, 0xff, 0x00],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00],
    ] {
        assert!(Reader::new(bytes).token().is_err(), "{bytes:?}");
        assert!(Reader::new(bytes).skip().is_err());
        assert!(from_slice::<Vec<u64>>(bytes).is_err());
        assert!(from_slice::<HashMap<u64, u64>>(bytes).is_err());
        assert!(from_slice::<Any>(bytes).is_err());
        let error = Reader::new(bytes).token().unwrap_err().to_string();
        assert!(error.contains("more bytes announced"), "{error}");
    }
}

#[test]
fn headers_that_add_up_to_more_than_the_input() {
    // Each array claims what is left; together they claim far more.
    let mut bytes = Vec::new();
    for at in (0..10_000_u32).rev() {
        bytes.push(0xdd);
        bytes.extend((5 * at).to_be_bytes());
    }
    assert!(Reader::new(&bytes).skip().is_err());
    assert!(Raw::new(&bytes).is_err());
}

#[test]
fn extensions_are_refused_by_typed_decoding() {
    for (bytes, kind) in [
        (&[0xd4, 0x01, 0x00][..], "a decimal"),
        (&[0xd8; 18], "an extension of type -40"),
        (&[0xc7, 0x03, 0x02, 1, 2, 3], "a uuid"),
        (&[0xc8, 0, 1, 0x04, 1], "a datetime"),
        (&[0xc9, 0, 0, 0, 1, 0xff, 1], "an extension of type -1"),
    ] {
        let expected = format!("found {kind} at byte 0");
        let errors = [
            from_slice::<u64>(bytes).unwrap_err(),
            from_slice::<String>(bytes).unwrap_err(),
            from_slice::<Option<Vec<u8>>>(bytes).unwrap_err(),
            from_slice::<(u8, u8)>(bytes).unwrap_err(),
            from_slice::<&[u8]>(bytes).unwrap_err(),
            from_slice::<Any>(bytes).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
        // Where nobody looks they do no harm.
        from_slice::<IgnoredAny>(bytes).unwrap();
        let row = [&[0x92, 0x07][..], bytes].concat();
        assert_eq!(from_slice::<(u8,)>(&row), Ok((7,)));
    }
}
