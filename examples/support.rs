//! What the examples share: a server to talk to.

use tarantool_testkit::{StartError, Tarantool};

/// The server that an example talks to.
#[derive(Debug)]
pub struct Server {
    uri: String,
    /// Stops when the example ends.
    own: Option<Tarantool>,
}

impl Server {
    /// The server whose URI is the first argument of the command line; without one, a server of
    /// our own.
    ///
    /// # Errors
    /// There is no argument, and no Tarantool on this machine.
    pub fn from_arguments() -> Result<Self, StartError> {
        Self::start(std::env::args().nth(1))
    }

    /// The server at `uri`; without one, a server of our own.
    ///
    /// # Errors
    /// There is no URI, and no Tarantool on this machine.
    pub fn start(uri: Option<String>) -> Result<Self, StartError> {
        if let Some(uri) = uri {
            return Ok(Self { uri, own: None });
        }
        let own = Tarantool::builder().memtx_memory(1 << 30).start()?;
        Ok(Self { uri: own.uri(), own: Some(own) })
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
            Some(_) => "a Tarantool started for this example",
            None => "the Tarantool given on the command line",
        }
    }
}
