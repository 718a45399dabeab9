//! `connect_with`: streams of one's own, which are opened again when a connection is lost.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tarantool_client::{Address, Client, Config, ErrorKind};
use tarantool_testkit::Server;
use tarantool_testkit::conformance::{block_on, bounded};

/// How often something was opened.
type Opened = Arc<AtomicUsize>;

fn serve() -> Server {
    let server = Server::start().unwrap();
    server.function("sum", |(a, b): (u64, u64)| Ok(a + b));
    server
}

/// Where the client believes to be connected to; the streams go elsewhere.
fn config() -> Config {
    Config::parse("db.example:1").unwrap()
}

fn is_config(address: &Address, opened: &Opened) {
    assert_eq!(address.to_string(), "db.example:1");
    opened.fetch_add(1, Ordering::Relaxed);
}

async fn survives_a_loss(client: Client, server: &Server, opened: &Opened) {
    assert_eq!(client.call::<u64>("sum", (1, 2)).await.unwrap(), 3);
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    let ready = client.status();
    server.disconnect_all();
    client.status_changed(&ready).await;
    assert_eq!(client.call::<u64>("sum", (3, 4)).await.unwrap(), 7);
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

#[test]
fn tokio_opens_streams_again() {
    bounded(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let (server, opened) = (serve(), Opened::default());
            let (uri, count) = (server.uri().to_owned(), Arc::clone(&opened));
            let open = move |address| {
                is_config(&address, &count);
                tokio::net::TcpStream::connect(uri.clone())
            };
            let client = tarantool_tokio::connect_with(&config(), open).await.unwrap();
            survives_a_loss(client, &server, &opened).await;
        });
    });
}

#[test]
fn smol_opens_streams_again() {
    bounded(|| {
        smol::block_on(async {
            let (server, opened) = (serve(), Opened::default());
            let (uri, count) = (server.uri().to_owned(), Arc::clone(&opened));
            let open = move |address| {
                is_config(&address, &count);
                smol::net::TcpStream::connect(uri.clone())
            };
            let client = tarantool_smol::connect_with(&config(), open).await.unwrap();
            survives_a_loss(client, &server, &opened).await;
        });
    });
}

#[test]
fn async_std_opens_streams_again() {
    bounded(|| {
        async_std::task::block_on(async {
            let (server, opened) = (serve(), Opened::default());
            let (uri, count) = (server.uri().to_owned(), Arc::clone(&opened));
            let open = move |address| {
                is_config(&address, &count);
                async_std::net::TcpStream::connect(uri.clone())
            };
            let client = tarantool_async_std::connect_with(&config(), open).await.unwrap();
            survives_a_loss(client, &server, &opened).await;
        });
    });
}

#[test]
fn compio_opens_streams_again() {
    bounded(|| {
        compio::runtime::Runtime::new().unwrap().block_on(async {
            let (server, opened) = (serve(), Opened::default());
            let (uri, count) = (server.uri().to_owned(), Arc::clone(&opened));
            let open = move |address| {
                is_config(&address, &count);
                let uri = uri.clone();
                async { Ok(compio::net::TcpStream::connect(uri).await?.into_split()) }
            };
            let client = tarantool_compio::connect_with(&config(), open).await.unwrap();
            survives_a_loss(client, &server, &opened).await;
        });
    });
}

#[test]
fn a_stream_that_cannot_be_opened_is_told_with_its_address() {
    bounded(|| {
        block_on(async {
            let open = |_| async { Err::<smol::net::TcpStream, _>(io::Error::other("no tunnel")) };
            let error = tarantool_smol::connect_with(&config(), open).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("db.example:1") && text.contains("no tunnel"), "{text}");
        });
    });
}
