//! Requests to spaces, and how they are made up.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use tarantool_proto::msgpack::EncodeError;
use tarantool_proto::request::{Body, Identifier};
use tarantool_proto::{Key, Request, RequestType};

use super::spaces::{Kind, SPACES, Space};
use super::value::{Value, anything, mostly, number, scalar, short, small};

/// One request.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Insert { space: u32, tuple: Value },
    Replace { space: u32, tuple: Value },
    Update { space: u32, index: u32, key: Value, operations: Value, base: u32 },
    Upsert { space: u32, tuple: Value, operations: Value, base: u32 },
    Delete { space: u32, index: u32, key: Value },
    Select { space: u32, index: u32, iterator: u32, offset: u32, limit: u32, key: Value },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insert { space, tuple } => write!(f, "insert {space} {tuple}"),
            Self::Replace { space, tuple } => write!(f, "replace {space} {tuple}"),
            Self::Update { space, index, key, operations, base } => {
                write!(f, "update {space}.{index} {key} {operations} base {base}")
            }
            Self::Upsert { space, tuple, operations, base } => {
                write!(f, "upsert {space} {tuple} {operations} base {base}")
            }
            Self::Delete { space, index, key } => write!(f, "delete {space}.{index} {key}"),
            Self::Select { space, index, iterator, offset, limit, key } => {
                write!(f, "select {space}.{index} {key} iterator {iterator} ")?;
                write!(f, "offset {offset} limit {limit}")
            }
        }
    }
}

impl Request for Step {
    fn request_type(&self) -> RequestType {
        match self {
            Self::Insert { .. } => RequestType::INSERT,
            Self::Replace { .. } => RequestType::REPLACE,
            Self::Update { .. } => RequestType::UPDATE,
            Self::Upsert { .. } => RequestType::UPSERT,
            Self::Delete { .. } => RequestType::DELETE,
            Self::Select { .. } => RequestType::SELECT,
        }
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Insert { space, tuple } | Self::Replace { space, tuple } => {
                body.space(Identifier::Number(*space));
                tuple.encode(body.entry(Key::TUPLE));
            }
            Self::Update { space, index, key, operations, base } => {
                body.space(Identifier::Number(*space));
                body.index(Identifier::Number(*index));
                body.uint(Key::INDEX_BASE, *base);
                key.encode(body.entry(Key::KEY));
                operations.encode(body.entry(Key::TUPLE));
            }
            Self::Upsert { space, tuple, operations, base } => {
                body.space(Identifier::Number(*space));
                body.uint(Key::INDEX_BASE, *base);
                tuple.encode(body.entry(Key::TUPLE));
                operations.encode(body.entry(Key::OPS));
            }
            Self::Delete { space, index, key } => {
                body.space(Identifier::Number(*space));
                body.index(Identifier::Number(*index));
                key.encode(body.entry(Key::KEY));
            }
            Self::Select { space, index, iterator, offset, limit, key } => {
                body.space(Identifier::Number(*space));
                body.index(Identifier::Number(*index));
                body.uint(Key::LIMIT, *limit);
                body.uint(Key::OFFSET, *offset);
                body.uint(Key::ITERATOR, *iterator);
                key.encode(body.entry(Key::KEY));
            }
        }
        Ok(())
    }
}

impl Step {
    /// The request for the row that an upsert was about.
    pub(super) fn upserted_row(&self) -> Option<Self> {
        let Self::Upsert { space, tuple: Value::Array(fields), .. } = self else {
            return None;
        };
        let parts = SPACES.iter().find(|known| known.id == *space)?.indexes[0].fields;
        let key = parts.iter().map(|part| fields.get(*part).cloned()).collect::<Option<_>>()?;
        let (space, key) = (*space, Value::Array(key));
        Some(Self::Select { space, index: 0, iterator: 0, offset: 0, limit: 1, key })
    }

