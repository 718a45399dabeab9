//! Our AUTH for recorded ones: the passwords are known, the salts recorded.

use rmpv::Value;
use tarantool_proto::chap_sha1;
use tarantool_proto::request::Auth;

use crate::ours::{Reason, Source, later, not_offered, text, wrong};
use crate::report::Why;

pub(crate) fn auth<'a>(source: &Source<'a>) -> Result<Auth<'a>, Reason> {
    let user = text(source.entry(0x23)?)?;
    let proof = source.entry(0x21)?.value.as_array();
    let proof = proof.ok_or_else(|| wrong("AUTH with something else than a scramble"))?;
    let (method, data) = match proof.as_slice() {
        [] if user == "guest" => return Ok(Auth::guest()),
        [Value::String(method), data] => (method.as_str(), data),
        _ => return Err(wrong("AUTH with something else than a scramble")),
    };
    if method == Some("pap-sha256") {
        return Err(later("AUTH by pap-sha256"));
    }
    let scramble = match data {
        Value::String(scramble) => scramble.as_bytes(),
        Value::Binary(scramble) => scramble,
        _ => &[],
    };
    if method != Some("chap-sha1") || scramble.len() != 20 {
        return Err(wrong("AUTH with something else than a scramble"));
    }
    let salt = source.case.salt.as_ref().and_then(|salt| salt.first_chunk());
    let no_salt = || (Why::Unknown, "AUTH on a connection whose salt is not recorded".into());
    let salt = salt.ok_or_else(no_salt)?;
    let passwords = PASSWORDS.iter().filter(|(name, _)| *name == user);
    let mut passwords = passwords.map(|(_, password)| *password).chain(WRONG);
    let password = passwords.find(|password| chap_sha1(password.as_bytes(), salt) == *scramble);
    let password = password.ok_or_else(|| {
        let reason = "AUTH with a scramble that no known password gives";
        (Why::Unknown, reason.into())
    })?;
    if matches!(data, Value::Binary(_)) {
        return Err(not_offered("AUTH with the scramble as binary data (it is the right one)"));
    }
    Ok(Auth::chap_sha1(user, password.as_bytes(), salt))
}

/// The users of the servers that were recorded.
const PASSWORDS: [(&str, &str); 7] = [
    ("tester", "secret"),
    ("юзер", "пароль"),
    ("emptypass", ""),
    ("nopass", ""),
    ("guest", ""),
    ("limited", "limited"),
    ("replicator", "repl"),
];

/// What was sent where the case wants a wrong password.
const WRONG: [&str; 3] = ["wrong", "bad", "x"];
