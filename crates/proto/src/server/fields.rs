//! The keys of a request's body, by the rules that servers have for each type.

use bytes::Bytes;

use super::refusal;
use crate::keys::{Feature, FeatureSet, Key, RequestType};
use crate::msgpack::{Reader, Token};
use crate::server_error::ServerError;

/// What the body of a request says, `None` where it says nothing (IPROTO reference, section 4).
///
/// Strings are their content, not necessarily UTF-8; arrays, maps and extensions are whole
/// MessagePack values. Both are slices of the buffer that the request was read into. Integers are
/// cut to 32 bits, as servers do. The last one of repeated keys counts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Fields {
    /// SPACE_ID. Where there is a name too, the name wins.
    pub space_id: Option<u32>,
    /// SPACE_NAME.
    pub space_name: Option<Bytes>,
    /// INDEX_ID; absent means 0. Where there is a name too, the name wins.
    pub index_id: Option<u32>,
    /// INDEX_NAME.
    pub index_name: Option<Bytes>,
    /// LIMIT; SELECT always has it.
    pub limit: Option<u32>,
    /// OFFSET; absent means 0.
    pub offset: Option<u32>,
    /// ITERATOR; absent means 0. Any number: the numbers that exist are for the index to know.
    pub iterator: Option<u32>,
    /// INDEX_BASE; absent means 0.
    pub index_base: Option<u32>,
    /// KEY, an array.
    pub key: Option<Bytes>,
    /// TUPLE, an array: a tuple, operations of UPDATE, arguments, or the proof of AUTH.
    pub tuple: Option<Bytes>,
    /// OPS, an array.
    pub operations: Option<Bytes>,
    /// FUNCTION_NAME.
    pub function_name: Option<Bytes>,
    /// EXPR.
    pub expression: Option<Bytes>,
    /// TUPLE_FORMATS, a map.
    pub tuple_formats: Option<Bytes>,
    /// FETCH_POSITION; absent means false.
    pub fetch_position: bool,
    /// AFTER_POSITION; wins over AFTER_TUPLE.
    pub after_position: Option<Bytes>,
    /// AFTER_TUPLE, an array.
    pub after_tuple: Option<Bytes>,
    /// TIMEOUT; any number, also a negative one.
    pub timeout: Option<f64>,
    /// TXN_ISOLATION; any number.
    pub isolation: Option<u32>,
    /// IS_SYNC; only true is legal.
    pub is_sync: Option<bool>,
    /// EVENT_KEY.
    pub event_key: Option<Bytes>,
    /// SQL_TEXT.
    pub sql_text: Option<Bytes>,
    /// STMT_ID.
    pub statement_id: Option<u32>,
    /// SQL_BIND, an array.
    pub sql_bind: Option<Bytes>,
    /// ARROW, an extension of type 8.
    pub arrow: Option<Bytes>,
    /// USER_NAME.
    pub user_name: Option<Bytes>,
    /// VERSION of ID.
    pub protocol_version: Option<u64>,
    /// FEATURES of ID.
    pub features: Option<FeatureSet>,
}

impl Fields {
    /// Reads a body, which is one MessagePack value or nothing.
    pub(super) fn decode(request_type: RequestType, body: &Bytes) -> Result<Self, ServerError> {
        let rules = Rules::of(request_type).ok_or_else(|| refusal::unknown_type(request_type))?;
        let mut fields = Self::default();
        if rules.keys.is_empty() {
            return Ok(fields);
        }
        if !body.is_empty() {
            fields.read(body, &rules).ok_or_else(|| refusal::malformed(rules.what))?;
        } else if let Some(what) = rules.without_body {
            return Err(refusal::malformed(what));
        }
        if let Some(key) = rules.mandatory.iter().find(|key| !fields.has(**key)) {
            return Err(refusal::missing(key.name().unwrap_or_default()));
        }
        if matches!(request_type, RequestType::EXECUTE | RequestType::PREPARE) {
            fields.check_statement()?;
        }
        Ok(fields)
    }

    /// `None`: no map, or a key or a value of the wrong type.
    fn read(&mut self, body: &Bytes, rules: &Rules) -> Option<()> {
        let mut values = Values { body, reader: Reader::new(body) };
        for _ in 0..values.reader.map().ok()? {
            match values.key()? {
                Some(key) if rules.keys.contains(&key) => self.set(key, &mut values)?,
                None if rules.integer_keys_only => return None,
                _ => values.reader.skip().ok()?,
            }
        }
        Some(())
    }

