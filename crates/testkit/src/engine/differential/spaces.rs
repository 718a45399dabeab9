//! The spaces of the comparison, for both sides.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::{Database, FieldDefinition, FieldType, IndexDefinition, Part, SpaceDefinition};
use super::value::{Value, anything, number, scalar, short, small};

/// A space as it is on both sides.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) id: u32,
    name: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) indexes: &'static [Index],
}

/// A field of a space's format.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_nullable: bool,
}

/// An index; the first is the primary one.
#[derive(Debug)]
pub(super) struct Index {
    name: &'static str,
    is_unique: bool,
    /// Numbers of fields, from 0.
    pub(super) fields: &'static [usize],
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Unsigned,
    Integer,
    Number,
    Double,
    String,
    Boolean,
    Scalar,
    Array,
    Map,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_nullable: false }
}

const fn nullable(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_nullable: true }
}

const fn unique(name: &'static str, fields: &'static [usize]) -> Index {
    Index { name, is_unique: true, fields }
}

const fn many(name: &'static str, fields: &'static [usize]) -> Index {
    Index { name, is_unique: false, fields }
}

pub(super) const SPACES: [Space; 4] = [
    Space {
        id: 512,
        name: "plain",
        fields: &[
            field("id", Kind::Unsigned),
            nullable("v", Kind::Any),
            nullable("m", Kind::Any),
            nullable("l", Kind::Any),
        ],
        indexes: &[unique("pk", &[0])],
    },
    Space {
        id: 513,
        name: "pairs",
        fields: &[
            field("a", Kind::String),
            field("b", Kind::Unsigned),
            nullable("v", Kind::Any),
            nullable("n", Kind::Integer),
        ],
        indexes: &[unique("pk", &[0, 1]), many("swapped", &[1, 0])],
    },
    Space {
        id: 514,
        name: "indexed",
        fields: &[
            field("id", Kind::Unsigned),
            nullable("name", Kind::String),
            nullable("age", Kind::Integer),
            nullable("score", Kind::Number),
            nullable("tag", Kind::Scalar),
        ],
        indexes: &[
            unique("pk", &[0]),
            unique("by_name", &[1]),
            many("by_age", &[2]),
            many("by_score", &[3, 1]),
            many("by_tag", &[4]),
        ],
    },
    Space {
        id: 515,
        name: "typed",
        fields: &[
            field("id", Kind::Integer),
            nullable("u", Kind::Unsigned),
            nullable("d", Kind::Double),
            nullable("s", Kind::String),
            nullable("b", Kind::Boolean),
            nullable("x", Kind::Scalar),
            nullable("l", Kind::Array),
            nullable("m", Kind::Map),
        ],
        indexes: &[unique("pk", &[0]), unique("by_u", &[1, 4])],
    },
];

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Unsigned => "unsigned",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Double => "double",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Scalar => "scalar",
            Self::Array => "array",
            Self::Map => "map",
        }
    }

    /// Values that mostly have this type.
    pub(super) fn values(self) -> BoxedStrategy<Value> {
        match self {
            Self::Any => anything(),
            Self::Unsigned => small(),
            Self::Integer => (-2..3_i64).prop_map(Value::Int).boxed(),
            Self::Number => number(),
            Self::Double => select(vec![0.5, -1.0, 0.1, 1e300]).prop_map(Value::F64).boxed(),
            Self::String => short(),
            Self::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
            Self::Scalar => scalar(),
            Self::Array => proptest::collection::vec(scalar(), 0..4).prop_map(Value::Array).boxed(),
            Self::Map => (scalar(), scalar())
                .prop_map(|(a, b)| {
                    Value::Map(vec![(Value::Str("a".into()), a), (Value::Str("b".into()), b)])
                })
                .boxed(),
        }
    }
}

/// The script that makes the spaces on a real server, and the function `reset` that empties them.
pub(super) fn script() -> String {
    let mut lua = String::new();
    for space in &SPACES {
        let name = space.name;
        writeln!(
            lua,
            "local s = box.schema.space.create('{name}', {{id = {}, format = {{",
            space.id
        )
        .unwrap();
        for field in space.fields {
            let (name, kind, is_nullable) = (field.name, field.kind.name(), field.is_nullable);
            writeln!(lua, "{{'{name}', '{kind}', is_nullable = {is_nullable}}},").unwrap();
        }
        lua.push_str("}})\n");
        for index in space.indexes {
            write!(
                lua,
                "s:create_index('{}', {{unique = {}, parts = {{",
                index.name, index.is_unique
            )
            .unwrap();
            for number in index.fields {
                let field = &space.fields[*number];
                let (kind, is_nullable) = (field.kind.name(), field.is_nullable);
                write!(lua, "{{{}, '{kind}', is_nullable = {is_nullable}}},", number + 1).unwrap();
            }
            lua.push_str("}})\n");
        }
    }
    lua.push_str("function reset()\n");
    for space in &SPACES {
        let name = space.name;
        let parts: Vec<_> =
            space.indexes[0].fields.iter().map(|n| format!("t[{}]", n + 1)).collect();
        let key = parts.join(", ");
        writeln!(
            lua,
            "for _, t in box.space.{name}:pairs() do box.space.{name}:delete({{{key}}}) end"
        )
        .unwrap();
    }
    lua.push_str("end\n");
    lua
}

/// A database with the same spaces, empty.
pub(super) fn database() -> Database {
    let mut database = Database::new();
    for space in &SPACES {
        let kind = |field: &Field| FieldType::parse(field.kind.name()).unwrap();
        let format = space.fields.iter().map(|field| FieldDefinition {
            name: field.name.into(),
            kind: kind(field),
            is_nullable: field.is_nullable,
        });
        let definition = SpaceDefinition {
            id: Some(space.id),
            name: space.name.into(),
            field_count: 0,
            format: format.collect(),
        };
        database.create_space(definition).unwrap();
        for index in space.indexes {
            let parts = index.fields.iter().map(|number| {
                let field = &space.fields[*number];
                Part { field: *number, kind: kind(field), is_nullable: field.is_nullable }
            });
            let (name, is_unique) = (index.name.into(), index.is_unique);
            let definition = IndexDefinition { name, is_unique, parts: parts.collect() };
            database.create_index(space.id, definition).unwrap();
        }
    }
    database
}
