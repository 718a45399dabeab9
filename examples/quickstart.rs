//! First steps; those of `quickstart_tokio`, which has the same on other runtimes beside it.
//!
//! `cargo run --release --example quickstart [URI]`. Without a URI it starts a server of its own.

#[path = "quickstart_tokio.rs"]
mod quickstart_tokio;

fn main() -> Result<(), tarantool_examples::Failure> {
    quickstart_tokio::main()
}
