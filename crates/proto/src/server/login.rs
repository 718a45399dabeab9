//! A client's proof of its password.

use std::fmt;
use std::str;

use super::config::AuthType;
use super::incoming::Incoming;
use super::refusal;
use crate::auth::chap_sha1;
use crate::msgpack::{Reader, Token};
use crate::server_error::ServerError;

/// A client that wants to be another user; answer it with
/// [`ServerConnection::answer_login`](super::ServerConnection::answer_login).
pub struct Login {
    /// The sync id of the request.
    pub sync: u64,
    /// The user that the client wants to be.
    pub user: Box<str>,
    proof: Proof,
}

/// What `guest` is called, the user of every connection before a login.
pub(super) const GUEST: &str = "guest";

enum Proof {
    /// None, which is enough for `guest`.
    Absent,
    Scramble([u8; SCRAMBLE_SIZE]),
    Password(Box<[u8]>),
}

const SCRAMBLE_SIZE: usize = 20;

impl Login {
    /// Checks the form of an AUTH (IPROTO reference, section 9).
    pub(super) fn new(request: &Incoming, accepted: AuthType) -> Result<Self, ServerError> {
        let name = request.fields.user_name.as_deref().unwrap_or_default();
        let proof = Proof::read(
            request.fields.tuple.as_deref().unwrap_or_default(),
            name == GUEST.as_bytes(),
            accepted,
        )?;
        // No user has a name that is not text.
        let user = str::from_utf8(name).map_err(|_| refusal::credentials())?;
        Ok(Self { sync: request.sync, user: user.into(), proof })
    }

    /// Whether the proof is one of this password; `None` is a user without one, or no user.
    pub(super) fn proves(&self, password: Option<&[u8]>, salt: &[u8; 20]) -> bool {
        match (&self.proof, password) {
            (Proof::Absent, _) => true,
            (_, None) => false,
            (Proof::Scramble(scramble), Some(password)) => {
                same(scramble, &chap_sha1(password, salt))
            }
            (Proof::Password(given), Some(password)) => same(given, password),
        }
    }
}

impl Proof {
    fn read(tuple: &[u8], is_guest: bool, accepted: AuthType) -> Result<Self, ServerError> {
        let malformed = || refusal::malformed("authentication request body");
        let mut reader = Reader::new(tuple);
        let length = reader.array().map_err(|_| malformed())?;
        if length == 0 && is_guest {
            return Ok(Self::Absent);
        }
        if length < 2 {
            return Err(malformed());
        }
        let method = reader.str_bytes().map_err(|_| malformed())?;
        let data = reader.token().map_err(|_| malformed())?;
        if method == AuthType::ChapSha1.name().as_bytes() {
            return scramble(data)
                .map_err(|details| refusal::invalid_proof(AuthType::ChapSha1.name(), details));
        }
        if method == AuthType::PapSha256.name().as_bytes() && accepted == AuthType::PapSha256 {
            return match data {
                Token::Str(password) => Ok(Self::Password(password.into())),
                _ => Err(refusal::invalid_proof(
                    AuthType::PapSha256.name(),
                    "password must be string",
                )),
            };
        }
        Err(refusal::unknown_method(method))
    }
}

fn scramble(data: Token<'_>) -> Result<Proof, &'static str> {
    let (Token::Str(bytes) | Token::Bin(bytes)) = data else {
        return Err("scramble must be string");
    };
    bytes.try_into().map(Proof::Scramble).map_err(|_| "invalid scramble size")
}

/// Takes the same time wherever the first difference is, so that the time tells nothing about it.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let differences = given.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == expected.len() && std::hint::black_box(differences) == 0
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("sync", &self.sync)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
