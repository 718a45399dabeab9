//! The server that tests share, and spaces of their own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tarantool_client::{Client, Config};
use tarantool_testkit::Tarantool;

use super::Adapter;

/// Functions that tests call.
const SCRIPT: &str = r"
local fiber = require('fiber')

function echo(...)
    return ...
end

function slow(seconds, ...)
    fiber.sleep(seconds)
    return ...
end

-- In which order calls were executed, whatever became of their replies.
local traces = {}

function trace(name, id)
    traces[name] = traces[name] or {}
    table.insert(traces[name], id)
end

function traced(name)
    return traces[name] or {}
end

function create(name, format, indexes)
    local space = box.schema.space.create(name, {format = format})
    for _, index in ipairs(indexes) do
        space:create_index(index.name, index)
    end
    return space.id
end
";

/// The server that tests share; `None` if there is no Tarantool here.
pub(crate) fn server(test: &str) -> Option<&'static Tarantool> {
    static SERVER: OnceLock<Option<Tarantool>> = OnceLock::new();
    let server = SERVER.get_or_init(|| own_server(test)).as_ref();
    if server.is_none() {
        // Says of each test that it is skipped.
        drop(own_server(test));
    }
    server
}

/// A server of a test's own, to do to it what others must not meet.
pub(crate) fn own_server(test: &str) -> Option<Tarantool> {
    Tarantool::builder().script(SCRIPT).start_or_skip(test)
}

pub(crate) async fn connect<M: Adapter>(server: &Tarantool) -> Client<M> {
    connect_as(Config::parse(&server.uri()).unwrap()).await
}

pub(crate) async fn connect_as<M: Adapter>(config: Config) -> Client<M> {
    let shown = config.to_string();
    let connected = M::connect(config).await;
    connected.unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// A name that no other test uses.
pub(crate) fn unique(name: &str) -> String {
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    format!("{name}_{}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// Creates a space of the test's own, with a format and indexes given in Lua, and returns its
/// name and number.
pub(crate) async fn create_space<M: Adapter>(
    client: &Client<M>,
    format: &str,
    indexes: &str,
) -> (String, u32) {
    let name = unique("space");
    let code = format!("return create(..., {format}, {indexes})");
    let number = M::wait(client.eval(&code, &name)).await.unwrap();
    (name, number)
}
