//! Any bytes from a client, whole and in pieces: the server's side never panics, keeps its limits,
//! and where the pieces end makes no difference.

use bytes::BytesMut;
use tarantool_proto::server::{AuthType, ServerConfig, ServerConnection, ServerEvent};
use tarantool_proto::{ErrorCode, ProtocolError, RequestType, ServerError};

// The first byte chooses how it is fed, the rest comes from the client.
pub(crate) fn run(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let is_pap = choice & 1 == 1;
    let piece = usize::from(choice >> 1) + 1;
    let whole = life(is_pap, bytes.len().max(1), bytes);
    let pieces = life(is_pap, piece, bytes);
    assert_eq!(whole, pieces, "in pieces of {piece} bytes");
}

/// What an engine and the client see.
#[derive(Debug, PartialEq)]
struct Seen {
    events: Vec<String>,
    output: Vec<u8>,
    end: Option<ProtocolError>,
    user: String,
}

fn life(is_pap: bool, piece: usize, bytes: &[u8]) -> Seen {
    let mut config = ServerConfig::default();
    config.packet_bytes_max = PACKET_BYTES_MAX;
    config.in_progress_max = IN_PROGRESS_MAX;
    config.output_bytes_max = OUTPUT_BYTES_MAX;
    if is_pap {
        config.auth_type = AuthType::PapSha256;
    }
    let mut engine = Engine {
        conn: ServerConnection::new(config, [7; 32]),
        input: BytesMut::new(),
        unanswered: Vec::new(),
        seen: Seen { events: Vec::new(), output: Vec::new(), end: None, user: String::new() },
    };
    engine.drain();
    for piece in bytes.chunks(piece) {
        engine.input.extend_from_slice(piece);
        engine.drain();
        if engine.seen.end.is_some() {
            break;
        }
        assert!(engine.input.len() < PREFIX_BYTES_MAX + PACKET_BYTES_MAX);
    }
    engine.transmit();
    engine.seen.user = engine.conn.user().to_owned();
    engine.seen
}

/// Answers some requests at once and others only when it has to.
struct Engine {
    conn: ServerConnection,
    input: BytesMut,
    unanswered: Vec<u64>,
    seen: Seen,
}

impl Engine {
    /// Goes on until more input is needed.
    fn drain(&mut self) {
        loop {
            match self.conn.poll_event(&mut self.input) {
                Ok(Some(event)) => self.on_event(event),
                Ok(None) if self.conn.is_saturated() => self.make_room(),
                Ok(None) => return,
                Err(end) => {
                    assert_eq!(self.conn.poll_event(&mut self.input).err(), Some(end.clone()));
                    self.seen.end = Some(end);
                    self.transmit();
                    return;
                }
            }
            assert_eq!(self.conn.in_progress(), self.unanswered.len());
            assert!(self.unanswered.len() <= IN_PROGRESS_MAX);
            let queued = self.conn.queued_bytes();
            assert!(queued < OUTPUT_BYTES_MAX + REPLY_BYTES_MAX, "{queued} bytes are queued");
        }
    }

    fn on_event(&mut self, event: ServerEvent) {
        self.seen.events.push(format!("{event:?}"));
        match event {
            ServerEvent::Login(login) => {
                self.conn.answer_login(login, Some(b"secret"));
            }
            ServerEvent::Request(request) => match request.request_type {
                RequestType::PING => self.conn.reply_ok(request.sync),
                RequestType::WATCH => {
                    let key = request.fields.event_key.as_deref().expect("a mandatory key");
                    self.conn.send_event(request.sync, key, None);
                    self.conn.finish(request.sync);
                }
                RequestType::INSERT => {
                    let tuple = request.fields.tuple.as_deref().expect("a mandatory key");
                    self.conn.reply_data(request.sync, [tuple]);
                }
                _ => self.unanswered.push(request.sync),
            },
            _ => {}
        }
    }

    fn make_room(&mut self) {
        self.transmit();
        if let Some(sync) = self.unanswered.pop() {
            let error = ServerError::new(ErrorCode::UNSUPPORTED, "not here");
            self.conn.reply_error(sync, &error);
        }
    }

    fn transmit(&mut self) {
        let mut output = Vec::new();
        self.conn.poll_transmit(&mut output);
        self.seen.output.append(&mut output);
        assert_eq!(self.conn.queued_bytes(), 0);
    }
}

const PACKET_BYTES_MAX: usize = 1 << 10;
const PREFIX_BYTES_MAX: usize = 9;
const IN_PROGRESS_MAX: usize = 3;
const OUTPUT_BYTES_MAX: usize = 512;
/// The longest reply: a row or a key as long as its packet, or an error that names a method.
const REPLY_BYTES_MAX: usize = PACKET_BYTES_MAX + 1024;
