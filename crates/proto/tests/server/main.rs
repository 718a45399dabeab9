//! The server's side, against hand-made bytes, captured bytes, and our own client.

#[path = "../vectors/load.rs"]
#[allow(dead_code, reason = "shared with the tests of the vectors")]
mod load;
#[path = "../vectors/sha256.rs"]
mod sha256;

mod any_reply;
mod any_request;
mod any_value;
mod chunks;
mod errors;
mod limits;
mod login;
mod peer;
mod replies;
mod round_trip;
mod vectors;
