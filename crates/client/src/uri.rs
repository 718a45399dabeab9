//! Configurations as text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tarantool_proto::AuthMethod;

use crate::address::Address;
use crate::config::Config;

impl Config {
    /// Reads a URI; see the forms above.
    ///
    /// # Errors
    /// The URI has none of these forms. The error never shows the password.
    pub fn parse(uri: &str) -> Result<Self, ConfigError> {
        let uri = uri.strip_prefix("tarantool://").unwrap_or(uri);
        if let Some(scheme) = other_scheme(uri) {
            return Err(ConfigError::new(format!(
                "scheme {scheme:?}: tarantool:// is the only one"
            )));
        }
        let (login, place) = split_login(uri);
        let (address, options) = match place.split_once('?') {
            Some((address, options)) => (address, options),
            None => (place, ""),
        };
        let mut addresses = match address.starts_with("unix/:") {
            true => vec![Address::from_str(address)?],
            false => address.split(',').map(Address::from_str).collect::<Result<_, _>>()?,
        };
        let others = addresses.split_off(1);
        // Splitting gives one at least.
        let first = addresses.pop().ok_or_else(|| ConfigError::new("no address"))?;
        let mut config = others.into_iter().fold(Self::new(first), Self::or_address);
        if let Some(login) = login {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            config = config.user(decode(user, "user")?).password(decode(password, "password")?);
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            config.set(option)?;
        }
        Ok(config)
    }

