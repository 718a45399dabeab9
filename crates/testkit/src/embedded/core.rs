//! What all connections of an embedded server share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::{from_slice, write, write_value};
use tarantool_proto::{ErrorCode, IteratorType, RequestType, ServerError};

use super::fault::Faults;
use super::function::{Function, elements};
use super::gate::Gate;
use crate::engine::{Database, Failure, IndexRef, Select, SpaceRef};

/// The data, the functions, the users and the values of the watched keys.
///
/// Each part has a lock of its own, held for one step; none is taken while another is held.
pub(super) struct Core {
    database: Mutex<Database>,
    functions: Mutex<HashMap<Vec<u8>, Arc<Function>>>,
    users: Mutex<HashMap<String, String>>,
    pub(super) guest_is_admin: bool,
    /// How many bytes of tuples there may be.
    pub(super) memory_max: usize,
    events: Mutex<HashMap<Vec<u8>, Event>>,
    pub(super) faults: Faults,
    executed: Mutex<BTreeMap<u32, u64>>,
    /// Closed while the server is paused.
    pub(super) gate: Gate,
}

/// The value of a watched key.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// How many broadcasts there were.
    pub(super) version: u64,
    pub(super) value: Vec<u8>,
}

impl Core {
    pub(super) fn new(
        users: HashMap<String, String>,
        guest_is_admin: bool,
        memory_max: usize,
    ) -> Self {
        Self {
            database: Mutex::new(Database::new()),
            functions: Mutex::default(),
            users: Mutex::new(users),
            guest_is_admin,
            memory_max,
            events: Mutex::default(),
            faults: Faults::default(),
            executed: Mutex::default(),
            gate: Gate::default(),
        }
    }

    pub(super) fn database(&self) -> MutexGuard<'_, Database> {
        lock(&self.database)
    }

    pub(super) fn rows<T: DeserializeOwned>(&self, space: &str) -> Result<Vec<T>, ServerError> {
        let selected = {
            let database = self.database();
            let space = database.resolve(SpaceRef::Name(space.as_bytes())).map_err(refused)?;
            let all = Select { space, ..EVERYTHING };
            database.select(&all).map_err(refused)?
        };
        let rows = selected.rows.iter().map(|row| from_slice(row));
        rows.collect::<Result<_, _>>()
            .map_err(|error| ServerError::new(ErrorCode::PROC_LUA, error.to_string()))
    }

    /// The fields of a space's format, as an array of maps.
    pub(super) fn format(&self, space: u32) -> Vec<u8> {
        let mut key = Vec::new();
        write::array(&mut key, 1);
        write::uint(&mut key, space.into());
        let all = Select { key: &key, iterator: IteratorType::Eq as u32, ..EVERYTHING };
        let selected = self.database().select(&Select { space: VIEW_OF_SPACES, ..all });
        let row = selected.ok().and_then(|selected| selected.rows.into_iter().next());
        let fields = row.and_then(|row| Some(elements(&row)?.get(FORMAT_FIELD)?.to_vec()));
        fields.unwrap_or_else(|| vec![0x90])
    }

    pub(super) fn password(&self, user: &str) -> Option<Vec<u8>> {
        let password = lock(&self.users).get(user).map(|password| password.as_bytes().to_vec());
        // Whom nobody has given a password needs none.
        if user == "guest" { password.or_else(|| Some(Vec::new())) } else { password }
    }

    /// Changes, adds or removes a user. Returns whether there was one.
    pub(super) fn set_password(&self, user: String, password: Option<String>) -> bool {
        let mut users = lock(&self.users);
        let before = match password {
            Some(password) => users.insert(user, password),
            None => users.remove(&user),
        };
        before.is_some()
    }

    pub(super) fn register(&self, name: &str, function: Arc<Function>) {
        lock(&self.functions).insert(name.as_bytes().to_vec(), function);
    }

    pub(super) fn function(&self, name: &[u8]) -> Option<Arc<Function>> {
        lock(&self.functions).get(name).cloned()
    }

    pub(super) fn set_event(&self, key: &[u8], value: Vec<u8>) {
        let mut events = lock(&self.events);
        let version = events.get(key).map_or(1, |event| event.version + 1);
        events.insert(key.to_vec(), Event { version, value });
    }

    pub(super) fn event(&self, key: &[u8]) -> Option<Event> {
        lock(&self.events).get(key).cloned()
    }

    /// What a restart forgets: all values but that of `box.schema`.
    pub(super) fn forget_events(&self) {
        lock(&self.events).retain(|key, _| key == SCHEMA_KEY);
    }

    /// Sets the value of `box.schema` if the schema has another version than it says.
    pub(super) fn note_schema(&self) -> bool {
        let version = self.database().schema_version();
        let mut value = Vec::new();
        if write_value(&mut value, &BTreeMap::from([("version", version)])).is_err() {
            return false;
        }
        if self.event(SCHEMA_KEY).is_some_and(|event| event.value == value) {
            return false;
        }
        self.set_event(SCHEMA_KEY, value);
        true
    }

    pub(super) fn count(&self, request: RequestType) {
        *lock(&self.executed).entry(request.number()).or_default() += 1;
    }

    pub(super) fn executed(&self, request: RequestType) -> u64 {
        lock(&self.executed).get(&request.number()).copied().unwrap_or_default()
    }
}

/// All tuples of a space, by primary key.
const EVERYTHING: Select<'static> = Select {
    space: 0,
    index: IndexRef::Id(0),
    iterator: IteratorType::All as u32,
    offset: 0,
    limit: u32::MAX,
    key: &[0x90],
    fetch_position: false,
    after_position: None,
    after_tuple: None,
};
/// `_vspace`, and the field of its rows that has the format.
const VIEW_OF_SPACES: u32 = 281;
const FORMAT_FIELD: usize = 6;

pub(super) const SCHEMA_KEY: &[u8] = b"box.schema";
pub(super) const SHUTDOWN_KEY: &[u8] = b"box.shutdown";

fn refused(failure: Failure) -> ServerError {
    ServerError::new(failure.code, failure.message)
}

/// No step leaves a half-changed state behind, so a panic elsewhere does not matter.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
