//! The operations of UPDATE and UPSERT, applied to one tuple (IPROTO reference, section 12).
//!
//! Results are those of a server of version 3.7, but for two things: several operations inside of
//! one nested map leave its keys in their old order, where a server moves the touched ones to the
//! front; and two operations on one nested value are always allowed, where a server refuses some
//! (code 29).

mod arithmetic;
mod decimal;
mod nested;
mod operation;
mod path;
mod splice;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use tarantool_proto::ErrorCode;
use tarantool_proto::msgpack::{Reader, write};

use self::operation::{Argument, Code, Operation, Target};
use super::failure::Failure;

/// The option `memtx_max_tuple_size` as it is by default: what bounds the nils that fill a gap.
const TUPLE_SIZE_MAX: usize = 1024 * 1024;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// An operation that does not fit is an error.
    Update,
    /// Malformed operations are errors; one that does not fit the tuple is skipped.
    Upsert,
}

/// Applies `operations` (a MessagePack array) to `tuple` (a MessagePack array) and returns the new
/// tuple. `field_number` finds a field of the space's format by name; numbers count from 0, those
/// in `operations` from `index_base`. Fields that no operation touches keep their bytes.
///
/// What the fields then are is the caller's to check: their types, and that the primary key is what
/// it was. A field of type `double` that became a number of 32 bits is the caller's to widen.
///
/// # Errors
/// As a server's, with its codes and texts: malformed operations in any mode (1, 25, 26, 28, 29,
/// 37, 201), and those that do not fit the tuple in [`Mode::Update`] (also 95 and 160). All
/// operations are read before the first is applied. A field number that would make the tuple larger
/// than a server allows is an error in any mode (110).
pub(crate) fn update(
    tuple: &[u8],
    operations: &[u8],
    index_base: u32,
    mode: Mode,
    field_number: &dyn Fn(&str) -> Option<usize>,
) -> Result<Vec<u8>, Failure> {
    let operations = operation::read_all(operations, index_base, field_number)?;
    let mut fields = Fields::read(tuple)?;
    for operation in &operations {
        match fields.apply(operation) {
            Err(failure)
                if mode == Mode::Update || failure.code == ErrorCode::MEMTX_MAX_TUPLE_SIZE =>
            {
                return Err(failure);
            }
            _ => {}
        }
    }
    Ok(fields.write())
}

/// For bytes that the caller has checked already.
fn malformed() -> Failure {
    Failure::new(ErrorCode::INVALID_MSGPACK, "Invalid MsgPack - packet body")
}

/// A tuple cut into its fields.
struct Fields<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> Fields<'a> {
    fn read(tuple: &'a [u8]) -> Result<Self, Failure> {
        let mut reader = Reader::new(tuple);
        let count = reader.array().map_err(|_| malformed())?;
        let fields = (0..count).map(|_| reader.raw().map(Cow::Borrowed));
        fields.collect::<Result<_, _>>().map(Self).map_err(|_| malformed())
    }

    fn write(&self) -> Vec<u8> {
        let size: usize = self.0.iter().map(|field| field.len()).sum();
        let mut out = Vec::with_capacity(size.saturating_add(5));
        write::array(&mut out, self.0.len());
        for field in &self.0 {
            out.extend_from_slice(field);
        }
        out
    }

    fn apply(&mut self, operation: &Operation<'a>) -> Result<(), Failure> {
        let target = &operation.target;
        if let Some(path) = &target.inside {
            let field = self.existing(target)?;
            *field = Cow::Owned(nested::apply(operation, field, path.clone())?);
            return Ok(());
        }
        match operation.argument {
            Argument::Value(value) => self.place(operation, value),
            Argument::Count(count) => self.delete(target, count),
            _ => {
                let label = self.label(target);
                let field = self.existing(target)?;
                *field = Cow::Owned(operation.compute(field, &label)?);
                Ok(())
            }
        }
    }

    fn place(&mut self, operation: &Operation<'a>, value: &'a [u8]) -> Result<(), Failure> {
        let target = &operation.target;
        let count = self.0.len();
        let is_behind = usize::try_from(target.field).is_ok_and(|number| number >= count);
        if operation.code == Code::Set && !is_behind {
            *self.existing(target)? = Cow::Borrowed(value);
            return Ok(());
        }
        if is_behind {
            let number = usize::try_from(target.field).unwrap_or(usize::MAX);
            if number > TUPLE_SIZE_MAX {
                let text = format!(
                    "Failed to allocate {number} bytes for tuple: tuple is too large. Check \
                     'memtx_max_tuple_size' configuration option."
                );
                return Err(Failure::new(ErrorCode::MEMTX_MAX_TUPLE_SIZE, text));
            }
            self.0.resize(number, Cow::Borrowed(&[0xc0]));
        }
        let number = resolve(target.field, self.0.len().saturating_add(1));
        let number = number.ok_or_else(|| target.not_found())?;
        self.0.insert(number, Cow::Borrowed(value));
        Ok(())
    }

    fn delete(&mut self, target: &Target<'_>, count: u64) -> Result<(), Failure> {
        let length = self.0.len();
        let Some(first) = resolve(target.field, length) else {
            // A field that is not there yet counts as nil: there is nothing to delete.
            return if target.field < 0 { Err(target.not_found()) } else { Ok(()) };
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.0.drain(first..first.saturating_add(count).min(length));
        Ok(())
    }

    fn existing(&mut self, target: &Target<'_>) -> Result<&mut Cow<'a, [u8]>, Failure> {
        let number = resolve(target.field, self.0.len());
        let field = number.and_then(|number| self.0.get_mut(number));
        field.ok_or_else(|| target.not_found())
    }

    /// How messages name the field: a negative number has been resolved by then.
    fn label(&self, target: &Target<'_>) -> String {
        match resolve(target.field, self.0.len()) {
            Some(number) => target.label_of(i64::try_from(number).unwrap_or(i64::MAX)),
            None => target.label(),
        }
    }
}

/// The place that `number` means among `count`, negative ones counted from the end.
fn resolve(number: i64, count: usize) -> Option<usize> {
    let number = match usize::try_from(number) {
        Ok(number) => number,
        Err(_) => count.checked_sub(usize::try_from(number.unsigned_abs()).ok()?)?,
    };
    (number < count).then_some(number)
}
