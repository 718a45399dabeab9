use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use tarantool_proto::Version;

use crate::process::{LOG_LINES, Process};
use crate::{Listen, StartError, TarantoolBuilder};

const SOCKET: &str = "tarantool.sock";

/// A running server; dropping it kills the server and removes its folder.
///
/// When a panic drops it, as in a test that fails, the last lines of the
/// server's log go to stderr.
///
/// # Failing on purpose
///
/// ```
/// use tarantool_blocking::connect;
/// use tarantool_testkit::Tarantool;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let script = "box.schema.space.create('log'):create_index('pk')";
/// let builder = Tarantool::builder().script(script);
/// let Some(server) = builder.start_or_skip("survives") else { return Ok(()) };
/// connect(server.uri())?.space::<(u64,)>("log").insert(&(1,))?;
/// server.restart()?; // kill -9, then the same folder and address
/// let client = connect(server.uri())?;
/// assert_eq!(client.space::<(u64,)>("log").get(1)?, Some((1,)));
/// server.pause()?; // neither answers nor closes its connections
/// server.resume()?;
/// client.ping()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Tarantool {
    builder: TarantoolBuilder,
    process: Process,
    address: Address,
    version: Version,
}

impl Tarantool {
    /// Starts a server with the default settings.
    ///
    /// # Errors
    ///
    /// There is no Tarantool, or it does not start: see [`StartError`].
    pub fn start() -> Result<Self, StartError> {
        Self::builder().start()
    }

    /// Starts a server with the default settings for a test that cannot run
    /// without one; see [`TarantoolBuilder::start_or_skip`].
    #[track_caller]
    #[must_use = "the server stops when this is dropped"]
    pub fn start_or_skip(test_name: &str) -> Option<Self> {
        Self::builder().start_or_skip(test_name)
    }

    /// Settings to change before the start.
    pub fn builder() -> TarantoolBuilder {
        TarantoolBuilder::new()
    }

    /// Where the server listens: `127.0.0.1:PORT`, `[::1]:PORT`, or `unix/:PATH` with
    /// [`Listen::Unix`].
    #[must_use]
    pub fn uri(&self) -> String {
        match &self.address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(path) => format!("unix/:{}", path.display()),
        }
    }

    /// The TCP port, with [`Listen::Tcp`] or [`Listen::Tcp6`].
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match &self.address {
            Address::Tcp(address) => Some(address.port()),
            Address::Unix(_) => None,
        }
    }

    /// The Unix socket's path, with [`Listen::Unix`].
    #[must_use]
    pub fn socket_path(&self) -> Option<&Path> {
        match &self.address {
            Address::Tcp(_) => None,
            Address::Unix(path) => Some(path),
        }
    }

    /// The temporary folder that the server and its script run in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.process.folder.path()
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The server's version from its greeting.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The last `lines` lines of the server's log, which also has what the
    /// script prints.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        self.process.log_tail(lines)
    }

    /// Waits until the server has gone by itself, as after a SIGTERM.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.process.wait()
    }

    /// Kills the server with SIGKILL and waits until it is gone; its folder
    /// stays until the drop.
    ///
    /// # Errors
    ///
    /// The system does not let it be killed.
    pub fn kill(&self) -> io::Result<()> {
        self.process.kill()
    }

    /// Ends the server in an orderly way, with SIGTERM, and waits until it is
    /// gone; its folder stays until the drop. A paused server goes on first.
    ///
    /// # Errors
    ///
    /// It has not gone within the builder's time limit.
    pub fn shutdown(&self) -> io::Result<ExitStatus> {
        self.process.stop(self.builder.time_limit)
    }

    /// Starts the server again, in the same folder and at the same address, and
    /// waits until it is ready. If it still runs, it is killed with SIGKILL
    /// first.
    ///
    /// With [`Wal::Write`](crate::Wal::Write) everything is there again that
    /// was acknowledged: a killed process loses nothing that it has written to
    /// its log, as a machine without power might. Lua functions and variables
    /// are made by [`TarantoolBuilder::every_start`], since
    /// [`TarantoolBuilder::script`] has run. With [`Wal::None`](crate::Wal::None)
    /// everything is lost, and the script runs again.
    ///
    /// # Errors
    ///
    /// As for [`TarantoolBuilder::start`]; also if another process has taken the port.
    pub fn restart(&self) -> Result<(), StartError> {
        self.restart_without_waiting()?;
        self.wait_until_ready()
    }

    /// As [`restart`](Self::restart), but returns once the process runs: until
    /// it is ready, connects are refused.
    ///
    /// # Errors
    ///
    /// The process did not start.
    pub fn restart_without_waiting(&self) -> Result<(), StartError> {
        let listen = match &self.address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(_) => listen(Listen::Unix),
        };
        self.process.respawn(&self.builder, &listen)
    }

    /// Waits until the server is ready again after
    /// [`restart_without_waiting`](Self::restart_without_waiting).
    ///
    /// # Errors
    ///
    /// As for [`TarantoolBuilder::start`].
    pub fn wait_until_ready(&self) -> Result<(), StartError> {
        let greets = |_: &str, left| Ok(self.address.greeting(left).ok());
        self.process.wait_until_ready(self.builder.time_limit, greets).map(drop)
    }

    /// Stops the process where it is, with SIGSTOP: connections stay open,
    /// new ones are accepted by the system, and nobody is answered. Returns
    /// once it has stopped.
    ///
    /// It goes on with [`resume`](Self::resume) or [`shutdown`](Self::shutdown); a kill,
    /// a restart and a drop end it as it is.
    ///
    /// # Errors
    ///
    /// The server has ended.
    pub fn pause(&self) -> io::Result<()> {
        self.process.pause()
    }

    /// Lets a paused server go on, with SIGCONT.
    ///
    /// # Errors
    ///
    /// The server has ended.
    pub fn resume(&self) -> io::Result<()> {
        self.process.resume()
    }
}

