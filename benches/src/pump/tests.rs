use std::collections::VecDeque;

use super::*;

fn reply(code: u32, body: usize) -> Vec<u8> {
    let mut frame = vec![0xce, 0, 0, 0, 0, 0x83, 0x00, 0xce];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(&[0x01, 0xcf, 0, 0, 0, 0, 0, 0, 0, 1, 0x05, 0xce, 0, 0, 0, 9]);
    frame.resize(frame.len() + body, 0xce);
    let len = frame.len() as u32 - 5;
    frame[1..5].copy_from_slice(&len.to_be_bytes());
    frame
}

fn pings(count: usize) -> Frames {
    let mut frames = Frames::new();
    (0..count).for_each(|_| frames.ping());
    frames
}

/// Answers pings; a read gives at most `batch` replies, a write takes at most `accept` bytes.
struct Server {
    replies: VecDeque<Vec<u8>>,
    batch: usize,
    accept: usize,
    partial: usize,
    waiting: usize,
    most_waiting: usize,
}

impl Server {
    fn new(replies: impl IntoIterator<Item = Vec<u8>>, batch: usize) -> Self {
        Self {
            replies: replies.into_iter().collect(),
            batch,
            accept: usize::MAX,
            partial: 0,
            waiting: 0,
            most_waiting: 0,
        }
    }
}

impl Read for Server {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.batch.min(self.waiting);
        self.waiting -= count;
        let bytes: Vec<u8> = self.replies.drain(..count).flatten().collect();
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Write for Server {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.accept);
        self.partial += taken;
        self.waiting += self.partial / 10;
        self.partial %= 10;
        self.most_waiting = self.most_waiting.max(self.waiting);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn replies_are_counted_wherever_they_are_cut() {
    let stream: Vec<u8> = [0, 40, 3, 500, 1].into_iter().flat_map(|body| reply(0, body)).collect();
    for step in 1..=stream.len() {
        let mut scanner = Scanner::default();
        let mut buffer = vec![0; step + HEAD];
        let mut done = 0;
        for chunk in stream.chunks(step) {
            let kept = scanner.kept;
            buffer[kept..kept + chunk.len()].copy_from_slice(chunk);
            done += scanner.scan(&mut buffer, kept + chunk.len()).unwrap();
        }
        assert_eq!(done, 5, "step {step}");
        assert_eq!(scanner, Scanner::default(), "step {step}");
    }
}

#[test]
fn a_window_of_one_is_two_calls_per_request() {
    let mut server = Server::new((0..100).map(|_| reply(0, 3)), 1);
    let pumped = run(&mut server, &pings(100), 1).unwrap();
    assert_eq!((pumped.requests, pumped.reads, pumped.writes), (100, 100, 100));
    assert_eq!(server.most_waiting, 1);
}

#[test]
fn the_window_is_kept_full_with_one_write_per_read() {
    let mut server = Server::new((0..101).map(|_| reply(0, 3)), 4);
    let pumped = run(&mut server, &pings(101), 10).unwrap();
    assert_eq!(pumped.requests, 101);
    assert_eq!((pumped.reads, pumped.writes), (26, 24));
    assert_eq!(server.most_waiting, 10);
    assert_eq!(pumped.received, 101 * reply(0, 3).len() as u64);
}

#[test]
fn long_frames_have_a_smaller_window() {
    let mut frames = pings(1);
    assert_eq!(bounded(5000, &frames), 5000);
    frames.insert(512, 1, &"x".repeat(300_000));
    assert_eq!(bounded(5000, &frames), 3);
    frames.insert(512, 2, &"x".repeat(3_000_000));
    assert_eq!(bounded(5000, &frames), 1);
}

#[test]
fn short_writes_are_completed_and_counted() {
    let mut server = Server::new((0..2).map(|_| reply(0, 0)), 2);
    server.accept = 7;
    let pumped = run(&mut server, &pings(2), 2).unwrap();
    assert_eq!((pumped.requests, pumped.writes), (2, 3));
}

#[test]
fn an_error_reply_fails_the_run() {
    let replies = [reply(0, 0), reply(0x8003, 0), reply(0, 0)];
    let error = run(&mut Server::new(replies, 1), &pings(3), 2).unwrap_err();
    assert!(error.to_string().ends_with("error 3"), "{error}");
}

#[test]
fn what_is_not_one_final_reply_each_fails_the_run() {
    for replies in [
        vec![reply(0x80, 0)],
        vec![vec![0x00; 20]],
        vec![[reply(0, 0), reply(0, 0)].concat()],
        vec![[reply(0, 0), vec![0xce]].concat()],
        vec![vec![0xce, 0, 0, 0, 3, 0x83, 0x00, 0xce, 0, 0, 0, 0]],
        vec![vec![]],
    ] {
        let shown = format!("{replies:02x?}");
        assert!(run(&mut Server::new(replies, 1), &pings(1), 1).is_err(), "{shown}");
    }
}
