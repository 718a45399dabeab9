//! The functions that cases call, on both kinds of servers.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tarantool_client::msgpack::{Raw, Reader, write};

use crate::{Context, Server};

/// For a real server.
pub(super) const SCRIPT: &str = r"
local fiber = require('fiber')

function echo(...)
    return ...
end

function slow(seconds, ...)
    fiber.sleep(seconds)
    return ...
end

function repeated(text, count)
    return string.rep(text, count)
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

function pushing(count, ...)
    for number = 1, count do
        box.session.push(number)
    end
    return ...
end

function session_id()
    return box.session.id()
end

function user()
    return box.session.user()
end

function connections()
    return box.stat.net.CONNECTIONS.current
end

function create(name, format, indexes)
    local space = box.schema.space.create(name, {format = format})
    for _, index in ipairs(indexes) do
        local name, parts, unique = unpack(index)
        space:create_index(name, {parts = parts, unique = unique})
    end
    return space.id
end
";

/// The same for the embedded server, but for `create`.
pub(super) fn register(server: &Server) {
    server.function_returning_many("echo", |_: &Context<'_>, arguments: List| Ok(arguments));
    server.function_returning_many("slow", |_: &Context<'_>, arguments: List| {
        let (seconds, rest) = arguments.split();
        thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        Ok(rest)
    });
    server.function_returning_many("pushing", |context: &Context<'_>, arguments: List| {
        let (count, rest) = arguments.split();
        for number in 1..=count as u64 {
            context.push(&number)?;
        }
        Ok(rest)
    });
    server.function_with("session_id", |context: &Context<'_>, (): ()| Ok(context.session_id()));
    server.function_with("user", |context: &Context<'_>, (): ()| Ok(context.user().to_owned()));
    server.function("repeated", |(text, count): (String, usize)| Ok(text.repeat(count)));
    let traces: &'static Mutex<HashMap<String, Vec<u64>>> = Box::leak(Box::default());
    server.function_returning_many("trace", move |_: &Context<'_>, (name, id): (String, u64)| {
        traces.lock().unwrap().entry(name).or_default().push(id);
        Ok(List::default())
    });
    server.function("traced", move |(name,): (String,)| {
        Ok(traces.lock().unwrap().get(&name).cloned().unwrap_or_default())
    });
}

/// Values of any kinds: a MessagePack array as it is.
#[derive(Clone, Debug)]
struct List(Vec<u8>);

impl Default for List {
    fn default() -> Self {
        Self(vec![0x90])
    }
}

impl List {
    /// The first value, a number, and the others.
    fn split(&self) -> (f64, Self) {
        let mut reader = Reader::new(&self.0);
        let count = reader.array().unwrap_or_default();
        let first =
            reader.raw().ok().and_then(|raw| tarantool_client::msgpack::from_slice(raw).ok());
        let mut rest = Vec::new();
        write::array(&mut rest, count.saturating_sub(1));
        rest.extend_from_slice(reader.rest());
        (first.unwrap_or_default(), Self(rest))
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Raw::deserialize(deserializer)?.as_bytes();
        // No arguments come as nil.
        Ok(if bytes == [0xc0] { Self::default() } else { Self(bytes.to_vec()) })
    }
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw::new(&self.0).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}
