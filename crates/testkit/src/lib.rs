//! What tests of Tarantool clients, and of programs that use one, run against.
//!
//! - [`Server`] is a stand-in in this process, not a database: it needs nothing installed, calls
//!   Rust functions, and makes go wrong what a test wants to see go wrong ([`Fault`]).
//! - [`Link`] joins a client's state machine to it in memory and virtual time.
//! - [`Tarantool`] is a real server, started in a temporary folder and gone when its handle is
//!   dropped; it can be killed, paused and started again.
//! - [`Proxy`] stands between clients and either of them, and breaks their connections.
//! - [`Ledger`] compares what a client was told with what the server did.
//!
//! # A test of one's own application
//!
//! ```
//! use tarantool_blocking::{Outcome, connect};
//! use tarantool_testkit::{Fault, RequestType, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start()?;
//! server.space("users").field("id", "unsigned").field("name", "string").primary_key("id").create()?;
//! server.function("sum", |(a, b): (i64, i64)| Ok(a + b));
//! server.fault(Fault::CloseAfterExecuting).on(RequestType::INSERT).once();
//!
//! let client = connect(server.uri())?;
//! assert_eq!(client.call::<i64>("sum", (40, 2))?, 42);
//! let users = client.space::<(u64, String)>("users");
//! let error = users.insert(&(1, "Ann".into())).unwrap_err();
//! assert_eq!(error.outcome(), Outcome::MaybeExecuted);
//! assert_eq!(server.rows::<(u64, String)>("users")?, [(1, "Ann".to_owned())]);
//! # Ok(()) }
//! ```
//!
//! # A real server
//!
//! ```
//! use std::io::Read;
//! use std::net::TcpStream;
//! use tarantool_testkit::Tarantool;
//!
//! # fn main() -> std::io::Result<()> {
//! let Some(server) = Tarantool::builder()
//!     .script("box.schema.space.create('users'):create_index('pk')")
//!     .start_or_skip("greets")
//! else {
//!     return Ok(()); // no Tarantool here: said loudly on stderr
//! };
//! let mut greeting = [0; 128];
//! TcpStream::connect(server.uri())?.read_exact(&mut greeting)?;
//! assert!(greeting.starts_with(b"Tarantool "));
//! # Ok(())
//! # }
//! ```
//!
//! The server must be Tarantool 2.4.1 or newer on a Unix. These environment
//! variables are read:
//!
//! - `TARANTOOL`: the path of the server to run. Without it, `tarantool` is
//!   looked for on `PATH`.
//! - `TARANTOOL_REQUIRED`: when set to `1`, a missing server makes
//!   [`Tarantool::start_or_skip`] panic instead of skip. Continuous integration
//!   sets it, so that skipped tests cannot go unnoticed.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "conformance")]
pub mod conformance;
mod embedded;
mod engine;
mod launcher;
pub mod ledger;
pub mod memory;
mod process;
pub mod processor;
mod proxy;
mod socket;

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

pub use embedded::{
    Conditions, Context, Fault, FaultRule, FieldNames, Link, RawLink, SchemaError, Server,
    ServerBuilder, SpaceBuilder,
};
pub use launcher::Tarantool;
pub use ledger::{Ledger, Told};
pub use proxy::{Direction, Proxy};
pub use tarantool_proto::{ErrorCode, RequestType, ServerError, Version};

/// Where the server listens.
///
/// It is one or the other: Tarantool before 2.10 takes a single address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// A free TCP port of 127.0.0.1, which the server itself picks.
    #[default]
    Tcp,
    /// A free TCP port of `::1`.
    Tcp6,
    /// A Unix socket in the server's temporary folder.
    Unix,
}

/// What the server does with its write-ahead log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wal {
    /// Writes no log: changes cost no disk access.
    None,
    /// Writes each change to the log before it is acknowledged: what was
    /// acknowledged survives the process, but maybe not the machine, since it
    /// is not synchronised with the disk.
    #[default]
    Write,
}

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// There is no such program. The message says how to install it.
    NotInstalled {
        /// What was looked for.
        program: PathBuf,
    },
    /// `box.cfg` or the caller's script failed.
    Script {
        /// The Lua error, with its stack.
        message: String,
        /// The last lines of the server's log.
        log: String,
    },
    /// The server exited before the script finished.
    Exited {
        /// How it exited.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The script did not finish, or no greeting came, in time.
    TimedOut {
        /// The last lines of the server's log.
        log: String,
    },
    /// The temporary folder, the process or the connection failed.
    Io(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled { program } => write!(
                f,
                "no Tarantool server ({} not found): run `apt-get install -y tarantool`, \
                 or set TARANTOOL=/path/to/tarantool",
                program.display()
            ),
            Self::Script { message, log } => {
                write!(f, "Tarantool's Lua script failed: {message}\nThe server's log ends:\n{log}")
            }
            Self::Exited { status, log } => {
                write!(f, "Tarantool stopped while starting ({status}). Its log ends:\n{log}")
            }
            Self::TimedOut { log } => {
                write!(f, "Tarantool did not start in time. Its log ends:\n{log}")
            }
            Self::Io(error) => write!(f, "cannot start Tarantool: {error}"),
        }
    }
}

