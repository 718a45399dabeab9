//! Settings of a follower.

use std::time::Duration;

use super::Vclock;
use crate::config::Credentials;
use crate::types::Uuid;

/// Settings of a [`Follower`](super::Follower).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FollowConfig {
    /// Who to log in as; `None` (the default) stays the user `guest`. The user needs the role
    /// `replication`.
    pub credentials: Option<Credentials>,
    /// The longest packet to accept, in bytes. Default 128 MiB.
    pub packet_bytes_max: usize,
    /// By what the server tells its replicas apart: any that no other one has, connections that the
    /// server has not yet found dead included. Make a new one for each follower.
    pub instance_uuid: Uuid,
    /// Where to go on; `None` (the default) begins with a snapshot.
    pub after: Option<Vclock>,
    /// The replica set that the server must be of; `None` (the default) takes any. A vclock means
    /// nothing in another replica set than its own.
    pub replicaset_uuid: Option<Uuid>,
    /// The spaces, by number, whose rows are wanted; `None` (the default) are all, with those of the
    /// system.
    pub spaces: Option<Box<[u32]>>,
    /// After how much silence the server counts as dead: at this time at the earliest, and at twice
    /// it at the latest. Default 10 s; `None`: never.
    ///
    /// Servers send something every second, or what their `replication_timeout` says; in a snapshot they
    /// send rows without a pause.
    pub heartbeat_timeout: Option<Duration>,
    /// How long rows may come before the server is told how far they have been taken. Default
    /// 200 ms.
    ///
    /// Servers close after four times their `replication_timeout`, 1 s, without an acknowledgement.
    pub acknowledge_interval: Duration,
}

impl FollowConfig {
    /// The defaults, for a follower of this uuid.
    #[must_use]
    pub const fn new(instance_uuid: Uuid) -> Self {
        Self {
            credentials: None,
            packet_bytes_max: 128 << 20,
            instance_uuid,
            after: None,
            replicaset_uuid: None,
            spaces: None,
            heartbeat_timeout: Some(Duration::from_secs(10)),
            acknowledge_interval: Duration::from_millis(200),
        }
    }
}
