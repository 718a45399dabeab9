//! Ballots: what each version tells, and bodies that hold none.

use rmpv::Value;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::replication::{Ballot, FollowError};

use crate::peer::{
    GREETING_2_6, Link, VOTE, config, identity, map, packet_of, reply, vclock_of, written,
};

const BALLOT: u64 = 0x29;

fn bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

/// The body of the reply to a vote, with these pairs in its ballot.
fn body(pairs: &[(u64, Value)]) -> Vec<u8> {
    bytes(&map(&[(BALLOT, map(pairs))]))
}

fn decoded(pairs: &[(u64, Value)]) -> Result<Ballot, DecodeError> {
    Ballot::decode(&body(pairs))
}

/// What 3.7 sends, with another value for each key than what stands for its absence.
fn all() -> Vec<(u64, Value)> {
    vec![
        (1, true.into()),
        (4, true.into()),
        (5, true.into()),
        (6, true.into()),
        (2, vclock_of(&[(1, 140)])),
        (3, vclock_of(&[(1, 7)])),
        (7, true.into()),
        (8, "11111111-1111-4111-8111-111111111111".into()),
        (9, Value::Array(vec!["11111111-1111-4111-8111-111111111111".into()])),
        (10, "storage-1".into()),
    ]
}

fn without(key: u64) -> Vec<(u64, Value)> {
    all().into_iter().filter(|(other, _)| *other != key).collect()
}

#[test]
fn all_that_is_told_is_read() {
    let ballot = decoded(&all()).unwrap();
    assert!(ballot.is_read_only_by_config && ballot.is_read_only);
    assert_eq!(ballot.vclock.to_string(), "{1: 140}");
    assert_eq!(ballot.oldest_vclock.to_string(), "{1: 7}");
    assert_eq!((ballot.is_anonymous, ballot.is_booted), (Some(true), Some(true)));
    assert_eq!(ballot.can_lead, Some(true));
    assert_eq!(ballot.instance_name.as_deref(), Some("storage-1"));
}

#[test]
fn each_key_fills_its_own_field() {
    let whole = decoded(&all()).unwrap();
    let none = Ballot::default();
    for key in 1..=10 {
        let mut expected = whole.clone();
        match key {
            1 => expected.is_read_only_by_config = none.is_read_only_by_config,
            2 => expected.vclock = none.vclock.clone(),
            3 => expected.oldest_vclock = none.oldest_vclock.clone(),
            4 => expected.is_read_only = none.is_read_only,
            5 => expected.is_anonymous = none.is_anonymous,
            6 => expected.is_booted = none.is_booted,
            7 => expected.can_lead = none.can_lead,
            10 => expected.instance_name = none.instance_name.clone(),
            _ => {}
        }
        assert_eq!(decoded(&without(key)), Ok(expected), "without {key}");
    }
    assert_eq!(decoded(&[]), Ok(none));
}

#[test]
fn values_of_other_types_are_refused_with_what_was_found() {
    let boolean = |found| format!("expected a boolean, found {found} at byte 20");
    for (key, value, text) in [
        (1, Value::Nil, boolean("nil")),
        (4, 1.into(), boolean("the integer 1")),
        (5, "true".into(), boolean("a string")),
        (6, vclock_of(&[]), boolean("a map")),
        (7, Value::Array(vec![]), boolean("an array")),
        (2, true.into(), "expected a map, found a boolean at byte 20".into()),
        (3, Value::Array(vec![]), "expected a map, found an array at byte 20".into()),
        (10, 1.into(), "expected a string, found the integer 1 at byte 20".into()),
    ] {
        let start = [(11, "0123456789abcd".into()), (key, value)];
        assert_eq!(decoded(&start).unwrap_err().to_string(), text, "{key}");
    }
    for (vclock, text) in [
        (vclock_of(&[(32, 1)]), "a replica id is not below 32"),
        (
            Value::Map(vec![(1.into(), (-1).into())]),
            "expected an unsigned integer, found the integer -1 at byte 6",
        ),
        (
            Value::Map(vec![("a".into(), 1.into())]),
            "expected an unsigned integer, found a string at byte 5",
        ),
    ] {
        for key in [2, 3] {
            let error = decoded(&[(key, vclock.clone())]).unwrap_err();
            assert_eq!(error.to_string(), text, "{key}");
        }
    }
}

