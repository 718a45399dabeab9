//! From the greeting to a session: identification and login, pipelined in one write.

use super::{Connection, Event, Phase};
use crate::auth::AuthMethod;
use crate::capability::{Capabilities, Capability, lacking};
use crate::config::Credentials;
use crate::error::{ConnectionError, ProtocolError};
use crate::frame::Frame;
use crate::greeting::{GREETING_SIZE, Greeting};
use crate::keys::{Feature, FeatureSet, Key};
use crate::msgpack::{DecodeError, Reader};
use crate::request::{Auth, Id};
use crate::response::Response;
use crate::schema::View;
use crate::slots::SLOT_MAX;
use crate::version::Version;

/// Who answered, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    greeting: Greeting,
    protocol_version: u64,
    features: FeatureSet,
    /// Whether it told its features; if not, its version tells them.
    is_identified: bool,
    auth_method: Option<Box<str>>,
}

impl ServerInfo {
    /// A server that has only greeted.
    pub(crate) const fn greeted(greeting: Greeting) -> Self {
        Self {
            greeting,
            protocol_version: 0,
            features: FeatureSet::new(),
            is_identified: false,
            auth_method: None,
        }
    }

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

    /// The server's usual way of logging in, such as `chap-sha1`; `None` for servers before 2.11.
    #[must_use]
    pub fn auth_method(&self) -> Option<&str> {
        self.auth_method.as_deref()
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
    /// Asks whether the server is still there.
    Ping,
}

impl Own {
    const ALL: [Self; 5] =
        [Self::Id, Self::Auth, Self::View(View::Spaces), Self::View(View::Indexes), Self::Ping];

    /// Generation 0, which requests never have, in slots that they never get.
    pub(super) const fn sync(self) -> u64 {
        let number = match self {
            Self::Id => 1,
            Self::Auth => 2,
            Self::View(View::Spaces) => 3,
            Self::View(View::Indexes) => 4,
            Self::Ping => 5,
        };
        SLOT_MAX as u64 + number
    }

    pub(super) fn from_sync(sync: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.sync() == sync)
    }
}

/// The version of the protocol that this client announces.
pub(crate) const PROTOCOL_VERSION: u64 = 10;
/// The features that this client announces: those whose replies it decodes, the ones that depend on
/// the configuration last.
const FEATURES: [u32; 4] = [
    Feature::ERROR_EXTENSION.number(),
    Feature::SPACE_AND_INDEX_NAMES.number(),
    Feature::DML_TUPLE_EXTENSION.number(),
    Feature::CALL_RET_TUPLE_EXTENSION.number(),
];
const FEATURES_ALWAYS: usize = 2;

impl Connection {
    /// Reads the greeting and queues identification and login together: neither depends on the
    /// other's reply, unless the server is asked how to log in. A server before 2.10 answers the first with error 48.
    pub(super) fn on_greeting(&mut self, greeting: &[u8; GREETING_SIZE]) {
        let greeting = match Greeting::parse(greeting) {
            Ok(greeting) => greeting,
            Err(error) => return self.end(ProtocolError::Greeting(error).into()),
        };
        let mut frame = Frame::new();
        let features = if self.config.tuple_formats { FEATURES.len() } else { FEATURES_ALWAYS };
        let features = FEATURES.get(..features).unwrap_or_default();
        let id = Id { version: PROTOCOL_VERSION, features };
        // Fixed values serialize always; an empty frame would leave the handshake to its deadline.
        if frame.encode(&id).is_ok() {
            self.queue_own(&frame, Own::Id);
        }
        let logged_in = self.config.credentials.is_none();
        self.phase = Phase::Login(Handshake { identified: false, logged_in });
        self.server = Some(ServerInfo::greeted(greeting));
        match (self.config.auth_method, self.config.is_encrypted) {
            // The server's answer to ID tells.
            (AuthMethod::Auto, true) => {}
            (AuthMethod::Auto, false) => self.log_in(AuthMethod::ChapSha1),
            (method, _) => self.log_in(method),
        }
    }

    /// Queues the login, if there is one.
    fn log_in(&mut self, method: AuthMethod) {
        let (Some(Credentials { user, password }), Some(server)) =
            (&self.config.credentials, &self.server)
        else {
            return;
        };
        let auth = match method {
            AuthMethod::PapSha256 if !self.config.is_encrypted => {
                let user = user.clone();
                return self.end(ConnectionError::PasswordInClear { user });
            }
            AuthMethod::PapSha256 => Auth::pap_sha256(user, password.as_str()),
            _ => Auth::chap_sha1(user, password.as_str().as_bytes(), server.greeting.salt()),
        };
        let mut frame = Frame::new();
        if frame.encode(&auth).is_ok() {
            self.queue_own(&frame, Own::Auth);
        }
    }

    /// Queues the login that waited for the server to tell its method.
    fn log_in_as_announced(&mut self) {
        if self.config.auth_method != AuthMethod::Auto || !self.config.is_encrypted {
            return;
        }
        let announced = self.server.as_ref().and_then(ServerInfo::auth_method);
        let is_pap = announced == AuthMethod::PapSha256.name();
        self.log_in(if is_pap { AuthMethod::PapSha256 } else { AuthMethod::ChapSha1 });
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
                if matches!(self.phase, Phase::Login(Handshake { identified: false, .. })) {
                    self.log_in_as_announced();
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
    pub(crate) fn read_id(&mut self, body: &[u8]) -> Result<(), DecodeError> {
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
                Some(Key::AUTH_TYPE) => {
                    let name = String::from_utf8_lossy(reader.str_bytes()?);
                    self.auth_method = Some(name.into());
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
