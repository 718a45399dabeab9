//! The conformance suite on threads.

mod runtime;

mod blocking {
    tarantool_testkit::conformance!(crate::runtime::Threads);
}
