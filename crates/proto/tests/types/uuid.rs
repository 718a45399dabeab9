//! UUIDs.

use proptest::prelude::*;
use tarantool_proto::msgpack;
use tarantool_proto::types::{Ext, Uuid};

use crate::support::{bytes_of, extension, refusal, with_header};

const TEXT: &str = "00112233-4455-6677-8899-aabbccddeeff";

#[test]
fn text() {
    let uuid: Uuid = TEXT.parse().unwrap();
    assert_eq!(uuid.as_bytes()[..5], [0x00, 0x11, 0x22, 0x33, 0x44]);
    assert_eq!(uuid.to_string(), TEXT);
    assert_eq!(format!("{uuid:>40}"), format!("    {TEXT}"));
    assert_eq!(format!("{uuid:?}"), format!("Uuid({TEXT})"));
    assert_eq!(TEXT.to_uppercase().parse(), Ok(uuid));
    assert_eq!(TEXT.replace('-', "").parse(), Ok(uuid));
    assert_eq!(uuid.as_u128(), 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    assert!(!uuid.is_nil() && Uuid::NIL.is_nil());
    for wrong in [
        "",
        "0",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeefff",
        "00112233+4455-6677-8899-aabbccddeeff",
        "001122334-455-6677-8899-aabbccddeeff",
        "00112233--455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddee-f",
        "-0112233-4455-6677-8899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeefg",
        "001122334455667788990aabbccddeeff0000",
        "ä0112233445566778899aabbccddeef",
        "{0112233-4455-6677-8899-aabbccddeef}",
    ] {
        let error = wrong.parse::<Uuid>().unwrap_err().to_string();
        assert!(error.contains("32 hexadecimal digits"), "{wrong}: {error}");
    }
}

#[test]
fn bytes() {
    let uuid: Uuid = TEXT.parse().unwrap();
    let bytes = bytes_of(&uuid);
    assert_eq!(bytes[..4], [0xd8, 0x02, 0x00, 0x11]);
    assert_eq!(extension(&bytes), (Ext::UUID, &uuid.as_bytes()[..]));
    let mut encoded = Vec::new();
    uuid.encode(&mut encoded);
    assert_eq!(encoded, bytes);
    for width in [1, 2, 4] {
        let bytes = with_header(width, Ext::UUID, uuid.as_bytes());
        assert_eq!(msgpack::from_slice::<Uuid>(&bytes).unwrap(), uuid);
    }
    for length in [0, 1, 15, 17, 300] {
        let error = refusal::<Uuid>(&with_header(4, Ext::UUID, &vec![7; length]));
        assert!(error.contains("malformed uuid: a uuid has 16 bytes at byte 0"), "{error}");
    }
}

/// What stands in another type's column is named, as is what was asked for.
#[test]
fn other_types() {
    let mut decimal = Vec::new();
    tarantool_proto::types::Decimal::ZERO.encode(&mut decimal);
    for (bytes, found) in [
        (&decimal[..], "a decimal"),
        (&[0xd4, 42, 0], "an extension of type 42"),
        (&[0xc0], "nil"),
        (&[0x07], "integer `7`"),
        (&[0xa1, b'x'], "a string"),
        (&[0xc4, 1, 0], "binary data"),
        (&[0x90], "an array"),
        (&[0x80], "a map"),
        (&[0xc3], "boolean"),
        (&[0xca, 0, 0, 0, 0], "floating point"),
    ] {
        let error = refusal::<Uuid>(bytes);
        assert!(error.starts_with("expected a uuid, found "), "{error}");
        assert!(error.contains(found) && error.ends_with("at byte 0"), "{error}");
        let row = [&[0x92, 0x01], bytes].concat();
        let error = refusal::<(u8, Uuid)>(&row);
        assert!(error.starts_with("value 2: expected a uuid, found "), "{error}");
        assert!(error.ends_with("at byte 2"), "{error}");
    }
    let error = refusal::<(u8, Uuid)>(&[0x91, 0x01]);
    assert!(error.contains("no such column") && error.contains("a uuid"), "{error}");
    let uuid = bytes_of(&Uuid::NIL);
    let error = refusal::<u64>(&uuid);
    assert!(error.contains("expected u64, found a uuid at byte 0"), "{error}");
    assert_eq!(msgpack::from_slice::<(u8, Option<Uuid>)>(&[0x91, 1]).unwrap(), (1, None));
}

proptest! {
    #[test]
    fn round_trips(number: u128, other: u128) {
        let uuid = Uuid::from_u128(number);
        prop_assert_eq!(uuid.as_u128(), number);
        prop_assert_eq!(Uuid::from_bytes(*uuid.as_bytes()), uuid);
        prop_assert_eq!(uuid.to_string().parse(), Ok(uuid));
        prop_assert_eq!(msgpack::from_slice::<Uuid>(&bytes_of(&uuid)).unwrap(), uuid);
        let json = serde_json::to_string(&uuid).unwrap();
        prop_assert_eq!(&json, &format!("\"{uuid}\""));
        prop_assert_eq!(serde_json::from_str::<Uuid>(&json).unwrap(), uuid);
        prop_assert_eq!(uuid.cmp(&Uuid::from_u128(other)), number.cmp(&other));
    }
}
