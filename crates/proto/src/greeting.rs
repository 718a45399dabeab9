//! The 128 bytes a server sends first: its version, its uuid and the salt for AUTH.

use std::{error, fmt};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::version::Version;

/// What a server says of itself when a connection opens.
///
/// Every server sends it at once and unasked (IPROTO reference, section 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    version: Version,
    version_text: String,
    instance_uuid: Option<String>,
    salt: [u8; 20],
}

impl Greeting {
    /// Reads the first bytes of a connection.
    ///
    /// They are `Tarantool <version> (Binary) <instance uuid>` padded with spaces, a newline, the
    /// salt in base64 padded with spaces, a newline.
    ///
    /// # Errors
    ///
    /// [`GreetingError`] when something else listens there; no bytes make it panic.
    pub fn parse(bytes: &[u8; GREETING_SIZE]) -> Result<Self, GreetingError> {
        let (about, salt) = lines(bytes).ok_or_else(|| GreetingError::NotTarantool {
            start: escaped(bytes.get(..32).unwrap_or_default()),
        })?;
        let (version_text, about) = split(about, b' ');
        let (protocol, uuid) = protocol(about.unwrap_or_default().trim_ascii());
        match protocol {
            b"Binary" => {}
            b"Lua console" => return Err(GreetingError::LuaConsole),
            other => {
                return Err(GreetingError::Protocol { name: escaped(other) });
            }
        }
        let (version, version_text) = version(version_text)
            .ok_or_else(|| GreetingError::Version { text: escaped(version_text) })?;
        Ok(Self {
            version,
            version_text: version_text.to_owned(),
            instance_uuid: instance_uuid(uuid.trim_ascii()).map(str::to_owned),
            salt: decoded_salt(salt)
                .ok_or_else(|| GreetingError::Salt { text: escaped(salt.trim_ascii()) })?,
        })
    }

    /// The server's version, to tell what it can do before ID was answered.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The version as it was sent, with what old servers append, like `2.6.0-83-gabc`.
    ///
    /// It is printable ASCII without spaces.
    #[must_use]
    pub fn version_text(&self) -> &str {
        &self.version_text
    }

    /// The uuid of the instance, 36 characters; `None` when no whole uuid was sent.
    ///
    /// Servers before 1.6.7 send none, and a long version cuts it off.
    #[must_use]
    pub fn instance_uuid(&self) -> Option<&str> {
        self.instance_uuid.as_deref()
    }

    /// The random bytes that AUTH mixes into the password.
    ///
    /// These are the first 20 of the 32 bytes sent; the rest has no use.
    #[must_use]
    pub const fn salt(&self) -> &[u8; 20] {
        &self.salt
    }
}

/// Why the first bytes of a connection are not a greeting this client can use.
///
/// What the peer sent is shown escaped, as printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GreetingError {
    /// Something else than Tarantool listens there.
    NotTarantool {
        /// The first 32 bytes.
        start: String,
    },
    /// The Lua console listens there, which is no place for this protocol.
    LuaConsole,
    /// A Tarantool that speaks another protocol.
    Protocol {
        /// What stands in the place of `Binary`; empty without parentheses around it.
        name: String,
    },
    /// The version does not begin with three numbers.
    Version {
        /// What stands in its place.
        text: String,
    },
    /// The salt is not base64 of at least 20 bytes.
    Salt {
        /// What stands in its place.
        text: String,
    },
}

impl fmt::Display for GreetingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTarantool { start } => {
                write!(f, "not a Tarantool server: it greeted with \"{start}\"")
            }
            Self::LuaConsole => f.write_str(
                "this is the console port: connect to the port given in `box.cfg.listen`",
            ),
            Self::Protocol { name } => {
                write!(f, "the server speaks the protocol \"{name}\", not \"Binary\"")
            }
            Self::Version { text } => {
                write!(f, "unreadable server version \"{text}\" in the greeting")
            }
            Self::Salt { text } => write!(f, "undecodable salt \"{text}\" in the greeting"),
        }
    }
}

impl error::Error for GreetingError {}

fn lines(bytes: &[u8; GREETING_SIZE]) -> Option<(&[u8], &[u8])> {
    let (first, second) = bytes.split_at_checked(GREETING_SIZE / 2)?;
    let about = first.strip_prefix(b"Tarantool ")?.strip_suffix(b"\n")?;
    Some((about, second.strip_suffix(b"\n")?))
}

