//! What real servers sent to an anonymous replica, and what they took from one.

use std::path::PathBuf;

use serde_json::Value as Json;
use tarantool_proto::replication::{Acknowledgement, Change, Event, Operation};

use crate::peer::{Link, SUBSCRIBE, config, field, identity, login};

struct Session {
    server: &'static str,
    /// Written by the replica, a packet each; read by it, a read each.
    events: Vec<(bool, Vec<u8>)>,
}

fn session(file: &str, server: &'static str) -> Session {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts");
    let text = std::fs::read(folder.join(file)).unwrap();
    let session: Json = serde_json::from_slice(&text).unwrap();
    assert_eq!(session["server"], server);
    let mut events = Vec::new();
    for event in session["events"].as_array().unwrap() {
        let direction = event["dir"].as_str().unwrap();
        if matches!(direction, "c2s" | "s2c") {
            events.push((direction == "c2s", hex(event["hex"].as_str().unwrap())));
        }
    }
    Session { server, events }
}

fn sessions() -> [Session; 2] {
    [session("t08_anon_replica_260.json", "2.6.0"), session("t09_anon_replica_370.json", "3.7.0")]
}

fn hex(digits: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

/// What a session tells a follower, and what the follower writes.
#[derive(Debug, PartialEq)]
struct Told {
    snapshot: Vec<Change>,
    changes: Vec<Change>,
    heartbeats: usize,
    written: Vec<Vec<u8>>,
}

/// Follows a session, whose reads are cut into pieces. What the recorded replica did not ask for is
/// answered besides.
fn follow(session: &Session, piece: usize) -> Told {
    let mut config = login(config());
    config.replicaset_uuid = Some("22222222-2222-4222-8222-222222222222".parse().unwrap());
    let mut link = Link::new(config);
    let mut told =
        Told { snapshot: Vec::new(), changes: Vec::new(), heartbeats: 0, written: Vec::new() };
    let mut ready = 0;
    let reads = session.events.iter().filter(|(is_written, _)| !is_written);
    for (nth, (_, read)) in reads.enumerate() {
        for piece in read.chunks(piece) {
            for event in link.feed(piece) {
                match event {
                    Event::Ready => ready += 1,
                    Event::Heartbeat => told.heartbeats += 1,
                    Event::Change(change) if change.is_snapshot() => told.snapshot.push(change),
                    Event::Change(change) => told.changes.push(change),
                    other => panic!("{other:?}"),
                }
                let written = link.write();
                told.written.extend((!written.is_empty()).then_some(written));
            }
        }
        if nth == 0 {
            // The greeting.
            link.write();
            assert_eq!(link.feed(&identity()), []);
        }
    }
    assert_eq!(ready, 1);
    assert!(link.input.is_empty());
    let server = link.follower.server().unwrap();
    assert_eq!(server.version().to_string(), session.server);
    told
}

#[test]
fn sessions_are_followed_however_their_reads_are_cut() {
    for session in sessions() {
        let whole = follow(&session, usize::MAX);
        for piece in [1, 7, 4096] {
            assert_eq!(follow(&session, piece), whole, "in pieces of {piece}");
        }
    }
}

#[test]
fn every_row_is_told() {
    for (session, rows, before) in [
        (&sessions()[0], 644, 134),
        // Before the rows come four packets of the state of elections, and markers.
        (&sessions()[1], 529, 140),
    ] {
        let Told { snapshot, changes, heartbeats, written } = follow(session, usize::MAX);
        assert_eq!(snapshot.len(), rows, "{}", session.server);
        assert!(snapshot.iter().all(|row| row.operation() == Operation::Insert));
        assert!(snapshot.iter().all(|row| row.space_id().is_some() && row.vclock().is_none()));
        let last = snapshot.last().unwrap();
        assert_eq!(last.space_id(), Some(519));
        assert_eq!(last.decode(), Ok((5, "v5")));

        let shown: Vec<_> = changes.iter().map(shown).collect();
        assert_eq!(
            shown,
            [
                format!("SnapshotEnd at {{1: {before}}}"),
                format!("Insert [1, \"a\"] only at {{1: {}}}", before + 1),
                format!("Replace [2, \"b\"] first of 2 at {{1: {}}}", before + 2),
                format!("Update last of 2 at {{1: {}}}", before + 3),
                format!("Upsert [3, \"d\"] only at {{1: {}}}", before + 4),
                format!("Delete only at {{1: {}}}", before + 5),
            ],
            "{}",
            session.server
        );
        assert_eq!(changes[3].decode_key(), Ok((1,)));
        assert_eq!(changes[4].operations(), Some(&[0x91, 0x93, 0xa1, b'=', 0x02, 0xa1, b'e'][..]));
        assert_eq!(changes[5].decode_key(), Ok((2,)));
        // The questions at first, the snapshot, the subscription, and a reply to each heartbeat.
        assert_eq!((heartbeats, written.len()), (3, 2 + 3));
    }
}

fn shown(change: &Change) -> String {
    let operation = change.operation();
    let vclock = change.vclock().unwrap();
    if operation == Operation::SnapshotEnd {
        return format!("{operation:?} at {vclock}");
    }
    assert_eq!(change.space_id(), Some(528));
    assert_eq!((change.replica_id(), change.lsn()), (1, vclock.get(1)));
    assert!(change.timestamp().is_some_and(|seconds| seconds > 1.7e9));
    assert!(!change.is_synchronous() && !change.waits_for_earlier());
    let values = change.tuple().map(|_| {
        let (id, text): (u64, &str) = change.decode().unwrap();
        format!("[{id}, {text:?}] ")
    });
    let place = match (change.is_first(), change.is_last()) {
        (true, true) => "only",
        (true, false) => "first of 2",
        _ => "last of 2",
    };
    let first = change.lsn() - u64::from(place == "last of 2");
    assert_eq!(change.transaction(), first);
    format!("{operation:?} {}{place} at {vclock}", values.unwrap_or_default())
}

/// What the recorded replica wrote, and the server took, is what we write.
#[test]
fn acknowledgements_are_as_recorded() {
    let mut compared = 0;
    for session in sessions() {
        for (_, recorded) in session.events.iter().filter(|(is_written, _)| *is_written) {
            let [0xce, _, _, _, _, 0x82 | 0x81, 0x00, 0x00, ..] = recorded[..] else {
                continue;
            };
            let mut rest = &recorded[5..];
            let header = rmpv::decode::read_value(&mut rest).unwrap();
            let body = rmpv::decode::read_value(&mut rest).unwrap();
            let timestamp = field(&header, 4).and_then(|seconds| seconds.as_f64());
            let mut acknowledgement = Acknowledgement { timestamp, ..Acknowledgement::default() };
            // That one had a part in elections.
            if field(&body, 0x53).is_some() {
                continue;
            }
            for (id, lsn) in field(&body, 0x26).unwrap().as_map().unwrap() {
                let id = id.as_u64().unwrap() as u32;
                acknowledgement.vclock.set(id, lsn.as_u64().unwrap()).unwrap();
            }
            let mut ours = Vec::new();
            acknowledgement.encode(&mut ours);
            assert_eq!(&ours, recorded);
            compared += 1;
        }
    }
    assert_eq!(compared, 7);
}

/// Both servers say in their way that they no longer have what was asked for.
#[test]
fn gaps_are_recognised() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let text = std::fs::read(folder.join("replication_gap.json")).unwrap();
    let group: Json = serde_json::from_slice(&text).unwrap();
    let mut codes = Vec::new();
    for case in group["cases"].as_array().unwrap() {
        let steps = case["steps"].as_array().unwrap();
        let replies = steps.iter().flat_map(|step| step["responses"].as_array().unwrap());
        let replies: Vec<_> = replies.map(|reply| hex(reply.as_str().unwrap())).collect();
        let mut link = Link::subscribed(config(), 10);
        // The first is the acceptance.
        for reply in &replies[1..] {
            let mut reply = reply.clone();
            assert_eq!(reply[5..8], [0x83, 0x00, 0xce], "an error");
            assert_eq!(std::mem::replace(&mut reply[21], SUBSCRIBE as u8), 1, "its sync id");
            let end = link.feed_to_end(&reply);
            assert!(end.is_gap() && end.is_lasting(), "{end}");
            assert!(end.to_string().contains("Missing .xlog file"), "{end}");
            codes.push(end.server().unwrap().code().number());
        }
    }
    assert_eq!(codes, [32, 219]);
}
