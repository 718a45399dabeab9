//! TCP and Unix sockets as one.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// On a free port of this machine alone.
    pub(super) fn tcp(host: IpAddr) -> io::Result<(Self, String)> {
        let listener = TcpListener::bind((host, 0))?;
        let uri = listener.local_addr()?.to_string();
        Ok((Self::Tcp(listener), uri))
    }

    pub(super) fn unix(path: &Path) -> io::Result<(Self, String)> {
        let listener = UnixListener::bind(path)?;
        Ok((Self::Unix(listener), format!("unix/:{}", path.display())))
    }

    pub(super) fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

/// Makes a thread that waits in `accept` look up, by connecting to where it listens.
pub(super) fn wake(uri: &str) {
    let _ = match uri.strip_prefix("unix/:") {
        Some(path) => UnixStream::connect(path).map(drop),
        None => TcpStream::connect(uri).map(drop),
    };
}

impl Stream {
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(stream) => (&mut &*stream).read(buffer),
                Self::Unix(stream) => (&mut &*stream).read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).write_all(bytes),
            Self::Unix(stream) => (&mut &*stream).write_all(bytes),
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) {
        // It may be closed already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}
