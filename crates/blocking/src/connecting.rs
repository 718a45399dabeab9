//! Sockets being opened, without blocking for longer than one is asked to.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, sockopt};
use tarantool_client::{Address, Connecting, Connector, Socket, no_address, share_until};

use crate::socket::{Stream, wait_writable};

/// Opens sockets whose read timeout is `tick`, each within `limit`.
pub(crate) struct Sockets {
    pub(crate) tick: Duration,
    pub(crate) limit: Option<Duration>,
}

impl Connector for Sockets {
    fn begin(&self, address: &Address) -> io::Result<Box<dyn Connecting>> {
        match address {
            Address::Tcp { host, port } => {
                let left = (host.as_str(), *port).to_socket_addrs()?.collect();
                let until = self.limit.and_then(|limit| Instant::now().checked_add(limit));
                Ok(Box::new(Tcp { left, begun: None, failure: None, until, tick: self.tick }))
            }
            Address::Unix(path) => {
                let (socket, address) = (open(AddressFamily::UNIX)?, SocketAddrUnix::new(path)?);
                Ok(Box::new(Unix { socket: Some(socket), address, tick: self.tick }))
            }
            _ => Err(address.unsupported()),
        }
    }
}

/// To the addresses of a host, one after another, each for its share of the time.
struct Tcp {
    left: VecDeque<SocketAddr>,
    /// And until when at most.
    begun: Option<(OwnedFd, Option<Instant>)>,
    failure: Option<io::Error>,
    until: Option<Instant>,
    tick: Duration,
}

impl Connecting for Tcp {
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Option<Arc<dyn Socket>>> {
        let Some((socket, until)) = self.begun.take() else {
            self.begin_next()?;
            return Ok(None);
        };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if !wait_writable(&socket, left.into_iter().chain(timeout).min())? {
            if left == Some(Duration::ZERO) {
                self.failure = Some(io::ErrorKind::TimedOut.into());
            } else {
                self.begun = Some((socket, until));
            }
            return Ok(None);
        }
        if let Err(error) = sockopt::socket_error(&socket)? {
            self.failure = Some(error.into());
            return Ok(None);
        }
        let stream = TcpStream::from(socket);
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.tick))?;
        Ok(Some(Arc::new(Stream::new(stream, self.tick))))
    }
}

impl Tcp {
    fn begin_next(&mut self) -> io::Result<()> {
        let Some(address) = self.left.pop_front() else {
            return Err(self.failure.take().unwrap_or_else(no_address));
        };
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        // Of a family that this machine does not have it is as good as out of reach.
        let begun = open(family).and_then(|socket| match connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
            Err(error) => Err(error.into()),
        });
        match begun {
            Ok(socket) => self.begun = Some((socket, share_until(self.until, self.left.len()))),
            Err(error) => self.failure = Some(error),
        }
        Ok(())
    }
}

/// To a Unix domain socket, whose backlog may be full.
struct Unix {
    socket: Option<OwnedFd>,
    address: SocketAddrUnix,
    tick: Duration,
}

/// After which time a full backlog is looked at again.
const BACKLOG_PAUSE: Duration = Duration::from_millis(10);

impl Connecting for Unix {
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Option<Arc<dyn Socket>>> {
        let socket = self.socket.take().ok_or(io::ErrorKind::NotConnected)?;
        match connect(&socket, &self.address) {
            Ok(()) | Err(Errno::ISCONN) => {}
            Err(Errno::AGAIN) => {
                self.socket = Some(socket);
                thread::sleep(timeout.unwrap_or(BACKLOG_PAUSE).min(BACKLOG_PAUSE));
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(self.tick))?;
        Ok(Some(Arc::new(Stream::new(stream, self.tick))))
    }
}

/// A socket that does not block yet.
#[cfg(not(target_vendor = "apple"))]
fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};

    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

/// A socket that does not block yet.
#[cfg(target_vendor = "apple")]
fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};

    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, true)?;
    sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A listener whose backlog is full: the system drops whatever else wants to connect.
    fn swallowing() -> (TcpListener, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let short = Duration::from_millis(50);
        let connect = |_| TcpStream::connect_timeout(&address, short).ok();
        let full = (0..64).map_while(connect).collect::<Vec<_>>();
        assert!(full.len() < 64, "it takes everybody");
        (listener, full)
    }

    fn open(left: VecDeque<SocketAddr>, limit: Duration) -> io::Result<Arc<dyn Socket>> {
        let until = Instant::now().checked_add(limit);
        let tick = Duration::from_millis(10);
        let mut tcp = Tcp { left, begun: None, failure: None, until, tick };
        loop {
            if let Some(socket) = tcp.wait(Some(Duration::from_millis(5)))? {
                return Ok(socket);
            }
        }
    }

    #[test]
    fn an_address_that_swallows_packets_leaves_time_for_the_others() {
        let (swallowing, _full) = swallowing();
        let healthy = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [&swallowing, &healthy].map(|listener| listener.local_addr().unwrap());
        let limit = Duration::from_millis(400);
        let started = Instant::now();
        open(addresses.into(), limit).unwrap();
        let took = started.elapsed();
        assert!(took >= limit / 2 && took < limit, "{took:?}");
        let failed = open([addresses[0]].into(), limit / 4).err().unwrap();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
    }
}
