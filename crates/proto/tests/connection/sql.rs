//! Requests and replies of SQL, pages and Arrow, beyond what is recorded.

use rmpv::Value;
use tarantool_proto::Response;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::request::{Execute, InsertArrow, Prepare, Request, Select, Unprepare, named};

use crate::peer::*;

fn sent(request: &impl Request) -> Sent {
    let mut link = Link::ready();
    link.send(request);
    link.write().remove(0)
}

fn array(values: &[Value]) -> Value {
    Value::Array(values.to_vec())
}

/// The reply to a request, with this body.
fn reply(body: &[u8]) -> Response {
    let mut link = Link::ready();
    let id = link.send(&Execute::new("SELECT 1"));
    link.feed(&packet_of(0, id.sync(), SCHEMA, body));
    link.conn.take(id).unwrap().unwrap().into_result().unwrap()
}

#[test]
fn statements_are_named_by_text_or_by_id() {
    let by_text = sent(&Execute::new("SELECT 1"));
    assert_eq!((by_text.kind, by_text.field(0x40)), (11, Some(&"SELECT 1".into())));
    assert_eq!((by_text.field(0x43), by_text.field(0x41)), (None, Some(&array(&[]))));

    let by_id = sent(&Execute::prepared(u32::MAX).parameters((1, "a")));
    assert_eq!((by_id.field(0x40), by_id.field(0x43)), (None, Some(&u32::MAX.into())));
    assert_eq!(by_id.field(0x41), Some(&array(&[1.into(), "a".into()])));

    let prepare = sent(&Prepare::new("SELECT ?"));
    assert_eq!((prepare.kind, prepare.field(0x40)), (13, Some(&"SELECT ?".into())));
    let forget = sent(&Unprepare::new(7));
    assert_eq!((forget.kind, forget.field(0x43)), (13, Some(&7.into())));
    assert_eq!((forget.field(0x40), forget.field(0x41)), (None, None));
}

#[test]
fn parameters_are_one_a_tuple_a_struct_a_list_or_named() {
    #[derive(serde::Serialize)]
    struct Adult {
        age: u32,
        name: &'static str,
    }
    fn bound(parameters: impl serde::Serialize) -> Value {
        sent(&Execute::new("SELECT ?").parameters(parameters)).field(0x41).unwrap().clone()
    }
    let pair = |name: &str, value: u64| Value::Map(vec![(name.into(), value.into())]);
    assert_eq!(bound(()), array(&[]));
    assert_eq!(bound(5), array(&[5.into()]));
    assert_eq!(bound("a"), array(&["a".into()]));
    assert_eq!(bound((None::<u8>, 2)), array(&[Value::Nil, 2.into()]));
    assert_eq!(bound(vec![1, 2]), array(&[1.into(), 2.into()]));
    assert_eq!(bound(Adult { age: 18, name: "a" }), array(&[18.into(), "a".into()]));
    assert_eq!(bound(named("a", 1)), array(&[pair(":a", 1)]));
    assert_eq!(bound((named(":a", 1), named("@b", 2))), array(&[pair(":a", 1), pair("@b", 2)]));
    assert_eq!(bound((3, named("ä", 1))), array(&[3.into(), pair(":ä", 1)]));
    assert_eq!(bound([named("a", 1), named("b", 2)]), array(&[pair(":a", 1), pair(":b", 2)]));
}

#[test]
fn error_messages_name_statements() {
    for (request, name) in [
        (&Execute::new("SELECT 1").subject(), "execute SELECT 1"),
        (&Execute::prepared(7).subject(), "execute statement 7"),
        (
            &Prepare::new("SELECT * FROM users WHERE id = ?").subject(),
            "prepare SELECT * FROM users WHERE i…",
        ),
        (&Unprepare::new(8).subject(), "prepare statement 8"),
        (&InsertArrow::into("t").subject(), "insert_arrow into t"),
        (&InsertArrow::into(512).subject(), "insert_arrow into space 512"),
    ] {
        assert_eq!(request.to_string(), name);
    }
}

#[test]
fn arrow_data_of_any_length_has_the_smallest_header() {
    for length in [0, 1, 2, 3, 4, 8, 15, 16, 17, 255, 256, 65_535, 65_536] {
        let data = vec![0xff; length];
        let sent = sent(&InsertArrow::into(512).data(&data));
        let value = Value::Ext(8, data);
        assert_eq!((sent.kind, sent.field(0x36)), (17, Some(&value)), "{length} bytes");
        assert!(sent.body_bytes.ends_with(&msgpack(&value)), "{length} bytes");
    }
}

