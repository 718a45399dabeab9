//! Settings of the server's side.

use crate::keys::{Feature, FeatureSet};

/// Settings of one [`ServerConnection`](super::ServerConnection).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The version in the greeting: three numbers with dots. Default `3.7.0`.
    ///
    /// Clients decide by it whether to send ID (2.10.0). It has to be short ASCII text: version and
    /// uuid share a line of 63 bytes, and what is too long is cut off.
    pub version: Box<str>,
    /// The uuid of the instance in the greeting, 36 characters. Default the nil uuid.
    pub instance_uuid: Box<str>,
    /// The protocol version in the reply to ID. Default 10, that of server 3.7.0.
    pub protocol_version: u64,
    /// The features in the reply to ID (IPROTO reference, section 8).
    ///
    /// Default: those up to protocol version 10 that only concern requests, 0 to 6 and 11. The
    /// others change the form of replies or arguments, or announce Arrow: add them only if your
    /// engine does so.
    pub features: FeatureSet,
    /// The method in the reply to ID that clients shall log in with. Default `chap-sha1`.
    pub auth_type: AuthType,
    /// The longest packet to accept, in bytes. Default 128 MiB; servers take up to 2 GiB. A longer
    /// one ends the connection. Requests in progress keep their packets: this times
    /// `in_progress_max` is what one client can make you hold.
    pub packet_bytes_max: usize,
    /// How many requests may be handed out and not answered. Default 768, the server's own
    /// `net_msg_max`; at least 1.
    pub in_progress_max: usize,
    /// Past how many bytes of queued output no request is taken any more. Default 64 MiB; at
    /// least 1.
    pub output_bytes_max: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            version: "3.7.0".into(),
            instance_uuid: "00000000-0000-0000-0000-000000000000".into(),
            protocol_version: 10,
            features: FEATURES.into_iter().collect(),
            auth_type: AuthType::ChapSha1,
            packet_bytes_max: 128 << 20,
            in_progress_max: 768,
            output_bytes_max: 64 << 20,
        }
    }
}

const FEATURES: [Feature; 8] = [
    Feature::STREAMS,
    Feature::TRANSACTIONS,
    Feature::ERROR_EXTENSION,
    Feature::WATCHERS,
    Feature::PAGINATION,
    Feature::SPACE_AND_INDEX_NAMES,
    Feature::WATCH_ONCE,
    Feature::IS_SYNC,
];

/// How a client proves its password (IPROTO reference, section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthType {
    /// By a scramble; the password itself is not sent. Always accepted.
    #[default]
    ChapSha1,
    /// By the password in clear, for encrypted transports. Accepted only where it is configured;
    /// otherwise error 249, as community servers answer.
    PapSha256,
}

impl AuthType {
    /// The method's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChapSha1 => "chap-sha1",
            Self::PapSha256 => "pap-sha256",
        }
    }
}
