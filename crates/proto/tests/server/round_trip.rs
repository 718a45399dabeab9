//! Our client against our server, in memory.

use std::collections::HashMap;

use bytes::BytesMut;
use tarantool_proto::msgpack::{self, Reader};
use tarantool_proto::request::{
    Auth, Body, Call, Call16, Delete, Eval, Insert, Ping, Replace, Request, Select, Update, Upsert,
    ops,
};
use tarantool_proto::server::{Incoming, ServerConfig, ServerConnection, ServerEvent};
use tarantool_proto::{
    Answer, Config, Connection, ConnectionError, Credentials, ErrorCode, Event, Feature, Frame,
    IteratorType, Key, Password, RequestId, RequestType, ServerError, msgpack::EncodeError,
};

use crate::peer::salt;

/// Both sides and what is between them.
struct Pair {
    client: Connection,
    server: ServerConnection,
    to_client: BytesMut,
    to_server: BytesMut,
    requests: Vec<Incoming>,
    answered: HashMap<RequestId, Answer>,
    is_ready: bool,
}

impl Pair {
    fn new(password: &str) -> Self {
        let mut config = Config::default();
        config.credentials =
            Some(Credentials { user: "tester".into(), password: Password::new(password) });
        Self {
            client: Connection::new(config, None),
            server: ServerConnection::new(ServerConfig::default(), salt()),
            to_client: BytesMut::new(),
            to_server: BytesMut::new(),
            requests: Vec::new(),
            answered: HashMap::new(),
            is_ready: false,
        }
    }

