//! Operations on values inside of a field. Iterative: a path's length costs no stack.

use std::ops::Range;

use tarantool_proto::msgpack::{Reader, Token, write};

use super::operation::{Argument, Code, Operation, Target};
use super::path::{Path, Step};
use super::{Failure, malformed};

/// What a path leads to in a field. Positions are in the field's bytes.
enum Place<'p> {
    There(Spot),
    /// Only the last step is missing, in the value that starts at `parent`.
    Missing {
        parent: usize,
        step: Step<'p>,
    },
}

/// A value in an array or a map.
struct Spot {
    /// Where the array or map starts.
    parent: usize,
    /// The number of the element, or of the pair.
    nth: usize,
    /// Where the element or the pair's key starts.
    entry: usize,
    value: Range<usize>,
}

/// An array or a map as its header tells.
struct Container {
    is_map: bool,
    count: usize,
    /// Where its values start.
    content: usize,
}

/// The bytes of `field` after `operation`, which is about what `path` leads to in it.
pub(super) fn apply(
    operation: &Operation<'_>,
    field: &[u8],
    path: Path<'_>,
) -> Result<Vec<u8>, Failure> {
    let target = &operation.target;
    let may_be_new = matches!(operation.argument, Argument::Value(_));
    let spot = match locate(field, path, target, may_be_new)? {
        Place::There(spot) => spot,
        Place::Missing { parent, step } => {
            let Argument::Value(value) = operation.argument else {
                return Err(target.not_found());
            };
            return add(field, parent, step, value, target);
        }
    };
    let container = Container::read(field, spot.parent).ok_or_else(malformed)?;
    match operation.argument {
        Argument::Value(value) if operation.code == Code::Insert => {
            if container.is_map {
                return Err(target.unfit("the key exists already"));
            }
            let at = spot.entry..spot.entry;
            Ok(container.resized(field, spot.parent, container.count.saturating_add(1), at, value))
        }
        Argument::Count(count) => {
            if container.is_map && count != 1 {
                return Err(target.unfit("can delete only 1 field from a map in a row"));
            }
            let left = container.count.saturating_sub(spot.nth);
            let count = usize::try_from(count).map_or(left, |count| count.min(left));
            let mut reader = reader_at(field, spot.value.start);
            for _ in 0..count {
                reader.skip().map_err(|_| malformed())?;
            }
            let gone = spot.entry..spot.value.start.saturating_add(reader.offset());
            let count = container.count.saturating_sub(count);
            Ok(container.resized(field, spot.parent, count, gone, &[]))
        }
        _ => {
            let value = operation.compute(slice(field, spot.value.clone()), &target.label())?;
            let (before, after) = (..spot.value.start, spot.value.end..);
            Ok([slice(field, before), &value, slice(field, after)].concat())
        }
    }
}

/// A new pair goes before the others, a new element behind them.
fn add(
    field: &[u8],
    parent: usize,
    step: Step<'_>,
    value: &[u8],
    target: &Target<'_>,
) -> Result<Vec<u8>, Failure> {
    let container = Container::read(field, parent);
    match (step, container) {
        (Step::Index(index), Some(container)) if !container.is_map => {
            if index != container.count {
                return Err(target.not_found());
            }
            let mut reader = reader_at(field, parent);
            reader.skip().map_err(|_| malformed())?;
            let end = parent.saturating_add(reader.offset());
            let count = container.count.saturating_add(1);
            Ok(container.resized(field, parent, count, end..end, value))
        }
        (Step::Index(_), _) => Err(target.unfit("can not access by index a non-array field")),
        (Step::Key(key), Some(container)) if container.is_map => {
            let mut pair = Vec::with_capacity(key.len().saturating_add(value.len()));
            write::str(&mut pair, key.as_bytes());
            pair.extend_from_slice(value);
            let at = container.content..container.content;
            let count = container.count.saturating_add(1);
            Ok(container.resized(field, parent, count, at, &pair))
        }
        (Step::Key(_), _) => Err(target.unfit("can not access by key a non-map field")),
        (Step::Any | Step::End, _) => Err(target.not_found()),
    }
}

fn locate<'p>(
    field: &[u8],
    mut path: Path<'p>,
    target: &Target<'_>,
    may_be_new: bool,
) -> Result<Place<'p>, Failure> {
    let bad = |position| target.bad_path(position);
    let mut spot = None;
    loop {
        let step = path.next().map_err(bad)?;
        let at = spot.as_ref().map_or(0, |spot: &Spot| spot.value.start);
        match step {
            Step::End => return spot.map(Place::There).ok_or_else(|| target.not_found()),
            Step::Any => return Err(bad(path.position().saturating_sub(1))),
            Step::Index(_) | Step::Key(_) => {}
        }
        match descend(field, at, step) {
            Some(found) => spot = Some(found),
            None if may_be_new && path.next().map_err(bad)? == Step::End => {
                return Ok(Place::Missing { parent: at, step });
            }
            None => return Err(target.not_found()),
        }
    }
}

/// The value that `step` leads to from the array or map at `parent`.
fn descend(field: &[u8], parent: usize, step: Step<'_>) -> Option<Spot> {
    let container = Container::read(field, parent)?;
    let mut reader = reader_at(field, container.content);
    for nth in 0..container.count {
        let entry = container.content.checked_add(reader.offset())?;
        let is_it = if container.is_map {
            // An index also finds the pair whose key is that number, as it is written: from 1.
            match (reader.clone().token().ok()?, step) {
                (Token::Str(key), Step::Key(name)) => key == name.as_bytes(),
                (Token::Uint(key), Step::Index(index)) => {
                    usize::try_from(key).is_ok_and(|key| key.checked_sub(1) == Some(index))
                }
                _ => false,
            }
        } else {
            step == Step::Index(nth)
        };
        if container.is_map {
            reader.skip().ok()?;
        }
        let start = container.content.checked_add(reader.offset())?;
        reader.skip().ok()?;
        if is_it {
            let end = container.content.checked_add(reader.offset())?;
            return Some(Spot { parent, nth, entry, value: start..end });
        }
    }
    None
}

impl Container {
    /// `None`: the value at `start` is neither an array nor a map.
    fn read(field: &[u8], start: usize) -> Option<Self> {
        let mut reader = reader_at(field, start);
        let (is_map, count) = match reader.token().ok()? {
            Token::Array(count) => (false, count),
            Token::Map(count) => (true, count),
            _ => return None,
        };
        Some(Self { is_map, count, content: start.checked_add(reader.offset())? })
    }

    /// `field` with `count` in the header of this container, which starts at `start`, and with
    /// `new` instead of the bytes at `gone`.
    fn resized(
        &self,
        field: &[u8],
        start: usize,
        count: usize,
        gone: Range<usize>,
        new: &[u8],
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(field.len().saturating_add(new.len()).saturating_add(5));
        out.extend_from_slice(slice(field, ..start));
        if self.is_map {
            write::map(&mut out, count);
        } else {
            write::array(&mut out, count);
        }
        out.extend_from_slice(slice(field, self.content..gone.start));
        out.extend_from_slice(new);
        out.extend_from_slice(slice(field, gone.end..));
        out
    }
}

fn reader_at(field: &[u8], start: usize) -> Reader<'_> {
    Reader::new(slice(field, start..))
}

fn slice<R: std::slice::SliceIndex<[u8], Output = [u8]>>(field: &[u8], range: R) -> &[u8] {
    field.get(range).unwrap_or_default()
}
