//! The servers that cases run against: a real one, and the embedded one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use tarantool_client::{Client, Config, Version};

use super::Adapter;
use super::functions;
use crate::{Listen, Proxy, Server, Tarantool};

/// A server with the functions that cases call: `echo`, `slow`, `repeated`, `trace`, `traced`.
#[derive(Debug)]
pub struct Backend {
    uri: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Real(Tarantool),
    Embedded(Server),
}

/// What a case wants of a server of its own.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub listen: Listen,
    /// A user who may do everything, and the password.
    pub user: Option<(String, String)>,
    /// For tuples of this many bytes.
    pub tuple_bytes_max: Option<usize>,
}

impl Backend {
    /// A real server; `None`: there is none here, which was said loudly.
    #[must_use]
    pub fn real(case: &str, wanted: &Wanted) -> Option<Self> {
        let mut every_start = functions::SCRIPT.to_owned();
        let mut script = String::new();
        if let Some((name, password)) = &wanted.user {
            script.push_str(&format!(
                "box.schema.user.create([[{name}]], {{password = [[{password}]]}})
                box.session.su('admin', box.schema.user.grant, [[{name}]], 'super')\n"
            ));
        }
        let mut builder = Tarantool::builder().listen(wanted.listen);
        if let Some(bytes) = wanted.tuple_bytes_max {
            every_start.push_str(&format!("box.cfg{{memtx_max_tuple_size = {bytes}}}\n"));
            builder = builder.memtx_memory(8 * bytes as u64);
        }
        let server = builder.every_start(every_start).script(script).start_or_skip(case)?;
        Some(Self { uri: server.uri(), kind: Kind::Real(server) })
    }

    /// The embedded server.
    ///
    /// # Panics
    /// There is no socket to be had.
    #[must_use]
    pub fn embedded(wanted: &Wanted) -> Self {
        let mut builder = Server::builder().listen(wanted.listen);
        if let Some((name, password)) = &wanted.user {
            builder = builder.user(name, password);
        }
        if let Some(bytes) = wanted.tuple_bytes_max {
            builder = builder.tuple_bytes_max(bytes).memory_max(8 * bytes);
        }
        let server = builder.start().unwrap();
        functions::register(&server);
        Self { uri: server.uri().to_owned(), kind: Kind::Embedded(server) }
    }