    /// Lets bytes flow until nothing moves.
    fn turn(&mut self) -> Result<(), ConnectionError> {
        loop {
            let mut moved = false;
            let mut output = Vec::new();
            while self.server.poll_transmit(&mut output) {
                moved = true;
            }
            self.to_client.extend_from_slice(&output);
            while let Some(event) = self.client.poll_event(&mut self.to_client)? {
                match event {
                    Event::Ready => self.is_ready = true,
                    Event::Answered(id) => {
                        self.answered.insert(id, self.client.take(id).expect("an answer"));
                    }
                    other => panic!("{other:?}"),
                }
            }
            output = Vec::new();
            while self.client.poll_transmit(&mut output) {
                moved = true;
                self.to_server.extend_from_slice(&output);
                output.clear();
            }
            while let Some(event) = self.server.poll_event(&mut self.to_server).unwrap() {
                match event {
                    ServerEvent::Login(login) => {
                        let known = (&*login.user == "tester").then_some(b"secret".as_slice());
                        self.server.answer_login(login, known);
                        moved = true;
                    }
                    ServerEvent::Request(request) => self.requests.push(request),
                    other => panic!("{other:?}"),
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn send(&mut self, request: &dyn Request) -> RequestId {
        let mut frame = Frame::new();
        frame.encode(request).expect("plain values");
        self.client.send(&mut frame, None).expect("a ready connection")
    }
}

#[test]
fn handshake() {
    let mut pair = Pair::new("secret");
    pair.turn().unwrap();
    assert!(pair.is_ready);
    assert_eq!(pair.server.user(), "tester");
    assert!(pair.server.features().contains(Feature::SPACE_AND_INDEX_NAMES));
    let server = pair.client.server().unwrap();
    assert_eq!((server.version().to_string().as_str(), server.protocol_version()), ("3.7.0", 10));
    assert_eq!(server.features(), ServerConfig::default().features);

    let mut pair = Pair::new("wrong");
    let Err(ConnectionError::Login { user, error }) = pair.turn() else {
        panic!("logged in");
    };
    assert_eq!((&*user, error.code()), ("tester", ErrorCode::CREDS_MISMATCH));
    assert_eq!(pair.server.user(), "guest");
}

/// Requests whose type this crate has no struct for.
struct Other(RequestType, fn(&mut Body<'_>));

impl Request for Other {
    fn request_type(&self) -> RequestType {
        self.0
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        (self.1)(body);
        Ok(())
    }
}

const OTHERS: [Other; 4] = [
    Other(RequestType::EXECUTE, |body| {
        body.str(Key::SQL_TEXT, "SELECT ?");
        body.key(Key::SQL_BIND, &(1,)).unwrap();
    }),
    Other(RequestType::PREPARE, |body| body.uint(Key::STMT_ID, 77)),
    Other(RequestType::WATCH_ONCE, |body| body.str(Key::EVENT_KEY, "box.id")),
    Other(RequestType::INSERT_ARROW, |body| {
        body.space(512.into());
        body.entry(Key::ARROW).extend_from_slice(b"\xd5\x08ab");
    }),
];

fn kinds(number: u32) -> Vec<Box<dyn Request>> {
    let key = (number, "key");
    let changes = || ops().counting_from(1).assign("name", "x").add(2, 1);
    vec![
        Box::new(Ping),
        Box::new(Select::from(number).index(3).key(key).limit(10).offset(number)),
        Box::new(Select::from("space").index("index").key(key).iterator(IteratorType::Ge)),
        Box::new(Insert::into(number).row((number, "row"))),
        Box::new(Replace::into("space").row((number, "row"))),
        Box::new(Update::of(number).index(1).key(key).operations(changes())),
        Box::new(Upsert::into(number).row((number, "row")).operations(changes())),
        Box::new(Delete::from("space").index(2).key(key)),
        Box::new(Call::new("f").arguments((number, "x"))),
        Box::new(Call16::new("f").arguments((number,))),
        Box::new(Eval::new("return ...").arguments(number)),
    ]
}

/// What `fields` say is what the encoder was given.
fn check(request: &Incoming, number: u32) {
    let fields = &request.fields;
    let decoded = |value: &Option<bytes::Bytes>| {
        let value = value.as_ref().expect("an array");
        msgpack::from_slice::<(u32, String)>(value).expect("a pair")
    };
    let (key, row) = ((number, "key".to_owned()), (number, "row".to_owned()));
    match request.request_type {
        RequestType::PING => assert!(request.body.is_empty()),
        RequestType::SELECT if fields.space_id.is_some() => {
            assert_eq!((fields.space_id, fields.index_id), (Some(number), Some(3)));
            assert_eq!((fields.limit, fields.offset), (Some(10), Some(number)));
            assert_eq!(decoded(&fields.key), key);
        }
        RequestType::SELECT => {
            assert_eq!(fields.space_name.as_deref(), Some(b"space".as_slice()));
            assert_eq!(fields.index_name.as_deref(), Some(b"index".as_slice()));
            assert_eq!(fields.iterator, Some(5));
            assert_eq!(decoded(&fields.key), key);
        }
        RequestType::INSERT => assert_eq!(decoded(&fields.tuple), row),
        RequestType::REPLACE => {
            assert_eq!(fields.space_name.as_deref(), Some(b"space".as_slice()));
            assert_eq!(decoded(&fields.tuple), row);
        }
        RequestType::UPDATE => {
            assert_eq!((fields.index_base, fields.index_id), (Some(1), Some(1)));
            assert_eq!(decoded(&fields.key), key);
            assert_eq!(Reader::new(fields.tuple.as_ref().unwrap()).array().unwrap(), 2);
        }
        RequestType::UPSERT => {
            assert_eq!(decoded(&fields.tuple), row);
            assert_eq!(Reader::new(fields.operations.as_ref().unwrap()).array().unwrap(), 2);
        }
        RequestType::DELETE => assert_eq!(decoded(&fields.key), key),
        RequestType::CALL | RequestType::CALL_16 => {
            assert_eq!(fields.function_name.as_deref(), Some(b"f".as_slice()));
            assert!(fields.tuple.is_some());
        }
        RequestType::EVAL => {
            assert_eq!(fields.expression.as_deref(), Some(b"return ...".as_slice()));
        }
        RequestType::EXECUTE => {
            assert_eq!(fields.sql_text.as_deref(), Some(b"SELECT ?".as_slice()));
            assert_eq!(fields.sql_bind.as_deref(), Some([0x91, 0x01].as_slice()));
        }
        RequestType::PREPARE => assert_eq!(fields.statement_id, Some(77)),
        RequestType::WATCH_ONCE => {
            assert_eq!(fields.event_key.as_deref(), Some(b"box.id".as_slice()));
        }
        RequestType::INSERT_ARROW => {
            assert_eq!(fields.arrow.as_deref(), Some(b"\xd5\x08ab".as_slice()));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn requests_of_every_kind() {
    let mut pair = Pair::new("secret");
    pair.turn().unwrap();
    let mut sent = Vec::new();
    for number in 512..612 {
        for request in kinds(number) {
            sent.push((pair.send(&*request), request.request_type(), number));
        }
        for request in &OTHERS {
            sent.push((pair.send(request), request.0, number));
        }
        pair.turn().unwrap();
        // The last ones first: replies may come in any order.
        while let Some(request) = pair.requests.pop() {
            check(&request, number);
            let mut row = Vec::new();
            msgpack::write_value(&mut row, &(number, request.request_type.number())).unwrap();
            if request.request_type == RequestType::DELETE {
                let error = ServerError::new(ErrorCode::READONLY, "read-only")
                    .with_field("number", &number);
                pair.server.reply_error(request.sync, &error);
            } else {
                pair.server.reply_data(request.sync, [row.as_slice()]);
            }
        }
        pair.turn().unwrap();
        assert_eq!(pair.server.in_progress(), 0);
    }
    let count = sent.len();
    for (id, request_type, number) in sent {
        let answer = pair.answered.remove(&id).expect("an answer");
        let result = answer.expect("a reply").into_result();
        if request_type == RequestType::DELETE {
            let error = result.unwrap_err();
            assert_eq!((error.code(), error.message()), (ErrorCode::READONLY, "read-only"));
            assert_eq!(error.stack()[0].field("number").unwrap(), Some(number));
        } else {
            let rows: Vec<(u32, u32)> = result.unwrap().rows().unwrap();
            assert_eq!(rows, [(number, request_type.number())]);
        }
    }
    println!("{count} requests of {} kinds went there and back", 11 + OTHERS.len());
    assert_eq!(count, 1500);
}

#[test]
fn login_as_guest() {
    let mut pair = Pair::new("secret");
    pair.turn().unwrap();
    let id = pair.send(&Auth::guest());
    pair.turn().unwrap();
    assert_eq!(pair.server.user(), "guest");
    assert!(pair.answered.remove(&id).unwrap().unwrap().into_result().is_ok());
}
