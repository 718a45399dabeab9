//! What errors say, and what they come from.

use std::error::Error as _;

use tarantool_client::{Config, ConfigError, Error, ErrorKind, Outcome};

#[test]
fn a_configuration_error_is_the_source_of_the_client_s() {
    let wrong = "localhost:no-port".parse::<Config>().unwrap_err();
    let error = Error::from(wrong.clone());
    assert!(matches!(error.kind(), ErrorKind::Config(_)), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(error.to_string(), format!("invalid configuration: {wrong}"));
    let source = error.source().and_then(|source| source.downcast_ref::<ConfigError>());
    assert_eq!(source.map(ToString::to_string), Some(wrong.to_string()));
}
