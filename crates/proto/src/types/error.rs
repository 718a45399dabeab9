//! Errors as values: what `box.error.new()` makes and a function returns.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::extension::{self, Extension};
use super::{Ext, InvalidValue};
use crate::ServerError;

impl Extension for ServerError {
    const KIND: i8 = Ext::ERROR;

    fn from_payload(payload: &[u8]) -> Result<Self, InvalidValue> {
        Self::decode_value(payload)
            .map_err(|_| InvalidValue("the stack of an error is malformed"))?
            .ok_or(InvalidValue("the stack of an error is empty"))
    }
}

/// An error as an argument (2.4.1); text in formats for people.
impl Serialize for ServerError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let mut tagged = vec![Ext::ERROR as u8];
        self.encode_value(&mut tagged);
        extension::to_extension(&tagged, serializer)
    }
}

/// An error in a result (2.4.1). Not from formats for people, which have its text alone.
///
/// Servers since 2.10 send errors so to this client, those since 2.4.1 if the session's setting
/// `error_marshaling_enabled` is on; others send their text. Where a string is asked for, the text
/// of the error is what one gets either way.
impl<'de> Deserialize<'de> for ServerError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        extension::from_extension(deserializer)
    }
}
