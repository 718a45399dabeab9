//! Tuples with formats: structs filled by the names of their fields.

use std::collections::BTreeMap;

use rmpv::Value;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tarantool_proto::Response;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::types;

use crate::peer::*;

/// What a server 3.7.0 sent as the body of a reply.
fn reply(body: &str) -> Response {
    let body: Vec<u8> = (0..body.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&body[at..at + 2], 16).unwrap())
        .collect();
    reply_of(&body)
}

fn reply_of(body: &[u8]) -> Response {
    let mut link = Link::ready();
    let id = link.written_call(1);
    assert_eq!(link.feed(&packet_of(0, id.sync(), 80, body)).len(), 1);
    link.conn.take(id).unwrap().unwrap()
}

/// Two tuples of the format `{a: string, b: unsigned, v: string}`.
const SELECT: &str = "8230dd00000002c70a076f93a2616101a3616131c70a076f93a2616102a361613260816f\
    9382a46e616d65a161a474797065a6737472696e6782a46e616d65a162a474797065a8756e7369676e656482a46e\
    616d65a176a474797065a6737472696e67";

#[derive(Debug, Deserialize, PartialEq)]
struct Reordered {
    v: String,
    b: u64,
    #[serde(rename = "a")]
    key: String,
    not_there: Option<bool>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Borrowed<'a> {
    v: &'a str,
}

fn reordered(b: u64, v: &str) -> Reordered {
    Reordered { v: v.into(), b, key: "aa".into(), not_there: None }
}

#[test]
fn structs_are_filled_by_name_and_tuples_by_position() {
    let response = reply(SELECT);
    let rows = [reordered(1, "aa1"), reordered(2, "aa2")];
    assert_eq!(response.rows::<Reordered>().unwrap(), rows);
    assert_eq!(response.first::<Reordered>().unwrap().unwrap(), rows[0]);
    assert_eq!(
        response.rows::<Borrowed<'_>>().unwrap(),
        [Borrowed { v: "aa1" }, Borrowed { v: "aa2" }]
    );
    assert_eq!(response.rows::<(&str, u64)>().unwrap(), [("aa", 1), ("aa", 2)]);
    let maps = response.rows::<Vec<types::Value>>().unwrap();
    assert_eq!(maps[1][1], types::Value::from(2_u64));
    let any = response.rows::<types::Value>().unwrap();
    assert!(matches!(&any[0], types::Value::Array(fields) if fields.len() == 3), "{any:?}");
}

#[test]
fn a_missing_or_wrong_column_is_named() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made: the rows do not fit")]
    struct Missing {
        a: String,
        nowhere: u64,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made: the rows do not fit")]
    struct Wrong {
        v: u64,
    }
    let response = reply(SELECT);
    let missing = response.rows::<Missing>().unwrap_err().to_string();
    assert!(missing.starts_with("row 1") && missing.contains("nowhere"), "{missing}");
    let wrong = response.rows::<Wrong>().unwrap_err().to_string();
    for part in ["row 1, column 3", "u64", "string"] {
        assert!(wrong.contains(part), "{part:?} is not in {wrong:?}");
    }
}

/// A map of tuples of two formats, the second without names.
#[test]
fn tuples_inside_of_results_have_their_own_formats() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Both {
        b: Vec<(u64, String)>,
        a: Reordered,
    }
    let response = reply(
        "8230dd0000000182a161c70a076f93a2616101a3616131a16291d707cc809201a36f646460826f9382a46e616d\
        65a161a474797065a6737472696e6782a46e616d65a162a474797065a8756e7369676e656482a46e616d65a176\
        a474797065a6737472696e67cc8090",
    );
    let both: Both = response.returned().unwrap();
    assert_eq!(both, Both { b: vec![(1, "odd".into())], a: reordered(1, "aa1") });
    let any: BTreeMap<String, types::Value> = response.returned().unwrap();
    assert!(matches!(&any["a"], types::Value::Array(fields) if fields.len() == 3), "{any:?}");
}

