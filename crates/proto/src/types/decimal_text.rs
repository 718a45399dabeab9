//! Decimals as text.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::InvalidValue;
use super::decimal::{DIGITS_MAX, Decimal, SCALE, SCALE_MAX};
use super::decimal_wire::{Collector, split};

/// Up to this many digits behind the point stand there, as many as there are; zeros that more of
/// them would need in front give way to an exponent.
const FRACTION_MAX: i32 = DIGITS_MAX as i32;

/// All digits, as the server shows them: `12.30`, `-0.001`. Numbers with a negative scale or one
/// above 76 have an exponent: `1.2E+11`. Reading the text gives the same digits and the same scale.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, first) = split(self.coefficient_digits());
        let digits = digits.get(first..).unwrap_or_default();
        let count = digits.len() as i32;
        let scale = self.scale();
        let mut text = Text { bytes: [0; TEXT_MAX], length: 0 };
        if (0..=FRACTION_MAX).contains(&scale) {
            let whole = count - scale;
            if whole <= 0 {
                text.write_str("0")?;
            } else {
                text.digits(digits.iter().take(whole as usize))?;
            }
            if scale > 0 {
                text.write_str(".")?;
                for _ in whole..0 {
                    text.write_str("0")?;
                }
                text.digits(digits.iter().skip(whole.max(0) as usize))?;
            }
        } else {
            text.digits(digits.iter().take(1))?;
            if count > 1 {
                text.write_str(".")?;
                text.digits(digits.iter().skip(1))?;
            }
            write!(text, "E{:+}", count - 1 - scale)?;
        }
        f.pad_integral(!self.is_negative(), "", text.as_str())
    }
}

/// Longest: all digits, a point, an exponent with its sign.
const TEXT_MAX: usize = 90;

struct Text {
    bytes: [u8; TEXT_MAX],
    length: usize,
}

impl Text {
    fn digits<'a>(&mut self, digits: impl Iterator<Item = &'a u8>) -> fmt::Result {
        for digit in digits {
            self.write_char(char::from(b'0' + digit))?;
        }
        Ok(())
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("")
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}

/// Reads digits with or without a sign, a point and an exponent: `-12.30`, `.5`, `1e-7`. Zeros at
/// the end count as digits, zeros in front don't.
impl FromStr for Decimal {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (is_negative, text) = sign(text.as_bytes());
        let end = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (number, exponent) = match end {
            Some(end) => (&text[..end], exponent(&text[end + 1..])?),
            None => (text, 0),
        };
        let mut digits = Collector::default();
        let mut fraction: Option<i64> = None;
        let mut is_empty = true;
        for byte in number {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte - b'0')?;
                    is_empty = false;
                    if let Some(count) = &mut fraction {
                        *count += 1;
                    }
                }
                b'.' if fraction.is_none() => fraction = Some(0),
                _ => return Err(InvalidValue(NOT_DECIMAL)),
            }
        }
        if is_empty {
            return Err(InvalidValue(NOT_DECIMAL));
        }
        let scale = fraction.unwrap_or(0) - exponent;
        let scale = i32::try_from(scale).ok().filter(|scale| scale.abs() <= SCALE_MAX);
        Ok(Self::from_parts(digits.finish(), scale.ok_or(InvalidValue(SCALE))?, is_negative))
    }
}

const NOT_DECIMAL: &str = "a decimal is digits, with or without a sign, a point and an exponent";

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn exponent(text: &[u8]) -> Result<i64, InvalidValue> {
    let (is_negative, digits) = sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidValue(NOT_DECIMAL));
    }
    // Far beyond any scale there is no need to be exact.
    let number = digits
        .iter()
        .fold(0_i64, |number, digit| (number * 10 + i64::from(digit - b'0')).min(1 << 40));
    Ok(if is_negative { -number } else { number })
}
