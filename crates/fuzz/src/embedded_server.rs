//! Any bytes from a client of the embedded server: it never panics, keeps no more than its limits,
//! and goes on serving others.

use std::time::Instant;

use tarantool_proto::server::ServerConfig;
use tarantool_testkit::{RawLink, Server};

const MEMORY: usize = 1 << 20;
const TUPLE: usize = 1 << 20;
const PACKET: usize = 64 << 10;

pub(crate) fn run(data: &[u8]) {
    let mut config = ServerConfig::default();
    config.packet_bytes_max = PACKET;
    config.output_bytes_max = 1 << 20;
    let builder = Server::builder().protocol(config).memory_max(MEMORY).in_memory();
    let Ok(server) = builder.start() else {
        return;
    };
    let users = server.space("users").id(512).field("id", "unsigned").nullable_field("s", "scalar");
    assert!(users.primary_key("id").index("s", "s").create().is_ok());
    server.function_with("echo", |context, (value,): (u64,)| {
        context.push(&value)?;
        Ok(value)
    });
    let now = Instant::now();
    let mut links = [RawLink::new(&server, [7; 32]), RawLink::new(&server, [8; 32])];
    for (at, part) in data.chunks(1 + data.len() / 3).enumerate() {
        let link = &mut links[at % 2];
        let output = link.feed(part, now);
        assert!(output.len() <= 128 + part.len() * 64 * 1024 + MEMORY);
        assert!(link.unread() <= PACKET + 16);
    }
    // An update may make one tuple as large as a tuple may be.
    assert!(server.memory() <= MEMORY + TUPLE);
    let mut other = RawLink::new(&server, [9; 32]);
    let reply = other.feed(&[0xce, 0, 0, 0, 5, 0x82, 0, 64, 1, 5], now);
    assert!(reply.len() > 128);
}
