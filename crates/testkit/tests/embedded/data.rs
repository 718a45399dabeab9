//! Data requests, calls and logins through a connector.

use serde::{Deserialize, Serialize};
use tarantool_blocking::{Config, Error, IteratorType, connect, ops};
use tarantool_testkit::{ErrorCode, Listen, RequestType, Server, ServerError};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    age: u32,
}

fn user(id: u64, name: &str, age: u32) -> User {
    User { id, name: name.into(), age }
}

fn server() -> Server {
    let server = Server::start().unwrap();
    make_users(&server);
    server
}

fn make_users(server: &Server) {
    let users = server.space("users").field("id", "unsigned").field("name", "string");
    let users = users.field("age", "unsigned").primary_key("id");
    users.unique_index("name", "name").index("age", ["age"]).create().unwrap();
}

#[test]
fn rows_by_name() {
    let server = server();
    let client = connect(server.uri()).unwrap();
    let users = client.space::<User>("users");
    for user in [user(1, "Ann", 30), user(2, "Bob", 17), user(3, "Cid", 52)] {
        users.insert(&user).unwrap();
    }
    assert_eq!(users.get(1).unwrap(), Some(user(1, "Ann", 30)));
    assert_eq!(users.get(9).unwrap(), None);
    let adults = users.index("age").select(18).iterator(IteratorType::Ge).send().unwrap();
    assert_eq!(adults, [user(1, "Ann", 30), user(3, "Cid", 52)]);
    let changed = users.update(1, ops().add("age", 1).assign("name", "Anna")).unwrap();
    assert_eq!(changed, Some(user(1, "Anna", 31)));
    assert_eq!(users.index("name").get("Anna").unwrap(), changed);
    users.upsert(&user(2, "Bo", 1), ops().add("age", 1)).unwrap();
    users.upsert(&user(4, "Dan", 40), ops().add("age", 1)).unwrap();
    users.replace(&user(3, "Cy", 53)).unwrap();
    assert_eq!(users.delete(1).unwrap(), changed);
    let left = [user(2, "Bob", 18), user(3, "Cy", 53), user(4, "Dan", 40)];
    assert_eq!(users.select(()).send().unwrap(), left);
    assert_eq!(server.rows::<User>("users").unwrap(), left);
    assert_eq!(server.len("users"), Some(3));
    assert_eq!(server.executed(RequestType::INSERT), 3);
}

#[test]
fn errors_have_the_codes_of_the_real_server() {
    let server = server();
    let client = connect(server.uri()).unwrap();
    let users = client.space::<User>("users");
    users.insert(&user(1, "Ann", 30)).unwrap();
    let code = |result: Result<(), Error>| result.unwrap_err().code();
    assert_eq!(code(users.insert(&user(1, "Eve", 1))), Some(ErrorCode::TUPLE_FOUND));
    assert_eq!(code(users.insert(&user(2, "Ann", 1))), Some(ErrorCode::TUPLE_FOUND));
    let nowhere = client.space::<User>("nowhere");
    assert_eq!(code(nowhere.insert(&user(1, "x", 1))), Some(ErrorCode::NO_SUCH_SPACE));
    assert_eq!(code(nowhere.index("x").get(1).map(drop)), Some(ErrorCode::NO_SUCH_SPACE));
    assert_eq!(code(users.index("x").get(1).map(drop)), Some(ErrorCode::NO_SUCH_INDEX_NAME));
    assert_eq!(code(users.get("text").map(drop)), Some(ErrorCode::KEY_PART_TYPE));
    let typed = client.space::<(u64, u64, u64)>("users");
    assert_eq!(code(typed.insert(&(5, 5, 5))), Some(ErrorCode::FIELD_TYPE));
    assert_eq!(code(client.eval("return 1", ())), Some(ErrorCode::UNSUPPORTED));
    assert_eq!(code(client.call("nothing", ())), Some(ErrorCode::NO_SUCH_PROC));
}

#[test]
fn functions() {
    let server = server();
    server.function("sum", |(a, b): (i64, i64)| Ok(a + b));
    server.function("refuse", |(): ()| -> Result<(), _> {
        Err(ServerError::new(ErrorCode::new(5000), "not today"))
    });
    server.function("length", |words: Vec<String>| Ok(words.len()));
    server.function_with("count", |context, (): ()| Ok(context.rows::<User>("users")?.len()));
    let client = connect(server.uri()).unwrap();
    assert_eq!(client.call::<i64>("sum", (40, 2)).unwrap(), 42);
    let error = client.call::<()>("refuse", ()).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::new(5000)));
    assert!(error.to_string().contains("not today"), "{error}");
    assert_eq!(client.call::<u64>("length", ()).unwrap(), 0);
    assert_eq!(client.call::<u64>("length", ("a", "b")).unwrap(), 2);
    assert_eq!(client.call::<u64>("count", ()).unwrap(), 0);
    let error = client.call::<i64>("sum", ("a", "b")).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::PROC_LUA));
}

