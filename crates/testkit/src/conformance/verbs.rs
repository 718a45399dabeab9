//! Every verb once, as users meet it.

use std::collections::HashMap;

use super::backend::{Format, Index};
use super::{Adapter, Backend, connect, create_space, index};
use serde::{Deserialize, Serialize};
use tarantool_client::msgpack::from_slice;
use tarantool_client::request::{Call, Insert, Select};
use tarantool_client::{ErrorCode, ErrorKind, Outcome};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    age: u32,
}

fn user(id: u64, name: &str, age: u32) -> User {
    User { id, name: name.into(), age }
}

const FORMAT: Format = &[("id", "unsigned"), ("name", "string"), ("age", "unsigned")];
const INDEXES: [Index; 3] =
    [index("id", &["id"]), index("name", &["name"]), index("age", &["age"]).repeated()];

pub async fn a_ping_is_answered<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    for _ in 0..100 {
        A::wait(client.ping()).await.unwrap();
    }
    assert_eq!(client.stats().answered, 100);
    assert_eq!(client.in_flight(), 0);
}

pub async fn a_call_gives_none_one_or_several_values<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let () = A::wait(client.call("echo", ())).await.unwrap();
    let nothing: Option<u64> = A::wait(client.call("echo", ())).await.unwrap();
    assert_eq!(nothing, None);
    let nil: Option<u64> = A::wait(client.call("echo", ((),))).await.unwrap();
    assert_eq!(nil, None);

    let one: u64 = A::wait(client.call("echo", 7)).await.unwrap();
    assert_eq!(one, 7);
    let text: String = A::wait(client.call("echo", "text")).await.unwrap();
    assert_eq!(text, "text");
    let list: Vec<i64> = A::wait(client.call("echo", ([1, -2],))).await.unwrap();
    assert_eq!(list, [1, -2]);
    let entries = HashMap::from([("a".to_owned(), 1.5), ("b".to_owned(), -2.5)]);
    let map: HashMap<String, f64> = A::wait(client.call("echo", (&entries,))).await.unwrap();
    assert_eq!(map, entries);

    let two: (u64, String) = A::wait(client.call("echo", (7, "text"))).await.unwrap();
    assert_eq!(two, (7, "text".into()));
    let many: Vec<u64> = A::wait(client.call("echo", (1, 2, 3))).await.unwrap();
    assert_eq!(many, [1, 2, 3]);
    let last_is_nil: (u64, Option<u64>) = A::wait(client.call("echo", (1, ()))).await.unwrap();
    assert_eq!(last_is_nil, (1, None));
}

#[derive(Deserialize)]
struct Info {
    version: String,
}

pub async fn a_call_finds_functions_by_path<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let info: Info = A::wait(client.call("box.info", ())).await.unwrap();
    assert!(info.version.starts_with(&format!("{}.", server.version().major)));
}

pub async fn an_eval_gives_what_its_code_returns<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let () = A::wait(client.eval("", ())).await.unwrap();
    let none: Option<u64> = A::wait(client.eval("local x = 1", ())).await.unwrap();
    assert_eq!(none, None);
    let sum: i64 = A::wait(client.eval("local a, b = ... return a + b", (2, -5))).await.unwrap();
    assert_eq!(sum, -3);
    let both: (bool, Option<String>) = A::wait(client.eval("return true, nil", ())).await.unwrap();
    assert_eq!(both, (true, None));
}

pub async fn an_unknown_function_is_an_error<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let error = A::wait(client.call::<()>("no_such_function", ())).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NO_SUCH_PROC), "{error}");
    assert_eq!(error.outcome(), Outcome::Answered);
    assert!(!error.is_retry_safe());
    assert!(error.to_string().starts_with("call no_such_function: "), "{error}");
    A::wait(client.ping()).await.unwrap();
}

pub async fn errors_of_lua_keep_code_and_text<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let error = A::wait(client.eval::<()>("error('it broke')", ())).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::PROC_LUA), "{error}");
    assert!(error.server().unwrap().message().contains("it broke"));

    let code = "box.error({code = 4711, reason = 'ours'})";
    let error = A::wait(client.eval::<()>(code, ())).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::new(4711)), "{error}");
    assert!(error.to_string().contains("ours"), "{error}");
    A::wait(client.ping()).await.unwrap();
}

