//! Any MessagePack value, by the rmpv crate: the oracle of these tests.

use std::fmt;

use proptest::prelude::*;
use rmpv::{Integer, Utf8String, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Passes an rmpv value through serde.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Any(pub(crate) Value);

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = |value: &Value| Self(value.clone());
        match &self.0 {
            Value::Nil => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => match value.as_u64() {
                Some(value) => serializer.serialize_u64(value),
                None => serializer.serialize_i64(value.as_i64().unwrap()),
            },
            Value::F32(value) => serializer.serialize_f32(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value.as_str().unwrap()),
            Value::Binary(value) => serializer.serialize_bytes(value),
            Value::Array(values) => serializer.collect_seq(values.iter().map(own)),
            Value::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(&own(key), &own(value))?;
                }
                map.end()
            }
            Value::Ext(..) => unreachable!("no test encodes extensions"),
        }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

macro_rules! visit {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method<E>(self, value: $type) -> Result<Any, E> {
            Ok(Any(value.into()))
        }
    )*};
}

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    visit! {
        visit_bool: bool;
        visit_u64: u64;
        visit_i64: i64;
        visit_f32: f32;
        visit_f64: f64;
        visit_str: &str;
        visit_bytes: &[u8];
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any(Value::Nil))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Any, A::Error> {
        let mut array = Vec::new();
        while let Some(Any(value)) = values.next_element()? {
            array.push(value);
        }
        Ok(Any(Value::Array(array)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Any, A::Error> {
        let mut map = Vec::new();
        while let Some((Any(key), Any(value))) = pairs.next_entry()? {
            map.push((key, value));
        }
        Ok(Any(Value::Map(map)))
    }
}

/// Integers near the borders of every width, and any others.
pub(crate) fn integer() -> impl Strategy<Value = Integer> {
    let border = (0_u32..=64, -3_i128..=3).prop_map(|(bits, offset)| (1 << bits) + offset);
    let number = prop_oneof![
        border.clone(),
        border.prop_map(|number| -number),
        (-200_i128..200),
        any::<i64>().prop_map(i128::from),
        any::<u64>().prop_map(i128::from),
    ];
    number.prop_filter_map("over 64 bits", |number| match u64::try_from(number) {
        Ok(number) => Some(number.into()),
        Err(_) => i64::try_from(number).ok().map(Integer::from),
    })
}

/// Lengths at the borders of every form of header.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0_usize..40, 2 => 250_usize..260, 1 => 65_530_usize..65_540]
}

pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Nil),
        1 => any::<bool>().prop_map(Value::from),
        4 => integer().prop_map(Value::Integer),
        // Bit patterns: the NaNs among them must survive too.
        1 => any::<u32>().prop_map(|bits| Value::F32(f32::from_bits(bits))),
        1 => any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        2 => "\\PC{0,40}".prop_map(Value::from),
        1 => length().prop_map(|length| "x".repeat(length).into()),
        1 => length().prop_map(|length| vec![7_u8; length].into()),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner), 0..18).prop_map(Value::Map),
        ]
    })
}

/// The value's shortest bytes.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

/// The value's bytes with lengths and integers in wider forms, as `widen` chooses: 0 is the
/// shortest.
pub(crate) fn wide_bytes(value: &Value, widen: &mut impl FnMut() -> usize, out: &mut Vec<u8>) {
    match value {
        Value::Integer(number) => wide_integer(*number, widen(), out),
        Value::String(text) => wide_length(text.as_bytes().len(), [0xd9, 0xda, 0xdb], widen(), out),
        Value::Binary(data) => wide_length(data.len(), [0xc4, 0xc5, 0xc6], widen(), out),
        Value::Array(values) => wide_length(values.len(), [0xdc, 0xdc, 0xdd], widen(), out),
        Value::Map(pairs) => wide_length(pairs.len(), [0xde, 0xde, 0xdf], widen(), out),
        other => out.extend(bytes(other)),
    }
    match value {
        Value::String(text) => out.extend(text.as_bytes()),
        Value::Binary(data) => out.extend(data),
        Value::Array(values) => values.iter().for_each(|value| wide_bytes(value, widen, out)),
        Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            wide_bytes(key, widen, out);
            wide_bytes(value, widen, out);
        }),
        _ => {}
    }
}

/// Forms of 8, 16, 32 and 64 bits: unsigned from 0xcc, signed from 0xd0; the first that fits from
/// the chosen one on.
fn wide_integer(number: Integer, widen: usize, out: &mut Vec<u8>) {
    let signed = widen / 4 % 2 == 1;
    for width in widen % 4..4 {
        let size = 1 << width;
        match (signed, number.as_u64(), number.as_i64()) {
            (false, Some(value), _) if size == 8 || value >> (8 * size) == 0 => {
                out.push(0xcc + width as u8);
                return out.extend(&value.to_be_bytes()[8 - size..]);
            }
            (_, _, Some(value)) if signed || value < 0 => {
                let shift = 64 - 8 * size as u32;
                if value << shift >> shift == value {
                    out.push(0xd0 + width as u8);
                    return out.extend(&value.to_be_bytes()[8 - size..]);
                }
            }
            _ => {}
        }
    }
    out.extend(bytes(&Value::Integer(number)));
}

fn wide_length(length: usize, markers: [u8; 3], widen: usize, out: &mut Vec<u8>) {
    let length32 = (length as u32).to_be_bytes();
    match widen % 3 {
        0 if length < 256 && markers[0] != markers[1] => out.extend([markers[0], length32[3]]),
        0 | 1 if length < 65_536 => out.extend([markers[1], length32[2], length32[3]]),
        _ => {
            out.push(markers[2]);
            out.extend(length32);
        }
    }
}

/// As our decoder shows it: a string that is not UTF-8 is binary data.
pub(crate) fn normal(value: Value) -> Value {
    match value {
        Value::String(text) => normal_text(text),
        Value::Array(values) => Value::Array(values.into_iter().map(normal).collect()),
        Value::Map(pairs) => {
            let normal_pair = |(key, value)| (normal(key), normal(value));
            Value::Map(pairs.into_iter().map(normal_pair).collect())
        }
        other => other,
    }
}

fn normal_text(text: Utf8String) -> Value {
    match text.as_str() {
        Some(text) => text.into(),
        None => Value::Binary(text.into_bytes()),
    }
}
