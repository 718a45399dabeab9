//! MessagePack: values to bytes and back, and what happens to bytes that are not as asked.

mod decoding;
mod encoding;
mod errors;
mod foreign;
mod hostile;
mod requests;
mod roundtrip;
mod value;
