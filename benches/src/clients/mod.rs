//! The contenders.

use std::net::SocketAddr;

use crate::job::{Contender, Failure};

pub mod raw;

/// The names [`by_name`] knows.
pub const NAMES: &[&str] = &[raw::NAME];

/// Makes a contender for a server.
///
/// # Errors
///
/// If there is none of that name, or it can't be set up.
pub fn by_name(name: &str, addr: SocketAddr) -> Result<Box<dyn Contender>, Failure> {
    match name {
        raw::NAME => Ok(Box::new(raw::Raw::connect(addr)?)),
        _ => Err(format!("unknown client `{name}`, there are: {}", NAMES.join(", ")).into()),
    }
}
