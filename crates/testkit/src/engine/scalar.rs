//! Values as bytes that compare as the values do.
//!
//! The order is the server's: nil, then booleans, numbers, strings and binary data byte by byte,
//! UUIDs, points in time. Numbers of all types are in one order by their exact values; NaN comes
//! first. A server rounds a float to 15 digits before it compares it with a decimal, so that the
//! float 0.1 and the decimal 0.1 are one key there and two here.
//!
//! No encoded value is the beginning of another one, so that values one after the other compare as
//! tuples do, and each begins with a byte less than 0xff.

use tarantool_proto::msgpack::Token;

use super::extension::{self, Datetime, Decimal};

const NIL: u8 = 1;
const BOOLEAN: u8 = 2;
const NUMBER: u8 = 3;
const STRING: u8 = 4;
const BINARY: u8 = 5;
const UUID: u8 = 6;
const DATETIME: u8 = 7;

const NOT_A_NUMBER: u8 = 0;
const MINUS_INFINITY: u8 = 1;
const NEGATIVE: u8 = 2;
const ZERO: u8 = 3;
const POSITIVE: u8 = 4;
const INFINITY: u8 = 5;

/// How many bytes end a string or binary data.
pub(super) const BYTES_END: usize = 2;

/// Appends a value. `None`: it has no place in the order, or is a malformed extension.
pub(super) fn encode(value: &Token<'_>, out: &mut Vec<u8>) -> Option<()> {
    match *value {
        Token::Nil => out.push(NIL),
        Token::Bool(value) => out.extend_from_slice(&[BOOLEAN, u8::from(value)]),
        Token::Uint(value) => encode_integer(false, value, out),
        Token::Int(value) => encode_integer(value < 0, value.unsigned_abs(), out),
        Token::F32(value) => encode_float(f64::from(value), out),
        Token::F64(value) => encode_float(value, out),
        Token::Str(value) => encode_bytes(STRING, value, out),
        Token::Bin(value) => encode_bytes(BINARY, value, out),
        Token::Ext(extension::DECIMAL, payload) => {
            let Decimal { is_negative, digits, power } = Decimal::read(payload)?;
            encode_number(is_negative, &digits, power, out);
        }
        Token::Ext(extension::UUID, payload) => {
            let bytes: &[u8; 16] = payload.try_into().ok()?;
            out.push(UUID);
            out.extend_from_slice(bytes);
        }
        Token::Ext(extension::DATETIME, payload) => {
            let Datetime { seconds, nanoseconds } = Datetime::read(payload)?;
            out.push(DATETIME);
            // With the sign bit turned over, two's complement compares as it counts.
            out.extend_from_slice(&(seconds ^ i64::MIN).to_be_bytes());
            out.extend_from_slice(&nanoseconds.to_be_bytes());
        }
        Token::Array(_) | Token::Map(_) | Token::Ext(..) => return None,
    }
    Some(())
}

/// A zero byte is followed by 0xff, and the end is two of them: the end comes before all else.
fn encode_bytes(kind: u8, value: &[u8], out: &mut Vec<u8>) {
    out.reserve(value.len().saturating_add(1 + BYTES_END));
    out.push(kind);
    let mut pieces = value.split(|byte| *byte == 0);
    out.extend_from_slice(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.extend_from_slice(&[0, 0xff]);
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(&[0; BYTES_END]);
}

fn encode_integer(is_negative: bool, value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        *digit = (rest % 10) as u8;
        rest /= 10;
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let power = 19 - zeros as i32;
    encode_number(is_negative, digits.get(zeros..).unwrap_or_default(), power, out);
}

fn encode_float(value: f64, out: &mut Vec<u8>) {
    let special = match value {
        value if value.is_nan() => NOT_A_NUMBER,
        f64::INFINITY => INFINITY,
        f64::NEG_INFINITY => MINUS_INFINITY,
        value => return encode_finite(value, out),
    };
    out.extend_from_slice(&[NUMBER, special]);
}

fn encode_finite(value: f64, out: &mut Vec<u8>) {
    let magnitude = value.abs();
    if magnitude < 9e18 && magnitude.fract() == 0.0 {
        return encode_integer(value < 0.0, magnitude as u64, out);
    }
    // A fraction of n bits has n decimal digits behind the point, no more, and at most 16 stand
    // before it; without a fraction there are at most 309 digits.
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff).max(1) as i32 - 1075;
    let fraction = bits & ((1 << 52) - 1);
    let fraction_bits = -exponent - fraction.trailing_zeros().min(52) as i32;
    let precision = match usize::try_from(fraction_bits) {
        Ok(bits @ 1..) => bits + 16,
        _ => 309,
    };
    let text = format!("{magnitude:.precision$e}");
    let Some((mantissa, power)) = text.split_once('e') else {
        return;
    };
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0');
    let digits: Vec<u8> = digits.collect();
    encode_number(value < 0.0, &digits, power.parse().unwrap_or(0), out);
}

