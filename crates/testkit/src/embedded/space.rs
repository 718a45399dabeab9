//! Making spaces.

use std::error::Error;
use std::fmt;

use tarantool_proto::ErrorCode;

use super::Server;
use crate::engine::{Failure, FieldDefinition, FieldType, IndexDefinition, Part, SpaceDefinition};

/// A space to be made; from [`Server::space`].
#[derive(Debug)]
#[must_use = "nothing is made until `create` is called"]
pub struct SpaceBuilder<'a> {
    server: &'a Server,
    id: Option<u32>,
    name: String,
    field_count: u32,
    format: Vec<FieldDefinition>,
    indexes: Vec<(String, bool, Vec<String>)>,
    unknown: Option<String>,
}

impl<'a> SpaceBuilder<'a> {
    pub(super) fn new(server: &'a Server, name: &str) -> Self {
        Self {
            server,
            id: None,
            name: name.into(),
            field_count: 0,
            format: Vec::new(),
            indexes: Vec::new(),
            unknown: None,
        }
    }

    /// The number of the space; the next free one from 512 by default.
    pub fn id(mut self, id: u32) -> Self {
        self.id = Some(id);
        self
    }

    /// How many fields each tuple must have; any number by default.
    pub fn field_count(mut self, count: u32) -> Self {
        self.field_count = count;
        self
    }

    /// Adds a field to the format: its name, and its type as Tarantool calls it, such as
    /// `unsigned`, `string` or `any`.
    pub fn field(self, name: &str, kind: &str) -> Self {
        self.add_field(name, kind, false)
    }

    /// Adds a field that may be nil or left out.
    pub fn nullable_field(self, name: &str, kind: &str) -> Self {
        self.add_field(name, kind, true)
    }

    /// The primary key: one field, or several in an array. A field that the format does not have
    /// yet is added to it as `unsigned`.
    pub fn primary_key(self, fields: impl FieldNames) -> Self {
        self.add_index("pk", true, fields)
    }

    /// Adds an index that holds each key once.
    pub fn unique_index(self, name: &str, fields: impl FieldNames) -> Self {
        self.add_index(name, true, fields)
    }

    /// Adds an index that may hold a key many times.
    pub fn index(self, name: &str, fields: impl FieldNames) -> Self {
        self.add_index(name, false, fields)
    }

    /// Adds an index of any name and kind: the first one is the primary key.
    pub fn index_of(self, name: &str, is_unique: bool, fields: impl FieldNames) -> Self {
        self.add_index(name, is_unique, fields)
    }

    /// Makes the space and its indexes, and returns its number.
    ///
    /// # Errors
    /// There is such a space already, a type is unknown, or an index does not fit.
    pub fn create(self) -> Result<u32, SchemaError> {
        if let Some(kind) = self.unknown {
            let text = format!("there is no type '{kind}'");
            return Err(SchemaError(Failure::new(ErrorCode::FIELD_TYPE, text)));
        }
        let core = &self.server.core;
        let id = {
            let mut database = core.database();
            let definition = SpaceDefinition {
                id: self.id,
                name: self.name,
                field_count: self.field_count,
                format: self.format.clone(),
            };
            let id = database.create_space(definition).map_err(SchemaError)?;
            for (name, is_unique, fields) in self.indexes {
                let parts = fields.iter().filter_map(|field| part(&self.format, field)).collect();
                let definition = IndexDefinition { name, is_unique, parts };
                if let Err(failure) = database.create_index(id, definition) {
                    let _ = database.drop_space(id);
                    return Err(SchemaError(failure));
                }
            }
            id
        };
        self.server.schema_changed();
        Ok(id)
    }

    fn add_field(mut self, name: &str, kind: &str, is_nullable: bool) -> Self {
        match FieldType::parse(kind) {
            Some(kind) => {
                self.format.push(FieldDefinition { name: name.into(), kind, is_nullable });
            }
            None => self.unknown = Some(kind.into()),
        }
        self
    }

    fn add_index(mut self, name: &str, is_unique: bool, fields: impl FieldNames) -> Self {
        let fields = fields.names();
        for field in &fields {
            if !self.format.iter().any(|known| known.name == *field) {
                self = self.add_field(field, "unsigned", false);
            }
        }
        self.indexes.push((name.into(), is_unique, fields));
        self
    }
}

fn part(format: &[FieldDefinition], name: &str) -> Option<Part> {
    let field = format.iter().position(|field| field.name == name)?;
    let definition = format.get(field)?;
    Some(Part { field, kind: definition.kind, is_nullable: definition.is_nullable })
}

/// The names of one field or of several.
pub trait FieldNames {
    /// The names, in the order of the key.
    fn names(&self) -> Vec<String>;
}

impl FieldNames for &str {
    fn names(&self) -> Vec<String> {
        vec![(*self).to_owned()]
    }
}

impl FieldNames for &[&str] {
    fn names(&self) -> Vec<String> {
        self.iter().map(|name| (*name).to_owned()).collect()
    }
}

impl<const N: usize> FieldNames for [&str; N] {
    fn names(&self) -> Vec<String> {
        self.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// Why a space cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError(Failure);

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SchemaError {}
