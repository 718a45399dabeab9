use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{self, Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{Builder, Listen, StartError};

const LOG: &str = "tarantool.log";
const READY: &str = "tarantool.ready";
const FAILED: &str = "tarantool.failed";
pub(crate) const SOCKET: &str = "tarantool.sock";
const LOG_LINES: usize = 50;

/// Runs in the temporary folder, after a line that defines `settings`.
///
/// Marker files are renamed into place so that the launcher never reads half
/// of one. The fiber waits for the end of stdin, whose other end the launcher
/// holds: a test process that died by a signal takes its server and the
/// temporary folder with it.
const INIT: &str = r"
io.stdout:setvbuf('line')

local fio = require('fio')
local folder = fio.cwd()

require('fiber').create(function()
    require('socket').iowait(0, 'R')
    fio.rmtree(folder)
    os.exit(0)
end)

local function mark(name, text)
    local file = assert(io.open(fio.pathjoin(folder, name .. '.part'), 'w'))
    file:write(text)
    file:close()
    assert(os.rename(fio.pathjoin(folder, name .. '.part'), fio.pathjoin(folder, name)))
end

local function describe(err)
    return debug.traceback(tostring(err), 2)
end

local ok, err = xpcall(function()
    box.cfg{
        listen = settings.listen,
        memtx_memory = settings.memtx_memory,
        wal_mode = settings.wal_mode,
    }
    if settings.guest_is_admin then
        box.schema.user.grant('guest', 'super')
    end
    assert(loadfile('script.lua'))()
end, describe)

if ok then
    mark('tarantool.ready', tostring(box.info.listen))
else
    mark('tarantool.failed', err)
    os.exit(1)
end
";

/// A running server; dropping it kills the server and removes its folder.
///
/// When a panic drops it, as in a test that fails, the last lines of the
/// server's log go to stderr.
#[derive(Debug)]
pub struct Tarantool {
    process: Process,
    address: Address,
    version: (u32, u32, u32),
}

impl Tarantool {
    /// Starts a server with the default settings.
    pub fn start() -> Result<Self, StartError> {
        Self::builder().start()
    }

    /// Starts a server with the default settings for a test that cannot run
    /// without one; see [`Builder::start_or_skip`].
    #[track_caller]
    #[must_use = "the server stops when this is dropped"]
    pub fn start_or_skip(test_name: &str) -> Option<Self> {
        Self::builder().start_or_skip(test_name)
    }

    /// Settings to change before the start.
    pub fn builder() -> Builder {
        Builder::new()
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
        self.process.child.id()
    }

    /// The server's version from its greeting, as (major, minor, patch).
    #[must_use]
    pub fn version(&self) -> (u32, u32, u32) {
        self.version
    }

    /// The last `lines` lines of the server's log, which also has what the
    /// script prints.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        self.process.log_tail(lines)
    }

    /// Waits until the server has gone by itself, as after a SIGTERM.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        // Without the end of stdin that a wait by itself brings.
        let stdin = self.process.child.stdin.take();
        let status = self.process.child.wait();
        drop(stdin);
        status
    }

    /// Kills the server with SIGKILL and waits until it is gone; its folder
    /// stays until the drop.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
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

pub(crate) fn start(builder: &Builder) -> Result<Tarantool, StartError> {
    Process::spawn(builder)?.wait_until_ready(builder)
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

/// Unlike [`Tarantool`], it may not have become ready.
#[derive(Debug)]
struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    fn spawn(builder: &Builder) -> Result<Self, StartError> {
        let folder = tempfile::Builder::new().prefix("tarantool-").tempdir()?;
        let init = format!("{}\n{INIT}", builder.lua_settings());
        fs::write(folder.path().join("init.lua"), init)?;
        fs::write(folder.path().join("script.lua"), &builder.script)?;
        // Into the log goes all output, so that neither what the script prints
        // nor the stack of a crash is lost.
        let log = File::create(folder.path().join(LOG))?;
        // The child runs elsewhere, where a relative path means another file.
        let program = if builder.program.components().count() > 1 {
            path::absolute(&builder.program)?
        } else {
            builder.program.clone()
        };
        let child = Command::new(program)
            .arg("init.lua")
            .current_dir(folder.path())
            // Ctrl-C in a terminal must not reach the server, which would then
            // leave its folder; it stops by the end of stdin.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => {
                    StartError::NotInstalled { program: builder.program.clone() }
                }
                _ => StartError::Io(error),
            })?;
        Ok(Self { child, folder })
    }

    fn wait_until_ready(mut self, builder: &Builder) -> Result<Tarantool, StartError> {
        let deadline = Instant::now() + builder.time_limit;
        loop {
            // Asked before the files are read: what an exited server wrote is
            // then there.
            let exited = self.child.try_wait()?;
            if let Some(message) = self.read(FAILED) {
                let log = self.log_tail(LOG_LINES);
                return Err(StartError::Script { message, log });
            }
            if let Some(status) = exited {
                let log = self.log_tail(LOG_LINES);
                return Err(StartError::Exited { status, log });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let log = self.log_tail(LOG_LINES);
                return Err(StartError::TimedOut { log });
            }
            if let Some(bound) = self.read(READY) {
                let address = match builder.listen {
                    Listen::Tcp => Address::Tcp((Ipv4Addr::LOCALHOST, port(&bound)?).into()),
                    Listen::Tcp6 => Address::Tcp((Ipv6Addr::LOCALHOST, port(&bound)?).into()),
                    Listen::Unix => Address::Unix(self.folder.path().join(SOCKET)),
                };
                match address.greeting(left) {
                    Ok(greeting) => {
                        return Ok(Tarantool {
                            version: version(&greeting)?,
                            process: self,
                            address,
                        });
                    }
                    // A path too long for a socket stays so.
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                        return Err(error.into());
                    }
                    Err(_) => {}
                }
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn read(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.folder.path().join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn log_tail(&self, lines: usize) -> String {
        let log = self.read(LOG).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    fn kill(&mut self) -> io::Result<()> {
        // In this order: the wait closes stdin, at whose end a live server
        // would remove the folder.
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that the process is gone.
        let _ = self.kill();
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
fn version(greeting: &[u8]) -> io::Result<(u32, u32, u32)> {
    let text = String::from_utf8_lossy(greeting);
    let mut numbers = text
        .strip_prefix("Tarantool ")
        .unwrap_or_default()
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => Ok((major, minor, patch)),
        _ => Err(invalid("greeting", &text)),
    }
}

fn invalid(what: &str, text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected {what}: {text:?}"))
}
