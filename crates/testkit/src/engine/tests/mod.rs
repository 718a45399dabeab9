//! The engine by its contract.

mod data;
mod errors;
mod schema;
mod select;

use serde_json::{Value as Json, json};
use tarantool_proto::IteratorType;
use tarantool_proto::msgpack::{from_slice, write_value};

use super::*;

fn bytes(value: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(&mut out, value).unwrap();
    out
}

fn json(tuple: &[u8]) -> Json {
    from_slice(tuple).unwrap()
}

/// Fields as `name:type`, or `name:type?` for those that may be nil.
fn definition(name: &str, fields: &[&str]) -> SpaceDefinition {
    let format = fields.iter().map(|field| {
        let (name, kind) = field.split_once(':').unwrap();
        let is_nullable = kind.ends_with('?');
        let kind = FieldType::parse(kind.trim_end_matches('?')).unwrap();
        FieldDefinition { name: name.into(), kind, is_nullable }
    });
    SpaceDefinition { id: None, name: name.into(), field_count: 0, format: format.collect() }
}

fn index(
    name: &str,
    is_unique: bool,
    definition: &SpaceDefinition,
    fields: &[usize],
) -> IndexDefinition {
    let parts = fields.iter().map(|&field| {
        let FieldDefinition { kind, is_nullable, .. } = definition.format[field];
        Part { field, kind, is_nullable }
    });
    IndexDefinition { name: name.into(), is_unique, parts: parts.collect() }
}

fn part(field: usize, kind: FieldType) -> Part {
    Part { field, kind, is_nullable: false }
}

/// Makes a space with these indexes; the first is the primary one.
fn make(
    database: &mut Database,
    space: &SpaceDefinition,
    indexes: &[(&str, bool, &[usize])],
) -> u32 {
    let id = database.create_space(space.clone()).unwrap();
    for (name, is_unique, fields) in indexes {
        database.create_index(id, index(name, *is_unique, space, fields)).unwrap();
    }
    id
}

/// `users`: id, name (unique, may be nil), age (an index, may be nil).
fn users() -> (Database, u32) {
    let mut database = Database::new();
    let space = definition("users", &["id:unsigned", "name:string?", "age:number?"]);
    let indexes: [(&str, bool, &[usize]); 3] =
        [("pk", true, &[0]), ("name", true, &[1]), ("age", false, &[2])];
    let id = make(&mut database, &space, &indexes);
    (database, id)
}

fn insert(database: &mut Database, space: u32, tuple: Json) -> Result<Json, Failure> {
    database.insert(space, &bytes(&tuple)).map(|tuple| json(&tuple))
}

fn replace(database: &mut Database, space: u32, tuple: Json) -> Result<Json, Failure> {
    database.replace(space, &bytes(&tuple)).map(|tuple| json(&tuple))
}

fn update(
    database: &mut Database,
    space: u32,
    key: Json,
    operations: Json,
) -> Result<Json, Failure> {
    let (key, operations) = (bytes(&key), bytes(&operations));
    let changed = database.update(space, IndexRef::Id(0), &key, &operations, 1)?;
    Ok(changed.map_or(Json::Null, |tuple| json(&tuple)))
}

fn upsert(
    database: &mut Database,
    space: u32,
    tuple: Json,
    operations: Json,
) -> Result<(), Failure> {
    database.upsert(space, &bytes(&tuple), &bytes(&operations), 1)
}

fn delete(database: &mut Database, space: u32, index: u32, key: Json) -> Result<Json, Failure> {
    let gone = database.delete(space, IndexRef::Id(index), &bytes(&key))?;
    Ok(gone.map_or(Json::Null, |tuple| json(&tuple)))
}

/// A request for all of an index.
fn all(space: u32, index: u32) -> Select<'static> {
    Select {
        space,
        index: IndexRef::Id(index),
        iterator: IteratorType::All.number(),
        offset: 0,
        limit: u32::MAX,
        key: &[0x90],
        fetch_position: false,
        after_position: None,
        after_tuple: None,
    }
}

fn rows(database: &Database, request: &Select<'_>) -> Result<Vec<Json>, Failure> {
    let selected = database.select(request)?;
    Ok(selected.rows.iter().map(|row| json(row)).collect())
}

fn everything(database: &Database, space: u32) -> Vec<Json> {
    rows(database, &all(space, 0)).unwrap()
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Failure>, code: u32, text: &str) {
    let failure = result.unwrap_err();
    assert_eq!((failure.code.number(), failure.message.as_str()), (code, text));
}
