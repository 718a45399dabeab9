//! The changes of a real server, on threads: Tarantool 2.6 or later, which is skipped where there is
//! none. What is not special to threads is tested on tokio.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tarantool_blocking::{
    Change, Changes, Config, Error, ErrorCode, ErrorKind, Follow, FollowError, Operation, changes,
    connect,
};
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::{Listen, Tarantool};

/// Space 512 with rows from 1 to 1,000, and a user who may follow.
const SPACES: &str = r"
    box.cfg{replication_timeout = 0.1}
    box.schema.space.create('rows', {id = 512}):create_index('primary')
    for key = 1, 1000 do box.space.rows:insert({key, key}) end
    box.schema.user.create('replicator', {password = 'secret'})
    box.schema.user.grant('replicator', 'replication')
    box.schema.user.create('nobody', {password = 'secret'})
";
/// The row that is written last.
const LAST: u64 = 1_000_000;

fn with_server(test: &'static str, listen: Listen, body: fn(Tarantool)) {
    bounded(move || {
        let builder = Tarantool::builder().script(SPACES).listen(listen);
        if let Some(server) = builder.start_or_skip(test) {
            body(server);
        }
    });
}

fn followed(server: &Tarantool, follow: Follow) -> Result<Changes, Error> {
    let config = Config::parse(&server.uri()).unwrap();
    changes(config.user("replicator").password("secret"), follow.spaces([512]))
}

/// Replaces and deletes, in a mirror of the space.
fn apply(mirror: &mut BTreeMap<u64, u64>, change: &Change) {
    match change.operation() {
        Operation::Insert | Operation::Replace => {
            let (key, value): (u64, u64) = change.decode().unwrap();
            mirror.insert(key, value);
        }
        Operation::Delete => {
            let (key,): (u64,) = change.decode_key().unwrap();
            assert!(mirror.remove(&key).is_some());
        }
        Operation::SnapshotEnd => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_space_is_mirrored_in_several_goes() {
    for listen in [Listen::Tcp, Listen::Unix] {
        with_server("a_space_is_mirrored_in_several_goes", listen, |server| {
            let client = connect(server.uri()).unwrap();
            let rows = client.space::<(u64, u64)>(512);
            let writer = thread::spawn({
                let rows = rows.clone();
                move || {
                    for round in 1..=3000 {
                        rows.replace(&(round % 500 + 600, round)).unwrap();
                        if round % 5 == 0 {
                            rows.delete(round % 500 + 600).unwrap();
                        }
                    }
                    rows.replace(&(LAST, 0)).unwrap();
                }
            });
            let mut mirror = BTreeMap::new();
            let mut lsn = None;
            let mut follow = Follow::from_snapshot();
            let mut goes = 0;
            while !mirror.contains_key(&LAST) {
                goes += 1;
                let mut changes = followed(&server, follow).unwrap();
                for change in changes.by_ref().take(1500) {
                    let change = change.unwrap();
                    apply(&mut mirror, &change);
                    if change.lsn() > 0 {
                        assert_eq!(lsn.map(|lsn: u64| lsn + 1), Some(change.lsn()));
                    }
                    lsn = change.vclock().map(|vclock| vclock.get(1));
                    if mirror.contains_key(&LAST) {
                        break;
                    }
                }
                follow = Follow::after(changes.vclock().unwrap().clone());
            }
            writer.join().unwrap();
            assert!(goes > 2, "{goes}");
            let contents = rows.select(()).limit(1 << 30).send().unwrap();
            assert!(mirror.into_iter().eq(contents));
        });
    }
}

#[test]
fn the_end_is_an_error_and_the_last_item() {
    with_server("the_end_is_an_error_and_the_last_item", Listen::Tcp, |server| {
        let mut changes = followed(&server, Follow::from_snapshot()).unwrap();
        assert_eq!(changes.by_ref().take(1001).filter(Result::is_ok).count(), 1001);
        server.kill().unwrap();
        let error = changes.next().unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Changes(FollowError::Connection(_))), "{error}");
        assert!(changes.next().is_none() && changes.next().is_none());
        assert!(changes.vclock().is_some());
    });
}

#[test]
fn a_server_that_hangs_is_noticed() {
    with_server("a_server_that_hangs_is_noticed", Listen::Unix, |server| {
        let timeout = Duration::from_millis(600);
        let follow = Follow::from_snapshot().heartbeat_timeout(timeout);
        let mut changes = followed(&server, follow).unwrap();
        assert_eq!(changes.by_ref().take(1001).filter(Result::is_ok).count(), 1001);
        let pid = server.pid().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
        let stopped = Instant::now();
        let error = changes.next().unwrap().unwrap_err();
        let time = stopped.elapsed();
        let is_silent = matches!(error.kind(), ErrorKind::Changes(FollowError::Silent { .. }));
        assert!(is_silent && error.is_timeout(), "{error}");
        assert!(time >= timeout - Duration::from_millis(150), "{time:?}");
        assert!(time <= 2 * timeout + Duration::from_millis(500), "{time:?}");
    });
}

/// Ten times longer than the server waits for one who tells it nothing.
#[test]
fn who_waits_is_kept() {
    with_server("who_waits_is_kept", Listen::Tcp, |server| {
        let mut changes = followed(&server, Follow::from_snapshot()).unwrap();
        assert_eq!(changes.by_ref().take(1001).filter(Result::is_ok).count(), 1001);
        let client = connect(server.uri()).unwrap();
        let writer = thread::spawn(move || {
            thread::sleep(Duration::from_secs(4));
            client.space::<(u64, u64)>(512).replace(&(7, 8)).unwrap();
        });
        let change = changes.next().unwrap().unwrap();
        assert_eq!(change.decode(), Ok((7, 8)));
        assert!(changes.stats().acknowledgements > 10, "{:?}", changes.stats());
        writer.join().unwrap();
    });
}

#[test]
fn who_may_not_follow_is_told_so() {
    with_server("who_may_not_follow_is_told_so", Listen::Tcp, |server| {
        let config = Config::parse(&server.uri()).unwrap();
        let wrong = config.clone().user("replicator").password("wrong");
        let error = changes(wrong, Follow::from_snapshot()).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::CREDS_MISMATCH), "{error}");
        let nobody = config.user("nobody").password("secret");
        let error = changes(nobody, Follow::from_snapshot()).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::ACCESS_DENIED), "{error}");
    });
}
