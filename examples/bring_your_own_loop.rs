//! The core bound to a loop of one's own: only `tarantool-proto` and the standard library.
//!
//! `cargo run --release --example bring_your_own_loop [HOST:PORT]`. A thousand calls, at most a
//! hundred under way, over one non-blocking socket. Whatever can read, write and tell the time can
//! take the place of `Socket`: another runtime, an event loop, a simulation.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use tarantool_examples::{Failure, Server};
use tarantool_proto::request::{Call, Insert};
use tarantool_proto::{BytesMut, Config, Connection, Event, Frame};

const CALLS: u64 = 1_000;
const AT_ONCE: usize = 100;

fn main() -> Result<(), Failure> {
    let server = Server::from_arguments()?;
    server.create_quickstart()?;
    let mut socket = TcpStream::connect(server.uri())?;
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)?;
    let in_five_seconds = Instant::now() + Duration::from_secs(5);

    let mut conn = Connection::new(Config::default(), Some(in_five_seconds));
    let (mut input, mut output) = (BytesMut::new(), Vec::new()); // both belong to this loop
    let mut frame = Frame::new();
    let (mut sent, mut answered) = (0, 0);

    loop {
        // 1. Bytes in, events out.
        while let Some(event) = conn.poll_event(&mut input)? {
            match event {
                Event::Ready => println!("connected"),
                Event::Answered(id) => {
                    let Some(answer) = conn.take(id) else { continue };
                    answer?.into_result()?;
                    answered += 1;
                }
                _ => {}
            }
        }
        if answered == CALLS {
            break;
        }
        // 2. Requests in, as many as may be under way.
        while sent < CALLS && conn.in_flight() < AT_ONCE && conn.server().is_some() {
            match sent {
                0 => frame.encode(&Insert::into("quickstart").row((1, "Ann", 30)))?,
                _ => frame.encode(&Call::new("total_age"))?,
            }
            conn.send(&mut frame, Some(Instant::now() + Duration::from_secs(10)))?;
            sent += 1;
        }
        // 3. Bytes out: all that is queued leaves together.
        let mut busy = false;
        while !output.is_empty() || conn.poll_transmit(&mut output) {
            match socket.write(&output) {
                Ok(count) => {
                    conn.count_writes(1, count);
                    output.drain(..count);
                    busy = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        // 4. Bytes in, whether or not all could be written.
        let mut chunk = [0; 64 << 10];
        match socket.read(&mut chunk) {
            Ok(0) => conn.handle_eof(),
            Ok(count) => {
                conn.count_read(count);
                input.extend_from_slice(&chunk[..count]);
            }
            // 5. Nothing to do: here an event loop waits for the socket, until `poll_timeout`.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !busy {
                    thread::sleep(Duration::from_micros(50));
                }
            }
            Err(error) => return Err(error.into()),
        }
        // 6. The only door for time.
        if conn.poll_timeout().is_some_and(|at| at <= Instant::now()) {
            conn.handle_timeout(Instant::now());
        }
    }
    println!("{answered} requests answered: {}", conn.stats());
    drop(socket);
    server.drop_quickstart()
}
