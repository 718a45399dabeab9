//! All types through serde: our own format costs nothing, and other binary ones get bytes.

use std::fmt::Debug;

use allocation_counter::measure;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Visitor, value::Error};
use serde::forward_to_deserialize_any;
use tarantool_proto::msgpack;
use tarantool_proto::types::{Datetime, Decimal, Ext, Interval, Uuid, Value};

use crate::support::{bytes_of, extension};

#[test]
fn rows_of_them_allocate_nothing() {
    let decimal: Decimal = "9".repeat(76).parse().unwrap();
    let time = Datetime::new(1_700_000_000, 5).unwrap().with_offset(180).unwrap();
    let row = (Decimal::from(5), decimal, Uuid::from_u128(7), time, Some(Datetime::EPOCH));
    let mut out = Vec::with_capacity(1000);
    let allocated = measure(|| msgpack::write_value(&mut out, &row).unwrap());
    assert_eq!(allocated.count_total, 0);
    let mut back = None;
    let allocated = measure(|| back = Some(msgpack::from_slice(&out).unwrap()));
    assert_eq!(allocated.count_total, 0);
    assert_eq!(back, Some(row));
    let mut interval = None;
    let bytes = bytes_of(&Interval { days: 5, ..Interval::default() });
    let allocated = measure(|| interval = Some(msgpack::from_slice::<Interval>(&bytes).unwrap()));
    assert_eq!(allocated.count_total, 0);
    assert_eq!(interval.map(|interval| interval.days), Some(5));
}

/// A binary format that is not ours: a newtype is what is in it, bytes are bytes.
struct Binary<'de>(&'de [u8]);

impl<'de> Deserializer<'de> for Binary<'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Such a format gets the number of the type and the payload.
fn from_binary<T: DeserializeOwned + PartialEq + Debug>(value: &T, bytes: &[u8]) {
    let (kind, payload) = extension(bytes);
    let tagged = [&kind.to_be_bytes(), payload].concat();
    assert_eq!(T::deserialize(Binary(&tagged)).as_ref(), Ok(value));
    let error = T::deserialize(Binary(&[])).unwrap_err().to_string();
    assert!(error.contains("expected a"), "{error}");
}

#[test]
fn other_binary_formats() {
    let decimal: Decimal = "-1.50".parse().unwrap();
    from_binary(&decimal, &bytes_of(&decimal));
    from_binary(&Uuid::from_u128(7), &bytes_of(&Uuid::from_u128(7)));
    from_binary(&Datetime::EPOCH, &bytes_of(&Datetime::EPOCH));
    from_binary(&Interval::default(), &bytes_of(&Interval::default()));
    from_binary(&Ext::new(42, [1]), &bytes_of(&Ext::new(42, [1])));
    let error = Uuid::deserialize(Binary(&[1, 0, 0x1c])).unwrap_err().to_string();
    assert!(error.contains("a decimal") && error.contains("a uuid"), "{error}");
    let error = Uuid::deserialize(Binary(&[2, 0])).unwrap_err().to_string();
    assert!(error.contains("malformed uuid"), "{error}");
    assert_eq!(Value::deserialize(Binary(&[1])), Ok(Value::Bin(vec![1])));
}
