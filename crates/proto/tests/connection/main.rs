//! The connection's state machine against a scripted server.

mod any_batching;
mod batching;
mod capabilities;
mod handshake;
mod known;
mod limits;
mod malformed;
mod model;
mod names;
mod outcomes;
mod peer;
mod pushes;
mod replies;
mod schema;
mod sql;
mod stats;
mod steps;
mod streams;
mod texts;
mod transactions;
mod tuples;
mod watches;
