//! Random values against rmpv.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use rmpv::Value;
use serde::{Deserialize, Serialize};
use tarantool_proto::msgpack::{Raw, Reader, from_slice, write_value};

use crate::value::*;

fn written<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(&mut out, value).unwrap();
    out
}

/// Everything that a row of ordinary types may hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    id: u64,
    small: i8,
    big: i64,
    ratio: f64,
    half: f32,
    name: String,
    letter: char,
    flag: bool,
    tags: Vec<String>,
    scores: BTreeMap<String, i32>,
    pair: (u8, Option<u16>),
    nested: Vec<Option<Vec<i16>>>,
    unit: (),
    maybe: Option<String>,
}

prop_compose! {
    pub(crate) fn row()(
        (id, small, big, letter, flag) in any::<(u64, i8, i64, char, bool)>(),
        (ratio, half) in (-1e9_f64..1e9, -1e9_f32..1e9),
        name in "\\PC{0,40}",
        tags in prop::collection::vec("[a-z]{0,5}", 0..20),
        scores in prop::collection::btree_map("[a-z]{0,3}", any::<i32>(), 0..20),
        pair in any::<(u8, Option<u16>)>(),
        nested in any::<Vec<Option<Vec<i16>>>>(),
        maybe in any::<Option<String>>(),
    ) -> Row {
        Row { id, small, big, ratio, half, name, letter, flag, tags, scores, pair, nested, unit: (), maybe }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn values_are_written_as_rmpv_writes_them(value in value()) {
        prop_assert_eq!(written(&Any(value.clone())), bytes(&value));
    }

    #[test]
    fn values_come_back(value in value()) {
        // Compared as bytes: a NaN is not equal to itself.
        let decoded: Any = from_slice(&bytes(&value)).unwrap();
        prop_assert_eq!(written(&decoded), bytes(&value));
    }

    #[test]
    fn integers_take_their_shortest_form(number in integer()) {
        let out = written(&Any(Value::Integer(number)));
        prop_assert_eq!(&out, &bytes(&Value::Integer(number)));
        let as_signed = number.as_i64().map(|number| written(&number));
        let as_unsigned = number.as_u64().map(|number| written(&number));
        for other in as_signed.iter().chain(&as_unsigned) {
            prop_assert_eq!(other, &out);
        }
    }

    #[test]
    fn every_form_of_a_value_is_read(value in value(), choices in any::<[u8; 16]>()) {
        let mut next = 0;
        let mut widen = || {
            next += 1;
            usize::from(choices[next % 16])
        };
        let mut wide = Vec::new();
        wide_bytes(&value, &mut widen, &mut wide);
        let decoded: Any = from_slice(&wide).unwrap();
        prop_assert_eq!(written(&decoded), bytes(&value));
    }

    #[test]
    fn rows_come_back(row in row()) {
        let out = written(&row);
        prop_assert_eq!(from_slice::<Row>(&out).unwrap(), row.clone());
        // A row is an array for everyone else.
        let oracle = rmpv::decode::read_value(&mut &out[..]).unwrap();
        let columns = oracle.as_array().unwrap();
        prop_assert_eq!(columns.len(), 14);
        prop_assert_eq!(columns[0].as_u64(), Some(row.id));
        prop_assert_eq!(columns[5].as_str(), Some(&row.name[..]));
    }

    #[test]
    fn cut_bytes_are_an_error(value in value(), cut in any::<Index>()) {
        let whole = bytes(&value);
        let cut = cut.index(whole.len());
        prop_assert!(from_slice::<Any>(&whole[..cut]).is_err());
        prop_assert!(Reader::new(&whole[..cut]).skip().is_err());
        prop_assert!(Raw::new(&whole[..cut]).is_err());
        let mut longer = whole;
        longer.push(0xc0);
        let error = from_slice::<Any>(&longer).unwrap_err();
        prop_assert_eq!(error.offset(), Some(longer.len() - 1));
    }

    #[test]
    fn any_bytes_mean_what_rmpv_says(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        // rmpv takes the reserved byte for nil.
        prop_assume!(!bytes.contains(&0xc1));
        let mut rest = &bytes[..];
        let oracle = rmpv::decode::read_value(&mut rest);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.skip().is_ok(), oracle.is_ok());
        let Ok(oracle) = oracle else {
            let _ = from_slice::<Any>(&bytes);
            return Ok(());
        };
        prop_assert_eq!(reader.rest(), rest);
        let read = &bytes[..reader.offset()];
        prop_assert_eq!(Raw::new(read).unwrap().as_bytes(), read);
        if let Ok(decoded) = from_slice::<Any>(read) {
            prop_assert_eq!(written(&decoded), written(&Any(normal(oracle))));
        }
    }

    #[test]
    fn any_bytes_decode_as_any_type_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = from_slice::<Row>(&bytes);
        let _ = from_slice::<Vec<Row>>(&bytes);
        let _ = from_slice::<(String, u8, Option<Vec<f64>>)>(&bytes);
        let _ = from_slice::<BTreeMap<String, Raw<'_>>>(&bytes);
        let _ = from_slice::<Result<u8, String>>(&bytes);
    }
}
