//! Replies of every kind, of any values, cut anywhere: what the client reads is what was said.

use std::collections::HashMap;

use bytes::BytesMut;
use proptest::prelude::*;
use tarantool_proto::msgpack::write_value;
use tarantool_proto::request::Ping;
use tarantool_proto::server::{ServerConfig, ServerConnection, ServerEvent};
use tarantool_proto::types::Value;
use tarantool_proto::{
    Config, Connection, ErrorCode, Event, Frame, Push, RequestId, Response, ServerError, WatchId,
};

use crate::any_value::{row, value};
use crate::peer::salt;

/// What a server says about a request.
#[derive(Clone, Debug)]
enum Reply {
    Nothing,
    Rows(Vec<Vec<Value>>),
    Page(Vec<Vec<Value>>, Vec<u8>),
    Returned(Vec<Value>),
    Error(Vec<(u16, String, String)>, Value),
}

/// What a server says at a time.
#[derive(Clone, Debug)]
struct Said {
    reply: Reply,
    messages: Vec<Value>,
    /// The new value of the watched key.
    value: Option<Value>,
}

fn reply() -> impl Strategy<Value = Reply> {
    let rows = || prop::collection::vec(row(), 0..4);
    let position = prop::collection::vec(any::<u8>(), 0..40);
    // Of an error that no stack comes with, the code is in the header alone.
    let entry = (1_u16..300, "\\PC{0,40}", "[A-Z][A-Za-z]{0,20}");
    prop_oneof![
        Just(Reply::Nothing),
        rows().prop_map(Reply::Rows),
        (rows(), position).prop_map(|(rows, position)| Reply::Page(rows, position)),
        row().prop_map(Reply::Returned),
        (prop::collection::vec(entry, 1..4), value())
            .prop_map(|(stack, field)| Reply::Error(stack, field)),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    let messages = prop::collection::vec(value(), 0..3);
    (reply(), messages, prop::option::of(value())).prop_map(|(reply, messages, value)| Said {
        reply,
        messages,
        value,
    })
}

fn bytes(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value).unwrap();
    bytes
}

fn error(stack: &[(u16, String, String)], field: &Value) -> ServerError {
    let entry = |(code, message, kind): &(u16, String, String)| {
        let error = ServerError::new(ErrorCode::new(u32::from(*code)), message.as_str());
        error.with_kind(kind.as_str()).with_field("field", field)
    };
    let mut stack = stack.iter().rev().map(entry);
    let last = stack.next().unwrap();
    stack.fold(last, |cause, error| error.caused_by(cause))
}

fn answer(server: &mut ServerConnection, sync: u64, reply: &Reply) {
    let encoded = |rows: &[Vec<Value>]| rows.iter().map(bytes).collect::<Vec<_>>();
    match reply {
        Reply::Nothing => server.reply_ok(sync),
        Reply::Rows(rows) => {
            server.reply_data(sync, encoded(rows).iter().map(Vec::as_slice));
        }
        Reply::Page(rows, position) => {
            let rows = encoded(rows);
            server.reply_page(sync, rows.iter().map(Vec::as_slice), Some(position));
        }
        Reply::Returned(values) => {
            let values: Vec<Vec<u8>> = values.iter().map(bytes).collect();
            server.reply_data(sync, values.iter().map(Vec::as_slice));
        }
        Reply::Error(stack, field) => server.reply_error(sync, &error(stack, field)),
    }
}

fn check(response: Response, reply: &Reply) {
    let result = response.into_result();
    let response = match (result, reply) {
        (Err(got), Reply::Error(stack, field)) => {
            let sent = error(stack, field);
            assert_eq!(got, sent);
            assert_eq!(got.stack()[0].field("field"), Ok(Some(field.clone())));
            return assert_eq!(got.stack().len(), stack.len());
        }
        (result, _) => result.unwrap(),
    };
    match reply {
        Reply::Nothing => {
            assert_eq!((response.data(), response.rows::<Value>()), (Ok(None), Ok(vec![])));
        }
        Reply::Rows(rows) | Reply::Page(rows, _) => {
            assert_eq!(response.rows::<Vec<Value>>().as_ref(), Ok(rows));
            assert_eq!(response.first::<Vec<Value>>(), Ok(rows.first().cloned()));
        }
        Reply::Returned(values) => {
            let expected = match &values[..] {
                [] => Value::Nil,
                [value] => value.clone(),
                _ => Value::Array(values.clone()),
            };
            assert_eq!(response.returned::<Value>(), Ok(expected));
        }
        Reply::Error(..) => panic!("a success"),
    }
    let position = match reply {
        Reply::Page(_, position) => Some(position.as_slice()),
        _ => None,
    };
    assert_eq!(response.position(), Ok(position));
    assert_eq!((response.columns(), response.sql_info()), (Ok(None), Ok(None)));
    assert_eq!(response.prepared(), Ok(None));
}

