//! What the examples share: a server to talk to.

use std::error::Error;

use tarantool_testkit::{StartError, Tarantool};

/// The server that an example talks to.
#[derive(Debug)]
pub struct Server {
    uri: String,
    /// Stops when the example ends.
    own: Own,
}

#[derive(Debug)]
enum Own {
    None,
    Tarantool(#[expect(dead_code, reason = "held for its end")] Tarantool),
    Embedded(tarantool_testkit::Server),
}

impl Server {
    /// The server whose URI is the first argument of the command line; without one, a server of
    /// our own: a Tarantool, or the testkit's stand-in where none is installed.
    ///
    /// # Errors
    /// The server does not start.
    pub fn from_arguments() -> Result<Self, Box<dyn Error + Send + Sync>> {
        Self::start(std::env::args().nth(1))
    }

    /// The server at `uri`; without one, a server of our own.
    ///
    /// # Errors
    /// The server does not start.
    pub fn start(uri: Option<String>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        if let Some(uri) = uri {
            return Ok(Self { uri, own: Own::None });
        }
        match Tarantool::builder().memtx_memory(1 << 30).start() {
            Ok(own) => Ok(Self { uri: own.uri(), own: Own::Tarantool(own) }),
            Err(StartError::NotInstalled { .. }) => {
                let own = tarantool_testkit::Server::start()?;
                Ok(Self { uri: own.uri().into(), own: Own::Embedded(own) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The stand-in, if it is one: it has no Lua to make spaces and functions with.
    #[must_use]
    pub fn embedded(&self) -> Option<&tarantool_testkit::Server> {
        match &self.own {
            Own::Embedded(server) => Some(server),
            _ => None,
        }
    }

    /// Where to connect to.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What kind of server it is, for people.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self.own {
            Own::None => "the Tarantool given on the command line",
            Own::Tarantool(_) => "a Tarantool started for this example",
            Own::Embedded(_) => {
                "the testkit's embedded server, since no tarantool is on PATH: no database, no \
                 figures to compare"
            }
        }
    }
}
