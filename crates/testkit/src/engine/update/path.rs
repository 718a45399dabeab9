//! Paths into nested values: `a.b[3]["k k"]`.

/// The rest of a path, read step by step.
#[derive(Clone, Debug)]
pub(super) struct Path<'a> {
    rest: &'a str,
    /// Whether bytes that are not UTF-8 follow `rest`.
    broken: bool,
    /// Characters read so far: errors name positions in characters.
    read: usize,
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// An element, from 0; in the text it is counted from 1.
    Index(usize),
    Key(&'a str),
    /// `[*]`, which has a meaning in indexes only.
    Any,
    End,
}

impl<'a> Path<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (rest, broken) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), true)
            }
        };
        Self { rest, broken, read: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty() && !self.broken
    }

    /// How many characters have been read.
    pub(super) fn position(&self) -> usize {
        self.read
    }

    /// The next step.
    ///
    /// # Errors
    /// The position, from 1, of the character that is wrong there.
    pub(super) fn next(&mut self) -> Result<Step<'a>, usize> {
        match self.rest.chars().next() {
            None if self.is_at_end() => Ok(Step::End),
            None => Err(self.read + 1),
            Some('[') => self.bracket(),
            Some('.') => {
                self.advance(1);
                self.identifier()
            }
            Some(_) => self.identifier(),
        }
    }

    fn bracket(&mut self) -> Result<Step<'a>, usize> {
        self.advance(1);
        let step = match self.rest.chars().next() {
            None => return Err(self.read),
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            Some('*') => {
                self.advance(1);
                Step::Any
            }
            Some(_) => self.index()?,
        };
        if !self.rest.starts_with(']') {
            return Err(self.read + 1);
        }
        self.advance(1);
        Ok(step)
    }

    fn quoted(&mut self, quote: char) -> Result<Step<'a>, usize> {
        self.advance(1);
        let Some((key, _)) = self.rest.split_once(quote) else {
            return Err(self.read + self.rest.chars().count() + 1);
        };
        self.advance(key.len());
        self.advance(1);
        if key.is_empty() { Err(self.read) } else { Ok(Step::Key(key)) }
    }

    fn index(&mut self) -> Result<Step<'a>, usize> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.rest.get(..length).unwrap_or_default();
        let from_1 = if digits.is_empty() {
            None
        } else {
            Some(digits.parse::<usize>().unwrap_or(usize::MAX))
        };
        let index = from_1.and_then(|number| number.checked_sub(1)).ok_or(self.read + 1)?;
        self.advance(length);
        Ok(Step::Index(index))
    }

    fn identifier(&mut self) -> Result<Step<'a>, usize> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let name = self.rest.get(..end).unwrap_or_default();
        // No identifier, or one that starts with a digit.
        if name.is_empty() || name.starts_with(char::is_numeric) {
            return Err(self.read + 1);
        }
        self.advance(end);
        Ok(Step::Key(name))
    }

    /// Goes on by `length` bytes, which end at the end of a character.
    fn advance(&mut self, length: usize) {
        if let Some((read, rest)) = self.rest.split_at_checked(length) {
            self.read += read.chars().count();
            self.rest = rest;
        }
    }
}
