//! The real server, for the time of a benchmark.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::pin;

/// The id of the space `bench`: a memtx space without format, with a TREE index over the
/// unsigned first field.
pub const SPACE: u32 = 512;

/// A server on a free loopback port where guests may do everything; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    addr: SocketAddr,
    _dir: TempDir,
}

impl Server {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    ///
    /// If the program can't be started, or ends before it listens.
    pub fn start(program: &str, pinned: bool) -> io::Result<Self> {
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
                let text = format!("can't start {:?}: {error}", command.get_program());
                io::Error::new(error.kind(), text)
            })?;
        let mut server = Self { child, addr: SocketAddr::from(([127, 0, 0, 1], 0)), _dir: dir };
        server.addr = server.listening()?;
        Ok(server)
    }

    /// Where the server listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn listening(&mut self) -> io::Result<SocketAddr> {
        let mut line = String::new();
        if let Some(output) = self.child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        line.trim().parse().map_err(|_| {
            let text = format!("the server did not start, it said {line:?}");
            io::Error::new(ErrorKind::InvalidData, text)
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails when the server has ended by itself, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
