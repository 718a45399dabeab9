//! From the greeting to a session: identification and login, pipelined in one write.

use super::{Connection, Event, Phase};
use crate::capability::{Capabilities, Capability, lacking};
use crate::config::Credentials;
use crate::error::{ConnectionError, ProtocolError};
use crate::frame::Frame;
use crate::greeting::{GREETING_SIZE, Greeting, Version};
use crate::keys::{Feature, FeatureSet, Key};
use crate::msgpack::{DecodeError, Reader};
use crate::request::{Auth, Id};
use crate::response::Response;
use crate::schema::View;
use crate::slots::SLOT_MAX;

/// Who answered, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    greeting: Greeting,
    protocol_version: u64,
    features: FeatureSet,
    /// Whether it told its features; if not, its version tells them.
    is_identified: bool,
}

impl ServerInfo {
    /// The server's version, from its greeting.
    #[must_use]
    pub fn version(&self) -> Version {
        self.greeting.version()
    }

    /// The server's greeting.
    #[must_use]
    pub const fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The version of the protocol that the server speaks; 0 for servers before 2.10.
    #[must_use]
    pub const fn protocol_version(&self) -> u64 {
        self.protocol_version
    }

    /// What the server can do beyond the basic requests; empty for servers before 2.10.
    #[must_use]
    pub const fn features(&self) -> FeatureSet {
        self.features
    }

    /// Whether the server has this: by its features where it has told them and there is one for it,
    /// else by its version.
    #[must_use]
    pub fn supports(&self, capability: Capability) -> bool {
        match capability.feature() {
            Some(feature) if self.is_identified => self.features.contains(feature),
            _ => self.version() >= capability.since(),
        }
    }

    fn lacking(&self) -> Capabilities {
        lacking(|capability| self.supports(capability))
    }
}

/// What is still to be answered before the connection is ready.
#[derive(Debug)]
pub(super) struct Handshake {
    identified: bool,
    logged_in: bool,
}

/// The requests that a connection makes for itself, each with a sync id of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Id,
    Auth,
    View(View),
}

impl Own {
    const ALL: [Self; 4] =
        [Self::Id, Self::Auth, Self::View(View::Spaces), Self::View(View::Indexes)];

    /// Generation 0, which requests never have, in slots that they never get.
    pub(super) const fn sync(self) -> u64 {
        let number = match self {
            Self::Id => 1,
            Self::Auth => 2,
            Self::View(View::Spaces) => 3,
            Self::View(View::Indexes) => 4,
        };
        SLOT_MAX as u64 + number
    }

    pub(super) fn from_sync(sync: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.sync() == sync)
    }
}

/// The version of the protocol and the features that this client announces: those whose replies
/// it decodes.
const PROTOCOL_VERSION: u64 = 10;
const FEATURES: [u32; 1] = [Feature::SPACE_AND_INDEX_NAMES.number()];

impl Connection {
    /// Reads the greeting and queues identification and login together: neither depends on the
    /// other's reply. A server before 2.10 answers the first with error 48.
    pub(super) fn on_greeting(&mut self, greeting: &[u8; GREETING_SIZE]) {
        let greeting = match Greeting::parse(greeting) {
            Ok(greeting) => greeting,
            Err(error) => return self.end(ProtocolError::Greeting(error).into()),
        };
        let mut frame = Frame::new();
        let id = Id { version: PROTOCOL_VERSION, features: &FEATURES };
        // Fixed values serialize always; an empty frame would leave the handshake to its deadline.
        if frame.encode(&id).is_ok() {
            self.queue_own(&frame, Own::Id);
        }
        let credentials = self.config.credentials.as_ref();
        let logged_in = credentials.is_none();
        if let Some(Credentials { user, password }) = credentials {
            let auth = Auth::chap_sha1(user, password.as_bytes(), greeting.salt());
            if frame.encode(&auth).is_ok() {
                self.queue_own(&frame, Own::Auth);
            }
        }
        self.phase = Phase::Login(Handshake { identified: false, logged_in });
        self.server = Some(ServerInfo {
            greeting,
            protocol_version: 0,
            features: FeatureSet::new(),
            is_identified: false,
        });
    }

    /// Takes the reply to identification or login.
    pub(super) fn on_login_reply(&mut self, own: Own, response: Response) -> Option<Event> {
        let result = response.into_result();
        match own {
            Own::Id => {
                // An error means a server from before 2.10, which is fine.
                if let (Ok(response), Some(server)) = (result, &mut self.server) {
                    if let Err(error) = server.read_id(response.body()) {
                        self.end(ProtocolError::Header(error).into());
                        return None;
                    }
                }
            }
            _ => {
                if let Err(error) = result {
                    let user = self.config.credentials.as_ref().map(|login| login.user.clone());
                    let user = user.unwrap_or_default();
                    self.end(ConnectionError::Login { user, error });
                    return None;
                }
            }
        }
        let Phase::Login(handshake) = &mut self.phase else {
            self.stats.late_replies += 1;
            return None;
        };
        match own {
            Own::Id => handshake.identified = true,
            _ => handshake.logged_in = true,
        }
        if !(handshake.identified && handshake.logged_in) {
            return None;
        }
        self.phase = Phase::Ready;
        if let Some(server) = &self.server {
            self.lacking = server.lacking();
            self.refuse_unsupported();
        }
        self.tell_watches();
        self.admit_waiting();
        Some(Event::Ready)
    }
}

impl ServerInfo {
    fn read_id(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        if body.is_empty() {
            return Ok(());
        }
        self.is_identified = true;
        let mut reader = Reader::new(body);
        for _ in 0..reader.map()? {
            match reader.key()?.map(Key::new) {
                Some(Key::VERSION) => self.protocol_version = reader.uint()?,
                Some(Key::FEATURES) => {
                    for _ in 0..reader.array()? {
                        let number = u32::try_from(reader.uint()?).unwrap_or(u32::MAX);
                        self.features.insert(Feature::new(number));
                    }
                }
                _ => reader.skip()?,
            }
        }
        Ok(())
    }
}

impl From<ProtocolError> for ConnectionError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}
