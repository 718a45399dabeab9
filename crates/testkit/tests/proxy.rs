//! The proxy that breaks connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_blocking::connect;
use tarantool_testkit::{Direction, Listen, Proxy, Server};

use Direction::{ToClient, ToServer};

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(10);

/// A proxy before a server of which the test holds the other end of each connection.
struct Wire {
    proxy: Proxy,
    listener: TcpListener,
}

impl Wire {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap().to_string()).unwrap();
        Self { proxy, listener }
    }

    /// Client and server.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.proxy.uri()).unwrap();
        let (server, _) = self.listener.accept().unwrap();
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(LONG)).unwrap();
        }
        (client, server)
    }
}

fn passes(mut from: &TcpStream, mut to: &TcpStream, bytes: &[u8]) {
    from.write_all(bytes).unwrap();
    let mut got = vec![0; bytes.len()];
    to.read_exact(&mut got).unwrap();
    assert_eq!(got, bytes);
}

/// All that comes until the end; a reset is one, too.
fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    if let Err(error) = stream.read_to_end(&mut got) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    got
}

fn is_silent(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    let kind = stream.read(&mut [0]).map_err(|error| error.kind());
    stream.set_read_timeout(Some(LONG)).unwrap();
    matches!(kind, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn soon(holds: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < until, "not after 10 s");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn bytes_and_ends_pass_in_both_directions() {
    let wire = Wire::new();
    let (client, server) = wire.connect();
    let large: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    passes(&client, &server, b"to the server");
    thread::scope(|scope| {
        scope.spawn(|| passes(&server, &client, &large));
    });
    assert_eq!((wire.proxy.connected(), wire.proxy.accepted()), (1, 1));
    assert_eq!((wire.proxy.passed(ToServer), wire.proxy.passed(ToClient)), (13, 300_000));
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&server), b"");
    passes(&server, &client, b"still");
    drop(server);
    assert_eq!(rest(&client), b"");
    soon(|| wire.proxy.connected() == 0);
}

#[test]
fn a_cut_comes_after_so_many_bytes() {
    let wire = Wire::new();
    for direction in [ToServer, ToClient] {
        for count in [0, 1, 6, 10] {
            let (client, server) = wire.connect();
            let (mut from, to) =
                if direction == ToServer { (&client, &server) } else { (&server, &client) };
            passes(from, to, b"before");
            wire.proxy.cut_after(direction, 3 + count.max(1));
            passes(from, to, b"abc");
            if count == 0 {
                wire.proxy.cut_after(direction, 0);
            }
            passes(to, from, b"the other way is not counted");
            from.write_all(b"0123456789").unwrap();
            assert_eq!(rest(to), b"0123456789"[..count as usize]);
            assert_eq!(rest(from), b"");
            assert_eq!(wire.proxy.connected(), 0);
        }
    }
    let (client, server) = wire.connect();
    passes(&client, &server, &[0; 1000]);
}

#[test]
fn a_cut_befalls_the_connection_that_carries_the_byte() {
    let wire = Wire::new();
    let pairs = [wire.connect(), wire.connect()];
    wire.proxy.cut_after(ToServer, 5);
    passes(&pairs[0].0, &pairs[0].1, b"four");
    (&pairs[1].0).write_all(b"xy").unwrap();
    assert_eq!(rest(&pairs[1].1), b"x");
    passes(&pairs[0].0, &pairs[0].1, b"goes on");
    wire.proxy.cut_now();
    assert_eq!((rest(&pairs[0].0), rest(&pairs[0].1)), (vec![], vec![]));
    assert_eq!((wire.proxy.connected(), wire.proxy.accepted()), (0, 2));
    wire.connect();
}

#[test]
fn a_black_hole_takes_everything_in_one_direction() {
    let wire = Wire::new();
    let (client, server) = wire.connect();
    let (idle, idle_server) = wire.connect();
    wire.proxy.black_hole(ToServer, true);
    (&client).write_all(&vec![0; 20 << 20]).unwrap();
    assert!(is_silent(&server));
    passes(&server, &client, b"the other way");
    // Not even the end passes.
    client.shutdown(Shutdown::Write).unwrap();
    assert!(is_silent(&server));
    assert_eq!(wire.proxy.connected(), 2);
    // A stream with a gap does not go on.
    wire.proxy.black_hole(ToServer, false);
    assert_eq!(rest(&server), b"");
    passes(&idle, &idle_server, b"nothing was lost");
}

