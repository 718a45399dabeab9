//! The session against scripted servers, across connections and in virtual time.

mod attempts;
mod driving;
mod ending;
mod fates;
mod heartbeat;
mod link;
mod model;
#[allow(dead_code, reason = "what the tests of the connection need besides")]
#[path = "../connection/peer.rs"]
mod peer;
mod steps;
mod verbs;
mod watches;
