//! Bytes in, bytes out: a connection to the embedded server without a transport.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

use super::Server;
use super::core::Core;
use super::endpoint::Endpoint;
use super::output::Piece;

/// A connection to a [`Server`] that takes and gives bytes when told to: for recorded sessions, and
/// for input that no client would send.
///
/// Functions that are called run inside [`feed`](Self::feed).
pub struct RawLink {
    core: Arc<Core>,
    endpoint: Endpoint,
    input: BytesMut,
    is_over: bool,
}

impl RawLink {
    /// Opens a connection; its greeting, of 128 bytes, has this salt.
    #[must_use]
    pub fn new(server: &Server, salt: [u8; 32]) -> Self {
        let mut endpoint = Endpoint::new(server.next_number(), server.protocol(salt));
        let core = Arc::clone(&server.core);
        endpoint.open(&core, Instant::now());
        Self { core, endpoint, input: BytesMut::new(), is_over: false }
    }

    /// Takes what a client sent, executes what is whole, and returns what the server sends at `now`:
    /// at first the greeting.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<u8> {
        let mut output = Vec::new();
        if self.is_over {
            return output;
        }
        self.input.extend_from_slice(bytes);
        loop {
            let unread = self.input.len();
            self.endpoint.serve(&self.core, &mut self.input, now);
            self.write(&mut output, now);
            // What a limit has left is looked at again once the output is out.
            if self.is_over || self.input.is_empty() || self.input.len() == unread {
                return output;
            }
        }
    }

    /// Whether the server has closed the connection.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many bytes of an unfinished request are kept.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.input.len()
    }

    fn write(&mut self, output: &mut Vec<u8>, now: Instant) {
        while let Some(piece) = self.endpoint.next(now) {
            match piece {
                Piece::Bytes(bytes) | Piece::Trickle(bytes) => output.extend_from_slice(&bytes),
                Piece::HalfClose | Piece::Close => {
                    self.is_over = true;
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for RawLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLink").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
