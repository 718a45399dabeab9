//! What the fuzz targets do with their input: functions of bytes that panic where something that
//! must hold does not. libFuzzer calls them from `fuzz/`, and a test replays what was once found.

mod chunking;
mod embedded_server;
mod follower;
mod greeting_and_frames;
mod msgpack_roundtrip;
mod oracle;
mod peer;
mod response_body;
pub mod seeds;
mod server_requests;
mod session_ops;
mod source;
mod uri;

/// A name, and what is done with the input.
pub type Target = (&'static str, fn(&[u8]));

macro_rules! targets {
    ($($name:ident: $about:literal;)*) => {
        $(
            #[doc = $about]
            pub fn $name(data: &[u8]) {
                $name::run(data);
            }
        )*

        /// All targets.
        pub const TARGETS: &[Target] = &[$((stringify!($name), $name),)*];
    };
}

targets! {
    greeting_and_frames: "Any bytes from a peer, to a connection.";
    chunking: "A server's packets, whole and cut, to a connection.";
    response_body: "Any bytes as the body of a reply, decoded.";
    session_ops: "Everything that can happen to a session, with a ledger.";
    server_requests: "Any bytes from a client, to the server's side.";
    msgpack_roundtrip: "Any bytes as MessagePack, and what another library says of them.";
    uri: "Any text as a URI.";
    embedded_server: "Any bytes from clients, to the embedded server.";
    follower: "Any bytes from a master, to a follower.";
}
