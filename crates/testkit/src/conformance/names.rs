//! Spaces and indexes by name, while the schema changes.

use super::backend::{Format, Index, create_space_named, unique};
use super::{Adapter, Backend, connect, create_space, index};
use tarantool_client::{Client, ErrorCode, ErrorKind, Outcome, Version};

type Row = (u64, String);

const FORMAT: Format = &[("id", "unsigned"), ("name", "string")];
const INDEXES: [Index; 2] = [index("id", &["id"]), index("name", &["name"])];

async fn eval<A: Adapter>(client: &Client<A::Mode>, code: &str, space: &str) -> u32 {
    A::wait(client.eval(code, space)).await.unwrap()
}

pub async fn a_space_created_elsewhere_is_found<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let other = connect::<A>(server).await;
    let (before, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    assert_eq!(A::wait(client.space::<Row>(&before).get(1)).await.unwrap(), None);

    // Without a word from the server since, of which the client could learn.
    let (name, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let space = client.space::<Row>(&name);
    A::wait(space.insert(&(1, "Ann".into()))).await.unwrap();
    let ann = A::wait(space.index("name").get("Ann")).await.unwrap();
    assert_eq!(ann, Some((1, "Ann".into())));
    let seen = A::wait(other.space::<Row>(&name).get(1)).await.unwrap();
    assert_eq!(seen, Some((1, "Ann".into())));
}

pub async fn an_index_made_anew_with_another_number_is_found<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let other = connect::<A>(server).await;
    let (name, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let space = client.space::<Row>(&name);
    A::wait(space.insert(&(1, "Ann".into()))).await.unwrap();
    let by_name = space.index("name");
    assert!(A::wait(by_name.get("Ann")).await.unwrap().is_some());

    let anew = "local space = box.space[...]
        space.index.name:drop()
        space:create_index('other', {parts = {'id'}})
        return space:create_index('name', {parts = {'name'}}).id";
    assert_eq!(eval::<A>(&other, anew, &name).await, 2);
    // Any reply tells that the schema has changed.
    A::wait(client.ping()).await.unwrap();
    let ann = A::wait(by_name.get("Ann")).await.unwrap();
    assert_eq!(ann, Some((1, "Ann".into())));

    let drop = "box.space[...].index.name:drop() return 0";
    eval::<A>(&other, drop, &name).await;
    A::wait(client.ping()).await.unwrap();
    let error = A::wait(by_name.get("Ann")).await.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("index named \"name\""), "{error}");
}

pub async fn a_space_made_anew_with_another_number_is_found<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let other = connect::<A>(server).await;
    let (name, number) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let space = client.space::<Row>(&name);
    A::wait(space.insert(&(1, "Ann".into()))).await.unwrap();

    let anew = "box.space[...]:drop()
        box.schema.space.create('between_' .. ...)
        return create(..., {{'id', 'unsigned'}, {'name', 'string'}}, {{'id', {'id'}, true}})";
    assert_ne!(eval::<A>(&other, anew, &name).await, number);
    // The first request may still go to the old number: the server refuses it, and its answer
    // tells of the new schema.
    if let Err(error) = A::wait(space.get(1)).await {
        assert_eq!(error.code(), Some(ErrorCode::NO_SUCH_SPACE), "{error}");
        assert_eq!(error.outcome(), Outcome::Answered);
    }
    assert_eq!(A::wait(space.get(1)).await.unwrap(), None);
    A::wait(space.insert(&(1, "Bob".into()))).await.unwrap();
    let seen = A::wait(other.space::<Row>(&name).get(1)).await.unwrap();
    assert_eq!(seen, Some((1, "Bob".into())));
}

pub async fn an_unknown_name_is_named<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (known, _) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let missing = unique("no_such_space");
    let space = client.space::<Row>(&missing);
    let errors = [
        A::wait(space.get(1)).await.unwrap_err(),
        A::wait(space.insert(&(1, String::new()))).await.unwrap_err(),
        A::wait(space.index("x").delete(1)).await.unwrap_err(),
        A::wait(space.index(0).select(1).send()).await.unwrap_err(),
    ];
    for error in errors {
        println!("{error}");
        assert!(error.to_string().contains(&missing), "{error}");
        if server.version() < Version::new(3, 0, 0) {
            assert!(matches!(error.kind(), ErrorKind::UnknownName(_)), "{error}");
            assert_eq!(error.outcome(), Outcome::NotSent);
            assert!(!error.is_retry_safe());
        }
    }
    let error = A::wait(client.space::<Row>(&known).index("no_such_index").get(1)).await;
    let error = error.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("no_such_index"), "{error}");
    assert!(error.to_string().contains(&known), "{error}");
    assert!(!error.to_string().contains("space 5"), "its number says nothing to a user: {error}");
    assert_eq!(client.in_flight(), 0);
    assert_eq!(A::wait(client.space::<Row>(&known).get(1)).await.unwrap(), None);
}

pub async fn names_and_numbers_can_be_mixed<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let (name, number) = create_space::<A>(server, FORMAT, &INDEXES).await;
    let (by_name, by_number) = (client.space::<Row>(&name), client.space::<Row>(number));
    A::wait(by_name.insert(&(1, "Ann".into()))).await.unwrap();
    for index in
        [by_name.index("name"), by_name.index(1), by_number.index("name"), by_number.index(1)]
    {
        let ann = A::wait(index.get("Ann")).await.unwrap();
        assert_eq!(ann, Some((1, "Ann".into())), "{index:?}");
    }
    let name_with_quotes = unique("it's a \"ñame\"; [1]");
    let an_index = [index("an index", &["id"])];
    create_space_named::<A>(server, &name_with_quotes, &[("id", "unsigned")], &an_index).await;
    let odd = client.space::<(u64,)>(&name_with_quotes);
    A::wait(odd.insert(&(1,))).await.unwrap();
    assert_eq!(A::wait(odd.index("an index").get(1)).await.unwrap(), Some((1,)));
}
