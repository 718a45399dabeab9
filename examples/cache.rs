//! A web service with Tarantool as its cache: looked up first, filled from the slow source of truth.
//!
//! `cargo run --release --example cache [URI]`. It serves on a free port, asks itself twice for the
//! same user, and ends. All handlers share one client and so one connection.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use tarantool_examples::{Failure, Server, User};
use tarantool_tokio::{Client, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A cache that takes longer is no cache: rather go to the source.
const PATIENCE: Duration = Duration::from_millis(500);

/// `GET /users/{id}`
async fn user(State(cache): State<Client>, Path(id): Path<u64>) -> String {
    let users = cache.space::<User>("quickstart");
    match users.get(id).await {
        Ok(Some(user)) => return format!("{} is {}, said the cache", user.name, user.age),
        Ok(None) => {}
        // Down, slow or broken: the service goes on without it.
        Err(error) => eprintln!("cache: {error}"),
    }
    let user = from_the_source(id).await;
    let text = format!("{} is {}, said the source", user.name, user.age);
    // It was queued when it was made; nobody waits for it.
    drop(users.replace(&user));
    text
}

async fn from_the_source(id: u64) -> User {
    tokio::time::sleep(Duration::from_millis(100)).await;
    User::new(id, "Ann", 30)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = Server::from_arguments()?;
    server.create_quickstart()?;
    let client = connect(server.uri()).await?;

    let router = Router::new().route("/users/{id}", get(user));
    let router = router.with_state(client.with_timeout(PATIENCE));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let service = tokio::spawn(async { axum::serve(listener, router).await });

    for said in ["said the source", "said the cache"] {
        let reply = ask(&address, "/users/7").await?;
        let (_, body) = reply.split_once("\r\n\r\n").ok_or("no HTTP")?;
        println!("{body}");
        assert!(body.ends_with(said), "{reply}");
        // Nobody waited for the row to be written.
        while client.space::<User>("quickstart").get(7).await?.is_none() {}
    }
    service.abort();
    server.drop_quickstart()
}

async fn ask(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}
