//! TLS by rustls, through `connect_with`: any stream that can be opened again, reconnecting included.
//!
//! `cargo run --release --example tls`. It puts a TLS endpoint with a certificate of its own before
//! the embedded server, talks through it, has the connection cut, and talks again.

use std::io;
use std::sync::Arc;

use tarantool_examples::Failure;
use tarantool_testkit::Server;
use tarantool_tokio::{Address, Config, connect_with};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = Server::start()?;
    server.function("sum", |(a, b): (i64, i64)| Ok(a + b));

    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = own.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("localhost:{}", listener.local_addr()?.port());
    let endpoint = tokio::spawn(serve(listener, Arc::new(tls).into(), server.uri().to_owned()));

    let mut roots = RootCertStore::empty();
    roots.add(certificate)?; // usually those of the system or of webpki-roots
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(tls));

    // Encrypted: so a server that wants a password itself (pap-sha256) may get it.
    let config = Config::parse(&address)?.encrypted(true).on_event(|event| println!("  {event}"));
    let client = connect_with(&config, move |address| open(connector.clone(), address)).await?;
    println!("40 + 2 = {}", client.call::<i64>("sum", (40, 2)).await?);

    server.disconnect_all();
    let sum: i64 = client.idempotent().call("sum", (40, 3)).await?;
    println!("40 + 3 = {sum}, over another connection");
    // The first call may still have found the old one; it was cut all the same.
    while client.stats().connections < 2 {
        client.ping().await?;
    }
    endpoint.abort();
    Ok(())
}

/// Called whenever a connection is needed, with the address that it is to go to.
async fn open(
    connector: TlsConnector,
    address: Address,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let Address::Tcp { host, port } = address else {
        return Err(address.unsupported());
    };
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?; // batching is done by the client
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

/// The endpoint: TLS on one side, the server on the other.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: String) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (acceptor, server) = (acceptor.clone(), server.clone());
        tokio::spawn(async move {
            let mut outside = acceptor.accept(stream).await?;
            let mut inside = TcpStream::connect(server).await?;
            copy_bidirectional(&mut outside, &mut inside).await
        });
    }
}
