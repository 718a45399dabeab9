//! Payloads of MessagePack extensions (IPROTO reference, section 21).

use tarantool_proto::msgpack::{Reader, Token};

pub(super) const DECIMAL: i8 = 1;
pub(super) const UUID: i8 = 2;
pub(super) const DATETIME: i8 = 4;
pub(super) const INTERVAL: i8 = 6;

/// Digits that a decimal has at most, since server 3.5.
const DIGITS_MAX: usize = 76;
const SCALE_MAX: u64 = 999_999;

/// Whether a server takes the extension into a tuple. Types that it does not know are taken.
pub(super) fn is_sound(kind: i8, payload: &[u8]) -> bool {
    match kind {
        DECIMAL => Decimal::read(payload).is_some(),
        UUID => payload.len() == 16,
        DATETIME => Datetime::read(payload).is_some(),
        INTERVAL => is_interval(payload),
        _ => true,
    }
}

/// A decimal: `digits` with a point after the first of them × 10^`power`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) is_negative: bool,
    /// The most significant first, which is not 0; none at all: zero.
    pub(super) digits: Vec<u8>,
    pub(super) power: i32,
}

impl Decimal {
    /// `None`: it is not a decimal.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let DecimalDigits { is_negative, digits, scale } = DecimalDigits::read(payload)?;
        let length = i64::try_from(digits.len()).ok()?;
        let power = i32::try_from(length - 1 - scale).ok()?;
        Some(Self { is_negative, digits, power })
    }
}

/// The payload of a decimal: digits / 10^scale (IPROTO reference, section 21).
pub(super) struct DecimalDigits {
    pub(super) is_negative: bool,
    /// The most significant first, which is not 0; none at all: zero.
    pub(super) digits: Vec<u8>,
    pub(super) scale: i64,
}

impl DecimalDigits {
    /// `None`: it is not a decimal.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let scale = match reader.token().ok()? {
            Token::Uint(value) => i64::try_from(value).ok()?,
            Token::Int(value) => value,
            _ => return None,
        };
        if scale.unsigned_abs() > SCALE_MAX {
            return None;
        }
        let (last, bytes) = reader.rest().split_last()?;
        let is_negative = match last & 0x0f {
            0x0a | 0x0c | 0x0e | 0x0f => false,
            0x0b | 0x0d => true,
            _ => return None,
        };
        let pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        let digits = pairs.chain([last >> 4]).skip_while(|digit| *digit == 0);
        let digits: Vec<u8> = digits.take(DIGITS_MAX + 1).collect();
        let is_sound = digits.len() <= DIGITS_MAX && digits.iter().all(|digit| *digit <= 9);
        is_sound.then_some(Self { is_negative, digits, scale })
    }
}

/// A point in time, as far as its place in an order goes: time zones don't matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Datetime {
    pub(super) seconds: i64,
    pub(super) nanoseconds: i32,
}

impl Datetime {
    /// `None`: it is not one, or out of range.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (seconds, tail) = payload.split_first_chunk()?;
        let seconds = i64::from_le_bytes(*seconds);
        let (mut nanoseconds, mut offset, mut zone) = (0, 0, 0);
        if !tail.is_empty() {
            let &[a, b, c, d, e, f, g, h] = tail.first_chunk()?;
            if tail.len() != 8 {
                return None;
            }
            nanoseconds = i32::from_le_bytes([a, b, c, d]);
            offset = i16::from_le_bytes([e, f]);
            zone = i16::from_le_bytes([g, h]);
        }
        // The server lets two seconds of nanoseconds pass.
        let is_sound = (-185_604_722_870_400..=185_480_451_417_600).contains(&seconds)
            && (0..2_000_000_000).contains(&nanoseconds)
            && (-720..=840).contains(&offset)
            && (0..=1024).contains(&zone);
        is_sound.then_some(Self { seconds, nanoseconds })
    }
}

fn is_interval(payload: &[u8]) -> bool {
    let Some((&count, rest)) = payload.split_first() else {
        return false;
    };
    let mut reader = Reader::new(rest);
    for _ in 0..count {
        let (Ok(field), Ok(Token::Uint(_) | Token::Int(_))) = (reader.uint(), reader.token())
        else {
            return false;
        };
        if field > 8 {
            return false;
        }
    }
    reader.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        let read =
            |payload: &[u8]| Decimal::read(payload).map(|it| (it.is_negative, it.digits, it.power));
        assert_eq!(read(&[0, 0x0c]), Some((false, vec![], -1)));
        assert_eq!(read(&[0x03, 0x01, 0x23, 0x45, 0x6d]), Some((true, vec![1, 2, 3, 4, 5, 6], 2)));
        assert_eq!(read(&[0xf6, 0x1c]), Some((false, vec![1], 10)));
        assert_eq!(read(&[0xd2, 0, 0, 0, 2, 0x15, 0x0c]), Some((false, vec![1, 5, 0], 0)));
        for bad in
            [&[][..], &[0], &[0, 0x11], &[0, 0xac], &[0xa1, 0x1c], &[0xce, 0, 0x10, 0, 0, 0x1c]]
        {
            assert_eq!(read(bad), None, "{bad:x?}");
        }
        let long = |bytes: usize| [vec![0], vec![0x11; bytes], vec![0x0c]].concat();
        assert!(Decimal::read(&long(38)).is_none());
        assert!(Decimal::read(&long(37)).is_some());
        assert!(Decimal::read(&[&[0, 0, 0, 0][..], &long(37)[1..]].concat()).is_some());
    }

    #[test]
    fn others() {
        assert!(is_sound(UUID, &[1; 16]));
        assert!(!is_sound(UUID, &[1; 15]));
        assert!(is_sound(INTERVAL, &[0]));
        assert!(is_sound(INTERVAL, &[4, 0, 1, 1, 0xcc, 0xc8, 3, 0xd0, 0xb3, 8, 1]));
        for bad in [&[][..], &[1], &[1, 9, 1], &[0, 1], &[1, 1, 0xca, 0, 0, 0, 0]] {
            assert!(!is_sound(INTERVAL, bad), "{bad:x?}");
        }
        assert!(is_sound(DATETIME, &0_i64.to_le_bytes()));
        assert!(is_sound(DATETIME, &[0; 16]));
        assert!(!is_sound(DATETIME, &[0; 12]));
        assert!(!is_sound(DATETIME, &[0xff; 16]));
        assert!(!is_sound(DATETIME, &i64::MAX.to_le_bytes()));
        assert!(is_sound(42, &[1, 2, 3]));
    }
}
