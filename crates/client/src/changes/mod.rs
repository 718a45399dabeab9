//! A server's changes, to whoever follows it.

mod blocking;
mod follow;
mod following;
mod stream;

pub use blocking::{BlockingChanges, changes_blocking};
pub use follow::Follow;
pub use stream::Changes;