/// A space without a format, and fields beyond a format.
#[test]
fn fields_without_names_are_read_by_position() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Row {
        x: u64,
        y: String,
    }
    let noformat = reply("8230dd00000001c70607089203a2683360810890");
    assert_eq!(noformat.rows::<Row>().unwrap(), [Row { x: 3, y: "h3".into() }]);

    let names = Value::Array(vec![Value::Map(vec![("name".into(), "x".into())])]);
    let body = map(&[
        (0x60, Value::Map(vec![(1.into(), names)])),
        (0x30, Value::Array(vec![tuple(1, &[7.into(), "beyond".into()])])),
    ]);
    #[derive(Debug, Deserialize, PartialEq)]
    struct OnlyX {
        x: u64,
    }
    let response = reply_of(&body);
    assert_eq!(response.rows::<OnlyX>().unwrap(), [OnlyX { x: 7 }]);
    assert_eq!(response.rows::<(u64, String)>().unwrap(), [(7, "beyond".into())]);
    let empty = reply("8230dd000000006080");
    assert_eq!(empty.rows::<OnlyX>().unwrap(), []);
}

fn tuple(format: u64, fields: &[Value]) -> Value {
    let mut payload = msgpack(&format.into());
    payload.extend(msgpack(&Value::Array(fields.to_vec())));
    Value::Ext(7, payload)
}

fn refused<T: DeserializeOwned + std::fmt::Debug>(rows: Value, formats: Value) -> DecodeError {
    let body = map(&[(0x30, Value::Array(vec![rows])), (0x60, formats)]);
    reply_of(&body).rows::<T>().unwrap_err()
}

#[test]
fn malformed_tuples_and_formats_are_errors() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made: the rows do not fit")]
    struct Row {
        x: u64,
    }
    let fields = |fields: Value| Value::Map(vec![(1.into(), fields)]);
    let good = || tuple(1, &[7.into()]);
    let named = |name: Value| Value::Array(vec![Value::Map(vec![("name".into(), name)])]);
    for (row, formats) in [
        (good(), Value::Array(vec![])),
        (good(), Value::Map(vec![("x".into(), 1.into())])),
        (good(), fields(7.into())),
        (good(), fields(Value::Array(vec![7.into()]))),
        (good(), fields(named(7.into()))),
        (good(), fields(Value::Array(vec![Value::Map(vec![(1.into(), 1.into())])]))),
        (Value::Ext(7, vec![]), fields(named("x".into()))),
        (Value::Ext(7, vec![1]), fields(named("x".into()))),
        (Value::Ext(7, vec![1, 2]), fields(named("x".into()))),
        // An array that claims more than the extension holds, and one that holds less.
        (Value::Ext(7, vec![1, 0x92, 7]), fields(named("x".into()))),
        (Value::Ext(7, vec![1, 0x91, 7, 7]), fields(named("x".into()))),
        (Value::Ext(7, vec![0xa1, b'x', 0x91, 7]), fields(named("x".into()))),
    ] {
        let error = refused::<Row>(row.clone(), formats.clone());
        assert!(error.row() == Some(0), "{row:?} {formats:?}: {error}");
    }
}

#[test]
fn an_error_is_its_text_where_a_string_is_asked_for() {
    let stack = Value::Map(vec![(
        0.into(),
        Value::Array(vec![Value::Map(vec![
            (0.into(), "ClientError".into()),
            (2.into(), 1.into()),
            (1.into(), "file.lua".into()),
            (3.into(), "it broke".into()),
            (4.into(), 0.into()),
            (5.into(), 4711.into()),
        ])]),
    )]);
    let values = vec![Value::Nil, Value::Ext(3, msgpack(&stack))];
    let response = reply_of(&map(&[(0x30, Value::Array(values))]));
    let (nothing, text): (Option<u64>, String) = response.returned().unwrap();
    assert_eq!((nothing, &*text), (None, "it broke"));
    let (_, error): (Option<u64>, tarantool_proto::ServerError) = response.returned().unwrap();
    assert_eq!((error.code().number(), error.message()), (4711, "it broke"));
    let malformed = reply_of(&map(&[(0x30, Value::Array(vec![Value::Ext(3, vec![1])]))]));
    let refused = malformed.returned::<String>().unwrap_err().to_string();
    assert!(refused.contains("an error value"), "{refused}");
}
