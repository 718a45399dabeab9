//! From the greeting to the first row: what is asked, in which order, and what refuses it.

use rmpv::Value;
use tarantool_proto::replication::{Event, FollowConfig, FollowError, Operation, Vclock};
use tarantool_proto::types::Uuid;
use tarantool_proto::{ConnectionError, ErrorCode, ProtocolError, RequestType, Stage};

use crate::peer::{
    AUTH, CLUSTER, GREETING_2_6, ID, INSTANCE, Link, REPLICASET, REPLICASET_UUID, SNAPSHOT,
    SUBSCRIBE, VOTE, ballot, config, error, field, identity, login, map, packet_of, reply,
    row_of_uuid, snapshot_row, subscribed, tuple, vclock_reply, written,
};

fn after(text: &str) -> FollowConfig {
    let mut config = config();
    config.after = Some(text.parse().unwrap());
    config
}

fn kinds(bytes: &[u8]) -> Vec<(u64, u64)> {
    written(bytes).into_iter().map(|(kind, sync, _)| (kind, sync)).collect()
}

#[test]
fn all_that_can_be_asked_leaves_in_one_write() {
    let mut link = Link::new(login(config()));
    assert!(link.write().is_empty(), "the server speaks first");
    assert_eq!(link.feed(&GREETING_2_6[..127]), []);
    assert!(link.write().is_empty());
    assert_eq!(link.feed(&GREETING_2_6[127..]), []);
    let asked = kinds(&link.write());
    let expected = [(73, ID), (7, AUTH), (68, VOTE), (1, CLUSTER), (1, REPLICASET_UUID)];
    assert_eq!(asked, expected);
    assert_eq!(link.follower.vclock(), None);
}

#[test]
fn a_snapshot_is_asked_for_once_all_is_answered() {
    let mut link = Link::new(login(config()));
    link.feed(GREETING_2_6);
    link.write();
    assert_eq!(link.feed(&[reply(AUTH, &[]), identity()].concat()), []);
    assert!(link.write().is_empty(), "a vote is not answered");
    assert_eq!(link.feed(&ballot()), []);
    let asked = written(&link.write());
    let [(69, SNAPSHOT, Some(body))] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(field(body, 0x06), Some(&0x0002_0600.into()));
    assert_eq!(field(body, 0x24), Some(&INSTANCE.to_string().into()));
    assert!(!link.follower.is_ready());

    assert_eq!(link.feed(&vclock_reply(SNAPSHOT, &[(0, 3), (1, 134)])), [Event::Ready]);
    assert!(link.follower.is_ready());
    let ballot = link.follower.ballot().unwrap();
    assert_eq!(ballot.vclock.to_string(), "{1: 134}");
    assert!(!ballot.is_read_only && ballot.is_booted.is_none());
    assert_eq!(link.follower.replicaset_uuid().unwrap().to_string(), REPLICASET);

    // What the server says at the end of the snapshot is later than the snapshot.
    let rows = [snapshot_row(tuple(512, &[1])), vclock_reply(SNAPSHOT, &[(1, 140)])].concat();
    let changes = link.changes(&rows);
    assert_eq!(changes[0].decode(), Ok((1,)));
    assert!(changes[0].is_snapshot() && changes[0].is_first() && changes[0].is_last());
    assert_eq!(changes[1].operation(), Operation::SnapshotEnd);
    assert_eq!(changes[1].vclock(), Some(&"{1: 134}".parse().unwrap()));
    assert_eq!(link.follower.vclock(), changes[1].vclock());

    let asked = written(&link.write());
    let [(66, SUBSCRIBE, Some(body))] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(field(body, 0x26), Some(&Value::Map(vec![(1.into(), 134.into())])));
    assert_eq!(field(body, 0x25), Some(&REPLICASET.into()));
    assert_eq!(field(body, 0x50), Some(&true.into()));
    assert_eq!(link.feed(&subscribed(REPLICASET)), [], "ready once only");
}

#[test]
fn with_a_vclock_there_is_no_snapshot() {
    let mut link = Link::asked(after("{0: 9, 1: 100, 2: 7}"));
    let asked = written(&link.write());
    let [(66, SUBSCRIBE, Some(body))] = &asked[..] else { panic!("{asked:?}") };
    let vclock = Value::Map(vec![(1.into(), 100.into()), (2.into(), 7.into())]);
    assert_eq!(field(body, 0x26), Some(&vclock));
    assert_eq!(link.feed(&subscribed(REPLICASET)), [Event::Ready]);
    assert_eq!(link.follower.vclock(), Some(&"{1: 100, 2: 7}".parse().unwrap()));
}

