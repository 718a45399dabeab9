//! The numbers by which servers name their errors.

use crate::keys::numbers;

numbers! {
    /// Why a server refused a request (IPROTO reference, section 7).
    ///
    /// The names are those of the server without `ER_`; the list is that of server 3.7.0, with what
    /// server 2.6.0 calls differently or does not have. Code on the server may raise any other
    /// number. Match on the code, never on the message: messages differ between versions.
    pub struct ErrorCode {
        /// `ER_UNKNOWN`.
        UNKNOWN = 0,
        /// `ER_ILLEGAL_PARAMS`: bad parameters, among them an unknown iterator.
        ILLEGAL_PARAMS = 1,
        /// `ER_MEMORY_ISSUE`.
        MEMORY_ISSUE = 2,
        /// `ER_TUPLE_FOUND`: a unique index already has such a key.
        TUPLE_FOUND = 3,
        /// `ER_TUPLE_NOT_FOUND`, unused in 3.7.0.
        TUPLE_NOT_FOUND = 4,
        /// `ER_UNSUPPORTED`: this server, engine or edition cannot do it.
        UNSUPPORTED = 5,
        /// `ER_NONMASTER`, unused in 3.7.0.
        NONMASTER = 6,
        /// `ER_READONLY`: the instance is read-only.
        READONLY = 7,
        /// `ER_INJECTION`.
        INJECTION = 8,
        /// `ER_CREATE_SPACE`.
        CREATE_SPACE = 9,
        /// `ER_SPACE_EXISTS`.
        SPACE_EXISTS = 10,
        /// `ER_DROP_SPACE`.
        DROP_SPACE = 11,
        /// `ER_ALTER_SPACE`.
        ALTER_SPACE = 12,
        /// `ER_INDEX_TYPE`.
        INDEX_TYPE = 13,
        /// `ER_MODIFY_INDEX`.
        MODIFY_INDEX = 14,
        /// `ER_LAST_DROP`.
        LAST_DROP = 15,
        /// `ER_TUPLE_FORMAT_LIMIT`.
        TUPLE_FORMAT_LIMIT = 16,
        /// `ER_DROP_PRIMARY_KEY`.
        DROP_PRIMARY_KEY = 17,
        /// `ER_KEY_PART_TYPE`.
        KEY_PART_TYPE = 18,
        /// `ER_EXACT_MATCH`: UPDATE or DELETE by a partial key.
        EXACT_MATCH = 19,
        /// `ER_INVALID_MSGPACK`: a malformed header or body; the connection goes on.
        INVALID_MSGPACK = 20,
        /// `ER_PROC_RET`, unused in 3.7.0.
        PROC_RET = 21,
        /// `ER_TUPLE_NOT_ARRAY`.
        TUPLE_NOT_ARRAY = 22,
        /// `ER_FIELD_TYPE`: a field of the wrong type.
        FIELD_TYPE = 23,
        /// `ER_INDEX_PART_TYPE_MISMATCH`.
        INDEX_PART_TYPE_MISMATCH = 24,
        /// `ER_UPDATE_SPLICE`: a splice operation too far to the left.
        UPDATE_SPLICE = 25,
        /// `ER_UPDATE_ARG_TYPE`.
        UPDATE_ARG_TYPE = 26,
        /// `ER_FORMAT_MISMATCH_INDEX_PART`.
        FORMAT_MISMATCH_INDEX_PART = 27,
        /// `ER_UNKNOWN_UPDATE_OP`.
        ///
        /// An unknown update operation, or a wrong number of arguments.
        UNKNOWN_UPDATE_OP = 28,
        /// `ER_UPDATE_FIELD`: an update operation that does not fit its field.
        UPDATE_FIELD = 29,
        /// `ER_FUNCTION_TX_ACTIVE`.
        ///
        /// A called function left its transaction open; it was rolled back.
        FUNCTION_TX_ACTIVE = 30,
        /// `ER_KEY_PART_COUNT`.
        KEY_PART_COUNT = 31,
        /// `ER_PROC_LUA`: an error in Lua code.
        PROC_LUA = 32,
        /// `ER_NO_SUCH_PROC`: no such function to call.
        NO_SUCH_PROC = 33,
        /// `ER_NO_SUCH_TRIGGER`.
        NO_SUCH_TRIGGER = 34,
        /// `ER_NO_SUCH_INDEX_ID`.
        NO_SUCH_INDEX_ID = 35,
        /// `ER_NO_SUCH_SPACE`: no such space.
        NO_SUCH_SPACE = 36,
        /// `ER_NO_SUCH_FIELD_NO`: no such field number in an update operation.
        NO_SUCH_FIELD_NO = 37,
        /// `ER_EXACT_FIELD_COUNT`.
        EXACT_FIELD_COUNT = 38,
        /// `ER_FIELD_MISSING`.
        FIELD_MISSING = 39,
        /// `ER_WAL_IO`.
        WAL_IO = 40,
        /// `ER_MORE_THAN_ONE_TUPLE`: UPDATE or DELETE by a key that is not unique.
        MORE_THAN_ONE_TUPLE = 41,
        /// `ER_ACCESS_DENIED`: the user may not do it.
        ACCESS_DENIED = 42,
        /// `ER_CREATE_USER`.
        CREATE_USER = 43,
        /// `ER_DROP_USER`.
        DROP_USER = 44,
        /// `ER_NO_SUCH_USER`: answer to AUTH with an unknown user before 2.10.4.
        NO_SUCH_USER = 45,
        /// `ER_USER_EXISTS`.
        USER_EXISTS = 46,
        /// `ER_CREDS_MISMATCH`, in 2.6.0 `ER_PASSWORD_MISMATCH`.
        ///
        /// The wrong password, since 2.10.4 also an unknown user.
        CREDS_MISMATCH = 47,
        /// `ER_UNKNOWN_REQUEST_TYPE`: a request type the server does not know.
        UNKNOWN_REQUEST_TYPE = 48,
        /// `ER_UNKNOWN_SCHEMA_OBJECT`.
        UNKNOWN_SCHEMA_OBJECT = 49,
        /// `ER_CREATE_FUNCTION`.
        CREATE_FUNCTION = 50,
        /// `ER_NO_SUCH_FUNCTION`.
        NO_SUCH_FUNCTION = 51,
        /// `ER_FUNCTION_EXISTS`.
        FUNCTION_EXISTS = 52,
        /// `ER_BEFORE_REPLACE_RET`.
        BEFORE_REPLACE_RET = 53,
        /// `ER_MULTISTATEMENT_TRANSACTION`.
        MULTISTATEMENT_TRANSACTION = 54,
        /// `ER_TRIGGER_EXISTS`.
        TRIGGER_EXISTS = 55,
        /// `ER_USER_MAX`.
        USER_MAX = 56,
        /// `ER_NO_SUCH_ENGINE`.
        NO_SUCH_ENGINE = 57,
        /// `ER_RELOAD_CFG`.
        RELOAD_CFG = 58,
        /// `ER_CFG`: SUBSCRIBE while the same instance has a live connection.
        CFG = 59,
        /// `ER_SAVEPOINT_EMPTY_TX`.
        SAVEPOINT_EMPTY_TX = 60,
        /// `ER_NO_SUCH_SAVEPOINT`.
        NO_SUCH_SAVEPOINT = 61,
        /// `ER_UNKNOWN_REPLICA`.
        UNKNOWN_REPLICA = 62,
        /// `ER_REPLICASET_UUID_MISMATCH`: SUBSCRIBE to another replica set.
        REPLICASET_UUID_MISMATCH = 63,
        /// `ER_INVALID_UUID`.
        INVALID_UUID = 64,
        /// `ER_REPLICASET_UUID_IS_RO`.
        REPLICASET_UUID_IS_RO = 65,
        /// `ER_INSTANCE_UUID_MISMATCH`.
        INSTANCE_UUID_MISMATCH = 66,
        /// `ER_REPLICA_ID_IS_RESERVED`.
        REPLICA_ID_IS_RESERVED = 67,
        /// `ER_INVALID_ORDER`, unused in 3.7.0.
        INVALID_ORDER = 68,
        /// `ER_MISSING_REQUEST_FIELD`: a mandatory key of the body is missing.
        MISSING_REQUEST_FIELD = 69,
        /// `ER_IDENTIFIER`.
        IDENTIFIER = 70,
        /// `ER_DROP_FUNCTION`.
        DROP_FUNCTION = 71,
        /// `ER_ITERATOR_TYPE`.
        ITERATOR_TYPE = 72,
        /// `ER_REPLICA_MAX`.
        REPLICA_MAX = 73,
        /// `ER_INVALID_XLOG`, unused in 3.7.0.
        INVALID_XLOG = 74,
        /// `ER_INVALID_XLOG_NAME`, unused in 3.7.0.
        INVALID_XLOG_NAME = 75,
        /// `ER_INVALID_XLOG_ORDER`, unused in 3.7.0.
        INVALID_XLOG_ORDER = 76,
        /// `ER_NO_CONNECTION`: the server itself lost a connection it needed.
        NO_CONNECTION = 77,
        /// `ER_TIMEOUT`: it took too long.
        TIMEOUT = 78,
        /// `ER_ACTIVE_TRANSACTION`: BEGIN while a transaction is open.
        ACTIVE_TRANSACTION = 79,
        /// `ER_CURSOR_NO_TRANSACTION`.
        CURSOR_NO_TRANSACTION = 80,
        /// `ER_CROSS_ENGINE_TRANSACTION`, unused in 3.7.0.
        CROSS_ENGINE_TRANSACTION = 81,
        /// `ER_NO_SUCH_ROLE`.
        NO_SUCH_ROLE = 82,
        /// `ER_ROLE_EXISTS`.
        ROLE_EXISTS = 83,
        /// `ER_CREATE_ROLE`.
        CREATE_ROLE = 84,
        /// `ER_INDEX_EXISTS`.
        INDEX_EXISTS = 85,
        /// `ER_SESSION_CLOSED`.
        SESSION_CLOSED = 86,
        /// `ER_ROLE_LOOP`.
        ROLE_LOOP = 87,
        /// `ER_GRANT`.
        GRANT = 88,
        /// `ER_PRIV_GRANTED`.
        PRIV_GRANTED = 89,
        /// `ER_ROLE_GRANTED`.
        ROLE_GRANTED = 90,
        /// `ER_PRIV_NOT_GRANTED`.
        PRIV_NOT_GRANTED = 91,
        /// `ER_ROLE_NOT_GRANTED`.
        ROLE_NOT_GRANTED = 92,
        /// `ER_MISSING_SNAPSHOT`.
        MISSING_SNAPSHOT = 93,
        /// `ER_CANT_UPDATE_PRIMARY_KEY`: an update operation on the primary key.
        CANT_UPDATE_PRIMARY_KEY = 94,
        /// `ER_UPDATE_INTEGER_OVERFLOW`: integer overflow in an update operation.
        UPDATE_INTEGER_OVERFLOW = 95,
        /// `ER_GUEST_USER_PASSWORD`.
        GUEST_USER_PASSWORD = 96,
        /// `ER_TRANSACTION_CONFLICT`.
        ///
        /// The transaction ran into another one and must be rolled back.
        TRANSACTION_CONFLICT = 97,
        /// `ER_UNSUPPORTED_PRIV`.
        UNSUPPORTED_PRIV = 98,
        /// `ER_LOAD_FUNCTION`.
        LOAD_FUNCTION = 99,
        /// `ER_FUNCTION_LANGUAGE`.
        FUNCTION_LANGUAGE = 100,
        /// `ER_RTREE_RECT`.
        RTREE_RECT = 101,
        /// `ER_PROC_C`.
        PROC_C = 102,
        /// `ER_UNKNOWN_RTREE_INDEX_DISTANCE_TYPE`, unused in 3.7.0.
        UNKNOWN_RTREE_INDEX_DISTANCE_TYPE = 103,
        /// `ER_PROTOCOL`: the connection still has requests in progress.
        PROTOCOL = 104,
        /// `ER_UPSERT_UNIQUE_SECONDARY_KEY`, unused in 3.7.0.
        UPSERT_UNIQUE_SECONDARY_KEY = 105,
        /// `ER_WRONG_INDEX_RECORD`.
        WRONG_INDEX_RECORD = 106,
        /// `ER_WRONG_INDEX_PARTS`.
        WRONG_INDEX_PARTS = 107,
        /// `ER_WRONG_INDEX_OPTIONS`.
        WRONG_INDEX_OPTIONS = 108,
        /// `ER_WRONG_SCHEMA_VERSION`.
        ///
        /// The request expected another schema version; it was not executed.
        WRONG_SCHEMA_VERSION = 109,
        /// `ER_MEMTX_MAX_TUPLE_SIZE`: a tuple above the option `memtx_max_tuple_size`.
        MEMTX_MAX_TUPLE_SIZE = 110,
        /// `ER_WRONG_SPACE_OPTIONS`.
        WRONG_SPACE_OPTIONS = 111,
        /// `ER_UNSUPPORTED_INDEX_FEATURE`.
        ///
        /// An iterator or an option the index does not have.
        UNSUPPORTED_INDEX_FEATURE = 112,
        /// `ER_VIEW_IS_RO`.
        VIEW_IS_RO = 113,
        /// `ER_NO_TRANSACTION`.
        NO_TRANSACTION = 114,
        /// `ER_SYSTEM`: a system call failed.
        SYSTEM = 115,
        /// `ER_LOADING`: the server is still starting.
        LOADING = 116,
        /// `ER_CONNECTION_TO_SELF`: SUBSCRIBE with the own uuid of the server.
        CONNECTION_TO_SELF = 117,
        /// `ER_KEY_PART_IS_TOO_LONG`, unused in 3.7.0.
        KEY_PART_IS_TOO_LONG = 118,
        /// `ER_COMPRESSION`.
        COMPRESSION = 119,
        /// `ER_CHECKPOINT_IN_PROGRESS`.
        CHECKPOINT_IN_PROGRESS = 120,
        /// `ER_SUB_STMT_MAX`.
        SUB_STMT_MAX = 121,
        /// `ER_COMMIT_IN_SUB_STMT`.
        COMMIT_IN_SUB_STMT = 122,
        /// `ER_ROLLBACK_IN_SUB_STMT`.
        ROLLBACK_IN_SUB_STMT = 123,
        /// `ER_DECOMPRESSION`.
        DECOMPRESSION = 124,
        /// `ER_INVALID_XLOG_TYPE`.
        INVALID_XLOG_TYPE = 125,
        /// `ER_ALREADY_RUNNING`.
        ALREADY_RUNNING = 126,
        /// `ER_INDEX_FIELD_COUNT_LIMIT`.
        INDEX_FIELD_COUNT_LIMIT = 127,
        /// `ER_LOCAL_INSTANCE_ID_IS_READ_ONLY`.
        LOCAL_INSTANCE_ID_IS_READ_ONLY = 128,
        /// `ER_BACKUP_IN_PROGRESS`.
        BACKUP_IN_PROGRESS = 129,
        /// `ER_READ_VIEW_ABORTED`.
        READ_VIEW_ABORTED = 130,
        /// `ER_INVALID_INDEX_FILE`.
        INVALID_INDEX_FILE = 131,
        /// `ER_INVALID_RUN_FILE`.
        INVALID_RUN_FILE = 132,
        /// `ER_INVALID_VYLOG_FILE`.
        INVALID_VYLOG_FILE = 133,
        /// `ER_CASCADE_ROLLBACK`, in 2.6.0 `ER_CHECKPOINT_ROLLBACK`.
        CASCADE_ROLLBACK = 134,
        /// `ER_VY_QUOTA_TIMEOUT`.
        VY_QUOTA_TIMEOUT = 135,
        /// `ER_PARTIAL_KEY`: an index that needs the full key.
        PARTIAL_KEY = 136,
        /// `ER_TRUNCATE_SYSTEM_SPACE`.
        TRUNCATE_SYSTEM_SPACE = 137,
        /// `ER_LOAD_MODULE`.
        LOAD_MODULE = 138,
        /// `ER_VINYL_MAX_TUPLE_SIZE`.
        VINYL_MAX_TUPLE_SIZE = 139,
        /// `ER_WRONG_DD_VERSION`.
        WRONG_DD_VERSION = 140,
        /// `ER_WRONG_SPACE_FORMAT`.
        WRONG_SPACE_FORMAT = 141,
        /// `ER_CREATE_SEQUENCE`.
        CREATE_SEQUENCE = 142,
        /// `ER_ALTER_SEQUENCE`.
        ALTER_SEQUENCE = 143,
        /// `ER_DROP_SEQUENCE`.
        DROP_SEQUENCE = 144,
        /// `ER_NO_SUCH_SEQUENCE`.
        NO_SUCH_SEQUENCE = 145,
        /// `ER_SEQUENCE_EXISTS`.
        SEQUENCE_EXISTS = 146,
        /// `ER_SEQUENCE_OVERFLOW`.
        SEQUENCE_OVERFLOW = 147,
        /// `ER_NO_SUCH_INDEX_NAME`.
        NO_SUCH_INDEX_NAME = 148,
        /// `ER_SPACE_FIELD_IS_DUPLICATE`.
        SPACE_FIELD_IS_DUPLICATE = 149,
        /// `ER_CANT_CREATE_COLLATION`.
        CANT_CREATE_COLLATION = 150,
        /// `ER_WRONG_COLLATION_OPTIONS`.
        WRONG_COLLATION_OPTIONS = 151,
        /// `ER_NULLABLE_PRIMARY`.
        NULLABLE_PRIMARY = 152,
        /// `ER_NO_SUCH_FIELD_NAME_IN_SPACE`.
        NO_SUCH_FIELD_NAME_IN_SPACE = 153,
        /// `ER_TRANSACTION_YIELD`.
        ///
        /// Memtx without MVCC cannot keep a transaction over requests.
        TRANSACTION_YIELD = 154,
        /// `ER_NO_SUCH_GROUP`.
        NO_SUCH_GROUP = 155,
        /// `ER_SQL_BIND_VALUE`, unused in 3.7.0.
        SQL_BIND_VALUE = 156,
        /// `ER_SQL_BIND_TYPE`.
        SQL_BIND_TYPE = 157,
        /// `ER_SQL_BIND_PARAMETER_MAX`.
        SQL_BIND_PARAMETER_MAX = 158,
        /// `ER_SQL_EXECUTE`: also a prepared statement that has expired: prepare it again.
        SQL_EXECUTE = 159,
        /// `ER_UPDATE_DECIMAL_OVERFLOW`.
        UPDATE_DECIMAL_OVERFLOW = 160,
        /// `ER_SQL_BIND_NOT_FOUND`.
        ///
        /// No SQL parameter of this name; the name needs its prefix.
        SQL_BIND_NOT_FOUND = 161,
        /// `ER_ACTION_MISMATCH`.
        ACTION_MISMATCH = 162,
        /// `ER_VIEW_MISSING_SQL`.
        VIEW_MISSING_SQL = 163,
        /// `ER_FOREIGN_KEY_CONSTRAINT`.
        FOREIGN_KEY_CONSTRAINT = 164,
        /// `ER_NO_SUCH_MODULE`.
        NO_SUCH_MODULE = 165,
        /// `ER_NO_SUCH_COLLATION`.
        NO_SUCH_COLLATION = 166,
        /// `ER_CREATE_FK_CONSTRAINT`.
        CREATE_FK_CONSTRAINT = 167,
        /// `ER_DROP_FK_CONSTRAINT`, unused in 3.7.0.
        DROP_FK_CONSTRAINT = 168,
        /// `ER_NO_SUCH_CONSTRAINT`.
        NO_SUCH_CONSTRAINT = 169,
        /// `ER_CONSTRAINT_EXISTS`.
        CONSTRAINT_EXISTS = 170,
        /// `ER_SQL_TYPE_MISMATCH`.
        SQL_TYPE_MISMATCH = 171,
        /// `ER_ROWID_OVERFLOW`.
        ROWID_OVERFLOW = 172,
        /// `ER_DROP_COLLATION`.
        DROP_COLLATION = 173,
        /// `ER_ILLEGAL_COLLATION_MIX`.
        ILLEGAL_COLLATION_MIX = 174,
        /// `ER_SQL_NO_SUCH_PRAGMA`.
        SQL_NO_SUCH_PRAGMA = 175,
        /// `ER_SQL_CANT_RESOLVE_FIELD`.
        SQL_CANT_RESOLVE_FIELD = 176,
        /// `ER_INDEX_EXISTS_IN_SPACE`.
        INDEX_EXISTS_IN_SPACE = 177,
        /// `ER_INCONSISTENT_TYPES`.
        INCONSISTENT_TYPES = 178,
        /// `ER_SQL_SYNTAX_WITH_POS`.
        SQL_SYNTAX_WITH_POS = 179,
        /// `ER_SQL_STACK_OVERFLOW`.
        SQL_STACK_OVERFLOW = 180,
        /// `ER_SQL_SELECT_WILDCARD`.
        SQL_SELECT_WILDCARD = 181,
        /// `ER_SQL_STATEMENT_EMPTY`.
        SQL_STATEMENT_EMPTY = 182,
        /// `ER_SQL_KEYWORD_IS_RESERVED`.
        SQL_KEYWORD_IS_RESERVED = 183,
        /// `ER_SQL_SYNTAX_NEAR_TOKEN`.
        SQL_SYNTAX_NEAR_TOKEN = 184,
        /// `ER_SQL_UNKNOWN_TOKEN`.
        SQL_UNKNOWN_TOKEN = 185,
        /// `ER_SQL_PARSER_GENERIC`.
        SQL_PARSER_GENERIC = 186,
        /// `ER_SQL_ANALYZE_ARGUMENT`, unused in 3.7.0.
        SQL_ANALYZE_ARGUMENT = 187,
        /// `ER_SQL_COLUMN_COUNT_MAX`.
        SQL_COLUMN_COUNT_MAX = 188,
        /// `ER_HEX_LITERAL_MAX`.
        HEX_LITERAL_MAX = 189,
        /// `ER_INT_LITERAL_MAX`.
        INT_LITERAL_MAX = 190,
        /// `ER_SQL_PARSER_LIMIT`.
        SQL_PARSER_LIMIT = 191,
        /// `ER_INDEX_DEF_UNSUPPORTED`.
        INDEX_DEF_UNSUPPORTED = 192,
        /// `ER_CK_DEF_UNSUPPORTED`, unused in 3.7.0.
        CK_DEF_UNSUPPORTED = 193,
        /// `ER_MULTIKEY_INDEX_MISMATCH`.
        MULTIKEY_INDEX_MISMATCH = 194,
        /// `ER_CREATE_CK_CONSTRAINT`.
        CREATE_CK_CONSTRAINT = 195,
        /// `ER_CK_CONSTRAINT_FAILED`, unused in 3.7.0.
        CK_CONSTRAINT_FAILED = 196,
        /// `ER_SQL_COLUMN_COUNT`.
        SQL_COLUMN_COUNT = 197,
        /// `ER_FUNC_INDEX_FUNC`.
        FUNC_INDEX_FUNC = 198,
        /// `ER_FUNC_INDEX_FORMAT`.
        FUNC_INDEX_FORMAT = 199,
        /// `ER_FUNC_INDEX_PARTS`.
        FUNC_INDEX_PARTS = 200,
        /// `ER_NO_SUCH_FIELD_NAME`.
        NO_SUCH_FIELD_NAME = 201,
        /// `ER_FUNC_WRONG_ARG_COUNT`.
        FUNC_WRONG_ARG_COUNT = 202,
        /// `ER_BOOTSTRAP_READONLY`.
        BOOTSTRAP_READONLY = 203,
        /// `ER_SQL_FUNC_WRONG_RET_COUNT`.
        SQL_FUNC_WRONG_RET_COUNT = 204,
        /// `ER_FUNC_INVALID_RETURN_TYPE`.
        FUNC_INVALID_RETURN_TYPE = 205,
        /// `ER_SQL_PARSER_GENERIC_WITH_POS`.
        SQL_PARSER_GENERIC_WITH_POS = 206,
        /// `ER_REPLICA_NOT_ANON`: REGISTER of a replica that is not anonymous.
        REPLICA_NOT_ANON = 207,
        /// `ER_CANNOT_REGISTER`.
        CANNOT_REGISTER = 208,
        /// `ER_SESSION_SETTING_INVALID_VALUE`.
        SESSION_SETTING_INVALID_VALUE = 209,
        /// `ER_SQL_PREPARE`.
        SQL_PREPARE = 210,
        /// `ER_WRONG_QUERY_ID`: the session did not prepare this statement.
        WRONG_QUERY_ID = 211,
        /// `ER_SEQUENCE_NOT_STARTED`.
        SEQUENCE_NOT_STARTED = 212,
        /// `ER_NO_SUCH_SESSION_SETTING`.
        NO_SUCH_SESSION_SETTING = 213,
        /// `ER_UNCOMMITTED_FOREIGN_SYNC_TXNS`.
        UNCOMMITTED_FOREIGN_SYNC_TXNS = 214,
        /// `ER_SYNC_MASTER_MISMATCH`, unused in 3.7.0.
        SYNC_MASTER_MISMATCH = 215,
        /// `ER_SYNC_QUORUM_TIMEOUT`.
        SYNC_QUORUM_TIMEOUT = 216,
        /// `ER_SYNC_ROLLBACK`.
        SYNC_ROLLBACK = 217,
        /// `ER_TUPLE_METADATA_IS_TOO_BIG`.
        TUPLE_METADATA_IS_TOO_BIG = 218,
        /// `ER_XLOG_GAP`, not in 2.6.0: the log has no longer the rows asked for.
        XLOG_GAP = 219,
        /// `ER_TOO_EARLY_SUBSCRIBE`, not in 2.6.0.
        ///
        /// SUBSCRIBE of a replica that is not registered.
        TOO_EARLY_SUBSCRIBE = 220,
        /// `ER_SQL_CANT_ADD_AUTOINC`, not in 2.6.0.
        SQL_CANT_ADD_AUTOINC = 221,
        /// `ER_QUORUM_WAIT`, not in 2.6.0.
        QUORUM_WAIT = 222,
        /// `ER_INTERFERING_PROMOTE`, not in 2.6.0.
        INTERFERING_PROMOTE = 223,
        /// `ER_ELECTION_DISABLED`, not in 2.6.0.
        ELECTION_DISABLED = 224,
        /// `ER_TXN_ROLLBACK`, not in 2.6.0.
        TXN_ROLLBACK = 225,
        /// `ER_NOT_LEADER`, not in 2.6.0.
        NOT_LEADER = 226,
        /// `ER_SYNC_QUEUE_UNCLAIMED`, not in 2.6.0.
        ///
        /// No instance owns the queue of synchronous transactions.
        SYNC_QUEUE_UNCLAIMED = 227,
        /// `ER_SYNC_QUEUE_FOREIGN`, not in 2.6.0.
        SYNC_QUEUE_FOREIGN = 228,
        /// `ER_UNABLE_TO_PROCESS_IN_STREAM`, not in 2.6.0.
        ///
        /// The request cannot run in a stream.
        UNABLE_TO_PROCESS_IN_STREAM = 229,
        /// `ER_UNABLE_TO_PROCESS_OUT_OF_STREAM`, not in 2.6.0.
        ///
        /// The request can only run in a stream.
        UNABLE_TO_PROCESS_OUT_OF_STREAM = 230,
        /// `ER_TRANSACTION_TIMEOUT`, not in 2.6.0.
        ///
        /// The transaction took longer than its timeout.
        TRANSACTION_TIMEOUT = 231,
        /// `ER_ACTIVE_TIMER`, not in 2.6.0.
        ACTIVE_TIMER = 232,
        /// `ER_TUPLE_FIELD_COUNT_LIMIT`, not in 2.6.0.
        TUPLE_FIELD_COUNT_LIMIT = 233,
        /// `ER_CREATE_CONSTRAINT`, not in 2.6.0.
        CREATE_CONSTRAINT = 234,
        /// `ER_FIELD_CONSTRAINT_FAILED`, not in 2.6.0.
        FIELD_CONSTRAINT_FAILED = 235,
        /// `ER_TUPLE_CONSTRAINT_FAILED`, not in 2.6.0.
        TUPLE_CONSTRAINT_FAILED = 236,
        /// `ER_CREATE_FOREIGN_KEY`, not in 2.6.0.
        CREATE_FOREIGN_KEY = 237,
        /// `ER_FOREIGN_KEY_INTEGRITY`, not in 2.6.0.
        FOREIGN_KEY_INTEGRITY = 238,
        /// `ER_FIELD_FOREIGN_KEY_FAILED`, not in 2.6.0.
        FIELD_FOREIGN_KEY_FAILED = 239,
        /// `ER_COMPLEX_FOREIGN_KEY_FAILED`, not in 2.6.0.
        COMPLEX_FOREIGN_KEY_FAILED = 240,
        /// `ER_WRONG_SPACE_UPGRADE_OPTIONS`, not in 2.6.0.
        WRONG_SPACE_UPGRADE_OPTIONS = 241,
        /// `ER_NO_ELECTION_QUORUM`, not in 2.6.0.
        NO_ELECTION_QUORUM = 242,
        /// `ER_SSL`, not in 2.6.0.
        SSL = 243,
        /// `ER_SPLIT_BRAIN`, not in 2.6.0.
        SPLIT_BRAIN = 244,
        /// `ER_OLD_TERM`, not in 2.6.0.
        OLD_TERM = 245,
        /// `ER_INTERFERING_ELECTIONS`, not in 2.6.0.
        INTERFERING_ELECTIONS = 246,
        /// `ER_ITERATOR_POSITION`, not in 2.6.0.
        ///
        /// A position that is garbage or of another iterator or key.
        ITERATOR_POSITION = 247,
        /// `ER_DEFAULT_VALUE_TYPE`, not in 2.6.0.
        DEFAULT_VALUE_TYPE = 248,
        /// `ER_UNKNOWN_AUTH_METHOD`, not in 2.6.0.
        ///
        /// AUTH with a method the server does not have.
        UNKNOWN_AUTH_METHOD = 249,
        /// `ER_INVALID_AUTH_DATA`, not in 2.6.0: authentication data of the wrong form.
        INVALID_AUTH_DATA = 250,
        /// `ER_INVALID_AUTH_REQUEST`, not in 2.6.0: AUTH with a malformed request.
        INVALID_AUTH_REQUEST = 251,
        /// `ER_WEAK_PASSWORD`, not in 2.6.0.
        WEAK_PASSWORD = 252,
        /// `ER_OLD_PASSWORD`, not in 2.6.0.
        OLD_PASSWORD = 253,
        /// `ER_NO_SUCH_SESSION`, not in 2.6.0.
        NO_SUCH_SESSION = 254,
        /// `ER_WRONG_SESSION_TYPE`, not in 2.6.0.
        WRONG_SESSION_TYPE = 255,
        /// `ER_PASSWORD_EXPIRED`, not in 2.6.0.
        PASSWORD_EXPIRED = 256,
        /// `ER_AUTH_DELAY`, not in 2.6.0.
        AUTH_DELAY = 257,
        /// `ER_AUTH_REQUIRED`, not in 2.6.0.
        AUTH_REQUIRED = 258,
        /// `ER_SQL_SEQ_SCAN`, not in 2.6.0: a full scan without SEQSCAN.
        SQL_SEQ_SCAN = 259,
        /// `ER_NO_SUCH_EVENT`, not in 2.6.0.
        NO_SUCH_EVENT = 260,
        /// `ER_BOOTSTRAP_NOT_UNANIMOUS`, not in 2.6.0.
        BOOTSTRAP_NOT_UNANIMOUS = 261,
        /// `ER_CANT_CHECK_BOOTSTRAP_LEADER`, not in 2.6.0.
        CANT_CHECK_BOOTSTRAP_LEADER = 262,
        /// `ER_BOOTSTRAP_CONNECTION_NOT_TO_ALL`, not in 2.6.0.
        BOOTSTRAP_CONNECTION_NOT_TO_ALL = 263,
        /// `ER_NIL_UUID`, not in 2.6.0: SUBSCRIBE with a nil uuid.
        NIL_UUID = 264,
        /// `ER_WRONG_FUNCTION_OPTIONS`, not in 2.6.0.
        WRONG_FUNCTION_OPTIONS = 265,
        /// `ER_MISSING_SYSTEM_SPACES`, not in 2.6.0.
        MISSING_SYSTEM_SPACES = 266,
        /// `ER_CLUSTER_NAME_MISMATCH`, not in 2.6.0.
        CLUSTER_NAME_MISMATCH = 267,
        /// `ER_REPLICASET_NAME_MISMATCH`, not in 2.6.0.
        REPLICASET_NAME_MISMATCH = 268,
        /// `ER_INSTANCE_NAME_DUPLICATE`, not in 2.6.0.
        INSTANCE_NAME_DUPLICATE = 269,
        /// `ER_INSTANCE_NAME_MISMATCH`, not in 2.6.0.
        INSTANCE_NAME_MISMATCH = 270,
        /// `ER_SCHEMA_NEEDS_UPGRADE`, not in 2.6.0.
        SCHEMA_NEEDS_UPGRADE = 271,
        /// `ER_SCHEMA_UPGRADE_IN_PROGRESS`, not in 2.6.0.
        SCHEMA_UPGRADE_IN_PROGRESS = 272,
        /// `ER_DEPRECATED`, not in 2.6.0.
        DEPRECATED = 273,
        /// `ER_UNCONFIGURED`, not in 2.6.0.
        UNCONFIGURED = 274,
        /// `ER_CREATE_DEFAULT_FUNC`, not in 2.6.0.
        CREATE_DEFAULT_FUNC = 275,
        /// `ER_DEFAULT_FUNC_FAILED`, not in 2.6.0.
        DEFAULT_FUNC_FAILED = 276,
        /// `ER_INVALID_DEC`, not in 2.6.0.
        INVALID_DEC = 277,
        /// `ER_IN_ANOTHER_PROMOTE`, not in 2.6.0.
        IN_ANOTHER_PROMOTE = 278,
        /// `ER_SHUTDOWN`, not in 2.6.0: the server is shutting down.
        SHUTDOWN = 279,
        /// `ER_FIELD_VALUE_OUT_OF_RANGE`, not in 2.6.0.
        FIELD_VALUE_OUT_OF_RANGE = 280,
        /// `ER_REPLICASET_NOT_FOUND`, not in 2.6.0.
        REPLICASET_NOT_FOUND = 281,
        /// `ER_REPLICASET_NO_WRITABLE`, not in 2.6.0.
        REPLICASET_NO_WRITABLE = 282,
        /// `ER_REPLICASET_MORE_THAN_ONE_WRITABLE`, not in 2.6.0.
        REPLICASET_MORE_THAN_ONE_WRITABLE = 283,
        /// `ER_TXN_COMMIT`, not in 2.6.0.
        TXN_COMMIT = 284,
        /// `ER_READ_VIEW_BUSY`, not in 2.6.0.
        READ_VIEW_BUSY = 285,
        /// `ER_READ_VIEW_CLOSED`, not in 2.6.0.
        READ_VIEW_CLOSED = 286,
        /// `ER_WAL_QUEUE_FULL`, not in 2.6.0.
        WAL_QUEUE_FULL = 287,
        /// `ER_INVALID_VCLOCK`, not in 2.6.0.
        INVALID_VCLOCK = 288,
        /// `ER_SYNC_QUEUE_FULL`, not in 2.6.0.
        SYNC_QUEUE_FULL = 289,
        /// `ER_KEY_PART_VALUE_OUT_OF_RANGE`, not in 2.6.0.
        KEY_PART_VALUE_OUT_OF_RANGE = 290,
        /// `ER_REPLICA_GC`, not in 2.6.0.
        REPLICA_GC = 291,
        /// `ER_ALIEN_ENGINE`, not in 2.6.0.
        ALIEN_ENGINE = 292,
        /// `ER_MVCC_UNAVAILABLE`, not in 2.6.0.
        MVCC_UNAVAILABLE = 293,
        /// `ER_CANT_UPGRADE_INDEXED_FIELD`, not in 2.6.0.
        CANT_UPGRADE_INDEXED_FIELD = 294,
        /// `ER_SYNC_TIMEOUT`, not in 2.6.0.
        SYNC_TIMEOUT = 295,
        /// `ER_FIELD_IRREPRESENTABLE_VALUE`, not in 2.6.0.
        FIELD_IRREPRESENTABLE_VALUE = 296,
        /// `ER_KEY_PART_IRREPRESENTABLE_VALUE`, not in 2.6.0.
        KEY_PART_IRREPRESENTABLE_VALUE = 297,
        /// `ER_INVALID_SORTDATA_FILE`, not in 2.6.0.
        INVALID_SORTDATA_FILE = 298,
        /// `ER_NO_SUCH_THREAD`, not in 2.6.0.
        NO_SUCH_THREAD = 299,
        /// `ER_UNABLE_TO_PROCESS_IN_THREAD`, not in 2.6.0.
        UNABLE_TO_PROCESS_IN_THREAD = 300,
        /// `ER_DICT_OVERFLOW`, not in 2.6.0.
        DICT_OVERFLOW = 301,
        /// `ER_NO_SUCH_THREAD_GROUP`, not in 2.6.0.
        NO_SUCH_THREAD_GROUP = 302,
        /// `ER_THREADS_NOT_CONFIGURED`, not in 2.6.0.
        THREADS_NOT_CONFIGURED = 303,
        /// `ER_THREAD_REQUESTS_DISABLED`, not in 2.6.0.
        ///
        /// The session may not choose a thread.
        THREAD_REQUESTS_DISABLED = 304,
    }
}

