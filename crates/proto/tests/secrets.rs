//! Passwords are not printed, whatever is.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::replication::{FollowConfig, Follower};
use tarantool_proto::request::Auth;
use tarantool_proto::session::{Action, Session, SessionConfig};
use tarantool_proto::types::Uuid;
use tarantool_proto::{AuthMethod, Config, Connection, Credentials, Frame, Password};

const SECRET: &str = "tell nobody";

const GREETING: &[u8; 128] = b"Tarantool 3.7.0 (Binary) \
    11111111-1111-4111-8111-111111111111  \n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";

/// As text, and as the bytes that a derived `Debug` of a buffer would print.
fn hides(printed: &str) {
    assert!(!printed.contains(SECRET), "{printed}");
    let bytes = format!("{:?}", SECRET.as_bytes());
    assert!(!printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
}

fn credentials() -> Option<Credentials> {
    Some(Credentials { user: "ann".into(), password: Password::new(SECRET) })
}

/// The password itself is sent.
fn config() -> Config {
    let mut config = Config::default();
    config.credentials = credentials();
    config.auth_method = AuthMethod::PapSha256;
    config.is_encrypted = true;
    config
}

fn contains(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

#[test]
fn the_test_sees_what_is_not_hidden() {
    for printed in [format!("{SECRET:?}"), format!("{:?}", Some(SECRET.as_bytes().to_vec()))] {
        assert!(std::panic::catch_unwind(|| hides(&printed)).is_err());
    }
}

#[test]
fn settings_and_requests_hide_it() {
    hides(&format!("{:?} {:#?}", config(), config()));
    let password = Password::new(SECRET);
    hides(&format!("{password} {password:?} {:?}", credentials()));
    let auth = Auth::pap_sha256("ann", SECRET);
    hides(&format!("{auth:?}"));
    let mut frame = Frame::new();
    frame.encode(&auth).unwrap();
    assert!(contains(frame.as_bytes()));
    let shown = format!("{frame:?}");
    hides(&shown);
    let size = format!("Frame {{ bytes: {}, ", frame.as_bytes().len());
    assert!(shown.starts_with(&size), "{shown}");
}

#[test]
fn a_connection_hides_it_before_and_after_it_is_sent() {
    let mut conn = Connection::new(config(), None);
    hides(&format!("{conn:?}"));
    let mut input = BytesMut::from(&GREETING[..]);
    assert!(conn.poll_event(&mut input).unwrap().is_none());
    hides(&format!("{conn:?}"));
    let mut output = Vec::new();
    assert!(conn.poll_transmit(&mut output) && contains(&output));
    hides(&format!("{conn:?}"));
}

#[test]
fn a_session_and_a_follower_hide_it() {
    #[allow(clippy::disallowed_methods, reason = "any time to count from")]
    let now = Instant::now();
    let mut settings = SessionConfig::default();
    settings.connection = config();
    hides(&format!("{settings:?}"));
    let mut session = Session::new(settings, 1, now);
    session.handle_timeout(now);
    let Some(Action::Connect { attempt, .. }) = session.poll_action() else {
        panic!("nothing to connect to: {session:?}");
    };
    assert!(session.handle_connected(attempt));
    let mut input = BytesMut::from(&GREETING[..]);
    while session.poll_event(&mut input).unwrap().is_some() {}
    hides(&format!("{session:?}"));
    let mut output = Vec::new();
    assert!(session.poll_transmit(&mut output) && contains(&output));

    let mut settings = FollowConfig::new(Uuid::from_u128(1));
    settings.credentials = credentials();
    hides(&format!("{settings:?}"));
    let mut follower = Follower::new(settings, now, Some(now + Duration::from_secs(1)));
    follower.poll_event(&mut BytesMut::from(&GREETING[..])).unwrap();
    hides(&format!("{follower:?}"));
}
