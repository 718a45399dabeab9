//! The server of the documents' programs: it can be started again, and what they say to it fits.

use std::path::Path;

use tarantool_blocking::{Error, connect};
use tarantool_testkit::Tarantool;

const SERVER: &str = include_str!("../server.lua");

#[test]
fn the_server_starts_again_with_what_was_there() {
    let builder = Tarantool::builder().script(SERVER).every_start(SERVER);
    let Some(server) = builder.start_or_skip("the_server_starts_again") else { return };
    let uri = format!("app:secret@{}", server.uri());
    let row = (1, "Ann".to_owned(), 30);
    let users = connect(uri.as_str()).unwrap().space::<(u64, String, u32)>("users");
    users.insert(&row).unwrap();
    server.restart().unwrap();
    let client = connect(uri.as_str()).unwrap();
    assert_eq!(client.space("users").get(1).unwrap(), Some(row));
    assert_eq!(client.call::<u64>("total_age", ()).unwrap(), 30);
}

#[test]
fn the_server_parses_the_statements_of_the_guide() {
    let builder = Tarantool::builder().script(SERVER);
    let Some(server) = builder.start_or_skip("the_server_parses") else { return };
    let client = connect(format!("app:secret@{}", server.uri())).unwrap();
    let page = guide("sql");
    let statements: Vec<&str> = page.split("r#\"").skip(1).filter_map(literal).collect();
    assert!(statements.len() >= 5, "{statements:?}");
    for statement in statements {
        let prepared: Result<_, Error> = client.prepare(statement);
        assert!(prepared.is_ok(), "{statement}: {prepared:?}");
    }
}

#[test]
fn the_guide_shows_the_server() {
    assert!(guide("getting_started").contains(&format!("```lua\n{SERVER}```")));
}

fn guide(page: &str) -> String {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/client/guide");
    std::fs::read_to_string(pages.join(page).with_extension("md")).unwrap()
}

/// What stands before the end of a raw string.
fn literal(text: &str) -> Option<&str> {
    text.split_once("\"#").map(|(statement, _)| statement)
}
