//! Every change of a running server, as it is made: first all rows, then what changes.
//!
//! `cargo run --release --example follow [URI]`. The user needs the role `replication`. Without a URI
//! it starts a Tarantool, changes something there, and ends when it has seen that.

use std::thread;

use tarantool_blocking::{Change, Follow, Operation, changes, connect, msgpack, ops, types::Value};
use tarantool_examples::Failure;
use tarantool_testkit::{StartError, Tarantool};

/// Spaces of users begin here.
const USERS: u32 = 512;

fn main() -> Result<(), Failure> {
    if let Some(uri) = std::env::args().nth(1) {
        return follow(&uri, |_| false);
    }
    let server = match Tarantool::builder().start() {
        Ok(server) => server,
        Err(error @ StartError::NotInstalled { .. }) => {
            println!("nothing to follow: {error}");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let uri = server.uri();
    let () = connect(&uri)?.eval(SPACES, ())?;
    let writer = thread::spawn({
        let uri = uri.clone();
        move || write(&uri)
    });
    follow(&uri, |change| change.operation() == Operation::Delete)?;
    writer.join().map_err(|_| "the writer panicked")?
}

const SPACES: &str = "local users = box.schema.space.create('users')
    users:create_index('primary')
    for id, name in ipairs({'Ann', 'Bob', 'Cid'}) do users:insert({id, name, 30}) end";

/// Changes of several kinds; the last is a delete.
fn write(uri: &str) -> Result<(), Failure> {
    let client = connect(uri)?;
    let users = client.space::<(u64, String, u32)>("users");
    users.insert(&(4, "Dan".into(), 41))?;
    users.replace(&(2, "Ben".into(), 17))?;
    users.update(1, ops().add(2, 1))?;
    let both = "box.begin() box.space.users:insert({5, 'Eve', 1}) \
        box.space.users:insert({6, 'Fay', 2}) box.commit()";
    let () = client.eval(both, ())?;
    users.delete(3)?;
    Ok(())
}

/// Prints changes until one that is the last.
fn follow(uri: &str, is_last: impl Fn(&Change) -> bool) -> Result<(), Failure> {
    let mut system_rows = 0;
    for change in changes(uri, Follow::from_snapshot())? {
        let change = change?;
        match (change.space_id(), change.vclock()) {
            (Some(space), None) if space < USERS => system_rows += 1,
            (Some(space), None) => println!("space {space} has {}", shown(&change.decode()?)),
            (Some(space), Some(vclock)) => {
                let end = if change.is_last() { ", committed" } else { "" };
                println!("{vclock} space {space}: {}{end}", described(&change)?);
            }
            (None, Some(vclock)) if change.operation() == Operation::SnapshotEnd => {
                println!("{vclock} that was all, with {system_rows} rows of the system");
            }
            (None, _) => println!("{:?}", change.operation()),
        }
        if is_last(&change) {
            break;
        }
    }
    Ok(())
}

/// What a change does, with its values.
fn described(change: &Change) -> Result<String, Failure> {
    let mut text = format!("{:?}", change.operation());
    for part in [change.key(), change.tuple(), change.operations()].into_iter().flatten() {
        text = format!("{text} {}", shown(&msgpack::from_slice(part)?));
    }
    Ok(text)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Str(text) => format!("{text:?}"),
        Value::Uint(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}