#[test]
fn a_page_goes_on_after_a_position_or_a_row() {
    let page = Select::from(512).key("a").limit(3);
    assert_eq!(sent(&page).field(0x1f), None);
    let first = sent(&page.fetch_position());
    assert_eq!(first.field(0x1f), Some(&true.into()));
    assert_eq!((first.field(0x2e), first.field(0x2f)), (None, None));
    assert_eq!(first.field(0x20), Some(&array(&["a".into()])));

    // Whatever the server gave goes back to it: also what is not UTF-8.
    for position in [&b"kQM"[..], b"", b"\xff\x00"] {
        let next = sent(&page.fetch_position().after_position(position));
        assert_eq!(next.field(0x1f), Some(&true.into()));
        let Some(Value::String(sent)) = next.field(0x2e) else {
            panic!("{next:?}");
        };
        assert_eq!(sent.as_bytes(), position);
    }
    let next = sent(&page.after_tuple((1, "a")));
    assert_eq!((next.field(0x1f), next.field(0x2e)), (None, None));
    assert_eq!(next.field(0x2f), Some(&array(&[1.into(), "a".into()])));
    // The key can be given last.
    let next = sent(&Select::from(512).after_tuple([1]).key(5));
    assert_eq!(next.field(0x20), Some(&array(&[5.into()])));
    assert_eq!(next.field(0x2f), Some(&array(&[1.into()])));
    let last = sent(&page.after_tuple([1]).after_position(b"kQM"));
    assert_eq!((last.field(0x2f), last.field(0x2e)), (None, Some(&"kQM".into())));
}

#[test]
fn a_row_to_go_on_after_must_be_a_row() {
    let mut frame = tarantool_proto::Frame::new();
    let error = frame.encode(&Select::from(512).after_tuple(5)).unwrap_err();
    assert!(error.to_string().starts_with("a row must be"), "{error}");
    assert_eq!(frame.as_bytes(), b"");
}

#[test]
fn a_reply_without_any_of_it_has_none_of_it() {
    for body in [&[][..], &[0x80], &map(&[(0x30, array(&[]))])] {
        let reply = reply(body);
        assert_eq!(reply.columns(), Ok(None));
        assert_eq!(reply.sql_info(), Ok(None));
        assert_eq!(reply.prepared(), Ok(None));
        assert_eq!(reply.position(), Ok(None));
    }
}

#[test]
fn generated_ids_are_signed_and_of_63_bits() {
    let info = |ids: &[Value]| {
        let info = Value::Map(vec![(0.into(), 3.into()), (1.into(), array(ids))]);
        reply(&map(&[(0x42, info)])).sql_info()
    };
    let ids = [1.into(), i64::MIN.into(), i64::MAX.into()];
    let found = info(&ids).unwrap().unwrap();
    assert_eq!((found.row_count, &found.generated_ids[..]), (3, &[1, i64::MIN, i64::MAX][..]));
    let error = info(&[(1_u64 << 63).into()]).unwrap_err().to_string();
    assert!(error.contains("9223372036854775808 exceeds 63 bits"), "{error}");
}

#[test]
fn unknown_keys_are_skipped_and_nils_are_nothing() {
    let column = Value::Map(vec![
        ("x".into(), 1.into()),
        (9.into(), array(&[])),
        (0.into(), "id".into()),
        (2.into(), Value::Nil),
        (3.into(), Value::Nil),
        (5.into(), Value::Nil),
    ]);
    let columns = reply(&map(&[(0x32, array(&[column]))])).columns().unwrap().unwrap();
    let column = &columns[0];
    assert_eq!((&*column.name, &*column.type_name), ("id", ""));
    assert_eq!((&column.collation, column.is_nullable, &column.span), (&None, None, &None));
    assert!(!column.is_autoincrement);
}

#[test]
fn metadata_of_a_wrong_form_is_the_callers_error_only() {
    type Read = fn(&Response) -> Option<DecodeError>;
    let columns: Read = |reply| reply.columns().err();
    let info: Read = |reply| reply.sql_info().err();
    let prepared: Read = |reply| reply.prepared().err();
    let position: Read = |reply| reply.position().err();
    let wrong = |key: u64, bytes: &[u8]| [&[0x81, key as u8], bytes].concat();
    for (read, body, text) in [
        (columns, wrong(0x32, &[0x05]), "an array"),
        (columns, wrong(0x32, &[0x91, 0x05]), "a map"),
        (columns, wrong(0x32, &[0x91, 0x81, 0x00, 0x05]), "expected a string, found the integer 5"),
        (columns, wrong(0x32, &[0x91, 0x81, 0x03, 0x05]), "expected a boolean"),
        // A billion columns announced.
        (columns, wrong(0x32, &[0xdd, 0x3b, 0x9a, 0xca, 0x00, 0x80]), "announced"),
        (columns, vec![0x81], "announced"),
        (info, wrong(0x42, &[0x90]), "a map"),
        (info, wrong(0x42, &[0x81, 0x00, 0xff]), "an unsigned integer"),
        (info, wrong(0x42, &[0x81, 0x01, 0x91, 0xa0]), "an integer"),
        (info, wrong(0x42, &[0x81, 0x01, 0xdd, 0x3b, 0x9a, 0xca, 0x00, 0x01]), "announced"),
        (prepared, wrong(0x43, &[0xa0]), "an unsigned integer"),
        (prepared, wrong(0x43, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]), "over 32 bits"),
        (position, wrong(0x35, &[0x05]), "a string"),
    ] {
        let error = read(&reply(&body)).unwrap_or_else(|| panic!("{body:02x?}"));
        assert!(error.to_string().contains(text), "{error}: {text}");
    }
}

#[test]
fn names_that_are_not_utf8_are_replaced() {
    let body = [0x81, 0x32, 0x91, 0x82, 0x00, 0xa2, b'a', 0xff, 0x01, 0xa0];
    let columns = reply(&body).columns().unwrap().unwrap();
    assert_eq!(&*columns[0].name, "a\u{fffd}");
}
