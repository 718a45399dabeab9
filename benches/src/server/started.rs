//! A real server, for the time of a benchmark.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::pin;

/// A server on a free loopback port where guests may do everything; it ends when dropped.
#[derive(Debug)]
pub(super) struct Started {
    child: Child,
    addr: SocketAddr,
    _dir: TempDir,
}

impl Started {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    ///
    /// If the program can't be started, or ends before it listens.
    pub(super) fn start(program: &str, pinned: bool) -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("server.lua"), include_str!("server.lua"))?;
        let mut command = if pinned {
            let mut command = pin::command(pin::SERVER_CORE);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        let child = command
            .arg("server.lua")
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                let text = format!("can't start {program}: {error} (--server embedded needs none)");
                io::Error::new(error.kind(), text)
            })?;
        let mut server = Self { child, addr: SocketAddr::from(([127, 0, 0, 1], 0)), _dir: dir };
        server.addr = server.listening()?;
        Ok(server)
    }

    /// Where the server listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// CPU time of all its threads so far, as the kernel says; `None` where it does not.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        cpu_time(self.child.id())
    }

    fn listening(&mut self) -> io::Result<SocketAddr> {
        let mut line = String::new();
        if let Some(output) = self.child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        line.trim().parse().map_err(|_| {
            let text = format!(
                "the server did not start, it said {line:?} (--server embedded needs none)"
            );
            io::Error::new(ErrorKind::InvalidData, text)
        })
    }
}

fn cpu_time(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let of_thread = |thread: io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().map(Duration::from_nanos).ok()
    };
    threads.map(of_thread).sum()
}

impl Drop for Started {
    fn drop(&mut self) {
        // It fails when the server has ended by itself, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_and_a_process_that_is_not_there_does_not() {
        let own = || cpu_time(std::process::id());
        if let Some(before) = own() {
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_millis(50) {}
            assert!(own().unwrap() > before + Duration::from_millis(5));
        }
        assert_eq!(cpu_time(u32::MAX), None);
    }
}
