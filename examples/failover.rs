//! Failover: two servers, one is killed, and the client goes on with the other.
//!
//! `cargo run --release --example failover`. Both servers are embedded ones; the events of the
//! connection are printed as they happen.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tarantool_examples::Failure;
use tarantool_testkit::Server;
use tarantool_tokio::{Config, Outcome, connect};

/// Whether a server is at it.
static PAYING: AtomicBool = AtomicBool::new(false);

fn start(name: &'static str) -> Result<Server, Failure> {
    let server = Server::start()?;
    server.function("name", move |(): ()| Ok(name));
    server.function("pay", |(): ()| {
        PAYING.store(true, Ordering::Relaxed);
        sleep(Duration::from_millis(200));
        Ok("paid")
    });
    Ok(server)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (first, second) = (start("first")?, start("second")?);
    // Tried in this order; the next one follows when a connection is lost.
    let config = Config::parse(&format!("{},{}", first.uri(), second.uri()))?
        .on_event(|event| println!("  event: {event}"));
    let client = connect(config).await?;
    let ask = async || client.idempotent().call::<String>("name", ()).await;
    println!("answered by the {}", ask().await?);

    // A payment is under way when the server dies. Nobody can know whether it was made, so it is not
    // sent again, and the caller is told.
    let payment = client.call::<String>("pay", ());
    while !PAYING.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    first.kill();
    match payment.await {
        Err(error) => {
            println!("{error}");
            assert_eq!(error.outcome(), Outcome::MaybeExecuted);
        }
        Ok(answer) => return Err(format!("a dead server answered: {answer}").into()),
    }

    // What is asked meanwhile waits for the next connection, within its timeout.
    let answer = ask().await?;
    println!("answered by the {answer}");
    assert_eq!(answer, "second");

    // Back to the first, once it runs again and the second is gone.
    first.restart()?;
    second.kill();
    let answer = ask().await?;
    println!("answered by the {answer}");
    assert_eq!(answer, "first");

    let stats = client.stats();
    println!("{stats}");
    assert_eq!((stats.connections, stats.lost), (3, 1));
    Ok(())
}
