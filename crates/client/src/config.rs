//! Where and how to connect.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tarantool_proto::{AuthMethod, Batching, Credentials, Password};

/// Where and how to connect: from a URI, a builder, or both.
///
/// ```
/// use std::time::Duration;
/// use tarantool_client::Config;
///
/// let config = Config::parse("tarantool://app:secret@localhost:3301?connect_timeout=2")?
///     .request_timeout(Duration::from_secs(10));
/// assert_eq!(config.to_string(), "app@localhost:3301");              // never the password
/// # Ok::<(), tarantool_client::ConfigError>(())
/// ```
///
/// # Forms of URI
///
/// | form | |
/// |---|---|
/// | `user:password@host:port` | as Tarantool writes it; user and password are optional, the port is 3301 if absent |
/// | `unix/:path`, `user:password@unix/:path` | a Unix domain socket, as Tarantool writes it |
/// | `tarantool://user:password@host:port?…` | with options |
///
/// User and password are percent-decoded. Options: `connect_timeout` and `request_timeout` in
/// seconds (`2`, `0.5`) or milliseconds (`500ms`), `0` for none; `in_flight_max`;
/// `queued_bytes_max` and `packet_bytes_max` in bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    pub(crate) address: Address,
    pub(crate) connection: tarantool_proto::Config,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) request_timeout: Option<Duration>,
}

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

const PORT: u16 = 3301;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

impl Config {
    /// Connects to this address as the user `guest`, with default limits: 5 s to connect, 30 s for
    /// a request.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            connection: tarantool_proto::Config::default(),
            connect_timeout: Some(CONNECT_TIMEOUT),
            request_timeout: Some(REQUEST_TIMEOUT),
        }
    }

    /// Reads a URI; see the forms above.
    ///
    /// # Errors
    /// The URI has none of these forms. The error never shows the password.
    pub fn parse(uri: &str) -> Result<Self, ConfigError> {
        let uri = uri.strip_prefix("tarantool://").unwrap_or(uri);
        let (login, place) = split_login(uri);
        let (address, options) = match place.split_once('?') {
            Some((address, options)) => (address, options),
            None => (place, ""),
        };
        let mut config = Self::new(Address::from_str(address)?);
        if let Some(login) = login {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            config = config.user(decode(user, "user")?).password(decode(password, "password")?);
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            config.set(option)?;
        }
        Ok(config)
    }

    /// Logs in as this user; without one the session belongs to `guest`.
    #[must_use]
    pub fn user(mut self, user: impl Into<Box<str>>) -> Self {
        let password = self.connection.credentials.take().map(|login| login.password);
        let password = password.unwrap_or_default();
        self.connection.credentials = Some(Credentials { user: user.into(), password });
        self
    }

    /// The password of the user; never printed. Without a [`user`](Self::user) it is that of
    /// `guest`.
    #[must_use]
    pub fn password(mut self, password: impl Into<Box<str>>) -> Self {
        let user = self.connection.credentials.take().map(|login| login.user);
        let user = user.unwrap_or_else(|| "guest".into());
        let password = Password::new(password);
        self.connection.credentials = Some(Credentials { user, password });
        self
    }

    /// How to log in. Default [`AuthMethod::Auto`]. As a URI's option: `auth_method=chap-sha1` or
    /// `pap-sha256`.
    #[must_use]
    pub fn auth_method(mut self, method: AuthMethod) -> Self {
        self.connection.auth_method = method;
        self
    }

    /// Says that the stream given to an adapter's `connect_over` is encrypted, so that a password
    /// itself may be sent over it where the server wants that (`pap-sha256`). Default false.
    #[must_use]
    pub fn encrypted(mut self, is_encrypted: bool) -> Self {
        self.connection.is_encrypted = is_encrypted;
        self
    }

    /// Whether structs are filled by the names of columns instead of their positions, so that they
    /// survive a reordered or inserted column; rows of spaces without a format, of calls of
    /// functions that return plain tables, and of servers before 3.0 are filled by position as
    /// ever. Default false. As a URI's option: `tuple_formats=true`.
    ///
    /// Each reply then has the format of its space, which makes small ones larger.
    #[must_use]
    pub fn tuple_formats(mut self, by_name: bool) -> Self {
        self.connection.tuple_formats = by_name;
        self
    }

    /// Connecting and logging in must be done within this time. Default 5 s; zero: no limit.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self
    }

    /// A request must be answered within this time, waiting for a place and queueing included.
    /// Default 30 s; zero: no limit. [`Client::with_timeout`](crate::Client::with_timeout)
    /// overrides it.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self
    }

    /// How many requests may be under way at a time; more wait for a place. Default 16,384.
    #[must_use]
    pub fn in_flight_max(mut self, requests: usize) -> Self {
        self.connection.in_flight_max = requests;
        self
    }

    /// How many bytes of requests may wait to be written; more requests wait for a place. Default
    /// 64 MiB.
    #[must_use]
    pub fn queued_bytes_max(mut self, bytes: usize) -> Self {
        self.connection.queued_bytes_max = bytes;
        self
    }

    /// The longest packet to send or to accept. Default 128 MiB.
    #[must_use]
    pub fn packet_bytes_max(mut self, bytes: usize) -> Self {
        self.connection.packet_bytes_max = bytes;
        self
    }

    /// How many messages of a running call may wait to be taken, and how many bytes of them; more are
    /// dropped, and their number is told. Default 1024 and 16 MiB.
    #[must_use]
    pub fn pushes_max(mut self, messages: usize, bytes: usize) -> Self {
        self.connection.pushes_max = messages;
        self.connection.push_bytes_max = bytes;
        self
    }

    /// When queued requests are written. Default [`Batching::adaptive`]. The blocking client does not
    /// linger: the thread that would wait is the one that needs the reply.
    #[must_use]
    pub fn batching(mut self, batching: Batching) -> Self {
        self.connection.batching = batching;
        self
    }

    /// Where to connect to.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Within what time connecting and logging in must be done; `None`: no limit.
    #[must_use]
    pub const fn connect_limit(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// Within what time a request must be answered; `None`: no limit.
    #[must_use]
    pub const fn request_limit(&self) -> Option<Duration> {
        self.request_timeout
    }

    fn set(&mut self, option: &str) -> Result<(), ConfigError> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let wrong = |what| ConfigError::new(format!("option {name}: {value:?} is no {what}"));
        let duration = || duration(value).ok_or_else(|| wrong("time in seconds, or with ms"));
        let count = || value.parse::<usize>().map_err(|_| wrong("number"));
        *self = match name {
            "connect_timeout" => self.clone().connect_timeout(duration()?),
            "request_timeout" => self.clone().request_timeout(duration()?),
            "in_flight_max" => self.clone().in_flight_max(count()?),
            "queued_bytes_max" => self.clone().queued_bytes_max(count()?),
            "packet_bytes_max" => self.clone().packet_bytes_max(count()?),
            "tuple_formats" => {
                let by_name = value.parse().map_err(|_| wrong("true or false"))?;
                self.clone().tuple_formats(by_name)
            }
            "auth_method" => {
                let known = [AuthMethod::ChapSha1, AuthMethod::PapSha256];
                let method = known.into_iter().find(|method| method.name() == Some(value));
                let what = "method: chap-sha1, pap-sha256";
                self.clone().auth_method(method.ok_or_else(|| wrong(what))?)
            }
            _ => return Err(ConfigError::new(format!("unknown option {name:?}"))),
        };
        Ok(())
    }
}