/// The protocol name and what follows it; no name without both parentheses.
fn protocol(about: &[u8]) -> (&[u8], &[u8]) {
    match about.strip_prefix(b"(").map(|name| split(name, b')')) {
        Some((name, Some(rest))) => (name, rest),
        _ => (&[], &[]),
    }
}

fn split(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = bytes.splitn(2, |byte| *byte == separator);
    (parts.next().unwrap_or_default(), parts.next())
}

fn version(text: &[u8]) -> Option<(Version, &str)> {
    if !text.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let (major, rest) = number(text)?;
    let (minor, rest) = number(rest.strip_prefix('.')?)?;
    let (patch, _) = number(rest.strip_prefix('.')?)?;
    Some((Version::new(major, minor, patch), text))
}

fn number(text: &str) -> Option<(u32, &str)> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at_checked(digits_end.unwrap_or(text.len()))?;
    Some((digits.parse().ok()?, rest))
}

fn instance_uuid(text: &[u8]) -> Option<&str> {
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    if text.len() != 36 || !text.iter().enumerate().all(fits) {
        return None;
    }
    std::str::from_utf8(text).ok()
}

fn decoded_salt(line: &[u8]) -> Option<[u8; 20]> {
    let text = line.get(..SALT_TEXT_SIZE)?.trim_ascii_end();
    let mut salt = [0; SALT_TEXT_SIZE];
    let size = STANDARD.decode_slice(text, &mut salt).ok()?;
    salt.get(..size)?.first_chunk().copied()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Bytes of a [`Greeting`] on the wire.
pub const GREETING_SIZE: usize = 128;

const SALT_TEXT_SIZE: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> [u8; GREETING_SIZE] {
        assert_eq!(hex.len(), 2 * GREETING_SIZE);
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    }

    /// A greeting with these two lines, cut and padded as servers do it.
    fn greeting(first: &str, second: &str) -> [u8; GREETING_SIZE] {
        let mut bytes = [b' '; GREETING_SIZE];
        for (line, text) in bytes.chunks_mut(64).zip([first, second]) {
            let size = text.len().min(63);
            line[..size].copy_from_slice(&text.as_bytes()[..size]);
            line[63] = b'\n';
        }
        bytes
    }

    fn parsed(first: &str) -> Result<Greeting, GreetingError> {
        Greeting::parse(&greeting(first, SALT))
    }

    #[test]
    fn server_3_7_0() {
        let greeting = Greeting::parse(&bytes(SERVER_3_7_0)).unwrap();
        assert_eq!(greeting.version(), Version::new(3, 7, 0));
        assert_eq!(greeting.version().to_string(), "3.7.0");
        assert_eq!(greeting.version_text(), "3.7.0");
        assert_eq!(greeting.instance_uuid(), Some(UUID));
        let salt = [
            0xe7, 0x39, 0x2a, 0xce, 0x30, 0x9b, 0x89, 0x63, 0xb7, 0x14, 0xc3, 0xfa, 0x0f, 0x6b,
            0xba, 0x2c, 0xda, 0xca, 0x71, 0x9c,
        ];
        assert_eq!(greeting.salt(), &salt);
    }

    #[test]
    fn server_2_6_0() {
        let greeting = Greeting::parse(&bytes(SERVER_2_6_0)).unwrap();
        assert_eq!(greeting.version(), Version::new(2, 6, 0));
        assert_eq!(greeting.instance_uuid(), Some(UUID));
        let salt = [
            0xf0, 0x12, 0xee, 0x48, 0x03, 0x37, 0xcf, 0xb3, 0xa3, 0x8a, 0xaf, 0x65, 0x37, 0x6d,
            0xbe, 0x5b, 0x08, 0xe0, 0xf8, 0x57,
        ];
        assert_eq!(greeting.salt(), &salt);
    }

    #[test]
    fn versions() {
        let greeting = parsed(&format!("Tarantool 2.6.0-83-gabc (Binary) {UUID}")).unwrap();
        assert_eq!(greeting.version(), Version::new(2, 6, 0));
        assert_eq!(greeting.version_text(), "2.6.0-83-gabc");

        assert!(Version::new(2, 10, 0) > Version::new(2, 9, 9));
        assert!(Version::new(3, 0, 0) > Version::new(2, 11, 4));

        for text in [
            "",
            "3",
            "3.7",
            "3.7.",
            ".7.0",
            "3..0",
            "+3.7.0",
            "-3.7.0",
            "v3.7.0",
            "3.7.x",
            "4294967296.0.0",
            "3.7.0\t",
            "3.7.0é",
        ] {
            let error = parsed(&format!("Tarantool {text} (Binary)")).unwrap_err();
            let text = escaped(text.as_bytes());
            assert_eq!(error, GreetingError::Version { text });
        }
    }

    #[test]
    fn instance_uuids() {
        assert_eq!(parsed("Tarantool 1.6.6 (Binary)").unwrap().instance_uuid(), None);
        for uuid in [&UUID[..35], &UUID.replace('-', "1"), &UUID.replace("11", "é")] {
            let greeting = parsed(&format!("Tarantool 3.7.0 (Binary) {uuid}"));
            assert_eq!(greeting.unwrap().instance_uuid(), None);
        }
    }

    #[test]
    fn console() {
        let error = Greeting::parse(&bytes(CONSOLE_3_7_0)).unwrap_err();
        assert_eq!(error, GreetingError::LuaConsole);
        assert!(error.to_string().contains("box.cfg.listen"));
    }

    #[test]
    fn other_protocols() {
        for (first, name) in [
            ("Tarantool 3.7.0 (Text)", "Text"),
            ("Tarantool 3.7.0 (Te\u{1b}xt) 1", "Te\\x1bxt"),
            ("Tarantool 3.7.0 (Binary", ""),
            ("Tarantool 3.7.0 ()", ""),
            ("Tarantool 3.7.0 Binary", ""),
            ("Tarantool 3.7.0", ""),
        ] {
            let name = name.to_owned();
            assert_eq!(parsed(first), Err(GreetingError::Protocol { name }));
        }
    }

    #[test]
    fn not_tarantool() {
        let http = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Connection: close\r\n\r\n400 Bad Request: missing required Host header";
        let error = Greeting::parse(http.first_chunk().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "not a Tarantool server: it greeted with \
             \"HTTP/1.1 400 Bad Request\\r\\nConten\"",
        );

        for at in [0, 9, 63, 127] {
            let mut bytes = bytes(SERVER_3_7_0);
            bytes[at] = 0;
            let error = Greeting::parse(&bytes).unwrap_err();
            assert!(matches!(error, GreetingError::NotTarantool { .. }));
        }
    }

    #[test]
    fn salts() {
        let parsed = |salt| Greeting::parse(&greeting("Tarantool 3.7.0 (Binary)", salt));
        let twenty = parsed("AAECAwQFBgcICQoLDA0ODxAREhM=").unwrap();
        assert_eq!(twenty.salt(), &std::array::from_fn(|at| at as u8));

        for text in [
            "",
            "AAECAwQFBgcICQoLDA0ODxAREg==",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8!",
            "AAECAwQFBgcICQoLDA0O DxAREhMUFRYXGBkaGxwdHh8",
        ] {
            let error = parsed(text).unwrap_err();
            let text = text.to_owned();
            assert_eq!(error, GreetingError::Salt { text });
        }
    }

    #[test]
    fn no_byte_makes_it_panic() {
        for original in [SERVER_3_7_0, SERVER_2_6_0, CONSOLE_3_7_0] {
            let original = bytes(original);
            for at in 0..GREETING_SIZE {
                for byte in 0..=u8::MAX {
                    let mut bytes = original;
                    bytes[at] = byte;
                    if let Err(error) = Greeting::parse(&bytes) {
                        assert!(error.to_string().bytes().all(|b| (b' '..=b'~').contains(&b)));
                    }
                }
            }
        }
        for byte in 0..=u8::MAX {
            assert!(Greeting::parse(&[byte; GREETING_SIZE]).is_err());
        }
    }

    const UUID: &str = "11111111-1111-4111-8111-111111111111";
    const SALT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    const SERVER_3_7_0: &str = "\
        546172616e746f6f6c20332e372e30202842696e617279292031313131313131\
        312d313131312d343131312d383131312d31313131313131313131313120200a\
        357a6b717a6a436269574f33464d5036443275364c4e724b635a775a38637957\
        5968586e7a716848644b4d3d202020202020202020202020202020202020200a";

    const SERVER_2_6_0: &str = "\
        546172616e746f6f6c20322e362e30202842696e617279292031313131313131\
        312d313131312d343131312d383131312d31313131313131313131313120200a\
        38424c7553414d337a374f6a6971396c4e32322b57776a672b4663613772596c\
        787166594f36506e3762513d202020202020202020202020202020202020200a";

    const CONSOLE_3_7_0: &str = "\
        546172616e746f6f6c20332e372e3020284c756120636f6e736f6c6529202020\
        202020202020202020202020202020202020202020202020202020202020200a\
        74797065202768656c702720666f7220696e7465726163746976652068656c70\
        202020202020202020202020202020202020202020202020202020202020200a";
}
