//! The 128 bytes that a server sends first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::greeting::GREETING_SIZE;

/// A greeting as servers write it (IPROTO reference, section 1): two lines, padded with spaces.
pub(super) fn encode(version: &str, uuid: &str, salt: &[u8; 32]) -> [u8; GREETING_SIZE] {
    let about = format!("Tarantool {version} (Binary) {uuid}");
    let mut greeting = [b' '; GREETING_SIZE];
    if let Some((about_line, salt_line)) = greeting.split_at_mut_checked(LINE_SIZE) {
        for (place, byte) in about_line.iter_mut().zip(about.bytes()) {
            *place = byte;
        }
        // 44 characters always fit.
        let _ = STANDARD.encode_slice(salt, salt_line);
        for line in [about_line, salt_line] {
            if let Some(end) = line.last_mut() {
                *end = b'\n';
            }
        }
    }
    greeting
}

const LINE_SIZE: usize = GREETING_SIZE / 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greeting::Greeting;
    use crate::version::Version;

    #[test]
    fn is_understood() {
        let uuid = "11111111-1111-4111-8111-111111111111";
        let salt: [u8; 32] = std::array::from_fn(|at| at as u8);
        let bytes = encode("3.7.0", uuid, &salt);
        let expected = b"Tarantool 3.7.0 (Binary) 11111111-1111-4111-8111-111111111111  \n\
            AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";
        assert_eq!(&bytes, expected);
        let greeting = Greeting::parse(&bytes).unwrap();
        assert_eq!(greeting.version(), Version::new(3, 7, 0));
        assert_eq!(greeting.instance_uuid(), Some(uuid));
        assert_eq!(greeting.salt().as_slice(), &salt[..20]);
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let bytes = encode(&"9".repeat(100), "", &[0; 32]);
        assert_eq!((bytes[62], bytes[63], bytes[127]), (b'9', b'\n', b'\n'));
    }
}