/// Cuts `login@` off. The last `@` counts, so that one in a password does little harm; the path of
/// a Unix socket may hold others.
fn split_login(uri: &str) -> (Option<&str>, &str) {
    if uri.starts_with("unix/:") {
        return (None, uri);
    }
    if let Some((login, path)) = uri.split_once("@unix/:") {
        return (Some(login), &uri[uri.len() - path.len() - "unix/:".len()..]);
    }
    match uri.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, uri),
    }
}

fn decode(text: &str, what: &str) -> Result<String, ConfigError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| ConfigError::new(format!("the {what} is not UTF-8")))?;
    Ok(decoded.into_owned())
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

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
        if host.is_empty() || host.contains('/') {
            return Err(wrong());
        }
        Ok(Self::Tcp { host: host.into(), port })
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(uri: &str) -> Result<Self, ConfigError> {
        Self::parse(uri)
    }
}

impl TryFrom<&str> for Config {
    type Error = ConfigError;

    fn try_from(uri: &str) -> Result<Self, ConfigError> {
        Self::parse(uri)
    }
}

impl TryFrom<&String> for Config {
    type Error = ConfigError;

    fn try_from(uri: &String) -> Result<Self, ConfigError> {
        Self::parse(uri)
    }
}

impl TryFrom<String> for Config {
    type Error = ConfigError;

    fn try_from(uri: String) -> Result<Self, ConfigError> {
        Self::parse(&uri)
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

impl fmt::Display for Config {
    /// User and address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(credentials) = &self.connection.credentials {
            write!(f, "{}@", credentials.user)?;
        }
        self.address.fmt(f)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address)
            .field("connection", &self.connection)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .finish()
    }
}

