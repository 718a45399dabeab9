//! Types into bytes, and types that cannot be.

use std::collections::HashMap;

use serde::ser::{Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer as _};
use tarantool_proto::msgpack::{
    EncodeError, Raw, Serializer, from_slice, write, write_array, write_key, write_value,
};

fn value<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = vec![0xee];
    write_value(&mut out, value).unwrap();
    out.remove(0);
    out
}

fn key<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = vec![0xee];
    write_key(&mut out, value).unwrap();
    out.remove(0);
    out
}

fn refused<T: Serialize + ?Sized>(value: &T) -> EncodeError {
    write_value(&mut Vec::new(), value).unwrap_err()
}

#[derive(Serialize)]
struct Point {
    x: i8,
    y: Option<u8>,
}

#[test]
fn structs_and_tuples_are_arrays() {
    assert_eq!(value(&Point { x: -1, y: Some(2) }), [0x92, 0xff, 0x02]);
    assert_eq!(value(&Point { x: 1, y: None }), [0x92, 0x01, 0xc0]);
    assert_eq!(value(&(1, "a", true)), [0x93, 0x01, 0xa1, b'a', 0xc3]);
    assert_eq!(value(&[0_u8; 16])[..4], [0xdc, 0, 16, 0]);
    assert_eq!(value(&[(); 0]), [0x90]);
}

#[test]
fn scalars() {
    assert_eq!(value(&()), [0xc0]);
    assert_eq!(value(&None::<u8>), [0xc0]);
    assert_eq!(value(&Some(5)), [0x05]);
    assert_eq!(value(&'é'), [0xa2, 0xc3, 0xa9]);
    assert_eq!(value(&u64::MAX), [0xcf, 255, 255, 255, 255, 255, 255, 255, 255]);
    assert_eq!(value(&i64::MIN), [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(value(&1.5_f32), [0xca, 0x3f, 0xc0, 0, 0]);
    assert_eq!(value(&1.5_f64), [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
    assert_eq!(value(&7_u128), [0x07]);
    assert_eq!(value(&-7_i128), [0xf9]);
    assert_eq!(value(&i128::from(u64::MAX)), value(&u64::MAX));
}

#[test]
fn integers_over_64_bits_are_refused() {
    assert!(refused(&u128::MAX).to_string().contains("does not fit 64 bits"));
    assert!(refused(&i128::MIN).to_string().contains("does not fit 64 bits"));
}

#[test]
fn enums() {
    #[derive(Serialize)]
    enum Shape {
        Nothing,
        Circle(u8),
        Box(u8, u8),
        Named { id: u8 },
    }
    assert_eq!(value(&Shape::Nothing), b"\xa7Nothing");
    assert_eq!(value(&Shape::Circle(2)), b"\x81\xa6Circle\x02");
    assert_eq!(value(&Shape::Box(1, 2)), b"\x81\xa3Box\x92\x01\x02");
    assert_eq!(value(&Shape::Named { id: 1 }), b"\x81\xa5Named\x91\x01");
}

#[test]
fn sequences_and_maps_of_unknown_length() {
    struct Unknown(u32);
    impl Serialize for Unknown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for key in 0..self.0 {
                map.serialize_entry(&key, &(0..key).filter(|_| true).collect::<Vec<_>>())?;
            }
            map.end()
        }
    }
    let map: HashMap<u32, Vec<u32>> = from_slice(&value(&Unknown(20))).unwrap();
    assert_eq!(map.len(), 20);
    assert_eq!(map[&3], [0, 1, 2]);

    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            seq.serialize_element(&1)?;
            seq.serialize_element("x")?;
            seq.end()
        }
    }
    assert_eq!(from_slice(&value(&Odd)), Ok((1, "x")));
}

#[derive(Serialize)]
struct Sparse {
    id: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    middle: Option<u8>,
    last: u8,
}

