//! Requests about watched keys.

use super::{Body, Request, Subject};
use crate::capability::Capability;
use crate::keys::{Key, RequestType};
use crate::msgpack::EncodeError;

/// Asks for the next value of a key (2.10), which comes as an event.
///
/// The server does not answer it, so it is no request for [`Connection::send`]: watch keys with
/// [`Connection::watch`], which asks again after each event.
///
/// [`Connection::send`]: crate::Connection::send
/// [`Connection::watch`]: crate::Connection::watch
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch<'a>(&'a str);

impl<'a> Watch<'a> {
    /// Of this key.
    #[must_use]
    pub const fn new(key: &'a str) -> Self {
        Self(key)
    }
}

impl Request for Watch<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::WATCH
    }

    fn subject(&self) -> Subject {
        Subject::with_name(RequestType::WATCH, self.0)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::Watchers);
        body.str(Key::EVENT_KEY, self.0);
        Ok(())
    }
}

/// Asks for no more values of a key (2.10). As [`Watch`], the server does not answer it:
/// [`Connection::unwatch`](crate::Connection::unwatch) sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwatch<'a>(&'a str);

impl<'a> Unwatch<'a> {
    /// Of this key.
    #[must_use]
    pub const fn new(key: &'a str) -> Self {
        Self(key)
    }
}

impl Request for Unwatch<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::UNWATCH
    }

    fn subject(&self) -> Subject {
        Subject::with_name(RequestType::UNWATCH, self.0)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::Watchers);
        body.str(Key::EVENT_KEY, self.0);
        Ok(())
    }
}

/// Reads the value of a key once (3.0). The data of the reply has the value, or nothing if the key
/// has none: [`returned`](crate::Response::returned) decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchOnce<'a>(&'a str);

impl<'a> WatchOnce<'a> {
    /// Of this key.
    #[must_use]
    pub const fn new(key: &'a str) -> Self {
        Self(key)
    }
}

impl Request for WatchOnce<'_> {
    fn request_type(&self) -> RequestType {
        RequestType::WATCH_ONCE
    }

    fn subject(&self) -> Subject {
        Subject::with_name(RequestType::WATCH_ONCE, self.0)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::WatchOnce);
        body.str(Key::EVENT_KEY, self.0);
        Ok(())
    }
}
