//! Compiles the snippets of README.md as documentation tests. The tasks themselves are the binary.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
