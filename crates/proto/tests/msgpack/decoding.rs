//! Bytes into types: rows by position, maps by name, and what may be missing or left over.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use tarantool_proto::msgpack::{DecodeError, Raw, Reader, Token, from_slice};

#[derive(Debug, PartialEq, Deserialize)]
struct User<'a> {
    id: u64,
    name: &'a str,
    age: Option<u8>,
    email: Option<String>,
}

fn anna() -> User<'static> {
    User { id: 1, name: "Anna", age: Some(18), email: None }
}

/// Lua has one kind of table, and an empty one comes as an array.
#[test]
fn an_empty_array_is_an_empty_map_too() {
    assert_eq!(from_slice(&[0x90]), Ok(HashMap::<String, u64>::new()));
    assert_eq!(from_slice(&[0xdc, 0, 0]), Ok(HashMap::<String, u64>::new()));
    assert_eq!(from_slice(&[0x92, 0x90, 7]), Ok((HashMap::<String, u64>::new(), 7)));
    assert!(from_slice::<HashMap<u64, u64>>(&[0x91, 1]).is_err());
    assert!(from_slice::<HashMap<u64, u64>>(&[0xa0]).is_err());
}

#[test]
fn a_struct_from_an_array() {
    let row = [0x94, 0x01, 0xa4, b'A', b'n', b'n', b'a', 0x12, 0xc0];
    assert_eq!(from_slice(&row), Ok(anna()));
}

#[test]
fn strings_are_borrowed() {
    let row = [0x94, 0x01, 0xa4, b'A', b'n', b'n', b'a', 0x12, 0xc0];
    let user: User<'_> = from_slice(&row).unwrap();
    assert_eq!(user.name.as_ptr(), row[3..].as_ptr());
}

#[test]
fn options_at_the_end_may_be_absent() {
    let row = [0x93, 0x01, 0xa4, b'A', b'n', b'n', b'a', 0x12];
    assert_eq!(from_slice(&row), Ok(anna()));
    let row = [0x92, 0x01, 0xa4, b'A', b'n', b'n', b'a'];
    assert_eq!(from_slice(&row), Ok(User { age: None, ..anna() }));
    let tuple: (u8, Option<u8>, Option<(u8, u8)>, ()) = from_slice(&[0x91, 0x07]).unwrap();
    assert_eq!(tuple, (7, None, None, ()));
}

#[test]
fn what_is_not_an_option_may_not_be_absent() {
    let error = from_slice::<User<'_>>(&[0x91, 0x01]).unwrap_err();
    let text = "value 2 (name): the row has no such column; \
        expected a borrowed string, found nil at byte 0";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.column(), Some(1));
    assert!(from_slice::<(u8, u8)>(&[0x91, 0x01]).is_err());
    assert!(from_slice::<[u8; 3]>(&[0x92, 0x01, 0x02]).is_err());
    assert!(from_slice::<(u8, Vec<u8>)>(&[0x91, 0x01]).is_err());
}

#[test]
fn extra_columns_are_skipped() {
    // Nested ones too, between rows of an array.
    let row = [0x95, 0x01, 0xa1, b'x', 0xc0, 0xc0, 0x92, 0x81, 0x01, 0x02, 0xa1, b'y'];
    let rows = [&[0x92][..], &row, &row].concat();
    let users: Vec<User<'_>> = from_slice(&rows).unwrap();
    let expected = || User { id: 1, name: "x", age: None, email: None };
    assert_eq!(users, [expected(), expected()]);
    assert_eq!(from_slice(&[0x94, 1, 2, 3, 4]), Ok((1, 2)));
    assert_eq!(from_slice::<()>(&[0xc0]), Ok(()));
}

