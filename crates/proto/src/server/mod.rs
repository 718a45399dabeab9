//! The server's side of the protocol: what a client sends, understood, and answers as bytes.
//!
//! [`ServerConnection`] is one accepted connection as a state machine without I/O, the counterpart
//! of [`Connection`](crate::Connection): it greets, answers identification, checks logins and
//! requests the way server 3.7.0 does, and hands out what is left for an engine to do. It keeps no
//! data, knows no spaces and no rights. [`Incoming::decode`] understands a single packet, for
//! proxies and recorders.
//!
//! What it answers by itself (IPROTO reference, sections 2 to 9):
//!
//! - ID, with the version and the features of its [`ServerConfig`];
//! - malformed headers and bodies: error 20; a missing mandatory key: 69;
//! - unknown request types: 48. So are NOP, EVENT, VOTE and all of replication, which it does not
//!   do;
//! - requests that must not, or must, be in a stream: 229, 230;
//! - AUTH by an unknown method or with data of the wrong form: 249, 251;
//! - a request for another version of the schema: 109.
//!
//! It differs from a server in that values inside of tuples and arguments are checked for their
//! lengths only, not for the contents of extensions, and in that it honours no
//! [`Key::THREAD_ID`](crate::Key::THREAD_ID).
//!
//! ```
//! use bytes::BytesMut;
//! use tarantool_proto::RequestType;
//! use tarantool_proto::server::{ServerConfig, ServerConnection, ServerEvent};
//!
//! # fn serve(input: &mut BytesMut) -> Result<Vec<u8>, tarantool_proto::ProtocolError> {
//! let mut conn = ServerConnection::new(ServerConfig::default(), [7; 32]); // a random salt, really
//! while let Some(event) = conn.poll_event(input)? {
//!     match event {
//!         ServerEvent::Login(login) => {
//!             let password = (&*login.user == "anna").then_some(b"secret".as_slice());
//!             conn.answer_login(login, password);
//!         }
//!         ServerEvent::Request(request) if request.request_type == RequestType::PING => {
//!             conn.reply_ok(request.sync);
//!         }
//!         ServerEvent::Request(request) => conn.reply_data(request.sync, []),
//!         _ => {}
//!     }
//! }
//! let mut output = Vec::new();
//! conn.poll_transmit(&mut output);
//! # Ok(output) }
//! ```

mod config;
mod connection;
mod fields;
mod greeting;
mod header;
mod incoming;
mod login;
mod refusal;
mod reply;

pub use config::{AuthType, ServerConfig};
pub use connection::{ServerConnection, ServerEvent};
pub use fields::Fields;
pub use incoming::Incoming;
pub use login::Login;
pub use refusal::Refusal;
