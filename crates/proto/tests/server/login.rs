//! Logins: AUTH and what becomes of it.

use rmpv::Value;
use tarantool_proto::server::{AuthType, ServerConfig};
use tarantool_proto::{ErrorCode, RequestType};

use crate::peer::{Peer, array, error, map, request};

fn auth(user: &str, proof: &[Value]) -> Vec<u8> {
    request(7, 1, &map(&[(0x23, user.into()), (0x21, array(proof))]))
}

/// The reference's known answer, byte by byte.
const KNOWN: &[u8] =
    b"\xce\0\0\0\x2f\x82\x00\x07\x01\x01\x82\x23\xa6tester\x21\x92\xa9chap-sha1\xb4\
    \x21\xb3\xff\x40\x5f\x32\xcb\xe4\xaa\xff\xf2\x91\x39\x60\x46\xea\x29\xfa\x3a\x4d";

#[test]
fn known_answer() {
    let mut peer = Peer::new(ServerConfig::default());
    peer.send(KNOWN);
    let login = peer.login();
    assert_eq!((login.sync, &*login.user), (1, "tester"));
    assert_eq!(format!("{login:?}"), "Login { sync: 1, user: \"tester\", .. }");
    assert_eq!((peer.conn.user(), peer.conn.in_progress()), ("guest", 1));
    assert!(peer.conn.answer_login(login, Some(b"secret")));
    assert_eq!((peer.conn.user(), peer.conn.in_progress()), ("tester", 0));
    let output = peer.output();
    let expected = b"\xce\0\0\0\x1c\x83\x00\xce\0\0\0\0\x01\xcf\0\0\0\0\0\0\0\x01\
        \x05\xcf\0\0\0\0\0\0\0\x01\x80";
    assert_eq!(output, expected);
}

#[test]
fn wrong_password_and_unknown_user_look_alike() {
    let mut answers = Vec::new();
    for password in [Some(b"Secret".as_slice()), Some(b""), None] {
        let mut peer = Peer::new(ServerConfig::default());
        peer.send(KNOWN);
        let login = peer.login();
        assert!(!peer.conn.answer_login(login, password));
        assert_eq!((peer.conn.user(), peer.conn.in_progress()), ("guest", 0));
        answers.push(peer.output());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn a_failure_leaves_the_user() {
    let mut peer = Peer::new(ServerConfig::default());
    peer.send(KNOWN);
    let login = peer.login();
    peer.conn.answer_login(login, Some(b"secret"));
    peer.send(&auth("other", &["chap-sha1".into(), Value::Binary(vec![0; 20])]));
    let login = peer.login();
    assert!(!peer.conn.answer_login(login, Some(b"x")));
    assert_eq!(peer.conn.user(), "tester");

    peer.send(&auth("guest", &[]));
    let login = peer.login();
    assert!(peer.conn.answer_login(login, None));
    assert_eq!(peer.conn.user(), "guest");
}

#[test]
fn malformed_proofs() {
    let refused = |user: &str, proof: &[Value]| {
        let mut peer = Peer::new(ServerConfig::default());
        let (sync, error) = peer.refused(&auth(user, proof));
        assert_eq!((sync, peer.conn.in_progress()), (1, 0));
        (error.code(), error.message().to_owned())
    };
    let body = "Invalid MsgPack - authentication request body".to_owned();
    assert_eq!(refused("tester", &[]), (ErrorCode::INVALID_MSGPACK, body.clone()));
    assert_eq!(refused("guest", &["chap-sha1".into()]), (ErrorCode::INVALID_MSGPACK, body.clone()));
    assert_eq!(refused("guest", &[1.into(), "x".into()]), (ErrorCode::INVALID_MSGPACK, body));
    assert_eq!(
        refused("tester", &["foo".into(), "x".into()]),
        (ErrorCode::UNKNOWN_AUTH_METHOD, "Unknown authentication method 'foo'".into())
    );
    assert_eq!(
        refused("tester", &["pap-sha256".into(), "x".into()]).0,
        ErrorCode::UNKNOWN_AUTH_METHOD
    );
    assert_eq!(
        refused("tester", &["chap-sha1".into(), "x".into()]),
        (
            ErrorCode::INVALID_AUTH_REQUEST,
            "Invalid 'chap-sha1' request: invalid scramble size".into()
        )
    );
    for data in [Value::Nil, array(&[]), 20.into()] {
        let (code, message) = refused("tester", &["chap-sha1".into(), data]);
        assert_eq!(code, ErrorCode::INVALID_AUTH_REQUEST);
        assert_eq!(message, "Invalid 'chap-sha1' request: scramble must be string");
    }
    let (_, message) = refused("tester", &["x".repeat(100_000).into(), "x".into()]);
    assert!(message.len() < 200, "a long name comes back whole");
}

#[test]
fn a_user_that_is_not_text_is_unknown() {
    let mut peer = Peer::new(ServerConfig::default());
    let mut body = vec![0x82, 0x23, 0xa2, 0xff, 0xfe, 0x21, 0x92, 0xa9];
    body.extend_from_slice(b"chap-sha1\xb4");
    body.extend_from_slice(&[0; 20]);
    let (_, error) = peer.refused(&request(7, 1, &body));
    assert_eq!(error.code(), ErrorCode::CREDS_MISMATCH);
}

#[test]
fn passwords_in_clear_where_configured() {
    let mut config = ServerConfig::default();
    config.auth_type = AuthType::PapSha256;
    let mut peer = Peer::new(config);
    for (proof, password, expected) in [
        ("secret", Some(b"secret".as_slice()), true),
        ("secret", Some(b"secreT"), false),
        ("secret", Some(b"secret2"), false),
        ("secret", Some(b""), false),
        ("", Some(b""), true),
        ("secret", None, false),
    ] {
        peer.send(&auth("tester", &["pap-sha256".into(), proof.into()]));
        let login = peer.login();
        assert!(!format!("{login:?}").contains("secret"));
        assert_eq!(peer.conn.answer_login(login, password), expected);
        let reply = peer.replies().remove(0);
        if expected {
            assert_eq!(reply.header.request_type, RequestType::OK);
        } else {
            assert_eq!(error(&reply).code(), ErrorCode::CREDS_MISMATCH);
        }
    }
    let (_, error) = peer.refused(&auth("tester", &["pap-sha256".into(), 1.into()]));
    assert_eq!(error.code(), ErrorCode::INVALID_AUTH_REQUEST);

    peer.send(KNOWN);
    let login = peer.login();
    assert!(peer.conn.answer_login(login, Some(b"secret")), "chap-sha1 is always accepted");

    peer.send(&request(73, 2, &[0x80]));
    assert!(peer.event().unwrap().is_none());
    let reply = peer.replies().remove(1);
    assert!(reply.body.ends_with(b"\x5b\xaapap-sha256"));
}

#[test]
fn proofs_are_not_shown() {
    let bytes = KNOWN[5..].to_vec().into();
    let request = tarantool_proto::server::Incoming::decode(&bytes).unwrap();
    let shown = format!("{request:?}");
    assert!(shown.contains("tester") && !shown.contains("chap-sha1"), "{shown}");
}
