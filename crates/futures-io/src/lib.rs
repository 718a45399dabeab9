//! Tarantool connections over any stream of the [`futures_io`] traits.
//!
//! What `tarantool-smol` and `tarantool-async-std` share, and the way to bind the client to another
//! runtime whose sockets have these traits: [`Socket`] makes a stream a
//! [`Transport`], to be driven by a [`Drive`](tarantool_client::Drive).
//!
//! ```
//! use std::time::Instant;
//!
//! use smol::net::TcpStream;
//! use tarantool_client::{Address, Client, Config, Drive, Error, Sleep};
//! use tarantool_futures_io::Socket;
//!
//! async fn connect(config: &Config) -> Result<Client, Error> {
//!     let open = |address: Address| async move {
//!         Ok(Socket::new(TcpStream::connect(address.to_string()).await?))
//!     };
//!     let (client, drivers) = tarantool_client::connect(config);
//!     for driver in drivers {
//!         let timer = Sleep::new(|at: Instant| async move { drop(smol::Timer::at(at).await) });
//!         smol::spawn(Drive::new(driver, open, timer)).detach();
//!     }
//!     client.ready().await?;
//!     Ok(client)
//! }
//! ```

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_io::{AsyncRead, AsyncWrite};
use tarantool_client::Transport;

/// A stream of the `futures-io` traits as a [`Transport`].
pub struct Socket<S> {
    stream: S,
    /// Where bytes are read to: the trait wants initialised memory, and clearing the input's spare
    /// capacity for each read would cost more than copying what has come.
    chunk: Box<[u8]>,
}

/// As much as a [`Drive`] reads at once.
const CHUNK_BYTES: usize = 80 << 10;

impl<S> Socket<S> {
    /// A stream that is open.
    #[must_use]
    pub fn new(stream: S) -> Self {
        Self { stream, chunk: vec![0; CHUNK_BYTES].into() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for Socket<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        // No more than there is room for, so that the input does not move.
        let room = (input.capacity() - input.len()).min(self.chunk.len());
        let chunk = &mut self.chunk[..room];
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, chunk))?;
        input.extend_from_slice(chunk.get(..read).unwrap_or_default());
        Poll::Ready(Ok(read))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, output: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, output)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl<S> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}
