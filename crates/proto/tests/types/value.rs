//! Values of unknown shape, other extensions, and errors as values.

use proptest::prelude::*;
use tarantool_proto::msgpack::{self, DEPTH_MAX, write};
use tarantool_proto::types::{Datetime, Decimal, Ext, Interval, Uuid, Value};
use tarantool_proto::{ErrorCode, Header, ServerError};

use crate::support::{bytes_of, extension, hex, refusal, with_header};

fn value(digits: &str) -> Value {
    msgpack::from_slice(&hex(digits)).unwrap()
}

#[test]
fn every_kind() {
    for (bytes, expected) in [
        ("c0", Value::Nil),
        ("c3", true.into()),
        ("00", 0_u64.into()),
        ("d3000000000000000a", 10_u64.into()),
        ("cfffffffffffffffff", u64::MAX.into()),
        ("ff", (-1).into()),
        ("ca3fc00000", 1.5_f32.into()),
        ("cb3ff8000000000000", 1.5.into()),
        ("a3416e6e", "Ann".into()),
        ("a2c328", vec![0xc3, 0x28].into()),
        ("c4020001", vec![0_u8, 1].into()),
        ("920190", vec![1_u64.into(), Value::Array(vec![])].into()),
        (
            "82a161019002",
            vec![("a".into(), 1_u64.into()), (Value::Array(vec![]), 2_u64.into())].into(),
        ),
        ("d501020f", "0.0".parse::<Decimal>().unwrap().into()),
        (
            "d80200112233445566778899aabbccddeeff",
            Uuid::from_u128(0x00112233445566778899aabbccddeeff).into(),
        ),
        ("d7040000000000000000", Datetime::EPOCH.into()),
        ("c70306010801", Interval::default().into()),
        ("d42a07", Ext::new(42, [7]).into()),
        ("c700ff", Ext::new(-1, []).into()),
        ("d5070190", Ext::new(Ext::TUPLE, [1, 0x90]).into()),
    ] {
        assert_eq!(value(bytes), expected, "{bytes}");
        let again = bytes_of(&expected);
        assert_eq!(msgpack::from_slice::<Value>(&again).unwrap(), expected, "{bytes}");
    }
    let row = value("93ff81a16b0581a16bc0");
    let items = row.as_array().unwrap();
    assert_eq!((items[0].as_i64(), items[0].as_u64()), (Some(-1), None));
    assert_eq!(items[1].get("k").and_then(Value::as_i64), Some(5));
    assert_eq!((items[1].get("x"), items[0].get("k")), (None, None));
    assert!(items[2].get("k").is_some_and(Value::is_nil));
    assert_eq!(Value::from(Some("x")).as_str(), Some("x"));
    assert_eq!(Value::from(None::<u64>), Value::Nil);
    assert_eq!(Value::from(0.5).as_f64(), Some(0.5));
    assert!(size_of::<Value>() <= 48, "{}", size_of::<Value>());
}

#[test]
fn columns_that_are_not_there_are_nil() {
    let (id, rest): (u64, Value) = msgpack::from_slice(&[0x91, 1]).unwrap();
    assert_eq!((id, rest), (1, Value::Nil));
    let (_, rest): (u64, Option<Value>) = msgpack::from_slice(&[0x91, 1]).unwrap();
    assert_eq!(rest, None);
}

#[test]
fn deep_and_wide() {
    let nested = |depth: usize, marker: u8| [vec![marker; depth], vec![0xc0]].concat();
    msgpack::from_slice::<Value>(&nested(DEPTH_MAX, 0x91)).unwrap();
    for bytes in [nested(DEPTH_MAX + 1, 0x91), nested(1_000_000, 0x91)] {
        assert!(refusal::<Value>(&bytes).contains("nested deeper than 256 levels"));
    }
    let maps: Vec<u8> = [0x81, 0x01].repeat(1_000_000);
    assert!(refusal::<Value>(&[&maps[..], &[0xc0]].concat()).contains("nested deeper"));
    // In keys too.
    let keys = [vec![0x81; 1000], vec![0xc0; 1001]].concat();
    assert!(refusal::<Value>(&keys).contains("nested deeper"));
    // Announced and not there.
    for bytes in ["dd7fffffff", "df7fffffff", "dc0003c0", "92c0", "81c0", "c7ff01", "db00ffffff"] {
        refusal::<Value>(&hex(bytes));
    }
}

