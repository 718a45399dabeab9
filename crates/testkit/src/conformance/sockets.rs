//! How a client's sockets are set.

use std::io::{self, Write};

use super::peer::serve;
use super::{Adapter, connect_as};

/// The kernel keeps a small write back until an earlier one is acknowledged, up to 40 ms, if it is not
/// told otherwise.
pub async fn the_kernel_delays_no_request<A: Adapter>() {
    let (config, peer) = serve(|link| {
        link.log_in();
        link.linger();
    });
    let client = connect_as::<A>(config).await;
    match system::no_delay(peer.address()) {
        Ok(set) => assert_eq!(set, [true], "TCP_NODELAY of each socket to the peer"),
        Err(error) => {
            let _ = writeln!(io::stderr(), "SKIPPED the_kernel_delays_no_request: {error}");
        }
    }
    drop(client);
    peer.join().await;
}

#[cfg(target_os = "linux")]
mod system {
    use std::net::SocketAddr;
    use std::{fs, io};

    use rustix::net::{getpeername, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    /// TCP_NODELAY of each of this process's sockets to `peer`.
    ///
    /// # Errors
    /// The system refuses to look.
    pub(super) fn no_delay(peer: SocketAddr) -> io::Result<Vec<bool>> {
        let this = pidfd_open(getpid(), PidfdFlags::empty())?;
        let mut set = Vec::new();
        for entry in fs::read_dir("/proc/self/fd")? {
            let entry = entry?;
            let is_socket = fs::read_link(entry.path())
                .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
            let number = entry.file_name().to_string_lossy().parse();
            let (true, Ok(number)) = (is_socket, number) else {
                continue;
            };
            let socket = match pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) {
                // Other tests close theirs meanwhile.
                Err(rustix::io::Errno::BADF) => continue,
                socket => socket?,
            };
            let address = getpeername(&socket).ok().flatten();
            if address.and_then(|address| SocketAddr::try_from(address).ok()) == Some(peer) {
                set.push(sockopt::tcp_nodelay(&socket)?);
            }
        }
        Ok(set)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::net::SocketAddr;

    pub(super) fn no_delay(_peer: SocketAddr) -> io::Result<Vec<bool>> {
        Err(io::Error::other("sockets can be looked at on Linux alone"))
    }
}
