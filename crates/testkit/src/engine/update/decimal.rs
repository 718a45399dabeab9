//! Decimals, as far as sums need them (IPROTO reference, section 21).

use std::cmp::Ordering;

use tarantool_proto::msgpack::write;

use crate::engine::extension::DecimalDigits;

/// Digits that a decimal has at most, since server 3.5.
const DIGITS_MAX: usize = 76;
/// How large the power of ten of a decimal's first digit may be.
const POWER_MAX: i64 = 999_999;
/// Digits that a sum has at most before it is rounded: bounds the work for numbers far apart.
const SUM_DIGITS_MAX: i64 = 256;
/// Significant digits that a float gives: what 64 bits always hold.
const FLOAT_DIGITS: usize = 15;

/// `digits` × 10^`exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    /// The most significant first, which is not 0; none at all: zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// From the payload of the extension. `None`: it is not a decimal.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let DecimalDigits { is_negative, digits, scale } = DecimalDigits::read(payload)?;
        Some(Self { is_negative, digits, exponent: -scale })
    }

    pub(super) fn from_integer(value: i128) -> Self {
        let digits = digits_of(&value.unsigned_abs().to_string());
        Self { is_negative: value < 0, digits, exponent: 0 }
    }

    /// To 15 significant digits, as a server rounds. `None`: infinite, or not a number.
    pub(super) fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{:.*e}", FLOAT_DIGITS - 1, value.abs());
        let (mantissa, power) = text.split_once('e')?;
        let power: i64 = power.parse().ok()?;
        let mut digits = digits_of(mantissa);
        let zeros = digits.iter().rev().take_while(|digit| **digit == 0).count();
        digits.truncate(digits.len() - zeros);
        let mut exponent = power + 1 - i64::try_from(digits.len()).ok()?;
        if digits.is_empty() {
            exponent = 0;
        } else if (0..15).contains(&power) && exponent > 0 {
            // Written without an exponent, its zeros count as digits.
            digits.resize(digits.len() + usize::try_from(exponent).ok()?, 0);
            exponent = 0;
        }
        Some(Self { is_negative: value.is_sign_negative(), digits, exponent })
    }

    /// Appends it as a MessagePack value.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        write::int(&mut payload, -self.exponent);
        let mut nibbles = Vec::with_capacity(self.digits.len() + 2);
        // The sign makes the number of nibbles even.
        if self.digits.len() % 2 == 0 {
            nibbles.push(0);
        }
        nibbles.extend_from_slice(&self.digits);
        nibbles.push(if self.is_negative { 0x0d } else { 0x0c });
        payload.extend(nibbles.chunks(2).map(|pair| pair.iter().fold(0, |byte, n| byte << 4 | n)));
        match payload.len() {
            1 => out.push(0xd4),
            2 => out.push(0xd5),
            4 => out.push(0xd6),
            8 => out.push(0xd7),
            16 => out.push(0xd8),
            // A scale of 5 bytes and 77 nibbles are the most there is.
            length => out.extend_from_slice(&[0xc7, length as u8]),
        }
        out.push(1);
        out.extend_from_slice(&payload);
    }

    /// This one plus `other`, or minus it; rounded to 76 digits, halves away from zero. `None`: it
    /// is larger than a decimal can be.
    pub(super) fn plus(mut self, mut other: Self, is_minus: bool) -> Option<Self> {
        other.is_negative ^= is_minus;
        other.bring_near(&self);
        self.bring_near(&other);
        let exponent = self.exponent.min(other.exponent);
        self.scale_to(exponent)?;
        other.scale_to(exponent)?;
        let (mut large, small) = match compare(&self.digits, &other.digits) {
            Ordering::Less => (other, self),
            _ => (self, other),
        };
        if large.is_negative == small.is_negative {
            add(&mut large.digits, &small.digits);
        } else {
            subtract(&mut large.digits, &small.digits);
            large.is_negative &= !large.digits.is_empty();
        }
        large.round();
        let length = i64::try_from(large.digits.len()).unwrap_or(i64::MAX);
        (large.exponent.saturating_add(length) <= POWER_MAX + 1).then_some(large)
    }

    /// Gives up digits so far behind those of `large` that they only matter for how a sum is
    /// rounded: that they are there.
    fn bring_near(&mut self, large: &Self) {
        let length = i64::try_from(large.digits.len()).unwrap_or(i64::MAX);
        let lowest = large.exponent.saturating_add(length) - SUM_DIGITS_MAX;
        if !large.digits.is_empty() && self.exponent < lowest {
            self.exponent = lowest;
            if !self.digits.is_empty() {
                self.digits = vec![1];
            }
        }
    }

    /// The same value with a smaller exponent.
    fn scale_to(&mut self, exponent: i64) -> Option<()> {
        let zeros = usize::try_from(self.exponent.saturating_sub(exponent)).ok()?;
        self.exponent = exponent;
        if !self.digits.is_empty() {
            self.digits.resize(self.digits.len().checked_add(zeros)?, 0);
        }
        Some(())
    }

    fn round(&mut self) {
        while self.digits.len() > DIGITS_MAX {
            let dropped = self.digits.split_off(DIGITS_MAX);
            self.exponent += i64::try_from(dropped.len()).unwrap_or(i64::MAX);
            // A carry out of the first digit leads to a second turn, which drops a zero.
            if dropped.first().is_some_and(|digit| *digit >= 5) {
                add(&mut self.digits, &[1]);
            }
        }
    }
}

/// The digits of a number in text, without zeros before it and without a point.
fn digits_of(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0');
    digits.skip_while(|digit| *digit == 0).collect()
}

fn compare(left: &[u8], right: &[u8]) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Adds `small`, which has no more digits than `large`.
fn add(large: &mut Vec<u8>, small: &[u8]) {
    let mut carry = 0;
    let right = small.iter().rev().copied().chain(std::iter::repeat(0));
    for (digit, right) in large.iter_mut().rev().zip(right) {
        let sum = *digit + right + carry;
        *digit = sum % 10;
        carry = sum / 10;
    }
    if carry > 0 {
        large.insert(0, carry);
    }
}

/// Takes away `small`, which is not larger than `large`.
fn subtract(large: &mut Vec<u8>, small: &[u8]) {
    let mut borrow = 0;
    let right = small.iter().rev().copied().chain(std::iter::repeat(0));
    for (digit, right) in large.iter_mut().rev().zip(right) {
        let difference = *digit + 10 - right - borrow;
        *digit = difference % 10;
        borrow = u8::from(difference < 10);
    }
    let zeros = large.iter().take_while(|digit| **digit == 0).count();
    large.drain(..zeros);
}