const KEY: &str = "key";

/// A client that has asked for so many things.
struct Client {
    conn: Connection,
    input: BytesMut,
    ids: Vec<RequestId>,
    watch: WatchId,
    responses: HashMap<RequestId, Response>,
    messages: HashMap<RequestId, Vec<Value>>,
    values: Vec<Option<Value>>,
}

impl Client {
    fn drain(&mut self) {
        while let Some(event) = self.conn.poll_event(&mut self.input).unwrap() {
            match event {
                Event::Answered(id) => {
                    let response = self.conn.take(id).unwrap().unwrap();
                    assert_eq!(self.responses.insert(id, response), None);
                }
                Event::Pushed(id) => {
                    let Some(Push::Message(message)) = self.conn.take_push(id) else {
                        panic!("no message");
                    };
                    self.messages.entry(id).or_default().push(message.returned().unwrap());
                }
                Event::Changed(id) => {
                    assert_eq!(id, self.watch);
                    let value = self.conn.changed(id, 0).unwrap();
                    self.values.push(value.raw().map(|_| value.decode().unwrap()));
                }
                Event::Ready => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn client_and_server(count: usize) -> (Client, ServerConnection) {
    let mut conn = Connection::new(Config::default(), None);
    let watch = conn.watch(KEY).unwrap();
    let mut frame = Frame::new();
    let mut ids = Vec::new();
    for _ in 0..count {
        frame.encode(&Ping).unwrap();
        let id = conn.send(&mut frame, None).unwrap();
        conn.accept_pushes(id);
        ids.push(id);
    }
    let mut client = Client {
        conn,
        input: BytesMut::new(),
        ids,
        watch,
        responses: HashMap::new(),
        messages: HashMap::new(),
        values: Vec::new(),
    };
    let mut server = ServerConnection::new(ServerConfig::default(), salt());
    let (mut output, mut to_server) = (Vec::new(), BytesMut::new());
    // The greeting; the identification; all that waited for it.
    for _ in 0..3 {
        server.poll_transmit(&mut output);
        client.input.extend_from_slice(&std::mem::take(&mut output));
        client.drain();
        while client.conn.poll_transmit(&mut output) {
            to_server.extend_from_slice(&std::mem::take(&mut output));
        }
        while let Some(event) = server.poll_event(&mut to_server).unwrap() {
            assert!(matches!(event, ServerEvent::Request(_)), "{event:?}");
        }
    }
    assert_eq!(server.in_progress(), count + 1);
    (client, server)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_read_is_what_was_said(
        said in prop::collection::vec(said(), 1..6),
        cuts in prop::collection::vec(1_usize..60, 1..20),
        whole in any::<bool>(),
    ) {
        let (mut client, mut server) = client_and_server(said.len());
        for (id, said) in client.ids.iter().zip(&said) {
            for message in &said.messages {
                server.reply_chunk(id.sync(), &bytes(message));
            }
            let value = said.value.as_ref().map(bytes);
            server.send_event(0, KEY.as_bytes(), value.as_deref());
            answer(&mut server, id.sync(), &said.reply);
        }
        let mut output = Vec::new();
        server.poll_transmit(&mut output);
        let mut cuts = cuts.iter().cycle();
        let mut rest = output.as_slice();
        while !rest.is_empty() {
            let length = if whole { rest.len() } else { *cuts.next().unwrap() };
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            client.input.extend_from_slice(piece);
            client.drain();
            rest = behind;
        }
        prop_assert!(client.input.is_empty());
        for (id, said) in client.ids.clone().iter().zip(&said) {
            check(client.responses.remove(id).expect("an answer"), &said.reply);
            let messages = client.messages.remove(id).unwrap_or_default();
            prop_assert_eq!(&messages, &said.messages);
        }
        let values: Vec<Option<Value>> = said.into_iter().map(|said| said.value).collect();
        prop_assert_eq!(client.values, values);
    }
}
