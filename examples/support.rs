//! What the examples share: a server to talk to, and a space in it.

use std::error::Error;

use serde::{Deserialize, Serialize};
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

/// What an example fails with.
pub type Failure = Box<dyn Error + Send + Sync>;

impl Server {
    /// The server whose URI is the first argument of the command line; without one, a server of
    /// our own: a Tarantool, or the testkit's stand-in where none is installed.
    ///
    /// # Errors
    /// The server does not start.
    pub fn from_arguments() -> Result<Self, Failure> {
        Self::start(std::env::args().nth(1))
    }

    /// The server at `uri`; without one, a server of our own.
    ///
    /// # Errors
    /// The server does not start.
    pub fn start(uri: Option<String>) -> Result<Self, Failure> {
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

    /// Creates the space `quickstart` for [`User`]s, with an index `age`, and the function
    /// `total_age`.
    ///
    /// # Errors
    /// The server refuses.
    pub fn create_quickstart(&self) -> Result<(), Failure> {
        let Some(embedded) = self.embedded() else {
            return Ok(tarantool_blocking::connect(self.uri())?.eval(QUICKSTART, ())?);
        };
        let users = embedded.space("quickstart").field("id", "unsigned").field("name", "string");
        users.field("age", "unsigned").primary_key("id").index("age", "age").create()?;
        embedded.function_with("total_age", |context, (): ()| {
            Ok(context.rows::<User>("quickstart")?.iter().map(|user| user.age).sum::<u32>())
        });
        Ok(())
    }

    /// Drops what [`create_quickstart`](Self::create_quickstart) made.
    ///
    /// # Errors
    /// The server refuses.
    pub fn drop_quickstart(&self) -> Result<(), Failure> {
        if self.embedded().is_none() {
            let code = "box.space.quickstart:drop() total_age = nil";
            let () = tarantool_blocking::connect(self.uri())?.eval(code, ())?;
        }
        Ok(())
    }
}

/// A row of the space `quickstart`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "its columns say it")]
pub struct User {
    pub id: u64,
    pub name: String,
    pub age: u32,
}

impl User {
    /// A user.
    #[must_use]
    pub fn new(id: u64, name: &str, age: u32) -> Self {
        Self { id, name: name.into(), age }
    }
}

const QUICKSTART: &str = r"
    local users = box.schema.space.create('quickstart', {if_not_exists = true})
    users:format({
        {name = 'id', type = 'unsigned'},
        {name = 'name', type = 'string'},
        {name = 'age', type = 'unsigned'},
    })
    users:create_index('primary', {parts = {1, 'unsigned'}, if_not_exists = true})
    users:create_index('age', {parts = {3, 'unsigned'}, unique = false, if_not_exists = true})
    users:truncate()
    function total_age()
        local total = 0
        for _, user in users:pairs() do total = total + user.age end
        return total
    end
";
