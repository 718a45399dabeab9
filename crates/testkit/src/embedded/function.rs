//! Rust functions that clients call.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::{DecodeError, Reader, from_slice, write_value};
use tarantool_proto::{ErrorCode, ServerError};

use super::core::Core;

/// Arguments in, one return value out, each as MessagePack.
pub(super) type Function =
    dyn Fn(&Context<'_>, &[u8]) -> Result<Vec<u8>, ServerError> + Send + Sync;

/// What a function can do besides returning.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    core: &'a Core,
    push: &'a dyn Fn(&[u8]),
}

impl<'a> Context<'a> {
    pub(super) fn new(core: &'a Core, push: &'a dyn Fn(&[u8])) -> Self {
        Self { core, push }
    }

    /// All rows of a space by primary key, as [`Server::rows`](crate::Server::rows) gives them.
    ///
    /// # Errors
    /// There is no such space, or a row does not fit `T`; the error is fit to be the function's.
    pub fn rows<T: DeserializeOwned>(&self, space: &str) -> Result<Vec<T>, ServerError> {
        self.core.rows(space)
    }

    /// Sends a message to the caller before the function returns, as `box.session.push` does.
    ///
    /// # Errors
    /// The value cannot be serialized; the error is fit to be the function's.
    pub fn push<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), ServerError> {
        (self.push)(&encode(value)?);
        Ok(())
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

pub(super) fn wrap<A, R>(
    function: impl Fn(&Context<'_>, A) -> Result<R, ServerError> + Send + Sync + 'static,
) -> Box<Function>
where
    A: DeserializeOwned,
    R: Serialize,
{
    Box::new(move |context, arguments| {
        let arguments = decode(arguments).map_err(|error| {
            ServerError::new(ErrorCode::PROC_LUA, format!("wrong arguments: {error}"))
        })?;
        encode(&function(context, arguments)?)
    })
}

/// No arguments are an empty array, which is no `()` for serde.
fn decode<A: DeserializeOwned>(arguments: &[u8]) -> Result<A, DecodeError> {
    let is_empty = Reader::new(arguments).array().is_ok_and(|length| length == 0);
    if is_empty {
        if let Ok(nothing) = from_slice(&[0xc0]) {
            return Ok(nothing);
        }
    }
    from_slice(arguments)
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ServerError> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value)
        .map_err(|error| ServerError::new(ErrorCode::PROC_LUA, error.to_string()))?;
    Ok(bytes)
}

/// What CALL in its old form makes of a return value: rows.
pub(super) fn rows_of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(value);
    let Ok(length) = reader.array() else {
        // A scalar or a map is a row of one field.
        return vec![[&[0x91], value].concat()];
    };
    let elements: Vec<&[u8]> = (0..length).map_while(|_| reader.raw().ok()).collect();
    if !elements.is_empty() && elements.iter().all(|one| Reader::new(one).array().is_ok()) {
        return elements.into_iter().map(<[u8]>::to_vec).collect();
    }
    vec![value.to_vec()]
}
