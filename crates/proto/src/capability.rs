//! What a request may need of the server, and which servers have it.

use std::fmt;

use crate::keys::Feature;
use crate::version::Version;

/// Something that not every server has, and that a request may need.
///
/// Older servers ignore much of what they don't know, so a request that needs a capability is not
/// sent to a server without it: see [`Unsupported`]. A request tells what it needs by
/// [`Body::require`](crate::request::Body::require).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// SQL statements. Server 2.0.
    Sql,
    /// SQL statements that are prepared. Server 2.3.1.
    PreparedStatements,
    /// MessagePack extensions (decimal, uuid and the like) as SQL parameters. Server 2.10.0.
    ///
    /// Server 2.6 dies of one.
    SqlExtensions,
    /// Requests in streams. Server 2.10.0.
    Streams,
    /// Transactions in streams. Server 2.10.0.
    Transactions,
    /// Watched keys. Server 2.10.0.
    Watchers,
    /// Positions in selects. Server 2.11.0.
    Pagination,
    /// The present value of a watched key. Server 3.0.0.
    WatchOnce,
    /// Synchronous commit on request. Server 3.1.1.
    SynchronousCommit,
    /// The iterators [`Np`](crate::IteratorType::Np) and [`Pp`](crate::IteratorType::Pp). Server
    /// 3.2.0.
    PrefixIterators,
    /// Inserts of Arrow columns. Server 3.3.0, enterprise; community servers announce it and answer
    /// with an error.
    InsertArrow,
}

impl Capability {
    const ALL: [Self; 11] = [
        Self::Sql,
        Self::PreparedStatements,
        Self::SqlExtensions,
        Self::Streams,
        Self::Transactions,
        Self::Watchers,
        Self::Pagination,
        Self::WatchOnce,
        Self::SynchronousCommit,
        Self::PrefixIterators,
        Self::InsertArrow,
    ];

    /// The first version of the server that has it.
    #[must_use]
    pub const fn since(self) -> Version {
        match self {
            Self::Sql => Version::new(2, 0, 0),
            Self::PreparedStatements => Version::new(2, 3, 1),
            Self::SqlExtensions | Self::Streams | Self::Transactions | Self::Watchers => {
                Version::new(2, 10, 0)
            }
            Self::Pagination => Version::new(2, 11, 0),
            Self::WatchOnce => Version::new(3, 0, 0),
            Self::SynchronousCommit => Version::new(3, 1, 1),
            Self::PrefixIterators => Version::new(3, 2, 0),
            Self::InsertArrow => Version::new(3, 3, 0),
        }
    }

    /// The feature by which a server announces it; `None`: only the version tells.
    #[must_use]
    pub const fn feature(self) -> Option<Feature> {
        match self {
            Self::Streams => Some(Feature::STREAMS),
            Self::Transactions => Some(Feature::TRANSACTIONS),
            Self::Watchers => Some(Feature::WATCHERS),
            Self::Pagination => Some(Feature::PAGINATION),
            Self::WatchOnce => Some(Feature::WATCH_ONCE),
            Self::SynchronousCommit => Some(Feature::IS_SYNC),
            Self::InsertArrow => Some(Feature::INSERT_ARROW),
            Self::Sql | Self::PreparedStatements | Self::SqlExtensions | Self::PrefixIterators => {
                None
            }
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sql => "SQL",
            Self::PreparedStatements => "prepared SQL statements",
            Self::SqlExtensions => "extension values as SQL parameters",
            Self::Streams => "streams",
            Self::Transactions => "transactions in streams",
            Self::Watchers => "watched keys",
            Self::Pagination => "positions in selects",
            Self::WatchOnce => "the present value of a watched key",
            Self::SynchronousCommit => "synchronous commit",
            Self::PrefixIterators => "the iterators NP and PP",
            Self::InsertArrow => "inserts of Arrow columns",
        })
    }
}

/// A request was not sent: the connected server does not have what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub(crate) capability: Capability,
    pub(crate) server: Version,
}

impl Unsupported {
    /// What the request needs.
    #[must_use]
    pub const fn capability(&self) -> Capability {
        self.capability
    }

    /// The version of the connected server.
    #[must_use]
    pub const fn server(&self) -> Version {
        self.server
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capability, server } = self;
        let since = capability.since();
        if *server < since {
            write!(f, "the server, version {server}, lacks {capability}, which came with {since}")
        } else {
            write!(f, "the server, version {server}, does not announce {capability}")
        }
    }
}

impl std::error::Error for Unsupported {}

/// A set of [`Capability`]s, small enough to be looked at for each request.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(u16);

impl Capabilities {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn insert(&mut self, capability: Capability) {
        self.0 |= 1 << capability as u16;
    }

    pub(crate) const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u16) != 0
    }

    /// Those that are in both sets.
    #[inline]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first one in the set.
    pub(crate) fn first(self) -> Option<Capability> {
        self.iter().next()
    }

    fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |one| self.0 & (1 << *one as u16) != 0)
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        let mut set = Self::NONE;
        for capability in capabilities {
            set.insert(capability);
        }
        set
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// All capabilities that `has` denies.
pub(crate) fn lacking(has: impl Fn(Capability) -> bool) -> Capabilities {
    Capability::ALL.into_iter().filter(|capability| !has(*capability)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_has_a_bit_of_its_own() {
        for (at, capability) in Capability::ALL.into_iter().enumerate() {
            let set: Capabilities = [capability].into_iter().collect();
            assert_eq!(set, Capabilities(1 << at));
            assert_eq!(set.first(), Some(capability));
        }
        assert_eq!(lacking(|_| true), Capabilities::NONE);
        assert_eq!(lacking(|_| false).iter().count(), Capability::ALL.len());
    }
}