/// A URI or one of its options cannot be understood. Never shows a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Box<str>);

impl ConfigError {
    fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    fn parse(uri: &str) -> Config {
        Config::parse(uri).unwrap()
    }

    fn login(config: &Config) -> (&str, &Password) {
        let credentials = config.connection.credentials.as_ref().unwrap();
        (&credentials.user, &credentials.password)
    }

    #[test]
    fn every_form_of_uri() {
        assert_eq!(parse("localhost:3302").address, tcp("localhost", 3302));
        assert_eq!(parse("localhost").address, tcp("localhost", 3301));
        assert_eq!(parse("3302").address, tcp("localhost", 3302));
        assert_eq!(parse("[::1]:3302").address, tcp("::1", 3302));
        assert_eq!(parse("[::1]").address, tcp("::1", 3301));
        assert_eq!(parse("tarantool://db.example:3302/").address, tcp("db.example", 3302));
        assert_eq!(parse("unix/:/run/t.sock").address, Address::Unix("/run/t.sock".into()));
        assert_eq!(parse("a:b@unix/:./x@y.sock").address, Address::Unix("./x@y.sock".into()));
        assert_eq!(parse("localhost:1").connection.credentials, None);
    }

    #[test]
    fn login_is_percent_decoded() {
        let config = parse("us%65r:p%40ss%3aword@host:1");
        assert_eq!(login(&config), ("user", &Password::new("p@ss:word")));
        let config = parse("user:p@ss@host:1");
        assert_eq!(login(&config), ("user", &Password::new("p@ss")));
        assert_eq!(login(&parse("user@host:1")), ("user", &Password::new("")));
        assert_eq!(login(&parse("user:@host:1")), ("user", &Password::new("")));
    }

    #[test]
    fn options() {
        let config = parse("tarantool://host:1?connect_timeout=1.5&request_timeout=250ms");
        assert_eq!(config.connect_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(config.request_timeout, Some(Duration::from_millis(250)));
        let config = parse("host:1?in_flight_max=7&queued_bytes_max=8&packet_bytes_max=9");
        assert_eq!(config.connection.in_flight_max, 7);
        assert_eq!(config.connection.queued_bytes_max, 8);
        assert_eq!(config.connection.packet_bytes_max, 9);
        assert_eq!(parse("host:1?request_timeout=0").request_timeout, None);
        let config = parse("host:1?auth_method=pap-sha256");
        assert_eq!(config.connection.auth_method, AuthMethod::PapSha256);
        let config = config.encrypted(true).auth_method(AuthMethod::ChapSha1);
        assert!(config.connection.is_encrypted);
        assert_eq!(config.connection.auth_method, AuthMethod::ChapSha1);
        let wrong = Config::parse("host:1?auth_method=md5").unwrap_err().to_string();
        assert!(wrong.contains("pap-sha256"), "{wrong}");
        let defaults = parse("host:1");
        assert_eq!(defaults.connect_timeout, Some(Duration::from_secs(5)));
        assert_eq!(defaults.request_timeout, Some(Duration::from_secs(30)));
    }

    #[test]
    fn what_is_wrong_is_named_and_the_password_is_not() {
        for (uri, says) in [
            ("", "no host:port"),
            ("u:secret@", "no host:port"),
            ("u:secret@host:port", "\"host:port\""),
            ("u:secret@host:99999", "\"host:99999\""),
            ("u:secret@[::1", "no host:port"),
            ("u:secret@[::1]x", "no host:port"),
            ("u:secret@unix/:", "is empty"),
            ("u:secret@a/b:1", "no host:port"),
            ("u:%ff@host:1", "the password is not UTF-8"),
            ("u:secret@host:1?x=1", "unknown option \"x\""),
            ("u:secret@host:1?connect_timeout=soon", "option connect_timeout: \"soon\""),
            ("u:secret@host:1?connect_timeout=-1", "option connect_timeout: \"-1\""),
            ("u:secret@host:1?connect_timeout=1e400", "option connect_timeout"),
            ("u:secret@host:1?in_flight_max=many", "option in_flight_max: \"many\""),
        ] {
            let error = Config::parse(uri).unwrap_err().to_string();
            assert!(error.contains(says), "{uri}: {error}");
            assert!(!error.contains("secret"), "{uri}: {error}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = parse("app:secret@localhost:3301");
        assert_eq!(config.to_string(), "app@localhost:3301");
        assert!(!format!("{config:?}").contains("secret"), "{config:?}");
        assert!(format!("{config:?}").contains("***"));
    }
}
