//! What a server says of itself to those who look for one to follow.

use super::Vclock;
use crate::keys::Key;
use crate::msgpack::{DecodeError, Reader, Token};

/// The reply to [`Vote`](super::Vote). What a server's version does not tell is `None`: 2.6 tells
/// the first four only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ballot {
    /// Whether it is configured to take no writes.
    pub is_read_only_by_config: bool,
    /// Whether it takes no writes now.
    pub is_read_only: bool,
    /// What it has.
    pub vclock: Vclock,
    /// Where its oldest log begins: what can be followed without a snapshot.
    pub oldest_vclock: Vclock,
    /// Whether it is an anonymous replica itself.
    pub is_anonymous: Option<bool>,
    /// Whether it has finished its start.
    pub is_booted: Option<bool>,
    /// Whether it may become the leader.
    pub can_lead: Option<bool>,
    /// Its name in the replica set (server 3.0.0).
    pub instance_name: Option<Box<str>>,
}

impl Ballot {
    /// Reads the body of the reply.
    ///
    /// # Errors
    /// It has no ballot, or one of another form.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut ballot = None;
        for _ in 0..reader.map()? {
            if reader.key()? == Some(Key::BALLOT.number()) {
                ballot = Some(Self::read(&mut reader)?);
            } else {
                reader.skip()?;
            }
        }
        ballot.ok_or_else(|| DecodeError::new("no ballot in the reply to a vote"))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut ballot = Self::default();
        for _ in 0..reader.map()? {
            match reader.key()? {
                Some(1) => ballot.is_read_only_by_config = boolean(reader)?,
                Some(2) => ballot.vclock = Vclock::decode(reader)?,
                Some(3) => ballot.oldest_vclock = Vclock::decode(reader)?,
                Some(4) => ballot.is_read_only = boolean(reader)?,
                Some(5) => ballot.is_anonymous = Some(boolean(reader)?),
                Some(6) => ballot.is_booted = Some(boolean(reader)?),
                Some(7) => ballot.can_lead = Some(boolean(reader)?),
                Some(10) => {
                    let name = String::from_utf8_lossy(reader.str_bytes()?);
                    ballot.instance_name = Some(name.into());
                }
                _ => reader.skip()?,
            }
        }
        Ok(ballot)
    }
}

fn boolean(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let at = reader.offset();
    match reader.token()? {
        Token::Bool(value) => Ok(value),
        other => Err(DecodeError::new(format!("expected a boolean, found {other}")).at(at)),
    }
}
