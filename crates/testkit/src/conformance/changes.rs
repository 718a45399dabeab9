//! A server's changes, for connectors that have them; in detail with the connector of tokio.

use std::future::Future;

use tarantool_client::{Changes, Client, Config, Error, Follow, Operation};

use super::{Backend, Wanted};

/// Follows a real server, from its snapshot on and then from where one has stopped.
pub async fn followed<C, F>(
    case: &str,
    connect: impl Fn(Config) -> C,
    changes: impl Fn(Config, Follow) -> F,
) where
    C: Future<Output = Result<Client, Error>>,
    F: Future<Output = Result<Changes, Error>>,
{
    let Some(server) = Backend::real(case, &Wanted::default()) else {
        return;
    };
    let client = connect(server.config()).await.unwrap();
    let make = "box.schema.space.create('rows', {id = 600}):create_index('id')";
    let () = client.eval(make, ()).await.unwrap();
    let rows = client.space::<(u64,)>(600);
    for id in 1..=3 {
        rows.insert(&(id,)).await.unwrap();
    }
    let follow = Follow::from_snapshot().spaces([600]);
    let mut following = changes(server.config(), follow).await.unwrap();
    let mut seen = Vec::new();
    let mut vclock = None;
    while seen.len() < 4 {
        let change = following.next().await.unwrap().unwrap();
        vclock = change.vclock().cloned();
        if matches!(change.operation(), Operation::Insert) {
            seen.push(change.decode::<(u64,)>().unwrap().0);
            if seen.len() == 3 {
                rows.insert(&(4,)).await.unwrap();
            }
        }
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    drop(following);

    rows.delete(2).await.unwrap();
    let follow = Follow::after(vclock.unwrap()).spaces([600]);
    let mut following = changes(server.config(), follow).await.unwrap();
    let change = following.next().await.unwrap().unwrap();
    assert!(matches!(change.operation(), Operation::Delete), "{change:?}");
    assert_eq!(change.decode_key::<(u64,)>().unwrap(), (2,));
}
