//! The embedded server, through the blocking connector and through bytes of our own.

mod data;
mod faults;
mod link;
mod raw;
mod restarts;
mod shutdown;
mod streams;
mod watchers;
