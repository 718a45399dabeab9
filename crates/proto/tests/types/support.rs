//! What the tests of all types do.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::{self, Reader, Token};

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes();
    assert!(digits.len() % 2 == 0, "an even number of hex digits");
    let nibble = |digit: u8| char::from(digit).to_digit(16).expect("a hex digit") as u8;
    digits.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

pub(crate) fn bytes_of<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    msgpack::write_value(&mut bytes, value).unwrap();
    bytes
}

/// Type and payload of the extension value that `bytes` are.
pub(crate) fn extension(bytes: &[u8]) -> (i8, &[u8]) {
    let mut reader = Reader::new(bytes);
    let token = reader.token().unwrap();
    assert!(reader.is_empty(), "more than one value");
    let Token::Ext(kind, payload) = token else { panic!("{token} is no extension") };
    (kind, payload)
}

/// The text of the error that decoding `T` gives.
pub(crate) fn refusal<T: DeserializeOwned + Debug>(bytes: &[u8]) -> String {
    msgpack::from_slice::<T>(bytes).unwrap_err().to_string()
}

/// An extension value with a header of the given width: 1, 2 or 4 bytes of length.
pub(crate) fn with_header(width: usize, kind: i8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let marker = [0, 0xc7, 0xc8, 0, 0xc9][width];
    [&[marker], &length[4 - width..], &kind.to_be_bytes(), payload].concat()
}
