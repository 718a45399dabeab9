//! Rows, their transactions, and what is passed over.

use rmpv::Value;
use tarantool_proto::replication::{Change, Event, FollowError, Operation};
use tarantool_proto::{ErrorCode, RequestType};

use crate::peer::{
    DELETE, INSERT, Link, NOP, REPLACE, SUBSCRIBE, UPDATE, UPSERT, array, config, error, heartbeat,
    map, packet_of, reply, row, row_of, tuple,
};

const CONFIRM: u32 = 40;

fn link() -> Link {
    Link::subscribed(config(), 10)
}

/// Of spaces 512 only.
fn choosy() -> Link {
    let mut config = config();
    config.spaces = Some([512].into());
    Link::subscribed(config, 10)
}

/// A row of a transaction: the how manieth, and whether it is the last.
fn part(lsn: u64, tsn: u64, is_last: bool, body: Value) -> Vec<u8> {
    let flags = is_last.then_some((9, 1));
    let more: Vec<_> = [(8, tsn)].into_iter().chain(flags).collect();
    row_of(INSERT, 1, lsn, &more, Some(body))
}

fn shown(changes: &[Change]) -> Vec<(Operation, u64, bool, bool)> {
    let shown = |one: &Change| (one.operation(), one.lsn(), one.is_first(), one.is_last());
    changes.iter().map(shown).collect()
}

#[test]
fn each_operation_has_its_values() {
    let update = map(&[
        (0x10, 512.into()),
        (0x11, 2.into()),
        (0x15, 1.into()),
        (0x20, array(&[7])),
        (0x21, array(&[])),
    ]);
    let upsert = map(&[(0x10, 512.into()), (0x21, array(&[1, 2])), (0x28, array(&[]))]);
    let extended = map(&[
        (0x10, 512.into()),
        (0x20, array(&[7])),
        (0x2c, array(&[7, 8])),
        (0x2d, array(&[7, 9])),
        (0x7f, "unknown".into()),
    ]);
    let mut link = link();
    let changes = link.changes(
        &[
            row(INSERT, 11, Some(tuple(512, &[1]))),
            row(REPLACE, 12, Some(tuple(513, &[2]))),
            row(UPDATE, 13, Some(update)),
            row(UPSERT, 14, Some(upsert)),
            row(DELETE, 15, Some(extended)),
            row(NOP, 16, None),
        ]
        .concat(),
    );
    let operations: Vec<_> = changes.iter().map(Change::operation).collect();
    use Operation::{Delete, Insert, Nop, Replace, Update, Upsert};
    assert_eq!(operations, [Insert, Replace, Update, Upsert, Delete, Nop]);
    assert_eq!(changes[0].decode(), Ok((1,)));
    assert_eq!((changes[0].key(), changes[0].operations()), (None, None));
    let shown = "Change { operation: Insert, space_id: Some(512), vclock: {1: 11}, .. }";
    assert_eq!(format!("{:?}", changes[0]), shown, "without users' data");
    assert_eq!(changes[1].space_id(), Some(513));
    assert_eq!((changes[2].index_id(), changes[2].index_base()), (2, 1));
    assert_eq!((changes[0].index_id(), changes[0].index_base()), (0, 0));
    assert_eq!((changes[2].tuple(), changes[2].operations()), (None, Some(&[0x90][..])));
    assert_eq!(changes[2].decode_key(), Ok((7,)));
    assert!(changes[2].decode::<(u64,)>().unwrap_err().to_string().contains("no tuple"));
    assert!(changes[0].decode_key::<(u64,)>().unwrap_err().to_string().contains("no key"));
    assert_eq!(changes[3].decode(), Ok((1, 2)));
    assert_eq!(changes[3].operations(), Some(&[0x90][..]));
    assert_eq!(changes[4].old_tuple(), Some(&[0x92, 7, 8][..]));
    assert_eq!(changes[4].new_tuple(), Some(&[0x92, 7, 9][..]));
    assert_eq!((changes[5].space_id(), changes[5].body().len()), (None, 0));
    for (change, lsn) in changes.iter().zip(11..) {
        assert_eq!((change.replica_id(), change.lsn(), change.transaction()), (1, lsn, lsn));
        assert_eq!((change.timestamp(), change.is_snapshot()), (Some(2.5), false));
        assert_eq!(change.vclock().unwrap().to_string(), format!("{{1: {lsn}}}"));
    }
}

