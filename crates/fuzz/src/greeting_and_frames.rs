//! Any bytes from a peer, whole and in pieces: the connection never panics, and where the pieces
//! end makes no difference.

use bytes::BytesMut;
use tarantool_proto::request::{Call, Ping, Select};
use tarantool_proto::{
    Answer, Config, Connection, ConnectionError, Credentials, Event, Frame, Password, Response,
    request::Request,
};

use crate::peer::GREETING;

// The first byte chooses how it is fed, the rest comes from the peer.
pub(crate) fn run(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let is_ready = choice & 1 == 1;
    let piece = usize::from(choice >> 1) + 1;
    let whole = life(is_ready, bytes.len().max(1), bytes);
    let pieces = life(is_ready, piece, bytes);
    assert_eq!(whole, pieces, "in pieces of {piece} bytes");
}

/// What the user of a connection sees.
#[derive(Debug, PartialEq)]
struct Seen {
    events: Vec<(Event, Option<Answer>)>,
    end: ConnectionError,
}

/// Feeds `bytes`, then the end of the stream, to a connection that is new or ready.
fn life(is_ready: bool, piece: usize, bytes: &[u8]) -> Seen {
    let (mut conn, mut input) = (new(), BytesMut::new());
    let mut events = Vec::new();
    if is_ready {
        make_ready(&mut conn, &mut input);
    }
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        if let Err(end) = drain(&mut conn, &mut input, &mut events) {
            return Seen { events, end };
        }
        assert!(input.len() < PREFIX_BYTES_MAX + PACKET_BYTES_MAX);
    }
    conn.handle_eof();
    match drain(&mut conn, &mut input, &mut events) {
        Err(end) => Seen { events, end },
        Ok(()) => panic!("the connection outlived its stream"),
    }
}

fn new() -> Connection {
    let mut config = Config::default();
    config.packet_bytes_max = PACKET_BYTES_MAX;
    config.credentials =
        Some(Credentials { user: "user".into(), password: Password::new("password") });
    Connection::new(config, None)
}

const PACKET_BYTES_MAX: usize = 1 << 10;
const PREFIX_BYTES_MAX: usize = 9;

/// Takes a new connection through its handshake and sends some requests, among them one whose
/// name must be looked up.
fn make_ready(conn: &mut Connection, input: &mut BytesMut) {
    input.extend_from_slice(GREETING);
    assert_eq!(conn.poll_event(input), Ok(None));
    let mut output = Vec::new();
    assert!(conn.poll_transmit(&mut output), "no handshake");
    let mut rest = output.as_slice();
    while let Some((request, behind)) = next_frame(rest) {
        input.extend_from_slice(&ok(&request[8..16]));
        rest = behind;
    }
    assert_eq!(conn.poll_event(input), Ok(Some(Event::Ready)));
    send(conn, &Ping);
    send(conn, &Call::new("f"));
    send(conn, &Select::from(512).key(1));
    send(conn, &Select::from("space").index("index").key("key"));
    output.clear();
    assert!(conn.poll_transmit(&mut output), "requests stay queued");
}

fn send(conn: &mut Connection, request: &impl Request) {
    let mut frame = Frame::new();
    frame.encode(request).expect("plain values");
    conn.send(&mut frame, None).expect("the connection is ready");
}

/// Cuts a frame off what the connection wrote: its length is always 5 bytes.
fn next_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length: [u8; 4] = bytes.get(1..5)?.try_into().ok()?;
    bytes.split_at_checked(5 + u32::from_be_bytes(length) as usize)
}

/// A success without a body.
fn ok(sync: &[u8]) -> Vec<u8> {
    [&[0x0d, 0x82, 0x00, 0x00, 0x01, 0xcf], sync].concat()
}

fn drain(
    conn: &mut Connection,
    input: &mut BytesMut,
    events: &mut Vec<(Event, Option<Answer>)>,
) -> Result<(), ConnectionError> {
    while let Some(event) = conn.poll_event(input)? {
        let answer = match event {
            Event::Answered(id) => conn.take(id),
            _ => None,
        };
        if let Some(Ok(response)) = &answer {
            decode(response);
        }
        events.push((event, answer));
    }
    Ok(())
}

fn decode(response: &Response) {
    let _ = response.rows::<(u64, &str, Option<f64>)>();
    let _ = response.first::<(i64, String)>();
    let _ = response.returned::<(bool, String)>();
    let _ = (response.columns(), response.sql_info(), response.prepared(), response.position());
    if let Err(error) = response.clone().into_result() {
        let _ = format!("{error} {error:?}");
    }
}
