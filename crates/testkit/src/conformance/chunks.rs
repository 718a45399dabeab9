//! Streams that come in the smallest pieces.

use super::packets::{GREETING, ID, id_unknown, ok_with};
use super::peer::serve;
use super::{Adapter, Backend, connect, connect_as};
use crate::Fault;

/// What the peer of [`a_peer_that_reads_and_writes_single_bytes_is_served`] answers, and how often.
const SEVEN: &[u8] = &[7];
const REQUESTS: usize = 20;

pub async fn a_peer_that_reads_and_writes_single_bytes_is_served<A: Adapter>() {
    let (config, peer) = serve(|link| {
        link.byte_by_byte();
        link.write(GREETING);
        while let Some(request) = link.request() {
            link.write(&match request.kind {
                ID => id_unknown(request.sync),
                _ => ok_with(request.sync, SEVEN),
            });
        }
    });
    let client = connect_as::<A>(config).await;
    let replies = A::all(&client, REQUESTS, |client, length| {
        client.call::<u64>("f", "x".repeat(100 * length))
    });
    for reply in replies.await {
        assert_eq!(reply.unwrap(), 7);
    }
    drop(client);
    peer.join().await;
}

pub async fn replies_of_single_bytes_are_put_together<A: Adapter>(server: &Backend) {
    let server = server.another(&super::Wanted::default());
    let client = connect::<A>(&server).await;
    let Some(embedded) = server.server() else {
        return;
    };
    embedded.fault(Fault::ByteByByte).times(REQUESTS as u64 + 1);
    let replies = A::all(&client, REQUESTS, |client, length| {
        client.call::<(usize, String)>("echo", (length, "x".repeat(10 * length)))
    });
    for (length, reply) in replies.await.into_iter().enumerate() {
        assert_eq!(reply.unwrap(), (length, "x".repeat(10 * length)));
    }
    let unknown = A::wait(client.call::<()>("no_such_function", ())).await.unwrap_err();
    assert!(unknown.code().is_some(), "{unknown}");
}
