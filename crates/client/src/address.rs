//! Where a server listens.

use std::fmt;
use std::io;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::uri::ConfigError;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A host name or an IP address, and a port.
    Tcp {
        /// Host name, IPv4 or IPv6 address (without brackets).
        host: String,
        /// Port.
        port: u16,
    },
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

/// `localhost:3301`, where a server listens that is told no other place.
impl Default for Address {
    fn default() -> Self {
        Self::Tcp { host: "localhost".into(), port: PORT }
    }
}

impl Address {
    /// The error for an address that an adapter cannot connect to on this platform.
    #[must_use]
    pub fn unsupported(&self) -> io::Error {
        let text = format!("{self} is no kind of address that this platform has");
        io::Error::new(io::ErrorKind::Unsupported, text)
    }
}

/// The port of a server that is told no other.
const PORT: u16 = 3301;

impl FromStr for Address {
    type Err = ConfigError;

    /// Reads `host:port`, `[ipv6]:port`, `host`, a port alone, or `unix/:path`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if let Some(path) = text.strip_prefix("unix/:") {
            if path.is_empty() {
                return Err(ConfigError::new("the path of the Unix socket is empty"));
            }
            return Ok(Self::Unix(path.into()));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        let wrong = || ConfigError::new(format!("{text:?} is no host:port and no unix/:path"));
        let port_of = |port: &str| port.parse::<u16>().map_err(|_| wrong());
        if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            let (ip, _zone) = host.split_once('%').unwrap_or((host, ""));
            ip.parse::<Ipv6Addr>().map_err(|_| wrong())?;
            let port = match rest.strip_prefix(':') {
                Some(port) => port_of(port)?,
                None if rest.is_empty() => PORT,
                None => return Err(wrong()),
            };
            return Ok(Self::Tcp { host: host.into(), port });
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Tcp { host: "localhost".into(), port: port_of(text)? });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port_of(port)?),
            None => (text, PORT),
        };
        if host.is_empty() || host.contains(['/', '[', ']']) {
            return Err(wrong());
        }
        Ok(Self::Tcp { host: host.into(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix/:{}", path.display()),
        }
    }
}
