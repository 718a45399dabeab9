//! Spaces and indexes by name, for servers that don't take names (before 3.0).

use std::collections::HashMap;

use crate::frame::{Frame, NameRef, Numbers};
use crate::keys::IteratorType;
use crate::msgpack::{DecodeError, Reader};
use crate::request::Select;
use crate::response::Response;

/// The numbers of spaces and indexes by name, as the views `_vspace` and `_vindex` show them.
#[derive(Debug, Default)]
struct Schema {
    spaces: HashMap<Box<[u8]>, u32>,
    indexes: HashMap<u32, HashMap<Box<[u8]>, u32>>,
}

/// What a lookup of a frame's names gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// The numbers to send.
    Numbers(Numbers),
    /// The schema must be read first.
    Reload,
    /// There is no such space or index, by a schema that was read after the request was made.
    Unknown(Box<str>),
}

/// The schema of one connection: when to read it, and what it says.
///
/// It is read when a request needs it and when the server's schema version has changed since. A
/// name that is missing makes it be read once more before the request fails, because another
/// connection may have created the space a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Names {
    schema: Schema,
    /// The version that `schema` belongs to.
    loaded: Option<u64>,
    /// The version in the latest reply.
    current: u64,
    loading: Option<Loading>,
}

/// A reading under way. It is over when both views were answered, even if one of them with an
/// error: a reply that came later would count for the next reading.
#[derive(Debug, Default)]
struct Loading {
    spaces: Option<Response>,
    indexes: Option<Response>,
}

/// The two views, and the sync ids by which the connection asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Spaces,
    Indexes,
}

impl View {
    pub(crate) const ALL: [Self; 2] = [Self::Spaces, Self::Indexes];

    pub(crate) fn encode(self, frame: &mut Frame) {
        let number: u32 = match self {
            Self::Spaces => VSPACE,
            Self::Indexes => VINDEX,
        };
        let select = Select::from(number).iterator(IteratorType::All).key(());
        // Numbers only: there is nothing that could fail.
        let _ = frame.encode(&select);
    }
}

const VSPACE: u32 = 281;
const VINDEX: u32 = 289;

impl Names {
    /// Notes the schema version of a reply; 0 is no version.
    #[inline]
    pub(crate) fn on_version(&mut self, version: u64) {
        if version != 0 {
            self.current = version;
        }
    }

    pub(crate) fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    pub(crate) fn begin_loading(&mut self) {
        self.loading = Some(Loading::default());
    }

    /// Takes a reply to a request for a view. When both are there: whether the schema could be read.
    /// If not, the next request that needs it tries again.
    pub(crate) fn on_view(&mut self, view: View, response: Response) -> Option<Result<(), String>> {
        let loading = self.loading.as_mut()?;
        match view {
            View::Spaces => loading.spaces = Some(response),
            View::Indexes => loading.indexes = Some(response),
        }
        if loading.spaces.is_none() || loading.indexes.is_none() {
            return None;
        }
        let loaded = self.loading.take()?;
        Some(self.read(loaded.spaces?, loaded.indexes?))
    }

    fn read(&mut self, spaces: Response, indexes: Response) -> Result<(), String> {
        let spaces = spaces.into_result().map_err(|error| error.to_string())?;
        let indexes = indexes.into_result().map_err(|error| error.to_string())?;
        // A change between the two replies shows as two versions; the older one counts, so that
        // the next use of a name notices the newer.
        let version = spaces.header().schema_version.min(indexes.header().schema_version);
        self.schema = Schema::decode(&spaces, &indexes).map_err(|error| error.to_string())?;
        self.loaded = Some(version);
        Ok(())
    }

    /// The server refused a request for its schema version: what was read is not used again.
    pub(crate) fn outdated(&mut self) {
        self.loaded = None;
    }

    /// Looks up the names of a frame. `fresh`: the schema was read for this very request.
    pub(crate) fn resolve(&self, frame: &Frame, fresh: bool) -> Resolved {
        if self.loading.is_some() || (!fresh && self.loaded != Some(self.current)) {
            return Resolved::Reload;
        }
        match self.schema.find(frame) {
            Ok((space, index)) => {
                let schema_version = self.loaded.unwrap_or_default();
                Resolved::Numbers(Numbers { schema_version, space, index })
            }
            Err(_) if !fresh => Resolved::Reload,
            Err(what) => Resolved::Unknown(what),
        }
    }
}

impl Schema {
    fn find(&self, frame: &Frame) -> Result<(u32, Option<u32>), Box<str>> {
        let space = match frame.space() {
            NameRef::Number(number) => number,
            NameRef::Absent => 0,
            NameRef::Name(name) => *self
                .spaces
                .get(name)
                .ok_or_else(|| format!("space named {:?}", String::from_utf8_lossy(name)))?,
        };
        let index = match frame.index() {
            NameRef::Absent => None,
            NameRef::Number(number) => Some(number),
            NameRef::Name(name) => {
                let found = self.indexes.get(&space).and_then(|indexes| indexes.get(name));
                Some(*found.ok_or_else(|| {
                    let name = String::from_utf8_lossy(name);
                    match frame.space() {
                        NameRef::Name(space) => {
                            let space = String::from_utf8_lossy(space);
                            format!("index named {name:?} in space {space:?}")
                        }
                        _ => format!("index named {name:?} in space {space}"),
                    }
                })?)
            }
        };
        Ok((space, index))
    }

    fn decode(spaces: &Response, indexes: &Response) -> Result<Self, DecodeError> {
        let mut schema = Self::default();
        // _vspace: [id, owner, name, …]
        each_row(spaces, |row| {
            let id = number(row)?;
            row.skip()?;
            schema.spaces.insert(row.str_bytes()?.into(), id);
            Ok(3)
        })?;
        // _vindex: [space id, index id, name, …]
        each_row(indexes, |row| {
            let (space, index) = (number(row)?, number(row)?);
            let names = schema.indexes.entry(space).or_default();
            names.insert(row.str_bytes()?.into(), index);
            Ok(3)
        })?;
        Ok(schema)
    }
}

fn number(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    u32::try_from(reader.uint()?).map_err(|_| DecodeError::new("a number over 32 bits"))
}

/// Hands each row to `read`, which returns how many of its columns it consumed.
fn each_row(
    response: &Response,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<usize, DecodeError>,
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(response.data()?.unwrap_or(&[0x90]));
    for _ in 0..reader.array()? {
        let columns = reader.array()?;
        let consumed = read(&mut reader)?;
        for _ in consumed..columns {
            reader.skip()?;
        }
    }
    Ok(())
}