impl Default for ErrorCode {
    /// [`UNKNOWN`](Self::UNKNOWN), what an error without a code has.
    fn default() -> Self {
        Self::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_reference_has_a_name() {
        let named = |number: &u32| ErrorCode::new(*number).name().is_some();
        assert_eq!((0..0x1_0000).filter(named).count(), 305);
        // The list has no gaps.
        assert_eq!((0..305).filter(named).count(), 305);
    }

    #[test]
    fn numbers_and_names() {
        for (code, number, name) in [
            (ErrorCode::UNKNOWN, 0, "UNKNOWN"),
            (ErrorCode::TUPLE_FOUND, 3, "TUPLE_FOUND"),
            (ErrorCode::READONLY, 7, "READONLY"),
            (ErrorCode::INVALID_MSGPACK, 20, "INVALID_MSGPACK"),
            (ErrorCode::CREDS_MISMATCH, 47, "CREDS_MISMATCH"),
            (ErrorCode::UNKNOWN_REQUEST_TYPE, 48, "UNKNOWN_REQUEST_TYPE"),
            (ErrorCode::WRONG_SCHEMA_VERSION, 109, "WRONG_SCHEMA_VERSION"),
            (ErrorCode::SHUTDOWN, 279, "SHUTDOWN"),
        ] {
            assert_eq!(code.number(), number);
            assert_eq!(ErrorCode::from(number), code);
            assert_eq!(code.name(), Some(name));
            assert_eq!(code.to_string(), name);
        }
    }

    #[test]
    fn codes_of_user_code() {
        let code = ErrorCode::new(70_000);
        assert_eq!(code.name(), None);
        assert_eq!(code.to_string(), "UNKNOWN(70000)");
    }
}
