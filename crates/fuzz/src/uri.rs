//! Any text as a URI: reading it never panics, what it says is what it means, and nothing shows a
//! password.

use tarantool_client::Config;

/// The first byte tells how much of the text is the user, and how much the password.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    stable(&text);
    let Some((&lengths, rest)) = data.split_first() else {
        return;
    };
    let (user, rest) = rest.split_at(rest.len().min(usize::from(lengths & 7)));
    let (password, place) = rest.split_at(rest.len().min(usize::from(lengths >> 3 & 7)));
    secret(&String::from_utf8_lossy(user), &String::from_utf8_lossy(password), place);
}

/// A URI, and what it is shown as, are the same place.
fn stable(text: &str) {
    let Ok(config) = Config::parse(text) else {
        return;
    };
    let shown = config.to_string();
    let _ = format!("{config:?}");
    let again = Config::parse(&shown).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    assert_eq!(again.addresses(), config.addresses(), "{shown:?}");
    assert_eq!(again.to_string(), shown);
}

/// What stands where a password stands is never shown.
fn secret(user: &str, before: &str, place: &[u8]) {
    // These would put the end of the login elsewhere.
    let is_apart = |text: &str| !text.contains(['@', '/']);
    if !is_apart(user) || !is_apart(before) {
        return;
    }
    let place = String::from_utf8_lossy(place);
    let uri = format!("{user}:{before}{MARK}@{place}");
    let shown = match Config::parse(&uri) {
        Ok(config) => format!("{config} {config:?} {:?}", config.addresses()),
        Err(error) => format!("{error} {error:?}"),
    };
    // The rest of the URI may say it too.
    if !place.contains(MARK) && !user.contains(MARK) {
        assert!(!shown.contains(MARK), "{uri:?}: {shown}");
    }
}

const MARK: &str = "S3cr3t";
