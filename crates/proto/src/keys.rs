//! The numbers of the protocol: keys, request types, features, iterators.
//!
//! All of them are open sets: a newer server may send a number that is not listed here, and such a
//! number is kept as it came. The source is the IPROTO reference; where a constant names no server
//! version it is as old as the protocol.

use std::fmt;

use crate::error_code::ErrorCode;

/// Defines a newtype over `u32` whose known values are constants with names.
macro_rules! numbers {
    (
        $(#[$type_meta:meta])*
        pub struct $type:ident {
            $(
                $(#[$meta:meta])*
                $name:ident = $number:literal,
            )*
        }
    ) => {
        $(#[$type_meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(u32);

        impl $type {
            $(
                $(#[$meta])*
                pub const $name: Self = Self($number);
            )*

            /// Takes any number, also one that is not listed here.
            #[must_use]
            pub const fn new(number: u32) -> Self {
                Self(number)
            }

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u32 {
                self.0
            }

            /// The name of the constant, `None` for a number that is not listed here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        impl From<u32> for $type {
            fn from(number: u32) -> Self {
                Self::new(number)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "UNKNOWN({})", self.0),
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use numbers;

numbers! {
    /// A key of a header map or of a body map (IPROTO reference, sections 3 and 4).
    ///
    /// Header keys are below 0x10, body keys from 0x10 on; the one exception is
    /// [`Key::SERVER_VERSION`]. Of repeated keys the last one counts. Servers ignore unknown keys
    /// since 2.10.0; before that an unknown header key is error 20.
    ///
    /// The server cuts the integers of [`Key::SPACE_ID`], [`Key::INDEX_ID`], [`Key::LIMIT`],
    /// [`Key::OFFSET`], [`Key::ITERATOR`] and [`Key::INDEX_BASE`] to 32 bits without a word.
    pub struct Key {
        /// Header, uint: what is asked or answered, see [`RequestType`]. Absent = 0.
        REQUEST_TYPE = 0x00,
        /// Header, uint64: chosen by the client and copied into the reply. Absent = 0.
        SYNC = 0x01,
        /// Header, uint, replication: id of the instance a row comes from.
        REPLICA_ID = 0x02,
        /// Header, uint, replication: log sequence number of a row.
        LSN = 0x03,
        /// Header, double, replication: seconds since the epoch.
        TIMESTAMP = 0x04,
        /// Header, uint64: the schema a request expects, or the one the server has.
        ///
        /// In a request 0 or absent means "do not check"; a wrong version is
        /// [`ErrorCode::WRONG_SCHEMA_VERSION`]. Replies carry it 4 bytes wide before server 2.11.1
        /// and 8 bytes wide since.
        SCHEMA_VERSION = 0x05,
        /// Body (despite its number), uint: the version of the sender.
        ///
        /// It is `major << 16 | minor << 8 | patch`, sent in [`RequestType::JOIN`],
        /// [`RequestType::SUBSCRIBE`] and [`RequestType::FETCH_SNAPSHOT`].
        SERVER_VERSION = 0x06,
        /// Header, uint, replication: 0 global, 1 replica-local. Server 1.10.2.
        GROUP_ID = 0x07,
        /// Header, uint, replication: place of the row in its transaction. Server 2.1.2.
        ///
        /// It is the LSN of the row minus the LSN of the first row of its transaction.
        TSN = 0x08,
        /// Header, uint, replication: bits about a transaction. Server 2.1.2.
        ///
        /// Bit 0: its last row; since 2.6.3 bit 1: WAIT_SYNC, bit 2: WAIT_ACK.
        FLAGS = 0x09,
        /// Header, uint64, requests: the stream a request runs in, 0 = none. Server 2.10.0.
        ///
        /// Older servers accept and ignore it: check [`Feature::STREAMS`].
        STREAM_ID = 0x0a,
        /// Header, uint, requests: application thread for CALL and EVAL. Server 3.7.0.
        ///
        /// Error 304 unless the session was allowed to use it by code on the server.
        THREAD_ID = 0x0b,

        /// uint: the space of a DML request or SELECT.
        SPACE_ID = 0x10,
        /// uint: the index of SELECT, UPDATE, DELETE; absent = 0, the primary one.
        INDEX_ID = 0x11,
        /// uint: how many tuples SELECT may return; mandatory, 0xffffffff for all.
        LIMIT = 0x12,
        /// uint: how many tuples SELECT skips first; absent = 0.
        OFFSET = 0x13,
        /// uint: how SELECT goes over the index, see [`IteratorType`]; absent = 0, EQ.
        ITERATOR = 0x14,
        /// uint: number of the first field in update operations; absent = 0. Server 1.6.6.
        INDEX_BASE = 0x15,
        /// bool: SELECT shall return [`Key::POSITION`] of its last tuple. Server 2.11.0.
        ///
        /// Older servers ignore it: check [`Feature::PAGINATION`].
        FETCH_POSITION = 0x1f,
        /// array: the key of SELECT, UPDATE, DELETE; an array also for a single part.
        KEY = 0x20,
        /// array: a tuple, or something else that fills this place.
        ///
        /// INSERT, REPLACE, UPSERT: the tuple; UPDATE: the operations; CALL, EVAL: the arguments;
        /// AUTH: method and data.
        TUPLE = 0x21,
        /// str: the function of CALL and CALL_16.
        FUNCTION_NAME = 0x22,
        /// str: the user of AUTH.
        USER_NAME = 0x23,
        /// str of 36 characters, replication: uuid of an instance.
        INSTANCE_UUID = 0x24,
        /// str of 36 characters, replication: uuid of a replica set.
        REPLICASET_UUID = 0x25,
        /// map of uint to uint, replication: the LSN reached, by replica id.
        VCLOCK = 0x26,
        /// str: the Lua text of EVAL. Server 1.6.5.
        EXPR = 0x27,
        /// array: the operations of UPSERT. Server 1.6.7.
        OPS = 0x28,
        /// map: reply to VOTE, and value of the event `internal.ballot`. Server 1.10.2.
        BALLOT = 0x29,
        /// map: seen in log rows of vinyl. Server 1.10.2.
        TUPLE_META = 0x2a,
        /// map: sent by some clients in EXECUTE; the server ignores it. Server 2.0.5.
        OPTIONS = 0x2b,
        /// array: the tuple before the change, in log rows (enterprise). Server 2.11.0.
        OLD_TUPLE = 0x2c,
        /// array: the tuple after the change, in log rows (enterprise). Server 2.11.0.
        NEW_TUPLE = 0x2d,
        /// str: SELECT goes on after this [`Key::POSITION`]. Server 2.11.0.
        ///
        /// Older servers ignore it: check [`Feature::PAGINATION`], or a paging loop never ends.
        AFTER_POSITION = 0x2e,
        /// array: SELECT goes on after this tuple. Server 2.11.0.
        ///
        /// [`Key::AFTER_POSITION`] wins when both are given. Older servers ignore it: check
        /// [`Feature::PAGINATION`].
        AFTER_TUPLE = 0x2f,
        /// array, replies: the tuples, returned values or rows.
        DATA = 0x30,
        /// str, error replies: the message; maybe not UTF-8.
        ///
        /// The only key of an error reply before server 2.4.1.
        ERROR_24 = 0x31,
        /// array of maps, SQL replies: the columns. Server 2.0.
        METADATA = 0x32,
        /// array of maps, reply to PREPARE: the parameters. Server 2.3.1.
        BIND_METADATA = 0x33,
        /// uint, reply to PREPARE: the number of parameters. Server 2.3.1.
        BIND_COUNT = 0x34,
        /// str, reply to SELECT: opaque position of the last tuple. Server 2.11.0.
        ///
        /// Absent when nothing was selected.
        POSITION = 0x35,
        /// ext 8: the rows of INSERT_ARROW (enterprise). Server 3.3.0.
        ARROW = 0x36,
        /// str: the statement of EXECUTE and PREPARE. Server 2.0.
        ///
        /// The server does not check the type: never send another one.
        SQL_TEXT = 0x40,
        /// array: the parameters of EXECUTE; absent = none. Server 2.0.
        SQL_BIND = 0x41,
        /// map, reply to EXECUTE without columns: row count and generated ids. Server 2.0.
        SQL_INFO = 0x42,
        /// uint: a prepared statement, in EXECUTE, PREPARE and its reply. Server 2.3.1.
        ///
        /// The server does not check the type: never send another one.
        STMT_ID = 0x43,
        /// bool: SUBSCRIBE as an anonymous replica. Server 2.3.1.
        REPLICA_ANON = 0x50,
        /// array of uint: SUBSCRIBE without the rows of these instances. Server 2.3.1.
        ID_FILTER = 0x51,
        /// map, error replies: the stack of errors, see [`ERROR_STACK`]. Server 2.4.1.
        ERROR = 0x52,
        /// uint: term of promote and demote rows and of acknowledgements. Server 2.6.3.
        TERM = 0x53,
        /// uint: protocol version, in ID and its reply. Server 2.10.0.
        VERSION = 0x54,
        /// array of uint: see [`Feature`], in ID and its reply. Server 2.10.0.
        FEATURES = 0x55,
        /// double: seconds a transaction may take, in BEGIN. Server 2.10.0.
        ///
        /// Only a 64-bit float is accepted, not an integer.
        TIMEOUT = 0x56,
        /// str: the key of WATCH, UNWATCH, EVENT, WATCH_ONCE. Server 2.10.0.
        EVENT_KEY = 0x57,
        /// any: the value of an EVENT; absent when the key has none. Server 2.10.0.
        EVENT_DATA = 0x58,
        /// uint: isolation level, in BEGIN; absent = 0, the default. Server 2.10.0.
        TXN_ISOLATION = 0x59,
        /// uint: sent in heartbeats, copied into acknowledgements. Server 2.11.0.
        VCLOCK_SYNC = 0x5a,
        /// str, reply to ID: the server's default authentication method. Server 2.11.0.
        AUTH_TYPE = 0x5b,
        /// str: name of the replica set, in SUBSCRIBE and its reply. Server 3.0.0.
        REPLICASET_NAME = 0x5c,
        /// str: name of the instance, in JOIN, REGISTER, SUBSCRIBE. Server 3.0.0.
        INSTANCE_NAME = 0x5d,
        /// str: the space by its name; wins over [`Key::SPACE_ID`]. Server 3.0.0.
        ///
        /// Older servers ignore it and use the id: check [`Feature::SPACE_AND_INDEX_NAMES`].
        SPACE_NAME = 0x5e,
        /// str: the index by its name; wins over [`Key::INDEX_ID`]. Server 3.0.0.
        ///
        /// Older servers ignore it and use the id: check [`Feature::SPACE_AND_INDEX_NAMES`].
        INDEX_NAME = 0x5f,
        /// map: formats by the format id of ext 7 tuples. Server 3.0.0.
        ///
        /// The ids are valid in one frame only. Sent in replies with
        /// [`Feature::DML_TUPLE_EXTENSION`] or [`Feature::CALL_RET_TUPLE_EXTENSION`], in CALL and
        /// EVAL with [`Feature::CALL_ARG_TUPLE_EXTENSION`].
        TUPLE_FORMATS = 0x60,
        /// bool: the transaction commits synchronously, in BEGIN and COMMIT. Server 3.1.1.
        ///
        /// Only `true` is legal; leave it out otherwise.
        IS_SYNC = 0x61,
        /// bool: FETCH_SNAPSHOT from a checkpoint (enterprise). Servers 3.1.1 and 2.11.4.
        IS_CHECKPOINT_JOIN = 0x62,
        /// map: the checkpoint of FETCH_SNAPSHOT (enterprise). Servers 3.1.1 and 2.11.4.
        CHECKPOINT_VCLOCK = 0x63,
        /// uint: the row FETCH_SNAPSHOT goes on from (enterprise).
        ///
        /// Servers 3.1.1 and 2.11.4.
        CHECKPOINT_LSN = 0x64,
    }
}

numbers! {
    /// A key of one entry of an error stack (IPROTO reference, section 7).
    ///
    /// The same maps stand in the body key [`Key::ERROR`], server 2.4.1, and in error values
    /// (MessagePack extension 3).
    pub struct ErrorKey {
        /// str: class of the error, like `ClientError` or `AccessDeniedError`.
        TYPE = 0,
        /// str: source file that raised it, C or Lua.
        FILE = 1,
        /// uint: line in the source file; 4294967295 when not known.
        LINE = 2,
        /// str: the message; maybe not UTF-8, maybe empty.
        ///
        /// Server 2.6.0 cuts it at 511 bytes.
        MESSAGE = 3,
        /// uint: `errno` of the operating system.
        ERRNO = 4,
        /// uint: the whole [`ErrorCode`]; the reply type has only its low 15 bits.
        CODE = 5,
        /// map of str to any: details that depend on class and code; absent when empty.
        FIELDS = 6,
    }
}

/// The key of the array of entries in an error map, newest first.
///
/// Each entry is a map of [`ErrorKey`]s (IPROTO reference, section 7). Server 2.4.1.
pub const ERROR_STACK: u32 = 0;

numbers! {
    /// What a frame asks for or answers (IPROTO reference, sections 5 and 6).
    ///
    /// One number space serves requests, replies and replication rows. A server that does not know
    /// a request type answers [`ErrorCode::UNKNOWN_REQUEST_TYPE`] and the connection goes on.
    /// Server 2.6.0 looks at the low 8 bits only.
    pub struct RequestType {
        /// Reply: success, final. In a replication stream: heartbeat or acknowledgement.
        OK = 0,
        /// Reads tuples of an index.
        SELECT = 1,
        /// Inserts a tuple; an error if its key is there.
        INSERT = 2,
        /// Inserts a tuple, or replaces the one with its primary key.
        REPLACE = 3,
        /// Applies operations to one tuple; without such a tuple nothing happens.
        UPDATE = 4,
        /// Deletes one tuple; vinyl never returns it.
        DELETE = 5,
        /// Calls a function, every returned value as a row. Named CALL before 1.7.2.
        CALL_16 = 6,
        /// Authenticates the session; until then its user is `guest`.
        AUTH = 7,
        /// Runs Lua text. Server 1.6.5.
        EVAL = 8,
        /// Inserts a tuple or updates the one that is there; returns nothing. Server 1.6.7.
        UPSERT = 9,
        /// Calls a function. Server 1.7.2.
        CALL = 10,
        /// Executes an SQL statement, by text or prepared. Server 2.0.
        EXECUTE = 11,
        /// A row without effect in a replication stream; refused as a request.
        NOP = 12,
        /// Prepares an SQL statement, or forgets a prepared one. Server 2.3.1.
        PREPARE = 13,
        /// Begins a transaction in a stream. Server 2.10.0.
        BEGIN = 14,
        /// Commits the transaction of a stream. Server 2.10.0.
        COMMIT = 15,
        /// Rolls the transaction of a stream back. Server 2.10.0.
        ROLLBACK = 16,
        /// Inserts Arrow columns; community servers answer error 5. Server 3.3.0.
        INSERT_ARROW = 17,
        /// Replication: state of the elections. Server 2.6.1 or later.
        RAFT = 30,
        /// Replication: a new owner of the queue of synchronous transactions.
        ///
        /// Server 2.6.1 or later.
        RAFT_PROMOTE = 31,
        /// Replication: the owner gave the queue up. Server 2.6.1 or later.
        RAFT_DEMOTE = 32,
        /// Replication: synchronous transactions are confirmed. Server 2.6.1 or later.
        RAFT_CONFIRM = 40,
        /// Replication: synchronous transactions are rolled back. Server 2.6.1 or later.
        RAFT_ROLLBACK = 41,
        /// Asks for an empty reply; any body is ignored.
        PING = 64,
        /// Replication: registers a replica and sends it everything.
        JOIN = 65,
        /// Replication: rows from a vclock on, without end.
        SUBSCRIBE = 66,
        /// Replication: asks for the vclock. Server 1.9.0.
        VOTE_DEPRECATED = 67,
        /// Asks for the [`Key::BALLOT`]. Server 1.10.2.
        VOTE = 68,
        /// Replication: the whole data for an anonymous replica. Server 2.3.1.
        FETCH_SNAPSHOT = 69,
        /// Replication: makes an anonymous replica a registered one. Server 2.3.1.
        REGISTER = 70,
        /// Replication: the state rows of a snapshot begin. Servers 2.7.3 and 2.8.2.
        ///
        /// Sent by the server in JOIN and FETCH_SNAPSHOT, without a body.
        JOIN_META = 71,
        /// Replication: the data rows of a snapshot begin. Servers 2.7.3 and 2.8.2.
        ///
        /// Sent by the server in JOIN and FETCH_SNAPSHOT, without a body.
        JOIN_SNAPSHOT = 72,
        /// Exchanges protocol version and features. Server 2.10.0.
        ID = 73,
        /// Registers a watcher, or acknowledges an event; no reply. Server 2.10.0.
        WATCH = 74,
        /// Ends a watcher; no reply. Server 2.10.0.
        UNWATCH = 75,
        /// From the server: notification of a watcher. Server 2.10.0.
        ///
        /// Its SYNC is that of the latest WATCH of the key, 0 if that had none.
        EVENT = 76,
        /// Asks for the present value of an event key. Server 3.0.0.
        WATCH_ONCE = 77,
        /// Reply: a message pushed by the function, not final.
        ///
        /// DATA has exactly one element.
        CHUNK = 0x80,
    }
}

impl RequestType {
    /// The bit that marks an error reply; the low 15 bits are then those of the code.
    pub const ERROR_BIT: u32 = 0x8000;

    /// Whether it is an error reply, which is final.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.number() & Self::ERROR_BIT != 0
    }

    /// The low 15 bits of the error code, `None` for other types.
    ///
    /// Codes chosen by code on the server may be longer: where the body has [`ErrorKey::CODE`],
    /// that one is right.
    #[must_use]
    pub const fn error_code(self) -> Option<ErrorCode> {
        if self.is_error() {
            Some(ErrorCode::new(self.number() & (Self::ERROR_BIT - 1)))
        } else {
            None
        }
    }
}

numbers! {
    /// What a peer can do, exchanged by ID (IPROTO reference, section 8).
    ///
    /// The server answers with its own features, not with an intersection; servers before 2.10.0
    /// do not know ID and have none. Decide by feature, not by protocol version: community servers
    /// report version 10 without feature 10.
    pub struct Feature {
        /// Requests in streams. Server 2.10.0, protocol 1. Announcing it has no effect.
        STREAMS = 0,
        /// Transactions in streams. Server 2.10.0, protocol 1. Announcing it has no effect.
        TRANSACTIONS = 1,
        /// Errors as values. Server 2.10.0, protocol 2.
        ///
        /// Announced by the client: errors in results of CALL and EVAL come as extension 3, not as
        /// strings.
        ERROR_EXTENSION = 2,
        /// Watchers. Server 2.10.0, protocol 3. Announcing it has no effect.
        WATCHERS = 3,
        /// Positions in SELECT. Server 2.11.0, protocol 4. Announcing it has no effect.
        PAGINATION = 4,
        /// Spaces and indexes by name. Server 3.0.0, protocol 5.
        ///
        /// Announcing it has no effect.
        SPACE_AND_INDEX_NAMES = 5,
        /// Request WATCH_ONCE. Server 3.0.0, protocol 6. Announcing it has no effect.
        WATCH_ONCE = 6,
        /// Tuples with formats in SELECT and DML. Server 3.0.0, protocol 7.
        ///
        /// Announced by the client: every such reply uses extension 7 and TUPLE_FORMATS.
        DML_TUPLE_EXTENSION = 7,
        /// Tuples with formats in results of CALL and EVAL. Server 3.0.0, protocol 7.
        ///
        /// Announced by the client: every such reply uses extension 7 and TUPLE_FORMATS. Missing
        /// when the server option `box_tuple_extension` is off.
        CALL_RET_TUPLE_EXTENSION = 8,
        /// Tuples with formats as arguments of CALL and EVAL. Server 3.0.0, protocol 7.
        ///
        /// Announcing it has no effect. Missing when the server option `box_tuple_extension` is
        /// off.
        CALL_ARG_TUPLE_EXTENSION = 9,
        /// FETCH_SNAPSHOT from a checkpoint (enterprise). Server 3.1.1, protocol 8.
        FETCH_SNAPSHOT_CURSOR = 10,
        /// Synchronous commit on request. Server 3.1.1, protocol 9.
        ///
        /// Announcing it has no effect.
        IS_SYNC = 11,
        /// Request INSERT_ARROW. Server 3.3.0, protocol 10. Announcing it has no effect.
        ///
        /// Community servers report it and refuse the request.
        INSERT_ARROW = 12,
    }
}

/// Which [`Feature`]s a peer has; numbers above 63 are not kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FeatureSet(u64);

impl FeatureSet {
    /// The set without features, that of servers before 2.10.0.
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// Whether the feature is in the set.
    #[must_use]
    pub const fn contains(self, feature: Feature) -> bool {
        match Self::bit(feature) {
            Some(bit) => self.0 & bit != 0,
            None => false,
        }
    }

    /// Adds a feature; one above 63 is ignored, as unknown features are to be.
    pub const fn insert(&mut self, feature: Feature) {
        if let Some(bit) = Self::bit(feature) {
            self.0 |= bit;
        }
    }

    /// Whether there is no feature in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The features in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        (0..u64::BITS).map(Feature::new).filter(move |feature| self.contains(*feature))
    }

    const fn bit(feature: Feature) -> Option<u64> {
        1_u64.checked_shl(feature.number())
    }
}

impl FromIterator<Feature> for FeatureSet {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        let mut set = Self::new();
        for feature in features {
            set.insert(feature);
        }
        set
    }
}

impl fmt::Debug for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// How SELECT goes over an index (IPROTO reference, section 11).
///
/// An index answers error 112 to an iterator it does not have, and error 1 to an unknown number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum IteratorType {
    /// Equal to the key. Every index; in a TREE an empty key means the whole index.
    #[default]
    Eq = 0,
    /// Equal to the key, in descending order. TREE.
    Req = 1,
    /// All tuples; in a TREE with a key the same as [`IteratorType::Ge`].
    All = 2,
    /// Less than the key, in descending order. TREE; in an RTREE strictly inside.
    Lt = 3,
    /// Less or equal, in descending order. TREE; in an RTREE inside.
    Le = 4,
    /// Greater or equal. TREE; in an RTREE containing the key.
    Ge = 5,
    /// Greater. TREE, HASH (deprecated); in an RTREE strictly containing the key.
    Gt = 6,
    /// All bits of the key are set. BITSET.
    BitsAllSet = 7,
    /// At least one bit of the key is set. BITSET.
    BitsAnySet = 8,
    /// No bit of the key is set. BITSET.
    BitsAllNotSet = 9,
    /// Overlapping the rectangle. RTREE.
    Overlaps = 10,
    /// By distance from the point. RTREE.
    Neighbor = 11,
    /// The next prefix. TREE. Server 3.2.0.
    Np = 12,
    /// The previous prefix, in descending order. TREE. Server 3.2.0.
    Pp = 13,
}

impl IteratorType {
    /// The number on the wire, the value of [`Key::ITERATOR`].
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known<T>(name: fn(u32) -> Option<T>) -> usize {
        (0..0x1_0000).filter(|number| name(*number).is_some()).count()
    }

    #[test]
    fn names_and_unknown_numbers() {
        assert_eq!(Key::SYNC.name(), Some("SYNC"));
        assert_eq!(Key::ERROR_24.to_string(), "ERROR_24");
        assert_eq!(format!("{:?}", Key::from(0x52)), "ERROR");
        assert_eq!(format!("[{:>6}]", Key::LSN), "[   LSN]");
        assert_eq!(Key::new(123).name(), None);
        assert_eq!(Key::new(123).to_string(), "UNKNOWN(123)");
        assert_eq!(format!("{:?}", Key::new(u32::MAX)), "UNKNOWN(4294967295)");
        assert_eq!(Key::new(u32::MAX).number(), u32::MAX);
        assert_eq!(ErrorKey::CODE.number(), 5);
    }

    #[test]
    fn every_number_of_the_reference_has_a_name() {
        assert_eq!(known(|number| Key::new(number).name()), 12 + 55);
        assert_eq!(known(|number| ErrorKey::new(number).name()), 7);
        assert_eq!(known(|number| RequestType::new(number).name()), 18 + 5 + 15);
        assert_eq!(known(|number| Feature::new(number).name()), 13);
    }

    #[test]
    fn error_replies() {
        let refused = RequestType::new(0x8003);
        assert!(refused.is_error());
        assert_eq!(refused.error_code(), Some(ErrorCode::TUPLE_FOUND));
        assert_eq!(refused.name(), None);

        let unknown = RequestType::new(0x8000);
        assert!(unknown.is_error());
        assert_eq!(unknown.error_code(), Some(ErrorCode::UNKNOWN));

        let last = RequestType::new(0xffff).error_code();
        assert_eq!(last, Some(ErrorCode::new(0x7fff)));

        for fine in [RequestType::OK, RequestType::CHUNK, RequestType::EVENT] {
            assert!(!fine.is_error());
            assert_eq!(fine.error_code(), None);
        }
    }

    #[test]
    fn feature_set() {
        let mut set = FeatureSet::new();
        assert!(set.is_empty());
        assert_eq!(format!("{set:?}"), "{}");

        set.insert(Feature::WATCHERS);
        set.insert(Feature::STREAMS);
        set.insert(Feature::new(63));
        set.insert(Feature::new(64));
        set.insert(Feature::new(u32::MAX));
        assert!(set.contains(Feature::STREAMS));
        assert!(set.contains(Feature::new(63)));
        assert!(!set.contains(Feature::TRANSACTIONS));
        assert!(!set.contains(Feature::new(64)));
        assert!(!set.contains(Feature::new(u32::MAX)));
        assert_eq!(format!("{set:?}"), "{STREAMS, WATCHERS, UNKNOWN(63)}");
        assert_eq!(set.iter().collect::<FeatureSet>(), set);
    }

    #[test]
    fn iterators() {
        assert_eq!(IteratorType::default(), IteratorType::Eq);
        assert_eq!(IteratorType::Eq.number(), 0);
        assert_eq!(IteratorType::BitsAllNotSet.number(), 9);
        assert_eq!(IteratorType::Neighbor.number(), 11);
        assert_eq!(IteratorType::Pp.number(), 13);
    }
}