#[test]
fn a_struct_from_a_map() {
    let mut map = vec![0x84, 0xa4];
    map.extend(b"name\xa4Anna");
    map.extend([0xa2, b'i', b'd', 0x01]);
    // A key that the struct does not have, with a nested value.
    map.extend([0xa1, b'x', 0x92, 0x01, 0x80]);
    map.extend(b"\xa3age\x12");
    assert_eq!(from_slice(&map), Ok(anna()));
    assert!(from_slice::<User<'_>>(&[0x81, 0xa2, b'i', b'd', 0x01]).is_err());
}

#[test]
fn maps_with_any_keys() {
    let map: HashMap<u8, String> = from_slice(&[0x82, 1, 0xa1, b'a', 2, 0xa1, b'b']).unwrap();
    assert_eq!(map, HashMap::from([(1, "a".into()), (2, "b".into())]));
    let map: HashMap<(u8, u8), bool> = from_slice(&[0x81, 0x92, 1, 2, 0xc3]).unwrap();
    assert!(map[&(1, 2)]);
}

#[test]
fn integers_of_any_width_fit_where_their_value_fits() {
    for bytes in [
        &[0x07][..],
        &[0xcc, 7],
        &[0xcd, 0, 7],
        &[0xce, 0, 0, 0, 7],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, 7],
        &[0xd0, 7],
        &[0xd1, 0, 7],
        &[0xd2, 0, 0, 0, 7],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 7],
    ] {
        assert_eq!(from_slice::<u8>(bytes), Ok(7));
        assert_eq!(from_slice::<i8>(bytes), Ok(7));
        assert_eq!(from_slice::<u64>(bytes), Ok(7));
        assert_eq!(from_slice::<i128>(bytes), Ok(7));
        assert_eq!(from_slice::<f64>(bytes), Ok(7.0));
        assert_eq!(Reader::new(bytes).uint(), Ok(7));
    }
    assert_eq!(from_slice::<i8>(&[0xe0]), Ok(-32));
    assert_eq!(from_slice::<i64>(&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]), Ok(i64::MIN));
    assert_eq!(from_slice::<u64>(&[0xcf; 9]), Ok(0xcfcf_cfcf_cfcf_cfcf));
    assert!(from_slice::<u8>(&[0xcd, 1, 0]).is_err());
    assert!(from_slice::<u64>(&[0xff]).is_err());
    assert!(from_slice::<i64>(&[0xcf; 9]).is_err());
}

#[test]
fn floats() {
    assert_eq!(from_slice::<f64>(&[0xca, 0x3f, 0xc0, 0, 0]), Ok(1.5));
    assert_eq!(from_slice::<f32>(&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), Ok(1.5));
    assert!(from_slice::<u64>(&[0xca, 0x3f, 0x80, 0, 0]).is_err());
}

#[test]
fn strings_and_binary_data() {
    let (text, data) = ([0xa2, b'h', b'i'], [0xc4, 2, b'h', b'i']);
    for bytes in [&text[..], &data] {
        assert_eq!(from_slice::<&str>(bytes), Ok("hi"));
        assert_eq!(from_slice::<String>(bytes), Ok("hi".into()));
        assert_eq!(from_slice::<Cow<'_, str>>(bytes), Ok("hi".into()));
    }
    // 2.6 returns binary arguments as strings: both are bytes.
    assert_eq!(from_slice::<&[u8]>(&data), Ok(&b"hi"[..]));
    assert_eq!(from_slice::<&[u8]>(&text), Ok(&b"hi"[..]));

    let no_utf8 = [0xa2, 0xff, 0xfe];
    assert_eq!(from_slice::<&[u8]>(&no_utf8), Ok(&[0xff, 0xfe][..]));
    let error = from_slice::<String>(&no_utf8).unwrap_err().to_string();
    assert!(error.contains("expected a string, found binary data or a string that"), "{error}");
}

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Box(u8, u8),
    Named { id: u8, name: Option<String> },
}

#[test]
fn enums() {
    assert_eq!(from_slice(b"\xa7Nothing"), Ok(Shape::Nothing));
    assert_eq!(from_slice(b"\x81\xa6Circle\x02"), Ok(Shape::Circle(2.0)));
    assert_eq!(from_slice(b"\x81\xa3Box\x92\x01\x02"), Ok(Shape::Box(1, 2)));
    let named = Shape::Named { id: 1, name: None };
    assert_eq!(from_slice(b"\x81\xa5Named\x91\x01"), Ok(named));
    // The map form of a unit variant, whatever stands beside it; variants by number.
    assert_eq!(from_slice(b"\x81\xa7Nothing\x92\x01\x02"), Ok(Shape::Nothing));
    assert_eq!(from_slice(b"\x00"), Ok(Shape::Nothing));
    assert_eq!(from_slice(b"\x92\xa7Nothing\xa7Nothing"), Ok([Shape::Nothing, Shape::Nothing]));

    for bytes in
        [&b"\xa4What"[..], b"\xa6Circle", b"\xc0", b"\x80", b"\x82\xa1a\x01\xa1b\x01", b"\x93"]
    {
        assert!(from_slice::<Shape>(bytes).is_err(), "{bytes:?}");
    }
    let error = from_slice::<Shape>(b"\xa6Circle").unwrap_err().to_string();
    assert!(error.contains("found its name alone"), "{error}");
    assert_eq!(from_slice::<Option<Shape>>(b"\xc0"), Ok(None));
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
    List(Vec<Self>),
}

