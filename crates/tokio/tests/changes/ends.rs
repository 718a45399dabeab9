//! How following is refused and how it ends: always by an error that says why.

use std::process::Command;
use std::time::{Duration, Instant};

use tarantool_testkit::Tarantool;
use tarantool_tokio::types::Uuid;
use tarantool_tokio::{
    Config, ConnectionError, Error, ErrorCode, ErrorKind, Follow, FollowError, Vclock, changes,
};
use tokio::time::sleep;

use crate::{after_snapshot, client, config, end, followed, next, with_server};

async fn refused(config: Config) -> Error {
    changes(config, Follow::from_snapshot()).await.unwrap_err()
}

#[test]
fn who_may_not_follow_is_told_so() {
    with_server("who_may_not_follow_is_told_so", "", |server| async move {
        let error = refused(config(&server).user("replicator").password("wrong")).await;
        assert!(matches!(error.kind(), ErrorKind::Connect(ConnectionError::Login { .. })));
        assert_eq!(error.code(), Some(ErrorCode::CREDS_MISMATCH));
        assert!(!error.is_retry_safe());

        let error = refused(config(&server).user("nobody").password("secret")).await;
        let ErrorKind::Changes(FollowError::Refused { .. }) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(error.code(), Some(ErrorCode::ACCESS_DENIED));
        assert!(!error.is_retry_safe());
        let text = error.to_string();
        assert!(text.contains("'nobody'") && text.contains("role \"replication\""), "{text}");

        // May read the schema, and so comes as far as the snapshot.
        let error = refused(config(&server).user("reader").password("secret")).await;
        assert_eq!(error.code(), Some(ErrorCode::ACCESS_DENIED));
        let text = error.to_string();
        assert!(text.contains("refused FETCH_SNAPSHOT"), "{text}");
        let reader = config(&server).user("reader").password("secret");
        let error = changes(reader, Follow::after(Vclock::new())).await.unwrap_err();
        assert!(error.to_string().contains("refused SUBSCRIBE"), "{error}");
    });
}

#[test]
fn another_replica_set_is_noticed_before_anything_comes() {
    with_server("another_replica_set_is_noticed", "", |server| async move {
        let other = Uuid::from_u128(1);
        for follow in [Follow::from_snapshot(), Follow::after(Vclock::new())] {
            let error = followed(&server, follow.replicaset_uuid(other)).await.unwrap_err();
            let ErrorKind::Changes(FollowError::OtherReplicaset { expected, found }) = error.kind()
            else {
                panic!("{error}");
            };
            assert_eq!(*expected, other);
            let follow = Follow::from_snapshot().replicaset_uuid(*found);
            let changes = followed(&server, follow).await.unwrap();
            assert_eq!(changes.replicaset_uuid(), Some(*found));
        }
    });
}

#[test]
fn a_uuid_in_use_is_refused_for_now() {
    with_server("a_uuid_in_use_is_refused_for_now", "", |server| async move {
        let follow = Follow::after(Vclock::new()).instance_uuid(Uuid::from_u128(7));
        let first = followed(&server, follow.clone()).await.unwrap();
        let error = followed(&server, follow).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::CFG), "{error}");
        assert!(error.is_retry_safe());
        drop(first);
    });
}

