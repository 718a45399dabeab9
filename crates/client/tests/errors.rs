//! What errors say, and what they come from.

use std::error::Error as _;

use tarantool_client::{Config, Error, ErrorKind, Outcome};

#[test]
fn what_causes_an_error_is_in_its_text_and_not_told_again() {
    let wrong = "localhost:no-port".parse::<Config>().unwrap_err();
    let error = Error::from(wrong.clone());
    assert!(matches!(error.kind(), ErrorKind::Config(_)), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(error.to_string(), format!("invalid configuration: {wrong}"));
    assert!(matches!(error.kind(), ErrorKind::Config(kept) if *kept == wrong));
    assert!(error.source().is_none(), "a report of the chain would say it twice");
}

#[test]
fn an_error_that_ends_a_program_is_one_readable_line() {
    let error = Error::from("localhost:no-port".parse::<Config>().unwrap_err());
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(format!("{error:#?}").contains("kind: Config("), "{error:#?}");
}
