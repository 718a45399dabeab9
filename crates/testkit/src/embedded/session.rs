//! One connection's requests, executed. No socket, no thread.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use tarantool_proto::server::{Fields, Incoming, ServerConnection};
use tarantool_proto::{ErrorCode, Feature, RequestType, ServerError};

use super::core::Core;
use super::function::{Caller, Context, elements, rows_of};
use super::transaction::{Access, Transaction};
use super::tuple_ext;
use crate::engine::{Database, Failure, IndexRef, Select, SpaceRef, Tuple};

pub(super) struct Session {
    number: u64,
    pub(super) protocol: ServerConnection,
    watches: HashMap<Bytes, Watch>,
    transactions: HashMap<u64, Transaction>,
}

struct Watch {
    /// That of the last WATCH.
    sync: u64,
    /// The version of the value that was sent last, 0 if there was no value; `None` before the
    /// first event.
    seen: Option<u64>,
    /// Whether the client wants the next event.
    is_acknowledged: bool,
}

/// What is left to do for a request.
#[must_use]
pub(super) enum Step {
    Done,
    Call(Call),
}

/// A call to be made outside of the session's lock.
pub(super) struct Call {
    pub(super) sync: u64,
    name: Bytes,
    arguments: Vec<u8>,
    caller: Caller,
    in_old_form: bool,
}

impl Call {
    /// Runs the function; `push` sends its messages.
    pub(super) fn run(&self, core: &Core, push: &dyn Fn(&[u8])) -> Result<Vec<u8>, ServerError> {
        let Some(function) = core.function(&self.name) else {
            let name = String::from_utf8_lossy(&self.name);
            let text = format!("Procedure '{name}' is not defined");
            return Err(ServerError::new(ErrorCode::NO_SUCH_PROC, text));
        };
        function(&Context::new(core, &self.caller, push), &self.arguments)
    }
}

/// Keys watched and streams used by one connection: more is refused, since a client must not make
/// the server keep whatever it likes.
const WATCHES_MAX: usize = 4096;
const TRANSACTIONS_MAX: usize = 1024;

impl Session {
    pub(super) fn new(number: u64, protocol: ServerConnection) -> Self {
        Self { number, protocol, watches: HashMap::new(), transactions: HashMap::new() }
    }

    /// Executes and answers a request, unless it is a call.
    pub(super) fn execute(&mut self, core: &Core, request: &Incoming, now: Instant) -> Step {
        let Incoming { request_type, sync, stream_id, ref fields, .. } = *request;
        core.count(request_type);
        let is_free = matches!(
            request_type,
            RequestType::PING | RequestType::WATCH | RequestType::UNWATCH | RequestType::WATCH_ONCE
        );
        if !is_free && !core.guest_is_admin && self.protocol.user() == "guest" {
            self.protocol.reply_error(sync, &denied(core, request));
            return Step::Done;
        }
        let result = match request_type {
            RequestType::PING => {
                self.protocol.reply_ok(sync);
                Ok(())
            }
            RequestType::CALL | RequestType::CALL_16 => {
                let arguments = fields.tuple.as_deref().unwrap_or(EMPTY);
                match tuple_ext::arguments(arguments, fields.tuple_formats.as_deref()) {
                    Ok(arguments) => {
                        return Step::Call(Call {
                            sync,
                            name: fields.function_name.clone().unwrap_or_default(),
                            arguments,
                            caller: Caller {
                                session: self.number,
                                user: self.protocol.user().into(),
                            },
                            in_old_form: request_type == RequestType::CALL_16,
                        });
                    }
                    Err(failure) => Err(failure),
                }
            }
            RequestType::SELECT => self.select(core, sync, stream_id, fields, now),
            RequestType::INSERT
            | RequestType::REPLACE
            | RequestType::UPDATE
            | RequestType::UPSERT
            | RequestType::DELETE => self.change(core, request, now),
            RequestType::BEGIN => self.begin(core, sync, stream_id, fields, now),
            RequestType::COMMIT => self.commit(core, sync, stream_id, fields, now),
            RequestType::ROLLBACK => {
                self.transactions.remove(&stream_id);
                self.protocol.reply_ok(sync);
                Ok(())
            }
            RequestType::WATCH => self.watch(sync, fields),
            RequestType::UNWATCH => {
                self.watches.remove(fields.event_key.as_deref().unwrap_or_default());
                self.protocol.finish(sync);
                Ok(())
            }
            RequestType::WATCH_ONCE => {
                let event = core.event(fields.event_key.as_deref().unwrap_or_default());
                self.protocol.reply_data(sync, event.iter().map(|event| event.value.as_slice()));
                Ok(())
            }
            RequestType::EVAL => Err(unsupported("runs no Lua: register a Rust function instead")),
            RequestType::EXECUTE | RequestType::PREPARE => Err(unsupported("has no SQL")),
            other => Err(unsupported(&format!("does not know {other}"))),
        };
        if let Err(failure) = result {
            self.protocol.reply_error(sync, &to_error(failure));
        }
        Step::Done
    }

