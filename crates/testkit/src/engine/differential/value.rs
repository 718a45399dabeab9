//! Values of requests, as readable as a shrunk sequence of requests needs them.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;
use tarantool_proto::msgpack::{Reader, Token, write};

/// A MessagePack value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Uint(u64),
    Int(i64),
    F32(f32),
    F64(f64),
    /// Digits and scale.
    Decimal(i32, u8),
    Str(String),
    Bin(Vec<u8>),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl Value {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => write::nil(out),
            Self::Bool(value) => write::boolean(out, *value),
            Self::Uint(value) => write::uint(out, *value),
            Self::Int(value) => write::int(out, *value),
            Self::F32(value) => write::f32(out, *value),
            Self::F64(value) => write::f64(out, *value),
            Self::Decimal(digits, scale) => {
                let text = digits.unsigned_abs().to_string();
                let mut nibbles = if text.len() % 2 == 0 { vec![0] } else { Vec::new() };
                nibbles.extend(text.bytes().map(|digit| digit - b'0'));
                nibbles.push(if *digits < 0 { 0xd } else { 0xc });
                out.extend_from_slice(&[0xc7, (1 + nibbles.len() / 2) as u8, 1, *scale]);
                out.extend(nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]));
            }
            Self::Str(value) => write::str(out, value.as_bytes()),
            Self::Bin(value) => write::bin(out, value),
            Self::Array(values) => {
                write::array(out, values.len());
                values.iter().for_each(|value| value.encode(out));
            }
            Self::Map(pairs) => {
                write::map(out, pairs.len());
                for (key, value) in pairs {
                    key.encode(out);
                    value.encode(out);
                }
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::F32(value) => write!(f, "{value:?}f"),
            Self::F64(value) => write!(f, "{value:?}"),
            Self::Decimal(digits, scale) => write!(f, "{digits}e-{scale}d"),
            Self::Str(value) => write!(f, "{value:?}"),
            Self::Bin(value) => write!(f, "bin{value:?}"),
            Self::Array(values) => {
                f.write_str("[")?;
                for (nth, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if nth > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Map(pairs) => {
                f.write_str("{")?;
                for (nth, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if nth > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

/// An unsigned integer of few, so that keys meet.
pub(super) fn small() -> BoxedStrategy<Value> {
    (0..12_u64).prop_map(Value::Uint).boxed()
}

/// A string of few, with common prefixes.
pub(super) fn short() -> BoxedStrategy<Value> {
    select(vec!["", "a", "A", "ab", "abc", "b", "ж"])
        .prop_map(|text| Value::Str(text.into()))
        .boxed()
}

/// A number of any type, the limits among them.
pub(super) fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        4 => (-3..8_i64).prop_map(integer),
        1 => select(vec![i64::MIN, i64::MAX, 255, 256, -129]).prop_map(integer),
        1 => select(vec![u64::MAX, 1 << 63]).prop_map(Value::Uint),
        2 => select(vec![0.5, -1.0, 0.1, 0.1, 1e300, 3.0]).prop_map(Value::F64),
        1 => select(vec![0.5_f32, 2.0, 0.1]).prop_map(Value::F32),
    ]
    .boxed()
}

/// As servers read it: without a sign if it can be.
fn integer(value: i64) -> Value {
    u64::try_from(value).map_or(Value::Int(value), Value::Uint)
}

/// Anything that has no parts.
pub(super) fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        1 => Just(Value::Nil),
        1 => any::<bool>().prop_map(Value::Bool),
        4 => number(),
        1 => (-1500..1500_i32, 0..3_u8).prop_map(|(digits, scale)| Value::Decimal(digits, scale)),
        4 => short(),
        1 => select(vec![&b""[..], b"a", b"\xff\0"]).prop_map(|bytes| Value::Bin(bytes.into())),
    ]
    .boxed()
}

/// Anything, to two levels.
pub(super) fn anything() -> BoxedStrategy<Value> {
    let nested = |inner: BoxedStrategy<Value>| {
        let names = select(vec!["a", "b", "k k"]);
        let pairs = proptest::collection::btree_map(names, inner.clone(), 0..3);
        prop_oneof![
            3 => scalar(),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
            1 => pairs.prop_map(|pairs| {
                let pairs = pairs.into_iter();
                Value::Map(pairs.map(|(name, value)| (Value::Str(name.into()), value)).collect())
            }),
        ]
        .boxed()
    };
    nested(nested(scalar()))
}

/// Mostly `usual`, and now and then something else.
pub(super) fn mostly(usual: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![16 => usual, 1 => scalar()].boxed()
}

/// A row from either side.
pub(super) fn row(bytes: &[u8]) -> Value {
    decode(&mut Reader::new(bytes))
}

fn decode(reader: &mut Reader<'_>) -> Value {
    match reader.token().unwrap() {
        Token::Nil => Value::Nil,
        Token::Bool(value) => Value::Bool(value),
        Token::Uint(value) => Value::Uint(value),
        Token::Int(value) => Value::Int(value),
        Token::F32(value) => Value::F32(value),
        Token::F64(value) => Value::F64(value),
        Token::Str(value) => Value::Str(String::from_utf8_lossy(value).into_owned()),
        Token::Bin(value) => Value::Bin(value.into()),
        Token::Ext(kind, payload) => Value::Str(format!("ext {kind} {payload:02x?}")),
        Token::Array(count) => Value::Array((0..count).map(|_| decode(reader)).collect()),
        Token::Map(count) => {
            Value::Map((0..count).map(|_| (decode(reader), decode(reader))).collect())
        }
    }
}
