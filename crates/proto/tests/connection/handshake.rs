//! From the greeting to `Ready`, or to a clear end before it.

use std::time::Duration;

use rmpv::Value;
use tarantool_proto::request::{Auth, Ping};
use tarantool_proto::{
    AuthMethod, Batching, Config, ConnectionError, ErrorCode, Event, Feature, GreetingError,
    Outcome, ProtocolError, Stage, Unanswered, Version, chap_sha1,
};

use crate::peer::*;

fn greeted(config: Config) -> Link {
    let mut link = Link::new(config);
    assert_eq!(link.feed(GREETING_3_7), []);
    link
}

#[test]
fn nothing_is_written_before_the_greeting() {
    let mut link = Link::new(login("admin", "secret"));
    link.call(1);
    assert_eq!(link.writes(), [] as [Vec<u8>; 0]);
    assert_eq!(link.feed(&GREETING_3_7[..127]), []);
    assert_eq!(link.writes(), [] as [Vec<u8>; 0]);
    assert_eq!(link.conn.server(), None);
}

#[test]
fn greeting_byte_by_byte() {
    let mut link = Link::new(Config::default());
    for byte in GREETING_3_7 {
        assert_eq!(link.writes().len(), 0);
        assert_eq!(link.feed(&[*byte]), []);
    }
    assert_eq!(link.write().len(), 1);
}

#[test]
fn identification_and_login_leave_in_one_write() {
    let mut link = greeted(login("tester", "secret"));
    let writes = link.writes();
    assert_eq!(writes.len(), 1);
    let sent = requests(&writes[0]);
    let [id, auth] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!((id.kind, id.sync), (ID, ID_SYNC));
    assert_eq!(id.field(0x54).unwrap().as_u64(), Some(10));
    // Features 7 and 8 would make all replies larger.
    let features = |id: &Sent| id.field(0x55).unwrap().clone();
    assert_eq!(features(id), Value::from([2, 5].map(Value::from).to_vec()));
    let mut config = Config::default();
    config.tuple_formats = true;
    let by_name = &greeted(config).write()[0];
    assert_eq!(features(by_name), Value::from([2, 5, 7, 8].map(Value::from).to_vec()));

    assert_eq!((auth.kind, auth.sync), (AUTH, AUTH_SYNC));
    assert_eq!(auth.field(0x23).unwrap().as_str(), Some("tester"));
    // IPROTO reference, section 9: the scramble of this salt and password.
    let scramble = "21b3ff405f32cbe4aafff291396046ea29fa3a4d";
    let bytes = scramble_sent(auth);
    assert_eq!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(), scramble);
}

fn scramble_sent(auth: &Sent) -> Vec<u8> {
    let tuple = auth.field(0x21).unwrap().as_array().unwrap();
    assert_eq!(tuple[0].as_str(), Some("chap-sha1"));
    let Value::String(text) = &tuple[1] else {
        panic!("{tuple:?}");
    };
    text.as_bytes().to_vec()
}

#[test]
fn with_tiny_writes_the_login_does_not_wait_for_identification() {
    let mut config = login("tester", "secret");
    config.batching = Batching::immediate().up_to(1);
    let mut link = greeted(config);
    assert_eq!(link.writes().len(), 2);
}

#[test]
fn without_credentials_nobody_logs_in() {
    let mut link = greeted(Config::default());
    let sent = link.write();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].kind, ID);
    assert_eq!(link.feed(&id_reply(GREETING_3_7)), [Event::Ready]);
}

#[test]
fn an_empty_password_is_proved_too() {
    let mut link = greeted(login("tester", ""));
    let sent = link.write();
    let salt = std::array::from_fn(|at| at as u8);
    assert_eq!(scramble_sent(&sent[1]), chap_sha1(b"", &salt));
}

#[test]
fn server_2_6_refuses_identification_and_is_ready() {
    let mut link = Link::new(login("tester", "secret"));
    link.feed(GREETING_2_6);
    link.write();
    assert_eq!(link.feed(&id_reply(GREETING_2_6)), []);
    assert_eq!(link.feed(&ok(AUTH_SYNC)), [Event::Ready]);
    let server = link.conn.server().unwrap();
    assert_eq!(server.version(), Version::new(2, 6, 0));
    assert_eq!(server.protocol_version(), 0);
    assert!(!server.features().contains(Feature::SPACE_AND_INDEX_NAMES));
    assert_eq!(link.conn.stats().late_replies, 0);
}

#[test]
fn server_3_7_tells_its_features() {
    let link = Link::ready();
    let server = link.conn.server().unwrap();
    assert_eq!(server.version(), Version::new(3, 7, 0));
    assert_eq!(server.protocol_version(), 10);
    for number in (0..=9).chain([11, 12]) {
        assert!(server.features().contains(Feature::new(number)), "{number}");
    }
    assert!(!server.features().contains(Feature::FETCH_SNAPSHOT_CURSOR));
    let uuid = server.greeting().instance_uuid().unwrap();
    assert_eq!(uuid, "11111111-1111-4111-8111-111111111111");
}

