//! Spaces and indexes by name, while the schema changes.

use tarantool_client::{Client, ErrorCode, ErrorKind, Outcome};
use tarantool_testkit::Tarantool;

use super::{Adapter, connect, create_space, unique};

type Row = (u64, String);

const FORMAT: &str = "{{'id', 'unsigned'}, {'name', 'string'}}";
const INDEXES: &str = "{
    {name = 'id', parts = {'id'}},
    {name = 'name', parts = {'name'}},
}";

async fn eval<M: Adapter>(client: &Client<M>, code: &str, space: &str) -> u32 {
    M::wait(client.eval(code, space)).await.unwrap()
}

pub(crate) async fn a_space_created_elsewhere_is_found<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let other = connect::<M>(server).await;
    let (before, _) = create_space(&client, FORMAT, INDEXES).await;
    assert_eq!(M::wait(client.space::<Row>(&before).get(1)).await.unwrap(), None);

    // Without a word from the server since, of which the client could learn.
    let (name, _) = create_space(&other, FORMAT, INDEXES).await;
    let space = client.space::<Row>(&name);
    M::wait(space.insert(&(1, "Ann".into()))).await.unwrap();
    let ann = M::wait(space.index("name").get("Ann")).await.unwrap();
    assert_eq!(ann, Some((1, "Ann".into())));
    let seen = M::wait(other.space::<Row>(&name).get(1)).await.unwrap();
    assert_eq!(seen, Some((1, "Ann".into())));
}

pub(crate) async fn an_index_made_anew_with_another_number_is_found<M: Adapter>(
    server: &Tarantool,
) {
    let client = connect::<M>(server).await;
    let other = connect::<M>(server).await;
    let (name, _) = create_space(&client, FORMAT, INDEXES).await;
    let space = client.space::<Row>(&name);
    M::wait(space.insert(&(1, "Ann".into()))).await.unwrap();
    let by_name = space.index("name");
    assert!(M::wait(by_name.get("Ann")).await.unwrap().is_some());

    let anew = "local space = box.space[...]
        space.index.name:drop()
        space:create_index('other', {parts = {'id'}})
        return space:create_index('name', {parts = {'name'}}).id";
    assert_eq!(eval(&other, anew, &name).await, 2);
    // Any reply tells that the schema has changed.
    M::wait(client.ping()).await.unwrap();
    let ann = M::wait(by_name.get("Ann")).await.unwrap();
    assert_eq!(ann, Some((1, "Ann".into())));

    let drop = "box.space[...].index.name:drop() return 0";
    eval(&other, drop, &name).await;
    M::wait(client.ping()).await.unwrap();
    let error = M::wait(by_name.get("Ann")).await.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("index named \"name\""), "{error}");
}

pub(crate) async fn a_space_made_anew_with_another_number_is_found<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let other = connect::<M>(server).await;
    let (name, number) = create_space(&client, FORMAT, INDEXES).await;
    let space = client.space::<Row>(&name);
    M::wait(space.insert(&(1, "Ann".into()))).await.unwrap();

    let anew = "box.space[...]:drop()
        box.schema.space.create('between_' .. ...)
        return create(..., {{'id', 'unsigned'}, {'name', 'string'}}, {{name = 'id'}})";
    assert_ne!(eval(&other, anew, &name).await, number);
    // The first request may still go to the old number: the server refuses it, and its answer
    // tells of the new schema.
    if let Err(error) = M::wait(space.get(1)).await {
        assert_eq!(error.code(), Some(ErrorCode::NO_SUCH_SPACE), "{error}");
        assert_eq!(error.outcome(), Outcome::Answered);
    }
    assert_eq!(M::wait(space.get(1)).await.unwrap(), None);
    M::wait(space.insert(&(1, "Bob".into()))).await.unwrap();
    let seen = M::wait(other.space::<Row>(&name).get(1)).await.unwrap();
    assert_eq!(seen, Some((1, "Bob".into())));
}

pub(crate) async fn an_unknown_name_is_named_and_nothing_is_sent<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let (known, _) = create_space(&client, FORMAT, INDEXES).await;
    let missing = unique("no_such_space");
    let space = client.space::<Row>(&missing);
    let errors = [
        M::wait(space.get(1)).await.unwrap_err(),
        M::wait(space.insert(&(1, String::new()))).await.unwrap_err(),
        M::wait(space.index("x").delete(1)).await.unwrap_err(),
        M::wait(space.index(0).select(1).send()).await.unwrap_err(),
    ];
    for error in errors {
        println!("{error}");
        assert!(error.to_string().contains(&missing), "{error}");
        if server.version() < (3, 0, 0) {
            assert!(matches!(error.kind(), ErrorKind::UnknownName(_)), "{error}");
            assert_eq!(error.outcome(), Outcome::NotSent);
            assert!(!error.is_retry_safe());
        }
    }
    let error = M::wait(client.space::<Row>(&known).index("no_such_index").get(1)).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("no_such_index"), "{error}");
    assert_eq!(client.in_flight(), 0);
    assert_eq!(M::wait(client.space::<Row>(&known).get(1)).await.unwrap(), None);
}

pub(crate) async fn names_and_numbers_can_be_mixed<M: Adapter>(server: &Tarantool) {
    let client = connect::<M>(server).await;
    let (name, number) = create_space(&client, FORMAT, INDEXES).await;
    let (by_name, by_number) = (client.space::<Row>(&name), client.space::<Row>(number));
    M::wait(by_name.insert(&(1, "Ann".into()))).await.unwrap();
    for index in
        [by_name.index("name"), by_name.index(1), by_number.index("name"), by_number.index(1)]
    {
        let ann = M::wait(index.get("Ann")).await.unwrap();
        assert_eq!(ann, Some((1, "Ann".into())), "{index:?}");
    }
    let name_with_quotes = unique("it's a \"ñame\"; [1]");
    let created = M::wait(client.eval::<_, u32>(
        "return create(..., {{'id', 'unsigned'}}, {{name = 'an index', parts = {'id'}}})",
        &name_with_quotes,
    ));
    created.await.unwrap();
    let odd = client.space::<(u64,)>(&name_with_quotes);
    M::wait(odd.insert(&(1,))).await.unwrap();
    assert_eq!(M::wait(odd.index("an index").get(1)).await.unwrap(), Some((1,)));
}