    /// Answers a call.
    pub(super) fn finish_call(&mut self, call: &Call, result: Result<Vec<u8>, ServerError>) {
        let values = match &result {
            Ok(values) => elements(values).unwrap_or_default(),
            Err(error) => return self.protocol.reply_error(call.sync, error),
        };
        let rows = if call.in_old_form { rows_of(&values) } else { Vec::new() };
        let values =
            if call.in_old_form { rows.iter().map(Vec::as_slice).collect() } else { values };
        if self.protocol.features().contains(Feature::CALL_RET_TUPLE_EXTENSION) {
            self.protocol.reply_body(call.sync, &tuple_ext::values(&values));
        } else {
            self.protocol.reply_data(call.sync, values);
        }
    }

    /// Tells the client of a new value of a key, if it waits for one.
    pub(super) fn notify(&mut self, core: &Core, key: &[u8]) {
        let Some(watch) = self.watches.get_mut(key).filter(|watch| watch.is_acknowledged) else {
            return;
        };
        let event = core.event(key);
        let version = event.as_ref().map_or(0, |event| event.version);
        if watch.seen.is_none_or(|seen| version > seen) {
            watch.seen = Some(version);
            watch.is_acknowledged = false;
            self.protocol.send_event(watch.sync, key, event.as_ref().map(|event| &*event.value));
        }
    }

    /// Tells the client of the new values of all keys that it waits for.
    pub(super) fn notify_all(&mut self, core: &Core) {
        let keys: Vec<Bytes> = self.watches.keys().cloned().collect();
        for key in keys {
            self.notify(core, &key);
        }
    }

    pub(super) fn watches(&self, key: &[u8]) -> bool {
        self.watches.contains_key(key)
    }

    /// The event follows once all requests at hand are executed.
    fn watch(&mut self, sync: u64, fields: &Fields) -> Result<(), Failure> {
        let key = fields.event_key.as_deref().unwrap_or_default();
        if let Some(watch) = self.watches.get_mut(key) {
            watch.sync = sync;
            watch.is_acknowledged = true;
        } else {
            if self.watches.len() >= WATCHES_MAX {
                return Err(unsupported("lets a connection watch 4096 keys"));
            }
            // A copy, or the key would keep the whole read buffer.
            let key = Bytes::copy_from_slice(key);
            self.watches.insert(key, Watch { sync, seen: None, is_acknowledged: true });
        }
        self.protocol.finish(sync);
        Ok(())
    }

    fn begin(
        &mut self,
        core: &Core,
        sync: u64,
        stream: u64,
        fields: &Fields,
        now: Instant,
    ) -> Result<(), Failure> {
        if self.transactions.contains_key(&stream) {
            let text = "Operation is not permitted when there is an active transaction ";
            return Err(Failure::new(ErrorCode::ACTIVE_TRANSACTION, text));
        }
        if self.transactions.len() >= TRANSACTIONS_MAX {
            return Err(unsupported("lets a connection have 1024 transactions"));
        }
        self.transactions.insert(stream, Transaction::begin(core, fields, now)?);
        self.protocol.reply_ok(sync);
        Ok(())
    }

    fn commit(
        &mut self,
        core: &Core,
        sync: u64,
        stream: u64,
        fields: &Fields,
        now: Instant,
    ) -> Result<(), Failure> {
        if let Some(transaction) = self.transactions.remove(&stream) {
            transaction.commit(core, fields.is_sync, now)?;
        }
        self.protocol.reply_ok(sync);
        Ok(())
    }

    /// Runs a statement on the stream's transaction, or on the data itself.
    fn statement<T>(
        &mut self,
        core: &Core,
        place: (u64, u32, Access),
        now: Instant,
        work: impl FnOnce(&mut Database) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (stream, space, access) = place;
        match self.transactions.get_mut(&stream) {
            Some(transaction) => work(transaction.statement(core, space, access, now)?),
            None => work(&mut core.database()),
        }
    }

