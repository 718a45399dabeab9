//! A server whose every byte a test decides: it listens on a port and speaks by hand.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tarantool_client::{Address, Config};

use super::packets::{GREETING, ID, Request, id_unknown, parse};
use super::waiting::join;

/// No test waits longer for bytes that do not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `script` for the one connection that is made to the address in the configuration.
pub fn serve(script: impl FnOnce(&mut Link) + Send + 'static) -> (Config, Peer) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        script(&mut Link { stream, input: Vec::new(), piece: usize::MAX, pause: Duration::ZERO });
    });
    let host = Ipv4Addr::LOCALHOST.to_string();
    let config = Config::new(Address::Tcp { host, port: address.port() }).reconnect(false);
    (config, Peer { thread, address })
}

/// The thread of a script.
#[derive(Debug)]
pub struct Peer {
    thread: JoinHandle<()>,
    address: SocketAddr,
}

impl Peer {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the end of the script, without standing in the way of the runtime, and passes its
    /// panic on.
    pub async fn join(self) {
        join(self.thread).await;
    }
}

/// The server's side of a connection.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    input: Vec<u8>,
    /// How many bytes are read or written at a time.
    piece: usize,
    /// Before each read.
    pause: Duration,
}

impl Link {
    /// Reads and writes single bytes from now on.
    pub fn byte_by_byte(&mut self) {
        self.piece = 1;
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).unwrap();
    }

    /// For clients that may have gone.
    ///
    /// # Errors
    /// The client is gone.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(self.piece).try_for_each(|piece| self.stream.write_all(piece))
    }

    /// Greets, and answers what belongs to the handshake as server 2.6 does.
    pub fn log_in(&mut self) {
        self.try_log_in().unwrap();
    }

    /// The same for clients that may have gone.
    ///
    /// # Errors
    /// The client is gone.
    pub fn try_log_in(&mut self) -> io::Result<()> {
        self.try_write(GREETING)?;
        let id = self.request().ok_or(io::ErrorKind::UnexpectedEof)?;
        assert_eq!(id.kind, ID);
        self.try_write(&id_unknown(id.sync))
    }

    /// Reads some bytes each time that a little time has passed.
    pub fn read_slowly(&mut self, bytes: usize, pause: Duration) {
        self.piece = bytes;
        self.pause = pause;
    }

    /// The next request; `None` if the client has gone.
    pub fn request(&mut self) -> Option<Request> {
        loop {
            if let Some((request, length)) = parse(&self.input) {
                self.input.drain(..length);
                return Some(request);
            }
            let mut chunk = [0; 64 << 10];
            let piece = self.piece.min(chunk.len());
            thread::sleep(self.pause);
            match self.stream.read(&mut chunk[..piece]) {
                Ok(0) => return None,
                Ok(read) => self.input.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no request came: {error}"),
            }
        }
    }

    /// Ends this side of the stream, and only this.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits until the client has gone.
    pub fn linger(&mut self) {
        while self.request().is_some() {}
    }
}
