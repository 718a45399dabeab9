//! The connection's state machine against a scripted server.

mod handshake;
mod peer;
mod replies;
