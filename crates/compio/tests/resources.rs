//! Memory and processor time, in a process of their own.

mod runtime;

tarantool_testkit::resources!(runtime::Compio);
