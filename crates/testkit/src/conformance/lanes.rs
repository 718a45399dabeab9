//! Several connections behind one client.

use std::collections::BTreeSet;
use std::time::Duration;

use tarantool_client::{Client, Version};

use super::backend::{Wanted, connect_as};
use super::{Adapter, Backend};

/// The sessions that requests of this client come to.
async fn sessions<A: Adapter>(client: &Client<A::Mode>, requests: usize) -> BTreeSet<u64> {
    let ids = A::all(client, requests, |client, _| client.call::<u64>("session_id", ())).await;
    ids.into_iter().map(Result::unwrap).collect()
}

pub async fn requests_take_lanes_in_turn_and_one_of_a_name_is_apart<A: Adapter>(server: &Backend) {
    let config = server.config().lanes(3).named_lane("bulk").named_lane("more");
    let client = connect_as::<A>(config).await;
    let spread = sessions::<A>(&client, 30).await;
    assert_eq!(spread.len(), 3);
    let bulk = client.lane("bulk").unwrap();
    let apart = sessions::<A>(&bulk, 30).await;
    assert_eq!(apart.len(), 1);
    assert!(spread.is_disjoint(&apart));
    assert!(apart.is_disjoint(&sessions::<A>(&client.lane("more").unwrap(), 3).await));
    assert!(client.lane("none").is_none());
    assert_eq!(client.lanes().len(), 5);
    for lane in client.lanes() {
        assert_eq!(sessions::<A>(&lane, 3).await.len(), 1);
    }

    let one = connect_as::<A>(server.config()).await;
    assert_eq!((one.lanes().len(), sessions::<A>(&one, 10).await.len()), (1, 1));
    assert!(one.lane("bulk").is_none());
    // Closing closes them all, and a dropped client too.
    client.close();
    for lane in client.lanes() {
        assert!(A::wait(lane.ping()).await.is_err());
    }
}

pub async fn what_belongs_to_a_connection_stays_on_its_lane<A: Adapter>(server: &Backend) {
    // Statements expire with any change of the schema.
    let server = &server.another(&Wanted::default());
    let client = connect_as::<A>(server.config().lanes(3)).await;
    if server.version() >= Version::new(2, 10, 0) {
        for _ in 0..3 {
            assert_eq!(sessions::<A>(&client.stream(), 10).await.len(), 1);
            let txn = A::wait(client.transaction().begin()).await.unwrap();
            assert_eq!(sessions::<A>(&txn, 10).await.len(), 1);
            A::wait(txn.commit()).await.unwrap();
        }
    }
    if server.tarantool().is_some() {
        for _ in 0..3 {
            let statement = A::wait(client.prepare("SELECT 7")).await.unwrap();
            for _ in 0..5 {
                let done = A::wait(client.execute::<(u64,)>(&statement, ())).await.unwrap();
                assert_eq!(done.rows, [(7,)]);
            }
            A::wait(client.unprepare(statement)).await.unwrap();
        }
    }
}

pub async fn a_user_who_logs_in_does_so_on_every_lane<A: Adapter>(server: &Backend) {
    let user = Some(("lane_user".to_owned(), "secret".to_owned()));
    let server = server.another(&Wanted { user, ..Wanted::default() });
    let client = connect_as::<A>(server.config().lanes(3)).await;
    A::wait(client.log_in("lane_user", "secret")).await.unwrap();
    let users = A::all(&client, 9, |client, _| client.call::<String>("user", ())).await;
    for user in users {
        assert_eq!(user.unwrap(), "lane_user");
    }
    assert!(A::wait(client.log_in("lane_user", "wrong")).await.is_err());
}

pub async fn statistics_are_those_of_all_lanes_and_tell_round_trips<A: Adapter>(server: &Backend) {
    let client = connect_as::<A>(server.config().lanes(2).measure_round_trips(true)).await;
    let slept = A::all(&client, 10, |client, _| client.call::<u64>("slow", (0.05, 1))).await;
    assert!(slept.iter().all(Result::is_ok));
    let stats = client.stats();
    assert_eq!((stats.requests, stats.answered, stats.connections), (10, 10, 2));
    assert_eq!((stats.lost, stats.not_sent, stats.lost_connections), (0, 0, 0));
    let timed: u64 = stats.round_trips.buckets().iter().sum();
    assert_eq!(timed, 10);
    let median = Duration::from_micros(stats.round_trips.median());
    assert!(median > Duration::from_millis(25) && median < Duration::from_secs(1), "{median:?}");
    let silent = connect_as::<A>(server.config()).await;
    A::wait(silent.ping()).await.unwrap();
    assert_eq!(silent.stats().round_trips.median(), 0);
}