    /// The operations of an update or an upsert.
    pub(super) fn operations(&self) -> &[Value] {
        match self {
            Self::Update { operations: Value::Array(operations), .. }
            | Self::Upsert { operations: Value::Array(operations), .. } => operations,
            _ => &[],
        }
    }
}

/// Up to `most` requests to one space.
pub(super) fn sequence(most: usize) -> impl Strategy<Value = Vec<Step>> {
    Union::new(SPACES.iter().map(|space| vec(step(space), 1..=most)))
}

fn step(space: &'static Space) -> impl Strategy<Value = Step> {
    let id = space.id;
    let by_index = || index_and_key(space);
    let base = || select(vec![0_u32, 1, 1, 1]);
    let update = (by_index(), operations(space), base());
    let upsert = (tuple(space), operations(space), base());
    let select = (by_index(), iterator(), 0..3_u32, limit());
    prop_oneof![
        3 => tuple(space).prop_map(move |tuple| Step::Insert { space: id, tuple }),
        4 => tuple(space).prop_map(move |tuple| Step::Replace { space: id, tuple }),
        4 => update.prop_map(move |((index, key), operations, base)| {
            Step::Update { space: id, index, key, operations, base }
        }),
        2 => upsert.prop_map(move |(tuple, operations, base)| {
            Step::Upsert { space: id, tuple, operations, base }
        }),
        1 => by_index().prop_map(move |(index, key)| Step::Delete { space: id, index, key }),
        4 => select.prop_map(move |((index, key), iterator, offset, limit)| {
            let offset = offset.saturating_sub(1);
            Step::Select { space: id, index, iterator, offset, limit, key }
        }),
    ]
}

fn iterator() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 0..7_u32, 1 => select(vec![7_u32, 8, 9, 10, 14, 99])]
}

fn limit() -> impl Strategy<Value = u32> {
    select(vec![u32::MAX, u32::MAX, u32::MAX, 0, 1, 2, 5])
}

fn tuple(space: &'static Space) -> BoxedStrategy<Value> {
    let all = space.fields.iter().map(|field| {
        let usual = field.kind.values();
        if field.is_nullable {
            prop_oneof![4 => mostly(usual), 1 => Just(Value::Nil)].boxed()
        } else {
            mostly(usual)
        }
    });
    let all: Vec<_> = all.collect();
    let fewest = space.fields.iter().take_while(|field| !field.is_nullable).count();
    let most = all.len();
    let length = prop_oneof![12 => fewest..=most, 1 => 0..=most];
    let more = prop_oneof![8 => Just(Vec::new()), 1 => vec(anything(), 1..3)];
    (all, length, more)
        .prop_map(move |(mut fields, length, more)| {
            fields.truncate(length);
            if length == most {
                fields.extend(more);
            }
            Value::Array(fields)
        })
        .boxed()
}

fn index_and_key(space: &'static Space) -> BoxedStrategy<(u32, Value)> {
    let indexes = u32::try_from(space.indexes.len()).unwrap();
    let known = (0..space.indexes.len()).prop_flat_map(move |nth| {
        let fields = space.indexes[nth].fields.iter().map(|field| {
            let field = &space.fields[*field];
            let usual = field.kind.values();
            if field.is_nullable {
                prop_oneof![8 => mostly(usual), 1 => Just(Value::Nil)].boxed()
            } else {
                mostly(usual)
            }
        });
        let fields: Vec<_> = fields.collect();
        let most = fields.len();
        let length = prop_oneof![4 => Just(most), 1 => 0..=most];
        let more = prop_oneof![30 => Just(Vec::new()), 1 => vec(scalar(), 1..2)];
        (fields, length, more).prop_map(move |(mut parts, length, more)| {
            parts.truncate(length);
            parts.extend(more);
            (nth as u32, Value::Array(parts))
        })
    });
    let unknown = vec(scalar(), 0..2).prop_map(move |key| (indexes, Value::Array(key)));
    prop_oneof![6 => known.clone().prop_filter("the primary key more often", |(nth, _)| *nth == 0),
        6 => known, 1 => unknown]
    .boxed()
}