#[test]
fn untagged_enums() {
    let expected = Either::List(vec![Either::Number(-1), Either::Text("x".into())]);
    assert_eq!(from_slice(&[0x92, 0xff, 0xa1, b'x']), Ok(expected));
}

#[test]
fn raw_values_out() {
    let bytes = [0x93, 0x01, 0x92, 0xa1, b'x', 0xc0, 0x02];
    let (first, middle, last): (u8, Raw<'_>, u8) = from_slice(&bytes).unwrap();
    assert_eq!((first, middle.as_bytes(), last), (1, &[0x92, 0xa1, b'x', 0xc0][..], 2));
    assert_eq!(middle.as_bytes().as_ptr(), bytes[2..].as_ptr());
    // Extensions as well: only typed decoding refuses them.
    let raw: Raw<'_> = from_slice(&[0xd4, 0x01, 0x02]).unwrap();
    assert_eq!(raw.as_bytes(), [0xd4, 0x01, 0x02]);
    let raws: HashMap<&str, Option<Raw<'_>>> =
        from_slice(&[0x82, 0xa1, b'a', 0xc0, 0xa1, b'b', 0x90]).unwrap();
    assert_eq!(raws["a"], None);
    assert_eq!(raws["b"].unwrap().as_bytes(), [0x90]);
    // An absent column is nil.
    let (_, absent): (u8, Raw<'_>) = from_slice(&[0x91, 0x01]).unwrap();
    assert_eq!(absent.as_bytes(), [0xc0]);
}

#[test]
fn raw_is_one_value() {
    for bytes in [&[][..], &[0x01, 0x02], &[0x92, 0x01], &[0xc1], &[0xa2, b'x']] {
        assert!(Raw::new(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn newtypes_are_transparent() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Id(u64);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Both(u64, Id);
    assert_eq!(from_slice(&[0x05]), Ok(Id(5)));
    assert_eq!(from_slice(&[0x92, 0x05, 0x06]), Ok(Both(5, Id(6))));
}

#[test]
fn fields_by_attributes() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Renamed {
        #[serde(rename = "the id")]
        id: u8,
        #[serde(default)]
        more: u8,
    }
    assert_eq!(from_slice(b"\x81\xa6the id\x03"), Ok(Renamed { id: 3, more: 0 }));
    assert_eq!(from_slice(&[0x92, 3, 4]), Ok(Renamed { id: 3, more: 4 }));
}

#[test]
fn tokens() {
    let bytes = b"\xc0\xc2\x7f\xff\xa1x\xc4\x01y\x90\x80\xd4\xff\x07\xc7\x00\x03";
    let mut reader = Reader::new(bytes);
    let mut tokens = Vec::new();
    while !reader.is_empty() {
        tokens.push(reader.token().unwrap());
    }
    let expected = [
        Token::Nil,
        Token::Bool(false),
        Token::Uint(127),
        Token::Int(-1),
        Token::Str(b"x"),
        Token::Bin(b"y"),
        Token::Array(0),
        Token::Map(0),
        Token::Ext(-1, &[7]),
        Token::Ext(3, &[]),
    ];
    assert_eq!(tokens, expected);
    assert_eq!(reader.offset(), bytes.len());
}

#[test]
fn a_custom_error_of_a_type_is_passed_on() {
    #[derive(Debug)]
    struct Even;
    impl<'de> Deserialize<'de> for Even {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            match u8::deserialize(deserializer)? % 2 {
                0 => Ok(Self),
                _ => Err(serde::de::Error::custom("odd")),
            }
        }
    }
    let error: DecodeError = from_slice::<Vec<Even>>(&[0x92, 2, 3]).unwrap_err();
    assert!(error.to_string().starts_with("value 2: odd"), "{error}");
}