    fn select(
        &mut self,
        core: &Core,
        sync: u64,
        stream: u64,
        fields: &Fields,
        now: Instant,
    ) -> Result<(), Failure> {
        let space = space(core, fields)?;
        let select = Select {
            space,
            index: index(fields),
            iterator: fields.iterator.unwrap_or_default(),
            offset: fields.offset.unwrap_or_default(),
            limit: fields.limit.unwrap_or_default(),
            key: fields.key.as_deref().unwrap_or(EMPTY),
            fetch_position: fields.fetch_position,
            after_position: fields.after_position.as_deref(),
            after_tuple: fields.after_tuple.as_deref(),
        };
        let place = (stream, space, Access::Read);
        let selected = self.statement(core, place, now, |database| database.select(&select))?;
        self.reply_rows(core, sync, space, &selected.rows, selected.position.as_deref());
        Ok(())
    }

    fn change(&mut self, core: &Core, request: &Incoming, now: Instant) -> Result<(), Failure> {
        let fields = &request.fields;
        let space = space(core, fields)?;
        let tuple = fields.tuple.as_deref().unwrap_or(EMPTY);
        let key = fields.key.as_deref().unwrap_or(EMPTY);
        let base = fields.index_base.unwrap_or_default();
        let place = (request.stream_id, space, Access::Write);
        let memory_max = core.memory_max;
        let row = self.statement(core, place, now, |database| match request.request_type {
            RequestType::DELETE => database.delete(space, index(fields), key),
            // What an update adds is bounded by a tuple's limit, and is counted before it is known.
            _ if database.bytes().saturating_add(request.body.len()) > memory_max => {
                let text = "Failed to allocate memory for a tuple: the limit is reached";
                Err(Failure::new(ErrorCode::MEMORY_ISSUE, text))
            }
            RequestType::INSERT => database.insert(space, tuple).map(Some),
            RequestType::REPLACE => database.replace(space, tuple).map(Some),
            RequestType::UPDATE => database.update(space, index(fields), key, tuple, base),
            _ => {
                let operations = fields.operations.as_deref().unwrap_or(EMPTY);
                database.upsert(space, tuple, operations, base).map(|()| None)
            }
        })?;
        self.reply_rows(core, request.sync, space, row.as_slice(), None);
        Ok(())
    }

    fn reply_rows(
        &mut self,
        core: &Core,
        sync: u64,
        space: u32,
        rows: &[Tuple],
        position: Option<&[u8]>,
    ) {
        if self.protocol.features().contains(Feature::DML_TUPLE_EXTENSION) {
            let format = core.format(space);
            let body = tuple_ext::rows(rows, (space, &format), position);
            self.protocol.reply_body(sync, &body);
        } else {
            self.protocol.reply_page(sync, rows.iter().map(|row| &**row), position);
        }
    }
}

const EMPTY: &[u8] = &[0x90];

/// A name wins over a number, as on servers since 3.0.
fn space(core: &Core, fields: &Fields) -> Result<u32, Failure> {
    let space = match &fields.space_name {
        Some(name) => SpaceRef::Name(name),
        None => SpaceRef::Id(fields.space_id.unwrap_or_default()),
    };
    core.database().resolve(space)
}

fn index(fields: &Fields) -> IndexRef<'_> {
    match &fields.index_name {
        Some(name) => IndexRef::Name(name),
        None => IndexRef::Id(fields.index_id.unwrap_or_default()),
    }
}

/// A space that is not there is said to be so even to those without rights.
fn denied(core: &Core, request: &Incoming) -> ServerError {
    let names_space = request.fields.space_id.is_some() || request.fields.space_name.is_some();
    if names_space {
        if let Err(failure) = space(core, &request.fields) {
            return to_error(failure);
        }
    }
    let text = "Execute access to universe '' is denied for user 'guest'";
    ServerError::new(ErrorCode::ACCESS_DENIED, text).with_kind("AccessDeniedError")
}

fn unsupported(what: &str) -> Failure {
    Failure::new(ErrorCode::UNSUPPORTED, format!("The embedded server {what}"))
}

fn to_error(failure: Failure) -> ServerError {
    ServerError::new(failure.code, failure.message)
}
