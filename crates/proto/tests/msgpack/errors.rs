//! Errors say where, what was expected and what was found.

use bytes::BytesMut;
use serde::Deserialize;
use tarantool_proto::msgpack::{DecodeError, EncodeError, Reader, from_slice};
use tarantool_proto::request::Ping;
use tarantool_proto::{Config, Connection, Event, Frame, Response};

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only errors are looked at")]
struct User {
    id: u64,
    name: String,
    tags: Vec<u8>,
}

/// The reply to a request, with these bytes as its data.
fn response(data: &[u8]) -> Response {
    let mut conn = Connection::new(Config::default(), None);
    let mut input = BytesMut::new();
    let salt = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let greeting = format!("{:<63}\n{salt:<63}\n", "Tarantool 3.7.0 (Binary)");
    input.extend_from_slice(greeting.as_bytes());
    input.extend_from_slice(b"\x08\x81\x01\xce\xff\xff\xff\x01\x80");
    assert_eq!(conn.poll_event(&mut input), Ok(Some(Event::Ready)));

    let mut frame = Frame::new();
    frame.encode(&Ping).unwrap();
    let id = conn.send(&mut frame, None).unwrap();
    let mut packet = b"\x81\x01\xcf".to_vec();
    packet.extend(id.sync().to_be_bytes());
    packet.extend([0x81, 0x30]);
    packet.extend(data);
    input.extend_from_slice(&[0xcd, 0, packet.len() as u8]);
    input.extend_from_slice(&packet);
    while conn.poll_event(&mut input).unwrap().is_some() {}
    conn.take(id).unwrap().unwrap()
}

fn rows(data: &[u8]) -> DecodeError {
    response(data).rows::<User>().unwrap_err()
}

#[test]
fn row_column_field_and_both_types() {
    let data = b"\x92\x93\x01\xa1a\x90\x93\x02\x07\x90";
    let error = rows(data);
    let text = "row 2, column 2 (name): expected a string, found integer `7` at byte 8";
    assert_eq!(error.to_string(), text);
    assert_eq!((error.row(), error.column(), error.offset()), (Some(1), Some(1), Some(8)));
}

#[test]
fn a_place_inside_a_column() {
    let error = rows(b"\x91\x93\x01\xa1a\x93\x01\x02\xa1x");
    let text = "row 1, column 3 (tags)[3]: expected u8, found a string at byte 8";
    assert_eq!(error.to_string(), text);
    assert_eq!((error.row(), error.column()), (Some(0), Some(2)));
}

#[test]
fn a_missing_column() {
    let text = rows(b"\x91\x92\x01\xa1a").to_string();
    let expected = "row 1, column 3 (tags): the row has no such column; expected a sequence, \
                    found nil at byte 1";
    assert_eq!(text, expected);
}

#[test]
fn a_row_that_is_no_row() {
    let text = rows(b"\x92\x93\x01\xa1a\x90\x2a").to_string();
    assert_eq!(text, "row 2: expected struct User, found integer `42` at byte 6");
}

#[test]
fn columns_of_tuples_have_no_names() {
    let response = response(b"\x91\x92\x01\xc3");
    let text = response.rows::<(u8, u8)>().unwrap_err().to_string();
    assert_eq!(text, "row 1, column 2: expected u8, found boolean `true` at byte 3");
}

#[test]
fn the_first_row() {
    let response = response(b"\x91\x92\x01\xc3");
    let error = response.first::<(u8, u8)>().unwrap_err();
    assert_eq!((error.row(), error.column()), (Some(0), Some(1)));
    assert_eq!(response.first::<(u8, bool)>(), Ok(Some((1, true))));
}

#[test]
fn the_first_of_no_rows() {
    let response = response(b"\xdd\x00\x00\x00\x00");
    assert_eq!(response.first::<(u8, u8)>(), Ok(None));
    assert_eq!(response.rows::<(u8, u8)>(), Ok(vec![]));
}

#[test]
fn returned_values_as_a_list_whatever_their_number() {
    type Found = (Option<u64>, Option<String>);
    let lists = [
        (&b"\x90"[..], (None, None)),
        (b"\x91\x07", (Some(7), None)),
        (b"\x92\xc0\xa2no", (None, Some("no".to_owned()))),
        (b"\x93\x07\xc0\x01", (Some(7), None)),
    ];
    for (data, expected) in lists {
        assert_eq!(response(data).returned_list::<Found>(), Ok(expected), "{data:x?}");
    }
    assert_eq!(response(b"\x91\x92\x07\x08").returned_list(), Ok(vec![vec![7, 8]]));
    assert_eq!(response(b"\x90").returned_list(), Ok(Vec::<u64>::new()));
    let error = response(b"\x91\xa1x").returned_list::<Found>().unwrap_err();
    assert!(error.to_string().contains("found a string"), "{error}");
}

#[test]
fn returned_values() {
    assert_eq!(response(b"\x90").returned(), Ok(()));
    assert_eq!(response(b"\x90").returned(), Ok(None::<u8>));
    assert_eq!(response(b"\x91\x07").returned(), Ok(7));
    assert_eq!(response(b"\x91\xc0").returned(), Ok(None::<u8>));
    assert_eq!(response(b"\x92\x07\xa1x").returned(), Ok((7, "x".to_owned())));
    assert_eq!(response(b"\x92\x07\x08").returned(), Ok(vec![7, 8]));
    // One value that is an array is that array.
    assert_eq!(response(b"\x91\x92\x07\x08").returned(), Ok((7, 8)));
    assert!(response(b"\x92\x07\x08").returned::<u8>().is_err());
}

