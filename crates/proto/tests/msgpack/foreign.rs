//! Types through rmp-serde and through ours: each reads what the other wrote.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tarantool_proto::msgpack::{Raw, from_slice, write_value};
use tarantool_proto::types::{Ext, Value};

use crate::roundtrip::{Row, row};

fn ours<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value).unwrap();
    bytes
}

fn theirs<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap()
}

/// In both directions, and byte for byte.
fn agree<T>(value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = ours(value);
    assert_eq!(bytes, theirs(value), "{value:?}");
    assert_eq!(&rmp_serde::from_slice::<T>(&bytes).unwrap(), value);
    assert_eq!(&from_slice::<T>(&bytes).unwrap(), value);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Square { side: u16, name: Option<String> },
}

fn shape() -> impl Strategy<Value = Shape> {
    let name = prop::option::of("[a-z]{0,40}");
    prop_oneof![
        Just(Shape::Point),
        (-1e300_f64..1e300).prop_map(Shape::Circle),
        any::<(i32, i32)>().prop_map(|(from, to)| Shape::Line(from, to)),
        (any::<u16>(), name).prop_map(|(side, name)| Shape::Square { side, name }),
    ]
}

/// Where the forms of integers end.
const BORDERS: [i128; 22] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX as i128,
    i64::MAX as i128 + 1,
    u64::MAX as i128,
    -0x20,
    -0x80,
    -0x8000,
    -0x8000_0000,
    i64::MIN as i128,
];

#[test]
fn integers_at_the_borders_of_their_forms() {
    for border in BORDERS {
        for number in [border - 1, border, border + 1] {
            let (signed, unsigned) = (i64::try_from(number), u64::try_from(number));
            signed.iter().for_each(agree);
            unsigned.iter().for_each(agree);
            i32::try_from(number).iter().for_each(agree);
            u16::try_from(number).iter().for_each(agree);
            i8::try_from(number).iter().for_each(agree);
        }
    }
}

/// An integer in every form that holds it.
fn forms(number: i128) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    macro_rules! form {
        ($($marker:literal $type:ty;)*) => {$(
            if let Ok(number) = <$type>::try_from(number) {
                forms.push([&[$marker][..], &number.to_be_bytes()].concat());
            }
        )*};
    }
    form! {
        0xcc u8; 0xcd u16; 0xce u32; 0xcf u64;
        0xd0 i8; 0xd1 i16; 0xd2 i32; 0xd3 i64;
    }
    forms
}

/// Both take an integer into a type, or neither does.
fn as_integer<T: DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let (ours, theirs) = (from_slice::<T>(bytes).ok(), rmp_serde::from_slice::<T>(bytes).ok());
    assert_eq!(ours, theirs, "{bytes:x?} as {}", std::any::type_name::<T>());
}

#[test]
fn integers_in_every_form_and_type() {
    let mut count = 0;
    for border in BORDERS {
        for bytes in [border - 1, border, border + 1].into_iter().flat_map(forms) {
            as_integer::<u8>(&bytes);
            as_integer::<u16>(&bytes);
            as_integer::<u32>(&bytes);
            as_integer::<u64>(&bytes);
            as_integer::<i8>(&bytes);
            as_integer::<i16>(&bytes);
            as_integer::<i32>(&bytes);
            as_integer::<i64>(&bytes);
            count += 1;
        }
    }
    assert_eq!(count, 273);
}

#[test]
fn floats_keep_their_bits() {
    for bits in [0, 1, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0001, 0x0080_0000] {
        let number = f32::from_bits(bits);
        assert_eq!(ours(&number), theirs(&number));
        let back: f32 = from_slice(&theirs(&number)).unwrap();
        assert_eq!(back.to_bits(), bits);
    }
    for bits in [0, 1, 1 << 63, 0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0001, 0x0010_0000_0000_0000]
    {
        let number = f64::from_bits(bits);
        assert_eq!(ours(&number), theirs(&number));
        let back: f64 = from_slice(&theirs(&number)).unwrap();
        assert_eq!(back.to_bits(), bits);
    }
}

#[test]
fn lengths_at_the_borders_of_their_forms() {
    for length in [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
        agree(&"x".repeat(length));
        agree(&vec![7_u8; length]);
        let map: BTreeMap<u32, u8> = (0..length as u32).map(|key| (key, 1)).collect();
        agree(&map);
    }
}

/// rmp-serde has no type for them: rmpv has.
#[test]
fn extensions_of_every_length() {
    for length in [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 255, 256, 65_535, 65_536] {
        for kind in [-128, -1, 0, 20, 127] {
            let value = rmpv::Value::Ext(kind, vec![0xab; length]);
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, &value).unwrap();
            let ext: Ext = from_slice(&bytes).unwrap();
            assert_eq!((ext.kind, &ext.data[..]), (kind, &vec![0xab; length][..]));
            assert_eq!(from_slice::<Value>(&bytes), Ok(Value::Ext(ext.clone())));
            assert_eq!(ours(&ext), bytes);
            assert_eq!(rmpv::decode::read_value(&mut &ours(&ext)[..]).unwrap(), value);
            assert_eq!(Raw::new(&bytes).unwrap().as_bytes(), bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rows(row in row()) {
        agree(&row);
        // Fields by name too.
        let named = rmp_serde::to_vec_named(&row).unwrap();
        prop_assert_eq!(from_slice::<Row>(&named).unwrap(), row);
    }

    #[test]
    fn enums_and_nested_maps(
        shapes in prop::collection::vec(shape(), 0..40),
        maps in prop::collection::btree_map("[a-z]{0,40}", prop::collection::btree_map(any::<i16>(), shape(), 0..4), 0..20),
    ) {
        agree(&shapes);
        agree(&maps);
    }

    #[test]
    fn any_bytes_as_integers(bytes in prop::collection::vec(any::<u8>(), 1..10)) {
        // rmp-serde does not look at what is left.
        let mut reader = tarantool_proto::msgpack::Reader::new(&bytes);
        prop_assume!(reader.skip().is_ok());
        let value = &bytes[..reader.offset()];
        // Nor does it take floats as ours does, by the type that is asked for.
        prop_assume!(!matches!(value[0], 0xca | 0xcb));
        as_integer::<u32>(value);
        as_integer::<i64>(value);
        as_integer::<bool>(value);
    }
}
