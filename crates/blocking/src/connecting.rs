//! Sockets being opened, without blocking for longer than one is asked to.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, sockopt};
use tarantool_client::{Address, Connecting, Connector, Socket};

use crate::socket::{Stream, wait_writable};

/// Opens sockets whose read timeout is `tick`.
pub(crate) struct Sockets {
    pub(crate) tick: Duration,
}

impl Connector for Sockets {
    fn begin(&self, address: &Address) -> io::Result<Box<dyn Connecting>> {
        match address {
            Address::Tcp { host, port } => {
                let left = (host.as_str(), *port).to_socket_addrs()?.collect();
                Ok(Box::new(Tcp { left, begun: None, failure: None, tick: self.tick }))
            }
            Address::Unix(path) => {
                let (socket, address) = (open(AddressFamily::UNIX)?, SocketAddrUnix::new(path)?);
                Ok(Box::new(Unix { socket: Some(socket), address, tick: self.tick }))
            }
            _ => Err(address.unsupported()),
        }
    }
}

/// To the addresses of a host, one after another.
struct Tcp {
    left: VecDeque<SocketAddr>,
    begun: Option<OwnedFd>,
    failure: Option<io::Error>,
    tick: Duration,
}

impl Connecting for Tcp {
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Option<Arc<dyn Socket>>> {
        let Some(socket) = self.begun.take() else {
            self.begin_next()?;
            return Ok(None);
        };
        if !wait_writable(&socket, timeout)? {
            self.begun = Some(socket);
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
            let none = || io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
            return Err(self.failure.take().unwrap_or_else(none));
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
            Ok(socket) => self.begun = Some(socket),
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