pub async fn rows_are_inserted_replaced_found_and_deleted<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, number) = create_space::<A>(server, FORMAT, &INDEXES).await;
    for users in [
        client.space::<User>(&name),
        client.space::<User>(name.as_str()),
        client.space::<User>(number),
    ] {
        assert_eq!(A::wait(users.get(1)).await.unwrap(), None);
        assert_eq!(A::wait(users.delete(1)).await.unwrap(), None);

        A::wait(users.insert(&user(1, "Ann", 30))).await.unwrap();
        let again = A::wait(users.insert(&user(1, "Bob", 31))).await;
        let error = again.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::TUPLE_FOUND), "{error}");
        assert_eq!(error.outcome(), Outcome::Answered);
        assert!(error.to_string().starts_with("insert into "), "{error}");
        let ann = A::wait(users.get(1)).await.unwrap();
        assert_eq!(ann, Some(user(1, "Ann", 30)));

        A::wait(users.replace(&user(1, "Anna", 31))).await.unwrap();
        A::wait(users.replace(&user(2, "Bob", 31))).await.unwrap();
        let all = A::wait(users.select(()).send()).await.unwrap();
        assert_eq!(all, [user(1, "Anna", 31), user(2, "Bob", 31)]);

        let deleted = A::wait(users.delete(1)).await.unwrap();
        assert_eq!(deleted, Some(user(1, "Anna", 31)));
        assert_eq!(A::wait(users.delete((1,))).await.unwrap(), None);
        let deleted = A::wait(users.delete([2])).await.unwrap();
        assert_eq!(deleted, Some(user(2, "Bob", 31)));
        assert_eq!(A::wait(users.select(()).send()).await.unwrap(), []);
    }
}

pub async fn an_index_finds_and_changes_rows_by_number_and_by_name<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, number) = create_space::<A>(server, FORMAT, &INDEXES).await;
    for users in [client.space::<User>(&name), client.space(number)] {
        for (by_name, by_age) in
            [(users.index("name"), users.index("age")), (users.index(1), users.index(2))]
        {
            for (id, name, age) in [(1, "Ann", 30), (2, "Bob", 40), (3, "Cid", 30)] {
                A::wait(users.insert(&user(id, name, age))).await.unwrap();
            }
            let bob = A::wait(by_name.get("Bob")).await.unwrap();
            assert_eq!(bob, Some(user(2, "Bob", 40)));
            assert_eq!(A::wait(by_name.get("Dan")).await.unwrap(), None);
            let thirty = A::wait(by_age.select(30).send()).await.unwrap();
            assert_eq!(thirty, [user(1, "Ann", 30), user(3, "Cid", 30)]);
            let first = A::wait(by_age.get(30)).await.unwrap();
            assert_eq!(first, Some(user(1, "Ann", 30)));

            let older = tarantool_client::ops().add("age", 1);
            let bob = A::wait(by_name.update("Bob", older.clone())).await.unwrap();
            assert_eq!(bob, Some(user(2, "Bob", 41)));
            assert_eq!(A::wait(by_name.update("Dan", older)).await.unwrap(), None);
            let refused = A::wait(by_age.delete(30)).await.unwrap_err();
            assert_eq!(refused.code(), Some(ErrorCode::MORE_THAN_ONE_TUPLE), "{refused}");

            for name in ["Ann", "Bob", "Cid"] {
                assert!(A::wait(by_name.delete(name)).await.unwrap().is_some());
            }
            assert_eq!(A::wait(by_name.delete("Ann")).await.unwrap(), None);
        }
    }
}

pub async fn any_request_can_be_sent_and_its_reply_read_undecoded<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let insert = Insert::into(&name).row(user(1, "Ann", 30));
    let inserted = A::wait(client.send(&insert)).await.unwrap();
    let rows: Vec<(u64, &str, u32)> = inserted.rows().unwrap();
    assert_eq!(rows, [(1, "Ann", 30)]);

    let select = Select::from(&name).key(1);
    let selected = A::wait(client.send(select)).await.unwrap();
    let data = selected.data().unwrap().unwrap();
    assert_eq!(from_slice::<[User; 1]>(data), Ok([user(1, "Ann", 30)]));
    assert_eq!(selected.body(), inserted.body());

    let call = Call::new("echo").arguments((1, "x"));
    let called = A::wait(client.send(call)).await.unwrap();
    let data = called.data().unwrap().unwrap();
    assert_eq!(from_slice::<(u64, &str)>(data), Ok((1, "x")));
    let refused = A::wait(client.send(insert)).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::TUPLE_FOUND), "{refused}");
}

pub async fn a_value_that_cannot_be_encoded_is_not_sent<A: Adapter>(server: &Backend) {
    struct Broken;

    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it refuses"))
        }
    }

    let client = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let sent = client.stats().requests;
    let error = A::wait(client.call::<()>("echo", Broken)).await;
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Encode(_)), "{error}");
    assert!(error.to_string().contains("it refuses"), "{error}");
    let error = A::wait(client.space(&name).insert(&"no row")).await;
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Encode(_)), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(client.stats().requests, sent);
    A::wait(client.ping()).await.unwrap();
}
