//! What is to be followed.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use tarantool_proto::replication::{FollowConfig, Vclock};
use tarantool_proto::types::Uuid;

use crate::config::Config;

/// What is to be followed: from where on, and of which spaces.
///
/// ```
/// use std::time::Duration;
/// use tarantool_client::{Follow, Vclock};
///
/// let first = Follow::from_snapshot().spaces([512, 513]);
/// let saved: Vclock = "{1: 134}".parse()?;
/// let then = Follow::after(saved).spaces([512, 513]).heartbeat_timeout(Duration::from_secs(5));
/// # Ok::<(), tarantool_client::InvalidVclock>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Follow {
    after: Option<Vclock>,
    spaces: Option<Box<[u32]>>,
    heartbeat_timeout: Option<Duration>,
    instance_uuid: Option<Uuid>,
    replicaset_uuid: Option<Uuid>,
}

/// As long as ten heartbeats of a server with default settings.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

impl Follow {
    /// All rows as they are now, then every change.
    #[must_use]
    pub const fn from_snapshot() -> Self {
        Self {
            after: None,
            spaces: None,
            heartbeat_timeout: Some(HEARTBEAT_TIMEOUT),
            instance_uuid: None,
            replicaset_uuid: None,
        }
    }

    /// Every change behind a vclock that was saved before.
    ///
    /// The server must still have its logs since then; if not, the changes end with an error of
    /// which [`is_gap`](tarantool_proto::replication::FollowError::is_gap) is true, and a snapshot is
    /// needed.
    #[must_use]
    pub fn after(vclock: Vclock) -> Self {
        Self { after: Some(vclock), ..Self::from_snapshot() }
    }

    /// Rows of these spaces only, by number; those of users begin at 512. Default: all spaces, with
    /// those of the system.
    ///
    /// The server sends all the same; what is not wanted is passed over.
    #[must_use]
    pub fn spaces(mut self, spaces: impl IntoIterator<Item = u32>) -> Self {
        self.spaces = Some(spaces.into_iter().collect());
        self
    }

    /// After how much silence the server counts as dead: at this time at the earliest, and at twice
    /// it at the latest. Default 10 s; zero: never.
    ///
    /// Servers send something every second, or what their `replication_timeout` says; in a snapshot they
    /// send rows without a pause.
    #[must_use]
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.heartbeat_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self
    }

    /// By what the server tells this follower from others. Default: a random one, each time.
    ///
    /// The server refuses one that it is still sending to.
    #[must_use]
    pub const fn instance_uuid(mut self, uuid: Uuid) -> Self {
        self.instance_uuid = Some(uuid);
        self
    }

    /// The replica set that the server must be of, as [`Changes::replicaset_uuid`] said before.
    /// Default: any. A vclock means nothing in another replica set than its own.
    ///
    /// [`Changes::replicaset_uuid`]: crate::Changes::replicaset_uuid
    #[must_use]
    pub const fn replicaset_uuid(mut self, uuid: Uuid) -> Self {
        self.replicaset_uuid = Some(uuid);
        self
    }

    pub(super) fn config(&self, config: &Config) -> FollowConfig {
        let mut follow = FollowConfig::new(self.instance_uuid.unwrap_or_else(random_uuid));
        follow.credentials.clone_from(&config.session.connection.credentials);
        follow.packet_bytes_max = config.session.connection.packet_bytes_max;
        follow.after.clone_from(&self.after);
        follow.spaces.clone_from(&self.spaces);
        follow.heartbeat_timeout = self.heartbeat_timeout;
        follow.replicaset_uuid = self.replicaset_uuid;
        follow
    }
}

/// A uuid of version 4. It need not be a secret, only another one than anyone else's.
fn random_uuid() -> Uuid {
    let half = || u128::from(RandomState::new().hash_one(0_u64));
    let number = half() << 64 | half();
    let version = number & !(0xf << 76) | 0x4 << 76;
    Uuid::from_u128(version & !(0x3 << 62) | 0x2 << 62)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_differ_and_are_of_version_4() {
        let (one, other) = (random_uuid(), random_uuid());
        assert_ne!(one, other);
        let text = one.to_string();
        assert_eq!(text.as_bytes()[14], b'4', "{text}");
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
    }

    #[test]
    fn what_is_followed_reaches_the_follower() {
        let config = Config::parse("user:secret@host:1?packet_bytes_max=9").unwrap();
        let vclock: Vclock = "{1: 2}".parse().unwrap();
        let uuid = Uuid::from_u128(7);
        let follow = Follow::after(vclock.clone()).spaces([512]).instance_uuid(uuid);
        let follow = follow.heartbeat_timeout(Duration::ZERO).config(&config);
        assert_eq!(follow.credentials, config.session.connection.credentials);
        assert_eq!((follow.packet_bytes_max, follow.instance_uuid), (9, uuid));
        assert_eq!((follow.after, follow.spaces), (Some(vclock), Some([512].into())));
        assert_eq!(follow.heartbeat_timeout, None);
        let first = Follow::from_snapshot().config(&config);
        assert_eq!((first.after, first.spaces, first.replicaset_uuid), (None, None, None));
        assert_eq!(first.heartbeat_timeout, Some(HEARTBEAT_TIMEOUT));
    }
}
