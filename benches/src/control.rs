//! The connection the benchmark prepares and checks the server's data with.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::frames::Frames;
use crate::job::{Job, Op};
use crate::{pump, server};

/// Longer than any run waits for a byte: a lost reply must not hang the benchmark.
const SILENCE: Duration = Duration::from_secs(30);

/// Frees what was deleted before the next run starts, or it would be freed during it.
const TRUNCATE: &str = "\
    local fiber = require('fiber')
    box.space.bench:truncate()
    local used, quiet = box.slab.info().items_used, 0
    while quiet < 3 do
        fiber.sleep(0.01)
        local now = box.slab.info().items_used
        quiet = used - now < 1000000 and quiet + 1 or 0
        used = now
    end
    return box.space.bench:len()";

/// Connects a blocking socket without delays and reads the greeting.
///
/// # Errors
///
/// If the socket fails, or what answers is no Tarantool with a binary protocol.
pub fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let mut greeting = [0; 128];
    stream.read_exact(&mut greeting)?;
    let line = greeting[..63].trim_ascii_end();
    if !line.starts_with(b"Tarantool ") || !line.windows(8).any(|part| part == b"(Binary)") {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a Tarantool greeting"));
    }
    Ok(stream)
}

/// Prepares and checks the space `bench`.
#[derive(Debug)]
pub struct Control {
    stream: TcpStream,
}

impl Control {
    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = connect(addr)?;
        Ok(Self { stream })
    }

    /// Empties the space and waits until its memory is free.
    ///
    /// # Errors
    ///
    /// If the space is not empty afterwards, or the server can't be asked.
    pub fn truncate(&mut self) -> io::Result<()> {
        match self.eval(TRUNCATE)? {
            0 => Ok(()),
            left => Err(io::Error::other(format!("{left} tuples after truncate"))),
        }
    }

    /// Makes the space hold exactly the ids of a job, with its payload.
    ///
    /// # Errors
    ///
    /// If the server refuses.
    pub fn fill(&mut self, job: &Job) -> io::Result<()> {
        self.truncate()?;
        let inserts = Job { op: Op::Insert, ..job.clone() };
        pump::run(&mut self.stream, &Frames::for_job(&inserts), 100)?;
        Ok(())
    }

    /// How many tuples the space has.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub fn count(&mut self) -> io::Result<u64> {
        self.eval("return box.space.bench:len()")
    }

    /// How many tuples have a string that begins with this.
    ///
    /// # Errors
    ///
    /// If the server can't be asked.
    pub fn count_changed(&mut self, beginning: &str) -> io::Result<u64> {
        let lua = format!(
            "local want, n = {beginning:?}, 0
            for _, tuple in box.space.bench:pairs() do
                if tuple[2]:sub(1, #want) == want then n = n + 1 end
            end
            return n"
        );
        self.eval(&lua)
    }

    /// Evaluates a Lua chunk that returns one unsigned number.
    ///
    /// # Errors
    ///
    /// If the chunk fails or returns anything else.
    pub fn eval(&mut self, lua: &str) -> io::Result<u64> {
        let mut frames = Frames::new();
        frames.eval(lua);
        self.stream.write_all(frames.slice(0..1))?;
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [_, len @ ..] = head;
        let mut reply = vec![0; u32::from_be_bytes(len) as usize];
        self.stream.read_exact(&mut reply)?;
        number(&reply).ok_or_else(|| {
            let text = String::from_utf8_lossy(&reply).into_owned();
            io::Error::other(format!("eval gave no number: {text:?}"))
        })
    }
}

/// The number in an OK reply whose data is just that.
fn number(reply: &[u8]) -> Option<u64> {
    let rest = reply.strip_prefix(&[0x83, 0x00, 0xce, 0, 0, 0, 0, 0x01, 0xcf])?;
    let rest = match rest.get(8..)? {
        [0x05, 0xce, rest @ ..] => rest.get(4..)?,
        [0x05, 0xcf, rest @ ..] => rest.get(8..)?,
        _ => return None,
    };
    match *rest.strip_prefix(&[0x81, 0x30, 0xdd, 0, 0, 0, 1])? {
        [n @ 0..=0x7f] | [0xcc, n] => Some(n.into()),
        [0xcd, a, b] => Some(u16::from_be_bytes([a, b]).into()),
        [0xce, a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d]).into()),
        _ => None,
    }
}

/// The job of one run in the space `bench`; runs with another `round` have another payload.
#[must_use]
pub fn job(op: Op, tasks: usize, count: usize, size: usize, round: usize) -> Job {
    let letter = char::from(b'a' + (round % 26) as u8);
    Job {
        op,
        tasks,
        space: server::SPACE,
        ids: 1..count as u64 + 1,
        payload: String::from(letter).repeat(size),
    }
}