#[test]
fn a_black_hole_ends_in_each_direction_by_itself() {
    let wire = Wire::new();
    for _ in 0..20 {
        let (client, server) = wire.connect();
        for direction in [ToServer, ToClient] {
            wire.proxy.black_hole(direction, true);
        }
        (&client).write_all(b"lost").unwrap();
        // It has been read, and is lost, long before.
        thread::sleep(SHORT);
        wire.proxy.black_hole(ToClient, false);
        passes(&server, &client, b"nothing was lost here");
        let writer = thread::spawn({
            let client = client.try_clone().unwrap();
            // Nothing of this may follow the gap.
            move || {
                let until = Instant::now() + LONG;
                while Instant::now() < until && (&client).write_all(b"after the gap").is_ok() {}
                let _ = client.shutdown(Shutdown::Both);
            }
        });
        wire.proxy.black_hole(ToServer, false);
        assert_eq!(rest(&server), b"");
        writer.join().unwrap();
    }
}

#[test]
fn held_bytes_come_later() {
    let wire = Wire::new();
    let (client, server) = wire.connect();
    wire.proxy.hold(ToClient, true);
    (&server).write_all(b"later").unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    passes(&client, &server, b"the other way");
    assert!(is_silent(&client));
    wire.proxy.hold(ToClient, false);
    assert_eq!(rest(&client), b"later");
}

#[test]
fn held_and_delayed_connections_can_be_cut() {
    let wire = Wire::new();
    wire.proxy.delay(Duration::from_secs(3600));
    wire.proxy.hold(ToServer, true);
    let (client, server) = wire.connect();
    (&client).write_all(b"held").unwrap();
    (&server).write_all(b"delayed").unwrap();
    assert!(is_silent(&client) && is_silent(&server));
    wire.proxy.cut_now();
    assert_eq!((rest(&client), rest(&server)), (vec![], vec![]));
}

#[test]
fn delays_are_kept() {
    let wire = Wire::new();
    let (client, server) = wire.connect();
    wire.proxy.delay(SHORT);
    let begun = Instant::now();
    passes(&client, &server, b"there");
    passes(&server, &client, b"and back");
    assert!(begun.elapsed() >= 2 * SHORT);
    wire.proxy.delay(Duration::from_secs(3600));
    (&client).write_all(b"x").unwrap();
    assert!(is_silent(&server));
    wire.proxy.delay(Duration::ZERO);
    (&server).read_exact(&mut [0]).unwrap();
}

#[test]
fn connects_are_refused_for_a_while() {
    let wire = Wire::new();
    let (client, server) = wire.connect();
    for _ in 0..5 {
        wire.proxy.refuse(true).unwrap();
        wire.proxy.refuse(true).unwrap();
        let refused = TcpStream::connect(wire.proxy.uri()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        passes(&client, &server, b"that one stays");
        wire.proxy.refuse(false).unwrap();
        wire.proxy.refuse(false).unwrap();
        wire.connect();
    }
    assert_eq!(wire.proxy.accepted(), 6);
}

#[test]
fn a_silent_proxy_accepts_and_never_greets() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.uri()).unwrap();
    proxy.stay_silent(true);
    let silent = TcpStream::connect(proxy.uri()).unwrap();
    (&silent).write_all(b"hello?").unwrap();
    assert!(is_silent(&silent));
    assert_eq!((proxy.connected(), proxy.accepted(), server.accepted()), (1, 1, 0));
    proxy.stay_silent(false);
    assert!(is_silent(&silent));
    connect(proxy.uri()).unwrap().ping().unwrap();
    let another = TcpStream::connect(proxy.uri()).unwrap();
    drop(another);
    silent.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&silent), b"");
    soon(|| proxy.connected() == 0);
}

#[test]
fn new_connections_go_to_the_new_target() {
    let servers = [Listen::Tcp, Listen::Unix, Listen::Tcp]
        .map(|listen| Server::builder().listen(listen).start().unwrap());
    let proxy = Proxy::start(servers[0].uri()).unwrap();
    let client = connect(proxy.uri()).unwrap();
    for server in &servers[1..] {
        proxy.target(server.uri());
        connect(proxy.uri()).unwrap().ping().unwrap();
        assert_eq!(server.accepted(), 1);
    }
    client.ping().unwrap();
    assert_eq!(servers[0].accepted(), 1);
    // The connection of a server that is not there ends before the greeting.
    servers[2].stop_listening();
    let stream = TcpStream::connect(proxy.uri()).unwrap();
    assert_eq!(rest(&stream), b"");
}

#[test]
fn a_drop_ends_everything() {
    let wire = Wire::new();
    let (client, server) = wire.connect();
    wire.proxy.hold(ToServer, true);
    wire.proxy.black_hole(ToClient, true);
    (&client).write_all(b"x").unwrap();
    (&server).write_all(b"x").unwrap();
    let uri = wire.proxy.uri().to_owned();
    drop(wire.proxy);
    assert_eq!((rest(&client), rest(&server)), (vec![], vec![]));
    assert!(TcpStream::connect(uri).is_err());
}