#[test]
fn a_skipped_field_keeps_its_column() {
    let row = Sparse { id: 1, middle: None, last: 3 };
    assert_eq!(value(&row), [0x93, 0x01, 0xc0, 0x03]);
    let row = Sparse { id: 1, middle: Some(2), last: 3 };
    assert_eq!(value(&row), [0x93, 0x01, 0x02, 0x03]);
    // In its place within other values.
    let rows = [Sparse { id: 1, middle: None, last: 3 }, Sparse { id: 4, middle: None, last: 6 }];
    assert_eq!(value(&rows), [0x92, 0x93, 1, 0xc0, 3, 0x93, 4, 0xc0, 6]);
}

#[test]
fn skipped_fields_may_make_the_header_longer() {
    struct Wide;
    impl Serialize for Wide {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut row = serializer.serialize_struct("Wide", 12)?;
            for _ in 0..12 {
                row.serialize_field("x", &1)?;
                row.skip_field("y")?;
            }
            row.end()
        }
    }
    let columns: Vec<Option<u8>> = from_slice(&value(&Wide)).unwrap();
    assert_eq!(columns, [Some(1), None].repeat(12));
}

#[test]
fn a_skipped_field_of_a_variant_keeps_its_column() {
    #[derive(Serialize)]
    enum Kind {
        Row {
            #[serde(skip_serializing_if = "Option::is_none")]
            first: Option<u8>,
            last: u8,
        },
    }
    assert_eq!(value(&Kind::Row { first: None, last: 2 }), b"\x81\xa3Row\x92\xc0\x02");
    assert_eq!(value(&Kind::Row { first: Some(1), last: 2 }), b"\x81\xa3Row\x92\x01\x02");
}

#[test]
fn a_row_is_an_array() {
    let mut out = Vec::new();
    write_array(&mut out, &Point { x: 1, y: None }).unwrap();
    write_array(&mut out, &vec![1; 20]).unwrap();
    write_array(&mut out, &Raw::new(&[0xdd, 0, 0, 0, 0]).unwrap()).unwrap();
    for refused in [
        write_array(&mut out, &5),
        write_array(&mut out, "text"),
        write_array(&mut out, &()),
        write_array(&mut out, &HashMap::from([(1, 2)])),
        write_array(&mut out, &None::<(u8,)>),
    ] {
        let text = "a row must be a struct, a tuple or a sequence";
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
}

#[test]
fn a_key_is_an_array_whatever_is_given() {
    assert_eq!(key(&5), [0x91, 0x05]);
    assert_eq!(key("ab"), [0x91, 0xa2, b'a', b'b']);
    assert_eq!(key(&(1, 2)), [0x92, 1, 2]);
    assert_eq!(key(&(1,)), [0x91, 1]);
    assert_eq!(key(&[1, 2, 3]), [0x93, 1, 2, 3]);
    assert_eq!(key(&Point { x: 1, y: Some(2) }), [0x92, 1, 2]);
    assert_eq!(key(&[0_u8; 16])[..3], [0xdc, 0, 16]);
    assert_eq!(key(&[0_u8; 0]), [0x90]);
}

#[test]
fn no_key_is_the_empty_array() {
    assert_eq!(key(&()), [0x90]);
    assert_eq!(key(&None::<u8>), [0x90]);
    assert_eq!(key(&Some(7)), [0x91, 7]);
    assert_eq!(key(&Raw::new(&[0xc0]).unwrap()), [0x90]);
    // A key of one nil part is said as a tuple.
    assert_eq!(key(&(None::<u8>,)), [0x91, 0xc0]);
}

#[test]
fn a_key_of_one_compound_part() {
    assert_eq!(key(&HashMap::from([(1, 2)])), [0x91, 0x81, 1, 2]);
    assert_eq!(key(&((1, 2),)), [0x91, 0x92, 1, 2]);
    #[derive(Serialize)]
    struct Id(u32);
    assert_eq!(key(&Id(300)), [0x91, 0xcd, 1, 44]);
    assert_eq!(key(&Raw::new(&[0x92, 1, 2]).unwrap()), [0x92, 1, 2]);
    assert_eq!(key(&Raw::new(&[0x05]).unwrap()), [0x91, 5]);
}

#[test]
fn raw_values_in() {
    let raw = Raw::new(&[0xd4, 0x01, 0x02]).unwrap();
    assert_eq!(value(&(1, raw, "x")), [0x93, 0x01, 0xd4, 0x01, 0x02, 0xa1, b'x']);
    assert_eq!(value(&Some(raw)), raw.as_bytes());
    assert_eq!(value(&HashMap::from([(1, raw)])), [0x81, 0x01, 0xd4, 0x01, 0x02]);
    #[derive(Serialize)]
    struct Wrapped<'a>(Raw<'a>);
    assert_eq!(value(&[Wrapped(raw)]), [0x91, 0xd4, 0x01, 0x02]);
}

