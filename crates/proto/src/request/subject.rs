//! What an error message calls a request.

use std::fmt;

use super::Identifier;
use crate::keys::RequestType;

/// A request's name for error messages, such as `insert into users`.
///
/// Small and without allocation, because every request carries one; long names are cut.
#[derive(Clone, Copy)]
pub struct Subject {
    request_type: RequestType,
    target: Target,
    in_transaction: bool,
}

const NAME_MAX: usize = 27;

#[derive(Clone, Copy)]
enum Target {
    None,
    Number(u32),
    Name { length: u8, cut: bool, bytes: [u8; NAME_MAX] },
}

impl Subject {
    /// A request without a target.
    #[must_use]
    pub const fn of(request_type: RequestType) -> Self {
        Self { request_type, target: Target::None, in_transaction: false }
    }

    /// A request to a space.
    #[must_use]
    pub fn with_space(request_type: RequestType, space: Identifier<'_>) -> Self {
        match space {
            Identifier::Number(number) => Self::with_number(request_type, number),
            Identifier::Name(name) => Self::with_name(request_type, name),
        }
    }

    /// A request to something with a number: a prepared statement for requests about SQL, a space
    /// for all others.
    #[must_use]
    pub const fn with_number(request_type: RequestType, number: u32) -> Self {
        Self { request_type, target: Target::Number(number), in_transaction: false }
    }

    /// A request to something with a name, such as a function.
    #[must_use]
    pub fn with_name(request_type: RequestType, name: &str) -> Self {
        let mut bytes = [0; NAME_MAX];
        let mut length = name.len().min(NAME_MAX);
        while !name.is_char_boundary(length) {
            length -= 1;
        }
        if let (Some(place), Some(source)) =
            (bytes.get_mut(..length), name.as_bytes().get(..length))
        {
            place.copy_from_slice(source);
        }
        let target = Target::Name { length: length as u8, cut: length < name.len(), bytes };
        Self { request_type, target, in_transaction: false }
    }

    /// The same as one of a transaction.
    #[must_use]
    pub const fn in_transaction(mut self) -> Self {
        self.in_transaction = true;
        self
    }

    /// Whether it is one of a transaction.
    #[must_use]
    pub const fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// The request's type.
    #[must_use]
    pub const fn request_type(&self) -> RequestType {
        self.request_type
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.request_type.name() {
            Some(name) => f.write_str(&name.to_lowercase())?,
            None => write!(f, "request of type {}", self.request_type.number())?,
        }
        let link = match self.request_type {
            RequestType::SELECT | RequestType::DELETE => " from ",
            RequestType::INSERT
            | RequestType::REPLACE
            | RequestType::UPSERT
            | RequestType::INSERT_ARROW => " into ",
            _ => " ",
        };
        match &self.target {
            Target::None => {}
            Target::Number(number) => {
                let what = match self.request_type {
                    RequestType::EXECUTE | RequestType::PREPARE => "statement",
                    _ => "space",
                };
                write!(f, "{link}{what} {number}")?;
            }
            Target::Name { length, cut, bytes } => {
                let name = bytes.get(..usize::from(*length)).unwrap_or_default();
                let dots = if *cut { "…" } else { "" };
                write!(f, "{link}{}{dots}", String::from_utf8_lossy(name))?;
            }
        }
        match self.request_type {
            RequestType::BEGIN | RequestType::COMMIT | RequestType::ROLLBACK => {
                f.write_str(" of a transaction")
            }
            _ if self.in_transaction => f.write_str(" in a transaction"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({self})")
    }
}
