//! Any value that requests and replies may hold.

use proptest::prelude::*;
use tarantool_proto::types::{Datetime, Decimal, Ext, Uuid, Value};

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(Value::Uint),
        (0_u32..63, any::<u64>()).prop_map(|(shift, number)| Value::Uint(number >> shift)),
        (i64::MIN..0).prop_map(Value::Int),
        (0_u32..63, i64::MIN..0).prop_map(|(shift, number)| Value::Int(number >> shift)),
        any::<f32>().prop_filter("equal to itself", |number| !number.is_nan()).prop_map(Value::F32),
        any::<f64>().prop_filter("equal to itself", |number| !number.is_nan()).prop_map(Value::F64),
        "\\PC{0,40}".prop_map(Value::Str),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bin),
        (any::<i64>(), 0..30_i32)
            .prop_map(|(number, scale)| Decimal::new(number.into(), scale).unwrap().into()),
        any::<u128>().prop_map(|bits| Uuid::from_u128(bits).into()),
        (-1_i64 << 40..1 << 40, 0_u32..1_000_000_000, -720_i16..=840).prop_map(
            |(at, nanos, zone)| {
                Datetime::new(at, nanos).unwrap().with_offset(zone).unwrap().into()
            }
        ),
        (20_i8..100, prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(kind, payload)| Ext::new(kind, payload).into()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let pair = ("[a-z]{0,8}".prop_map(Value::Str), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            prop::collection::vec(pair, 0..6).prop_map(Value::Map),
        ]
    })
}

pub(crate) fn row() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(value(), 0..4)
}