#[test]
fn a_transaction_ends_with_its_flag() {
    let mut link = link();
    let bytes = [
        row(INSERT, 11, Some(tuple(512, &[1]))),
        part(12, 0, false, tuple(512, &[2])),
        part(13, 1, false, tuple(512, &[3])),
        part(14, 2, true, tuple(512, &[4])),
        // One that waits for others, and is synchronous.
        row_of(INSERT, 1, 15, &[(8, 0), (9, 7)], Some(tuple(512, &[5]))),
    ];
    let changes = link.changes(&bytes.concat());
    let insert = Operation::Insert;
    assert_eq!(
        shown(&changes),
        [
            (insert, 11, true, true),
            (insert, 12, true, false),
            (insert, 13, false, false),
            (insert, 14, false, true),
            (insert, 15, true, true),
        ]
    );
    let transactions: Vec<_> = changes.iter().map(Change::transaction).collect();
    assert_eq!(transactions, [11, 12, 12, 12, 15]);
    assert!(changes[4].waits_for_earlier() && changes[4].is_synchronous());
    assert!(!changes[3].waits_for_earlier() && !changes[3].is_synchronous());
}

#[test]
fn instances_count_by_themselves_and_nothing_comes_twice() {
    let mut link = link();
    let bytes = [
        row_of(INSERT, 2, 1, &[], Some(tuple(512, &[1]))),
        row(INSERT, 10, Some(tuple(512, &[2]))),
        row(INSERT, 11, Some(tuple(512, &[3]))),
        row(INSERT, 11, Some(tuple(512, &[3]))),
        row_of(INSERT, 31, 5, &[], Some(tuple(512, &[4]))),
    ];
    let changes = link.changes(&bytes.concat());
    let keys: Vec<u64> =
        changes.iter().map(|change| change.decode::<(u64,)>().unwrap().0).collect();
    assert_eq!(keys, [1, 3, 4]);
    assert_eq!(changes.iter().map(Change::replica_id).collect::<Vec<_>>(), [2, 1, 31]);
    assert_eq!(link.follower.vclock().unwrap().to_string(), "{1: 11, 2: 1, 31: 5}");
    assert_eq!(link.follower.stats().skipped, 2);
    let end = link.feed_to_end(&row_of(INSERT, 32, 1, &[], Some(tuple(512, &[5]))));
    assert!(end.to_string().contains("replica 32"), "{end}");
}

#[test]
fn what_is_no_change_of_data() {
    let mut link = link();
    // The state of elections has no place in the history, and sometimes no sync id.
    let raft = packet_of(&[(0, 30.into())], Some(map(&[(0, 1.into())])));
    let raft_in_sync = packet_of(&[(0, 30.into()), (1, SUBSCRIBE.into())], Some(map(&[])));
    let of_code = packet_of(&[(0, 1000.into()), (1, 5.into())], Some(map(&[])));
    assert_eq!(link.feed(&[raft, raft_in_sync, of_code, reply(0, &[])].concat()), []);
    assert_eq!(link.follower.stats().skipped, 4);

    let confirm = map(&[(0x02, 1.into()), (0x03, 11.into())]);
    let changes = link.changes(&row(CONFIRM, 11, Some(confirm)));
    assert_eq!(changes[0].operation(), Operation::Other(RequestType::RAFT_CONFIRM));
    assert_eq!((changes[0].space_id(), changes[0].lsn()), (None, 11));
    assert_eq!(changes[0].body()[..], [0x82, 2, 1, 3, 11]);

    assert_eq!(link.feed(&heartbeat()), [Event::Heartbeat]);
}