#[test]
fn values_outside_of_rows() {
    let error = from_slice::<(u8, (u8, bool))>(&[0x92, 0x01, 0x92, 0x02, 0x03]).unwrap_err();
    assert_eq!(error.to_string(), "value 2[2]: expected a boolean, found integer `3` at byte 4");
    assert_eq!((error.row(), error.column(), error.offset()), (None, Some(1), Some(4)));
}

#[test]
fn values_are_not_quoted() {
    let error = from_slice::<u8>(b"\xa6secret").unwrap_err().to_string();
    assert_eq!(error, "expected u8, found a string at byte 0");
    for (bytes, found) in [
        (&b"\xc0"[..], "nil"),
        (b"\xc4\x01x", "binary data"),
        (b"\x90", "an array"),
        (b"\x80", "a map"),
        (b"\xc7\x01\x05x", "an extension of type 5"),
    ] {
        let error = from_slice::<u8>(bytes).unwrap_err().to_string();
        assert!(error.starts_with(&format!("expected u8, found {found}")), "{error}");
    }
}

#[test]
fn numbers_out_of_range() {
    let error = from_slice::<(u8, u8)>(&[0x92, 0x01, 0xcd, 0x01, 0x2c]).unwrap_err();
    assert_eq!(error.to_string(), "value 2: expected u8, found integer `300` at byte 2");
}

#[test]
fn truncated_input() {
    let error = from_slice::<String>(b"\xd9\x05abc").unwrap_err();
    assert_eq!(error.to_string(), "5 more bytes announced, 3 left at byte 2");
    let error = from_slice::<(u8, String)>(b"\x92\x01\xd9\x05abc").unwrap_err();
    assert_eq!(error.to_string(), "value 2: 5 more bytes announced, 3 left at byte 4");
    assert!(from_slice::<u8>(b"").is_err());
}

#[test]
fn the_reserved_byte() {
    let error = from_slice::<Vec<()>>(&[0x91, 0xc1]).unwrap_err();
    assert_eq!(error.to_string(), "value 1: the reserved byte 0xc1 is no value at byte 1");
}

#[test]
fn readers_name_every_kind_of_value_that_they_find() {
    for (bytes, found) in [
        (&b"\xc0"[..], "nil"),
        (b"\xc2", "a boolean"),
        (b"\xff", "the integer -1"),
        (b"\xd3\x80\0\0\0\0\0\0\0", "the integer -9223372036854775808"),
        (b"\xca\0\0\0\0", "a float"),
        (b"\xcb\0\0\0\0\0\0\0\0", "a float"),
        (b"\xa1a", "a string"),
        (b"\xc4\x01a", "binary data"),
        (b"\x90", "an array"),
        (b"\x80", "a map"),
        (b"\xd4\x01\0", "a decimal"),
        (b"\xd4\x02\0", "a uuid"),
        (b"\xd4\x03\0", "an error value"),
        (b"\xd4\x04\0", "a datetime"),
        (b"\xd4\x06\0", "an interval"),
        (b"\xd4\x07\0", "a tuple"),
        (b"\xd4\x05\0", "an extension of type 5"),
        (b"\xd4\xff\0", "an extension of type -1"),
    ] {
        let text = Reader::new(bytes).uint().unwrap_err().to_string();
        assert_eq!(text, format!("expected an unsigned integer, found {found} at byte 0"));
    }
    let whole = b"\x01\xcd\x01\x2c";
    let expected = |what| format!("expected {what}, found the integer 300 at byte 1");
    let reader = || {
        let mut reader = Reader::new(whole);
        reader.skip().unwrap();
        reader
    };
    assert_eq!(reader().map().unwrap_err().to_string(), expected("a map"));
    assert_eq!(reader().array().unwrap_err().to_string(), expected("an array"));
    assert_eq!(reader().str_bytes().unwrap_err().to_string(), expected("a string"));
}

#[test]
fn readers_say_how_much_is_missing_and_where() {
    for (bytes, text) in [
        (&b""[..], "1 more bytes announced, 0 left at byte 0"),
        (b"\xcd\x01", "2 more bytes announced, 1 left at byte 1"),
        (b"\xcf\0\0\0", "8 more bytes announced, 3 left at byte 1"),
        (b"\xa5abc", "5 more bytes announced, 3 left at byte 1"),
        (b"\xdb\xff\xff\xff\xffabc", "4294967295 more bytes announced, 3 left at byte 5"),
        (b"\x93\x01\x02", "3 more bytes announced, 2 left at byte 1"),
        (b"\x82\x01\x02\x03", "4 more bytes announced, 3 left at byte 1"),
        (b"\xd8\x01\x02", "16 more bytes announced, 1 left at byte 2"),
        (b"\xc1", "the reserved byte 0xc1 is no value at byte 0"),
    ] {
        assert_eq!(Reader::new(bytes).token().unwrap_err().to_string(), text, "{bytes:02x?}");
    }
}

#[test]
fn errors_of_ones_own_have_their_text_alone() {
    let error = DecodeError::new("no ballot");
    assert_eq!(error.to_string(), "no ballot");
    assert_eq!(format!("{error:?}"), "DecodeError(no ballot)");
    assert_eq!((error.row(), error.column(), error.offset()), (None, None, None));
    let error = EncodeError::new("no row");
    assert_eq!(
        (format!("{error}"), format!("{error:?}")),
        ("no row".into(), "EncodeError(\"no row\")".into())
    );
    let custom: DecodeError = serde::de::Error::custom("not a colour");
    assert_eq!(custom.to_string(), "not a colour");
}

#[test]
fn what_is_left_behind_a_value_is_refused() {
    let error = from_slice::<u8>(&[0x07, 0x08]).unwrap_err();
    assert_eq!(error.to_string(), "bytes follow after the value at byte 1");
}