/// A list of operations that are mostly well formed and often fit.
///
/// Several are either about whole fields or about what is inside of fields: server 2.6 follows
/// wild pointers when one is about a field and another about what is inside of it.
fn operations(space: &'static Space) -> BoxedStrategy<Value> {
    let bad = prop_oneof![
        scalar(),
        Just(Value::Array(vec![])),
        vec(scalar(), 1..6).prop_map(Value::Array),
    ];
    let whole = operation(whole_field(space));
    let inside = operation(inside_field(space));
    prop_oneof![
        10 => vec(whole.clone(), 1),
        6 => vec(inside.clone(), 1),
        5 => vec(prop_oneof![30 => whole, 1 => bad], 0..4),
        1 => vec(inside, 2),
    ]
    .prop_map(Value::Array)
    .boxed()
}

fn operation(target: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let codes = vec!["=", "=", "=", "!", "#", "+", "+", "-", "&", "|", "^", ":", ":", "?"];
    select(codes)
        .prop_flat_map(move |code| {
            let name = Just(Value::Str(code.into()));
            let argument = match code {
                "=" | "!" => prop_oneof![2 => anything(), 2 => small(), 1 => short()].boxed(),
                "#" => mostly((0..3_u64).prop_map(Value::Uint).boxed()),
                "+" | "-" => mostly(number()),
                "&" | "|" | "^" => mostly((0..300_u64).prop_map(Value::Uint).boxed()),
                _ => mostly((-4..6_i64).prop_map(Value::Int).boxed()),
            };
            let rest = if code == ":" {
                let cut = mostly((-3..4_i64).prop_map(Value::Int).boxed());
                (argument, cut, mostly(short()))
                    .prop_map(|(offset, cut, paste)| vec![offset, cut, paste])
                    .boxed()
            } else {
                argument.prop_map(|argument| vec![argument]).boxed()
            };
            (name, target.clone(), rest)
        })
        .prop_map(|(name, target, rest)| Value::Array([vec![name, target], rest].concat()))
        .boxed()
}

fn whole_field(space: &'static Space) -> BoxedStrategy<Value> {
    let most = space.fields.len() as i64;
    let names: Vec<&'static str> = space.fields.iter().map(|field| field.name).collect();
    prop_oneof![
        20 => (1..=most).prop_map(Value::Int),
        3 => (-most..=most + 2).prop_map(Value::Int),
        3 => select(names).prop_map(|name| Value::Str(name.into())),
        1 => (1..=most).prop_map(|number| Value::Str(format!("[{number}]"))),
        1 => scalar(),
    ]
    .boxed()
}

fn inside_field(space: &'static Space) -> BoxedStrategy<Value> {
    let most = space.fields.len();
    let names: Vec<&'static str> = space.fields.iter().map(|field| field.name).collect();
    let may_hold = |kind: Kind| matches!(kind, Kind::Any | Kind::Array | Kind::Map);
    let holders = space.fields.iter().filter(|field| may_hold(field.kind));
    let mut holders: Vec<&'static str> = holders.map(|field| field.name).collect();
    if holders.is_empty() {
        holders.clone_from(&names);
    }
    let steps =
        vec![".a", ".b", "[1]", "[2]", ".a.b", "[1].a", ".a[2]", "['k k']", "[1][1]", "[9]"];
    let malformed = vec![".", "[", "[*]", ".1", "[0]", ".a[", "['']"];
    let inside = prop_oneof![10 => select(steps), 1 => select(malformed)];
    let start = prop_oneof![
        8 => select(holders).prop_map(str::to_owned),
        1 => select(names).prop_map(str::to_owned),
        1 => (1..=most).prop_map(|number| format!("[{number}]")),
    ];
    (start, inside).prop_map(|(start, inside)| Value::Str(start + inside)).boxed()
}