fn signal(server: &Tarantool, name: &str) {
    let pid = server.pid().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[test]
fn a_server_that_hangs_is_noticed() {
    with_server("a_server_that_hangs_is_noticed", "", |server| async move {
        let timeout = Duration::from_millis(600);
        let follow = Follow::from_snapshot().heartbeat_timeout(timeout);
        let mut changes = followed(&server, follow).await.unwrap();
        after_snapshot(&mut changes).await;
        // As long as there are heartbeats, silence of changes is none.
        assert!(tokio::time::timeout(3 * timeout, changes.next()).await.is_err());

        signal(&server, "-STOP");
        let stopped = Instant::now();
        let error = end(&mut changes).await;
        let time = stopped.elapsed();
        let is_silent = matches!(error.kind(), ErrorKind::Changes(FollowError::Silent { .. }));
        assert!(is_silent && error.is_timeout(), "{error}");
        assert!(error.is_retry_safe());
        // The last heartbeat came up to 100 ms before.
        assert!(time >= timeout - Duration::from_millis(150), "{time:?}");
        assert!(time <= 2 * timeout + Duration::from_millis(500), "{time:?}");
    });
}

#[test]
fn a_server_that_is_gone_is_noticed() {
    with_server("a_server_that_is_gone_is_noticed", "", |server| async move {
        let mut changes = followed(&server, Follow::from_snapshot()).await.unwrap();
        after_snapshot(&mut changes).await;
        let vclock = changes.vclock().cloned();
        server.kill().unwrap();
        let error = end(&mut changes).await;
        assert!(matches!(error.kind(), ErrorKind::Changes(FollowError::Connection(_))), "{error}");
        assert!(error.is_retry_safe());
        assert!(error.to_string().contains(&server.uri()), "{error}");
        assert_eq!(changes.vclock(), vclock.as_ref());
    });
}

/// The server drops who does not come back for changes; one who waits for them is kept.
#[test]
fn who_waits_is_kept_and_who_is_away_is_dropped() {
    with_server("who_waits_is_kept", "", |server| async move {
        let client = client(&server).await;
        let rows = client.space::<(u64,)>(512);
        let mut changes = followed(&server, Follow::from_snapshot()).await.unwrap();
        after_snapshot(&mut changes).await;
        // Ten times longer than the server waits.
        assert!(tokio::time::timeout(Duration::from_secs(4), changes.next()).await.is_err());
        rows.insert(&(1,)).await.unwrap();
        let change = next(&mut changes).await;
        assert_eq!(change.decode(), Ok((1,)));

        let saved = changes.vclock().unwrap().clone();
        sleep(Duration::from_secs(2)).await;
        rows.insert(&(2,)).await.unwrap();
        let error = end(&mut changes).await;
        assert!(error.is_retry_safe(), "{error}");
        let mut changes = followed(&server, Follow::after(saved)).await.unwrap();
        assert_eq!(next(&mut changes).await.decode(), Ok((2,)));
    });
}

/// Changes without a pause leave no time for heartbeats.
#[test]
fn who_reads_without_a_pause_is_kept() {
    // It waits for an answer for four times as long, which a busy machine may take.
    let lua = r"
        box.cfg{replication_timeout = 0.3}
        for key = 1, 90000 do box.space.rows:replace({key % 10}) end
    ";
    with_server("who_reads_without_a_pause_is_kept", lua, |server| async move {
        let follow = Follow::after(Vclock::new()).spaces([512]);
        let mut changes = followed(&server, follow).await.unwrap();
        let start = Instant::now();
        for nth in 0..90_000 {
            next(&mut changes).await;
            if nth % 30 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
        // Several times longer than the server waits.
        assert!(start.elapsed() > Duration::from_secs(3), "{:?}", start.elapsed());
        assert!(changes.stats().acknowledgements >= 5, "{:?}", changes.stats());
    });
}

#[test]
fn a_vclock_too_old_asks_for_a_snapshot() {
    let lua = r"
        box.cfg{checkpoint_count = 1}
        for key = 1, 3 do
            box.space.rows:insert({key})
            box.snapshot()
        end
        require('fiber').sleep(0.3)
    ";
    with_server("a_vclock_too_old_asks_for_a_snapshot", lua, |server| async move {
        let follow = Follow::after("{1: 1}".parse().unwrap());
        let error = followed(&server, follow).await.unwrap_err();
        let ErrorKind::Changes(why) = error.kind() else { panic!("{error}") };
        assert!(why.is_gap() && !error.is_retry_safe(), "{error}");
        assert!(error.to_string().contains("since {1: 1}"), "{error}");
    });
}
