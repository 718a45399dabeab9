//! What spaces and indexes are to be like.

use super::FieldType;

/// What a space is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpaceDefinition {
    /// The next free one from 512 if there is none.
    pub(crate) id: Option<u32>,
    /// The name, one of its kind.
    pub(crate) name: String,
    /// How many fields each tuple has; 0: any number.
    pub(crate) field_count: u32,
    /// What the first fields are.
    pub(crate) format: Vec<FieldDefinition>,
}

/// A field of a space's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldDefinition {
    /// The name, one of its kind.
    pub(crate) name: String,
    /// The type.
    pub(crate) kind: FieldType,
    /// Whether it may be nil or left out.
    pub(crate) is_nullable: bool,
}

/// What an index is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexDefinition {
    /// The name, one of its kind in the space.
    pub(crate) name: String,
    /// Whether no two tuples have the same key; a key with nil does not count.
    pub(crate) is_unique: bool,
    /// The parts of the key, in order.
    pub(crate) parts: Vec<Part>,
}

/// A part of an index's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The number of the field, from 0.
    pub(crate) field: usize,
    /// The type.
    pub(crate) kind: FieldType,
    /// Whether it may be nil.
    pub(crate) is_nullable: bool,
}
