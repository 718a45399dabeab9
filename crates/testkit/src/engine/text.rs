//! Tuples as messages show them.

use std::fmt::Write as _;

use tarantool_proto::msgpack::{Reader, Token};

/// Longer ones are cut, as the server does.
const LENGTH_MAX: usize = 1023;

/// A MessagePack value in the manner of JSON. Floats are written in their shortest form, and of
/// extensions the type only.
pub(super) fn text_of(tuple: &[u8]) -> String {
    let mut out = String::new();
    let mut reader = Reader::new(tuple);
    // What is open: what ends it, how many values it still has, and whether a key comes next.
    let mut open: Vec<(char, usize, bool)> = Vec::new();
    // Each turn writes something, which bounds the depth.
    while out.len() <= LENGTH_MAX {
        let Ok(token) = reader.token() else {
            break;
        };
        match token {
            Token::Array(length) => {
                out.push('[');
                open.push((']', length, false));
            }
            Token::Map(length) => {
                out.push('{');
                open.push(('}', length.saturating_mul(2), true));
            }
            scalar => write_scalar(&scalar, &mut out),
        }
        let mut is_first = matches!(token, Token::Array(_) | Token::Map(_));
        while let Some((end, 0, _)) = open.last() {
            out.push(*end);
            open.pop();
            is_first = false;
        }
        let Some((end, left, is_key)) = open.last_mut() else {
            break;
        };
        if !is_first {
            out.push_str(if *is_key || *end == ']' { ", " } else { ": " });
        }
        *is_key = *end == '}' && !*is_key;
        *left -= 1;
    }
    let cut = (0..=LENGTH_MAX).rev().find(|at| out.is_char_boundary(*at)).unwrap_or(0);
    out.truncate(cut);
    out
}

fn write_scalar(value: &Token<'_>, out: &mut String) {
    // Writing to a string does not fail.
    let _ = match *value {
        Token::Bool(value) => write!(out, "{value}"),
        Token::Uint(value) => write!(out, "{value}"),
        Token::Int(value) => write!(out, "{value}"),
        Token::F32(value) => write!(out, "{value}"),
        Token::F64(value) => write!(out, "{value}"),
        Token::Str(value) | Token::Bin(value) => {
            write_string(value, out);
            Ok(())
        }
        Token::Ext(kind, payload) => {
            write!(out, "(extension: type {kind}, len {})", payload.len())
        }
        Token::Nil | Token::Array(_) | Token::Map(_) => out.write_str("null"),
    };
}

fn write_string(value: &[u8], out: &mut String) {
    let value = value.get(..LENGTH_MAX).unwrap_or(value);
    out.push('"');
    for char in String::from_utf8_lossy(value).chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: serde_json::Value) -> String {
        let mut bytes = Vec::new();
        tarantool_proto::msgpack::write_value(&mut bytes, &value).unwrap();
        text_of(&bytes)
    }

    #[test]
    fn values() {
        use serde_json::json;
        assert_eq!(text(json!([])), "[]");
        assert_eq!(
            text(json!([1, "one", 1.5, {"k": "v", "l": [1, {}, []]}, null, true, -3])),
            "[1, \"one\", 1.5, {\"k\": \"v\", \"l\": [1, {}, []]}, null, true, -3]"
        );
        assert_eq!(
            text(json!(["a\"\\\n\u{1}ж", [[[]]], {"a": {"b": 1}, "c": 2}])),
            "[\"a\\\"\\\\\\n\\u0001ж\", [[[]]], {\"a\": {\"b\": 1}, \"c\": 2}]"
        );
        assert_eq!(
            text_of(&[0x92, 0xc4, 1, 0, 0xd6, 9, 1, 2, 3, 4]),
            "[\"\\u0000\", (extension: type 9, len 4)]"
        );
    }

    #[test]
    fn hostile_and_long_ones_are_cut() {
        assert_eq!(text_of(&vec![0x91; 1 << 20]).len(), LENGTH_MAX);
        assert_eq!(text(serde_json::json!(["ж".repeat(2000)])).len(), LENGTH_MAX - 1);
        assert_eq!(text_of(&[]), "");
        assert_eq!(text_of(&[0x92, 1, 0xc1]), "[1, ");
        assert_eq!(text_of(&[0x82, 0xc1, 0, 0, 0]), "{");
    }
}
