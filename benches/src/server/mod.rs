//! The server that clients are measured against.

mod started;

use std::env;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::control::Control;
use crate::job::Failure;
use started::Started;

/// The space: memtx, without format, with a TREE index over the unsigned first field.
pub const SPACE_NAME: &str = "tarantool_bench";
/// Its id, unless the server has that one already.
pub const SPACE: u32 = 512;

/// What the embedded server may hold.
const EMBEDDED_BYTES_MAX: usize = 2 << 30;
/// More than the longest rows; a server is at 1 MiB if not told otherwise.
const TUPLE_BYTES_MAX: usize = 2 << 20;

/// Which server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A Tarantool that is started for the benchmark.
    Start,
    /// The stand-in of the testkit, in this process.
    Embedded,
    /// One that runs already.
    Uri(String),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            "embedded" => Ok(Self::Embedded),
            uri if uri.contains(':') => Ok(Self::Uri(uri.into())),
            _ => Err("neither `start` nor `embedded` nor HOST:PORT".into()),
        }
    }
}

/// A server in use. What was started ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    uri: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Started(Started),
    Embedded(Arc<tarantool_testkit::Server>),
    Foreign,
}

impl Server {
    /// Starts the server, or takes the one that is there.
    ///
    /// # Errors
    ///
    /// If it can't be started.
    pub fn provide(choice: &Choice, pinned: bool) -> Result<Self, Failure> {
        match choice {
            Choice::Start => {
                let program = env::var("TARANTOOL").unwrap_or_else(|_| "tarantool".into());
                let server = Started::start(&program, pinned)?;
                Ok(Self { uri: server.addr().to_string(), kind: Kind::Started(server) })
            }
            Choice::Embedded => {
                let server = tarantool_testkit::Server::builder()
                    .memory_max(EMBEDDED_BYTES_MAX)
                    .tuple_bytes_max(TUPLE_BYTES_MAX)
                    .start()?;
                server.space(SPACE_NAME).id(SPACE).primary_key("id").create()?;
                Ok(Self { uri: server.uri().into(), kind: Kind::Embedded(Arc::new(server)) })
            }
            Choice::Uri(uri) => Ok(Self { uri: uri.clone(), kind: Kind::Foreign }),
        }
    }

    /// Where it listens, as whom to connect.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// One more connection for preparing, checking and watching.
    ///
    /// # Errors
    ///
    /// If there is none to be had.
    pub fn control(&self) -> Result<Control, Failure> {
        match &self.kind {
            Kind::Embedded(server) => Ok(Control::embedded(server)),
            Kind::Started(_) | Kind::Foreign => Control::connect(&self.uri),
        }
    }

    /// CPU time that the server has used so far, if it was started for the benchmark.
    #[must_use]
    pub fn cpu_time(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Started(server) => server.cpu_time(),
            Kind::Embedded(_) | Kind::Foreign => None,
        }
    }

    /// Leaves nothing behind on a server that goes on.
    ///
    /// # Errors
    ///
    /// If the server refuses.
    pub fn clean(&self, control: &Control) -> Result<(), Failure> {
        match self.kind {
            Kind::Foreign => control.drop_space(),
            Kind::Started(_) | Kind::Embedded(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_words_or_addresses() {
        assert_eq!("start".parse(), Ok(Choice::Start));
        assert_eq!("embedded".parse(), Ok(Choice::Embedded));
        assert_eq!("app:a@h:1".parse(), Ok(Choice::Uri("app:a@h:1".into())));
        assert!("starts".parse::<Choice>().is_err());
    }
}