#[test]
fn a_vclock_before_the_oldest_log_is_a_gap() {
    let oldest = |pairs: &[(u64, u64)]| {
        let ballot = [(2, crate::peer::vclock_of(&[(1, 134)])), (3, crate::peer::vclock_of(pairs))];
        reply(VOTE, &[(0x29, map(&ballot))])
    };
    for (pairs, is_gap) in [
        (&[(1, 100)][..], false),
        (&[(0, 5), (1, 99)], false),
        (&[(1, 101)], true),
        (&[(1, 50), (2, 1)], true),
    ] {
        let mut link = Link::new(after("{1: 100}"));
        link.feed(GREETING_2_6);
        link.input.extend_from_slice(&[oldest(pairs), identity()].concat());
        let end = link.events_to_end().1;
        assert_eq!(end.as_ref().is_some_and(FollowError::is_gap), is_gap, "{end:?}");
        assert!(end.is_none_or(|end| end.is_lasting()));
    }
}

#[test]
fn refusals_say_what_was_refused() {
    let denied = |sync| error(sync, 42, "Read access is denied for user 'nobody'");
    let mut link = Link::new(login(config()));
    link.feed(GREETING_2_6);
    let end = link.feed_to_end(&error(AUTH, 47, "Incorrect password"));
    assert!(
        matches!(&end, FollowError::Connection(ConnectionError::Login { user, .. }) if &**user == "replicator")
    );
    assert_eq!(end.server().unwrap().code(), ErrorCode::CREDS_MISMATCH);

    let mut link = Link::new(config());
    link.feed(GREETING_2_6);
    let end = link.feed_to_end(&denied(CLUSTER));
    let FollowError::Refused { request: RequestType::SELECT, .. } = &end else { panic!("{end}") };
    assert!(end.to_string().ends_with("following takes the role \"replication\""), "{end}");

    let mut link = Link::asked(config());
    let end = link.feed_to_end(&denied(SNAPSHOT));
    assert!(end.to_string().contains("refused FETCH_SNAPSHOT"), "{end}");
    assert!(end.is_lasting());

    let mut link = Link::asked(after("{1: 1}"));
    let end = link.feed_to_end(&error(SUBSCRIBE, 59, "duplicate connection"));
    assert!(end.to_string().contains("refused SUBSCRIBE"), "{end}");
    assert!(!end.is_lasting());

    // Of no request, as a trigger makes it.
    let mut link = Link::new(config());
    link.feed(GREETING_2_6);
    let end = link.feed_to_end(&error(0, 32, "go away"));
    assert!(matches!(end, FollowError::Connection(ConnectionError::Refused(_))), "{end}");
}

#[test]
fn another_replica_set() {
    let other = Uuid::from_u128(1);
    for mut config in [config(), after("{1: 1}")] {
        config.replicaset_uuid = Some(other);
        let mut link = Link::new(config);
        link.feed(GREETING_2_6);
        link.write();
        let end = link.feed_to_end(&[ballot(), identity()].concat());
        let found = REPLICASET.parse().unwrap();
        assert_eq!(end, FollowError::OtherReplicaset { expected: other, found });
    }
    // 2.6 says so in its reply only.
    let mut link = Link::asked(after("{1: 1}"));
    let end = link.feed_to_end(&subscribed(&other.to_string()));
    assert!(matches!(end, FollowError::OtherReplicaset { .. }), "{end}");
}

#[test]
fn the_uuid_is_found_by_its_new_name() {
    let mut link = Link::new(config());
    link.feed(GREETING_2_6);
    link.write();
    let old = row_of_uuid(CLUSTER, "cluster", None);
    let new = row_of_uuid(REPLICASET_UUID, "replicaset_uuid", Some(REPLICASET));
    assert_eq!(link.feed(&[reply(ID, &[]), ballot(), old, new].concat()), []);
    assert_eq!(kinds(&link.write()), [(69, SNAPSHOT)]);

    for uuid in [None, Some("none")] {
        let mut link = Link::new(config());
        link.feed(GREETING_2_6);
        let replies = [CLUSTER, REPLICASET_UUID].map(|sync| row_of_uuid(sync, "cluster", uuid));
        let end = link.feed_to_end(&[reply(ID, &[]), ballot(), replies.concat()].concat());
        assert!(end.to_string().contains("uuid of the replica set"), "{end}");
    }
}

