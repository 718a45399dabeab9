//! How a user proves to be one: `chap-sha1`, or the password itself.

use sha1_smol::Sha1;

/// How to log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// Over a transport that is [encrypted](crate::Config::is_encrypted) the method that the server
    /// announces (2.11), for which its answer is awaited first; otherwise, as nothing else is
    /// possible there, [`ChapSha1`](Self::ChapSha1).
    #[default]
    Auto,
    /// By a scramble: the password itself never leaves. Every server's default.
    ChapSha1,
    /// By the password itself, over encrypted transports only. Server 2.11, enterprise.
    PapSha256,
}

impl AuthMethod {
    /// What the protocol calls it; [`Auto`](Self::Auto) has no name.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::ChapSha1 => Some("chap-sha1"),
            Self::PapSha256 => Some("pap-sha256"),
        }
    }
}

/// Computes the scramble that proves the password without sending it.
///
/// The data of AUTH with the method `chap-sha1`, the default of every server (IPROTO reference,
/// section 9): `sha1(password) xor sha1(salt + sha1(sha1(password)))`. `salt` is that of the
/// greeting of the same connection; the result is any bytes, not text.
#[must_use]
pub fn chap_sha1(password: &[u8], salt: &[u8; 20]) -> [u8; 20] {
    let once = Sha1::from(password).digest().bytes();
    let twice = Sha1::from(once).digest().bytes();

    let mut salted = Sha1::new();
    salted.update(salt);
    salted.update(&twice);

    let mut scramble = once;
    for (byte, mask) in scramble.iter_mut().zip(salted.digest().bytes()) {
        *byte ^= mask;
    }
    scramble
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> [u8; 20] {
        assert_eq!(text.len(), 40);
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    #[test]
    fn known_answer() {
        let salt = hex("000102030405060708090a0b0c0d0e0f10111213");
        let scramble = hex("21b3ff405f32cbe4aafff291396046ea29fa3a4d");
        assert_eq!(chap_sha1(b"secret", &salt), scramble);
    }

    #[test]
    fn accepted_by_server_3_7_0() {
        let salt = hex("e7392ace309b8963b714c3fa0f6bba2cdaca719c");
        let scramble = hex("a4831f9a2dda93ca170e478fe6e846a8911a419a");
        assert_eq!(chap_sha1(b"secret", &salt), scramble);
    }

    #[test]
    fn empty_password_accepted_by_server_3_7_0() {
        let salt = hex("c47b500156d2e8536112bcdef899e946d423f1fc");
        let scramble = hex("b774796a07b0189fbd246d775abf4a026a20074f");
        assert_eq!(chap_sha1(b"", &salt), scramble);
    }
}
