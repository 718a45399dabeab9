//! Watched keys, a value read once, and a call that tells how far it is.
//!
//! `cargo run --release --example watch [URI]`. Without a URI it starts the testkit's embedded
//! server; one that is given must be a Tarantool since 3.0.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tarantool_examples::Failure;
use tarantool_testkit::{Context, Server};
use tarantool_tokio::{Client, connect};
use tokio::time::{sleep, timeout};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    name: String,
    limit: u64,
}

const KEY: &str = "watch_example";
const LIMITS: u64 = 5;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Failure> {
    let (uri, server) = match std::env::args().nth(1) {
        Some(uri) => (uri, None),
        None => {
            let server = Server::start()?;
            server.function_with("watch_example", |context: &Context<'_>, (steps,): (u64,)| {
                (1..=steps).try_for_each(|step| context.push(&step))?;
                Ok("all steps are done")
            });
            (server.uri().to_owned(), Some(server))
        }
    };
    let client = connect(uri).await?;
    if server.is_none() {
        client.eval::<()>(FUNCTION, ()).await?;
    }

    let mut settings = client.watch(KEY);
    let writer = tokio::spawn(write(client.clone(), server));
    // The first value is the present one: none yet, unless the server has seen this before. Values
    // that come faster than they are read are skipped; the last is always seen.
    while let Some(change) = timeout(Duration::from_secs(10), settings.changed()).await? {
        let settings: Option<Settings> = change.decode()?;
        println!("value {}: {settings:?}", change.number());
        if settings.is_some_and(|settings| settings.limit == LIMITS) {
            break;
        }
    }
    if let Some(error) = settings.failure() {
        return Err(error.into());
    }
    // The embedded server must outlive what follows.
    let _server = writer.await??;

    let now: Option<Settings> = client.watch_once(KEY).await?;
    println!("read once: {now:?}");
    assert_eq!(now, Some(Settings { name: "example".into(), limit: LIMITS }));

    let mut call = client.call_with_pushes::<u64, String>("watch_example", (3,));
    while let Some(step) = call.next_push().await? {
        println!("step {step}");
    }
    println!("{}", call.finish().await?);
    Ok(())
}

/// Changes the key a few times, and gives the embedded server back.
async fn write(client: Client, server: Option<Server>) -> Result<Option<Server>, Failure> {
    for limit in 1..=LIMITS {
        sleep(Duration::from_millis(50)).await;
        let settings = Settings { name: "example".into(), limit };
        match &server {
            Some(server) => server.broadcast(KEY, &settings)?,
            None => client.eval("box.broadcast(...)", (KEY, settings)).await?,
        }
    }
    Ok(server)
}

const FUNCTION: &str = "
    function watch_example(steps)
        for step = 1, steps do box.session.push(step) end
        return 'all steps are done'
    end
";
