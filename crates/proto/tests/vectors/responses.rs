//! Every recorded response, by every way to read it.

use std::collections::HashMap;

use rmpv::Value;
use serde_json::Value as Json;
use tarantool_proto::msgpack::Raw;
use tarantool_proto::{GREETING_SIZE, RequestType, Response, StackEntry, WatchedValue};

use crate::feeding::{self, Session, every_way, with_sync};
use crate::load::{Case, Step};
use crate::packet::{self, Packet};
use crate::report::{Report, Why};
use crate::sql;
use crate::view::{self, Compared, count};

/// What the responses are answered on: a connection per server.
pub(crate) struct Responses {
    sessions: HashMap<String, Session>,
    greetings: HashMap<String, Vec<u8>>,
}

impl Responses {
    /// Opens the connections with the first recorded greeting and reply to ID of each server.
    pub(crate) fn new(cases: &[Case]) -> Self {
        let mut greetings = HashMap::new();
        let mut id_replies = HashMap::new();
        for case in cases {
            for step in &case.steps {
                for (bytes, view) in &step.responses {
                    let Ok(bytes) = bytes else { continue };
                    let server = case.server.clone();
                    if !view["salt"].is_null() {
                        greetings.entry(server).or_insert_with(|| bytes.clone());
                    } else if is_id_reply(step) {
                        id_replies.entry(server).or_insert_with(|| bytes.clone());
                    }
                }
            }
        }
        let open = |(server, greeting): (&String, &Vec<u8>)| {
            let session = Session::open(greeting, &id_replies[server]);
            (server.clone(), session.expect("a connection"))
        };
        Self { sessions: greetings.iter().map(open).collect(), greetings }
    }

    /// Runs the responses of one step.
    pub(crate) fn run(&mut self, case: &Case, at: usize, report: &mut Report) {
        let step = &case.steps[at];
        for (nth, (bytes, view)) in step.responses.iter().enumerate() {
            let mut place = case.place(at);
            if step.responses.len() > 1 {
                place = format!("{place}#{nth}");
            }
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(why) => {
                    report.skip(case, &place, Why::ResponseNotRun, why);
                    continue;
                }
            };
            report.responses += 1;
            let done = if bytes.len() == GREETING_SIZE && view["header"].is_null() {
                report.greetings += 1;
                feeding::greeting(view, bytes)
            } else {
                self.response(case, &place, view, bytes, report)
            };
            let done = done.and_then(|()| {
                if is_id_reply(step) {
                    report.handshakes += 1;
                    return self.handshake(&case.server, view, bytes);
                }
                Ok(())
            });
            if let Err(why) = done {
                report.fail(case, &format!("{place}, response"), &why);
            }
        }
    }

    fn response(
        &mut self,
        case: &Case,
        place: &str,
        view: &Json,
        bytes: &[u8],
        report: &mut Report,
    ) -> Compared {
        let mut rest = bytes;
        let recorded = Packet::take(&mut rest)?;
        count("bytes behind the packet", 0, rest.len())?;
        view::packet(view, &recorded)?;

        let packet = every_way(bytes, &mut report.feedings)?;
        let number = |key| recorded.in_header(key).and_then(Value::as_u64);
        let header = packet.header;
        for (key, actual) in [
            (0, u64::from(header.request_type.number())),
            (1, header.sync),
            (5, header.schema_version),
        ] {
            count("header", number(key).unwrap_or_default(), actual)?;
        }
        if packet.body != recorded.behind_header {
            return Err("another body".into());
        }

        let small = if bytes.len() <= 4096 { 1 } else { 997 };
        let key = recorded.entry(0x57).and_then(|entry| entry.value.as_str());
        if let (RequestType::EVENT, Some(key)) = (header.request_type, key) {
            let session = self.sessions.get_mut(&case.server);
            let session = session.ok_or("no connection to this server")?;
            for size in [bytes.len(), small] {
                let change = session.watched(key, bytes, size)?;
                report.answers += 1;
                event(recorded.entry(0x58).map(|entry| entry.bytes), &change)?;
            }
            return Ok(());
        }
        if header.request_type == RequestType::CHUNK && with_sync(bytes, 0).is_some() {
            let session = self.sessions.get_mut(&case.server);
            let session = session.ok_or("no connection to this server")?;
            for size in [bytes.len(), small] {
                let message = session.pushed(bytes, size)?;
                report.answers += 1;
                data(&view["body"], &message)?;
                count("messages", 1, message.rows::<Raw<'_>>().map_or(0, |rows| rows.len()))?;
            }
            return Ok(());
        }
        if let Some(why) = not_answered(header.request_type, bytes) {
            report.skip(case, place, Why::NotThroughConnection, &why);
            return Ok(());
        }
        let session = self.sessions.get_mut(&case.server);
        let session = session.ok_or("no connection to this server")?;
        for size in [bytes.len(), small] {
            let response = session.answer(bytes, size)?;
            report.answers += 1;
            answer(view, &response)?;
        }
        Ok(())
    }

    /// A handshake with this reply to ID.
    fn handshake(&self, server: &str, view: &Json, id_reply: &[u8]) -> Compared {
        let session = Session::open(&self.greetings[server], id_reply)?;
        let info = session.connection().server().ok_or("not ready")?;
        view::same("version", &server.into(), &info.version().to_string().into())?;
        let view = &view["body"];
        let version = view["0x54 VERSION"].as_u64().unwrap_or_default();
        count("protocol", version, info.protocol_version())?;
        let known: Vec<u32> = info.features().iter().map(|one| one.number()).collect();
        let none = Json::Array(Vec::new());
        let features = view.get("0x55 FEATURES").unwrap_or(&none);
        view::same("features", features, &known.into())
    }
}

