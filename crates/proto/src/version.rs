//! Versions of servers.

use std::fmt;

/// A server version, ordered by age.
///
/// What follows the three numbers does not count: a build from before a release may be equal to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number: incompatible changes.
    pub major: u32,
    /// Second number: new features, like a protocol version.
    pub minor: u32,
    /// Third number: corrections.
    pub patch: u32,
}

impl Version {
    /// A version to compare with.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
