//! Every recorded session, through both state machines: what real servers sent becomes our events,
//! and what clients, ours and others, sent to them becomes requests of our server's side.
//!
//! The table of what was replayed, and what was not with the reason:
//! `cargo test -p tarantool-proto --test transcripts -- --nocapture`.

mod as_client;
mod as_server;
mod frames;
mod report;
mod session;
mod told;
mod written;

use as_client::{Cut, replay};
use report::Report;
use session::{Session, sessions};
use tarantool_proto::Outcome;
use told::{Error, Told};

/// What a replica hears is not for a `Connection`.
const REPLICAS: &str = "a replica's: a Follower follows it in tests/replication/recorded.rs";

fn is_replica(session: &Session) -> bool {
    session.name.contains("anon_replica")
}

#[test]
fn what_servers_sent_becomes_our_events() {
    let sessions = sessions();
    let mut report =
        Report::new(["frames", "handshake", "watches", "answers", "lost", "pushes", "changes"]);
    for session in &sessions {
        if is_replica(session) {
            report.left_out(&session.name, REPLICAS);
            continue;
        }
        for conn in &session.conns {
            let identity = session::identity(&sessions, &session.server);
            let replayed = replay(session, conn, Cut::Recorded, identity);
            assert_eq!(replayed.told, replayed.expected, "{} {}", session.name, conn.name);
            for cut in [Cut::Bytes, Cut::Whole] {
                let again = replay(session, conn, cut, identity);
                assert_eq!(again.told, replayed.told, "{} {}: {cut:?}", session.name, conn.name);
            }
            if let Some(order) = &session.reply_order {
                assert_eq!(&replayed.reply_order, order, "{}", session.name);
            }
            let counts @ [frames, handshake, watches, answers, lost, ..] = replayed.counts();
            assert_eq!(frames, handshake + watches + answers + lost, "a frame without a fate");
            report.line(&format!("{} {}", session.name, conn.name), counts);
            report.reasons(&replayed.left_out);
        }
    }
    // One of the sessions has two connections.
    report.finish("client", sessions.len() + 1, [330, 11, 15, 302, 2, 4, 10]);
}

/// How the sessions that a server ended came to their end, in our words.
#[test]
fn ends_are_told() {
    let sessions = sessions();
    let last = |name: &str, count: usize| {
        let session = sessions.iter().find(|session| session.name.starts_with(name)).unwrap();
        let identity = session::identity(&sessions, &session.server);
        let told = replay(session, &session.conns[0], Cut::Recorded, identity).told;
        told.into_iter().rev().take(count).rev().collect::<Vec<_>>()
    };
    let lost = |request| Told::Lost { request, outcome: Outcome::MaybeExecuted };
    let (code, message) = (20, "Invalid MsgPack - packet length".into());
    let reason = Some(Error { code, message });
    assert_eq!(last("t11", 2), [lost(10), Told::Closed { reason }]);
    assert_eq!(last("t10", 2), [lost(1), Told::Closed { reason: None }]);
    let [change, answer] = &last("t07", 2)[..] else { panic!("no two") };
    let (key, value) = ("box.shutdown".into(), Some(vec![0xc3]));
    assert_eq!(*change, Told::Change { key, value });
    assert!(matches!(answer, Told::Answer { request: 0, reply } if reply.error.is_none()));
}

#[test]
fn what_clients_sent_becomes_requests() {
    let sessions = sessions();
    let mut report = Report::new(["frames", "handed out", "refused", "logins", "identified"]);
    for session in &sessions {
        for conn in &session.conns {
            let whole = as_server::replay(session, conn, usize::MAX);
            let bytes = as_server::replay(session, conn, 1);
            assert_eq!(whole.seen, bytes.seen, "{} {}", session.name, conn.name);
            report.line(&format!("{} {}", session.name, conn.name), whole.counts());
            report.reasons(&whole.different);
        }
    }
    report.finish("server", sessions.len() + 1, [352, 317, 23, 6, 7]);
}
