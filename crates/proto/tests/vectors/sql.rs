//! Statements of SQL: our requests for recorded ones, and what replies to them have.

use rmpv::Value;
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use tarantool_proto::msgpack::Raw;
use tarantool_proto::request::{Execute, InsertArrow, Named, Prepare, Unprepare, named};
use tarantool_proto::{Column, Response};

use crate::ours::{Reason, Source, Target, encode, failed, not_offered, raw, text, uint32};
use crate::packet::{elements, whole};
use crate::view::{self, Compared, count};

impl Source<'_> {
    pub(crate) fn execute(&mut self, frame: &mut Target<'_>) -> Result<(), Reason> {
        let execute = match self.optional(0x43) {
            Some(id) => Execute::prepared(uint32(id)?),
            None => Execute::new(text(self.entry(0x40)?)?),
        };
        let form = if self.optional(0x43).is_some() { "id" } else { "text" };
        self.forms.insert(format!("statement by {form}"));
        if self.optional(0x41).is_none() {
            return encode(&execute, frame);
        }
        let list = self.array(0x41)?;
        let list = elements(list.as_bytes()).ok_or_else(|| failed("no list of parameters"))?;
        let parameters: Vec<Parameter<'_>> =
            list.iter().map(|bytes| Parameter::new(bytes)).collect::<Result<_, Reason>>()?;
        for parameter in &parameters {
            let form = match parameter {
                Parameter::Value(_) => "position",
                Parameter::Named(..) => "name",
            };
            self.forms.insert(format!("parameter by {form}"));
        }
        encode(&execute.parameters(&parameters), frame)
    }

    pub(crate) fn prepare(&mut self, frame: &mut Target<'_>) -> Result<(), Reason> {
        match self.optional(0x43) {
            Some(id) => {
                self.forms.insert("unprepare".into());
                encode(&Unprepare::new(uint32(id)?), frame)
            }
            None => encode(&Prepare::new(text(self.entry(0x40)?)?), frame),
        }
    }

    pub(crate) fn insert_arrow(&mut self, frame: &mut Target<'_>) -> Result<(), Reason> {
        let Value::Ext(8, data) = &self.entry(0x36)?.value else {
            return Err(crate::ours::wrong_type());
        };
        encode(&InsertArrow::into(self.space()?).data(data), frame)
    }
}

/// A parameter as our API takes it.
enum Parameter<'a> {
    Value(Raw<'a>),
    /// With the name as recorded.
    Named(String, Raw<'a>),
}

impl<'a> Parameter<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let value = whole(bytes).map_err(|error| failed(&error))?;
        let name = value.as_map().and_then(|pairs| match pairs.as_slice() {
            [(Value::String(name), _)] => name.as_str(),
            _ => None,
        });
        let Some(name) = name else {
            return Ok(Self::Value(raw(bytes)?));
        };
        if !name.starts_with([':', '@']) {
            return Err(not_offered("parameter by a name without `:` or `@`"));
        }
        // Behind the header of the map and the name, which is short.
        let value = bytes.get(2 + name.len()..).ok_or_else(|| failed("a parameter cut off"))?;
        Ok(Self::Named(name.to_owned(), raw(value)?))
    }
}

impl Serialize for Parameter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Named(name, value) => {
                // `:` is what a name without a prefix gets.
                let name = name.strip_prefix(':').unwrap_or(name);
                let parameter: Named<'_, &Raw<'_>> = named(name, value);
                parameter.serialize(serializer)
            }
        }
    }
}

/// What our accessors say of a reply, beside its data.
pub(crate) fn reply(view: &Json, response: &Response) -> Compared {
    let text = |error: tarantool_proto::msgpack::DecodeError| error.to_string();

    let columns = response.columns().map_err(text)?;
    let shown = columns.as_deref().map(self::columns);
    view::same("columns", &optional(view, "0x32 METADATA"), &json!(shown))?;

    let info = response.sql_info().map_err(text)?;
    let shown = info.map(|info| match info.generated_ids.as_slice() {
        [] => json!({"ROW_COUNT": info.row_count}),
        ids => json!({"ROW_COUNT": info.row_count, "AUTOINCREMENT_IDS": ids}),
    });
    view::same("information", &optional(view, "0x42 SQL_INFO"), &json!(shown))?;

    let statement = response.prepared().map_err(text)?;
    let shown = statement.as_ref().map(|statement| statement.id);
    view::same("statement", &optional(view, "0x43 STMT_ID"), &json!(shown))?;
    if let Some(statement) = statement {
        let bound = view["0x34 BIND_COUNT"].as_u64().ok_or("no count of parameters")?;
        count("parameters", bound, statement.parameters.len() as u64)?;
        let shown = self::columns(&statement.parameters);
        view::same("parameters", &view["0x33 BIND_METADATA"], &shown.into())?;
        count("columns", columns.unwrap_or_default().len(), statement.columns.len())?;
    }

    let position = response.position().map_err(text)?;
    let position = position.map(String::from_utf8_lossy);
    view::same("position", &optional(view, "0x35 POSITION"), &json!(position))
}

fn optional(view: &Json, name: &str) -> Json {
    view.get(name).cloned().unwrap_or(Json::Null)
}

fn columns(columns: &[Column]) -> Vec<Json> {
    columns.iter().map(column).collect()
}

/// A column with what the server told of it.
fn column(column: &Column) -> Json {
    let mut view = json!({"NAME": column.name, "TYPE": column.type_name});
    let optional = [
        ("COLL", column.collation.as_ref().map(|text| json!(text))),
        ("IS_NULLABLE", column.is_nullable.map(Json::from)),
        ("IS_AUTOINCREMENT", column.is_autoincrement.then_some(true.into())),
        ("SPAN", column.span.as_ref().map(|text| json!(text))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            view[name] = value;
        }
    }
    view
}