/// Its keys may mean something else, and it may be no map.
#[test]
fn what_an_unknown_operation_has_is_not_looked_into() {
    let mut link = link();
    let of_other_keys = map(&[(0x10, "x".into()), (0x21, 1.into())]);
    let bytes =
        [row(CONFIRM, 11, Some(of_other_keys.clone())), row(CONFIRM, 12, Some(array(&[1, 2])))];
    let changes = link.changes(&bytes.concat());
    assert_eq!(changes[0].space_id(), None);
    assert_eq!(changes[1].body()[..], [0x92, 1, 2]);
    let end = link.feed_to_end(&row(INSERT, 13, Some(of_other_keys)));
    assert!(matches!(end, FollowError::Malformed(_)), "{end}");
}

#[test]
fn unwanted_spaces_are_passed_over_but_count() {
    let mut link = choosy();
    let bytes = [
        row(INSERT, 11, Some(tuple(513, &[1]))),
        row(NOP, 12, None),
        row(CONFIRM, 13, None),
        row(INSERT, 14, Some(tuple(512, &[2]))),
        row(INSERT, 15, Some(tuple(513, &[3]))),
    ];
    let changes = link.changes(&bytes.concat());
    assert_eq!(shown(&changes), [(Operation::Insert, 14, true, true)]);
    assert_eq!(link.follower.vclock().unwrap().get(1), 15);
    assert_eq!((link.follower.stats().unwanted, link.follower.stats().changes), (4, 1));
}

#[test]
fn a_nop_ends_a_transaction_whose_last_row_is_unwanted() {
    let mut link = choosy();
    let bytes = [
        part(11, 0, false, tuple(512, &[1])),
        part(12, 1, false, tuple(513, &[1])),
        part(13, 2, true, tuple(513, &[2])),
        // Nothing of it is wanted: nothing ends.
        part(14, 0, false, tuple(513, &[3])),
        part(15, 1, true, tuple(513, &[4])),
        // It ends with what is wanted.
        part(16, 0, false, tuple(513, &[5])),
        part(17, 1, true, tuple(512, &[5])),
    ];
    let changes = link.changes(&bytes.concat());
    assert_eq!(
        shown(&changes),
        [
            (Operation::Insert, 11, true, false),
            (Operation::Nop, 13, false, true),
            (Operation::Insert, 17, false, true),
        ]
    );
    assert_eq!((changes[1].tuple(), changes[1].space_id()), (None, None));
}

#[test]
fn the_server_may_end_it_and_say_why() {
    let mut stopped = link();
    stopped.feed(&row(INSERT, 11, Some(tuple(512, &[1]))));
    let end = stopped.feed_to_end(&error(SUBSCRIBE, 115, "timed out"));
    assert!(matches!(&end, FollowError::Stopped(error) if error.message() == "timed out"));
    assert!(!end.is_lasting() && !end.is_gap());
    assert_eq!(stopped.follower.vclock().unwrap().get(1), 11);

    let end = link().feed_to_end(&error(0, 20, "Invalid MsgPack"));
    assert!(matches!(end, FollowError::Stopped(_)), "{end}");

    let end = link().feed_to_end(&error(SUBSCRIBE, 219, "Missing .xlog file"));
    assert_eq!(end.server().unwrap().code(), ErrorCode::XLOG_GAP);
    assert!(end.is_gap() && end.is_lasting());
    // 2.6 has another code for it, and the class in the stack.
    let entry = map(&[(0, "XlogGapError".into()), (3, "Missing".into()), (5, 32.into())]);
    let stack = map(&[(0, Value::Array(vec![entry]))]);
    let header = [(0, (0x8000_u32 | 32).into()), (1, SUBSCRIBE.into())];
    let old = packet_of(&header, Some(map(&[(0x31, "Missing".into()), (0x52, stack)])));
    assert!(link().feed_to_end(&old).is_gap());
}