impl Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How to start a [`Tarantool`]; made by [`Tarantool::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing runs until `start` is called"]
pub struct TarantoolBuilder {
    program: PathBuf,
    every_start: String,
    script: String,
    listen: Listen,
    wal: Wal,
    memtx_memory: u64,
    guest_is_admin: bool,
    time_limit: Duration,
}

impl TarantoolBuilder {
    fn new() -> Self {
        let program = env::var_os("TARANTOOL")
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| OsString::from("tarantool"));
        Self {
            program: program.into(),
            every_start: String::new(),
            script: String::new(),
            listen: Listen::default(),
            wal: Wal::default(),
            memtx_memory: 256 << 20,
            guest_is_admin: true,
            time_limit: Duration::from_secs(30),
        }
    }

    /// The server to run, instead of `$TARANTOOL` or `tarantool` on `PATH`.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Lua to run as the administrator after `box.cfg`, for what the database
    /// keeps; the server counts as started when it returns.
    ///
    /// It runs in the server's temporary folder, and may call `box.cfg` again
    /// for the options that can change at run time. It does not run again after
    /// a [restart](Tarantool::restart), unless the data was lost.
    pub fn script(mut self, lua: impl Into<String>) -> Self {
        self.script = lua.into();
        self
    }

    /// Lua to run at every start, before the script: for what is lost with the
    /// process, such as functions and options.
    pub fn every_start(mut self, lua: impl Into<String>) -> Self {
        self.every_start = lua.into();
        self
    }

    /// Where the server listens: [`Listen::Tcp`] by default.
    pub fn listen(mut self, listen: Listen) -> Self {
        self.listen = listen;
        self
    }

    /// What happens to the write-ahead log: [`Wal::Write`] by default.
    pub fn wal(mut self, wal: Wal) -> Self {
        self.wal = wal;
        self
    }

    /// How many bytes of memory tuples may take: 256 MiB by default.
    pub fn memtx_memory(mut self, bytes: u64) -> Self {
        self.memtx_memory = bytes;
        self
    }

    /// Whether `guest` may do everything, as by default. Without it, only the
    /// users and rights that the script makes exist.
    pub fn guest_is_admin(mut self, yes: bool) -> Self {
        self.guest_is_admin = yes;
        self
    }

    /// How long [`start`](Self::start) may take: 30 seconds by default.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Starts the server, and waits until the script has run and the server
    /// greets.
    ///
    /// # Errors
    ///
    /// There is no Tarantool, or it does not start: see [`StartError`].
    pub fn start(&self) -> Result<Tarantool, StartError> {
        launcher::start(self)
    }

    /// Starts the server for a test that cannot run without one.
    ///
    /// Without a Tarantool it says so on stderr and returns `None`.
    ///
    /// # Panics
    ///
    /// When the server is there but does not start; and when it is not there
    /// and the environment has `TARANTOOL_REQUIRED=1`.
    #[track_caller]
    #[must_use = "the server stops when this is dropped"]
    pub fn start_or_skip(&self, test_name: &str) -> Option<Tarantool> {
        match self.start() {
            Ok(server) => Some(server),
            Err(error @ StartError::NotInstalled { .. }) => {
                let required = env::var_os("TARANTOOL_REQUIRED")
                    .is_some_and(|value| !value.is_empty() && value != "0");
                assert!(!required, "{test_name}: {error}");
                // Not by eprintln!, which the test harness hides when a test passes.
                let _ = writeln!(io::stderr(), "SKIPPED {test_name}: {error}");
                None
            }
            Err(error) => panic!("{test_name}: {error}"),
        }
    }

    fn lua_settings(&self, listen: &str) -> String {
        let wal_mode = match self.wal {
            Wal::None => "none",
            Wal::Write => "write",
        };
        format!(
            "local settings = {{listen = '{listen}', wal_mode = '{wal_mode}', \
             memtx_memory = {}, guest_is_admin = {}}}",
            self.memtx_memory, self.guest_is_admin
        )
    }
}