/// An array that has only been announced takes no memory for its values.
#[test]
fn nothing_is_reserved_for_what_has_not_come() {
    let mut bytes = Vec::new();
    for _ in 0..DEPTH_MAX {
        write::array(&mut bytes, 100_000);
    }
    bytes.resize(bytes.len() + 100_000, 0xc1);
    let allocated = allocation_counter::measure(|| {
        refusal::<Value>(&bytes);
    });
    assert!(allocated.bytes_max < 1 << 20, "{allocated:?}");
}

#[test]
fn malformed_extensions_inside() {
    let error = refusal::<Vec<Value>>(&[&[0x92, 1][..], &with_header(1, 1, &[0, 0xac])].concat());
    assert_eq!(error, "value 2: malformed decimal: the digits of a decimal are 0 to 9 at byte 2");
    for (kind, noun) in
        [(1, "decimal"), (2, "uuid"), (3, "error value"), (4, "datetime"), (6, "interval")]
    {
        let error = refusal::<Value>(&with_header(1, kind, &[]));
        assert!(error.starts_with(&format!("malformed {noun}: ")), "{error}");
    }
}

#[test]
fn json() {
    let map =
        vec![("at".into(), Datetime::EPOCH.into()), ("price".into(), Decimal::from(5).into())];
    let row = Value::from(vec![Value::Nil, true.into(), 7_u64.into(), (-1).into(), map.into()]);
    let json = serde_json::to_string(&row).unwrap();
    assert_eq!(json, r#"[null,true,7,-1,{"at":"1970-01-01T00:00:00Z","price":"5"}]"#);
    let back: Value = serde_json::from_str(&json).unwrap();
    let items = back.as_array().unwrap();
    assert_eq!(items[4].get("price").and_then(Value::as_str), Some("5"));
    assert_eq!((&items[0], items[3].as_i64()), (&Value::Nil, Some(-1)));
}

/// As servers before 2.4.1 answer.
#[test]
fn an_error_without_a_stack_is_a_value_of_one_entry() {
    let mut header = Header::decode(&mut msgpack::Reader::new(&[0x80])).unwrap();
    header.request_type = 0x8024.into();
    let old = ServerError::decode(&header, b"\x81\x31\xa3old");
    let shown = "ServerError { code: NO_SUCH_SPACE, message: \"old\", stack: [] }";
    assert_eq!(format!("{old:?}"), shown);
    let back: ServerError = msgpack::from_slice(&bytes_of(&old)).unwrap();
    assert_eq!((back.code(), back.message()), (ErrorCode::NO_SUCH_SPACE, "old"));
    let [entry] = back.stack() else { panic!("{back:?}") };
    assert_eq!((&*entry.kind, entry.code), ("ClientError", ErrorCode::NO_SUCH_SPACE));
    assert_eq!(&*entry.message, "old");
}

#[test]
fn errors() {
    let error = ServerError::new(ErrorCode::TUPLE_FOUND, "Duplicate key")
        .with_field("space", "users")
        .caused_by(ServerError::new(ErrorCode::PROC_LUA, "boom"));
    let bytes = bytes_of(&error);
    assert_eq!(extension(&bytes).0, Ext::ERROR);
    let back: ServerError = msgpack::from_slice(&bytes).unwrap();
    assert_eq!(back, error);
    assert_eq!(back.stack()[0].field::<String>("space").unwrap().as_deref(), Some("users"));
    // In a row, with what is not an error beside it.
    let row = bytes_of(&(1, &error, Value::Error(error.clone())));
    let (id, first, second): (u8, Option<ServerError>, Value) = msgpack::from_slice(&row).unwrap();
    assert_eq!((id, first.as_ref(), second), (1, Some(&error), Value::Error(error.clone())));
    let error_text = refusal::<(u8, Uuid, u8)>(&row);
    assert_eq!(error_text, "value 2: expected a uuid, found an error value at byte 2");
    assert_eq!(serde_json::to_value(&error).unwrap(), error.to_string());
    assert!(serde_json::from_str::<ServerError>("\"text\"").is_err());
    for payload in [
        "",
        "80",
        "810090",
        "c0",
        "90",
        "81009190",
        "8100918001",
        "82009180",
        "8100a178",
        "81009181",
    ] {
        let error = refusal::<ServerError>(&with_header(1, Ext::ERROR, &hex(payload)));
        assert!(error.starts_with("malformed error value: "), "{payload}: {error}");
    }
    // An unknown key is no reason to refuse.
    let payload = hex("8200918203a16d05050901");
    let known: ServerError = msgpack::from_slice(&with_header(1, Ext::ERROR, &payload)).unwrap();
    assert_eq!((known.message(), known.code().number()), ("m", 5));
}

#[test]
fn other_extensions() {
    for length in [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 255, 256, 65_535, 65_536] {
        let ext = Ext::new(-128, vec![7; length]);
        let bytes = bytes_of(&ext);
        assert_eq!(extension(&bytes), (-128, &ext.data[..]));
        let header = match length {
            1 | 2 | 4 | 8 | 16 => 2,
            0..=255 => 3,
            256..=65_535 => 4,
            _ => 6,
        };
        assert_eq!(bytes.len(), header + length);
        assert_eq!(msgpack::from_slice::<Ext>(&bytes).unwrap(), ext);
    }
    assert!(refusal::<Ext>(&[0xa1, b'x']).contains("expected an extension, found a string"));
    assert_eq!(msgpack::from_slice::<Ext>(&bytes_of(&Uuid::NIL)).unwrap().kind, Ext::UUID);
    let json = serde_json::to_string(&Ext::new(42, [1, 2])).unwrap();
    assert_eq!(json, "[42,[1,2]]");
    assert_eq!(serde_json::from_str::<Ext>(&json).unwrap(), Ext::new(42, [1, 2]));
    assert_eq!(format!("{:?}", Ext::new(42, [1, 2])), "Ext(42, 2 bytes)");
}

fn any_value() -> impl Strategy<Value = Value> {
    let decimal =
        (any::<i128>(), -80..80).prop_map(|(digits, scale)| Decimal::new(digits, scale).unwrap());
    let scalar = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::from),
        decimal.prop_map(Value::from),
        any::<u128>().prop_map(|number| Uuid::from_u128(number).into()),
        any::<i32>().prop_map(|seconds| Datetime::new(seconds.into(), 1).unwrap().into()),
        any::<i64>().prop_map(|days| Interval { days, ..Interval::default() }.into()),
        "\\PC{0,20}".prop_map(|text| ServerError::new(ErrorCode::PROC_LUA, text).into()),
        (7_i8..=127, prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(kind, data)| Ext::new(kind, data).into()),
    ];
    scalar.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::vec((inner.clone(), inner), 0..18).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn round_trips(value in any_value()) {
        let bytes = bytes_of(&value);
        let back: Value = msgpack::from_slice(&bytes).unwrap();
        prop_assert_eq!(bytes_of(&back), bytes);
        // Of equal bits, floats that are no number differ.
        prop_assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(value) = msgpack::from_slice::<Value>(&bytes) {
            prop_assert!(msgpack::from_slice::<Value>(&bytes_of(&value)).is_ok());
        }
    }
}
