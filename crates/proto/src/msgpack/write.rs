//! Appends MessagePack values to a `Vec<u8>`, each in its shortest form.
//!
//! Shortest form is not only smaller: server 2.6 answers OK to update and delete whose keys hold
//! longer integers than needed, and changes nothing.

/// Appends nil.
pub fn nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

/// Appends a boolean.
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

/// Appends an unsigned integer.
#[inline]
pub fn uint(out: &mut Vec<u8>, value: u64) {
    if let Ok(small) = u8::try_from(value) {
        if small < 0x80 {
            out.push(small);
        } else {
            out.extend_from_slice(&[0xcc, small]);
        }
    } else if let Ok(small) = u16::try_from(value) {
        let [a, b] = small.to_be_bytes();
        out.extend_from_slice(&[0xcd, a, b]);
    } else if let Ok(small) = u32::try_from(value) {
        with_marker(out, 0xce, small.to_be_bytes());
    } else {
        with_marker(out, 0xcf, value.to_be_bytes());
    }
}

/// Appends a one-byte `key` and an unsigned integer, as one piece: most of what a request has
/// besides its values.
#[inline]
pub(crate) fn uint_entry(out: &mut Vec<u8>, key: u8, value: u32) {
    let [a, b, c, d] = value.to_be_bytes();
    match value {
        0..=0x7f => out.extend_from_slice(&[key, d]),
        0x80..=0xff => out.extend_from_slice(&[key, 0xcc, d]),
        0x100..=0xffff => out.extend_from_slice(&[key, 0xcd, c, d]),
        _ => out.extend_from_slice(&[key, 0xce, a, b, c, d]),
    }
}

/// Appends a signed integer; a non-negative one as an unsigned integer.
#[inline]
pub fn int(out: &mut Vec<u8>, value: i64) {
    if let Ok(positive) = u64::try_from(value) {
        uint(out, positive);
    } else if value >= -32 {
        out.extend_from_slice(&[value.to_be_bytes()[7]]);
    } else if let Ok(small) = i8::try_from(value) {
        with_marker(out, 0xd0, small.to_be_bytes());
    } else if let Ok(small) = i16::try_from(value) {
        with_marker(out, 0xd1, small.to_be_bytes());
    } else if let Ok(small) = i32::try_from(value) {
        with_marker(out, 0xd2, small.to_be_bytes());
    } else {
        with_marker(out, 0xd3, value.to_be_bytes());
    }
}

/// Appends a 32-bit float.
pub fn f32(out: &mut Vec<u8>, value: f32) {
    with_marker(out, 0xca, value.to_be_bytes());
}

/// Appends a 64-bit float.
pub fn f64(out: &mut Vec<u8>, value: f64) {
    with_marker(out, 0xcb, value.to_be_bytes());
}

/// Appends a string. `value` may be any bytes: the server's strings need not be UTF-8.
///
/// Values over 4 GiB cannot be expressed; they are far above any packet limit and are cut by
/// nothing here: the frame they end up in is refused as too large.
#[inline]
pub fn str(out: &mut Vec<u8>, value: &[u8]) {
    match value.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length @ 32..=0xff => out.extend_from_slice(&[0xd9, length as u8]),
        length => long_length(out, 0xda, 0xdb, length),
    }
    out.extend_from_slice(value);
}

/// Appends binary data.
#[inline]
pub fn bin(out: &mut Vec<u8>, value: &[u8]) {
    match value.len() {
        length @ 0..=0xff => out.extend_from_slice(&[0xc4, length as u8]),
        length => long_length(out, 0xc5, 0xc6, length),
    }
    out.extend_from_slice(value);
}

/// Appends an extension value of type `kind`, with the smallest header.
#[inline]
pub fn ext(out: &mut Vec<u8>, kind: i8, payload: &[u8]) {
    let [kind] = kind.to_be_bytes();
    match payload.len() {
        1 => out.push(0xd4),
        2 => out.push(0xd5),
        4 => out.push(0xd6),
        8 => out.push(0xd7),
        16 => out.push(0xd8),
        length @ 0..=0xff => out.extend_from_slice(&[0xc7, length as u8]),
        length => long_length(out, 0xc8, 0xc9, length),
    }
    out.push(kind);
    out.extend_from_slice(payload);
}

/// Appends the header of an array of `length` values, which must follow.
#[inline]
pub fn array(out: &mut Vec<u8>, length: usize) {
    match length {
        0..=15 => out.push(0x90 | length as u8),
        _ => long_length(out, 0xdc, 0xdd, length),
    }
}

/// Appends the header of a map of `length` pairs, which must follow.
#[inline]
pub fn map(out: &mut Vec<u8>, length: usize) {
    match length {
        0..=15 => out.push(0x80 | length as u8),
        _ => long_length(out, 0xde, 0xdf, length),
    }
}

fn long_length(out: &mut Vec<u8>, marker16: u8, marker32: u8, length: usize) {
    if let Ok(small) = u16::try_from(length) {
        with_marker(out, marker16, small.to_be_bytes());
    } else {
        with_marker(out, marker32, u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

#[inline]
fn with_marker<const N: usize>(out: &mut Vec<u8>, marker: u8, bytes: [u8; N]) {
    out.push(marker);
    out.extend_from_slice(&bytes);
}