#[test]
fn bytes_after_a_raw_value_are_binary_data_again() {
    let mut out = Vec::new();
    let mut serializer = Serializer::new(&mut out);
    Raw::new(&[0x01]).unwrap().serialize(&mut serializer).unwrap();
    serializer.serialize_bytes(&[0x02]).unwrap();
    assert_eq!(out, [0x01, 0xc4, 0x01, 0x02]);
}

/// Says that it has `.0` elements and gives `.1`.
struct Liar(usize, usize);

struct Seq(Liar);
struct Tuple(Liar);
struct Map(Liar);
struct Struct(Liar);

impl Serialize for Seq {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.0))?;
        (0..self.0.1).try_for_each(|_| seq.serialize_element(&1))?;
        seq.end()
    }
}

impl Serialize for Tuple {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.0)?;
        (0..self.0.1).try_for_each(|_| tuple.serialize_element(&1))?;
        tuple.end()
    }
}

impl Serialize for Map {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.0))?;
        (0..self.0.1).try_for_each(|at| map.serialize_entry(&at, &1))?;
        map.end()
    }
}

impl Serialize for Struct {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("Struct", self.0.0)?;
        (0..self.0.1).try_for_each(|_| row.serialize_field("x", &1))?;
        row.end()
    }
}

#[test]
fn wrong_lengths_are_refused() {
    for (said, given) in [(2, 1), (1, 2), (0, 1), (1, 0), (100, 3)] {
        let text = format!("{said} elements announced, {given} given");
        assert_eq!(refused(&Seq(Liar(said, given))).to_string(), text);
        assert_eq!(refused(&Tuple(Liar(said, given))).to_string(), text);
        assert_eq!(refused(&Map(Liar(said, given))).to_string(), text);
        assert_eq!(refused(&Struct(Liar(said, given))).to_string(), text);
        assert_eq!(refused(&(1, [Seq(Liar(said, given))])).to_string(), text);
    }
    assert_eq!(value(&Seq(Liar(2, 2))), [0x92, 1, 1]);
}

#[test]
fn errors_of_types_are_passed_on() {
    struct Never;
    impl Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("never"))
        }
    }
    assert_eq!(refused(&(1, Never)).to_string(), "never");
    assert_eq!(refused(&HashMap::from([(1, Never)])), EncodeError::new("never"));
}

#[test]
fn lengths_at_their_borders() {
    for (length, header) in [
        (31, &[0xbf][..]),
        (32, &[0xd9, 32]),
        (255, &[0xd9, 255]),
        (256, &[0xda, 1, 0]),
        (65_535, &[0xda, 255, 255]),
        (65_536, &[0xdb, 0, 1, 0, 0]),
    ] {
        let out = value(&"x".repeat(length));
        assert_eq!(out[..header.len()], *header);
        assert_eq!(out.len(), header.len() + length);
    }
    let mut out = Vec::new();
    write::map(&mut out, 15);
    write::map(&mut out, 16);
    write::map(&mut out, 65_536);
    write::array(&mut out, 65_535);
    assert_eq!(out, [0x8f, 0xde, 0, 16, 0xdf, 0, 1, 0, 0, 0xdc, 255, 255]);
}