fn is_id_reply(step: &Step) -> bool {
    step.request_view["header"]["$type"] == "ID" && step.responses.len() == 1
}

/// Why a packet cannot stand for the answer to a request.
fn not_answered(kind: RequestType, bytes: &[u8]) -> Option<String> {
    match kind {
        _ if kind.is_error() => {}
        RequestType::OK => {}
        RequestType::CHUNK => return Some("CHUNK made by code on the server, no reply".into()),
        RequestType::EVENT => return Some("EVENT without a key, no reply".into()),
        _ => {
            return Some(match kind.name() {
                Some(_) => "row or marker of a replication stream, no reply".into(),
                None => "type chosen by code on the server, no reply".into(),
            });
        }
    }
    match with_sync(bytes, 0) {
        Some(_) => None,
        None => Some(
            "header of another form than ordinary replies (replication, code on the server): \
             SYNC cannot be replaced in place"
                .into(),
        ),
    }
}

/// The response as a caller gets it.
fn answer(view: &Json, response: &Response) -> Compared {
    let view = &view["body"];
    if response.header().request_type == RequestType::OK {
        let response = response.clone().into_result();
        let response = response.map_err(|error| error.to_string())?;
        sql::reply(view, &response)?;
        return data(view, &response);
    }
    let Err(error) = response.clone().into_result() else {
        return Err("a success for an error".into());
    };
    let stack = view["0x52 ERROR"]["STACK"].as_array();
    let stack = stack.map(Vec::as_slice).unwrap_or_default();
    let code = match stack.first() {
        Some(newest) => newest["CODE"].as_u64(),
        None => response.header().request_type.error_code().map(|code| code.number().into()),
    };
    let number = u64::from(error.code().number());
    count("code", code.unwrap_or_default(), number)?;
    view::text(&view["0x31 ERROR_24"], error.message())?;
    count("errors", stack.len(), error.stack().len())?;
    for (at, (view, entry)) in stack.iter().zip(error.stack()).enumerate() {
        stack_entry(view, entry).map_err(|why| format!("error {at}: {why}"))?;
    }
    Ok(())
}

/// The value as a watcher gets it.
fn event(recorded: Option<&[u8]>, change: &WatchedValue) -> Compared {
    if change.raw() == recorded { Ok(()) } else { Err(format!("{change:?} for {recorded:?}")) }
}

fn data(view: &Json, response: &Response) -> Compared {
    let data = response.data().map_err(|error| error.to_string())?;
    let (Some(view), Some(data)) = (view.get("0x30 DATA"), data) else {
        let expected = view.get("0x30 DATA").is_some();
        return view::same("data", &expected.into(), &data.is_some().into());
    };
    view::raw(view, data)?;
    let rows: Vec<Raw<'_>> = response.rows().map_err(|error| error.to_string())?;
    let elements = packet::elements(data).ok_or("the data is no array")?;
    count("rows", elements.len(), rows.len())?;
    if rows.iter().map(Raw::as_bytes).ne(elements) {
        return Err("other rows than in the data".into());
    }
    Ok(())
}

fn stack_entry(view: &Json, entry: &StackEntry) -> Compared {
    view::text(&view["TYPE"], &entry.kind)?;
    view::text(&view["FILE"], &entry.file)?;
    view::text(&view["MESSAGE"], &entry.message)?;
    for (name, actual) in
        [("LINE", entry.line), ("ERRNO", entry.errno), ("CODE", entry.code.number().into())]
    {
        view::same(name, &view[name], &actual.into())?;
    }
    let fields = view["FIELDS"]["$map"].as_array();
    let fields = fields.map(Vec::as_slice).unwrap_or_default();
    count("fields", fields.len(), entry.field_names().count())?;
    for field in fields {
        let name = field[0].as_str().ok_or("a field without a name")?;
        let value: Option<Raw<'_>> = entry.field(name).map_err(|error| error.to_string())?;
        let value = value.ok_or_else(|| format!("no field {name}"))?;
        view::raw(&field[1], value.as_bytes()).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}
