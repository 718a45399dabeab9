//! Nothing is lost and nothing comes twice, however often one goes on anew.

use std::time::Duration;

use tarantool_tokio::{Client, Follow, Operation, Vclock, ops};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::mirror::{Mirror, Row};
use crate::{after_snapshot, client, followed, next, with_server};

/// Rows from 1 to 100,000.
const ROWS: &str = r"
    box.begin()
    for key = 1, 100000 do
        box.space.rows:insert({key, key * 10})
        if key % 1000 == 0 then box.commit() box.begin() end
    end
    box.commit()
";
/// The row that is written last.
const LAST: u64 = 1_000_000;

/// Changes of all kinds to `rows` rows and to new ones, some at a time, for a while.
async fn write(client: Client, rounds: u64, rows: u64) {
    let space = client.space::<Row>(512);
    for round in 1..=rounds {
        let key = round * 7919 % rows + 1;
        let new = LAST + round;
        space.insert(&(new, round)).await.unwrap();
        space.replace(&(key, round)).await.unwrap();
        space.update(key, ops().add(1, 3)).await.unwrap();
        space.upsert(&(new, 1), ops().add(1, 5)).await.unwrap();
        space.upsert(&(2 * LAST + round, 1), ops().add(1, 5)).await.unwrap();
        if round % 3 == 0 {
            space.delete(new).await.unwrap();
        }
    }
    space.insert(&(LAST, 0)).await.unwrap();
}

async fn contents(client: &Client) -> Vec<Row> {
    client.space::<Row>(512).select(()).limit(1 << 30).await.unwrap()
}

fn spawn_writes(client: &Client, rounds: u64, rows: u64) -> JoinHandle<()> {
    tokio::spawn(write(client.clone(), rounds, rows))
}

#[test]
fn a_snapshot_and_what_is_changed_meanwhile_in_several_goes() {
    with_server("a_snapshot_and_what_is_changed_meanwhile", ROWS, |server| async move {
        let client = client(&server).await;
        let writes = spawn_writes(&client, 2000, 100_000);
        let mut mirror = Mirror::default();
        let mut snapshot_rows = 0;
        let mut goes = 0;
        let mut saved: Option<Vclock> = None;
        'goes: loop {
            goes += 1;
            let follow = saved.map_or_else(Follow::from_snapshot, Follow::after);
            let mut changes = followed(&server, follow.spaces([512])).await.unwrap();
            let until = mirror.changes + 700 * goes;
            loop {
                let change = next(&mut changes).await;
                snapshot_rows += usize::from(change.is_snapshot());
                mirror.apply(&change);
                saved = change.vclock().cloned();
                if mirror.rows.contains_key(&LAST) {
                    break 'goes;
                }
                if mirror.changes >= until {
                    break;
                }
            }
        }
        writes.await.unwrap();
        assert!(goes >= 5, "{goes}");
        assert!(snapshot_rows >= 100_000, "{snapshot_rows}");
        assert!(mirror.rows.into_iter().eq(contents(&client).await));
    });
}

#[test]
fn what_was_not_wanted_counts_for_where_to_go_on() {
    with_server("what_was_not_wanted_counts", "", |server| async move {
        let client = client(&server).await;
        let mut changes = followed(&server, Follow::from_snapshot().spaces([512])).await.unwrap();
        after_snapshot(&mut changes).await;
        let before = changes.vclock().unwrap().get(1);
        let others = client.space::<Row>(513);
        for key in 0..10 {
            others.insert(&(key, key)).await.unwrap();
        }
        let read = tokio::time::timeout(Duration::from_millis(300), changes.next()).await;
        assert!(read.is_err(), "{read:?}");
        assert_eq!(changes.vclock().unwrap().get(1), before + 10);
        assert!(changes.stats().unwanted >= 10);

        let saved = changes.vclock().unwrap().clone();
        drop(changes);
        client.space::<Row>(512).insert(&(1, 2)).await.unwrap();
        let mut changes = followed(&server, Follow::after(saved)).await.unwrap();
        let change = next(&mut changes).await;
        assert_eq!((change.operation(), change.lsn()), (Operation::Insert, before + 11));
        assert_eq!(change.decode(), Ok((1, 2)));
    });
}

/// A future of `next` that is dropped takes nothing with it.
#[test]
fn dropped_waits_lose_nothing() {
    with_server("dropped_waits_lose_nothing", "", |server| async move {
        let client = client(&server).await;
        let writes = spawn_writes(&client, 300, 10);
        let mut changes = followed(&server, Follow::from_snapshot().spaces([512])).await.unwrap();
        let mut mirror = Mirror::default();
        let mut dropped = 0;
        while !mirror.rows.contains_key(&LAST) {
            tokio::select! {
                biased;
                () = sleep(Duration::ZERO) => dropped += 1,
                change = changes.next() => mirror.apply(&change.unwrap().unwrap()),
            }
        }
        writes.await.unwrap();
        assert!(dropped > 10, "{dropped}");
        assert!(mirror.rows.into_iter().eq(contents(&client).await));
    });
}
