//! Requests into frames: what cannot be sent leaves the frame empty.

use serde::Serialize;
use serde::ser::{Error as _, SerializeSeq};
use tarantool_proto::msgpack::{EncodeError, Raw, write};
use tarantool_proto::request::{
    Body, Call, Eval, Insert, Operations, Ping, Replace, Request, Select, Update, Upsert, ops,
};
use tarantool_proto::{Frame, Key, RequestType};

/// A sequence that says two and gives one.
struct Liar;

impl Serialize for Liar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(2))?;
        seq.serialize_element(&1)?;
        seq.end()
    }
}

struct Never;

impl Serialize for Never {
    fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("never"))
    }
}

/// The error of a request that is refused, after another was encoded into the same frame.
fn refused(request: &impl Request) -> EncodeError {
    let mut frame = Frame::new();
    frame.encode(&Insert::into("users").row((1, 2))).unwrap();
    let error = frame.encode(request).unwrap_err();
    assert!(frame.as_bytes().is_empty());
    // Nothing of either is left in the next.
    frame.encode(&Ping).unwrap();
    assert_eq!(frame.as_bytes(), encoded(&Ping));
    error
}

fn encoded(request: &impl Request) -> Vec<u8> {
    let mut frame = Frame::new();
    frame.encode(request).unwrap();
    frame.as_bytes().to_vec()
}

/// The body as rmpv reads it.
fn body(request: &impl Request) -> rmpv::Value {
    let bytes = encoded(request);
    let mut rest = &bytes[..];
    let length = rmpv::decode::read_value(&mut rest).unwrap();
    assert_eq!(length.as_u64(), Some(rest.len() as u64));
    rmpv::decode::read_value(&mut rest).unwrap();
    let body = rmpv::decode::read_value(&mut rest).unwrap();
    assert!(rest.is_empty());
    body
}

#[test]
fn wrong_lengths_leave_the_frame_empty() {
    let text = "2 elements announced, 1 given";
    assert_eq!(refused(&Insert::into(512).row(Liar)).to_string(), text);
    assert_eq!(refused(&Call::new("f").arguments((1, Liar))).to_string(), text);
    assert_eq!(refused(&Select::from("users").key(Liar)).to_string(), text);
    assert_eq!(refused(&Upsert::into(512).row((Liar,))).to_string(), text);
}

#[test]
fn errors_of_values_leave_the_frame_empty() {
    assert_eq!(refused(&Eval::new("return 1").arguments((1, Never))).to_string(), "never");
    assert_eq!(refused(&Replace::into("users").row((1, Never))).to_string(), "never");
}

#[test]
fn rows_that_are_no_arrays_are_refused() {
    let text = "a row must be a struct, a tuple or a sequence";
    assert_eq!(refused(&Insert::into(512).row(5)).to_string(), text);
    assert_eq!(refused(&Insert::into(512)).to_string(), text);
    assert_eq!(refused(&Upsert::into(512).row("x")).to_string(), text);
}

#[test]
fn errors_of_operations_are_reported_at_encode() {
    let broken = || ops().assign(1, 2).assign(2, Never).add(3, Liar).delete(4, 1);
    assert_eq!(broken().len(), 4);
    assert_eq!(refused(&Update::of(512).key(1).operations(broken())).to_string(), "never");
    let upsert = Upsert::into("users").row((1,)).operations(broken());
    assert_eq!(refused(&upsert).to_string(), "never");
}

#[test]
fn operations() {
    let operations = ops()
        .assign("name", "Anna")
        .assign(1, Raw::new(&[0xd4, 1, 2]).unwrap())
        .insert(-1, 5)
        .delete(2, 3)
        .add("a.b[1]", 1.5)
        .subtract(3, 300)
        .bit_and(4, 1)
        .bit_or(5, 2)
        .bit_xor(6, u64::MAX)
        .splice("text", -3, 2, "ü");
    let rmpv::Value::Map(pairs) = body(&Update::of(512).key(1).operations(operations)) else {
        panic!("not a map");
    };
    let (key, list) = &pairs[3];
    assert_eq!(key.as_u64(), Some(u64::from(Key::TUPLE.number())));
    let shown: Vec<String> = list.as_array().unwrap().iter().map(ToString::to_string).collect();
    let expected = [
        r#"["=", "name", "Anna"]"#,
        r#"["=", 1, [1, [2]]]"#,
        r#"["!", -1, 5]"#,
        r##"["#", 2, 3]"##,
        r#"["+", "a.b[1]", 1.5]"#,
        r#"["-", 3, 300]"#,
        r#"["&", 4, 1]"#,
        r#"["|", 5, 2]"#,
        r#"["^", 6, 18446744073709551615]"#,
        r#"[":", "text", -3, 2, "ü"]"#,
    ];
    assert_eq!(shown, expected);
}

#[test]
fn no_operations() {
    assert!(ops().is_empty());
    assert_eq!(ops(), Operations::default());
    let shown = body(&Update::of(512).key(1)).to_string();
    assert_eq!(shown, "{16: 512, 17: 0, 32: [1], 33: []}");
}

#[test]
fn operations_that_count_from_one() {
    let operations = ops().counting_from(1).assign(1, 2);
    let shown = body(&Update::of(512).key(1).operations(operations)).to_string();
    assert_eq!(shown, r#"{16: 512, 17: 0, 21: 1, 32: [1], 33: [["=", 1, 2]]}"#);
}

#[test]
fn a_frame_keeps_its_memory() {
    let mut frame = Frame::new();
    frame.encode(&Call::new("f").arguments("x".repeat(1000))).unwrap();
    let capacity = frame.capacity();
    assert!(capacity >= 1000);
    frame.encode(&Ping).unwrap();
    frame.clear();
    assert!(frame.as_bytes().is_empty());
    assert_eq!(frame.capacity(), capacity);
}

/// A request of somebody else's making.
struct Custom {
    kind: u32,
    entries: u32,
}

impl Request for Custom {
    fn request_type(&self) -> RequestType {
        RequestType::new(self.kind)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        for key in 0..self.entries {
            write::boolean(body.entry(Key::new(key)), true);
        }
        Ok(())
    }
}

#[test]
fn custom_requests() {
    let bytes = encoded(&Custom { kind: 0x7f, entries: 15 });
    assert_eq!(bytes[17], 0x7f);
    let rmpv::Value::Map(pairs) = body(&Custom { kind: 1, entries: 15 }) else {
        panic!("not a map");
    };
    assert_eq!(pairs.len(), 15);
}

#[test]
fn custom_requests_that_no_frame_can_hold_are_refused() {
    // A type of two bytes would move what the connection finds by its place.
    let error = refused(&Custom { kind: 0x80, entries: 1 });
    assert!(error.to_string().contains("128"), "{error}");
    for entries in [16, 255, 256, 1000] {
        let error = refused(&Custom { kind: 1, entries });
        assert!(error.to_string().contains("15"), "{error}");
    }
}
