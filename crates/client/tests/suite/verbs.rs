//! Every verb once, as users meet it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tarantool_client::msgpack::from_slice;
use tarantool_client::request::{Call, Insert, Select};
use tarantool_client::{ErrorCode, ErrorKind, Outcome};
use tarantool_testkit::Tarantool;

use super::{Adapter, connect, create_space};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    age: u32,
}

fn user(id: u64, name: &str, age: u32) -> User {
    User { id, name: name.into(), age }
}

const FORMAT: &str = "{{'id', 'unsigned'}, {'name', 'string'}, {'age', 'unsigned'}}";
const INDEXES: &str = "{
    {name = 'id', parts = {'id'}},
    {name = 'name', parts = {'name'}},
    {name = 'age', parts = {'age'}, unique = false},
}";

pub(crate) async fn a_ping_is_answered<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    for _ in 0..100 {
        M::wait(client.ping()).await.unwrap();
    }
    assert_eq!(client.stats().answered, 100);
    assert_eq!(client.in_flight(), 0);
}

pub(crate) async fn a_call_gives_none_one_or_several_values<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let () = M::wait(client.call("echo", ())).await.unwrap();
    let nothing: Option<u64> = M::wait(client.call("echo", ())).await.unwrap();
    assert_eq!(nothing, None);
    let nil: Option<u64> = M::wait(client.call("echo", ((),))).await.unwrap();
    assert_eq!(nil, None);

    let one: u64 = M::wait(client.call("echo", 7)).await.unwrap();
    assert_eq!(one, 7);
    let text: String = M::wait(client.call("echo", "text")).await.unwrap();
    assert_eq!(text, "text");
    let list: Vec<i64> = M::wait(client.call("echo", ([1, -2],))).await.unwrap();
    assert_eq!(list, [1, -2]);
    let entries = HashMap::from([("a".to_owned(), 1.5), ("b".to_owned(), -2.5)]);
    let map: HashMap<String, f64> = M::wait(client.call("echo", (&entries,))).await.unwrap();
    assert_eq!(map, entries);

    let two: (u64, String) = M::wait(client.call("echo", (7, "text"))).await.unwrap();
    assert_eq!(two, (7, "text".into()));
    let many: Vec<u64> = M::wait(client.call("echo", (1, 2, 3))).await.unwrap();
    assert_eq!(many, [1, 2, 3]);
    let last_is_nil: (u64, Option<u64>) = M::wait(client.call("echo", (1, ()))).await.unwrap();
    assert_eq!(last_is_nil, (1, None));

    let version: String =
        M::wait(client.call("box.info", ())).await.map(|info: Info| info.version).unwrap();
    assert!(version.starts_with(&format!("{}.", server.version().0)));
}

#[derive(Deserialize)]
struct Info {
    version: String,
}

pub(crate) async fn an_eval_gives_what_its_code_returns<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let () = M::wait(client.eval("", ())).await.unwrap();
    let none: Option<u64> = M::wait(client.eval("local x = 1", ())).await.unwrap();
    assert_eq!(none, None);
    let sum: i64 = M::wait(client.eval("local a, b = ... return a + b", (2, -5))).await.unwrap();
    assert_eq!(sum, -3);
    let both: (bool, Option<String>) = M::wait(client.eval("return true, nil", ())).await.unwrap();
    assert_eq!(both, (true, None));
}

pub(crate) async fn errors_of_lua_keep_code_and_text<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let error = M::wait(client.call::<_, ()>("no_such_function", ())).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NO_SUCH_PROC), "{error}");
    assert_eq!(error.outcome(), Outcome::Answered);
    assert!(!error.is_retry_safe());
    assert!(error.to_string().starts_with("call no_such_function: "), "{error}");

    let error = M::wait(client.eval::<_, ()>("error('it broke')", ())).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::PROC_LUA), "{error}");
    assert!(error.server().unwrap().message().contains("it broke"));

    let code = "box.error({code = 4711, reason = 'ours'})";
    let error = M::wait(client.eval::<_, ()>(code, ())).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::new(4711)), "{error}");
    assert!(error.to_string().contains("ours"), "{error}");
    M::wait(client.ping()).await.unwrap();
}