#[test]
fn replies_of_the_handshake_in_either_order() {
    let mut link = greeted(login("tester", "secret"));
    link.write();
    assert_eq!(link.feed(&ok(AUTH_SYNC)), []);
    assert_eq!(link.conn.server(), None);
    assert_eq!(link.feed(&id_reply(GREETING_3_7)), [Event::Ready]);
}

#[test]
fn identification_with_unknown_and_wide_keys() {
    let mut link = greeted(Config::default());
    link.write();
    let mut body = vec![0x84, 0xa1, b'x', 0x01, 0xcc, 0x54, 0xcc, 0x07, 0x7f, 0xc0];
    // FEATURES as array16 of wide integers, one of them beyond any set.
    body.extend([0x55, 0xdc, 0, 2, 0xcd, 0, 5, 0xce, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(link.feed(&packet_of(0, ID_SYNC, SCHEMA, &body)), [Event::Ready]);
    let server = link.conn.server().unwrap();
    assert_eq!(server.protocol_version(), 7);
    assert!(server.features().contains(Feature::SPACE_AND_INDEX_NAMES));
}

fn refused_login(code: u32, text: &str) -> ConnectionError {
    let mut link = greeted(login("tester", "wrong"));
    link.write();
    link.feed(&id_reply(GREETING_3_7));
    link.feed_to_end(&error(AUTH_SYNC, code, text))
}

#[test]
fn a_wrong_password_names_the_user() {
    let text = "User not found or supplied credentials are invalid";
    let end = refused_login(47, text);
    let ConnectionError::Login { user, error } = &end else {
        panic!("{end:?}");
    };
    assert_eq!(&**user, "tester");
    assert_eq!(error.code(), ErrorCode::CREDS_MISMATCH);
    let shown = end.to_string();
    assert!(shown.starts_with("login as tester refused: User not found"), "{shown}");
}

#[test]
fn an_unknown_user_is_named() {
    let end = refused_login(45, "User 'tester' is not found");
    let ConnectionError::Login { user, error } = &end else {
        panic!("{end:?}");
    };
    assert_eq!(&**user, "tester");
    assert_eq!(error.code(), ErrorCode::NO_SUCH_USER);
}

#[test]
fn the_password_is_never_shown() {
    let link = greeted(login("tester", "open sesame"));
    assert!(!format!("{:?}", link.conn).contains("sesame"));
}

#[test]
fn something_else_listens_there() {
    let mut link = Link::new(Config::default());
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Connection: close\r\n\r\n400 Bad Request: missing required Host header";
    let end = link.feed_to_end(http);
    let ConnectionError::Protocol(ProtocolError::Greeting(error)) = &end else {
        panic!("{end:?}");
    };
    assert!(matches!(error, GreetingError::NotTarantool { .. }));
    assert!(end.to_string().contains("HTTP/1.1 400 Bad Request"), "{end}");
    assert_eq!(link.writes().len(), 0);
}

#[test]
fn the_console_listens_there() {
    let end = Link::new(Config::default()).feed_to_end(&console_greeting());
    let expected = ProtocolError::Greeting(GreetingError::LuaConsole);
    assert_eq!(end, ConnectionError::Protocol(expected));
    assert!(end.to_string().contains("box.cfg.listen"));
}

#[test]
fn a_failing_on_connect_trigger_refuses_the_connection() {
    let mut link = greeted(login("tester", "secret"));
    link.write();
    let end = link.feed_to_end(&error(0, 32, "eval:1: no entry"));
    let ConnectionError::Refused(error) = &end else {
        panic!("{end:?}");
    };
    assert_eq!(error.code(), ErrorCode::PROC_LUA);
    let shown = end.to_string();
    assert!(shown.starts_with("the server refused the connection: eval:1: no entry"), "{shown}");
}

#[test]
fn greeting_and_refusal_in_one_read() {
    let mut link = Link::new(Config::default());
    let bytes = [&GREETING_3_7[..], &error(0, 32, "no entry")].concat();
    assert!(matches!(link.feed_to_end(&bytes), ConnectionError::Refused(_)));
    assert_eq!(link.writes().len(), 0);
}

#[test]
fn a_strange_packet_does_not_refuse_the_connection() {
    let mut link = greeted(Config::default());
    link.write();
    assert_eq!(link.feed(&packet_of(0x18_0000, 5, SCHEMA, &[0x80])), []);
    assert_eq!(link.feed(&packet_of(EVENT, 0, SCHEMA, &[0x80])), []);
    assert_eq!(link.conn.stats().unsolicited, 2);
    assert_eq!(link.feed(&id_reply(GREETING_3_7)), [Event::Ready]);
}

fn closed(link: &mut Link) -> (ConnectionError, String) {
    link.conn.handle_eof();
    let end = link.events_to_end().1.unwrap();
    assert_eq!(link.conn.failure(), Some(&end));
    let text = end.to_string();
    (end, text)
}

fn closed_at(stage: Stage) -> ConnectionError {
    ConnectionError::Closed { stage, reason: None }
}

#[test]
fn eof_before_the_greeting() {
    let (end, text) = closed(&mut Link::new(Config::default()));
    assert_eq!(end, closed_at(Stage::Greeting { received: 0 }));
    let expected = "the server closed the connection before the server's greeting (is it \
        Tarantool's port for clients?)";
    assert_eq!(text, expected);
}

#[test]
fn eof_in_the_greeting() {
    let mut link = Link::new(Config::default());
    link.feed(&GREETING_3_7[..100]);
    let (end, text) = closed(&mut link);
    assert_eq!(end, closed_at(Stage::Greeting { received: 100 }));
    let expected = "the server closed the connection in the server's greeting, \
        100 of 128 bytes received";
    assert_eq!(text, expected);
}

#[test]
fn eof_during_login() {
    let mut link = greeted(login("tester", "secret"));
    link.write();
    let (end, text) = closed(&mut link);
    assert_eq!(end, closed_at(Stage::Login));
    assert_eq!(text, "the server closed the connection during login");
}

#[test]
fn eof_in_use() {
    let (end, text) = closed(&mut Link::ready());
    assert_eq!(end, closed_at(Stage::Ready));
    assert_eq!(text, "the server closed the connection while in use");
}

#[test]
fn eof_after_a_parting_error_says_why() {
    let mut link = Link::ready();
    assert_eq!(link.feed(&error(0, 20, "Invalid MsgPack - packet length")), []);
    let (_, text) = closed(&mut link);
    let expected = "the server closed the connection while in use, saying: \
        Invalid MsgPack - packet length";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn the_handshake_has_a_deadline() {
    let mut link = greeted(login("tester", "secret"));
    assert_eq!(link.conn.poll_timeout(), Some(link.at(10_000)));
    link.conn.handle_timeout(link.at(9_999));
    assert_eq!(link.conn.failure(), None);
    link.conn.handle_timeout(link.at(10_000));
    let end = link.events_to_end().1.unwrap();
    assert_eq!(end, ConnectionError::HandshakeTimedOut { stage: Stage::Login });
    assert_eq!(end.to_string(), "timed out during login");
    assert_eq!(link.conn.poll_timeout(), None);
}

#[test]
fn a_silent_server_times_out_in_its_greeting() {
    let mut link = Link::new(Config::default());
    link.feed(b"Taran");
    link.conn.handle_timeout(link.at(10_001));
    let end = link.events_to_end().1.unwrap();
    let text = "timed out in the server's greeting, 5 of 128 bytes received";
    assert_eq!(end.to_string(), text);
}

#[test]
fn the_handshake_deadline_ends_with_the_handshake() {
    let mut link = Link::ready();
    assert_eq!(link.conn.poll_timeout(), None);
    link.conn.handle_timeout(link.at(60_000));
    assert_eq!(link.conn.failure(), None);
}

#[test]
fn requests_from_before_ready_go_out_after_it() {
    let mut link = Link::new(Config::default());
    let first = link.call(1);
    link.feed(GREETING_3_7);
    let second = link.call(2);
    assert_eq!(link.write().len(), 1);
    assert_eq!(link.conn.in_flight(), 0);
    assert_eq!(link.feed(&id_reply(GREETING_3_7)), [Event::Ready]);
    let sent = link.write();
    assert_eq!(numbers(&sent), [1, 2]);
    assert_eq!([sent[0].sync, sent[1].sync], [first.sync(), second.sync()]);
}

#[test]
fn requests_of_a_refused_login_were_not_sent() {
    let mut link = greeted(login("tester", "wrong"));
    let id = link.send(&Ping);
    link.write();
    link.input.extend_from_slice(&error(AUTH_SYNC, 47, "no"));
    let (events, end) = link.events_to_end();
    assert_eq!(events, [Event::Answered(id)]);
    assert!(matches!(end, Some(ConnectionError::Login { .. })));
    assert_eq!(link.conn.take(id), Some(Err(Unanswered::Lost(Outcome::NotSent))));
}

#[test]
fn a_deadline_covers_the_handshake() {
    let mut link = greeted(Config::default());
    let id = link.send_until(&Ping, Some(link.at(500)));
    assert_eq!(link.conn.poll_timeout(), Some(link.at(500)));
    link.conn.handle_timeout(link.at(500) + Duration::from_millis(1));
    assert_eq!(link.events(), [Event::Answered(id)]);
    let answer = link.conn.take(id).unwrap();
    assert_eq!(answer, Err(Unanswered::TimedOut(Outcome::NotSent)));
    assert_eq!(link.write().len(), 1);
    assert_eq!(link.feed(&id_reply(GREETING_3_7)), [Event::Ready]);
    assert_eq!(link.writes().len(), 0);
}

/// ID's reply of a server whose usual way of logging in is `method`.
fn identified(method: &str) -> Vec<u8> {
    let body = map(&[(0x54, 8.into()), (0x55, Value::Array(vec![])), (0x5b, method.into())]);
    packet_of(0, ID_SYNC, 80, &body)
}

fn over_tls(method: AuthMethod) -> Config {
    let mut config = login("tester", "secret");
    config.is_encrypted = true;
    config.auth_method = method;
    config
}

#[test]
fn over_an_encrypted_transport_the_login_is_as_the_server_announces() {
    for (announced, method) in
        [("pap-sha256", "pap-sha256"), ("chap-sha1", "chap-sha1"), ("new", "chap-sha1")]
    {
        let mut link = greeted(over_tls(AuthMethod::Auto));
        let sent = link.write();
        assert_eq!(sent.len(), 1, "the login waits for the server's answer");
        assert_eq!(link.feed(&identified(announced)), []);
        let [auth] = &link.write()[..] else { panic!("no login") };
        assert_eq!((auth.kind, auth.sync), (AUTH, AUTH_SYNC));
        let tuple = auth.field(0x21).unwrap().as_array().unwrap();
        assert_eq!(tuple[0].as_str(), Some(method));
        assert_eq!(tuple[1].as_str() == Some("secret"), method == "pap-sha256");
        // A second answer to ID does not log in twice.
        assert_eq!(link.feed(&identified(announced)), []);
        assert_eq!(link.writes().len(), 0);
        assert_eq!(link.feed(&ok(AUTH_SYNC)), [Event::Ready]);
        assert_eq!(link.conn.server().unwrap().auth_method(), Some(announced));
    }
    // A server that does not know ID has only chap-sha1.
    let mut link = greeted(over_tls(AuthMethod::Auto));
    link.write();
    assert_eq!(link.feed(&error(ID_SYNC, 48, "Unknown request type 73")), []);
    assert_eq!(scramble_sent(&link.write()[0]).len(), 20);
}

#[test]
fn a_method_that_was_chosen_is_used_at_once() {
    let mut link = greeted(over_tls(AuthMethod::PapSha256));
    let sent = link.write();
    let tuple = sent[1].field(0x21).unwrap().as_array().unwrap();
    assert_eq!((tuple[0].as_str(), tuple[1].as_str()), (Some("pap-sha256"), Some("secret")));
    let mut link = greeted(over_tls(AuthMethod::ChapSha1));
    assert_eq!(scramble_sent(&link.write()[1]).len(), 20);
}

#[test]
fn a_password_itself_is_never_sent_in_clear() {
    let mut config = over_tls(AuthMethod::PapSha256);
    config.is_encrypted = false;
    let mut link = Link::new(config);
    let ended = link.feed_to_end(GREETING_3_7);
    assert_eq!(ended, ConnectionError::PasswordInClear { user: "tester".into() });
    assert!(ended.to_string().contains("is not encrypted"), "{ended}");
    let written = link.writes().concat();
    assert!(!written.windows(6).any(|bytes| bytes == b"secret"), "{written:?}");

    // What the server announces does not change that.
    let mut link = greeted(login("tester", "secret"));
    assert_eq!(scramble_sent(&link.write()[1]).len(), 20);
    assert_eq!(link.feed(&identified("pap-sha256")), []);
    assert_eq!(link.writes().len(), 0);
}

#[test]
fn a_password_that_is_queued_is_not_shown() {
    let mut link = greeted(over_tls(AuthMethod::PapSha256));
    let bytes: Vec<String> = b"secret".iter().map(u8::to_string).collect();
    let shown = format!("{:?}", link.conn);
    assert!(!shown.contains(&bytes.join(", ")) && !shown.contains("secret"), "{shown}");
    let frame = frame(&Auth::pap_sha256("tester", "secret"));
    assert!(!format!("{frame:?}").contains(&bytes.join(", ")));
    assert_eq!(link.write().len(), 2);
}

#[test]
fn a_second_answer_to_the_handshake_changes_nothing() {
    let mut link = Link::ready_with(GREETING_3_7, login("u", "p"));
    assert_eq!(link.feed(&[ok(ID_SYNC), ok(AUTH_SYNC)].concat()), []);
    assert_eq!(link.conn.stats().late_replies, 2);
    let call = link.written_call(1);
    assert_eq!(link.feed(&ok(call.sync())), [Event::Answered(call)]);
}