impl Drop for Tarantool {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "---- the log of Tarantool at {} ends ----\n{}",
                self.uri(),
                self.log_tail(LOG_LINES)
            );
        }
    }
}

pub(crate) fn start(builder: &TarantoolBuilder) -> Result<Tarantool, StartError> {
    let process = Process::spawn(builder, &listen(builder.listen))?;
    let (address, greeting) = process.wait_until_ready(builder.time_limit, |bound, left| {
        let address = match builder.listen {
            Listen::Tcp => Address::Tcp((Ipv4Addr::LOCALHOST, port(bound)?).into()),
            Listen::Tcp6 => Address::Tcp((Ipv6Addr::LOCALHOST, port(bound)?).into()),
            Listen::Unix => Address::Unix(process.folder.path().join(SOCKET)),
        };
        match address.greeting(left) {
            Ok(greeting) => Ok(Some((address, greeting))),
            // A path too long for a socket stays so.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(error),
            Err(_) => Ok(None),
        }
    })?;
    Ok(Tarantool { builder: builder.clone(), version: version(&greeting)?, process, address })
}

/// Where a new server is told to listen.
fn listen(listen: Listen) -> String {
    match listen {
        Listen::Tcp => "127.0.0.1:0".to_owned(),
        Listen::Tcp6 => "[::1]:0".to_owned(),
        // Relative to the folder, so that no path needs quoting for Lua.
        Listen::Unix => format!("unix/:./{SOCKET}"),
    }
}

#[derive(Debug)]
enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    fn greeting(&self, limit: Duration) -> io::Result<[u8; 128]> {
        let mut greeting = [0; 128];
        match self {
            Self::Tcp(address) => {
                let mut stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(limit))?;
                stream.read_exact(&mut greeting)?;
            }
            Self::Unix(path) => {
                let mut stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(limit))?;
                stream.read_exact(&mut greeting)?;
            }
        }
        Ok(greeting)
    }
}

/// The port in what `box.info.listen` says: `127.0.0.1:PORT` or `[::1]:PORT`.
fn port(bound: &str) -> io::Result<u16> {
    bound
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .ok_or_else(|| invalid("box.info.listen", bound))
}

/// The version in a greeting, as in `Tarantool 2.6.0 (Binary) UUID`.
fn version(greeting: &[u8]) -> io::Result<Version> {
    let text = String::from_utf8_lossy(greeting);
    let mut numbers = text
        .strip_prefix("Tarantool ")
        .unwrap_or_default()
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => {
            Ok(Version::new(major, minor, patch))
        }
        _ => Err(invalid("greeting", &text)),
    }
}

fn invalid(what: &str, text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected {what}: {text:?}"))
}