    fn set(&mut self, option: &str) -> Result<(), ConfigError> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let wrong = |what| ConfigError::new(format!("option {name}: {value:?} is no {what}"));
        let duration = || duration(value).ok_or_else(|| wrong("time in seconds, or with ms"));
        let count = || value.parse::<usize>().map_err(|_| wrong("number"));
        *self = match name {
            "connect_timeout" => self.clone().connect_timeout(duration()?),
            "request_timeout" => self.clone().request_timeout(duration()?),
            "close_timeout" => self.clone().close_timeout(duration()?),
            "reconnect" => {
                let reconnect = value.parse().map_err(|_| wrong("true or false"))?;
                self.clone().reconnect(reconnect)
            }
            "heartbeat" | "heartbeat_timeout" => {
                let mut times = self.session.heartbeat.unwrap_or_default();
                let time = if name == "heartbeat" { &mut times.after } else { &mut times.timeout };
                *time = duration()?;
                self.clone().heartbeat(times.after, times.timeout)
            }
            "lanes" => self.clone().lanes(count()?),
            "held_bytes_max" => self.clone().held_bytes_max(count()?),
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

/// What would else be taken for a user whose password begins with slashes.
fn other_scheme(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once("://")?;
    let is_name = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(scheme)
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

/// A user as it stands in a URI.
pub(crate) fn encoded(user: &str) -> impl fmt::Display + '_ {
    const ENCODED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(user, ENCODED)
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
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

/// A copy: who connects more than once keeps the configuration.
impl From<&Self> for Config {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

/// A URI or one of its options cannot be understood. Never shows a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Box<str>);

impl ConfigError {
    pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
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
    use tarantool_proto::Password;

    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    fn parse(uri: &str) -> Config {
        Config::parse(uri).unwrap()
    }

    fn login(config: &Config) -> (&str, &Password) {
        let credentials = config.session.connection.credentials.as_ref().unwrap();
        (&credentials.user, &credentials.password)
    }

    #[test]
    fn every_form_of_uri() {
        assert_eq!(parse("localhost:3302").addresses[0], tcp("localhost", 3302));
        assert_eq!(parse("localhost").addresses[0], tcp("localhost", 3301));
        assert_eq!(parse("3302").addresses[0], tcp("localhost", 3302));
        assert_eq!(parse("[::1]:3302").addresses[0], tcp("::1", 3302));
        assert_eq!(parse("[::1]").addresses[0], tcp("::1", 3301));
        assert_eq!(parse("tarantool://db.example:3302/").addresses[0], tcp("db.example", 3302));
        assert_eq!(parse("unix/:/run/t.sock").addresses[0], Address::Unix("/run/t.sock".into()));
        assert_eq!(parse("a:b@unix/:./x@y.sock").addresses[0], Address::Unix("./x@y.sock".into()));
        assert_eq!(parse("localhost:1").session.connection.credentials, None);
        let many = parse("app:x@one:1,[::1]:2,three?connect_timeout=1");
        assert_eq!(many.addresses, [tcp("one", 1), tcp("::1", 2), tcp("three", 3301)]);
        assert_eq!(many.to_string(), "app@one:1,[::1]:2,three:3301");
    }

    #[test]
    fn other_schemes_are_no_users() {
        for uri in ["http://app:secret@host:1", "tarantol://host", "tarantool://http://host"] {
            let error = Config::parse(uri).unwrap_err().to_string();
            assert!(error.contains("the only one") && !error.contains("secret"), "{error}");
        }
        assert_eq!(login(&parse("app:%2F%2Fpass@host")), ("app", &Password::new("//pass")));
        let password = &Password::new("x://y");
        assert_eq!(login(&parse("app:x://y@host")), ("app", password));
    }

    #[test]
    fn login_is_percent_decoded() {
        let config = parse("us%65r:p%40ss%3aword@host:1");
        assert_eq!(login(&config), ("user", &Password::new("p@ss:word")));
        let config = parse("a%40b%3Ac%2F%25%20d:pass@host:1");
        assert_eq!(login(&config), ("a@b:c/% d", &Password::new("pass")));
        assert_eq!(config.to_string(), "a%40b%3Ac%2F%25%20d@host:1");
        let config = parse("user:p@ss@host:1");
        assert_eq!(login(&config), ("user", &Password::new("p@ss")));
        assert_eq!(login(&parse("user@host:1")), ("user", &Password::new("")));
        assert_eq!(login(&parse("user:@host:1")), ("user", &Password::new("")));
    }

    #[test]
    fn options() {
        let config = parse("tarantool://host:1?connect_timeout=1.5&request_timeout=250ms");
        assert_eq!(config.session.connect_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(config.request_timeout, Some(Duration::from_millis(250)));
        let config = parse("host:1?in_flight_max=7&queued_bytes_max=8&packet_bytes_max=9");
        assert_eq!(config.session.connection.in_flight_max, 7);
        assert_eq!(config.session.connection.queued_bytes_max, 8);
        assert_eq!(config.session.connection.packet_bytes_max, 9);
        assert_eq!(parse("host:1?request_timeout=0").request_timeout, None);
        let config = parse("host:1?auth_method=pap-sha256");
        assert_eq!(config.session.connection.auth_method, AuthMethod::PapSha256);
        let config = config.encrypted(true).auth_method(AuthMethod::ChapSha1);
        assert!(config.session.connection.is_encrypted);
        assert_eq!(config.session.connection.auth_method, AuthMethod::ChapSha1);
        let wrong = Config::parse("host:1?auth_method=md5").unwrap_err().to_string();
        assert!(wrong.contains("pap-sha256"), "{wrong}");
        let config = parse("host:1?heartbeat=2&heartbeat_timeout=300ms&reconnect=false");
        let heartbeat = config.session.heartbeat.unwrap();
        assert_eq!((heartbeat.after.as_secs(), heartbeat.timeout.as_millis()), (2, 300));
        assert!(!config.session.reconnect);
        assert_eq!(parse("host:1?heartbeat=0").session.heartbeat, None);
        assert_eq!(parse("host:1?close_timeout=1").close_timeout, Duration::from_secs(1));
        assert_eq!(parse("host:1?held_bytes_max=5").session.connection.held_bytes_max, 5);
        let defaults = parse("host:1");
        assert_eq!(defaults.session.connect_timeout, Some(Duration::from_secs(5)));
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
            ("u:secret@[]", "no host:port"),
            ("u:secret@[a/b]:1", "no host:port"),
            ("u:secret@unix/:", "is empty"),
            ("u:secret@a/b:1", "no host:port"),
            ("u:secret@a:1,,b:1", "no host:port"),
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
    fn an_adapter_takes_all_that_a_configuration_can_be_made_from() {
        fn taken<C: TryInto<Config>>(config: C) -> Result<Config, crate::Error>
        where
            crate::Error: From<C::Error>,
        {
            Ok(config.try_into()?)
        }
        let config = parse("app@localhost:1").lanes(2);
        assert_eq!(taken(&config).unwrap(), config);
        assert_eq!(taken(config.clone()).unwrap(), config);
        let uri = "app@localhost:1?lanes=2".to_owned();
        assert_eq!(taken(uri.as_str()).unwrap(), config);
        assert_eq!(taken(&uri).unwrap(), config);
        assert_eq!(taken(uri).unwrap(), config);
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = parse("app:secret@localhost:3301");
        assert_eq!(config.to_string(), "app@localhost:3301");
        assert!(!format!("{config:?}").contains("secret"), "{config:?}");
        assert!(format!("{config:?}").contains("***"));
    }
}
