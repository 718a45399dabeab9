//! The conformance suite on async-std.

mod runtime;

mod async_std {
    tarantool_testkit::conformance!(async crate::runtime::AsyncStd);
}
