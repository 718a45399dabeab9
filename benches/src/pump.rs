//! The raw pump: what a client on one connection costs at the least.
//!
//! Frames encoded beforehand go out of one blocking socket, and replies are length-scanned and
//! counted. As many frames are written as replies came with one read, in one write, so the
//! window stays full. It is the floor of what a client costs, not always the ceiling of what
//! a server gives: smaller writes would let the server start earlier.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use crate::frames::Frames;
use crate::latency::{Ticks, ticks};

pub mod open;

const READ_SIZE: usize = 256 * 1024;

/// What is unanswered at once at the most, if that is more than one frame. A server whose replies
/// are not read stops reading; so much has room in the buffers of two sockets.
const WINDOW_BYTES: usize = 1 << 20;

/// The frame length, the map, and the type: every server reply starts with these.
const HEAD: usize = 5 + 2 + 5;

/// What a pumping took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pumped {
    /// Successful replies.
    pub requests: usize,
    /// Read system calls.
    pub reads: u64,
    /// Write system calls.
    pub writes: u64,
    /// Bytes of all replies.
    pub received: u64,
    /// How long each request took, from before its write to after the read that completed its
    /// reply; at a rate from when it was to begin.
    pub latencies: Vec<Ticks>,
    /// At a rate: how much later than they should the requests were written.
    pub lateness: Vec<Ticks>,
}

/// Sends all frames with at most `window` of them unanswered, and waits for all replies. Of long
/// frames fewer are unanswered, 1 MiB in all.
///
/// The stream is a blocking one, past the greeting, with nothing in flight.
///
/// # Errors
///
/// If the socket fails, the server answers with an error, or with anything else than one
/// final reply to each frame.
pub fn run<S: Read + Write>(stream: &mut S, frames: &Frames, window: usize) -> io::Result<Pumped> {
    run_with(stream, frames, window, |_| {})
}

/// The same, and tells `on_answers` how many replies each read completed.
///
/// # Errors
///
/// As [`run`].
pub fn run_with<S: Read + Write>(
    stream: &mut S,
    frames: &Frames,
    window: usize,
    mut on_answers: impl FnMut(usize),
) -> io::Result<Pumped> {
    if window == 0 {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a window of 0"));
    }
    let window = bounded(window, frames);
    let mut buffer = vec![0; READ_SIZE];
    let mut scanner = Scanner::default();
    let mut pumped = Pumped { latencies: Vec::with_capacity(frames.len()), ..Pumped::default() };
    // Where writes ended and when they began, of those that are not all answered.
    let mut written: VecDeque<(usize, Instant)> = VecDeque::new();
    let mut sent = 0;
    while pumped.requests < frames.len() {
        let next = frames.len().min(pumped.requests + window);
        if next > sent {
            written.push_back((next, Instant::now()));
            pumped.writes += write_all(stream, frames.slice(sent..next))?;
            sent = next;
        }
        let done = receive(stream, &mut buffer, &mut scanner, &mut pumped)?;
        on_answers(done);
        let answered = pumped.requests + done;
        if answered > sent {
            return Err(invalid("more replies than requests"));
        }
        let now = Instant::now();
        while let Some(&(end, began)) = written.front() {
            let count = end.min(answered) - pumped.requests;
            let took = ticks(now.saturating_duration_since(began));
            pumped.latencies.extend(std::iter::repeat_n(took, count));
            pumped.requests += count;
            if end > answered {
                break;
            }
            written.pop_front();
        }
    }
    end(&scanner)?;
    Ok(pumped)
}

fn bounded(window: usize, frames: &Frames) -> usize {
    window.min((WINDOW_BYTES / frames.longest().max(1)).max(1))
}

/// Reads once; returns how many replies that completed.
fn receive(
    stream: &mut impl Read,
    buffer: &mut [u8],
    scanner: &mut Scanner,
    pumped: &mut Pumped,
) -> io::Result<usize> {
    let kept = scanner.kept;
    let got = read(stream, &mut buffer[kept..])?;
    pumped.reads += 1;
    pumped.received += got as u64;
    scanner.scan(buffer, kept + got)
}

fn end(scanner: &Scanner) -> io::Result<()> {
    if *scanner == Scanner::default() { Ok(()) } else { Err(invalid("bytes after the last reply")) }
}

fn read(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Ok(0) => {
                let text = "the server closed the connection";
                return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Like [`Write::write_all`], but says how many system calls it took.
fn write_all(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<u64> {
    let mut calls = 0;
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => {
                calls += 1;
                bytes = &bytes[written..];
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(calls)
}

/// Where in the stream of replies the last read ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scanner {
    /// Bytes still to come of a frame whose head was seen.
    skip: usize,
    /// Bytes of an incomplete head, kept at the front of the buffer.
    kept: usize,
}

impl Scanner {
    /// Counts the frames that end within the `filled` bytes of the buffer.
    fn scan(&mut self, buffer: &mut [u8], filled: usize) -> io::Result<usize> {
        let mut at = self.skip.min(filled);
        let mut done = 0;
        if self.skip > 0 {
            self.skip -= at;
            done += usize::from(self.skip == 0);
        }
        while let Some(head) = buffer[at..filled].first_chunk() {
            let end = at + frame_len(head)?;
            if end > filled {
                self.skip = end - filled;
                at = filled;
            } else {
                at = end;
                done += 1;
            }
        }
        buffer.copy_within(at..filled, 0);
        self.kept = filled - at;
        Ok(done)
    }
}

/// The length of a whole frame that reports success.
fn frame_len(head: &[u8; HEAD]) -> io::Result<usize> {
    let [0xce, a, b, c, d, 0x83, 0x00, 0xce, e, f, g, h] = *head else {
        return Err(invalid(format!("not the start of a reply: {head:02x?}")));
    };
    match u32::from_be_bytes([e, f, g, h]) {
        0 => {}
        code if code >= 0x8000 => {
            let text = format!("the server answered with error {}", code & 0x7fff);
            return Err(io::Error::other(text));
        }
        other => return Err(invalid(format!("a reply of type {other:#x}"))),
    }
    let len = 5 + u32::from_be_bytes([a, b, c, d]) as usize;
    if len < HEAD {
        return Err(invalid("a frame shorter than its header"));
    }
    Ok(len)
}

fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text.into())
}

#[cfg(test)]
mod tests;