#[test]
fn bodies_without_a_ballot_are_refused() {
    let none = "no ballot in the reply to a vote";
    let key = (BALLOT, map(&all()));
    for (body, text) in [
        (map(&[]), none),
        (map(&[(0x26, vclock_of(&[(1, 134)]))]), none),
        // The number of the key, but as no key of the protocol.
        (Value::Map(vec![("\u{29}".into(), key.1.clone())]), none),
        (Value::Map(vec![((BALLOT + (1 << 32)).into(), key.1.clone())]), none),
        (Value::Array(vec![key.1]), "expected a map, found an array at byte 0"),
        (map(&[(BALLOT, Value::Nil)]), "expected a map, found nil at byte 2"),
        (map(&[(BALLOT, Value::Array(vec![]))]), "expected a map, found an array at byte 2"),
    ] {
        let error = Ballot::decode(&bytes(&body)).unwrap_err();
        assert_eq!(error.to_string(), text, "{body}");
    }
    assert_eq!(
        Ballot::decode(&[]).unwrap_err().to_string(),
        "1 more bytes announced, 0 left at byte 0"
    );
}

#[test]
fn a_ballot_that_is_cut_off_anywhere_is_refused() {
    let whole = body(&all());
    for length in 0..whole.len() {
        assert!(Ballot::decode(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
    }
    assert!(Ballot::decode(&whole).is_ok());
    // More pairs announced than there can be.
    for body in [&b"\x81\x29\xdf\xff\xff\xff\xff\x01\xc3"[..], b"\xdf\xff\xff\xff\xff\x29\x80"] {
        let error = Ballot::decode(body).unwrap_err().to_string();
        assert!(error.starts_with("8589934590 more bytes announced"), "{error}");
    }
}

#[test]
fn of_repeated_keys_the_last_one_counts() {
    let ballot = decoded(&[
        (1, true.into()),
        (2, vclock_of(&[(1, 5), (2, 6)])),
        (6, false.into()),
        (10, "old".into()),
        (1, false.into()),
        (2, vclock_of(&[(1, 4)])),
        (6, true.into()),
        (10, "new".into()),
    ])
    .unwrap();
    assert!(!ballot.is_read_only_by_config);
    assert_eq!(ballot.vclock.to_string(), "{1: 4}", "not the two together");
    assert_eq!(ballot.is_booted, Some(true));
    assert_eq!(ballot.instance_name.as_deref(), Some("new"));
}

#[test]
fn what_is_unknown_is_skipped_whole() {
    let nested = Value::Array(vec![map(&[(1, true.into()), (2, Value::Nil)]), "x".into()]);
    let unknown = || {
        [
            (Value::from(0), nested.clone()),
            (99.into(), nested.clone()),
            ((-1).into(), nested.clone()),
            ("name".into(), nested.clone()),
            (nested.clone(), nested.clone()),
            (0x1_0000_0001_u64.into(), nested.clone()),
        ]
    };
    let known = || all().into_iter().map(|(key, value)| (key.into(), value));
    let ballot = Value::Map(unknown().into_iter().chain(known()).chain(unknown()).collect());
    let body = Value::Map(unknown().into_iter().chain([(BALLOT.into(), ballot)]).collect());
    assert_eq!(Ballot::decode(&bytes(&body)), decoded(&all()));
}

#[test]
fn a_name_that_is_not_utf_8_is_shown_as_far_as_it_is() {
    let ballot = Ballot::decode(b"\x81\x29\x81\x0a\xa3a\xffb").unwrap();
    assert_eq!(ballot.instance_name.as_deref(), Some("a\u{fffd}b"));
}

#[test]
fn following_ends_at_a_malformed_ballot() {
    let header = [(0, 0.into()), (1, VOTE.into()), (5, 70.into())];
    for (vote, text) in [
        (reply(VOTE, &[]), "the server broke the protocol: no ballot in the reply to a vote"),
        (
            reply(VOTE, &[(BALLOT, map(&[(6, 1.into())]))]),
            "the server broke the protocol: expected a boolean, found the integer 1 at byte 4",
        ),
        (
            reply(VOTE, &[(BALLOT, map(&[(3, vclock_of(&[(32, 1)]))]))]),
            "the server broke the protocol: a replica id is not below 32",
        ),
        (
            packet_of(&header, None),
            "the server broke the protocol: 1 more bytes announced, 0 left at byte 0",
        ),
    ] {
        let mut link = Link::new(config());
        assert_eq!(link.feed(GREETING_2_6), []);
        link.write();
        let end = link.feed_to_end(&[vote, identity()].concat());
        assert_eq!(end.to_string(), text);
        assert!(matches!(end, FollowError::Malformed(_)) && end.is_lasting());
        assert!(written(&link.write()).is_empty(), "nothing is asked of such a server");
        assert_eq!(link.follower.ballot(), None);
    }
}
