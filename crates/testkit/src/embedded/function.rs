//! Rust functions that clients call.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::{DecodeError, Reader, from_slice, write_value};
use tarantool_proto::{ErrorCode, ServerError};

use super::core::Core;

/// Arguments in, return values out: both an array.
pub(super) type Function =
    dyn Fn(&Context<'_>, &[u8]) -> Result<Vec<u8>, ServerError> + Send + Sync;

/// What a function can do besides returning.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    core: &'a Core,
    caller: &'a Caller,
    push: &'a dyn Fn(&[u8]),
}

impl<'a> Context<'a> {
    pub(super) fn new(core: &'a Core, caller: &'a Caller, push: &'a dyn Fn(&[u8])) -> Self {
        Self { core, caller, push }
    }

    /// The number of the session that calls: no other connection has it.
    #[must_use]
    pub const fn session_id(&self) -> u64 {
        self.caller.session
    }

    /// The user who calls.
    #[must_use]
    pub fn user(&self) -> &'a str {
        &self.caller.user
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

/// Whose call it is.
pub(super) struct Caller {
    pub(super) session: u64,
    pub(super) user: Box<str>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// What the value that a Rust function returns is to the caller.
#[derive(Clone, Copy)]
pub(super) enum Returns {
    /// The only return value.
    One,
    /// All of them.
    Many,
}

pub(super) fn wrap<A, R>(
    function: impl Fn(&Context<'_>, A) -> Result<R, ServerError> + Send + Sync + 'static,
    returns: Returns,
) -> Box<Function>
where
    A: DeserializeOwned,
    R: Serialize,
{
    Box::new(move |context, arguments| {
        let arguments = decode(arguments).map_err(|error| {
            ServerError::new(ErrorCode::PROC_LUA, format!("wrong arguments: {error}"))
        })?;
        let value = encode(&function(context, arguments)?)?;
        match returns {
            Returns::One => Ok([&[0x91], value.as_slice()].concat()),
            Returns::Many if Reader::new(&value).array().is_ok() => Ok(value),
            Returns::Many => Err(ServerError::new(
                ErrorCode::PROC_LUA,
                "what the function returned is neither a tuple nor a sequence",
            )),
        }
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

/// The elements of an array; `None` if it is none.
pub(super) fn elements(array: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = Reader::new(array);
    let length = reader.array().ok()?;
    Some((0..length).map_while(|_| reader.raw().ok()).collect())
}

/// What CALL in its old form makes of return values: a row of each, or of each element of a single
/// array that has nothing but rows in it (IPROTO reference, section 13).
pub(super) fn rows_of(values: &[&[u8]]) -> Vec<Vec<u8>> {
    let is_row = |value: &&[u8]| Reader::new(value).array().is_ok();
    if let [only] = values {
        if let Some(rows) = elements(only).filter(|rows| !rows.is_empty()) {
            if rows.iter().all(is_row) {
                return rows.into_iter().map(<[u8]>::to_vec).collect();
            }
        }
    }
    let row = |value: &&[u8]| {
        if is_row(value) { value.to_vec() } else { [&[0x91], *value].concat() }
    };
    values.iter().map(row).collect()
}