    /// The real server that cases share.
    pub fn shared_real(case: &str) -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Backend>> = OnceLock::new();
        let server = SERVER.get_or_init(|| Self::real(case, &Wanted::default())).as_ref();
        if server.is_none() {
            // Says of each case that it is skipped.
            drop(Self::real(case, &Wanted::default()));
        }
        server
    }

    /// The embedded server that cases share.
    pub fn shared_embedded() -> &'static Self {
        static SERVER: OnceLock<Backend> = OnceLock::new();
        SERVER.get_or_init(|| Self::embedded(&Wanted::default()))
    }

    /// Another server of this kind, for what others must not meet.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn another(&self, wanted: &Wanted) -> Self {
        match &self.kind {
            Kind::Real(_) => Self::real("another server", wanted).unwrap(),
            Kind::Embedded(_) => Self::embedded(wanted),
        }
    }

    /// Ends it as `kill -9` does: connections break, and nobody is told anything.
    ///
    /// # Panics
    /// It cannot be killed.
    pub fn kill(&self) {
        match &self.kind {
            Kind::Real(server) => server.kill().unwrap(),
            Kind::Embedded(server) => server.kill(),
        }
    }

    /// Ends it in an orderly way, if it has not ended yet.
    ///
    /// # Panics
    /// It does not end.
    pub fn shut_down(&self) {
        match &self.kind {
            Kind::Real(server) => drop(server.shutdown().unwrap()),
            Kind::Embedded(server) => server.shutdown(),
        }
    }

    /// Starts it again at the same address with its data, after it was killed if it still ran, and
    /// waits until it is ready.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&self) {
        match &self.kind {
            Kind::Real(server) => server.restart().unwrap(),
            Kind::Embedded(server) => server.restart().unwrap(),
        }
    }

    /// As [`restart`](Self::restart), but does not wait until it is ready: a real server takes a
    /// while.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart_without_waiting(&self) {
        match &self.kind {
            Kind::Real(server) => server.restart_without_waiting().unwrap(),
            Kind::Embedded(server) => server.restart().unwrap(),
        }
    }

    /// Stops it where it is: it answers nobody and closes nothing, until it is resumed, restarted or
    /// ended.
    ///
    /// # Panics
    /// It has ended.
    pub fn pause(&self) {
        match &self.kind {
            Kind::Real(server) => server.pause().unwrap(),
            Kind::Embedded(server) => server.pause(),
        }
    }

    /// Lets it go on after a pause.
    ///
    /// # Panics
    /// It has ended.
    pub fn resume(&self) {
        match &self.kind {
            Kind::Real(server) => server.resume().unwrap(),
            Kind::Embedded(server) => server.resume(),
        }
    }

    /// A proxy before it, which breaks connections, and a configuration with its address.
    ///
    /// # Panics
    /// There is no socket or thread to be had.
    #[must_use]
    pub fn proxy(&self) -> (Proxy, Config) {
        let proxy = Proxy::start(&*self.uri).unwrap();
        let config = Config::parse(proxy.uri()).unwrap();
        (proxy, config)
    }

    /// The address that connectors take.
    #[must_use]
    pub fn uri(&self) -> String {
        self.uri.clone()
    }

    /// A configuration with that address.
    #[must_use]
    pub fn config(&self) -> Config {
        Config::parse(&self.uri).unwrap()
    }

    /// The version of the server; the embedded one is as 3.7.0.
    #[must_use]
    pub fn version(&self) -> Version {
        match &self.kind {
            Kind::Real(server) => server.version(),
            Kind::Embedded(_) => Version::new(3, 7, 0),
        }
    }

    /// The real server, if it is one.
    #[must_use]
    pub fn tarantool(&self) -> Option<&Tarantool> {
        match &self.kind {
            Kind::Real(server) => Some(server),
            Kind::Embedded(_) => None,
        }
    }

    /// The embedded server, if it is one.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        match &self.kind {
            Kind::Real(_) => None,
            Kind::Embedded(server) => Some(server),
        }
    }
}

/// Connects, which must succeed.
pub async fn connect<A: Adapter>(server: &Backend) -> Client<A::Mode> {
    connect_as::<A>(server.config()).await
}

/// Connects with this configuration, which must succeed.
pub async fn connect_as<A: Adapter>(config: Config) -> Client<A::Mode> {
    let shown = config.to_string();
    let connected = A::connect(config).await;
    connected.unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// A name that no other case uses.
#[must_use]
pub fn unique(name: &str) -> String {
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    format!("{name}_{}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// The fields of a space with their types.
pub type Format = &'static [(&'static str, &'static str)];

/// A tree index.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Index {
    name: &'static str,
    parts: &'static [&'static str],
    unique: bool,
}

/// An index that holds each key once.
#[must_use]
pub const fn index(name: &'static str, parts: &'static [&'static str]) -> Index {
    Index { name, parts, unique: true }
}

impl Index {
    /// The same, but it may hold a key many times.
    #[must_use]
    pub const fn repeated(self) -> Self {
        Self { unique: false, ..self }
    }
}

/// Creates a space of the case's own and returns its name and number.
pub async fn create_space<A: Adapter>(
    server: &Backend,
    format: Format,
    indexes: &[Index],
) -> (String, u32) {
    let name = unique("space");
    let number = create_space_named::<A>(server, &name, format, indexes).await;
    (name, number)
}

/// Creates a space and returns its number.
pub async fn create_space_named<A: Adapter>(
    server: &Backend,
    name: &str,
    format: Format,
    indexes: &[Index],
) -> u32 {
    if let Some(server) = server.server() {
        let mut space = server.space(name);
        for (name, kind) in format {
            space = space.field(name, kind);
        }
        for index in indexes {
            space = space.index_of(index.name, index.unique, index.parts);
        }
        return space.create().unwrap();
    }
    let client = connect::<A>(server).await;
    A::wait(client.eval("return create(...)", (name, format, indexes))).await.unwrap()
}