pub(crate) async fn rows_are_inserted_replaced_found_and_deleted<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let (name, number) = create_space(&client, FORMAT, INDEXES).await;
    for users in [
        client.space::<User>(&name),
        client.space::<User>(name.as_str()),
        client.space::<User>(number),
    ] {
        assert_eq!(M::wait(users.get(1)).await.unwrap(), None);
        assert_eq!(M::wait(users.delete(1)).await.unwrap(), None);

        M::wait(users.insert(&user(1, "Ann", 30))).await.unwrap();
        let again = M::wait(users.insert(&user(1, "Bob", 31))).await;
        let error = again.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::TUPLE_FOUND), "{error}");
        assert_eq!(error.outcome(), Outcome::Answered);
        assert!(error.to_string().starts_with("insert into "), "{error}");
        let ann = M::wait(users.get(1)).await.unwrap();
        assert_eq!(ann, Some(user(1, "Ann", 30)));

        M::wait(users.replace(&user(1, "Anna", 31))).await.unwrap();
        M::wait(users.replace(&user(2, "Bob", 31))).await.unwrap();
        let all = M::wait(users.select(()).send()).await.unwrap();
        assert_eq!(all, [user(1, "Anna", 31), user(2, "Bob", 31)]);

        let deleted = M::wait(users.delete(1)).await.unwrap();
        assert_eq!(deleted, Some(user(1, "Anna", 31)));
        assert_eq!(M::wait(users.delete((1,))).await.unwrap(), None);
        let deleted = M::wait(users.delete([2])).await.unwrap();
        assert_eq!(deleted, Some(user(2, "Bob", 31)));
        assert_eq!(M::wait(users.select(()).send()).await.unwrap(), []);
    }
}

pub(crate) async fn an_index_finds_and_changes_rows_by_number_and_by_name<M: Adapter>(
    server: &Tarantool,
) {
    let client = connect::<M>(server).await;
    let (name, number) = create_space(&client, FORMAT, INDEXES).await;
    for users in [client.space::<User>(&name), client.space(number)] {
        for (by_name, by_age) in
            [(users.index("name"), users.index("age")), (users.index(1), users.index(2))]
        {
            for (id, name, age) in [(1, "Ann", 30), (2, "Bob", 40), (3, "Cid", 30)] {
                M::wait(users.insert(&user(id, name, age))).await.unwrap();
            }
            let bob = M::wait(by_name.get("Bob")).await.unwrap();
            assert_eq!(bob, Some(user(2, "Bob", 40)));
            assert_eq!(M::wait(by_name.get("Dan")).await.unwrap(), None);
            let thirty = M::wait(by_age.select(30).send()).await.unwrap();
            assert_eq!(thirty, [user(1, "Ann", 30), user(3, "Cid", 30)]);
            let first = M::wait(by_age.get(30)).await.unwrap();
            assert_eq!(first, Some(user(1, "Ann", 30)));

            let older = tarantool_client::ops().add("age", 1);
            let bob = M::wait(by_name.update("Bob", older.clone())).await.unwrap();
            assert_eq!(bob, Some(user(2, "Bob", 41)));
            assert_eq!(M::wait(by_name.update("Dan", older)).await.unwrap(), None);
            let refused = M::wait(by_age.delete(30)).await.unwrap_err();
            assert_eq!(refused.code(), Some(ErrorCode::MORE_THAN_ONE_TUPLE), "{refused}");

            for name in ["Ann", "Bob", "Cid"] {
                assert!(M::wait(by_name.delete(name)).await.unwrap().is_some());
            }
            assert_eq!(M::wait(by_name.delete("Ann")).await.unwrap(), None);
        }
    }
}

pub(crate) async fn any_request_can_be_sent_and_its_reply_read_undecoded<M: Adapter>(
    server: &Tarantool,
) {
    let client = connect::<M>(server).await;
    let (name, _) = create_space(&client, FORMAT, INDEXES).await;
    let insert = Insert::into(&name).row(user(1, "Ann", 30));
    let inserted = M::wait(client.send(&insert)).await.unwrap();
    let rows: Vec<(u64, &str, u32)> = inserted.rows().unwrap();
    assert_eq!(rows, [(1, "Ann", 30)]);

    let select = Select::from(&name).key(1);
    let selected = M::wait(client.send(select)).await.unwrap();
    let data = selected.data().unwrap().unwrap();
    assert_eq!(from_slice::<[User; 1]>(data), Ok([user(1, "Ann", 30)]));
    assert_eq!(selected.body(), inserted.body());

    let call = Call::new("echo").arguments((1, "x"));
    let called = M::wait(client.send(call)).await.unwrap();
    let data = called.data().unwrap().unwrap();
    assert_eq!(from_slice::<(u64, &str)>(data), Ok((1, "x")));
    let refused = M::wait(client.send(insert)).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::TUPLE_FOUND), "{refused}");
}

pub(crate) async fn a_value_that_cannot_be_encoded_is_not_sent<M: Adapter>(server: &Tarantool) {
    struct Broken;

    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it refuses"))
        }
    }

    let client = connect::<M>(server).await;
    let (name, _) = create_space(&client, FORMAT, INDEXES).await;
    let sent = client.stats().requests;
    let error = M::wait(client.call::<_, ()>("echo", Broken)).await;
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Encode(_)), "{error}");
    assert!(error.to_string().contains("it refuses"), "{error}");
    let error = M::wait(client.space(&name).insert(&"no row")).await;
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Encode(_)), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(client.stats().requests, sent);
    M::wait(client.ping()).await.unwrap();
}
