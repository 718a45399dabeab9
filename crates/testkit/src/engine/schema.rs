//! The schema as spaces: what clients read to find spaces and indexes by name (IPROTO reference,
//! section 19).
//!
//! They are spaces like others, so that any index and iterator works on them, and are brought up to
//! date with each change of the schema; requests cannot write to them.

use std::ops::RangeInclusive;

use tarantool_proto::msgpack::write;

use super::field_type::FieldType::{self, Array, Boolean, Map, String, Unsigned};
use super::index::Index;
use super::space::Space;
use super::{FieldDefinition, IndexDefinition, Part, SpaceDefinition};

/// The numbers of the system's spaces.
pub(super) const SYSTEM_IDS: RangeInclusive<u32> = 256..=511;

/// Where rows about spaces stand: `_space`, `_vspace`.
pub(super) const SPACE_VIEWS: [u32; 2] = [280, 281];
/// Where rows about indexes stand: `_index`, `_vindex`.
pub(super) const INDEX_VIEWS: [u32; 2] = [288, 289];

struct View {
    id: u32,
    name: &'static str,
    fields: &'static [(&'static str, FieldType)],
    /// Number, name, uniqueness and fields.
    indexes: &'static [(u32, &'static str, bool, &'static [usize])],
}

const SPACE_FIELDS: [(&str, FieldType); 7] = [
    ("id", Unsigned),
    ("owner", Unsigned),
    ("name", String),
    ("engine", String),
    ("field_count", Unsigned),
    ("flags", Map),
    ("format", Array),
];
const SPACE_INDEXES: [(u32, &str, bool, &[usize]); 3] =
    [(0, "primary", true, &[0]), (1, "owner", false, &[1]), (2, "name", true, &[2])];
const INDEX_FIELDS: [(&str, FieldType); 6] = [
    ("id", Unsigned),
    ("iid", Unsigned),
    ("name", String),
    ("type", String),
    ("opts", Map),
    ("parts", Array),
];
const INDEX_INDEXES: [(u32, &str, bool, &[usize]); 2] =
    [(0, "primary", true, &[0, 1]), (2, "name", true, &[0, 2])];

/// The last two are empty here; clients ask for them all the same.
const VIEWS: [View; 6] = [
    View { id: 280, name: "_space", fields: &SPACE_FIELDS, indexes: &SPACE_INDEXES },
    View { id: 281, name: "_vspace", fields: &SPACE_FIELDS, indexes: &SPACE_INDEXES },
    View { id: 288, name: "_index", fields: &INDEX_FIELDS, indexes: &INDEX_INDEXES },
    View { id: 289, name: "_vindex", fields: &INDEX_FIELDS, indexes: &INDEX_INDEXES },
    View {
        id: 277,
        name: "_vcollation",
        fields: &[
            ("id", Unsigned),
            ("name", String),
            ("owner", Unsigned),
            ("type", String),
            ("locale", String),
            ("opts", Map),
        ],
        indexes: &[(0, "primary", true, &[0]), (1, "name", true, &[1])],
    },
    View {
        id: 341,
        name: "_vspace_sequence",
        fields: &[("id", Unsigned), ("sequence_id", Unsigned), ("is_generated", Boolean)],
        indexes: &[(0, "primary", true, &[0])],
    },
];

/// The system's spaces: definitions, and the indexes with their numbers.
pub(super) fn system_spaces()
-> impl Iterator<Item = (u32, SpaceDefinition, Vec<(u32, IndexDefinition)>)> {
    VIEWS.iter().map(|view| {
        let format = view.fields.iter().map(|(name, kind)| FieldDefinition {
            name: (*name).into(),
            kind: *kind,
            is_nullable: false,
        });
        let definition = SpaceDefinition {
            id: Some(view.id),
            name: view.name.into(),
            field_count: 0,
            format: format.collect(),
        };
        let indexes = view.indexes.iter().map(|(id, name, is_unique, fields)| {
            let parts = fields.iter().filter_map(|field| {
                let (_, kind) = view.fields.get(*field)?;
                Some(Part { field: *field, kind: *kind, is_nullable: false })
            });
            let (name, is_unique) = ((*name).into(), *is_unique);
            (*id, IndexDefinition { name, is_unique, parts: parts.collect() })
        });
        (view.id, definition, indexes.collect())
    })
}

/// A row of `_space`: id, owner, name, engine, field count, flags, format.
pub(super) fn space_row(space: &Space) -> Vec<u8> {
    let mut out = Vec::new();
    write::array(&mut out, SPACE_FIELDS.len());
    write::uint(&mut out, u64::from(space.id));
    write::uint(&mut out, u64::from(OWNER));
    write::str(&mut out, space.name.as_bytes());
    let is_view = SYSTEM_IDS.contains(&space.id) && space.name.starts_with("_v");
    write::str(&mut out, if is_view { b"sysview" } else { b"memtx" });
    write::uint(&mut out, u64::from(space.definition.field_count));
    write::map(&mut out, 0);
    write::array(&mut out, space.definition.format.len());
    for field in &space.definition.format {
        write::map(&mut out, if field.is_nullable { 3 } else { 2 });
        write::str(&mut out, b"name");
        write::str(&mut out, field.name.as_bytes());
        write::str(&mut out, b"type");
        write::str(&mut out, field.kind.name().as_bytes());
        if field.is_nullable {
            write::str(&mut out, b"is_nullable");
            write::boolean(&mut out, true);
        }
    }
    out
}

/// A row of `_index`: space, number, name, type, options, parts.
pub(super) fn index_row(space: u32, index: &Index) -> Vec<u8> {
    let mut out = Vec::new();
    write::array(&mut out, INDEX_FIELDS.len());
    write::uint(&mut out, u64::from(space));
    write::uint(&mut out, u64::from(index.id));
    write::str(&mut out, index.name.as_bytes());
    write::str(&mut out, b"tree");
    write::map(&mut out, 1);
    write::str(&mut out, b"unique");
    write::boolean(&mut out, index.is_unique);
    write::array(&mut out, index.parts.len());
    // As a server does, in the short form if it says everything.
    let is_short = !index.parts.iter().any(|part| part.is_nullable);
    for part in &index.parts {
        let field = u64::try_from(part.field).unwrap_or(u64::MAX);
        if is_short {
            write::array(&mut out, 2);
            write::uint(&mut out, field);
            write::str(&mut out, part.kind.name().as_bytes());
            continue;
        }
        write::map(&mut out, if part.is_nullable { 3 } else { 2 });
        write::str(&mut out, b"field");
        write::uint(&mut out, field);
        write::str(&mut out, b"type");
        write::str(&mut out, part.kind.name().as_bytes());
        if part.is_nullable {
            write::str(&mut out, b"is_nullable");
            write::boolean(&mut out, true);
        }
    }
    out
}

/// The user `admin`.
const OWNER: u32 = 1;

/// The key of a row.
pub(super) fn key(parts: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    write::array(&mut out, parts.len());
    parts.iter().for_each(|part| write::uint(&mut out, u64::from(*part)));
    out
}
