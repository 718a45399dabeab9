//! Any bytes as the body of a reply, a message or a watched value, decoded as everything that it
//! could be: no panic, and what has several ways to be read reads the same.

use bytes::BytesMut;
use serde::Deserialize;
use tarantool_proto::msgpack::{self, Raw, Reader};
use tarantool_proto::replication::Ballot;
use tarantool_proto::request::{Ping, Watch};
use tarantool_proto::types::{Datetime, Decimal, Ext, Interval, Uuid, Value};
use tarantool_proto::{
    Config, Connection, Event, Frame, Push, Response, ServerError, WatchedValue,
};

use crate::peer::{CHUNK, ERROR, EVENT, OK, make_ready, packet};

/// The first byte chooses what it is the body of.
pub(crate) fn run(data: &[u8]) {
    let Some((&choice, body)) = data.split_first() else {
        return;
    };
    let kind = match choice & 3 {
        0 => OK,
        1 => ERROR | u32::from(choice >> 2),
        2 => CHUNK,
        _ => EVENT,
    };
    let _ = Ballot::decode(body);
    if kind == EVENT {
        let value = watched(body);
        if let Some(value) = value {
            let _ = (value.decode::<Value>(), value.decode::<Option<bool>>(), value.raw());
        }
    } else if let Some(response) = response(kind, body) {
        assert_eq!(response.body(), body);
        decode(&response);
    }
}

/// What a connection makes of a reply, or of a message, with this body.
fn response(kind: u32, body: &[u8]) -> Option<Response> {
    let (mut conn, mut input) = ready();
    let mut frame = Frame::new();
    frame.encode(&Ping).expect("plain values");
    let id = conn.send(&mut frame, None).expect("a ready connection");
    conn.accept_pushes(id);
    assert!(conn.poll_transmit(&mut Vec::new()));
    let mut bytes = Vec::new();
    packet(&mut bytes, kind, id.sync(), body);
    input.extend_from_slice(&bytes);
    match conn.poll_event(&mut input) {
        Ok(Some(Event::Answered(_))) => conn.take(id).and_then(Result::ok),
        Ok(Some(Event::Pushed(_))) => match conn.take_push(id) {
            Some(Push::Message(response)) => Some(response),
            other => panic!("{other:?}"),
        },
        // A body that is no map, or a message that none is.
        Ok(Some(other)) => panic!("{other:?}"),
        Ok(None) | Err(_) => None,
    }
}

fn watched(body: &[u8]) -> Option<WatchedValue> {
    let (mut conn, mut input) = ready();
    let id = conn.watch(KEY).expect("a short key");
    let mut bytes = Vec::new();
    packet(&mut bytes, EVENT, 0, body);
    input.extend_from_slice(&bytes);
    match conn.poll_event(&mut input) {
        Ok(Some(Event::Changed(changed))) => {
            assert_eq!(changed, id);
            let mut output = Vec::new();
            assert!(conn.poll_transmit(&mut output), "the next value is not asked for");
            assert!(output.ends_with(&watch_body()));
            conn.changed(id, 0)
        }
        Ok(None) => None,
        other => panic!("{other:?}"),
    }
}

const KEY: &str = "k";

fn watch_body() -> Vec<u8> {
    let mut frame = Frame::new();
    frame.encode(&Watch::new(KEY)).expect("a short key");
    frame.as_bytes()[18..].to_vec()
}

fn ready() -> (Connection, BytesMut) {
    let mut config = Config::default();
    config.tuple_formats = true;
    let (mut conn, mut input) = (Connection::new(config, None), BytesMut::new());
    make_ready(&mut conn, &mut input);
    (conn, input)
}

/// A row by position or, where the reply has formats, by name.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "what is decoded is not looked at")]
struct User<'a> {
    id: u64,
    name: &'a str,
    #[serde(default)]
    tags: Vec<String>,
    born: Option<Datetime>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "what is decoded is not looked at")]
enum Shape {
    Point,
    Circle(f64),
    Square { side: Decimal },
}

fn decode(response: &Response) {
    rows(response);
    let _ = response.rows::<(u64, &str, Option<f64>)>();
    let _ = response.rows::<User<'_>>();
    let _ = response.rows::<(Decimal, Uuid, Datetime, Interval, Ext)>();
    let _ = response.rows::<Shape>();
    let _ = response.rows::<()>();
    let _ = response.first::<(i64, String)>();
    let _ = response.returned::<(bool, String)>();
    let _ = response.returned::<Value>();
    let _ = response.returned::<Option<ServerError>>();
    let columns = response.columns();
    if let Ok(Some(prepared)) = response.prepared() {
        assert_eq!(columns.map(Option::unwrap_or_default), Ok(prepared.columns));
    }
    let _ = response.sql_info();
    if let Ok(Some(position)) = response.position() {
        assert!(position.len() < response.body().len());
    }
    if let Err(error) = response.clone().into_result() {
        self::error(&error);
    }
}

/// Rows as bytes are those of the data, and as values what the bytes decode to.
fn rows(response: &Response) {
    let raw = response.rows::<Raw<'_>>();
    let Ok(Some(data)) = response.data() else {
        return;
    };
    let Ok(raw) = raw else {
        assert!(Reader::new(data).array().is_err(), "a value of any kind is refused");
        return;
    };
    let mut reader = Reader::new(data);
    assert_eq!(reader.array(), Ok(raw.len()));
    let whole: Vec<u8> = raw.iter().flat_map(Raw::as_bytes).copied().collect();
    assert_eq!(whole, reader.rest());
    assert_eq!(response.first::<Raw<'_>>(), Ok(raw.first().copied()));
    // By the formats beside them, tuples within rows mean more than by themselves.
    if !response.body().starts_with(DATA_ALONE) {
        return;
    }
    let values = response.rows::<Value>();
    let alone: Result<Vec<Value>, _> =
        raw.iter().map(|row| msgpack::from_slice::<Value>(row.as_bytes())).collect();
    assert_eq!(values.is_ok(), alone.is_ok());
    if let (Ok(values), Ok(alone)) = (values, alone) {
        // Floats that are no number equal nothing.
        assert_eq!(format!("{values:?}"), format!("{alone:?}"));
    }
}

const DATA_ALONE: &[u8] = &[0x81, 0x30];

/// An error comes back from its own bytes.
fn error(error: &ServerError) {
    let _ = format!("{error} {error:?} {}", error.code());
    for entry in error.stack() {
        for name in entry.field_names() {
            let _ = entry.field::<Value>(name);
        }
    }
    let mut bytes = Vec::new();
    error.encode(&mut bytes);
    let Some(reply) = response(ERROR | error.code().number() & 0x7fff, &bytes) else {
        panic!("its own bytes are no body");
    };
    let again = reply.into_result().expect_err("an error");
    assert_eq!((again.code(), again.message()), (error.code(), error.message()));
    if !error.stack().is_empty() {
        assert_eq!(again.stack(), error.stack());
    }
}
