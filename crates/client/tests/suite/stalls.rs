//! Peers that stop reading.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use tarantool_client::Config;

use super::packets::ok_with;
use super::peer::{Link, Peer, serve};

/// Requests to a peer of [`writes_before_it_reads`].
pub(crate) const REQUESTS: usize = 24;

/// A request to such a peer.
pub(crate) fn request_bytes() -> String {
    "x".repeat(4 << 20)
}

/// Far more than the buffers of a socket take.
pub(crate) fn too_much() -> String {
    "x".repeat(32 << 20)
}

/// Writes each reply of 1 MiB in full before it reads on.
pub(crate) fn writes_before_it_reads() -> (Config, Peer) {
    serve(|link| {
        let mut value = vec![0xdb, 0, 0x10, 0, 0];
        value.resize(5 + (1 << 20), b'x');
        link.log_in();
        for _ in 0..REQUESTS {
            let request = link.request().unwrap();
            link.write(&ok_with(request.sync, &value));
        }
        link.linger();
    })
}

/// A peer that takes no more bytes, until this is dropped.
pub(crate) struct Deaf {
    _until: Sender<()>,
}

/// Logs in and reads no more.
pub(crate) fn deaf() -> (Config, Deaf) {
    deaf_after(Link::log_in)
}

/// Logs in, reads no more, and after a while ends its own side of the stream.
pub(crate) fn deaf_and_half_closed() -> (Config, Deaf) {
    deaf_after(|link| {
        link.log_in();
        thread::sleep(Duration::from_millis(200));
        link.half_close();
    })
}

fn deaf_after(begin: impl FnOnce(&mut Link) + Send + 'static) -> (Config, Deaf) {
    let (until, over) = channel::<()>();
    let (config, _) = serve(move |link| {
        begin(link);
        let _ = over.recv();
    });
    (config, Deaf { _until: until })
}