/// Appends `digits`, with a point after the first, × 10^`power`. No digits, or none but 0: zero.
fn encode_number(is_negative: bool, digits: &[u8], power: i32, out: &mut Vec<u8>) {
    let zeros = digits.iter().rev().take_while(|digit| **digit == 0).count();
    let digits = digits.get(..digits.len() - zeros).unwrap_or_default();
    if digits.is_empty() {
        return out.extend_from_slice(&[NUMBER, ZERO]);
    }
    out.extend_from_slice(&[NUMBER, if is_negative { NEGATIVE } else { POSITIVE }]);
    let start = out.len();
    out.extend_from_slice(&(power ^ i32::MIN).to_be_bytes());
    out.extend(digits.chunks(2).map(|pair| match *pair {
        [first, second] => first * 10 + second + 1,
        [first] => first * 10 + 1,
        _ => 0,
    }));
    out.push(0);
    if is_negative {
        out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: Token<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&value, &mut out).unwrap();
        out
    }

    #[test]
    fn values_in_order() {
        let (uuid_a, uuid_b) = ([0; 16], [9; 16]);
        let (past, now) = ((-5_i64).to_le_bytes(), 5_i64.to_le_bytes());
        let mut later = [0; 16];
        later[0] = 5;
        later[8] = 1;
        let in_order = [
            Token::Nil,
            Token::Bool(false),
            Token::Bool(true),
            Token::F64(f64::NAN),
            Token::F64(f64::NEG_INFINITY),
            Token::F64(f64::MIN),
            Token::Int(i64::MIN),
            Token::Int(i64::MIN + 1),
            Token::Int(-100),
            Token::Int(-99),
            Token::F64(-1.5),
            Token::Int(-1),
            Token::F64(-5e-324),
            Token::Uint(0),
            Token::F64(5e-324),
            Token::F64(2.225e-308),
            Token::Ext(1, &[1, 0x1c]),
            Token::F64(0.1 + f64::EPSILON),
            Token::F64(1.0 / 3.0),
            Token::F32(1.0 / 3.0),
            Token::Uint(1),
            Token::F64(1.0 + f64::EPSILON),
            Token::Uint(2),
            Token::Uint(9),
            Token::F64(9.75),
            Token::Uint(10),
            Token::Uint((1 << 53) + 1),
            Token::F64((1_u64 << 53) as f64 + 2.0),
            Token::F64(9_223_372_036_854_775_808.0),
            Token::Uint((1 << 63) + 1),
            Token::Uint(u64::MAX),
            Token::F64(18_446_744_073_709_551_616.0),
            Token::Ext(1, &[0xec, 0x2c]),
            Token::F64(1e300),
            Token::F64(f64::INFINITY),
            Token::Str(b""),
            Token::Str(b"\0"),
            Token::Str(b"\0\0"),
            Token::Str(b"\0\x01"),
            Token::Str(b"a"),
            Token::Str(b"a\0b"),
            Token::Str(b"ab"),
            Token::Str(b"\xff\xff"),
            Token::Bin(b""),
            Token::Bin(b"\xff"),
            Token::Ext(2, &uuid_a),
            Token::Ext(2, &uuid_b),
            Token::Ext(4, &past),
            Token::Ext(4, &now),
            Token::Ext(4, &later),
        ];
        for (left, right) in in_order.iter().zip(&in_order[1..]) {
            assert!(bytes(*left) < bytes(*right), "{left:?} {right:?}");
        }
        for left in &in_order {
            for right in &in_order {
                let (a, b) = (bytes(*left), bytes(*right));
                assert!(a == b || !b.starts_with(&a), "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn equal_numbers_are_one_key() {
        let same = |left, right| assert_eq!(bytes(left), bytes(right));
        same(Token::Uint(5), Token::F64(5.0));
        same(Token::Uint(5), Token::F32(5.0));
        same(Token::Uint(0), Token::F64(-0.0));
        same(Token::Uint(0), Token::Ext(1, &[0, 0x0d]));
        same(Token::Uint(0), Token::Ext(1, &[5, 0x0c]));
        same(Token::Uint(15), Token::Ext(1, &[2, 0x01, 0x50, 0x0c]));
        same(Token::F64(1.5), Token::Ext(1, &[1, 0x01, 0x5c]));
        same(Token::F64(-0.125), Token::Ext(1, &[3, 0x12, 0x5d]));
        same(Token::Int(-7), Token::F64(-7.0));
        same(Token::Uint(1 << 63), Token::F64(9_223_372_036_854_775_808.0));
    }

    #[test]
    fn what_has_no_order() {
        for value in [Token::Array(0), Token::Map(0), Token::Ext(6, &[0]), Token::Ext(2, &[1])] {
            assert_eq!(encode(&value, &mut Vec::new()), None, "{value:?}");
        }
    }
}
