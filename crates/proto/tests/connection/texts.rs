//! The texts of errors, whole: they are what users see of them, in logs above all.

use std::fmt::Display;
use std::time::Duration;

use tarantool_proto::{
    Config, ConnectionError, ErrorCode, GreetingError, Outcome, ProtocolError, SendError,
    ServerError, Stage, Unanswered, WatchError,
};

use crate::peer::{GREETING_2_6, GREETING_3_7, Link, packet};

fn assert_texts<E: Display>(texts: impl IntoIterator<Item = (E, &'static str)>) {
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

fn denied() -> ServerError {
    ServerError::new(ErrorCode::ACCESS_DENIED, "Access denied")
}

/// As of a header with a key that is no integer.
fn header() -> ProtocolError {
    let mut link = Link::new(Config::default());
    match link.feed_to_end(&[&GREETING_3_7[..], &packet(&[0x90])].concat()) {
        ConnectionError::Protocol(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn of_greetings() {
    let text = || "3.x".to_owned();
    assert_texts([
        (
            GreetingError::NotTarantool { start: "SSH-2.0".into() },
            "not a Tarantool server: it greeted with \"SSH-2.0\"",
        ),
        (
            GreetingError::LuaConsole,
            "this is the console port: connect to the port given in `box.cfg.listen`",
        ),
        (
            GreetingError::Protocol { name: "Text".into() },
            "the server speaks the protocol \"Text\", not \"Binary\"",
        ),
        (
            GreetingError::Version { text: text() },
            "unreadable server version \"3.x\" in the greeting",
        ),
        (GreetingError::Salt { text: text() }, "undecodable salt \"3.x\" in the greeting"),
    ]);
}

#[test]
fn of_a_broken_protocol() {
    assert_texts([
        (
            ProtocolError::Greeting(GreetingError::Protocol { name: String::new() }),
            "the server speaks the protocol \"\", not \"Binary\"",
        ),
        (
            ProtocolError::LengthNotInteger { byte: 0x0a },
            "a packet's length begins with byte 0x0a, not an unsigned integer",
        ),
        (
            ProtocolError::PacketTooLong { length: 1001, max: 1000 },
            "a packet of 1001 bytes exceeds the limit of 1000 bytes (packet_bytes_max)",
        ),
        (ProtocolError::EmptyPacket, "a packet of length 0"),
        (header(), "malformed packet header: expected a map, found an array at byte 0"),
        (
            ProtocolError::BodyNotMap { sync: 0x1_0000_000a, byte: 0x05 },
            "the body of the reply to sync 0x10000000a begins with byte 0x05, not a map",
        ),
        (
            ProtocolError::UnknownSync { sync: 255 },
            "a reply to sync 0xff, which no request was sent with",
        ),
    ]);
}

#[test]
fn of_how_far_a_connection_had_come() {
    assert_texts([
        (
            Stage::Greeting { received: 0 },
            "before the server's greeting (is it Tarantool's port for clients?)",
        ),
        (Stage::Greeting { received: 1 }, "in the server's greeting, 1 of 128 bytes received"),
        (Stage::Login, "during login"),
        (Stage::Ready, "while in use"),
    ]);
}

#[test]
fn of_a_connections_end() {
    let user = || "alice".into();
    assert_texts([
        (
            ConnectionError::Protocol(ProtocolError::EmptyPacket),
            "the server broke the protocol: a packet of length 0",
        ),
        (
            ConnectionError::Login { user: user(), error: denied() },
            "login as alice refused: Access denied (ACCESS_DENIED, code 42)",
        ),
        (
            ConnectionError::PasswordInClear { user: user() },
            "login as alice not tried: pap-sha256 sends the password itself, and the transport is \
             not encrypted",
        ),
        (
            ConnectionError::Refused(denied()),
            "the server refused the connection: Access denied (ACCESS_DENIED, code 42)",
        ),
        (
            ConnectionError::Closed { stage: Stage::Login, reason: None },
            "the server closed the connection during login",
        ),
        (
            ConnectionError::Closed { stage: Stage::Ready, reason: Some(denied()) },
            "the server closed the connection while in use, saying: Access denied (ACCESS_DENIED, \
             code 42)",
        ),
        (ConnectionError::HandshakeTimedOut { stage: Stage::Login }, "timed out during login"),
        (ConnectionError::Transport("broken pipe".into()), "broken pipe"),
        (ConnectionError::ConnectTimedOut, "timed out while the transport was opened"),
        (
            ConnectionError::Unresponsive { timeout: Duration::from_millis(1500) },
            "the server did not answer a ping within 1.5s",
        ),
        (ConnectionError::ServerShutdown, "the server is shutting down"),
        (ConnectionError::Shutdown, "the connection was closed by this side"),
    ]);
}

#[test]
fn of_keys_that_cannot_be_watched() {
    let mut link = Link::ready_with(GREETING_2_6, Config::default());
    let id = link.conn.watch("k").unwrap();
    assert_eq!(format!("{id:?}"), "WatchId(1)");
    let unsupported = link.conn.watch_error(id).unwrap().clone();
    assert_texts([
        (unsupported, "the server, version 2.6.0, lacks watched keys, which came with 2.10.0"),
        (WatchError::Server(denied()), "Access denied (ACCESS_DENIED, code 42)"),
    ]);
}

#[test]
fn of_requests_that_are_not_accepted() {
    assert_texts([
        (SendError::Closed, "the connection is closed"),
        (
            SendError::TooLarge { bytes: 1001, max: 1000 },
            "a request of 1001 bytes exceeds the limit of 1000 bytes (packet_bytes_max)",
        ),
        (SendError::Saturated, "too many requests are under way"),
        (SendError::Empty, "the frame holds no request"),
        (SendError::NoReply, "the server does not answer such a request"),
        (SendError::NotConnected, "there is no connection at present"),
        (SendError::ConnectionGone, "the connection that it belongs to is gone"),
    ]);
}

#[test]
fn of_requests_without_an_answer() {
    assert_texts([
        (Outcome::Answered, "it was answered"),
        (Outcome::NotSent, "it was not sent"),
        (Outcome::MaybeExecuted, "it was written and may have been executed"),
    ]);
    assert_texts([
        (Unanswered::TimedOut(Outcome::NotSent), "timed out: it was not sent"),
        (
            Unanswered::TimedOut(Outcome::MaybeExecuted),
            "timed out: it was written and may have been executed",
        ),
        (Unanswered::Lost(Outcome::NotSent), "the connection ended: it was not sent"),
        (
            Unanswered::Lost(Outcome::MaybeExecuted),
            "the connection ended: it was written and may have been executed",
        ),
        (
            Unanswered::UnknownName("space named \"new\"".into()),
            "the server has no space named \"new\", or none that this user may see",
        ),
        (
            Unanswered::SchemaUnavailable("a row is none".into()),
            "the server's schema could not be read: a row is none",
        ),
        (Unanswered::ConnectionGone, "not sent: the connection it belongs to is gone"),
    ]);
}
