//! A server whose every byte a test decides: it listens on a port and speaks by hand.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tarantool_client::{Address, Config};

use super::packets::{GREETING, ID, Request, id_unknown, parse};

/// No test waits longer for bytes that do not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `script` for the one connection that is made to the address in the configuration.
pub(crate) fn serve(script: impl FnOnce(&mut Link) + Send + 'static) -> (Config, Peer) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let input = Vec::new();
        script(&mut Link { stream, input });
    });
    let host = Ipv4Addr::LOCALHOST.to_string();
    let config = Config::new(Address::Tcp { host, port });
    (config, Peer(thread))
}

/// The thread of a script.
pub(crate) struct Peer(JoinHandle<()>);

impl Peer {
    /// Waits for its end and passes its panic on.
    pub(crate) fn join(self) {
        if let Err(panicked) = self.0.join() {
            std::panic::resume_unwind(panicked);
        }
    }
}

/// The server's side of a connection.
pub(crate) struct Link {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Link {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).unwrap();
    }

    /// For clients that may have gone.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Greets, and answers what belongs to the handshake as server 2.6 does.
    pub(crate) fn log_in(&mut self) {
        self.write(GREETING);
        let id = self.request().unwrap();
        assert_eq!(id.kind, ID);
        self.write(&id_unknown(id.sync));
    }

    /// The next request; `None` if the client has gone.
    pub(crate) fn request(&mut self) -> Option<Request> {
        loop {
            if let Some((request, length)) = parse(&self.input) {
                self.input.drain(..length);
                return Some(request);
            }
            let mut chunk = [0; 64 << 10];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(read) => self.input.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no request came: {error}"),
            }
        }
    }

    /// Ends this side of the stream, and only this.
    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits until the client has gone.
    pub(crate) fn linger(&mut self) {
        while self.request().is_some() {}
    }
}
