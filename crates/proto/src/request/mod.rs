//! Requests as plain values, one file per family.

mod arrow;
mod body;
mod call;
mod data;
mod operations;
mod select;
mod session;
mod sql;
mod subject;
mod transaction;
mod watch;

pub use arrow::InsertArrow;
pub use body::{Body, Identifier};
pub use call::{Call, Call16, Eval};
pub use data::{Delete, Insert, Replace, Update, Upsert};
pub use operations::{Field, Operations, ops};
pub use select::Select;
pub use session::{Auth, Id, Ping};
pub use sql::{Execute, Named, Prepare, Unprepare, named};
pub use subject::Subject;
pub use transaction::{Begin, Commit, Isolation, Rollback};
pub use watch::{Unwatch, Watch, WatchOnce};

use crate::keys::RequestType;
use crate::msgpack::EncodeError;

/// A request that can be encoded into a [`Frame`](crate::Frame).
///
/// Implement it for a request that this crate does not know; whatever the body holds is sent as it
/// is.
pub trait Request {
    /// The number that tells the server what to do.
    fn request_type(&self) -> RequestType;

    /// What error messages call this request.
    fn subject(&self) -> Subject {
        Subject::of(self.request_type())
    }

    /// Appends the entries of the body; none for a request without one.
    ///
    /// # Errors
    /// A value cannot be serialized.
    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError>;
}

impl<R: Request + ?Sized> Request for &R {
    fn request_type(&self) -> RequestType {
        (**self).request_type()
    }

    fn subject(&self) -> Subject {
        (**self).subject()
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        (**self).encode(body)
    }
}