    fn set(&mut self, key: Key, values: &mut Values<'_>) -> Option<()> {
        match key {
            Key::SPACE_ID => self.space_id = Some(values.uint()?),
            Key::SPACE_NAME => self.space_name = Some(values.string()?),
            Key::INDEX_ID => self.index_id = Some(values.uint()?),
            Key::INDEX_NAME => self.index_name = Some(values.string()?),
            Key::LIMIT => self.limit = Some(values.uint()?),
            Key::OFFSET => self.offset = Some(values.uint()?),
            Key::ITERATOR => self.iterator = Some(values.uint()?),
            Key::INDEX_BASE => self.index_base = Some(values.uint()?),
            Key::KEY => self.key = Some(values.array()?),
            Key::TUPLE => self.tuple = Some(values.array()?),
            Key::OPS => self.operations = Some(values.array()?),
            Key::FUNCTION_NAME => self.function_name = Some(values.string()?),
            Key::EXPR => self.expression = Some(values.string()?),
            Key::TUPLE_FORMATS => {
                self.tuple_formats = Some(values.whole(|value| matches!(value, Token::Map(_)))?);
            }
            Key::FETCH_POSITION => self.fetch_position = values.boolean()?,
            Key::AFTER_POSITION => self.after_position = Some(values.string()?),
            Key::AFTER_TUPLE => self.after_tuple = Some(values.array()?),
            Key::TIMEOUT => self.timeout = Some(values.double()?),
            Key::TXN_ISOLATION => self.isolation = Some(values.uint()?),
            Key::IS_SYNC => self.is_sync = Some(values.boolean()?),
            Key::EVENT_KEY => self.event_key = Some(values.string()?),
            Key::SQL_TEXT => self.sql_text = Some(values.string()?),
            Key::STMT_ID => self.statement_id = Some(values.uint()?),
            Key::SQL_BIND => self.sql_bind = Some(values.array()?),
            Key::ARROW => {
                let arrow = values.whole(|value| matches!(value, Token::Ext(8, _)));
                self.arrow = Some(arrow?);
            }
            Key::USER_NAME => self.user_name = Some(values.string()?),
            Key::VERSION => self.protocol_version = Some(values.reader.uint().ok()?),
            Key::FEATURES => self.features = Some(values.features()?),
            Key::AUTH_TYPE => drop(values.string()?),
            _ => values.reader.skip().ok()?,
        }
        Some(())
    }

    /// Whether a mandatory key is there.
    fn has(&self, key: Key) -> bool {
        match key {
            Key::SPACE_ID => self.space_id.is_some() || self.space_name.is_some(),
            Key::LIMIT => self.limit.is_some(),
            Key::KEY => self.key.is_some(),
            Key::TUPLE => self.tuple.is_some(),
            Key::OPS => self.operations.is_some(),
            Key::FUNCTION_NAME => self.function_name.is_some(),
            Key::EXPR => self.expression.is_some(),
            Key::EVENT_KEY => self.event_key.is_some(),
            Key::ARROW => self.arrow.is_some(),
            Key::USER_NAME => self.user_name.is_some(),
            _ => true,
        }
    }

    fn check_statement(&self) -> Result<(), ServerError> {
        match (&self.sql_text, self.statement_id) {
            (Some(_), Some(_)) => Err(refusal::malformed(
                "SQL text and statement id are incompatible options in one request: choose one",
            )),
            (None, None) => Err(refusal::missing("SQL_TEXT or STMT_ID")),
            _ => Ok(()),
        }
    }
}

/// How servers read the body of a type (IPROTO reference, sections 4 and 5).
struct Rules {
    /// The keys they look at, and whose values must be of the right type. None: any body will do.
    keys: &'static [Key],
    /// In the order in which they are looked for.
    mandatory: &'static [Key],
    /// Whether another key than an unsigned integer is an error.
    integer_keys_only: bool,
    /// What error 20 calls a malformed body.
    what: &'static str,
    /// What it says when there is no body; `None`: that is an empty one.
    without_body: Option<&'static str>,
}

