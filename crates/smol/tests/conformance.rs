//! The conformance suite on smol.

mod runtime;

mod smol {
    tarantool_testkit::conformance!(async crate::runtime::Smol);
}