#[test]
fn a_peer_that_is_none() {
    let mut link = Link::new(config());
    let end = link.feed_to_end(&[b'x'; 128]);
    let greeted = |end: &FollowError| {
        matches!(
            end,
            FollowError::Connection(ConnectionError::Protocol(ProtocolError::Greeting(_)))
        )
    };
    assert!(greeted(&end), "{end}");

    let mut link = Link::new(config());
    link.feed(GREETING_2_6);
    let end = link.feed_to_end(&reply(99, &[]));
    let unknown = ProtocolError::UnknownSync { sync: 99 };
    assert_eq!(end, FollowError::Connection(unknown.into()));
    // Not asked for either: there are no credentials.
    let mut link = Link::new(config());
    link.feed(GREETING_2_6);
    assert!(matches!(link.feed_to_end(&reply(AUTH, &[])), FollowError::Connection(_)));
}

#[test]
fn how_far_it_had_come() {
    let closed = |link: &mut Link| {
        link.follower.handle_eof();
        match link.events_to_end().1 {
            Some(FollowError::Connection(ConnectionError::Closed { stage, reason: None })) => stage,
            other => panic!("{other:?}"),
        }
    };
    let mut link = Link::new(config());
    link.feed(&GREETING_2_6[..9]);
    assert_eq!(closed(&mut link), Stage::Greeting { received: 9 });
    let mut link = Link::asked(config());
    assert_eq!(closed(&mut link), Stage::Login);
    link.follower.handle_failure(ConnectionError::Shutdown);
    assert_eq!(closed(&mut link), Stage::Login, "the first end sticks");
    let mut link = Link::subscribed(config(), 1);
    assert_eq!(closed(&mut link), Stage::Ready);
    assert_eq!(link.follower.vclock(), Some(&"{1: 1}".parse::<Vclock>().unwrap()));
}

#[test]
fn a_refused_vote_is_named() {
    let mut link = Link::new(config());
    link.feed(GREETING_2_6);
    let refusal = error(VOTE, 116, "Instance bootstrap hasn't finished yet");
    match link.feed_to_end(&refusal) {
        FollowError::Refused { request, error } => {
            assert_eq!((request, error.code()), (RequestType::VOTE, ErrorCode::LOADING));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_transport_that_fails_is_the_end_and_the_first_end_counts() {
    let mut link = Link::subscribed(config(), 10);
    let broken = ConnectionError::Transport("broken pipe".into());
    link.follower.handle_failure(broken.clone());
    link.follower.handle_failure(ConnectionError::Shutdown);
    link.follower.handle_eof();
    assert_eq!(link.events_to_end(), (vec![], Some(FollowError::Connection(broken))));
}

#[test]
fn what_is_no_reply_answers_no_question() {
    let mut link = Link::new(config());
    link.feed(GREETING_2_6);
    link.write();
    let of_code = packet_of(&[(0, 1000.into()), (1, VOTE.into())], Some(map(&[])));
    assert_eq!(link.feed(&of_code), []);
    assert_eq!(link.follower.stats().skipped, 1);
    assert_eq!(link.feed(&[ballot(), identity()].concat()), []);
    let asked = kinds(&link.write());
    assert_eq!(asked, [(69, SNAPSHOT)]);
}

#[test]
fn unwanted_rows_of_the_snapshot_are_passed_over_but_count() {
    let mut config = config();
    config.spaces = Some([512].into());
    let mut link = Link::asked(config);
    let rows = [513, 512, 513].map(|space| snapshot_row(tuple(space, &[1])));
    let bytes = [vclock_reply(SNAPSHOT, &[(1, 134)]), rows.concat()].concat();
    let [Event::Ready, Event::Change(change)] = &link.feed(&bytes)[..] else { panic!() };
    assert_eq!(change.space_id(), Some(512));
    assert_eq!((link.follower.stats().changes, link.follower.stats().unwanted), (1, 2));
}
