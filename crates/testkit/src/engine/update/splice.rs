//! Cutting and pasting in strings, in bytes.

use tarantool_proto::ErrorCode;
use tarantool_proto::msgpack::{Reader, Token, write};

use super::Failure;
use super::operation::Code;

/// Where to cut how much and what to put there.
#[derive(Debug)]
pub(super) struct Splice<'a> {
    /// From 0; negative: counted from the end, -1 being behind the last byte.
    pub(super) offset: i64,
    /// Negative: so many bytes stay at the end.
    pub(super) cut: i64,
    pub(super) paste: &'a [u8],
}

/// The refusal of an offset too far to the left.
pub(super) fn out_of_bound(label: &str) -> Failure {
    let text = format!("SPLICE error on field {label}: offset is out of bound");
    Failure::new(ErrorCode::UPDATE_SPLICE, text)
}

impl Splice<'_> {
    /// The string or the binary data `old` with the change made.
    pub(super) fn apply(&self, old: &[u8], label: &str) -> Result<Vec<u8>, Failure> {
        let (bytes, is_text) = match Reader::new(old).token() {
            Ok(Token::Str(bytes)) => (bytes, true),
            Ok(Token::Bin(bytes)) => (bytes, false),
            _ => return Err(Code::Splice.wrong_type(label, "a string or varbinary")),
        };
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let start = if self.offset < 0 {
            self.offset.saturating_add(length).saturating_add(1)
        } else {
            self.offset.min(length)
        };
        let start = usize::try_from(start).map_err(|_| out_of_bound(label))?;
        let (head, tail) = bytes.split_at_checked(start).unwrap_or((bytes, &[]));
        let cut = usize::try_from(self.cut.unsigned_abs()).unwrap_or(usize::MAX);
        let cut = if self.cut < 0 { tail.len().saturating_sub(cut) } else { cut };
        let kept = tail.get(cut..).unwrap_or_default();
        let new = [head, self.paste, kept].concat();
        let mut out = Vec::with_capacity(new.len().saturating_add(5));
        if is_text {
            write::str(&mut out, &new);
        } else {
            write::bin(&mut out, &new);
        }
        Ok(out)
    }
}
