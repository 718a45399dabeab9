//! Requests about the connection itself: ping, id, auth.

use super::{Body, Request, Subject};
use crate::auth::{AuthMethod, chap_sha1};
use crate::keys::{Key, RequestType};
use crate::msgpack::{EncodeError, write};

/// Does nothing and is answered: a check that the server is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ping;

impl Request for Ping {
    fn request_type(&self) -> RequestType {
        RequestType::PING
    }

    fn encode(&self, _body: &mut Body<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Tells the server what this client can do and asks what the server can (2.10; older servers
/// answer error 48).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id<'a> {
    /// The protocol version of the client.
    pub version: u64,
    /// The features that the client decodes, as numbers of [`Feature`](crate::Feature).
    pub features: &'a [u32],
}

impl Request for Id<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::ID
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        write::uint(body.entry(Key::VERSION), self.version);
        let out = body.entry(Key::FEATURES);
        write::array(out, self.features.len());
        for feature in self.features {
            write::uint(out, u64::from(*feature));
        }
        Ok(())
    }
}

/// Logs a user in. On a connection in use it changes the user of the session; refused, the session
/// keeps the one it had.
#[derive(Clone, Copy)]
pub struct Auth<'a> {
    user: &'a str,
    proof: Proof<'a>,
}

#[derive(Clone, Copy)]
enum Proof<'a> {
    None,
    Scramble([u8; 20]),
    Password(&'a str),
}

impl<'a> Auth<'a> {
    /// Logs `user` in with `password`, for the `salt` of the server's greeting. The password itself
    /// never leaves.
    #[must_use]
    pub fn chap_sha1(user: &'a str, password: &[u8], salt: &[u8; 20]) -> Self {
        Self { user, proof: Proof::Scramble(chap_sha1(password, salt)) }
    }

    /// Logs `user` in by sending `password` itself, which whoever reads the connection can read.
    /// Server 2.11, enterprise, over TLS only; others answer with an error, and have read it then.
    #[must_use]
    pub const fn pap_sha256(user: &'a str, password: &'a str) -> Self {
        Self { user, proof: Proof::Password(password) }
    }

    /// Returns to the user `guest`, who needs no password.
    #[must_use]
    pub const fn guest() -> Self {
        Self { user: "guest", proof: Proof::None }
    }
}

impl Request for Auth<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::AUTH
    }

    fn subject(&self) -> Subject {
        Subject::with_name(RequestType::AUTH, self.user)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.str(Key::USER_NAME, self.user);
        let out = body.entry(Key::TUPLE);
        let (method, proof) = match &self.proof {
            Proof::None => {
                write::array(out, 0);
                return Ok(());
            }
            Proof::Scramble(scramble) => (AuthMethod::ChapSha1, scramble.as_slice()),
            Proof::Password(password) => (AuthMethod::PapSha256, password.as_bytes()),
        };
        write::array(out, 2);
        write::str(out, method.name().unwrap_or_default().as_bytes());
        write::str(out, proof);
        Ok(())
    }
}

impl std::fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("user", &self.user).finish_non_exhaustive()
    }
}
