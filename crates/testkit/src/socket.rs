//! TCP and Unix sockets as one.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    /// On a free port of this machine alone.
    pub(crate) fn tcp(host: IpAddr) -> io::Result<(Self, String)> {
        let listener = TcpListener::bind((host, 0))?;
        let uri = listener.local_addr()?.to_string();
        Ok((Self::Tcp(listener), uri))
    }

    pub(crate) fn unix(path: &Path) -> io::Result<(Self, String)> {
        let listener = UnixListener::bind(path)?;
        Ok((Self::Unix(listener), format!("unix/:{}", path.display())))
    }

    /// Where another one listened until it was closed.
    pub(crate) fn again(uri: &str) -> io::Result<Self> {
        if let Some(path) = uri.strip_prefix("unix/:") {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Self::unix(Path::new(path)).map(|(listener, _)| listener),
            };
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The standard library sets SO_REUSEADDR. For a moment the port may be that of a
            // connection that another process opens.
            match TcpListener::bind(uri) {
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline =>
                {
                    thread::sleep(Duration::from_millis(5));
                }
                bound => return bound.map(Self::Tcp),
            }
        }
    }

    pub(crate) fn accept(&self) -> io::Result<Stream> {
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

const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a thread that waits in `accept` look up, by connecting to where it listens.
pub(crate) fn wake(uri: &str) {
    let _ = Stream::connect(uri);
}

impl Stream {
    pub(crate) fn connect(uri: &str) -> io::Result<Self> {
        if let Some(path) = uri.strip_prefix("unix/:") {
            return UnixStream::connect(path).map(Self::Unix);
        }
        let stream = TcpStream::connect(uri)?;
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
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

    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).write_all(bytes),
            Self::Unix(stream) => (&mut &*stream).write_all(bytes),
        }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) {
        // It may be closed already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}