#[test]
fn a_slow_call_keeps_nobody_waiting() {
    let server = server();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    server.function("slow", move |(): ()| Ok(wait.lock().unwrap().recv().is_ok()));
    let client = connect(server.uri()).unwrap();
    let slow = client.clone();
    let thread = std::thread::spawn(move || slow.call::<bool>("slow", ()));
    client.ping().unwrap();
    release.send(()).unwrap();
    assert!(thread.join().unwrap().unwrap());
}

#[test]
fn logins() {
    let builder = Server::builder().user("app", "secret").guest_is_admin(false);
    assert!(!format!("{builder:?}").contains("secret"), "{builder:?}");
    let server = builder.listen(Listen::Unix).start().unwrap();
    make_users(&server);
    let config = || Config::parse(server.uri()).unwrap();
    let client = connect(config().user("app").password("secret")).unwrap();
    client.space::<User>("users").insert(&user(1, "Ann", 30)).unwrap();
    for wrong in [config().user("app").password("guess"), config().user("nobody").password("")] {
        let error = connect(wrong).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::CREDS_MISMATCH), "{error}");
    }
    let guest = connect(config()).unwrap();
    guest.ping().unwrap();
    let error = guest.space::<User>(512).get(1).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ACCESS_DENIED));
}

#[test]
fn many_threads_on_one_connection() {
    let server = server();
    let client = connect(server.uri()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..16_u64 {
            let users = client.space::<User>("users");
            scope.spawn(move || {
                for id in (thread..3200).step_by(16) {
                    let row = user(id, &format!("user {id}"), (id % 100) as u32);
                    users.insert(&row).unwrap();
                    assert_eq!(users.get(id).unwrap(), Some(row));
                }
            });
        }
    });
    assert_eq!(server.len("users"), Some(3200));
}

#[test]
fn a_new_space_is_found_by_clients_that_are_connected() {
    let server = server();
    let client = connect(server.uri()).unwrap();
    client.ping().unwrap();
    server.space("later").primary_key("id").create().unwrap();
    client.space::<(u64, String)>("later").insert(&(1, "x".into())).unwrap();
    assert_eq!(server.len("later"), Some(1));
    assert!(server.space("later").primary_key("id").create().is_err());
    assert!(server.space("odd").field("id", "quaternion").create().is_err());
}

#[test]
fn tuples_come_with_their_format_to_those_who_ask() {
    use crate::raw::{Body, Raw};
    use tarantool_proto::Key;

    let server = server();
    server.function("sum", |(row,): (Vec<u64>,)| Ok(row.iter().sum::<u64>()));
    let mut raw = Raw::connect(&server);
    raw.send(RequestType::ID, 1, 0, &Body::new().with(Key::FEATURES, &[7, 8, 9]));
    assert!(!raw.receive().unwrap().header.request_type.is_error());
    let insert = Body::new().with(Key::SPACE_ID, &512).with(Key::TUPLE, &(1, "Ann", 30));
    raw.send(RequestType::INSERT, 2, 0, &insert);
    let body = raw.receive().unwrap().body;
    let tuple = [&[0xc7, 10, 7, 0xcd, 2, 0, 0x93, 1, 0xa3][..], b"Ann", &[30]].concat();
    let begin =
        [&[0x82, 0x30, 0xdd, 0, 0, 0, 1][..], &tuple, &[0x60, 0x81, 0xcd, 2, 0, 0x93]].concat();
    assert_eq!(body[..begin.len()], begin);
    assert!(body.windows(8).any(|part| part == b"unsigned"));

    let formats = std::collections::BTreeMap::from([(5, [0; 0])]);
    let tuple = tarantool_proto::msgpack::Raw::new(&[0xd6, 7, 5, 0x92, 40, 2]).unwrap();
    let call = || Body::new().with(Key::FUNCTION_NAME, "sum").with(Key::TUPLE, &(tuple,));
    raw.send(RequestType::CALL, 3, 0, &call().with(Key::TUPLE_FORMATS, &formats));
    let body = raw.receive().unwrap().body;
    assert_eq!(body[..], [0x82, 0x30, 0xdd, 0, 0, 0, 1, 42, 0x60, 0x80]);
    let refused = raw.ask(RequestType::CALL, 0, &call());
    assert_eq!(refused, Err(ErrorCode::ILLEGAL_PARAMS));
}
