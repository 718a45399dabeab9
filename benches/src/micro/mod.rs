//! The core alone, without sockets: what one operation of each part of it costs. The same functions
//! are timed by criterion and have their instructions counted under callgrind.

mod core;
mod decode;
mod encode;

use std::hint::black_box;

/// One operation, to be repeated; everything that it needs was made before.
pub type Operation = Box<dyn FnMut()>;

/// Makes an operation.
pub type Make = fn() -> Operation;

/// All of them by name, `PART/WHAT`.
#[must_use]
pub fn all() -> Vec<(&'static str, Make)> {
    [encode::ALL, decode::ALL, core::ALL].concat()
}

/// The bytes of a row's text.
const TEXT: usize = 1536;

/// The answer to a request, as the server of version 2.6 writes it.
fn reply(sync: u64, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xce, 0, 0, 0, 0, 0x83, 0x00, 0xce, 0, 0, 0, 0, 0x01, 0xcf];
    bytes.extend_from_slice(&sync.to_be_bytes());
    bytes.extend_from_slice(&[0x05, 0xce, 0, 0, 0, 80, 0x81, 0x30]);
    bytes.extend_from_slice(data);
    let length = bytes.len() as u32 - 5;
    bytes[1..5].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// `count` rows of an id and a text, as the server writes an array.
fn rows(count: u8, text: usize) -> Vec<u8> {
    let mut bytes = vec![0xdd, 0, 0, 0, count];
    for id in 0..count {
        bytes.extend_from_slice(&[0x92, id & 0x7f, 0xda]);
        bytes.extend_from_slice(&(text as u16).to_be_bytes());
        bytes.resize(bytes.len() + text, b'x');
    }
    bytes
}

/// Keeps the compiler from leaving out what nobody looks at; a failure ends the benchmark.
fn keep<T, E: std::fmt::Debug>(result: Result<T, E>) {
    match result {
        Ok(value) => drop(black_box(value)),
        Err(error) => panic!("a micro-benchmark failed: {error:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_can_be_repeated() {
        for (name, make) in all() {
            assert!(name.contains('/'), "{name}");
            let mut operation = make();
            (0..300).for_each(|_| operation());
        }
    }

    #[test]
    fn names_are_different() {
        let mut names: Vec<_> = all().into_iter().map(|each| each.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }
}