impl Rules {
    /// `None`: an unknown type.
    fn of(request_type: RequestType) -> Option<Self> {
        Some(match request_type {
            RequestType::SELECT => Self::data(&[Key::SPACE_ID, Key::LIMIT, Key::KEY]),
            RequestType::INSERT | RequestType::REPLACE => Self::data(&[Key::SPACE_ID, Key::TUPLE]),
            RequestType::UPDATE => Self::data(&[Key::SPACE_ID, Key::KEY, Key::TUPLE]),
            RequestType::DELETE => Self::data(&[Key::SPACE_ID, Key::KEY]),
            RequestType::UPSERT => Self::data(&[Key::SPACE_ID, Key::TUPLE, Key::OPS]),
            RequestType::INSERT_ARROW => Self::data(&[Key::SPACE_ID, Key::ARROW]),
            RequestType::CALL | RequestType::CALL_16 => Self::code(&[Key::FUNCTION_NAME]),
            RequestType::EVAL => Self::code(&[Key::EXPR]),
            RequestType::AUTH => {
                Self::strict(&[Key::USER_NAME, Key::TUPLE], &[Key::USER_NAME, Key::TUPLE])
            }
            RequestType::WATCH | RequestType::UNWATCH | RequestType::WATCH_ONCE => {
                Self::strict(&[Key::EVENT_KEY], &[Key::EVENT_KEY])
            }
            RequestType::EXECUTE | RequestType::PREPARE => Self {
                integer_keys_only: false,
                ..Self::strict(&[Key::SQL_TEXT, Key::STMT_ID, Key::SQL_BIND], &[])
            },
            RequestType::BEGIN => {
                Self::transaction(&[Key::TIMEOUT, Key::TXN_ISOLATION, Key::IS_SYNC])
            }
            RequestType::COMMIT => Self::transaction(&[Key::IS_SYNC]),
            RequestType::ID => Self {
                without_body: Some("request body"),
                ..Self::transaction(&[Key::VERSION, Key::FEATURES, Key::AUTH_TYPE])
            },
            RequestType::PING | RequestType::ROLLBACK => Self::transaction(&[]),
            _ => return None,
        })
    }

    const fn data(mandatory: &'static [Key]) -> Self {
        Self {
            keys: DATA_KEYS,
            mandatory,
            integer_keys_only: false,
            what: "packet body",
            without_body: None,
        }
    }

    const fn code(mandatory: &'static [Key]) -> Self {
        Self::strict(&[Key::FUNCTION_NAME, Key::EXPR, Key::TUPLE, Key::TUPLE_FORMATS], mandatory)
    }

    const fn strict(keys: &'static [Key], mandatory: &'static [Key]) -> Self {
        Self {
            keys,
            mandatory,
            integer_keys_only: true,
            what: "packet body",
            without_body: Some("missing request body"),
        }
    }

    const fn transaction(keys: &'static [Key]) -> Self {
        Self {
            keys,
            mandatory: &[],
            integer_keys_only: true,
            what: "request body",
            without_body: None,
        }
    }
}

/// What requests on data are read by, whichever of these their type has a use for.
const DATA_KEYS: &[Key] = &[
    Key::SPACE_ID,
    Key::INDEX_ID,
    Key::LIMIT,
    Key::OFFSET,
    Key::ITERATOR,
    Key::INDEX_BASE,
    Key::FETCH_POSITION,
    Key::KEY,
    Key::TUPLE,
    Key::OPS,
    Key::AFTER_POSITION,
    Key::AFTER_TUPLE,
    Key::ARROW,
    Key::SPACE_NAME,
    Key::INDEX_NAME,
];

/// The values of a body, in turn; `None` from any of these is a value of the wrong type.
struct Values<'a> {
    body: &'a Bytes,
    reader: Reader<'a>,
}

impl Values<'_> {
    /// A key: `Some(None)` if it is no unsigned integer. One that is too large is an unknown one.
    fn key(&mut self) -> Option<Option<Key>> {
        if !matches!(self.reader.clone().token().ok()?, Token::Uint(_)) {
            self.reader.skip().ok()?;
            return Some(None);
        }
        let number = self.reader.uint().ok()?;
        Some(Some(Key::new(u32::try_from(number).unwrap_or(u32::MAX))))
    }

    fn uint(&mut self) -> Option<u32> {
        self.reader.uint().ok().map(|value| value as u32)
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.reader.token() {
            Ok(Token::Bool(value)) => Some(value),
            _ => None,
        }
    }

    fn double(&mut self) -> Option<f64> {
        match self.reader.token() {
            Ok(Token::F64(value)) => Some(value),
            _ => None,
        }
    }

    fn string(&mut self) -> Option<Bytes> {
        let length = self.reader.str_bytes().ok()?.len();
        Some(self.last(length))
    }

    fn array(&mut self) -> Option<Bytes> {
        self.whole(|value| matches!(value, Token::Array(_)))
    }

    fn whole(&mut self, fits: impl FnOnce(&Token<'_>) -> bool) -> Option<Bytes> {
        if !fits(&self.reader.clone().token().ok()?) {
            return None;
        }
        let length = self.reader.raw().ok()?.len();
        Some(self.last(length))
    }

    fn features(&mut self) -> Option<FeatureSet> {
        let mut features = FeatureSet::new();
        for _ in 0..self.reader.array().ok()? {
            let number = self.reader.uint().ok()?;
            features.insert(Feature::new(u32::try_from(number).unwrap_or(u32::MAX)));
        }
        Some(features)
    }

    /// The last `length` bytes that were read.
    fn last(&self, length: usize) -> Bytes {
        let end = self.reader.offset();
        self.body.slice(end - length..end)
    }
}
