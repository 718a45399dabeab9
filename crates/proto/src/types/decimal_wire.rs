//! Decimals as bytes: the scale, then digits of four bits each, then four bits of sign.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::decimal::{DIGITS_MAX, Decimal, Digits, SCALE, SCALE_MAX, TOO_LONG};
use super::extension::{self, Extension};
use super::{Ext, InvalidValue};
use crate::msgpack::{Reader, Token, write};

impl Decimal {
    /// Reads the payload of an extension value, as [`Token::Ext`] has it.
    ///
    /// # Errors
    /// It is no decimal, or one of more than 76 digits or a scale not within ±999,999.
    pub fn decode(payload: &[u8]) -> Result<Self, InvalidValue> {
        let mut reader = Reader::new(payload);
        let scale = match reader.token() {
            Ok(Token::Uint(scale)) => i32::try_from(scale),
            Ok(Token::Int(scale)) => i32::try_from(scale),
            _ => return Err(InvalidValue("the scale of a decimal is an integer")),
        };
        let scale = scale.ok().filter(|scale| scale.unsigned_abs() <= SCALE_MAX.unsigned_abs());
        let scale = scale.ok_or(InvalidValue(SCALE))?;
        let (last, pairs) =
            reader.rest().split_last().ok_or(InvalidValue("a decimal has digits and a sign"))?;
        let is_negative = match last & 0x0f {
            0x0a | 0x0c | 0x0e | 0x0f => false,
            0x0b | 0x0d => true,
            _ => return Err(InvalidValue("the sign of a decimal is no digit")),
        };
        let mut digits = Collector::default();
        for pair in pairs {
            digits.push(pair >> 4)?;
            digits.push(pair & 0x0f)?;
        }
        digits.push(last >> 4)?;
        Ok(Self::from_parts(digits.finish(), scale, is_negative))
    }

    /// Appends it to `out` as a MessagePack value, as servers encode it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::ext(out, Ext::DECIMAL, self.tagged().as_bytes().get(1..).unwrap_or_default());
    }

    /// The number of the type and the payload.
    fn tagged(&self) -> Tagged {
        let mut tagged = Tagged { bytes: [0; TAGGED_MAX], length: 0 };
        tagged.push(&[Ext::DECIMAL as u8]);
        let scale = self.scale();
        let [a, b, c, d] = scale.to_be_bytes();
        match scale {
            -32..=127 => tagged.push(&[d]),
            -128..=-33 => tagged.push(&[0xd0, d]),
            128..=0xff => tagged.push(&[0xcc, d]),
            -0x8000..=-129 => tagged.push(&[0xd1, c, d]),
            0x100..=0xffff => tagged.push(&[0xcd, c, d]),
            ..-0x8000 => tagged.push(&[0xd2, a, b, c, d]),
            _ => tagged.push(&[0xce, a, b, c, d]),
        }
        let sign = if self.is_negative() { 0x0d } else { 0x0c };
        let (digits, first) = split(self.coefficient_digits());
        // With the sign they must be even in number, else the zero in front is one of them.
        let start = first - first % 2;
        for pair in digits.get(start..).unwrap_or_default().chunks(2) {
            match pair {
                [high, low] => tagged.push(&[high << 4 | low]),
                [last] => tagged.push(&[last << 4 | sign]),
                _ => {}
            }
        }
        tagged
    }
}

/// Longest: the type, a scale of five bytes, all digits and the sign.
const TAGGED_MAX: usize = 1 + 5 + 39;

struct Tagged {
    bytes: [u8; TAGGED_MAX],
    length: usize,
}

impl Tagged {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// All digits, and where the first is that is no zero in front; at least one place before it there
/// is such a zero. The number of places is odd.
pub(super) fn split(digits: Digits) -> ([u8; 77], usize) {
    let mut places = [0; 77];
    let mut first = places.len() - 1;
    let parts = [digits.low, digits.high];
    let parts = parts.into_iter().flat_map(|half| [half % PART, half / PART]);
    for (part, end) in parts.zip([77, 58, 39, 20]) {
        // Below 10^19.
        let mut part = part as u64;
        let mut at = end;
        while part > 0 {
            at -= 1;
            places[at] = (part % 10) as u8;
            part /= 10;
            first = at;
        }
    }
    (places, first)
}

/// A quarter of the digits fits 64 bits.
const PART: u128 = 10_u128.pow(19);

/// Makes a coefficient of its digits, the most significant first.
#[derive(Default)]
pub(super) struct Collector {
    digits: u32,
    done: Option<Digits>,
    /// The last digits, which are still a number of 64 bits.
    recent: u64,
    recent_digits: u32,
}

impl Collector {
    /// Takes the next digit. Zeros in front don't count.
    ///
    /// # Errors
    /// It is no digit, or one too many.
    pub(super) fn push(&mut self, digit: u8) -> Result<(), InvalidValue> {
        if digit > 9 {
            return Err(InvalidValue("the digits of a decimal are 0 to 9"));
        }
        if self.digits == 0 && digit == 0 {
            return Ok(());
        }
        if self.digits == DIGITS_MAX {
            return Err(InvalidValue(TOO_LONG));
        }
        if self.recent_digits == RECENT_MAX {
            self.done = Some(self.joined());
            (self.recent, self.recent_digits) = (0, 0);
        }
        self.digits += 1;
        self.recent_digits += 1;
        self.recent = self.recent * 10 + u64::from(digit);
        Ok(())
    }

    pub(super) fn finish(self) -> Digits {
        self.joined()
    }

    fn joined(&self) -> Digits {
        let recent = u128::from(self.recent);
        match self.done {
            None => Digits { high: 0, low: recent },
            Some(done) => {
                let Digits { high, low } = done.shifted(self.recent_digits);
                Digits { high, low: low + recent }
            }
        }
    }
}

const RECENT_MAX: u32 = 19;

impl Extension for Decimal {
    const KIND: i8 = Ext::DECIMAL;

    fn from_payload(payload: &[u8]) -> Result<Self, InvalidValue> {
        Self::decode(payload)
    }

    fn from_integer(number: i128) -> Option<Self> {
        Some(number.into())
    }
}

/// Text in formats for people.
impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        extension::serialize(self, self.tagged().as_bytes(), serializer)
    }
}

/// Takes integers too, which a field of the type `number` may have.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        extension::deserialize(deserializer)
    }
}
